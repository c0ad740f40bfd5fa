"""The explicit method of order 8: order, dense output, switches, doses and failures, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketasim.engine import Jump, Options, Schedule, compile_model
from ketasim.engine.code.dop853 import DOP853

EXPLICIT = Options(method="dop853")


def plan(until: float, inputs: int = 0) -> list[Schedule]:
    return [Schedule(np.array([0.0, until]), np.zeros((1, inputs)))]


def test_the_tableau_is_consistent() -> None:
    for row, c in zip(DOP853.a, DOP853.c, strict=True):
        assert sum(row) == pytest.approx(c, abs=1e-14)
    b, c = np.array(DOP853.a[DOP853.taken]), np.array(DOP853.c[: DOP853.taken])
    for power in range(8):  # quadrature of order 8
        assert (b * c**power).sum() == pytest.approx(1 / (power + 1), abs=1e-13)
    for weights in (DOP853.fifth, DOP853.third, *DOP853.dense):
        assert sum(weights) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("width", [1, 2, 8])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rotation_with_dense_output(width: int, dtype: str) -> None:
    options = Options(method="dop853", dtype=dtype, width=width)  # type: ignore[arg-type]
    model = compile_model("x = 1; y = 0; w = 1; x' = w*y; y' = -w*x;", ("w",), ("x", "y"), options=options)
    times, w = np.linspace(0, 10, 401), np.array([10.0, 1.0, 3.0])
    rtol, close = (1e-10, 3e-9) if dtype == "float64" else (1e-5, 2e-4)
    run = model.simulate(w[:, None], plan(10.0), [0, 0, 0], times, rtol=rtol, atol=rtol)
    assert run.reasons == [None] * 3
    assert np.abs(run.values[:, :, 0] - np.cos(w[:, None] * times)).max() < close
    assert np.abs(run.values[:, :, 1] + np.sin(w[:, None] * times)).max() < close


def test_the_order_is_eight() -> None:
    model = compile_model("x = 1; y = 0; x' = y; y' = -x;", (), ("x", "y"), options=EXPLICIT)
    errors = []
    for step in (0.4, 0.2):
        run = model.simulate(np.zeros((1, 0)), plan(8.0), [0], [8.0], rtol=0.5, atol=1e3, max_step=step)
        errors.append(float(np.hypot(run.values[0, 0, 0] - math.cos(8), run.values[0, 0, 1] + math.sin(8))))
    assert 7.5 < math.log2(errors[0] / errors[1]) < 9.5


def test_fewer_steps_than_the_rosenbrock_method_where_nothing_is_stiff() -> None:
    text = "x = 1; y = 0.5; x' = 1.5*x - x*y; y' = x*y - 3*y;"
    found = [
        compile_model(text, options=Options(method=m)).simulate(  # type: ignore[arg-type]
            np.zeros((1, 0)), plan(40.0), [0], [40.0], rtol=1e-9, atol=1e-12
        )
        for m in ("rodas4", "dop853")
    ]
    assert found[1].steps[0].sum() < found[0].steps[0].sum() / 5
    assert found[1].values == pytest.approx(found[0].values, rel=1e-6)


def test_doses_inputs_and_switches() -> None:
    # a bolus into G, a constant input from 2 to 5, doubled while A is above 1 and switched by a clock at 7
    text = "A = 0; k = 0.3; r = 0; A' = r - k*A; B = 0; B' = piecewise(1, A > 1, 0) + piecewise(10, time > 7 && time < 7.001, 0);"
    model = compile_model(text, ("k",), ("A", "B"), ("r",), EXPLICIT)
    doses = Schedule(np.array([0.0, 2.0, 5.0, 20.0]), np.array([[0.0], [1.0], [0.0]]), (Jump(1, "A", add=0.5),))
    run = model.simulate([[0.3]], [doses], [0], [5.0, 20.0], rtol=1e-10, atol=1e-12)
    top = 0.5 * math.exp(-0.9) + (1 - math.exp(-0.9)) / 0.3
    assert run.values[0, 0, 0] == pytest.approx(top, rel=1e-9)
    up = -math.log((1 / 0.3 - 1) / (1 / 0.3 - 0.5)) / 0.3  # after 2, A reaches 1
    down = math.log(top) / 0.3  # after 5
    assert run.values[0, 1, 1] == pytest.approx(3 - up + down + 0.01, rel=1e-8)


def test_what_is_stiff_or_explodes_is_reported_or_right() -> None:
    stiff = compile_model("x = 1; x' = -1e7*(x - cos(time));", (), ("x",), options=EXPLICIT)
    assert stiff.simulate(np.zeros((1, 0)), plan(10.0), [0], [10.0]).status[0] != 0
    explodes = compile_model("x = 1; x' = x^2;", (), ("x",), options=EXPLICIT)
    run = explodes.simulate(np.zeros((1, 0)), plan(2.0), [0], [2.0], rtol=1e-9, atol=1e-12)
    assert run.status[0] != 0 and run.failures[0].time == pytest.approx(1.0, abs=1e-3)
