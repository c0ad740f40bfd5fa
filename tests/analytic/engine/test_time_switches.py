"""Switches in time against integrals known in closed form: none may be stepped over, however short or frequent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import lambertw

from ketasim.core import UsageError
from ketasim.engine import Schedule, compile_model
from ketasim.engine.read.reader import read_model
from ketasim.engine.symbolic.evaluate import evaluate, program
from ketasim.engine.symbolic.intervals import bounds
from ketasim.engine.symbolic.system import assemble


def area(rate: str, until: float) -> float:
    """Integral of `rate` over (0, until)."""
    model = compile_model(f"x = 0; x' = {rate};", (), ("x",))
    run = model.simulate(
        np.zeros((1, 0)),
        [Schedule(np.array([0.0, until]), np.zeros((1, 0)))],
        np.zeros(1, dtype=np.int64),
        np.array([until]),
        rtol=1e-7,
        atol=1e-10,
    )
    return float(run.values[0, -1, 0])


@pytest.mark.parametrize(
    ("rate", "until", "exact"),
    [
        ("piecewise(100, rem(time, 24) < 0.01, 0)", 1008.0, 42.0),
        ("piecewise(100, time - 24*floor(time/24) < 0.01, 0)", 1008.0, 42.0),
        ("piecewise(1, sin(6283.185307179586*time) > 0.99, 0)", 1.0, math.acos(0.99) / math.pi),
        ("piecewise(1, floor(time) == 500, 0)", 1000.0, 1.0),
        ("piecewise(0, floor(time) != 500, 1)", 1000.0, 1.0),
        ("floor(time)", 10.0, 45.0),
        ("ceil(time) - time", 10.0, 5.0),
        ("floor(0.6*sin(6.283185307179586*time) + 0.5)", 0.5, 0.5 - math.asin(5 / 6) / math.pi),
        # windows shorter than 1/2048 of the run, behind operations of every kind
        (
            "piecewise(1e5, time^2 >= 250300 && time^2 < 250300.01, 0)",
            1000.0,
            1e5 * (math.sqrt(250300.01) - math.sqrt(250300)),
        ),
        ("piecewise(1e4, time^1.5 > 8000 && time^1.5 < 8000.01, 0)", 1000.0, 1e4 * (8000.01 ** (2 / 3) - 400)),
        (
            "piecewise(1e4, 2^(time/100) > 100 && 2^(time/100) < 100.001, 0)",
            1000.0,
            1e6 * (math.log2(100.001) - math.log2(100)),
        ),
        (
            "piecewise(1e4, ln(time + 1) > 6 && ln(1 + time) < 6.000001, 0)",
            1000.0,
            1e4 * (math.exp(6.000001) - math.exp(6)),
        ),
        ("piecewise(1e4, sqrt(time) > 20 && sqrt(time) < 20.00001, 0)", 1000.0, 1e4 * (20.00001**2 - 400)),
        ("piecewise(1e4, abs(time - 333.3) < 0.0001, 0)", 1000.0, 2.0),
        ("piecewise(0, abs(time - 333.3) >= 0.0001, 1e4)", 1000.0, 2.0),
        ("piecewise(1e4, xor(time > 700.7, time > 700.7001), 0)", 1000.0, 1e4 * (700.7001 - 700.7)),
        ("piecewise(1e4, xor(sqrt(time) > 20, sqrt(time) > 20.00001), 0)", 1000.0, 1e4 * (20.00001**2 - 400)),
        ("piecewise(1e3, 1/(1 + time) < 0.002 && 1/(time + 1) > 0.00199999, 0)", 1000.0, 1e3 * (1 / 0.00199999 - 500)),
        (
            "piecewise(1e3, (time - 1)/(1 + time) > 0.99 && (time - 1)/(time + 1) < 0.9900001, 0)",
            1000.0,
            1e3 * (1.9900001 / 0.0099999 - 199),
        ),
        (
            "piecewise(1e3, time*exp(-time/100) > 36.7879, 0)",
            1000.0,
            1e5 * float(lambertw(-0.367879, 0).real - lambertw(-0.367879, -1).real),
        ),
        (
            "piecewise(1e3, tanh(time/100) > 0.99 && cosh(time/300) < 1.8, 0)",
            1000.0,
            1e3 * (300 * math.acosh(1.8) - 100 * math.atanh(0.99)),
        ),
        ("piecewise(1, arcsin(time/1000) > 1, 0)", 1000.0, 1000 * (1 - math.sin(1))),
        ("piecewise(1, sqrt(time - 500.001) >= 0, 0)", 1000.0, 499.999),
        ("piecewise(1, ln(500.001 - time) < 100, 0)", 1000.0, 500.001),
        ("piecewise(1, 1/(time - 500.001) > 0, 0)", 1000.0, 499.999),
        # touching without crossing
        ("piecewise(1, (time - 500)^2 > 0, 0)", 1000.0, 1000.0),
        ("piecewise(1, time^2 - 1000*time + 250000 > 0, 0)", 1000.0, 1000.0),
        ("piecewise(1, sin(time) <= 1, 0)", 100.0, 100.0),
        ("piecewise(1, sin(time)^2 + cos(time)^2 < 1.5, 0)", 100.0, 100.0),
    ],
)
def test_area(rate: str, until: float, exact: float) -> None:
    assert area(rate, until) == pytest.approx(exact, rel=1e-6)


def test_a_switch_faster_than_can_be_followed_is_refused() -> None:
    with pytest.raises(UsageError, match=r"switches too often.*0.5 < .sin"):
        area("piecewise(1, sin(1e9*time) > 0.5, 0)", 1000.0)


@pytest.mark.parametrize(
    "formula",
    [
        "t^1.5",
        "t^(-1.5)",
        "(t - 3)^3",
        "(t - 3)^4",
        "(t - 3)^(-3)",
        "(t - 3)^15",
        "(t - 3)^(-14)",
        "(t - 3)^1.5",
        "2^t",
        "t^t",
        "(t - 3)^(t)",
        "sqrt(t - 3)",
        "ln(t - 2)",
        "exp(3 - t)",
        "abs(t - 4)",
        "1/(t - 3)",
        "(t - 2)/(t - 4)",
        "t/(1 + t^2)",
        "sin(3*t)",
        "cos(t^2)",
        "tan(t)",
        "sinh(t - 3)",
        "cosh(t - 3)",
        "tanh(t - 3)",
        "arcsin((t - 3)/2)",
        "arccos((t - 3)/2)",
        "arctan(t - 3)",
        "arcsinh(t - 3)",
        "arccosh(t)",
        "arctanh((t - 3)/2)",
        "floor(t) - ceil(t/2)",
        "rem(t, 0.7)",
        "piecewise(t, t < 3, -t, t > 4, 7)",
        "max(t, 3)*min(t, 2)",
        "piecewise(1, xor(t > 2, t < 3), 0)",
        "piecewise(1, !(t == 3) && t != 2, 0)",
        "ln(t - 3)*0",
        "sqrt(t - 3) - sqrt(t - 3)",
    ],
)
def test_bounds_hold_every_value(formula: str) -> None:
    system = assemble(read_model(f"x = 0; t := time; x' = {formula};"), (), (), ())
    code = program(system.graph, system.rates)
    rng = np.random.default_rng(3)
    low = rng.uniform(0, 6, 400)
    high = low + 10.0 ** rng.uniform(-6, 0.5, 400)
    low[:20], high[20:40] = np.floor(low[:20]), np.ceil(high[20:40])
    none = np.zeros(0)
    found = bounds(code, low, high, 0.0, none, none)[0]
    least, most, maybe = (np.broadcast_to(part, low.shape) for part in (found.low, found.high, found.maybe))
    for share in np.linspace(0, 1, 41):
        value = np.broadcast_to(evaluate(code, time=low + share * (high - low))[0], low.shape).astype(float)
        lost = np.isnan(value)
        assert (maybe | np.isnan(least))[lost].all()
        near = np.where(np.isfinite(value), 1e-12 * (1 + np.abs(value)), 0.0)
        held = (value >= least - near) & (value <= most + near) | np.isinf(value)  # at a pole either sign will do
        assert held[~lost].all(), (formula, low[~lost & ~held][:1], high[~lost & ~held][:1])


def test_people_with_phases_and_doses_of_their_own() -> None:
    # sin(2 pi (t - p)/24) > 0.5 for a third of each day, in segments that cut some of the windows; the level differs after the cut
    text = "x = 0; p = 0; k = 0; x' = piecewise(k, sin(6.283185307179586*(time - p)/24) > 0.5, 0);"
    model = compile_model(text, ("p",), ("x",), ("k",))
    phase, cut = np.linspace(-11, 11, 21), 5.0
    plan = Schedule(np.array([0.0, cut, 240.0]), np.array([[1.0], [2.0]]))
    run = model.simulate(phase[:, None], [plan], np.zeros(21, dtype=np.int64), np.array([240.0]), rtol=1e-9, atol=1e-12)
    assert run.reasons == [None] * 21
    # hours of the window [2, 10] + phase (each day) before the cut
    days = np.arange(-2, 3)[:, None] * 24
    early = np.maximum(np.minimum(10 + phase + days, cut) - np.maximum(2 + phase + days, 0), 0).sum(axis=0)
    assert run.values[:, 0, 0] == pytest.approx(2 * 80 - early, abs=1e-7)
