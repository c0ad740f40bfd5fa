"""Multiple imputation of missing visits: missing at random, or as the reference arm would have gone on.

Given z_i = (1, arms, covariates around their means), the scores are y_i ~ Normal(B'z_i, Sigma), with a flat prior on B and
|Sigma|^(-(V+1)/2) on Sigma. Data augmentation (Tanner and Wong 1987; Schafer 1997, chapter 5) draws in turn Sigma (inverse
Wishart), B and the missing scores, from the restricted maximum likelihood estimate on; every `THIN`-th draw after `BURN`
makes one completed data set. Scores missing before a person's last seen visit are always imputed at random; those after it
by the strategy (Carpenter, Roger and Kenward 2013): "mar", "jump-to-reference" (mean of the reference from then on),
"copy-reference" (mean of the reference throughout), "copy-increments" (own mean so far, then the steps of the reference).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError, unknown_name
from ketasim.core.arrays import Array, BoolArray, IntArray

from . import reml
from .inverse import invert
from .means import least_squares
from .patterns import group
from .result import Comparison, first_reason, masked
from .shapes import arms_of, columns_of, scores_of
from .status import Status
from .student import interval, two_sided

Strategy = Literal["mar", "jump-to-reference", "copy-reference", "copy-increments"]
STRATEGIES = ("mar", "jump-to-reference", "copy-reference", "copy-increments")
BURN, THIN = 20, 5
BLOCK = 64


@dataclass(frozen=True)
class Imputed(Comparison):
    """Pooled differences at the visit analysed. within, between : (R, A - 1), variance within and between the M imputations.
    lost : (R, A - 1), fraction of missing information. imputations : M.
    """

    within: Array
    between: Array
    lost: Array
    imputations: int


def multiple_imputation(
    change: ArrayLike,
    arm: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    strategy: Strategy | str = "mar",
    imputations: int = 20,
    seed: int = 0,
    visit: int = -1,
    shift: float = 0.0,
    reference: int = 0,
    numbers: Sequence[int] | None = None,
    level: float = 0.95,
) -> Imputed:
    """Imputes missing visits `imputations` times, analyses each data set by `ancova` at one visit, pools by the rules of Rubin.

    estimate = mean of the estimates, variance = W + (1 + 1/M) B, degrees of freedom of Barnard and Rubin (1999).

    change : (R, N, V) or (N, V), nan = missing; people without any score are imputed from arm and covariates. strategy : for
    visits after the last one seen; reference : the arm that is copied, whose people are always imputed at random. shift : added to scores
    imputed after the last seen visit, in every arm but the reference (tipping point). seed : of the draws; a replicate's
    draws belong to its number (numbers; its place among the replicates, unless given). visit : the one analysed.

    Under the reference-based strategies the variance of Rubin keeps the information of the missing-at-random analysis
    (Cro, Carpenter and Kenward 2019) and is larger than the spread over repeated trials: the test is conservative.
    """
    if strategy not in STRATEGIES:
        raise unknown_name("strategy", strategy, STRATEGIES, where="strategy", fix='strategy="jump-to-reference"')
    if imputations < 2:
        raise UsageError(f"{imputations} imputations have no spread", where="imputations", allowed="2 or more")
    scores = scores_of(change)
    replicates, people, visits = scores.shape
    arms, groups = arms_of(arm, replicates, people)
    extra = columns_of(covariates, replicates, people)
    if not -visits <= visit < visits:
        raise UsageError(f"there is no visit {visit}", where="visit", allowed=f"0 to {visits - 1}, or -1 for the last")
    counted = range(replicates) if numbers is None else [int(k) for k in numbers]
    if len(counted) != replicates or not 0 <= reference < groups:
        raise UsageError(
            f"{len(counted)} numbers for {replicates} replicates, reference arm {reference} of {groups}",
            where="multiple_imputation(numbers, reference)",
            allowed="one number a replicate, an arm that is there",
        )
    estimates = np.full((imputations, replicates, groups - 1), np.nan)
    errors = np.full_like(estimates, np.nan)
    status = np.zeros(replicates, dtype=np.int64)
    for begin in range(0, replicates, BLOCK):
        rows = slice(begin, min(begin + BLOCK, replicates))
        chain = _Chain(scores[rows], arms[rows], groups, extra[rows], [(seed, r) for r in counted[rows]], reference)
        status[rows] = chain.status
        for m in range(imputations):
            for _ in range(BURN if m == 0 else THIN):
                chain.draw()
            complete = chain.complete(strategy, shift)[..., visit]
            estimate, se, _, failed = least_squares(complete, arms[rows], groups, extra[rows])
            estimates[m, rows], errors[m, rows] = estimate, se
            fresh = (status[rows] == Status.OK) & (failed != Status.OK)
            status[rows] = np.where(fresh, failed, status[rows])
    full = float(people - groups - extra.shape[-1])
    estimate, variance, freedom, within, between, lost = pool(estimates, errors**2, full)
    flat = ~(variance > 0).all(axis=1)
    status = np.where((status == Status.OK) & flat, int(Status.NO_SPREAD), status)
    estimate, se, freedom, within, between, lost = masked(
        status, estimate, np.sqrt(np.maximum(variance, 0.0)), freedom, within, between, lost
    )
    low, high = interval(estimate, se, freedom, level)
    p = two_sided(estimate / se, freedom)
    scale = "difference of adjusted means"
    name = f"imputation-{strategy}"
    return Imputed(estimate, se, freedom, p, low, high, status, name, scale, level, within, between, lost, imputations)


def pool(estimates: Array, variances: Array, full: float) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Rubin's rules over the first axis: estimate, variance, degrees of freedom, within, between, share of information lost.

    full : degrees of freedom had nothing been missing. With T = W + (1 + 1/M) B and g = (1 + 1/M) B / T, old = (M - 1) / g^2,
    seen = (full + 1) / (full + 3) full (1 - g); df = 1 / (1 / old + 1 / seen) (Barnard and Rubin 1999).
    """
    number = len(estimates)
    within = variances.mean(axis=0)
    between = estimates.var(axis=0, ddof=1)
    extra = (1 + 1 / number) * between
    total = within + extra
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = np.where(total > 0, extra / total, 0.0)
        observed = (full + 1) / (full + 3) * full * (1 - lost)
        freedom = 1 / (lost**2 / (number - 1) + 1 / observed)
    return estimates.mean(axis=0), total, freedom, within, between, lost


