"""Thousands of predictions of all evidence: values inside the differential equations by interpolation of integrated arms, two processes.

An arm is integrated once at every node of a small grid of the values that its differential equations read, around the mode. At any other
numbers its courses are the interpolating polynomial (degree 4 in each value, products of two), and everything that acts after the
integration is worked out exactly. `largest_error` says what that costs against arms integrated anew.
"""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import combinations
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arms.courses import ArmSpec, Course, course, integrates
from ..arms.numbers import Numbers
from ..compare.predict import Evidence
from .calibrate import Problem
from .parameters import Parameter

Array = NDArray[np.float64]
Progress = Callable[[str], None]
Predict = Callable[[Array], list[Array]]
DEGREE, MANY_DEGREE, MANY = 4, 2, 3  # of the polynomial in each value; lower if there are at least `MANY` values
REACH = 3.0  # posterior SDs from the mode to the outermost nodes
LEAST_RANGE = 1e-3  # prior SDs: a value that its bounds hold to less is not varied
WORKERS = 2


@dataclass(frozen=True)
class Grid:
    """Nodes of the values inside the differential equations.

    index (d,) : their places in z (p,). low, high (d,) : prior SDs, inside their bounds. nodes (M, d) in -1 .. 1 of that range, the middle first.
    """

    index: NDArray[np.int64]
    low: Array
    high: Array
    nodes: Array

    @staticmethod
    def around(z: Array, sd: Array, parameters: Sequence[Parameter], inside: Sequence[int]) -> Grid:
        """The grid around the mode z (p,) with posterior SDs sd (p,); Chebyshev-Lobatto points on each axis, four corners for each pair."""
        kept, lows, highs = [], [], []
        for k in inside:
            p = parameters[k]
            low, high = (within_bounds(p, float(z[k] + side * REACH * sd[k])) for side in (-1.0, 1.0))
            if high - low > LEAST_RANGE:
                kept.append(k)
                lows.append(low)
                highs.append(high)
        d = len(kept)
        nodes = [np.zeros(d)]
        for i in range(d):
            for x in np.cos(np.pi * np.arange(DEGREE + 1) / DEGREE):
                if abs(x) > 1e-9:
                    nodes.append(np.eye(d)[i] * x)
        corner = math.cos(math.pi / DEGREE)
        for i, j in combinations(range(d), 2):
            for a, b in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
                nodes.append(corner * (a * np.eye(d)[i] + b * np.eye(d)[j]))
        return Grid(np.array(kept, dtype=np.int64), np.array(lows), np.array(highs), np.array(nodes).reshape(-1, d))

    def place(self, z: Array) -> Array:
        """Where z (p,) lies in the grid, (d,), held to its ends."""
        middle, half = (self.low + self.high) / 2.0, (self.high - self.low) / 2.0
        return np.clip((z[self.index] - middle) / half, -1.0, 1.0)

    def at(self, node: int, z: Array) -> Array:
        """z (p,) with the values of the grid at a node."""
        there = z.copy()
        there[self.index] = (self.low + self.high) / 2.0 + self.nodes[node] * (self.high - self.low) / 2.0
        return there

    def weights(self, z: Array) -> Array:
        """Weights (M,) of the nodes at z (p,): the polynomial through (in pairs: nearest to) what the nodes have is their weighted sum."""
        return np.asarray(_basis(self.place(z)[None, :])[0] @ np.linalg.pinv(_basis(self.nodes)))


def _basis(x: Array) -> Array:
    """Monomials 1, x_i .. x_i^DEGREE, x_i x_j of points (N, d), (N, B)."""
    columns = [np.ones(len(x))]
    columns += [x[:, i] ** n for i in range(x.shape[1]) for n in range(1, DEGREE + 1)]
    columns += [x[:, i] * x[:, j] for i, j in combinations(range(x.shape[1]), 2)]
    return np.stack(columns, axis=1)


def within_bounds(p: Parameter, z: float) -> float:
    """z of the number that is used: beyond a bound it is that of the bound."""
    return z if p.low < p.value(z) < p.high else p.z(p.value(z))


@dataclass(frozen=True)
class _Recording(Numbers):
    """Notes every arm that is asked for."""

    arms: set[Any] = field(default_factory=set, compare=False)

    def integrated[S, C](self, spec: S, integrate: Callable[[S, Mapping[str, float]], C]) -> C:
        self.arms.add(spec)
        return integrate(spec, self.chain)


def arms_of(evidence: Evidence, numbers: Numbers) -> tuple[ArmSpec, ...]:
    """Every arm that the predictions integrate."""
    noted = _Recording(numbers.replaced)
    evidence.compared(noted)
    return tuple(sorted(noted.arms, key=repr))


