"""Treatments beside the drug that the chain has no mechanism for: psychotherapy in the window, anti-inflammatory, lifestyle, another tablet.

Their effect is not known well enough for a number, so a design says a distribution, and every world draws its own from it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ketasim.core import normals
from ketasim.core.arrays import Array
from ketasim.ratings.add_ons import add_on_course

from .design import TrialArm
from .worlds import World


def add_on_drives(arm: TrialArm, world: World, seed: int, visits_h: Array, found: Mapping[str, Array]) -> Array:
    """Drive of all add-ons of an arm at the visits, (P, V) or (1, V).

    d(t) = [a + s Ld(t)] (1 - exp(-(t - t0) / onset)) from t0 to t1; a ~ N(mean, sd), s ~ N(synergy mean, synergy sd) per world, the same in every
    arm that has the add-on; after t1 what was reached fades with the same constant.
    """
    t = np.asarray(visits_h, dtype=np.float64)
    total = np.zeros((1, t.size))
    for one in arm.add_ons:
        z = normals(seed, f"trial add-on {one.kind}", np.array([2 * world.index, 2 * world.index + 1]))
        size, share = one.mean + one.sd * float(z[0]), one.synergy_mean + one.synergy_sd * float(z[1])
        course = add_on_course(t, one.from_h, one.to_h, one.onset_h)
        total = total + (size + share * np.asarray(found["mood"])) * course
    return np.asarray(total)
