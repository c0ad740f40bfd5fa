"""What an import says: repairs, ledger, regimens, observations beside predictions."""

from __future__ import annotations

from typing import Any

from ketasim.core.records import NOTICE

from .imported import Compared, Imported
from .tables import table_text

SHOWN = 8
COLUMNS = ("id", "time_h", "output", "observed", "predicted", "row")


def imported_text(found: Imported) -> str:
    """Plain sentences."""
    table = found.table
    lines = [NOTICE, "", f"{table.rows} rows, {len(table.subjects)} people"]
    lines += [f"- repaired: {line}" for line in table.repairs] or ["- nothing had to be repaired"]
    lines += [f"- {note}" for note in found.notes]
    lines += ["", _ledger(found)]
    if found.people:
        lines += ["", "Regimens, one per person:"]
        lines += [f"  {person.name}: {_short(person.command)}" for person in found.people[:SHOWN]]
        lines += [f"  ... and {len(found.people) - SHOWN} more (--json)"] if len(found.people) > SHOWN else []
    if found.compared:
        lines += ["", "Observed beside predicted (the typical person of that weight and age, nothing fitted):"]
        for name, (count, ratio, within) in found.summary.items():
            lines.append(
                f"  {name}: {count} observations; predicted / observed {ratio:.3g} (geometric mean), {within:.0%} within twofold"
            )
        lines.append("  every row: --csv")
    return "\n".join(lines)


def _ledger(found: Imported) -> str:
    table = found.table
    text = (
        f"Ledger: {table.asked_doses} doses of {table.asked:.6g} {found.unit} in all asked (ADDL counted), "
        f"{table.given_doses} of {table.given:.6g} {found.unit} read"
    )
    lead = sum(dose.lead_in for person in table.subjects for dose in person.doses)
    return text + (f"; {lead} further doses lead in to steady states" if lead else "") + "."


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:150] + " ..."


def imported_dict(found: Imported) -> dict[str, Any]:
    """Plain data for JSON."""
    table = found.table
    return {
        "rows": table.rows,
        "repairs": list(table.repairs),
        "notes": list(found.notes),
        "ledger": {
            "unit": found.unit,
            "asked_doses": table.asked_doses,
            "asked": table.asked,
            "given_doses": table.given_doses,
            "given": table.given,
        },
        "people": [
            {
                "id": person.name,
                "words": person.scenario.words,
                "with": list(person.scenario.with_),
                "moved_h": person.moved_h,
                "command": person.command,
            }
            for person in found.people
        ],
        "observations": [_observation(row) for row in found.compared],
        "summary": {
            name: {"observations": count, "geometric_mean_ratio": ratio, "within_twofold": within}
            for name, (count, ratio, within) in found.summary.items()
        },
    }


def imported_csv(found: Imported) -> str:
    """One row per observation."""
    return table_text(
        COLUMNS,
        (_observation(row) for row in found.compared),
    )


def _observation(row: Compared) -> dict[str, Any]:
    """One observation beside its prediction, by the names of `COLUMNS`."""
    return dict(zip(COLUMNS, (row.subject, row.time_h, row.output, row.observed, row.predicted, row.row), strict=True))
