"""Predictions of every study by the fit to the others: one Gauss-Newton step away from the mode, without running the fit again.

With r the residuals at z, J their sensitivities (prior SDs), C_i the covariance of study i, the fit has the Hessian H = 1 + sum J' C^-1 J
and the gradient g = -z + sum J' C^-1 r. Without the studies S both lose their terms; then
    z_S = z + (H - sum_S J' C^-1 J)^-1 (g - sum_S J' C^-1 r),     prediction f + J (z_S - z), variance J (H - sum_S ...)^-1 J'.
The spreads between studies stay as they are. S: the study and whoever shares its patients, and for clusters its programme or clinic. Concentrations are
predicted by a fit of the plasma stage without S (unseen_levels.py), whose values are not among those of this fit.
"""

from __future__ import annotations

import csv
import hashlib
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ketasim.core import KetasimError
from ketasim.core.arrays import Array
from ketasim.core.posterior import about, folder

from ..compare.likelihood import taus_of
from ..compare.predict import Evidence
from ..compare.shipped import row_key
from .calibrate import Problem, State, covariance, curvature
from .parameters import Parameter, free_parameters, settings
from .unseen_levels import Table, goes_with, read

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Left:
    """Mean and variance (without sampling error and spread between studies) of every prediction, scale of comparison, (R,) per study."""

    mean: list[Array]
    variance: list[Array]


@dataclass(frozen=True)
class Linear:
    """The evidence around the mode: predictions, sensitivities, covariances, variance between studies, one entry per study; concentrations left out."""

    evidence: Evidence
    z: Array
    base: list[Array]
    jacobian: list[Array]
    covariances: list[Array]
    between: list[Array]
    levels: Table = field(default_factory=dict)

    def variance(self, whole: Array | None = None) -> list[Array]:
        """Variance of every prediction by the curvature of the whole fit, (R,) per study. whole : that curvature, where the fit was to other studies."""
        covered = np.linalg.inv(self.curvature() if whole is None else whole)
        return [np.einsum("ij,jk,ik->i", j, covered, j) for j in self.jacobian]

    def curvature(self) -> Array:
        """1 + sum J' C^-1 J over the studies of the fit, (p, p)."""
        whole = np.eye(len(self.z))
        for block, f, j, c in zip(self.evidence.blocks, self.base, self.jacobian, self.covariances, strict=True):
            if block.study.role == "fit":
                whole += _term(j, block.y - f, c)[0]
        return whole

    def left_out(self, cluster: bool) -> Left:
        """Every study predicted without itself (and whoever goes with it)."""
        blocks = self.evidence.blocks
        fitted = [block.study.role == "fit" for block in blocks]
        terms = [
            _term(j, block.y - f, c) if use else None
            for block, f, j, c, use in zip(blocks, self.base, self.jacobian, self.covariances, fitted, strict=True)
        ]
        p = len(self.z)
        whole, gradient = np.eye(p), -self.z.copy()
        for term in terms:
            if term is not None:
                whole, gradient = whole + term[0], gradient + term[1]
        mean, variance = [], []
        for block, f, j in zip(blocks, self.base, self.jacobian, strict=True):
            hessian, slope = whole.copy(), gradient.copy()
            for other, term in zip(blocks, terms, strict=True):
                if term is not None and goes_with(block, other, cluster):
                    hessian, slope = hessian - term[0], slope - term[1]
            covered = np.linalg.inv(hessian)
            there, spread = f + j @ (covered @ slope), np.einsum("ij,jk,ik->i", j, covered, j)
            levels = self.levels.get(("cluster" if cluster else "study", block.study.id))
            if levels is not None:
                places = list(levels.rows)
                there[places], spread[places] = levels.mean, np.diag(levels.covariance)
            mean.append(there)
            variance.append(spread)
        return Left(mean, variance)


def _term(j: Array, r: Array, c: Array) -> tuple[Array, Array]:
    """J' C^-1 J and J' C^-1 r of one study."""
    solved = np.linalg.solve(c, np.column_stack([j, r]))
    return j.T @ solved[:, :-1], j.T @ solved[:, -1]


def mode_z(parameters: Sequence[Parameter]) -> Array:
    """The shipped mode in prior SDs; 0 where the shipped fit did not have the value."""
    path = folder() / "values.toml"
    known = tomllib.loads(path.read_text(encoding="utf-8"))["values"] if path.exists() else {}
    return np.array([p.z(float(known[p.key]["mode"])) if p.key in known else 0.0 for p in parameters])


