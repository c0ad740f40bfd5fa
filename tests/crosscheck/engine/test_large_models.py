"""Models beyond the usual: dense or wide coupling goes through tables and cut functions; absurd sizes are refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ketasim.core import UsageError
from ketasim.engine import Options, Schedule, compile_model
from ketasim.engine.code import kernel, linear

HIRES = """a = 1; b = 0; c = 0; d = 0; e = 0; f = 0; g = 0; h = 0.0057; k = 1.71;
  a' = -k*a + 0.43*b + 8.32*c + 0.0007; b' = k*a - 8.75*b; c' = -10.03*c + 0.43*d + 0.035*e;
  d' = 8.32*b + k*c - 1.12*d; e' = -1.745*e + 0.43*f + 0.43*g; f' = -280*f*h + 0.69*d + k*e - 0.43*f + 0.69*g;
  g' = 280*f*h - 1.81*g; h' = -280*f*h + 1.81*g; s := a + b*c + sin(time)*k;"""


def sbml(rates: list[str]) -> str:
    """Rate rules for y0, y1, ... given as MathML; all start at 0.5 + i/100."""
    space = 'xmlns="http://www.w3.org/1998/Math/MathML"'
    parameters = "".join(f'<parameter id="y{i}" value="{0.5 + i / 100}" constant="false"/>' for i in range(len(rates)))
    rules = "".join(f'<rateRule variable="y{i}"><math {space}>{rate}</math></rateRule>' for i, rate in enumerate(rates))
    return (
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model>'
        f"<listOfParameters>{parameters}</listOfParameters><listOfRules>{rules}</listOfRules></model></sbml>"
    )


def coupled(weights: np.ndarray) -> str:
    """y_i' = sum_j w_ij y_j / (1 + y_j) - y_i"""
    rates = []
    for row in weights:
        terms = "".join(
            f"<apply><times/><cn>{w!r}</cn><apply><divide/><ci>y{j}</ci><apply><plus/><cn>1</cn><ci>y{j}</ci></apply></apply></apply>"
            for j, w in enumerate(row.tolist())
            if w
        )
        rates.append(f"<apply><minus/><apply><plus/>{terms}</apply><ci>y{len(rates)}</ci></apply>")
    return sbml(rates)


@pytest.mark.parametrize("longest", [1, 30, 1500])
@pytest.mark.parametrize("width", [1, 4])
def test_tables_and_cut_functions_give_the_same_numbers(
    longest: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (
        np.array([[1.71], [1.5], [2.0]]),
        [Schedule(np.array([0.0, 50.0]), np.zeros((1, 0)))],
        [0, 0, 0],
        [0.0, 1.0, 50.0],
    )
    options = Options(width=width)  # type: ignore[arg-type]
    usual = compile_model(HIRES, ("k",), ("*",), options=options).simulate(*arguments, rtol=1e-10, atol=1e-13)
    monkeypatch.setattr(linear, "MOST_STRAIGHT", 0)
    monkeypatch.setattr(kernel, "LONGEST_FUNCTION", longest)
    monkeypatch.setenv("KETASIM_CACHE", "off")
    other = compile_model(HIRES + " ", ("k",), ("*",), options=options).simulate(*arguments, rtol=1e-10, atol=1e-13)
    assert usual.status.tolist() == other.status.tolist() == [0, 0, 0]
    assert np.abs(usual.values - other.values).max() < 1e-9


@pytest.mark.parametrize(("states", "share"), [(40, 1.0), (150, 0.02)])
def test_dense_and_wide_models_against_scipy(states: int, share: float) -> None:
    rng = np.random.default_rng(states)
    weights = np.where(rng.uniform(size=(states, states)) < share, rng.uniform(0.1, 1, (states, states)), 0.0)
    weights = np.round(weights / max(1.0, share * states), 6)
    weights[np.arange(states), (np.arange(states) + 1) % states] = 0.5
    times = [0.5, 2.0, 10.0]
    model = compile_model(coupled(weights))
    found = model.simulate(
        np.zeros((1, 0)), [Schedule(np.array([0.0, 10.0]), np.zeros((1, 0)))], [0], times, rtol=1e-9, atol=1e-11
    )
    start = 0.5 + np.arange(states) / 100
    exact = solve_ivp(lambda t, y: weights @ (y / (1 + y)) - y, (0, 10), start, "DOP853", times, rtol=1e-10, atol=1e-12)
    assert np.abs(found.values[0] - exact.y.T).max() < 1e-7


def test_absurdly_dense_models_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "MOST_TABLED", 1000)
    with pytest.raises(UsageError, match="too densely coupled"):
        compile_model(coupled(np.ones((30, 30))))
    monkeypatch.setattr(linear, "MOST_TABLED", 10**9)
    monkeypatch.setattr(kernel, "MOST_NODES", 1000)
    with pytest.raises(UsageError, match="too large"):
        compile_model(coupled(np.full((30, 30), 0.5)))
