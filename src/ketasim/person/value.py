"""What would help to know before the first dose: how much of the response each fact foretells, with what is not known of its effect carried along.

A published correlation r of n people is shrunk towards zero, rho ~ N(m, s^2):  1/s^2 = 1/t^2 + (n - 3),  m = s^2 (n - 3) atanh r  (Fisher's z; t the prior SD). A fact with conflicting records, or
with a direction and no number, has m = 0, s = t: it foretells nothing, because nobody knows which way it points. Who knows the fact can use m alone, so the share of the
differences between people that it explains is m^2, the 80 % interval narrows to sqrt(1 - m^2) of its width, and for a response of half of the people the area under the curve is that of
two normals,  AUC = P(X1 > X0) with X the fact among responders and others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ketasim.core import KetasimError, inverse_normal, knowledge_path, normal_cdf_quick, normals, read_toml
from ketasim.core.frozen import FrozenMapping

from .fields import Fact, fields
from .pool import Pool

LITTLE_AUC = 0.6  # below: "little"
MOST_SD = 3.0
MEAN_FIELDS = ("prior_sd", "prior_why", "best_auc_outside", "best_auc_source")


@dataclass(frozen=True, slots=True)
class Predictor:
    """One fact of a person file and what is known of its effect. mean, sd, share : to put a fact on the scale of SDs."""

    fact: str
    label: str
    r: float
    n: float
    records: tuple[str, ...]
    says: str
    conflict: bool = False
    used: bool = False
    mean: float = math.nan
    sd: float = math.nan
    share: float = math.nan

    def effect(self, prior_sd: float) -> tuple[float, float]:
        """Mean and SD of the correlation with the improvement (Fisher's z), after shrinkage."""
        information = max(self.n - 3.0, 0.0)
        variance = 1.0 / (1.0 / prior_sd**2 + information)
        return variance * information * math.atanh(self.r), math.sqrt(variance)

    def standard(self, fact: Fact) -> float:
        """A fact in SDs from the mean of people."""
        if isinstance(fact, bool):
            spread = math.sqrt(self.share * (1.0 - self.share))
            return ((1.0 if fact else 0.0) - self.share) / spread
        return min(max((float(fact) - self.mean) / self.sd, -MOST_SD), MOST_SD)


@cache
def _file() -> tuple[Mapping[str, Any], tuple[Predictor, ...]]:
    table = dict(read_toml(knowledge_path() / "predictors.toml"))
    general = {key: table.pop(key) for key in MEAN_FIELDS}
    found = []
    for name, entry in table.items():
        if name not in fields():
            raise KetasimError(f"'{name}' is no fact of a person", where="knowledge/predictors.toml")
        if not entry["records"]:
            raise KetasimError(f"{name} has no record", where="knowledge/predictors.toml", fix="records = [...]")
        if entry.get("conflict") and (entry["r"] or entry["n"]):
            raise KetasimError(
                f"{name} conflicts and has a number", where="knowledge/predictors.toml", fix="r = 0.0, n = 0"
            )
        found.append(Predictor(fact=name, **{**entry, "records": tuple(entry["records"])}))
    return FrozenMapping(general), tuple(found)


def predictors() -> tuple[Predictor, ...]:
    """Every fact whose effect has a record."""
    return _file()[1]


def auc(correlation: float, share: float = 0.5) -> float:
    """Area under the curve of a standard normal fact for a response that `share` of people have, latent correlation given.

    P(X1 > X0), X1 among those whose latent improvement is above the cut, X0 among the others, by quadrature over the fact.
    """
    rho = abs(correlation)
    if rho == 0.0:
        return 0.5
    cut = -float(inverse_normal([share])[0])
    grid = np.linspace(-8.0, 8.0, 4001)
    density = np.exp(-(grid**2) / 2.0) / math.sqrt(2.0 * math.pi)
    responds = normal_cdf_quick((rho * grid - cut) / math.sqrt(1.0 - rho**2))
    within = density * responds / share
    beyond = density * (1.0 - responds) / (1.0 - share)
    below = np.concatenate([[0.0], np.cumsum((beyond[1:] + beyond[:-1]) / 2.0 * np.diff(grid))])
    found = float(np.trapezoid(within * below, grid))
    return found if correlation >= 0 else 1.0 - found


def would_help(share: float, first_score: float | None) -> dict[str, Any]:
    """Value of each fact before the first dose. share : of people who respond. first_score : correlation of the first score with the last, for comparison."""
    general, every = _file()
    prior_sd = float(general["prior_sd"])
    rows: list[dict[str, Any]] = []
    for one in every:
        mean, sd = one.effect(prior_sd)
        low, high = math.tanh(mean - 1.645 * sd), math.tanh(mean + 1.645 * sd)
        usable = math.tanh(mean)
        area = auc(abs(usable), share)
        rows.append(
            {
                "fact": one.fact,
                "label": one.label,
                "correlation": usable,
                "low": low,
                "high": high,
                "explained": usable**2,
                "interval_factor": math.sqrt(1.0 - usable**2),
                "auc": area,
                "auc_if_at_its_end": auc(max(abs(low), abs(high)), share),
                "answer": "little" if area < LITTLE_AUC else "something",
                "conflict": one.conflict,
                "used_where_known": one.used,
                "says": one.says,
                "records": list(one.records),
            }
        )
    rows.sort(key=lambda row: -row["auc"])
    found: dict[str, Any] = {
        "facts": rows,
        "yardstick_auc": float(general["best_auc_outside"]),
        "yardstick": str(general["best_auc_source"]),
    }
    if first_score is not None:
        found["first_score"] = {
            "label": "a MADRS total a day after the first dose",
            "correlation": first_score,
            "explained": first_score**2,
            "auc": auc(first_score, share),
        }
    return found


def applied(pool: Pool, facts: Mapping[str, Fact]) -> tuple[Pool, list[str]]:
    """The pool for what the file says of facts whose effect has a number: the mood gain of every member is moved, by his own draw of the correlation,

        z' = rho x + sqrt(1 - rho^2) z,  rho = tanh(m + s e)

    so that what is not known of the effect widens the forecast. Facts whose records conflict change nothing. With it notes on what was used.
    """
    general, every = _file()
    notes = []
    z = pool.minds.moved["mood_gain"]
    for one in every:
        if one.fact not in facts:
            continue
        if not one.used:
            if one.fact != "diazepam_mg_per_day" or facts[one.fact]:
                notes.append(f"{one.label} is known and changes nothing: {one.says}")
            continue
        mean, sd = one.effect(float(general["prior_sd"]))
        rho = np.tanh(mean + sd * normals(pool.minds.seed, f"predictor {one.fact}", len(pool)))
        z = rho * one.standard(facts[one.fact]) + np.sqrt(1.0 - rho**2) * z
        notes.append(f"{one.label} is used: correlation with the response {math.tanh(mean):.2f} (SD {sd:.2f}): little")
    return pool.with_minds({"mood_gain": z}, {}), notes


__all__ = ["Predictor", "applied", "auc", "predictors", "would_help"]
