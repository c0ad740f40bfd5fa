"""The scorecard: its form, its coverage, and that it says the same every time."""

from __future__ import annotations

import json
from functools import cache
from itertools import product

import pytest

import ketasim
from ketasim.evidence.compare.predict import all_evidence
from ketasim.evidence.fit.check import full_scorecard, shipped_scorecard
from ketasim.evidence.published.studies import studies
from ketasim.report.scorecard_courses import courses
from ketasim.report.scorecard_page import page
from ketasim.report.scorecard_text import text
from ketasim.web.long_answers import Card

pytestmark = pytest.mark.xdist_group("scorecard")

MOOD_LIKE = ("madrs", "ideation", "relapse", "cadss", "dissociation_ae", "sbp", "dbp")


@cache
def card():
    return full_scorecard()


@cache
def report():
    return json.loads(card().to_json())


def test_every_predicted_row_is_scored_or_has_a_reason():
    asked = sum(len(study.predicted) for study in studies().values())
    assert len(card().rows) + len(card().skipped) == asked
    assert all(s.why for s in card().skipped)


def test_the_answer_of_the_server_is_described():
    described = Card.model_validate(report())
    assert len(described.rows) == len(card().rows) and len(described.not_predicted) == len(card().skipped)


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
    assert {"studies", "values", "fit", "validate", "leave_study_out", "leave_cluster_out"} <= set(summary)
    wanted = {"loose", "strict", "strict_perfect", "coverage80", "log_score_gain", "log_score_gain_se", "inside_ci"}
    assert wanted <= set(summary["fit"])
    row = report()["rows"][0]
    names = {"study", "role", "group", "endpoint", "time_h", "observed", "se", "tau", "predicted", "low80", "high80"}
    assert names | {"naive", "naive_log_score", "rival", "rival_log_score", "model_sd"} <= set(row)
    for name in ("loose", "strict", "strict_perfect", "coverage50", "coverage80", "coverage95"):
        assert 0 <= summary["fit"][name] <= 1
    assert all(r["low80"] <= r["predicted"] <= r["high80"] for r in report()["rows"])


BY = ("value", "study")
HELD = [(50, 0.40, 0.60), (80, 0.70, 0.90), (95, 0.88, 0.99)]


@pytest.mark.parametrize("left", ["leave_study_out", "leave_cluster_out"])
def test_leave_one_out_has_the_promised_form(left):
    found = report()["summary"][left]
    figures = {"coverage50", "coverage80", "coverage95", "by_study", "log_score_gain", "log_score_gain_se", "crps_gain"}
    assert figures <= set(found) and {"coverage50", "coverage80", "coverage95"} <= set(found["by_study"])
    assert {"coverage80", "log_score_gain", "log_score_gain_se", "crps_gain", "by_study"} <= set(found["rival"])
    assert set(found["by_kind"]) == {"mood", "ideation", "acute effects", "concentrations", "mechanism"}
    assert found["coverage50"] < found["coverage80"] < found["coverage95"] <= 1
    assert found["values"] == len([r for r in card().rows if not r.sign])


def test_leaving_out_costs_something_and_clusters_cost_more_values():
    """Sharper in the fit than outside it: no leave-one-out scores better than the predictions that have seen the numbers."""
    seen = sum(r.log_score for r in card().rows if not r.sign)
    for item in card().left_out.values():
        from ketasim.evidence.compare import scorer

        assert sum(scorer.log_score(r.y, r.mean, r.sd) for r in item.model) < seen
    by_study, by_cluster = (report()["summary"][f"leave_{name}_out"]["compared"] for name in ("study", "cluster"))
    assert by_cluster < by_study


@pytest.mark.parametrize("left", ["leave_study_out", "leave_cluster_out"])
@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize(("level", "low", "high"), HELD)
def test_intervals_hold_as_many_values_as_they_say(left, by, level, low, high):
    found = report()["summary"][left]
    share = (found if by == "value" else found["by_study"])[f"coverage{level}"]
    assert low <= share <= high, f"{left}: the {level} % interval holds {share:.2f} by {by}"


