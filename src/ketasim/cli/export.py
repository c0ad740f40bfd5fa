"""`ketasim export`."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from .options import Json, Options, Words, with_options
from .output import write

To = Annotated[
    str | None,
    typer.Option(
        help="sbml | antimony | omex | petab | adppk | python | julia | r", show_default="by the ending of the file"
    ),
]
File = Annotated[Path, typer.Argument(help="where to write it, such as model.xml")]


@with_options
def export(words: Words, options: Options, file: File, to: To = None, json: Json = False) -> None:
    """Write a scenario for another program, and say first what is lost on the way."""
    from ketasim.exchange.export import prepared, target_of

    target = target_of(to, file)
    made = prepared(words, target, **options.arguments())
    if not json:
        write(f"{target.label}: what this export loses\n" + "\n".join(f"- {line}" for line in made.lost))
    place = made.write(file)
    if json:
        told = {"file": str(place), "format": target.name, "bytes": made.size, "lost": list(made.lost)}
        write(jsonlib.dumps(told, indent=2), json=True)
    else:
        write(f"\nWritten: {place} ({made.size:,} bytes). Run here with: {target.checked}.")
