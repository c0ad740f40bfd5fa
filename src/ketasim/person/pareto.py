"""Is an importance sample to be trusted? The shape k of the tail of its weights."""

from __future__ import annotations

import math

import numpy as np

from ketasim.core.arrays import Array, IntArray

TRUSTED = 0.7
LEAST_TAIL = 5


def tail_shape(log_weights: Array) -> float:
    """Shape k of the generalised Pareto distribution of the largest importance ratios.

    The M = min(N/5, 3 sqrt(N)) largest ratios, less the largest of the others, are fitted by the estimator of Zhang and Stephens (2009, Technometrics
    51:316) with the weak prior of Vehtari, Simpson, Gelman, Yao, Gabry (2024, JMLR 25:72): k' = (M k + 5)/(M + 10). Below 0.7 estimates
    from the weights are to be trusted, above they are not. inf where fewer than five ratios differ from zero; -inf where all are equal.
    """
    logs = np.asarray(log_weights, dtype=np.float64)
    logs = np.where(np.isnan(logs), -np.inf, logs)
    count = len(logs)
    top = logs.max() if count else -np.inf
    if not np.isfinite(top):
        return math.inf
    ratios = np.sort(np.exp(logs - top))
    size = math.ceil(min(count / 5.0, 3.0 * math.sqrt(count)))
    if size < LEAST_TAIL or np.count_nonzero(ratios) < LEAST_TAIL:
        return math.inf
    tail = ratios[-size:] - ratios[-size - 1]
    if tail[-1] <= 0:
        return -math.inf
    tail = tail[tail > 0]
    if len(tail) < LEAST_TAIL:
        return math.inf
    return _shape(tail)


def _shape(tail: Array) -> float:
    """Zhang and Stephens' k of exceedances in ascending order, shrunk towards 0.5."""
    size = len(tail)
    many = 30 + int(math.sqrt(size))
    grid = 1.0 - np.sqrt(many / (np.arange(1, many + 1) - 0.5))
    grid = grid / (3.0 * tail[int(size / 4 + 0.5) - 1]) + 1.0 / tail[-1]
    shapes = np.log1p(-grid[:, None] * tail).mean(axis=1)
    scores = size * (np.log(-grid / shapes) - shapes - 1.0)
    weights = 1.0 / np.exp(scores - scores[:, None]).sum(axis=1)
    keep = weights >= 10.0 * np.finfo(float).eps
    weights = weights[keep] / weights[keep].sum()
    best = float((grid[keep] * weights).sum())
    shape = float(np.log1p(-best * tail).mean())
    return (size * shape + 10.0 * 0.5) / (size + 10.0)


def effective(log_weights: Array) -> float:
    """Effective number of members, 1 / sum w^2 of the normalised weights; 0 where all are zero."""
    w = normalised(log_weights)
    return float(1.0 / (w**2).sum()) if w.any() else 0.0


def normalised(log_weights: Array) -> Array:
    """Weights that sum to 1; all zero where every one is."""
    logs = np.where(np.isnan(log_weights), -np.inf, log_weights)
    top = logs.max()
    if not np.isfinite(top):
        return np.zeros(len(logs))
    w = np.exp(logs - top)
    return np.asarray(w / w.sum())


def systematic(weights: Array, count: int, start: float = 0.5) -> IntArray:
    """Indices of a systematic resample: each is taken floor or ceil of count w times."""
    edges = (np.arange(count) + start) / count * weights.sum()
    return np.minimum(np.searchsorted(np.cumsum(weights), edges), len(weights) - 1)
