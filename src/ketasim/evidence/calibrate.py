"""Fit the free values to the `fit` studies: `python -m ketasim.evidence.calibrate [--resume] [--ship]`.

Penalised Gauss-Newton (prior SDs as units) on the multivariate normal likelihood of the studies, the spreads between studies
re-estimated after every step; Laplace covariance at the mode; draws re-weighted by importance. Nothing of `validate` enters.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ketasim.core import KetasimError, normals
from ketasim.core.values import starting_value

from .arms import OFTEN_REPLACED
from .likelihood import TAUS, StudyBlock, log_density
from .numbers import Numbers
from .parameters import Parameter, free_parameters, numbers_at, settings
from .predict import Evidence, all_evidence

Array = NDArray[np.float64]
Progress = Callable[[str], None]
SEED = 1
INSIDE_STEP = 0.3
TEMPERS = (1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0)
LEAST_EFFECTIVE_SHARE = 0.25
HALVINGS = (1.0, 0.5, 0.25, 0.1)


@dataclass(frozen=True)
class Problem:
    """The fit: evidence of role fit, free parameters. z (p,) in prior SDs."""

    evidence: Evidence
    parameters: tuple[Parameter, ...]
    # which studies a value touches, found with the first sensitivities: the others need no prediction of their own later
    touched: dict[str, list[bool]] = field(default_factory=dict, compare=False, repr=False)

    def numbers(self, z: Array) -> Numbers:
        """The numbers at z."""
        return Numbers(numbers_at(self.parameters, z))

    def residuals(self, z: Array) -> list[Array]:
        """Observed minus predicted, scale of comparison, one (R,) per study."""
        return [block.y - f for block, f in zip(self.evidence.blocks, self.evidence.compared(self.numbers(z)), strict=True)]

    def covariances(self, z: Array, taus: dict[str, float], base: list[Array] | None = None) -> list[Array]:
        """Sampling error plus spread between studies, one (R, R) per study."""
        slopes = self.evidence.slopes(self.numbers(z), base)
        return [covariance(block, slope, taus) for block, slope in zip(self.evidence.blocks, slopes, strict=True)]

    def jacobian(self, z: Array, base: list[Array], step: float, tell: Progress | None = None) -> list[Array]:
        """Derivatives of the predictions in z, (R, p) per study; one-sided differences, turned inward at a bound."""
        columns = []
        for k, p in enumerate(self.parameters):
            moved = z.copy()
            h = step if p.value(z[k] + step) != p.value(z[k]) else -step
            moved[k] += h
            known = self.touched.get(p.key)
            numbers = self.numbers(moved)
            there = self.evidence.compared(numbers) if known is None else self.evidence.some(numbers, known, base)
            columns.append([(a - b) / h for a, b in zip(there, base, strict=True)])
            if known is None:
                self.touched[p.key] = [bool(np.any(column != 0.0)) for column in columns[-1]]
            if tell:
                tell(f"sensitivity {k + 1} of {len(self.parameters)}")
        return [np.stack([column[i] for column in columns], axis=1) for i in range(len(base))]


def problem(evidence: Evidence | None = None) -> Problem:
    """The fit to the package's `fit` studies."""
    return Problem((evidence or all_evidence()).only(lambda study: study.role == "fit"), free_parameters())


def covariance(block: StudyBlock, slopes: dict[str, Array], taus: dict[str, float]) -> Array:
    """Covariance of the rows of a study around the model."""
    direction = np.where(slopes["setting"] + slopes["drug"] + slopes["felt"] < 0, -1.0, 1.0)
    return np.asarray(block.sampling(direction) + block.between(slopes, taus))


def objective(residuals: Sequence[Array], covariances: Sequence[Array], z: Array) -> float:
    """Minus the log posterior density, constants left out."""
    return float(0.5 * z @ z - sum(log_density(r, c) for r, c in zip(residuals, covariances, strict=True)))


def spread_between(blocks: Sequence[StudyBlock], residuals: Sequence[Array], slopes: Sequence[dict[str, Array]]) -> dict[str, float]:
    """The spreads between studies that make the residuals most probable, with their log-normal priors."""
    start = {key: starting_value(key) for key in TAUS}
    sampling = [
        block.sampling(np.where(s["setting"] + s["drug"] + s["felt"] < 0, -1.0, 1.0)) for block, s in zip(blocks, slopes, strict=True)
    ]

    def minus_log(x: Array) -> float:
        taus = {key: v.value * math.exp((v.uncertain.sd if v.uncertain else 0.0) * xi) for (key, v), xi in zip(start.items(), x, strict=True)}
        total = 0.5 * float(x @ x)
        for block, r, s, sampled in zip(blocks, residuals, slopes, sampling, strict=True):
            total -= log_density(r, sampled + block.between(s, taus))
        return total

    found = minimize(minus_log, np.zeros(len(TAUS)), method="L-BFGS-B", bounds=[(-4.0, 4.0)] * len(TAUS), options={"maxiter": 30})
    return {key: v.value * math.exp((v.uncertain.sd if v.uncertain else 0.0) * float(xi)) for (key, v), xi in zip(start.items(), found.x, strict=True)}


