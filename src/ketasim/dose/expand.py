"""From a regimen to single doses and to events: unrolled, ordered, checked against each other, nothing dropped.

Order at equal times: the main drug first, then co-medication in the order in which it was written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ketasim.core import Drug, UsageError
from ketasim.core.arrays import Array
from ketasim.core.drug_types import reference_weight

from .course import CoMedication, Course, Dose, every_dose, line_text, probe
from .patterns import TOLERANCE_H
from .quantities import Amount, shown


@dataclass(frozen=True, slots=True)
class ScheduledDose:
    """One single dose at its time: a row of the preview and of the ledger.

    line : 0 for the main drug, 1, 2, ... for co-medication; block : index of the block within the line.
    """

    index: int
    time_h: float
    dose: Dose
    line: int
    block: int

    @property
    def main(self) -> bool:
        """True for a dose of the main drug."""
        return self.line == 0


@dataclass(frozen=True, slots=True)
class DoseEvent:
    """What reaches the body at one time: a whole single dose, or one nasal device of it.

    amount : of the whole single dose, as asked. duration_h : infusion or bolus; 0 for everything else.
    device : 0 for the first spray of a session, 1, 2, ... for later ones (0 for everything that is no device).
    dose_index : the single dose (ledger row) it belongs to. source : the words of the dose.
    above_mg, device_mg : of the dose's base mg, this device holds those above `above_mg`, at most `device_mg`.
    """

    time_h: float
    drug: str
    route: str
    form: str
    amount: Amount | None
    duration_h: float
    device: int
    dose_index: int
    main: bool
    source: str
    dose: Dose = field(repr=False)
    above_mg: float = 0.0
    device_mg: float | None = None

    @property
    def entry(self) -> Drug:
        """The catalogue's entry of the drug."""
        return self.dose.entry

    @property
    def end_h(self) -> float:
        """The end of the infusion, or the time itself."""
        return self.time_h + self.duration_h

    def base(self, weights: float | Array | None = None) -> Array:
        """mg of free base (or units of the preparation) in this event, one per weight (kg); 0 where nothing is left.

        Device k of a dose D holds min(max(D - k m, 0), m), with m the mass of a full device.
        """
        whole = self.dose.base(weights)
        if self.device_mg is None:
            return whole
        return np.asarray(np.clip(whole - self.above_mg, 0.0, self.device_mg), dtype=float)

    def micromoles(self, weights: float | Array | None = None) -> Array:
        """The same in umol (model units for a preparation dosed in units): n = 1000 m / M of the free base."""
        if self.amount is None:
            return self.base(weights) * 0.0
        return self.base(weights) * self.entry.micromoles(1.0, self.amount.absolute_unit)

    def parts(self, weights: float | Array | None = None) -> dict[str, Array]:
        """umol of every part of the plasma model (racemate: half S, half R), each one per weight."""
        total = self.micromoles(weights)
        return {part: share * total for part, share in self.entry.parts.items()}


