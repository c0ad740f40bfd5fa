"""Stiff, oscillating and fast-slow problems of the literature against scipy's Radau, and known reference values.

Problems: Hairer & Wanner, Solving Ordinary Differential Equations II (1996), section IV.10 and chapter I; HIRES and
van der Pol reference values: Mazzia & Magherini, Test Set for Initial Value Problem Solvers, release 2.4 (2008).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ketasim.engine import Schedule, compile_model

STORED = Path(__file__).with_name(
    "radau.json"
)  # end points that take scipy a minute each, with the call that made them

Field = Callable[[float, np.ndarray], list[float]]

PROBLEMS: dict[str, tuple[str, Field, list[float], list[float]]] = {
    "Robertson": (
        "a = 1; b = 0; c = 0; a' = -0.04*a + 1e4*b*c; b' = 0.04*a - 1e4*b*c - 3e7*b^2; c' = 3e7*b^2;",
        lambda t, y: [
            -0.04 * y[0] + 1e4 * y[1] * y[2],
            0.04 * y[0] - 1e4 * y[1] * y[2] - 3e7 * y[1] ** 2,
            3e7 * y[1] ** 2,
        ],
        [1.0, 0.0, 0.0],
        [0.4, 4.0, 40.0, 400.0, 4e3, 4e5],
    ),
    "van der Pol": (
        "y = 2; z = 0; eps = 1e-6; y' = z; z' = ((1 - y^2)*z - y)/eps;",
        lambda t, y: [y[1], ((1 - y[0] ** 2) * y[1] - y[0]) / 1e-6],
        [2.0, 0.0],
        [0.5, 1.0, 1.5, 2.0],
    ),
    "Oregonator": (
        "a = 1; b = 2; c = 3; a' = 77.27*(b + a*(1 - 8.375e-6*a - b)); b' = (c - (1 + a)*b)/77.27; c' = 0.161*(a - c);",
        lambda t, y: [
            77.27 * (y[1] + y[0] * (1 - 8.375e-6 * y[0] - y[1])),
            (y[2] - (1 + y[0]) * y[1]) / 77.27,
            0.161 * (y[0] - y[2]),
        ],
        [1.0, 2.0, 3.0],
        [30.0, 60.0, 120.0, 360.0],
    ),
    "HIRES": (
        """a = 1; b = 0; c = 0; d = 0; e = 0; f = 0; g = 0; h = 0.0057;
        a' = -1.71*a + 0.43*b + 8.32*c + 0.0007; b' = 1.71*a - 8.75*b; c' = -10.03*c + 0.43*d + 0.035*e;
        d' = 8.32*b + 1.71*c - 1.12*d; e' = -1.745*e + 0.43*f + 0.43*g; f' = -280*f*h + 0.69*d + 1.71*e - 0.43*f + 0.69*g;
        g' = 280*f*h - 1.81*g; h' = -280*f*h + 1.81*g;""",
        lambda t, y: [
            -1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + 0.0007,
            1.71 * y[0] - 8.75 * y[1],
            -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4],
            8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3],
            -1.745 * y[4] + 0.43 * y[5] + 0.43 * y[6],
            -280 * y[5] * y[7] + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + 0.69 * y[6],
            280 * y[5] * y[7] - 1.81 * y[6],
            -280 * y[5] * y[7] + 1.81 * y[6],
        ],
        [1.0, 0, 0, 0, 0, 0, 0, 0.0057],
        [5.0, 50.0, 321.8122],
    ),
    "Brusselator": (
        "x = 1.5; y = 3; x' = 1 + x^2*y - 4*x; y' = 3*x - x^2*y;",
        lambda t, y: [1 + y[0] ** 2 * y[1] - 4 * y[0], 3 * y[0] - y[0] ** 2 * y[1]],
        [1.5, 3.0],
        [2.0, 7.0, 20.0],
    ),
    "Lotka-Volterra": (
        "x = 1; y = 0.5; x' = 1.5*x - x*y; y' = x*y - 3*y;",
        lambda t, y: [1.5 * y[0] - y[0] * y[1], y[0] * y[1] - 3 * y[1]],
        [1.0, 0.5],
        [1.0, 10.0, 40.0],
    ),
    "forced": (
        "y = 1; y' = -1e3*(y - cos(time)) - sin(time);",
        lambda t, y: [-1e3 * (y[0] - np.cos(t)) - np.sin(t)],
        [1.0],
        [0.5, 3.0, 10.0],
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_against_radau(name: str) -> None:
    text, field, start, times = PROBLEMS[name]
    model = compile_model(text)
    plan = [Schedule(np.array([0.0, times[-1]]), np.zeros((1, 0)))]
    found = model.simulate(np.zeros((1, 0)), plan, [0], times, rtol=1e-10, atol=1e-14, max_steps=2_000_000)
    assert found.reasons == [None]
    stored = json.loads(STORED.read_text(encoding="utf-8"))["problems"].get(name)
    if stored:
        assert stored["times"] == times
        exact = np.array(stored["values"])
    else:
        exact = radau(field, start, times)
    peak = np.maximum(np.abs(exact).max(axis=0), np.abs(start))
    assert np.abs(found.values[0] - exact).max(axis=0) / peak == pytest.approx(0, abs=1e-6)


def radau(field: Field, start: list[float], times: list[float]) -> np.ndarray:
    """(T, n) at the sharpest tolerance."""
    return solve_ivp(field, (0, times[-1]), start, "Radau", t_eval=times, rtol=1e-11, atol=1e-15).y.T


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Robertson", "van der Pol"])
def test_the_stored_end_points_are_those_of_radau(name: str) -> None:
    _, field, start, times = PROBLEMS[name]
    stored = np.array(json.loads(STORED.read_text(encoding="utf-8"))["problems"][name]["values"])
    np.testing.assert_allclose(radau(field, start, times), stored, rtol=1e-8, atol=1e-14)


def test_published_end_points() -> None:
    found = {}
    for name in ("HIRES", "van der Pol"):
        text, _, _, times = PROBLEMS[name]
        plan = [Schedule(np.array([0.0, times[-1]]), np.zeros((1, 0)))]
        result = compile_model(text).simulate(np.zeros((1, 0)), plan, [0], times[-1:], rtol=1e-9, atol=1e-13)
        found[name] = result.values[0, 0]
    hires = [
        0.7371312573325668e-3,
        0.1442485726316185e-3,
        0.5888729740967575e-4,
        0.1175651343283149e-2,
        0.2386356198831331e-2,
        0.6238968252742796e-2,
        0.2849998395185769e-2,
        0.2850001604814231e-2,
    ]
    assert found["HIRES"] == pytest.approx(hires, rel=1e-6)
    assert found["van der Pol"] == pytest.approx([0.1706167732170483e1, -0.8928097010247975], rel=1e-6)


@pytest.mark.parametrize("name", PROBLEMS)
def test_error_falls_with_the_tolerance(name: str) -> None:
    text, _, _, times = PROBLEMS[name]
    model = compile_model(text)
    plan = [Schedule(np.array([0.0, times[-1]]), np.zeros((1, 0)))]

    def run(rtol: float) -> np.ndarray:
        return model.simulate(
            np.zeros((1, 0)), plan, [0], times, rtol=rtol, atol=rtol * 1e-5, max_steps=2_000_000
        ).values[0]

    exact = run(1e-11)
    peak = np.abs(exact).max(axis=0)
    errors = [(np.abs(run(rtol) - exact) / peak).max() for rtol in (1e-4, 1e-6, 1e-8)]
    assert errors[2] < errors[0] / 50 and errors[2] < 1e-4
