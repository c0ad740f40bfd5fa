"""Thousands of predictions of all evidence: values inside the differential equations by interpolation of integrated arms, two processes.

An arm is integrated once at every node of a small grid of the values that its differential equations read, around the mode. At any other
numbers its courses are the interpolating polynomial (degree 4, or 2 where there are many, in each value; products of two), and everything that acts after the
integration is worked out exactly. `Exact.anew` integrates every arm again: what the interpolation costs is measured, and ships with the draws.
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

from ketasim.core.arrays import Array, IntArray

from ..arms.courses import ArmSpec, Course, course, integrates
from ..arms.numbers import Numbers
from ..compare.predict import Evidence
from .calibrate import Problem
from .parameters import Parameter

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

    index: IntArray
    low: Array
    high: Array
    nodes: Array
    degree: int

    @staticmethod
    def around(z: Array, sd: Array, parameters: Sequence[Parameter], inside: Sequence[int]) -> Grid:
        """The grid around the mode z (p,) with posterior SDs sd (p,); Chebyshev-Lobatto points on each axis, two corners for each pair."""
        kept, lows, highs = [], [], []
        for k in inside:
            p = parameters[k]
            low, high = (within_bounds(p, float(z[k] + side * REACH * sd[k])) for side in (-1.0, 1.0))
            if high - low > LEAST_RANGE:
                kept.append(k)
                lows.append(low)
                highs.append(high)
        d = len(kept)
        degree = DEGREE if d < MANY else MANY_DEGREE
        nodes = [np.zeros(d)]
        for i in range(d):
            for x in np.cos(np.pi * np.arange(degree + 1) / degree):
                if abs(x) > 1e-9:
                    nodes.append(np.eye(d)[i] * x)
        for i, j in combinations(range(d), 2):
            nodes += [side * (np.eye(d)[i] + np.eye(d)[j]) * math.sqrt(0.5) for side in (1.0, -1.0)]
        return Grid(np.array(kept, dtype=np.int64), np.array(lows), np.array(highs), np.stack(nodes), degree)

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
        return np.asarray(
            _basis(self.place(z)[None, :], self.degree)[0] @ np.linalg.pinv(_basis(self.nodes, self.degree))
        )


def _basis(x: Array, degree: int) -> Array:
    """Monomials 1, x_i .. x_i^degree, x_i x_j of points (N, d), (N, B)."""
    columns = [np.ones(len(x))]
    columns += [x[:, i] ** n for i in range(x.shape[1]) for n in range(1, degree + 1)]
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
    """An arm at the nodes. first : the arm at the middle; rest (M, all of its tables in a row), empty where they are all the same."""

    first: Course
    rest: Array

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
        self._places = [self.grid.at(m, z) for m in range(len(self.grid.nodes))]
        varied = [task.parameters[k].key for k in self.grid.index]
        self._moving = [spec for spec in arms if integrates(spec) & set(varied)]
        with many(self._tables, len(self._places)) as tables:
            rows = tables(np.array(self._places), tell, "arms integrated at a node")
        self._arms, begin = {}, 0
        first = task.numbers(self._places[0]).chain
        for spec in arms:
            made, rest = course(spec, first), np.empty((0, 0))
            if spec in self._moving:
                size = sum(table.size for table in made.table.values())
                rest, begin = np.ascontiguousarray(rows[:, begin : begin + size]), begin + size
            self._arms[spec] = _Stored(made, rest)

    def _tables(self, z: Array) -> list[Array]:
        """Everything that differs between the nodes, integrated at z."""
        chain = self.task.numbers(z).chain
        return [table.ravel() for spec in self._moving for table in course(spec, chain).table.values()]

    def numbers(self, z: Array) -> Numbers:
        """The numbers at z (p,), whose arms are interpolated."""
        return _Interpolating(self.task.numbers(z).replaced, arms=self._arms, weights=self.grid.weights(z))

    def __call__(self, z: Array) -> list[Array]:
        """Scale of comparison, one array (R,) per study."""
        return self.evidence.compared(self.numbers(z))

    def problem(self) -> Problem:
        """The fit with interpolated arms: everything that takes a `Problem` runs as it is, without integrating."""
        task = self.task
        return Interpolated(task.evidence, task.parameters, task.touched, task.with_levels, self)

    def anew(self, z: Array) -> list[Array]:
        """The same with every arm integrated anew."""
        return self.evidence.compared(self.task.numbers(z))


@dataclass(frozen=True)
class Interpolated(Problem):
    """A fit whose arms are interpolated."""

    exact: Exact | None = field(default=None, compare=False, repr=False)

    def numbers(self, z: Array) -> Numbers:
        """The numbers at z (p,)."""
        assert self.exact is not None
        return self.exact.numbers(z)


_held: Predict | None = None


def _one(z: Array) -> Array:
    assert _held is not None
    return np.concatenate(_held(z) or [np.empty(0)])


class Many:
    """Predictions (N, R) for many z (N, p), all rows of all studies in a row; the same whatever the number of processes."""

    def __init__(self, predict: Predict, pool: Any = None) -> None:
        self.predict, self._pool = predict, pool

    def __call__(self, z: Array, tell: Progress | None = None, what: str = "predictions") -> Array:
        found: list[Array] = []
        for rows in (
            self._pool.imap(_one, list(z), chunksize=4 if len(z) > 40 else 1) if self._pool else map(self._alone, z)
        ):
            found.append(rows)
            if tell and (len(found) % 20 == 0 or len(z) < 40):
                tell(f"{what}: {len(found)} of {len(z)}")
        return np.array(found)

    def _alone(self, z: Array) -> Array:
        return np.concatenate(self.predict(z) or [np.empty(0)])


@contextmanager
def many(predict: Predict, most: int = WORKERS) -> Iterator[Many]:
    """`Many` with at most `most` forked processes (which have everything that is integrated); in this process where there is no fork or one worker."""
    global _held
    count = min(most, WORKERS, os.cpu_count() or 1)
    if count <= 1 or "fork" not in multiprocessing.get_all_start_methods():
        yield Many(predict)
        return
    _held = predict
    try:
        with multiprocessing.get_context("fork").Pool(count) as pool:
            yield Many(predict, pool)
    finally:
        _held = None
