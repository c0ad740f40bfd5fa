"""Reads person.toml: facts as plain top-level keys, [[dose]], [[score]], [[level]], [[blood_pressure]].

Every problem of the file is listed at once, each with its line and the remedy. Nothing is guessed and nothing is repaired:
what looks like a slip is used as written and listed as suspected. The file is read and closed; nothing is written or logged.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ketasim.core.drug_types import route_name
from ketasim.core.errors import KetasimError, Problem, UsageError, nearest
from ketasim.core.frozen import FrozenMapping
from ketasim.core.textfile import read_text

from .entries import read_doses, read_scores, suspected
from .fields import (
    POUNDS_PER_KG,
    Fact,
    class_facts,
    diazepam_factors,
    drug_classes,
    field_names,
    fields,
    groups,
    read_fact,
    suspected_facts,
)
from .lines import line_of, lines_of
from .moments import Entry, date_remedy
from .readings import read_levels, read_medication, read_pressures
from .records import Medication, Person, Pressure

LISTS = ("dose", "score", "level", "blood_pressure", "medication")
OWN_KEYS = ("confirmed", "route", "jurisdiction", "start", "name", "note")
JURISDICTIONS = ("US", "EU", "UK")
LIST_ALIASES = {
    "doses": "dose",
    "scores": "score",
    "levels": "level",
    "medications": "medication",
    "pressure": "blood_pressure",
}


class PersonFileError(UsageError):
    """A person file with problems; `problems` lists every one, with its line and the remedy."""

    def __init__(self, where: str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"the person file has {count}:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.file = where


def read_person(path: str | Path) -> Person:
    """The person of a TOML file.

    Raises `PersonFileError` with every problem at once; `KetasimError` for a file that cannot be read as text.
    """
    file = Path(path)
    text = read_text(file)
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PersonFileError(str(file), (_syntax(str(file), text, error),)) from None
    return person_of(table, str(file), lines_of(text))


def person_of(
    table: Mapping[str, Any], where: str = "", lines: Mapping[tuple[str | int, ...], int] | None = None
) -> Person:
    """The person of a mapping, as TOML gives it: `person_of({"age": 44, "aneurysm": False})`."""
    return _Reader(table, where, lines or {}).person()


def _syntax(where: str, text: str, error: Exception) -> Problem:
    found = re.search(r"line (\d+)", str(error))
    number = int(found.group(1)) if found else 0
    line = text.split("\n")[number - 1].strip() if 0 < number <= text.count("\n") + 1 else ""
    remedy = 'key = value: a number (age = 44), true or false, words in quotation marks (sex = "female")'
    pair = re.fullmatch(r"([A-Za-z0-9_]+)\s*=\s*(\d+),(\d+)\s*", line)
    dated = re.fullmatch(r"(?:date|start)\s*=\s*(\d{1,2}[./-]\d{1,2}[./-]\d{4})\s*", line)
    if pair:
        remedy = f"{pair.group(1)} = {pair.group(2)}.{pair.group(3)}"
    elif dated:
        remedy = date_remedy(dated.group(1)).replace("date =", line.split("=")[0].strip() + " =")
    else:
        pair = re.fullmatch(r"([A-Za-z0-9_]+)\s*=\s*([A-Za-z][A-Za-z /*-]*)", line)
        if pair:
            word = pair.group(2).strip()
            plain = {"yes": "true", "no": "false", "true": "true", "false": "false"}.get(word.lower())
            remedy = f"{pair.group(1)} = " + (plain or f'"{word}"')
    return Problem(f"{where}, line {number}" if number else where, f"not valid TOML: {error}", remedy)


class _Reader:
    """Collects problems while it reads; one use a file."""

    def __init__(self, table: Mapping[str, Any], where: str, lines: Mapping[tuple[str | int, ...], int]) -> None:
        self.table, self.where, self.lines = table, where, lines
        self.problems: list[Problem] = []
        self.facts: dict[str, Fact] = {}
        self.places: dict[str, str] = {}
        self.unknown: set[str] = set()
        self.entries: dict[str, list[Entry]] = {name: [] for name in LISTS}
        self.listed: set[str] = set()
        self.notes: list[str] = []

    def place(self, path: tuple[str | int, ...]) -> str:
        """File and line of an entry; without a file, its path."""
        number = line_of(self.lines, path)
        if number:
            return f"{self.where}, line {number}"
        return ", ".join(part for part in (self.where, ".".join(str(p) for p in path)) if part)

    def problem(self, path: tuple[str | int, ...], what: str, fix: str = "") -> None:
        self.problems.append(Problem(self.place(path), what, fix))

    def person(self) -> Person:
        """The whole file, or every problem of it."""
        for key, value in self.table.items():
            self._key((key,), value, top=True)
        confirmed = self._confirmed()
        medication = self._medication()
        begin, doses = read_doses(self, self.entries["dose"])
        scores = read_scores(self, self.entries["score"], begin)
        levels = read_levels(self, self.entries["level"], begin)
        pressures = read_pressures(self, self.entries["blood_pressure"], begin)
        self._resting(pressures)
        self._contradictions()
        doubts = [
            *suspected_facts(self.facts, self.places, confirmed),
            *suspected(self, doses, scores, begin),
        ]
        if self.problems:
            raise PersonFileError(self.where, tuple(sorted([*self.problems, *doubts], key=_by_line)))
        route, place = self._word("route"), self._word("jurisdiction")
        return Person(
            self.where,
            FrozenMapping(self.facts),
            medication,
            doses,
            scores,
            levels,
            pressures,
            begin.date,
            route,
            place,
            tuple(sorted(doubts, key=_by_line)),
            tuple(self.notes),
        )

    # facts -----------------------------------------------------------------------------------------------------

    def _key(self, path: tuple[str | int, ...], value: Any, top: bool) -> None:
        key = str(path[-1])
        name = LIST_ALIASES.get(key.lower(), key.lower())
        if top and name == "blood_pressure" and isinstance(value, str):
            self._pressure_words(path, value)
        elif top and isinstance(value, list) and key in groups() and name not in LISTS:
            self._true_facts(path, value)
        elif top and name in LISTS and not (name == "blood_pressure" and _plain_pressure(value)):
            self._list(name, path, value)
        elif top and isinstance(value, Mapping) and (key in (*groups(), "facts") or name == "blood_pressure"):
            for inner, thing in value.items():
                self._key((*path, inner), thing, top=False)
        elif top and name in OWN_KEYS:
            self._own(name, path, value)
        elif key in field_names() or key.lower() in field_names():
            self._fact(path, field_names().get(key) or field_names()[key.lower()], value)
        else:
            self._unknown_key(path, key, value)

    def _pressure_words(self, path: tuple[str | int, ...], value: str) -> None:
        """Two numbers as they are spoken: "128/80" or "128/80 mmHg"."""
        found = re.fullmatch(r"\s*(\d{2,3})\s*/\s*(\d{2,3})\s*(?:mm\s?hg)?\s*", value.lower())
        if not found:
            self.problem(path, f"the blood pressure {value!r} cannot be read", 'blood_pressure = "128/80"')
            return
        for name, number in zip(("sbp", "dbp"), found.groups(), strict=True):
            self._fact((*path, name), name, int(number))

    def _true_facts(self, path: tuple[str | int, ...], value: list[Any]) -> None:
        """history = ["aneurysm", "stroke"]: what is on the list is true; what is not stays unknown."""
        flags = {word: name for word, name in field_names().items() if fields()[name].kind == "flag"}
        for index, word in enumerate(value):
            key = "_".join(str(word).lower().split())
            if not isinstance(word, str) or key not in flags:
                near = list(dict.fromkeys(flags[one] for one in nearest(key, flags)))
                what = f"{path[-1]} lists {word!r}, which is no yes-or-no fact known here"
                self.problem((*path, index), what, f"did you mean {', '.join(near)}?" if near else "leave it out")
                continue
            self._fact((*path, index), flags[key], True)
        self.notes.append(f"{path[-1]}: what is not on the list stays unknown; a no is written as false")

    def _fact(self, path: tuple[str | int, ...], name: str, value: Any) -> None:
        field = fields()[name]
        if str(path[-1]) in ("weight", "height", "body_weight") and not isinstance(value, str):
            self.problem(path, f"{path[-1]} = {value!r} has no unit", f"{name} = {value} (if it is {field.unit})")
            return
        if name in self.places:
            self.problem(path, f"{name} is said twice (also {self.places[name]})", "keep one of the two lines")
            return
        fact, problem = read_fact(field, value, self.place(path))
        self.places[name] = self.place(path)
        if problem:
            self.problems.append(problem)
        elif fact is None:
            self.unknown.add(name)
        else:
            self.facts[name] = fact

    def _unknown_key(self, path: tuple[str | int, ...], key: str, value: Any) -> None:
        known = [*field_names(), *LISTS, *OWN_KEYS]
        found = re.fullmatch(r"(weight|height)_(lbs?|pounds|in|inch|inches|m|ft)", key.lower())
        if found and isinstance(value, int | float) and not isinstance(value, bool):
            per = {"l": 1 / POUNDS_PER_KG, "p": 1 / POUNDS_PER_KG, "i": 2.54, "m": 100.0, "f": 30.48}[found.group(2)[0]]
            unit = "weight_kg" if found.group(1) == "weight" else "height_cm"
            self.problem(path, f"unknown unit in the key '{key}'", f"{unit} = {float(value) * per:.1f}")
            return
        near = list(dict.fromkeys(field_names().get(word, word) for word in nearest(key, known)))
        self.problem(
            path,
            f"unknown key '{key}'" + (f"; did you mean {', '.join(near)}?" if near else ""),
            "write it as one of these, or leave the line out" if near else "leave the line out, or put it into note",
        )

    def _own(self, name: str, path: tuple[str | int, ...], value: Any) -> None:
        if name == "route":
            try:
                route_name(str(value))
            except KetasimError as error:
                self.problem(path, error.what, error.allowed)
        elif name == "jurisdiction" and str(value).upper() not in JURISDICTIONS:
            self.problem(path, f"unknown jurisdiction {value!r}", 'jurisdiction = "US", "EU" or "UK"')

    def _word(self, name: str) -> str:
        value = next((v for k, v in self.table.items() if k.lower() == name), "")
        if not value:
            return ""
        return route_name(str(value)) if name == "route" else str(value).upper()

    def _confirmed(self) -> frozenset[str]:
        value = self.table.get("confirmed", [])
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self.problem(("confirmed",), "confirmed is a list of keys", 'confirmed = ["weight_kg"]')
            return frozenset()
        for name in names:
            if name not in field_names():
                near = nearest(name, field_names(), 1)
                self.problem(("confirmed",), f"unknown key '{name}'", f'confirmed = ["{near[0]}"]' if near else "")
        return frozenset(field_names().get(name, name) for name in names)

    # lists -----------------------------------------------------------------------------------------------------

    def _list(self, name: str, path: tuple[str | int, ...], value: Any) -> None:
        self.listed.add(name)
        if name == "medication" and isinstance(value, str) and value.strip().lower() in ("unknown", "?", ""):
            self.listed.discard(name)
            return
        if name == "medication" and isinstance(value, str) and value.strip().lower() == "none":
            return
        if name == "medication" and isinstance(value, Mapping) and all(key in field_names() for key in value):
            self.listed.discard(name)
            for inner, thing in value.items():
                self._key((*path, inner), thing, top=False)
            return
        items = value if isinstance(value, list) else [value]
        for index, item in enumerate(items):
            where = (*path, index)
            if name == "medication" and isinstance(item, str):
                item = {"name": item}
            if not isinstance(item, Mapping):
                self.problem(where, f"{name} holds entries like {EXAMPLES[name]}, not {item!r}", EXAMPLES[name])
                continue
            self.entries[name].append(Entry(where, dict(item)))

    def _medication(self) -> tuple[Medication, ...] | None:
        if "medication" not in self.listed:
            return None
        taken = read_medication(self, self.entries["medication"])
        self._classes(taken)
        return taken

    def _classes(self, taken: tuple[Medication, ...]) -> None:
        """Facts that the list decides: true if a drug of the class is on it; false only if every name on it is known."""
        known = drug_classes()
        strange = [drug for drug in taken if drug.name not in known]
        for drug in strange:
            near = nearest(drug.name, known, 1)
            self.notes.append(
                f"the classes of '{drug.name}' are not known here"
                + (f" (did you mean {near[0]}?)" if near else "")
                + ": what its class decides stays unknown unless the file says it"
            )
        for fact in class_facts():
            if fact in self.places:
                continue
            if any(fact in known.get(drug.name, ()) for drug in taken):
                self.facts[fact] = True
            elif not strange:
                self.facts[fact] = False
        if "diazepam_mg_per_day" not in self.places and "benzodiazepine" in self.facts:
            self._diazepam(taken)

    def _diazepam(self, taken: tuple[Medication, ...]) -> None:
        if not self.facts["benzodiazepine"]:
            self.facts["diazepam_mg_per_day"] = 0.0
            return
        total, factors = 0.0, diazepam_factors()
        for drug in taken:
            if "benzodiazepine" not in drug_classes().get(drug.name, ()):
                continue
            if drug.mg_per_day is None or drug.name not in factors:
                return
            total += drug.mg_per_day * factors[drug.name]
        if total:
            self.facts["diazepam_mg_per_day"] = total

    def _contradictions(self) -> None:
        """Two lines that cannot both be true."""
        pairs = (
            ("cardiovascular_event", "months_since_cardiovascular_event", lambda months: True),
            ("benzodiazepine", "diazepam_mg_per_day", lambda amount: amount > 0),
        )
        for flag, number, says_yes in pairs:
            if (
                flag in self.facts
                and self.facts[flag] is False
                and number in self.facts
                and says_yes(self.facts[number])
            ):
                self.problems.append(
                    Problem(
                        self.places.get(number, number),
                        f"{number} = {self.facts[number]:g} contradicts {flag} = false",
                        f"{flag} = true, or leave {number} out",
                    )
                )

    def _resting(self, pressures: tuple[Pressure, ...]) -> None:
        """The last pressure before a dose is the resting one, unless the file says it at the top."""
        resting = [reading for reading in pressures if reading.before]
        if not resting or "sbp" in self.places or "dbp" in self.places:
            return
        last = max(resting, key=lambda reading: reading.day)
        for name in ("sbp", "dbp", "heart_rate"):
            number = getattr(last, name)
            if number is not None and name not in self.places:
                self.facts[name] = number
        self.notes.append(f"resting blood pressure: the last reading before a dose (day {last.day:g})")


EXAMPLES = {
    "dose": 'day = 0, words = "ketamine iv 0.5 mg/kg over 40 min"',
    "score": 'scale = "MADRS", day = 1, total = 21',
    "level": 'analyte = "ketamine", day = 0.03, value = 120, unit = "ng/mL"',
    "blood_pressure": "day = 0, sbp = 128, dbp = 80",
    "medication": 'name = "lorazepam", mg_per_day = 1',
}


def _plain_pressure(value: Any) -> bool:
    """True for a table of resting values ([blood_pressure] sbp = ..., dbp = ...) without day or date."""
    return isinstance(value, Mapping) and not {"day", "date"} & set(value)


def _by_line(problem: Problem) -> tuple[int, str]:
    found = re.search(r"line (\d+)", problem.where)
    return (int(found.group(1)) if found else 0, problem.where)


__all__ = ["PersonFileError", "person_of", "read_person"]
