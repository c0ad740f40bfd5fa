"""Many people from one table: person, day, treatment, scale, score, role; every problem at once, with line and remedy."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ketasim.core.errors import KetasimError, Problem, UsageError, nearest
from ketasim.core.textfile import read_text
from ketasim.dose import parse
from ketasim.people.cohort import RANGES
from ketasim.ratings.setting import SETTINGS

from .fields import POUNDS_PER_KG, fields, mood_scales, scale_names, scales
from .moments import impossible_bound, split_bound

NEEDED = ("person", "day", "treatment", "scale", "score", "role")
COVARIATES = ("age", "weight_kg", "sex", "setting", "rater")
ROLES = ("observed", "target", "dose")
MISSING = ("", "na", "n/a", "nan", "missing", ".")
MOST_DAYS = 3650.0
SAME_DAY = 1e-9


class TableError(UsageError):
    """A table with problems; `problems` lists every one, with its line and the remedy."""

    def __init__(self, where: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"the table has {count}:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.file = where


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line. total : None = missing. censor : "" | "<" | "<=" | ">" | ">=" (the total is a bound)."""

    line: int
    person: str
    day: float
    scale: str
    total: float | None
    censor: str
    role: str
    self_rated: bool


@dataclass
class TablePerson:
    """The lines of one person. treatment : words, from day 0. doses : (day, words) of single lines of role dose."""

    name: str
    treatment: str = ""
    doses: list[tuple[float, str]] = field(default_factory=list)
    rows: list[TableRow] = field(default_factory=list)
    age: float | None = None
    weight: float | None = None
    setting: str = ""

    @property
    def regimens(self) -> tuple[tuple[float, str], ...]:
        """(day, words) of everything given."""
        return (*(((0.0, self.treatment),) if self.treatment else ()), *sorted(self.doses))


def read_table(path: str | Path) -> tuple[list[TablePerson], tuple[str, ...]]:
    """People in the order of the table, and what looks like a slip (used as written). Raises `TableError` with every problem."""
    where = str(path)
    return table_of(read_text(Path(path)), where)


def table_of(text: str, where: str = "the table") -> tuple[list[TablePerson], tuple[str, ...]]:
    """People of a table as text."""
    reader = _Table(where)
    found = reader.people(text)
    if reader.problems:
        raise TableError(where, reader.problems)
    return found, tuple(reader.doubts)


