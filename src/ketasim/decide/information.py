"""Expected information of a study about which hypothesis holds, by nested Monte Carlo.

y a vector of summary numbers. Under hypothesis h the study has y ~ N(m_hk, S_hk), with k a draw of the parameters and of the study's own
effects. With prior p_h:
  I = sum_h p_h E[ log p(y | h) - log sum_g p_g p(y | g) ],   p(y | h) = mean_k N(y; m_hk, S_hk)            (nats, at most the entropy of p)
The outer loop draws y; the inner mean leaves out the component that made it, so that its own draw does not flatter it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from ketasim.core import normals, stream
from ketasim.core.arrays import Array, IntArray


@dataclass(frozen=True)
class Predictive:
    """What a hypothesis predicts for a study: means (K, D), covariances (K, D, D), weights (K,) that sum to 1."""

    means: Array
    covariances: Array
    weights: Array


@dataclass(frozen=True)
class Information:
    """Expected information in nats with its standard error; share of it on the most that is possible; misleading answers per hypothesis."""

    nats: float
    se: float
    share: float
    misleading: tuple[float, ...]
    right: tuple[float, ...]


def log_density(y: Array, p: Predictive, leave: IntArray | None = None) -> Array:
    """log p(y | h) for y (N, D), the component `leave` (N,) left out of the mean."""
    roots = np.linalg.cholesky(p.covariances)
    logdet = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
    inverse = np.linalg.inv(roots)
    out = np.empty((len(y), len(p.weights)))
    for k in range(len(p.weights)):
        z = (y - p.means[k]) @ inverse[k].T
        out[:, k] = np.log(max(p.weights[k], 1e-300)) - 0.5 * (z**2).sum(axis=1) - logdet[k]
    total = np.zeros(len(y))
    if leave is not None:
        out[np.arange(len(y)), leave] = -np.inf
        total = np.log1p(-p.weights[leave])
    return np.asarray(logsumexp(out, axis=1) - total - 0.5 * y.shape[1] * np.log(2.0 * np.pi))


def draw(p: Predictive, count: int, seed: int, purpose: str) -> tuple[Array, IntArray]:
    """`count` studies under a hypothesis: y (N, D) and the component behind each."""
    edges = np.cumsum(p.weights)
    which = np.minimum(np.searchsorted(edges / edges[-1], stream(seed, f"{purpose} component", count)), len(edges) - 1)
    noise = np.column_stack([normals(seed, f"{purpose} noise {d}", count) for d in range(p.means.shape[1])])
    roots = np.linalg.cholesky(p.covariances)
    return p.means[which] + np.einsum("nij,nj->ni", roots[which], noise), which


def expected_information(
    predictives: Sequence[Predictive], prior: Sequence[float], count: int, seed: int, misled_from: float
) -> Information:
    """Information about which hypothesis holds, standard error over outer draws, chance of a misleading answer under each.

    misled_from : the chance (from even odds before the study) that a wrong hypothesis must reach for the answer to count as misleading.
    """
    p = np.asarray(prior, dtype=float)
    total, variance, misled, right = 0.0, 0.0, [], []
    for h, own in enumerate(predictives):
        y, which = draw(own, count, seed, f"study {h}")
        logs = np.stack(
            [log_density(y, other, which if g == h else None) for g, other in enumerate(predictives)], axis=1
        )
        gain = logs[:, h] - logsumexp(logs + np.log(p), axis=1)
        total += p[h] * gain.mean()
        variance += p[h] ** 2 * gain.var(ddof=1) / count
        even = np.exp(logs - logsumexp(logs, axis=1)[:, None])
        wrong = np.delete(even, h, axis=1).max(axis=1)
        misled.append(float((wrong >= misled_from).mean()))
        right.append(float((even[:, h] >= misled_from).mean()))
    most = float(-(p * np.log(p)).sum())
    return Information(float(total), float(np.sqrt(variance)), float(total / most), tuple(misled), tuple(right))
