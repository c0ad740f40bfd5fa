"""What sets one trial apart from the average trial: the shift of its setting and the factor on its drug part (docs/decisions/spread-of-the-drug-part.md)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import value
from ketasim.core.arrays import Array
from ketasim.ratings.between import factor, shift

from .design import Design


def decades(design: Design) -> float:
    """Tenfold steps of the design's size from the size at which the small-study effect is none; 0 unless the design asks for it."""
    if not design.small_study:
        return 0.0
    smallest, largest = value("small_study_smallest").value, value("small_study_largest").value
    return math.log10(min(max(design.n, smallest), largest) / value("small_study_reference").value)


def setting_shift(design: Design, z: ArrayLike) -> Array:
    """Shift of the drive of everybody in a trial: tau z + b d; z standard normal, d decades of size."""
    own = shift("setting", z) if design.study_effects else np.zeros(np.shape(z))
    return np.asarray(own + value("small_study_placebo").value * decades(design))


def drug_size(design: Design, z: ArrayLike) -> Array:
    """Factor on the drug part in a trial: exp(tau z - tau^2 / 2 - b d). Its mean over trials of the reference size is 1 (`ratings.between`)."""
    own = factor("drug", z) if design.study_effects else np.ones(np.shape(z))
    return np.asarray(own * math.exp(-value("small_study_drug").value * decades(design)))


def felt_size(design: Design, z: ArrayLike) -> Array:
    """Factor on the points of dissociation that a trial rates: raters and surroundings differ; its mean over trials is 1. Belief keeps to the average trial."""
    return factor("felt", z) if design.study_effects else np.ones(np.shape(z))
