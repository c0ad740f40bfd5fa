"""Options with something beside the drug: "... with psychotherapy", "... with an anti-inflammatory from 2 d to 28 d".

What acts through the chain is said as a drug ("with escitalopram oral 10 mg daily"). For the rest nobody knows the size: every member of the
pool has one drawn from `knowledge/values/add_ons.toml`, the same under every option, so that options differ by what is added and not by luck.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim.core import UsageError, normals, values
from ketasim.core.arrays import Array, IntArray
from ketasim.ratings.add_ons import add_on_course

SEED = 19
NAMES = {
    "psychotherapy": ("psychotherapy", "cognitive behavioural therapy", "cognitive therapy", "cbt"),
    "anti-inflammatory": (
        "anti-inflammatory",
        "anti-inflammatory drug",
        "antiinflammatory",
        "celecoxib",
        "minocycline",
    ),
    "lifestyle": ("lifestyle", "lifestyle support", "exercise"),
}
EXAMPLE = '"ketamine iv 0.5 mg/kg over 40 min twice weekly x 4 with psychotherapy"'
_NAME = "|".join(
    sorted((re.escape(w).replace(r"\ ", r"\s+") for names in NAMES.values() for w in names), key=len, reverse=True)
)
_DAY = r"\s*(?:day\s*)?(\d+(?:\.\d+)?)\s*(?:d|days?)?"
_ADDED = re.compile(
    rf"[\s,;]*\bwith\s+(?:an?\s+)?({_NAME})\b(?:\s+from{_DAY})?(?:\s+to{_DAY})?(?=\s*(?:$|[,;]|\bwith\b))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Added:
    """A treatment beside the drug. kind : key of `NAMES`. from_day, to_day : from the start of the option; to_day inf: to the end."""

    kind: str
    from_day: float = 0.0
    to_day: float = np.inf

    def drive(self, times: Array, start_h: float, members: IntArray) -> Array:
        """Its drive L at times (h from the first dose) of every member, (N, T): size of the member times the course."""
        key, numbers = self.kind.replace("-", "_"), values("add_ons")
        size = numbers[f"{key}_drive"]
        z = normals(SEED, f"add-on {self.kind}", members)
        each = size.value + (size.uncertain.sd if size.uncertain else 0.0) * z
        begin, end = start_h + 24.0 * self.from_day, start_h + 24.0 * self.to_day
        return np.asarray(
            each[:, None] * add_on_course(times, begin, min(end, 1e9), numbers[f"{key}_onset"].value)[None]
        )

    def to_dict(self) -> dict[str, Any]:
        """What is assumed of it, with its basis."""
        value = values("add_ons")[self.kind.replace("-", "_") + "_drive"]
        return {
            "kind": self.kind,
            "from_day": self.from_day,
            "to_day": self.to_day if np.isfinite(self.to_day) else None,
            "drive": value.value,
            "drive_sd": value.uncertain.sd if value.uncertain else 0.0,
            "basis": value.basis,
            "place": value.place,
            "records": list(value.records),
            "note": value.note,
        }


def split_added(words: str) -> tuple[str, tuple[Added, ...]]:
    """The words of a regimen, and what is added to it. Raises UsageError where something is added twice or ends before it begins."""
    found: list[Added] = []
    for name, start, end in _ADDED.findall(words):
        plain = re.sub(r"\s+", " ", name.lower())
        kind = next(k for k, names in NAMES.items() if plain in names)
        one = Added(kind, float(start or 0.0), float(end or np.inf))
        if one.to_day <= one.from_day:
            raise UsageError(
                f"{kind} ends before it begins", where=words, allowed="a later day", fix=f"with {kind} from 0 d to 28 d"
            )
        if any(other.kind == kind for other in found):
            raise UsageError(f"{kind} is added twice", where=words, allowed="once", fix=EXAMPLE)
        found.append(one)
    return _ADDED.sub("", words).strip(" ,;"), tuple(found)


def added_drive(added: Sequence[Added], times: Array, start_h: float, members: IntArray) -> Array | float:
    """Drive of all of them together, (N, T); 0 where nothing is added."""
    total: Array | float = 0.0
    for one in added:
        total = total + one.drive(times, start_h, members)
    return total
