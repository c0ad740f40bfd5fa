"""The normal distribution without scipy, whose import alone costs a third of a second of every `ketasim run`.

Inverse: Wichura 1988, algorithm AS 241 (PPND16), doi:10.2307/2347330; relative error below 1e-15 by its author.
Distribution function: the error function of the C library; its logarithm: Cody 1969, Math. Comp. 23:631 (rational approximations), relative error below 1e-13;
a quick one by straight lines in a table, absolute error below 1e-8, for mixtures of many. All are tested against scipy.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Array

# Numerators and denominators of AS 241, highest power first: middle of the distribution, tails, far tails.
_MIDDLE = (
    (
        2509.0809287301226727,
        33430.575583588128105,
        67265.770927008700853,
        45921.953931549871457,
        13731.693765509461125,
        1971.5909503065514427,
        133.14166789178437745,
        3.387132872796366608,
    ),
    (
        5226.495278852854561,
        28729.085735721942674,
        39307.89580009271061,
        21213.794301586595867,
        5394.1960214247511077,
        687.1870074920579083,
        42.313330701600911252,
        1.0,
    ),
)
_TAIL = (
    (
        7.7454501427834140764e-4,
        2.27238449892691845833e-2,
        2.4178072517745061177e-1,
        1.27045825245236838258,
        3.64784832476320460504,
        5.7694972214606914055,
        4.6303378461565452959,
        1.42343711074968357734,
    ),
    (
        1.05075007164441684324e-9,
        5.475938084995344946e-4,
        1.51986665636164571966e-2,
        1.4810397642748007459e-1,
        6.8976733498510000455e-1,
        1.6763848301838038494,
        2.05319162663775882187,
        1.0,
    ),
)
_FAR = (
    (
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        1.2426609473880784386e-3,
        2.6532189526576123093e-2,
        2.9656057182850489123e-1,
        1.7848265399172913358,
        5.4637849111641143699,
        6.6579046435011037772,
    ),
    (
        2.04426310338993978564e-15,
        1.4215117583164458887e-7,
        1.8463183175100546818e-5,
        7.868691311456132591e-4,
        1.4875361290850615025e-2,
        1.3692988092273580531e-1,
        5.9983220655588793769e-1,
        1.0,
    ),
)
_MIDDLE_LIMIT, _MIDDLE_SQUARE = 0.425, 0.180625
_FAR_LIMIT, _TAIL_SHIFT = 5.0, 1.6

# Numerators and denominators of Cody 1969, highest power first: middle in x^2, tails in |x|, far tails in 1 / x^2.
_CODY_MIDDLE = (
    (
        0.065682337918207449113,
        2.2352520354606839287,
        161.02823106855587881,
        1067.6894854603709582,
        18154.981253343561249,
    ),
    (1.0, 47.20258190468824187, 976.09855173777669322, 10260.932208618978205, 45507.789335026729956),
)
_CODY_TAIL = (
    (
        1.0765576773720192317e-8,
        0.39894151208813466764,
        8.8831497943883759412,
        93.506656132177855979,
        597.27027639480026226,
        2494.5375852903726711,
        6848.1904505362823326,
        11602.651437647350124,
        9842.7148383839780218,
    ),
    (
        1.0,
        22.266688044328115691,
        235.38790178262499861,
        1519.377599407554805,
        6485.558298266760755,
        18615.571640885098091,
        34900.952721145977266,
        38912.003286093271411,
        19685.429676859990727,
    ),
)
_CODY_FAR = (
    (
        0.02307344176494017303,
        0.21589853405795699,
        0.1274011611602473639,
        0.022235277870649807,
        0.001421619193227893466,
        2.9112874951168792e-5,
    ),
    (
        1.0,
        1.28426009614491121,
        0.468238212480865118,
        0.0659881378689285515,
        0.00378239633202758244,
        7.29751555083966205e-5,
    ),
)
_CODY_LIMITS = 0.67448975, math.sqrt(32.0)
_TABLE_END, _TABLE_STEPS = 9.0, 2**15

_erfc = np.frompyfunc(math.erfc, 1, 1)


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], r: Array) -> Array:
    return np.asarray(np.polyval(coefficients[0], r) / np.polyval(coefficients[1], r), dtype=np.float64)


def inverse_normal(probability: ArrayLike) -> Array:
    """Standard normal quantiles, elementwise; -inf at 0, +inf at 1, NaN outside."""
    p = np.asarray(probability, dtype=np.float64)
    q = p - 0.5
    with np.errstate(invalid="ignore", divide="ignore"):
        out = q * _ratio(_MIDDLE, _MIDDLE_SQUARE - q * q)
        outside = np.abs(q) > _MIDDLE_LIMIT
        if outside.any():
            side = q[outside]
            r = np.sqrt(-np.log(np.minimum(p[outside], 1.0 - p[outside])))
            far = r > _FAR_LIMIT
            size = np.where(far, _ratio(_FAR, r - _FAR_LIMIT), _ratio(_TAIL, r - _TAIL_SHIFT))
            size[np.isinf(r)] = np.inf
            out[outside] = np.copysign(size, side)
    return out


def normal_cdf(z: ArrayLike) -> Array:
    """Standard normal distribution function, elementwise: erfc(-z / sqrt 2) / 2."""
    return np.asarray(0.5 * _erfc(np.asarray(z, dtype=np.float64) / -math.sqrt(2.0)), dtype=np.float64)


def log_normal_cdf(z: ArrayLike) -> Array:
    """Logarithm of the standard normal distribution function, elementwise: exact far out in the lower tail, where the function itself is 0 in double precision; 0 at +inf."""
    x = np.array(z, dtype=np.float64, ndmin=1)
    y = np.abs(x)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        tail = _ratio(_CODY_TAIL, np.minimum(y, _CODY_LIMITS[1]))  # times exp(-y^2 / 2)
        near, far = y <= _CODY_LIMITS[0], y > _CODY_LIMITS[1]
        if near.any():
            square = y[near] ** 2
            tail[near] = (0.5 - y[near] * _ratio(_CODY_MIDDLE, square)) * np.exp(square / 2.0)
        if far.any():
            inverse = 1.0 / y[far] ** 2
            tail[far] = (1.0 / math.sqrt(2.0 * math.pi) - inverse * _ratio(_CODY_FAR, inverse)) / y[far]
        lower = np.log(tail) - y * y / 2.0
        found = np.where(x < 0.0, lower, np.log1p(-np.exp(lower)))
    return np.where(np.isposinf(y), np.where(x < 0.0, -np.inf, 0.0), found).reshape(np.shape(z))


@cache
def _table() -> tuple[Array, Array]:
    """The distribution function at even steps from -_TABLE_END to _TABLE_END, and its rises from each to the next."""
    known = np.exp(log_normal_cdf(np.linspace(-_TABLE_END, _TABLE_END, _TABLE_STEPS + 1)))
    return known, np.append(np.diff(known), 0.0)


def normal_cdf_quick(z: ArrayLike) -> Array:
    """Standard normal distribution function, elementwise, by straight lines in a table of 2^15 steps: absolute error h^2 / 8 max |phi'| = 9e-9, NaN at NaN.

    As quick as the compiled one of scipy and without its import; for mixtures of many terms, not for tails (see `log_normal_cdf`).
    """
    known, rise = _table()
    x = np.array(z, dtype=np.float64, ndmin=1)
    x *= _TABLE_STEPS / (2.0 * _TABLE_END)
    x += _TABLE_STEPS / 2.0
    np.clip(x, 0.0, float(_TABLE_STEPS), out=x)
    with np.errstate(invalid="ignore"):
        place = x.astype(np.int64)  # NaN becomes the least whole number, which the next line brings back
    np.clip(place, 0, _TABLE_STEPS, out=place)
    x -= place
    x *= rise[place]
    x += known[place]
    return x.reshape(np.shape(z))


def normal_quadrature(count: int) -> tuple[Array, Array]:
    """Nodes (count,) and weights (count,), summing to 1, of Gauss's rule for means over a standard normal number.

    Golub and Welsch 1969, Math. Comp. 23:221: eigenvalues of the matrix with sqrt(1), sqrt(2), ... beside its diagonal, and the squared first entries of
    the eigenvectors. As numpy's `hermegauss` to 1e-14, without the import of its polynomials.
    """
    beside = np.diag(np.sqrt(np.arange(1, count)), 1)
    nodes, vectors = np.linalg.eigh(beside + beside.T)
    weights = vectors[0] ** 2
    return (nodes - nodes[::-1]) / 2.0, (weights + weights[::-1]) / 2.0


def log_sum_exp(logs: ArrayLike, axis: int | None = None) -> Array:
    """Logarithm of the sum of exponentials along an axis (all of them without one); -inf where every one is."""
    x = np.asarray(logs, dtype=np.float64)
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        found = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return np.asarray(found.reshape(()) if axis is None else np.squeeze(found, axis=axis))


def chi_square_above(x: float, freedom: int) -> float:
    """Chance that a chi square of `freedom` degrees is above x: exp(-x/2) sum_k (x/2)^k / k! for even ones, erfc(sqrt(x/2)) and half-integer terms for odd ones
    (Abramowitz and Stegun 26.4.4, 26.4.5)."""
    half = x / 2.0
    if half <= 0.0 or freedom <= 0:
        return 1.0
    odd = freedom % 2
    total = math.erfc(math.sqrt(half)) if odd else 0.0
    term = math.sqrt(half / math.pi) * 2.0 * math.exp(-half) if odd else math.exp(-half)
    power = 0.5 if odd else 0.0
    for _ in range(freedom // 2):
        total += term
        power += 1.0
        term *= half / power
    return min(total, 1.0)
