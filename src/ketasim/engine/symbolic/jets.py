"""Taylor coefficients of a program in time, with bounds, over intervals or at single moments.

Coefficient k of a function g is g^(k)/k!. Over an interval its bounds hold for the coefficient at every moment of it, so that
the last one bounds the remainder of the polynomial about the middle (Moore, Kearfott & Cloud, Introduction to Interval Analysis,
2009, chapter 9, doi 10.1137/1.9780898717716). Where a function is not smooth, or may not be a number, all its coefficients are NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim.core.arrays import Array

from .evaluate import Program
from .intervals import COMPARISONS, ROUNDING, pointwise

ORDER = 6  # of the highest coefficient


@dataclass(frozen=True)
class Jet:
    """Bounds of coefficients 0 ... ORDER, each (ORDER + 1, n)."""

    low: Array
    high: Array


Pair = tuple[Array, Array]


def jets(
    code: Program,
    low: Array,
    high: Array,
    start: float,
    parameters: Array,
    inputs: Array,
    held: Array,
) -> Jet:
    """Coefficients of the first result of `code` on each [low, high]; the arguments are those of `intervals.bounds`."""
    values: list[Any] = []  # Jet, or an array of numbers that do not change with time
    leaves: dict[str, Any] = {"parameter": parameters, "input": inputs, "held": held}
    fixed = {"true": 1.0, "false": 0.0, "start_time": start}
    needed = _needed(code)
    with np.errstate(all="ignore"):
        for place, (op, args, value) in enumerate(code.steps):
            if place not in needed:
                values.append(None)
                continue
            a = [values[i] for i in args]
            if op == "time":
                result: Any = _line(low, high)
            elif not args:
                number = leaves[op][int(value)] if op in leaves else fixed.get(op, value)
                result = np.asarray(number, dtype=np.float64)
            elif not any(isinstance(x, Jet) for x in a):
                result = pointwise(op, a)
            else:
                result = _apply(op, a, low.shape[0])
            values.append(result)
        return _as_jet(values[code.results[0]], low.shape[0])


def _needed(code: Program) -> set[int]:
    found, stack = set[int](), [code.results[0]]
    while stack:
        place = stack.pop()
        if place not in found:
            found.add(place)
            stack.extend(code.steps[place][1])
    return found


def _line(low: Array, high: Array) -> Jet:
    first, last = (np.zeros((ORDER + 1, len(low))) for _ in range(2))
    first[0], last[0], first[1], last[1] = low, high, 1.0, 1.0
    return Jet(first, last)


def _as_jet(value: Any, count: int) -> Jet:
    if isinstance(value, Jet):
        return value
    coefficients = np.zeros((ORDER + 1, count))
    coefficients[0] = value
    return Jet(coefficients, coefficients)


def _nothing(a: Jet) -> Jet:
    lost = np.full_like(a.low, np.nan)
    return Jet(lost, lost)


def _where(usable: Any, a: Jet) -> Jet:
    return Jet(np.where(usable, a.low, np.nan), np.where(usable, a.high, np.nan))


def _wider(low: Array, high: Array, size: Array | float = 0.0) -> Pair:
    return low - ROUNDING * np.maximum(np.abs(low), size), high + ROUNDING * np.maximum(np.abs(high), size)


def _neg(a: Jet) -> Jet:
    return Jet(-a.high, -a.low)


def _add(a: Jet, b: Jet) -> Jet:
    return Jet(*_wider(a.low + b.low, a.high + b.high))


def _times(a: Pair, b: Pair) -> Pair:
    corners = [x * y for x in a for y in b]
    low = np.minimum(np.minimum(corners[0], corners[1]), np.minimum(corners[2], corners[3]))
    high = np.maximum(np.maximum(corners[0], corners[1]), np.maximum(corners[2], corners[3]))
    return low, high


def _dot(a: Jet, b: Jet, k: int, first: int, last: int, weights: Array | None = None) -> Pair:
    """Sum of w_i a_i b_{k-i} over first <= i <= last."""
    if last < first:
        zero = np.zeros(a.low.shape[1])
        return zero, zero
    other = slice(k - last, k - first + 1)
    low, high = _times((a.low[first : last + 1], a.high[first : last + 1]), (b.low[other][::-1], b.high[other][::-1]))
    if weights is not None:
        w = weights[:, None]
        low, high = np.minimum(w * low, w * high), np.maximum(w * low, w * high)
    size = np.maximum(np.abs(low), np.abs(high)).sum(axis=0)
    return _wider(low.sum(axis=0), high.sum(axis=0), size)


def _mul(a: Jet, b: Jet) -> Jet:
    if a is b:
        return _squared(a)
    return _stacked([_dot(a, b, k, 0, k) for k in range(ORDER + 1)])


def _squared(a: Jet) -> Jet:
    rows = [_dot(a, a, k, 0, k) for k in range(ORDER + 1)]
    rows[0] = (np.maximum(rows[0][0], 0.0), rows[0][1])
    return _stacked(rows)


def _stacked(rows: list[Pair]) -> Jet:
    return Jet(np.array([low for low, _ in rows]), np.array([high for _, high in rows]))


def _scaled(a: Jet, factor: Array) -> Jet:
    return Jet(*_wider(*(np.minimum(a.low * factor, a.high * factor), np.maximum(a.low * factor, a.high * factor))))


def _minus(a: Pair, b: Pair) -> Pair:
    return _wider(a[0] - b[1], a[1] - b[0])


def _row(a: Jet, k: int) -> Pair:
    return a.low[k], a.high[k]


def _inverse(a: Pair) -> Pair:
    excludes = (a[0] > 0) | (a[1] < 0)
    low, high = _wider(1.0 / a[1], 1.0 / a[0])
    return np.where(excludes, low, np.nan), np.where(excludes, high, np.nan)


class _Growing:
    """A jet whose coefficients are filled in one after the other."""

    def __init__(self, like: Jet, first: Pair) -> None:
        self.jet = Jet(np.zeros_like(like.low), np.zeros_like(like.high))
        self.set(0, first)

    def set(self, k: int, value: Pair) -> None:
        self.jet.low[k], self.jet.high[k] = value


def _recip(a: Jet) -> Jet:
    first = _inverse(_row(a, 0))
    result = _Growing(a, first)
    for k in range(1, ORDER + 1):
        low, high = _times(first, _dot(a, result.jet, k, 1, k))
        result.set(k, _wider(-high, -low))
    endless = np.isinf(a.low[0]) & (a.low[0] == a.high[0])  # beyond all numbers, and flat
    return Jet(np.where(endless, 0.0, result.jet.low), np.where(endless, 0.0, result.jet.high))


def _counts(k: int, last: int) -> Array:
    return np.arange(1, last + 1) / k


def _exp(a: Jet) -> Jet:
    result = _Growing(a, _wider(np.exp(a.low[0]), np.exp(a.high[0])))
    for k in range(1, ORDER + 1):
        result.set(k, _dot(a, result.jet, k, 1, k, _counts(k, k)))
    return result.jet


def _ln(a: Jet) -> Jet:
    a = _where(a.low[0] > 0, a)
    inverse = _inverse(_row(a, 0))
    result = _Growing(a, _wider(np.log(a.low[0]), np.log(a.high[0])))
    for k in range(1, ORDER + 1):
        rest = _dot(result.jet, a, k, 1, k - 1, _counts(k, k - 1)) if k > 1 else (0.0 * a.low[0], 0.0 * a.low[0])
        result.set(k, _wider(*_times(_minus(_row(a, k), rest), inverse)))
    return result.jet


def _sqrt(a: Jet) -> Jet:
    a = _where(a.low[0] > 0, a)
    result = _Growing(a, _wider(np.sqrt(a.low[0]), np.sqrt(a.high[0])))
    inverse = _inverse((2 * result.jet.low[0], 2 * result.jet.high[0]))
    for k in range(1, ORDER + 1):
        rest = _dot(result.jet, result.jet, k, 1, k - 1)
        result.set(k, _wider(*_times(_minus(_row(a, k), rest), inverse)))
    return result.jet


def _waves(a: Jet, sign: float, first: tuple[Pair, Pair]) -> tuple[Jet, Jet]:
    """s and c with s' = c a', c' = sign s a'."""
    s, c = (_Growing(a, pair) for pair in first)
    for k in range(1, ORDER + 1):
        s.set(k, _dot(a, c.jet, k, 1, k, _counts(k, k)))
        c.set(k, _dot(a, s.jet, k, 1, k, sign * _counts(k, k)))
    return s.jet, c.jet


def _range(f: Callable[[Array], Array], a: Jet, turn: float) -> Pair:
    """Bounds of sine (turn = pi/2) or cosine (turn = 0), whose greatest value is at turn + 2 pi n."""
    low, high = a.low[0], a.high[0]
    ends = f(low), f(high)
    slack = ROUNDING * (1 + np.maximum(np.abs(low), np.abs(high)))
    top, bottom = (
        np.floor((high + slack - t) / (2 * np.pi)) >= np.ceil((low - slack - t) / (2 * np.pi))
        for t in (turn, turn + np.pi)
    )
    thin = high - low < 1e-9  # of two ends beside a turn, the value between differs by rounding only
    least, most = _wider(np.minimum(*ends), np.maximum(*ends))
    spread = np.where(thin, (high - low) ** 2, 0.0)
    least = np.where(bottom & ~thin, -1.0, np.maximum(least - spread, -1.0))
    return least, np.where(top & ~thin, 1.0, np.minimum(most + spread, 1.0))


def _sine_and_cosine(a: Jet) -> tuple[Jet, Jet]:
    return _waves(a, -1.0, (_range(np.sin, a, 0.5 * np.pi), _range(np.cos, a, 0.0)))


def _hyperbolic(a: Jet) -> tuple[Jet, Jet]:
    least = np.where((a.low[0] < 0) & (a.high[0] > 0), 1.0, np.minimum(np.cosh(a.low[0]), np.cosh(a.high[0])))
    most = np.maximum(np.cosh(a.low[0]), np.cosh(a.high[0]))
    return _waves(a, 1.0, (_wider(np.sinh(a.low[0]), np.sinh(a.high[0])), _wider(least, most)))


def _integrated(a: Jet, first: Pair, slope: Jet) -> Jet:
    """The function with this first coefficient whose derivative is slope a'."""
    result = _Growing(a, first)
    for k in range(1, ORDER + 1):
        result.set(k, _dot(a, slope, k, 1, k, _counts(k, k)))
    return result.jet


