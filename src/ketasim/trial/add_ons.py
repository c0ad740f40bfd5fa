"""Treatments beside the drug in the arms of a trial: the drive of `ratings.add_ons`, with what nobody knows drawn once for each world."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ketasim.core import normals
from ketasim.core.arrays import Array
from ketasim.ratings.add_ons import add_on_drive

from .design import TrialArm
from .worlds import World


def add_on_drives(arm: TrialArm, world: World, seed: int, visits_h: Array, found: Mapping[str, Array]) -> Array:
    """Drive of all add-ons of an arm at the visits, (P, V) or (1, V); the same numbers in every arm that has the add-on."""
    pair = np.array([2 * world.index, 2 * world.index + 1])
    numbers = {one.kind: normals(seed, f"trial add-on {one.kind}", pair) for one in arm.add_ons}
    z = {kind: (float(both[0]), float(both[1])) for kind, both in numbers.items()}
    return add_on_drive(arm.add_ons, z, visits_h, found["mood"])
