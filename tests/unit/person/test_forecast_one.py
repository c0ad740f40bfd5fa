"""One person: what is learned, what stands side by side, what is refused; nothing of a person is written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import ketasim
from ketasim.core import UsageError
from ketasim.person.case import case_of
from ketasim.person.file import PersonFileError, person_of
from ketasim.person.forecast import forecast, posterior_of
from ketasim.person.future import Ahead, Future
from ketasim.person.observed import Baseline

pytestmark = pytest.mark.xdist_group("forecast")

IV = "ketamine iv 0.5 mg/kg over 40 min"
DOSES = [{"day": d, "words": IV} for d in (0, 3, 7)]
OPTIONS = ("stop", f"{IV} weekly x 4", "esketamine nasal 56 mg weekly x 4", "placebo iv weekly x 4")


def person(scores: dict[float, Any], doses: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    listed = [{"scale": "MADRS", "day": day, "total": total} for day, total in scores.items()]
    return {"age": 44, "weight_kg": 82, "dose": DOSES if doses is None else doses, "score": listed, **more}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return forecast(person({0: 34, 1: 24, 7: 20}), OPTIONS)


def test_the_answer_has_what_was_promised(found: dict[str, Any]) -> None:
    assert {"options", "learned", "pareto_k", "status"} <= set(found)
    assert found["status"]["ok"] and found["status"]["method"] == "importance" and found["pareto_k"] < 0.7
    assert [o["words"] for o in found["options"]] == ["no further dose", *OPTIONS[1:]]
    for option in found["options"]:
        assert {"words", "outputs", "response", "remission", "relapse", "harm"} <= set(option)
        course = option["outputs"]["madrs"]
        assert len(course["median"]) == len(found["days"])
        ordered = np.array([course[k] for k in ("low", "low80", "median", "high80", "high")])
        assert (np.diff(ordered, axis=0) >= 0).all()
    json.dumps(found, allow_nan=False)


def test_no_benefit_without_placebo_and_harm(found: dict[str, Any]) -> None:
    for option in found["options"][1:]:
        assert 0 <= option["response"]["placebo"] <= 1 and 0 <= option["remission"]["placebo"] <= 1
        assert option["outputs"]["madrs.placebo"]["median"]
        assert option["harm"]["sessions"] == 4
    assert found["options"][0]["response"]["placebo"] is None and found["options"][0]["harm"]["sessions"] == 0


def test_placebo_is_its_own_placebo_figure(found: dict[str, Any]) -> None:
    """The option "placebo" and the placebo figure of the infusion are the same people in the same sessions."""
    infusion, placebo = found["options"][1], found["options"][3]
    assert placebo["response"]["probability"] == pytest.approx(placebo["response"]["placebo"], abs=1e-9)
    assert placebo["response"]["probability"] == pytest.approx(infusion["response"]["placebo"], abs=1e-6)
    assert infusion["response"]["probability"] > infusion["response"]["placebo"]
    late = forecast(person({0: 34, 1: 24, 7: 20}), "placebo iv weekly x 2", start=21)["options"][0]
    assert late["harm"]["dissociation"]["share_above"] == 0.0  # two weeks after the last ketamine nothing of it is felt


def test_remission_is_rarer_than_response(found: dict[str, Any]) -> None:
    for option in found["options"]:
        assert option["remission"]["probability"] < option["response"]["probability"]


def test_every_observation_says_what_it_changed(found: dict[str, Any]) -> None:
    learned = found["learned"]
    assert [entry["kind"] for entry in learned] == ["mood", "mood", "all"]
    assert learned[-1]["width80_factor"] < 0.9  # two scores narrow the forecast
    assert not found["changed_little"]


def test_lower_scores_give_a_lower_forecast() -> None:
    low, high = (forecast(person({0: 34, 1: a, 7: a}), "stop")["options"][0] for a in (8, 30))
    assert low["outputs"]["madrs"]["median"][0] < high["outputs"]["madrs"]["median"][0] - 10
    assert low["response"]["probability"] > high["response"]["probability"] + 0.3


@pytest.mark.parametrize("day", [5, 7, 9, 16])
def test_a_bound_that_says_nothing_changes_nothing(day: int) -> None:
    found = forecast(person({0: 34, day: "<60"}), "stop")
    assert found["changed_little"]
    assert found["learned"][0]["shift_points"] == pytest.approx(0.0, abs=1e-3)  # not even by the chance of draws


def test_a_missing_score_is_as_if_it_were_not_there() -> None:
    with_gap = forecast(person({0: 34, 1: 24, 3: "missing", 7: 20}), "stop")
    without = forecast(person({0: 34, 1: 24, 7: 20}), "stop")
    assert with_gap["options"][0]["outputs"] == without["options"][0]["outputs"]
    assert any("missing" in note for note in with_gap["notes"])


def test_a_self_rated_scale_is_learned_from_on_its_own_points() -> None:
    listed = [{"scale": "QIDS", "day": 0, "total": 19}, {"scale": "QIDS", "day": 1, "total": 6}]
    found = forecast({"dose": DOSES[:1], "score": listed}, "stop")
    assert found["learned"][-1]["width80_factor"] < 0.95
    assert any("carried over from QIDS-SR16" in note for note in found["notes"])


def test_before_the_first_dose_the_prior_and_what_would_help() -> None:
    found = forecast(person({0: 34}, doses=[]), f"{IV} twice weekly x 6")
    assert found["status"]["method"] == "prior" and found["pareto_k"] is None and found["learned"] == []
    help_ = found["would_help"]
    assert help_["first_score"]["auc"] > max(fact["auc"] for fact in help_["facts"])


def test_far_from_the_pool_weight() -> None:
    found = forecast(person({0: 34, 1: 20}, weight_kg=160), ("stop", f"{IV} weekly x 4"))
    assert found["status"]["ok"]
    assert found["options"][1]["ledger"][0]["asked_mg"] == pytest.approx(80.0)
    heavy = forecast(person({0: 34, 1: 20}, weight_kg=200), "stop")
    assert any("170 kg" in note for note in heavy["notes"])


def test_no_response_at_week_three_is_handled() -> None:
    doses = [{"day": d, "words": IV} for d in (0, 3, 7, 10, 14, 17)]
    found = forecast(person({0: 34, 1: 35, 7: 36, 14: 37, 21: 38}, doses=doses), ("stop", f"{IV} weekly x 4"))
    status = found["status"]
    assert status["ok"]
    assert status["method"] == "refined" or found["pareto_k"] < 0.7
    assert found["options"][1]["response"]["probability"] < 0.15


def test_refinement_agrees_with_weighting_where_both_can_be_had() -> None:
    """The moved pool and the weighted pool are two ways to one distribution."""
    from ketasim.people import Traits
    from ketasim.person.forecast import _refined
    from ketasim.person.observed import learn
    from ketasim.person.pool import Pool

    case = case_of(person_of(person({0: 34, 1: 24, 7: 20})), "saline")
    pool = Pool.of(case.traits, 160, 24)
    weighted = posterior_of(case, pool)
    assert weighted.method == "importance" and isinstance(case.traits, Traits)
    moved = _refined(case, pool, weighted.seen, learn(weighted.seen, case.observations, case.baseline), 1.0)
    assert moved.method == "refined"
    for name in ("mood_gain", "expectancy_gain"):
        one, other = weighted.seen.pool.minds.moved[name], moved.seen.pool.minds.moved[name]
        assert other.mean() == pytest.approx(weighted.weights @ one, abs=0.1)
        spread = np.sqrt(weighted.weights @ one**2 - (weighted.weights @ one) ** 2)
        assert other.std() == pytest.approx(spread, rel=0.12)


def levels(factor: float) -> list[dict[str, Any]]:
    """Near the model's median after 0.5 mg/kg over 40 min, times a factor."""
    return [
        {"analyte": "ketamine", "day": minutes / 1440, "value": value * factor, "unit": "ng/mL"}
        for minutes, value in ((40, 170), (120, 60))
    ]


