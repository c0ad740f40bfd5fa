"""`ketasim import`."""

from __future__ import annotations

import json as jsons
from pathlib import Path
from typing import Annotated, Any

import typer

from ketasim.core import UsageError

from .options import Csv, Json, one_format
from .output import write

ARCHIVES = (".omex", ".zip")
SAME = 1e-5  # of the largest value: beyond it a course is another one


def import_(
    file: Annotated[
        Path, typer.Argument(help="a table of doses and observations (.csv, .tsv, .txt), or an archive (.omex)")
    ],
    drug: Annotated[str, typer.Option(help="drug of every dose, where the table has no column DRUG")] = "",
    route: Annotated[str, typer.Option(help="route of every dose, where the table has no column ROUTE")] = "",
    unit: Annotated[str, typer.Option(help="unit of AMT: mg | ug | g (free base)")] = "mg",
    output: Annotated[
        list[str] | None,
        typer.Option(help="what DV is: plasma.ketamine for all rows, or DVID=NAME; may be repeated"),
    ] = None,
    duplicates: Annotated[
        str, typer.Option(help="a dose row that stands there twice: refuse | keep | drop")
    ] = "refuse",
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Read a NONMEM-style table or an archive: what was repaired, doses in and out, and the observations beside a simulation.

    TIME in hours, AMT in mg, RATE in mg/h, DV in the unit of the output (ng/mL of plasma). A column DVID that says what DV is takes one --output a kind.

    Example: ketasim import levels.csv --drug ketamine --route iv --output plasma.ketamine
    """
    one_format(json, csv)
    if file.suffix.lower() in ARCHIVES:
        _archive(file, json)
        return
    from ketasim.exchange.imported import import_table
    from ketasim.exchange.imported_text import imported_csv, imported_dict, imported_text

    found = import_table(
        file, drug_name=drug, route=route, unit=unit, outputs=_outputs(output or ()), duplicates=duplicates
    )
    if json:
        write(jsons.dumps(imported_dict(found), indent=2, allow_nan=False), json=True)
    elif csv:
        write(imported_csv(found))
    else:
        write(imported_text(found))


def _outputs(items: Any) -> dict[str, str] | str:
    pairs = [item.partition("=") for item in items]
    if not pairs:
        return ""
    if len(pairs) == 1 and not pairs[0][1]:
        return str(pairs[0][0])
    if any(not sign for _, sign, _ in pairs):
        raise UsageError("one output for all, or one for each DVID", where="--output", fix="--output 1=plasma.ketamine")
    return {key.strip(): name.strip() for key, _, name in pairs}


def _archive(file: Path, json: bool) -> None:
    from ketasim.core import CheckFailed
    from ketasim.exchange.archive import read_archive
    from ketasim.exchange.omex import run_again

    archive = read_archive(file)
    asked, difference = run_again(archive, str(file))
    told = {
        "file": str(file),
        "entries": {name: len(content) for name, content in archive.files.items()},
        "scenario": asked.title,
        "largest_difference": difference,
        "same": difference < SAME,
    }
    if json:
        write(jsons.dumps(told, indent=2), json=True)
    else:
        lines = [f"{file}: {len(archive.files)} entries, nothing unpacked"]
        lines += [f"  {name}: {len(content):,} bytes" for name, content in archive.files.items()]
        lines += [
            f"Scenario: {asked.title}",
            f"Run again: the courses of the typical person differ by at most {difference:.1e} of their largest value.",
        ]
        write("\n".join(lines))
    if difference >= SAME:
        raise CheckFailed(
            f"the archive holds other courses than this version gives (difference {difference:.2g})", where=str(file)
        )
