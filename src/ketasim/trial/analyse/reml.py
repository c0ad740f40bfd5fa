"""Restricted likelihood of a linear model with one unstructured covariance over visits, for many replicates at once.

Person i with the visits o(i) has the scores y_i ~ Normal(X_i beta, Sigma[o, o]), where X_i = (I_V kron z_i') C: z_i are the
person's columns (Q), C maps the P coefficients onto the V Q coefficients by visit. With W_g = Sigma[o, o]^-1, filled with
zeros to V x V, and Phi = (sum X'WX)^-1, minus twice the restricted log-likelihood is (Patterson and Thompson 1971;
Harville 1977)

    sum_g n_g log|Sigma_g| + log|X'WX| + sum_g tr(W_g RR_g) + (n - P) log 2 pi

where RR_g is the sum of r r' over the people of pattern g. Its derivative with respect to Sigma is
S = sum_g (n_g W_g - W_g N_g W_g), N_g = RR_g + sum X_i Phi X_i', and its second derivatives need the same sums per pattern
(Lindstrom and Bates 1988), so that a step costs patterns times visits, whatever the number of people.

Newton's method with the observed second derivatives; where these are not positive definite, or the step does not descend,
an EM step (Laird and Ware 1982), Sigma - Sigma S Sigma / n, which never ascends and keeps Sigma positive definite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketasim.core.arrays import Array, BoolArray, IntArray

from .inverse import invert
from .patterns import Patterns
from .status import Status

MOST_STEPS = 200
EM_STARTS = 2
SETTLED = 1e-13  # Newton decrement: twice the log-likelihood that a further step would gain
SMALLEST = 1e-11  # share of a diagonal entry that a pivot keeps


@dataclass(frozen=True)
class Fit:
    """A fitted model (B replicates).

    beta : (B, P). phi : (B, P, P), covariance of beta when Sigma is known. sigma : (B, V, V). spread : (B, m, m),
    covariance of the m = V (V + 1) / 2 entries of Sigma, twice the inverse of the observed second derivatives.
    slopes : (B, m, P, P), -d(X'WX)/d(entry of Sigma) with the sign of X'W E W X. weights : (B, G, V, V).
    minus_two_log : (B,). status : (B,). steps : (B,), evaluations used.
    """

    beta: Array
    phi: Array
    sigma: Array
    spread: Array
    slopes: Array
    weights: Array
    minus_two_log: Array
    status: IntArray
    steps: IntArray


def pairs(visits: int) -> tuple[IntArray, IntArray]:
    """Row and column of each free entry of a symmetric matrix."""
    rows, columns = np.triu_indices(visits)
    return rows.astype(np.int64), columns.astype(np.int64)


class Model:
    """The likelihood of some replicates and its derivatives.

    sums : of the people by pattern. mapping : (V Q, P), or None for the identity.
    """

    def __init__(self, sums: Patterns, mapping: Array | None) -> None:
        self.sums = sums
        self.mapping = mapping
        self.visits = sums.yy.shape[-1]
        self.width = sums.zz.shape[-1]
        self.size = self.visits * self.width if mapping is None else mapping.shape[1]
        self.scores = (sums.count[..., None] * sums.seen).sum(axis=(1, 2))
        self.people = sums.count.sum(axis=1)
        first, second = pairs(self.visits)
        self.first, self.second = first, second
        self.flat = first * self.visits + second
        self.double = np.where(first == second, 1.0, 2.0)

    def information(self, weights: Array) -> Array:
        """X'WX (B, P, P)."""
        batch, patterns = weights.shape[:2]
        v, q = self.visits, self.width
        flat = weights.reshape(batch, patterns, v * v).transpose(0, 2, 1) @ self.sums.zz.reshape(batch, patterns, q * q)
        full: Array = flat.reshape(batch, v, v, q, q).transpose(0, 1, 3, 2, 4).reshape(batch, v * q, v * q)
        return full if self.mapping is None else np.asarray(self.mapping.T @ full @ self.mapping)

    def inside(self, sigma: Array) -> BoolArray:
        """Whether Sigma is positive definite (B,)."""
        return np.asarray(invert(sigma)[2] > SMALLEST)

    def at(self, sigma: Array) -> Point:
        """The likelihood and its derivatives at Sigma (B, V, V)."""
        return Point(self, sigma)


class Point:
    """What follows from one Sigma: value, gradient, second derivatives (each computed once)."""

    def __init__(self, model: Model, sigma: Array) -> None:
        sums = model.sums
        batch, patterns = sums.count.shape
        v, q, size = model.visits, model.width, model.size
        self.model, self.sigma = model, sigma
        weights, logdet, pivot = invert(np.broadcast_to(sigma[:, None], (batch, patterns, v, v)), sums.seen)
        information = model.information(weights)
        phi, log_information, rank = invert(information)
        cross = (sums.zy @ weights).sum(axis=1)  # (B, Q, V)
        right = cross.transpose(0, 2, 1).reshape(batch, v * q)
        mapping = model.mapping
        if mapping is not None:
            right = right @ mapping
        beta = np.einsum("bpq,bq->bp", phi, right)
        by_visit = beta if mapping is None else beta @ mapping.T
        coefficients = by_visit.reshape(batch, 1, v, q).transpose(0, 1, 3, 2)  # (B, 1, Q, V)
        fitted = sums.zz @ coefficients
        crossed = sums.zy.transpose(0, 1, 3, 2) @ coefficients
        residual = sums.yy - crossed - crossed.transpose(0, 1, 3, 2) + coefficients.transpose(0, 1, 3, 2) @ fitted
        self.weights, self.phi, self.beta = weights, phi, beta
        self.left = sums.zy - fitted  # sum of z r', (B, G, Q, V)
        self.value = (
            (sums.count * logdet).sum(axis=1)
            + log_information
            + np.einsum("bgvw,bgvw->b", weights, residual)
            + (model.scores - size) * np.log(2 * np.pi)
        )
        self.good = (
            (np.where(sums.count > 0, pivot, 1.0).min(axis=1) > SMALLEST) & (rank > SMALLEST) & np.isfinite(self.value)
        )
        full = phi if mapping is None else mapping @ phi @ mapping.T
        full = full.reshape(batch, v, q, v, q).transpose(0, 1, 3, 2, 4).reshape(batch, v * v, q * q)
        leverage = (sums.zz.reshape(batch, patterns, q * q) @ full.transpose(0, 2, 1)).reshape(batch, patterns, v, v)
        total = residual + leverage
        self.outer = weights @ total @ weights
        self.score = (sums.count[..., None, None] * weights - self.outer).sum(axis=1)  # dS / dSigma, (B, V, V)

    @property
    def gradient(self) -> Array:
        """With respect to the entries of Sigma (B, m)."""
        model = self.model
        return np.asarray(self.score[:, model.first, model.second] * model.double)

    def slopes(self) -> tuple[Array, Array]:
        """X'W E_k W X (B, m, P, P) and X'W E_k W r (B, m, P)."""
        model, sums = self.model, self.model.sums
        batch, patterns = sums.count.shape
        v, q, size, entries = model.visits, model.width, model.size, len(model.first)
        one = self.weights[..., model.first].transpose(0, 1, 3, 2)  # (B, G, m, V)
        other = self.weights[..., model.second].transpose(0, 1, 3, 2)
        sandwich = one[..., :, None] * other[..., None, :]
        sandwich = (sandwich + sandwich.swapaxes(-1, -2)) * (0.5 * model.double)[
            :, None, None
        ]  # W E_k W, (B, G, m, V, V)
        flat = sandwich.reshape(batch, patterns, entries * v * v).transpose(0, 2, 1)
        slope = flat @ sums.zz.reshape(batch, patterns, q * q)
        slope = (
            slope.reshape(batch, entries, v, v, q, q).transpose(0, 1, 2, 4, 3, 5).reshape(batch, entries, v * q, v * q)
        )
        lines = sandwich.transpose(0, 2, 3, 1, 4).reshape(batch, entries * v, patterns * v)
        pull = lines @ self.left.transpose(0, 1, 3, 2).reshape(batch, patterns * v, q)
        pull = pull.reshape(batch, entries, v * q)
        if model.mapping is not None:
            slope = model.mapping.T @ slope @ model.mapping
            pull = pull @ model.mapping
        assert slope.shape[-1] == size
        return slope, pull

    def second(self) -> tuple[Array, Array]:
        """Second derivatives with respect to the entries of Sigma (B, m, m), and the slopes (B, m, P, P)."""
        model, sums = self.model, self.model.sums
        batch, patterns = sums.count.shape
        v, entries = model.visits, len(model.first)
        slope, pull = self.slopes()
        mixed = 2 * self.outer - sums.count[..., None, None] * self.weights
        table = mixed.reshape(batch, patterns, v * v).transpose(0, 2, 1) @ self.weights.reshape(batch, patterns, v * v)
        table = table.reshape(batch, v, v, v, v).transpose(0, 1, 3, 4, 2)  # [a d, b c] -> [a, b, c, d]
        a, b = model.first, model.second
        table = table + table.transpose(0, 2, 1, 3, 4)
        table = table + table.transpose(0, 1, 2, 4, 3)
        pieces = table[:, a[:, None], b[:, None], a, b]
        hessian = pieces * (0.25 * model.double[:, None] * model.double[None, :])
        hessian = 0.5 * (hessian + hessian.transpose(0, 2, 1))
        scaled = (self.phi[:, None] @ slope).reshape(batch, entries, -1)
        turned = scaled.reshape(slope.shape).transpose(0, 1, 3, 2).reshape(batch, entries, -1)
        hessian -= scaled @ turned.transpose(0, 2, 1)
        hessian -= 2 * (pull @ self.phi) @ pull.transpose(0, 2, 1)
        return hessian, slope


def start(sums: Patterns) -> Array:
    """A diagonal Sigma to begin with: per visit, the variance around the fit of the columns to the scores of that visit."""
    seen = sums.seen.astype(np.float64)
    zz = np.einsum("bgv,bgij->bvij", seen, sums.zz)
    zy = sums.zy.sum(axis=1).transpose(0, 2, 1)
    yy = np.einsum("bgvv->bv", sums.yy)
    count = (sums.count[..., None] * seen).sum(axis=1)
    inverse, _, pivot = invert(zz)
    explained = np.einsum("bvi,bvij,bvj->bv", zy, inverse, zy)
    rest = np.where(pivot.reshape(yy.shape) > SMALLEST, yy - explained, yy)
    variance = np.maximum(rest / np.maximum(count - zz.shape[-1], 1.0), 1e-8)
    sigma: Array = variance[:, :, None] * np.eye(yy.shape[-1])
    return sigma


def fit(sums: Patterns, mapping: Array | None = None) -> Fit:
    """Maximises the restricted likelihood of every replicate.

    Refused with a status: a design without full rank, too few people, two visits never seen together, a covariance that
    runs into a singular matrix, more than `MOST_STEPS` evaluations. All numbers of a refused replicate are nan.
    """
    batch = sums.count.shape[0]
    whole = Model(sums, mapping)
    v, size, entries = whole.visits, whole.size, len(whole.first)
    status = np.zeros(batch, dtype=np.int64)
    seen = sums.seen.astype(np.float64) * (sums.count > 0)[..., None]
    together = np.einsum("bg,bgv,bgw->bvw", sums.count, seen, seen)
    status[(together == 0).any(axis=(1, 2))] = Status.PAIR
    rank = invert(whole.information(seen[..., :, None] * np.eye(v)))[2]
    status[~(rank > SMALLEST)] = Status.RANK
    status[(np.einsum("bvv->bv", together) == 0).any(axis=1)] = Status.EMPTY_CELL
    status[(whole.scores <= size) & (status == Status.OK)] = Status.TOO_FEW
    result = Fit(
        np.full((batch, size), np.nan),
        np.full((batch, size, size), np.nan),
        np.full((batch, v, v), np.nan),
        np.full((batch, entries, entries), np.nan),
        np.full((batch, entries, size, size), np.nan),
        np.zeros((batch, sums.count.shape[1], v, v)),
        np.full(batch, np.nan),
        status,
        np.zeros(batch, dtype=np.int64),
    )
    rows = np.flatnonzero(status == Status.OK)
    if len(rows):
        with np.errstate(all="ignore"):  # trial points without meaning are seen by their pivots and left
            _climb(sums, mapping, rows, result)
    return result


def _climb(sums: Patterns, mapping: Array | None, rows: IntArray, result: Fit) -> None:
    """Fills `result` for `rows`: trial points, accepted if the likelihood does not fall, else nearer to the last one."""
    model = Model(sums.take(_flags(rows, sums)), mapping)
    v = model.visits
    now = start(model.sums)
    value = np.full(len(rows), np.inf)
    step = np.zeros((len(rows), v, v))
    em_step = step.copy()
    share = np.zeros(len(rows))
    halvings = np.zeros(len(rows), dtype=np.int64)
    last = now.copy()
    for turn in range(MOST_STEPS):
        point = model.at(now)
        ok = point.good & (point.value <= value + 1e-9 * (1 + np.abs(value)))
        ok |= point.good & ~np.isfinite(value)
        if turn < EM_STARTS:
            hessian_ok, newton, decrement, hessian, slope = np.zeros(len(rows), dtype=bool), step, value, None, None
        else:
            hessian, slope = point.second()
            inverse, _, pivot = invert(hessian)
            move = -np.einsum("bkl,bl->bk", inverse, point.gradient)
            decrement = -np.einsum("bk,bk->b", move, point.gradient)
            hessian_ok = (pivot > SMALLEST) & (decrement >= 0) & np.isfinite(decrement)
            newton = np.zeros_like(step)
            newton[:, model.first, model.second] = move
            newton[:, model.second, model.first] = move
        ended = ok & hessian_ok & (decrement < SETTLED) if turn >= EM_STARTS else np.zeros(len(rows), dtype=bool)
        if ended.any() and hessian is not None and slope is not None:
            where = rows[ended]
            result.beta[where], result.phi[where] = point.beta[ended], point.phi[ended]
            result.sigma[where], result.weights[where] = now[ended], point.weights[ended]
            result.spread[where], result.slopes[where] = 2 * inverse[ended], slope[ended]
            result.minus_two_log[where], result.steps[where] = point.value[ended], turn + 1
        # an accepted point becomes the one to leave from; a refused one is approached by half
        em = -now @ point.score @ now / model.people[:, None, None]
        step = np.where(ok[:, None, None], np.where(hessian_ok[:, None, None], newton, em), step)
        em_step = np.where(ok[:, None, None], em, em_step)
        last = np.where(ok[:, None, None], now, last)
        value = np.where(ok, point.value, value)
        halvings = np.where(ok, 0, halvings + 1)
        share = np.where(ok, 1.0, share * 0.5)
        switch = halvings == 4
        step = np.where(switch[:, None, None], em_step, step)
        share = np.where(switch, 1.0, share)
        stuck = halvings > 12
        now = last + share[:, None, None] * step
        for _ in range(40):  # inside the positive definite matrices first: costs little
            outside = ~model.inside(now)
            if not outside.any():
                break
            share = np.where(outside, share * 0.5, share)
            now = np.where(outside[:, None, None], last + share[:, None, None] * step, now)
        result.status[rows[stuck]] = np.where(flat(last[stuck]), Status.SINGULAR, Status.NOT_CONVERGED)
        going = ~(ended | stuck)
        if not going.all():
            if not going.any():
                return
            rows, value, step, em_step = rows[going], value[going], step[going], em_step[going]
            share, halvings, last, now = share[going], halvings[going], last[going], now[going]
            model = Model(model.sums.take(going), mapping)
    result.status[rows] = np.where(flat(last), Status.SINGULAR, Status.NOT_CONVERGED)


def _flags(rows: IntArray, sums: Patterns) -> BoolArray:
    """Row numbers as flags."""
    flags = np.zeros(sums.count.shape[0], dtype=bool)
    flags[rows] = True
    return flags


def flat(sigma: Array) -> BoolArray:
    """Covariances that have all but lost a dimension."""
    return np.asarray(invert(sigma)[2] < 1e-6)