def test_levels_three_times_the_median_are_handled() -> None:
    usual, high = (
        forecast(person({0: 34, 1: 20}, DOSES[:1], level=levels(f)), ("stop", f"{IV} weekly x 4")) for f in (1, 3)
    )
    assert usual["status"]["ok"] and high["status"]["ok"]
    assert (
        high["options"][1]["harm"]["sbp"]["largest_rise"]["median"]
        > usual["options"][1]["harm"]["sbp"]["largest_rise"]["median"]
    )


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (person({0: 34, 1: 20}, DOSES[:1], level=levels(30)), "another unit"),
        (person({0: 14, 1: 50}, DOSES[:1]), "nobody in the model"),
        (person({0: 34, 1: 0, 2: 40, 3: 1, 5: 42}), "SD from what could be expected"),
    ],
)
def test_what_nobody_could_give_is_refused_with_the_reason(case: dict[str, Any], words: str) -> None:
    found = forecast(case, OPTIONS)
    assert not found["status"]["ok"] and words in found["status"]["reason"] and found["options"] == []
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("total", [0, 60])
def test_ends_of_the_scale(total: int) -> None:
    found = forecast(person({0: 50, 1: total}, DOSES[:1]), "stop")
    assert found["status"]["ok"]


def test_outside_what_was_studied_is_named() -> None:
    found = forecast(person({0: 34}, doses=[]), ("ketamine oral 2000 mg", "ketamine sc 0.5 mg/kg", f"{IV} weekly x 2"))
    assert [bool(o["not_known"]) for o in found["options"]] == [True, True, False]


