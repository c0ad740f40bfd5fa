"""From dose events to what the engine takes, and back: what was given is read from the integrated amounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.chain import Composition
from ketasim.core import KetasimError
from ketasim.dose import DoseEvent, JumpAt, Regimen, Window, build_schedule
from ketasim.engine.types import Jump, Schedule
from ketasim.stages.plasma.stage import Administration, administrations

from .plan import Held, Sudden
from .result import LedgerRow

Array = NDArray[np.float64]

MG_PER_G_PER_UMOL = 1e-3  # g/mol times umol is 1e-3 mg
LOST_SHARE = 1e-6  # a dose that is not found back to this share is an error of the model, not of rounding


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event's dose of one part: umol per person (P,), and what the plasma stage does with it."""

    event: DoseEvent
    part: str
    amount: Array
    administration: Administration


def deliveries(regimen: Regimen, end_h: float, weights: Array) -> tuple[Delivery, ...]:
    """Every part of every dose event before the end of the run, for people of these weights (kg)."""
    found = []
    for event in regimen.events(end_h, weights):
        for part, amount in event.parts(weights).items():
            per_person = np.broadcast_to(np.asarray(amount, dtype=np.float64), weights.shape)
            if not per_person.any():
                continue
            way = administrations(part, event.route, event.duration_h, event.device, float(per_person[0]))
            found.append(Delivery(event, part, per_person, way))
    return tuple(found)


def parts_needed(all_doses: Sequence[Delivery]) -> tuple[str, ...]:
    """The words to ask of the composition: drugs, their ways in."""
    return tuple(dict.fromkeys(part for delivery in all_doses for part in delivery.administration.parts))


def schedule(
    all_doses: Sequence[Delivery],
    sudden: Sequence[Sudden],
    held: Sequence[Held],
    shares: Mapping[str, float | Array],
    inputs: Sequence[str],
    start_h: float,
    end_h: float,
    cuts: Sequence[float] | Array = (),
) -> Schedule:
    """Segments of one group of people. shares : parameters of the routing (per person or one for all)."""
    windows, jumps = _windows(all_doses, shares)
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


def _windows(all_doses: Sequence[Delivery], shares: Mapping[str, float | Array]) -> tuple[list[Window], list[JumpAt]]:
    windows, jumps = [], []
    for dose in all_doses:
        begin = dose.event.time_h
        for window in dose.administration.windows:
            start = begin + window.start
            rate = _same_for_all(dose.amount * window.share(shares) / window.duration)
            windows.append(Window(start, start + window.duration, window.input, rate))
        for deposit in dose.administration.deposits:
            jumps.append(
                JumpAt(begin + deposit.at, deposit.state, add=_same_for_all(dose.amount * deposit.share(shares)))
            )
    return windows, jumps


def _same_for_all(numbers: Array) -> float | Array:
    """One number if it is the same for everybody, so that segments without differences stay small."""
    numbers = np.atleast_1d(numbers)
    return float(numbers[0]) if np.all(numbers == numbers[0]) else numbers


def amount_states(composition: Composition) -> tuple[str, ...]:
    """The states that hold amounts (umol): depots, spaces, metabolites, sinks."""
    return tuple(name for name in composition.states if composition.units.get(name) == "umol")


def ledger(
    regimen: Regimen,
    all_doses: Sequence[Delivery],
    shares: Mapping[str, float],
    composition: Composition,
    boundaries: Array,
    amounts: Mapping[str, Array],
    weight: float,
    end_h: float,
) -> tuple[LedgerRow, ...]:
    """Doses asked beside doses given, for one person.

    all_doses, shares : of that person (first entry of every array). amounts : state -> umol at `boundaries`, from the
    integration. Everything of one copy of the plasma model (drug, metabolites, sinks) is added up; what that sum gains in
    a segment was given in it. Where doses of one copy overlap, the gain is shared in proportion to what was planned.
    Raises KetasimError if something was gained without a dose.
    """
    copies = {state: composition.defined[state][2] for state in amounts}
    names = tuple(dict.fromkeys(copies.values()))
    totals = {c: np.sum([amounts[s] for s, copy in copies.items() if copy == c], axis=0) for c in names}
    plans = {c: np.zeros((len(all_doses), len(boundaries) - 1)) for c in names}
    for row, dose in enumerate(all_doses):
        for copy, plan in _planned(dose, shares, composition, boundaries).items():
            plans[copy][row] = plan
    given = np.zeros(len(all_doses))
    for copy, plan in plans.items():
        gained, asked = np.diff(totals[copy]), plan.sum(axis=0)
        scale = max(float(asked.sum()), float(np.abs(totals[copy]).max()), 1e-30)
        if np.any(np.abs(gained[asked == 0]) > LOST_SHARE * scale):
            raise KetasimError(
                f"{np.abs(gained[asked == 0]).max():.3g} umol appeared in or left the copy '{copy or 'plasma'}' without a dose",
                where="ledger",
            )
        share = np.divide(gained, asked, out=np.zeros_like(gained), where=asked > 0)
        given += plan @ share
    return _rows(regimen, all_doses, given, weight, end_h)


def _planned(
    dose: Delivery, shares: Mapping[str, float], composition: Composition, boundaries: Array
) -> dict[str, Array]:
    """umol planned per segment, by copy of the plasma model."""
    plans: dict[str, Array] = {}
    amount, begin = float(dose.amount[0]), dose.event.time_h
    starts, ends = boundaries[:-1], boundaries[1:]
    for window in dose.administration.windows:
        plan = plans.setdefault(composition.defined[window.input][2], np.zeros(len(starts)))
        first, last = begin + window.start, begin + window.start + window.duration
        covered = np.clip(np.minimum(ends, last) - np.maximum(starts, first), 0.0, None)
        covered[covered < 1e-9 * window.duration] = 0.0
        plan += amount * float(np.asarray(window.share(shares))) * covered / window.duration
    for deposit in dose.administration.deposits:
        plan = plans.setdefault(composition.defined[deposit.state][2], np.zeros(len(starts)))
        place = int(np.argmin(np.abs(starts - (begin + deposit.at))))
        plan[place] += amount * float(np.asarray(deposit.share(shares)))
    return plans


def _rows(
    regimen: Regimen, all_doses: Sequence[Delivery], given: Array, weight: float, end_h: float
) -> tuple[LedgerRow, ...]:
    rows = []
    for row, asked in zip(regimen.doses(end_h), regimen.ledger(weight, end_h), strict=True):
        mine = [i for i, dose in enumerate(all_doses) if dose.event.dose_index == row.index]
        drug = row.dose.entry
        moles = sum(given[i] for i in mine) / sum(drug.parts.values()) if mine else 0.0
        if drug.unit_size is not None:
            amount = moles * drug.unit_size
        else:
            amount = moles * (drug.molar_mass or 0.0) * MG_PER_G_PER_UMOL
        rows.append(LedgerRow(asked.time_h, asked.drug, asked.route, asked.asked_mg, float(amount), asked.duration_h))
    return tuple(rows)
