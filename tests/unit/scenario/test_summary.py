"""Summaries against closed forms: areas, times above, peaks, onset, intervals, differences in the same people."""

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.scenario.compare import compare, time_above
from ketasim.scenario.result import Course
from ketasim.scenario.run import run
from ketasim.scenario.summary import area, lowest, peak, spread

KETAMINE = "ketamine iv 0.5 mg/kg over 40 min"


def course(times: np.ndarray, row: np.ndarray) -> Course:
    return Course("x", "ng/mL", "", times, row, np.stack([row, 2 * row]))


def test_area_is_exact_for_an_exponential_and_for_straight_lines() -> None:
    t = np.array([0.0, 0.5, 1.0, 4.0, 12.0, 24.0])
    assert area(t, 10 * np.exp(-0.3 * t))[0] == pytest.approx(10 / 0.3 * (1 - np.exp(-0.3 * 24)), rel=1e-12)
    assert area(t, 2 * t)[0] == pytest.approx(24.0**2, rel=1e-12)
    assert area(np.array([-1.0, 0.0, 1.0]), np.array([5.0, 0.0, 0.0]))[0] == 0.0


def test_time_above_counts_crossings_between_times() -> None:
    t = np.array([0.0, 1.0, 2.0, 3.0])
    triangle = course(t, np.array([0.0, 2.0, 2.0, 0.0]))
    typical, people = time_above(triangle, 1.0)
    assert typical == pytest.approx(2.0)
    assert people == pytest.approx([2.0, 2.5])


def test_peak_names_the_first_time_it_is_reached() -> None:
    c = course(np.arange(4.0), np.array([0.0, 5.0, 1.0, 5.0]))
    assert (peak(c)["time_h"], peak(c)["typical"], peak(c)["median"]) == (1.0, 5.0, 7.5)
    assert lowest(c)["typical"] == 0.0


def test_spread_of_nobody_is_nothing() -> None:
    assert spread(np.zeros(0)) == {"median": None, "low": None, "high": None}


def test_summary_agrees_with_the_courses() -> None:
    result = run(KETAMINE, people=8, at="24, 168")
    look = result.summary["mood"]["24 h"]
    assert look["madrs.effect"]["typical"] == pytest.approx(result["madrs.effect"].typical[0])
    assert look["madrs.change"]["low"] == pytest.approx(result["madrs.change"].low[0])
    fine = result.fine("plasma.ketamine")
    assert result.summary["peaks"]["plasma.ketamine"]["typical"] == pytest.approx(fine.typical.max())
    share = look["response"]
    assert 0 <= share["low"] <= share["share"] <= share["high"] <= 1
    # remission at or below 10 points is a subset of a response for a baseline of 20 and more
    assert look["remission"]["share"] < share["share"]


def test_nobody_leaves_before_the_rule_allows() -> None:
    stay = run(KETAMINE, people=20).summary["time_in_clinic_h"]
    assert stay["typical"] >= 2 / 3 + stay["rule_h"] - 1e-9
    assert stay["low"] >= 2 / 3 + stay["rule_h"] - 1e-9
    nasal = run("esketamine nasal 84 mg", people=0).summary["time_in_clinic_h"]
    assert nasal["typical"] >= 10 / 60 + nasal["rule_h"] - 1e-9
    assert run("ssri oral daily", days=3, people=0).summary["time_in_clinic_h"]["typical"] is None


def test_onset_is_none_without_an_effect() -> None:
    start = run("placebo iv", people=3).summary["onset_h"]
    assert start["typical"] is None and start["share_reached"] == 0.0


def test_arms_share_their_people_and_differences_are_within_person() -> None:
    found = compare(KETAMINE, "esketamine nasal 84 mg", KETAMINE, people=6, seed=4)
    first, _, third = found.results
    assert np.array_equal(first.people.weight, third.people.weight)
    same = [d for d in found.differences if d.arm == 2]
    assert all(d.typical == 0 and d.low == 0 and d.high == 0 for d in same)
    other = next(d for d in found.differences if d.arm == 1 and d.name == "cadss_peak")
    own = found.results[1].grid_values["cadss"].max(axis=1) - first.grid_values["cadss"].max(axis=1)
    assert other.median == pytest.approx(np.median(own[1:]))


def test_arms_are_looked_at_over_the_same_time() -> None:
    found = compare(KETAMINE, KETAMINE + " twice weekly x 4", people=0)
    assert found.results[0].grid_h[-1] == found.results[1].grid_h[-1]


def test_the_catalogue_says_where_it_is_approved() -> None:
    found = compare(KETAMINE, "esketamine nasal 84 mg", people=0)
    assert {"off label"} <= {entry["status"] for entry in found.standing[0]}
    assert any(entry["status"].startswith("approved") for entry in found.standing[1])
    assert "2 h" in found.monitoring[1]


@pytest.mark.parametrize("arms", [(), (KETAMINE,) * 7])
def test_one_to_six_arms(arms: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="1 to 6"):
        compare(*arms, people=0)
