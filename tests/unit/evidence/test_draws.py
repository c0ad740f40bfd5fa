"""Draws of the posterior: a linear normal problem has a closed form; crooked ones have grids."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from ketasim.evidence.fit.calibrate import State
from ketasim.evidence.fit.diagnostics import diagnose, smoothed
from ketasim.evidence.fit.draws import Draws, Effort, draw, resampled, trusted, wide_draws
from ketasim.evidence.fit.parameters import Parameter
from ketasim.evidence.fit.surrogate import TEMPER, Observations, chains, features, fitted

SLOPES = np.array([[1.0, 0.5, 0.0], [0.2, -1.0, 0.3], [0.0, 0.4, 2.0], [1.0, 1.0, 1.0]])
Y = np.array([0.7, -0.4, 1.5, 0.2])
NOISE = np.diag([0.3, 0.5, 0.4, 0.6]) ** 2
SMALL = Effort(first=100, rounds=(100, 100), most=2400)


def problem(y=Y, noise=NOISE, values=3, low=-math.inf):
    """One study; the free values are z themselves."""
    return SimpleNamespace(
        evidence=SimpleNamespace(blocks=(SimpleNamespace(y=y, rows=tuple(y), study=SimpleNamespace(id="one")),)),
        parameters=[Parameter(f"p{k}", "plain", 0.0, 1.0, low, math.inf) for k in range(values)],
        covariances=lambda z, taus: [noise],
    )


def drawn(predict, mode, hessian, task=None, count=640, effort=SMALL) -> Draws:
    task = task or problem()
    return draw(task, State(mode, {}, hessian=hessian), count, task.evidence, effort=effort, predict=predict)


def straight(z):
    return [SLOPES @ z]


def closed_form():
    hessian = np.eye(3) + SLOPES.T @ np.linalg.solve(NOISE, SLOPES)
    return np.linalg.solve(hessian, SLOPES.T @ np.linalg.solve(NOISE, Y)), hessian


def on_grid(predict, y=Y, noise=NOISE, values=3, reach=4.0, points=81):
    """Mean and SD of every value by summing the posterior over a grid."""
    grid = np.stack(np.meshgrid(*[np.linspace(-reach, reach, points)] * values, indexing="ij"), axis=-1).reshape(
        -1, values
    )
    residual = y - predict(grid)
    log = -0.5 * (grid**2).sum(axis=1) - 0.5 * np.einsum("ni,ij,nj->n", residual, np.linalg.inv(noise), residual)
    w = np.exp(log - log.max())
    w /= w.sum()
    mean = w @ grid
    return mean, np.sqrt(w @ (grid - mean) ** 2)


def test_linear_normal_problem_has_its_closed_form():
    """The surrogate is exact there, so every proposal is taken and the draws are independent."""
    mean, hessian = closed_form()
    found = drawn(straight, mean, hessian)
    sd = np.sqrt(np.diag(np.linalg.inv(hessian)))
    assert np.abs((found.z.mean(axis=0) - mean) / sd).max() < 0.15
    assert found.z.std(axis=0) == pytest.approx(sd, rel=0.1)
    assert np.corrcoef(found.z.T) == pytest.approx(np.linalg.inv(hessian) / np.outer(sd, sd), abs=0.12)
    assert found.distinct > 0.97 and found.surrogate_error < 1e-6
    assert found.of_values.bulk_ess > 450 and found.of_values.nested_rhat < 1.05
    assert found.predictions[7][0] == pytest.approx(SLOPES @ found.z[7])


def test_draws_are_right_although_mode_and_curvature_are_off():
    mean, hessian = closed_form()
    sd = np.sqrt(np.diag(np.linalg.inv(hessian)))
    found = drawn(straight, mean + sd, 4 * hessian)
    assert np.abs((found.z.mean(axis=0) - mean) / sd).max() < 0.2
    assert found.z.std(axis=0) == pytest.approx(sd, rel=0.15)


def test_a_bend_that_the_surrogate_can_follow():
    mean, hessian = closed_form()
    found = drawn(lambda z: [SLOPES @ (z + 0.2 * z**2)], mean, hessian)
    exact, sd = on_grid(lambda grid: (grid + 0.2 * grid**2) @ SLOPES.T)
    assert np.abs((exact - mean) / sd).max() > 0.3  # else this test could not fail
    assert np.abs((found.z.mean(axis=0) - exact) / sd).max() < 0.15
    assert found.z.std(axis=0) == pytest.approx(sd, rel=0.1)
    assert found.surrogate_error < 1e-4


def test_a_banana_that_no_polynomial_of_the_surrogate_follows():
    """Predictions with a kink and a wave: the surrogate is wrong, the draws are not, and the figures say how much it cost."""
    y, noise = np.array([0.8, 1.0]), np.diag([0.25, 0.35]) ** 2

    def crooked(z):
        z = np.atleast_2d(z)
        return np.column_stack([z[:, 0] + np.tanh(2.0 * z[:, 1]), z[:, 1] + 0.5 * np.sin(2.5 * z[:, 0])])

    task = problem(y, noise, 2)
    slopes = np.array([[1.0, 0.6], [0.5, 1.0]])
    hessian = np.eye(2) + slopes.T @ np.linalg.solve(noise, slopes)
    found = drawn(lambda z: [crooked(z)[0]], np.array([0.1, 0.6]), hessian, task)
    exact, sd = on_grid(crooked, y, noise, 2, points=401)
    assert found.surrogate_error > 0.02 and found.importance_effective < 0.99 * found.tried
    assert np.abs((found.z.mean(axis=0) - exact) / sd).max() < 0.2
    assert found.z.std(axis=0) == pytest.approx(sd, rel=0.15)
    assert found.of_values.nested_rhat < 1.05


def test_a_value_that_the_data_push_beyond_its_bound():
    """Predictions stand still beyond the bound, so there the posterior is the prior's tail: half a normal density below, sharp above."""
    task = problem(np.array([-1.0]), np.array([[0.2**2]]), 1, low=-0.3)
    found = drawn(lambda z: [np.maximum(z, -0.3)], np.array([-0.3]), np.array([[1.0 + 0.2**-2]]), task)
    exact, sd = on_grid(lambda z: np.maximum(z, -0.3), np.array([-1.0]), np.array([[0.2**2]]), 1, 6.0, 6001)
    assert found.z.mean(axis=0) == pytest.approx(exact, abs=0.12 * sd[0])
    assert found.z.std(axis=0) == pytest.approx(sd, rel=0.15)


