"""Analyses within strata: against equations with a column for each stratum, and in trials whose design file names strata."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ketasim.core import UsageError
from ketasim.core.arrays import Array, IntArray
from ketasim.trial.analyse import Status, ancova

PEOPLE = 90


def made(replicates: int = 4) -> tuple[Array, IntArray, Array, IntArray]:
    """Changes with gaps, three arms, two covariates, strata of which the last is rare and missing in some replicates."""
    random = np.random.default_rng(20261128)
    strata = np.minimum(random.integers(0, 40, (replicates, PEOPLE)) // 12, 3)
    arm = random.integers(0, 3, (replicates, PEOPLE))
    columns = random.normal(size=(replicates, PEOPLE, 2))
    change = random.normal(size=(replicates, PEOPLE)) - 0.5 * arm + 1.5 * strata + columns @ np.array([0.4, -0.2])
    change[random.random((replicates, PEOPLE)) < 0.2] = np.nan
    change[0, strata[0] == 3] = np.nan
    return change, arm, columns, strata


def by_columns(change: Array, arm: IntArray, columns: Array, strata: IntArray) -> tuple[Array, Array, Array]:
    """Effects, errors and p of one trial by least squares with one column for every stratum that is there."""
    seen = ~np.isnan(change)
    here = [s for s in np.unique(strata) if (strata[seen] == s).any()]
    table = np.column_stack([strata == s for s in here] + [arm == a for a in (1, 2)] + [columns[:, k] for k in (0, 1)])
    x, y = table[seen].astype(np.float64), change[seen]
    beta, *_ = np.linalg.lstsq(x, y, rcond=None)
    freedom = len(y) - x.shape[1]
    covariance = np.linalg.inv(x.T @ x) * ((y - x @ beta) ** 2).sum() / freedom
    own = slice(len(here), len(here) + 2)
    se = np.sqrt(np.diag(covariance)[own])
    return beta[own], se, 2 * stats.t.sf(np.abs(beta[own] / se), freedom)


def test_covariance_within_strata_is_least_squares_with_a_column_for_each() -> None:
    change, arm, columns, strata = made()
    found = ancova(change, arm, columns, strata=strata)
    assert (found.status == Status.OK).all()
    for r in range(len(change)):
        effect, se, p = by_columns(change[r], arm[r], columns[r], strata[r])
        assert found.estimate[r] == pytest.approx(effect, rel=1e-10)
        assert found.se[r] == pytest.approx(se, rel=1e-10) and found.p[r] == pytest.approx(p, rel=1e-8)
    plain = ancova(change, arm, columns)
    assert (plain.se > found.se).all()  # strata hold most of the spread here


def test_one_stratum_is_no_stratum() -> None:
    change, arm, columns, _ = made()
    one, none = ancova(change, arm, columns, strata=np.zeros(PEOPLE)), ancova(change, arm, columns)
    assert one.estimate == pytest.approx(none.estimate, rel=1e-12) and one.df == pytest.approx(none.df)
    assert one.se == pytest.approx(none.se, rel=1e-12)


def test_arms_that_never_meet_in_a_stratum_have_no_comparison() -> None:
    change, arm, _, _ = made()
    found = ancova(change, arm, strata=arm)
    assert (found.status == Status.RANK).all() and np.isnan(found.estimate).all()


def test_strata_of_another_shape_are_refused() -> None:
    change, arm, _, strata = made()
    with pytest.raises(UsageError, match="strata have the shape"):
        ancova(change, arm, strata=strata[:, :-1])
