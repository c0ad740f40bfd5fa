"""How exactly every course is integrated: the only place where that is said."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Error allowed per step: rtol times the size of a state plus atol; relative_to: its "peak" so far, or its "value" now."""

    rtol: float
    atol: float
    relative_to: str = "peak"


STANDARD = Tolerance(1e-6, 1e-8)
"""Ketamine, its enantiomers and placebo in runs, trials, evidence and findings. Errors are held against the largest size of a state so far:
measured against 1e-11 no output moves by more than 2e-6 of its peak, in a third fewer steps than against the size at each moment."""

CLOSE = Tolerance(1e-6, 1e-9, "value")
"""Where another drug is given. Some are active at a thousandth of their peak (opioids, midazolam): held against the peak, activity at mu receptors
a day after morphine was wrong by 1.5e-5 of its size; held against the level at each moment, by 2e-7. Levels are nanomolar, hence atol."""

SMOOTH = Tolerance(1e-9, 1e-12, "value")
"""Fits of plasma kinetics, whose least squares take differences over steps of 1e-4 of a value and slopes of logarithms far down the
tail: there the error must stand far below the difference, and against the size at each moment."""
