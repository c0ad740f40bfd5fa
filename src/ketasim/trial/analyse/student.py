"""Student's t: two-sided p and interval, for arrays of degrees of freedom that need not be whole."""

from __future__ import annotations

import numpy as np
from scipy import special

from ketasim.core.arrays import Array


def two_sided(t: Array, df: Array | float) -> Array:
    """P(|T| >= |t|)."""
    return np.asarray(2 * special.stdtr(df, -np.abs(t)))


def quantile(df: Array | float, level: float) -> Array:
    """The value that |T| stays below with probability `level`."""
    return np.asarray(special.stdtrit(df, 0.5 + level / 2))


def interval(estimate: Array, se: Array, df: Array | float, level: float) -> tuple[Array, Array]:
    """Estimate -+ quantile times standard error."""
    reach = quantile(df, level) * se
    return estimate - reach, estimate + reach


def two_sided_normal(z: Array) -> Array:
    """P(|Z| >= |z|)."""
    return np.asarray(2 * special.ndtr(-np.abs(z)))


def quantile_normal(level: float) -> float:
    """The value that |Z| stays below with probability `level`."""
    return float(special.ndtri(0.5 + level / 2))