def _tanh(a: Jet) -> Jet:
    first = _wider(np.tanh(a.low[0]), np.tanh(a.high[0]))
    first = (np.maximum(first[0], -1.0), np.minimum(first[1], 1.0))
    result, slope = _Growing(a, first), Jet(np.zeros_like(a.low), np.zeros_like(a.high))
    for k in range(ORDER + 1):
        if k:
            result.set(k, _dot(a, slope, k, 1, k, _counts(k, k)))
        low, high = _dot(result.jet, result.jet, k, 0, k)
        if k == 0:
            low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
        slope.low[k], slope.high[k] = (1.0 if k == 0 else 0.0) - high, (1.0 if k == 0 else 0.0) - low
    return result.jet


def _shifted(a: Jet, by: float) -> Jet:
    low, high = a.low.copy(), a.high.copy()
    low[0], high[0] = _wider(low[0] + by, high[0] + by)
    return Jet(low, high)


def _one_minus(a: Jet) -> Jet:
    return _shifted(_neg(a), 1.0)


def _ends(f: Callable[[Array], Array], a: Jet) -> Pair:
    x, y = f(a.low[0]), f(a.high[0])
    return _wider(np.minimum(x, y), np.maximum(x, y))


def _abs(a: Jet) -> Jet:
    down = a.high[0] < 0
    signed = Jet(np.where(down, -a.high, a.low), np.where(down, -a.low, a.high))
    return _where((a.low[0] > 0) | down, signed)