def inside(parameters: Sequence[Parameter], arms: Sequence[ArmSpec]) -> list[int]:
    """Places of the free values that some integration reads."""
    read = frozenset().union(*(integrates(spec) for spec in arms))
    return [k for k, p in enumerate(parameters) if p.key in read]


@dataclass(frozen=True)
class _Interpolating(Numbers):
    """Numbers whose arms are weighted sums of arms integrated at the nodes."""

    arms: Mapping[Any, _Stored] = field(default_factory=dict, compare=False, repr=False)
    weights: Array = field(default_factory=lambda: np.ones(1), compare=False, repr=False)
    made: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def integrated[S, C](self, spec: S, integrate: Callable[[S, Mapping[str, float]], C]) -> C:
        if spec not in self.made:
            known = self.arms.get(spec)
            self.made[spec] = integrate(spec, self.chain) if known is None else known.at(self.weights)
        return self.made[spec]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _Stored:
    """An arm at the nodes it differs at. first : the arm at the middle; rest (M, all of its tables in a row); shapes by name."""

    first: Course
    rest: Array

    @staticmethod
    def of(nodes: Sequence[Course]) -> _Stored:
        if all(node is nodes[0] for node in nodes):
            return _Stored(nodes[0], np.empty((0, 0)))
        names = list(nodes[0].table)
        return _Stored(nodes[0], np.stack([np.concatenate([n.table[k].ravel() for k in names]) for n in nodes]))

    def at(self, weights: Array) -> Course:
        if not len(self.rest):
            return self.first
        flat, table, begin = weights @ self.rest, {}, 0
        for name, rows in self.first.table.items():
            table[name] = flat[begin : begin + rows.size].reshape(rows.shape)
            begin += rows.size
        return replace(self.first, table=MappingProxyType(table))


class Exact:
    """Predictions of all evidence at any z near the mode."""

    def __init__(self, task: Problem, z: Array, sd: Array, evidence: Evidence, tell: Progress | None = None) -> None:
        """z, sd (p,) : mode and posterior SDs of the free values. Integrates every arm at every node."""
        self.task, self.evidence = task, evidence
        arms = arms_of(evidence, task.numbers(z))
        self.grid = Grid.around(z, sd, task.parameters, inside(task.parameters, arms))
        stored: dict[ArmSpec, list[Course]] = {spec: [] for spec in arms}
        for m in range(len(self.grid.nodes)):
            numbers = task.numbers(self.grid.at(m, z))
            for spec in arms:
                stored[spec].append(course(spec, numbers.chain))
            if tell:
                tell(f"arms integrated at node {m + 1} of {len(self.grid.nodes)}")
        self._arms = {spec: _Stored.of(nodes) for spec, nodes in stored.items()}

    def __call__(self, z: Array) -> list[Array]:
        """Scale of comparison, one array (R,) per study."""
        numbers = self.task.numbers(z)
        return self.evidence.compared(_Interpolating(numbers.replaced, arms=self._arms, weights=self.grid.weights(z)))

    def anew(self, z: Array) -> list[Array]:
        """The same with every arm integrated anew."""
        return self.evidence.compared(self.task.numbers(z))


_held: Predict | None = None


def _one(z: Array) -> Array:
    assert _held is not None
    return np.concatenate(_held(z))


class Many:
    """Predictions (N, R) for many z (N, p), all rows of all studies in a row; the same whatever the number of processes."""

    def __init__(self, predict: Predict, pool: Any = None) -> None:
        self.predict, self._pool = predict, pool

    def __call__(self, z: Array, tell: Progress | None = None, what: str = "predictions") -> Array:
        found: list[Array] = []
        for rows in self._pool.imap(_one, list(z), chunksize=4) if self._pool else map(self._alone, z):
            found.append(rows)
            if tell and len(found) % 20 == 0:
                tell(f"{what}: {len(found)} of {len(z)}")
        return np.array(found)

    def _alone(self, z: Array) -> Array:
        return np.concatenate(self.predict(z))


@contextmanager
def many(predict: Predict, workers: int | None = None) -> Iterator[Many]:
    """`Many` with forked processes (which have everything that is integrated); in this process where there is no fork or one worker."""
    global _held
    count = workers if workers is not None else min(WORKERS, os.cpu_count() or 1)
    if count <= 1 or "fork" not in multiprocessing.get_all_start_methods():
        yield Many(predict)
        return
    _held = predict
    try:
        with multiprocessing.get_context("fork").Pool(count) as pool:
            yield Many(predict, pool)
    finally:
        _held = None
