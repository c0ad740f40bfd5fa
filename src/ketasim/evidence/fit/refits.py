"""How far is leaving out by one step from leaving out for real? `python -m ketasim.evidence.fit --refits 8`.

`leave_out` takes the terms of a cluster of studies away and goes one Gauss-Newton step from the mode of everybody, with the spreads between studies as they are.
Here the fit walks to its own mode without the cluster, spreads estimated anew, for the clusters that move the fit most.

influence   d' H d of the one step d with the curvature H of the whole fit: twice the log density that the mode loses by leaving the cluster out
arms        interpolated around the mode (exact.py): a walk integrates nothing
result      knowledge/posterior/refits.toml, written after every pair of clusters; a second call goes on with what is missing
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.core.arrays import Array
from ketasim.core.posterior import folder

from ..compare.left_out import LeftOut, left_out
from ..compare.likelihood import StudyBlock
from ..compare.predict import Evidence
from .calibrate import Problem, State, curvature, fit
from .exact import WORKERS, Exact, many
from .leave_out import Left, Linear, around
from .parameters import settings
from .starts import digest
from .unseen_levels import companions

Progress = Callable[[str], None]
ITERATIONS = 25
BEGUN = 3  # steps that a walk counts as made: it starts at a mode, and may arrive at once


@dataclass(frozen=True)
class Refit:
    """The fit without a cluster. steps : that it took. mean, variance, between (variance between studies) : of every row of the studies left out, by study, scale of comparison."""

    converged: bool
    steps: int
    mean: Mapping[str, Array]
    variance: Mapping[str, Array]
    between: Mapping[str, Array]


def clusters(evidence: Evidence) -> list[frozenset[str]]:
    """What is left out together, each once, in the order of its first study."""
    found: list[frozenset[str]] = []
    for block in evidence.blocks:
        together = companions(block, evidence.blocks, cluster=True)
        if together not in found:
            found.append(together)
    return found


def influences(linear: Linear, groups: Sequence[frozenset[str]]) -> list[float]:
    """d' H d of every cluster."""
    blocks = linear.evidence.blocks
    whole, gradient = curvature(
        linear.jacobian, [b.y - f for b, f in zip(blocks, linear.base, strict=True)], linear.covariances, linear.z
    )
    here = np.linalg.solve(whole, gradient)
    found = []
    for group in groups:
        kept = [i for i, block in enumerate(blocks) if not _of(block, group)]
        hessian, slope = curvature(
            [linear.jacobian[i] for i in kept],
            [blocks[i].y - linear.base[i] for i in kept],
            [linear.covariances[i] for i in kept],
            linear.z,
        )
        step = np.linalg.solve(hessian, slope) - here
        found.append(float(step @ whole @ step))
    return found


def _of(block: StudyBlock, group: frozenset[str]) -> bool:
    return any(study.id in group for study in block.studies)


def _blocks_of(evidence: Evidence, group: frozenset[str]) -> set[str]:
    """The blocks of a cluster, by their first study: what tells refits of overlapping clusters apart."""
    return {block.study.id for block in evidence.blocks if _of(block, group)}


@dataclass(frozen=True)
class _Refitter:
    """A refit as a row of numbers: place of the cluster -> converged, steps, mean, variance and variance between studies of its rows."""

    task: Problem
    mode: State
    groups: Sequence[frozenset[str]]

    def __call__(self, number: Array) -> list[Array]:
        group = self.groups[int(number[0])]
        blocks = self.task.evidence.blocks
        rest = Evidence(tuple(b for b in blocks if not _of(b, group)))
        own = replace(self.task, evidence=rest, touched={})
        found = fit(own, State(self.mode.z.copy(), dict(self.mode.taus), iteration=BEGUN), ITERATIONS)
        assert found.hessian is not None
        there = Evidence(tuple(b for b in blocks if _of(b, group)))
        away = replace(self.task, evidence=there, touched={})
        numbers = away.numbers(found.z)
        base = there.compared(numbers)
        jacobian = away.jacobian(found.z, base, float(settings()["run"]["step"]))
        slopes = there.slopes(numbers, base)
        spread = np.linalg.inv(found.hessian)
        told = {
            block.study.id: (f, np.einsum("ij,jk,ik->i", j, spread, j), np.diag(block.between(s, found.taus)))
            for block, f, j, s in zip(there.blocks, base, jacobian, slopes, strict=True)
        }
        parts = [np.array([float(found.done), float(found.iteration - BEGUN)])]
        for block in blocks:  # rows of numbers have one length: the others are not told
            parts += told.get(block.study.id, (np.full(len(block.rows), np.nan),) * 3)
        return parts


def _unpack(row: Array, evidence: Evidence, group: frozenset[str]) -> Refit:
    tables: tuple[dict[str, Array], ...] = ({}, {}, {})
    begin = 2
    for block in evidence.blocks:
        for table in tables:
            if _of(block, group):
                table[block.study.id] = row[begin : begin + len(block.rows)]
            begin += len(block.rows)
    return Refit(bool(row[0]), int(row[1]), *tables)


def refits_path() -> Path:
    """Where they ship."""
    return folder() / "refits.toml"


