"""What sets one trial apart from the average trial: the shift of its setting and the factor on its drug part (docs/decisions/spread-of-the-drug-part.md)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import value
from ketasim.core.arrays import Array
from ketasim.ratings.mood import built_up

from .design import Design


def decades(design: Design) -> float:
    """Tenfold steps of the design's size from the size at which the small-study effect is none; 0 unless the design asks for it."""
    if not design.small_study:
        return 0.0
    smallest, largest = value("small_study_smallest").value, value("small_study_largest").value
    return math.log10(min(max(design.n, smallest), largest) / value("small_study_reference").value)


def setting_shift(design: Design, times: ArrayLike, z: ArrayLike, late: ArrayLike) -> Array:
    """Shift of the drive of everybody in a trial, (*z, T): tau z + tau_late (1 - exp(-t / T)) late + b d.

    times (T,) h; z and late standard normal, of one shape: what a trial brings at once and what builds up over weeks; d decades of size.
    """
    at_once, slow = (value(key).value if design.study_effects else 0.0 for key in ("tau_mood_setting", "tau_mood_late"))
    grown = built_up(times, value("between_late_time").value)
    first, second = (np.asarray(part, dtype=np.float64)[..., None] for part in (z, late))
    return np.asarray(at_once * first + slow * grown * second + value("small_study_placebo").value * decades(design))


def shift_at(design: Design, time_h: float, z: float) -> float:
    """The shift at one time of a trial z SDs from the average one: both parts together are normal with the SD sqrt(tau^2 + (tau_late g)^2)."""
    grown = float(built_up(time_h, value("between_late_time").value))
    parts = (value("tau_mood_setting").value, value("tau_mood_late").value * grown)
    sd = math.hypot(*parts) if design.study_effects else 0.0
    return sd * z + value("small_study_placebo").value * decades(design)


def drug_size(design: Design, z: ArrayLike) -> Array:
    """Factor on the drug part in a trial: exp(tau z - tau^2 / 2 - b d). Its mean over trials of the reference size is 1.

    The fit is linear in the logarithm of the factor, so the size that it finds is that of the average trial: a factor exp(tau z), whose median is 1
    and whose mean is exp(tau^2 / 2), would make every simulated trial stronger on average than the evidence says.
    """
    tau = value("tau_mood_drug").value if design.study_effects else 0.0
    log = tau * np.asarray(z, dtype=np.float64) - 0.5 * tau**2 - value("small_study_drug").value * decades(design)
    return np.asarray(np.exp(log))
