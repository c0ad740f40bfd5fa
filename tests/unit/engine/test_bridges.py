"""Quantities that several rates read many states through are unknowns of their own in the linear system; its solution is the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ketasim.engine import Schedule, compile_model
from ketasim.engine.code.linear import Straight, linear_algebra, pattern
from ketasim.engine.read.reader import read_model
from ketasim.engine.symbolic.derivative import TIME, jacobian
from ketasim.engine.symbolic.elimination import Elimination
from ketasim.engine.symbolic.evaluate import evaluate, program
from ketasim.engine.symbolic.system import System, assemble

LEVELS = [f"c{i}" for i in range(6)]
OCCUPIED = (
    "occupied := ("
    + " + ".join(f"{0.3 + 0.1 * i}*{c}" for i, c in enumerate(LEVELS))
    + ")/k; share := occupied/(1 + occupied);"
)
START = "k = 2.5; " + " ".join(f"{c} = {1 + 0.2 * i};" for i, c in enumerate(LEVELS)) + " a = 0.2; b = 0.4; d = 0.1; "
READERS = f"{OCCUPIED} a' = share^3 - a; b' = share*(1 - b); d' = a*share - 0.3*d;"
AWAY = START + " ".join(f"{c}' = -{0.1 + 0.07 * i}*{c};" for i, c in enumerate(LEVELS)) + READERS
BACK = START + " ".join(f"{c}' = -{0.1 + 0.07 * i}*{c} + 0.2*d;" for i, c in enumerate(LEVELS)) + READERS
NESTED = AWAY + "inner := c0 + 2*c1 + 3*c2; e = 0; f = 0; e' = sin(inner) - e; f' = inner/(1 + inner) - f*share;"


def system(text: str) -> System:
    return assemble(read_model(text), ("k",), (), ())


def numbers(s: System, nodes: Sequence[int], y: np.ndarray, shift: float = 17.0) -> np.ndarray:
    return np.array(
        evaluate(program(s.graph, list(nodes)), time=0.3, parameters=[2.5], states=y, shift=shift), dtype=float
    )


def solved(s: System, linear: Straight, y: np.ndarray, right: np.ndarray) -> np.ndarray:
    """x of (shift I - J) x = right, by the factors: those of quantities between have a right-hand side of 0."""
    f, n = linear.factors, len(s.states)
    x = {}
    for k in f.order:
        total = right[k] if k < n else 0.0
        total -= sum(numbers(s, [node], y)[0] * x[j] for j, node in f.lower[k].items())
        x[k] = total * numbers(s, [f.pivot[k]], y)[0]
    for k in reversed(f.order):
        x[k] -= sum(numbers(s, [node], y)[0] * x[j] for j, node in f.upper[k].items())
    return np.array([x[k] for k in range(n)])


@pytest.mark.parametrize(("text", "bridged"), [(AWAY, 1), (BACK, 0), (NESTED, 2)])
def test_the_solution_is_that_of_the_plain_system(text: str, bridged: int) -> None:
    """AWAY: six levels, one quantity, three readers. BACK: a reader feeds the levels, so that the pivot would not stay 1: left as it is."""
    s = system(text)
    rows = jacobian(s.graph, s.rates)
    n = len(rows)
    linear = linear_algebra(s.graph, s.rates, rows)
    assert isinstance(linear, Straight)
    assert len(linear.factors.order) - n == bridged
    rng = np.random.default_rng(5)
    y, right = rng.uniform(0.2, 2.0, n), rng.normal(size=n)
    matrix = 17.0 * np.eye(n)
    for i, row in enumerate(rows):
        for j, node in row.items():
            matrix[i, j] -= numbers(s, [node], y)[0] if j != TIME else 0.0
    assert solved(s, linear, y, right) == pytest.approx(np.linalg.solve(matrix, right), rel=1e-12)
    if bridged:  # and it is smaller, or there would be no sense in it
        plain = Straight(s.graph, rows, Elimination(pattern(rows)))
        assert len(linear.stored) < len(plain.stored)


def test_a_quantity_in_time_is_none() -> None:
    """Its derivative by time would be missing in the rates that read it."""
    s = system(AWAY.replace("occupied := (", "occupied := (time + "))
    linear = linear_algebra(s.graph, s.rates, jacobian(s.graph, s.rates))
    assert isinstance(linear, Straight)
    assert len(linear.factors.order) == len(s.states)


def test_an_infinite_slope_inside_does_no_harm() -> None:
    """z = 1/c0 + 1/c1 + 1/c2 is infinite where the levels start, at 0; the rates 1/(1 + z) are flat there. Levels k t: exact by quadrature."""
    text = """k = 1; c0 = 0; c1 = 0; c2 = 0; c0' = k; c1' = k; c2' = k; z := 1/c0 + 1/c1 + 1/c2;
              a = 0; b = 0; d = 0; a' = 1/(1 + z); b' = 2/(1 + z); d' = 1/(1 + z) - d;"""
    model = compile_model(text, ("k",), ("a", "b"))
    plan = Schedule(np.array([0.0, 2.0]), np.zeros((1, 0)))
    found = model.simulate([[1.0]], [plan], [0], [2.0], rtol=1e-8)
    assert found.reasons == [None]
    exact = 2.0 - 3.0 * np.log(5.0 / 3.0)  # integral of t/(t + 3)
    assert found.values[0, 0] == pytest.approx([exact, 2 * exact], rel=1e-6)
