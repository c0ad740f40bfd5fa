"""Roots and fractional powers below zero: error of integration counts as zero, a state that really is negative is reported."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.engine import Jump, Options, Schedule, compile_model


def plan(until: float, *jumps: Jump) -> list[Schedule]:
    return [Schedule(np.array([0.0, until]), np.zeros((1, 0)), jumps)]


@pytest.mark.parametrize("unit", [1e-9, 1e-4, 1.0, 1e6])
@pytest.mark.parametrize("root", ["sqrt(x)", "x^0.5", "x^1.5", "(2*x)^0.7", "(x + x)^0.7", "x^n"])
def test_a_state_that_falls_below_zero_is_reported_in_any_unit(unit: float, root: str) -> None:
    model = compile_model(f"x = {unit!r}; x' = {-unit!r}; n = 0.3; y = 0; y' = {root} + {unit!r};", ("n",), ("x", "y"))
    run = model.simulate([[0.3]], plan(2.0), [0], [2.0], rtol=1e-7, atol=1e-10 * unit)
    assert run.status[0] != 0 and run.failures[0].time == pytest.approx(1.0, abs=1e-4)
    before = model.simulate([[0.3]], plan(0.9), [0], [0.9], rtol=1e-7, atol=1e-10 * unit)
    assert before.reasons == [None]


def test_constants_and_parameters_alike() -> None:
    for parameters in ((), ("z",)):
        model = compile_model("z = -0.0005; x = 0; x' = z^0.5;", parameters, ("x",))
        run = model.simulate(np.full((1, len(parameters)), -0.0005), plan(1.0), [0], [1.0])
        assert run.status[0] != 0


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("relative_to", ["value", "peak"])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_an_empty_compartment_stays_harmless(unit: float, relative_to: str, dtype: str) -> None:
    # G empties; the effect y' = (A/unit)^1.3 has an integral of its own; A = G0 k t e^{-k t} for equal rates
    text = f"G = 0; A = 0; y = 0; k = 1; G' = -k*G; A' = k*G - k*A; y' = (A/{unit!r})^1.3 + (G/{unit!r})^0.8;"
    model = compile_model(text, ("k",), ("G", "y"), options=Options(dtype=dtype))  # type: ignore[arg-type]
    from math import gamma

    run = model.simulate(
        [[1.0]], plan(400.0, Jump(0, "G", add=unit)), [0], [400.0], rtol=1e-5, atol=1e-8 * unit, relative_to=relative_to
    )  # type: ignore[arg-type]
    assert run.reasons == [None]
    assert run.values[0, 0, 1] == pytest.approx(gamma(2.3) / 1.3**2.3 + 1 / 0.8, rel=2e-3)
