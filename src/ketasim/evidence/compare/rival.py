"""The rival: a meta-regression on what anybody knows of a trial before it is run. No mechanism.
Frozen: see docs/decisions/0004-baseline-rival-scorer.md.

For each class of numbers (mood in MADRS points, shares of response and remission, adverse events, pressure and pulse, concentrations per mg)
    y = x b + u_study + w_study [drug] + e + sampling error
with x: route, control, drug, dose, time, sessions, baseline, new antidepressant, crisis, kind of number; b with a ridge (normal prior),
u, w, e normal, their SDs by marginal likelihood on all studies of the class. A contrast is the difference of its arms. Predictions leave out
what the naive baseline leaves out, refitted exactly. Numbers outside the classes are those of the naive baseline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ..published.study import Arm, Row, Study
from .baseline import Comparable, Naive, comparable
from .design import baseline_of, given, left_out_with
from .likelihood import Observed, StudyBlock

Array = NDArray[np.float64]
# Of each class: ridge SD of a slope, of an intercept, start of the SDs u, w, e.
CLASSES = {
    "mood": (4.0, 15.0, 3.0),
    "share": (0.8, 2.0, 0.4),
    "event": (0.8, 2.0, 0.4),
    "pressure": (4.0, 8.0, 3.0),
    "level": (0.7, 3.0, 0.3),
}
SHARES = ("response", "remission", "ever_response", "ever_remission", "cumulative_share")
DOSE_REFERENCE_MG = {"iv": 35.0, "nasal": 84.0, "oral": 100.0}
BASELINE_CENTRE, BASELINE_UNIT = 33.0, 5.0
LEAST_SD = 1e-3


def class_of(row: Observed) -> str:
    """mood | share | event | pressure | level, or empty: no regression for this number."""
    r = row.row
    if r.is_sign or r.among or r.over:
        return ""
    if r.endpoint == "madrs":
        points = r.statistic in ("change_mean", "mean") or (r.statistic == "difference" and r.unit == "points")
        if points or r.statistic == "smd":
            return "mood"
    if r.endpoint in ("madrs", "ideation") and (r.statistic in SHARES or r.statistic == "odds_ratio"):
        return "share"
    if r.endpoint.endswith("_ae") and r.statistic == "share_event":
        return "event"
    if r.endpoint in ("sbp", "dbp", "heart_rate") and row.kind == "plain":
        return "pressure"
    if r.endpoint.startswith(("plasma.", "arterial.")) and row.kind == "log" and not r.versus:
        return "level"
    return ""


def features(study: Study, arm: Arm, row: Observed, name: str) -> dict[str, float]:
    """What is known of one arm of a number. A name that begins with = is an intercept (wide prior)."""
    r = row.row
    told = given(study, arm, r.time_h)
    days = 1.0 if math.isnan(r.time_h) else max(r.time_h, 0.3) / 24.0
    drug = 0.0 if told.control else 1.0
    dose = math.log(max(told.mg, 1e-3) / DOSE_REFERENCE_MG[told.route]) if told.mg > 0 and drug else 0.0
    found = {"=": 1.0, f"={r.endpoint} {r.statistic if name in ('level', 'pressure') else ''}": 1.0}
    if name in ("mood", "share"):
        slow, late = math.log1p(days), 1.0 if days > 10 else 0.0
        found |= {f"{arm.setting}": 1.0, "slow": slow, "late": late, f"{arm.setting} slow": slow}
        found |= {"new": float(told.new_oral), "new slow": told.new_oral * slow}
        found |= {"drug": drug, f"drug {told.route}": drug, "drug slow": drug * slow, "drug dose": drug * dose}
        found |= {
            "drug first hours": drug * (1.0 if days < 0.4 else 0.0),
            "drug sessions": drug * math.log(told.sessions),
        }
        found |= {
            "drug new": drug * told.new_oral,
            f"drug {told.drug}": drug,
            "first hours": 1.0 if days < 0.4 else 0.0,
        }
        baseline = baseline_of(study, arm)
        score = baseline if str(study.baseline.get("scale", "")) == "MADRS" else BASELINE_CENTRE
        found["baseline"] = 0.0 if math.isnan(score) else (score - BASELINE_CENTRE) / BASELINE_UNIT
        age = float(arm.people.get("age", study.age))
        found["older"] = 0.0 if math.isnan(age) else max(age - 60.0, 0.0) / 10.0
        found["older drug"] = found["older"] * drug
    if name == "share":
        found |= {
            "remission": float("remission" in (r.statistic + r.of)),
            "ever": float(r.statistic.startswith("ever")),
        }
    if name == "event":
        found |= {f"drug {r.endpoint}": drug, "drug": drug, f"drug {told.route}": drug, "dose": drug * dose}
        found |= {"sessions": math.log(told.sessions), "of sessions": float(r.unit == "share of sessions")}
    if name == "pressure":
        found |= {
            "drug": drug,
            f"drug {told.route}": drug,
            "dose": drug * dose,
            "hour": math.exp(-abs(24.0 * days - 0.67)),
        }
    if name == "level":
        hour = 0.0 if math.isnan(r.time_h) else math.log(max(r.time_h, 0.05))
        timed = float(r.statistic in ("mean_at", "profile_point", "mean"))
        found |= {
            f"{told.route} {r.statistic}": 1.0,
            f"{told.drug}": 1.0,
            f"{told.route} {r.endpoint}": 1.0,
            "dose": dose,
        }
        found |= {"hour": timed * hour, "hour squared": timed * hour**2, f"hour {r.endpoint}": timed * hour}
    return found


@dataclass(frozen=True)
class _Member:
    study: Study
    row: Observed
    scale: Comparable
    x: dict[str, float]
    level: float  # loading on u
    drug: float  # loading on w


def _member(study: Study, row: Observed, name: str) -> _Member:
    arms = _arms(study, row.row, row.row.arm_keys)
    x = _mean([features(study, arm, row, name) for arm in arms])
    drug = float(np.mean([not given(study, arm, row.row.time_h).control for arm in arms]))
    level = 1.0
    if row.row.versus:
        others = _arms(study, row.row, row.row.versus_keys)
        rest = _mean([features(study, arm, row, name) for arm in others])
        x = {key: x.get(key, 0.0) - rest.get(key, 0.0) for key in {*x, *rest}}
        level, drug = 0.0, drug - float(np.mean([not given(study, arm, row.row.time_h).control for arm in others]))
    return _Member(study, row, comparable(study, row), x, level, drug)


def _arms(study: Study, row: Row, keys: tuple[str, ...]) -> list[Arm]:
    return [study.arms[key] for key in keys]


def _mean(tables: Sequence[dict[str, float]]) -> dict[str, float]:
    names = {key for table in tables for key in table}
    return {key: float(np.mean([table.get(key, 0.0) for table in tables])) for key in names}


class Regression:
    """One class of numbers: covariance of everything that is not sampling error, and predictions that leave studies out."""

    def __init__(self, name: str, members: Sequence[_Member]) -> None:
        self.name, self.members = name, tuple(members)
        slope, intercept, start = CLASSES[name]
        names = sorted({key for m in members for key in m.x})
        table = np.array([[m.x.get(key, 0.0) for key in names] for m in members])
        wide = np.array([intercept if key.startswith("=") else slope for key in names])
        self.fixed = (table * wide**2) @ table.T
        self.y = np.array([m.scale.common(m.row.y) for m in members])
        self.error = np.array([(m.row.se / abs(m.scale.factor)) ** 2 for m in members])
        people = [m.study.people_key for m in members]
        self.same = np.array([[a == b for b in people] for a in people], dtype=float)
        self.level = np.outer([m.level for m in members], [m.level for m in members]) * self.same
        self.drug = np.outer([m.drug for m in members], [m.drug for m in members]) * self.same
        self.use = np.array([m.study.role == "fit" for m in members])
        self.sds = self._spreads(start)

    def _covariance(self, sds: Array) -> Array:
        u, w, e = sds**2
        return np.asarray(self.fixed + u * self.level + w * self.drug + e * np.eye(len(self.y)))

    def _spreads(self, start: float) -> Array:
        """SDs u, w, e of the largest marginal likelihood, held near their start by a log-normal prior (SD 1)."""
        keep = np.flatnonzero(self.use)

        def minus_log(logs: Array) -> float:
            c = (self._covariance(np.exp(logs)) + np.diag(self.error))[np.ix_(keep, keep)]
            root = np.linalg.cholesky(c)
            z = np.linalg.solve(root, self.y[keep])
            return float(0.5 * z @ z + np.log(np.diag(root)).sum() + 0.5 * ((logs - math.log(start)) ** 2).sum())

        found = minimize(
            minus_log, np.full(3, math.log(start)), method="Nelder-Mead", options={"xatol": 0.02, "fatol": 0.02}
        )
        return np.asarray(np.maximum(np.exp(found.x), LEAST_SD))

    def predict(self, study: Study, row: Observed, cluster: bool = False) -> Naive | None:
        """Mean and SD without the number's own sampling error; None without other studies."""
        here = next((i for i, m in enumerate(self.members) if m.row is row), None)
        if here is None:  # a number of another set of studies: as one more member
            return Regression(self.name, [*self.members, _member(study, row, self.name)]).predict(study, row, cluster)
        keep = np.array(
            [i for i, m in enumerate(self.members) if self.use[i] and not left_out_with(study, m.study, cluster)]
        )
        if not len(keep):
            return None
        c = self._covariance(self.sds)
        known = c[np.ix_(keep, keep)] + np.diag(self.error[keep])
        solved = np.linalg.solve(known, np.column_stack([self.y[keep], c[keep, here]]))
        mean = float(c[here, keep] @ solved[:, 0])
        variance = float(c[here, here] - c[here, keep] @ solved[:, 1])
        scale = self.members[here].scale
        names = {self.members[i].study.people_key for i in keep}
        return Naive(scale.shift + scale.factor * mean, abs(scale.factor) * math.sqrt(variance), 0, len(names))


class Rival:
    """All regressions over a set of studies."""

    def __init__(self, blocks: Sequence[StudyBlock]) -> None:
        members: dict[str, list[_Member]] = {}
        for block in blocks:
            for row in block.rows:
                name = class_of(row)
                if name:
                    members.setdefault(name, []).append(_member(block.study_of(row), row, name))
        self.classes = {name: Regression(name, found) for name, found in members.items()}

    def predict(self, study: Study, row: Observed, cluster: bool = False) -> Naive | None:
        """The rival's prediction; None where it has no regression (the naive baseline stands in)."""
        name = class_of(row)
        return self.classes[name].predict(study, row, cluster) if name in self.classes else None
