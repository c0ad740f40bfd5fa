"""Shares of people: response, remission, an adverse event; differences, exact tests, strata, logistic regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ketasim.core import UsageError
from ketasim.core.arrays import Array, IntArray

from .inverse import invert
from .result import Comparison, first_reason, masked
from .risk import each_stratum, strata_of
from .shapes import arms_of, columns_of, values_of
from .status import Status
from .student import interval, quantile_normal, two_sided_normal

Missing = Literal["failure", "left out"]
MOST_STEPS = 60
SETTLED = 1e-18  # Newton decrement


@dataclass(frozen=True)
class Proportions(Comparison):
    """Differences of shares. successes, people, share, share_low, share_high : (R, A), interval of Wilson.

    fisher : (R, A - 1), two-sided exact p of Fisher, nan if strata are given.
    """

    successes: Array
    people: Array
    share: Array
    share_low: Array
    share_high: Array
    fisher: Array


def _answers(success: ArrayLike, missing: Missing) -> Array:
    """1, 0 or nan (R, N)."""
    values = values_of(np.asarray(success, dtype=np.float64), "success")
    if missing not in ("failure", "left out"):
        raise UsageError(
            f"unknown handling '{missing}' of missing answers",
            where="missing",
            allowed="failure (counted as no success), left out",
            fix='missing="failure"',
        )
    if not np.isin(values[~np.isnan(values)], (0.0, 1.0)).all():
        raise UsageError(
            "an answer is neither 0 nor 1", where="success", allowed="1 = success, 0 = none, nan = missing"
        )
    return np.where(np.isnan(values), 0.0, values) if missing == "failure" else values


def wilson(successes: Array, people: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Score interval of a share (Wilson 1927): (2 x + z^2 -+ z sqrt(z^2 + 4 x (1 - x / n))) / (2 (n + z^2))."""
    z = quantile_normal(level)
    n = np.maximum(people, 1e-300)
    reach = z * np.sqrt(z**2 + 4 * successes * (1 - successes / n))
    return (2 * successes + z**2 - reach) / (2 * (n + z**2)), (2 * successes + z**2 + reach) / (2 * (n + z**2))


def proportions(
    success: ArrayLike,
    arm: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    missing: Missing = "failure",
    level: float = 0.95,
) -> Proportions:
    """Difference of the share of successes to the comparator.

    Without strata: interval of Newcombe (1998, method 10) from the intervals of Wilson; p from the pooled z test (chi-square
    without correction), and Fisher's exact p beside it. With strata: the difference of Mantel and Haenszel with the variance
    of Sato (1989), p from the test of Cochran, Mantel and Haenszel without correction.

    success : (R, N) or (N,), 1, 0, nan = missing. arm, strata : (R, N) or (N,). missing : "failure" counts a missing answer
    as no success (composite strategy); "left out" leaves the person out.
    """
    values = _answers(success, missing)
    arms, groups = arms_of(arm, *values.shape)
    seen = ~np.isnan(values)
    filled = np.where(seen, values, 0.0)
    member = (arms[..., None] == np.arange(groups)) & seen[..., None]
    people = member.sum(axis=1).astype(np.float64)
    successes = np.einsum("rn,rna->ra", filled, member.astype(np.float64))
    share = successes / np.maximum(people, 1.0)
    low_share, high_share = wilson(successes, people, level)
    x1, n1, x0, n0 = successes[:, 1:], people[:, 1:], successes[:, :1], people[:, :1]
    safe1, safe0 = np.maximum(n1, 1.0), np.maximum(n0, 1.0)
    if strata is None:
        estimate = share[:, 1:] - share[:, :1]
        se = np.sqrt(share[:, 1:] * (1 - share[:, 1:]) / safe1 + share[:, :1] * (1 - share[:, :1]) / safe0)
        below = np.sqrt((share[:, 1:] - low_share[:, 1:]) ** 2 + (high_share[:, :1] - share[:, :1]) ** 2)
        above = np.sqrt((high_share[:, 1:] - share[:, 1:]) ** 2 + (share[:, :1] - low_share[:, :1]) ** 2)
        low, high = estimate - below, estimate + above
        pooled = (x1 + x0) / np.maximum(n1 + n0, 1.0)
        error = np.sqrt(pooled * (1 - pooled) * (1 / safe1 + 1 / safe0))
        z = np.where(error > 0, estimate / np.where(error > 0, error, 1.0), 0.0)
        fisher = fisher_exact(x1, n1, np.broadcast_to(x0, x1.shape), np.broadcast_to(n0, n1.shape))
    else:
        estimate, se, z = _stratified(filled, member, strata_of(strata, values.shape), groups)
        low, high = interval(estimate, se, np.inf, level)
        fisher = np.full_like(estimate, np.nan)
    status = first_reason(
        ((people == 0).any(axis=1), Status.EMPTY_CELL), (np.isnan(estimate).any(axis=1), Status.EMPTY_CELL)
    )
    estimate, se, low, high, z, fisher = masked(status, estimate, se, low, high, z, fisher)
    name = "proportions" if missing == "failure" else "proportions-seen"
    return Proportions(
        estimate,
        se,
        np.full_like(se, np.inf),
        two_sided_normal(z),
        low,
        high,
        status,
        name,
        "difference of shares",
        level,
        successes,
        people,
        share,
        low_share,
        high_share,
        fisher,
    )


