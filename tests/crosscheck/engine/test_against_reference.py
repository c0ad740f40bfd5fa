"""The generated engine against libroadrunner through the same interface."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import compile_model as compile_reference

from ketasim.engine import Jump, Schedule, compile_model

MIXED = """
model mixed
  compartment V = 2; species A in V, B in V; A = 3; B = 0;
  R1: A -> B; k1*A*V;
  R2: B -> ; k2*B^1.5/(K + B)*V;
  k1 = 0.5; k2 = 0.3; K := 1 + 0.2*exp(-C); drip = 0;
  C' = drip - k1*C; C = k2*2;
  D := A + C*sin(time) + piecewise(1, A > 1, 2, A > 0.5, 3);
end
"""


def test_reactions_rules_jumps_and_inputs_agree() -> None:
    names = (("k1", "k2"), ("A", "B", "C", "D"), ("drip",))
    rng = np.random.default_rng(0)
    table = np.exp(rng.normal(size=(11, 2)) * 0.3) * [0.5, 0.3]
    schedule = Schedule(
        np.array([0.0, 1.0, 3.0, 10.0]),
        np.array([[0.0], [2.0], [0.0]]),
        (Jump(1, "A", add=1.0), Jump(2, "B", scale=0.5)),
    )
    times = np.linspace(0, 10, 21)
    ours = compile_model(MIXED, *names).simulate(table, [schedule], np.zeros(11, int), times, rtol=1e-9, atol=1e-11)
    theirs = compile_reference(MIXED, *names).simulate(table, [schedule], np.zeros(11, int), times, 1e-11, 1e-13)
    assert (ours.status == 0).all()
    scale = np.abs(theirs.values).max(axis=1, keepdims=True)
    assert np.abs((ours.values - theirs.values) / scale).max() < 1e-6


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_do_not_change_a_bit(threads: int) -> None:
    model = compile_model(MIXED, ("k1", "k2"), ("A", "D"), ("drip",))
    table = np.exp(np.random.default_rng(3).normal(size=(101, 2)) * 0.3) * [0.5, 0.3]
    schedule = Schedule(np.array([0.0, 10.0]), np.zeros((1, 1)))
    times = np.linspace(0, 10, 5)
    one = model.simulate(table, [schedule], np.zeros(101, int), times, threads=1)
    many = model.simulate(table, [schedule], np.zeros(101, int), times, threads=threads)
    assert np.array_equal(one.values, many.values)
