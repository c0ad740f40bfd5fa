"""Shares, bounds, sizes, imputation: closed forms, batches, failures with a reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ketasim.core import UsageError
from ketasim.trial import analyse
from ketasim.trial.analyse import Status
from ketasim.trial.analyse.imputation import pool


def answers(seed: int, replicates: int = 4, people: int = 60):
    random = np.random.default_rng(seed)
    arm = np.arange(people) % 2
    return (random.random((replicates, people)) < 0.3 + 0.2 * arm).astype(float), arm


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_exact_p_equals_scipy(seed: int) -> None:
    success, arm = answers(seed, 2, 24)
    found = analyse.proportions(success, arm)
    for r in range(2):
        table = [[success[r, arm == a].sum(), (1 - success[r, arm == a]).sum()] for a in (1, 0)]
        assert found.fisher[r, 0] == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-9)


def test_odds_ratio_of_a_table_and_a_stratum_of_its_own() -> None:
    success, arm = answers(1)
    odds = analyse.logistic(success, arm)
    plain = analyse.proportions(success, arm)
    one = analyse.proportions(success, arm, strata=np.zeros(60))
    share = plain.share
    logit = np.log(share / (1 - share))
    assert odds.estimate[:, 0] == pytest.approx(logit[:, 1] - logit[:, 0], rel=1e-8)
    x, n = plain.successes, plain.people
    assert odds.se[:, 0] == pytest.approx(np.sqrt((1 / x + 1 / (n - x)).sum(axis=1)), rel=1e-8)
    assert one.estimate == pytest.approx(plain.estimate)
    # Cochran-Mantel-Haenszel with one stratum has n - 1 in place of n
    z = stats.norm.isf(plain.p / 2) * np.sqrt(59 / 60)
    assert one.p == pytest.approx(2 * stats.norm.sf(z), rel=1e-9)


def test_missing_answers_are_failures_or_left_out() -> None:
    success, arm = answers(2)
    success[:, :10] = np.nan
    as_failure = analyse.proportions(success, arm)
    left_out = analyse.proportions(success, arm, missing="left out")
    assert (as_failure.people == 30).all() and (left_out.people == 25).all()
    assert as_failure.successes == pytest.approx(left_out.successes)
    assert "composite" in as_failure.analysis.estimand.intercurrent
    assert "left out" in left_out.analysis.estimand.intercurrent


def test_shares_fail_with_a_reason() -> None:
    success, arm = answers(3)
    success[1, arm == 1] = 0
    success[2, arm == 1] = np.nan
    odds = analyse.logistic(success, arm, missing="left out")
    assert list(odds.status) == [Status.OK, Status.SEPARATED, Status.EMPTY_CELL, Status.OK]
    assert np.isnan(odds.p[1:3]).all() and np.isfinite(odds.p[[0, 3]]).all()
    plain = analyse.proportions(success, arm, missing="left out")
    assert list(plain.status) == [Status.OK, Status.OK, Status.EMPTY_CELL, Status.OK]
    with pytest.raises(UsageError, match="neither 0 nor 1"):
        analyse.proportions(success + 1, arm)
    with pytest.raises(UsageError, match="unknown handling"):
        analyse.logistic(success, arm, missing="guess")  # type: ignore[arg-type]
    perfect = analyse.logistic(success[0], arm, success[0][:, None] + 0.0)
    assert perfect.status[0] in (Status.SEPARATED, Status.NOT_CONVERGED) and np.isnan(perfect.estimate).all()


@settings(max_examples=15)
@given(st.lists(st.floats(0.05, 1.0), min_size=1, max_size=6), st.sampled_from(analyse.KINDS), st.sampled_from((1, 2)))
def test_bounds_spend_the_error_and_no_more(steps: list[float], kind, sided: int) -> None:
    fractions = np.cumsum(steps) / np.sum(steps)
    fractions[-1] = 1.0
    design = analyse.bounds(fractions, kind, sided=sided)
    assert analyse.power(design, 0.0) == pytest.approx(0.05, abs=2e-5)  # spending leaves out crossing to the other side
    drifts = [analyse.power(design, d) for d in (0.0, 1.0, 2.0, 4.0)]
    assert drifts == sorted(drifts)
    assert 0 < analyse.expected_fraction(design, 2.0) <= 1


def test_one_look_is_the_fixed_test() -> None:
    for kind in analyse.KINDS:
        design = analyse.bounds(1, kind)
        assert design.upper == pytest.approx([1.959963985], abs=1e-8)
        assert analyse.power(design, 2.8) == pytest.approx(
            stats.norm.sf(1.959964 - 2.8) + stats.norm.cdf(-1.959964 - 2.8)
        )


def test_stopping_follows_the_bounds() -> None:
    design = analyse.bounds(3, alpha=0.025, sided=1, futility=[0.0, 0.5])
    z = np.array([[4.0, 0, 0], [1, 3, 0], [1, 1, 2.1], [1, 1, 1.5], [-1, 5, 5], [1, np.nan, 5]])
    found = analyse.stop(z, design)
    assert list(found.look) == [0, 1, 2, 2, 0, 1]
    assert list(found.efficacy) == [True, True, True, False, False, False]
    assert not found.inferior.any()
    assert list(found.status) == [0, 0, 0, 0, 0, Status.TOO_FEW]
    two = analyse.stop(-z[:1], analyse.bounds(3))
    assert two.inferior[0] and not two.efficacy[0]


@pytest.mark.parametrize("looks", [0, 21, [0.5, 0.4, 1.0], [0.5, 0.9], []])
def test_looks_that_cannot_be_are_refused(looks) -> None:
    with pytest.raises(UsageError):
        analyse.bounds(looks)


def test_conditional_power_is_what_simulation_finds() -> None:
    random = np.random.default_rng(5)
    later = random.normal(size=200_000)
    for drift in (0.0, 2.5):
        final = 1.2 * np.sqrt(0.4) + drift * 0.6 + np.sqrt(0.6) * later
        expected = (final >= 1.96).mean()
        found = float(analyse.conditional_power(1.2, 0.4, 1.96, drift))
        assert abs(found - expected) < 3 * np.sqrt(expected * (1 - expected) / 200_000)


def test_promising_zone_keeps_the_error_and_reaches_the_power() -> None:
    random = np.random.default_rng(6)
    first, second = random.normal(size=(2, 200_000))
    new = analyse.promising(first, 200, 100, most=400)
    assert ((new.size >= 200) & (new.size <= 400)).all() and (new.size > 200).any()
    final = analyse.combine(first, second, 0.5)
    assert abs((final >= 1.959964).mean() - 0.025) < 3 * np.sqrt(0.025 * 0.975 / 200_000)
    # under the trend, the enlarged trial has the wanted conditional power
    inside = (new.size > 200) & (new.size < 400)
    after = new.size[inside] - 100
    hurdle = (1.959964 - first[inside] * np.sqrt(0.5)) / np.sqrt(0.5)
    chance = stats.norm.cdf(first[inside] * np.sqrt(after / 100) - hurdle)
    assert (chance >= 0.8 - 1e-6).all() and chance.mean() < 0.81


def test_blinded_size_follows_the_spread_and_never_looks_at_the_arms() -> None:
    random = np.random.default_rng(7)
    change = random.normal(0, [[5.0], [10.0], [20.0]], (3, 4000))
    found = analyse.blinded(change, 3.0, planned=100, most=2000)
    expected = [analyse.t_size(3.0, float(np.std(c, ddof=1))) for c in change]
    assert list(found.size) == [int(np.clip(np.ceil(n), 100, 2000)) for n in expected]
    shifted = change + np.where(np.arange(4000) % 2, 3.0, 0.0)
    adjusted = analyse.blinded(shifted, 3.0, planned=100, most=2000, adjusted=True)
    assert adjusted.sd == pytest.approx(found.sd, rel=0.02)
    few = analyse.blinded([[1.0, 2.0, np.nan], [1.0, 1.0, 1.0]], 3.0, planned=100, most=200)
    assert list(few.status) == [Status.TOO_FEW, Status.NO_SPREAD]


def visits(seed: int, replicates: int = 3, people: int = 60):
    random = np.random.default_rng(seed)
    arm = np.arange(people) % 3
    person = random.normal(0, 5, (replicates, people, 1))
    gain = -2.0 * np.arange(1, 4) * (arm == 1)[:, None]  # grows from visit to visit
    scores = -8 + gain + person + random.normal(0, 3, (replicates, people, 3))
    last = random.integers(0, 6, (replicates, people))
    scores[np.arange(3) >= np.maximum(last, 1)[..., None]] = np.nan
    return scores, arm


def test_nothing_missing_is_the_analysis_of_covariance() -> None:
    scores, arm = visits(8)
    scores = np.where(np.isnan(scores), np.random.default_rng(0).normal(-8, 5, scores.shape), scores)
    plain = analyse.ancova(scores[..., 2], arm)
    for strategy in analyse.STRATEGIES:
        found = analyse.multiple_imputation(scores, arm, strategy=strategy, imputations=3)
        assert found.estimate == pytest.approx(plain.estimate)
        assert found.se == pytest.approx(plain.se)
        assert found.lost == pytest.approx(np.zeros_like(found.lost), abs=1e-12)
        # Barnard and Rubin: (df + 1) / (df + 3) df without anything lost
        assert found.df == pytest.approx((57 + 1) / (57 + 3) * 57)


def test_reference_strategies_order_the_effects() -> None:
    """Who leaves an arm that works loses nothing at random, keeps the gain, or loses it: the effect shrinks in that order."""
    scores, arm = visits(9, replicates=20)
    effects = {
        s: analyse.multiple_imputation(scores, arm, strategy=s, imputations=10, seed=1).estimate[:, 0].mean()
        for s in analyse.STRATEGIES
    }
    assert effects["mar"] + 0.3 < effects["copy-increments"] < effects["jump-to-reference"] - 0.3 < -0.5
    assert effects["mar"] + 0.3 < effects["copy-reference"] < effects["jump-to-reference"]


def test_shift_moves_the_estimate_by_the_share_that_left() -> None:
    scores, arm = visits(10)
    plain = analyse.multiple_imputation(scores, arm, imputations=5, seed=2)
    moved = analyse.multiple_imputation(scores, arm, imputations=5, seed=2, shift=4.0)
    for a in (1, 2):
        left = np.isnan(scores[:, arm == a, 2]).mean(axis=1)
        assert (moved.estimate - plain.estimate)[:, a - 1] == pytest.approx(4 * left)


def test_draws_belong_to_the_replicate() -> None:
    scores, arm = visits(11, replicates=70)
    whole = analyse.multiple_imputation(scores, arm, imputations=3, strategy="jump-to-reference", seed=4)
    first = analyse.multiple_imputation(scores[:2], arm, imputations=3, strategy="jump-to-reference", seed=4)
    assert whole.estimate[:2] == pytest.approx(first.estimate, rel=1e-9)


def test_rules_of_rubin_by_hand() -> None:
    estimate, variance, df, within, between, lost = pool(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0]), 100.0)
    assert (estimate, within, between) == (2.0, 2.0, 1.0)
    assert variance == pytest.approx(2 + 4 / 3)
    assert lost == pytest.approx(0.4)
    assert df == pytest.approx(1 / (0.4**2 / 2 + 1 / (101 / 103 * 100 * 0.6)))


def test_imputation_fails_with_a_reason() -> None:
    scores, arm = visits(12)
    scores[1, arm == 2, 2] = np.nan
    found = analyse.multiple_imputation(scores, arm, imputations=2)
    assert list(found.status) == [Status.OK, Status.EMPTY_CELL, Status.OK]
    assert np.isnan(found.estimate[1]).all() and np.isfinite(found.estimate[[0, 2]]).all()
    with pytest.raises(UsageError, match="no visit 7"):
        analyse.multiple_imputation(scores, arm, visit=7)
    with pytest.raises(UsageError, match="unknown strategy"):
        analyse.multiple_imputation(scores, arm, strategy="locf")  # type: ignore[arg-type]


def test_every_analysis_names_its_estimand() -> None:
    assert set(analyse.ANALYSES) >= {"mmrm", "ancova", "t-test", "log-rank", "cox", "rmst", "withdrawal", "proportions"}
    assert {f"imputation-{s}" for s in analyse.STRATEGIES} <= set(analyse.ANALYSES)
    for row in analyse.ANALYSES.values():
        text = str(row.estimand.about("MADRS", "day 28"))
        assert "{" not in text and text.count(": ") >= 4
