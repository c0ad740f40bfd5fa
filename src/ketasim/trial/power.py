"""Power, its Monte Carlo error, and its spread over what may be true.

Every replicate belongs to a world (hypothesis and draw of the posterior). Power is the share of replicates in which the analysis rejects; `low` and
`high` are the 5th and 95th percentile of the power that single worlds have, with the sampling error of their few replicates taken out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from ketasim.core.arrays import Array, IntArray

LOW, HIGH = 5.0, 95.0
LEAST_P = 1e-300
LEAST_WORLDS = 8  # a 5th and a 95th percentile of fewer are two of them, no spread


@dataclass(frozen=True)
class Power:
    """power with Monte Carlo SE mc_se; low, high over worlds (nan without any); favour: share that rejects in favour of the arm.

    analysed : replicates with a result. n : randomised. told : whether low and high are a spread (`told`); where not, faces ask for more replicates.
    """

    n: int
    power: float
    mc_se: float
    low: float
    high: float
    favour: float
    analysed: int
    told: bool = True


def power_of(n: int, estimate: Array, p: Array, world: IntArray, alpha: float, better: float = -1.0) -> Power:
    """Power of one arm's comparison: estimate, p (R,) with nan = no result, world (R,). better : sign of an estimate that favours the arm.

    A replicate without a result (an arm that nobody finished) rejects nothing and counts.
    """
    ok = np.isfinite(p)
    reject = ok & (np.nan_to_num(p, nan=1.0) < alpha)
    share = float(reject.mean())
    low, high, spread = _between(estimate, p, world, alpha)
    return Power(
        n,
        share,
        math.sqrt(share * (1.0 - share) / len(p)),
        low,
        high,
        float((reject & (np.sign(np.nan_to_num(estimate)) == better)).mean()),
        int(ok.sum()),
        spread,
    )


def shrunk(number: Array, world: IntArray) -> tuple[Array, float]:
    """Means of the worlds with the error of their few replicates taken out, (W,), and the SD within worlds.

    m_w <- m + (m_w - m) sqrt(B / (B + s^2 / r_w)), B = max(var(m_w) - mean(s^2 / r_w), 0): the spread of what is returned is that between worlds.
    Empty where fewer than two worlds have two replicates each.
    """
    ok = np.isfinite(number)
    names, group = np.unique(world[ok], return_inverse=True)
    x = number[ok]
    count = np.bincount(group, minlength=len(names)).astype(np.float64)
    if len(names) < 2 or (count >= 2).sum() < 2:
        return np.zeros(0), math.nan
    mean = np.bincount(group, x, len(names)) / count
    within = float(((x - mean[group]) ** 2).sum() / max(len(x) - len(names), 1))
    error = within / count
    middle = float(mean.mean())
    between = max(float(mean.var(ddof=1) - error.mean()), 0.0)
    return middle + (mean - middle) * np.sqrt(between / (between + error + 1e-300)), math.sqrt(within)


def _between(estimate: Array, p: Array, world: IntArray, alpha: float) -> tuple[float, float, bool]:
    """5th and 95th percentile over worlds of 1 - Phi((c - m_w) / s) + Phi((-c - m_w) / s), m_w the mean of the normal score of p in world w."""
    score = np.sign(estimate) * -ndtri(np.maximum(p, LEAST_P) / 2.0)
    middle, sd = shrunk(score, world)
    if not middle.size:
        return math.nan, math.nan, False
    cut, width = float(-ndtri(alpha / 2.0)), max(sd, 1e-9)
    return *over_worlds(ndtr((middle - cut) / width) + ndtr((-cut - middle) / width)), told(middle)


def told(middle: Array) -> bool:
    """Whether means of worlds without the chance of their replicates (`shrunk`) have a spread: at least `LEAST_WORLDS` of them that differ. Where that chance
    covers everything they are one number, and a spread of nothing would be a certainty that nobody has."""
    return bool(middle.size >= LEAST_WORLDS and np.ptp(middle) > 1e-9)


def over_worlds(numbers: Array) -> tuple[float, float]:
    """5th and 95th percentile over worlds, one number each; nan without any."""
    if not numbers.size:
        return math.nan, math.nan
    return float(np.percentile(numbers, LOW)), float(np.percentile(numbers, HIGH))
