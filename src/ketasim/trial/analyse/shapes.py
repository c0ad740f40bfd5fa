"""What an analysis is given, brought to one shape, or refused with what is wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError
from ketasim.core.arrays import Array, IntArray


def scores_of(change: ArrayLike) -> Array:
    """(R, N, V) from (R, N, V) or (N, V); infinite scores are refused, nan is a missing score."""
    scores = np.asarray(change, dtype=np.float64)
    if scores.ndim == 2:
        scores = scores[None]
    if scores.ndim != 3 or 0 in scores.shape:
        raise UsageError(
            f"scores have the shape {scores.shape}",
            where="change",
            allowed="(replicates, people, visits), each at least 1",
        )
    if np.isinf(scores).any():
        raise UsageError("a score is infinite", where="change", allowed="numbers, and nan for a missing score")
    return scores


def values_of(values: ArrayLike, name: str) -> Array:
    """(R, N) from (R, N) or (N,)."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2 or 0 in array.shape:
        raise UsageError(
            f"{name} has the shape {array.shape}", where=name, allowed="(replicates, people), each at least 1"
        )
    if np.isinf(array).any():
        raise UsageError(
            f"{name} holds an infinite number", where=name, allowed="numbers, and nan where one is missing"
        )
    return array


def arms_of(arm: ArrayLike, replicates: int, people: int) -> tuple[IntArray, int]:
    """Arm of each person (R, N) and the number of arms; at least two, numbered from 0."""
    given = np.asarray(arm)
    whole = given.astype(np.int64)
    if given.shape not in ((people,), (replicates, people)) or (whole != given).any() or (whole < 0).any():
        raise UsageError(
            f"arms have the shape {given.shape}, scores are of {people} people in {replicates} replicates",
            where="arm",
            allowed="(people,) or (replicates, people), whole numbers from 0 (the comparator)",
        )
    groups = int(whole.max()) + 1
    if groups < 2:
        raise UsageError(
            "one arm alone has no comparison", where="arm", allowed="0 for the comparator, 1, 2, ... for the others"
        )
    return np.broadcast_to(whole, (replicates, people)), groups


def columns_of(covariates: ArrayLike | None, replicates: int, people: int) -> Array:
    """Covariates (R, N, K); K = 0 without any. Missing covariates are refused."""
    if covariates is None:
        return np.zeros((replicates, people, 0))
    given = np.asarray(covariates, dtype=np.float64)
    if given.shape[:-1] not in ((people,), (replicates, people)):
        raise UsageError(
            f"covariates have the shape {given.shape}, scores are of {people} people in {replicates} replicates",
            where="covariates",
            allowed="(people, covariates) or (replicates, people, covariates)",
        )
    if not np.isfinite(given).all():
        raise UsageError("a covariate is missing or infinite", where="covariates", allowed="a number for everybody")
    return np.broadcast_to(given, (replicates, people, given.shape[-1]))
