"""`ketasim check`: every published number beside its prediction, by group, fit and validate apart, misfits first."""

from __future__ import annotations

import json as json_module
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import ndtr

from ketasim.core.arrays import Array
from ketasim.core.posterior import about

from ..arms.numbers import Numbers
from ..published.study import Study
from . import scorer
from .baseline import Naive, Pool
from .left_out import LeftOut
from .likelihood import Z95, Observed, StudyBlock, taus_of
from .predict import Evidence, Skipped, all_evidence
from .rival import Rival

# Predictions are t distributed around the model, scaled so that the SD is what it says: most studies lie close, some far off.
QUANTILES = {level: scorer.edge(level) for level in scorer.LEVELS}  # in SDs


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """One published number with its prediction; intervals in the row's unit, z on the scale of comparison."""

    study: str
    role: str
    group: str
    record: str
    arm: str
    versus: str
    endpoint: str
    scale: str
    statistic: str
    time_h: float | None
    unit: str
    observed: float
    observed_low: float
    observed_high: float
    se: float
    tau: float
    model_sd: float
    predicted: float
    low50: float
    high50: float
    low80: float
    high80: float
    low95: float
    high95: float
    strict: bool
    strict_perfect: float
    loose: bool
    z: float
    log_score: float
    naive: float | None
    naive_log_score: float | None
    rival: float | None
    rival_log_score: float | None
    sign: bool
    line: int


@dataclass(frozen=True)
class Scorecard:
    """All scored rows and those that the model cannot predict; leave-one-out by study and by cluster where it was asked for."""

    rows: tuple[ScoredRow, ...]
    skipped: tuple[Skipped, ...]
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)

    def only(self, names: Collection[str]) -> Scorecard:
        """The rows of some studies; what was left out belongs to all of them and goes."""
        rows = tuple(r for r in self.rows if r.study in names)
        return Scorecard(rows, tuple(s for s in self.skipped if s.row.study in names))

    def part(self, role: str) -> tuple[ScoredRow, ...]:
        """Rows of one role."""
        return tuple(row for row in self.rows if row.role == role)

    def summary(self) -> dict[str, Any]:
        """The figures of the scorecard; shares between 0 and 1."""
        numbers = [r for r in self.rows if not r.sign]
        found: dict[str, Any] = {"studies": len({r.study for r in numbers}), "values": len(numbers)}
        for role in ("fit", "validate"):
            found[role] = role_summary(self.part(role))
        found["groups"] = {g: _group(self.rows, g) for g in sorted({r.group for r in self.rows})}
        found["not_predicted"] = len(self.skipped)
        found["posterior"] = dict(about())
        found |= {f"leave_{name}_out": item.summary() for name, item in self.left_out.items()}
        return found

    def to_json(self) -> str:
        """Summary, rows, and the rows that are not predicted with reasons."""
        rows = [{name: _plain(getattr(r, name)) for name in ScoredRow.__slots__} for r in self.rows]
        skipped = [
            {"study": s.row.study, "line": s.row.line, "record": s.row.record, "why": s.why} for s in self.skipped
        ]
        return json_module.dumps(
            {"summary": _plain(self.summary()), "rows": rows, "not_predicted": skipped}, indent=2, allow_nan=False
        )


def role_summary(rows: Sequence[ScoredRow]) -> dict[str, Any]:
    """Figures of one role; rows that only publish a direction are counted apart."""
    signs = [r for r in rows if r.sign]
    rows = [r for r in rows if not r.sign]
    directions = {"directions": len(signs), "directions_hit": sum(r.strict for r in signs)}
    if not rows:
        return {"studies": 0, "values": 0} | directions
    z = np.array([abs(r.z) for r in rows])
    gain, error, compared = log_score_gain(rows)
    return {
        "studies": len({r.study for r in rows}),
        "values": len(rows),
        "inside_ci": float(np.mean([r.strict for r in rows])),
        "strict": float(np.mean([r.strict for r in rows])),
        "strict_perfect": float(np.mean([r.strict_perfect for r in rows])),
        "loose": float(np.mean([r.loose for r in rows])),
        **{f"coverage{level}": float(np.mean(z <= edge)) for level, edge in QUANTILES.items()},
        "log_score": float(sum(r.log_score for r in rows)),
        "log_score_gain": gain,
        "log_score_gain_se": error,
        "log_score_compared": compared,
        **directions,
    }


