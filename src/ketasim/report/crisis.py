"""Where help is in a crisis, in one line; chosen by the country of the locale, without any connection."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ketasim.core import KetasimError
from ketasim.core.values import knowledge_path, read_toml

EMERGENCY = (
    "EMERGENCY: intent to end one's life, or thoughts near it, needs help now, before anything that stands below."
)
LOCALE_WORDS = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set decides, as everywhere


@dataclass(frozen=True, slots=True)
class Line:
    """The numbers of one place, and where and when they were read."""

    countries: tuple[str, ...]
    place: str
    emergency: str
    helpline: str
    source: str
    dated: str
    checked: str

    def __str__(self) -> str:
        parts = [f"emergency {self.emergency}" if self.emergency else "", self.helpline]
        return f"In {_the(self.place)}: " + "; ".join(part for part in parts if part) + "."


def _the(place: str) -> str:
    return f"the {place}" if place.startswith(("United", "European")) else place


@cache
def _file() -> tuple[str, tuple[Line, ...]]:
    table = read_toml(knowledge_path() / "crisis.toml")
    lines = tuple(Line(**{**entry, "countries": tuple(entry["countries"])}) for entry in table["line"])
    for line in lines:
        if not (line.source and re.fullmatch(r"\d{4}-\d{2}-\d{2}", line.checked)):
            raise KetasimError(
                f"the number of {line.place} has no source or no date",
                where="knowledge/crisis.toml",
                fix='source = "..." and checked = "2026-11-28"',
            )
    return str(table["general"]["text"]), lines


def crisis_lines() -> tuple[Line, ...]:
    """Every place with a number that was verified."""
    return _file()[1]


def country(environment: Mapping[str, str] | None = None) -> str:
    """Two letters of the country from the locale ("en_GB.UTF-8" -> "GB"); empty if it names none."""
    words = os.environ if environment is None else environment
    chosen = next((words[key] for key in LOCALE_WORDS if words.get(key)), "")
    found = re.match(r"[A-Za-z]{2,3}[_-]([A-Za-z]{2})(?![A-Za-z])", chosen)
    return found.group(1).upper() if found else ""


def crisis_text(environment: Mapping[str, str] | None = None) -> str:
    """The line that stands wherever mood or suicidal thoughts are shown."""
    general, lines = _file()
    here = country(environment)
    return " ".join([f"In a crisis: {general}", *(str(line) for line in lines if here in line.countries)])
