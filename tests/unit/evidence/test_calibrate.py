"""The fit: nothing of `validate` enters, known truths come back, a saved fit resumes, curvature is that of the objective."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from ketasim.core import KetasimError, knowledge_path
from ketasim.core.values import starting_value
from ketasim.evidence.compare.likelihood import TAUS, StudyBlock, taus_of
from ketasim.evidence.compare.predict import Evidence, gather
from ketasim.evidence.fit.calibrate import Problem, State, curvature, narrowed, objective, spread_between, widened
from ketasim.evidence.fit.parameters import free_parameters, parameter
from ketasim.evidence.fit.synthetic import calibration
from ketasim.evidence.published.studies import read_study

pytestmark = pytest.mark.xdist_group("calibrate")

FEW = ("Wilkinson2019", "Daly2018", "Han2016")
KEYS = ("mood_late_size", "care_rise", "expectancy_sustained", "rating_sd", "mood_gain.spread")


@cache
def study(name: str):
    found, problems = read_study(knowledge_path() / "studies" / name)
    assert not problems
    return found


@cache
def few() -> Evidence:
    return gather([study(name) for name in FEW])


def task(evidence: Evidence) -> Problem:
    return Problem(evidence.only(lambda s: s.role == "fit"), tuple(parameter(key) for key in KEYS))


def value_of(problem: Problem) -> float:
    z = np.zeros(len(KEYS))
    return objective(problem.residuals(z), problem.covariances(z, taus_of()), z)


def moved(name: str, by: float, role: str = "fit"):
    """A study with every predicted value changed."""
    old = study(name)
    rows = tuple(
        replace(r, value=min(max(r.value + by, 0.0), 1.0) if 0 <= r.value <= 1 else r.value - by) for r in old.rows
    )
    return replace(old, rows=rows, role=role)


def test_changing_every_validate_value_changes_nothing():
    """The machinery of roles stays: a study of role validate (of a user's own) never enters the fit."""
    kept = gather([study(name) for name in FEW] + [moved("Lapidus2014", 0.1, "validate")])
    other = gather([study(name) for name in FEW] + [moved("Lapidus2014", 0.4, "validate")])
    assert any(b.study.role == "validate" for b in kept.blocks)
    assert value_of(task(kept)) == value_of(task(other)) == pytest.approx(value_of(task(few())), abs=1e-9)


def test_changing_a_fit_value_changes_the_objective():
    assert (
        abs(
            value_of(task(gather([moved("Wilkinson2019", 0.1), study("Daly2018"), study("Han2016")])))
            - value_of(task(few()))
        )
        > 0.1
    )


def test_simulated_truths_lie_where_the_posterior_says():
    """Simulation-based calibration in small: truths from the prior, posterior z-scores about standard normal."""
    found = calibration(task(few()), range(4), iterations=4)
    assert np.abs(found.scores).max() < 3.5
    assert 0.4 < found.root_mean_square < 1.6
    assert 0.3 < found.inside(0.6745) < 0.8


def test_gradient_is_that_of_the_objective():
    problem = task(few())
    z = np.full(len(KEYS), 0.1)
    base = problem.evidence.compared(problem.numbers(z))
    covariances = problem.covariances(z, taus_of(), base)
    residuals = [b.y - f for b, f in zip(problem.evidence.blocks, base, strict=True)]
    _, gradient = curvature(problem.jacobian(z, base, 0.02), residuals, covariances, z)
    for k in range(len(KEYS)):
        ahead, behind = z.copy(), z.copy()
        ahead[k] += 0.02
        behind[k] -= 0.02
        slope = (
            objective(problem.residuals(ahead), covariances, ahead)
            - objective(problem.residuals(behind), covariances, behind)
        ) / 0.04
        assert -gradient[k] == pytest.approx(slope, rel=0.1, abs=0.3)


def test_a_value_beyond_its_bound_has_no_slope():
    base = task(few())
    problem = Problem(base.evidence, (parameter("subadditivity"),))
    z = np.array([-20.0])  # held at its lower bound of 1
    found = problem.jacobian(z, problem.evidence.compared(problem.numbers(z)), 0.25)
    assert all(np.array_equal(j, np.zeros_like(j)) for j in found)


def test_a_saved_fit_resumes_and_refuses_other_values(tmp_path):
    path = tmp_path / "state.json"
    state = State(np.array([0.1, 0.2]), {key: 1.0 for key in TAUS}, 3.0, 2, False, np.eye(2), [4.0, 3.0])
    state.save(path, ["a", "b"])
    back = State.load(path, ["a", "b"])
    assert back.iteration == 2 and np.array_equal(back.z, state.z) and np.array_equal(back.hessian, np.eye(2))
    with pytest.raises(KetasimError, match="other free values"):
        State.load(path, ["a", "c"])


def test_every_free_value_starts_at_its_prior_and_comes_back():
    for p in free_parameters():
        assert p.value(0.0) == pytest.approx(p.start)
        assert p.z(p.value(0.5)) == pytest.approx(0.5, abs=1e-6) or p.value(0.5) in (p.low, p.high)


def test_spreads_between_studies_know_that_values_were_fitted():
    """One free value per study and one number each: nothing is left that could speak of a spread, so it stays at its prior; taking the
    numbers as if nothing had been fitted would pull it down."""
    problem = task(few())
    base = problem.evidence.compared(problem.numbers(np.zeros(len(KEYS))))
    slopes = problem.evidence.slopes(problem.numbers(np.zeros(len(KEYS))), base)
    blocks = [StudyBlock(b.study, b.rows[:1]) for b in problem.evidence.blocks]
    first = [{name: s[:1] for name, s in one.items()} for one in slopes]
    residuals = [np.zeros(1) for _ in blocks]
    free = [1e6 * np.eye(len(blocks))[[i]] for i in range(len(blocks))]
    nothing = [np.zeros((1, len(blocks))) for _ in blocks]
    fitted, plain = (spread_between(blocks, residuals, first, j) for j in (free, nothing))
    for key in ("tau_mood_setting", "tau_mood_drug"):
        assert fitted[key] == pytest.approx(starting_value(key).value, rel=0.02)
        assert plain[key] < 0.9 * starting_value(key).value


def test_widening_is_taken_back() -> None:
    """The search for the spreads begins where the last one ended, before it was widened."""
    taus = dict.fromkeys(TAUS, 0.4)
    wider = widened(taus)
    assert wider["tau_mood_late"] > taus["tau_mood_late"] and wider["tau_receptor"] == 0.4
    assert narrowed(wider) == pytest.approx(taus)
