"""The moments at which a comparison in time changes, by branch and prune.

Intervals of time on which the gap between the sides is not 0 are dropped, by interval arithmetic with slope and mean value form.
Where the gap only rises or only falls its root is bisected. What is left after some halvings, as around moments at which the sides
touch, is looked at through bounds of ORDER derivatives (`jets`): where derivative p is not 0, derivative p - 1 has one root at
most, which cuts the interval in two, in each of which p - 2 has one at most, and so on down to the gap; so a contact of any order up
to ORDER takes a bounded number of steps, and its moment is exact to rounding. Where all bounds are as narrow as rounding the sides
are the same: nothing changes there, or the condition is refused. The number of bounds computed is at most MOST_WORK.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ketasim.core import UsageError
from ketasim.core.arrays import Array, BoolArray, IntArray

from .evaluate import Program, evaluate
from .intervals import Interval, bounds
from .jets import ORDER, Jet, jets
from .parts import Part, Rows, clusters, full, joined, less, taylor
from .time_switch import TimeSwitch

BISECTIONS = 64
LEAST = 1e-13  # width of an interval relative to its time at which a gap that touches zero is taken as a change
LEAST_OF_SPAN = 2.0**-56  # the same relative to the span, near time 0
UNCERTAIN = 2.0**-30  # of the span: shorter, what may be infinite or no number is taken as it is at its ends
HALVINGS = 62  # of a segment, down to neighbouring numbers
MOST_INTERVALS = 100_000  # in one span
MOST_TOGETHER = 2_000_000  # in all spans of a register of people
MOST_WORK = 1_000_000  # bounds of one switch in one register, and so many more for each span:
WORK_OF_A_SPAN = 20_000
FIRST_JETS, JETS_AT_ONCE, EVERY_JET = 3, 2048, 9  # halvings after which derivatives are looked at: if so few, always
WORK_OF_JETS = 20
SAME = 8.0  # widths of rounding within which two sides are the same
TOUCH = 1e-3  # of time or span: sides that are the same for so long touch, if the truth is the same before and behind
SHORT = 1e-6  # else
BESIDE = 1e-7  # of a piece
SAMPLES = 9


@dataclass
class Search:
    """One switch on K pieces of time (begin, end), between whose ends nothing else changes it."""

    switch: TimeSwitch
    begin: Array
    end: Array
    rows: Rows
    work: int = 0
    _found: list[tuple[Array, IntArray]] = field(default_factory=list)
    _same: list[Part] = field(default_factory=list)
    _code: Program = field(default_factory=lambda: Program((), ()))

    def run(self) -> tuple[Array, IntArray]:
        """Moments (M,) inside the pieces, and the piece of each."""
        whole = Part(self.begin, self.end, np.arange(len(self.begin)), np.zeros(len(self.begin)))
        if self.switch.broken:
            self._breaks(whole)
        for gap in self.switch.gaps:
            self._code = gap.code
            if gap.straight:
                self._straight(whole)
            else:
                self._roots(self._stairs(whole) if self.switch.stairs else whole)
        self._settle_touches()
        time = np.concatenate([np.zeros(0), *(t for t, _ in self._found)])
        piece = np.concatenate([np.zeros(0, dtype=np.int64), *(p for _, p in self._found)])
        inside = (time > self.begin[piece]) & (time < self.end[piece])
        both = np.unique(np.rec.fromarrays([piece[inside], time[inside]]))
        return np.asarray(both["f1"]), np.asarray(both["f0"])

    # ---- the ways of finding -----------------------------------------------------------------------------
    def _straight(self, part: Part) -> None:
        value, slope = self._values(part.low, part)
        with np.errstate(all="ignore"):
            self._add(part.low - value / slope, part)

    def _stairs(self, part: Part) -> Part:
        """Intervals in which the argument of a floor passes one whole number at most, which becomes their offset."""
        single = []
        for _ in range(HALVINGS):
            if not len(part):
                break
            gap, slope = self._bounds(part)
            gap = self._mean_value(part, gap, slope)[0]
            first, last = np.ceil(gap.low), np.floor(gap.high)
            none = (last < first) & ~gap.maybe | np.isnan(gap.low) & np.isnan(gap.high)
            one = (first == last) & ~gap.maybe & np.isfinite(first)
            chosen = part.take(one)
            single.append(Part(chosen.low, chosen.high, chosen.piece, first[one]))
            rest, part = part, part.take(~none & ~one)
            least = self._least(part)
            self._add_ends(part.take(least))
            part = self._halved(part.take(~least), rest)
        self._add_ends(part)
        return Part(*(np.concatenate([getattr(p, n) for p in single]) for n in ("low", "high", "piece", "offset")))

    def _roots(self, part: Part) -> None:
        for level in range(HALVINGS + 2):
            if not len(part):
                return
            gap, slope = self._bounds(part)
            gap, middle = self._mean_value(part, gap, slope)
            is_open = ~((gap.low > 0) | (gap.high < 0) | np.isnan(gap.low)) | gap.maybe & ~np.isnan(gap.low)
            one_way = is_open & ~gap.maybe & ~slope.maybe & ((slope.low > 0) | (slope.high < 0))
            self._bisect(part.take(one_way))
            rest = is_open & ~one_way
            same = rest & ~gap.maybe & self._is_same(gap, middle)
            self._same.append(part.take(same))
            rest &= ~same
            unclear = rest & (gap.maybe | np.isinf(gap.low) | np.isinf(gap.high))
            unclear &= part.high - part.low <= UNCERTAIN * (self.end - self.begin)[part.piece]
            if unclear.any():
                settled = np.flatnonzero(unclear)[self._constant(part.take(unclear))]
                self._add_ends(part.take(settled))
                rest[settled] = False
            part = part.take(rest)
            if level >= FIRST_JETS and (len(part) <= JETS_AT_ONCE or level >= EVERY_JET):
                part = self._by_derivatives(part)
            least = self._least(part)
            self._add_ends(part.take(least))
            part = self._halved(part.take(~least), part)
        self._add_ends(part)

    def _breaks(self, part: Part) -> None:
        """Ends of the shortest intervals in which the value may change, where the sides are not smooth."""
        for _ in range(HALVINGS):
            part = self._halved(part, part)
            value = self._enclosed(self.switch.truth, part)[0]
            part = part.take(~np.broadcast_to(value.point, part.low.shape))
        self._add(part.high, part)

    def _by_derivatives(self, part: Part) -> Part:
        """Settles the intervals in which some derivative is not 0, or all are as rounding; gives back the others."""
        left = []
        for first in range(0, len(part), JETS_AT_ONCE):
            some = part.take(np.arange(first, min(first + JETS_AT_ONCE, len(part))))
            self._count(2 * WORK_OF_JETS * len(some), some)
            middle = 0.5 * (some.low + some.high)
            radius = np.maximum(some.high - middle, middle - some.low)
            wide = self._jets(some.low, some.high, some)
            near = self._jets(middle, middle, some)
            order = np.full(len(some), -1)
            hull = taylor(near, wide, radius, 0)
            with np.errstate(all="ignore"):
                order[(hull[0] > 0) | (hull[1] < 0)] = 0
                for q in range(1, ORDER + 1):
                    low, high = taylor(near, wide, radius, q)
                    order[(order < 0) & ((low > 0) | (high < 0))] = q
                width = near.high[0] - near.low[0]
                size = np.maximum(np.abs(hull[0]), np.abs(hull[1]))
                same = (order < 0) & (near.low[0] <= 0) & (near.high[0] >= 0) & (size <= SAME * width)
            self._same.append(some.take(same))
            for q in range(1, ORDER + 1):
                self._descend(some.take(order == q), q)
            left.append(some.take((order < 0) & ~same))
        return joined(left) if left else part

    def _descend(self, part: Part, order: int) -> None:
        """All roots where derivative `order` of the gap is not 0."""
        if not len(part):
            return
        points = np.stack([part.low, part.high])
        for q in range(order - 1, -1, -1):
            signs = np.stack([self._sign(t, part, q) for t in points])
            roots = points[1:].copy()
            where, row = np.nonzero(signs[:-1] * signs[1:] < 0)
            roots[where, row] = self._root(points[where, row], points[where + 1, row], part.take(row), q)
            if q == 0:
                self._add(roots[where, row], part.take(row))
                touched, row = np.nonzero(signs == 0)
                at, row_part = points[touched, row], part.take(row)
                self._same.append(Part(at, at, row_part.piece, row_part.offset))
            grown = np.empty((len(points) + len(roots), len(part)))
            grown[0::2], grown[1::2] = points, roots
            points = grown

    # ---- values and bounds -------------------------------------------------------------------------------
    def _values(self, time: Array, part: Part) -> list[Array]:
        """Gap and slope at one time of each interval."""
        found = self._pointwise(self._code, time, part.piece)
        return [found[0] - part.offset, found[1]]

    def _pointwise(self, code: Program, time: Array, piece: IntArray) -> list[Array]:
        found = evaluate(
            code,
            time=time,
            start_time=self.rows.start,
            parameters=list(self.rows.parameters[:, piece]),
            inputs=list(self.rows.inputs[:, piece]),
            held=list(self.rows.held[:, piece]),
        )
        return [np.broadcast_to(value, time.shape).astype(np.float64) for value in found]

    def _enclosed(self, code: Program, part: Part) -> list[Interval]:
        self._count(len(part), part)
        r, p = self.rows, part.piece
        found = bounds(code, part.low, part.high, r.start, r.parameters[:, p], r.inputs[:, p], r.held[:, p])
        return [full(b, part.low) for b in found]

    def _bounds(self, part: Part) -> tuple[Interval, Interval]:
        """Bounds of the gap and of its slope."""
        gap, slope = self._enclosed(self._code, part)
        return less(gap, part.offset), slope

    def _mean_value(self, part: Part, gap: Interval, slope: Interval) -> tuple[Interval, Interval]:
        """Bounds of the gap also from its middle and the slope; and what it is in the middle."""
        middle = 0.5 * (part.low + part.high)
        radius = np.maximum(part.high - middle, middle - part.low)
        point = self._bounds(Part(middle, middle, part.piece, part.offset))[0]
        with np.errstate(all="ignore"):
            reach = np.maximum(np.abs(slope.low), np.abs(slope.high)) * radius
            usable = np.isfinite(reach) & np.isfinite(point.low) & np.isfinite(point.high)
            usable &= ~gap.maybe & ~slope.maybe & ~point.maybe
            least = np.where(usable, point.low - reach, -np.inf)
            most = np.where(usable, point.high + reach, np.inf)
            # bounds that are no number stay so: maximum carries NaN on
            return Interval(np.maximum(gap.low, least), np.minimum(gap.high, most), gap.maybe), point

    def _is_same(self, gap: Interval, middle: Interval) -> BoolArray:
        with np.errstate(all="ignore"):
            width = middle.high - middle.low
            size = np.maximum(np.abs(gap.low), np.abs(gap.high))
            return np.asarray((middle.low <= 0) & (middle.high >= 0) & (size <= SAME * width))

    def _jets(self, low: Array, high: Array, part: Part) -> Jet:
        r, p = self.rows, part.piece
        found = jets(self._code, low, high, r.start, r.parameters[:, p], r.inputs[:, p], r.held[:, p])
        first, last = found.low.copy(), found.high.copy()
        first[0] -= part.offset
        last[0] -= part.offset
        return Jet(first, last)

    def _sign(self, time: Array, part: Part, order: int) -> Array:
        """Sign of a derivative of the gap; 0 where it may be rounding."""
        if order < 2:
            found = self._bounds(Part(time, time, part.piece, part.offset))[order]
            low, high = found.low, found.high
        else:
            self._count(WORK_OF_JETS * len(part), part)
            jet = self._jets(time, time, part)
            low, high = jet.low[order], jet.high[order]
        return np.where(low > 0, 1.0, np.where(high < 0, -1.0, 0.0))

    def _derivative(self, time: Array, part: Part, order: int) -> Array:
        if order < 2:
            return self._values(time, part)[order]
        self._count(WORK_OF_JETS * len(part), part)
        jet = self._jets(time, time, part)
        return np.asarray(0.5 * (jet.low[order] + jet.high[order]))

    def _root(self, low: Array, high: Array, part: Part, order: int) -> Array:
        """The root between moments at which a derivative has different signs: the Illinois rule, and halves now and then."""
        if not len(part):
            return high
        low, high = low.copy(), high.copy()
        first, last = (self._derivative(t, part, order) for t in (low, high))
        side = np.zeros(len(part))
        for turn in range(BISECTIONS + 30):
            open_ = high - low > 2 * np.spacing(np.maximum(np.abs(low), np.abs(high)))
            if not open_.any():
                break
            with np.errstate(all="ignore"):
                guess = high - last * (high - low) / (last - first)
            middle = 0.5 * (low + high)
            usable = np.isfinite(guess) & (guess > low) & (guess < high) & (turn % 3 != 2)
            guess = np.where(usable, guess, middle)
            value = self._derivative(guess, part, order)
            left = (np.sign(value) == np.sign(first)) & open_
            right = ~left & open_
            low, first = (
                np.where(left, guess, low),
                np.where(left, value, np.where(right & (side > 0), 0.5 * first, first)),
            )
            high, last = (
                np.where(right, guess, high),
                np.where(right, value, np.where(left & (side < 0), 0.5 * last, last)),
            )
            side = np.where(left, -1.0, np.where(right, 1.0, side))
        return high

    def _bisect(self, part: Part) -> None:
        """The root in each interval on which the gap goes one way, where there is one."""
        if not len(part):
            return
        first, last = (np.sign(self._values(t, part)[0]) for t in (part.low, part.high))
        for sign, end in ((first, part.low), (last, part.high)):
            zero = sign == 0
            self._same.append(Part(end[zero], end[zero], part.piece[zero], part.offset[zero]))
        crosses = first * last < 0
        part, first = part.take(crosses), first[crosses]
        low, high = part.low, part.high
        for _ in range(BISECTIONS if len(part) else 0):
            middle = 0.5 * (low + high)
            same = np.sign(self._values(middle, part)[0]) == first
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        self._add(high, part)

    # ---- bookkeeping -------------------------------------------------------------------------------------
    def _add(self, time: Array, part: Part) -> None:
        self._found.append((time, part.piece))

    def _add_ends(self, part: Part) -> None:
        self._add(part.low, part)
        self._add(part.high, part)

    def _least(self, part: Part) -> BoolArray:
        time = np.maximum(np.abs(part.low), np.abs(part.high))
        span = (self.end - self.begin)[part.piece]
        return np.asarray(part.high - part.low <= np.maximum(LEAST * time, LEAST_OF_SPAN * span))

    def _constant(self, part: Part) -> BoolArray:
        """Whether the truth is the same at both ends and in the middle."""
        middle = 0.5 * (part.low + part.high)
        a, b, c = (self._truth(t, part) for t in (part.low, middle, part.high))
        return np.asarray((a == b) & (b == c))

    def _truth(self, time: Array, part: Part) -> Array:
        return self._pointwise(self.switch.truth, time, part.piece)[0]

    def _halved(self, part: Part, before: Part) -> Part:
        many = np.bincount(part.piece)
        if len(many) and (2 * many.max() > MOST_INTERVALS or len(part) > MOST_TOGETHER):
            self._refuse(before)
        return part.halves()

    def _count(self, work: int, part: Part) -> None:
        self.work += work
        if self.work > MOST_WORK + WORK_OF_A_SPAN * len(self.begin):
            self._refuse(part)

    def _refuse(self, part: Part) -> None:
        where = int(np.bincount(part.piece).argmax())
        raise UsageError(
            f"a condition in time switches too often between {self.begin[where]:g} and {self.end[where]:g}, "
            f"or cannot be resolved: {self.switch.text}",
            where="switches in time",
            allowed=f"about {MOST_INTERVALS // 4:,} changes",
            fix="shorten the run, slow the switch, or write it as a comparison of time with a number",
        )

    def _settle_touches(self) -> None:
        """Where the sides are the same to rounding: one cut, if that is a moment; else one truth, or a refusal."""
        part = joined(self._same) if self._same else None
        if part is None or not len(part):
            return
        part = clusters(part)
        width = part.high - part.low
        shares = (np.arange(SAMPLES) + 0.5) / SAMPLES
        inside = np.stack([self._truth(part.low + s * width, part) for s in shares])
        before, behind = (self._truth(t, part) for t in (part.low - width, part.high + width))
        near = BESIDE * (self.end - self.begin)[part.piece]  # of the ends of a piece, which are cut anyway
        begins, ends = part.low <= self.begin[part.piece] + near, part.high >= self.end[part.piece] - near
        size = np.maximum((self.end - self.begin)[part.piece], np.maximum(np.abs(part.low), np.abs(part.high)))
        # the sides touch: the truth beside them holds, and the cut only keeps this place from being the middle of a segment
        touch = ((begins | ends | (before == behind)) & (width <= TOUCH * size) | (width <= SHORT * size)) & ~(
            begins & ends
        )
        inner = part.take(touch & ~begins & ~ends)
        self._add(inner.offset, inner)
        if self.switch.harmless:
            return
        steady = (inside == inside[0]).all(axis=0) & ~touch
        self._add_ends(part.take(steady))
        lost = part.take(~steady & ~touch)
        if len(lost):
            raise UsageError(
                f"the two sides of a condition in time are the same to rounding from {lost.low[0]:g} to {lost.high[0]:g}, "
                f"so that it cannot be told which is larger: {self.switch.text}",
                where="switches in time",
                fix="write the condition so that its sides differ, or as a comparison of time with a number",
            )
