"""Draws from the posterior by adaptive importance sampling (Cappé 2008, doi:10.1111/j.1467-9469.2008.00594.x).

proposal   multivariate t of `FREEDOM` degrees of freedom, at first around the mode with the Laplace covariance
weights    w = posterior density / proposal density, truncated at mean sqrt(N) (Ionides 2008, doi:10.1198/106186008X320456)
rounds     mean and covariance of the proposal become those of the weighted draws so far (tempered while few draws carry the weight)
resample   of the last, largest round: equal weights, many repeats where few draws carry the weight
move       every draw then walks `MOVES` Metropolis steps of its own, which leave the posterior as it is and part the repeats
           (resample-move, Gilks 2001, doi:10.1111/1467-9868.00280)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ketasim.core import normals, stream
from ketasim.core.arrays import Array, IntArray

from ..arms.courses import OFTEN_REPLACED
from ..compare.predict import Evidence
from .calibrate import Problem, State, objective

Progress = Callable[[str], None]
SEED = 1
ROUNDS = (400, 400, 1200)
FREEDOM = 8
WIDER = 1.2  # of the covariance of the first proposal
TEMPERS = (1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
LEAST_PER_VALUE = 2.0  # effective draws for each value before an untempered covariance is believed
INSIDE_STEP = 0.3
MOVES = 10
STRIDE = 1.7  # of a Metropolis step, times the posterior's covariance root over sqrt(p)


@dataclass(frozen=True)
class Draws:
    """The posterior. z (N, p) with equal weights (N,), and the predictions of all studies (scale of comparison) for each.

    effective : effective number of the `tried` draws of the last round that they were picked from, untempered.
    accepted : share of the Metropolis steps taken afterwards.
    """

    z: Array
    weights: Array
    effective: float
    tried: int
    accepted: float
    predictions: list[list[Array]]


class _Target:
    """Log posterior density at z, constants left out; values inside the differential equations enter by their slope at the mode."""

    def __init__(self, task: Problem, state: State, evidence: Evidence) -> None:
        self.task, self.evidence, self.z0 = task, evidence, state.z
        self.inside = [k for k, p in enumerate(task.parameters) if p.key in OFTEN_REPLACED]
        at_mode = evidence.compared(task.numbers(state.z))
        self.slopes = []
        for k in self.inside:
            there = state.z.copy()
            there[k] += INSIDE_STEP
            moved = evidence.compared(task.numbers(there))
            self.slopes.append([(a - b) / INSIDE_STEP for a, b in zip(moved, at_mode, strict=True)])

    def log_density(self, z: Array, covariances: Sequence[Array]) -> float:
        """Of the posterior at z (p,), constants left out."""
        f = self.predictions(z)
        return -objective([b.y - x for b, x in zip(self.evidence.blocks, f, strict=True)], covariances, z)

    def predictions(self, z: Array) -> list[Array]:
        """Scale of comparison, one (R,) per study."""
        held = z.copy()
        held[self.inside] = self.z0[self.inside]
        there = self.evidence.compared(self.task.numbers(held))
        for i, slope in zip(self.inside, self.slopes, strict=True):
            there = [f + s * (z[i] - self.z0[i]) for f, s in zip(there, slope, strict=True)]
        return there


def draw(
    task: Problem,
    state: State,
    count: int,
    everything: Evidence,
    tell: Progress | None = None,
    rounds: Sequence[int] = ROUNDS,
) -> Draws:
    """`count` draws of equal weight. `everything` is predicted for each. rounds : draws tried in each round."""
    assert state.hessian is not None
    p = len(state.z)
    target = _Target(task, state, task.evidence)
    covariances = task.covariances(state.z, state.taus)
    centre, spread = state.z, np.linalg.inv(state.hessian) * WIDER
    seen_z: list[Array] = []
    seen_log: list[Array] = []
    z = weights = np.empty(0)
    for turn, many in enumerate(rounds):
        z, log_q = proposals(centre, spread, many, f"posterior round {turn}")
        logs = np.empty(many)
        for k in range(many):
            logs[k] = target.log_density(z[k], covariances) - log_q[k]
            if tell and k % 20 == 0:
                tell(f"round {turn + 1} of {len(rounds)}: draw {k} of {many}")
        seen_z.append(z)
        seen_log.append(logs)
        weights = truncated(logs)
        every, every_log = np.vstack(seen_z), np.concatenate(seen_log)
        mixed, power = tempered(every_log, LEAST_PER_VALUE * p)
        centre = mixed @ every
        spread = (every - centre).T @ ((every - centre) * mixed[:, None])
        spread = 0.9 * spread + 0.1 * np.diag(
            np.diag(spread)
        )  # a covariance of few draws has directions that are too narrow
        if tell:
            tell(
                f"round {turn + 1}: {effective(weights):.0f} of {many} draws effective, next proposal tempered by {power}\n"
            )
    moved, accepted = move(target, z[systematic(weights, count)], covariances, tell)
    return Draws(
        moved,
        np.full(count, 1.0 / count),
        effective(weights),
        rounds[-1],
        accepted,
        predicted(task, state, everything, moved, tell),
    )


def move(target: _Target, z: Array, covariances: Sequence[Array], tell: Progress | None = None) -> tuple[Array, float]:
    """`MOVES` random-walk Metropolis steps of every draw (N, p), and the share accepted."""
    count, p = z.shape
    spread = np.cov(z.T)
    root = np.linalg.cholesky(0.9 * spread + 0.1 * np.diag(np.diag(spread))) * STRIDE / math.sqrt(p)
    z, taken = z.copy(), 0
    here = np.array([target.log_density(one, covariances) for one in z])
    for turn in range(MOVES):
        noise = np.column_stack([normals(SEED, f"posterior move {turn} {k}", count) for k in range(p)])
        chance = np.log(stream(SEED, f"posterior move {turn}", count))
        for k in range(count):
            there = z[k] + root @ noise[k]
            log = target.log_density(there, covariances)
            if chance[k] < log - here[k]:
                z[k], here[k], taken = there, log, taken + 1
        if tell:
            tell(f"move {turn + 1} of {MOVES}: {taken / (count * (turn + 1)):.0%} accepted\n")
    return z, taken / (count * MOVES)


def predicted(
    task: Problem, state: State, everything: Evidence, z: Array, tell: Progress | None = None
) -> list[list[Array]]:
    """Predictions of all studies for every draw."""
    there = _Target(task, state, everything)
    found = []
    for one in z:
        found.append(there.predictions(one))
        if tell:
            tell(f"prediction {len(found)} of {len(z)}")
    return found


def proposals(centre: Array, spread: Array, count: int, purpose: str) -> tuple[Array, Array]:
    """Draws (count, p) of a multivariate t with that centre and covariance (p, p), and their log density."""
    p = len(centre)
    root = np.linalg.cholesky(spread * (FREEDOM - 2.0) / FREEDOM)
    noise = np.column_stack([normals(SEED, f"{purpose} {k}", count) for k in range(p)])
    # half a chi-square of an even number of degrees of freedom is a sum of exponentials
    halves = -np.log(np.column_stack([stream(SEED, f"{purpose} chi {k}", count) for k in range(FREEDOM // 2)])).sum(
        axis=1
    )
    u = noise * np.sqrt(FREEDOM / (2.0 * halves))[:, None]
    log_q = (
        math.lgamma((FREEDOM + p) / 2)
        - math.lgamma(FREEDOM / 2)
        - 0.5 * p * math.log(FREEDOM * math.pi)
        - np.log(np.diag(root)).sum()
        - 0.5 * (FREEDOM + p) * np.log1p((u**2).sum(axis=1) / FREEDOM)
    )
    return centre + u @ root.T, np.asarray(log_q)


def truncated(logs: Array, power: float = 1.0) -> Array:
    """Importance weights, tempered by `power` and truncated; they sum to 1."""
    weights = np.exp(power * (logs - logs.max()))
    weights = np.minimum(weights, weights.sum() / math.sqrt(len(weights)))
    return np.asarray(weights / weights.sum())


def tempered(logs: Array, least: float) -> tuple[Array, float]:
    """Weights with the largest power that leaves `least` effective draws, and that power."""
    for power in TEMPERS:
        found = truncated(logs, power)
        if effective(found) >= least:
            break
    return found, power


def effective(weights: Array) -> float:
    """Effective number of draws, 1 / sum w^2."""
    return float(1.0 / (weights**2).sum())


def systematic(weights: Array, count: int) -> IntArray:
    """Indices of a systematic resample: each draw k is taken floor or ceil of count w_k times."""
    edges = (np.arange(count) + 0.5) / count
    return np.minimum(np.searchsorted(np.cumsum(weights), edges), len(weights) - 1)
