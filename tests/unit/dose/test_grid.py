"""Output times follow the doses: equal doses are seen at equal offsets."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.dose import COARSE, FINE, MEDIUM, dose, output_times, parse
from ketasim.dose.grid import FIRST


def test_the_fine_grid_has_the_documented_steps():
    times = output_times(dose("ketamine iv 0.5 mg/kg").events(), 72.0, grid=FINE)
    steps = np.diff(times[times >= 0.1])
    for low, high, step in ((0.1, 3, 1 / 30), (3, 8, 0.1), (8, 24, 0.5), (24, 72, 2.0)):
        inside = (times[times >= 0.1][:-1] >= low - 1e-9) & (times[times >= 0.1][1:] <= high + 1e-9)
        assert steps[inside] == pytest.approx(step)
    assert (times[0], times[-1]) == (0.0, 72.0)


@pytest.mark.parametrize("grid", [FINE, MEDIUM, COARSE])
def test_equal_doses_are_seen_at_equal_offsets(grid):
    events = parse("esketamine nasal 84 mg", "twice weekly x 8").events()
    times = output_times(events, 28 * 24.0, grid=grid)
    starts = sorted({round(event.time_h, 9) for event in events if event.device == 0})
    seen = [times[(times >= start - 1e-9) & (times < start + 71)] - start for start in starts]
    for other in seen[1:]:
        np.testing.assert_allclose(other, seen[0], atol=1e-9)


def test_every_start_device_and_end_is_a_time():
    regimen = parse("esketamine nasal 84 mg", "weekly x 2", "midazolam iv 0.02 mg/kg over 33 min at -50 min")
    events = regimen.events()
    times = set(output_times(events, 336.0, grid=COARSE).tolist())
    for event in events:
        assert {event.time_h, event.end_h} <= times


def test_asked_times_are_kept_exactly_and_doubles_removed():
    at = [0.0, 0.1, 40 / 60 + 1e-12, 3.3333, 168.0]
    times = output_times(dose("ketamine iv 0.5 mg/kg over 40 min").events(), 168.0, at=at)
    assert set(at) <= set(times.tolist())
    assert np.all(np.diff(times) > 0)


def test_long_courses_get_a_coarser_grid_and_keep_to_the_limit():
    daily = parse("ssri oral daily").events(horizon_h=56 * 24.0)
    assert output_times(daily, 56 * 24.0).size <= 2500
    one = dose("ketamine iv 0.5 mg/kg over 40 min").events()
    np.testing.assert_array_equal(output_times(one, 168.0), output_times(one, 168.0, grid=FIRST))
    assert output_times(one, 3 * 8766.0).size < 1700


@pytest.mark.parametrize("repeat", ["", "daily x 60", "twice weekly x 12", "three times weekly x 30"])
def test_neither_later_doses_nor_the_horizon_move_a_time(repeat: str) -> None:
    words = "esketamine nasal 84 mg"
    whole = parse(words, repeat=repeat).events(horizon_h=1400.0)
    long = output_times(whole, 1400.0)
    for until in (0.5, 30.0, 100.0, 333.3, 800.0, 1399.0):
        past = [e for e in whole if e.time_h < until]
        np.testing.assert_array_equal(output_times(past, until)[:-1], long[long < until - 1e-9])
        np.testing.assert_array_equal(output_times(past, 1400.0)[: (long < until).sum()], long[long < until])


def test_the_grid_starts_with_the_first_co_medication():
    events = parse(
        "ketamine iv 0.5 mg/kg over 40 min", with_="clarithromycin oral 500 mg twice daily from -4 d x 8"
    ).events()
    times = output_times(events, 24.0)
    assert times[0] == -96.0
    assert np.diff(times).max() <= 12.0


def test_bad_times_are_refused():
    events = dose("ketamine iv 0.5 mg/kg").events()
    with pytest.raises(UsageError, match="not a number"):
        output_times(events, 24.0, at=[float("nan")])
    with pytest.raises(UsageError, match="ends before"):
        output_times(events, 0.0)