@dataclass(frozen=True, slots=True)
class DoseWarning:
    """Something that runs but should be known. kind: "studied" | "duration" | "end"."""

    kind: str
    message: str
    words: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One single dose as asked: free base in `unit` (mg; a preparation's own unit where it has no mg).

    duration_h : of an infusion or a bolus, 0 for what is given at once (or device by device).
    """

    time_h: float
    drug: str
    route: str
    asked_mg: float
    unit: str = "mg"
    duration_h: float = 0.0

    @property
    def rate(self) -> float | None:
        """Amount per hour of an infusion or bolus; None for what is given at once."""
        return self.asked_mg / self.duration_h if self.duration_h > 0 else None


# unrolling ------------------------------------------------------------------------------------------------------


def scheduled(
    main: Course, beside: tuple[CoMedication, ...], horizon_h: float | None = None
) -> tuple[ScheduledDose, ...]:
    """Every single dose that starts before the horizon (h), ascending; co-medication tied to main doses that start."""
    mains = list(main.times(horizon_h))
    rows: list[tuple[float, int, int, Dose]] = [(time, 0, block, dose) for time, block, dose in mains]
    for line, co in enumerate(beside, start=1):
        if co.offsets_h:
            given = co.course.blocks[0].dose
            tied = [(time + offset, line, 0, given) for time, _, _ in mains for offset in co.offsets_h]
            rows += [row for row in tied if horizon_h is None or row[0] < horizon_h - TOLERANCE_H]
        else:
            rows += [(time, line, block, dose) for time, block, dose in co.course.times(horizon_h)]
    rows.sort(key=lambda row: (row[0], row[1]))
    return tuple(ScheduledDose(index, time, dose, line, block) for index, (time, line, block, dose) in enumerate(rows))


def events(
    main: Course,
    beside: tuple[CoMedication, ...],
    horizon_h: float | None = None,
    weights: float | Array | None = None,
) -> tuple[DoseEvent, ...]:
    """Every event before the horizon, ascending: nasal doses split into devices, the last one holding the rest.

    weights (kg) are needed only where a number of devices depends on them (mg/kg through a device). A dose that begins
    when the devices of the one before it are just done continues its session: its sprays are later ones.
    Raises `UsageError` for mg/kg without weight there, and for devices that overlap in the heaviest person.
    """
    heaviest = None if weights is None else float(np.max(np.asarray(weights, dtype=float)))
    rows = scheduled(main, beside, horizon_h)
    clash = next(_clashes(rows, heaviest), None)
    if clash is not None:
        raise UsageError(clash.what, where=line_text(main, beside), allowed=clash.allowed)
    found: list[DoseEvent] = []
    session_end, sprays = -math.inf, 0
    for row in rows:
        count = devices(row.dose, heaviest)
        if count == 0:
            found.append(_event(row, row.time_h, 0))
            continue
        spacing, mass = row.dose.way.device_spacing or 0.0, row.dose.way.device_mass
        assert mass is not None
        if row.time_h > session_end + TOLERANCE_H:
            sprays = 0
        for number in range(count):
            found.append(_event(row, row.time_h + number * spacing, sprays + number, number * mass, mass))
        session_end, sprays = row.time_h + count * spacing, sprays + count
    return tuple(sorted(found, key=lambda event: event.time_h))


def _event(row: ScheduledDose, time_h: float, device: int, above: float = 0.0, mass: float | None = None) -> DoseEvent:
    dose = row.dose
    return DoseEvent(
        time_h,
        dose.drug,
        dose.route,
        dose.form,
        dose.amount,
        dose.duration_h,
        device,
        row.index,
        row.main,
        str(dose),
        dose,
        above,
        mass,
    )


def devices(dose: Dose, weight: float | None = None) -> int:
    """How many devices a dose needs: its mg of base over the device's mass, rounded up; 0 if it is no device."""
    if dose.form != "devices" or dose.way.device_mass is None:
        return 0
    return max(1, math.ceil(float(dose.base(weight)) / dose.way.device_mass - 1e-9))


# clashes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clash:
    """A dose that starts while an earlier one is still being given.

    line, block : of the later dose; first_line : of the earlier one; needs_h : the shortest spacing that works.
    """

    what: str
    allowed: str
    line: int
    block: int
    first_line: int
    needs_h: float


def _clashes(rows: tuple[ScheduledDose, ...], weight: float | None) -> Iterator[Clash]:
    """Nasal devices of any drugs must not overlap; infusions of one drug into one route must not within one line.

    Infusions of different lines (a loading infusion as main drug, a slower one beside it) run at once and add up.
    """
    nose: tuple[float, ScheduledDose] | None = None
    drips: dict[tuple[int, str, str], tuple[float, ScheduledDose]] = {}
    for row in rows:
        dose = row.dose
        count = devices(dose, reference_weight() if weight is None else weight)
        if count:
            spacing = dose.way.device_spacing or 0.0
            if nose is not None and row.time_h < nose[0] - TOLERANCE_H:
                yield _clash(nose, row, "the nasal devices of the dose before it are not done", weight)
            nose = (row.time_h + count * spacing, row)
        elif dose.duration_h > 0:
            key = (row.line, dose.drug, dose.route)
            if key in drips and row.time_h < drips[key][0] - TOLERANCE_H:
                yield _clash(drips[key], row, f"the {dose.form} before it is still running", weight)
            drips[key] = (row.time_h + dose.duration_h, row)


def _clash(before: tuple[float, ScheduledDose], row: ScheduledDose, reason: str, weight: float | None) -> Clash:
    first = before[1]
    count = devices(first.dose, reference_weight() if weight is None else weight)
    needs = count * (first.dose.way.device_spacing or 0.0) if count else first.dose.duration_h
    detail = (
        f" ({count} device{'s' if count > 1 else ''}, {shown(first.dose.way.device_spacing or 0.0)} each)"
        if count
        else ""
    )
    return Clash(
        f"'{row.dose}' at {shown(row.time_h)} starts too early: {reason}",
        f"doses at least {shown(needs)} apart{detail}",
        row.line,
        row.block,
        first.line,
        needs,
    )


def first_clash(main: Course, beside: tuple[CoMedication, ...] = ()) -> Clash | None:
    """The first pair of doses that cannot both be given as planned, or None; mg/kg at the reference weight."""
    courses = [main, *(co.course for co in beside if not co.offsets_h)]
    if not any(dose.form == "devices" or dose.duration_h > 0 for dose in _kinds(main, beside)):
        return None
    ends = [end for course in courses if (end := probe(course)) is not None]
    horizon = None
    if ends:
        closed = [time for course in courses if not course.endless for time, _, _ in course.times()]
        horizon = max([*ends, *(time + 2 * TOLERANCE_H for time in closed)])
    return next(_clashes(scheduled(main, beside, horizon), None), None)


def _kinds(main: Course, beside: tuple[CoMedication, ...]) -> Iterator[Dose]:
    for course in (main, *(co.course for co in beside)):
        for block in course.blocks:
            yield block.dose


def refuse_clash(main: Course, beside: tuple[CoMedication, ...]) -> None:
    """A `UsageError` for doses that overlap where they cannot."""
    clash = first_clash(main, beside)
    if clash is None:
        return
    line = max(clash.line, clash.first_line)
    if line == 0:
        raise UsageError(clash.what, where=str(main), allowed=clash.allowed)
    co = beside[line - 1]
    raise UsageError(clash.what, where=str(co), allowed=clash.allowed)


# questions ------------------------------------------------------------------------------------------------------


def ledger(
    main: Course, beside: tuple[CoMedication, ...], weight: float | None = None, horizon_h: float | None = None
) -> tuple[LedgerRow, ...]:
    """One row per single dose with the free base asked for, for a person of that weight (kg)."""
    return tuple(
        LedgerRow(
            row.time_h,
            row.dose.drug,
            row.dose.route,
            float(row.dose.base(weight)),
            row.dose.amount.absolute_unit if row.dose.amount is not None else "mg",
            row.dose.duration_h,
        )
        for row in scheduled(main, beside, horizon_h)
    )


def warnings(main: Course, beside: tuple[CoMedication, ...], horizon_h: float | None = None) -> tuple[DoseWarning, ...]:
    """What the catalogue says about each kind of dose (range studied, kinetics assumed), odd durations, doses after the end.

    mg and mg/kg are compared at the catalogue's reference weight.
    """
    found: dict[tuple[str, str], DoseWarning] = {}

    def add(kind: str, message: str, words: str) -> None:
        found.setdefault((kind, message), DoseWarning(kind, message, words))

    for dose in every_dose(main, beside):
        words = str(dose)
        if dose.amount is not None:
            amount = dose.amount
            for message in dose.entry.judge(
                dose.route, amount.value, amount.unit, salt=amount.salt, formulation=dose.formulation
            ):
                add("studied", message, words)
        way = dose.way
        if dose.form == "infusion" and way.duration_range is not None:
            low, high = way.duration_range
            if not low - TOLERANCE_H <= dose.duration_h <= high + TOLERANCE_H:
                span = f"{shown(low)} to {shown(high)}"
                add("duration", f"{words}: the duration lies outside what has been given ({span})", words)
    if horizon_h is not None:
        for line, course in enumerate([main, *(co.course for co in beside if not co.offsets_h)]):
            if course.endless:
                continue
            asked = sum(1 for _ in course.times())
            given = sum(1 for _ in course.times(horizon_h))
            if given < asked:
                end = shown(horizon_h)
                name = "main drug" if line == 0 else course.blocks[0].dose.drug
                add(
                    "end",
                    f"{asked - given} of {asked} doses of the {name} fall after the end ({end}): not given",
                    str(course),
                )
    return tuple(found.values())
