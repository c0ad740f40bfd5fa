"""Derivatives against closed forms and against differences of tight runs."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.engine import Jump, Options, Schedule, compile_model, gradient

BATEMAN = "G = 0; A = 0; ka = 1.2; ke = 0.2; v = 10; G' = -ka*G; A' = ka*G - ke*A; c := A/v;"


def test_bateman_function() -> None:
    model = compile_model(BATEMAN, ("ka", "ke", "v"), ("c",))
    table = np.array([[1.2, 0.2, 10.0], [0.7, 0.3, 5.0], [3.0, 0.05, 20.0]])
    schedule = Schedule(np.array([0.0, 24.0]), np.zeros((1, 0)), (Jump(0, "G", add=np.array([1.0, 2.0, 3.0])),))
    times = np.array([0.5, 1.0, 4.0, 12.0, 24.0])
    found = gradient(model, table, [schedule], np.zeros(3, int), times, rtol=1e-9, atol=1e-12)
    assert found.names == ("ka", "ke", "v") and found.gradient.shape == (3, 5, 1, 3)
    for person, (ka, ke, v) in enumerate(table):
        dose, d = person + 1.0, ka - ke
        ea, ee = np.exp(-ka * times), np.exp(-ke * times)
        c = dose * ka / (v * d) * (ee - ea)
        by_ka = dose / v * (-ke / d**2 * (ee - ea) + ka / d * times * ea)
        by_ke = dose / v * (ka / d**2 * (ee - ea) - ka / d * times * ee)
        assert found.values[person, :, 0] == pytest.approx(c, rel=1e-6)
        for column, exact in enumerate((by_ka, by_ke, -c / v)):
            assert np.abs(found.gradient[person, :, 0, column] - exact).max() < 1e-6 * np.abs(exact).max()


def test_step_selection_noise_is_gone() -> None:
    # at a loose tolerance the derivative does not depend on the displacement
    text = "x = 2; y = 0; mu = 5; x' = y; y' = mu*(1 - x^2)*y - x;"
    model = compile_model(text, ("mu",), ("x", "y"))
    plan, times = [Schedule(np.array([0.0, 6.0]), np.zeros((1, 0)))], np.linspace(0.5, 6, 12)
    found = [gradient(model, [[5.0]], plan, [0], times, rtol=1e-4, atol=1e-6, step=s).gradient for s in (1e-3, 1e-5)]
    scale = np.abs(found[1]).max()
    assert np.abs(found[0] - found[1]).max() < 1e-3 * scale
    exact = gradient(model, [[5.0]], plan, [0], times, rtol=1e-10, atol=1e-12).gradient
    assert np.abs(found[1] - exact).max() < 2e-2 * scale


def test_small_displacements_agree_to_a_millionth() -> None:
    model = compile_model("x = 2; y = 0; mu = 5; x' = y; y' = mu*(1 - x^2)*y - x;", ("mu",), ("x", "y"))
    plan, times = [Schedule(np.array([0.0, 6.0]), np.zeros((1, 0)))], np.linspace(0.5, 6, 12)
    found = [gradient(model, [[5.0]], plan, [0], times, rtol=1e-4, atol=1e-6, step=s).gradient for s in (1e-5, 1e-6)]
    assert np.abs(found[1] - found[0]).max() < 1e-6 * np.abs(found[0]).max()


def test_failures_and_wrong_use() -> None:
    model = compile_model("x = 1; a = 0.1; x' = a*x^2;", ("a",), ("x",))
    plan = [Schedule(np.array([0.0, 10.0]), np.zeros((1, 0)))]
    found = gradient(model, [[0.01], [0.5], [np.nan]], plan, [0, 0, 0], [5.0])
    assert found.status[0] == 0 and (found.status[1:] != 0).all() and np.isnan(found.gradient[1:]).all()
    assert found.gradient[0, 0, 0, 0] == pytest.approx(5 / 0.95**2, rel=1e-4)
    with pytest.raises(UsageError, match="unknown parameter"):
        gradient(model, [[0.1]], plan, [0], [5.0], ("b",))
    with pytest.raises(UsageError, match="two people per register"):
        gradient(compile_model("x = 1; a = 1; x' = a;", ("a",), options=Options(width=1)), [[0.1]], plan, [0], [5.0])