def log_score_gain(rows: Sequence[ScoredRow]) -> tuple[float, float, int]:
    """Summed log score minus that of the naive baseline, its SE over studies, and the number of rows compared."""
    compared = [(r.study, r.log_score - r.naive_log_score) for r in rows if r.naive_log_score is not None]
    names, gains = [name for name, _ in compared], [gain for _, gain in compared]
    return *scorer.total_over_studies(names, gains), len(names)


def _group(rows: Sequence[ScoredRow], group: str) -> dict[str, Any]:
    return {
        role: role_summary([r for r in rows if r.group == group and r.role == role]) for role in ("fit", "validate")
    }


def _plain(item: Any) -> Any:
    if isinstance(item, dict):
        return {k: _plain(v) for k, v in item.items()}
    if isinstance(item, np.bool_ | bool):
        return bool(item)
    if isinstance(item, int | np.integer):
        return int(item)
    if isinstance(item, float | np.floating):
        return float(f"{item:.6g}") if math.isfinite(item) else None
    return item


def scorecard(
    evidence: Evidence | None = None,
    numbers: Numbers | None = None,
    taus: dict[str, float] | None = None,
    model_variance: Sequence[Array] | None = None,
    helpers: Sequence[StudyBlock] = (),
) -> Scorecard:
    """Score every row. model_variance : variance of every prediction over the posterior (scale of comparison), (R,) per study.

    helpers : studies that are not scored but that baseline and rival may pool.
    """
    evidence = evidence or all_evidence()
    numbers = numbers or Numbers()
    taus = taus or taus_of()
    base = evidence.compared(numbers)
    slopes = evidence.slopes(numbers, base)
    known = (*helpers, *evidence.blocks)
    pool, rival = Pool(known), Rival(known)
    rows = []
    for i, block in enumerate(evidence.blocks):
        between = np.diag(block.between(slopes[i], taus))
        own = np.zeros(len(block.rows)) if model_variance is None else model_variance[i]
        for j, item in enumerate(block.rows):
            tau, predicted = math.sqrt(float(between[j])), float(base[i][j])
            study = block.study_of(item)
            simple = pool.predict(study, item)
            against = (simple, rival.predict(study, item) or simple)
            rows.append(_scored(study, item, predicted, tau, math.sqrt(float(own[j])), against))
    return Scorecard(tuple(rows), evidence.skipped)


def _scored(
    study: Study,
    item: Observed,
    predicted: float,
    tau: float,
    model_sd: float,
    against: tuple[Naive | None, Naive | None],
) -> ScoredRow:
    r, se = item.row, item.se
    sd = math.sqrt(se**2 + tau**2 + model_sd**2)
    z = (item.y - predicted) / sd
    ends = {
        level: (item.backward(predicted - edge * sd), item.backward(predicted + edge * sd))
        for level, edge in QUANTILES.items()
    }
    simple, rival = against
    return ScoredRow(
        study=study.id,
        role=study.role,
        group=study.group,
        record=r.record,
        arm=r.arm,
        versus=r.versus,
        endpoint=r.endpoint,
        scale=r.scale,
        statistic=r.statistic,
        time_h=None if math.isnan(r.time_h) else r.time_h,
        unit=r.unit,
        observed=r.value,
        observed_low=item.backward(item.y - Z95 * se),
        observed_high=item.backward(item.y + Z95 * se),
        se=se,
        tau=tau,
        model_sd=model_sd,
        predicted=item.backward(predicted),
        low50=ends[50][0],
        high50=ends[50][1],
        low80=ends[80][0],
        high80=ends[80][1],
        low95=ends[95][0],
        high95=ends[95][1],
        strict=abs(item.y - predicted) <= Z95 * se,
        strict_perfect=float(2 * ndtr(Z95 * se / math.hypot(se, tau)) - 1),
        loose=abs(item.y - predicted) <= Z95 * math.hypot(se, tau),
        z=z,
        log_score=scorer.log_score(item.y, predicted, sd),
        naive=None if simple is None else item.backward(simple.mean),
        naive_log_score=_other_score(item, simple),
        rival=None if rival is None else item.backward(rival.mean),
        rival_log_score=_other_score(item, rival),
        sign=r.is_sign,
        line=r.line,
    )


def _other_score(item: Observed, other: Naive | None) -> float | None:
    """Log score of the naive baseline or the rival, sampling error added as for the model."""
    return None if other is None else scorer.log_score(item.y, other.mean, math.hypot(other.sd, item.se))
