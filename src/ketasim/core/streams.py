"""Random numbers that belong to a person and a purpose, so that adding people or draws changes no one else's.

A stream is keyed by (seed, purpose); person i always receives its i-th number, whatever the number of people asked
for. Numbers come from the Philox counter generator (Salmon et al. 2011, doi:10.1145/2063384.2063405).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np

from .arrays import Array, IntArray
from .normal import inverse_normal


def _generator(seed: int, purpose: str) -> np.random.Philox:
    digest = hashlib.blake2b(f"{seed}|{purpose}".encode(), digest_size=16).digest()
    return np.random.Philox(key=int.from_bytes(digest, "little"))


def stream(seed: int, purpose: str, persons: int | IntArray) -> Array:
    """Uniform numbers in (0, 1), one per person.

    persons : how many people (indices 0..n-1), or an array of person indices.
    """
    indices = np.arange(persons) if isinstance(persons, int) else np.asarray(persons, dtype=np.int64)
    if indices.size == 0:
        return np.zeros(0)
    first, last = int(indices.min()), int(indices.max())
    generator = _generator(seed, purpose)
    # Philox makes four 64-bit numbers per counter step, so a person's block can be reached without drawing the rest.
    generator.advance(first // 4)
    raw = generator.random_raw(last - (first // 4) * 4 + 1)
    words = np.asarray(raw, dtype=np.uint64)[indices - (first // 4) * 4]
    return ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


KEPT_PEOPLE = 1024  # the numbers of up to so many people are kept: the next scenario asks the same people again


def normals(seed: int, purpose: str, persons: int | IntArray) -> Array:
    """Standard normal numbers, one per person (inverse normal of `stream`)."""
    if isinstance(persons, int):
        persons = np.arange(persons)
    who = np.asarray(persons, dtype=np.int64)
    if who.size > KEPT_PEOPLE:
        return _normals(seed, purpose, who)
    return _kept_normals(seed, purpose, who.tobytes()).copy()


def _normals(seed: int, purpose: str, who: IntArray) -> Array:
    return inverse_normal(stream(seed, purpose, who))


@lru_cache(maxsize=2048)
def _kept_normals(seed: int, purpose: str, who: bytes) -> Array:
    return _normals(seed, purpose, np.frombuffer(who, dtype=np.int64))
