"""An imported table as regimens: words that give the same doses, the ledger that shows it, and the courses beside what was observed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from ketasim.core import CheckFailed, UsageError, drug, output
from ketasim.core.drug_types import route_name
from ketasim.scenario.plan import Scenario, scenario
from ketasim.scenario.run import run

from .dosing_table import Dose, Observation, Subject, Table, read_table

SAME_TIME_H = 1e-6
SAME_AMOUNT = 1e-6  # relative; words have ten digits
UNITS = ("mg", "ug", "g")
TWOFOLD = 2.0
LEAST = 1e-9


@dataclass(frozen=True)
class Compared:
    """One observation beside the typical prediction for a person of this weight and age. time_h from the first dose."""

    subject: str
    time_h: float
    output: str
    observed: float
    predicted: float
    row: int


@dataclass(frozen=True)
class Person:
    """One person: the scenario in words, hours by which the table's time was moved, and the observations."""

    name: str
    scenario: Scenario
    moved_h: float
    compared: tuple[Compared, ...]

    @property
    def command(self) -> str:
        """The command that simulates this person again."""
        asked = self.scenario
        words = [f'ketasim run "{asked.words}"', *(f'--with "{w}"' for w in asked.with_)]
        words += [f"--{k} {v:g}" for k in ("weight", "age") if (v := getattr(asked.traits, k)) is not None]
        return " ".join(words)


@dataclass(frozen=True)
class Imported:
    """A table that was read. people : empty where no drug is named, then only the ledger was checked."""

    table: Table
    people: tuple[Person, ...]
    unit: str
    notes: tuple[str, ...] = ()

    @cached_property
    def compared(self) -> tuple[Compared, ...]:
        """Every observation of everybody."""
        return tuple(row for person in self.people for row in person.compared)

    @cached_property
    def summary(self) -> Mapping[str, tuple[int, float, float]]:
        """output -> (observations above 0, geometric mean of predicted/observed, share within twofold)."""
        found = {}
        for name in dict.fromkeys(row.output for row in self.compared):
            logs = [
                math.log(row.predicted / row.observed)
                for row in self.compared
                if row.output == name and row.observed > 0 and row.predicted > LEAST
            ]
            if logs:
                within = sum(abs(x) <= math.log(TWOFOLD) + 1e-12 for x in logs) / len(logs)
                found[name] = (len(logs), math.exp(math.fsum(logs) / len(logs)), within)
        return found


def import_table(
    path: str | Path,
    *,
    drug_name: str = "",
    route: str = "",
    unit: str = "mg",
    outputs: Mapping[str, str] | str = "",
    duplicates: str = "refuse",
    setting: str | None = None,
) -> Imported:
    """Read a NONMEM-style table, make regimens of its doses, simulate them at once and put the observations beside.

    path : the table (`dosing_table.read_table`). drug_name, route : of every dose, where the table has no columns DRUG and ROUTE; without
    either only the ledger is checked. unit : of AMT (mg | ug | g, free base). outputs : what DV is, one name for all ("plasma.ketamine"), or by
    DVID. duplicates : refuse | keep | drop.

    Raises UsageError for what cannot be read without guessing, CheckFailed if the regimen does not give the table's doses.
    """
    table = read_table(path, duplicates)
    where = Path(path).name
    if unit not in UNITS:
        raise UsageError(f"unknown unit '{unit}'", where="--unit", allowed=", ".join(UNITS), fix="--unit mg")
    named = any(dose.drug for person in table.subjects for dose in person.doses)
    if not (drug_name or named):
        note = "no drug is named: the doses were counted, nothing was simulated (--drug ketamine --route iv)"
        return Imported(table, (), unit, (note,))
    kinds = {o.what for person in table.subjects for o in person.observations if "." not in o.what}
    if not outputs and len(kinds) > 1:
        raise UsageError(
            f"DV has {len(kinds)} kinds: {', '.join(sorted(kinds)[:6])}",
            where=where,
            allowed="what each of them is",
            fix=" ".join(f"--output {kind or 1}=plasma.ketamine" for kind in sorted(kinds)[:1]) + " ...",
        )
    people = []
    notes: dict[str, None] = {}
    for subject in table.subjects:
        if not subject.doses:
            notes[f"ID {subject.name} has no dose and is not simulated"] = None
            continue
        people.append(_person(subject, drug_name, route, unit, outputs, where, setting, notes))
    return Imported(table, tuple(people), unit, tuple(notes))


