"""The ranking of studies in words, and the ranking itself on believers whose predictions are known."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import ketasim.decide.next_study as module
from ketasim.core import KetasimError, UsageError
from ketasim.core.records import NOTICE
from ketasim.decide.designs import Design, DesignArm, Measure
from ketasim.decide.next_study import NextStudy, Outcome, next_study
from ketasim.report.next_study_text import next_study_text

PAIR = ("opioid-gate", "disinhibition")
SD = 8.0


def design(name: str, *measures: Measure) -> Design:
    arms = (DesignArm("drug", "ketamine iv 0.5 mg/kg over 40 min"), DesignArm("placebo", "placebo iv"))
    return Design(name, f"The {name} study", "saline", arms, measures or (Measure("madrs", 24.0),))


LIBRARY = {
    d.name: d
    for d in (
        design("same"),
        design("wide"),
        design("narrow"),
        design("broken"),
        design("half", Measure("madrs", 24.0), Measure("glutamate", 0.67)),
    )
}
GAPS = {"same": 0.0, "narrow": 1.5, "wide": 6.0, "half": 1.5}


class Told:
    """The drug arm's mean is -10, and the design's gap less under the second hypothesis; no study effects, no spread of draws."""

    def __init__(self, entry: Any, draws: int) -> None:
        self.entry, self.weights = entry, np.full(draws, 1.0 / draws)

    def outcome(self, asked: Design, arm: DesignArm) -> Outcome:
        if asked.name == "broken":
            raise KetasimError("the study cannot be integrated")
        gap = GAPS[asked.name] if self.entry.id == PAIR[1] and arm.name == "drug" else 0.0
        mean = np.full((len(self.weights), len(asked.measures)), -10.0 * (arm.name == "drug") + gap)
        for i, m in enumerate(asked.measures):
            if m.output == "glutamate" and self.entry.id == PAIR[1]:
                mean[:, i] = np.nan
        return Outcome(mean, np.full_like(mean, SD), np.zeros((*mean.shape, len(module.EFFECT_STEPS))))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> NextStudy:
    monkeypatch.setattr(module, "Believer", Told)
    return next_study(*PAIR, budget=160, draws=4, outer=800, library=LIBRARY)


def test_designs_are_ranked_by_what_they_would_tell(found: NextStudy) -> None:
    names = [r.design.name for r in found.ranked]
    assert names[0] == "wide" and set(names[1:3]) == {"narrow", "half"} and names[-1] == "same"
    nats = {r.design.name: r.information.nats for r in found.ranked}
    assert abs(nats["same"]) < 1e-9 and nats["wide"] == pytest.approx(np.log(2), abs=0.01)
    assert found.failed == {"broken": "the study cannot be integrated"}


def test_information_is_that_of_two_normals(found: NextStudy) -> None:
    """Only the drug arm tells: its mean has SD sd / sqrt(80); the information of two normals comes from a fine grid."""
    scale = SD / np.sqrt(80)
    y = np.linspace(-12 * scale, 1.5 + 12 * scale, 20001)
    p, q = (np.exp(-0.5 * ((y - m) / scale) ** 2) / scale / np.sqrt(2 * np.pi) for m in (0.0, 1.5))
    middle = np.maximum(0.5 * (p + q), 1e-300)
    inside = [0.5 * d * np.log(np.maximum(d, 1e-300) / middle) for d in (p, q)]
    truth = float(np.trapezoid(inside[0] + inside[1], y))
    narrow = next(r for r in found.ranked if r.design.name == "narrow")
    assert narrow.information.nats == pytest.approx(truth, abs=4 * narrow.information.se)
    assert 0 < narrow.information.se < 0.05


def test_more_people_tell_more_and_nothing_stays_nothing(found: NextStudy) -> None:
    sizes = {name: [x for _, x, _ in rows] for name, rows in found.by_size.items()}
    assert (np.diff(sizes["narrow"]) > 0).all() and np.abs(sizes["same"]).max() < 1e-9


def test_a_measure_of_which_one_says_nothing_is_not_weighed(found: NextStudy) -> None:
    half = next(r for r in found.ranked if r.design.name == "half")
    assert half.measured == ("madrs@24",) and half.unspoken == ("glutamate@0.67",)
    narrow = next(r for r in found.ranked if r.design.name == "narrow")
    assert half.information.nats == pytest.approx(narrow.information.nats, abs=1e-9)
    assert ("half", "narrow") in found.unsure or ("narrow", "half") in found.unsure


def test_the_same_question_twice_has_the_same_answer(monkeypatch: pytest.MonkeyPatch, found: NextStudy) -> None:
    again = next_study(*PAIR, budget=160, draws=4, outer=800, library=LIBRARY)
    assert json.dumps(again.to_dict()) == json.dumps(found.to_dict())


def test_the_data_can_be_read_back_and_hold_every_design(found: NextStudy) -> None:
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [d["design"] for d in data["designs"]] == [r.design.name for r in found.ranked]
    first = data["designs"][0]
    assert first["predicted"]["opioid-gate"]["drug"]["madrs@24"] == {"mean": -10.0, "sd_of_prediction": 0.0}
    assert set(first["misleading"]) == set(first["decides_rightly"]) == set(PAIR)
    assert data["failed"] == {"broken": "the study cannot be integrated"}


def test_the_words_hold_every_design_and_what_is_not_sure(found: NextStudy) -> None:
    text = next_study_text(found)
    assert NOTICE in text and "160 participants" in text and all(name in text for name in PAIR)
    places = [text.index(f"\n  {r.design.name} ") for r in found.ranked]
    assert places == sorted(places)
    assert "100 % +-" in text.splitlines()[next(i for i, x in enumerate(text.splitlines()) if x.startswith("  wide"))]
    assert "no prediction" in text and "glutamate@0.67" in text
    assert "-10.00 +-0.00" in text and "-4.00 +-0.00" in text  # drug arm of `wide` under each hypothesis
    unsure = text[text.index("not distinguishable") :]
    assert (
        "half" in unsure and "narrow" in unsure and "wide" not in unsure.splitlines()[0].split(":")[1].split("and")[0]
    )
    assert "broken could not be computed: the study cannot be integrated." in text


def test_a_design_that_tells_nothing_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Believer", Told)
    only = next_study(*PAIR, budget=40, draws=4, outer=400, only=["same"], library=LIBRARY)
    line = next(x for x in next_study_text(only).splitlines() if x.startswith("  same"))
    assert line.split()[1:3] == ["0", "%"]
    assert only.ranked[0].information.right == (0.0, 0.0) and only.ranked[0].information.misleading == (0.0, 0.0)


def test_too_few_people_teach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Believer", Told)
    with pytest.raises(UsageError, match="too few for 2 arms"):
        next_study(*PAIR, budget=3, draws=2, library=LIBRARY)
