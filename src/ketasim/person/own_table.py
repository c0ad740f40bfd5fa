"""Reads levels and scores of one or many people: NONMEM-style columns or tidy ones; every problem at once, with line and remedy.

ID TIME EVID AMT RATE ADDL II DV MDV CENS DVID DRUG ROUTE WT AGE, in any case and order; tidy names (person, time_h, amount_mg, value, analyte, ...) mean the same.
TIME in h, AMT in mg of base, DV in ng/mL or points. DVID names an analyte ("ketamine", "norketamine") or "MADRS". CENS 1: DV is the limit that it lies below.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ketasim.core import output_register
from ketasim.core.errors import KetasimError, Problem, nearest
from ketasim.core.textfile import read_text
from ketasim.dose import parse
from ketasim.people.cohort import RANGES

from .table import TableError

ALIASES: Mapping[str, tuple[str, ...]] = {
    "id": ("person", "subject", "usubjid"),
    "time": ("time_h", "hours", "h"),
    "evid": (),
    "amt": ("amount", "amount_mg", "dose_mg"),
    "rate": ("rate_mg_per_h",),
    "addl": (),
    "ii": (),
    "dv": ("value", "conc", "concentration", "score"),
    "mdv": (),
    "cens": ("blq", "below"),
    "dvid": ("analyte", "what", "scale"),
    "drug": (),
    "route": (),
    "wt": ("weight", "weight_kg"),
    "age": (),
}
NOT_USED = ("cmt", "ss", "line", "note")
MISSING = ("", ".", "na", "nan")
USUAL_DRUG, USUAL_ROUTE, USUAL_ANALYTE, SCORE = "ketamine", "iv", "plasma.ketamine", "MADRS"
DEFAULT_INFUSION_H = 1.0 / 60.0  # of an amount into a vein without RATE: a bolus
MOST_REPEATS = 1000


@dataclass(frozen=True, slots=True)
class OwnDose:
    """A dose as read. words : as the regimen grammar reads them."""

    line: int
    time_h: float
    amount_mg: float
    words: str


@dataclass(frozen=True, slots=True)
class OwnValue:
    """A measured level (ng/mL) or score (points). name : output or "MADRS". below : `value` is a limit it lies below."""

    line: int
    time_h: float
    name: str
    value: float
    below: bool


@dataclass
class OwnPerson:
    """Doses and values of one person, in order of time."""

    name: str
    doses: list[OwnDose] = field(default_factory=list)
    values: list[OwnValue] = field(default_factory=list)
    weight: float | None = None
    age: float | None = None


def ports_of(values: Sequence[OwnValue]) -> tuple[str, ...]:
    """Output ports of the chain behind the levels among the values."""
    names = sorted({value.name for value in values if value.name != SCORE})
    return tuple(dict.fromkeys(port for name in names for port in output_register()[name].ports))


def read_own(path: str | Path) -> list[OwnPerson]:
    """People of a data file. Raises `TableError` with every problem."""
    return own_of(read_text(Path(path)), str(path))


def own_of(text: str, where: str = "the table") -> list[OwnPerson]:
    """People of a data file as text."""
    return _Reader(where).people(text)


class _Reader:
    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[Problem] = []

    def problem(self, line: int, what: str, fix: str = "") -> None:
        self.problems.append(Problem(f"{self.where}, line {line}", what, fix))

    def people(self, text: str) -> list[OwnPerson]:
        lines = list(csv.reader(io.StringIO(text)))
        head = [self._column(cell) for cell in lines[0]] if lines else []
        for name in ("id", "time", "dv"):
            if name not in head:
                self.problem(1, f"no column {name.upper()}", "ID,TIME,EVID,AMT,RATE,DV")
        for name in {n for n in head if n and head.count(n) > 1}:
            self.problem(1, f"the column {name.upper()} stands twice", "one of the two")
        found: dict[str, OwnPerson] = {}
        if not self.problems:
            for number, cells in enumerate(lines[1:], start=2):
                if any(cell.strip() for cell in cells):
                    row = {n: c.strip() for n, c in zip(head, cells, strict=False) if n}
                    self._line(found, number, row)
        for person in found.values():
            person.doses.sort(key=lambda dose: dose.time_h)
            person.values.sort(key=lambda value: value.time_h)
            if person.values and not person.doses:
                self.problem(
                    person.values[0].line, f"{person.name} has values and no dose", "a line with EVID 1 and AMT"
                )
            elif person.doses and person.doses[0].time_h != 0.0:
                what = f"the first dose of {person.name} is at {person.doses[0].time_h:g} h"
                self.problem(person.doses[0].line, what, "TIME counts from the first dose: 0")
        if self.problems:
            raise TableError(self.where, self.problems)
        return list(found.values())

    def _column(self, cell: str) -> str:
        word = cell.strip().lower().lstrip("\ufeff")
        for name, other in ALIASES.items():
            if word in (name, *other):
                return name
        if word not in NOT_USED:
            near = nearest(word, [w for n, o in ALIASES.items() for w in (n, *o)], 1)
            self.problem(
                1, f"unknown column '{cell.strip()}'", (near[0].upper() + ", or " if near else "") + "leave it out"
            )
        return ""

    def _line(self, found: dict[str, OwnPerson], line: int, row: Mapping[str, str]) -> None:
        name = row.get("id", "")
        if not name:
            self.problem(line, "no ID", "a number or name of your own")
            return
        person = found.setdefault(name, OwnPerson(name))
        time = self._number(line, row, "time")
        self._covariates(person, line, row)
        if time is None:
            return
        amount = self._number(line, row, "amt", missing=0.0)
        evid = self._number(line, row, "evid", missing=1.0 if amount else 0.0)
        if amount is None or evid is None:
            return
        if evid in (1.0, 4.0):
            if not amount > 0:
                self.problem(line, f"EVID {evid:g} without AMT: a dose of nothing", "AMT in mg, or EVID 0")
            elif evid == 4.0:
                self.problem(line, "EVID 4 (reset and dose) is not read", "a person of its own for each period")
            else:
                self._dose(person, line, row, time, amount)
        elif amount:
            self.problem(line, f"AMT {amount:g} on a line with EVID {evid:g}: is it a dose?", "EVID 1")
        elif evid == 0.0:
            self._value(person, line, row, time)

    def _dose(self, person: OwnPerson, line: int, row: Mapping[str, str], time: float, amount: float) -> None:
        drug, route = row.get("drug") or USUAL_DRUG, row.get("route") or USUAL_ROUTE
        rate = self._number(line, row, "rate", missing=0.0)
        more, gap = self._number(line, row, "addl", missing=0.0), self._number(line, row, "ii", missing=0.0)
        if rate is None or more is None or gap is None:
            return
        if rate < 0:
            self.problem(line, f"RATE {rate:g} (a modelled rate) is not read", "RATE in mg/h, or 0")
            return
        if (more > 0) != (gap > 0) or not 0 <= more <= MOST_REPEATS:
            self.problem(line, f"ADDL {more:g} with II {gap:g} h", "both above 0, or both 0")
            return
        words = f"{drug} {route} {amount:.10g} mg" + (
            f" over {60.0 * amount / rate:.10g} min" if rate > 0 else " bolus" if route == "iv" else ""
        )
        try:
            parse(words)
        except KetasimError as error:
            self.problem(line, error.what, error.fix or error.allowed)
            return
        person.doses += [OwnDose(line, time + k * gap, amount, words) for k in range(int(more) + 1)]

    def _value(self, person: OwnPerson, line: int, row: Mapping[str, str], time: float) -> None:
        if row.get("mdv", "") in ("1", "1.0") or row.get("dv", "").lower() in MISSING:
            return
        value = self._number(line, row, "dv")
        name = self._analyte(line, row.get("dvid", ""))
        cens = self._number(line, row, "cens", missing=0.0)
        if value is None or name is None or cens is None:
            return
        if name == SCORE:
            if not 0 <= value <= 60:
                self.problem(line, f"MADRS {value:g} is outside 0 to 60", "correct DV")
                return
        elif value < 0 or (value == 0 and not cens):
            self.problem(
                line, f"a level of {value:g} ng/mL", "CENS 1 with the limit of the assay in DV, if it was below"
            )
            return
        person.values.append(OwnValue(line, time, name, value, bool(cens)))

    def _analyte(self, line: int, word: str) -> str | None:
        if word.lower() in (*MISSING, "1"):
            return USUAL_ANALYTE
        if word.upper() == SCORE:
            return SCORE
        known: dict[str, str] = {}
        for output in output_register().values():
            if output.molar_mass and output.ports:
                known |= {
                    w.lower(): output.name for w in (output.name, output.name.removeprefix("plasma."), *output.aliases)
                }
        if word.lower() not in known:
            near = nearest(word, known, 2)
            self.problem(line, f"unknown DVID '{word}'", (near or ["ketamine"])[0])
            return None
        return known[word.lower()]

    def _number(self, line: int, row: Mapping[str, str], name: str, missing: float | None = None) -> float | None:
        text = row.get(name, "")
        if text.lower() in MISSING and missing is not None:
            return missing
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.problem(
                line,
                f"{name.upper()} is a number, not '{text}'",
                text.replace(",", ".") if text.count(",") == 1 else "0",
            )
            return None
        return number

    def _covariates(self, person: OwnPerson, line: int, row: Mapping[str, str]) -> None:
        for column, name in (("wt", "weight"), ("age", "age")):
            number = self._number(line, row, column, missing=math.nan)
            if number is None or math.isnan(number):
                continue
            low, high, unit, _ = RANGES[name]
            if not low <= number <= high:
                self.problem(line, f"{column.upper()} {number:g} is outside {low:g} to {high:g} {unit}", "correct it")
            elif getattr(person, name) is None:
                setattr(person, name, number)
