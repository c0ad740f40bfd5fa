"""A comparison in plain sentences: arms as columns, what differs, what is approved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ketasim.core.records import NOTICE
from ketasim.scenario.compare import Comparison

from .tables import ABOUT, about, cell, csv_text
from .words import DASH, number, percent, points, table

LETTERS = "ABCDEF"


def compare_text(found: Comparison) -> str:
    """The whole comparison as text."""
    first = found.results[0]
    lines = [
        f"Ketasim {first.record.version}, seed {first.record.seed}, the same {len(first.people)} people in every arm",
        NOTICE,
        "",
    ]
    lines += [f"  {LETTERS[i]}  {arm}" for i, arm in enumerate(found.arms)]
    lines += ["", "Typical person; in brackets 5th to 95th percentile between people"]
    head = ["", *LETTERS[: len(found.arms)]]
    body = [
        [f"{r.label} [{r.unit}]" if r.unit != "1" else r.label, *(_arm(arm, r.unit) for arm in r.arms)]
        for r in found.rows
    ]
    lines += [f"  {line}" for line in table(head, body)]
    if found.differences:
        lines += ["", "Differences to A, person by person (median; 5th to 95th percentile)"]
        for d in found.differences:
            span = f" ({number(d.low)} to {number(d.high)})" if d.low is not None else ""
            lines.append(
                f"  {LETTERS[d.arm]} - A  {d.label}: {number(d.median if d.median is not None else d.typical)}{span} {d.unit}"
            )
        lines.append(
            "  A simulation is no head-to-head trial; none is in the evidence unless the evidence page names it."
        )
    lines += ["", "Approval and monitoring"]
    for i, arm in enumerate(found.standing):
        text = "; ".join(f"{s['jurisdiction']}: {s['status']}" + (f" ({s['use']})" if s["use"] else "") for s in arm)
        lines += [f"  {LETTERS[i]}  {text}", f"     Watch: {found.monitoring[i]}"]
    warnings = [f"  {LETTERS[i]}  {w}" for i, r in enumerate(found.results) for w in r.warnings]
    failed = [
        f"  {LETTERS[i]}  {len(r.failures)} runs failed and are left out"
        for i, r in enumerate(found.results)
        if r.failures
    ]
    if warnings or failed:
        lines += ["", "Know this:", *warnings, *failed]
    return "\n".join(lines)


def _arm(arm: Mapping[str, Any], unit: str) -> str:
    form = points if unit in ("points", "mmHg") else percent if unit == "1" else number
    middle = arm.get("typical") if arm.get("typical") is not None else arm.get("median")
    if middle is None:
        return DASH
    return form(middle) + (f" ({form(arm['low'])} to {form(arm['high'])})" if arm.get("low") is not None else "")


def compare_csv(found: Comparison) -> str:
    """One row per quantity and arm."""
    rows = []
    for row in found.rows:
        for i, arm in enumerate(row.arms):
            rows.append(
                [
                    row.name,
                    row.unit,
                    found.arms[i],
                    *(cell(arm.get(k)) for k in ("typical", "median", "low", "high")),
                    *about(found.results[i])[1:],
                ]
            )
    return csv_text(("quantity", "unit", "arm", "typical", "median", "low", "high", *ABOUT[1:]), rows)
