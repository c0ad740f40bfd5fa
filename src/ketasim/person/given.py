"""What one person has been given and would be given: regimens placed one after the other on one axis of time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ketasim.core.arrays import Array
from ketasim.dose import Regimen
from ketasim.forward import Dosed, deliveries
from ketasim.ratings.mood import Treatment, treatment

# Offsets after the start of a session at which what is felt, and pressure, are looked at, h; the end of the dose is added.
CLOSE_OFFSETS = (0.1, 0.25, 0.4, 0.5, 2 / 3, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
OFFSETS = (0.5, 2 / 3, 1.0, 1.5)
SAME_H = 1e-6


@dataclass(frozen=True, slots=True)
class Placed:
    """A regimen whose own t = 0 lies at `start_h`; up to `until_h` on the axis of the person. beside : taken beside the treatment, no session.

    masked : placebo in place of every main drug, what is given beside it stays.
    """

    regimen: Regimen
    start_h: float = 0.0
    until_h: float = np.inf
    beside: bool = False
    masked: bool = False


def _noticed(one: Placed, horizon: float) -> Treatment:
    found = treatment(one.regimen, horizon)
    return replace(found, comparators=found.sessions) if one.masked else found


@dataclass(frozen=True)
class Given:
    """Everything given to a person up to `end_h` (h from the first dose)."""

    placed: tuple[Placed, ...]
    end_h: float

    def deliveries(self, weights: Array) -> tuple[Dosed, ...]:
        """Every part of every dose, for people of these weights (kg), on the person's axis."""
        found = []
        for one in self.placed:
            horizon = self._horizon(one)
            if horizon > 0:
                found += [
                    replace(part, time_h=part.time_h + one.start_h)
                    for part in deliveries(one.regimen, horizon, weights)
                    if not (one.masked and (part.event.main or part.event.entry.is_main))
                ]
        return tuple(sorted(found, key=lambda part: part.time_h))

    def masked_from(self, start_h: float) -> Given:
        """The same sessions with placebo in place of every main drug of what begins at `start_h` (h) or later."""
        return replace(
            self,
            placed=tuple(
                replace(one, masked=True) if not one.beside and one.start_h >= start_h - SAME_H else one
                for one in self.placed
            ),
        )

    @cached_property
    def noticed(self) -> Treatment:
        """What is noticed of all of it together; comparator and midazolam by the last regimen that is given in sessions."""
        every = [(one, _noticed(one, max(self._horizon(one), SAME_H))) for one in self.placed if self._horizon(one) > 0]
        main = [(one, t) for one, t in every if not one.beside]
        sessions, sprays, comparators = (
            np.unique(np.round(np.concatenate([np.zeros(0), *starts]), 9))
            for starts in (
                [getattr(t, name) + one.start_h for one, t in main] for name in ("sessions", "sprays", "comparators")
            )
        )
        drug = np.concatenate(
            [np.zeros(0), *(np.setdiff1d(t.sessions, t.comparators) + one.start_h for one, t in main)]
        )
        begun = [t.new_antidepressant + one.start_h for one, t in every if t.new_antidepressant is not None]
        last = next((t for _, t in reversed(main) if t.sessions.size), None)
        return Treatment(
            sessions,
            min(begun) if begun else None,
            last is not None and last.is_comparator,
            any(t.is_midazolam for _, t in main),
            sprays,
            np.setdiff1d(comparators, np.round(drug, 9)),
        )

    @cached_property
    def session_ends(self) -> dict[float, float]:
        """Start of every session (h) -> length of its dose (h)."""
        found: dict[float, float] = {}
        for one in (one for one in self.placed if not one.beside):
            for time, _, dose in one.regimen.main.times(max(self._horizon(one), SAME_H)):
                found[round(time + one.start_h, 9)] = max(dose.duration_h, 0.0)
        return found

    def start_h(self) -> float:
        """Earliest time at which something is given, never after 0."""
        return min([0.0, *(one.regimen.start_h(max(self._horizon(one), SAME_H)) + one.start_h for one in self.placed)])

    def grid(self, wanted: Array, closely: tuple[float, ...] = ()) -> Array:
        """Times (h): those wanted, and times inside every session; the first one and those that start at `closely` are looked at closely.

        What is looked at up to a time depends on what is given up to then alone.
        """
        times = [np.asarray(wanted, dtype=np.float64)]
        starts = self.noticed.sessions
        following = np.append(starts[1:], np.inf)[: len(starts)]
        for i, (start, then) in enumerate(zip(starts.tolist(), following.tolist(), strict=True)):
            near = i == 0 or any(abs(start - one) < SAME_H for one in closely)
            offsets = np.array([0.0, *(CLOSE_OFFSETS if near else OFFSETS), self.session_ends.get(start, 0.0)])
            inside = start + offsets
            times.append(inside[(inside < then - SAME_H) & (inside <= self.end_h + SAME_H)])
        found = np.unique(np.concatenate(times))
        asked = np.asarray(wanted, dtype=np.float64)
        exact = np.isin(found, asked)
        keep = np.ones(len(found), dtype=bool)
        for i in range(1, len(found)):  # times that rounding made nearly equal: the one that was wanted stays
            if found[i] - found[i - 1] < SAME_H:
                keep[i - 1 if exact[i] else i] = False
        return np.asarray(found[keep])

    def _horizon(self, one: Placed) -> float:
        """End of a regimen on its own axis, h."""
        return min(self.end_h, one.until_h) - one.start_h
