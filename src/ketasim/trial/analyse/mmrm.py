"""The mixed model for repeated measures: treatment by visit, unstructured covariance, REML, small-sample degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError
from ketasim.core.arrays import Array, IntArray

from . import reml
from .estimands import ANALYSES, Analysis
from .patterns import MOST_VISITS, group
from .shapes import arms_of, columns_of, scores_of
from .status import Status, counts
from .student import interval, two_sided

Freedom = Literal["kenward-roger", "satterthwaite"]
CHUNK = 4_000_000  # numbers in the largest table of one block of replicates


@dataclass(frozen=True)
class Mmrm:
    """Differences to the comparator by visit, with small-sample inference.

    R replicates, A arms, V visits; arrays (R, A - 1, V) unless said otherwise.

    estimate : adjusted mean change of the arm minus that of the comparator. se, df, p (two-sided), low, high.
    covariance : (R, V, V), of the residuals. log_likelihood : (R,), restricted. status : (R,), `Status`; what is not
    `Status.OK` has nan everywhere. method : of degrees of freedom. level : of the interval.
    """

    estimate: Array
    se: Array
    df: Array
    p: Array
    low: Array
    high: Array
    covariance: Array
    log_likelihood: Array
    status: IntArray
    method: Freedom
    level: float

    @property
    def name(self) -> str:
        """Key of `ANALYSES`."""
        return "mmrm"

    @property
    def analysis(self) -> Analysis:
        """Name, label and estimand."""
        return ANALYSES[self.name]

    def reasons(self) -> dict[str, int]:
        """Why replicates have no result -> how many."""
        return counts(self.status)


def mmrm(
    change: ArrayLike,
    arm: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    df: Freedom = "kenward-roger",
    by_visit: bool | tuple[bool, ...] = True,
    level: float = 0.95,
) -> Mmrm:
    """Mixed model for repeated measures of every replicate.

    y_iv = mean_v + effect_{arm(i), v} + sum_k b_{k, v} x_ik + e_iv, with e_i ~ Normal(0, Sigma), Sigma unstructured and common to
    the arms, fitted by restricted likelihood to the scores that exist (missing at random given the model; monotone or not).

    change : (R, N, V) or (N, V), change from baseline, nan = missing. arm : (R, N) or (N,), whole numbers, 0 = comparator.
    covariates : (R, N, K) or (N, K), baseline score among them by the caller's choice. df : "kenward-roger" (adjusted
    covariance and degrees of freedom, Kenward and Roger 1997, with the observed information) or "satterthwaite"
    (Giesbrecht and Burns 1985; Fai and Cornelius 1996). by_visit : whether a covariate has a coefficient of its own at
    each visit (for all or one per covariate); else one over all visits.

    Errors: shapes that do not fit, an arm numbered below 0, covariates that are missing, an unknown `df`.
    """
    if df not in ("kenward-roger", "satterthwaite"):
        raise UsageError(
            f"unknown method of degrees of freedom '{df}'",
            where="mmrm(df=...)",
            allowed="kenward-roger, satterthwaite",
            fix='df="kenward-roger"',
        )
    scores = scores_of(change)
    replicates, people, visits = scores.shape
    if visits > MOST_VISITS:
        raise UsageError(
            f"{visits} visits are more than can be analysed", where="mmrm(change)", allowed=f"up to {MOST_VISITS}"
        )
    arms, groups = arms_of(arm, replicates, people)
    extra = columns_of(covariates, replicates, people)
    each = (by_visit,) * extra.shape[-1] if isinstance(by_visit, bool) else tuple(by_visit)
    if len(each) != extra.shape[-1]:
        raise UsageError(
            f"by_visit names {len(each)} covariates, there are {extra.shape[-1]}",
            where="mmrm(by_visit=...)",
            allowed="True, False, or one of them per covariate",
        )
    mapping = _mapping(visits, groups, each)
    shape = (replicates, groups - 1, visits)
    out = {name: np.full(shape, np.nan) for name in ("estimate", "se", "df", "p", "low", "high")}
    sigma, log_likelihood = np.full((replicates, visits, visits), np.nan), np.full(replicates, np.nan)
    status = np.zeros(replicates, dtype=np.int64)
    width = groups + extra.shape[-1]
    entries = visits * (visits + 1) // 2
    table = entries * max(visits * visits * min(2**visits, people), (visits * width) ** 2)
    block = int(np.clip(CHUNK // max(table, 1), 1, 128))
    for begin in range(0, replicates, block):
        rows = slice(begin, min(begin + block, replicates))
        part = _one_block(scores[rows], arms[rows], groups, extra[rows], mapping, df, level)
        for name, array in out.items():
            array[rows] = part[name]
        sigma[rows], log_likelihood[rows], status[rows] = part["sigma"], part["log_likelihood"], part["status"]
    return Mmrm(**out, covariance=sigma, log_likelihood=log_likelihood, status=status, method=df, level=level)


def _mapping(visits: int, groups: int, each: tuple[bool, ...]) -> Array | None:
    """(V Q, P): one column per coefficient; None if every column of z has a coefficient at each visit."""
    if all(each):
        return None
    width = groups + len(each)
    columns: list[Array] = []
    for q in range(width):
        entries = np.zeros((visits, width))
        if q < groups or each[q - groups]:
            for v in range(visits):
                one = entries.copy()
                one[v, q] = 1.0
                columns.append(one.reshape(-1))
        else:
            entries[:, q] = 1.0
            columns.append(entries.reshape(-1))
    return np.stack(columns, axis=1)


def _one_block(
    scores: Array, arms: IntArray, groups: int, extra: Array, mapping: Array | None, method: Freedom, level: float
) -> dict[str, Array | IntArray]:
    """Everything for some replicates, in units of the SD of the scores and with covariates around their means."""
    visits = scores.shape[-1]
    seen = ~np.isnan(scores)
    total = np.maximum(seen.sum(axis=(1, 2)), 1)
    filled = np.where(seen, scores, 0.0)
    middle = filled.sum(axis=(1, 2)) / total
    spread = np.sqrt((np.where(seen, filled - middle[:, None, None], 0.0) ** 2).sum(axis=(1, 2)) / total)
    flat = ~(spread > 1e-12 * (1 + np.abs(middle)))
    unit = np.where(flat, 1.0, spread)
    around = extra.mean(axis=1, keepdims=True)
    width = extra.std(axis=1, keepdims=True)
    width = np.where(width > 0, width, 1.0)
    dummies = (arms[..., None] == np.arange(1, groups)).astype(np.float64)
    columns = np.concatenate([np.ones((*arms.shape, 1)), dummies, (extra - around) / width], axis=-1)
    sums = group((scores - middle[:, None, None]) / unit[:, None, None], columns)
    fitted = reml.fit(sums, mapping)
    status = fitted.status.copy()
    present = (arms[:, :, None] == np.arange(groups)).astype(np.float64)
    empty = (np.einsum("bna,bnv->bav", present, seen.astype(np.float64)) == 0).any(axis=(1, 2))
    status[empty] = Status.EMPTY_CELL
    status[flat & ~empty] = Status.NO_SPREAD
    rows = np.flatnonzero(status == Status.OK)
    size = fitted.beta.shape[1]
    answer = {
        name: np.full((len(scores), groups - 1, visits), np.nan)
        for name in ("estimate", "se", "df", "p", "low", "high")
    }
    sigma, log_likelihood = np.full((len(scores), visits, visits), np.nan), np.full(len(scores), np.nan)
    if len(rows):
        q = columns.shape[-1]
        wanted = np.zeros((groups - 1, visits, visits, q))
        for a in range(groups - 1):
            wanted[a, np.arange(visits), np.arange(visits), a + 1] = 1.0
        contrasts = wanted.reshape((groups - 1) * visits, visits * q)
        if mapping is not None:
            contrasts = contrasts @ mapping
        estimate, se, freedom = inference(fitted, sums.zz, mapping, contrasts, rows, method)
        known = (np.isfinite(se) & (freedom >= 1) & np.isfinite(freedom)).all(axis=1)
        status[rows[~known]] = np.where(reml.flat(fitted.sigma[rows[~known]]), Status.SINGULAR, Status.UNCERTAIN)
        rows, estimate, se, freedom = rows[known], estimate[known], se[known], freedom[known]
        estimate, se = estimate * unit[rows, None], se * unit[rows, None]
        low, high = interval(estimate, se, freedom, level)
        found = {"estimate": estimate, "se": se, "df": freedom, "low": low, "high": high}
        found["p"] = two_sided(estimate / se, freedom)
        for name, values in found.items():
            answer[name][rows] = values.reshape(len(rows), groups - 1, visits)
        sigma[rows] = fitted.sigma[rows] * unit[rows, None, None] ** 2
        scores_seen = seen.sum(axis=(1, 2))
        shared = np.zeros(extra.shape[-1])  # coefficients per covariate
        for k in range(extra.shape[-1]):
            column = groups + k
            picks = np.arange(visits) * q + column
            shared[k] = visits if mapping is None else (np.abs(mapping[picks]).sum(axis=0) > 0).sum()
        minus_two = fitted.minus_two_log + 2 * (scores_seen - size) * np.log(unit) + 2 * (np.log(width[:, 0]) @ shared)
        log_likelihood[rows] = -0.5 * minus_two[rows]
    return {**answer, "sigma": sigma, "log_likelihood": log_likelihood, "status": status}


def inference(
    fitted: reml.Fit, zz: Array, mapping: Array | None, contrasts: Array, rows: IntArray, method: Freedom
) -> tuple[Array, Array, Array]:
    """Estimate, standard error and degrees of freedom of each contrast, (len(rows), L).

    contrasts : (L, P). With v = c'Phi c, g_k = dv/dSigma_k and Lambda the covariance of the entries of Sigma (observed
    information), df = 2 v^2 / g'Lambda g; for a single contrast the degrees of freedom of Kenward and Roger are the same.
    Their standard error takes Phi + 2 Phi [sum_kl Lambda_kl (Q_kl - P_k Phi P_l)] Phi in place of Phi; the term with second
    derivatives of Sigma is zero, since the parameters are the entries of Sigma themselves.
    """
    phi, slopes, spread = fitted.phi[rows], fitted.slopes[rows], fitted.spread[rows]
    estimate = fitted.beta[rows] @ contrasts.T
    u = phi @ contrasts.T  # (B, P, L)
    variance = np.einsum("lp,bpl->bl", contrasts, u)
    turned = slopes @ u[:, None]  # (B, m, P, L)
    gradient = np.einsum("bkpl,bpl->bkl", turned, u)
    freedom = 2 * variance**2 / np.einsum("bkl,bkm,bml->bl", gradient, spread, gradient)
    if method == "satterthwaite":
        return estimate, np.sqrt(variance), freedom
    weights = fitted.weights[rows]
    batch, patterns, visits = weights.shape[:3]
    first, second = reml.pairs(visits)
    place = np.zeros((visits, visits), dtype=np.int64)
    place[first, second] = place[second, first] = np.arange(len(first))
    expanded = spread[:, place.reshape(-1)][:, :, place.reshape(-1)].reshape(batch, visits, visits, visits, visits)
    # sum_kl Lambda_kl E_k W E_l = Y with Y[a, d] = sum_bc Lambda[ab, cd] W[b, c]
    table = expanded.transpose(0, 2, 3, 1, 4).reshape(batch, visits * visits, visits * visits)
    inner = (weights.reshape(batch, patterns, -1) @ table).reshape(batch, patterns, visits, visits)
    inner = weights @ inner @ weights
    q = zz.shape[-1]
    twice = inner.reshape(batch, patterns, -1).transpose(0, 2, 1) @ zz[rows].reshape(batch, patterns, q * q)
    twice = twice.reshape(batch, visits, visits, q, q).transpose(0, 1, 3, 2, 4).reshape(batch, visits * q, visits * q)
    if mapping is not None:
        twice = mapping.T @ twice @ mapping
    added = np.einsum("bpl,bpq,bql->bl", u, twice, u)
    mixed = np.einsum("bkm,bmpl->bkpl", spread, turned)
    taken = np.einsum("bkpl,bpq,bkql->bl", mixed, phi, turned, optimize=True)
    return estimate, np.sqrt(variance + 2 * (added - taken)), freedom
