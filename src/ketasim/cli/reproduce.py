"""`ketasim reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import write


def reproduce(
    folder: Annotated[Path, typer.Argument(help="an existing folder for tables, figures and the record")],
    people: Annotated[int, typer.Option(help="people to draw for the bands")] = 200,
    figures: Annotated[bool, typer.Option(help="draw the figures too")] = True,
    pages: Annotated[bool, typer.Option(help="the tables of the docs too (claims, weighing, scorecard, power)")] = True,
) -> None:
    """Tables and figures of README and docs anew, with a record of checksums: the same tables on every run.

    Example: mkdir again && ketasim reproduce again
    """
    from ketasim.exchange.reproduce import NOT_REDONE, RECORD, Piece
    from ketasim.exchange.reproduce import reproduce as again
    from ketasim.report.reproduced import drawings, tables

    more: dict[str, Piece] = {}
    if figures:
        more |= {name: Piece(d.command, d.write, drawn=True) for name, d in drawings(people).items()}
    if pages:
        more |= {name: Piece(t.command, t.write) for name, t in tables().items()}
    record = again(folder, people=people, more=more, tell=write)
    write(f"{len(record['files'])} files in {folder}; checksums in {folder / RECORD}")
    write("Not made again: " + ", ".join(NOT_REDONE) + f" (why: {RECORD}).")
