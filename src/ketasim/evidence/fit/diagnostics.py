"""How far draws can be trusted, by arviz-stats (numpy and scipy only; `pip install ketasim[fit]`).

effective draws   rank-normalised bulk and tail ESS, split R-hat (Vehtari 2021, doi:10.1214/20-BA1221); tail: of the 5 and 95 % quantiles
nested R-hat      chains of a superchain share their start (Margossian 2024, doi:10.1214/24-BA1453)
Pareto k          of the largest importance ratios; below 0.7 they can be relied on (Vehtari 2024, arXiv:1507.02646)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim.core import KetasimError
from ketasim.core.arrays import Array, IntArray

TAIL = 0.05
RELIABLE_K = 0.7
NESTED_LIMIT = 1.05


def _stats() -> Any:
    try:
        from arviz_stats.base.array import array_stats
    except ModuleNotFoundError as error:
        raise KetasimError(
            "the diagnostics of draws need arviz-stats", where="ketasim.evidence.fit", fix="pip install 'ketasim[fit]'"
        ) from error
    return array_stats


@dataclass(frozen=True)
class Diagnosis:
    """Of quantities (C chains, T draws, Q): the worst of all Q. mc_error: standard error of a mean over SD of the quantity."""

    bulk_ess: float
    tail_ess: float
    rhat: float
    nested_rhat: float
    mc_error: float


def diagnose(draws: Array, superchains: IntArray) -> Diagnosis:
    """draws (C, T, Q), superchains (C,): which start each chain had. Quantities that stand still are left out."""
    stats = _stats()
    sd = draws.std(axis=(0, 1))
    draws = draws[:, :, sd > 1e-9 * np.maximum(np.abs(draws).max(axis=(0, 1)), 1e-300)]
    axes = {"chain_axis": 0, "draw_axis": 1}

    def worst(function: Callable[..., Array], pick: Callable[[Array], Any], **more: Any) -> float:
        return float(pick(np.asarray(function(draws, **axes, **more))))

    return Diagnosis(
        worst(stats.ess, np.nanmin, method="bulk"),
        worst(stats.ess, np.nanmin, method="tail", prob=1.0 - TAIL),
        worst(stats.rhat, np.nanmax, method="rank"),
        float(np.nanmax(stats.rhat_nested(draws, superchain_ids=superchains, method="rank", **axes))),
        float(np.nanmax(np.asarray(stats.mcse(draws, method="mean", **axes)) / draws.std(axis=(0, 1)))),
    )


def smoothed(log_ratios: Array) -> tuple[Array, float]:
    """Pareto-smoothed log importance weights (N,), which sum to 1, and Pareto k."""
    # psislw takes log likelihoods and weighs by their inverse, as leave-one-out does
    logs, k = _stats().psislw(-np.asarray(log_ratios, dtype=np.float64), r_eff=1.0)
    logs = np.asarray(logs, dtype=np.float64)
    return logs - np.log(np.exp(logs - logs.max()).sum()) - logs.max(), float(k)


def effective(log_weights: Array) -> float:
    """Effective number of weighted draws, (sum w)^2 / sum w^2."""
    w = np.exp(log_weights - log_weights.max())
    return float(w.sum() ** 2 / (w**2).sum())
