"""The oracle itself against closed forms: segments, jumps, left limits, initial values from parameters."""

import numpy as np
import pytest

from ketasim.core import UsageError

pytest.importorskip("roadrunner")
from oracle import Jump, Schedule, compile_model

CASCADE = """
model cascade
  compartment space = 1;
  substanceOnly species first in space, second in space, gone in space;
  first = 0; second = 0; gone = 0;
  rate = 0.7; loss = 0.2; feed = 0; start = 3; factor = 2*start; size = 10;
  infusion: -> first; feed;
  transfer: first -> second; rate*first;
  removal: second -> gone; loss*second;
  level' = rate*(1 - level); level = factor;
  concentration := first/size;
  shifted := level + feed;
end
"""


STATES = ("first", "second", "gone", "level")


def run(schedules, schedule_of, times, parameters, outputs=STATES, **extra):
    model = compile_model(CASCADE, parameters=("rate", "start"), outputs=outputs, inputs=("feed",))
    return model.simulate(parameters, schedules, schedule_of, times, **extra)


def test_infusion_and_jumps_agree_with_the_closed_form_per_person():
    rates, adds = np.array([0.7, 1.3]), np.array([5.0, 9.0])
    schedule = Schedule(
        boundaries=np.array([-1.0, 0.5, 2.0, 6.0]),
        inputs=np.array([[0.0], [4.0], [0.0]]),
        jumps=(Jump(0, "first", add=adds), Jump(2, "first", scale=0.5, add=1.0)),
    )
    times = np.array([-1.0, 0.5, 1.0, 2.0, 6.0])
    got = run([schedule], [0, 0], times, np.column_stack([rates, [3.0, 3.0]]))
    assert (got.status == 0).all() and got.reasons == [None, None]
    for person, (k, dose) in enumerate(zip(rates, adds, strict=True)):
        at_05 = dose * np.exp(-1.5 * k)
        at_1 = at_05 * np.exp(-0.5 * k) + 4 / k * (1 - np.exp(-0.5 * k))
        at_2 = at_05 * np.exp(-1.5 * k) + 4 / k * (1 - np.exp(-1.5 * k))
        at_6 = (0.5 * at_2 + 1) * np.exp(-4 * k)
        np.testing.assert_allclose(got.values[person, :, 0], [0, at_05, at_1, at_2, at_6], rtol=1e-7)
        np.testing.assert_allclose(got.values[person, :, 3], 1 + 5 * np.exp(-k * (times + 1)), rtol=1e-7)
        # Everything given, minus what the scaling removed, is somewhere.
        total = got.values[person, :, :3].sum(axis=1)
        np.testing.assert_allclose(total, [0, dose, dose + 2, dose + 6, dose + 6 + 1 - 0.5 * at_2], rtol=1e-8)


def test_values_at_boundaries_are_left_limits_with_the_inputs_of_the_segment_that_ends():
    schedule = Schedule(np.array([0.0, 1.0, 2.0]), np.array([[2.0], [7.0]]), (Jump(0, "level", add=10.0),))
    got = run([schedule], [0], [0.0, 1.0, 1.5, 2.0], [[0.7, 3.0]], outputs=("shifted", "level"))
    assert got.values[0, 0].tolist() == [6.0, 6.0]
    np.testing.assert_allclose(got.values[0, 1:, 0] - got.values[0, 1:, 1], [2.0, 7.0, 7.0], atol=1e-12)


def test_initial_values_follow_the_parameters_of_each_person_and_may_be_replaced():
    schedule = Schedule(np.array([0.0, 1.0]), np.zeros((1, 1)))
    got = run([schedule], [0, 0, 0], [0.0], [[0.7, 3.0], [0.7, 5.0], [0.7, 4.0]], outputs=("level",))
    assert got.values[:, 0, 0].tolist() == [6.0, 10.0, 8.0]
    got = run(
        [schedule], [0, 0], [0.0], [[0.7, 3.0], [0.7, 5.0]], outputs=("level",), initial={"level": np.array([1.5, 2.5])}
    )
    assert got.values[:, 0, 0].tolist() == [1.5, 2.5]