def put_in(linear: Linear, left: Left, refits: Sequence[Refit]) -> LeftOut:
    """The predictions of left-out clusters, those of refits in place of one step; concentrations stay: they are left out for real (`unseen_levels`).

    A study is predicted by the refit without its own companions: a cluster in which it stands beside others of whom some do not go with it is not its own.
    """
    blocks = linear.evidence.blocks
    mean, variance, between = list(left.mean), list(left.variance), list(linear.between)
    for refit in refits:
        for i, block in enumerate(blocks):
            together = companions(block, blocks, cluster=True)
            if _blocks_of(linear.evidence, together) != set(refit.mean):
                continue
            known = linear.levels.get(("cluster", block.study.id))
            for table, new in ((mean, refit.mean), (variance, refit.variance), (between, refit.between)):
                own = new[block.study.id].copy()
                if known is not None:
                    own[list(known.rows)] = table[i][list(known.rows)]
                table[i] = own
    return left_out(linear.evidence, mean, variance, between, cluster=True)


def around_mode(task: Problem, mode: State, tell: Progress | None = None) -> Linear:
    """The evidence around a mode that need not be the one that ships."""
    base = task.evidence.compared(task.numbers(mode.z))
    jacobian = task.jacobian(mode.z, base, float(settings()["run"]["step"]), tell)
    return around(task, mode.z, mode.taus, base, jacobian)


def run(task: Problem, mode: State, count: int, minutes: float, tell: Progress | None = None) -> str:
    """The `count` clusters that move the fit most, those that were refitted before included; written as they end. Returns the comparison in words."""
    assert mode.hessian is not None
    linear, groups = around_mode(task, mode, tell), clusters(task.evidence)
    weights = influences(linear, groups)
    chosen = sorted(range(len(groups)), key=lambda i: -weights[i])[:count]
    known = _read(task, mode)
    missing = [i for i in chosen if not any(set(refit.mean) == _blocks_of(task.evidence, groups[i]) for refit in known)]
    if missing:
        until = time.monotonic() + 60.0 * minutes
        exact = Exact(task, mode.z, np.sqrt(np.diag(np.linalg.inv(mode.hessian))), task.evidence, tell)
        with many(_Refitter(exact.problem(), mode, groups)) as go:
            for begin in range(0, len(missing), WORKERS):
                if time.monotonic() > until:
                    break
                some = missing[begin : begin + WORKERS]
                rows = go(np.array(some, dtype=np.float64)[:, None], tell, f"cluster {begin + 1} of {len(missing)}")
                known += [_unpack(row, task.evidence, groups[i]) for i, row in zip(some, rows, strict=True)]
                refits_path().write_text(_text(task, mode, known), encoding="utf-8")
    return summary(linear, known)


def summary(linear: Linear, refits: Sequence[Refit]) -> str:
    """What the refits change, cluster by cluster and together: log score over the frozen baseline by leave-one-cluster-out."""
    left = linear.left_out(cluster=True)
    before = put_in(linear, left, ()).summary()

    def told(label: str, some: Sequence[Refit]) -> str:
        after = put_in(linear, left, some).summary()
        parts = []
        for name, old, new in (("all", before, after), ("mood", before["by_kind"]["mood"], after["by_kind"]["mood"])):
            gains = " -> ".join(f"{s['log_score_gain']:+.1f} (SE {s['log_score_gain_se']:.1f})" for s in (old, new))
            parts.append(f"{name} {gains}")
        return f"{label}: {', '.join(parts)}"

    lines = []
    for one in refits:
        ids = sorted(one.mean)
        label = ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
        lines.append(told(f"{label} ({one.steps} steps{'' if one.converged else ', not converged'})", [one]))
    return "\n".join([*lines, told(f"all {len(refits)} together", refits)])


def _text(task: Problem, mode: State, refits: Sequence[Refit]) -> str:
    lines = [
        "# Written by `python -m ketasim.evidence.fit --refits N`; do not edit. Rows of every study left out: mean, variance, variance between studies.",
        "",
        f'of = "{digest(task)}"',
        f"mode_objective = {mode.value:.3f}",
    ]
    for one in refits:
        lines += ["", "[[refits]]", f"converged = {str(one.converged).lower()}", f"steps = {one.steps}"]
        for name, table in (("mean", one.mean), ("variance", one.variance), ("between", one.between)):
            inner = ", ".join(f"{key} = [{', '.join(f'{x:.6g}' for x in row)}]" for key, row in table.items())
            lines.append(f"{name} = {{ {inner} }}")
    return "\n".join(lines) + "\n"


def _read(task: Problem, mode: State) -> list[Refit]:
    """Refits made before around the same mode."""
    if not refits_path().exists():
        return []
    table: dict[str, Any] = tomllib.loads(refits_path().read_text(encoding="utf-8"))
    if table.get("of") != digest(task) or abs(table.get("mode_objective", 0.0) - mode.value) > 1e-3:
        return []
    return [
        Refit(
            one["converged"],
            one["steps"],
            *({k: np.array(v) for k, v in one[name].items()} for name in ("mean", "variance", "between")),
        )
        for one in table.get("refits", ())
    ]
