"""Blood pressure as it is counted: readings with noise, sessions that differ, limits that are passed once in a course. Pure functions.

A share of people "with a rise of 40 mmHg or more" is a share of those in whom one of a session's readings, in one of the sessions, lay so high.
The model's course of a person is the middle of it. Around it a session has a factor of its own on the drug's rise (log-normal, median 1, SD
`pressure_occasion` of the logarithm) and a reading has noise (Student's t, `reading_freedom`, SD `reading_sd_sbp`, `reading_sd_dbp`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import normal_quadrature, values
from ketasim.core.arrays import Array

READINGS = 4  # in a session
NODES = 15  # of the quadrature over sessions: the share moves by less than 1e-4 from 15 to 41


def reading_offsets() -> tuple[float, ...]:
    """The readings of a session after its dose, h (READINGS,): first at `reading_first`, then every `reading_step`."""
    numbers = values("evidence")
    first, step = numbers["reading_first"].value, numbers["reading_step"].value
    return tuple(first + step * k for k in range(READINGS))


@cache
def _quadrature() -> tuple[Array, Array]:
    return normal_quadrature(NODES)


def occasion_mean(sd: float) -> float:
    """Mean over sessions of the factor with median 1: exp(sd^2 / 2)."""
    return float(np.exp(sd**2 / 2.0))


def outlier_cdf(x: ArrayLike, freedom: float) -> Array:
    """Distribution function of Student's t scaled to SD 1, elementwise. freedom > 2.

    Even whole degrees of freedom n: F = 1/2 + sin(a)/2 sum_k c_k cos(a)^2k, k < n/2, c_0 = 1, c_k = c_(k-1) (2k - 1)/(2k), tan(a) = t/sqrt(n)
    (Abramowitz and Stegun 26.7.4); others by scipy.
    """
    t = np.asarray(x, dtype=np.float64) * np.sqrt(freedom / (freedom - 2.0))
    if freedom % 2 != 0:
        from scipy.special import stdtr

        return np.asarray(stdtr(freedom, t))
    inside = freedom / (freedom + t**2)
    series = term = 1.0 + 0.0 * inside
    for k in range(1, int(freedom) // 2):
        term = term * inside * (2 * k - 1) / (2 * k)
        series = series + term
    return np.asarray(0.5 + 0.5 * t / np.sqrt(freedom + t**2) * series)


def reading_sd(endpoint: str, age: ArrayLike = 0.0) -> Array:
    """SD of a reading less the one before the dose, mmHg or bpm, by age (years): readings of people from `reading_old_age` scatter more."""
    numbers = values("evidence")
    old = np.asarray(age, dtype=np.float64) >= numbers["reading_old_age"].value
    return np.asarray(
        numbers[f"reading_sd_{endpoint}"].value * np.where(old, numbers["reading_sd_old_factor"].value, 1.0)
    )


def level_sd(endpoint: str, age: ArrayLike = 0.0) -> Array:
    """SD of a single reading around a person's pressure: a rise is the difference of two."""
    return np.asarray(reading_sd(endpoint, age) / np.sqrt(2.0))


def none_over(rise: Array, room: ArrayLike, noise: ArrayLike, freedom: float, occasion: float) -> Array:
    """Chance that no reading of a session reaches a limit, by node of the session's factor, (N, NODES).

    rise (N, R): the drug's own rise of each person at the readings, mmHg, in the typical session. room (N,) or one number: how far the reading has
    to rise, mmHg (limit of a rise; limit of a level less the resting pressure). noise (N,) or one number: SD of a reading, mmHg. occasion: SD of the logarithm of the factor.
    Two pressures share the factor of a session: multiply their tables, then average with `over_sessions`.
    """
    nodes, _ = _quadrature()
    factor = np.exp(occasion * nodes)
    room = np.broadcast_to(np.asarray(room, dtype=np.float64), rise.shape[:1])
    sd = np.broadcast_to(np.asarray(noise, dtype=np.float64), rise.shape[:1])[:, None]
    found = np.ones((len(rise), NODES))
    for row in rise.T:
        found *= outlier_cdf((room[:, None] - row[:, None] * factor) / sd, freedom)
    return found


def over_sessions(tables: Iterable[Array]) -> Array:
    """Chance of each person to pass the limit at least once over sessions, (N,). tables : `none_over` of each session; sessions differ independently."""
    _, weights = _quadrature()
    none: Array | float = 1.0
    for table in tables:
        none = none * (table @ weights)
    return np.asarray(1.0 - none)