def held_of_a_kind():
    """Of ideation there are seven numbers of two studies: not among them."""
    kinds = ("mood", "acute effects", "concentrations")
    for left, kind, by, (level, low, high) in product(("leave_study_out", "leave_cluster_out"), kinds, BY, HELD):
        yield left, kind, by, level, low, high


@pytest.mark.parametrize(("left", "kind", "by", "level", "low", "high"), list(held_of_a_kind()))
def test_intervals_hold_as_many_values_of_a_kind_as_they_say(left, kind, by, level, low, high):
    found = report()["summary"][left]["by_kind"][kind]
    share = (found if by == "value" else found["by_study"])[f"coverage{level}"]
    assert low <= share <= high, f"{left}: the {level} % interval of {kind} holds {share:.3f} by {by}"


def test_figures_without_the_studies_that_lent_a_value_stand_beside_the_others():
    found = report()["summary"]["leave_cluster_out"]
    own = found["independent"]
    assert 0 < own["values"] < found["values"] and set(own["by_kind"]) <= set(found["by_kind"])
    assert own["log_score_gain"] > own["log_score_gain_se"]
    assert "no fit frees" in text(card())


@pytest.mark.parametrize("left", ["leave_study_out", "leave_cluster_out"])
def test_skill_over_the_naive_baseline_and_the_rival(left):
    """The aim of round 2: log score more than two standard errors over studies above the pooled mean, and not below the meta-regression."""
    found = report()["summary"][left]
    assert found["log_score_gain"] > 2 * found["log_score_gain_se"]
    assert found["over_rival"]["log_score_gain"] > 0
    assert found["by_kind"]["mood"]["log_score_gain"] > found["by_kind"]["mood"]["log_score_gain_se"]
    assert found["by_kind"]["mood"]["over_rival"]["log_score_gain"] > 0


@pytest.mark.xfail(
    reason="mood alone stands at 1.8 and 1.7 standard errors (docs/decisions/0006, evidence.md)", strict=True
)
@pytest.mark.parametrize("left", ["leave_study_out", "leave_cluster_out"])
def test_skill_in_mood_over_the_naive_baseline_and_not_below_the_rival(left):
    """The aim of round 2 where it is hardest: mood. For all numbers together concentrations alone would reach it."""
    for part in (report()["summary"][left], report()["summary"][left]["by_kind"]["mood"]):
        assert part["log_score_gain"] > 2 * part["log_score_gain_se"]
        assert part["over_rival"]["log_score_gain"] > 0


def test_concentrations_have_skill_without_the_study():
    found = report()["summary"]["leave_study_out"]["by_kind"]["concentrations"]
    assert found["log_score_gain"] > found["log_score_gain_se"]
    assert found["over_rival"]["log_score_gain"] > 2 * found["over_rival"]["log_score_gain_se"]


def test_same_numbers_again_from_other_objects():
    from ketasim.evidence.compare.predict import gather

    few = [s for s in studies().values() if s.id in ("Wilkinson2019", "Daly2018")]
    first = shipped_scorecard(gather(few))
    known = {(r.study, r.line): r.predicted for r in card().rows}
    for r in first.rows:
        assert r.predicted == pytest.approx(known[(r.study, r.line)], rel=1e-9)


def test_the_function_beside_the_command_line_gives_the_rows_of_one_study():
    alone = ketasim.check("Wilkinson2019")
    assert [row.line for row in alone.rows] == [row.line for row in card().rows if row.study == "Wilkinson2019"] != []
    assert {row.study for row in alone.rows} == {"Wilkinson2019"}


def test_misfits_stand_first_and_roles_apart():
    said = text(card())
    assert said.index("Misfits") < said.index(", fit:")
    assert "predicted without itself" in said and said.index("meta-regression") < said.index("Misfits")


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
