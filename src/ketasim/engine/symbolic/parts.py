"""Intervals of time under search, and what is done with them and with bounds over them."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from ketasim.core.arrays import Array, BoolArray, IntArray

from .intervals import Interval
from .jets import ORDER, Jet


@dataclass(frozen=True)
class Rows:
    """What is fixed on each of K pieces: `parameters` (n_par, K), `inputs` (n_in, K), values of inner switches `held` (n, K)."""

    start: float
    parameters: Array
    inputs: Array
    held: Array


@dataclass(frozen=True)
class Part:
    """Intervals of time, the piece that each belongs to, and what is subtracted from the gap (the number of a stair)."""

    low: Array
    high: Array
    piece: IntArray
    offset: Array

    def __len__(self) -> int:
        return len(self.low)

    def take(self, chosen: BoolArray | IntArray) -> Part:
        return Part(self.low[chosen], self.high[chosen], self.piece[chosen], self.offset[chosen])

    def halves(self) -> Part:
        middle = 0.5 * (self.low + self.high)
        return Part(
            np.concatenate([self.low, middle]),
            np.concatenate([middle, self.high]),
            np.tile(self.piece, 2),
            np.tile(self.offset, 2),
        )


def clusters(part: Part) -> Part:
    """Neighbouring intervals as one; its offset becomes the moment of contact: a single moment, if there is one, or its middle."""
    part = part.take(np.lexsort((part.low, part.piece)))
    width = np.maximum(part.high - part.low, 8 * np.spacing(np.abs(part.high)))
    near = 2 * np.maximum(width[1:], width[:-1])
    fresh = np.append(True, (part.piece[1:] != part.piece[:-1]) | (part.low[1:] - part.high[:-1] > near))
    cluster = np.cumsum(fresh) - 1
    low, high = part.low[fresh], np.maximum.reduceat(part.high, np.flatnonzero(fresh))
    moment = 0.5 * (low + high)
    single = part.low == part.high
    moment[cluster[single]] = part.low[single]
    return Part(low, high, part.piece[fresh], moment)


def joined(parts: list[Part]) -> Part:
    return Part(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("low", "high", "piece", "offset")))


def taylor(near: Jet, wide: Jet, radius: Array, q: int) -> tuple[Array, Array]:
    """Bounds of coefficient q over the interval: those found there, and those of the polynomial about the middle."""
    if q == ORDER:
        return wide.low[q], wide.high[q]
    with np.errstate(all="ignore"):
        low, high = near.low[q].copy(), near.high[q].copy()
        for k in range(q + 1, ORDER + 1):
            c = near if k < ORDER else wide
            reach = comb(k, q) * radius ** (k - q)
            if (k - q) % 2:
                size = np.maximum(np.abs(c.low[k]), np.abs(c.high[k])) * reach
                low, high = low - size, high + size
            else:
                low, high = low + np.minimum(c.low[k] * reach, 0.0), high + np.maximum(c.high[k] * reach, 0.0)
        # NaN in one of the two says nothing about the other
        return np.fmax(low, wide.low[q]), np.fmin(high, wide.high[q])


def full(b: Interval, like: Array) -> Interval:
    shape = like.shape
    return Interval(np.broadcast_to(b.low, shape), np.broadcast_to(b.high, shape), np.broadcast_to(b.maybe, shape))


def less(a: Interval, offset: Array) -> Interval:
    return Interval(a.low - offset, a.high - offset, a.maybe)
