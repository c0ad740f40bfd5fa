"""From dose events to what the engine takes: parts of a dose and where they go, and the segments between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ketasim.core.arrays import Array
from ketasim.dose import DoseEvent, JumpAt, Regimen, Window, build_schedule
from ketasim.engine.types import Jump, Schedule
from ketasim.stages.plasma.stage import Administration, administrations

Shares = Mapping[str, float | Array]


@dataclass(frozen=True, slots=True)
class Sudden:
    """A sudden change of a state for everybody at `time_h`: y <- scale * y + add (an experiment, not a dose)."""

    time_h: float
    state: str
    scale: float = 1.0
    add: float = 0.0


@dataclass(frozen=True, slots=True)
class Held:
    """An input of the model held at `level` (its own unit) from `start_h` to `end_h` (an experiment: a slice in a bath)."""

    input: str
    level: float
    start_h: float
    end_h: float


@dataclass(frozen=True, slots=True)
class Given:
    """One part of one dose: umol for everybody or per person (P,), from `time_h` on, and what the plasma stage does with it."""

    time_h: float
    amount: float | Array
    administration: Administration


@dataclass(frozen=True, slots=True)
class Dosed(Given):
    """A part of a dose event of a regimen: umol per person (P,); part: s_ketamine, naltrexone, ..."""

    event: DoseEvent
    part: str


@dataclass(frozen=True, slots=True)
class Sessions:
    """Numbers of the routing that differ between sessions. starts (K,) h, ascending; numbers : value -> (K, P), instead of the one of the run."""

    starts: Array
    numbers: Mapping[str, Array]

    def at(self, time_h: float) -> dict[str, Array]:
        """The numbers of the session that this time belongs to: the last one begun, the first before any."""
        k = max(int(np.searchsorted(self.starts, time_h + 1e-9, side="right")) - 1, 0)
        return {key: rows[k] for key, rows in self.numbers.items()}


def deliveries(regimen: Regimen, end_h: float, weights: Array) -> tuple[Dosed, ...]:
    """Every part of every dose event before the end of the run, for people of these weights (kg)."""
    found = []
    for event in regimen.events(end_h, weights):
        for part, amount in event.parts(weights).items():
            per_person = np.broadcast_to(np.asarray(amount, dtype=np.float64), weights.shape)
            if not per_person.any():
                continue
            form = event.dose.formulation
            way = administrations(part, event.route, event.duration_h, event.device, float(per_person[0]), form)
            found.append(Dosed(event.time_h, per_person, way, event, part))
    return tuple(found)


def parts_needed(given: Sequence[Given]) -> tuple[str, ...]:
    """The words to ask of the composition: drugs, their routes."""
    return tuple(dict.fromkeys(part for one in given for part in one.administration.parts))


def schedule(
    given: Sequence[Given],
    shares: Shares,
    inputs: Sequence[str],
    start_h: float,
    end_h: float,
    sudden: Sequence[Sudden] = (),
    held: Sequence[Held] = (),
    cuts: Sequence[float] | Array = (),
    sessions: Sessions | None = None,
) -> Schedule:
    """Segments of one group of people. shares : parameters of the routing, per person or one for all; cuts : further boundaries (h); sessions :
    those that differ between sessions."""
    windows, jumps = _windows(given, shares, sessions)
    windows = [*windows, *(Window(h.start_h, h.end_h, h.input, h.level) for h in held)]
    jumps = [*jumps, *(JumpAt(s.time_h, s.state, add=s.add, scale=s.scale) for s in sudden)]
    built = build_schedule(windows, jumps, inputs, end_h, start_h, cuts)
    return Schedule(
        built.boundaries, built.inputs, tuple(Jump(j.at, j.state, add=j.add, scale=j.scale) for j in built.jumps)
    )


def part_of(plan: Schedule, people: slice, count: int) -> Schedule:
    """The same schedule for a slice of the `count` people it was made for."""
    if people == slice(0, count):
        return plan

    def cut(number: float | Array) -> float | Array:
        return number[people] if isinstance(number, np.ndarray) and number.ndim else number

    inputs = plan.inputs[people] if plan.inputs.ndim == 3 else plan.inputs
    return Schedule(plan.boundaries, inputs, tuple(Jump(j.at, j.state, cut(j.add), cut(j.scale)) for j in plan.jumps))


def _windows(given: Sequence[Given], usual: Shares, sessions: Sessions | None) -> tuple[list[Window], list[JumpAt]]:
    windows, jumps = [], []
    for dose in given:
        begin = dose.time_h
        shares = usual if sessions is None else {**usual, **sessions.at(begin)}
        for window in dose.administration.windows:
            start = begin + window.start
            rate = _same_for_all(dose.amount * window.share(shares) / window.duration)
            windows.append(Window(start, start + window.duration, window.input, rate))
        for deposit in dose.administration.deposits:
            jumps.append(
                JumpAt(begin + deposit.at, deposit.state, add=_same_for_all(dose.amount * deposit.share(shares)))
            )
    return windows, jumps


def _same_for_all(numbers: float | Array) -> float | Array:
    """One number if it is the same for everybody, so that segments without differences stay small."""
    numbers = np.atleast_1d(numbers)
    return float(numbers[0]) if np.all(numbers == numbers[0]) else numbers