def _stratified(filled: Array, member: np.ndarray, levels: IntArray, groups: int) -> tuple[Array, Array, Array]:
    """Mantel-Haenszel difference, its standard error (Sato) and the z of Cochran-Mantel-Haenszel, each (R, A - 1)."""
    shape = (filled.shape[0], groups - 1)
    weights, effect, sato_p, sato_q = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    above, variance = np.zeros(shape), np.zeros(shape)
    for inside in each_stratum(levels):
        here = (member & inside[..., None]).astype(np.float64)
        n = here.sum(axis=1)
        x = np.einsum("rn,rna->ra", filled, here)
        n1, n0, x1, x0 = n[:, 1:], n[:, :1], x[:, 1:], x[:, :1]
        total = n1 + n0
        use = (n1 > 0) & (n0 > 0)
        t, a, c = np.maximum(total, 1.0), np.maximum(n1, 1.0), np.maximum(n0, 1.0)
        weight = np.where(use, n1 * n0 / t, 0.0)
        weights += weight
        effect += weight * (x1 / a - x0 / c)
        sato_p += np.where(use, (n1**2 * x0 - n0**2 * x1 + n1 * n0 * (n0 - n1) / 2) / t**2, 0.0)
        sato_q += np.where(use, (x1 * (n0 - x0) + x0 * (n1 - x1)) / (2 * t), 0.0)
        events = x1 + x0
        above += np.where(use, x1 - n1 * events / t, 0.0)
        variance += np.where(
            use & (total > 1), n1 * n0 * events * (total - events) / (t**2 * np.maximum(t - 1, 1.0)), 0.0
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = effect / weights
        se = np.sqrt(np.maximum(difference * sato_p + sato_q, 0.0)) / weights
    z = np.where(variance > 0, above / np.sqrt(np.where(variance > 0, variance, 1.0)), 0.0)
    return difference, se, z


def fisher_exact(x1: Array, n1: Array, x0: Array, n0: Array) -> Array:
    """Two-sided exact p (Fisher 1935): the chance of all tables with these margins that are no likelier than the one seen."""
    tables = np.stack([np.ravel(x1), np.ravel(n1), np.ravel(x0), np.ravel(n0)], axis=1)
    different, place = np.unique(tables, axis=0, return_inverse=True)
    p = np.empty(len(different))
    for i, (a, n, c, m) in enumerate(different):
        total = a + c
        k = np.arange(max(0.0, total - m), min(n, total) + 1)
        log = -(
            special.gammaln(k + 1)
            + special.gammaln(n - k + 1)
            + special.gammaln(total - k + 1)
            + special.gammaln(m - total + k + 1)
        )
        chance = np.exp(log - log.max())
        seen = chance[int(a - k[0])]
        p[i] = min(1.0, chance[chance <= seen * (1 + 1e-7)].sum() / chance.sum())
    return np.asarray(p[np.ravel(place)].reshape(np.shape(x1)))


def logistic(
    success: ArrayLike,
    arm: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    missing: Missing = "failure",
    level: float = 0.95,
) -> Comparison:
    """Log odds ratio of each arm to the comparator by maximum likelihood, given covariates.

    logit P(success) = mean + effect_arm + sum_k b_k x_k; Newton's method with halved steps, Wald tests. Success or failure of
    a whole arm, or covariates that separate them, have no finite estimate: `Status.SEPARATED`.
    """
    values = _answers(success, missing)
    arms, groups = arms_of(arm, *values.shape)
    extra = columns_of(covariates, *values.shape)
    seen = ~np.isnan(values)
    y = np.where(seen, values, 0.0)
    centred = extra - extra.mean(axis=1, keepdims=True)
    width = centred.std(axis=1, keepdims=True)
    dummies = (arms[..., None] == np.arange(1, groups)).astype(np.float64)
    x = np.concatenate([np.ones((*y.shape, 1)), dummies, centred / np.where(width > 0, width, 1.0)], axis=-1)
    x = x * seen[..., None]
    member = ((arms[..., None] == np.arange(groups)) & seen[..., None]).astype(np.float64)
    people = member.sum(axis=1)
    successes = np.einsum("rn,rna->ra", y, member)
    beta = np.zeros((len(y), x.shape[-1]))
    covariance = np.zeros((len(y), x.shape[-1], x.shape[-1]))
    settled, ranked = np.zeros(len(y), dtype=bool), np.ones(len(y), dtype=bool)
    value = np.full(len(y), -np.inf)
    last, step, share = beta.copy(), np.zeros_like(beta), np.ones(len(y))
    for turn in range(MOST_STEPS):
        now = last + share[:, None] * step
        line = np.einsum("rnp,rp->rn", x, now)
        likelihood = ((y * line - np.logaddexp(0.0, line)) * seen).sum(axis=1)
        chance = special.expit(line) * seen
        information = x.transpose(0, 2, 1) @ (x * (chance * (1 - chance))[..., None])
        gradient = np.einsum("rnp,rn->rp", x, y - chance)
        inverse, _, pivot = invert(information)
        good = (likelihood >= value - 1e-10 * (1 + np.abs(likelihood))) & (pivot > 1e-13)
        if turn == 0:
            ranked = pivot > 1e-11
        move = np.einsum("rpq,rq->rp", inverse, gradient)
        take = good & ~settled
        done = take & ((move * gradient).sum(axis=1) < SETTLED)
        beta[take], covariance[take], last[take] = now[take], inverse[take], now[take]
        value = np.where(take, likelihood, value)
        step[take] = move[take]
        share = np.where(good, 1.0, share * 0.5)
        settled |= done
        step[settled | ~ranked] = 0.0
        if (settled | ~ranked).all():
            break
    with np.errstate(invalid="ignore"):
        se = np.sqrt(np.einsum("rpp->rp", covariance))
    one_sided = ((successes == 0) | (successes == people)).any(axis=1)
    far = (np.abs(beta) > 15).any(axis=1)
    status = first_reason(
        ((people == 0).any(axis=1), Status.EMPTY_CELL),
        (~ranked, Status.RANK),
        (one_sided | far, Status.SEPARATED),
        (~settled, Status.NOT_CONVERGED),
    )
    estimate, se = masked(status, beta[:, 1:groups], se[:, 1:groups])
    low, high = interval(estimate, se, np.inf, level)
    p = two_sided_normal(estimate / se)
    name = "logistic" if missing == "failure" else "logistic-seen"
    return Comparison(estimate, se, np.full_like(se, np.inf), p, low, high, status, name, "log odds ratio", level)
