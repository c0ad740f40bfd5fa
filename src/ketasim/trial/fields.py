"""Typed reading of a TOML table: every problem is noted with its line, nothing is raised on the way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ketasim.core import KetasimError, Problem, nearest
from ketasim.scenario.plan import read_times

from .lines import Lines

HOURS_PER_DAY = 24.0


class Fields:
    """One table of a design file. path : where it stands; what is read is ticked off, what is left over is an unknown field."""

    def __init__(self, table: Any, path: Sequence[str], lines: Lines, problems: list[Problem]) -> None:
        self.path, self.lines, self.problems = tuple(path), lines, problems
        self.asked: list[str] = []
        if not isinstance(table, Mapping):
            self.note("", f"[{'.'.join(path)}] is a table", f"[{'.'.join(path)}]")
            table = {}
        self.table: Mapping[str, Any] = table

    def note(self, key: str, what: str, fix: str = "") -> None:
        """One problem at a key."""
        self.problems.append(Problem(self.lines.place((*self.path, key) if key else self.path), what, fix))

    def has(self, key: str) -> bool:
        """Whether the key is given."""
        self.asked.append(key)
        return key in self.table

    def text(self, key: str, default: str = "", choices: Iterable[str] = (), fix: str = "") -> str:
        """A text, one of `choices` where some are given."""
        if not self.has(key):
            return default
        found = self.table[key]
        if not isinstance(found, str):
            self.note(key, f"{key} is a text, not {found!r:.40}", fix or f'{key} = "..."')
            return default
        known = tuple(choices)
        if known and found not in known:
            near = nearest(found, known)
            self.note(key, f"unknown {key} '{found}'; allowed: {', '.join(known)}", f'{key} = "{(near or known)[0]}"')
            return default
        return found

    def texts(self, key: str, choices: Iterable[str] = ()) -> tuple[str, ...]:
        """A list of texts; one text is a list of one."""
        if not self.has(key):
            return ()
        found = self.table[key]
        items = [found] if isinstance(found, str) else found
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            self.note(key, f"{key} is a text or a list of texts", f'{key} = ["..."]')
            return ()
        known = tuple(choices)
        for item in items:
            if known and item not in known:
                near = nearest(item, known)
                self.note(key, f"unknown entry '{item}' of {key}; allowed: {', '.join(known)}", (near or known)[0])
        return tuple(item for item in items if not known or item in known)

    def number(
        self, key: str, default: float = 0.0, low: float = -math.inf, high: float = math.inf, what: str = ""
    ) -> float:
        """A finite number within its range."""
        if not self.has(key):
            return default
        found = self.table[key]
        if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
            self.note(key, f"{key} is a number, not {found!r:.40}", f"{key} = {default:g}")
            return default
        if not low <= found <= high:
            kind = "a probability" if (low, high) == (0.0, 1.0) else what or key
            limits = f"{low:g} to {high:g}" if math.isfinite(high) else f"{low:g} and above"
            self.note(key, f"{kind} cannot be {found:g}; allowed: {limits}", f"{key} = {default:g}")
            return default
        return float(found)

    def whole(self, key: str, default: int, low: int = 0, high: int = 10_000_000) -> int:
        """A whole number within its range."""
        found = self.number(key, float(default), low, high)
        if not float(found).is_integer():
            self.note(key, f"{key} is a whole number, not {found:g}", f"{key} = {round(found)}")
            return default
        return int(found)

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        if not self.has(key):
            return default
        if not isinstance(self.table[key], bool):
            self.note(key, f"{key} is true or false", f"{key} = {str(default).lower()}")
            return default
        return bool(self.table[key])

    def hours(self, key: str, default: tuple[float, ...] = ()) -> tuple[float, ...]:
        """Times in h: texts with a unit ("2 h", "28 d"); a bare number counts days."""
        if not self.has(key):
            return default
        given = self.table[key]
        found: list[float] = []
        for item in given if isinstance(given, list) else [given]:
            if isinstance(item, int | float) and not isinstance(item, bool) and math.isfinite(item):
                found.append(float(item) * HOURS_PER_DAY)
            elif isinstance(item, str) and item.strip()[-1:].isalpha():
                try:
                    found += read_times(item)
                except KetasimError as error:
                    self.note(key, error.what, f'{key} = ["24 h", "7 d", "28 d"]')
            else:
                self.note(key, f"the time {item!r:.30} has no unit", f'{key} = ["24 h", "7 d", "28 d"]')
        return tuple(found)

    def hour(self, key: str, default: float) -> float:
        """One time in h."""
        found = self.hours(key, (default,))
        if len(found) > 1:
            self.note(key, f"{key} is one time", f'{key} = "28 d"')
        return found[0] if found else default

    def table_at(self, key: str) -> Fields | None:
        """A table below this one; None if it is not given."""
        return Fields(self.table[key], (*self.path, key), self.lines, self.problems) if self.has(key) else None

    def tables(self, key: str) -> list[Fields]:
        """An array of tables."""
        if not self.has(key):
            return []
        found = self.table[key]
        if not isinstance(found, list):
            self.note(key, f"{key} is a list of tables", f"[[{key}]]")
            return []
        return [Fields(item, (*self.path, key, str(i)), self.lines, self.problems) for i, item in enumerate(found)]

    def leftovers(self) -> None:
        """Note every field nobody asked for, with the nearest known one."""
        for key in self.table:
            if key not in self.asked:
                near = nearest(key, self.asked)
                known = ", ".join(dict.fromkeys(self.asked))
                self.note(key, f"unknown field '{key}'; allowed: {known}", f"{near[0]} = ..." if near else "")
