"""Segments between dose events: from input windows and jumps to piecewise constant inputs over shared boundaries.

The plasma stage turns dose events into windows (a constant rate into a named input from start to end) and jumps (a
state scaled or added to at one time). `build_schedule` cuts time at their union; overlapping windows add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import KetasimError, unknown_name
from ketasim.core.arrays import Array, IntArray

MERGE_H = 1e-9  # boundaries nearer than this become one: far below any dose, far above rounding


@dataclass(frozen=True, slots=True)
class Window:
    """A constant rate into one input: one number for everybody, or one per person (P,), in the input's unit."""

    start_h: float
    end_h: float
    input: str
    rate: float | Array


@dataclass(frozen=True, slots=True)
class JumpAt:
    """A sudden change of one state at a time: y <- scale * y + add, numbers for everybody or one per person (P,)."""

    time_h: float
    state: str
    add: float | Array = 0.0
    scale: float | Array = 1.0


@dataclass(frozen=True, slots=True)
class Jump:
    """A jump just before segment `at` starts (`at` indexes the boundaries): y <- scale * y + add."""

    at: int
    state: str
    add: float | Array = 0.0
    scale: float | Array = 1.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Segments of one group of people, in the form the engine takes.

    boundaries (S+1,) h, strictly ascending; inputs (S, n) if equal for everybody, else (P, S, n), columns in the order
    of the input names asked for; jumps in the order in which they were given.
    """

    boundaries: Array
    inputs: Array
    jumps: tuple[Jump, ...] = ()

    @property
    def people(self) -> int | None:
        """Number of people, or None if the inputs are the same for everybody."""
        return self.inputs.shape[0] if self.inputs.ndim == 3 else None


def merged(times: ArrayLike) -> tuple[Array, IntArray]:
    """Distinct ascending times, those nearer than `MERGE_H` to the first of their group taken as one.

    Returns the times (M,) and, for each time given, the index of its group.
    """
    given = np.asarray(times, dtype=float).ravel()
    order = np.argsort(given, kind="stable")
    groups = np.zeros(given.size, dtype=np.int64)
    ascending = given[order]
    starts = np.concatenate([[True], np.diff(ascending) > MERGE_H]) if given.size else np.zeros(0, dtype=bool)
    group = np.cumsum(starts) - 1
    if (ascending - ascending[starts][group] <= MERGE_H).all():  # no chain of near times that is longer than the limit
        groups[order] = group
        return ascending[starts], groups
    kept: list[float] = []
    for position in order:
        if not kept or given[position] - kept[-1] > MERGE_H:
            kept.append(float(given[position]))
        groups[position] = len(kept) - 1
    return np.array(kept), groups


def build_schedule(
    windows: Sequence[Window],
    jumps: Sequence[JumpAt],
    inputs: Sequence[str],
    end_h: float,
    start_h: float | None = None,
    cuts: ArrayLike = (),
) -> Schedule:
    """The schedule of one group of people from `start_h` (default: the earliest of all, never after 0) to `end_h`.

    inputs : the names of the model's inputs, in the order of the columns. cuts : further boundaries.
    Within each segment the input is the sum of the rates of the windows that cover it. Where boundaries were merged,
    the rate is scaled so that rate x length, the amount given, stays exact. A window that reaches over the end is cut
    there, and what starts at the end or later is outside the run. Raises `KetasimError` for an unknown input, numbers
    that are not finite, a window without length, anything before `start_h`, or numbers of people that differ.
    """
    names = list(inputs)
    earliest = [0.0, *(window.start_h for window in windows), *(jump.time_h for jump in jumps)]
    begin = min(earliest) if start_h is None else start_h
    if not end_h > begin:
        raise KetasimError(f"the run ends at {end_h:g} h, not after its start at {begin:g} h")
    people = _people(windows, jumps)
    for window in windows:
        _check_window(window, names, begin)
    for jump in jumps:
        if jump.time_h < begin - MERGE_H:
            raise KetasimError(f"a jump of '{jump.state}' at {jump.time_h:g} h lies before the start at {begin:g} h")
    live = [window for window in windows if window.start_h < end_h - MERGE_H]
    late = [jump for jump in jumps if jump.time_h < end_h - MERGE_H]
    inside = [cut for cut in np.asarray(cuts, dtype=float).ravel().tolist() if begin < cut < end_h]
    times = [begin, end_h, *inside]
    times += [time for window in live for time in (window.start_h, min(window.end_h, end_h))]
    times += [jump.time_h for jump in late]
    boundaries, group = merged(times)
    boundaries[group[0]], boundaries[group[1]] = begin, end_h
    place = 2 + len(inside)
    shape = (boundaries.size - 1, len(names))
    table = np.zeros(shape if people is None else (people, *shape))
    for window in live:
        first, last = int(group[place]), int(group[place + 1])
        place += 2
        length = boundaries[last] - boundaries[first]
        wanted = min(window.end_h, end_h) - window.start_h
        if last == first:
            raise KetasimError(
                f"a window into '{window.input}' at {window.start_h:g} h is shorter than {MERGE_H:g} h",
                fix="give it as a jump of the state",
            )
        rate = np.asarray(window.rate, dtype=float) * (wanted / length)
        table[..., first:last, names.index(window.input)] += rate[:, None] if rate.ndim else rate
    placed = tuple(
        Jump(int(index), jump.state, jump.add, jump.scale) for index, jump in zip(group[place:], late, strict=True)
    )
    return Schedule(boundaries, table, placed)


def _people(windows: Sequence[Window], jumps: Sequence[JumpAt]) -> int | None:
    """The one number of people that occurs, None if every number is for everybody."""
    values = [window.rate for window in windows]
    values += [value for jump in jumps for value in (jump.add, jump.scale)]
    sizes = set()
    for value in values:
        array = np.asarray(value, dtype=float)
        if array.ndim > 1:
            raise KetasimError(f"rates and jumps are one number or one per person, not shape {array.shape}")
        if not np.all(np.isfinite(array)):
            raise KetasimError("a rate or a jump is not a finite number")
        if array.ndim == 1:
            sizes.add(array.size)
    if len(sizes) > 1:
        raise KetasimError(f"numbers of people differ within one schedule: {sorted(sizes)}")
    rates = [window for window in windows if np.ndim(window.rate)]
    return sizes.pop() if sizes and rates else None


def _check_window(window: Window, names: Sequence[str], begin: float) -> None:
    if window.input not in names:
        raise unknown_name("input", window.input, names)
    if not window.end_h > window.start_h:
        raise KetasimError(
            f"a window into '{window.input}' from {window.start_h:g} to {window.end_h:g} h has no length",
            fix="give it as a jump of the state",
        )
    if window.start_h < begin - MERGE_H:
        raise KetasimError(
            f"a window into '{window.input}' at {window.start_h:g} h lies before the start at {begin:g} h"
        )
