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

from ..types import FloatArray, IntArray
from .evaluate import Program, evaluate
from .intervals import Interval, Mask, bounds

BISECTIONS = 64
LEAST = 1e-13  # width of an interval relative to its time at which a gap that touches zero is taken as a change
HALVINGS = 62  # of a segment, down to neighbouring numbers; what still changes there is a switch
MOST_INTERVALS = 100_000  # in one span
MOST_TOGETHER = 2_000_000  # in all spans of a register of people


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

    def moments(
        self, begin: FloatArray, end: FloatArray, start: float, parameters: FloatArray, inputs: FloatArray
    ) -> FloatArray:
        """Moments at which the comparison changes inside any of K spans (begin, end) (K,); none is left out.

        `parameters` (K, n_par) and `inputs` (K, n_in) hold in the span; `start` is the time at which the run starts.
        """
        search = _Search(self, begin, end, start, parameters, inputs)
        if self.straight:
            return search.straight()
        return search.breaks() if self.gap is None else search.roots()


@dataclass(frozen=True)
class _Part:
    """Intervals of time, and the span that each belongs to."""

    low: FloatArray
    high: FloatArray
    span: IntArray

    def take(self, chosen: Mask) -> _Part:
        return _Part(self.low[chosen], self.high[chosen], self.span[chosen])


@dataclass(frozen=True)
class _Search:
    switch: TimeSwitch
    begin: FloatArray
    end: FloatArray
    start: float
    parameters: FloatArray
    inputs: FloatArray

    def straight(self) -> FloatArray:
        value, slope = self._values(self.begin, np.arange(len(self.begin)))
        with np.errstate(all="ignore"):
            moment = self.begin - value / slope
        return moment[(self.begin < moment) & (moment < self.end)]

    def roots(self) -> FloatArray:
        """Roots of the gap, and the ends of the least intervals in which it may have one."""
        part, found = self._whole(), [np.zeros(0)]
        while len(part.low):
            gap, slope = self._gap(part)
            is_open = ~((gap.low > 0) | (gap.high < 0) | np.isnan(gap.low)) | gap.maybe & ~np.isnan(gap.low)
            one_way = is_open & ~gap.maybe & ~slope.maybe & ((slope.low > 0) | (slope.high < 0))
            found.append(self._bisected(part.take(one_way)))
            rest = is_open & ~one_way
            least = part.high - part.low <= LEAST * np.maximum(np.abs(part.low), np.abs(part.high))
            found += [part.low[rest & least], part.high[rest & least]]
            part = self._halves(part.take(rest & ~least))
        return self._inside(np.concatenate(found))

    def breaks(self) -> FloatArray:
        """Ends of the shortest intervals in which the value may change."""
        part = self._whole()
        for _ in range(HALVINGS):
            part = self._halves(part)
            value = self._bounds(self.switch.truth, part)[0]
            part = part.take(~np.broadcast_to(value.point, part.low.shape))
        return self._inside(part.high)

    # ---- parts -----------------------------------------------------------------------------------------
    def _whole(self) -> _Part:
        return _Part(self.begin, self.end, np.arange(len(self.begin)))

    def _values(self, time: FloatArray, span: IntArray) -> list[FloatArray]:
        assert self.switch.gap is not None
        found = evaluate(
            self.switch.gap,
            time=time,
            start_time=self.start,
            parameters=list(self.parameters[span].T),
            inputs=list(self.inputs[span].T),
        )
        return [np.broadcast_to(value, time.shape) for value in found]

    def _bounds(self, code: Program, part: _Part) -> list[Interval]:
        return bounds(code, part.low, part.high, self.start, self.parameters[part.span].T, self.inputs[part.span].T)

    def _gap(self, part: _Part) -> tuple[Interval, Interval]:
        """Bounds of the gap and of its slope; the gap also by its middle and the slope (mean value form)."""
        assert self.switch.gap is not None
        gap, slope = (_full(b, part.low) for b in self._bounds(self.switch.gap, part))
        with np.errstate(all="ignore"):
            middle = 0.5 * (part.low + part.high)
            value = self._values(middle, part.span)[0]
            reach = np.maximum(np.abs(slope.low), np.abs(slope.high)) * (part.high - middle)
            usable = np.isfinite(reach) & np.isfinite(value) & ~gap.maybe & ~slope.maybe
            least, most = np.where(usable, value - reach, -np.inf), np.where(usable, value + reach, np.inf)
            return Interval(np.maximum(gap.low, least), np.minimum(gap.high, most), gap.maybe), slope

    def _bisected(self, part: _Part) -> FloatArray:
        """The root in each interval on which the gap goes one way, where there is one."""
        first, last = (np.sign(self._values(t, part.span)[0]) for t in (part.low, part.high))
        crosses = first * last <= 0
        part, first = part.take(crosses), first[crosses]
        low, high = part.low, part.high
        for _ in range(BISECTIONS if len(low) else 0):
            middle = 0.5 * (low + high)
            same = np.sign(self._values(middle, part.span)[0]) == first
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        return high

    def _halves(self, part: _Part) -> _Part:
        many = np.bincount(part.span)
        if len(many) and (2 * many.max() > MOST_INTERVALS or len(part.span) > MOST_TOGETHER):
            where = int(many.argmax())
            raise UsageError(
                f"a condition in time switches too often between {self.begin[where]:g} and {self.end[where]:g} h, "
                f"or cannot be resolved: {self.switch.text}",
                where="switches in time",
                allowed=f"about {MOST_INTERVALS // 4:,} changes",
                fix="shorten the run, slow the switch, or write it as a comparison of time with a number",
            )
        middle = 0.5 * (part.low + part.high)
        return _Part(
            np.concatenate([part.low, middle]),
            np.concatenate([middle, part.high]),
            np.concatenate([part.span, part.span]),
        )

    def _inside(self, found: FloatArray) -> FloatArray:
        """Without those at the ends of a span (any, since they are boundaries already)."""
        return np.setdiff1d(found, np.concatenate([self.begin, self.end]))


def _full(b: Interval, like: FloatArray) -> Interval:
    shape = like.shape
    return Interval(np.broadcast_to(b.low, shape), np.broadcast_to(b.high, shape), np.broadcast_to(b.maybe, shape))
