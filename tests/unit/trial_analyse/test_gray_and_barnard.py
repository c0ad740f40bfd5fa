"""Gray's test and Barnard's: against what they must be where another test says it, against scipy, and their error by simulation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from ketasim.core import UsageError
from ketasim.trial.analyse import ANALYSES, Status, barnard_exact, fisher_exact, gray, log_rank


def ends(
    random: np.random.Generator, size: int, people: int, ratio: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times to relapse (kind 1) beside leaving (kind 2, at the same rate in both arms) and the end of the trial (0)."""
    arm = np.arange(people) % 2
    relapse = random.exponential(1 / np.where(arm == 1, ratio, 1.0), (size, people))
    leaving = random.exponential(2.0, (size, people))
    time = np.minimum(np.minimum(relapse, leaving), 1.5)
    kind = np.where(time == 1.5, 0, np.where(relapse < leaving, 1, 2))
    return time, kind, arm


def test_gray_without_competitors_is_the_log_rank_test_of_large_groups() -> None:
    """Everybody followed to one end and no other ends: R_k is the number at risk, so the score is O - E to rounding; the variances agree as n grows."""
    random = np.random.default_rng(5)
    arm = np.arange(2000) % 2
    life = random.exponential(1.0, (3, 2000))
    time, kind = np.minimum(life, 0.7), (life < 0.7).astype(int)
    found, plain = gray(time, kind, arm), log_rank(time, kind, arm)
    assert found.score[:, 0] == pytest.approx((plain.observed - plain.expected)[:, 0], abs=1e-8)
    assert found.z[:, 0] == pytest.approx(plain.z[:, 0], rel=0.01)


def test_gray_of_a_replicate_is_the_same_alone_and_changes_sign_with_the_arms() -> None:
    time, kind, arm = ends(np.random.default_rng(6), 5, 60, 0.6)
    time = np.ceil(time * 10)  # with ties
    many = gray(time, kind, arm)
    for r in range(5):
        assert gray(time[r], kind[r], arm).z[0, 0] == pytest.approx(many.z[r, 0], rel=1e-12)
    assert gray(time, kind, 1 - arm).z == pytest.approx(-many.z, rel=1e-9)


def test_error_and_power_of_gray() -> None:
    """Under the null 5 % within 3 Monte Carlo SE; the variance is that of the score; where the incidence falls it is found."""
    time, kind, arm = ends(np.random.default_rng(7), 4000, 120, 1.0)
    found = gray(time, kind, arm)
    assert (found.status == Status.OK).all()
    assert abs((found.p < 0.05).mean() - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 4000)
    assert found.score.var() == pytest.approx((1 / found.se**2).mean(), rel=0.08)
    time, kind, arm = ends(np.random.default_rng(8), 400, 240, 0.4)
    stronger = gray(time, kind, arm)
    assert (stronger.p < 0.05).mean() > 0.9 and (stronger.z < 0).mean() > 0.99


def test_gray_sees_what_the_cause_specific_rate_does_not() -> None:
    """The same rate of relapse, but arm 1 leaves ten times as often: fewer of it ever relapse, though the rate at risk is one."""
    random = np.random.default_rng(9)
    arm = np.arange(400) % 2
    relapse, leaving = random.exponential(1.0, (60, 400)), random.exponential(np.where(arm == 1, 0.2, 2.0), (60, 400))
    time, kind = np.minimum(relapse, leaving), np.where(relapse < leaving, 1, 2)
    assert (gray(time, kind, arm).p < 0.05).mean() > 0.9
    rate = log_rank(time, (kind == 1).astype(int), arm)
    assert abs(rate.z.mean()) < 3 / np.sqrt(60)


def test_gray_fails_with_a_reason_and_names_its_estimand() -> None:
    time, arm = np.arange(1.0, 9.0), np.arange(8) % 2
    none = gray(time, np.full(8, 2), arm)
    assert none.status[0] == Status.NO_EVENTS and np.isnan(none.p[0, 0])
    assert gray(np.where(arm == 1, np.nan, time), np.ones(8, dtype=int), arm).status[0] == Status.EMPTY_CELL
    with pytest.raises(UsageError, match="is no event"):
        gray(time, np.ones(8, dtype=int), arm, cause=0)
    assert "own kind" in ANALYSES[gray(time, np.ones(8, dtype=int), arm).name].estimand.intercurrent


@pytest.mark.parametrize(
    "table", [(7, 8, 12, 3), (3, 9, 9, 3), (0, 6, 4, 2), (1, 20, 8, 13), (5, 5, 5, 5), (11, 1, 30, 20)]
)
def test_barnard_by_exact_order_and_a_fine_grid(table: tuple[int, int, int, int]) -> None:
    """Successes and failures of either arm: tables in the order of T^2 in whole numbers, the chance on 20,001 values of the share. scipy compares T in
    floating point, which can leave out tables that tie with the one seen, and begins at a few points: it is never above."""
    a, b, c, d = table
    n, m = a + b, c + d

    def order(x: int, y: int) -> Fraction:
        total = Fraction(x + y, n + m)
        spread = total * (1 - total)
        return (Fraction(x, n) - Fraction(y, m)) ** 2 / spread if spread else Fraction(0)

    pi = np.linspace(0, 1, 20_001)
    chance = sum(
        stats.binom.pmf(x, n, pi) * stats.binom.pmf(y, m, pi)
        for x in range(n + 1)
        for y in range(m + 1)
        if order(x, y) >= order(a, c)
    )
    ours = float(barnard_exact(np.array([a]), np.array([n]), np.array([c]), np.array([m]))[0])
    assert ours == pytest.approx(float(np.max(chance)), rel=1e-6)
    assert stats.barnard_exact([[a, c], [b, d]]).pvalue <= ours * (1 + 1e-9)


def test_barnard_by_hand() -> None:
    """2 of 2 against 0 of 2: as far apart as possible, with 0 of 2 against 2 of 2: 2 pi^2 (1 - pi)^2, largest at a half: 1/8 (Fisher: 1/3)."""
    two, none = np.array([2.0]), np.array([0.0])
    assert barnard_exact(two, two, none, two)[0] == pytest.approx(0.125, rel=1e-9)
    assert fisher_exact(two, two, none, two)[0] == pytest.approx(1 / 3)
    assert barnard_exact(none, none, none, two)[0] == 1.0 and barnard_exact(none, two, none, two)[0] == 1.0


def test_error_of_barnard_is_kept_and_nearer_to_the_level_than_that_of_fisher() -> None:
    """Every table of 12 against 12, for shares from 5 to 95 %: the chance to reject is at most 5 %, and larger than Fisher's."""
    n = np.full(169, 12.0)
    x1, x0 = (grid.ravel().astype(float) for grid in np.meshgrid(np.arange(13), np.arange(13)))
    ours, fisher = barnard_exact(x1, n, x0, n) < 0.05, fisher_exact(x1, n, x0, n) < 0.05
    assert (ours | ~fisher).all() and ours.sum() > fisher.sum()
    for share in np.linspace(0.05, 0.95, 19):
        chance = stats.binom.pmf(x1, 12, share) * stats.binom.pmf(x0, 12, share)
        assert chance[ours].sum() <= 0.05
