"""Criteria of shares: "fall>=50%", "level<=10", "sbp level>=165 or dbp level>=100"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_TERM = re.compile(
    r"^(?:(?P<name>[\w/-]+(?: [\w/-]+)*) )?(?P<kind>rise|fall|level)?(?P<sign>>=|<=|>|<)(?P<cut>\d+(?:\.\d+)?)(?P<percent>%)?$"
)
# The cut of a threshold_share as the column `scale` used to hold it: ">4", "<5", "rise>=40", "level>=180", "PHQ-9 fall>=6".
THRESHOLD = re.compile(r"^(?:(?P<scale>[\w/-]+) )?(?P<kind>rise|fall|level)?(?P<sign>>=|<=|>|<)(?P<cut>\d+(?:\.\d+)?)$")
EXAMPLE = "fall>=50% | fall>=6 | level<=10 | rise>=40 | fall>=50% and level<=10 | sbp level>=165 or dbp level>=100"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. name : scale or endpoint it speaks of, empty = that of the row; kind : level | rise | fall; percent : of the baseline."""

    name: str
    kind: str
    sign: str
    cut: float
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Criterion:
    """Conditions that are joined by "and" or by "or"."""

    conditions: tuple[Condition, ...]
    joined: str = ""

    @property
    def only(self) -> Condition | None:
        """The condition, where there is just one."""
        return self.conditions[0] if len(self.conditions) == 1 else None


def criterion(text: str) -> Criterion | None:
    """The criterion that a text says; None if it cannot be read (`EXAMPLE` shows what can)."""
    words = " ".join(text.split())
    joined = "and" if " and " in words else "or" if " or " in words else ""
    parts: Sequence[str] = words.split(f" {joined} ") if joined else (words,)
    found = []
    for part in parts:
        term = _TERM.match(part)
        if term is None:
            return None
        if term["percent"] and term["kind"] not in ("fall", "rise"):
            return None
        found.append(
            Condition(
                term["name"] or "", term["kind"] or "level", term["sign"], float(term["cut"]), bool(term["percent"])
            )
        )
    return Criterion(tuple(found), joined)
