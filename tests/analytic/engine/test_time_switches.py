"""Switches in time against integrals known in closed form: none may be stepped over, however short or frequent."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.engine import Schedule, compile_model


def area(rate: str, until: float) -> float:
    """Integral of `rate` over (0, until)."""
    model = compile_model(f"x = 0; x' = {rate};", (), ("x",))
    run = model.simulate(np.zeros((1, 0)), [Schedule(np.array([0.0, until]), np.zeros((1, 0)))], np.zeros(1, dtype=np.int64),
                         np.array([until]), rtol=1e-7, atol=1e-10)
    return float(run.values[0, -1, 0])


@pytest.mark.parametrize(("rate", "until", "exact"), [
    ("piecewise(100, rem(time, 24) < 0.01, 0)", 1008.0, 42.0),
    ("piecewise(100, time - 24*floor(time/24) < 0.01, 0)", 1008.0, 42.0),
    ("piecewise(1, sin(6283.185307179586*time) > 0.99, 0)", 1.0, math.acos(0.99) / math.pi),
    ("piecewise(1, floor(time) == 500, 0)", 1000.0, 1.0),
    ("piecewise(0, floor(time) != 500, 1)", 1000.0, 1.0),
    ("floor(time)", 10.0, 45.0),
    ("ceil(time) - time", 10.0, 5.0),
    ("floor(0.6*sin(6.283185307179586*time) + 0.5)", 0.5, 0.5 - math.asin(5 / 6) / math.pi),
])  # fmt: skip
def test_area(rate: str, until: float, exact: float) -> None:
    assert area(rate, until) == pytest.approx(exact, rel=1e-6)


def test_a_switch_faster_than_can_be_followed_is_refused() -> None:
    with pytest.raises(UsageError, match="switches too often"):
        area("piecewise(1, sin(1e9*time) > 0.5, 0)", 1000.0)
