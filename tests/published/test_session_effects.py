"""A session's acute effects: when people may leave, pressure limits, what fades and what does not; counted anew from the courses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from ketasim.person.session import passed, pressure_limits, sessions
from ketasim.scenario.result import Result
from ketasim.scenario.run import run

pytestmark = pytest.mark.xdist_group("session_effects")

COURSE = "esketamine nasal 84 mg twice weekly x 8"


@pytest.fixture(scope="module")
def result() -> Result:
    return run(COURSE, people=150, draws=0)


def test_the_first_and_the_last_session(result: Result) -> None:
    assert [(s.number, s.start_h) for s in sessions(result)] == [(1, 0.0), (8, 24 * 24.0)]
    assert len(sessions(run("ketamine iv 0.5 mg/kg over 40 min", people=5, draws=0, days=1))) == 1


def test_all_of_them_is_the_time_in_clinic_of_the_run(result: Result) -> None:
    first = sessions(result)[0]
    whole = {c.name: c for c in first.criteria}["all"]
    clinic = result.summary["time_in_clinic_h"]
    assert whole.quantiles[0.5] == pytest.approx(clinic["median"], rel=0.02)
    assert whole.quantiles[0.05] == pytest.approx(clinic["low"], rel=0.02)
    assert whole.not_met == pytest.approx(clinic["share_cut"])


def test_nobody_leaves_before_two_hours_after_the_last_device(result: Result) -> None:
    """Three devices 5 min apart: the last begins at 10 min, so 2 h 10 min."""
    for session in sessions(result):
        by = {c.name: c for c in session.criteria}
        assert by["all"].quantiles[0.05] >= 2 + 10 / 60 - 1e-9
        assert by["all"].met_by[2.0] == 0
        assert all(
            by["all"].met_by[look] <= min(c.met_by[look] for c in session.criteria) + 1e-9 for look in (2.0, 3.0, 4.0)
        )


def test_shares_counted_again_from_the_courses(result: Result) -> None:
    first = sessions(result)[0]
    part = (result.grid_h >= 0) & (result.grid_h < 24)
    rows = {name: result.grid_values[name][1:, part] for name in ("cadss", "sbp", "dbp")}
    for limit in first.limits:
        entry = pressure_limits()[limit.name]
        row = rows[entry["output"]]
        highest = (row - (row[:, [0]] if entry["kind"] == "rise" else 0)).max(axis=1)
        assert limit.share == pytest.approx(np.mean(highest >= entry["limit"]), abs=0.02)
    assert first.dissociation["share_above_4"] == pytest.approx(np.mean(rows["cadss"].max(axis=1) > 4), abs=0.02)


def test_dissociation_fades_and_pressure_does_not(result: Result) -> None:
    """CADSS-TIME and SUS1-AE-DISS: weaker on repeats; BP-RIVA-TOL: no tolerance of the pressure over six infusions."""
    first, last = sessions(result)
    assert last.dissociation["median"] < first.dissociation["median"]
    assert last.dissociation["share_above_4"] <= first.dissociation["share_above_4"]
    assert last.largest_rise["sbp"]["median"] == pytest.approx(first.largest_rise["sbp"]["median"], rel=0.1)


def test_dissociation_above_4_lies_in_the_span_of_the_label(result: Result) -> None:
    """LBL-CADSS: 61-84 % of people under the spray; 150 people give +-4 points (one standard error)."""
    assert 0.61 - 0.08 <= sessions(result)[0].dissociation["share_above_4"] <= 0.84 + 0.08


def test_every_criterion_names_its_rule(result: Result) -> None:
    for criterion in sessions(result)[0].criteria:
        assert criterion.source or criterion.name == "all"


def test_shares_over_the_eight_sessions_lie_in_the_intervals_of_the_label(result: Result) -> None:
    """BP-LBL-SYS180, -DIA110, -SYS40, -DIA25 under 65 years: exact 95 % intervals of 9, 13, 29 and 46 of 346."""
    counts = {"sbp_180": 9, "dbp_110": 13, "sbp_rise_40": 29, "dbp_rise_25": 46}
    for limit in passed(result):
        n = counts[limit.name]
        assert beta.ppf(0.025, n, 346 - n + 1) <= limit.share <= beta.ppf(0.975, n + 1, 346 - n), limit
        assert limit.sessions == 8 and limit.records[0].startswith("BP-LBL-")


def test_more_sessions_pass_a_limit_more_often_and_no_drug_nearly_never(result: Result) -> None:
    one = {limit.name: limit.share for limit in passed(run("esketamine nasal 84 mg", people=150, draws=0, days=1))}
    none = {limit.name: limit.share for limit in passed(run("placebo nasal", people=150, draws=0, days=1))}
    for limit in passed(result):
        assert none[limit.name] < one[limit.name] < limit.share
        assert none[limit.name] < 0.01
