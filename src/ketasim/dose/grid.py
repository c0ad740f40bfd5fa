"""Output times that follow the doses, so that equal doses show equal peaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError
from ketasim.core.arrays import Array

from .expand import DoseEvent
from .segments import MERGE_H, merged


@dataclass(frozen=True, slots=True)
class Grid:
    """Steps after each dose: (until h, step h), ...; `rest_h` from then on. Numerical settings, not parameters."""

    name: str
    steps: tuple[tuple[float, float], ...]
    rest_h: float

    def offsets(self, length_h: float) -> Array:
        """Times after a dose up to `length_h`, ascending, without 0 and without the end itself."""
        found: list[Array] = []
        begin = 0.0
        for until, step in (*self.steps, (np.inf, self.rest_h)):
            end = min(until, length_h)
            count = int(np.floor((end - begin) / step + MERGE_H))
            found.append(np.asarray(begin + step * np.arange(1, count + 1), dtype=float))
            begin = until
            if until >= length_h:
                break
        times = np.concatenate(found)
        return times[times < length_h - MERGE_H]


# 2 min to 3 h, 6 min to 8 h, 30 min to 24 h, then 2 h: halving it moves MADRS by at most 0.07 points (day 7) in the
# prototype of the chain. The coarser two keep every peak of an infusion or a nasal dose and serve long courses.
FINE = Grid("fine", ((3.0, 1 / 30), (8.0, 0.1), (24.0, 0.5)), 2.0)
MEDIUM = Grid("medium", ((2.0, 1 / 12), (4.0, 0.25), (8.0, 0.5), (24.0, 2.0)), 6.0)
COARSE = Grid("coarse", ((1.0, 0.25), (3.0, 0.5), (9.0, 2.0), (24.0, 5.0)), 12.0)
BESIDE = Grid("beside", ((1.0, 0.25), (4.0, 1.0), (12.0, 4.0)), 12.0)
MOST_TIMES = 2500

# Without a grid of its own a course is looked at closely after its first dose, less so after the next ones, and gets the coarse grid where
# many doses came before; what follows long after a dose is slow, and looked at more and more rarely.
FIRST = Grid("first", ((1.0, 1 / 30), (2.0, 1 / 15), (4.0, 0.2), (8.0, 0.5), (24.0, 1.0)), 2.0)
NEXT = Grid("next", ((1.0, 1 / 12), (2.0, 1 / 6), (4.0, 0.5), (8.0, 1.0), (24.0, 4.0)), 6.0)
LATER_H = ((14 * 24.0, 2.0), (42 * 24.0, 6.0), (112 * 24.0, 12.0))
LATEST_H = 24.0
MOST_BEFORE = 500  # so many times before a dose make its grid the coarse one


def output_times(
    events: Sequence[DoseEvent],
    horizon_h: float,
    at: ArrayLike = (),
    grid: Grid | None = None,
) -> Array:
    """Times (h, ascending, distinct) from the earliest event to the horizon that follow the dose events.

    After each main dose the same offsets (cut short where the next one starts), so that equal doses show equal peaks;
    every start, device and end of infusion is a time; the times `at` are among them exactly. Co-medication adds
    its own events, and coarser offsets after each. grid None: FIRST after the first main dose, NEXT after later ones, COARSE where there
    are many. Which times there are up to a time depends on the doses up to then alone: neither later doses nor the horizon move any.
    """
    wanted = np.atleast_1d(np.asarray(at, dtype=float)).ravel()
    if not np.all(np.isfinite(wanted)):
        raise UsageError(
            "an output time is not a number",
            where=str(wanted.tolist()),
            allowed="times in h",
            fix="0, 4, 24, 168",
        )
    start = min([0.0, *(event.time_h for event in events)])
    if not horizon_h > start:
        raise UsageError(
            "the run ends before it starts",
            where=f"{horizon_h:g} h",
            allowed=f"an end after {start:g} h",
            fix="672 h",
        )
    return _times(events, horizon_h, start, wanted, grid)


def _times(events: Sequence[DoseEvent], horizon_h: float, start: float, at: Array, grid: Grid | None) -> Array:
    exact: list[float] = [start, horizon_h, *at.tolist()]
    for event in events:
        exact += [time for time in (event.time_h, event.end_h) if time < horizon_h]
    followed = [np.array([start]), _after(_starts(events, True), horizon_h, grid)]
    followed.append(_after(_starts(events, False), horizon_h, BESIDE, rest=False))
    first = min(_starts(events, True), default=horizon_h)
    if first > start:  # days of co-medication before the first main dose
        followed.append(start + BESIDE.rest_h * np.arange(1, int((first - start) / BESIDE.rest_h) + 1))
    asked = np.unique(np.array(exact))
    soft = np.concatenate(followed)
    near = np.searchsorted(asked, soft)
    left = np.abs(soft - asked[np.clip(near - 1, 0, None)]) <= MERGE_H
    right = np.abs(soft - asked[np.clip(near, None, asked.size - 1)]) <= MERGE_H
    kept = merged(soft[~(left | right)])[0]
    times: Array = np.sort(np.concatenate([asked, kept]))
    return times


def _starts(events: Iterable[DoseEvent], main: bool) -> list[float]:
    """When each single dose starts (its first device)."""
    starts: dict[int, float] = {}
    for event in events:
        if event.main is main:
            starts[event.dose_index] = min(event.time_h, starts.get(event.dose_index, event.time_h))
    return sorted(starts.values())


def _following(index: int, before: int) -> Grid:
    """The grid after a dose, by how many doses and times came before it."""
    like = FIRST if index == 0 else NEXT if before < MOST_BEFORE else COARSE
    later = tuple((until, max(step, like.rest_h)) for until, step in LATER_H)
    return Grid(like.name, (*like.steps, *later), LATEST_H)


def _after(starts: Sequence[float], horizon_h: float, chosen: Grid | None, rest: bool = True) -> Array:
    found = [np.empty(0)]
    count = 0
    for index, begin in enumerate(starts):
        grid = chosen or _following(index, count)
        end = min(starts[index + 1] if index + 1 < len(starts) else horizon_h, horizon_h)
        if not rest:
            end = min(end, begin + grid.steps[-1][0])
        if end > begin:
            found.append(begin + grid.offsets(end - begin))
            count += len(found[-1])
    return np.concatenate(found)
