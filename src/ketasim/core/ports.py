"""Ports: the only places where stages meet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Port:
    """A named quantity that one stage gives and others may take.

    name : global identifier in the composed model.
    unit : one of the chain's units (h, umol, L, umol/L, L/h, 1/h, dimensionless, point, mmHg, bpm).
    null : the value the port has when nothing provides it (a drug that was not given, a stage switched off).
    """

    name: str
    unit: str
    label: str = ""
    null: float = 0.0