def _power(a: list[Any], count: int) -> Jet:
    """Base, exponent and the factor of a negative base: exp(exponent ln |base|), where the base has one sign."""
    base, exponent = _as_jet(a[0], count), _as_jet(a[1], count)
    size = _exp(_mul(exponent, _ln(_abs(base))))
    if isinstance(a[2], Jet):
        return _nothing(base)
    sign = np.broadcast_to(a[2], (count,))
    mirrored = _scaled(size, sign)
    negative = base.high[0] < 0
    return Jet(np.where(negative, mirrored.low, size.low), np.where(negative, mirrored.high, size.high))


UNARY: dict[str, Callable[[Jet], Jet]] = {
    "neg": _neg,
    "recip": _recip,
    "safe_recip": _recip,
    "abs": _abs,
    "sqrt": _sqrt,
    "exp": _exp,
    "ln": _ln,
    "sin": lambda a: _sine_and_cosine(a)[0],
    "cos": lambda a: _sine_and_cosine(a)[1],
    "sinh": lambda a: _hyperbolic(a)[0],
    "cosh": lambda a: _hyperbolic(a)[1],
    "tanh": _tanh,
    "atan": lambda a: _integrated(a, _ends(np.arctan, a), _recip(_shifted(_squared(a), 1.0))),
    "asin": lambda a: _integrated(a, _ends(np.arcsin, a), _recip(_sqrt(_one_minus(_squared(a))))),
    "acos": lambda a: _integrated(a, _ends(np.arccos, a), _neg(_recip(_sqrt(_one_minus(_squared(a)))))),
    "asinh": lambda a: _integrated(a, _ends(np.arcsinh, a), _recip(_sqrt(_shifted(_squared(a), 1.0)))),
    "acosh": lambda a: _integrated(a, _ends(np.arccosh, a), _recip(_sqrt(_shifted(_squared(a), -1.0)))),
    "atanh": lambda a: _integrated(a, _ends(np.arctanh, a), _recip(_one_minus(_squared(a)))),
}


def _apply(op: str, a: list[Any], count: int) -> Jet:
    """One operation of which some argument is a jet."""
    if op in UNARY:
        return UNARY[op](a[0])
    if op == "mul":
        if isinstance(a[0], Jet) and isinstance(a[1], Jet):
            return _mul(a[0], a[1])
        return _scaled(a[0], a[1]) if isinstance(a[0], Jet) else _scaled(a[1], a[0])
    if op in ("add", "sub"):
        left, right = (_as_jet(x, count) for x in a)
        return _add(left, right if op == "add" else _neg(right))
    if op == "quotient":
        return _mul(_as_jet(a[0], count), _recip(_as_jet(a[1], count)))
    if op == "pow":
        return _power(a, count)
    if op == "select" and not isinstance(a[0], Jet):
        yes, no, chosen = _as_jet(a[1], count), _as_jet(a[2], count), np.asarray(a[0]) != 0
        return Jet(np.where(chosen, yes.low, no.low), np.where(chosen, yes.high, no.high))
    assert op in ("select", "power_sign", "floor", "ceil", "trunc", *COMPARISONS, "and", "or", "xor", "not"), op
    return _nothing(next(x for x in a if isinstance(x, Jet)))
