"""Fit every hypothesis to the `fit` studies and ship what the weighing needs: `python -m ketasim.evidence.weigh.weigh_fit [NAME...]`.

Free values as standard normal scores z (prior N(0, I)). Human predictions and outcomes of findings are linearised, the posterior of the
linear problem maximised, until z stands still; Laplace covariance there; draws from a t distribution around it carry exact log scores of every
study, from which evidence (importance sampling), leave-one-out and other priors follow without integrating again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ketasim.chain.hypothesis import Hypothesis, calibrated_scores, hypotheses, hypothesis, posterior_path
from ketasim.core import KetasimError, normals, stream
from ketasim.core.arrays import Array
from ketasim.core.own import add_folder_of

from ..compare.likelihood import log_density
from ..compare.predict import Evidence
from .hypotheses import Judge, block_scores, joined, judge

Tell = Callable[[str], None]
SEED = 5
STEP = 0.3  # prior SDs, finite differences
LONGEST = 1.2  # prior SDs a step may move
STANDS = 0.08  # prior SDs, a move below this is none
LEAST_GAIN = 0.2  # log units that a step has to promise
SHARES = (1.0, 0.5, 0.25, 0.1)  # of a step, tried in turn
ROUNDS = 16
DRAWS = 64
EXPONENTIALS = 5  # draws come from a t distribution of twice as many degrees of freedom
WIDER = 1.1


@dataclass(frozen=True)
class Linear:
    """The problem linearised at z0. f (R,) per study, jacobian (R, p) per study; outcomes (F,) and slopes (F, p) of the findings."""

    judge: Judge
    z0: Array
    f: list[Array]
    jacobian: list[Array]
    covariances: list[Array]
    outcomes: Array
    slopes: Array

    def minus_log(self, z: Array) -> float:
        """Minus log posterior density of the linear problem, constants of the prior left out."""
        move = z - self.z0
        blocks = self.judge.fit.blocks
        human = sum(
            log_density(b.y - f - j @ move, c)
            for b, f, j, c in zip(blocks, self.f, self.jacobian, self.covariances, strict=True)
        )
        found = self.judge.findings.score((self.outcomes + self.slopes @ move)[None, :]).sum()
        return float(0.5 * z @ z - human - found)


def linearise(j: Judge, z: Array, tell: Tell | None = None) -> Linear:
    """Predictions and their derivatives at z, by one-sided differences turned inward at a bound."""
    base = j.human(z)
    covariances = j.covariances(z, base)
    columns = []
    steps = np.array([STEP if p.natural(z[k] + STEP) != p.natural(z[k]) else -STEP for k, p in enumerate(j.entry.free)])
    for k, h in enumerate(steps):
        moved = z.copy()
        moved[k] += h
        columns.append([(a - b) / h for a, b in zip(j.human(moved), base, strict=True)])
        if tell:
            tell(f"{j.entry.id}: sensitivity {k + 1} of {len(z)}")
    jacobian = [np.stack([c[i] for c in columns], axis=1) for i in range(len(base))]
    o = j.outcomes(np.vstack([z, z + np.diag(steps)]))
    slopes = np.nan_to_num((o[1:] - o[0]) / steps[:, None]).T
    return Linear(j, z, base, jacobian, covariances, o[0], slopes)


def walk(j: Judge, start: Array | None = None, tell: Tell | None = None) -> tuple[Linear, Array, list[float]]:
    """The mode: linearise, maximise, go there as far as it gets better; the last linearisation, the Hessian there, the objective along the way.

    It has arrived when the linear problem moves less than `STANDS` prior SDs, or promises less than `LEAST_GAIN` log units, or no part of its step
    makes the exact objective better.
    """
    z = np.zeros(len(j.entry.free)) if start is None else start
    history: list[float] = []
    for turn in range(ROUNDS):
        here = linearise(j, z, tell)
        history.append(here.minus_log(z))
        there = minimize(here.minus_log, z, method="BFGS", options={"maxiter": 40}).x
        move = there - z
        longest, promised = float(np.abs(move).max()), history[-1] - here.minus_log(there)
        move *= min(1.0, LONGEST / max(longest, 1e-12))
        share = 0.0
        if longest >= STANDS and promised >= LEAST_GAIN:
            share = next((s for s in SHARES if exact(j, z + s * move, here.covariances) < history[-1]), 0.0)
        if tell:
            tell(
                f"{j.entry.id}: round {turn + 1}, objective {history[-1]:.2f}, promised {promised:.2f}, move {share * longest:.2f}\n"
            )
        if share == 0.0:
            break
        z = z + share * move
    return here, _hessian(here), history


def exact(j: Judge, z: Array, covariances: Sequence[Array]) -> float:
    """Minus log posterior density at z (p,), integrated anew; infinite where the integration fails."""
    try:
        human = block_scores(j.fit.blocks, j.human(z), covariances).sum()
    except KetasimError:
        return math.inf
    return float(0.5 * z @ z - human - j.findings.score(j.outcomes(z)).sum())


def _hessian(here: Linear) -> Array:
    """Second derivatives of the linear problem's objective at z0: exact for the studies, differences for the findings."""
    p = len(here.z0)
    hessian = np.eye(p)
    for j, c in zip(here.jacobian, here.covariances, strict=True):
        hessian += j.T @ np.linalg.solve(c, j)
    h = 0.05

    def score(move: Array) -> float:
        return float(here.judge.findings.score((here.outcomes + here.slopes @ move)[None, :]).sum())

    middle = score(np.zeros(p))
    for k in range(p):
        e = np.eye(p)[k] * h
        hessian[k, k] += max(-(score(e) - 2 * middle + score(-e)) / h**2, 0.0)
    return hessian


