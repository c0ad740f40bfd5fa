"""Segments: union of boundaries, windows that add up, amounts that stay exact, jumps at their place."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import KetasimError
from ketasim.dose import JumpAt, Window, build_schedule
from ketasim.engine import types as engine_types


def given(schedule, column):
    return (schedule.inputs[..., column] * np.diff(schedule.boundaries)).sum(axis=-1)


def test_windows_cut_time_at_their_union_and_add_up():
    schedule = build_schedule(
        [Window(0, 2, "a", 3.0), Window(1, 4, "a", 5.0), Window(1, 2, "b", 7.0)], [], ("a", "b"), 10.0
    )
    np.testing.assert_array_equal(schedule.boundaries, [0, 1, 2, 4, 10])
    np.testing.assert_array_equal(schedule.inputs, [[3, 0], [8, 7], [5, 0], [0, 0]])
    assert schedule.people is None


def test_rates_may_differ_between_people():
    schedule = build_schedule([Window(0, 2, "a", np.array([1.0, 2.0])), Window(1, 3, "a", 1.0)], [], ("a",), 3.0)
    np.testing.assert_array_equal(schedule.inputs[:, :, 0], [[1, 2, 1], [2, 3, 1]])
    assert schedule.people == 2


def test_boundaries_nearer_than_a_billionth_of_an_hour_become_one_and_the_amount_stays_exact():
    windows = [Window(0, 1.0, "a", 4.0), Window(1.0 + 4e-10, 1.0 + 1e-6, "a", 3.0)]
    schedule = build_schedule(windows, [], ("a",), 2.0)
    assert np.all(np.diff(schedule.boundaries) > 1e-9)
    assert schedule.boundaries.size == 4
    assert given(schedule, 0) == pytest.approx(4.0 + 3.0 * (1e-6 - 4e-10), rel=1e-14)


def test_the_start_is_the_earliest_event_and_never_after_zero():
    assert build_schedule([Window(-0.75, 0, "a", 1.0)], [], ("a",), 2.0).boundaries[0] == -0.75
    assert build_schedule([Window(1.0, 2.0, "a", 1.0)], [], ("a",), 3.0).boundaries[0] == 0.0
    assert build_schedule([], [JumpAt(-2.0, "depot", 5.0)], ("a",), 3.0).boundaries[0] == -2.0
    np.testing.assert_array_equal(build_schedule([], [], ("a",), 3.0).boundaries, [0, 3])


def test_jumps_sit_at_their_boundary_in_the_order_given():
    add = np.array([1.0, 2.0])
    schedule = build_schedule(
        [Window(0, 1, "a", add)], [JumpAt(1.0 + 1e-10, "x", add), JumpAt(0.0, "y", scale=0.5)], ("a",), 2.0
    )
    assert [(jump.at, jump.state) for jump in schedule.jumps] == [(1, "x"), (0, "y")]
    np.testing.assert_array_equal(schedule.jumps[0].add, add)
    assert schedule.jumps[1].scale == 0.5


def test_what_reaches_over_the_end_is_cut_there():
    schedule = build_schedule(
        [Window(0, 4, "a", 2.0), Window(5, 6, "a", 9.0)], [JumpAt(5.0, "x", 1.0)], ("a",), 3.0, cuts=[1.5, 7.0]
    )
    np.testing.assert_array_equal(schedule.boundaries, [0, 1.5, 3])
    assert given(schedule, 0) == 6.0
    assert schedule.jumps == ()


@pytest.mark.parametrize(
    ("windows", "jumps", "message"),
    [
        ([Window(0, 1, "b", 1.0)], [], "unknown input 'b'"),
        ([Window(1, 1, "a", 1.0)], [], "no length"),
        ([Window(0, 5e-10, "a", 1.0)], [], "shorter than"),
        ([Window(0, 1, "a", float("nan"))], [], "finite"),
        ([Window(0, 1, "a", np.ones(2))], [JumpAt(0.5, "x", np.ones(3))], "differ"),
        ([Window(0, 1, "a", np.ones((2, 2)))], [], "one per person"),
        ([Window(-1, 1, "a", 1.0)], [], "before the start"),
        ([], [JumpAt(-1.0, "x", 1.0)], "before the start"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(windows, jumps, message):
    with pytest.raises(KetasimError, match=message):
        build_schedule(windows, jumps, ("a",), 3.0, start_h=0.0)


def test_an_end_before_the_start_is_refused():
    with pytest.raises(KetasimError, match="not after its start"):
        build_schedule([], [], ("a",), 0.0)


def test_the_form_is_the_engines():
    schedule = build_schedule([Window(0, 1, "a", 1.0)], [JumpAt(1.0, "x", 1.0)], ("a",), 2.0)
    for mine, theirs in ((schedule, engine_types.Schedule), (schedule.jumps[0], engine_types.Jump)):
        assert [name for name in theirs.__dataclass_fields__ if not hasattr(mine, name)] == []
