"""Gray's test: whether the cumulative incidence of one kind of end is the same in two arms, other kinds of end beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError
from ketasim.core.arrays import Array, BoolArray, IntArray

from .result import Comparison, first_reason, masked
from .risk import sort, times_of
from .shapes import arms_of
from .status import Status
from .student import interval, two_sided_normal


@dataclass(frozen=True)
class Gray(Comparison):
    """Gray's tests against the comparator; the estimate is the one-step log ratio of subdistribution hazards.

    z : (R, A - 1), score over its standard error, below 0 if fewer of the arm have that end than expected. score : the same before dividing.
    """

    z: Array
    score: Array


def gray(time: ArrayLike, kind: ArrayLike, arm: ArrayLike, *, cause: int = 1, level: float = 0.95) -> Gray:
    """Test of equal cumulative incidence of `cause` (Gray 1988, weight 1), each arm against the comparator.

    With Y_k people of arm k still without any end, S_k their share by Kaplan and Meier (any end) and F_k the incidence of the cause, those who stay
    at risk for its subdistribution number R_k = Y_k (1 - F_k) / S_k, and the score of arm 1 is sum over times of d_1 - R_1 d / (R_0 + R_1), d the ends
    of the cause. Under the null one F serves both arms, dF = d / sum_k (Y_k / S_k). The score is a sum of martingales of both kinds of end: with
    w_k = Y_k / S_k, b_k = +-w_0 w_1 / (w_0 + w_1) and D(t) = sum over s > t of b(s) dF(s) / (1 - F(s)),

        V = sum_k sum_t (b_k + (1 - q_k) D_k)^2 S_k dF / Y_k + (q_k D_k)^2 S_k^2 d'_k / Y_k^2,   q_k = (1 - F) / S_k after t,

    d' ends of other kinds; ties as in the log-rank test: (n - d) / (n - 1). The cause-specific log-rank test asks about the rate among those
    still at risk; this one about the share that ends so, which another kind of end can change as well.

    time, kind, arm : (R, N) or (N,); kind 0 = censored, 1, 2, ... = kinds of end.
    """
    times, kinds = times_of(time, kind)
    arms, groups = arms_of(arm, *times.shape)
    if cause < 1:
        raise UsageError(f"kind of event {cause} is no event", where="cause", allowed="1 or more (0 is censored)")
    followed = ~np.isnan(times)
    shape = (times.shape[0], groups - 1)
    score, variance = np.zeros(shape), np.zeros(shape)
    for a in range(1, groups):
        score[:, a - 1], variance[:, a - 1] = _pair(times, kinds, arms == 0, arms == a, followed, cause)
    empty = np.asarray([((arms == a) & followed).sum(axis=1) == 0 for a in range(groups)]).any(axis=0)
    status = first_reason((empty, Status.EMPTY_CELL), (~(variance > 1e-12).all(axis=1), Status.NO_EVENTS))
    safe = np.where(variance > 1e-12, variance, 1.0)
    estimate, se, z = masked(status, score / safe, 1 / np.sqrt(safe), score / np.sqrt(safe))
    low, high = interval(estimate, se, np.inf, level)
    scale = "log subdistribution hazard ratio, one step from 0"
    free = np.full(shape, np.inf)
    return Gray(estimate, se, free, two_sided_normal(z), low, high, status, "gray", scale, level, z, score)


def _pair(
    times: Array, kinds: IntArray, comparator: BoolArray, treated: BoolArray, followed: BoolArray, cause: int
) -> tuple[Array, Array]:
    """Score of the treated arm and its variance, (R,) each. One column per distinct time; other columns hold no ends."""
    both = followed & (comparator | treated)
    ordered = sort(times, both)
    weight = [ordered.of((both & member).astype(np.float64)) for member in (comparator, treated)]
    sorted_kinds = np.take_along_axis(kinds, ordered.order, axis=1)
    at_risk = np.stack([ordered.from_here(w) for w in weight])
    mine = np.stack([ordered.among_ties(w * (sorted_kinds == cause)) for w in weight]) * ordered.ends
    others = np.stack([ordered.among_ties(w * ((sorted_kinds > 0) & (sorted_kinds != cause))) for w in weight])
    others = others * ordered.ends

    y = np.maximum(at_risk, 1.0)
    there = at_risk > 0
    after = np.cumprod(1 - (mine + others) / y, axis=-1)  # S_k after each time
    before = _shifted(after, 1.0)
    f = np.cumsum(before * mine / y, axis=-1)
    w = np.where(there & (before > 0), at_risk / np.where(before > 0, before, 1.0), 0.0)
    staying = w * (1 - _shifted(f, 0.0))

    ends = mine.sum(axis=0)
    total = staying.sum(axis=0)
    share = np.divide(staying[1], total, out=np.zeros_like(total), where=total > 0)
    score = (mine[1] - ends * share).sum(axis=-1)

    effective = w.sum(axis=0)
    step = np.divide(ends, effective, out=np.zeros_like(ends), where=effective > 0)  # dF of both arms under the null
    pooled = np.cumsum(step, axis=-1)
    left = 1 - _shifted(pooled, 0.0)
    b = np.divide(w[0] * w[1], effective, out=np.zeros_like(effective), where=effective > 0)
    rate = np.divide(step, left, out=np.zeros_like(step), where=left > 1e-12)
    passed = np.cumsum(b * rate, axis=-1)
    later = passed[..., -1:] - passed  # D after each time; -D for the comparator
    variance = np.zeros(times.shape[0])
    for k in (0, 1):
        alive = after[k] > 1e-12
        q = np.where(alive, (1 - pooled) / np.where(alive, after[k], 1.0), 0.0)
        ties = np.where(ends > 1, 1 - (ends - 1) / np.maximum(effective * before[k] - 1, 1e-300), 1.0)
        tied = np.where(others[k] > 1, 1 - (others[k] - 1) / np.maximum(at_risk[k] - 1, 1e-300), 1.0)
        own = (b + (1 - q) * later) ** 2 * ties * before[k] * step / y[k]
        beside = (q * later) ** 2 * tied * before[k] ** 2 * others[k] / y[k] ** 2
        variance += np.where(there[k], own + beside, 0.0).sum(axis=-1)
    return score, variance


def _shifted(curve: Array, start: float) -> Array:
    """The value before each column."""
    found = np.full_like(curve, start)
    found[..., 1:] = curve[..., :-1]
    return found
