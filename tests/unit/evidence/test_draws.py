"""Draws of the posterior: a linear normal problem has a closed form; a crooked one shows that weights matter."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ketasim.evidence.fit.calibrate import State
from ketasim.evidence.fit.draws import draw, effective, proposals, systematic, tempered, truncated

SLOPES = np.array([[1.0, 0.5, 0.0], [0.2, -1.0, 0.3], [0.0, 0.4, 2.0], [1.0, 1.0, 1.0]])
Y = np.array([0.7, -0.4, 1.5, 0.2])
NOISE = np.diag([0.3, 0.5, 0.4, 0.6]) ** 2


class Predicts:
    """Stands for the evidence: one study, predictions SLOPES z (and a bend)."""

    def __init__(self, bend: float = 0.0) -> None:
        self.bend = bend
        self.blocks = (SimpleNamespace(y=Y, study=SimpleNamespace(id="one")),)

    def compared(self, z):
        return [SLOPES @ (z + self.bend * z**2)]


def problem(bend: float = 0.0):
    evidence = Predicts(bend)
    return SimpleNamespace(
        evidence=evidence,
        parameters=[SimpleNamespace(key=f"p{k}") for k in range(3)],
        numbers=lambda z: z,
        covariances=lambda z, taus: [NOISE],
    )


def closed_form():
    hessian = np.eye(3) + SLOPES.T @ np.linalg.solve(NOISE, SLOPES)
    return np.linalg.solve(hessian, SLOPES.T @ np.linalg.solve(NOISE, Y)), hessian


def test_linear_normal_problem_has_its_closed_form():
    mean, hessian = closed_form()
    task = problem()
    found = draw(task, State(mean, {}, hessian=hessian), 400, task.evidence, rounds=(300, 1500))
    sd = np.sqrt(np.diag(np.linalg.inv(hessian)))
    assert np.abs(found.z.mean(axis=0) - mean).max() < 0.15 * sd.max()
    assert found.z.std(axis=0) == pytest.approx(sd, rel=0.12)
    assert found.effective > 0.5 * 1500
    assert found.predictions[7][0] == pytest.approx(SLOPES @ found.z[7])


def test_weights_mend_a_proposal_that_is_off():
    """Started a posterior SD away and twice too narrow, the rounds still find the closed form."""
    mean, hessian = closed_form()
    sd = np.sqrt(np.diag(np.linalg.inv(hessian)))
    task = problem()
    found = draw(task, State(mean + sd, {}, hessian=4 * hessian), 400, task.evidence, rounds=(300, 300, 1500))
    assert np.abs((found.z.mean(axis=0) - mean) / sd).max() < 0.2
    assert found.z.std(axis=0) == pytest.approx(sd, rel=0.15)


def test_a_bend_moves_the_draws_away_from_the_laplace_shape():
    mean, hessian = closed_form()
    task = problem(bend=0.2)
    found = draw(task, State(mean, {}, hessian=hessian), 400, task.evidence, rounds=(300, 300, 1500))
    grid = np.stack(np.meshgrid(*[np.linspace(-3, 3, 61)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    residual = Y - (grid + 0.2 * grid**2) @ SLOPES.T
    log = -0.5 * (grid**2).sum(axis=1) - 0.5 * np.einsum("ni,ij,nj->n", residual, np.linalg.inv(NOISE), residual)
    w = np.exp(log - log.max())
    w /= w.sum()
    exact = w @ grid
    sd = np.sqrt(w @ (grid - exact) ** 2)
    assert np.abs((exact - mean) / sd).max() > 0.3  # else this test could not fail
    assert np.abs((found.z.mean(axis=0) - exact) / sd).max() < 0.3


def test_density_of_the_proposals():
    """Mean over proposals of (standard normal density / proposal density) is 1."""
    z, log_q = proposals(np.zeros(2), np.eye(2) * 1.5, 4000, "test density")
    log_p = -0.5 * (z**2).sum(axis=1) - np.log(2 * np.pi)
    assert np.exp(log_p - log_q).mean() == pytest.approx(1.0, abs=0.03)
    assert np.cov(z.T) == pytest.approx(np.eye(2) * 1.5, abs=0.25)


def test_weights_and_resampling():
    logs = np.array([0.0, -50.0, 0.0, -50.0])
    assert truncated(logs) == pytest.approx([0.5, 0.0, 0.5, 0.0], abs=1e-12)
    assert effective(truncated(logs)) == pytest.approx(2.0)
    one = np.zeros(100)
    one[3] = 8.0
    raw = np.exp(8.0) / (np.exp(8.0) + 99.0)
    assert truncated(one)[3] < 0.8 < raw  # no draw rules alone
    weights, power = tempered(np.linspace(-60, 0, 50), 10.0)
    assert effective(weights) >= 10.0 and power < 1.0
    picks = systematic(np.array([0.25, 0.0, 0.75]), 8)
    assert [int((picks == k).sum()) for k in range(3)] == [2, 0, 6]
