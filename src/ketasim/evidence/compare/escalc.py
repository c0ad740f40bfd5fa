"""Effect sizes and their sampling variances from counts, means and SDs. Counts are people; every function gives (estimate, variance).

Formulas: Viechtbauer 2010 (doi:10.18637/jss.v036.i03), whose R function `escalc` gives the same numbers (tests hold them, with the
calls); Hedges 1981 (doi:10.3102/10769986006002107) for the small-sample factor.
"""

from __future__ import annotations

import math

HALF = 0.5  # a person added to every cell where one is empty


def _mended(*cells: float) -> tuple[float, ...]:
    """Half a person more in every cell if any is empty."""
    return tuple(cell + HALF for cell in cells) if min(cells) <= 0 else cells


def log_odds_ratio(a: float, b: float, c: float, d: float) -> tuple[float, float]:
    """ln (a d / (b c)), variance 1/a + 1/b + 1/c + 1/d. a, b : with and without the event in the first arm; c, d : in the second."""
    a, b, c, d = _mended(a, b, c, d)
    return math.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d


def log_risk_ratio(a: float, b: float, c: float, d: float) -> tuple[float, float]:
    """ln ((a / (a + b)) / (c / (c + d))), variance 1/a - 1/(a + b) + 1/c - 1/(c + d)."""
    a, b, c, d = _mended(a, b, c, d)
    return math.log(a / (a + b)) - math.log(c / (c + d)), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)


def risk_difference(a: float, b: float, c: float, d: float) -> tuple[float, float]:
    """p - q, variance p (1 - p) / n + q (1 - q) / m."""
    a, b, c, d = _mended(a, b, c, d)
    n, m = a + b, c + d
    p, q = a / n, c / m
    return p - q, p * (1 - p) / n + q * (1 - q) / m


def logit_share(x: float, n: float) -> tuple[float, float]:
    """ln ((x + 1/2) / (n - x + 1/2)), variance 1/(x + 1/2) + 1/(n - x + 1/2): half a person always, so that no share is infinite."""
    return math.log((x + HALF) / (n - x + HALF)), 1 / (x + HALF) + 1 / (n - x + HALF)


def small_sample_factor(freedom: float) -> float:
    """Hedges' J(m) = Gamma(m / 2) / (sqrt(m / 2) Gamma((m - 1) / 2)) for m degrees of freedom; near 1 - 3 / (4 m - 1)."""
    if freedom <= 1:
        return 1.0
    half = freedom / 2.0
    return math.exp(math.lgamma(half) - math.lgamma(half - 0.5) - 0.5 * math.log(half))


def smd_variance(g: float, n: float, m: float) -> float:
    """1/n + 1/m + g^2 / (2 (n + m)) for Hedges' g."""
    return 1.0 / n + 1.0 / m + g**2 / (2.0 * (n + m))


def hedges_g(first: tuple[float, float, float], second: tuple[float, float, float]) -> tuple[float, float]:
    """g = J (x - y) / pooled SD and `smd_variance`; an arm is (mean, SD, n)."""
    (x, s, n), (y, t, m) = first, second
    freedom = n + m - 2
    pooled = math.sqrt(((n - 1) * s**2 + (m - 1) * t**2) / freedom)
    g = small_sample_factor(freedom) * (x - y) / pooled
    return g, smd_variance(g, n, m)


def mean_difference(first: tuple[float, float, float], second: tuple[float, float, float]) -> tuple[float, float]:
    """x - y, variance s^2 / n + t^2 / m; an arm is (mean, SD, n)."""
    (x, s, n), (y, t, m) = first, second
    return x - y, s**2 / n + t**2 / m


def log_ratio_of_means(first: tuple[float, float, float], second: tuple[float, float, float]) -> tuple[float, float]:
    """ln (x / y), variance s^2 / (n x^2) + t^2 / (m y^2); an arm is (mean, SD, n)."""
    (x, s, n), (y, t, m) = first, second
    return math.log(x / y), s**2 / (n * x**2) + t**2 / (m * y**2)


def fisher_z(r: float, n: float) -> tuple[float, float]:
    """atanh r, variance 1 / (n - 3)."""
    return math.atanh(r), 1.0 / max(n - 3.0, 1.0)


def log_sd(sd: float, n: float) -> tuple[float, float]:
    """ln sd + 1 / (2 (n - 1)), variance 1 / (2 (n - 1))."""
    half = 1.0 / (2.0 * max(n - 1.0, 1.0))
    return math.log(sd) + half, half
