"""What a published study, a simulated trial and a clinic nobody has seen have of their own: one rule for all three (docs/decisions/spread-of-the-drug-part.md).

The evidence is linear in the effects of a study, so the model without them is the *mean* over studies. A shift (setting, pressure) has mean 0; a factor (drug part,
what is felt) has mean 1 and so a median below 1. A factor exp(tau z), median 1, would make trials and people exp(tau^2 / 2) stronger on average than was fitted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import value
from ketasim.core.arrays import Array

SPREADS = {
    "setting": "tau_mood_setting",
    "drug": "tau_mood_drug",
    "felt": "tau_dissociation",
    "vital": "tau_vital",
}


def spread(effect: str) -> float:
    """SD between studies of an effect (key of `SPREADS`), at the mode of the posterior that ships: setting in the drive L; drug and felt of a logarithm; vital in mmHg."""
    return value(f"evidence.{SPREADS[effect]}").value


def shift(effect: str, z: ArrayLike) -> Array:
    """What a study adds: tau z, z standard normal; mean 0 over studies."""
    return np.asarray(spread(effect) * np.asarray(z, dtype=np.float64))


def factor(effect: str, z: ArrayLike) -> Array:
    """What a study multiplies by: exp(tau z - tau^2 / 2), z standard normal; mean 1 over studies."""
    tau = spread(effect)
    return np.asarray(np.exp(tau * np.asarray(z, dtype=np.float64) - 0.5 * tau**2))
