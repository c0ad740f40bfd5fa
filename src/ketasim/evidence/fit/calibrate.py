"""Fit the free values to the `fit` studies: `python -m ketasim.evidence.fit [--resume] [--ship]`.

Levenberg-Marquardt (prior SDs as units) on the multivariate normal likelihood of the studies, the spreads between studies
re-estimated after every step; Laplace covariance at the mode; draws by adaptive importance sampling (draws.py). Nothing of `validate` enters.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from ketasim.core import KetasimError
from ketasim.core.arrays import Array
from ketasim.core.posterior import fitted
from ketasim.core.values import starting_value

from ..arms.numbers import LINK_CEILING, MEAN_ONE, SPREAD, TIED_SLOPE, Numbers
from ..compare.likelihood import ACUTE_TAUS, MOOD_TAUS, PLASMA_TAUS, TAUS, StudyBlock, log_density
from ..compare.predict import Evidence, all_evidence
from .parameters import Parameter, free_parameters, numbers_at, parameter, settings
from .unseen_levels import Table, read

Progress = Callable[[str], None]
FIRST_DAMPING = 1e-2  # of the Hessian's diagonal
SPREAD_STEPS = 60  # of the search for the spreads between studies
TRIES = 6  # damped steps tried at one place, each shorter than the one before


@dataclass(frozen=True)
class Problem:
    """The fit: evidence of role fit, free parameters. z (p,) in prior SDs. with_levels : its concentrations are published ones, which the plasma stage was fitted to."""

    evidence: Evidence
    parameters: tuple[Parameter, ...]
    # which studies a value touches, found with the first sensitivities: the others need no prediction of their own later
    touched: dict[str, list[bool]] = field(default_factory=dict, compare=False, repr=False)
    with_levels: bool = False

    def numbers(self, z: Array) -> Numbers:
        """The numbers at z. What an earlier fit had freed and this one holds stands at its start, not at the mode that ships."""
        return Numbers(held(self.parameters) | numbers_at(self.parameters, z))

    def residuals(self, z: Array) -> list[Array]:
        """Observed minus predicted, scale of comparison, one (R,) per study."""
        return [
            block.y - f for block, f in zip(self.evidence.blocks, self.evidence.compared(self.numbers(z)), strict=True)
        ]

    def covariances(self, z: Array, taus: dict[str, float], base: list[Array] | None = None) -> list[Array]:
        """Sampling error plus spread between studies, one (R, R) per study."""
        slopes = self.evidence.slopes(self.numbers(z), base)
        return [covariance(block, slope, taus) for block, slope in zip(self.evidence.blocks, slopes, strict=True)]

    def jacobian(self, z: Array, base: list[Array], step: float, tell: Progress | None = None) -> list[Array]:
        """Derivatives of the predictions in z, (R, p) per study; central differences, one-sided at a bound.

        The step is wide on purpose: times to relapse are simulated and jump a little, which a short step would take for slope.
        """
        columns = []
        for k, p in enumerate(self.parameters):
            ends = [z.copy(), z.copy()]
            for end, side in zip(ends, (step, -step), strict=True):
                if p.value(z[k] + side) != p.value(z[k]):
                    end[k] += side
            known = self.touched.get(p.key)
            there = [
                self.evidence.compared(self.numbers(end))
                if known is None
                else self.evidence.some(self.numbers(end), known, base)
                for end in ends
            ]
            width = (ends[0][k] - ends[1][k]) or step  # beyond a bound nothing moves: a derivative of 0
            columns.append([(a - b) / width for a, b in zip(*there, strict=True)])
            if known is None:
                self.touched[p.key] = [bool(np.any(column != 0.0)) for column in columns[-1]]
            if tell:
                tell(f"sensitivity {k + 1} of {len(self.parameters)}")
        return [np.stack([column[i] for column in columns], axis=1) for i in range(len(base))]


def held(parameters: Sequence[Parameter]) -> dict[str, float]:
    """Starting values of what the shipped posterior holds and `parameters` do not free.

    Not of spreads between studies, which are no numbers of a prediction, nor of what follows a freed value (people.drawn): held at its start, a gain
    would have another mean over people than 1 as soon as its spread moves, and the fit would be of another model than the one that ships.
    """
    free = {p.key for p in parameters}
    follows = {name for name in MEAN_ONE if name + SPREAD in free} | ({TIED_SLOPE} if LINK_CEILING in free else set())
    kept = [key for key in fitted() if key not in free | follows | set(TAUS) and not key.endswith(SPREAD)]
    return {key: starting_value(key).value for key in kept}


def problem(evidence: Evidence | None = None) -> Problem:
    """The fit to the package's `fit` studies."""
    fitted_to = (evidence or all_evidence()).only(lambda study: study.role == "fit")
    return Problem(fitted_to, free_parameters(), with_levels=True)


