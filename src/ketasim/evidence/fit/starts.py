"""Does the optimiser find one mode? `python -m ketasim.evidence.fit --starts 10`: walks from points of the prior, and the basins they end in.

start    z ~ N(0, 1) for every value, the spreads between studies at their prior medians
basin    walks that end within `SAME` posterior SDs of the best of them in every value: the optimiser stops when it promises less than half a
         log unit, which is up to one SD from the end
arms     interpolated over the prior's range (exact.py), so a walk integrates nothing
result   knowledge/posterior/starts.toml, written after every pair of walks; a second call goes on with the walks that are missing
"""

from __future__ import annotations

import hashlib
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ketasim.core import normals
from ketasim.core.arrays import Array
from ketasim.core.posterior import folder
from ketasim.core.values import starting_value

from ..compare.likelihood import TAUS
from .calibrate import Problem, State, fit
from .exact import WORKERS, Exact, many, within_bounds

Progress = Callable[[str], None]
SEED = 11
SAME = 1.0
ITERATIONS = 25


@dataclass(frozen=True)
class Walk:
    """One walk: its start's number, where it ended (z (p,)), the objective there, whether it converged, steps taken."""

    number: int
    z: Array
    objective: float
    converged: bool
    steps: int


@dataclass(frozen=True)
class Basin:
    """Walks that ended together. distance : of the best of them to the mode, in posterior SDs of the value that is farthest (`value`)."""

    walks: tuple[int, ...]
    objective: float
    distance: float
    value: str


def start_point(task: Problem, number: int) -> Array:
    """The start (p,) of a walk: a draw of the prior, held inside the bounds."""
    z = normals(SEED, f"start {number}", len(task.parameters))
    return np.array([within_bounds(p, float(x)) for p, x in zip(task.parameters, z, strict=True)])


def walk(task: Problem, number: int, tell: Progress | None = None, iterations: int = ITERATIONS) -> Walk:
    """From a point of the prior to where the optimiser ends."""
    state = State(start_point(task, number), {key: starting_value(key).value for key in TAUS})
    found = fit(task, state, iterations, tell=tell)
    return Walk(number, found.z, found.value, found.done, found.iteration)


def walks(
    task: Problem,
    numbers: Sequence[int],
    done: Callable[[Sequence[Walk]], None],
    minutes: float,
    tell: Progress | None = None,
) -> None:
    """Walks of these numbers, as many at a time as there are processes, each handed to `done`; none begins after `minutes`."""
    until = time.monotonic() + 60.0 * minutes
    exact = Exact(task, np.zeros(len(task.parameters)), np.ones(len(task.parameters)), task.evidence, tell)
    with many(_Walker(exact.problem())) as go:
        for begin in range(0, len(numbers), WORKERS):
            if time.monotonic() > until:
                return
            some = numbers[begin : begin + WORKERS]
            found = go(np.array(some, dtype=np.float64)[:, None], tell, f"walks {', '.join(map(str, some))}")
            done(
                [Walk(n, row[3:], float(row[0]), bool(row[1]), int(row[2])) for n, row in zip(some, found, strict=True)]
            )


@dataclass(frozen=True)
class _Walker:
    """A walk as a row of numbers: objective, converged, steps, z."""

    task: Problem

    def __call__(self, number: Array) -> list[Array]:
        found = walk(self.task, int(number[0]))
        return [np.array([found.objective, float(found.converged), float(found.steps)]), found.z]


def basins(walks: Sequence[Walk], mode: State, keys: Sequence[str], bounded: Callable[[Array], Array]) -> list[Basin]:
    """Walks by where they ended, best first. bounded : z with every value held to its bounds."""
    assert mode.hessian is not None
    sd = np.sqrt(np.diag(np.linalg.inv(mode.hessian)))
    middle, left, found = bounded(mode.z), sorted(walks, key=lambda w: w.objective), []
    while left:
        best = bounded(left[0].z)
        together = [w for w in left if np.abs((bounded(w.z) - best) / sd).max() <= SAME]
        away = np.abs((best - middle) / sd)
        found.append(
            Basin(tuple(w.number for w in together), left[0].objective, float(away.max()), keys[int(away.argmax())])
        )
        left = [w for w in left if all(w is not other for other in together)]
    return found


