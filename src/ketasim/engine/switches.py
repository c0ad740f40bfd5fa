"""Switches in time: comparisons of time with something fixed, found before the run.

The integration is cut there, so that no pulse is stepped over, however short. A comparison whose sides differ by a
straight line changes at the root of that line. Any other is searched by branch and prune: intervals of time on which
interval arithmetic shows a single value are dropped; where it shows a gap that only rises or only falls, its root is bisected;
the others are halved, down to LEAST of their time, or, for what jumps, to neighbouring numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketasim.core import UsageError

from .evaluate import Program, evaluate
from .intervals import Interval, bounds
from .types import FloatArray

BISECTIONS = 64
LEAST = 1e-13  # width of an interval relative to its time at which a gap that touches zero is taken as a change
HALVINGS = 62  # of a segment, down to neighbouring numbers; what still changes there is a switch
MOST_INTERVALS = 100_000


@dataclass(frozen=True)
class TimeSwitch:
    """A comparison (or a floor) that depends on time but on no state.

    `truth` gives its value. `gap` (value and slope in time of left minus right side) is present where the sides are smooth in
    time between the points at which they are not defined; `straight` says that the slope is constant. `text` is for messages.
    """

    truth: Program
    gap: Program | None
    straight: bool
    text: str

    @property
    def personal(self) -> bool:
        """Whether its moment can differ between people."""
        return self.truth.uses("parameter") or self.truth.uses("input")

    def moments(self, begin: float, end: float, start: float, parameters: FloatArray, inputs: FloatArray) -> FloatArray:
        """Moments inside (begin, end) at which the comparison of one person changes; none is left out."""
        search = _Search(self, begin, end, start, parameters, inputs)
        if self.straight:
            return search.straight()
        return search.breaks() if self.gap is None else search.roots()


@dataclass(frozen=True)
class _Search:
    switch: TimeSwitch
    begin: float
    end: float
    start: float
    parameters: FloatArray
    inputs: FloatArray

    def straight(self) -> FloatArray:
        value, slope = self._values(np.array(self.begin))
        with np.errstate(all="ignore"):
            moment = self.begin - float(value) / float(slope)
        return np.array([moment]) if self.begin < moment < self.end else np.zeros(0)

    def roots(self) -> FloatArray:
        """Roots of the gap, and the ends of the least intervals in which it may have one."""
        low, high = np.array([self.begin]), np.array([self.end])
        found = [np.zeros(0)]
        while len(low):
            gap, slope = self._gap(low, high)
            is_open = ~((gap.low > 0) | (gap.high < 0) | np.isnan(gap.low)) | gap.maybe & ~np.isnan(gap.low)
            one_way = is_open & ~gap.maybe & ~slope.maybe & ((slope.low > 0) | (slope.high < 0))
            found.append(self._bisected(low[one_way], high[one_way]))
            rest = is_open & ~one_way
            least = high - low <= LEAST * np.maximum(np.abs(low), np.abs(high))
            found += [low[rest & least], high[rest & least]]
            low, high = self._halves(low[rest & ~least], high[rest & ~least])
        return self._inside(np.concatenate(found))

    def breaks(self) -> FloatArray:
        """Ends of the shortest intervals in which the value may change."""
        low, high = np.array([self.begin]), np.array([self.end])
        for _ in range(HALVINGS):
            low, high = self._halves(low, high)
            value = self._bounds(self.switch.truth, low, high)[0]
            rest = ~np.broadcast_to(value.point, low.shape)
            low, high = low[rest], high[rest]
        return self._inside(high)

    # ---- parts -----------------------------------------------------------------------------------------
    def _values(self, time: FloatArray) -> list[FloatArray]:
        assert self.switch.gap is not None
        return evaluate(self.switch.gap, time=time, start_time=self.start, parameters=list(self.parameters), inputs=list(self.inputs))

    def _bounds(self, code: Program, low: FloatArray, high: FloatArray) -> list[Interval]:
        return bounds(code, low, high, self.start, self.parameters, self.inputs)

    def _gap(self, low: FloatArray, high: FloatArray) -> tuple[Interval, Interval]:
        """Bounds of the gap and of its slope; the gap also by its middle and the slope (mean value form)."""
        assert self.switch.gap is not None
        gap, slope = (_full(b, low) for b in self._bounds(self.switch.gap, low, high))
        with np.errstate(all="ignore"):
            middle = 0.5 * (low + high)
            value = np.broadcast_to(self._values(middle)[0], low.shape)
            reach = np.maximum(np.abs(slope.low), np.abs(slope.high)) * (high - middle)
            usable = np.isfinite(reach) & np.isfinite(value) & ~gap.maybe & ~slope.maybe
            least, most = np.where(usable, value - reach, -np.inf), np.where(usable, value + reach, np.inf)
            return Interval(np.maximum(gap.low, least), np.minimum(gap.high, most), gap.maybe), slope

    def _bisected(self, low: FloatArray, high: FloatArray) -> FloatArray:
        """The root in each interval on which the gap goes one way, where there is one."""

        def rises(t: FloatArray) -> FloatArray:
            return np.broadcast_to(np.sign(self._values(t)[0]), t.shape)

        first, last = rises(low), rises(high)
        crosses = first * last <= 0
        low, high, first = low[crosses], high[crosses], first[crosses]
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            same = rises(middle) == first
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        return high

    def _halves(self, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        if 2 * len(low) > MOST_INTERVALS:
            raise UsageError(
                f"a condition in time switches too often between {self.begin:g} and {self.end:g} h, or cannot be resolved: {self.switch.text}",
                where="switches in time", allowed=f"about {MOST_INTERVALS // 4:,} changes",
                fix="shorten the run, slow the switch, or write it as a comparison of time with a number")
        middle = 0.5 * (low + high)
        return np.concatenate([low, middle]), np.concatenate([middle, high])

    def _inside(self, found: FloatArray) -> FloatArray:
        found = np.unique(found)
        return found[(found > self.begin) & (found < self.end)]


def _full(b: Interval, like: FloatArray) -> Interval:
    shape = like.shape
    return Interval(np.broadcast_to(b.low, shape), np.broadcast_to(b.high, shape), np.broadcast_to(b.maybe, shape))
