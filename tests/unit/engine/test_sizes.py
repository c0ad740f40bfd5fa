"""Compartments have a positive size: refused at the start, or a failure of the one person whose compartment is empty."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.engine import Options, Schedule, compile_model
from ketasim.engine.code.record import NOT_FINITE
from ketasim.engine.run.model import BAD_PARAMETER

SHRINKS = "compartment V = 2; substanceOnly species A in V; A = 1; V' = -k; k = 0.1; R: A -> ; 0.3*A; c := A/V;"


def plain(end: float = 10.0, inputs: int = 0, value: float = 0.0) -> Schedule:
    return Schedule(np.array([0.0, end]), np.full((1, inputs), value))


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("compartment V = -2;", "-2"),
        ("compartment V; V = 1 - 3;", "-2"),
        ("compartment V; V := 1 - 3;", "-2"),
        ("compartment V; k0 = -1; V = 3*k0;", "-3"),
        ("compartment V = -1; compartment W = 1; V' = 1;", "-1"),
    ],
)
@pytest.mark.parametrize("kind", ["species A in V;", "substanceOnly species A in V;"])
def test_a_size_that_is_negative_from_the_start_is_refused(line: str, size: str, kind: str) -> None:
    with pytest.raises(UsageError, match=f"compartment 'V' has the size {size}"):
        compile_model(f"{line} {kind} A = 1; R: A -> ; 0.1*A;", (), ("A",))


@pytest.mark.parametrize("outputs", [("A", "V", "c"), ("A", "V"), ("c",), ("V",)])
def test_a_size_that_shrinks_to_nothing_fails_for_that_person_alone(outputs: tuple[str, ...]) -> None:
    model = compile_model(SHRINKS, ("k",), outputs, options=Options(width=4))
    k, times = np.array([0.1, 0.5, 0.0, 1.0, 0.15]), np.array([1.0, 9.0, 10.0])
    result = model.simulate(k[:, None], [plain()], np.zeros(5, int), times, rtol=1e-8, atol=1e-11)
    assert result.status.tolist() == [0, NOT_FINITE, 0, NOT_FINITE, 0]
    for failure, when in zip(result.failures, (4.0, 2.0), strict=True):
        assert failure.time == pytest.approx(when, abs=1e-6) and failure.state["V"] < 1e-6
        assert "compartment V has the size" in (result.reasons[failure.person] or "")
    assert np.isnan(result.values[[1, 3]]).all()
    good, exact = [0, 2, 4], {"A": np.exp(-0.3 * times) + 0 * k[:, None], "V": 2 - np.outer(k, times)}
    exact["c"] = exact["A"] / exact["V"]
    for i, name in enumerate(outputs):
        assert np.allclose(result.values[good, :, i], exact[name][good], rtol=1e-6)


def test_a_size_that_nothing_asked_for_does_not_matter() -> None:
    result = compile_model(SHRINKS, ("k",), ("A",)).simulate([[1.0]], [plain()], [0], [10.0], rtol=1e-8, atol=1e-11)
    assert result.reasons == [None] and result.values[0, 0, 0] == pytest.approx(np.exp(-3.0), rel=1e-6)


def test_a_concentration_needs_the_size_also_when_it_comes_back() -> None:
    text = "compartment V; V := cos(time + phase); phase = 0; species A in V; A = 1; x = 0; x' = A;"
    model = compile_model(text, ("phase",), ("x",))
    result = model.simulate([[0.0], [-1.0]], [plain(2.0)], [0, 0], [0.5, 2.0], rtol=1e-8, atol=1e-11)
    assert result.status[0] and result.failures[0].time == pytest.approx(np.pi / 2, abs=1e-6)
    assert "compartment V has the size" in (result.reasons[0] or "") and result.status[1] == 0


def test_starts_of_sizes_differ_between_people() -> None:
    text = "compartment V; size = 2; V = size - 1; species A in V; A = 1; R: A -> ; 0.1*V*A;"
    model = compile_model(text, ("size",), ("A",))
    result = model.simulate([[2.0], [1.0], [0.5], [3.0]], [plain()], [0] * 4, [10.0], rtol=1e-8, atol=1e-11)
    assert (result.status != 0).tolist() == [False, True, True, False]
    assert [failure.time for failure in result.failures] == [0.0, 0.0]
    assert "compartment V has the size -0.5" in (result.reasons[2] or "")
    assert result.values[[0, 3], 0, 0] == pytest.approx(np.exp(-1.0), rel=1e-6)


def test_sizes_given_per_person_or_per_segment() -> None:
    text = "compartment V = 2; species A in V; A = 1; R: A -> ; A;"
    result = compile_model(text, ("V",), ("A",)).simulate([[2.0], [0.0], [-1.0]], [plain()], [0, 0, 0], [1.0])
    assert result.status.tolist() == [0, BAD_PARAMETER, BAD_PARAMETER]
    model = compile_model(text, (), ("A",), ("V",))
    with pytest.raises(UsageError, match="input V is the size of a compartment and is -1"):
        model.simulate(np.zeros((1, 0)), [plain(inputs=1, value=-1.0)], [0], [1.0])


def test_an_empty_compartment_is_no_result_even_where_others_may_be_infinite() -> None:
    text = "compartment V; V := 1 - time; y := 1/(time - 3);"
    model = compile_model(text, (), ("V", "y"))
    times = [0.5, 3.0]
    kept = model.simulate(np.zeros((1, 0)), [plain()], [0], times[:1], keep_nonfinite=True)
    assert kept.status.tolist() == [0] and kept.values[0, 0, 0] == 0.5
    lost = model.simulate(np.zeros((1, 0)), [plain()], [0], times, keep_nonfinite=True)
    assert lost.status[0] != 0 and "V is not a finite number at time 3" in (lost.reasons[0] or "")


def test_a_constant_positive_size_costs_nothing() -> None:
    model = compile_model("compartment V = 2; species A in V; A = 1; R: A -> ; A;", ("V",), ("A",))
    assert model._d.varying_sizes == () and model._d.sizes == ("V",)
