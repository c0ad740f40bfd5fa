"""Random models: the generated code against scipy on the same formulas evaluated by Python, and against itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from ketasim.engine import Jump, Options, Schedule, compile_model
from ketasim.engine.read.reader import read_model
from ketasim.engine.symbolic.derivative import TIME, jacobian
from ketasim.engine.symbolic.elimination import Elimination, factorise
from ketasim.engine.symbolic.evaluate import evaluate, program
from ketasim.engine.symbolic.system import assemble

SLOW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
number = st.floats(0.05, 3.0).map(lambda x: round(x, 3))


@st.composite
def expressions(draw: Any, names: tuple[str, ...], depth: int = 3) -> str:
    """Smooth, bounded-below formulas of non-negative quantities."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(names)) if draw(st.booleans()) else repr(draw(number))
    a, b = draw(expressions(names, depth - 1)), draw(expressions(names, depth - 1))
    form = draw(
        st.sampled_from(
            [
                "({a} + {b})",
                "({a} * {b})",
                "({a} / (1 + {b}))",
                "exp(-({a}))",
                "ln(1 + {a})",
                "({a})^1.3",
                "({a})^2",
                "sqrt({a})",
                "({a})^1.7/(0.5 + ({a})^1.7)",
                "tanh({a})",
                "piecewise({a}, time < 1.5, {b})",
                "abs({a} - {b})",
                "max({a}, {b})",
                "(1 + sin({a}))",
                "(1 + cos({b}*time))",
                "arctan({a})",
            ]
        )
    )
    return form.format(a=a, b=b)


@st.composite
def models(draw: Any) -> tuple[str, dict[str, str], dict[str, float]]:
    """Antimony, and the same as {state: rate} in Python; every state decays, so that nothing explodes fast."""
    count = draw(st.integers(1, 5))
    states = tuple(f"y{i}" for i in range(count))
    rates, starts = {}, {}
    for state in states:
        gain = draw(expressions((*states, "k1", "k2")))
        rates[state] = f"({gain})/(1 + ({gain})) - {draw(number)}*{state}"
        starts[state] = draw(st.floats(0, 2).map(lambda x: round(x, 2)))
    lines = ["k1 = 0.7; k2 = 1.3;"]
    lines += [f"{s} = {starts[s]}; {s}' = {rates[s]};" for s in states]
    return "\n".join(lines), rates, starts


PYTHON = {
    "exp": math.exp,
    "ln": math.log,
    "sqrt": lambda x: math.sqrt(max(x, 0.0)),
    "tanh": math.tanh,
    "abs": abs,
    "max": max,
    "sin": math.sin,
    "cos": math.cos,
    "arctan": math.atan,
    "piecewise": lambda a, c, b: a if c else b,
}


def field(rates: dict[str, str], values: dict[str, float]) -> Any:
    code = [compile(rate.replace("^", "**"), "rate", "eval") for rate in rates.values()]

    def f(t: float, y: np.ndarray) -> list[float]:
        space = {**PYTHON, **values, **dict(zip(rates, np.maximum(y, 0.0).tolist(), strict=True)), "time": t}
        return [float(eval(c, {"__builtins__": {}}, space)) for c in code]

    return f


@SLOW
@given(models(), st.floats(0.2, 2.0), st.floats(0.2, 2.0))
def test_random_models_agree_with_scipy(
    model: tuple[str, dict[str, str], dict[str, float]], k1: float, k2: float
) -> None:
    text, rates, starts = model
    compiled = compile_model(text, ("k1", "k2"), tuple(rates))
    plan = [Schedule(np.array([0.0, 3.0]), np.zeros((1, 0)))]
    times = [0.5, 1.5, 3.0]
    found = compiled.simulate([[k1, k2]], plan, [0], times, rtol=1e-10, atol=1e-12)
    assert found.reasons == [None]
    f = field(rates, {"k1": k1, "k2": k2})
    y = np.array([starts[s] for s in rates])
    expected = []
    for begin, end in ((0.0, 0.5), (0.5, 1.5), (1.5, 3.0)):  # scipy is stopped at the switch in time

        def inside(t: float, y: np.ndarray, b: float = begin, e: float = end) -> list[float]:
            return f(min(max(t, b), e - 1e-12), y)

        y = solve_ivp(inside, (begin, end), y, "DOP853", rtol=1e-11, atol=1e-13).y[:, -1]
        expected.append(y)
    assert np.abs(found.values[0] - np.array(expected)).max() < 1e-6


@SLOW
@given(models(), st.integers(0, 2**31))
def test_derivatives_and_elimination(model: tuple[str, dict[str, str], dict[str, float]], seed: int) -> None:
    text, _, _ = model
    system = assemble(read_model(text), ("k1", "k2"), (), ())
    graph, n = system.graph, len(system.states)
    rows = jacobian(graph, system.rates)
    factors = factorise(graph, rows, Elimination([set(row) - {TIME} for row in rows]))
    rng = np.random.default_rng(seed)
    y, p, shift, time = rng.uniform(0.3, 2, n), rng.uniform(0.3, 2, 2), 37.0, 0.4

    def at(nodes: list[int], y: np.ndarray) -> np.ndarray:
        return np.array(evaluate(program(graph, nodes), time=time, parameters=p, states=y, shift=shift), dtype=float)

    exact = np.zeros((n, n))
    for i, row in enumerate(rows):
        for j, node in row.items():
            if j >= 0:
                exact[i, j] = at([node], y)[0]
    h = 1e-6
    for j in range(n):
        step = np.eye(n)[j] * h
        difference = (at(system.rates, y + step) - at(system.rates, y - step)) / (2 * h)
        assert np.abs(difference - exact[:, j]).max() < 1e-5 * (1 + np.abs(exact).max())  # kinks have measure zero
    lower, upper = np.zeros((n, n)), np.eye(n)
    place = {k: i for i, k in enumerate(factors.order)}
    for k in factors.order:
        lower[place[k], place[k]] = 1 / at([factors.pivot[k]], y)[0]
        for j, node in factors.lower[k].items():
            lower[place[k], place[j]] = at([node], y)[0]
        for j, node in factors.upper[k].items():
            upper[place[k], place[j]] = at([node], y)[0]
    order = factors.order
    wanted = (shift * np.eye(n) - exact)[np.ix_(order, order)]
    assert np.abs(lower @ upper - wanted).max() < 1e-9 * shift


@SLOW
@given(models(), st.integers(1, 13), st.sampled_from([1, 2, 4, 8]), st.integers(1, 3))
def test_threads_widths_and_order(
    model: tuple[str, dict[str, str], dict[str, float]], people: int, width: Any, threads: int
) -> None:
    text, rates, _ = model
    table = np.random.default_rng(people).uniform(0.3, 1.5, (people, 2))
    plan = [Schedule(np.array([0.0, 1.0, 3.0]), np.zeros((2, 0)), (Jump(1, next(iter(rates)), add=0.5),))]
    compiled = compile_model(text, ("k1", "k2"), tuple(rates), options=Options(width=width))
    arguments = (plan, np.zeros(people, int), [1.0, 3.0])
    one = compiled.simulate(table, *arguments, rtol=1e-8, atol=1e-10, threads=1).values
    many = compiled.simulate(table, *arguments, rtol=1e-8, atol=1e-10, threads=threads).values
    assert np.array_equal(one, many)
    turned = compiled.simulate(table[::-1], *arguments, rtol=1e-8, atol=1e-10).values[::-1]
    assert np.abs(one - turned).max() < 1e-5
