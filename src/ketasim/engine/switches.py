"""Switches in time: comparisons of time with something fixed, found before the run.

The integration is cut there, so that no pulse is stepped over, however short.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketasim.core import UsageError

from .evaluate import Program, evaluate
from .types import FloatArray

SAMPLES = 2048  # per segment, for comparisons that are not linear in time
BISECTIONS = 60
HALVINGS = 62  # of a segment, down to neighbouring numbers; what still changes there is a switch
MOST_INTERVALS = 100_000
RISING = {"exp": np.exp, "tanh": np.tanh, "atan": np.arctan, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc}


@dataclass(frozen=True)
class TimeSwitch:
    """A comparison that depends on time but on no state. `truth` gives its value, `line` (value and slope of
    left minus right side) is present when that is a straight line in time."""

    truth: Program
    line: Program | None

    @property
    def personal(self) -> bool:
        """Whether its moment can differ between people."""
        return self.truth.uses("parameter") or self.truth.uses("input")

    def moments(self, begin: float, end: float, start: float, parameters: FloatArray, inputs: FloatArray) -> FloatArray:
        """Moments inside (begin, end) at which the comparison of one person changes."""
        if self.line is not None:
            value, slope = evaluate(self.line, time=begin, start_time=start, parameters=list(parameters), inputs=list(inputs))
            with np.errstate(all="ignore"):
                moment = begin - float(value) / float(slope)
            return np.array([moment]) if begin < moment < end else np.zeros(0)

        found = _breaks(self.truth, begin, end, start, parameters, inputs)
        return self._on_a_grid(begin, end, start, parameters, inputs) if found is None else found

    def _on_a_grid(self, begin: float, end: float, start: float, parameters: FloatArray, inputs: FloatArray) -> FloatArray:
        """Changes between samples, for operations that have no bounds here."""

        def truth(t: FloatArray) -> FloatArray:
            value = evaluate(self.truth, time=t, start_time=start, parameters=list(parameters), inputs=list(inputs))[0]
            return np.broadcast_to(value, t.shape)

        grid = np.linspace(begin, end, SAMPLES + 1)
        grid[0], grid[-1] = np.nextafter(begin, end), np.nextafter(end, begin)
        values = truth(grid)
        change = np.flatnonzero(values[1:] != values[:-1])
        low, high, before = grid[change], grid[change + 1], values[change]
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            same = truth(middle) == before
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        return high


def _breaks(code: Program, begin: float, end: float, start: float, parameters: FloatArray, inputs: FloatArray) -> FloatArray | None:
    """Ends of the shortest intervals in which the value of `code` may change, none left out; None without bounds.

    Intervals in which interval arithmetic gives a single value are dropped, the others halved.
    """
    low, high = np.array([begin]), np.array([end])
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        bounds = _bounds(code, low, high, start, parameters, inputs)
        if bounds is None:
            return None
        open_ = ~np.broadcast_to(bounds[0] == bounds[1], low.shape)
        low, high = low[open_], high[open_]
        if len(low) > MOST_INTERVALS:
            raise UsageError(f"a condition in time switches too often between {begin:g} and {end:g} h", where="switches in time",
                             allowed=f"about {MOST_INTERVALS // 4:,} changes", fix="shorten the run or slow the switch")
    high = np.unique(high)
    return high[(high > begin) & (high < end)]


def _bounds(code: Program, low: FloatArray, high: FloatArray, start: float, parameters: FloatArray,
            inputs: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Least and greatest value of the program on each interval of time, truth as 0 and 1."""
    values: list[tuple[FloatArray, FloatArray]] = []
    with np.errstate(all="ignore"):
        for op, args, value in code.steps:
            a = [values[i] for i in args]
            if op in ("number", "true", "false", "parameter", "input", "start_time"):
                leaf = {"number": value, "true": 1.0, "false": 0.0, "start_time": start}.get(op)
                one = np.asarray((parameters if op == "parameter" else inputs)[int(value)] if leaf is None else leaf, dtype=float)
                result = one, one
            elif op == "time":
                result = low, high
            elif op == "neg":
                result = -a[0][1], -a[0][0]
            elif op == "add":
                result = a[0][0] + a[1][0], a[0][1] + a[1][1]
            elif op == "sub":
                result = a[0][0] - a[1][1], a[0][1] - a[1][0]
            elif op == "mul":
                corners = [x * y for x in a[0] for y in a[1]]
                result = np.minimum.reduce(corners), np.maximum.reduce(corners)
            elif op in ("recip", "quotient") and (a[-1][0] == a[-1][1]).all():
                ends = [x / a[-1][0] for x in (a[0] if op == "quotient" else (np.float64(1.0),) * 2)]
                result = np.minimum(*ends), np.maximum(*ends)
            elif op in RISING:
                result = RISING[op](a[0][0]), RISING[op](a[0][1])
            elif op in ("sin", "cos"):
                quarter = 0.0 if op == "sin" else 0.5 * np.pi
                x, y = a[0][0] + quarter, a[0][1] + quarter
                ends = [np.sin(x), np.sin(y)]
                top = np.floor((y - 0.5 * np.pi) / (2 * np.pi)) >= np.ceil((x - 0.5 * np.pi) / (2 * np.pi))
                bottom = np.floor((y + 0.5 * np.pi) / (2 * np.pi)) >= np.ceil((x + 0.5 * np.pi) / (2 * np.pi))
                result = np.where(bottom, -1.0, np.minimum(*ends)), np.where(top, 1.0, np.maximum(*ends))
            elif op in ("lt", "le", "eq", "ne"):
                (p, q), (r, s) = a
                never, always = {"lt": (p >= s, q < r), "le": (p > s, q <= r)}.get(
                    op, ((q < r) | (s < p), (p == q) & (r == s) & (p == r)))
                if op == "ne":
                    never, always = always, never
                result = np.where(always, 1.0, 0.0), np.where(never, 0.0, 1.0)
            elif op == "not":
                result = 1.0 - a[0][1], 1.0 - a[0][0]
            elif op == "and":
                result = np.minimum(a[0][0], a[1][0]), np.minimum(a[0][1], a[1][1])
            elif op == "or":
                result = np.maximum(a[0][0], a[1][0]), np.maximum(a[0][1], a[1][1])
            elif op == "select":
                (p, q), (r, s), (u, v) = a
                result = np.where(p > 0, r, np.where(q > 0, np.minimum(r, u), u)), np.where(p > 0, s, np.where(q > 0, np.maximum(s, v), v))
            else:
                return None
            values.append(result)
    return values[code.results[0]]
