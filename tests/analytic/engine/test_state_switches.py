"""Switches in states against closed forms: landed on, however short the time between two of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketasim.engine import Options, Schedule, compile_model

OSCILLATION = "a = 0; b = 1; a' = b; b' = -a; c = 0.5; x = 0; x' = piecewise(1, a > c, 0);"


def end(text: str, until: float, state: str = "x", rtol: float = 1e-9, atol: float = 1e-12) -> float:
    run = compile_model(text, (), (state,)).simulate(
        np.zeros((1, 0)), [Schedule(np.array([0.0, until]), np.zeros((1, 0)))], [0], [until], rtol=rtol, atol=atol
    )
    assert run.reasons == [None]
    return float(run.values[0, 0, 0])


@pytest.mark.parametrize("long", [1.0, 1e-3, 1e-5, 1e-8])
@pytest.mark.parametrize("rtol", [1e-3, 1e-7])
def test_a_window_on_a_clock_that_is_a_state(long: float, rtol: float) -> None:
    text = f"t = 0; t' = 1; x = 0; x' = piecewise({1 / long!r}, t >= 500.3 && t < {500.3 + long!r}, 0);"
    width = (500.3 + long) - 500.3  # of the window in floating point
    assert end(text, 1000.0, rtol=rtol, atol=1e-3 * rtol) == pytest.approx(width / long, abs=1e-12 / long)


@pytest.mark.parametrize("level", [-0.5, 0.0, 0.5, 0.99, 0.9999])
def test_time_above_a_level_of_an_oscillation(level: float) -> None:
    # a = sin t, 20 periods: above the level for 2 arccos(level) in each
    text = OSCILLATION.replace("c = 0.5", f"c = {level}")
    found = end(text, 40 * math.pi, rtol=1e-11, atol=1e-13)
    assert found == pytest.approx(40 * math.acos(level), rel=1e-6)


def test_tops_shorter_than_a_step_are_seen() -> None:
    # at this tolerance a step is some 0.6 long and a top of the oscillation above the level 0.28
    found = end(OSCILLATION.replace("c = 0.5", "c = 0.99"), 40 * math.pi, rtol=1e-4, atol=1e-6)
    assert found == pytest.approx(40 * math.acos(0.99), rel=5e-2)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("width", [1, 4, 8])
def test_people_with_switches_of_their_own(width: int, dtype: str) -> None:
    # x falls at the rate 1 to the level c, then at the rate 0.1
    text = "x = 1; c = 0.5; x' = piecewise(-1, x > c, -0.1);"
    model = compile_model(text, ("c",), ("x",), options=Options(width=width, dtype=dtype))  # type: ignore[arg-type]
    c = np.linspace(0.05, 0.95, 11)
    times = np.array([0.03, 0.5, 0.7, 2.0])
    rtol, close = (1e-9, 1e-9) if dtype == "float64" else (1e-5, 2e-6)
    run = model.simulate(
        c[:, None], [Schedule(np.array([0.0, 2.0]), np.zeros((1, 0)))], np.zeros(11, int), times, rtol=rtol, atol=rtol
    )
    assert run.reasons == [None] * 11
    late = np.maximum(times - (1 - c[:, None]), 0)
    exact = 1 - np.minimum(times, 1 - c[:, None]) - 0.1 * late
    assert np.abs(run.values[:, :, 0] - exact).max() < close


def test_a_square_wave_integrated_twice() -> None:
    text = "p = 0; q = 1; p' = 2*q; q' = -2*p; y = 0; y' = piecewise(1, q > 0, -1); z = 0; z' = y;"
    # y = triangle wave between -pi/4 and pi/4, starting at 0 upwards; its integral over a quarter period is (pi/4)^2/2
    assert end(text, math.pi / 4, "z", 1e-10, 1e-12) == pytest.approx((math.pi / 4) ** 2 / 2, rel=1e-8)
    assert end(text, 10 * math.pi, "y", 1e-10, 1e-12) == pytest.approx(0.0, abs=1e-7)


def test_a_switch_that_lets_nothing_through_is_reported() -> None:
    # both sides lead to x = 0: there is no classical solution beyond
    run = compile_model("x = 1; x' = piecewise(-1, x > 0, 1);").simulate(
        np.zeros((1, 0)), [Schedule(np.array([0.0, 10.0]), np.zeros((1, 0)))], [0], [10.0]
    )
    assert run.status[0] != 0 and run.failures[0].time == pytest.approx(1.0, abs=1e-6)


def test_a_flow_that_comes_to_rest_at_a_switch() -> None:
    # Torricelli: sqrt x = 1 - t/2 until the vessel is empty
    assert end("x = 1; x' = piecewise(-sqrt(x), x > 0, 0);", 10.0) == pytest.approx(0.0, abs=1e-8)
    assert end("x = 1; x' = piecewise(-1, x > 0, 0);", 10.0) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("formula", "exact"),
    [
        ("sqrt(x - 1)", 2 / 3),
        ("(x - 1)^0.3", 1 / 1.3),
        ("ln(x - 1)", -1.0),
        ("arcsin(2 - x)", math.pi / 2 - 1),
        ("exp(-1/(x - 1))", 0.14849550677592205),
    ],
)
@pytest.mark.parametrize("rtol", [1e-5, 1e-8])
def test_a_guard_of_what_is_not_defined_behind_it(formula: str, exact: float, rtol: float) -> None:
    # x falls from 2 with the rate 0.3; the integral of the formula over x from 1 to 2
    text = f"x = 2; y = 0; x' = -0.3; y' = piecewise({formula}, x > 1, 0);"
    assert end(text, 10.0, "y", rtol, 1e-3 * rtol) == pytest.approx(exact / 0.3, rel=50 * rtol)


def test_a_guard_of_a_pole_is_right_or_reported() -> None:
    text = "x = 2; y = 0; x' = -0.3; y' = piecewise(1/sqrt(x - 1), x > 1, 0);"
    assert end(text, 10.0, "y", 1e-5, 1e-8) == pytest.approx(2 / 0.3, rel=1e-4)
    run = compile_model(text, (), ("y",)).simulate(
        np.zeros((1, 0)), [Schedule(np.array([0.0, 10.0]), np.zeros((1, 0)))], [0], [10.0], rtol=1e-10, atol=1e-13
    )
    assert run.status[0] != 0 or run.values[0, 0, 0] == pytest.approx(2 / 0.3, rel=1e-8)


def test_derivative_through_a_switch() -> None:
    # x(t) = c - 0.1 (t - (1 - c)) behind the switch: dx/dc = 1 - 0.1
    model = compile_model("x = 1; c = 0.5; x' = piecewise(-1, x > c, -0.1);", ("c",), ("x",))
    near = np.array([[0.5 - 1e-4], [0.5 + 1e-4], [0.3 - 1e-4], [0.3 + 1e-4]])
    plan = [Schedule(np.array([0.0, 2.0]), np.zeros((1, 0)))]
    found = model.simulate(near, plan, [0] * 4, [1.5], rtol=1e-8, atol=1e-10).values[:, 0, 0]
    assert np.diff(found)[::2] / 2e-4 == pytest.approx([0.9, 0.9], rel=1e-6)
