"""Who is at risk and who has an event at each time, sorted once for all replicates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError
from ketasim.core.arrays import Array, BoolArray, IntArray

from .shapes import values_of


def times_of(time: ArrayLike, event: ArrayLike) -> tuple[Array, IntArray]:
    """Times (R, N), nan = not followed at all, and kind of end (R, N): 0 = censored, 1, 2, ... = events."""
    times = values_of(time, "time")
    kinds = np.asarray(event)
    if (
        kinds.shape not in (times.shape, times.shape[1:])
        or (kinds != kinds.astype(np.int64)).any()
        or (kinds < 0).any()
    ):
        raise UsageError(
            f"events have the shape {kinds.shape}, times {times.shape}",
            where="event",
            allowed="one whole number per time: 0 = censored, 1 = event (2, 3, ... = competing events)",
        )
    if (times < 0).any():
        raise UsageError("a time is below 0", where="time", allowed="time since randomisation, 0 or later")
    return times, np.broadcast_to(kinds.astype(np.int64), times.shape)


def strata_of(strata: ArrayLike | None, shape: tuple[int, ...]) -> IntArray:
    """Stratum of each person (R, N), numbered from 0; one stratum if none are given."""
    if strata is None:
        return np.zeros(shape, dtype=np.int64)
    given = np.asarray(strata)
    if given.shape not in (shape, shape[1:]):
        raise UsageError(
            f"strata have the shape {given.shape}, times {shape}", where="strata", allowed="one stratum for each person"
        )
    _, whole = np.unique(given, return_inverse=True)
    return np.broadcast_to(whole.reshape(given.shape).astype(np.int64), shape)


def each_stratum(strata: IntArray) -> Iterator[BoolArray]:
    """Membership (R, N) in each stratum."""
    for number in range(int(strata.max()) + 1):
        yield strata == number


@dataclass(frozen=True)
class Sorted:
    """People in order of time. All arrays (R, N); people who do not count have weight 0 and stand last.

    order : indices into the people. time : sorted. first, last : positions of the first and last person with the same time.
    """

    order: IntArray
    time: Array
    first: IntArray
    last: IntArray

    def of(self, values: Array) -> Array:
        """Values (R, N, ...) in this order."""
        index = self.order.reshape(*self.order.shape, *([1] * (values.ndim - 2)))
        return np.take_along_axis(values, index, axis=1)

    def from_here(self, values: Array) -> Array:
        """Sum over everybody whose time is not shorter, (R, N, ...)."""
        return self.pick(np.cumsum(values[:, ::-1], axis=1)[:, ::-1], self.first)

    def among_ties(self, values: Array) -> Array:
        """Sum over everybody with the same time, (R, N, ...)."""
        total = np.cumsum(values, axis=1)
        return self.pick(total, self.last) - self.pick(total - values, self.first)

    @staticmethod
    def pick(values: Array, where: IntArray) -> Array:
        """Values (R, N, ...) at positions (R, N)."""
        index = where.reshape(*where.shape, *([1] * (values.ndim - 2)))
        return np.take_along_axis(values, index, axis=1)

    @property
    def ends(self) -> BoolArray:
        """The last position of each group of equal times."""
        return np.asarray(self.last == np.arange(self.time.shape[1]))


def sort(time: Array, counts: BoolArray) -> Sorted:
    """By time; who does not count comes last."""
    key = np.where(counts & ~np.isnan(time), time, np.inf)
    order = np.argsort(key, axis=1, kind="stable")
    ordered = np.take_along_axis(key, order, axis=1)
    people = ordered.shape[1]
    positions = np.broadcast_to(np.arange(people), ordered.shape)
    new = np.ones(ordered.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.maximum.accumulate(np.where(new, positions, 0), axis=1)
    ends = np.ones(ordered.shape, dtype=bool)
    ends[:, :-1] = new[:, 1:]
    last = np.minimum.accumulate(np.where(ends, positions, people - 1)[:, ::-1], axis=1)[:, ::-1]
    return Sorted(order, ordered, first, last)
