"""`ketasim check`: registered on the command line's app by `add_commands(app)`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def check(
    json: Annotated[bool, typer.Option("--json", help="one JSON object: summary and rows")] = False,
    html: Annotated[Path | None, typer.Option(help="write one self-contained page with figures")] = None,
    study: Annotated[str, typer.Option(help="one study alone, such as Wilkinson2019")] = "",
) -> None:
    """The scorecard: every published number beside the prediction, misfits first, fit and validate apart."""
    from ketasim.evidence.scorecard import main

    typer.echo(main(json=json, study=study))
    if html is not None:
        from ketasim.core import UsageError

        raise UsageError("the page of the scorecard is not there yet", where=f"--html {html}", allowed="--json", fix="ketasim check --json")


def add_commands(app: typer.Typer) -> None:
    """Put the commands of the evidence on an app."""
    app.command()(check)
