"""What a run of a spray says of mood: the factor that this run uses, under the hypothesis that is run, in plain words."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

import ketasim
from ketasim.chain import hypothesis as hypotheses_of
from ketasim.core import value
from ketasim.core.posterior import FEW_DRAWS, weighted_interval
from ketasim.ratings.structure import compared
from ketasim.scenario import spray
from ketasim.scenario.plan import scenario

WORDS = "esketamine nasal 84 mg"
BELIEVED = "disinhibition"


def note(words: str = WORDS, **options: object) -> str:
    """The one sentence on the spray; empty where there is none."""
    found = [text for text in scenario(words, **options).warnings if "the drug's own effect" in text]
    assert len(found) <= 1
    return found[0] if found else ""


def figures(text: str) -> list[float]:
    """The factor, and its range where one is given."""
    return [float(number) for number in re.findall(r"\d\.\d\d", text)]


def told(k: float, low: float, high: float) -> list[float]:
    """The same figures from a factor and the ends of its range."""
    return [round(k, 2), round(low, 2), round(high, 2)]


def told_of_the_fit() -> list[float]:
    """The figures of the main fit: the value that ships, weighted percentiles of the draws that ship, found one draw after the other."""
    path = Path(ketasim.__file__).parent / "knowledge" / "posterior" / "draws.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = sorted((float(row["nasal_drug_factor"]), float(row["weight"])) for row in csv.DictReader(file))
    ends, whole = [], sum(weight for _, weight in rows)
    for share in (0.05, 0.95):
        gone = 0.0
        for number, weight in rows:
            gone += weight
            if gone >= share * whole:
                ends.append(number)
                break
    return told(value("nasal_drug_factor").value, *ends)


def test_of_sprays_of_a_drug_alone() -> None:
    assert "nobody knows why" in note()
    for words in ("ketamine iv 0.5 mg/kg over 40 min", "placebo nasal"):
        assert not note(words)
    with compared(route="alike"):
        assert not note()


def test_in_words_that_need_no_learning() -> None:
    for hard in ("occupancy", "drug part", "factor", "posterior", "latent"):
        assert hard not in note()


def test_the_main_fit_names_the_value_and_the_draws_that_ship() -> None:
    assert figures(note()) == told_of_the_fit()


def test_the_ends_of_weighted_draws() -> None:
    even = np.arange(1.0, 101.0)
    assert weighted_interval(even, np.ones(100)) == (5.0, 95.0)
    assert weighted_interval(even[::-1], np.full(100, 0.01)) == (5.0, 95.0)
    heavy = np.array([9.0, 1.0, 5.0])
    assert weighted_interval(heavy, np.array([0.0, 1.0, 0.0])) == (1.0, 1.0)
    assert weighted_interval(heavy, np.array([2.0, 1.0, 1.0])) == (1.0, 9.0)


@pytest.fixture
def calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """A calibration of our own of one hypothesis: scores of the factor (the mode and the draws) and the draws' weights."""

    def put(mode: float, draws: list[float], log_weights: list[float]) -> None:
        shipped = hypotheses_of.posterior_path
        keys = hypotheses_of.hypothesis(BELIEVED).free_keys
        at = keys.index("nasal_drug_factor")
        z = [[score if column == at else 0.0 for column in range(len(keys))] for score in draws]
        data = {"keys": keys, "mode": {"nasal_drug_factor": mode}, "z": z, "log_ratio": log_weights}
        path = tmp_path / "own.json"
        path.write_text(json.dumps(data | {"scores": [[0.0] for _ in draws]}), encoding="utf-8")
        for module in (hypotheses_of, spray):
            monkeypatch.setattr(module, "posterior_path", lambda name: path if name == BELIEVED else shipped(name))
        spray._ends_under.cache_clear()

    yield put
    monkeypatch.undo()
    spray._ends_under.cache_clear()


def test_a_hypothesis_names_its_own_factor_and_range(calibration) -> None:  # type: ignore[no-untyped-def]
    """Draws at -1 and +1 on the scale of the prior, half of the weight each: its own SD of ln k to either side."""
    calibration(-1.0, [-1.0, 1.0] * 6, [0.0] * 12)
    sd = next(p.sd for p in hypotheses_of.hypothesis(BELIEVED).free if p.key == "nasal_drug_factor")
    assert figures(note(hypothesis=BELIEVED)) == told(math.exp(-sd), math.exp(-sd), math.exp(sd))
    assert figures(note()) == told_of_the_fit()


def test_draws_count_by_their_weight(calibration) -> None:  # type: ignore[no-untyped-def]
    """Ten draws at -1 and +1 carry the weight, two far away none: the ends stay at -1 and +1."""
    calibration(-1.0, [-1.0, 1.0] * 5 + [40.0, -40.0], [0.0] * 10 + [-1000.0] * 2)
    sd = next(p.sd for p in hypotheses_of.hypothesis(BELIEVED).free if p.key == "nasal_drug_factor")
    assert figures(note(hypothesis=BELIEVED)) == told(math.exp(-sd), math.exp(-sd), math.exp(sd))


def test_too_few_draws_give_no_range(calibration) -> None:  # type: ignore[no-untyped-def]
    few = int(FEW_DRAWS) - 1
    calibration(-1.0, [-1.0, 1.0] * few, [0.0] * few + [-1000.0] * few)
    assert len(figures(note(hypothesis=BELIEVED))) == 1 and "nobody knows why" in note(hypothesis=BELIEVED)


def test_a_number_set_by_hand_is_named_as_such() -> None:
    for options in ({}, {"hypothesis": BELIEVED}):
        text = note(values={"nasal_drug_factor": 0.8}, **options)
        assert figures(text) == [0.8] and "asked for" in text and "nobody knows why" not in text
        assert not note(values={"nasal_drug_factor": 1.0}, **options)
    assert "raises the drug's own effect to 1.20" in note(values={"nasal_drug_factor": 1.2})


def test_nothing_of_an_effect_that_a_hypothesis_denies() -> None:
    for name, entry in hypotheses_of.hypotheses().items():
        assert bool(note(hypothesis=name)) == entry.drug_effect
