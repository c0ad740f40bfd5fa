"""Models whose numbers are tiny, steep or large: what is finite runs, whatever its units, and says which tolerance it used."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from ketasim.engine import Options, Schedule, compile_model


def course(text: str, outputs: tuple[str, ...], times: list[float], **settings: object) -> np.ndarray:
    plan = [Schedule(np.array([0.0, times[-1]]), np.zeros((1, 0)))]
    found = compile_model(text, (), outputs).simulate(np.zeros((1, 0)), plan, [0], times, **settings)  # type: ignore[arg-type]
    assert found.reasons == [None], found.reasons
    return found.values[0]


@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e-6, 1.0, 1e9, 1e25])
@pytest.mark.parametrize("method", ["rodas4", "dop853"])
def test_predator_and_prey_at_any_scale(scale: float, method: str) -> None:
    # Lotka 1920, scaled: x = s u, y = s v
    text = f"x = {2 * scale:g}; y = {scale:g}; x' = x - x*y/{scale:g}; y' = x*y/{scale:g} - y;"
    model = compile_model(text, (), ("x", "y"), options=Options(method=method))  # type: ignore[arg-type]
    found = model.simulate(
        np.zeros((1, 0)), [Schedule(np.array([0.0, 40.0]), np.zeros((1, 0)))], [0], [40.0], rtol=1e-9
    )
    exact = solve_ivp(
        lambda t, y: [y[0] - y[0] * y[1], y[0] * y[1] - y[1]], (0, 40), [2, 1], "DOP853", rtol=1e-12, atol=1e-14
    ).y[:, -1]
    assert found.values[0, 0] / scale == pytest.approx(exact, rel=1e-6)
    assert found.tolerances is not None and found.tolerances.share == pytest.approx(1e-13)


@pytest.mark.parametrize("scale", [1e-25, 1e-12, 1.0, 1e12])
def test_states_that_start_at_nothing_and_rotations_at_any_scale(scale: float) -> None:
    # x' = s - w y, y' = w x from (0, 0): x = s sin(w t)/w, y = s (1 - cos(w t))/w; an L-stable step damps it unseen
    w = 50.0
    values = course(f"x = 0; y = 0; x' = {scale:g} - {w:g}*y; y' = {w:g}*x;", ("x", "y"), [0.7, 3.0], rtol=1e-9)
    exact = np.array([[math.sin(w * t), 1 - math.cos(w * t)] for t in (0.7, 3.0)]) / w
    assert values / scale == pytest.approx(exact, abs=1e-6 / w)


def test_amounts_and_fractions_in_one_model() -> None:
    # a dose in moles beside an effect between 0 and 1 and a count: no tolerance in common would do
    text = "A = 3e-15; E = 0; N = 0; A' = -0.5*A; E' = A/(A + 1e-15) - E; N' = 1e12*E;"
    values = course(text, ("A", "E", "N"), [5.0], rtol=1e-9)[0]
    exact = solve_ivp(
        lambda t, y: [-0.5 * y[0], y[0] / (y[0] + 1) - y[1], y[1]], (0, 5), [3, 0, 0], "DOP853", rtol=1e-12, atol=1e-15
    ).y[:, -1]
    assert values / [1e-15, 1, 1e12] == pytest.approx(exact, rel=1e-7)


def test_what_is_given_holds_and_is_told() -> None:
    plan = [Schedule(np.array([0.0, 1.0]), np.zeros((1, 0)))]
    model = compile_model("A = 1; B = 1e-9; A' = -A; B' = -B;")
    found = model.simulate(np.zeros((1, 0)), plan, [0], [1.0], rtol=1e-6, atol={"B": 1e-16})
    assert (
        str(found.tolerances)
        == "relative 1e-06, absolute 1e-16 of B, else 1e-10 of the largest that each state has been"
    )
    assert str(model.simulate(np.zeros((1, 0)), plan, [0], [1.0], rtol=1e-6, atol=1e-9).tolerances) == (
        "relative 1e-06, absolute 1e-09"
    )


def test_the_tolerance_of_one_person_does_not_depend_on_the_size_of_another() -> None:
    model = compile_model("A = 1; s = 1; k = 1; x = 0; A' = -k*A; x' = s*A - k*x;", ("s",), ("x",))
    plan, sizes = [Schedule(np.array([0.0, 3.0]), np.zeros((1, 0)))], np.array([[1e-20], [1.0], [1e20], [1e-3]])
    found = model.simulate(sizes, plan, [0] * 4, [3.0], rtol=1e-8)
    assert found.values[:, 0, 0] / sizes[:, 0] == pytest.approx(3 * math.exp(-3), rel=1e-6)


# ---- derivatives of what is finite -------------------------------------------------------------------------------
@pytest.mark.parametrize("speed", [10, 1000, 1e5, 1e7])
@pytest.mark.parametrize(
    "switch",
    [
        "1/(1 + exp(-{s}*(time - 1)))",
        "exp({s}*(time - 1))/(1 + exp({s}*(time - 1)))",
        "0.5 + 0.5*tanh({s}*(time - 1)/2)",
    ],
)
def test_a_steep_switch_in_time(switch: str, speed: float) -> None:
    value = course(f"x = 0; on := {switch.format(s=speed)}; x' = on - 0.5*x;", ("x",), [4.0], rtol=1e-9)[0, 0]

    def rate(t: float) -> float:
        return math.exp(-0.5 * (4 - t)) * 0.5 * (1 + math.tanh(speed * (t - 1) / 2))

    width = 40 / speed
    cuts = [0.0, max(0.0, 1 - width), 1.0, min(4.0, 1 + width), 4.0]
    exact = sum(
        quad(rate, a, b, epsabs=1e-13, epsrel=1e-12, limit=200)[0] for a, b in itertools.pairwise(cuts) if b > a
    )
    assert value == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("n", [1, 1.5, 2, 4, 9.5])
def test_hill_written_with_the_ratio_upside_down_from_nothing(n: float) -> None:
    text = "D = 10; C = 0; E = 0; D' = -D; C' = D - 0.3*C; E' = {f} - 0.5*E;"
    twice = [
        course(text.format(f=f), ("E",), [0.1, 1.0, 5.0], rtol=1e-10)
        for f in (f"4/(1 + (2/C)^{n})", f"4*C^{n}/(2^{n} + C^{n})")
    ]
    assert twice[0] == pytest.approx(twice[1], rel=1e-7)

    def field(t: float, y: np.ndarray) -> list[float]:
        c = 10 / 0.7 * (math.exp(-0.3 * t) - math.exp(-t))
        return [4 * c**n / (2**n + c**n) - 0.5 * y[0]]

    exact = solve_ivp(field, (0, 5), [0.0], "DOP853", [0.1, 1.0, 5.0], rtol=1e-11, atol=1e-14).y[0]
    assert twice[0][:, 0] == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(
    "f", ["exp(-2/C)", "tanh(C/(1 + 1/C))", "1/(1 + exp(5/C))", "arctan(1/C)/(1 + 1/C)", "1/(1 + (1/C)^(-1.5))"]
)
def test_functions_that_are_flat_where_their_inside_is_endless(f: str) -> None:
    value = course(f"C = 0; E = 0; C' = 1; E' = {f};", ("E",), [2.0], rtol=1e-9)[0, 0]
    python = f.replace("^", "**").replace("arctan", "math.atan").replace("exp", "math.exp").replace("tanh", "math.tanh")

    def rate(c: float) -> float:
        try:
            return float(eval(python, {"math": math, "C": c}))
        except OverflowError:  # 1/(1 + exp(800))
            return 0.0

    exact = quad(rate, 0, 0.01, epsabs=1e-13, limit=500)[0] + quad(rate, 0.01, 2, epsabs=1e-13, limit=500)[0]
    assert value == pytest.approx(exact, abs=1e-6)


def test_a_sine_of_millions() -> None:
    value = course("y = 0; y' = 1e-3*sin(2e6 + time*1e-3);", ("y",), [1000.0], rtol=1e-10)[0, 0]
    assert value == pytest.approx(math.cos(2e6) - math.cos(2e6 + 1), abs=1e-9)
