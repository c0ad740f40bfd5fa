"""The fit: nothing of `validate` enters, known truths come back, a saved fit resumes, curvature is that of the objective."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from ketasim.core import KetasimError, knowledge_path, normals
from ketasim.evidence.calibrate import Problem, State, covariance, curvature, fit, objective
from ketasim.evidence.likelihood import TAUS, StudyBlock, taus_of
from ketasim.evidence.parameters import free_parameters, parameter
from ketasim.evidence.predict import Evidence, gather
from ketasim.evidence.studies import read_study

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


def moved(name: str, by: float):
    """A study with every predicted value changed."""
    old = study(name)
    rows = tuple(replace(r, value=min(max(r.value + by, 0.0), 1.0) if 0 <= r.value <= 1 else r.value - by) for r in old.rows)
    return replace(old, rows=rows)


def test_changing_every_validate_value_changes_nothing():
    # design only: the numbers of the validate study are overwritten before they are compared with anything
    kept = gather([study(name) for name in FEW] + [moved("Lapidus2014", 0.1)])
    other = gather([study(name) for name in FEW] + [moved("Lapidus2014", 0.4)])
    assert any(b.study.role == "validate" for b in kept.blocks)
    assert value_of(task(kept)) == value_of(task(other)) == pytest.approx(value_of(task(few())), abs=1e-9)


def test_changing_a_fit_value_changes_the_objective():
    assert abs(value_of(task(gather([moved("Wilkinson2019", 0.1), study("Daly2018"), study("Han2016")]))) - value_of(task(few()))) > 0.1


def synthetic(seed: int, truth: np.ndarray) -> Problem:
    """The same studies with numbers that the model itself made at `truth`, sampling error and study effects included."""
    base = task(few())
    there = base.evidence.compared(base.numbers(truth))
    slopes = base.evidence.slopes(base.numbers(truth), there)
    blocks = []
    for block, f, s in zip(base.evidence.blocks, there, slopes, strict=True):
        root = np.linalg.cholesky(covariance(block, s, taus_of()))
        y = f + root @ normals(seed, f"synthetic {block.study.id}", len(f))
        blocks.append(StudyBlock(block.study, tuple(replace(r, y=float(v)) for r, v in zip(block.rows, y, strict=True))))
    return Problem(Evidence(tuple(blocks)), base.parameters)


def test_simulated_truths_lie_where_the_posterior_says():
    """Simulation-based calibration in small: truths from the prior, posterior z-scores about standard normal."""
    scores = []
    for seed in range(4):
        truth = 0.7 * normals(seed, "synthetic truth", len(KEYS))
        found = fit(synthetic(seed, truth), iterations=4)
        sd = np.sqrt(np.diag(np.linalg.inv(found.hessian)))
        scores.append((found.z - truth) / sd)
    scores = np.array(scores)
    assert np.abs(scores).max() < 3.5
    assert 0.4 < np.sqrt((scores**2).mean()) < 1.6


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
        slope = (objective(problem.residuals(ahead), covariances, ahead) - objective(problem.residuals(behind), covariances, behind)) / 0.04
        assert -gradient[k] == pytest.approx(slope, rel=0.1, abs=0.3)


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
