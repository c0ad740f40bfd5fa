"""MMRM: what must hold whatever the data: closed forms, invariance, batches, missing scores, failures with a reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ketasim.core import UsageError
from ketasim.trial.analyse import Status, ancova, mmrm, t_test
from ketasim.trial.analyse.inverse import invert
from ketasim.trial.analyse.patterns import group
from ketasim.trial.analyse.reml import Model, pairs


def trial(seed: int, replicates: int = 4, people: int = 40, visits: int = 3, missing: float = 0.2):
    random = np.random.default_rng(seed)
    baseline = random.normal(30, 5, (replicates, people))
    person = random.normal(0, 5, (replicates, people, 1))
    change = -8 + person + random.normal(0, 4, (replicates, people, visits)) - 0.3 * (baseline - 30)[..., None]
    change[random.random(change.shape) < missing] = np.nan
    arm = np.arange(people) % 2
    return change, arm, baseline[..., None]


def test_one_visit_is_the_analysis_of_covariance() -> None:
    change, arm, baseline = trial(1, visits=1)
    for method in ("kenward-roger", "satterthwaite"):
        found = mmrm(change, arm, baseline, df=method)
        plain = ancova(change[..., 0], arm, baseline)
        for name in ("estimate", "se", "df", "p", "low", "high"):
            assert getattr(found, name)[..., 0] == pytest.approx(getattr(plain, name), rel=1e-7)


def test_complete_scores_of_two_arms_are_t_tests_by_visit() -> None:
    """Without covariates and missing scores, the estimates are differences of means and the first visit's test is Student's."""
    change, arm, _ = trial(2, missing=0.0)
    found = mmrm(change, arm)
    for v in range(3):
        plain = t_test(change[..., v], arm)
        assert found.estimate[..., v] == pytest.approx(plain.estimate, rel=1e-9)
        assert found.se[..., v] == pytest.approx(plain.se, rel=1e-7)
        assert found.df[..., v] == pytest.approx(plain.df, rel=1e-6)


def test_covariance_of_complete_scores_is_the_pooled_sample_covariance() -> None:
    change, arm, _ = trial(3, missing=0.0)
    found = mmrm(change, arm)
    for r in range(len(change)):
        centred = np.concatenate([change[r, arm == a] - change[r, arm == a].mean(axis=0) for a in (0, 1)])
        assert found.covariance[r] == pytest.approx(centred.T @ centred / (len(arm) - 2), rel=1e-6)


def test_people_without_any_score_change_nothing() -> None:
    change, arm, baseline = trial(4)
    change[:, :5] = np.nan
    whole = mmrm(change, arm, baseline)
    rest = mmrm(change[:, 5:], arm[5:], baseline[:, 5:])
    assert whole.estimate == pytest.approx(rest.estimate, abs=1e-8)
    assert whole.df == pytest.approx(rest.df, rel=1e-7)
    assert whole.log_likelihood == pytest.approx(rest.log_likelihood, abs=1e-7)


def test_a_replicate_is_the_same_alone_and_among_others() -> None:
    change, arm, baseline = trial(5, replicates=150)
    whole = mmrm(change, arm, baseline)
    assert (whole.status == Status.OK).all()
    for r in (0, 77, 149):
        alone = mmrm(change[r], arm, baseline[r])
        for name in ("estimate", "se", "df", "covariance", "log_likelihood"):
            assert getattr(alone, name)[0] == pytest.approx(getattr(whole, name)[r], rel=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.floats(0.01, 1000), st.floats(-1000, 1000), st.booleans())
def test_units_origin_and_order_of_people_do_not_matter(seed: int, unit: float, origin: float, by_visit: bool) -> None:
    change, arm, baseline = trial(seed, replicates=1)
    found = mmrm(change, arm, baseline, by_visit=by_visit)
    order = np.random.default_rng(seed).permutation(len(arm))
    other = mmrm((change * unit + origin)[:, order], arm[order], (baseline * 3 - 7)[:, order], by_visit=by_visit)
    assert other.estimate == pytest.approx(found.estimate * unit, rel=1e-6, abs=1e-6 * unit)
    assert other.se == pytest.approx(found.se * unit, rel=1e-6)
    assert other.df == pytest.approx(found.df, rel=1e-5)
    assert other.p == pytest.approx(found.p, rel=1e-5)


def test_swapping_the_arms_turns_the_sign() -> None:
    change, arm, baseline = trial(6)
    one, other = mmrm(change, arm, baseline), mmrm(change, 1 - arm, baseline)
    assert other.estimate == pytest.approx(-one.estimate, rel=1e-7)
    assert (other.low, other.high) == (pytest.approx(-one.high, rel=1e-6), pytest.approx(-one.low, rel=1e-6))


def test_three_arms_have_two_differences() -> None:
    change, _, baseline = trial(7, people=60)
    arm = np.arange(60) % 3
    found = mmrm(change, arm, baseline)
    assert found.estimate.shape == (4, 2, 3)
    turned = mmrm(change, np.array([0, 2, 1])[arm], baseline)
    assert turned.estimate == pytest.approx(found.estimate[:, ::-1], rel=1e-7)


def test_log_likelihood_and_derivatives_by_hand() -> None:
    """The sums by pattern give the likelihood that the definition gives person by person; derivatives equal differences."""
    change, arm, baseline = trial(8, replicates=1, people=30)
    z = np.concatenate([np.ones((1, 30, 1)), (arm[None, :, None] == 1).astype(float), baseline / 10], axis=-1)
    sigma = np.array([[30.0, 12, 9], [12, 34, 11], [9, 11, 41]])
    model = Model(group(change, z), None)
    point = model.at(sigma[None])
    matrix, right, total = np.zeros((9, 9)), np.zeros(9), 0.0
    for i in range(30):
        seen = ~np.isnan(change[0, i])
        x, y = np.kron(np.eye(3), z[0, i])[seen], change[0, i, seen]
        block = sigma[np.ix_(seen, seen)]
        matrix += x.T @ np.linalg.solve(block, x)
        right += x.T @ np.linalg.solve(block, y)
        total += np.linalg.slogdet(block)[1]
    beta = np.linalg.solve(matrix, right)
    for i in range(30):
        seen = ~np.isnan(change[0, i])
        rest = change[0, i, seen] - np.kron(np.eye(3), z[0, i])[seen] @ beta
        total += rest @ np.linalg.solve(sigma[np.ix_(seen, seen)], rest)
    total += np.linalg.slogdet(matrix)[1] + ((~np.isnan(change)).sum() - 9) * np.log(2 * np.pi)
    assert point.value[0] == pytest.approx(total, rel=1e-12)
    hessian, _ = point.second()
    first, second = pairs(3)
    for k in range(6):
        step = np.zeros((1, 3, 3))
        step[0, first[k], second[k]] = step[0, second[k], first[k]] = 1e-4
        above, below = model.at(sigma + step), model.at(sigma - step)
        assert point.gradient[0, k] == pytest.approx((above.value[0] - below.value[0]) / 2e-4, rel=1e-5, abs=1e-7)
        assert hessian[0, k] == pytest.approx((above.gradient[0] - below.gradient[0]) / 2e-4, rel=1e-5, abs=1e-7)


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_inverse_of_the_kept_block(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    root = random.normal(size=(3, size, size + 3))
    matrices = root @ root.transpose(0, 2, 1)
    before = matrices.copy()
    kept = random.random((3, size)) < 0.6
    inverse, logdet, _ = invert(matrices, kept)
    assert (matrices == before).all()
    for r in range(3):
        seen = np.flatnonzero(kept[r])
        block = matrices[r][np.ix_(seen, seen)]
        expected = np.zeros((size, size))
        expected[np.ix_(seen, seen)] = np.linalg.inv(block)
        assert inverse[r] == pytest.approx(expected, rel=1e-6, abs=1e-9)
        assert logdet[r] == pytest.approx(np.linalg.slogdet(block)[1], abs=1e-8)
    assert invert(-matrices)[2].max() < 0


def test_failures_have_a_reason_and_leave_the_others_alone() -> None:
    change, arm, baseline = trial(9, replicates=7)
    good = mmrm(change, arm, baseline)
    change[1, arm == 1, 2] = np.nan  # nobody of an arm at a visit
    change[2] = 5.0  # no spread
    change[3, ~np.isnan(change[3, :, 0]), 1] = np.nan  # visits 1 and 2 never together
    change[3, np.isnan(change[3, :, 0]), 1] = 1.0 * np.arange(np.isnan(change[3, :, 0]).sum())
    change[4, 6:] = np.nan  # six people, nine coefficients and six covariances
    change[5, :, 1] = change[5, :, 0] + 1.0  # one visit follows from another
    found = mmrm(change, arm, baseline)
    expected = [Status.OK, Status.EMPTY_CELL, Status.NO_SPREAD, Status.PAIR, None, None, Status.OK]
    for r, status in enumerate(expected):
        if status is not None:
            assert found.status[r] == status
        else:
            assert found.status[r] in (Status.SINGULAR, Status.NOT_CONVERGED, Status.TOO_FEW, Status.RANK)
    bad = found.status != Status.OK
    for name in ("estimate", "se", "df", "p", "low", "high", "covariance", "log_likelihood"):
        array = getattr(found, name)
        assert np.isnan(array[bad]).all()
        assert np.isfinite(array[~bad]).all()
        assert array[~bad] == pytest.approx(getattr(good, name)[~bad], rel=1e-9)
    assert sum(found.reasons().values()) == bad.sum()
    assert all("visit" in reason or len(reason) > 10 for reason in found.reasons())


def test_a_covariate_that_repeats_the_arms_is_refused() -> None:
    change, arm, _ = trial(10)
    assert (mmrm(change, arm, arm[:, None].astype(float)).status == Status.RANK).all()


@settings(max_examples=40)
@given(st.integers(0, 100_000), st.integers(4, 12), st.integers(1, 4), st.floats(0, 0.8))
def test_every_small_trial_ends_in_numbers_or_in_a_reason(seed: int, people: int, visits: int, missing: float) -> None:
    change, arm, baseline = trial(seed, 3, people, visits, missing)
    found = mmrm(change, arm, baseline)
    for r in range(3):
        whole = np.concatenate([getattr(found, name)[r].ravel() for name in ("estimate", "se", "df", "p")])
        assert np.isfinite(whole).all() if found.status[r] == Status.OK else np.isnan(whole).all()


def test_what_is_hardly_known_is_no_result() -> None:
    """Twenty people, six visits, half of them leaving: an optimum on the edge had 2e-13 degrees of freedom and a huge error."""
    random = np.random.default_rng(5)
    baseline = random.normal(33, 5, (200, 20))
    change = np.clip(
        baseline[..., None] - 8 + random.normal(0, 8, (200, 20, 1)) + random.normal(0, 3, (200, 20, 6)), 0, 60
    )
    change = change - baseline[..., None]
    last = np.where(random.random((200, 20)) < 0.5, random.integers(0, 6, (200, 20)), 6)
    change[np.arange(6) >= last[..., None]] = np.nan
    found = mmrm(change, np.arange(20) % 2, baseline[..., None])
    good = found.status == Status.OK
    assert 20 < good.sum() < 200
    assert (found.df[good] >= 1).all() and (found.se[good] < 100).all()
    assert sum(found.reasons().values()) == (~good).sum()


def test_requests_that_do_not_fit_are_refused() -> None:
    change, arm, baseline = trial(11)
    with pytest.raises(UsageError, match="unknown method"):
        mmrm(change, arm, df="residual")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="arms have the shape"):
        mmrm(change, arm[:-1])
    with pytest.raises(UsageError, match="one arm alone"):
        mmrm(change, np.zeros(40, dtype=int))
    with pytest.raises(UsageError, match="covariate is missing"):
        mmrm(change, arm, np.where(baseline > 30, np.nan, baseline))
    with pytest.raises(UsageError, match="infinite"):
        mmrm(np.where(np.isnan(change), np.inf, change), arm)


def test_estimand_is_named() -> None:
    change, arm, baseline = trial(12, replicates=1)
    estimand = mmrm(change, arm, baseline).analysis.estimand.about("MADRS", "day 28")
    text = str(estimand)
    assert "MADRS" in text and "day 28" in text and "{" not in text
    for word in ("Population", "Variable", "Intercurrent events", "Summary"):
        assert word in text


def test_student_and_welch_equal_scipy() -> None:
    random = np.random.default_rng(13)
    scores = random.normal(0, 1, (3, 30))
    scores[:, ::7] = np.nan
    arm = np.arange(30) % 3
    for equal in (True, False):
        found = t_test(scores, arm, equal_variances=equal)
        for r in range(3):
            for a in (1, 2):
                keep = ~np.isnan(scores[r])
                one, other = scores[r, keep & (arm == a)], scores[r, keep & (arm == 0)]
                expected = stats.ttest_ind(one, other, equal_var=equal)
                limits = expected.confidence_interval()
                assert found.p[r, a - 1] == pytest.approx(expected.pvalue, rel=1e-10)
                assert found.df[r, a - 1] == pytest.approx(expected.df, rel=1e-10)
                assert (found.low[r, a - 1], found.high[r, a - 1]) == pytest.approx(tuple(limits), rel=1e-9)


def test_analysis_of_covariance_equals_least_squares() -> None:
    change, arm, baseline = trial(14, visits=1)
    found = ancova(change[..., 0], arm, baseline)
    for r in range(4):
        keep = ~np.isnan(change[r, :, 0])
        x = np.column_stack([np.ones(40), arm, baseline[r, :, 0]])[keep]
        y = change[r, keep, 0]
        beta, rest, *_ = np.linalg.lstsq(x, y, rcond=None)
        df = keep.sum() - 3
        se = np.sqrt(np.linalg.inv(x.T @ x)[1, 1] * rest[0] / df)
        assert found.estimate[r, 0] == pytest.approx(beta[1], rel=1e-9)
        assert found.se[r, 0] == pytest.approx(se, rel=1e-9)
        assert found.p[r, 0] == pytest.approx(2 * stats.t.sf(abs(beta[1] / se), df), rel=1e-8)


def test_means_fail_with_a_reason() -> None:
    scores = np.array([[1.0, 2, 3, 4], [1, np.nan, 3, np.nan], [5, 5, 5, 5]])
    found = t_test(scores, np.array([0, 1, 0, 1]))
    assert list(found.status) == [Status.OK, Status.EMPTY_CELL, Status.NO_SPREAD]
    assert np.isnan(found.p[1:]).all()
    found = ancova(scores, np.array([0, 1, 0, 1]), np.arange(4.0)[:, None])
    assert list(found.status[1:]) == [Status.EMPTY_CELL, Status.NO_SPREAD]