def starts_path() -> Path:
    """Where the walks ship."""
    return folder() / "starts.toml"


def digest(task: Problem) -> str:
    """Of what a fit depends on: free values with their priors, rows with their numbers, and what the model predicts of them in the middle of the prior
    (to four digits), which changes with every held value and every equation that matters."""
    told = [f"{p.key} {p.start:.6g} {p.sd:.6g}" for p in task.parameters]
    middle = task.evidence.compared(task.numbers(np.zeros(len(task.parameters))))
    for block, found in zip(task.evidence.blocks, middle, strict=True):
        told += [f"{block.study.id} {y:.6g} {f:.4g}" for y, f in zip(block.y, found, strict=True)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def text(task: Problem, walks: Sequence[Walk], mode: State) -> str:
    """The walks and basins as TOML."""
    keys = [p.key for p in task.parameters]
    lines = [
        "# Written by `python -m ketasim.evidence.fit --starts N`; do not edit. distance: of the best end of a basin to the mode, posterior SDs of `value`.",
        "",
        f'of = "{digest(task)}"',
        f"mode_objective = {mode.value:.3f}",
    ]
    for basin in basins(walks, mode, keys, _bounded(task)):
        lines += [
            "",
            "[[basins]]",
            f"walks = {list(basin.walks)}",
            f"objective = {basin.objective:.3f}",
            f"distance = {basin.distance:.2f}",
            f'value = "{basin.value}"',
        ]
    for one in sorted(walks, key=lambda w: w.number):
        lines += [
            "",
            "[[walks]]",
            f"number = {one.number}",
            f"objective = {one.objective:.3f}",
            f"converged = {str(one.converged).lower()}",
            f"steps = {one.steps}",
            f"z = [{', '.join(f'{x:.4f}' for x in one.z)}]",
        ]
    return "\n".join(lines) + "\n"


def read_walks(task: Problem, path: Path) -> list[Walk]:
    """Walks made before of the same problem."""
    if not path.exists():
        return []
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    if table.get("of") != digest(task):
        return []
    return [
        Walk(w["number"], np.array(w["z"]), w["objective"], w["converged"], w["steps"]) for w in table.get("walks", ())
    ]


def run(task: Problem, mode: State, count: int, minutes: float, tell: Progress | None = None) -> str:
    """`count` walks in all, those that were made before included; written to `starts_path` as they end. Returns the basins in words."""
    known = read_walks(task, starts_path())
    made = {w.number for w in known}

    def keep(more: Sequence[Walk]) -> None:
        known.extend(more)
        starts_path().write_text(text(task, known, mode), encoding="utf-8")

    missing = [n for n in range(count) if n not in made]
    if missing:
        walks(task, missing, keep, minutes, tell)
    return summary(task, known, mode)


def _bounded(task: Problem) -> Callable[[Array], Array]:
    return lambda z: np.array([within_bounds(p, float(x)) for p, x in zip(task.parameters, z, strict=True)])


def summary(task: Problem, walks: Sequence[Walk], mode: State) -> str:
    """The basins in words."""
    found = basins(walks, mode, [p.key for p in task.parameters], _bounded(task))
    lines = [
        f"{len(walks)} walks from the prior end in {len(found)} place{'s' if len(found) > 1 else ''}; objective at the mode {mode.value:.2f}"
    ]
    lines += [
        f"  objective {b.objective:8.2f}  {len(b.walks):2d} walks  {b.distance:5.2f} posterior SDs from the mode ({b.value})"
        for b in found
    ]
    return "\n".join(lines)
