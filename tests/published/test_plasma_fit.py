"""The shipped plasma values are the optimum of the documented fit; a short refit finds them again."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import knowledge_path, values
from ketasim.evidence.kinetics.fit_plasma import Problem, fit, priors, rewritten
from ketasim.evidence.kinetics.pk_table import targets


def test_shipped_values_are_at_the_optimum() -> None:
    """The Gauss-Newton step from the shipped values is below a twentieth of the uncertainty in every direction."""
    problem = Problem(priors(), targets())
    x = problem.start()
    residuals, jacobian = problem.residuals(x), problem.jacobian(x)
    information = jacobian.T @ jacobian
    step = np.linalg.solve(information, jacobian.T @ residuals)
    sds = np.sqrt(np.diag(np.linalg.inv(information)))
    assert np.max(np.abs(step) / sds) < 0.05
    cost = float((residuals**2).sum())
    assert cost < 1.6 * len(problem.targets)


def test_shipped_uncertainty_is_that_of_the_fit() -> None:
    problem = Problem(priors(), targets())
    jacobian = problem.jacobian(problem.start())
    sds = np.sqrt(np.diag(np.linalg.inv(jacobian.T @ jacobian)))
    for prior, sd in zip(problem.priors, sds, strict=True):
        shipped = values("plasma")[prior.name].uncertain
        assert shipped is not None, prior.name
        if prior.name == "hnk_clearance":
            assert shipped.sd > 2 * sd  # wider on purpose: sources differ several-fold
        else:
            assert shipped.sd == pytest.approx(sd, rel=0.05)
            assert shipped.kind == ("logitnormal" if prior.transform == "logit" else "lognormal")


def test_short_refit_from_a_wrong_start_comes_back() -> None:
    names = ("nasal_fraction", "gut_clearance_ratio", "norketamine_clearance", "clarithromycin_inactivation")
    start = Problem([prior for prior in priors() if prior.name in names], targets()).start() + np.array(
        [0.5, -0.6, 0.5, 0.8]
    )
    found = fit(names, start=start, most=20)
    for name, number in found.fitted.items():
        shipped = values("plasma")[name].value
        assert abs(np.log(number / shipped)) < 0.3 * found.sds[name], name


def test_rewriting_changes_only_fitted_tables() -> None:
    path = knowledge_path() / "values" / "plasma.toml"
    before = path.read_text(encoding="utf-8")
    found = fit(("central_volume",), most=1)
    after = rewritten(before, found)
    different = [line for line in after.splitlines() if line not in before.splitlines()]
    assert len(different) <= 2
    assert len(after.splitlines()) == len(before.splitlines())
