"""Own data beside the model, in sentences and one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .words import number, table


def overlay_text(plain: Mapping[str, Any]) -> str:
    """Ledger, and per analyte or score how far the values lie from what the model expects of such people."""
    ledger = plain["ledger"]
    late = [row for row in ledger["rows"] if row["after_last_value"]]
    lines = [
        f"{plain['people']} people, {ledger['doses_in']} doses in: {number(ledger['mg_in'])} mg; given in the model: {number(ledger['mg_out'])} mg.",
    ]
    if late:
        lines.append(f"{len(late)} of the doses come after the last value of their person and are in no run.")
    rows = []
    for name, entry in plain["outputs"].items():
        held = [
            low <= o <= high
            for b in entry["vpc"]
            for o, (low, high) in zip(b["observed"], b["simulated_90"], strict=True)
        ]
        rows.append(
            [
                name,
                str(entry["values"]),
                number(entry["npde_mean"]),
                number(entry["npde_sd"]),
                f"{sum(held)} of {len(held)}" if held else "-",
            ]
        )
    lines += ["", *table(["what", "values", "NPDE mean", "NPDE SD", "percentiles inside their 90 %"], rows)]
    lines.append(
        "NPDE: 0 and 1 where the model is right. Percentiles: 5, 50, 95 in each bin of time with three values or more (VPC)."
    )
    return "\n".join(lines)
