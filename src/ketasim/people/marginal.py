"""Distributions that have exactly the mean, SD and range that a table prints, as functions of a standard normal number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtr, ndtri

from ketasim.core import KetasimError
from ketasim.core.arrays import Array

CLOSE = 1e-6  # of the SD: how exactly mean and SD are met
GRID = 96  # points per dimension of the correlation integral


class Impossible(KetasimError):
    """No distribution has these numbers."""


@dataclass(frozen=True, slots=True)
class Marginal:
    """x(z) of a standard normal z: kind normal | truncated | beta | lognormal | binary | constant, a and b its two parameters, low to high its range.

    truncated: a + b Phi^-1(P0 + Phi(z) (P1 - P0)), P0 and P1 the normal probabilities at the ends, so that the printed mean and SD are those of the
    people who were let in. beta: low + (high - low) I^-1(Phi(z); a, b), where the SD is too large for a truncated normal.
    """

    kind: str
    a: float
    b: float
    low: float = -math.inf
    high: float = math.inf

    def __call__(self, z: ArrayLike) -> Array:
        """The quantity for standard normal numbers, any shape."""
        number = np.asarray(z, dtype=np.float64)
        if self.kind == "constant":
            return np.full(number.shape, self.a)
        if self.kind == "normal":
            return np.asarray(self.a + self.b * number)
        if self.kind == "lognormal":
            return np.asarray(np.exp(self.a + self.b * number))
        share = ndtr(number)
        if self.kind == "binary":
            return np.asarray((share > 1.0 - self.a).astype(np.float64))
        if self.kind == "beta":
            return np.asarray(self.low + (self.high - self.low) * betaincinv(self.a, self.b, share))
        first, last = ndtr((self.low - self.a) / self.b), ndtr((self.high - self.a) / self.b)
        return np.asarray(np.clip(self.a + self.b * ndtri(first + share * (last - first)), self.low, self.high))


def from_moments(mean: float, sd: float, low: float = -math.inf, high: float = math.inf) -> Marginal:
    """The distribution with this mean and SD within this range.

    Raises `Impossible` for a mean outside the range or an SD that no distribution on it has: SD^2 <= (mean - low) (high - mean), Bhatia and Davis
    2000, doi:10.1080/00029890.2000.12005203.
    """
    if not low <= mean <= high:
        raise Impossible(f"a mean of {mean:g} does not lie between {low:g} and {high:g}")
    if sd == 0:
        return Marginal("constant", mean, 0.0, low, high)
    most = math.sqrt((mean - low) * (high - mean)) if math.isfinite(low) and math.isfinite(high) else math.inf
    if sd > most:
        raise Impossible(
            f"an SD of {sd:g} around {mean:g} is impossible between {low:g} and {high:g}: at most {most:.3g}"
        )
    if low == 0 and math.isinf(high) and mean < 3 * sd:
        variance = math.log1p((sd / mean) ** 2)
        return Marginal("lognormal", math.log(mean) - variance / 2, math.sqrt(variance), 0.0)
    if mean - low > 6 * sd and high - mean > 6 * sd:
        return Marginal("normal", mean, sd)
    found = _truncated(mean, sd, low, high)
    if found is not None:
        return found
    if math.isinf(low) or math.isinf(high):
        raise Impossible(
            f"an SD of {sd:g} around {mean:g} beyond {low if math.isfinite(low) else high:g} is wider than a cut-off normal can be",
            allowed="the other end of the range too",
        )
    share = (mean - low) / (high - low)
    size = share * (1 - share) * ((high - low) / sd) ** 2 - 1
    return Marginal("beta", share * size, (1 - share) * size, low, high)


def _cut_moments(low: float, high: float) -> tuple[float, float]:
    """Mean and SD of a standard normal held between two ends."""
    mass = float(ndtr(high) - ndtr(low)) if low < 0 else float(ndtr(-low) - ndtr(-high))
    if mass < 1e-280:
        return math.nan, math.nan
    first, last = (math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi) if math.isfinite(x) else 0.0 for x in (low, high))
    middle = (first - last) / mass
    ends = (low * first if first else 0.0) - (high * last if last else 0.0)
    return middle, math.sqrt(max(1.0 + ends / mass - middle * middle, 0.0))


def _truncated(mean: float, sd: float, low: float, high: float) -> Marginal | None:
    """The normal law that has mean and SD after truncation; None if there is none."""

    from scipy.optimize import least_squares

    def off(x: Array) -> Array:
        mu, sigma = mean + x[0] * sd, sd * math.exp(x[1])
        middle, spread = _cut_moments((low - mu) / sigma, (high - mu) / sigma)
        got = np.array([(mu + sigma * middle - mean) / sd, sigma * spread / sd - 1.0])
        return np.asarray(np.nan_to_num(got, nan=10.0, posinf=10.0, neginf=-10.0))

    found = least_squares(off, np.array([0.0, 0.1]), bounds=([-20.0, -1.0], [20.0, 2.5]), xtol=1e-13, ftol=1e-13)
    if np.abs(found.fun).max() > CLOSE:
        return None
    return Marginal("truncated", mean + found.x[0] * sd, sd * math.exp(found.x[1]), low, high)


def from_quartiles(median: float, q1: float, q3: float, low: float, high: float) -> Marginal:
    """From median and quartiles: normal where they are even, log-normal where the upper one is further off and all are above 0.

    Raises `Impossible` where they are out of order.
    """
    if not q1 <= median <= q3 or not low <= q1 or not q3 <= high:
        raise Impossible(f"quartiles {q1:g} and {q3:g} around a median of {median:g} are out of order or range")
    width = float(ndtri(0.75))
    if q1 > 0 and (q3 - median) > 1.25 * (median - q1):
        return Marginal("lognormal", math.log(median), math.log(q3 / q1) / (2 * width), 0.0)
    sd = (q3 - q1) / (2 * width)
    return Marginal("truncated", median, sd, low, high) if sd > 0 else Marginal("constant", median, 0.0, low, high)


def binary(share: float) -> Marginal:
    """1 with this probability, else 0."""
    return Marginal("binary", share, 0.0, 0.0, 1.0)


def latent_correlation(one: Marginal, other: Marginal, wanted: float) -> float:
    """Correlation of the two standard normals that gives the wanted Pearson correlation of the quantities (Cario and Nelson 1997).

    Raises `Impossible` with the attainable range.
    """
    from scipy.optimize import brentq

    nodes = np.asarray(ndtri((np.arange(GRID) + 0.5) / GRID))
    x = one(nodes)

    def pearson(rho: float) -> float:
        y = other(rho * nodes[:, None] + math.sqrt(1 - rho * rho) * nodes[None, :])
        spread = float(x.std() * y.std())
        return float(((x - x.mean())[:, None] * (y - y.mean())).mean() / spread) if spread > 0 else 0.0

    least, most = pearson(-0.999), pearson(0.999)
    if not least <= wanted <= most:
        raise Impossible(
            f"a correlation of {wanted:g} is beyond what these two can have", allowed=f"{least:.2f} to {most:.2f}"
        )
    return float(brentq(lambda rho: pearson(rho) - wanted, -0.999, 0.999, xtol=1e-6))
