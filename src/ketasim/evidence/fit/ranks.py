"""Ranks of truths among posterior draws of synthetic data sets: even if the posterior is calibrated (Talts 2018, arXiv:1804.06788).

rank     how many of L draws lie below the truth, 0 .. L
band     the share of N ranks below k is k / (L + 1), their number binomial; each k has its central 1 - gamma interval, gamma so small that all k
         together hold with the chance asked for (Säilynoja 2022, doi:10.1007/s11222-022-10090-6, by simulation)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import binom

from ketasim.core import normals, stream
from ketasim.core.arrays import Array, BoolArray, IntArray

from ..compare.likelihood import TAUS, StudyBlock
from .calibrate import covariance, spread_between
from .exact import many
from .leave_out import Linear
from .parameters import parameter

Progress = Callable[[str], None]

DRAWS = 99
SIMULATED = 4000
CHANCE = 0.95
SPREAD_TURNS = 2


def rank(truth: Array, draws: Array) -> IntArray:
    """Ranks (p,) of a truth (p,) among draws (L, p)."""
    return np.asarray((draws < truth).sum(axis=0))


def depth(ranks: IntArray, most: int) -> Array:
    """How far out the ECDFs of ranks (N, p) in 0 .. most lie: the smallest two-sided binomial tail over all points, (p,)."""
    count = len(ranks)
    k = np.arange(1, most + 1)
    below = (ranks[:, None, :] < k[None, :, None]).sum(axis=0)
    chance = (k / (most + 1.0))[:, None]
    return np.asarray(np.minimum(binom.cdf(below, count, chance), binom.sf(below - 1, count, chance)).min(axis=0) * 2.0)


@lru_cache(maxsize=16)
def gamma(count: int, most: int, chance: float = CHANCE) -> float:
    """The tail beyond which an ECDF of `count` ranks leaves its band: `chance` of all even ones stay inside."""
    even = np.floor(stream(7, f"even ranks {count} {most}", count * SIMULATED) * (most + 1)).astype(np.int64)
    found = np.concatenate([depth(part, most) for part in np.array_split(even.reshape(count, SIMULATED), 20, axis=1)])
    return float(np.quantile(found, 1.0 - chance))


def band(count: int, most: int, chance: float = CHANCE) -> tuple[Array, Array]:
    """Lower and upper share of ranks below k = 1 .. most that the band allows."""
    k = np.arange(1, most + 1) / (most + 1.0)
    tail = gamma(count, most, chance) / 2.0
    return binom.ppf(tail, count, k) / count, binom.isf(tail, count, k) / count


@dataclass(frozen=True)
class Ranks:
    """ranks (N, p) in 0 .. most of N synthetic truths; keys (p,)."""

    keys: tuple[str, ...]
    ranks: IntArray
    most: int = DRAWS

    def inside(self, together: bool = True) -> BoolArray:
        """Whether the ECDF of each value stays inside its band, (p,). together : the bands hold for all values at once with 95 % (Bonferroni)."""
        chance = 1.0 - (1.0 - CHANCE) / len(self.keys) if together else CHANCE
        return np.asarray(depth(self.ranks, self.most) >= gamma(len(self.ranks), self.most, chance))

    @property
    def text(self) -> str:
        """Which values leave their bands, and how."""
        each, all_at_once = self.inside(False), self.inside()
        lines = [
            f"{len(self.ranks)} synthetic sets, ranks among {self.most} draws: {each.sum()} of {len(each)} values inside their own 95 % band of "
            f"the ECDF, {all_at_once.sum()} inside the band for all of them together"
        ]
        for key, ok, column in zip(self.keys, each, self.ranks.T, strict=True):
            if not ok:
                share = column / self.most
                lines.append(f"  {key:32s} mean rank {share.mean():.2f} (0.50), SD {share.std():.2f} (0.29)")
        return "\n".join(lines)


def linear_ranks(
    around: Linear,
    sets: int,
    slopes: Sequence[dict[str, Array]] | None = None,
    seed: int = 0,
    tell: Progress | None = None,
    first: int = 0,
) -> IntArray:
    """Ranks (sets, p) on the linear form f(z) = f0 + J (z - z0) of the fit studies. first : number of the first set; each set depends on its own number alone.

    slopes : of the predictions in the effects of their studies. With them each truth has spreads between studies of its own, drawn from their
    priors, and the fit estimates them as it does with real data: what is tested is a posterior that takes estimated spreads for known ones.
    Without, the spreads are known, and draws and truths have a closed form.
    """
    used = [i for i, block in enumerate(around.evidence.blocks) if block.study.role == "fit"]
    kept = _Kept(
        around.z,
        [around.evidence.blocks[i] for i in used],
        [around.jacobian[i] for i in used],
        [around.covariances[i] for i in used],
        None if slopes is None else [slopes[i] for i in used],
    )
    with many(_LinearSet(kept, seed)) as go:
        turns = np.arange(first, first + sets, dtype=np.float64)[:, None]
        return go(turns, tell, "synthetic sets on the linear form").astype(np.int64)


@dataclass(frozen=True)
class _Kept:
    """The fit studies of a linear form."""

    z: Array
    blocks: list[StudyBlock]
    jacobian: list[Array]
    covariances: list[Array]
    slopes: list[dict[str, Array]] | None


@dataclass(frozen=True)
class _LinearSet:
    """The ranks of one synthetic set: predictions at z0 do not matter, so they are 0."""

    kept: _Kept
    seed: int

    def __call__(self, number: Array) -> list[Array]:
        kept, turn, p = self.kept, int(number[0]), len(self.kept.z)
        truth = normals(self.seed, f"rank truth {turn}", p)
        made = kept.covariances
        if kept.slopes is not None:
            x = normals(self.seed, f"rank spreads {turn}", len(TAUS))
            taus = {key: parameter(key).value(float(xi)) for key, xi in zip(TAUS, x, strict=True)}
            made = [covariance(block, s, taus) for block, s in zip(kept.blocks, kept.slopes, strict=True)]
        y = [
            j @ truth + np.linalg.cholesky(c) @ normals(self.seed, f"rank noise {turn} {block.study.id}", len(c))
            for j, c, block in zip(kept.jacobian, made, kept.blocks, strict=True)
        ]
        mean, hessian = _closed_form(kept.jacobian, kept.covariances, y)
        for _ in range(SPREAD_TURNS if kept.slopes is not None else 0):
            assert kept.slopes is not None
            residuals = [r - j @ mean for r, j in zip(y, kept.jacobian, strict=True)]
            taus = spread_between(kept.blocks, residuals, kept.slopes, kept.jacobian)
            around = [covariance(block, s, taus) for block, s in zip(kept.blocks, kept.slopes, strict=True)]
            mean, hessian = _closed_form(kept.jacobian, around, y)
        root = np.linalg.cholesky(np.linalg.inv(hessian))
        draws = mean + normals(self.seed, f"rank draws {turn}", DRAWS * p).reshape(DRAWS, p) @ root.T
        return [rank(truth, draws).astype(np.float64)]


def _closed_form(jacobian: Sequence[Array], covariances: Sequence[Array], y: Sequence[Array]) -> tuple[Array, Array]:
    """Mean (p,) and inverse covariance (p, p) of z ~ N(0, 1) given y = J z + N(0, C)."""
    p = jacobian[0].shape[1]
    hessian, right = np.eye(p), np.zeros(p)
    for j, c, r in zip(jacobian, covariances, y, strict=True):
        solved = np.linalg.solve(c, np.column_stack([j, r]))
        hessian, right = hessian + j.T @ solved[:, :-1], right + j.T @ solved[:, -1]
    return np.linalg.solve(hessian, right), hessian
