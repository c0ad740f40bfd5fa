"""Least and greatest values of a program over intervals of time, by interval arithmetic.

Moore, Kearfott, Cloud: Introduction to Interval Analysis (2009), doi 10.1137/1.9780898717716. Bounds are rounded outward by
ROUNDING of their size, which also covers the error of the functions in the generated code: what a program gives at one
moment, in any arithmetic that the engine uses, lies in the bounds, and the width of the bounds at one moment says how much of a
value is rounding. What does not depend on time is taken as it is. A pole at the very end of an interval counts by its limit
from inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from ketasim.core.arrays import Array, BoolArray

from .evaluate import OPERATIONS as POINTWISE
from .evaluate import Program

RISING: dict[str, Any] = {
    "exp": np.exp,
    "tanh": np.tanh,
    "atan": np.arctan,
    "sinh": np.sinh,
    "asinh": np.arcsinh,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
}
# rising (or falling) only between two bounds, and not a number outside
PARTIAL: dict[str, tuple[Any, float, float]] = {
    "sqrt": (np.sqrt, 0.0, np.inf),
    "ln": (np.log, 0.0, np.inf),
    "asin": (np.arcsin, -1.0, 1.0),
    "acos": (np.arccos, -1.0, 1.0),
    "acosh": (np.arccosh, 1.0, np.inf),
    "atanh": (np.arctanh, -1.0, 1.0),
}
COMPARISONS = ("lt", "le", "eq", "ne")
ROUNDING = 8 * float(np.finfo(np.float64).eps)
EXACT = frozenset({"time", "neg", "abs", "select", "and", "or", "xor", "not", "floor", "ceil", "trunc", *COMPARISONS})


@dataclass(frozen=True)
class Interval:
    """All values lie between `low` and `high` (NaN: none is a number), or, where `maybe`, some are not numbers.

    Truth is 0 and 1.
    """

    low: Array
    high: Array
    maybe: BoolArray

    @classmethod
    def of(cls, *values: Array, maybe: Any = False) -> Interval:
        """The hull of values; those that are no number do not count, unless all are."""
        low, high = reduce(np.fmin, values), reduce(np.fmax, values)
        lost = reduce(np.logical_or, [np.isnan(v) for v in values])
        return cls(low, high, np.asarray(lost | maybe))

    @property
    def point(self) -> BoolArray:
        """Whether there is one value, or none that is a number."""
        return np.asarray((self.low == self.high) & ~self.maybe | np.isnan(self.low))

    def __or__(self, other: Interval) -> Interval:
        return Interval.of(self.low, self.high, other.low, other.high, maybe=self.maybe | other.maybe)


def bounds(
    code: Program,
    low: Array,
    high: Array,
    start: float,
    parameters: Array,
    inputs: Array,
    held: Array | tuple[Array, ...] = (),
) -> list[Interval]:
    """Bounds of each result on each interval [low, high] of time; the program may depend on no state.

    `parameters`, `inputs` and `held` by their index first, with one value or one for each interval.
    """
    values: list[Interval] = []
    moves: list[bool] = []
    leaves: dict[str, Any] = {"parameter": parameters, "input": inputs, "held": held}
    fixed = {"true": 1.0, "false": 0.0, "start_time": start}
    with np.errstate(all="ignore"):
        for op, args, value in code.steps:
            a = [values[i] for i in args]
            moving = op == "time" or any(moves[i] for i in args)
            if op == "time":
                result = Interval.of(low, high)
            elif not args:
                number = np.asarray(leaves[op][int(value)] if op in leaves else fixed.get(op, value), dtype=np.float64)
                result = Interval.of(number)
            elif not moving:
                result = Interval.of(pointwise(op, [x.low for x in a]))
            elif op == "mul" and args[0] == args[1]:
                result = _even(np.square, a[0])
            elif op in RISING:
                result = Interval.of(RISING[op](a[0].low), RISING[op](a[0].high), maybe=a[0].maybe)
            elif op in PARTIAL:
                result = _partial(op, a[0])
            elif op in COMPARISONS:
                result = _comparison(op, a[0], a[1])
            else:
                result = OPERATIONS[op](*a)
            values.append(_outward(result, op) if moving and op not in EXACT else result)
            moves.append(moving)
    return [values[i] for i in code.results]


def pointwise(op: str, values: list[Array]) -> Array:
    """One value per argument; truth is 0 and 1."""
    truths = {"select": 1, "not": 1, "and": 2, "or": 2, "xor": 2}.get(op, 0)
    return np.asarray(POINTWISE[op](*(v != 0 if i < truths else v for i, v in enumerate(values))), dtype=np.float64)


def _outward(a: Interval, op: str) -> Interval:
    size = ROUNDING * (8.0 if op in ("pow", "exp", "sinh", "cosh") else 1.0)
    low, high = a.low - size * np.abs(a.low), a.high + size * np.abs(a.high)
    return Interval(np.where(np.isinf(a.low), a.low, low), np.where(np.isinf(a.high), a.high, high), a.maybe)


def _maybe(*a: Interval) -> Any:
    return reduce(np.logical_or, [x.maybe for x in a])


def _neg(a: Interval) -> Interval:
    return Interval(-a.high, -a.low, a.maybe)


def _add(a: Interval, b: Interval) -> Interval:
    low, high = a.low + b.low, a.high + b.high
    lost = (np.isnan(low) | np.isnan(high)) & ~np.isnan(a.low) & ~np.isnan(b.low)  # infinity minus infinity
    return Interval(np.where(lost, -np.inf, low), np.where(lost, np.inf, high), np.asarray(_maybe(a, b) | lost))


def _corners(f: Callable[..., Any], a: Interval, b: Interval) -> Interval:
    """Hull of f at the corners, for f that is monotone in each argument."""
    values = [f(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    lost = reduce(np.logical_or, [np.isnan(v) for v in values]) & ~np.isnan(a.low) & ~np.isnan(b.low)
    result = Interval.of(*values, maybe=_maybe(a, b))
    # 0 times infinity: the bound may be any number
    return Interval(np.where(lost, -np.inf, result.low), np.where(lost, np.inf, result.high), result.maybe)


def _recip(a: Interval) -> Interval:
    low, high = 1.0 / a.high, 1.0 / a.low
    inside = (a.low < 0) & (a.high > 0) | (a.low == 0) & (a.high == 0)
    low = np.where(inside | (a.high == 0), -np.inf, low)
    high = np.where(inside | (a.low == 0), np.inf, high)
    return Interval(low, high, a.maybe)


def _quotient(a: Interval, b: Interval) -> Interval:
    zero = (b.low <= 0) & (b.high >= 0)
    wide, narrow = _corners(np.multiply, a, _recip(b)), _corners(np.divide, a, b)
    return Interval(*(np.where(zero, getattr(wide, n), getattr(narrow, n)) for n in ("low", "high", "maybe")))


def _safe_recip(a: Interval) -> Interval:
    result = _recip(a)
    zero = (a.low <= 0) & (a.high >= 0)
    return Interval(
        np.where(zero, np.fmin(result.low, 0.0), result.low),
        np.where(zero, np.fmax(result.high, 0.0), result.high),
        a.maybe,
    )


def _even(f: Any, a: Interval) -> Interval:
    """Falls up to 0 and rises behind it."""
    ends, crosses = (f(a.low), f(a.high)), (a.low < 0) & (a.high > 0)
    return Interval(np.where(crosses, f(np.float64(0.0)), np.minimum(*ends)), np.maximum(*ends), a.maybe)


def _partial(op: str, a: Interval) -> Interval:
    f, least, most = PARTIAL[op]
    outside = (a.high < least) | (a.low > most)
    ends = [np.where(outside, np.nan, f(np.clip(x, least, most))) for x in (a.low, a.high)]
    return Interval.of(*ends, maybe=a.maybe | (a.low < least) | (a.high > most))


def _sine(f: Any, a: Interval, quarter: float) -> Interval:
    """`f` is sin(x + quarter)."""
    x, y = a.low + quarter, a.high + quarter
    ends = f(a.low), f(a.high)
    top = np.floor((y - 0.5 * np.pi) / (2 * np.pi)) >= np.ceil((x - 0.5 * np.pi) / (2 * np.pi))
    bottom = np.floor((y + 0.5 * np.pi) / (2 * np.pi)) >= np.ceil((x + 0.5 * np.pi) / (2 * np.pi))
    endless = ~(np.isfinite(x) & np.isfinite(y)) & ~np.isnan(a.low)
    low, high = np.where(bottom, -1.0, np.minimum(*ends)), np.where(top, 1.0, np.maximum(*ends))
    return Interval(np.where(endless, -1.0, low), np.where(endless, 1.0, high), np.asarray(a.maybe | endless))


def _power(base: Interval, exponent: Interval, sign: Interval) -> Interval:
    """`sign` is the factor of a negative base: 1, -1 or NaN."""
    size = Interval(np.maximum(base.low, 0.0), np.maximum(base.high, 0.0), base.maybe)
    fractional = _corners(np.power, size, exponent)
    gone = base.high < 0
    fractional = Interval(
        np.where(gone, np.nan, fractional.low),
        np.where(gone, np.nan, fractional.high),
        fractional.maybe | (base.low < 0),
    )
    mirrored = Interval(np.maximum(-base.high, 0.0), np.maximum(-base.low, 0.0), base.maybe)
    left = _corners(np.power, mirrored, exponent)
    plain, negative = base.low >= 0, base.high <= 0
    right = _corners(np.power, size, exponent)
    signed = {s: (left if s > 0 else _neg(left)) for s in (1.0, -1.0)}

    def pick(name: str) -> Any:
        wide = {"low": -np.inf, "high": np.inf, "maybe": True}[name]
        whole = [np.where(negative, getattr(signed[s], name), getattr(signed[s] | right, name)) for s in (1.0, -1.0)]
        below = np.where(sign.low == 1.0, whole[0], np.where(sign.low == -1.0, whole[1], getattr(fractional, name)))
        below = np.where(sign.low == sign.high, below, np.where(np.isnan(sign.low), below, wide))
        return np.where(plain, getattr(right, name), below)

    return Interval(pick("low"), pick("high"), pick("maybe").astype(bool))


def _power_sign(y: Interval) -> Interval:
    whole = (y.low == y.high) & (np.rint(y.low) == y.low)
    sign = np.where(np.rint(y.low / 2) == y.low / 2, 1.0, -1.0)
    some = ~whole & (np.floor(y.high) >= np.ceil(y.low))  # whole numbers among others
    low, high = np.where(whole, sign, np.where(some, -1.0, np.nan)), np.where(whole, sign, np.where(some, 1.0, np.nan))
    return Interval(low, high, y.maybe | ~whole)


def _comparison(op: str, a: Interval, b: Interval) -> Interval:
    lost = np.isnan(a.low) | np.isnan(b.low)
    apart = (a.high < b.low) | (b.high < a.low)
    same = (a.low == a.high) & (b.low == b.high) & (a.low == b.low)
    never, always = {"lt": (a.low >= b.high, a.high < b.low), "le": (a.low > b.high, a.high <= b.low)}.get(
        op, (apart, same)
    )
    never, always = never | lost, always & ~_maybe(a, b)
    if op == "ne":
        never, always = always, never
    return Interval(np.where(always, 1.0, 0.0), np.where(never, 0.0, 1.0), np.zeros(np.shape(never), dtype=bool))


def _truth(f: Any) -> Callable[[Interval, Interval], Interval]:
    return lambda a, b: Interval(f(a.low, b.low), f(a.high, b.high), a.maybe)


def _xor(a: Interval, b: Interval) -> Interval:
    known = a.point & b.point
    odd = np.abs(a.low - b.low)
    return Interval(np.where(known, odd, 0.0), np.where(known, odd, 1.0), a.maybe)


def _select(condition: Interval, yes: Interval, no: Interval) -> Interval:
    both = yes | no
    sure, never = condition.low > 0, condition.high == 0

    def pick(name: str) -> Any:
        return np.where(sure, getattr(yes, name), np.where(never, getattr(no, name), getattr(both, name)))

    return Interval(pick("low"), pick("high"), pick("maybe"))


OPERATIONS: dict[str, Callable[..., Interval]] = {
    "neg": _neg,
    "add": _add,
    "sub": lambda a, b: _add(a, _neg(b)),
    "mul": lambda a, b: _corners(np.multiply, a, b),
    "recip": _recip,
    "quotient": _quotient,
    "safe_recip": _safe_recip,
    "abs": lambda a: _even(np.abs, a),
    "cosh": lambda a: _even(np.cosh, a),
    "sin": lambda a: _sine(np.sin, a, 0.0),
    "cos": lambda a: _sine(np.cos, a, 0.5 * np.pi),
    "pow": _power,
    "power_sign": _power_sign,
    "not": lambda a: Interval(1.0 - a.high, 1.0 - a.low, a.maybe),
    "and": _truth(np.minimum),
    "or": _truth(np.maximum),
    "xor": _xor,
    "select": _select,
}
