"""Published points beside a course: they match by what was given and how it was controlled; each is a row of a study folder."""

from __future__ import annotations

import math

import pytest

from ketasim.evidence.published.observed import Observed, observed
from ketasim.evidence.published.studies import studies
from ketasim.scenario.plan import scenario

INFUSION = "ketamine iv 0.5 mg/kg over 40 min"
SPRAY = "esketamine nasal 84 mg"


def points(words: str, output: str, **options: object) -> list[Observed]:
    """The points of one output over four weeks."""
    return [p for p in observed(scenario(words, people=0, days=28, **options)) if p.output == output]  # type: ignore[arg-type]


def test_the_trial_against_midazolam_stands_beside_the_infusion_in_that_setting_alone() -> None:
    """Murrough 2013: change -16.5 (SD 11.0, n 47) after ketamine at 24 h, against midazolam -8.8."""
    found = points(INFUSION, "madrs.change", setting="midazolam")
    drug = next(p for p in found if p.study == "Murrough2013" and p.side == "drug")
    half = 1.959964 * 11.0 / math.sqrt(47)
    assert (drug.value, drug.low, drug.high) == pytest.approx((-16.5, -16.5 - half, -16.5 + half))
    assert "SD" in drug.bar and drug.time_h == 24 and drug.n == 47
    assert any(p.study == "Murrough2013" and p.side == "control" for p in found)
    assert not any(p.study == "Murrough2013" for p in points(INFUSION, "madrs.change"))


def test_a_point_of_the_score_is_the_change_from_the_typical_start() -> None:
    change = {(p.study, p.side, p.time_h): p for p in points(INFUSION, "madrs.change", setting="midazolam")}
    score = {(p.study, p.side, p.time_h): p for p in points(INFUSION, "madrs", setting="midazolam")}
    assert score and score.keys() == change.keys()
    for key, p in score.items():
        assert p.value - change[key].value == pytest.approx(33.0) and "typical person's start 33" in p.how


def test_a_point_needs_the_same_doses_until_then() -> None:
    single, course = points(SPRAY, "madrs.change"), points(SPRAY, "madrs.change", repeat="twice weekly x 8")
    assert max(p.time_h for p in single) < 84  # before the second dose of every spray trial
    assert max(p.time_h for p in course) > 600
    assert {p.arm for p in points("esketamine nasal 28 mg", "madrs.effect")} == {"e28 against placebo"}
    assert not any(p.side == "drug" for p in points("ketamine iv 0.1 mg/kg over 40 min", "madrs"))


def test_a_background_antidepressant_leaves_a_difference_alone_but_not_a_change() -> None:
    course = {"repeat": "twice weekly x 8"}
    assert any(p.study == "Popova2019" for p in points(SPRAY, "madrs.effect", **course))
    assert not any(p.study == "Popova2019" for p in points(SPRAY, "madrs.change", **course))


def test_a_masked_arm_does_not_stand_beside_people_who_feel_the_drug() -> None:
    assert not any(p.study == "Lii2023" for p in points(INFUSION, "madrs"))
    assert any(p.study == "Lii2023" for p in points(INFUSION, "madrs", masked=True))


def test_a_drug_without_a_study_has_no_points() -> None:
    found = points("arketamine iv 0.5 mg/kg over 40 min", "madrs", setting="midazolam")
    assert not any(p.side == "drug" for p in found)


@pytest.mark.parametrize("words", [INFUSION, SPRAY, "placebo iv", "placebo nasal"])
def test_every_point_is_a_row_with_a_source_and_none_is_from_memory(words: str) -> None:
    rows = {(r.study, r.record): r for s in studies().values() for r in s.rows}
    for p in observed(scenario(words, people=0, days=28)):
        row = rows[p.study, p.record]
        assert row.provenance == p.provenance not in ("memory", "sign")
        assert p.citation and (math.isnan(p.low) or p.low <= p.value <= p.high)
        assert words.startswith("placebo") or p.output.startswith(("madrs", "plasma.", "arterial."))


def test_a_number_printed_twice_stands_once_with_its_error() -> None:
    found = [p for p in points(SPRAY, "madrs.effect", repeat="twice weekly x 8") if p.study == "Popova2019"]
    assert len({(p.time_h, p.arm, p.n) for p in found}) == len(found)
    last = next(p for p in found if p.time_h == 648)
    assert last.value == -4 and last.low == pytest.approx(-4 - 1.959964 * 1.69)