def test_people_on_different_schedules_get_their_own_doses_in_their_own_order():
    early = Schedule(np.array([0.0, 3.0]), np.zeros((1, 1)), (Jump(0, "gone", add=np.array([1.0, 2.0])),))
    jump = Jump(1, "gone", add=np.array([4.0]))
    late = Schedule(np.array([0.0, 2.0, 3.0]), np.array([[[0.0], [1.0]]]), (jump,))
    got = run([early, late], [0, 1, 0], [3.0], np.tile([0.7, 3.0], (3, 1)), outputs=("gone", "first"))
    assert got.values[[0, 2], 0, 0].tolist() == [1.0, 2.0]
    np.testing.assert_allclose(got.values[:, 0, 1], [0, (1 - np.exp(-0.7)) / 0.7, 0], rtol=1e-7)
    assert got.values[1, 0, 0] > 4


def test_a_failed_person_has_a_reason_and_leaves_the_others_alone():
    text = "model m; x' = x*x*k; x = 1; k = 0; end"
    model = compile_model(text, parameters=("k",), outputs=("x",))
    schedule = Schedule(np.array([0.0, 2.0]), np.zeros((1, 0)))
    got = model.simulate([[0.1], [1.0], [np.nan]], [schedule], [0, 0, 0], [1.0, 2.0])
    assert got.status.tolist() == [0, 1, 1]
    np.testing.assert_allclose(got.values[0, :, 0], [1 / 0.9, 1 / 0.8], rtol=1e-7)
    assert np.isnan(got.values[1:]).all()
    assert "starts at 0:" in got.reasons[1] and "k is not a finite" in got.reasons[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": Schedule(np.array([0.0, 1.0]), np.zeros((1, 1)), (Jump(0, "frist"),))}, "first"),
        ({"schedule": Schedule(np.array([0.0, 1.0]), np.zeros((1, 1)), (Jump(1, "first"),))}, "boundary 1"),
        ({"schedule": Schedule(np.array([1.0, 0.0]), np.zeros((1, 1)))}, "ascend"),
        ({"schedule": Schedule(np.array([0.0, 1.0]), np.zeros((2, 1)))}, "segments, inputs"),
        ({"times": [2.0]}, "0 to 1,"),
        ({"parameters": [[1.0]]}, "rate, start"),
        ({"initial": {"levle": [1.0]}}, "level"),
    ],
)
def test_what_does_not_fit_is_refused_before_integration(change, message):
    given = {
        "schedule": Schedule(np.array([0.0, 1.0]), np.zeros((1, 1))),
        "times": [1.0],
        "parameters": [[0.7, 3.0]],
        "initial": None,
    } | change
    with pytest.raises(UsageError, match=message):
        run([given["schedule"]], [0], given["times"], given["parameters"], initial=given["initial"])


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(UsageError, match="rate"):
        compile_model(CASCADE, parameters=("rat",))
    with pytest.raises(UsageError, match="level"):
        compile_model(CASCADE, outputs=("leve",))
    with pytest.raises(UsageError, match="not valid Antimony"):
        compile_model("model m; x' = (; end")


def test_amount_and_concentration_of_a_species_can_be_asked_for_by_name():
    text = "model m; compartment room = 4; species S in room; S = 3; J: S -> ; k*S*room; k = 0.5; end"
    model = compile_model(text, outputs=("S", "amount(S)", "concentration(S)"))
    got = model.simulate(np.zeros((1, 0)), [Schedule(np.array([0.0, 2.0]), np.zeros((1, 0)))], [0], [0.0, 2.0])
    left = 3 * np.exp(-1)
    np.testing.assert_allclose(got.values[0], [[3, 12, 3], [left, 4 * left, left]], rtol=1e-7)