def covariance(block: StudyBlock, slopes: dict[str, Array], taus: dict[str, float]) -> Array:
    """Covariance of the rows of a study around the model."""
    direction = np.where(slopes["setting"] + slopes["drug"] + slopes["felt"] < 0, -1.0, 1.0)
    return np.asarray(block.sampling(direction) + block.between(slopes, taus))


def objective(residuals: Sequence[Array], covariances: Sequence[Array], z: Array) -> float:
    """Minus the log posterior density, constants left out."""
    return float(0.5 * z @ z - sum(log_density(r, c) for r, c in zip(residuals, covariances, strict=True)))


def spread_between(
    blocks: Sequence[StudyBlock],
    residuals: Sequence[Array],
    slopes: Sequence[dict[str, Array]],
    jacobian: Sequence[Array],
    begin: Mapping[str, float] | None = None,
    levels: Table | None = None,
) -> dict[str, float]:
    """The spreads between studies by restricted likelihood (Patterson 1971, doi:10.1093/biomet/58.3.545), with their log-normal priors.

    begin : where the search begins (the middle of the priors). Two spreads that say nearly the same make a long flat valley, in which a short search ends
    somewhere else every time: it begins where the last one ended.

    -log p = 1/2 |x|^2 - sum log N(r; 0, C) + 1/2 log det(1 + sum J' C^-1 J): the last term takes the fitted values (derivatives J, in
    prior SDs) out by Laplace's method. Without it the spreads come out as if nothing had been fitted to the same numbers.
    levels : concentrations predicted without their cluster (`unseen_levels`): the values of the plasma stage are not among the fitted ones, and
    residuals of the fit that has seen the study would give the spread of what it was fitted to.
    """
    priors = [parameter(key) for key in TAUS]
    sampling = [
        block.sampling(np.where(s["setting"] + s["drug"] + s["felt"] < 0, -1.0, 1.0))
        for block, s in zip(blocks, slopes, strict=True)
    ]
    residuals = [r.copy() for r in residuals]
    for block, r, sampled in zip(blocks, residuals, sampling, strict=True):
        found = (levels or {}).get(("cluster", block.study.id))
        if found is not None:
            places = list(found.rows)
            r[places] = block.y[places] - found.mean
            sampled[np.ix_(places, places)] += found.covariance

    def minus_log(x: Array) -> float:
        taus = {p.key: p.value(float(xi)) for p, xi in zip(priors, x, strict=True)}
        total = 0.5 * float(x @ x)
        fitted = np.eye(jacobian[0].shape[1])
        for block, r, s, sampled, j in zip(blocks, residuals, slopes, sampling, jacobian, strict=True):
            root = np.linalg.cholesky(sampled + block.between(s, taus))
            white = np.linalg.solve(root, np.column_stack([j, r]))  # rows of unit variance
            total += 0.5 * float(white[:, -1] @ white[:, -1]) + float(np.log(np.diag(root)).sum())
            fitted += white[:, :-1].T @ white[:, :-1]
        return total + 0.5 * float(np.linalg.slogdet(fitted)[1])

    start = np.array([0.0 if begin is None else np.clip(p.z(begin[p.key]), -3.9, 3.9) for p in priors])
    found = minimize(
        minus_log, start, method="L-BFGS-B", bounds=[(-4.0, 4.0)] * len(TAUS), options={"maxiter": SPREAD_STEPS}
    )
    return {p.key: p.value(float(xi)) for p, xi in zip(priors, found.x, strict=True)}


def widening_factors() -> dict[str, float]:
    """By how much spreads are widened: those of mood, of acute effects and of concentrations (`*_widening` in knowledge/fits/evidence.toml).

    One number for a spread that is itself uncertain makes predictions of a new study too narrow; the factor is that of the best leave-one-study-out log
    score of mood and of concentrations; that of acute effects the least with which the middle half of left-out clusters holds its share (docs/decisions/0006).
    """
    run = settings()["run"]
    kinds = {"spread_widening": MOOD_TAUS, "acute_widening": ACUTE_TAUS, "plasma_widening": PLASMA_TAUS}
    return {key: float(run[name]) for name, taus in kinds.items() for key in taus}


def widened(taus: Mapping[str, float]) -> dict[str, float]:
    """Spreads as restricted likelihood finds them, times their factors, inside their bounds."""
    wider = {key: min(factor * taus[key], parameter(key).high) for key, factor in widening_factors().items()}
    return dict(taus) | wider


def narrowed(taus: Mapping[str, float]) -> dict[str, float]:
    """`widened` taken back."""
    return dict(taus) | {key: taus[key] / factor for key, factor in widening_factors().items()}


