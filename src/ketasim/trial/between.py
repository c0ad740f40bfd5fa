"""What sets one trial apart from the average trial: the shift of its setting and the factor on its drug part (docs/decisions/spread-of-the-drug-part.md)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import value
from ketasim.core.arrays import Array

from .design import Design


def decades(design: Design) -> float:
    """Tenfold steps of the design's size from the size at which the small-study effect is none; 0 unless the design asks for it."""
    if not design.small_study:
        return 0.0
    smallest, largest = value("small_study_smallest").value, value("small_study_largest").value
    return math.log10(min(max(design.n, smallest), largest) / value("small_study_reference").value)


def setting_shift(design: Design, z: ArrayLike) -> Array:
    """Shift of the drive of everybody in a trial: tau z + b d; z standard normal, d decades of size."""
    tau = value("tau_mood_setting").value if design.study_effects else 0.0
    return np.asarray(tau * np.asarray(z, dtype=np.float64) + value("small_study_placebo").value * decades(design))


def drug_size(design: Design, z: ArrayLike) -> Array:
    """Factor on the drug part in a trial: exp(tau z - tau^2 / 2 - b d). Its mean over trials of the reference size is 1.

    The fit is linear in the logarithm of the factor, so the size that it finds is that of the average trial: a factor exp(tau z), whose median is 1
    and whose mean is exp(tau^2 / 2), would make every simulated trial stronger on average than the evidence says.
    """
    tau = value("tau_mood_drug").value if design.study_effects else 0.0
    log = tau * np.asarray(z, dtype=np.float64) - 0.5 * tau**2 - value("small_study_drug").value * decades(design)
    return np.asarray(np.exp(log))
