"""A polynomial for every prediction, in place of the model: cheap enough for long Markov chains, near enough for exact ones to correct.

prediction   f_r(z) ~ sum_k b_rk phi_k(x),  x = (z held to its bounds - centre) / posterior SD;  phi: 1, x_i, x_i x_j, x_i^3 of the values
             that the study of the row depends on, and x_i^2 x_j where these are few; b by ridge regression on exact predictions, its strength by leave-one-out error (PRESS)
density      log s(z) = t [-1/2 |z|^2 - 1/2 sum (y - f(z))' C^-1 (y - f(z))] - wall;  t < 1 makes its tails wider than the posterior's, so that no
             chain sits in one; the wall keeps chains from where no exact prediction was made
chains       Hamiltonian Monte Carlo with the gradient of log s in coordinates in which the curvature at the mode is 1 (Neal 2011,
             arXiv:1206.1901), many chains at a time
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from ketasim.core import normals, stream
from ketasim.core.arrays import Array, IntArray

Progress = Callable[[str], None]
RIDGES = tuple(10.0**n for n in range(-8, 3))  # relative to the mean squared singular value
MOVES_NOTHING = 1e-9  # on the scale of comparison
WALL = 4.0  # Laplace SDs beyond the typical radius sqrt(p)
FAR = 50.0  # prior SDs
TEMPER = 0.95
CUBIC = 0.3  # a ridge holds these terms back by so much more
SHARE_OF_POINTS = 0.25  # so many cubic terms at most for each design point, else only x_i^3
STEP, LEAPS = 0.22, 9  # of a Hamiltonian move, in Laplace SDs


@dataclass(frozen=True)
class Observations:
    """What the fit compares with. rows : places (R,) of each study's rows among all predictions; y, whiten : data and inverse Cholesky roots."""

    rows: tuple[IntArray, ...]
    y: tuple[Array, ...]
    whiten: tuple[Array, ...]

    @staticmethod
    def of(rows: Sequence[IntArray], y: Sequence[Array], covariances: Sequence[Array]) -> Observations:
        """whiten : C = L L', L^-1."""
        roots = [np.linalg.cholesky(c) for c in covariances]
        inverse = [solve_triangular(root, np.eye(len(root)), lower=True) for root in roots]
        return Observations(tuple(rows), tuple(y), tuple(inverse))

    def log_density(self, z: Array, predicted: Array) -> Array:
        """Log posterior densities (N,), constants left out, of z (N, p) with all predictions (N, all rows)."""
        found = -0.5 * (z**2).sum(axis=1)
        for rows, y, whiten in zip(self.rows, self.y, self.whiten, strict=True):
            found = found - 0.5 * (((y - predicted[:, rows]) @ whiten.T) ** 2).sum(axis=1)
        return np.asarray(found)


@dataclass(frozen=True)
class Surrogate:
    """centre, sd, low, high (p,) : scale of x and bounds of z; first, second (F,) : the two factors of every product;
    coefficients (F', W) : of the whitened residuals, rows as in `features`; root (p, p) : Laplace covariance root."""

    centre: Array
    sd: Array
    low: Array
    high: Array
    first: IntArray
    second: IntArray
    coefficients: Array
    root: Array
    error: float  # root mean square of the leave-one-out error of all rows, in units of their SD

    def _x(self, z: Array) -> tuple[Array, Array]:
        held = np.clip(z, self.low, self.high)
        return (held - self.centre) / self.sd, (held == z) / self.sd

    def _wall(self, z: Array) -> tuple[Array, Array]:
        """Penalty (N,) and its gradient (N, p); beyond its bound a value goes no farther, so nothing is walled in there."""
        held = np.clip(z, self.low, self.high)
        u = solve_triangular(self.root, (held - self.centre).T, lower=True).T
        radius = np.sqrt((u**2).sum(axis=1))
        over = np.maximum(radius - math.sqrt(z.shape[1]) - WALL, 0.0)
        slope = (over / np.maximum(radius, 1e-12))[:, None] * u
        return 0.5 * over**2, solve_triangular(self.root, slope.T, lower=True, trans="T").T * (held == z)

    def log_density(self, z: Array) -> Array:
        """log s (N,) of z (N, p)."""
        x, _ = self._x(z)
        residual = features(x, self.first, self.second) @ self.coefficients
        return np.asarray(-0.5 * TEMPER * ((z**2).sum(axis=1) + (residual**2).sum(axis=1)) - self._wall(z)[0])

    def log_density_and_gradient(self, z: Array) -> tuple[Array, Array]:
        """log s (N,) and its gradient (N, p)."""
        x, scale = self._x(z)
        count, p = x.shape
        residual = features(x, self.first, self.second) @ self.coefficients
        each = residual @ self.coefficients.T
        end = 1 + p + len(self.first)
        pairs = np.zeros((count, p, p))
        pairs[:, self.first, self.second] = each[:, 1 + p : end]
        pairs += pairs.transpose(0, 2, 1)
        cubes = CUBIC * each[:, end:].reshape(count, p, p)
        slope = (
            each[:, 1 : 1 + p]
            + np.einsum("nij,nj->ni", pairs, x)
            + 2.0 * x * np.einsum("nij,nj->ni", cubes, x)
            + np.einsum("nij,ni->nj", cubes, x**2)
        )
        wall, push = self._wall(z)
        log = -0.5 * TEMPER * ((z**2).sum(axis=1) + (residual**2).sum(axis=1)) - wall
        return log, TEMPER * (-z - slope * scale) - push