class _Chain:
    """Data augmentation of some replicates; every replicate has its own stream of random numbers."""

    def __init__(
        self, scores: Array, arms: IntArray, groups: int, extra: Array, seeds: list[tuple[int, int]], reference: int = 0
    ) -> None:
        self.reference = reference
        self.scores, self.arms, self.groups = scores, arms, groups
        self.seen = ~np.isnan(scores)
        self.streams = [np.random.default_rng(np.random.SeedSequence(entropy=s, spawn_key=(r,))) for s, r in seeds]
        batch, people, visits = scores.shape
        self.visits = visits
        # the last visit at which a person was seen; -1 if never
        self.last = np.where(self.seen.any(axis=2), visits - 1 - self.seen[..., ::-1].argmax(axis=2), -1)
        centred = extra - extra.mean(axis=1, keepdims=True)
        width = centred.std(axis=1, keepdims=True)
        dummies = (arms[..., None] == np.arange(1, groups)).astype(np.float64)
        self.z = np.concatenate(
            [np.ones((batch, people, 1)), dummies, centred / np.where(width > 0, width, 1.0)], axis=-1
        )
        turned = self.z.transpose(0, 2, 1)
        self.inner, _, pivot = invert(turned @ self.z)
        fitted = reml.fit(group(scores, self.z))
        member = arms[..., None] == np.arange(groups)
        empty = ((member[..., None] & self.seen[:, :, None, :]).sum(axis=1) == 0).any(axis=(1, 2))
        self.status = first_reason((empty, Status.EMPTY_CELL), (~(pivot > 1e-11), Status.RANK))
        self.status = np.where((self.status == Status.OK), fitted.status, self.status)
        few = people - self.z.shape[-1] <= visits
        self.status[(self.status == Status.OK) & few] = Status.TOO_FEW
        good = (self.status == Status.OK)[:, None, None]
        self.sigma = np.where(good, fitted.sigma, np.eye(visits))
        start = np.where(good, fitted.beta.reshape(batch, visits, -1).transpose(0, 2, 1), 0.0)
        self.beta = np.nan_to_num(start)
        self.inner = np.where(good, self.inner, np.eye(self.z.shape[-1]))
        self.filled = np.where(self.seen, scores, 0.0)
        # conditional laws need one matrix per pattern, not per person
        codes = self.seen @ (1 << np.arange(visits, dtype=np.int64))
        self.pattern, place = np.unique(codes, return_inverse=True)
        self.place = place.reshape(codes.shape)
        self.has = (self.pattern[:, None] >> np.arange(visits)) & 1 == 1
        self.rows = np.arange(batch)[:, None]
        self._impute(self.z @ self.beta)

    def _normals(self, shape: tuple[int, ...]) -> Array:
        return np.stack([stream.standard_normal(shape) for stream in self.streams])

    def _laws(self) -> tuple[Array, Array]:
        """Per pattern: regression of the missing on the seen (B, G, V, V), and a root of what is left (B, G, V, V)."""
        batch, v, patterns = len(self.scores), self.visits, len(self.pattern)
        sigma = np.broadcast_to(self.sigma[:, None], (batch, patterns, v, v))
        weights = invert(sigma, np.broadcast_to(self.has, (batch, patterns, v)))[0]
        regression = sigma @ weights
        left = sigma - regression @ sigma
        gone = ~self.has
        left = left * (gone[:, :, None] & gone[:, None, :]) + np.eye(v) * self.has[:, None, :]
        left = 0.5 * (left + left.transpose(0, 1, 3, 2))
        root = _cholesky(left) * gone[:, :, None]
        return regression * gone[:, :, None], root

    def _impute(self, mean: Array) -> Array:
        """Missing scores drawn given the seen ones around `mean` (B, N, V); the result holds seen and drawn scores."""
        regression, root = self._laws()
        rest = np.where(self.seen, self.filled - mean, 0.0)
        noise = self._normals(self.scores.shape[1:])
        drawn = mean + _times(regression[self.rows, self.place], rest) + _times(root[self.rows, self.place], noise)
        return np.where(self.seen, self.filled, drawn)

    def draw(self) -> None:
        """One turn: missing scores at random, then Sigma, then B."""
        complete = self._impute(self.z @ self.beta)
        people, v, q = complete.shape[1], self.visits, self.z.shape[-1]
        estimate = self.inner @ (self.z.transpose(0, 2, 1) @ complete)
        rest = complete - self.z @ estimate
        squares = rest.transpose(0, 2, 1) @ rest
        # inverse Wishart with n - q degrees of freedom: Sigma = L T^-T T^-1 L' with S = L L' and T of Bartlett (1933)
        root = _cholesky(squares)
        below = np.tril(self._normals((v, v)), -1)
        chi = np.stack([np.sqrt(s.chisquare(people - q - np.arange(v))) for s in self.streams])
        bartlett = below + chi[:, :, None] * np.eye(v)
        factor = root @ np.linalg.inv(bartlett).transpose(0, 2, 1)
        self.sigma = factor @ factor.transpose(0, 2, 1)
        noise = self._normals((q, v))
        self.beta = estimate + _cholesky(self.inner) @ noise @ _cholesky(self.sigma).transpose(0, 2, 1)

    def complete(self, strategy: str, shift: float) -> Array:
        """One completed data set (B, N, V)."""
        own = self.z @ self.beta
        reference_columns = self.z.copy()
        reference_columns[..., 1 : self.groups] = 0.0
        if self.reference:
            reference_columns[..., self.reference] = 1.0
        reference = reference_columns @ self.beta
        after = np.arange(self.visits) > self.last[..., None]
        treated = (self.arms != self.reference)[..., None]
        random = self._impute(own)
        if strategy == "mar":
            return np.asarray(random + shift * (after & treated))
        if strategy == "jump-to-reference":
            mean = np.where(after, reference, own)
        elif strategy == "copy-reference":
            mean = reference
        else:
            at = np.maximum(self.last, 0)[..., None]
            gap = np.take_along_axis(own - reference, at, axis=2)
            mean = np.where(after, reference + np.where(self.last[..., None] < 0, 0.0, gap), own)
        # a gap before the last visit seen is at random: it is filled first, and counts as seen for what follows
        keep = self.seen, self.filled, self.place
        self.seen, self.filled, self.place = self._until_last(random)
        drawn = self._impute(np.where(treated, mean, own))
        self.seen, self.filled, self.place = keep
        return np.asarray(drawn + shift * (after & treated))

    def _until_last(self, random: Array) -> tuple[BoolArray, Array, IntArray]:
        """Scores with the gaps filled, as if all visits up to the last one had been seen."""
        upto = np.arange(self.visits) <= self.last[..., None]
        codes = upto @ (1 << np.arange(self.visits, dtype=np.int64))
        pattern, place = np.unique(codes, return_inverse=True)
        order = np.searchsorted(self.pattern, pattern)
        known = (order < len(self.pattern)) & (self.pattern[np.minimum(order, len(self.pattern) - 1)] == pattern)
        if not known.all():
            self.pattern = np.concatenate([self.pattern, pattern[~known]])
            self.has = (self.pattern[:, None] >> np.arange(self.visits)) & 1 == 1
        lookup = {int(code): i for i, code in enumerate(self.pattern)}
        index = np.array([lookup[int(code)] for code in pattern], dtype=np.int64)
        return upto, np.where(upto, random, 0.0), index[place.reshape(codes.shape)]


def _times(matrices: Array, vectors: Array) -> Array:
    """(..., V, V) times (..., V)."""
    return np.asarray((matrices * vectors[..., None, :]).sum(axis=-1))


def _cholesky(matrices: Array) -> Array:
    """Lower roots; entries that rounding has pushed below zero count as zero."""
    size = matrices.shape[-1]
    root = np.zeros_like(matrices)
    for j in range(size):
        rest = matrices[..., j, j] - (root[..., j, :j] ** 2).sum(axis=-1)
        diagonal = np.sqrt(np.maximum(rest, 0.0))
        root[..., j, j] = diagonal
        safe = np.where(diagonal > 0, diagonal, np.inf)
        for i in range(j + 1, size):
            root[..., i, j] = (matrices[..., i, j] - (root[..., i, :j] * root[..., j, :j]).sum(axis=-1)) / safe
    return root
