"""What a run leaves out is said, whichever option leaves it out; what the engine says of a failure has the chain's unit."""

from __future__ import annotations

import pytest

from ketasim.forward.course import in_hours
from ketasim.scenario.plan import scenario
from ketasim.scenario.run import run

DAILY = "ketamine oral 50 mg daily x 30"


@pytest.mark.parametrize("at", ["1 h, 145 h", "1 h, 24 h", None, "1 h, 72 h"])
@pytest.mark.parametrize(("days", "left_out"), [(3, 27), (10, 20)])
def test_doses_after_the_days_are_counted_whatever_times_are_asked_for(
    days: float, left_out: int, at: str | None
) -> None:
    found = run(DAILY, days=days, at=at, people=0, draws=0)
    assert (
        sum(f"{left_out} of 30 doses of the main drug fall after the end ({days} d)" in w for w in found.warnings) == 1
    )
    assert len(found.ledger) == 30 - left_out


def test_doses_of_co_medication_that_are_left_out_are_counted_too() -> None:
    asked = scenario("ketamine oral 50 mg", with_=["naltrexone oral 50 mg daily from 0 d x 8"], days=2, at="1 h, 9 d")
    assert any("6 of 8 doses of the naltrexone" in w for w in asked.warnings)


def test_a_repeat_without_end_that_stops_at_the_days_says_so() -> None:
    assert any("no doses after 3 d" in w for w in scenario("ketamine oral 50 mg daily", days=3, at="145 h").warnings)
    assert not scenario("ketamine oral 50 mg daily", days=3, at="24 h").warnings
    assert not scenario("ketamine oral 50 mg", at="145 h", days=3).warnings


def test_a_dose_beside_the_studied_range_is_said_with_and_without_later_times() -> None:
    for at in (None, "9 d"):
        assert any("studied range" in w for w in scenario("ketamine iv 2 mg/kg over 40 min", days=3, at=at).warnings)


def test_a_failure_has_its_time_in_hours() -> None:
    found = run("ketamine iv 0.5 mg/kg over 40 min", people=0, draws=0, values={"central_volume": 0.0}, days=1)
    failure = found.failures[0]
    assert "at time" not in failure.reason
    assert failure.time_h == pytest.approx(float(failure.reason.split(" at ")[-1].split(" h")[0]))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("too many steps, at time 3.25", "too many steps, at 3.25 h"),
        ("x is not a finite number at time 1e-05", "x is not a finite number at 1e-05 h"),
        ("no longer finite, at time -2, where c is 0", "no longer finite, at -2 h, where c is 0"),
        ("the given start of a state is not a finite number", "the given start of a state is not a finite number"),
    ],
)
def test_the_unit_of_the_chain_is_put_in(said: str, meant: str) -> None:
    assert in_hours(said) == meant and in_hours(None) is None
