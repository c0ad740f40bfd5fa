"""NONMEM-style tables: read, every doubt named. A row is repaired with one line that says so, or the table is refused; none is dropped.

EVID 0 observation, 1 dose, 2 other, 3 reset, 4 reset and dose. ADDL further doses follow II hours apart. SS = 1: steady state at II.
RATE > 0: an infusion of AMT / RATE hours. MDV = 1: no observation. Columns are found by name, whatever their capitals.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ketasim.core import UsageError
from ketasim.core.textfile import read_text

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "ID": ("id", "usubjid", "subjid", "subject", "c"),
    "TIME": ("time", "afrlt", "taft"),
    "AMT": ("amt", "amount", "dose"),
    "RATE": ("rate",),
    "DUR": ("dur", "tinf"),
    "II": ("ii",),
    "ADDL": ("addl",),
    "EVID": ("evid",),
    "CMT": ("cmt",),
    "SS": ("ss",),
    "MDV": ("mdv",),
    "DV": ("dv", "conc", "concentration"),
    "DVID": ("dvid", "dvname", "yname"),
    "DRUG": ("drug", "trta"),
    "ROUTE": ("route",),
    "WT": ("wt", "wtbl", "weight", "bw"),
    "AGE": ("age", "agebl"),
    "SEX": ("sex",),
}
MISSING = frozenset(("", ".", "na", "nan", "n/a", "null"))
MOST_ROWS = 40_000
MOST_CELLS = 200
MOST_DOSES = 5_000  # after ADDL
LONGEST_H = 26_352.0
LONGEST_NUMBER = 40  # characters: a longer one is no number that anybody measured
NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
SS_DOSES = 40  # doses that stand for a steady state


@dataclass(frozen=True)
class Dose:
    """One dose as the table asks for it, ADDL and SS unrolled. amount in the table's unit; duration h; row of the table (1 = header)."""

    time_h: float
    amount: float
    duration_h: float
    compartment: str
    drug: str
    route: str
    row: int
    lead_in: bool = False


@dataclass(frozen=True)
class Observation:
    """One measured value."""

    time_h: float
    value: float
    what: str
    row: int


@dataclass(frozen=True)
class Subject:
    """One person of the table. covariates : weight kg, age years, sex where the table has them."""

    name: str
    doses: tuple[Dose, ...]
    observations: tuple[Observation, ...]
    covariates: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """What was read. repairs : one sentence per kind of repair. asked : sum of all amounts that the rows ask for, ADDL counted."""

    subjects: tuple[Subject, ...]
    repairs: tuple[str, ...]
    rows: int
    asked: float
    asked_doses: int

    @property
    def given(self) -> float:
        """Sum of the amounts of all unrolled doses, without the lead-in of a steady state."""
        return math.fsum(dose.amount for person in self.subjects for dose in person.doses if not dose.lead_in)

    @property
    def given_doses(self) -> int:
        """Number of unrolled doses, without the lead-in of a steady state."""
        return sum(not dose.lead_in for person in self.subjects for dose in person.doses)


