"""Draws from the posterior: a surrogate proposes, the model decides.

design      exact predictions at the mode, along every value, at multivariate t draws of the Laplace shape, then where the surrogate's own
            posterior lies: a polynomial surrogate of every prediction (surrogate.py), made anew in each round
propose     independent draws of the surrogate's posterior (long Hamiltonian chains), each predicted exactly
decide      importance resampling: w = exact / surrogate density, its largest values smoothed (Vehtari 2024, arXiv:1507.02646); in each of
            `chains` groups of proposals as many as are wanted, by systematic resampling (Kitagawa 1996, doi:10.2307/1390750) with chances in w.
            (Independence Metropolis-Hastings with such proposals stays at one of a large w for long: decisions/inference.md)
starts      the walkers of a supergroup start at the same draw of the design, these far from each other, and stay in their group, so that nested
            R-hat sees whether they forgot it
trust       Pareto k of w, its effective number, rank-normalised bulk and tail ESS, split and nested R-hat of what ships (diagnostics.py)

The covariances are held at the mode's. Values inside the differential equations are exact but for the interpolation of exact.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from ketasim.core import normals, stream
from ketasim.core.arrays import Array, IntArray

from ..compare.predict import Evidence
from .calibrate import Problem, State
from .diagnostics import Diagnosis, diagnose, effective, smoothed
from .exact import Exact, Many, Predict, many
from .surrogate import Observations, Surrogate, chains, fitted, spread_root

Progress = Callable[[str], None]
SEED = 1
FREEDOM = 8
WIDER = 1.2  # of the Laplace covariance
PER_CHAIN = 16  # walkers of a chain
SPREAD = 1.0  # Laplace SDs of the design points along one value


@dataclass(frozen=True)
class Effort:
    """How much is spent. first : t draws of the design; rounds : surrogate draws added to it in each round; enough : share of effective proposals
    at which no further round is made; chains in superchains; least : proposals of a chain; moves : Hamiltonian moves between two proposals of a
    walker; wanted : effective draws at which it may stop; most : exact predictions of proposals at most."""

    first: int = 300
    rounds: tuple[int, ...] = (200, 200, 300, 400)
    enough: float = 0.85
    chains: int = 16
    superchains: int = 4
    least: int = 140
    moves: int = 12
    wanted: float = 500.0
    most: int = 4000


@dataclass(frozen=True)
class Draws:
    """The posterior. z (N, p) with equal weights (N,), chain after chain; the predictions of all studies (scale of comparison) for each.

    effective : the least bulk ESS. tried : exact predictions at proposals; distinct : share of the draws that are no copies. surrogate_error : leave-one-out error of
    the surrogate in SDs of a row; interpolation_error : largest error of a prediction by interpolated arms, in SDs of its row.
    """

    z: Array
    weights: Array
    predictions: list[list[Array]]
    tried: int
    distinct: float
    pareto_k: float
    importance_effective: float
    of_values: Diagnosis
    of_predictions: Diagnosis
    surrogate_error: float
    interpolation_error: float

    @property
    def effective(self) -> float:
        """The least bulk ESS of values and predictions; never more than the effective number of the proposals."""
        return min(self.of_values.bulk_ess, self.of_predictions.bulk_ess, self.importance_effective)

    def figures(self) -> dict[str, float]:
        """What ships beside the draws."""
        both = (self.of_values, self.of_predictions)
        return {
            "draws": len(self.z),
            "effective_draws": self.effective,
            "bulk_ess_least": self.effective,
            "tail_ess_least": min(d.tail_ess for d in both),
            "rhat_most": max(d.rhat for d in both),
            "nested_rhat_most": max(d.nested_rhat for d in both),
            "mc_error_most": max(d.mc_error for d in both),
            "pareto_k": self.pareto_k,
            "proposals": self.tried,
            "importance_effective": self.importance_effective,
            "distinct_draws": self.distinct,
            "surrogate_error": self.surrogate_error,
            "interpolation_error": self.interpolation_error,
        }


def draw(
    task: Problem,
    state: State,
    count: int,
    everything: Evidence,
    tell: Progress | None = None,
    effort: Effort | None = None,
    predict: Predict | None = None,
) -> Draws:
    """`count` draws of equal weight (a multiple of the chains at least as large). `everything` is predicted for each.

    predict : stands for the model, z (p,) -> predictions of `everything`, one array per study; the model itself unless given.
    """
    assert state.hessian is not None
    effort = effort or Effort()
    sd = np.sqrt(np.diag(np.linalg.inv(state.hessian)))
    exact = Exact(task, state.z, sd, everything, tell) if predict is None else None
    model: Predict = exact if exact is not None else predict  # type: ignore[assignment]
    sizes = [len(b.rows) for b in everything.blocks]
    edges = np.concatenate([[0], np.cumsum(sizes)])
    places = {id(block): np.arange(a, b) for block, a, b in zip(everything.blocks, edges, edges[1:], strict=False)}
    seen = Observations.of(
        [places[id(block)] for block in task.evidence.blocks],
        [block.y for block in task.evidence.blocks],
        task.covariances(state.z, state.taus),
    )
    bounds = (np.array([p.z(p.low) for p in task.parameters]), np.array([p.z(p.high) for p in task.parameters]))
    with many(model) if exact is not None else nullcontext(Many(model)) as go:
        design = designed(state, seen, bounds, go, effort, tell)
        found = decided(design, seen, go, count, effort, tell)
    error = interpolation_error(exact, found[0], seen, tell) if exact is not None else 0.0
    return shipped(*found, edges, design.surrogate, error)


@dataclass(frozen=True)
class _Design:
    """What the design leaves: the surrogate, a root of its covariance (p, p), the draws of the last round (N, p) and their effective share."""

    surrogate: Surrogate
    root: Array
    last: Array
    share: float


def designed(
    state: State, seen: Observations, bounds: tuple[Array, Array], go: Many, effort: Effort, tell: Progress | None
) -> _Design:
    """Exact predictions where the posterior lies, and the surrogate through them."""
    assert state.hessian is not None
    p = len(state.z)
    covariance = np.linalg.inv(state.hessian)
    along = np.diag(SPREAD * np.sqrt(np.diag(covariance)))
    wide = wide_draws(state.z, covariance * WIDER, effort.first)
    z = np.vstack([state.z, state.z + along, state.z - along, wide])
    predicted = go(z, tell, "design")
    logs = seen.log_density(z, predicted)

    def made() -> Surrogate:
        return fitted(z, predicted, trusted(logs, p), seen, state.z, np.asarray(state.hessian), bounds)

    surrogate, root, share = made(), np.linalg.cholesky(covariance), 0.0
    at = wide[np.argsort(-logs[1 + 2 * p :])]
    for turn, more in enumerate(effort.rounds):
        at, _ = chains(surrogate, np.resize(at, (more, p)), 3 * effort.moves, SEED, f"design round {turn}", tell, root)
        root = spread_root(at)
        there = go(at, tell, f"design round {turn + 1}")
        exact = seen.log_density(at, there)
        log_weights, k = smoothed(exact - surrogate.log_density(at))
        share = effective(log_weights) / more
        z, predicted, logs = np.vstack([z, at]), np.vstack([predicted, there]), np.concatenate([logs, exact])
        surrogate = made()
        if tell:
            tell(
                f"round {turn + 1}: {share:.0%} of {more} draws effective, Pareto k {k:.2f}; error of the surrogate {surrogate.error:.3f} SD of a row\n"
            )
        if share >= effort.enough:
            break
    return _Design(surrogate, root, at, share)


def trusted(logs: Array, p: int) -> Array:
    """Weights (N,) in 0 .. 1 of design points by their log densities: those that a normal posterior of p values nearly never reaches count less."""
    usual = p / 2.0 + 3.0 * math.sqrt(p / 2.0) + 2.0
    return np.asarray(np.exp(-np.maximum(logs.max() - logs - usual, 0.0) / usual))


def wide_draws(centre: Array, covariance: Array, count: int) -> Array:
    """Draws (count, p) of a multivariate t of `FREEDOM` degrees of freedom with that centre and covariance (p, p)."""
    p = len(centre)
    root = np.linalg.cholesky(covariance * (FREEDOM - 2.0) / FREEDOM)
    noise = normals(SEED, "posterior design", count * p).reshape(count, p)
    # half a chi-square of an even number of degrees of freedom is a sum of exponentials
    halves = -np.log(stream(SEED, "posterior design chi", count * FREEDOM // 2).reshape(count, -1)).sum(axis=1)
    return np.asarray(centre + (noise * np.sqrt(FREEDOM / (2.0 * halves))[:, None]) @ root.T)


@dataclass(frozen=True)
class _Chains:
    """Proposals z (N, p), their predictions (N, R), log ratios (N,); path (C, T) : which of them a chain keeps."""

    z: Array
    predicted: Array
    log_ratios: Array
    path: IntArray

    def values(self) -> Array:
        """(C, T, p)."""
        return self.z[self.path]


def decided(
    design: _Design, seen: Observations, go: Many, count: int, effort: Effort, tell: Progress | None
) -> tuple[_Chains, Diagnosis, Diagnosis]:
    """Proposals until `count` draws of them are good enough; diagnosis of values and of predictions."""
    surrogate, many_chains = design.surrogate, effort.chains
    per = -(-count // many_chains)
    wanted = min(effort.wanted, 0.7 * per * many_chains)
    group = np.arange(many_chains) % effort.superchains
    starts = apart(design.last, effort.superchains, surrogate)[group]
    walkers = np.tile(starts, (PER_CHAIN, 1))  # walker i belongs to chain i modulo the number of chains
    walkers, _ = chains(surrogate, walkers, 6 * effort.moves, SEED, "surrogate walkers", tell, design.root)
    z, predicted = walkers, go(walkers, tell, "first proposals")
    steps, turn = max(effort.least, 2 * per), 0
    while True:
        while len(z) < many_chains * steps:
            walkers, _ = chains(surrogate, walkers, effort.moves, SEED, f"surrogate walkers {turn}", tell, design.root)
            fresh = walkers[: many_chains * steps - len(z)]
            z = np.vstack([z, fresh])
            predicted = np.vstack([predicted, go(fresh, tell, f"proposals {len(z)} of {many_chains * steps}")])
            turn += 1
        ratios = seen.log_density(z, predicted) - surrogate.log_density(z)
        log_weights, k = smoothed(ratios)
        kept = resampled(log_weights.reshape(-1, many_chains), per)
        of_values, of_predictions = (diagnose(table[kept], group) for table in (z, predicted))
        figures = [of_values.bulk_ess, of_values.tail_ess, of_predictions.bulk_ess, of_predictions.tail_ess]
        figures.append(effective(log_weights))
        if tell:
            least = ", ".join(f"{figure:.0f}" for figure in figures)
            tell(
                f"{len(z)} proposals: Pareto k {k:.2f}; effective, bulk and tail of values and predictions, and of the proposals: {least}\n"
            )
        if min(figures) >= wanted or len(z) >= effort.most:
            return _Chains(z, predicted, ratios, kept), of_values, of_predictions
        steps = min(int(1.4 * steps), effort.most // many_chains)


def apart(points: Array, count: int, surrogate: Surrogate) -> Array:
    """`count` of the points (N, p), each as far from those before as possible, in Laplace SDs; the first is the first of them."""
    u = np.linalg.solve(surrogate.root, (points - surrogate.centre).T).T
    picked = [0]
    while len(picked) < count:
        distance = np.min([((u - u[k]) ** 2).sum(axis=1) for k in picked], axis=0)
        picked.append(int(np.argmax(distance)))
    return points[picked]


def resampled(log_weights: Array, per: int) -> IntArray:
    """Systematic resampling in each of C groups. log_weights (T, C) of T proposals of every group, stored row by row; per : draws of a group.

    With c the running sum of the group's weights, which sum to 1, draw i is the first proposal with c >= (i + u) / per, u uniform: each is expected per w
    times. Returns which proposals, (C, per).
    """
    steps, count = log_weights.shape
    w = np.exp(log_weights - log_weights.max(axis=0))
    running = np.cumsum(w / w.sum(axis=0), axis=0)
    at = (np.arange(per)[:, None] + stream(SEED, "posterior resampling", count)) / per
    rows = np.stack([np.searchsorted(running[:, c], at[:, c]).clip(0, steps - 1) for c in range(count)])
    return np.asarray(rows * count + np.arange(count)[:, None], dtype=np.int64)


def interpolation_error(
    exact: Exact, found: _Chains, seen: Observations, tell: Progress | None, checks: int = 4
) -> float:
    """Largest error of a prediction by interpolated arms, in SDs of its row, at some of the draws."""
    if not len(exact.grid.index):
        return 0.0
    worst, used = 0.0, np.unique(found.path)
    for k in used[np.linspace(0, len(used) - 1, checks).round().astype(int)]:
        off = np.concatenate(exact.anew(found.z[k])) - found.predicted[k]
        worst = max(
            worst,
            *(float(np.abs(whiten @ off[rows]).max()) for rows, whiten in zip(seen.rows, seen.whiten, strict=True)),
        )
        if tell:
            tell(f"arms integrated anew at a draw: largest error so far {worst:.2g} SD of a row")
    return worst


def shipped(
    found: _Chains,
    of_values: Diagnosis,
    of_predictions: Diagnosis,
    edges: IntArray,
    surrogate: Surrogate,
    error: float,
) -> Draws:
    """What the chains are at, chain after chain."""
    log_weights, k = smoothed(found.log_ratios)
    at = found.path.ravel()
    return Draws(
        found.z[at],
        np.full(len(at), 1.0 / len(at)),
        [np.split(found.predicted[one], edges[1:-1]) for one in at],
        len(found.log_ratios),
        len(np.unique(at)) / len(at),
        k,
        effective(log_weights),
        of_values,
        of_predictions,
        surrogate.error,
        error,
    )
