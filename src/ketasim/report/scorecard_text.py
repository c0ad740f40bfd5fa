"""The scorecard as plain sentences and tables: misfits first, then every group."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ketasim.evidence.compare.scorecard import QUANTILES, Scorecard, ScoredRow, role_summary


def text(card: Scorecard, everything: bool = False) -> str:
    """The scorecard as plain sentences and tables: misfits first, then every group."""
    lines = []
    summary = card.summary()
    lines.append(f"{summary['values']} published values of {summary['studies']} studies beside their predictions.")
    for role in ("fit", "validate"):
        s = summary[role]
        if not s["values"]:
            continue
        lines.append(
            f"{role}: {s['values']} values of {s['studies']} studies. Inside the study's own 95 % interval {_pc(s['strict'])} "
            f"(a perfect model: {_pc(s['strict_perfect'])}); within sampling error and spread between studies {_pc(s['loose'])}. "
            f"Intervals of 50, 80, 95 % hold {_pc(s['coverage50'])}, {_pc(s['coverage80'])}, {_pc(s['coverage95'])}. "
            f"Log score over the naive baseline {_with(s, f'{s["log_score_compared"]} values')}."
            + (f" Of {s['directions']} published directions {s['directions_hit']} come out." if s["directions"] else "")
        )
    lines += [posterior_line(summary["posterior"])] if summary["posterior"] else []
    lines += left_out_lines(card)
    misfits = sorted((r for r in card.rows if abs(r.z) > QUANTILES[95] and not r.sign), key=lambda r: -abs(r.z))
    lines.append(f"\nMisfits, farther than the 95 % interval: {len(misfits)}")
    lines.append(
        "In brackets: of what was published the study's own 95 % interval, of the prediction the 80 % interval."
    )
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
                f"80 % interval holds {_pc(s['coverage80'])}; log score {_with(s)}"
            )
            lines += [_line(r) for r in part]
    if card.skipped:
        lines.append(f"\nNot predicted: {len(card.skipped)}")
        lines += [f"  {s.row.study}:{s.row.line} {s.row.endpoint} {s.row.statistic}: {s.why}" for s in card.skipped]
    return "\n".join(lines)


def posterior_line(figures: Mapping[str, Any]) -> str:
    """How far the draws of the posterior can be trusted."""
    known = [
        f"at least {figures[key]:.0f} {name}"
        for key, name in (("bulk_ess_least", "effective in the bulk"), ("tail_ess_least", "in the tails"))
        if key in figures
    ]
    known += [
        f"{name} {figures[key]:.{digits}f}"
        for key, name, digits in (
            ("nested_rhat_most", "nested R-hat at most", 3),
            ("pareto_k", "Pareto k", 2),
            ("mc_error_most", "Monte Carlo error of a mean at most, in SDs,", 3),
        )
        if key in figures
    ]
    return f"Posterior: {figures['draws']:g} draws" + "".join(f"; {one}" for one in known) + "."


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


LEFT_OUT_NAMES = {
    "study": "Every study predicted without itself (and without whoever shares its patients)",
    "cluster": "Every programme or clinic predicted without itself",
}


def left_out_lines(card: Scorecard) -> list[str]:
    """Leave-one-out in sentences: coverage by row and by study, model and rival over the naive baseline, by kind of number."""
    lines = []
    for name, item in card.left_out.items():
        s = item.summary()
        lines.append(f"\n{LEFT_OUT_NAMES[name]}:")
        lines.append(
            f"  {s['values']} values of {s['studies']} groups of patients. Intervals of 50, 80, 95 % hold {_three(s)} by value, {_three(s['by_study'])} by study."
        )
        lines += [_gain_line(kind, part) for kind, part in _kinds(s) if part["compared"]]
        own = s["independent"]
        lines.append(
            f"  Without the studies that a value of the model was read from and no fit frees: {own['values']} values of {own['studies']} groups of patients."
        )
        lines += [_gain_line(kind, part) for kind, part in _kinds(own) if part["compared"]]
    return lines


def _kinds(s: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [("all", s), *s["by_kind"].items()]


def _gain_line(kind: str, s: dict[str, Any]) -> str:
    rival, over = s["rival"], s["over_rival"]
    return (
        f"  {kind:15s} log score over the naive baseline {_with(s, _spread(s))}, meta-regression {_with(rival)}; over the meta-regression {_with(over)} "
        f"({s['compared']} values; 50, 80, 95 % hold {_three(s)})"
    )


def _with(s: dict[str, Any], more: str = "") -> str:
    """The gain with its standard error, which one value alone does not give."""
    error = s["log_score_gain_se"]
    told = f"SE {error:.1f}" if math.isfinite(error) else "one value, no SE"
    return f"{s['log_score_gain']:+.1f} ({told}{', ' + more if more else ''})"


def _spread(s: dict[str, Any]) -> str:
    """The gain over resampled studies, and in how many studies it is one; nothing of one study alone."""
    if s["studies_compared"] < 2:
        return ""
    low, high = s["log_score_gain_95"]
    return f"resampled studies {low:+.0f} to {high:+.0f}, ahead in {s['studies_ahead']} of {s['studies_compared']}"


def _three(s: dict[str, Any]) -> str:
    return ", ".join(_pc(s[f"coverage{level}"]) for level in (50, 80, 95))
