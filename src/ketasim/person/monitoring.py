"""The monitoring plan of a route: before, during, discharge, course; data with sources (knowledge/rules/monitoring.toml)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from ketasim.core.errors import KetasimError
from ketasim.core.values import knowledge_path, read_toml

from .rules import COMPARED, RuleSource, best_read, places

PHASES = ("before", "during", "discharge", "course")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is watched. routes : empty = every route. from_min, to_min : minutes from the start of the dose.

    every_min : how often within them; None = once, or as needed.
    """

    id: str
    phase: str
    what: str
    routes: tuple[str, ...]
    jurisdiction: tuple[str, ...]
    places: tuple[tuple[RuleSource, str], ...]
    drugs: tuple[str, ...] = ()
    from_min: float | None = None
    to_min: float | None = None
    every_min: float | None = None
    records: tuple[str, ...] = ()
    note: str = ""

    @property
    def source(self) -> str:
        """The citations in one line."""
        return "; ".join(
            f"{source}, {place}" + (f" (dated {source.dated})" if source.dated else " (no date)")
            for source, place in self.places
        )

    @property
    def not_verified(self) -> bool:
        """True if none of its documents could be read at its issuer."""
        return all(source.second_hand for source, _ in self.places)

    @property
    def time(self) -> str:
        """When, in words; empty if no time is set."""
        if self.from_min is None:
            return ""
        if self.to_min is None:
            return f"from {self.from_min:g} min"
        every = f", every {self.every_min:g} min" if self.every_min else ""
        return f"{self.from_min:g}-{self.to_min:g} min{every}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "id": self.id,
            "phase": self.phase,
            "what": self.what,
            "routes": list(self.routes),
            "from_min": self.from_min,
            "to_min": self.to_min,
            "every_min": self.every_min,
            "jurisdiction": list(self.jurisdiction),
            "source": self.source,
            "read": best_read(self.places),
            "second_hand": self.not_verified,
            "records": list(self.records),
            "note": self.note,
        }


@cache
def steps() -> tuple[Step, ...]:
    """Every step, by phase."""
    found: list[Step] = []
    for table in read_toml(knowledge_path() / "rules" / "monitoring.toml")["step"]:
        entry = dict(table)
        where = f"rules/monitoring.toml, {entry['id']}"
        if entry["phase"] not in PHASES:
            raise KetasimError(f"unknown phase '{entry['phase']}'", where=where, allowed=", ".join(PHASES))
        entry["places"] = places(entry.pop("sources"), where)
        for name in ("routes", "jurisdiction", "drugs", "records"):
            entry[name] = tuple(entry.get(name, ()))
        found.append(Step(**entry))
    return tuple(sorted(found, key=lambda step: PHASES.index(step.phase)))


def plan(route: str = "", jurisdiction: str = "", drug: str = "") -> tuple[Step, ...]:
    """The steps for a route, place and drug; what was not said (empty) leaves every step in."""
    return tuple(
        step
        for step in steps()
        if (not route or not step.routes or route in step.routes)
        and (not jurisdiction or "any" in step.jurisdiction or jurisdiction in step.jurisdiction)
        and (drug not in COMPARED or not step.drugs or drug in step.drugs)
    )
