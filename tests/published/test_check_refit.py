"""A short refit from the shipped posterior stays where it is, within its error."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core.posterior import about, fitted, posterior
from ketasim.evidence.compare.likelihood import taus_of
from ketasim.evidence.fit.calibrate import State, fit, problem
from ketasim.evidence.fit.parameters import free_parameters


def test_the_shipped_posterior_is_that_of_the_free_values():
    assert about()["converged"] is True
    for p in free_parameters():
        assert p.key in fitted(), p.key
        assert fitted()[p.key]["start"] == pytest.approx(p.start, rel=1e-4)
        assert fitted()[p.key]["says"]
    draws = posterior()
    assert draws is not None and len(draws) >= 100
    assert draws.weights.sum() == pytest.approx(1.0)


@pytest.mark.xfail(
    reason="644 effective in the bulk, 371 in the tails, where 400 are asked (docs/decisions/evidence.md)", strict=True
)
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


def test_one_more_step_of_the_fit_stays_within_its_error():
    """What CI can afford of `python -m ketasim.evidence.fit`: one Gauss-Newton step from the shipped mode."""
    task = problem()
    z = np.array([p.z(float(fitted()[p.key]["mode"])) for p in task.parameters])
    found = fit(task, State(z.copy(), taus_of()), iterations=1)
    sd = np.sqrt(np.diag(np.linalg.inv(found.hessian)))
    moved = np.abs(found.z - z) / sd
    assert moved.max() < 1.0, {p.key: float(m) for p, m in zip(task.parameters, moved, strict=True) if m > 0.5}
    shipped = np.array([fitted()[p.key]["shrinkage"] for p in task.parameters])
    assert np.median(np.abs(np.log(sd / shipped))) < 0.35
