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
) -> None:
    """Tables and figures of README and docs anew, with a record of checksums: the same tables on every run."""
    from ketasim.exchange.reproduce import RECORD
    from ketasim.exchange.reproduce import reproduce as again

    record = again(folder, people=people, figures=figures, tell=lambda name: write(f"written: {folder / name}"))
    write(f"{len(record['files'])} files; checksums in {folder / RECORD}")
