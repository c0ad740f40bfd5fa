"""Competing risks: cumulative incidence of one kind of end beside the others (relapse beside dropout)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError
from ketasim.core.arrays import Array, IntArray

from .result import Comparison, first_reason, masked
from .risk import times_of
from .shapes import arms_of
from .status import Status
from .student import interval, quantile_normal, two_sided_normal
from .survival import LogRank, log_rank, product_limit


@dataclass(frozen=True)
class Incidence:
    """Share that has had the event by given times. incidence, se, low, high : (R, A, T); nan beyond an arm's follow-up."""

    times: Array
    incidence: Array
    se: Array
    low: Array
    high: Array


def cumulative_incidence(
    time: ArrayLike, kind: ArrayLike, arm: ArrayLike, at: ArrayLike, *, cause: int = 1, level: float = 0.95
) -> Incidence:
    """Share with an event of `cause` by the times `at`, other kinds of event as competitors.

    F(t) = sum over s <= t of S(s-) d_cause(s) / n(s), S for events of any kind (Aalen and Johansen 1978). Variance by the delta
    method (Marubini and Valsecchi 1995, section 10.3), with a = d / (n (n - d)):
    sum (F(t) - F(s))^2 a + sum S(s-)^2 d_c (n - d_c) / n^3 - 2 sum (F(t) - F(s)) S(s-) d_c / n^2.
    Interval on the log(-log) scale. Taking one minus Kaplan-Meier with competitors censored would overstate the share.

    kind : (R, N) or (N,), 0 = censored, 1, 2, ... = kinds of event. at : (T,). cause : the kind of interest.
    """
    times, kinds = times_of(time, kind)
    arms, groups = arms_of(arm, *times.shape)
    if cause < 1:
        raise UsageError(f"kind of event {cause} is no event", where="cause", allowed="1 or more (0 is censored)")
    wanted = np.atleast_1d(np.asarray(at, dtype=np.float64))
    shape = (times.shape[0], groups, len(wanted))
    incidence, variance, known = np.empty(shape), np.empty(shape), np.empty(shape, dtype=bool)
    for a in range(groups):
        values = _one_arm(times, kinds, arms == a, wanted, cause)
        incidence[:, a], variance[:, a], known[:, a] = values
    incidence = np.where(known, incidence, np.nan)
    se = np.where(known, np.sqrt(np.maximum(variance, 0.0)), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = (incidence > 0) & (incidence < 1)
        safe = np.where(inside, incidence, 0.5)
        reach = quantile_normal(level) * se / (safe * np.abs(np.log(safe)))
        low, high = safe ** np.exp(reach), safe ** np.exp(-reach)
    return Incidence(wanted, incidence, se, np.where(inside, low, incidence), np.where(inside, high, incidence))


def _one_arm(
    times: Array, kinds: IntArray, member: np.ndarray, wanted: Array, cause: int
) -> tuple[Array, Array, np.ndarray]:
    """F, its variance and whether it is known, each (R, T)."""
    steps = product_limit(times, kinds, member)
    n = np.maximum(steps.at_risk, 1.0)
    here = steps.weight * (steps.kind == cause)
    total = np.cumsum(here, axis=1)
    d = np.where(steps.ends, np.diff(_at_ends(total, steps.ends), axis=1, prepend=0.0), 0.0)
    curve = np.cumsum(steps.before * d / n, axis=1)
    a = steps.hazard_variance
    terms = [
        curve,
        a,
        a * curve,
        a * curve**2,
        steps.before**2 * d * (n - d) / n**3,
        steps.before * d / n**2,
        curve * steps.before * d / n**2,
    ]
    number = ((steps.time[:, None, :] <= wanted[None, :, None]) & (steps.weight[:, None, :] > 0)).sum(axis=-1)
    place = np.maximum(number - 1, 0)
    picked = [
        np.where(number == 0, 0.0, np.take_along_axis(term if i == 0 else np.cumsum(term, axis=1), place, axis=1))
        for i, term in enumerate(terms)
    ]
    f, a0, a1, a2, b, c0, c1 = picked
    variance = f**2 * a0 - 2 * f * a1 + a2 + b - 2 * f * c0 + 2 * c1
    event_free = np.where(number == 0, 1.0, np.take_along_axis(steps.survival, place, axis=1))
    known = (wanted[None, :] <= steps.longest[:, None]) | (event_free <= 0)
    return f, variance, known


def _at_ends(total: Array, ends: np.ndarray) -> Array:
    """Running totals as they were at the last end of a group of ties, so that differences are sums of whole groups."""
    held = np.where(ends, total, 0.0)
    return np.asarray(np.maximum.accumulate(held, axis=1))


def incidence_difference(
    time: ArrayLike, kind: ArrayLike, arm: ArrayLike, at: float, *, cause: int = 1, level: float = 0.95
) -> Comparison:
    """Difference of cumulative incidence to the comparator at one time, normal law."""
    found = cumulative_incidence(time, kind, arm, [at], cause=cause, level=level)
    incidence, se = found.incidence[..., 0], found.se[..., 0]
    difference = incidence[:, 1:] - incidence[:, :1]
    error = np.sqrt(se[:, 1:] ** 2 + se[:, :1] ** 2)
    status = first_reason(
        (np.isnan(incidence).any(axis=1), Status.BEYOND_FOLLOW_UP), (~(error > 0).all(axis=1), Status.NO_EVENTS)
    )
    difference, error = masked(status, difference, error)
    low, high = interval(difference, error, np.inf, level)
    p = two_sided_normal(difference / error)
    free = np.full_like(error, np.inf)
    scale = f"difference of cumulative incidence by time {at:g}"
    return Comparison(difference, error, free, p, low, high, status, "cumulative-incidence", scale, level)


def cause_specific(
    time: ArrayLike,
    kind: ArrayLike,
    arm: ArrayLike,
    *,
    cause: int = 1,
    strata: ArrayLike | None = None,
    level: float = 0.95,
) -> LogRank:
    """Log-rank test of the cause-specific hazard: competing events end the time at risk as censoring does."""
    times, kinds = times_of(time, kind)
    found = log_rank(times, (kinds == cause).astype(np.int64), arm, strata=strata, level=level)
    return replace(found, name="cause-specific", scale="log cause-specific hazard ratio, one step from 0")
