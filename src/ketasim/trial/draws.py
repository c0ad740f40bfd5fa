"""Random numbers of replicates: participant i of replicate k has numbers of his own for every purpose, whatever else is simulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ketasim.core import inverse_normal, stream
from ketasim.core.arrays import Array

STRIDE = 1 << 20  # numbers kept for one replicate: more people than any trial has


@dataclass(frozen=True)
class Draws:
    """seed; replicates (R,) by their numbers; n people each. A purpose gives (R, n)."""

    seed: int
    replicates: Sequence[int]
    n: int

    def uniform(self, purpose: str) -> Array:
        """Uniform numbers in (0, 1), (R, n)."""
        who = np.arange(self.n, dtype=np.int64)
        rows = [stream(self.seed, f"trial {purpose}", k * STRIDE + who) for k in self.replicates]
        return np.stack(rows) if rows else np.zeros((0, self.n))

    def normal(self, purpose: str) -> Array:
        """Standard normal numbers, (R, n)."""
        return inverse_normal(self.uniform(purpose))

    def single(self, purpose: str) -> Array:
        """One standard normal number per replicate, (R,)."""
        rows = [stream(self.seed, f"trial {purpose}", np.array([k], dtype=np.int64))[0] for k in self.replicates]
        return inverse_normal(np.array(rows, dtype=np.float64))
