"""The naive baseline: the pooled mean of the other studies' numbers of the same kind, with the spread between them. No mechanism.
Frozen: see docs/decisions/0004-baseline-rival-scorer.md.

Kind, from coarse to fine: like quantities; endpoint and statistic; drug, control or contrast; time window; comparator; route. The mean comes from the finest
kind with two studies (else one). A study never helps to predict itself, nor its patients under another name, nor (left out by cluster) its
programme. Numbers are pooled on a common scale: mood in MADRS points of change (a mean score less its baseline, a standardised difference
times the usual SD), suicidal thoughts in shares of their scale, concentrations and areas per mg, clearances and volumes per 70 kg.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..published.study import Study
from ..published.vocabulary import SCALE_RANGES
from .design import baseline_of, first_arm, given, left_out_with
from .likelihood import Observed, StudyBlock

# Upper ends of the time windows, h: first hour, hours, day 1, days 2-4, about a week, two weeks, a month, three months.
WINDOWS_H = (1.5, 8.0, 36.0, 100.0, 220.0, 440.0, 800.0, 2400.0)
LEVEL_WINDOWS_H = (0.1, 0.35, 0.75, 1.5, 3.0, 6.0, 12.0, 36.0)  # of concentrations
ENOUGH_STUDIES = 2
TYPICAL_SD = 11.0  # MADRS points: what a standardised difference is worth
# Usual spread between studies of numbers of one kind, which counts like two studies beside the one that is seen.
USUAL_SPREAD = {"mood": 4.5, "logit": 0.58, "log": 0.3, "fisher": 0.15, "ideation": 0.1, "pressure": 4.0, "plain": 0.3}
USUAL_WEIGHT = 2.0
PER_DOSE = ("cmax", "auc", "mean_at", "mean", "profile_point", "largest_mean_maximum")
LEVELS = tuple(name for name in PER_DOSE if name != "auc")
PARENTS = ("ketamine", "s_ketamine", "r_ketamine")
TO_NG_PER_ML = {"ng/mL": 1.0, "ug/L": 1.0, "pg/mL": 1e-3, "ug/mL": 1e3, "mg/L": 1e3}
MOLAR_MASS = {"ketamine": 237.73, "norketamine": 223.70}  # g/mol: ng/mL in one nmol/mL
MOOD_LEVELS = ("change_mean", "mean", "mean_over_visits")


@dataclass(frozen=True, slots=True)
class Comparable:
    """How a number is pooled: y (scale of comparison) = shift + factor c; kinds from coarse to fine; usual spread of c."""

    kinds: tuple[str, ...]
    shift: float
    factor: float
    spread: float

    def common(self, y: float) -> float:
        """The number on the common scale."""
        return (y - self.shift) / self.factor


@dataclass(frozen=True, slots=True)
class Naive:
    """Mean and SD (without the row's own sampling error) on the scale of comparison; how many levels were dropped; of how many studies."""

    mean: float
    sd: float
    dropped: int
    studies: int


def comparable(study: Study, row: Observed) -> Comparable:
    """The common scale and the kinds of a number. Nothing of its value enters."""
    r = row.row
    arm = first_arm(study, r)
    told = given(study, arm, r.time_h)
    contrast = bool(r.versus)
    role = "contrast" if contrast else "control" if told.control else "drug"
    level = r.endpoint.startswith(("plasma.", "arterial."))
    windows = LEVEL_WINDOWS_H if level else WINDOWS_H
    window = "no time" if math.isnan(r.time_h) else f"window {int(np.searchsorted(windows, r.time_h))}"
    name, shift, factor, spread = _scale(study, row)
    beside = told.drug if level else arm.setting
    return Comparable((_broad(row, name), name, role, window, beside, told.route), shift, factor, USUAL_SPREAD[spread])


def _broad(row: Observed, name: str) -> str:
    """The coarsest kind, for numbers of which no other study has the same statistic: like quantities on the same scale."""
    r, kind = row.row, row.kind
    if r.is_sign:
        return name
    if r.endpoint.startswith(("plasma.", "arterial.")) and not r.versus and not r.over and kind == "log":
        species = r.endpoint.partition(".")[2]
        species = "parent" if species in PARENTS else species.removeprefix("s_").removeprefix("r_")
        return f"{species} {'level' if r.statistic in LEVELS else r.statistic}"
    if r.unit in ("mmHg", "bpm") and kind == "plain":
        return f"{r.endpoint} rise"
    if r.statistic == "correlation":
        return "correlation"
    if r.endpoint.startswith("occupancy.") and r.unit == "fraction":
        return f"occupancy {kind}"
    if r.endpoint in ("madrs", "ideation") and kind == "logit":
        return f"{r.endpoint} share"
    return name


def _scale(study: Study, row: Observed) -> tuple[str, float, float, str]:
    """Name of the quantity, shift, factor, kind of its spread."""
    r, kind = row.row, row.kind
    where = f"{r.endpoint} {r.statistic} {r.cut or r.of} {r.among} {kind}"
    if r.is_sign:
        return f"direction {where}", 0.0, 1.0, "plain"
    if r.endpoint == "madrs" and kind == "plain":
        return _mood_scale(study, row, where)
    if r.endpoint == "ideation" and kind == "plain":
        low, high = SCALE_RANGES.get(r.scale, (0, 6))
        unit = high - low if r.unit == "points" else 1.0
        return f"ideation {'contrast' if r.versus else r.statistic}", 0.0, float(unit), "ideation"
    if r.endpoint.startswith(("plasma.", "arterial.")) and kind == "log" and not r.versus and not r.over:
        return where, _per_dose(study, row), 1.0, "log"
    if kind in ("logit", "log", "fisher"):
        return f"{where} {r.scale if r.statistic in ('ratio', 'threshold_share') else ''}", 0.0, 1.0, kind
    if r.unit in ("mmHg", "bpm"):
        return where, 0.0, 1.0, "pressure"
    return f"{where} {r.unit}", 0.0, 1.0, "pressure" if r.unit == "points" else "plain"


def _mood_scale(study: Study, row: Observed, where: str) -> tuple[str, float, float, str]:
    r = row.row
    if r.statistic == "difference" and r.unit == "points":
        return "mood difference", 0.0, 1.0 / row.points, "mood"
    if r.statistic == "smd":
        return "mood difference", 0.0, 1.0 / TYPICAL_SD, "mood"
    if r.statistic in MOOD_LEVELS:
        shift = 0.0 if r.statistic == "change_mean" else baseline_of(study, first_arm(study, r))
        own = str(study.baseline.get("scale", r.scale)) == r.scale
        if not math.isnan(shift) and (own or shift == 0.0):
            return f"mood change {r.among}", shift, 1.0 / row.points, "mood"
        return where, 0.0, 1.0 / row.points, "mood"
    return where, 0.0, 1.0, "plain"


def _per_dose(study: Study, row: Observed) -> float:
    """Logarithm of what a concentration, area, clearance or volume is divided by."""
    r = row.row
    if r.statistic in ("clearance", "volume"):
        return 0.0 if r.unit.endswith("/kg") else math.log(70.0)
    if r.statistic not in PER_DOSE:
        return 0.0
    mg = given(study, first_arm(study, r), r.time_h).mg
    unit = TO_NG_PER_ML.get(r.unit.replace("*h", ""), 1.0)
    if r.unit.startswith("nmol/mL"):
        unit = MOLAR_MASS["norketamine" if "norketamine" in r.endpoint else "ketamine"]
    return (math.log(mg) if mg > 0 else 0.0) - math.log(unit)


class Pool:
    """The numbers of all studies that a baseline may use, prepared once."""

    def __init__(self, blocks: Sequence[StudyBlock]) -> None:
        self.members = [
            (block.study_of(row), row, comparable(block.study_of(row), row))
            for block in blocks
            for row in block.rows
            if block.study_of(row).role == "fit" and not row.row.is_sign
        ]
        self.cells: dict[tuple[str, ...], list[tuple[Study, Observed, Comparable]]] = {}
        for member in self.members:
            kinds = member[2].kinds
            for keep in range(1, len(kinds) + 1):
                self.cells.setdefault(kinds[:keep], []).append(member)

    def predict(self, study: Study, row: Observed, cluster: bool = False) -> Naive | None:
        """The baseline for one number; None if no other study has one of this endpoint and statistic."""
        want = comparable(study, row)
        levels = []
        for dropped in range(len(want.kinds)):
            keep = len(want.kinds) - dropped
            cell = [
                (other, number, scale)
                for other, number, scale in self.cells.get(want.kinds[:keep], ())
                if not left_out_with(study, other, cluster)
            ]
            if cell:
                levels.append((dropped, cell))
        if not levels:
            return None
        enough = [level for level in levels if len({other.people_key for other, _, _ in level[1]}) >= ENOUGH_STUDIES]
        dropped, cell = (enough or levels)[0]
        mean, error, spread, count = _pooled(cell, want.spread)
        factor = abs(want.factor)
        return Naive(want.shift + want.factor * mean, factor * math.hypot(error, spread), dropped, count)


def _pooled(cell: Sequence[tuple[Study, Observed, Comparable]], usual: float) -> tuple[float, float, float, int]:
    """Mean over studies (patients count once), its error, and the spread between studies.

    tau^2 = (k tau_DL^2 + 2 usual^2) / (k + 2), tau_DL of DerSimonian and Laird (doi:10.1016/0197-2456(86)90046-2), k studies less one.
    """
    names = sorted({study.people_key for study, _, _ in cell})
    groups = [
        [(scale.common(row.y), row.se / abs(scale.factor)) for s, row, scale in cell if s.people_key == n]
        for n in names
    ]
    y = np.array([np.mean([c for c, _ in group]) for group in groups])
    v = np.array([np.mean([e**2 for _, e in group]) for group in groups])
    free = len(y) - 1
    tau2 = (free * _between(y, v) + USUAL_WEIGHT * usual**2) / (free + USUAL_WEIGHT)
    w = 1.0 / (v + tau2)
    return float((w * y).sum() / w.sum()), float(math.sqrt(1.0 / w.sum())), math.sqrt(tau2), len(names)


def _between(y: np.ndarray, v: np.ndarray) -> float:
    """Variance between studies by DerSimonian and Laird: max(0, (Q - (k - 1)) / (sum w - sum w^2 / sum w)), w = 1 / v."""
    w = 1.0 / v
    if len(y) < 2:
        return 0.0
    fixed = float((w * y).sum() / w.sum())
    q = float((w * (y - fixed) ** 2).sum())
    return max((q - (len(y) - 1)) / float(w.sum() - (w**2).sum() / w.sum()), 0.0)
