"""Proportional hazards with Efron's handling of ties, batched over replicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core.arrays import Array, BoolArray, IntArray

from .inverse import invert
from .result import Comparison, first_reason, masked
from .risk import each_stratum, sort, strata_of, times_of
from .shapes import arms_of, columns_of
from .status import Status
from .student import interval, two_sided_normal

MOST_STEPS = 60
SETTLED = 1e-18
LARGEST = 25.0  # |log hazard ratio| per SD of a column: beyond it the estimate runs away


@dataclass(frozen=True)
class _Block:
    """One stratum in order of time: columns (R, N, P), events, weights, and each event's share of its ties."""

    x: Array
    ended: Array
    weight: Array
    share: Array
    first: IntArray
    last: IntArray


def cox(
    time: ArrayLike,
    event: ArrayLike,
    arm: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    strata: ArrayLike | None = None,
    level: float = 0.95,
) -> Comparison:
    """Log hazard ratio of each arm to the comparator by partial likelihood.

    h_i(t) = h_s(i)(t) exp(effect_arm(i) + sum_k b_k x_ik); tied events after Efron (1977): the l-th of d tied events has the
    denominator sum of risks minus l / d times the risks of the tied. Newton's method with halved steps; Wald tests.

    time, event, arm : as for `log_rank`; covariates : (R, N, K) or (N, K). An estimate that runs to infinity (an arm without
    events) has the status `Status.SEPARATED`.
    """
    times, kinds = times_of(time, event)
    arms, groups = arms_of(arm, *times.shape)
    levels = strata_of(strata, times.shape)
    extra = columns_of(covariates, *times.shape)
    followed = ~np.isnan(times)
    centred = extra - extra.mean(axis=1, keepdims=True)
    width = centred.std(axis=1, keepdims=True)
    dummies = (arms[..., None] == np.arange(1, groups)).astype(np.float64)
    x = np.concatenate([dummies, centred / np.where(width > 0, width, 1.0)], axis=-1)
    blocks = []
    for member in each_stratum(levels):
        counts = member & followed
        ordered = sort(times, counts)
        weight = ordered.of(counts.astype(np.float64))
        ended = weight * ordered.of((kinds > 0).astype(np.float64))
        before = np.cumsum(ended, axis=1) - ended
        among = np.maximum(ordered.among_ties(ended), 1.0)
        share = (before - ordered.pick(before, ordered.first)) / among
        blocks.append(_Block(ordered.of(x), ended, weight, share, ordered.first, ordered.last))
    events = np.stack([((arms == a) & followed & (kinds > 0)).sum(axis=1) for a in range(groups)], axis=1)
    empty = np.stack([((arms == a) & followed).sum(axis=1) == 0 for a in range(groups)], axis=1).any(axis=1)
    beta, information, settled = _newton(blocks, times.shape[0], x.shape[-1], ~empty & (events.sum(axis=1) > 0))
    covariance, _, pivot = invert(information)
    with np.errstate(invalid="ignore"):
        se = np.sqrt(np.einsum("rpp->rp", covariance))
    status = first_reason(
        (empty, Status.EMPTY_CELL),
        (events.sum(axis=1) == 0, Status.NO_EVENTS),
        ((events == 0).any(axis=1) | (np.abs(beta) > LARGEST).any(axis=1), Status.SEPARATED),
        (~(pivot > 1e-11), Status.RANK),
        (~settled, Status.NOT_CONVERGED),
    )
    estimate, se = masked(status, beta[:, : groups - 1], se[:, : groups - 1])
    low, high = interval(estimate, se, np.inf, level)
    p = two_sided_normal(estimate / se)
    return Comparison(estimate, se, np.full_like(se, np.inf), p, low, high, status, "cox", "log hazard ratio", level)


def _newton(blocks: list[_Block], replicates: int, size: int, able: BoolArray) -> tuple[Array, Array, BoolArray]:
    """Coefficients, information, and whether Newton's method settled."""
    beta = np.zeros((replicates, size))
    information = np.broadcast_to(np.eye(size), (replicates, size, size)).copy()
    settled = np.zeros(replicates, dtype=bool)
    rows = np.flatnonzero(able)
    last, step = beta[rows], np.zeros((len(rows), size))
    value, share = np.full(len(rows), -np.inf), np.ones(len(rows))
    parts = [_rows(b, rows) for b in blocks]
    for _ in range(MOST_STEPS):
        if not len(rows):
            break
        now = last + share[:, None] * step
        likelihood, gradient, second = _likelihood(parts, now)
        accepted = likelihood >= value - 1e-9 * (1 + np.abs(np.where(np.isfinite(value), value, 0.0)))
        inverse, _, pivot = invert(second)
        move = np.einsum("rpq,rq->rp", inverse, gradient)
        good = accepted & (pivot > 1e-13)
        decrement = (move * gradient).sum(axis=1)
        done = good & (decrement < SETTLED)
        last = np.where(accepted[:, None], now, last)
        value = np.where(accepted, likelihood, value)
        step = np.where(good[:, None], move, step)
        share = np.where(accepted, 1.0, share * 0.5)
        beta[rows], settled[rows] = last, done
        information[rows[accepted]] = second[accepted]
        going = ~done & (accepted <= good) & (share > 1e-6) & ~(np.abs(last) > LARGEST).any(axis=1)
        if not going.all():
            rows, last, step, value, share = rows[going], last[going], step[going], value[going], share[going]
            parts = [_rows(b, going) for b in parts]
    return beta, information, settled


def _rows(block: _Block, rows: IntArray | BoolArray) -> _Block:
    """Only these replicates."""
    return _Block(
        block.x[rows], block.ended[rows], block.weight[rows], block.share[rows], block.first[rows], block.last[rows]
    )


def _likelihood(blocks: list[_Block], beta: Array) -> tuple[Array, Array, Array]:
    """Log partial likelihood (R,), its gradient (R, P) and minus its second derivatives (R, P, P)."""
    replicates, size = beta.shape
    total, gradient, second = np.zeros(replicates), np.zeros((replicates, size)), np.zeros((replicates, size, size))
    for b in blocks:
        line = (b.x @ beta[..., None])[..., 0]
        top = np.where(b.weight > 0, line, -np.inf).max(axis=1, keepdims=True)
        top = np.where(np.isfinite(top), top, 0.0)
        risk = b.weight * np.exp(np.minimum(line - top, 0.0))
        table = np.concatenate(
            [
                np.ones((*risk.shape, 1)),
                b.x,
                (b.x[..., :, None] * b.x[..., None, :]).reshape(*risk.shape, size * size),
            ],
            axis=-1,
        )
        table = table * risk[..., None]
        here = np.cumsum(table[:, ::-1], axis=1)[:, ::-1]
        tied = np.cumsum(table * b.ended[..., None], axis=1)
        first, last = b.first[..., None], b.last[..., None]
        start = table * b.ended[..., None]
        ties = np.take_along_axis(tied, last, axis=1) - np.take_along_axis(tied - start, first, axis=1)
        sums = np.take_along_axis(here, first, axis=1) - b.share[..., None] * ties
        s0 = np.where(b.ended > 0, sums[..., 0], 1.0)
        mean = sums[..., 1 : 1 + size] / s0[..., None]
        square = (sums[..., 1 + size :] / s0[..., None]).reshape(*risk.shape, size, size)
        total += (b.ended * (line - top - np.log(s0))).sum(axis=1)
        gradient += ((b.x - mean) * b.ended[..., None]).sum(axis=1)
        second += ((square - mean[..., :, None] * mean[..., None, :]) * b.ended[..., None, None]).sum(axis=1)
    return total, gradient, second
