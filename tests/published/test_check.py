"""The scorecard: its form, its coverage, and that it says the same every time."""

from __future__ import annotations

import json
from functools import cache

import pytest

from ketasim.evidence.compare.posterior import shipped_scorecard
from ketasim.evidence.compare.predict import all_evidence
from ketasim.evidence.compare.scorecard import text
from ketasim.evidence.published.studies import studies
from ketasim.report.scorecard_courses import courses
from ketasim.report.scorecard_page import page

MOOD_LIKE = ("madrs", "ideation", "relapse", "cadss", "dissociation_ae", "sbp", "dbp")


@cache
def card():
    return shipped_scorecard()


@cache
def report():
    return json.loads(card().to_json())


def test_every_predicted_row_is_scored_or_has_a_reason():
    asked = sum(len(study.predicted) for study in studies().values())
    assert len(card().rows) + len(card().skipped) == asked
    assert all(s.why for s in card().skipped)


def test_enough_studies_and_values():
    summary = report()["summary"]
    assert summary["studies"] >= 60
    assert summary["values"] >= 250
    numbers = [r for r in card().rows if r.endpoint in MOOD_LIKE and not r.sign]
    assert len(numbers) >= 120
    assert len({r.study for r in numbers}) >= 35


def test_no_value_twice_and_each_has_its_record():
    keys = [(r.record, r.arm, r.versus, r.endpoint, r.scale, r.statistic, r.time_h, r.study) for r in card().rows]
    assert len(keys) == len(set(keys))
    assert all(r.record for r in card().rows)


def test_json_has_the_promised_form():
    summary = report()["summary"]
    assert {"studies", "values", "fit", "validate"} <= set(summary)
    assert "inside_ci" in summary["fit"]
    assert {"loose", "strict", "strict_perfect", "coverage80", "log_score_gain", "log_score_gain_se"} <= set(
        summary["validate"]
    )
    row = report()["rows"][0]
    assert {
        "study",
        "role",
        "group",
        "endpoint",
        "time_h",
        "observed",
        "se",
        "tau",
        "predicted",
        "low80",
        "high80",
    } <= set(row)
    for name in ("loose", "strict", "strict_perfect", "coverage50", "coverage80", "coverage95"):
        assert 0 <= summary["validate"][name] <= 1
    assert all(r["low80"] <= r["predicted"] <= r["high80"] for r in report()["rows"])


OUT_OF_REACH = "not reached on validate, see docs/decisions/evidence.md: intervals hold 35, 59, 77 %; loose 73 %; log score -1.9 (SE 12.6)"
ROLES = ["fit", pytest.param("validate", marks=pytest.mark.xfail(reason=OUT_OF_REACH, strict=True))]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("level", "low", "high"), [(50, 0.40, 0.60), (80, 0.70, 0.90), (95, 0.88, 0.99)])
def test_intervals_hold_as_many_values_as_they_say(role, level, low, high):
    share = report()["summary"][role][f"coverage{level}"]
    assert low <= share <= high, f"{role}: the {level} % interval holds {share:.2f}"


@pytest.mark.parametrize("role", ROLES)
def test_loose_and_strict_rules(role):
    summary = report()["summary"][role]
    assert summary["loose"] >= 0.90
    assert summary["strict"] >= 0.8 * summary["strict_perfect"]


@pytest.mark.xfail(reason=OUT_OF_REACH, strict=True)
def test_better_than_the_naive_baseline_on_validate():
    summary = report()["summary"]["validate"]
    assert summary["log_score_gain"] > 2 * summary["log_score_gain_se"]


def test_no_group_of_validate_is_clearly_worse_than_the_naive_baseline():
    for group, parts in report()["summary"]["groups"].items():
        found = parts["validate"]
        if found["studies"] >= 5:
            assert found["log_score_gain"] > -2 * found["log_score_gain_se"], group


def test_same_numbers_again_from_other_objects():
    from ketasim.evidence.compare.predict import gather

    few = [s for s in studies().values() if s.id in ("Wilkinson2019", "Daly2018")]
    first = shipped_scorecard(gather(few))
    known = {(r.study, r.line): r.predicted for r in card().rows}
    for r in first.rows:
        assert r.predicted == pytest.approx(known[(r.study, r.line)], rel=1e-9)


def test_misfits_stand_first_and_roles_apart():
    said = text(card())
    assert said.index("Misfits") < said.index(", fit:")
    assert "validate:" in said


def test_predictions_use_no_study_that_is_unknown():
    assert {b.study.id for b in all_evidence().blocks} <= set(studies())


def test_the_page_holds_every_row_and_reaches_nowhere():
    made = page(card())
    assert made.count("<tr") >= len(card().rows)
    assert "<script" not in made and "http" not in made
    over_time = courses(card().rows)
    shown = [
        r
        for r in card().rows
        if r.endpoint == "madrs"
        and r.statistic in ("change_mean", "response", "remission")
        and r.time_h
        and not r.versus
    ]
    assert over_time in made and 0.9 * len(shown) <= over_time.count("<circle") <= len(shown)
    one = next(
        r for r in shown if r.study == "Daly2018" and r.arm == "e84" and r.statistic == "response" and r.time_h == 24
    )
    assert f"Daly2018, e84: published {one.observed:.3g}, predicted {one.predicted:.3g}" in over_time
