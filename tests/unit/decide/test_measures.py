"""Measures on courses whose answers are known without a computer."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import KetasimError, UsageError
from ketasim.decide.measures import MEASURES, STATISTICS, Courses, Term, combine, read, statistic
from ketasim.scenario.summary import reached

TIMES = np.array([-1.0, 0.0, 1.0, 2.0, 4.0, 8.0])
RISE = np.array([9.0, 0.0, 2.0, 6.0, 4.0, 0.0])  # before t = 0 nothing counts


def measured(
    measure: str, rows: np.ndarray, times: np.ndarray = TIMES, doses: tuple[float, ...] = (0.0,), **entries
) -> np.ndarray:
    return MEASURES[measure](Term("x", measure, **entries), Courses(times, np.atleast_2d(rows), doses))


def test_value_at_a_time_lies_on_the_straight_line() -> None:
    assert measured("at", RISE, look="2 h") == pytest.approx(6)
    assert measured("at", RISE, look="3 h") == pytest.approx(5)
    assert measured("at", RISE, look="30 min", base=1.0) == pytest.approx(0)


def test_extremes_from_t_zero_on_and_within_a_window() -> None:
    assert measured("peak", RISE) == pytest.approx(6)
    assert measured("lowest", -RISE) == pytest.approx(-6)
    assert measured("peak time", RISE) == pytest.approx(2)
    assert measured("peak", RISE, begin="3 h") == pytest.approx(4)
    assert measured("peak", RISE, until="2 h") == pytest.approx(2)
    assert measured("peak", RISE + 10, base="start") == pytest.approx(6)


def test_times_of_crossing() -> None:
    assert measured("half time", RISE) == pytest.approx(1.25)  # 3 on the line from (1, 2) to (2, 6)
    assert measured("half time", -RISE) == pytest.approx(1.25)
    assert measured("first", -RISE, limit=-4.0) == pytest.approx(1.5)
    assert measured("first", -RISE, limit=-7.0) == np.inf
    assert measured("back", RISE, limit=3.0) == pytest.approx(4)
    assert measured("back", RISE, limit=7.0) == pytest.approx(0)


def test_crossings_are_those_of_the_summary_for_many_rows_at_once() -> None:
    """One search in the project: `summary.reached`; a level that is never reached, one of 0 and a flat row keep their meaning here."""
    rows = np.vstack([RISE, 2 * RISE, np.zeros_like(RISE), np.full_like(RISE, np.nan), RISE / 4])
    found = measured("first", -rows, limit=-4.0)
    assert found[:2] == pytest.approx([1.5, 1.0]) and np.isnan(found[2:4]).all() and found[4] == np.inf
    assert np.isnan(measured("first", -rows, limit=0.0)).all()
    assert found[0] == reached(TIMES[1:], RISE[None, 1:], 4.0)[0]


def test_area_and_share_above() -> None:
    assert measured("area", np.array([5.0, 1, 1, 1, 1, 1])) == pytest.approx(8)
    assert measured("ever above", np.vstack([RISE, RISE / 2]), limit=4.0) == pytest.approx([1, 0])


def test_failed_people_have_no_number() -> None:
    gone = np.full_like(RISE, np.nan)
    for measure, entries in (
        ("half time", {}),
        ("first", {"limit": -1.0}),
        ("back", {"limit": 1.0}),
        ("ever above", {"limit": 1.0}),
    ):
        assert np.isnan(measured(measure, gone, **entries))


def test_shares_of_responders_and_remitters_are_those_of_the_summary() -> None:
    """One meaning in the project: the drive with wander and rating noise around it (`Mood.response`), whoever asks."""
    from ketasim.scenario.run import run

    result = run("ketamine iv 0.5 mg/kg over 40 min", people=20, days=8, draws=0, seed=4)
    for look in ("24 h", "7 d"):
        said = result.summary["mood"][look]
        for measure in ("response", "remission"):
            each = read(Term("x", measure, look=look), result)
            assert each.shape == (21,) and ((each >= 0) & (each <= 1)).all()
            assert each[1:].mean() == pytest.approx(said[measure]["share"], rel=1e-12), (look, measure)
    loose, strict = (read(Term("x", "remission", look="24 h", limit=limit), result) for limit in (12.0, 5.0))
    assert (loose > strict).all()
    ends = [read(Term("x", "response", look=look), result) for look in ("24 h", "25 h")]
    between = read(Term("x", "response", look="24.5 h"), result)
    assert (np.minimum(*ends) - 1e-3 <= between).all() and (between <= np.maximum(*ends) + 1e-3).all()


def test_a_share_without_the_drive_behind_it_is_refused() -> None:
    with pytest.raises(KetasimError, match="drive"):
        measured("response", RISE, look="2 h")


def test_relapse_is_two_visits_in_a_row_and_only_for_responders() -> None:
    days = np.arange(0.0, 29.0)
    base, well, ill = 30.0, 10.0, 25.0
    once = np.where(days == 0, base, np.where(np.abs(days - 4.5) < 0.6, ill, well))  # ill at one visit only
    stays = np.where(days == 0, base, np.where(days >= 8, ill, well))
    never = np.where(days == 0, base, ill)
    found = measured("relapse", np.vstack([once, stays, never]), times=days * 24, doses=(0.0,), look="1 d")
    assert found[0] == np.inf
    assert found[1] == pytest.approx(8.0)  # visits on days 4.5, 8, 11.5, ...
    assert np.isnan(found[2])


def test_statistics_leave_the_typical_person_out_except_for_typical() -> None:
    rows = np.array([100.0, 1.0, 2.0, 3.0, np.nan])
    assert statistic("typical")(rows) == 100
    assert statistic("mean")(rows) == pytest.approx(2)
    assert statistic("median")(rows) == pytest.approx(2)
    many = np.concatenate([[np.nan], np.linspace(-10, -2, 2001)])
    assert statistic("spread")(many) == pytest.approx(9.6 / 2.4)
    assert np.isnan(statistic("spread")(np.concatenate([[0.0], np.linspace(-1, 1, 101)])))
    assert set(STATISTICS) == {"typical", "mean", "median", "spread"}
    with pytest.raises(UsageError, match="mode"):
        statistic("mode")


def test_combinations() -> None:
    assert combine("difference", 3.0, 1.0) == 2
    assert combine("ratio", 3.0, 2.0) == 1.5
    assert combine("share lost", 3.0, 4.0) == 0.25
