"""How far studies lie from a predicted concentration, by route: two variances by restricted maximum likelihood (REML).

Residual of row j of study i (log of predicted over published): r_ij = m + u_i + e_ij, u_i ~ N(0, between^2), e_ij ~ N(0,
within^2). REML maximises the likelihood of the residuals with the mean m integrated out (Patterson and Thompson 1971,
Biometrika 58:545):
    -2 log L = sum_i log|V_i| + sum_i (r_i - m)' V_i^-1 (r_i - m) + log(sum_i 1' V_i^-1 1),  V_i = within^2 I + between^2 J
A route with fewer than `LEAST_STUDIES` studies takes the spread of all routes together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from .plasma_arms import arm

LEAST_STUDIES = 3
SMALLEST = 0.02  # of an SD: keeps the search off the boundary
ROUTES = {
    "nasal": "nasal",
    "oral": "oral",
    "extended": "oral",
    "mucosal": "mucosal",
    "injected": "injected",
}


@dataclass(frozen=True, slots=True)
class Component:
    """SDs on the log scale: between studies, within a study; studies and rows they rest on; `borrowed` = of all routes."""

    between: float
    within: float
    studies: int
    rows: int
    borrowed: bool = False

    @property
    def new_study(self) -> float:
        """SD of one number of a study that has not been seen: sqrt(between^2 + within^2)."""
        return float(np.hypot(self.between, self.within))


def route_of(name: str) -> str:
    """The route of the main drug of an arm: nasal, mucosal (film, under the tongue), oral, injected, else intravenous."""
    words = {word for event in arm(name).events if event.time_h >= 0.0 for word in event.administration.parts}
    for word in ("mucosal", "nasal", "injected", "extended", "oral"):
        if word in words:
            return ROUTES[word]
    return "intravenous"


def restricted(logs: Sequence[float], groups: Sequence[np.ndarray]) -> float:
    """-2 log restricted likelihood at log(between), log(within)."""
    between, within = np.exp(np.asarray(logs)) ** 2
    precision = weighted = square = determinant = 0.0
    for values in groups:
        count = len(values)
        shrink = between / (within + count * between)
        total = float(values.sum())
        precision += (count - count**2 * shrink) / within
        weighted += (total - count * shrink * total) / within
        square += float((values**2).sum() - shrink * total**2) / within
        determinant += (count - 1) * np.log(within) + np.log(within + count * between)
    return float(determinant + square - weighted**2 / precision + np.log(precision))


def component(groups: Sequence[Sequence[float]], borrowed: bool = False) -> Component:
    """REML estimate from residuals grouped by study."""
    arrays = [np.asarray(group, dtype=float) for group in groups]
    edge = (np.log(SMALLEST), np.log(3.0))
    found = min(
        (
            minimize(restricted, start, args=(arrays,), bounds=[edge, edge], method="L-BFGS-B")
            for start in ((np.log(0.3), np.log(0.2)), (np.log(0.1), np.log(0.4)))
        ),
        key=lambda result: float(result.fun),
    )
    between, within = np.exp(found.x)
    return Component(float(between), float(within), len(arrays), int(sum(len(a) for a in arrays)), borrowed)


def between_studies(table: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, Component]:
    """Spread by route from residuals route -> study -> rows; `all` is every route together."""
    pooled: dict[str, list[float]] = {}
    for route, studies in table.items():
        for study, residuals in studies.items():
            pooled.setdefault(f"{route} {study}", []).extend(residuals)
    everything = component(list(pooled.values()))
    found = {"all": everything}
    for route in ("intravenous", "nasal", "oral", "mucosal", "injected"):
        studies = table.get(route, {})
        if len(studies) >= LEAST_STUDIES:
            found[route] = component(list(studies.values()))
        else:
            rows = sum(len(residuals) for residuals in studies.values())
            found[route] = Component(everything.between, everything.within, len(studies), rows, True)
    return found


def written(found: Mapping[str, Component]) -> str:
    """The text of knowledge/posterior/plasma_spread.toml."""
    lines = [
        "# Written by `python -m ketasim.evidence.kinetics.leave_out --spread`; do not edit. SDs on the log scale of a published",
        "# concentration around the prediction of a fit without its study; `new_study` is that of one number of an unseen study.",
    ]
    for route, item in found.items():
        lines += [
            f"\n[{route}]",
            f"between = {item.between:.3f}",
            f"within = {item.within:.3f}",
            f"new_study = {item.new_study:.3f}",
            f"studies = {item.studies}",
            f"rows = {item.rows}",
            f"borrowed = {str(item.borrowed).lower()}",
        ]
    return "\n".join(lines) + "\n"