class _Reader:
    """One table on its way; `repairs` counts what was mended, by sentence."""

    def __init__(self, text: str, where: str) -> None:
        self.where = where
        self.repairs: dict[str, list[int]] = {}
        self.head, self.lines = self._split(text)
        self.column = self._columns()
        self.without_comments()

    def refuse(self, what: str, row: int = 0, allowed: str = "", fix: str = "") -> UsageError:
        return UsageError(what, where=self.where + (f", row {row}" if row else ""), allowed=allowed, fix=fix)

    def mend(self, sentence: str, row: int = 0) -> None:
        self.repairs.setdefault(sentence, []).append(row)

    # the text ------------------------------------------------------------------------------------------------------

    def _split(self, text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
        """Header and (row, cells) of every row; comment lines are skipped with a line of the report."""
        delimiter = self._delimiter(text)
        found: list[tuple[int, list[str]]] = []
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            if line.startswith("#") and found:
                self.mend("comment lines skipped", number)
                continue
            if delimiter:
                try:
                    cells = next(csv.reader(io.StringIO(line), delimiter=delimiter, strict=True))
                except (csv.Error, StopIteration) as error:
                    raise self.refuse(f"the row cannot be read: {error}", number, "one row a line") from error
            else:
                cells = line.split()
            cells = [cell.strip() for cell in cells]
            if len(cells) > MOST_CELLS:
                raise self.refuse(f"the row has {len(cells)} cells", number, f"up to {MOST_CELLS}")
            found.append((number, cells))
            if len(found) > MOST_ROWS:
                raise self.refuse(f"the table has more than {MOST_ROWS:,} rows", allowed=f"up to {MOST_ROWS:,}")
        if len(found) < 2:
            raise self.refuse("the table has no rows", allowed="a header and rows below it")
        head = [name.lstrip("#@").strip() for name in found[0][1]]
        for number, cells in found[1:]:
            if len(cells) != len(head):
                raise self.refuse(
                    f"the row has {len(cells)} cells, the header {len(head)}", number, "as many cells as column names"
                )
        return head, found[1:]

    def without_comments(self) -> None:
        """Rows marked C in a first column C, beside an ID, are left out, as NONMEM's IGNORE=C does; columns that nothing reads are named."""
        if self.head[0].lower() == "c" and self.column.get("ID", 0) != 0:
            marked = [number for number, cells in self.lines if cells[0].lower() == "c"]
            for number in marked:
                self.mend("rows marked C left out, as IGNORE=C does", number)
            self.lines = [(number, cells) for number, cells in self.lines if cells[0].lower() != "c"]
            if not self.lines:
                raise self.refuse("every row is marked C", allowed="rows that are read (C empty or .)")
        left = [name for i, name in enumerate(self.head) if i not in self.column.values() and name.lower() != "c"]
        if left:
            shown = ", ".join(name[:20] for name in left[:8]) + (", ..." if len(left) > 8 else "")
            self.mend(f"columns that are not read: {shown}")

    def _delimiter(self, text: str) -> str:
        first = next((line for line in text.split("\n") if line.strip()), "")
        counts = {mark: first.count(mark) for mark in (",", ";", "\t")}
        best = max(counts, key=lambda mark: counts[mark])
        return best if counts[best] else ""

    def _columns(self) -> dict[str, int]:
        found: dict[str, int] = {}
        lower = [name.lower() for name in self.head]
        for name, words in COLUMNS.items():
            places = [i for word in words for i, own in enumerate(lower) if own == word]
            if name == "ID" and lower[:1] == ["c"] and "id" in lower:
                places = [lower.index("id")]
            if not places:
                continue
            if lower.count(lower[places[0]]) > 1:
                raise self.refuse(f"two columns are called {self.head[places[0]]}", allowed="each name once")
            found[name] = places[0]
            if self.head[places[0]].upper() != name:
                self.mend(f"column {self.head[places[0]]} read as {name}")
        if "date" in lower or any(re.fullmatch("dat[123e]", name) for name in lower):
            raise self.refuse("times in calendar dates are not read", allowed="TIME in hours from a common start")
        if "TIME" not in found:
            raise self.refuse("there is no column TIME", allowed=", ".join(self.head), fix="TIME, in hours")
        return found

    def cell(self, cells: Sequence[str], name: str) -> str | None:
        """The text of a cell, None if the column or the value is missing."""
        if name not in self.column:
            return None
        text = cells[self.column[name]]
        return None if text.lower() in MISSING else text

    def number(self, cells: Sequence[str], name: str, row: int) -> float | None:
        """The number of a cell. A formula, a decimal comma, a clock time or a word is refused by row and column."""
        text = self.cell(cells, name)
        if text is None:
            return None
        if len(text) > LONGEST_NUMBER or not NUMBER.fullmatch(text):
            hint, fix = "a number", ""
            if clock := re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", text):
                hint, fix = "hours, not a clock time", f"{int(clock[1]) + int(clock[2]) / 60:g}"
            elif ":" in text:
                hint = "hours, not a clock time"
            elif re.fullmatch(r"[-+]?[0-9]+,[0-9]+", text):
                hint, fix = "a decimal point", text[:30].replace(",", ".")
            raise self.refuse(f"{name} is '{text[:30]}'", row, hint, fix)
        value = float(text)
        if not math.isfinite(value):
            raise self.refuse(f"{name} is '{text[:30]}'", row, "a finite number")
        return value


def read_table(path: str | Path, duplicates: str = "refuse") -> Table:
    """The table in a file (comma, semicolon, tab or blanks between cells; UTF-8).

    duplicates : what becomes of a dose row that occurs twice in every cell: refuse (default), keep (both are given, as NONMEM does), drop.
    Raises UsageError for what cannot be read without guessing: contradictions (EVID 1 without an amount, EVID 0 with one), ADDL without
    II, modelled rates (RATE -1, -2), resets (EVID 3, 4) after a dose, clock times, formulas, negative amounts.
    """
    place = Path(path)
    return parse_table(read_text(place), place.name, duplicates)


def parse_table(text: str, where: str = "table", duplicates: str = "refuse") -> Table:
    """The table in a text; see `read_table`."""
    if duplicates not in ("refuse", "keep", "drop"):
        raise UsageError(
            f"unknown way with duplicates '{duplicates}'", where="--duplicates", allowed="refuse, keep, drop"
        )
    reader = _Reader(text, where)
    by_person: dict[str, list[tuple[int, list[str]]]] = {}
    last = None
    for row, cells in reader.lines:
        name = reader.cell(cells, "ID")
        if name is None:
            if "ID" in reader.column:
                raise reader.refuse("the row has no ID", row, "the person to whom it belongs")
            name = "1"
        if name in by_person and name != last:
            reader.mend("rows of one ID that stand apart were joined (NONMEM would read another person)", row)
        by_person.setdefault(name, []).append((row, cells))
        last = name
    if "ID" not in reader.column:
        reader.mend("no column ID: all rows belong to one person")
    asked: list[tuple[float, int]] = []
    people = tuple(_person(reader, name, rows, duplicates, asked) for name, rows in by_person.items())
    repairs = tuple(sentence + _places(rows) for sentence, rows in reader.repairs.items())
    table = Table(
        people, repairs, len(reader.lines), math.fsum(a * n for a, n in asked), sum(count for _, count in asked)
    )
    if table.given_doses != table.asked_doses or not math.isclose(
        table.given, table.asked, rel_tol=1e-12, abs_tol=1e-12
    ):
        raise reader.refuse(
            f"the ledger does not close: {table.asked_doses} doses of {table.asked:g} asked, {table.given_doses} of {table.given:g} read"
        )
    return table


def _places(rows: Sequence[int]) -> str:
    real = [row for row in rows if row]
    if not real:
        return ""
    return f" (row{'s' if len(real) > 1 else ''} {', '.join(map(str, real[:5]))}{', ...' if len(real) > 5 else ''})"


def _person(
    reader: _Reader,
    name: str,
    rows: list[tuple[int, list[str]]],
    duplicates: str,
    asked: list[tuple[float, int]],
) -> Subject:
    timed = [(_time(reader, cells, row), row, cells) for row, cells in rows]
    back = [b[1] for a, b in itertools.pairwise(timed) if b[0] < a[0]]
    for row in back:
        reader.mend("rows out of order in time were sorted", row)
    if back:
        timed.sort(key=lambda entry: entry[0])
    doses: list[Dose] = []
    seen: list[Observation] = []
    known: dict[tuple[str, ...], int] = {}
    for time, row, cells in timed:
        kind = _kind(reader, cells, row)
        if kind in (1, 4):
            key = tuple(cells)
            if key in known:
                if duplicates == "refuse":
                    raise reader.refuse(
                        f"the dose of row {known[key]} stands there twice",
                        row,
                        "two doses (keep) or one (drop)?",
                        "--duplicates drop",
                    )
                reader.mend(f"dose rows that occur twice: {'both given' if duplicates == 'keep' else 'one given'}", row)
                if duplicates == "drop":
                    continue
            known[key] = row
            if kind == 4:
                _reset(reader, doses, row)
            doses += _doses(reader, cells, row, time, doses, asked)
        elif kind == 3:
            _reset(reader, doses, row)
        elif kind == 2:
            reader.mend("EVID 2 rows carry no dose and no observation: only their time is read", row)
        else:
            seen += _observation(reader, cells, row, time)
    if len(doses) > MOST_DOSES:
        raise reader.refuse(f"ID {name} has {len(doses)} doses", allowed=f"up to {MOST_DOSES}")
    doses.sort(key=lambda dose: dose.time_h)
    return Subject(name, tuple(doses), tuple(seen), _covariates(reader, rows))


def _time(reader: _Reader, cells: Sequence[str], row: int) -> float:
    time = reader.number(cells, "TIME", row)
    if time is None:
        raise reader.refuse("the row has no TIME", row, "hours")
    if abs(time) > LONGEST_H:
        raise reader.refuse(f"TIME is {time:g} h", row, f"up to {LONGEST_H:g} h")
    return time


def _kind(reader: _Reader, cells: Sequence[str], row: int) -> int:
    """EVID; where the column is missing, a dose is a row with an amount above zero."""
    amount, evid = reader.number(cells, "AMT", row), reader.number(cells, "EVID", row)
    if evid is None:
        found = 1 if amount else 0
        reader.mend(
            "EVID is missing: rows with an amount are doses, all others observations",
            row if "EVID" in reader.column else 0,
        )
        return found
    if evid not in (0, 1, 2, 3, 4):
        raise reader.refuse(f"EVID is {evid:g}", row, "0, 1, 2, 3 or 4")
    if evid in (1, 4) and not amount:
        raise reader.refuse(f"EVID {evid:g} is a dose, and there is no amount", row, "AMT above 0", "EVID 0 or 2")
    if evid in (0, 2, 3) and amount:
        raise reader.refuse(f"EVID {evid:g} is no dose, and AMT is {amount:g}", row, "AMT 0", "EVID 1")
    return int(evid)


def _reset(reader: _Reader, doses: Sequence[Dose], row: int) -> None:
    if doses:
        raise reader.refuse(
            "a reset (EVID 3, 4) after a dose cannot be carried out: the chain remembers what was given",
            row,
            "a reset before the first dose, or another ID from there on",
        )
    reader.mend("a reset before the first dose changes nothing", row)


def _doses(
    reader: _Reader,
    cells: Sequence[str],
    row: int,
    time: float,
    before: Sequence[Dose],
    asked: list[tuple[float, int]],
) -> list[Dose]:
    amount = reader.number(cells, "AMT", row) or 0.0
    if amount < 0:
        raise reader.refuse(f"AMT is {amount:g}", row, "above 0")
    duration = _duration(reader, cells, row, amount)
    interval = reader.number(cells, "II", row) or 0.0
    further = reader.number(cells, "ADDL", row) or 0.0
    steady = reader.number(cells, "SS", row) or 0.0
    if further != int(further) or further < 0:
        raise reader.refuse(f"ADDL is {further:g}", row, "a whole number from 0 on")
    if further > MOST_DOSES:
        raise reader.refuse(f"ADDL is {further:g}", row, f"up to {MOST_DOSES}")
    if steady not in (0, 1, 2):
        raise reader.refuse(f"SS is {steady:g}", row, "0, 1 or 2")
    if interval < 0 or ((further or steady) and interval <= 0):
        what = f"ADDL {further:g}" if further else f"SS {steady:g}"
        raise reader.refuse(f"{what} needs an interval, and II is {interval:g}", row, "II above 0", "II 24")
    if interval > 0 and not further and not steady:
        reader.mend("II without ADDL or SS says nothing and was not used", row)
    if steady == 1 and before:
        raise reader.refuse(
            "SS 1 after another dose empties the body first, which the chain cannot do",
            row,
            "SS 1 in the first dose of a person, or SS 2",
            "SS 2",
        )
    if duration > interval > 0:
        raise reader.refuse(f"infusions of {duration:g} h every {interval:g} h overlap", row, "AMT / RATE up to II")
    where = (
        reader.cell(cells, "CMT") or "",
        reader.cell(cells, "DRUG") or "",
        reader.cell(cells, "ROUTE") or "",
    )
    found = [Dose(time + k * interval, amount, duration, *where, row) for k in range(int(further) + 1)]
    asked.append((amount, int(further) + 1))
    if steady:
        reader.mend(f"SS {steady:g}: {SS_DOSES} doses before it stand for the steady state", row)
        found = [Dose(time - k * interval, amount, duration, *where, row, True) for k in range(SS_DOSES, 0, -1)] + found
    return found


def _duration(reader: _Reader, cells: Sequence[str], row: int, amount: float) -> float:
    rate, stated = reader.number(cells, "RATE", row) or 0.0, reader.number(cells, "DUR", row) or 0.0
    if rate in (-1, -2):
        raise reader.refuse(
            f"RATE {rate:g} is a modelled rate: the table does not say how long the dose takes",
            row,
            "RATE in amount per hour, or a column DUR in hours",
        )
    if rate < 0 or stated < 0:
        raise reader.refuse(f"RATE is {rate:g}, DUR is {stated:g}", row, "0 or above")
    found = amount / rate if rate else stated
    if rate and stated and not math.isclose(found, stated, rel_tol=1e-6):
        raise reader.refuse(f"AMT / RATE is {found:g} h and DUR {stated:g} h", row, "one of them, or both alike")
    return found


def _observation(reader: _Reader, cells: Sequence[str], row: int, time: float) -> list[Observation]:
    value, missing = reader.number(cells, "DV", row), reader.number(cells, "MDV", row)
    if missing not in (None, 0.0, 1.0):
        raise reader.refuse(f"MDV is {missing:g}", row, "0 or 1")
    if missing == 1:
        return []
    if value is None:
        reader.mend("observations without DV are not compared (MDV taken as 1)", row if "DV" in reader.column else 0)
        return []
    words = [reader.cell(cells, name) or "" for name in ("CMT", "DVID")]
    named = next((word for word in words if re.fullmatch(r"[A-Za-z_]+\.\w+", word)), "")  # the name of an output
    return [Observation(time, value, named or words[1] or words[0], row)]


def _covariates(reader: _Reader, rows: Sequence[tuple[int, list[str]]]) -> dict[str, float | str]:
    """Weight, age and sex: the first that is there; a weight that changes is said."""
    found: dict[str, float | str] = {}
    for name, key in (("WT", "weight"), ("AGE", "age")):
        numbers = [(reader.number(cells, name, row), row) for row, cells in rows]
        told = [(n, row) for n, row in numbers if n is not None]
        if told:
            found[key] = told[0][0]
            changed = [row for n, row in told if n != told[0][0]]
            if changed:
                reader.mend(f"{name} changes within a person: the first value is used", changed[0])
    sexes = [text for _, cells in rows if (text := reader.cell(cells, "SEX")) is not None]
    if sexes:
        found["sex"] = sexes[0]
    return found