def features(x: Array, first: IntArray, second: IntArray) -> Array:
    """1, x_i, x_i x_j (i, j in first, second), `CUBIC` x_i^2 x_j (all i, j) of points x (N, p), (N, 1 + p + F + p^2)."""
    cubes = CUBIC * (x**2)[:, :, None] * x[:, None, :]
    return np.concatenate([np.ones((len(x), 1)), x, x[:, first] * x[:, second], cubes.reshape(len(x), -1)], axis=1)


def fitted(
    z: Array,
    predicted: Array,
    weights: Array,
    seen: Observations,
    mode: Array,
    hessian: Array,
    bounds: tuple[Array, Array],
) -> Surrogate:
    """The surrogate through exact predictions (N, all rows) at z (N, p); weights (N,) in 0 .. 1. z[0] is the mode, z[1 : 1 + 2 p] move one value each.

    mode (p,), hessian (p, p), bounds (low, high) of z, (p,) each.
    """
    count, p = z.shape
    covariance = np.linalg.inv(hessian)
    low, high = bounds
    sd, centre = np.sqrt(np.diag(covariance)), np.clip(mode, low, high)
    x = (np.clip(z, low, high) - centre) / sd
    first, second = np.triu_indices(p)
    table = features(x, first, second)
    root_weights = np.sqrt(weights)[:, None]
    blocks, squared, rows_all = [], 0.0, 0
    for rows, y, whiten in zip(seen.rows, seen.y, seen.whiten, strict=True):
        one_by_one = np.abs(predicted[1 : 1 + 2 * p][:, rows] - predicted[0, rows]).max(axis=1)
        moves = (one_by_one[:p] > MOVES_NOTHING) | (one_by_one[p:] > MOVES_NOTHING)
        few = moves.sum() ** 2 <= count * SHARE_OF_POINTS
        cubes = np.outer(moves, moves) if few else np.diag(moves)
        used = np.concatenate([[True], moves, moves[first] & moves[second], cubes.ravel()])
        target = (y - predicted[:, rows]) @ whiten.T
        found, error = ridge(table[:, used] * root_weights, target * root_weights)
        whole = np.zeros((table.shape[1], len(rows)))
        whole[used] = found
        blocks.append(whole)
        squared, rows_all = squared + error, rows_all + len(rows)
    return Surrogate(
        centre,
        sd,
        low,
        high,
        first,
        second,
        np.concatenate(blocks, axis=1),
        np.linalg.cholesky(covariance),
        math.sqrt(squared / (rows_all * float(weights.sum()))),
    )


def ridge(table: Array, target: Array) -> tuple[Array, float]:
    """Coefficients (F, R) of ridge regression of target (N, R) on table (N, F), and the sum of squared leave-one-out errors of the best strength.

    Leave-one-out residual e_i / (1 - h_ii) with the hat matrix h (Allen 1974, doi:10.1080/00401706.1974.10489157).
    """
    u, s, vt = np.linalg.svd(table, full_matrices=False)
    projected = u.T @ target
    best, coefficients = math.inf, np.zeros((table.shape[1], target.shape[1]))
    for strength in RIDGES:
        shrink = s**2 / (s**2 + strength * float((s**2).mean()))
        hat = ((u**2) * shrink).sum(axis=1)
        error = float(
            (((target - u @ (shrink[:, None] * projected)) / np.maximum(1.0 - hat, 1e-3)[:, None]) ** 2).sum()
        )
        if error < best:
            best = error
            coefficients = vt.T @ ((shrink / np.maximum(s, 1e-300))[:, None] * projected)
    return coefficients, best


def chains(
    target: Surrogate,
    start: Array,
    moves: int,
    seed: int,
    purpose: str,
    tell: Progress | None = None,
    root: Array | None = None,
) -> tuple[Array, float]:
    """Positions (N, p) of N chains after `moves` Hamiltonian moves from start (N, p), and the share accepted.

    root (p, p) : L of a covariance L L' that is about the posterior's; the Laplace covariance unless given.
    """
    count, p = start.shape
    root = target.root if root is None else root
    z = start.copy()
    log, gradient = target.log_density_and_gradient(z)
    taken = 0.0
    for turn in range(moves):
        momentum = normals(seed, f"{purpose} momentum {turn}", count * p).reshape(count, p)
        step = STEP * (0.7 + 0.6 * stream(seed, f"{purpose} step {turn}", count))[:, None]
        there, log_there, gradient_there, m = z, log, gradient, momentum
        lost = np.zeros(count, dtype=bool)
        for _ in range(LEAPS):
            m = m + 0.5 * step * (gradient_there @ root)
            there = there + (step * m) @ root.T
            lost |= ~(np.abs(there - target.centre) < FAR).all(axis=1)  # a path that runs away is refused
            there, m = np.where(lost[:, None], z, there), np.where(lost[:, None], 0.0, m)
            log_there, gradient_there = target.log_density_and_gradient(there)
            m = m + 0.5 * step * (gradient_there @ root)
        gain = log_there - log - 0.5 * (m**2).sum(axis=1) + 0.5 * (momentum**2).sum(axis=1)
        yes = (np.log(stream(seed, f"{purpose} chance {turn}", count)) < gain) & ~lost
        z = np.where(yes[:, None], there, z)
        log, gradient = np.where(yes, log_there, log), np.where(yes[:, None], gradient_there, gradient)
        taken += float(yes.mean())
        if tell:
            tell(f"{purpose}: move {turn + 1} of {moves}, {taken / (turn + 1):.0%} accepted")
    return z, taken / moves


def spread_root(z: Array) -> Array:
    """Lower root of the covariance of draws (N, p), its correlations a little shrunk: few draws have directions that are too narrow."""
    spread = np.cov(z.T).reshape(z.shape[1], -1)
    return np.linalg.cholesky(0.9 * spread + 0.1 * np.diag(np.diag(spread)))
