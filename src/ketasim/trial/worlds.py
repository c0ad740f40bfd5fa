"""Worlds: what may be true. One world is one hypothesis with one draw of its numbers; a trial is simulated in many of them.

The working default is drawn from the posterior that ships; every other hypothesis from its own calibration, with the rest of the numbers at the
mode of the posterior. Hypotheses count alike, because the evidence does not rank them; a design may name those that it is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ketasim.chain.hypothesis import Hypothesis, default_hypothesis, hypotheses, hypothesis, posterior_path
from ketasim.core import FrozenMapping, Value, stream
from ketasim.core.arrays import Array
from ketasim.core.posterior import calibration_draws, posterior
from ketasim.people.drawn import SPREAD, drawn_value


@dataclass(frozen=True)
class World:
    """One hypothesis, one draw. replaced : value key (or `key.spread`) -> number. variants : stage -> mechanisms."""

    index: int
    hypothesis: str
    draw: int
    replaced: Mapping[str, float]
    variants: Mapping[str, tuple[str, ...]]

    def full(self, shipped: Value) -> Value:
        """A value in this world."""
        return drawn_value(shipped, self.replaced)

    @property
    def numbers(self) -> dict[str, float]:
        """Replaced numbers without the spreads between people."""
        return {key: number for key, number in self.replaced.items() if not key.endswith(SPREAD)}


@lru_cache(maxsize=32)
def _calibration(name: str) -> tuple[Array, Array]:
    """Draws (K, p) of the free values of a hypothesis on the standard normal scale, and their weights (K,): importance ratio times likelihood."""
    entry = hypothesis(name)
    found = calibration_draws(posterior_path(name))
    table = dict(zip(found.keys, found.z.T, strict=True))
    return np.column_stack([table.get(key, np.zeros(len(found.z))) for key in entry.free_keys]), found.weights


def _draws(entry: Hypothesis, count: int, seed: int) -> list[dict[str, float]]:
    """`count` draws of the numbers of one hypothesis; systematic resampling with a keyed start, so that the same seed gives the same."""
    start = float(stream(seed, f"trial world {entry.id}", 1)[0])
    shipped = posterior()
    if entry.default and shipped is not None:
        edges = np.cumsum(shipped.weights)
        picks = np.searchsorted(edges / edges[-1], (np.arange(count) + start) / count)
        return [shipped.one(int(min(i, len(shipped) - 1))) for i in picks]
    if not posterior_path(entry.id).exists():
        return [entry.numbers() for _ in range(count)]
    z, weights = _calibration(entry.id)
    picks = np.minimum(np.searchsorted(np.cumsum(weights), (np.arange(count) + start) / count), len(z) - 1)
    return [entry.numbers(z[i]) for i in picks]


def worlds(count: int, names: Sequence[str] = (), seed: int = 1) -> tuple[World, ...]:
    """`count` worlds, hypotheses taking turns so that the first ones differ. names : hypotheses (all that ship, unless given).

    The working default comes first: a single world is one draw of the posterior.
    """
    known = [hypothesis(name) for name in names] or sorted(hypotheses().values(), key=lambda e: not e.default)
    each = -(-count // len(known))
    drawn = {entry.id: _draws(entry, each, seed) for entry in known}
    found = []
    for index in range(count):
        entry, turn = known[index % len(known)], index // len(known)
        found.append(
            World(index, entry.id, turn, FrozenMapping(drawn[entry.id][turn]), FrozenMapping(dict(entry.variants)))
        )
    return tuple(found)


def usual() -> str:
    """The working default."""
    return default_hypothesis().id
