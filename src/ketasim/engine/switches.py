"""Switches in time: comparisons of time with something fixed, found before the run.

The integration is cut there, so that no pulse is stepped over, however short.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .evaluate import Program, evaluate
from .types import FloatArray

SAMPLES = 2048  # per segment, for comparisons that are not linear in time
BISECTIONS = 60


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
