"""Means at one visit: analysis of covariance and the t test, batched over replicates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core.arrays import Array, BoolArray, IntArray

from .inverse import invert
from .result import Comparison, first_reason, masked
from .risk import strata_of
from .shapes import arms_of, columns_of, values_of
from .status import Status
from .student import interval, two_sided

LEAST_PIVOT = 1e-11


def ancova(
    change: ArrayLike,
    arm: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    strata: ArrayLike | None = None,
    level: float = 0.95,
) -> Comparison:
    """Analysis of covariance of the people who have the score.

    y_i = mean + effect_arm(i) + sum_k b_k x_ik + e_i with e_i ~ Normal(0, sigma^2); ordinary least squares, df = n - P with P
    the number of coefficients. With strata each has a mean of its own (a factor without interaction): everything is taken
    from its mean in the stratum, so that no stratum, however small, makes the equations singular; P counts the strata seen.

    change : (R, N) or (N,), change from baseline at one visit, nan = missing. arm : (R, N) or (N,), 0 = comparator.
    covariates : (R, N, K) or (N, K). strata : (R, N) or (N,). Errors: shapes, missing covariates.
    """
    scores = values_of(change, "change")
    arms, groups = arms_of(arm, *scores.shape)
    extra = columns_of(covariates, *scores.shape)
    levels = None if strata is None else strata_of(strata, scores.shape)
    beta, se, freedom, status = least_squares(scores, arms, groups, extra, levels)
    estimate, se, freedom = masked(status, beta, se, np.broadcast_to(freedom[:, None], se.shape))
    low, high = interval(estimate, se, freedom, level)
    p = two_sided(estimate / se, freedom)
    return Comparison(estimate, se, freedom, p, low, high, status, "ancova", "difference of adjusted means", level)


def least_squares(
    scores: Array, arms: IntArray, groups: int, extra: Array, levels: IntArray | None = None
) -> tuple[Array, Array, Array, IntArray]:
    """Effects of the arms and their standard errors (R, groups - 1), degrees of freedom and status (R,). levels : strata (R, N) with a mean each."""
    seen = ~np.isnan(scores)
    number = seen.sum(axis=1)
    y = np.where(seen, scores, 0.0)
    weight = seen.astype(np.float64)
    y = (y - (y.sum(axis=1) / np.maximum(number, 1))[:, None]) * weight
    centred = extra - extra.mean(axis=1, keepdims=True)
    width = centred.std(axis=1, keepdims=True)
    centred = centred / np.where(width > 0, width, 1.0)
    dummies = (arms[..., None] == np.arange(1, groups)).astype(np.float64)
    x = np.concatenate([np.ones((*scores.shape, 1)), dummies, centred], axis=-1) * weight[..., None]
    size: IntArray = np.full(len(scores), x.shape[-1])
    if levels is not None:
        both, strata = _within_strata(np.concatenate([y[..., None], x[..., 1:]], axis=-1), weight, levels)
        y, x = both[..., 0], np.concatenate([x[..., :1], both[..., 1:]], axis=-1)
        size = size - 1 + strata
    turned = x.transpose(0, 2, 1)
    inverse, _, pivot = invert(turned @ x)
    beta = np.einsum("rpq,rq->rp", inverse, (turned @ y[..., None])[..., 0])
    rest = ((y - (x @ beta[..., None])[..., 0]) ** 2).sum(axis=1)
    freedom = (number - size).astype(np.float64)
    variance = rest / np.maximum(freedom, 1.0)
    se = np.sqrt(np.maximum(np.einsum("rpp->rp", inverse), 0.0) * variance[:, None])
    total = (y**2).sum(axis=1)
    status = first_reason(
        (empty_arm(seen, arms, groups), Status.EMPTY_CELL),
        (freedom < 1, Status.TOO_FEW),
        (~(pivot > LEAST_PIVOT), Status.RANK),
        (~(rest > 1e-24 * np.maximum(total, 1e-300)) | (total == 0), Status.NO_SPREAD),
    )
    return beta[:, 1:groups], se[:, 1:groups], freedom, status


def _within_strata(values: Array, weight: Array, levels: IntArray) -> tuple[Array, IntArray]:
    """Values (R, N, P) less their mean in the stratum over people of weight 1, 0 for the others; strata with somebody in them (R,)."""
    rows, number = len(values), int(levels.max()) + 1
    cell = (np.arange(rows)[:, None] * number + levels).ravel()
    people = np.bincount(cell, weight.ravel(), minlength=rows * number)
    found = np.empty_like(values)
    for k in range(values.shape[-1]):
        own = values[..., k] * weight
        mean = np.bincount(cell, own.ravel(), minlength=rows * number) / np.maximum(people, 1.0)
        found[..., k] = own - mean[cell].reshape(own.shape) * weight
    return found, (people.reshape(rows, number) > 0).sum(axis=1)


def empty_arm(seen: BoolArray, arms: IntArray, groups: int) -> BoolArray:
    """Replicates in which an arm has nobody (R,)."""
    return np.asarray((((arms[..., None] == np.arange(groups)) & seen[..., None]).sum(axis=1) == 0).any(axis=1))


def t_test(change: ArrayLike, arm: ArrayLike, *, equal_variances: bool = True, level: float = 0.95) -> Comparison:
    """Two-sample t test of each arm against the comparator.

    With equal variances, t = (m_a - m_0) / (s sqrt(1/n_a + 1/n_0)), s^2 pooled over the two arms compared, df = n_a + n_0 - 2
    (Student); else each arm has its own variance and the degrees of freedom of Welch (1947).

    change : (R, N) or (N,), nan = missing. arm : (R, N) or (N,), 0 = comparator.
    """
    scores = values_of(change, "change")
    arms, groups = arms_of(arm, *scores.shape)
    seen = ~np.isnan(scores)
    member = ((arms[..., None] == np.arange(groups)) & seen[..., None]).astype(np.float64)
    number = member.sum(axis=1)
    y = np.where(seen, scores, 0.0)
    safe = np.maximum(number, 1.0)
    mean = np.einsum("rn,rna->ra", y, member) / safe
    deviation = y - np.take_along_axis(mean, arms, axis=1)
    squares = np.einsum("rn,rna->ra", deviation**2, member)
    n0, n1, q0, q1 = number[:, :1], number[:, 1:], squares[:, :1], squares[:, 1:]
    few = (number[:, :1] + number[:, 1:] < 3) if equal_variances else (np.minimum(n0, n1) < 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        if equal_variances:
            freedom = n0 + n1 - 2
            variance = (q0 + q1) / freedom * (1 / n0 + 1 / n1)
        else:
            one, other = q0 / ((n0 - 1) * n0), q1 / ((n1 - 1) * n1)
            variance = one + other
            freedom = variance**2 / (one**2 / (n0 - 1) + other**2 / (n1 - 1))
    estimate = mean[:, 1:] - mean[:, :1]
    tiny = 1e-12 * (1 + np.abs(mean).max(axis=1, keepdims=True))
    status = first_reason(
        ((number == 0).any(axis=1), Status.EMPTY_CELL),
        (few.any(axis=1), Status.TOO_FEW),
        (~(np.sqrt(np.maximum(variance, 0)) > tiny).all(axis=1), Status.NO_SPREAD),
    )
    estimate, se, freedom = masked(status, estimate, np.sqrt(variance), freedom)
    low, high = interval(estimate, se, freedom, level)
    p = two_sided(estimate / se, freedom)
    return Comparison(estimate, se, freedom, p, low, high, status, "t-test", "difference of means", level)
