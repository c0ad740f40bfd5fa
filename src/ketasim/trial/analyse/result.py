"""The shape of a result: arms against the comparator, one replicate a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketasim.core.arrays import Array, BoolArray, IntArray

from .estimands import ANALYSES, Analysis
from .status import Status, counts


@dataclass(frozen=True)
class Comparison:
    """Every arm but the comparator, compared with it. Arrays (R, A - 1) unless said otherwise.

    estimate : on the scale of the analysis (see `scale`). se, df (infinite where the normal law is used), p (two-sided),
    low, high (interval). status : (R,), `Status`; a replicate without result has nan. name : key of `ANALYSES`.
    scale : what the estimate is. level : of the interval.
    """

    estimate: Array
    se: Array
    df: Array
    p: Array
    low: Array
    high: Array
    status: IntArray
    name: str
    scale: str
    level: float

    @property
    def analysis(self) -> Analysis:
        """Name, label and estimand."""
        return ANALYSES[self.name]

    def reasons(self) -> dict[str, int]:
        """Why replicates have no result -> how many."""
        return counts(self.status)


def first_reason(*checks: tuple[BoolArray, Status]) -> IntArray:
    """The first reason that holds, for each replicate; `Status.OK` where none does."""
    status = np.zeros(checks[0][0].shape, dtype=np.int64)
    for holds, reason in reversed(checks):
        status[holds] = reason
    return status


def masked(status: IntArray, *arrays: Array) -> tuple[Array, ...]:
    """Arrays (R, ...) with nan for the replicates that have no result."""
    bad = status != Status.OK
    out = []
    for array in arrays:
        copy = np.array(array, dtype=np.float64)
        copy[bad] = np.nan
        out.append(copy)
    return tuple(out)
