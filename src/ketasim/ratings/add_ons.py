"""Course of a treatment beside the drug for which the chain has no mechanism (psychotherapy and the like). Pure function."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core.arrays import Array


def add_on_course(times: ArrayLike, from_h: float, to_h: float, onset_h: float) -> Array:
    """Share of its full drive at each time (T,), h: 1 - exp(-(t - from)/onset) from `from_h` to `to_h`, then what was reached fades with the same constant."""
    t = np.asarray(times, dtype=np.float64)
    inside = np.clip(t - from_h, 0.0, to_h - from_h)
    return np.asarray(-np.expm1(-inside / onset_h) * np.exp(-np.maximum(t - to_h, 0.0) / onset_h))
