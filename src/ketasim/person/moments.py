"""When an entry of a person file was, and what every kind of entry has in common."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Protocol

from ketasim.core.errors import nearest

Path = tuple[str | int, ...]
MISSING = ("missing", "na", "n/a", "nan", "not done", "?", "unknown", "")


@dataclass(frozen=True, slots=True)
class Entry:
    """One table of a list, and where it stands."""

    path: Path
    table: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Begin:
    """The first dose: its date (None if only days are used), and whether there is a dose at all."""

    date: datetime | None
    dosed: bool


class Reader(Protocol):
    """What reads the file: knows where an entry stands and collects the problems."""

    notes: list[str]
    lines: Mapping[Path, int]
    table: Mapping[str, Any]

    def place(self, path: Path) -> str: ...

    def problem(self, path: Path, what: str, fix: str = "") -> None: ...


def line_in(reader: Reader, entry: Entry) -> int:
    """The line of an entry, 0 if there is none."""
    return reader.lines.get(entry.path, 0)


def moment_of(reader: Reader, entry: Entry, example: str) -> datetime | float | None:
    """The date (with time) or the day that an entry says; a problem if it says neither or what cannot be read."""
    day, when = entry.table.get("day"), entry.table.get("date")
    clock = entry.table.get("time")
    if day is not None and when is not None:
        reader.problem(entry.path, "the entry has both a day and a date", "keep one of the two")
        return None
    if day is not None:
        if isinstance(day, int | float) and not isinstance(day, bool) and math.isfinite(day):
            return float(day)
        reader.problem((*entry.path, "day"), f"day is a number of days from the first dose, not {day!r}", "day = 1")
        return None
    if when is None:
        reader.problem(entry.path, "the entry has neither a date nor a day", example)
        return None
    found = date_of(when)
    if found is None:
        reader.problem((*entry.path, "date"), f"the date {when!r} cannot be read", date_remedy(when))
        return None
    if clock is not None:
        hours = _clock(clock)
        if hours is None:
            reader.problem((*entry.path, "time"), f"the time {clock!r} cannot be read", "time = 09:30:00")
            return None
        found = datetime.combine(found.date(), hours)
    return found


def date_of(value: object) -> datetime | None:
    """A date as TOML or ISO writes it; None for anything else."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?", value.strip()):
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    return None


def _clock(value: object) -> time | None:
    if isinstance(value, time):
        return value
    if isinstance(value, str):
        try:
            return time.fromisoformat(value.strip())
        except ValueError:
            return None
    return None


def date_remedy(value: object) -> str:
    found = re.fullmatch(r"\s*(\d{1,2})[./-](\d{1,2})[./-](\d{4})\s*", str(value))
    if not found:
        return "date = 2026-03-14 (year-month-day)"
    one, two, year = (int(part) for part in found.groups())
    readings = [(year, month, day) for month, day in ((two, one), (one, two)) if month <= 12 and day <= 31]
    lines = dict.fromkeys(f"date = {y}-{m:02d}-{d:02d}" for y, m, d in readings)
    return " or ".join(lines) or "date = 2026-03-14 (year-month-day)"


def day_of(reader: Reader, entry: Entry, moment: datetime | float | None, begin: Begin) -> float | None:
    """Days from the first dose; a problem where there is nothing to count from."""
    if moment is None or isinstance(moment, float):
        return moment
    if begin.date is None:
        what = "the doses have days and this entry has a date" if begin.dosed else "there is no dose to count days from"
        reader.problem(entry.path, what, "use days everywhere, or give the first dose a date")
        return None
    return (moment - begin.date).total_seconds() / 86400


MINUTES_A_DAY = 1440.0


def minutes_of(reader: Reader, entry: Entry) -> float:
    """`minutes` after the dose of that day, 0 without them; a problem for anything but a number within a day."""
    minutes = entry.table.get("minutes", 0)
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 <= minutes <= MINUTES_A_DAY:
        what = f"minutes after the dose is a number from 0 to {MINUTES_A_DAY:g}, not {minutes!r}"
        reader.problem((*entry.path, "minutes"), what, "minutes = 40")
        return 0.0
    return float(minutes)


def refuse_unknown_keys(reader: Reader, entry: Entry, known: Sequence[str]) -> None:
    """A problem for every key that an entry of this kind does not have."""
    for key in entry.table:
        if key not in known:
            near = nearest(key, known, 2)
            what = f"unknown key '{key}'" + (f"; did you mean {', '.join(near)}?" if near else "")
            reader.problem((*entry.path, key), what, "one of " + ", ".join(known))


BOUNDS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "\u2264": "<=", "\u2265": ">="}
HALF_STEP = 0.5  # a total stands for everything that rounds to it


def split_bound(text: str) -> tuple[str, str]:
    """("<=", "5") of "<= 5": the sign of a bound as in `BOUNDS`, empty without one, and what stands behind it."""
    found = re.fullmatch(r"\s*(<=|>=|[<>\u2264\u2265])?\s*(.*?)\s*", text, re.DOTALL)
    assert found is not None
    return BOUNDS.get(found.group(1) or "", ""), found.group(2)


def total_interval(total: float, sign: str) -> tuple[float, float]:
    """What a total stands for: everything that rounds to it, or to any whole number that its bound allows ("<5": 4 or less, so up to 4.5; "<=5": up to 5.5)."""
    if sign == "<":
        return -math.inf, math.ceil(total) - HALF_STEP
    if sign == "<=":
        return -math.inf, math.floor(total) + HALF_STEP
    if sign == ">":
        return math.floor(total) + HALF_STEP, math.inf
    if sign == ">=":
        return math.ceil(total) - HALF_STEP, math.inf
    return total - HALF_STEP, total + HALF_STEP


def impossible_bound(scale: str, low: float, high: float, total: float, sign: str) -> tuple[str, str]:
    """What is wrong with a bound that no total of a scale (low to high) meets, and the remedy; ("", "") if one does."""
    begin, end = total_interval(total, sign)
    if sign and end < low:
        return f"no {scale} total lies below {total:g}", f'"<={low:g}" (it is the lowest), or correct the total'
    if sign and begin > high:
        return f"no {scale} total lies above {total:g}", f'">={high:g}" (it is the highest), or correct the total'
    return "", ""


def number_of(value: object) -> tuple[float | None, str]:
    """A number, or a bound such as "<5" or ">=30": (5.0, "<"), (30.0, ">=")."""
    if isinstance(value, bool):
        return None, ""
    if isinstance(value, int | float):
        return (float(value), "") if math.isfinite(value) else (None, "")
    sign, rest = split_bound(value) if isinstance(value, str) else ("", "")
    return (float(rest), sign) if sign and re.fullmatch(r"\d+(?:\.\d+)?", rest) else (None, "")