def halfway(old: dict[str, float], new: dict[str, float]) -> tuple[dict[str, float], float]:
    """Spreads between two sets, on the scale of their priors, and how far apart the sets are on that scale (log, or logit for shares)."""
    priors = [parameter(key) for key in TAUS]
    ends = [(p.z(old[p.key]), p.z(new[p.key])) for p in priors]
    drift = max(p.sd * abs(b - a) for p, (a, b) in zip(priors, ends, strict=True))
    return {p.key: p.value(0.5 * (a + b)) for p, (a, b) in zip(priors, ends, strict=True)}, drift


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
            "keys": list(keys),
            "z": self.z.tolist(),
            "taus": self.taus,
            "value": self.value,
            "iteration": self.iteration,
            "done": self.done,
            "hessian": None if self.hessian is None else self.hessian.tolist(),
            "history": self.history,
        }
        path.write_text(json.dumps(data), encoding="utf-8")

    @staticmethod
    def load(path: Path, keys: Sequence[str]) -> State:
        """A saved state of the same free values."""
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["keys"] != list(keys):
            raise KetasimError(
                "the saved fit has other free values", where=str(path), fix="start again without --resume"
            )
        hessian = None if data["hessian"] is None else np.array(data["hessian"])
        return State(
            np.array(data["z"]), data["taus"], data["value"], data["iteration"], data["done"], hessian, data["history"]
        )


def fit(
    task: Problem,
    state: State | None = None,
    iterations: int | None = None,
    minutes: float | None = None,
    tell: Progress | None = None,
    save: Callable[[State], None] | None = None,
) -> State:
    """Walk to the mode. Each step: spreads between studies anew, sensitivities, a damped Gauss-Newton step.

    It has arrived (`done`) only if the undamped step promises less than `least_gain` log units and the spreads stand still; a walk that finds
    nothing better although the slopes promise more is not converged, and says so.
    """
    run = settings()["run"]
    iterations = iterations if iterations is not None else int(run["iterations"])
    until = time.monotonic() + 60.0 * (minutes if minutes is not None else float(run["minutes"]))
    state = state or State(np.zeros(len(task.parameters)), {key: starting_value(key).value for key in TAUS})
    blocks = task.evidence.blocks
    damping, turns = FIRST_DAMPING, 0
    while not state.done and turns < iterations and time.monotonic() < until:
        base = task.evidence.compared(task.numbers(state.z))
        slopes = task.evidence.slopes(task.numbers(state.z), base)
        residuals = [block.y - f for block, f in zip(blocks, base, strict=True)]
        jacobian = task.jacobian(state.z, base, float(run["step"]), tell)
        drift = 0.0
        if state.iteration:  # halfway: values and spreads chase each other otherwise
            levels = read(task.evidence, base) if task.with_levels else {}
            found = widened(spread_between(blocks, residuals, slopes, jacobian, narrowed(state.taus), levels))
            state.taus, drift = halfway(state.taus, found)
        covariances = [covariance(block, slope, state.taus) for block, slope in zip(blocks, slopes, strict=True)]
        before = objective(residuals, covariances, state.z)
        hessian, gradient = curvature(jacobian, residuals, covariances, state.z)
        state.hessian = hessian
        promised = 0.5 * float(gradient @ np.linalg.solve(hessian, gradient))
        best, after = state.z, before
        for _ in range(TRIES):
            move = np.linalg.solve(hessian + damping * np.diag(np.diag(hessian)), gradient)
            move *= min(1.0, float(run["longest_step"]) / max(float(np.abs(move).max()), 1e-12))
            there = state.z + move
            trial = objective(task.residuals(there), covariances, there)
            expected = float(gradient @ move) - 0.5 * float(move @ hessian @ move)
            if trial < before:
                best, after = there, trial
                damping = damping / 5.0 if before - trial > 0.5 * expected else damping
                break
            damping = max(damping, 1e-3) * 5.0
        sd = np.sqrt(np.diag(np.linalg.inv(hessian)))
        moved = float((np.abs(best - state.z) / sd).max())
        state.z, state.value, state.iteration, turns = best, after, state.iteration + 1, turns + 1
        state.history.append(after)
        state.done = (
            promised < float(run["least_gain"]) and drift < float(run["spread_tolerance"]) and state.iteration > 2
        )
        if tell:
            tell(
                f"step {state.iteration}: objective {before:.2f} -> {after:.2f}, promised {promised:.2f}, spreads drift {drift:.2f}, longest move {moved:.2f} posterior SD"
            )
        if save:
            save(state)
    return state


def curvature(
    jacobian: Sequence[Array], residuals: Sequence[Array], covariances: Sequence[Array], z: Array
) -> tuple[Array, Array]:
    """Gauss-Newton Hessian of the objective and minus its gradient, in prior SDs."""
    hessian, gradient = np.eye(len(z)), -z.copy()
    for j, r, c in zip(jacobian, residuals, covariances, strict=True):
        solved = np.linalg.solve(c, np.column_stack([j, r]))
        hessian += j.T @ solved[:, :-1]
        gradient += j.T @ solved[:, -1]
    return hessian, gradient


def default_state_file() -> Path:
    """Where a fit keeps its place."""
    return Path.home() / ".cache" / "ketasim" / "calibration.json"