@dataclass
class State:
    """Where a fit stands; saved after every step so that it can be resumed."""

    z: Array
    taus: dict[str, float]
    value: float = math.inf
    iteration: int = 0
    done: bool = False
    hessian: Array | None = None
    history: list[float] = field(default_factory=list)

    def save(self, path: Path, keys: Sequence[str]) -> None:
        """As JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        data = {
            "keys": list(keys), "z": self.z.tolist(), "taus": self.taus, "value": self.value, "iteration": self.iteration, "done": self.done,
            "hessian": None if self.hessian is None else self.hessian.tolist(), "history": self.history,
        }  # fmt: skip
        path.write_text(json.dumps(data), encoding="utf-8")

    @staticmethod
    def load(path: Path, keys: Sequence[str]) -> State:
        """A saved state of the same free values."""
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["keys"] != list(keys):
            raise KetasimError("the saved fit has other free values", where=str(path), fix="start again without --resume")
        hessian = None if data["hessian"] is None else np.array(data["hessian"])
        return State(np.array(data["z"]), data["taus"], data["value"], data["iteration"], data["done"], hessian, data["history"])


def fit(
    task: Problem, state: State | None = None, iterations: int | None = None, minutes: float | None = None,
    tell: Progress | None = None, save: Callable[[State], None] | None = None,
) -> State:  # fmt: skip
    """Walk to the mode. Each step: sensitivities, Gauss-Newton step with halving, spreads between studies anew."""
    run = settings()["run"]
    iterations = iterations if iterations is not None else int(run["iterations"])
    until = time.monotonic() + 60.0 * (minutes if minutes is not None else float(run["minutes"]))
    state = state or State(np.zeros(len(task.parameters)), {key: starting_value(key).value for key in TAUS})
    blocks = task.evidence.blocks
    while not state.done and state.iteration < iterations and time.monotonic() < until:
        base = task.evidence.compared(task.numbers(state.z))
        slopes = task.evidence.slopes(task.numbers(state.z), base)
        residuals = [block.y - f for block, f in zip(blocks, base, strict=True)]
        if state.iteration:  # halfway on the log scale: values and spreads chase each other otherwise
            found = spread_between(blocks, residuals, slopes)
            state.taus = {key: math.sqrt(found[key] * state.taus[key]) for key in found}
        covariances = [covariance(block, slope, state.taus) for block, slope in zip(blocks, slopes, strict=True)]
        before = objective(residuals, covariances, state.z)
        jacobian = task.jacobian(state.z, base, float(run["step"]), tell)
        hessian, gradient = curvature(jacobian, residuals, covariances, state.z)
        state.hessian = hessian
        move = np.linalg.solve(hessian, gradient)
        longest = float(np.abs(move).max())
        move *= min(1.0, float(run["longest_step"]) / max(longest, 1e-12))
        best, after = state.z, before
        for share in HALVINGS:
            there = state.z + share * move
            trial = objective(task.residuals(there), covariances, there)
            if trial < after:
                best, after = there, trial
                break
        moved = float((np.abs(best - state.z) / np.sqrt(np.diag(np.linalg.inv(hessian)))).max())
        state.z, state.value, state.iteration = best, after, state.iteration + 1
        state.history.append(after)
        state.done = moved < float(run["tolerance"]) and state.iteration > 2
        if tell:
            tell(f"step {state.iteration}: objective {before:.2f} -> {after:.2f}, longest move {moved:.3f} posterior SD")
        if save:
            save(state)
        if moved == 0.0 and state.iteration > 2:
            state.done = True
    return state


def curvature(jacobian: Sequence[Array], residuals: Sequence[Array], covariances: Sequence[Array], z: Array) -> tuple[Array, Array]:
    """Gauss-Newton Hessian of the objective and minus its gradient, in prior SDs."""
    hessian, gradient = np.eye(len(z)), -z.copy()
    for j, r, c in zip(jacobian, residuals, covariances, strict=True):
        solved = np.linalg.solve(c, np.column_stack([j, r]))
        hessian += j.T @ solved[:, :-1]
        gradient += j.T @ solved[:, -1]
    return hessian, gradient


@dataclass(frozen=True)
class Draws:
    """Draws around the mode: z (N, p), weights (N,), predictions of all studies (scale of comparison).

    effective : number of draws that the untempered weights are worth. power : tempering of the weights that ship (1 = none,
    0 = Laplace alone), the largest for which a quarter of the draws still counts.
    """

    z: Array
    weights: Array
    effective: float
    power: float
    predictions: list[list[Array]]


def draw(task: Problem, state: State, count: int, everything: Evidence, tell: Progress | None = None) -> Draws:
    """Draws from the Laplace approximation, weighted by posterior over approximation. `everything` is predicted for each draw.

    Values inside the differential equations enter the predictions of a draw by their slope at the mode; all others in full.
    """
    assert state.hessian is not None
    p = len(state.z)
    root = np.linalg.cholesky(np.linalg.inv(state.hessian))
    noise = np.column_stack([normals(SEED, f"posterior draw {k}", count) for k in range(p)])
    z = state.z + noise @ root.T
    covariances = task.covariances(state.z, state.taus)
    inside = [k for k, parameter in enumerate(task.parameters) if parameter.key in OFTEN_REPLACED]
    at_mode = everything.compared(task.numbers(state.z))
    slopes = []
    for k in inside:
        there = state.z.copy()
        there[k] += INSIDE_STEP
        slopes.append([(a - b) / INSIDE_STEP for a, b in zip(everything.compared(task.numbers(there)), at_mode, strict=True)])
    ids = {block.study.id: i for i, block in enumerate(everything.blocks)}
    logs, predictions = np.zeros(count), []
    for k in range(count):
        held = z[k].copy()
        held[inside] = state.z[inside]
        there = everything.compared(task.numbers(held))
        for i, slope in zip(inside, slopes, strict=True):
            there = [f + s * (z[k, i] - state.z[i]) for f, s in zip(there, slope, strict=True)]
        predictions.append(there)
        residuals = [block.y - there[ids[block.study.id]] for block in task.evidence.blocks]
        logs[k] = -objective(residuals, covariances, z[k]) + 0.5 * float(noise[k] @ noise[k])
        if tell:
            tell(f"draw {k + 1} of {count}")
    raw = _weights(logs, 1.0)
    power = next(p for p in TEMPERS if 1.0 / (_weights(logs, p) ** 2).sum() >= count * LEAST_EFFECTIVE_SHARE)
    return Draws(z, _weights(logs, power), float(1.0 / (raw**2).sum()), power, predictions)


def _weights(logs: Array, power: float) -> Array:
    """Importance weights, tempered and truncated (Ionides 2008, doi:10.1198/106186008X320456); they sum to 1."""
    weights = np.exp(power * (logs - logs.max()))
    weights = np.minimum(weights, weights.sum() / math.sqrt(len(weights)))
    return np.asarray(weights / weights.sum())


def default_state_file() -> Path:
    """Where a fit keeps its place."""
    return Path.home() / ".cache" / "ketasim" / "calibration.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.evidence.calibrate", description=__doc__)
    parser.add_argument("--resume", action="store_true", help="go on where the last fit stopped")
    parser.add_argument("--ship", action="store_true", help="write knowledge/posterior")
    parser.add_argument("--minutes", type=float, default=None)
    parser.add_argument("--iterations", type=int, default=None)
    parser.add_argument("--draws", type=int, default=None)
    parser.add_argument("--state", type=Path, default=None)
    asked = parser.parse_args(arguments)
    task = problem()
    keys = [p.key for p in task.parameters]
    path = asked.state or default_state_file()
    state = State.load(path, keys) if asked.resume and path.exists() else None
    begun = time.monotonic()

    def tell(line: str) -> None:
        print(f"\r{time.monotonic() - begun:6.0f} s  {line:<70}", end="\n" if line.startswith("step") else "", file=sys.stderr, flush=True)

    print(f"{sum(len(b.rows) for b in task.evidence.blocks)} values of {len(task.evidence.blocks)} studies, {len(keys)} free values", file=sys.stderr)
    state = fit(task, state, asked.iterations, asked.minutes, tell, lambda s: s.save(path, keys))
    from .ship import report, ship

    print(report(task, state))
    if asked.ship:
        count = asked.draws or int(settings()["run"]["draws"])
        print(ship(task, state, draw(task, state, count, all_evidence(), tell), all_evidence()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