def shipped_mode(task: Problem, tell: Progress | None = None) -> State:
    """The fit that ships as the end of a walk: for whoever has no state file of it, as on every new machine. Its mode is rounded to six digits."""
    if not about():
        raise KetasimError(
            "no fit ships", where="knowledge/posterior/values.toml", fix="python -m ketasim.evidence.fit --ship"
        )
    z = mode_z(task.parameters)
    base = task.evidence.compared(task.numbers(z))
    taus = taus_of()
    residuals = [block.y - f for block, f in zip(task.evidence.blocks, base, strict=True)]
    hessian, _ = curvature(sensitivities(task, z, base, tell), residuals, task.covariances(z, taus, base), z)
    value, steps = float(about()["objective"]), int(about()["steps"])
    return State(z, taus, value, steps, bool(about()["converged"]), hessian, [value])


def sensitivities(task: Problem, z: Array, base: list[Array], tell: Progress | None = None) -> list[Array]:
    """Those that ship where they belong to this place and these rows, else computed (a minute)."""
    shipped = read_jacobian(task, z, base)
    return shipped if shipped is not None else task.jacobian(z, base, float(settings()["run"]["step"]), tell)


def linear(evidence: Evidence, tell: Progress | None = None) -> Linear:
    """The evidence at the shipped mode."""
    task = Problem(evidence, free_parameters())
    z = mode_z(task.parameters)
    base = evidence.compared(task.numbers(z))
    return around(task, z, taus_of(), base, sensitivities(task, z, base, tell))


def around(task: Problem, z: Array, taus: dict[str, float], base: list[Array], jacobian: list[Array]) -> Linear:
    """The evidence around z (p,) with these spreads between studies; base, jacobian : predictions and sensitivities there."""
    evidence = task.evidence
    slopes = evidence.slopes(task.numbers(z), base)
    covariances = [covariance(block, s, taus) for block, s in zip(evidence.blocks, slopes, strict=True)]
    between = [np.diag(block.between(s, taus)) for block, s in zip(evidence.blocks, slopes, strict=True)]
    return Linear(evidence, z, base, jacobian, covariances, between, read(evidence, base))


# the sensitivities that ship --------------------------------------------------------------------------------------


def _digest(task: Problem, z: Array, base: Sequence[Array]) -> str:
    """Of everything the sensitivities depend on: free values, mode, rows and their predictions (to four digits)."""
    told = [f"{p.key} {x:.4g}" for p, x in zip(task.parameters, z, strict=True)]
    for block, f in zip(task.evidence.blocks, base, strict=True):
        told += [f"{row_key(item.row)} {x:.4g}" for item, x in zip(block.rows, f, strict=True)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def write_jacobian(task: Problem, z: Array, base: Sequence[Array], jacobian: Sequence[Array]) -> Path:
    """knowledge/posterior/sensitivities.csv: one line per row, one column per free value, per prior SD."""
    path = folder() / "sensitivities.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([_digest(task, z, base), *(p.key for p in task.parameters)])
        for block, j in zip(task.evidence.blocks, jacobian, strict=True):
            for item, row in zip(block.rows, j, strict=True):
                writer.writerow([row_key(item.row), *(f"{x:.4g}" for x in row)])
    return path


def ship_sensitivities(evidence: Evidence, tell: Progress | None = None) -> Path:
    """Compute and write them for the mode that ships; to be called after `ship`."""
    task = Problem(evidence, free_parameters())
    z = mode_z(task.parameters)
    base = evidence.compared(task.numbers(z))
    return write_jacobian(task, z, base, task.jacobian(z, base, float(settings()["run"]["step"]), tell))


def read_jacobian(task: Problem, z: Array, base: Sequence[Array]) -> list[Array] | None:
    """The shipped sensitivities; None if there are none or they belong to other rows, values or predictions."""
    path = folder() / "sensitivities.csv"
    if not path.exists():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    if lines[0][0] != _digest(task, z, base):
        return None
    table = {line[0]: np.array([float(x) for x in line[1:]]) for line in lines[1:]}
    return [np.stack([table[row_key(item.row)] for item in block.rows]) for block in task.evidence.blocks]
