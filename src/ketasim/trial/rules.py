"""Visit rules: at a visit, if something that was measured holds, the doses from then on change. Declared, never code.

    [[rules]]
    at = ["8 d", "15 d"]
    when = "change_percent > -50"
    then = "esketamine nasal 84 mg"        # the main drug from the next dose on; "stop"; or add = "ssri oral daily"

A rule sees measured values alone: score, change, change_percent of the scale at that visit, and what `measured` lists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ketasim.core.arrays import Array, BoolArray

ALWAYS = ("score", "change", "change_percent")
EXTRA = ("cadss", "sbp_rise")
STOP = "stop"
_FORM = re.compile(r"\s*([a-z_]+)\s*(<=|>=|<|>)\s*([-+]?\d+(?:\.\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class Rule:
    """at_h : visits at which it is asked; quantity, sign, cut : what must hold; then : words of the dose from then on, or "stop"; add : words of
    co-medication begun then; arms : where it applies (all, if empty)."""

    at_h: tuple[float, ...]
    quantity: str
    sign: str
    cut: float
    then: str = ""
    add: str = ""
    arms: tuple[str, ...] = ()

    def holds(self, measured: Mapping[str, Array]) -> BoolArray:
        """Whether it holds for each person; who was not seen at the visit (nan) is left as he is."""
        numbers = measured[self.quantity]
        with np.errstate(invalid="ignore"):
            found = {
                "<": numbers < self.cut,
                "<=": numbers <= self.cut,
                ">": numbers > self.cut,
                ">=": numbers >= self.cut,
            }[self.sign]
        return np.asarray(found & np.isfinite(numbers))

    def __str__(self) -> str:
        what = f"dose becomes {self.then}" if self.then and self.then != STOP else "doses stop" if self.then else ""
        added = f"{self.add} is begun" if self.add else ""
        return f"if {self.quantity} {self.sign} {self.cut:g}: {'; '.join(w for w in (what, added) if w)}"


def condition(text: str) -> tuple[str, str, float] | None:
    """Quantity, sign and number of "change_percent > -50"; None if it cannot be read."""
    found = _FORM.fullmatch(text)
    return (found.group(1), found.group(2), float(found.group(3))) if found else None
