"""Whole exponents are multiplied out: a Hill term of steepness 24 is a few multiplications, not a logarithm and an exponential."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ketasim.engine import Schedule, compile_model
from ketasim.engine.symbolic.graph import Graph

EXPONENTS = (13, 24, 37, 64, -13, -24)
BASES = (1.25, -1.25, 0.7071, 3.0, -0.31)


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_no_logarithm_is_left(exponent: int) -> None:
    graph = Graph()
    found = graph.pow(graph.state(0), graph.number(exponent))
    operations = [graph.op[node] for node in graph.reach([found])]
    assert set(operations) <= {"state", "mul", "recip"}
    assert len(operations) <= 1 + 2 * abs(exponent).bit_length()


def test_values_are_those_of_rational_arithmetic() -> None:
    """Exact in rational numbers; each of at most |n| roundings in the product changes the result by half a unit of 2^-52 at most."""
    names = [f"p{i}" for i in range(len(EXPONENTS))]
    text = "x = 1; x' = 0*x;" + "".join(f" {p} := x^({e});" for p, e in zip(names, EXPONENTS, strict=True))
    model = compile_model(text, (), tuple(names))
    plan = Schedule(np.array([0.0, 1.0]), np.zeros((1, 0)))
    zeros = np.zeros(len(BASES), dtype=np.int64)
    found = model.simulate(np.zeros((len(BASES), 0)), [plan], zeros, [0.0], initial={"x": np.array(BASES)})
    assert found.reasons == [None] * len(BASES)
    for i, exponent in enumerate(EXPONENTS):
        exact = [Fraction(base) ** exponent for base in BASES]
        errors = [abs(Fraction(v) / e - 1) for v, e in zip(found.values[:, 0, i].tolist(), exact, strict=True)]
        assert max(errors) <= (abs(exponent) + 1) * 2.0**-53