def test_resampling_gives_the_exact_density():
    """Proposals of a normal twice as wide, weights to a standard normal: what is kept has its moments, each group its own proposals."""
    rng = np.random.default_rng(5)
    x = 2.0 * rng.standard_normal((400, 50))
    kept = resampled(-0.5 * x**2 + 0.125 * x**2, 100)
    assert kept.shape == (50, 100) and (kept % 50 == np.arange(50)[:, None]).all()
    at = x.ravel()[kept]
    assert at.mean() == pytest.approx(0.0, abs=0.03) and at.std() == pytest.approx(1.0, abs=0.03)
    assert (np.diff(kept, axis=1) >= 0).all()


def test_each_proposal_is_kept_as_often_as_its_weight_says():
    """Systematic resampling: per w times, rounded up or down."""
    w = np.array([0.5, 0.05, 0.25, 0.2])
    counts = np.bincount(resampled(np.log(w)[:, None], 10)[0], minlength=4)
    assert (np.abs(counts - 10 * w) < 1).all() and counts.sum() == 10


def test_wide_draws_have_centre_and_covariance():
    z = wide_draws(np.array([1.0, -1.0]), np.array([[2.0, 0.5], [0.5, 1.0]]), 4000)
    assert z.mean(axis=0) == pytest.approx([1.0, -1.0], abs=0.08)
    assert np.cov(z.T) == pytest.approx(np.array([[2.0, 0.5], [0.5, 1.0]]), abs=0.15)


def test_far_design_points_count_less():
    weights = trusted(np.array([0.0, -10.0, -500.0]), 8)
    assert weights[0] == weights[1] == 1.0 and weights[2] < 1e-6


def curved_surrogate():
    """Through predictions of two studies: one of values 0 and 1, one of 1 and 2; value 2 has a bound."""

    def model(z):
        held = np.maximum(z, [-9.0, -9.0, -0.5])
        a, b, c = held.T
        return np.column_stack([a + 0.3 * a * b - 0.2 * a**2 * b, b**3 - a, b - b**3 / 6.0 + 0.5 * c + 0.1 * b * c**2])

    mode, hessian, low = np.array([0.2, -0.1, 0.0]), np.diag([4.0, 2.0, 3.0]), np.array([-math.inf, -math.inf, -0.5])
    sd = 1.0 / np.sqrt(np.diag(hessian))
    z = np.vstack([mode, mode + np.diag(sd), mode - np.diag(sd), wide_draws(mode, np.diag(sd**2), 300)])
    seen = Observations.of(
        [np.array([0, 1]), np.array([2])],
        [np.array([0.3, 0.1]), np.array([0.2])],
        [np.array([[0.2, 0.05], [0.05, 0.1]]), np.array([[0.15]])],
    )
    return model, seen, z, fitted(z, model(z), np.ones(len(z)), seen, mode, hessian, (low, np.full(3, math.inf)))