def _person(
    subject: Subject,
    drug_name: str,
    route: str,
    unit: str,
    outputs: Mapping[str, str] | str,
    where: str,
    setting: str | None,
    notes: dict[str, None],
) -> Person:
    begin = subject.doses[0].time_h
    if begin:
        notes["time 0 is the first dose of each person; the table's times were moved by it"] = None
    who: dict[str, Any] = {k: float(v) for k, v in subject.covariates.items() if k in ("weight", "age")}
    doses = [_Named.of(dose, drug_name, route, begin, where, notes) for dose in subject.doses]
    main, *others = _lines(doses, unit)
    wanted = [_output(o, outputs, doses[0].drug, where) for o in subject.observations]
    times = sorted({o.time_h - begin for o in subject.observations})
    last = max([*times, doses[-1].time_h])
    asked = scenario(
        main,
        with_=tuple(others),
        setting=setting,
        at=times or None,
        days=max((last + 1.0) / 24.0, 0.5),
        people=0,
        draws=0,
        **who,
    )
    _same_doses(asked, doses, unit, who.get("weight", 70.0), where, subject.name)
    compared: tuple[Compared, ...] = ()
    if subject.observations:
        result = run(asked)
        place = {float(t): i for i, t in enumerate(result.time_h)}
        if bad := [name for name in set(wanted) if name not in result.values]:
            raise UsageError(f"this regimen has no output {bad[0]}", where=where, allowed=", ".join(result.values))
        compared = tuple(
            Compared(
                subject.name,
                o.time_h - begin,
                name,
                o.value,
                float(result.values[name][0, place[o.time_h - begin]]),
                o.row,
            )
            for o, name in zip(subject.observations, wanted, strict=True)
        )
    return Person(subject.name, asked, begin, compared)


@dataclass(frozen=True)
class _Named:
    """A dose with the names of the catalogue."""

    time_h: float
    drug: str
    route: str
    amount: float
    duration_h: float
    row: int

    @staticmethod
    def of(dose: Dose, drug_name: str, route: str, begin: float, where: str, notes: dict[str, None]) -> _Named:
        name, way = dose.drug or drug_name, dose.route or route
        if not name or not way:
            missing = "drug" if not name else "route"
            raise UsageError(
                f"the {missing} of a dose is not said",
                where=f"{where}, row {dose.row}",
                allowed="a column DRUG and ROUTE, or one for all",
                fix="--drug ketamine --route iv",
            )
        entry = drug(name)
        way = route_name(way)
        forms = entry.route(way).forms
        if not dose.duration_h and "bolus" in forms:
            notes[f"{entry.name} {way} without a rate is a bolus, over the catalogue's time"] = None
        return _Named(dose.time_h - begin, entry.name, way, dose.amount, dose.duration_h, dose.row)

    def words(self, unit: str) -> str:
        """The dose without its times."""
        over = f" over {self.duration_h * 60.0:.10g} min" if self.duration_h else ""
        return f"{self.drug} {self.route} {self.amount:.10g} {unit}{over}"


def _lines(doses: Sequence[_Named], unit: str) -> list[str]:
    """The words of the main drug and route, then one line per dose of everything else."""
    first = doses[0]
    main = [d for d in doses if (d.drug, d.route) == (first.drug, first.route)]
    blocks = [(words, [d.time_h for d in group]) for words, group in groupby(main, key=lambda d: d.words(unit))]
    if len(blocks) == 1 and (step := _step(blocks[0][1])):
        found = f"{blocks[0][0]} every {step:.10g} h x {len(main)}"
    else:
        found = ", then ".join(f"{words} at {_times(times)} h" for words, times in blocks)
    others = [d for d in doses if (d.drug, d.route) != (first.drug, first.route)]
    return [found, *(f"{d.words(unit)} at {d.time_h:.10g} h once" for d in others)]


def _step(times: Sequence[float]) -> float | None:
    """The interval of doses that follow each other evenly (three or more), else None."""
    steps = [b - a for a, b in pairwise(times)]
    return steps[0] if len(steps) > 1 and max(steps) - min(steps) < SAME_TIME_H else None


def _times(times: Sequence[float]) -> str:
    return ", ".join(f"{time:.10g}" for time in times)


def _same_doses(asked: Scenario, doses: Sequence[_Named], unit: str, weight: float, where: str, name: str) -> None:
    """Doses in = doses out: the regimen's own list beside the table's, dose by dose."""
    factor = {"mg": 1.0, "ug": 1e-3, "g": 1e3}[unit]
    given = sorted((r.time_h, r.drug, r.route, r.asked_mg) for r in asked.regimen.ledger(weight, asked.end_h))
    wanted = sorted((d.time_h, d.drug, d.route, d.amount * factor) for d in doses)
    same = len(given) == len(wanted) and all(
        abs(a[0] - b[0]) < SAME_TIME_H and a[1:3] == b[1:3] and math.isclose(a[3], b[3], rel_tol=SAME_AMOUNT)
        for a, b in zip(given, wanted, strict=True)
    )
    if not same:
        raise CheckFailed(
            f"the regimen of ID {name} is not that of the table: {len(wanted)} doses asked, {len(given)} given",
            where=f"{where}: {asked.words}",
        )


def _output(seen: Observation, outputs: Mapping[str, str] | str, name: str, where: str) -> str:
    """What DV of this row is: by DVID, by one name for all, or the plasma level of the drug."""
    if isinstance(outputs, str) and outputs:
        return output(outputs).name
    if not isinstance(outputs, str) and outputs:
        if seen.what not in outputs:
            raise UsageError(
                f"what is DVID '{seen.what}'?",
                where=f"{where}, row {seen.row}",
                allowed=", ".join(f"{k} = {v}" for k, v in outputs.items()),
                fix=f"--output {seen.what or 1}=plasma.ketamine",
            )
        return output(outputs[seen.what]).name
    if "." in seen.what:
        return output(seen.what).name
    usual = {"ketamine": "plasma.ketamine", "esketamine": "plasma.s_ketamine", "arketamine": "plasma.r_ketamine"}
    return usual.get(name) or output(f"plasma.{name}").name