def held_scores(j: Judge, z: Array, covariances: Sequence[Array | None]) -> Array:
    """Log density of every held-out study at z; NaN where the integration fails."""
    found = []
    for block, c in zip(j.held_out.blocks, covariances, strict=True):
        try:
            f = j.human(z, Evidence((block,)))
            found.append(math.nan if c is None else float(block_scores([block], f, [c])[0]))
        except KetasimError:
            found.append(math.nan)
    return np.array(found)


def _held_covariances(j: Judge, z: Array) -> list[Array | None]:
    found: list[Array | None] = []
    for block in j.held_out.blocks:
        one = Evidence((block,))
        try:
            found.append(j.covariances(z, j.human(z, one), one)[0])
        except KetasimError:
            found.append(None)
    return found


def fit_one(
    entry: Hypothesis, count: int = DRAWS, tell: Tell | None = None, start: Array | None = None
) -> dict[str, object]:
    """Everything that ships for one hypothesis, as plain data."""
    j = judge(entry)
    here, hessian, history = walk(j, start, tell)
    z0, p = here.z0, len(here.z0)
    there = minimize(here.minus_log, z0, method="BFGS", options={"maxiter": 40}).x
    centre = z0 + np.clip(there - z0, -STANDS * 4, STANDS * 4)
    root = np.linalg.cholesky(np.linalg.inv(hessian) * WIDER)
    noise = np.column_stack([normals(SEED, f"weigh {entry.id} {k}", count) for k in range(p)])
    # a sum of m exponentials is half a chi-square of 2 m degrees of freedom: scores from a t distribution
    halves = -np.log(np.column_stack([stream(SEED, f"weigh chi {k}", count) for k in range(EXPONENTIALS)])).sum(axis=1)
    freedom = 2.0 * EXPONENTIALS
    scale = np.sqrt(freedom / (2.0 * halves))
    z = centre + (noise @ root.T) * scale[:, None]
    solved = np.linalg.solve(root, (z - centre).T).T
    log_q = (
        math.lgamma((freedom + p) / 2)
        - math.lgamma(freedom / 2)
        - 0.5 * p * math.log(freedom * math.pi)
        - np.log(np.diag(root)).sum()
        - 0.5 * (freedom + p) * np.log1p((solved**2).sum(axis=1) / freedom)
    )
    log_prior = -0.5 * (z**2).sum(axis=1) - 0.5 * p * math.log(2 * math.pi)
    covariances_held = _held_covariances(j, centre)
    table, held = [], []
    for k in range(count):
        table.append(block_scores(j.fit.blocks, j.human(z[k]), here.covariances))
        held.append(held_scores(j, z[k], covariances_held))
        if tell:
            tell(f"{entry.id}: draw {k + 1} of {count}")
    outcomes = j.outcomes(z)
    scores = joined(j.names, np.array(table), j.findings, j.findings.score(outcomes))
    _, logdet = np.linalg.slogdet(hessian)
    blocks = j.fit.blocks
    misfit = {
        b.study.id: float((b.y - f) @ np.linalg.solve(c, b.y - f))
        for b, f, c in zip(blocks, here.f, here.covariances, strict=True)
    }
    return {
        "hypothesis": entry.id,
        "evidence": fingerprint(j),
        "keys": list(entry.free_keys),
        "mode": dict(zip(entry.free_keys, _round(centre), strict=True)),
        "laplace": float(-here.minus_log(centre) - 0.5 * logdet),
        "history": _round(np.array(history)),
        "z": _round(z),
        "log_ratio": _round(log_prior - log_q, 6),
        "names": list(j.names),
        "groups": j.groups(),
        "scores": _round(scores, 6),
        "held_names": [b.study.id for b in j.held_out.blocks],
        "held": [[None if np.isnan(x) else round(float(x), 4) for x in row] for row in held],
        "misfit": {k: round(v, 3) for k, v in misfit.items()},
        "rows": {b.study.id: len(b.rows) for b in blocks},
        "linear": {
            "centre": _round(z0),
            "f": [_round(f) for f in here.f],
            "jacobian": [_round(x) for x in here.jacobian],
            "covariances": [_round(c) for c in here.covariances],
            "outcomes": [None if np.isnan(x) else float(f"{x:.5g}") for x in here.outcomes],
            "slopes": _round(here.slopes),
        },
    }


