"""A short refit from the shipped posterior stays where it is, within its error."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from ketasim.core.posterior import about, fitted, posterior
from ketasim.evidence.compare.likelihood import taus_of
from ketasim.evidence.compare.predict import all_evidence
from ketasim.evidence.fit.calibrate import Problem, State, fit, problem
from ketasim.evidence.fit.leave_out import Linear, linear, mode_z, shipped_mode
from ketasim.evidence.fit.parameters import free_parameters, settings

pytestmark = pytest.mark.xdist_group("scorecard")  # beside the scorecard, which integrates the same arms


def test_the_shipped_posterior_is_that_of_the_free_values():
    assert about()["converged"] is True
    for p in free_parameters():
        assert p.key in fitted(), p.key
        assert fitted()[p.key]["start"] == pytest.approx(p.start, rel=1e-4)
        assert fitted()[p.key]["says"]
    draws = posterior()
    assert draws is not None and len(draws) >= 100
    assert draws.weights.sum() == pytest.approx(1.0)


def test_enough_draws_are_effective():
    """Rank-normalised ESS in bulk and tails, nested R-hat and Pareto k of what ships, and few repeats."""
    assert about()["bulk_ess_least"] > 400 and about()["tail_ess_least"] > 400
    assert about()["nested_rhat_most"] < 1.05 and about()["pareto_k"] < 0.7
    assert about()["interpolation_error"] < 0.05
    assert len(np.unique(posterior().draws[:, 0])) > 0.75 * len(posterior())


def test_draws_spread_around_the_mode_as_the_table_says():
    draws = posterior()
    for p in free_parameters():
        column = draws.draws[:, draws.names.index(p.key)]
        z = np.array([p.z(x) for x in column])
        mean = draws.weights @ z
        sd = np.sqrt(draws.weights @ (z - mean) ** 2)
        assert sd == pytest.approx(fitted()[p.key]["shrinkage"], abs=0.03), p.key
        assert abs(mean - p.z(fitted()[p.key]["mode"])) < 1.5 * max(sd, 0.05), p.key


@cache
def around() -> Linear:
    """The evidence at the shipped mode, with the sensitivities that ship."""
    return linear(all_evidence())


def test_one_more_step_of_the_fit_stays_within_its_error() -> None:
    """What CI can afford of `python -m ketasim.evidence.fit`: one Gauss-Newton step from the shipped mode, residuals worked out anew,
    sensitivities as they ship (the next test works some of them out anew, the slow one all, with the search along the step)."""
    at, keys = around(), [p.key for p in free_parameters()]
    whole, gradient = np.eye(len(at.z)), -at.z.copy()
    for block, f, j, c in zip(at.evidence.blocks, at.base, at.jacobian, at.covariances, strict=True):
        if block.study.role == "fit":
            solved = np.linalg.solve(c, np.column_stack([j, block.y - f]))
            whole, gradient = whole + j.T @ solved[:, :-1], gradient + j.T @ solved[:, -1]
    sd = np.sqrt(np.diag(np.linalg.inv(whole)))
    moved = np.abs(np.linalg.solve(whole, gradient)) / sd
    assert moved.max() < 1.0, {key: float(m) for key, m in zip(keys, moved, strict=True) if m > 0.5}
    shipped = np.array([fitted()[key]["shrinkage"] for key in keys])
    assert np.median(np.abs(np.log(sd / shipped))) < 0.35


def test_what_ships_serves_as_the_state_of_a_fit() -> None:
    """On a machine without the state file `--starts` and `--refits` compare with it: an end of a walk, with the curvature there."""
    task = problem()
    mode = shipped_mode(task)
    assert mode.done and mode.value == about()["objective"] and mode.taus == taus_of()
    sd = np.sqrt(np.diag(np.linalg.inv(mode.hessian)))
    told = [fitted()[p.key]["laplace_shrinkage"] for p in task.parameters]
    assert sd == pytest.approx(told, rel=0.2)  # the walk's own curvature is that one step before its end


@pytest.mark.parametrize(
    "key", ["mood_late_size", "care_rise", "belief_points", "ceiling_rate", "dissociation_slope", "sedation_level"]
)
def test_a_sensitivity_that_ships_is_the_difference_of_two_predictions(key: str) -> None:
    """Of a drive, of the setting and of an acute effect, in every fourth study."""
    at, parameters = around(), free_parameters()
    some = {block.study.id for block in at.evidence.blocks[::4]}
    task = Problem(at.evidence.only(lambda study: study.id in some), parameters)
    k, step = [p.key for p in parameters].index(key), float(settings()["run"]["step"])
    ends = [at.z + side * step * np.eye(len(at.z))[k] for side in (1, -1)]
    above, below = (task.evidence.compared(task.numbers(end)) for end in ends)
    shipped = {block.study.id: j[:, k] for block, j in zip(at.evidence.blocks, at.jacobian, strict=True)}
    column = np.concatenate([shipped[block.study.id] for block in task.evidence.blocks])
    anew = np.concatenate([(a - b) / (2 * step) for a, b in zip(above, below, strict=True)])
    assert np.abs(column).max() > 0.01
    assert np.abs(anew - column).max() < 0.01 * np.abs(column).max()


@pytest.mark.slow
def test_a_whole_step_with_its_sensitivities_and_its_search() -> None:
    task = problem()
    z = mode_z(task.parameters)
    found = fit(task, State(z.copy(), taus_of()), iterations=1)
    sd = np.sqrt(np.diag(np.linalg.inv(found.hessian)))
    moved = np.abs(found.z - z) / sd
    assert moved.max() < 1.0, {p.key: float(m) for p, m in zip(task.parameters, moved, strict=True) if m > 0.5}
    shipped = np.array([fitted()[p.key]["shrinkage"] for p in task.parameters])
    assert np.median(np.abs(np.log(sd / shipped))) < 0.35