def test_bad_input_is_listed_whole() -> None:
    bad = {
        "weight_kg": 182,
        "height_cm": 170,
        "dose": [{"day": 0, "words": IV}],
        "score": [
            {"scale": "MADRS", "day": -60, "total": 30},
            {"scale": "MADRS", "day": 1, "total": 75},
            {"scale": "MADRAS2", "day": 2, "total": 3},
        ],
    }
    with pytest.raises(PersonFileError) as error:
        forecast(bad, OPTIONS)
    text = str(error.value)
    for words in ("60 days before the first dose", "75 is outside", "unknown scale", "pounds suspected"):
        assert words in text


def test_a_slip_is_flagged_and_used_as_written() -> None:
    found = forecast(
        {"weight_kg": 182, "height_cm": 170, "dose": DOSES[:1], "score": [{"scale": "MADRS", "day": 0, "total": 30}]},
        "stop",
    )
    assert any("pounds suspected" in text for text in found["suspected"])


@pytest.mark.parametrize(
    ("options", "more", "words"),
    [
        (("ketamin iv 0.5 mg/kg",), {}, "unknown drug"),
        ((IV,), {"start": 2.0}, "cannot start on day 2"),
        ((IV,), {"days": 0}, "cannot be followed"),
        ((IV,), {"setting": "sallne"}, "unknown setting"),
        ((IV,) * 13, {}, "13 options"),
    ],
)
def test_wrong_use_teaches(options: tuple[str, ...], more: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        forecast(person({0: 34, 1: 24, 7: 20}), options, **more)


def test_nothing_of_a_person_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file watcher in small: the cache folder holds what models and hypotheses need, and no number of the person; the working folder stays empty."""
    cache, work = tmp_path / "cache", tmp_path / "work"
    work.mkdir()
    monkeypatch.setenv("KETASIM_CACHE", str(cache))
    monkeypatch.chdir(work)
    file = tmp_path / "person.toml"
    file.write_text(
        'weight_kg = 83.217\n[[score]]\nscale = "MADRS"\nday = 0\ntotal = 37\n[[dose]]\nday = 0\nwords = "ketamine iv 41.31 mg over 41 min"\n[[score]]\nscale = "MADRS"\nday = 1.377\ntotal = 23\n'
    )
    before = set(os.listdir(tmp_path))
    ketasim.forecast(file, "stop")
    assert set(os.listdir(tmp_path)) - before <= {"cache"} and not any(work.iterdir())
    if cache.exists():
        for path in cache.rglob("*"):
            assert path.suffix in (".code", ".readout", ".beliefs", ".knowledge")
            assert not any(word in path.read_bytes() for word in (b"83.217", b"41.31", b"1.377"))


def test_quantiles_skip_only_steps_that_hold_none() -> None:
    """The quantiles of a total are those of straight lines over every step of the scale; only the steps around them are worked out."""
    generator = np.random.default_rng(4)
    for size in (1, 7, 400):
        numbers = {"link_ceiling": np.full(size, 1.2), "link_slope": np.full(size, 2.0)}
        pool = SimpleNamespace(ratings=numbers, minds=SimpleNamespace(madrs=np.full(size, 33.0)))
        drive, mean, sd = (generator.normal(m, s, (size, 1)) for m, s in ((0.6, 0.4), (0.0, 0.2), (0.3, 0.0)))
        ahead = Ahead(pool, SimpleNamespace(), Baseline({"MADRS": 34.0}))  # type: ignore[arg-type]
        future = Future(ahead, drive, mean, np.abs(sd))
        weights, shares = np.full(size, 1.0 / size), (0.001, 0.025, 0.05, 0.1, 0.5, 0.9, 0.975, 0.999)
        cuts = np.linspace(0.0, 60.0, 61)
        below = future.cumulative(cuts, 0, weights)
        expected = [float(np.interp(q, below, cuts)) if q > below[0] else 0.0 for q in shares]
        assert future.quantiles(shares, 0, weights) == pytest.approx(expected, abs=1e-9)