def fingerprint(j: Judge) -> str:
    """Of the evidence a calibration rests on: every published number with its error, every finding."""
    rows = [[r.row.record, r.kind, f"{r.y:.6g}", f"{r.se:.6g}"] for b in j.fit.blocks for r in b.rows]
    told = [[f.study, f.plan.name, f.published.says, str(f.published.found)] for f in j.findings.findings]
    return hashlib.sha256(json.dumps([rows, told]).encode()).hexdigest()[:16]


def _round(x: Array, digits: int = 5) -> list[Any]:
    """Nested lists with `digits` significant digits."""
    flat = [float(f"{v:.{digits}g}") for v in np.asarray(x, dtype=float).ravel()]
    rounded: list[Any] = np.array(flat).reshape(np.shape(x)).tolist()
    return rounded


def ship(found: dict[str, object]) -> None:
    """Write knowledge/posterior/hypotheses/<id>.json."""
    path = posterior_path(str(found["hypothesis"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, separators=(",", ":")).replace('],"', '],\n"') + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.evidence.weigh.weigh_fit", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help="hypotheses, or FOLDER/hypotheses/NAME.toml of your own (all, if none is named)"
    )
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument(
        "--start", default="opioid-gate", help="whose mode a hypothesis without calibration starts from"
    )
    asked = parser.parse_args(arguments)
    begun = time.monotonic()

    def tell(line: str) -> None:
        sys.stderr.write(
            f"\r{time.monotonic() - begun:6.0f} s  {line.rstrip():<70}" + ("\n" if line.endswith("\n") else "")
        )
        sys.stderr.flush()

    files = {name: add_folder_of(name) for name in asked.names if name.endswith(".toml")}
    for word in asked.names or hypotheses():
        name = Path(word).stem if word in files else word
        entry = hypothesis(name)
        known = (
            dict(zip(entry.free_keys, calibrated_scores(entry), strict=True)) if posterior_path(name).exists() else {}
        )
        if not known:  # a relative's mode is a better start than the prior's
            relative = hypothesis(asked.start)
            known = dict(zip(relative.free_keys, calibrated_scores(relative), strict=True))
        start = np.array([float(known.get(key, 0.0)) for key in entry.free_keys])
        found = fit_one(entry, asked.draws, tell, start)
        ship(found)
        tell(f"{name}: shipped, Laplace {found['laplace']:.2f}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
