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
    rows = [
        [
            name,
            str(entry["values"]),
            number(entry["npde_mean"]),
            number(entry["npde_sd"]),
            _inside(entry["vpc"]),
            _inside(entry["pcvpc"]),
        ]
        for name, entry in plain["outputs"].items()
    ]
    lines += ["", *table(["what", "values", "NPDE mean", "NPDE SD", "VPC inside", "pcVPC inside"], rows)]
    lines.append(
        "NPDE: mean 0 and SD 1 where the model is right. VPC: how many of the 5th, 50th and 95th percentiles, in bins of time with three values or more, lie in the 90 % interval "
        "of the same percentile of simulated data sets; pcVPC: prediction-corrected, which takes differences of dose, weight and time out."
    )
    for one in plain.get("bodies", []):
        lines += ["", *_body(one)]
    return "\n".join(lines)


def _inside(bins: list[Mapping[str, Any]]) -> str:
    held = [low <= o <= high for b in bins for o, (low, high) in zip(b["observed"], b["simulated_90"], strict=True)]
    return f"{sum(held)} of {len(held)}" if held else "-"


MOST_EFFECTS = 6


def _body(one: Mapping[str, Any]) -> list[str]:
    """Most likely body of one person: what differs most from the typical one, and the levels."""
    rows = [[e["label"], f"{e['sd']:+.1f}", f"{e['spread']:.1f}"] for e in one["effects"][:MOST_EFFECTS]]
    levels = [
        [f"{v['time_h']:g}", v["name"], number(v["value"]), number(v["usual"]), number(v["own"])] for v in one["levels"]
    ]
    return [
        f"{one['person']}: most likely body (the {len(rows)} numbers that differ most; in SD between people, with what stays uncertain of them)",
        *table(["what", "SD from the typical", "uncertain by"], rows),
        *table(["time [h]", "what", "measured", "typical body", "own body"], levels),
    ]
