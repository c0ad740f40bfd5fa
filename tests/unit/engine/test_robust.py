"""Bad numbers, bad states, switches, mixed schedules: a status or an answer, never a hang or a silent number."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.engine import Jump, Options, Schedule, compile_model, steady_state
from ketasim.engine.code.record import ODD_OUTPUT
from ketasim.engine.run.model import BAD_PARAMETER, BAD_START

EXPLODE = "x = 1; a = 0.1; x' = a*x^2; y = 1; y' = -y;"


def plain(end: float = 10.0, inputs: int = 0) -> Schedule:
    return Schedule(np.array([0.0, end]), np.zeros((1, inputs)))


def test_a_state_that_explodes_is_reported_and_leaves_the_others_alone() -> None:
    model = compile_model(EXPLODE, ("a",), ("x", "y"), options=Options(width=4))
    a = np.array([0.01, 0.05, 0.5, 0.02, 0.03, 5.0, 0.001])
    times = np.array([1.0, 9.0, 10.0])
    result = model.simulate(a[:, None], [plain()], np.zeros(7, int), times, rtol=1e-8, atol=1e-10)
    assert result.status.tolist() == [0, 0, result.status[2], 0, 0, result.status[5], 0]
    assert result.status[2] > 0 and result.status[5] > 0
    for failure, when in zip(result.failures, (2.0, 0.2), strict=True):
        assert failure.time == pytest.approx(when, rel=1e-3)  # x = 1/(1 - a t) leaves the plane at 1/a
        assert failure.state["x"] > 1e3 and failure.state["y"] == pytest.approx(np.exp(-failure.time), rel=1e-3)
        assert f"at time {failure.time:g}" in (result.reasons[failure.person] or "")
    assert np.isnan(result.values[[2, 5]]).all()
    good = [0, 1, 3, 4, 6]
    assert np.allclose(result.values[good, :, 0], 1 / (1 - a[good, None] * times), rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_parameter_that_is_no_number(bad: float) -> None:
    model = compile_model(EXPLODE, ("a",), ("x",))
    result = model.simulate([[0.01], [bad], [0.02]], [plain()], [0, 0, 0], [1.0])
    assert result.status.tolist() == [0, BAD_PARAMETER, 0]
    assert "parameter a" in (result.reasons[1] or "") and np.isnan(result.values[1]).all()
    assert np.isfinite(result.values[[0, 2]]).all()


def test_a_start_that_is_no_number() -> None:
    model = compile_model(EXPLODE, ("a",), ("x",))
    result = model.simulate([[0.01], [0.02]], [plain()], [0, 0], [1.0], initial={"x": np.array([1.0, np.nan])})
    assert result.status.tolist() == [0, BAD_START]


def test_division_by_zero_inside_the_model() -> None:
    model = compile_model("x = 1; k = 1; x' = 1/k; z := sqrt(2.5 - x);", ("k",), ("x", "z"))
    result = model.simulate([[1.0], [0.0], [4.0]], [plain()], [0, 0, 0], [1.0, 2.0, 4.0])
    assert result.status[0] == ODD_OUTPUT and "z is not a finite number at time 2" in (result.reasons[0] or "")
    assert result.status[1] > 0
    assert result.status[2] == 0 and result.values[2, :, 0] == pytest.approx([1.25, 1.5, 2.0])


def test_compartment_sizes_must_be_positive() -> None:
    text = "compartment V = 2; species A in V; A = 1; R: A -> ; A*V;"
    model = compile_model(text, ("V",), ("A",))
    result = model.simulate([[2.0], [0.0], [-1.0]], [plain()], [0, 0, 0], [1.0])
    assert result.status.tolist() == [0, BAD_PARAMETER, BAD_PARAMETER]
    with pytest.raises(UsageError, match="size"):
        compile_model(text.replace("V = 2", "V = -2"))


def test_the_number_of_steps_is_bounded() -> None:
    model = compile_model("x = 1; w = 1e6; y = 0; x' = w*y; y' = -w*x;", (), ("x",))
    result = model.simulate(np.zeros((1, 0)), [plain(1e3)], [0], [1e3], rtol=1e-8, max_steps=500)
    assert result.status[0] == 3 and "too many steps" in (result.reasons[0] or "")


def test_a_short_pulse_in_time_is_not_stepped_over() -> None:
    text = "x = 0; on = 500; long = 1e-5; x' = piecewise(1/long, time >= on && time < on + long, 0);"
    model = compile_model(text, ("on",), ("x",))
    on = np.array([500.0, 3.0, 777.7, 999.0, 0.5, 12.0, 100.0, 250.0, 251.0])
    times = np.array([2.0, 400.0, 1000.0])
    result = model.simulate(on[:, None], [plain(1000.0)], np.zeros(9, int), times)
    expected = (times[None, :] > on[:, None]).astype(float)
    assert np.abs(result.values[:, :, 0] - expected).max() < 1e-5


def test_periodic_switch_in_time() -> None:
    text = "x = 0; x' = piecewise(1, rem(time, 24) < 8, 0);"
    result = compile_model(text, (), ("x",)).simulate(np.zeros((1, 0)), [plain(240.0)], [0], [8.0, 24.0, 100.0, 240.0])
    assert result.values[0, :, 0] == pytest.approx([8.0, 8.0, 36.0, 80.0], abs=1e-6)


def test_a_window_between_two_states_is_not_stepped_over() -> None:
    # x rises through a narrow window in which y is fed; the exact gain of y is the width of the window
    text = "x = 0; y = 0; x' = 1; y' = piecewise(1, x > 5 && x < 5.0001, 0); "
    result = compile_model(text, (), ("x", "y")).simulate(
        np.zeros((1, 0)), [plain()], [0], [10.0], rtol=1e-6, atol=1e-9
    )
    assert result.values[0, 0, 1] == pytest.approx(1e-4, rel=1e-2)


def test_a_jump_of_the_rate_at_a_state() -> None:
    text = "x = 1; x' = piecewise(-1, x > 0.5, -0.1);"
    result = compile_model(text, (), ("x",)).simulate(
        np.zeros((1, 0)), [plain(2.0)], [0], [0.4, 0.5, 1.5], rtol=1e-7, atol=1e-9
    )
    assert result.values[0, :, 0] == pytest.approx([0.6, 0.5, 0.4], abs=1e-5)


def test_people_with_different_schedules_share_registers() -> None:
    model = compile_model("A = 0; k = 0.3; rate = 0; A' = rate - k*A;", ("k",), ("A",), ("rate",), Options(width=4))
    rng = np.random.default_rng(2)
    schedules, k = [], np.exp(0.3 * rng.normal(size=9)) * 0.3
    for person in range(9):
        cut = 1.0 + person
        schedules.append(
            Schedule(
                np.array([0.0, cut, 20.0 + person]),
                np.array([[1.0], [0.0]]),
                (Jump(1, "A", add=0.1 * person),) if person % 2 else (),
            )
        )
    times = np.linspace(0, 20, 41)
    together = model.simulate(k[:, None], schedules, np.arange(9), times, rtol=1e-10, atol=1e-12)
    assert (together.status == 0).all()
    assert (together.steps[:, 0] > 0).sum() == 3  # nine people in three registers of four
    for person in range(9):
        rate, cut = k[person], 1.0 + person
        level = (1 - np.exp(-rate * np.minimum(times, cut))) / rate
        after = times > cut
        start = (1 - np.exp(-rate * cut)) / rate + (0.1 * person if person % 2 else 0.0)
        level[after] = start * np.exp(-rate * (times[after] - cut))
        assert np.abs(together.values[person, :, 0] - level).max() < 1e-8


def test_neighbours_matter_only_within_the_tolerance() -> None:
    model = compile_model("x = 1; k = 1; x' = -k*x^2;", ("k",), ("x",), options=Options(width=8))
    times = np.linspace(0, 10, 11)
    k = np.array([1.0, 50.0, 0.01, 3.0, 7.0, 0.3, 11.0, 2.0])
    together = model.simulate(k[:, None], [plain()], np.zeros(8, int), times, rtol=1e-6, atol=1e-9).values[0]
    alone = model.simulate(k[:1, None], [plain()], [0], times, rtol=1e-6, atol=1e-9).values[0]
    assert 0 < np.abs(together - alone).max() < 1e-5


def test_steady_state_start() -> None:
    model = compile_model("x = 0; y = 5; kin = 2; k = 0.1; x' = kin - k*x; y' = x - y;", ("kin", "k"), ("x", "y"))
    table = np.array([[2.0, 0.1], [1.0, 0.5], [3.0, 0.001]])
    steady = steady_state(model, table)
    assert steady.status.tolist() == [0, 0, 0]
    assert steady.states["x"] == pytest.approx(table[:, 0] / table[:, 1], rel=1e-6)
    result = model.simulate(table, [plain(100.0)], [0, 0, 0], [0.0, 100.0], initial=steady.states)
    assert result.values[:, 0, 0] == pytest.approx(result.values[:, 1, 0], rel=1e-5)


def test_a_model_that_never_settles_is_reported() -> None:
    steady = steady_state(compile_model("x = 0; x' = 1;"), np.zeros((2, 0)), longest=1e5)
    assert (steady.status != 0).all() and "not settled" in (steady.reasons[0] or "")
    assert np.isnan(steady.states["x"]).all()


@pytest.mark.parametrize("width", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_width_gives_the_same_answer(width: int, dtype: str) -> None:
    model = compile_model(EXPLODE, ("a",), ("x", "y"), options=Options(width=width, dtype=dtype))  # type: ignore[arg-type]
    a = np.linspace(0.01, 0.05, 11)
    rtol, atol, bound = (1e-9, 1e-12, 1e-7) if dtype == "float64" else (1e-5, 1e-7, 1e-4)
    result = model.simulate(a[:, None], [plain()], np.zeros(11, int), [5.0, 10.0], rtol=rtol, atol=atol)
    assert result.values[:, 1, 0] == pytest.approx(1 / (1 - a * 10), rel=bound)
    assert result.values[:, 1, 1] == pytest.approx(np.exp(-10.0), abs=bound)


def test_wrong_shapes_and_names_are_explained() -> None:
    model = compile_model("A = 0; k = 0.3; rate = 0; A' = rate - k*A;", ("k",), ("A",), ("rate",))
    good = Schedule(np.array([0.0, 1.0]), np.array([[1.0]]))
    with pytest.raises(UsageError, match="parameters has shape"):
        model.simulate(np.zeros((2, 2)), [good], [0, 0], [1.0])
    with pytest.raises(UsageError, match="output times run"):
        model.simulate([[0.1]], [good], [0], [2.0])
    with pytest.raises(UsageError, match="not a state"):
        model.simulate([[0.1]], [Schedule(good.boundaries, good.inputs, (Jump(0, "B"),))], [0], [1.0])
    with pytest.raises(UsageError, match="at boundary 1"):
        model.simulate([[0.1]], [Schedule(good.boundaries, good.inputs, (Jump(1, "A"),))], [0], [1.0])
    with pytest.raises(UsageError, match="inputs has shape"):
        model.simulate([[0.1]], [Schedule(good.boundaries, np.zeros((2, 1)))], [0], [1.0])
    with pytest.raises(UsageError, match="schedule_of"):
        model.simulate([[0.1]], [good], [1], [1.0])
    with pytest.raises(UsageError, match="ascend"):
        model.simulate([[0.1]], [good], [0], [1.0, 0.5])
    with pytest.raises(UsageError, match="rtol"):
        model.simulate([[0.1]], [good], [0], [1.0], rtol=0.0)
    with pytest.raises(UsageError, match="unknown output 'Aa'"):
        compile_model("A = 0; A' = 1;", (), ("Aa",))
    with pytest.raises(UsageError, match="computed by the model"):
        compile_model("A = 0; A' = 1;", ("A",))


def test_error_relative_to_the_peak_takes_fewer_steps_and_keeps_the_peak() -> None:
    model = compile_model("A = 1; B = 0; A' = -A; B' = A - 0.3*B;", (), ("A", "B"))
    times = np.linspace(0, 60, 61)
    value, peak = (
        model.simulate(np.zeros((1, 0)), [plain(60.0)], [0], times, rtol=1e-6, atol=1e-14, relative_to=r)  # type: ignore[arg-type]
        for r in ("value", "peak")
    )
    assert peak.steps[0, 0] < 0.8 * value.steps[0, 0]
    exact = np.exp(-times)
    assert np.abs(peak.values[0, :, 0] - exact).max() < 1e-5
    assert np.abs(value.values[0, :20, 0] / exact[:20] - 1).max() < 1e-4
    with pytest.raises(UsageError, match="relative_to"):
        model.simulate(np.zeros((1, 0)), [plain()], [0], [1.0], relative_to="size")  # type: ignore[arg-type]


def test_float32_leaves_the_rounding_of_the_thread_alone() -> None:
    model = compile_model("x = 1; x' = -x;", options=Options(dtype="float32"))
    run = model.simulate(np.zeros((1, 0)), [plain(200.0)], [0], [200.0], rtol=1e-3, atol=1e-44, threads=1)
    assert run.reasons == [None] and run.values[0, 0, 0] < 1e-37  # e^-200 is below the range of float32
    least = np.float32(1e-30) * np.float32(1e-12)
    assert least > 0 and np.float64(1e-300) * np.float64(1e-12) > 0
