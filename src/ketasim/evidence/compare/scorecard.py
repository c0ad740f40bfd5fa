"""`ketasim check`: every published number beside its prediction, by group, fit and validate apart, misfits first."""

from __future__ import annotations

import json as json_module
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ..arms.numbers import Numbers
from ..published.study import Study
from . import scorer
from .baseline import Naive, Pool
from .likelihood import Z95, Observed, taus_of
from .predict import Evidence, Skipped, all_evidence
from .rival import Rival

Array = NDArray[np.float64]

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
    """All scored rows and those that the model cannot predict."""

    rows: tuple[ScoredRow, ...]
    skipped: tuple[Skipped, ...]

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
) -> Scorecard:
    """Score every row. model_variance : variance of every prediction over the posterior (scale of comparison), (R,) per study."""
    evidence = evidence or all_evidence()
    numbers = numbers or Numbers()
    taus = taus or taus_of()
    base = evidence.compared(numbers)
    slopes = evidence.slopes(numbers, base)
    pool, rival = Pool(evidence.blocks), Rival(evidence.blocks)
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


def text(card: Scorecard, everything: bool = False) -> str:
    """The scorecard as plain sentences and tables: misfits first, then every group."""
    lines = []
    summary = card.summary()
    lines.append(f"{summary['values']} published values of {summary['studies']} studies beside their predictions.")
    for role in ("fit", "validate"):
        s = summary[role]
        if not s["values"]:
            lines.append(f"{role}: no studies yet.")
            continue
        lines.append(
            f"{role}: {s['values']} values of {s['studies']} studies. Inside the study's own 95 % interval {_pc(s['strict'])} "
            f"(a perfect model: {_pc(s['strict_perfect'])}); within sampling error and spread between studies {_pc(s['loose'])}. "
            f"Intervals of 50, 80, 95 % hold {_pc(s['coverage50'])}, {_pc(s['coverage80'])}, {_pc(s['coverage95'])}. "
            f"Log score over the naive baseline {s['log_score_gain']:+.1f} (SE {s['log_score_gain_se']:.1f}, {s['log_score_compared']} values)."
            + (f" Of {s['directions']} published directions {s['directions_hit']} come out." if s["directions"] else "")
        )
    misfits = sorted((r for r in card.rows if abs(r.z) > QUANTILES[95] and not r.sign), key=lambda r: -abs(r.z))
    lines.append(f"\nMisfits, farther than the 95 % interval: {len(misfits)}")
    lines += [_line(r) for r in misfits]
    for group in sorted({r.group for r in card.rows}):
        mine = [r for r in card.rows if r.group == group]
        for role in ("fit", "validate"):
            part = sorted((r for r in mine if r.role == role), key=lambda r: (r.study, r.line))
            if not part:
                continue
            s = role_summary(part)
            if not s["values"]:
                lines.append(f"\n{group}, {role}: {s['directions_hit']} of {s['directions']} directions as published")
                lines += [_line(r) for r in part]
                continue
            lines.append(
                f"\n{group}, {role}: {s['values']} values of {s['studies']} studies; strict {_pc(s['strict'])} of {_pc(s['strict_perfect'])}; "
                f"80 % interval holds {_pc(s['coverage80'])}; log score {s['log_score_gain']:+.1f} (SE {s['log_score_gain_se']:.1f})"
            )
            lines += [_line(r) for r in part]
    if card.skipped:
        lines.append(f"\nNot predicted: {len(card.skipped)}")
        lines += [f"  {s.row.study}:{s.row.line} {s.row.endpoint} {s.row.statistic}: {s.why}" for s in card.skipped]
    return "\n".join(lines)


def _pc(share: float) -> str:
    return f"{100 * share:.0f} %"


def _line(r: ScoredRow) -> str:
    when = "" if r.time_h is None else f" {r.time_h:g} h"
    who = r.arm + (f" - {r.versus}" if r.versus else "")
    mark = ("inside" if r.strict else "near" if r.loose else "MISFIT").ljust(6)
    return (
        f"  {mark} {r.study} [{r.role}] {who}: {r.endpoint} {r.statistic}{when}: {r.observed:.3g} ({r.observed_low:.3g} to "
        f"{r.observed_high:.3g}), predicted {r.predicted:.3g} ({r.low80:.3g} to {r.high80:.3g}), z {r.z:+.1f}"
    )


def main(json: bool = False, study: str = "") -> str:
    """What `ketasim check` prints. study : only the rows of that study."""
    card = card_of(study)
    return card.to_json() if json else text(card)


def card_of(study: str = "") -> Scorecard:
    """The scorecard of all studies, or the rows of one."""
    from ketasim.core import unknown_name

    from .posterior import shipped_scorecard

    card = shipped_scorecard()
    if study:
        names = {r.study for r in card.rows} | {s.row.study for s in card.skipped}
        if study not in names:
            raise unknown_name("study", study, names, where="--study")
        card = Scorecard(
            tuple(r for r in card.rows if r.study == study), tuple(s for s in card.skipped if s.row.study == study)
        )
    return card
