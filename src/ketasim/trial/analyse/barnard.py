"""Barnard's exact test of two shares: unconditional, so that it is less conservative than Fisher's in small trials."""

from __future__ import annotations

import numpy as np
from scipy import special

from ketasim.core.arrays import Array

GRID = 512  # values of the common share at which the chance is looked at; the best is then narrowed down
NARROWINGS = 4  # each makes the step 16 times smaller: 1/512 to 3e-8


def barnard_exact(x1: Array, n1: Array, x0: Array, n0: Array) -> Array:
    """Two-sided exact p (Barnard 1947) of x1 of n1 against x0 of n0; arrays of one shape.

    Tables are ordered by |T|, T = (x1/n1 - x0/n0) / sqrt(s (1 - s) (1/n1 + 1/n0)), s the share of both arms together, and
    p = max over the common share pi of the chance of |T| at least as large as seen. That chance is a polynomial of pi,
    sum over k of c_k pi^k (1 - pi)^(n1 + n0 - k), c_k the number of such tables with k successes. An empty arm has p 1.
    """
    tables = np.stack([np.ravel(x1), np.ravel(n1), np.ravel(x0), np.ravel(n0)], axis=1)
    different, place = np.unique(tables, axis=0, return_inverse=True)
    p = np.array([_one(int(a), int(n), int(c), int(m)) for a, n, c, m in different])
    return np.asarray(p[np.ravel(place)].reshape(np.shape(x1)))


def _one(x1: int, n1: int, x0: int, n0: int) -> float:
    if not (n1 and n0):
        return 1.0
    a, c = np.arange(n1 + 1)[:, None], np.arange(n0 + 1)[None, :]
    share = (a + c) / (n1 + n0)
    variance = share * (1 - share) * (1 / n1 + 1 / n0)
    size = np.abs(a / n1 - c / n0) / np.sqrt(np.where(variance > 0, variance, 1.0))
    extreme = size >= size[x1, x0] * (1 - 1e-9)
    if extreme.all():
        return 1.0
    log = _choose(n1)[:, None] + _choose(n0)[None, :]
    successes = np.arange(n1 + n0 + 1)
    middle = _choose(n1 + n0)  # so that the coefficients lie between 0 and 1
    share_of = np.bincount((a + c)[extreme], weights=np.exp(log - middle[a + c])[extreme], minlength=n1 + n0 + 1)

    def chance(pi: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = middle + special.xlogy(successes, pi[:, None]) + special.xlog1py(n1 + n0 - successes, -pi[:, None])
        return np.asarray(np.exp(logs) @ share_of)

    low, high = 0.0, 1.0
    best = 0.0
    points = np.linspace(low, high, GRID + 1)
    for _ in range(NARROWINGS + 1):
        found = chance(points)
        at = int(found.argmax())
        best = max(best, float(found[at]))
        points = np.linspace(points[max(at - 1, 0)], points[min(at + 1, len(points) - 1)], 33)
    return min(best, 1.0)


def _choose(n: int) -> Array:
    """Logarithms of n over k, k = 0 to n."""
    k = np.arange(n + 1)
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))
