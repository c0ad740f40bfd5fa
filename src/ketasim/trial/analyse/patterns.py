"""People grouped by which visits they missed, and the sums of each group: all that a likelihood with one covariance needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketasim.core.arrays import Array, BoolArray

MOST_VISITS = 40  # a pattern is one integer


@dataclass(frozen=True)
class Patterns:
    """Sums over the people of each pattern of missing visits.

    B replicates, G patterns (padded to the largest number), Q columns per visit, V visits.

    seen : (B, G, V), visits that the people of this pattern have. count : (B, G), people; 0 for padding and for those
    without any score. zz : (B, G, Q, Q), sum of z z'. zy : (B, G, Q, V), sum of z y'. yy : (B, G, V, V), sum of y y';
    a missing score counts as zero in the sums and is left out by `seen`.
    """

    seen: BoolArray
    count: Array
    zz: Array
    zy: Array
    yy: Array

    def take(self, rows: BoolArray) -> Patterns:
        """Only these replicates."""
        return Patterns(self.seen[rows], self.count[rows], self.zz[rows], self.zy[rows], self.yy[rows])


def group(scores: Array, columns: Array) -> Patterns:
    """Sums by pattern.

    scores : (B, N, V), nan = missing. columns : (B, N, Q), what multiplies the coefficients of each visit.
    """
    batch, people, visits = scores.shape
    width = columns.shape[-1]
    seen = ~np.isnan(scores)
    both = np.concatenate([columns, np.where(seen, scores, 0.0)], axis=-1)
    codes = seen @ (1 << np.arange(visits, dtype=np.int64))
    order = np.argsort(codes, axis=1, kind="stable")
    codes = np.take_along_axis(codes, order, axis=1)
    both = np.take_along_axis(both, order[..., None], axis=1)
    first = np.ones((batch, people), dtype=bool)
    first[:, 1:] = codes[:, 1:] != codes[:, :-1]
    slot = np.cumsum(first, axis=1) - 1
    where = np.flatnonzero(first)
    row, place = np.divmod(where, people)
    place = slot[row, place]
    total = width + visits
    upper = np.triu_indices(total)
    products = (both[..., upper[0]] * both[..., upper[1]]).reshape(batch * people, -1)
    sums = np.add.reduceat(products, where, axis=0)
    square = np.zeros((len(where), total, total))
    square[:, upper[0], upper[1]] = sums
    square[:, upper[1], upper[0]] = sums
    most = int(slot.max()) + 1
    cross = np.zeros((batch, most, total, total))
    cross[row, place] = square
    count = np.zeros((batch, most))
    count[row, place] = np.diff(np.append(where, batch * people))
    pattern = np.zeros((batch, most), dtype=np.int64)
    pattern[row, place] = codes.reshape(-1)[where]
    marks = (pattern[..., None] >> np.arange(visits)) & 1 == 1
    count[pattern == 0] = 0.0
    return Patterns(
        marks,
        count,
        np.ascontiguousarray(cross[..., :width, :width]),
        np.ascontiguousarray(cross[..., :width, width:]),
        np.ascontiguousarray(cross[..., width:, width:]),
    )
