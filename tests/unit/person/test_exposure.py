"""Long-term harm: a course's exposure by hand, its place beside what was seen, and no rate that moves with the plan."""

from __future__ import annotations

import json

import pytest

from ketasim.core import UsageError
from ketasim.dose import parse
from ketasim.person.exposure import ORGANS, Plan, beside, cannot_be_said, harms, plan_of

SPRAY = "esketamine nasal 84 mg twice weekly x 8, then weekly x 4"


def test_the_exposure_of_a_course_by_hand() -> None:
    """Days 0, 3, 7, ..., 24, then 28, 35, 42, 49: 12 sessions of 84 mg, two in the busiest week, 49 days."""
    plan = plan_of(parse(SPRAY))
    assert plan.sessions == 12
    assert plan.total_mg == pytest.approx(12 * 84)
    assert plan.months == pytest.approx(49 / 30.4375)
    assert plan.busiest_week == 2


@pytest.mark.parametrize(
    ("words", "weight", "total"),
    [
        ("ketamine iv 0.5 mg/kg over 40 min twice weekly x 6", 80.0, 6 * 40.0),
        ("ketamine iv 50 mg HCl over 40 min", 70.0, 50 * 237.73 / 274.19),
        ("ketamine iv 0.5 mg/kg over 40 min x 2 with naltrexone oral 50 mg at -45 min", 60.0, 2 * 30.0),
        ("ketamine oral 50 mg bid x 4", 70.0, 200.0),
    ],
)
def test_amounts_are_free_base_of_the_ketamine_alone(words: str, weight: float, total: float) -> None:
    words = words.replace(" x 2 with", " weekly x 2 with")
    assert plan_of(parse(words), weight_kg=weight).total_mg == pytest.approx(total, rel=1e-4)


def test_three_times_weekly_is_three_in_seven_days() -> None:
    assert plan_of(parse("ketamine iv 0.5 mg/kg over 40 min three times weekly x 6")).busiest_week == 3
    assert plan_of(parse("ketamine iv 0.5 mg/kg over 40 min")).months == 0


def test_a_course_without_an_end_needs_a_horizon() -> None:
    plan = plan_of(parse("ketamine oral 50 mg daily"), end_h=240.0)
    assert plan.sessions == 10


@pytest.mark.parametrize("words", ["placebo iv over 40 min twice weekly x 2", "ssri oral daily"])
def test_no_ketamine_no_harm_of_ketamine(words: str) -> None:
    with pytest.raises(UsageError):
        plan_of(parse(words), end_h=500.0)


def test_every_organ_has_a_row_of_a_clinic_or_says_why_not() -> None:
    assert {row.organ for row in harms()} == set(ORGANS)
    assert set(cannot_be_said()) == {*ORGANS, "all"}
    for row in harms():
        assert row.records
        assert row.derived or row.exposure or not (row.sessions or row.months or row.mg)
        if row.setting == "recreational":
            assert row.mg is None and row.sessions is None, "nobody measured what they took"


def test_spans_that_follow_from_their_words() -> None:
    """By hand: four weeks twice weekly of 56-84 mg; 12-45 infusions of 0.5 mg/kg over 14-126 weeks; two infusions of 100 h."""
    rows = {row.id: row for row in harms()}
    assert rows["bladder-trials"].mg == (8 * 56, 8 * 84)
    yale = rows["bladder-yale"]
    assert yale.mg_per_kg == (12 * 0.5, 45 * 0.5)
    assert yale.months == pytest.approx((14 * 7 / 30.4375, 126 * 7 / 30.4375), abs=0.05)
    assert yale.total_mg(80.0) == (480.0, 1800.0)
    assert rows["liver-continuous"].mg == (2 * 100 * 10, 2 * 100 * 20)
    assert rows["dependence-rems"].sessions == (1, round(1486213 / 58483))


def places(plan: Plan) -> dict[str, dict[str, str]]:
    return {row.seen.id: {name: place for name, _, _, place in row.measures} for row in beside(plan)}


def test_below_within_beyond() -> None:
    short = places(plan_of(parse("ketamine iv 0.5 mg/kg over 40 min twice weekly x 6")))
    assert short["bladder-yale"] == {"sessions": "below", "months": "below", "mg": "below"}
    assert "mg" not in short["bladder-trials"]  # another route
    equal = places(plan_of(parse("ketamine iv 0.5 mg/kg over 40 min every 10 d x 12")))
    assert equal["bladder-yale"] == {"sessions": "within", "months": "within", "mg": "within"}
    long = plan_of(parse("ketamine iv 0.5 mg/kg over 40 min weekly x 200"))
    assert places(long)["bladder-yale"] == {"sessions": "beyond", "months": "beyond", "mg": "beyond"}
    assert next(row for row in beside(long) if row.seen.id == "bladder-yale").verdict == "beyond"
    assert places(long)["bladder-recreational"] == {}


def test_no_rate_moves_with_the_plan() -> None:
    """A hundred times the exposure changes where the plan stands, and not one word or number of what was seen."""
    few, many = (beside(plan_of(parse(f"esketamine nasal 84 mg weekly x {n}"))) for n in (2, 200))
    for one, other in zip(few, many, strict=True):
        left, right = one.to_dict(), other.to_dict()
        for changing in ("measures", "plan_is"):
            left.pop(changing), right.pop(changing)
        assert json.dumps(left) == json.dumps(right)
    for row in many:
        for name, number, span, _ in row.measures:
            assert name in ("sessions", "months", "mg")
            assert number > 0 and len(span) == 2
