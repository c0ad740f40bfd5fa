"""Time to an event: Kaplan-Meier, log-rank, restricted mean, batched over replicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError
from ketasim.core.arrays import Array, IntArray

from .result import Comparison, first_reason, masked
from .risk import each_stratum, sort, strata_of, times_of
from .shapes import arms_of
from .status import Status
from .student import interval, quantile_normal, two_sided_normal


@dataclass(frozen=True)
class LogRank(Comparison):
    """Log-rank tests against the comparator; the estimate is the one-step log hazard ratio (O - E) / V.

    z : (R, A - 1), (O - E) / sqrt(V), below 0 if the arm has fewer events than expected. observed, expected : of the arm.
    """

    z: Array
    observed: Array
    expected: Array


def log_rank(
    time: ArrayLike, event: ArrayLike, arm: ArrayLike, *, strata: ArrayLike | None = None, level: float = 0.95
) -> LogRank:
    """Log-rank test of each arm against the comparator, stratified if strata are given.

    At each event time with d events among n at risk, n_a of them in the arm: E = d n_a / n,
    V = d (n_a / n)(1 - n_a / n)(n - d) / (n - 1), summed over times and strata (Mantel 1966; Peto and Peto 1972);
    z = (O - E) / sqrt(V) is compared with the standard normal law. The estimate (O - E) / V with standard error 1 / sqrt(V) is
    the first step towards the log hazard ratio, near it if that is small; `cox` gives the ratio itself.

    time : (R, N) or (N,), nan = not followed. event : the same, 0 = censored, 1 = event. arm : (R, N) or (N,). strata : the same.
    """
    times, kinds = times_of(time, event)
    arms, groups = arms_of(arm, *times.shape)
    levels = strata_of(strata, times.shape)
    shape = (times.shape[0], groups - 1)
    observed, expected, variance = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    followed = ~np.isnan(times)
    for a in range(1, groups):
        for member in each_stratum(levels):
            counts = member & followed & ((arms == a) | (arms == 0))
            ordered = sort(times, counts)
            weight = ordered.of(counts.astype(np.float64))
            inside = ordered.of((counts & (arms == a)).astype(np.float64))
            ended = weight * ordered.of((kinds > 0).astype(np.float64))
            n, n1 = ordered.from_here(weight), ordered.from_here(inside)
            d = ordered.among_ties(ended) * ordered.ends
            share = n1 / np.maximum(n, 1.0)
            observed[:, a - 1] += (ended * inside).sum(axis=1)
            expected[:, a - 1] += (d * share).sum(axis=1)
            variance[:, a - 1] += (d * share * (1 - share) * (n - d) / np.maximum(n - 1, 1.0)).sum(axis=1)
    status = first_reason(
        (_unfollowed(followed, arms, groups), Status.EMPTY_CELL), (~(variance > 0).all(axis=1), Status.NO_EVENTS)
    )
    safe = np.where(variance > 0, variance, 1.0)
    difference = observed - expected
    estimate, se, z = masked(status, difference / safe, 1 / np.sqrt(safe), difference / np.sqrt(safe))
    low, high = interval(estimate, se, np.inf, level)
    return LogRank(
        estimate,
        se,
        np.full(shape, np.inf),
        two_sided_normal(z),
        low,
        high,
        status,
        "log-rank",
        "log hazard ratio, one step from 0",
        level,
        z,
        observed,
        expected,
    )


def _unfollowed(followed: np.ndarray, arms: IntArray, groups: int) -> np.ndarray:
    """Replicates in which nobody of an arm is followed (R,)."""
    return np.asarray([((arms == a) & followed).sum(axis=1) == 0 for a in range(groups)]).any(axis=0)


@dataclass(frozen=True)
class Curve:
    """Share still without the event at given times: survival, se (Greenwood 1926), at_risk; all (R, A, T).

    low, high : interval on the log(-log) scale (Kalbfleisch and Prentice 1980). After the last follow-up of an arm that did
    not end in an event the curve is not known: nan.
    """

    times: Array
    survival: Array
    se: Array
    at_risk: Array
    low: Array
    high: Array


def kaplan_meier(time: ArrayLike, event: ArrayLike, arm: ArrayLike, at: ArrayLike, *, level: float = 0.95) -> Curve:
    """Product-limit estimate at the times `at` (T,) of every arm: S(t) = prod over event times up to t of (1 - d / n)."""
    times, kinds = times_of(time, event)
    arms, groups = arms_of(arm, *times.shape)
    wanted = np.atleast_1d(np.asarray(at, dtype=np.float64))
    shape = (times.shape[0], groups, len(wanted))
    survival, variance, risk, known = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape, dtype=bool)
    for a in range(groups):
        steps = product_limit(times, kinds, arms == a)
        counts = (steps.time[:, None, :] <= wanted[None, :, None]) & (steps.weight[:, None, :] > 0)  # (R, T, N)
        number = counts.sum(axis=-1)
        place = np.maximum(number - 1, 0)
        none = number == 0
        survival[:, a] = np.where(none, 1.0, np.take_along_axis(steps.survival, place, axis=1))
        variance[:, a] = np.where(
            none, 0.0, np.take_along_axis(np.cumsum(steps.hazard_variance, axis=1), place, axis=1)
        )
        risk[:, a] = ((steps.time[:, None, :] >= wanted[None, :, None]) & (steps.weight[:, None, :] > 0)).sum(axis=-1)
        known[:, a] = (wanted[None, :] <= steps.longest[:, None]) | (survival[:, a] <= 0)
    survival = np.where(known, survival, np.nan)
    se = survival * np.sqrt(variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(survival)
        reach = quantile_normal(level) * np.sqrt(variance) / np.abs(log)
        low, high = survival ** np.exp(reach), survival ** np.exp(-reach)
    edge = (survival == 1) | (survival == 0)
    low, high = np.where(edge, survival, low), np.where(edge, survival, high)
    return Curve(wanted, survival, se, risk, low, high)


@dataclass(frozen=True)
class Steps:
    """The product-limit curve of one arm in order of time (R, N): survival after each time, before it, and what it is made of."""

    time: Array
    weight: Array
    kind: IntArray
    survival: Array
    before: Array
    at_risk: Array
    events: Array
    hazard_variance: Array
    ends: np.ndarray
    longest: Array


def product_limit(times: Array, kinds: IntArray, member: np.ndarray) -> Steps:
    """S after each sorted time; the sum of d / (n (n - d)) in `hazard_variance`, one entry per distinct time."""
    counts = member & ~np.isnan(times)
    ordered = sort(times, counts)
    weight = ordered.of(counts.astype(np.float64))
    kind = np.take_along_axis(kinds, ordered.order, axis=1)
    ended = weight * (kind > 0)
    n = ordered.from_here(weight)
    d = ordered.among_ties(ended) * ordered.ends
    factor = 1 - d / np.maximum(n, 1.0)
    curve = np.cumprod(factor, axis=1)
    # everybody with the same time has the curve after it
    survival = ordered.pick(curve, ordered.last)
    before = np.ones_like(curve)
    before[:, 1:] = curve[:, :-1]
    before = ordered.pick(before, ordered.first)
    left = n - d
    variance = np.where(left > 0, d / (np.maximum(n, 1.0) * np.maximum(left, 1.0)), 0.0)
    longest = np.where(weight > 0, ordered.time, -np.inf).max(axis=1)
    return Steps(ordered.time, weight, kind, survival, before, n, d, variance, ordered.ends, longest)


@dataclass(frozen=True)
class RestrictedMean(Comparison):
    """Differences of restricted means. means, means_se : (R, A). horizon : (R,), the time up to which the mean is taken."""

    means: Array
    means_se: Array
    horizon: Array


def restricted_mean(
    time: ArrayLike, event: ArrayLike, arm: ArrayLike, horizon: float | None = None, *, level: float = 0.95
) -> RestrictedMean:
    """Restricted mean time without the event, up to `horizon`, and its difference to the comparator.

    RMST = integral of S from 0 to the horizon; its variance is the sum over event times of
    (integral of S from that time to the horizon)^2 d / (n (n - d)) (Royston and Parmar 2013; Klein and Moeschberger 2003,
    section 4.5). It needs no proportional hazards and stands beside the hazard ratio. horizon : None takes, in every
    replicate, the shortest of the longest follow-ups of the arms.
    """
    times, kinds = times_of(time, event)
    arms, groups = arms_of(arm, *times.shape)
    if horizon is not None and not (np.isfinite(horizon) and horizon > 0):
        raise UsageError(f"a horizon of {horizon:g} is no length of time", where="horizon", allowed="above 0")
    curves = [product_limit(times, kinds, arms == a) for a in range(groups)]
    longest = np.stack([c.longest for c in curves], axis=1)
    end = np.full(times.shape[0], np.inf) if horizon is None else np.full(times.shape[0], float(horizon))
    end = longest.min(axis=1) if horizon is None else end
    means, variances = np.zeros((times.shape[0], groups)), np.zeros((times.shape[0], groups))
    unknown = np.zeros(times.shape[0], dtype=bool)
    for a, curve in enumerate(curves):
        limit = np.where(np.isfinite(end), end, 0.0)[:, None]
        upto = np.minimum(np.where(curve.weight > 0, curve.time, np.inf), limit)
        after = np.where(upto < limit, curve.survival, 0.0)
        gaps = np.diff(np.concatenate([upto, limit], axis=1), axis=1)
        area = after * gaps  # between this time and the next
        rest = np.cumsum(area[:, ::-1], axis=1)[:, ::-1]
        means[:, a] = rest[:, 0] + upto[:, 0]
        variances[:, a] = (rest**2 * curve.hazard_variance * (curve.time <= limit)).sum(axis=1)
        last = np.where(curve.weight > 0, curve.survival, 1.0).min(axis=1)
        unknown |= (longest[:, a] < end) & (last > 0)
    difference = means[:, 1:] - means[:, :1]
    se = np.sqrt(variances[:, 1:] + variances[:, :1])
    status = first_reason(
        (~np.isfinite(longest).all(axis=1), Status.EMPTY_CELL),
        (unknown, Status.BEYOND_FOLLOW_UP),
        (~(se > 0).all(axis=1), Status.NO_EVENTS),
    )
    difference, se, means, means_se = masked(status, difference, se, means, np.sqrt(variances))
    low, high = interval(difference, se, np.inf, level)
    return RestrictedMean(
        difference,
        se,
        np.full_like(se, np.inf),
        two_sided_normal(difference / se),
        low,
        high,
        status,
        "rmst",
        "difference of mean times without the event, restricted to the horizon",
        level,
        means,
        means_se,
        end,
    )