def test_the_surrogate_follows_predictions_of_third_degree():
    model, seen, z, surrogate = curved_surrogate()
    near = z[np.abs(z - z[0]).max(axis=1) < 1.2]
    assert surrogate.log_density(near) == pytest.approx(TEMPER * seen.log_density(near, model(near)), abs=0.05)
    assert surrogate.error < 0.05


def test_the_gradient_of_the_surrogate_is_that_of_its_density():
    """Inside, beyond the bound of value 2, and behind the wall."""
    surrogate = curved_surrogate()[3]
    for z in np.array([[0.3, 0.4, 0.6], [-0.5, 0.2, -1.4], [6.0, -6.0, 2.0]]):
        log, gradient = surrogate.log_density_and_gradient(z[None, :])
        assert log == pytest.approx(surrogate.log_density(z[None, :]))
        for k in range(3):
            h = 1e-5 * np.eye(3)[k]
            slope = (surrogate.log_density((z + h)[None, :]) - surrogate.log_density((z - h)[None, :]))[0] / 2e-5
            assert gradient[0, k] == pytest.approx(slope, rel=1e-4, abs=1e-4)


def test_a_study_knows_only_the_values_that_move_it():
    """The first study does not depend on value 2, so neither do its coefficients."""
    surrogate = curved_surrogate()[3]
    here, there = np.array([[0.1, 0.2, 0.3]]), np.array([[0.1, 0.2, 0.9]])
    residuals = [
        features(surrogate._x(z)[0], surrogate.first, surrogate.second) @ surrogate.coefficients for z in (here, there)
    ]
    assert residuals[0][0, :2] == pytest.approx(residuals[1][0, :2], abs=1e-12)
    assert abs(residuals[0][0, 2] - residuals[1][0, 2]) > 0.1


def test_hamiltonian_chains_draw_from_the_surrogate():
    """Moments of chains against importance sampling of the same density."""
    surrogate = curved_surrogate()[3]
    z, accepted = chains(surrogate, np.tile([[0.2, -0.1, 0.0]], (600, 1)), 25, 3, "test chains")
    wide = wide_draws(np.array([0.2, -0.1, 0.0]), np.diag([1.0, 1.0, 2.0]), 60000)
    q = (
        -0.5
        * (8 + 3)
        * np.log1p((((wide - [0.2, -0.1, 0.0]) / np.sqrt(np.array([1.0, 1.0, 2.0]) * 0.75)) ** 2).sum(axis=1) / 8)
    )
    w = np.exp(surrogate.log_density(wide) - q)
    w /= w.sum()
    mean = w @ wide
    sd = np.sqrt(w @ (wide - mean) ** 2)
    assert 0.8 < accepted <= 1.0
    assert np.abs((z.mean(axis=0) - mean) / sd).max() < 0.15
    assert z.std(axis=0) == pytest.approx(sd, rel=0.1)


def test_smoothed_weights_and_their_pareto_k():
    """Ratios of normal densities: a proposal that is wider than its target has light ratios, a narrower one has none that can be relied on."""
    x = np.random.default_rng(9).standard_normal(4000)
    wide, narrow = (smoothed(-0.5 * (s * x) ** 2 + 0.5 * x**2) for s in (1.5, 0.4))
    weights = np.exp(wide[0])
    assert np.sqrt(weights @ x**2) == pytest.approx(1.0 / 1.5, rel=0.05)  # the target's SD
    assert wide[1] < 0.3 and narrow[1] > 0.7
    assert np.exp(wide[0]).sum() == pytest.approx(1.0)


def test_diagnosis_sees_chains_that_did_not_forget_their_start():
    rng = np.random.default_rng(10)
    good, superchains = rng.standard_normal((16, 50, 3)), np.arange(16) % 4
    found = diagnose(good, superchains)
    assert found.bulk_ess > 500 and found.tail_ess > 400 and found.nested_rhat < 1.03 and found.rhat < 1.1
    assert found.mc_error == pytest.approx(1.0 / math.sqrt(800), rel=0.2)
    bad = good.copy()
    bad[superchains == 1, :, 1] += 1.0  # in one quantity of three
    found = diagnose(bad, superchains)
    assert found.nested_rhat > 1.05 and found.bulk_ess < 200
    still = np.concatenate([good, np.full((16, 50, 1), 3.0)], axis=2)
    assert diagnose(still, superchains).bulk_ess > 500  # what stands still has no errors
