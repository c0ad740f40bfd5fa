"""`ketasim new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import write


def new(
    kind: Annotated[str, typer.Argument(help="stage | drug | study | hypothesis | finding | design")],
    name: Annotated[str, typer.Argument(help="small letters, digits and underscores, such as sigma_one")],
    folder: Annotated[Path, typer.Option(help="where to write it")] = Path("."),
) -> None:
    """Write a template of a part of your own: it runs as it is, and the commands that use it are printed."""
    from ketasim.exchange.templates import new as written

    files, commands = written(kind, name, folder)
    write("\n".join(["Written:", *(f"  {path}" for path in files), "", "Try:", *(f"  {line}" for line in commands)]))