class _Table:
    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[Problem] = []
        self.doubts: list[str] = []
        self.known_words: dict[str, bool] = {}

    def problem(self, line: int, what: str, fix: str = "") -> None:
        self.problems.append(Problem(f"{self.where}, line {line}", what, fix))

    def people(self, text: str) -> list[TablePerson]:
        lines = list(csv.reader(io.StringIO(text)))
        if not lines:
            self.problem(1, "the table is empty", ",".join(NEEDED))
            return []
        head = [cell.strip().lower().lstrip("\ufeff") for cell in lines[0]]
        for name in NEEDED:
            if name not in head:
                near = nearest(name, head, 1)
                self.problem(1, f"no column '{name}'" + (f" (is '{near[0]}' meant?)" if near else ""), ",".join(NEEDED))
        for name in head:
            if name not in (*NEEDED, *COVARIATES):
                near = nearest(name, COVARIATES, 1)
                self.doubts.append(
                    f"{self.where}, line 1: the column '{name}' is not used" + (f"; is it {near[0]}?" if near else "")
                )
        if self.problems:
            return []
        found: dict[str, TablePerson] = {}
        for number, cells in enumerate(lines[1:], start=2):
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(head):
                self.problem(
                    number,
                    f"{len(cells)} cells where the head has {len(head)}",
                    "one cell a column; quote what holds a comma",
                )
                continue
            self._line(found, number, dict(zip(head, (cell.strip() for cell in cells), strict=True)))
        for person in found.values():
            self._whole(person)
        return list(found.values())

    def _line(self, found: dict[str, TablePerson], line: int, row: Mapping[str, str]) -> None:
        name = row["person"]
        if not name:
            self.problem(line, "no person is named", "a name or number of your own, not that of the person")
            return
        person = found.setdefault(name, TablePerson(name))
        role = row["role"].lower()
        if role not in ROLES:
            near = nearest(role, ROLES, 1)
            self.problem(
                line, f"unknown role '{row['role']}'", (near or ["observed"])[0] + " (observed, target or dose)"
            )
            return
        day = self._number(line, "day", row["day"], -MOST_DAYS, MOST_DAYS)
        self._covariates(person, line, row)
        words = row["treatment"]
        readable = not words or self._readable(line, words)
        if role == "dose":
            if day is None or not readable:
                return
            if not words:
                self.problem(line, "a dose without treatment", "ketamine iv 0.5 mg/kg over 40 min")
            elif day < 0:
                self.problem(line, f"a dose on day {day:g}; days count from the first dose", "day 0 for the first dose")
            else:
                person.doses.append((day, words))
            return
        if readable and words and person.treatment and words != person.treatment:
            self.problem(
                line,
                f"{name} has two treatments: '{person.treatment}' and '{words}'",
                "one treatment a person with its repeats (x 6), or lines of role dose",
            )
        person.treatment = person.treatment or (words if readable else "")
        scale = scale_names().get(row["scale"].lower())
        if scale is None or scale not in mood_scales():
            near = [
                s for s in (scale_names()[w] for w in nearest(row["scale"], scale_names(), 3)) if s in mood_scales()
            ]
            what = (
                f"unknown scale '{row['scale']}'"
                if scale is None
                else f"{scale} has no part in the forecast of a table"
            )
            self.problem(line, what, (near[0] + "; " if near else "") + "known are " + ", ".join(mood_scales()))
            return
        total, censor, sound = self._score(line, scale, row["score"], role)
        if sound and day is not None:
            rater = row.get("rater", "").lower()
            own = rater in ("self", "patient") if rater else scales()[scale].rater == "self"
            person.rows.append(TableRow(line, name, day, scale, total, censor, role, own))

    def _score(self, line: int, scale: str, text: str, role: str) -> tuple[float | None, str, bool]:
        if text.lower() in MISSING:
            return None, "", True
        censor, rest = split_bound(text)
        number = self._number(line, "score", rest, -math.inf, math.inf)
        if number is None:
            return None, "", False
        entry = scales()[scale]
        if not entry.low <= number <= entry.high:
            fits = [s for s in mood_scales() if s != scale and scales()[s].low <= number <= scales()[s].high]
            self.problem(
                line,
                f"{scale} {number:g} is outside {entry.low:g} to {entry.high:g}",
                "correct the total" + (f", or the scale ({', '.join(fits)} could hold it)" if fits else ""),
            )
            return None, "", False
        what, remedy = impossible_bound(scale, entry.low, entry.high, number, censor)
        if what:
            self.problem(line, what, remedy)
            return None, "", False
        return number, censor, True

    def _number(self, line: int, name: str, text: str, low: float, high: float) -> float | None:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            fix = (
                text.replace(",", ".")
                if text.count(",") == 1
                else "1 (days from the first dose)"
                if name == "day"
                else "21, or empty where it is missing"
            )
            self.problem(line, f"{name} is a number, not '{text}'", fix)
            return None
        if not low <= number <= high:
            self.problem(line, f"{name} {number:g} is outside {low:g} to {high:g}", f"correct the {name}")
            return None
        return number

    def _covariates(self, person: TablePerson, line: int, row: Mapping[str, str]) -> None:
        for name, key in (("age", "age"), ("weight_kg", "weight")):
            text = row.get(name, "")
            if text.lower() in MISSING:
                continue
            low, high, _, _ = RANGES[key]
            number = self._number(line, name, text, low, high)
            known = getattr(person, key)
            if number is not None and known is not None and number != known:
                self.problem(
                    line,
                    f"{person.name} has two values of {name}: {known:g} and {number:g}",
                    "the same on every line of a person",
                )
            elif number is not None:
                if known is None and key == "weight" and number > (fields()["weight_kg"].usual or (0.0, high))[1]:
                    self.doubts.append(
                        f"{self.where}, line {line}: weight_kg {number:g} of {person.name}: pounds suspected ({number / POUNDS_PER_KG:.1f} kg if so)"
                    )
                setattr(person, key, number)
        setting = row.get("setting", "").lower()
        if setting and setting not in SETTINGS:
            near = nearest(setting, SETTINGS, 1)
            self.problem(line, f"unknown setting '{setting}'", (near or ["saline"])[0])
        elif setting and person.setting and setting != person.setting:
            self.problem(line, f"{person.name} has two settings", "the same on every line of a person")
        elif setting:
            person.setting = setting

    def _readable(self, line: int, words: str) -> bool:
        if words not in self.known_words:
            try:
                parse(words)
                self.known_words[words] = True
            except KetasimError as error:
                self.known_words[words] = False
                self.problem(line, error.what, error.fix or error.allowed)
        return self.known_words[words]

    def _whole(self, person: TablePerson) -> None:
        if person.treatment and person.doses:
            self.problem(
                person.rows[0].line if person.rows else 1,
                f"{person.name} has a treatment and lines of role dose",
                "one of the two",
            )
        seen: dict[tuple[str, bool, float], TableRow] = {}
        for row in person.rows:
            key = (row.scale, row.self_rated, round(row.day, 6))
            other = seen.get(key)
            if other is not None and row.role == "observed":
                self.doubts.append(
                    f"{self.where}, line {row.line}: two {row.scale} totals of {person.name} at a time (line {other.line}); both are used as written"
                )
            seen.setdefault(key, row)
            if row.role == "target" and row.day < 0:
                self.problem(row.line, "a target before the first dose", "role = observed")
            if row.role == "observed" and row.day <= 0 and row.total is not None and (row.censor or row.total == 0):
                why = "leaves nothing to change" if not row.censor else "is a bound"
                self.doubts.append(
                    f"{self.where}, line {row.line}: the baseline {row.censor}{row.total:g} of {person.name} {why} and is not used"
                )
