"""The uncertainty of the model: the typical person under draws of a posterior, apart from the spread between people."""

import numpy as np
import pytest

from ketasim.core import value
from ketasim.core.posterior import Posterior
from ketasim.scenario import run as module
from ketasim.scenario.run import run

KETAMINE = "ketamine iv 0.5 mg/kg over 40 min"
FITTED = {"mood_late_size": 0.3, "link_slope": 0.05, "compound_clearance": 0.1}


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> Posterior:
    """A posterior of three values, one of them of no use to this scenario."""
    z = np.linspace(-1.6, 1.6, 200)
    draws = np.column_stack(
        [value(key).value * np.exp(sd * np.roll(z, 40 * i)) for i, (key, sd) in enumerate(FITTED.items())]
    )
    found = Posterior(tuple(FITTED), draws, np.full(200, 1 / 200))
    monkeypatch.setattr(module, "posterior", lambda: found)
    monkeypatch.setattr(module, "fitted", lambda: {key: {} for key in FITTED})
    return found


def test_without_a_posterior_there_is_no_model_band(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "posterior", lambda: None)
    course = run(KETAMINE, people=0).to_dict()["outputs"]["madrs.effect"]
    assert course["model_low"] is None and course["model_high"] is None


def test_the_band_is_that_of_the_typical_person_under_the_draws(shipped: Posterior) -> None:
    result = run(KETAMINE, people=3, at="24, 168", draws=20)
    low, high = result["madrs.effect"].model_low, result["madrs.effect"].model_high
    assert low is not None and high is not None
    # each draw by itself, as a replaced value of an ordinary run
    few = shipped.even(20)
    single = np.array(
        [
            run(
                KETAMINE,
                people=0,
                at="24, 168",
                draws=0,
                values={k: n for k, n in few.one(i).items() if k != "compound_clearance"},
            )["madrs.effect"].typical
            for i in range(20)
        ]
    )
    assert low == pytest.approx(np.percentile(single, 5, axis=0), rel=1e-4)
    assert high == pytest.approx(np.percentile(single, 95, axis=0), rel=1e-4)
    assert np.all(low < result["madrs.effect"].typical) and np.all(result["madrs.effect"].typical < high)


def test_what_no_draw_touches_is_certain(shipped: Posterior) -> None:
    course = run(KETAMINE, people=2, at="0.67,2")["plasma.ketamine"]
    assert course.model_low == pytest.approx(course.typical, rel=1e-4)
    assert course.model_high == pytest.approx(course.typical, rel=1e-4)


def test_the_people_and_the_typical_line_are_as_without(shipped: Posterior) -> None:
    with_draws, without = run(KETAMINE, people=4), run(KETAMINE, people=4, draws=0)
    assert with_draws["madrs.effect"].typical == pytest.approx(without["madrs.effect"].typical, rel=1e-4)
    assert with_draws["madrs.effect"].people == pytest.approx(without["madrs.effect"].people, rel=1e-3, abs=1e-3)


def test_a_value_set_by_hand_is_not_drawn(shipped: Posterior) -> None:
    fixed = {"mood_late_size": 0.8, "link_slope": 2.4}
    course = run(KETAMINE, people=0, at="24", values=fixed)["madrs.effect"]
    assert course.model_low == pytest.approx(course.model_high, rel=1e-4)
