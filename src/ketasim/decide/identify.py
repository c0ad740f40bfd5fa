"""What evidence says about uncertain values, and what the values say about a result: formulas for any fit that is linear near its mode.

Values x (p,) in units of their prior SDs, x ~ N(0, 1) before the data; a study s has residuals r, sensitivities J (R, p) and covariance C:
    information      A_s = J' C^-1 J,  H = 1 + sum A_s,  posterior covariance H^-1
    contraction      1 - posterior variance / prior variance        (Betancourt 2018, arXiv:1803.08393)
    informed by S    1 - (1 / V_S - 1) / (1 / V - 1): the share of what all studies say about a value (precision beyond the prior)
                     that is lost without the studies S; V, V_S its posterior variance with and without them
A result h with sensitivities b (p,) to values of covariance V:
    variance         b' V b
    share of value k b_k (V b)_k / b' V b: what it carries alone and through the values it goes with; they sum to 1 and one that goes
                     against the others can be negative        (structural and correlative sensitivity; Li 2010, doi:10.1021/jp9096919)
    without S        x_S = x + (H - A_S)^-1 (g - g_S), g = -x + sum J' C^-1 r;  h + b (x_S - x_none), variance b (H - A_S)^-1 b',
                     x_none likewise with nothing left out (x itself at an exact mode)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from ketasim.core.arrays import Array, BoolArray

LEAST_CONTRACTION = 0.10  # below this the data do not identify a value
TINY = 1e-12


@dataclass(frozen=True)
class Information:
    """What each group of studies says. names (G,); matrices (G, p, p) : A of each; slopes (G, p) : J' C^-1 r of each; z (p,) : the mode."""

    names: tuple[str, ...]
    matrices: Array
    slopes: Array
    z: Array

    @staticmethod
    def of(
        names: Sequence[str],
        jacobian: Sequence[Array],
        residuals: Sequence[Array],
        covariances: Sequence[Array],
        z: Array,
    ) -> Information:
        """One group per name; studies of the same name are one group. jacobian (R, p), residuals (R,), covariances (R, R) of each study."""
        order = tuple(dict.fromkeys(names))
        matrices, slopes = np.zeros((len(order), len(z), len(z))), np.zeros((len(order), len(z)))
        for name, j, r, c in zip(names, jacobian, residuals, covariances, strict=True):
            solved = np.linalg.solve(c, np.column_stack([j, r]))
            matrices[order.index(name)] += j.T @ solved[:, :-1]
            slopes[order.index(name)] += j.T @ solved[:, -1]
        return Information(order, matrices, slopes, z)

    @property
    def covariance(self) -> Array:
        """Posterior covariance H^-1 (p, p) with all groups, prior SDs."""
        return np.asarray(np.linalg.inv(np.eye(len(self.z)) + self.matrices.sum(axis=0)))

    def without(self, group: int) -> tuple[Array, Array]:
        """How far the estimate moves (p,) without a group, and the posterior covariance (p, p) then; prior SDs."""
        step, covered = self._step(np.arange(len(self.names)) != group)
        return step - self._step(np.ones(len(self.names), dtype=bool))[0], covered

    def _step(self, kept: BoolArray) -> tuple[Array, Array]:
        covered = np.linalg.inv(np.eye(len(self.z)) + self.matrices[kept].sum(axis=0))
        return covered @ (self.slopes[kept].sum(axis=0) - self.z), covered

    def informed(self) -> Array:
        """Share (G, p) of what all studies say about each value that is lost without each group; 0 where they say nothing."""
        said = 1.0 / np.diag(self.covariance) - 1.0
        left = np.stack([1.0 / np.diag(self.without(g)[1]) - 1.0 for g in range(len(self.names))])
        return np.where(said > TINY, 1.0 - left / np.maximum(said, TINY), 0.0)


def contraction(prior_sd: Array, posterior_sd: Array) -> Array:
    """1 - posterior variance / prior variance, one per value (p,); negative where the posterior is the wider."""
    return np.asarray(1.0 - (posterior_sd / prior_sd) ** 2)


def identified(contractions: Array) -> BoolArray:
    """Whether the data identify a value: a contraction of at least `LEAST_CONTRACTION`."""
    return np.asarray(contractions >= LEAST_CONTRACTION)


def strongest(
    names: Sequence[str], correlations: Array, most: int, least: float = 0.0
) -> dict[str, list[tuple[str, float]]]:
    """For every value the others it is most correlated with, strongest first: at most `most`, none below `least` in size."""
    found: dict[str, list[tuple[str, float]]] = {}
    for i, name in enumerate(names):
        order = np.argsort(-np.abs(correlations[i]), kind="stable")
        others = [int(k) for k in order if k != i and abs(correlations[i, k]) >= least]
        found[name] = [(names[k], float(correlations[i, k])) for k in others[:most]]
    return found


def correlations(covariance: Array) -> Array:
    """Correlations of a covariance (p, p); 0 with a value that does not vary."""
    sd = np.sqrt(np.diag(covariance))
    outer = np.outer(sd, sd)
    return np.asarray(np.where(outer > 0, covariance / np.maximum(outer, TINY), 0.0))


def variance_shares(sensitivities: Array, covariance: Array) -> Array:
    """Share of the variance of a result that each value carries, (p,); sums to 1 (0 everywhere if nothing moves it)."""
    moved = covariance @ sensitivities
    whole = float(sensitivities @ moved)
    return np.asarray(sensitivities * moved / whole) if whole > 0 else np.zeros(len(sensitivities))


def rank_correlations(draws: Array, results: Array) -> Array:
    """Spearman's rank correlation of each value (N, p) with a result (N,), ties at their mean rank; 0 for a value that does not vary."""
    x, y = rankdata(draws, axis=0), rankdata(results)
    x, y = x - x.mean(axis=0), y - y.mean()
    size = np.sqrt((x**2).sum(axis=0) * (y**2).sum())
    return np.asarray(np.where(size > 0, (x * y[:, None]).sum(axis=0) / np.maximum(size, TINY), 0.0))


def explained(linear: Array, exact: Array) -> float:
    """Share of the variance of exact results (N,) that the linear form explains: squared correlation; NaN where nothing varies."""
    if np.ptp(exact) == 0 or np.ptp(linear) == 0:
        return float("nan")
    return float(np.corrcoef(linear, exact)[0, 1] ** 2)


def results_without(
    found: Information, sensitivities: Mapping[str, Array], at_mode: Mapping[str, float]
) -> dict[str, dict[str, tuple[float, float]]]:
    """group -> result -> (value, posterior SD) without that group, by one linear step. sensitivities (p,) of each result, per prior SD."""
    table: dict[str, dict[str, tuple[float, float]]] = {}
    for g, name in enumerate(found.names):
        moved, covered = found.without(g)
        table[name] = {
            key: (at_mode[key] + float(b @ moved), float(np.sqrt(b @ covered @ b))) for key, b in sensitivities.items()
        }
    return table
