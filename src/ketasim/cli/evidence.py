"""`ketasim check`: registered on the command line's app by `add_commands(app)`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .progress import Progress


def check(
    json: Annotated[bool, typer.Option("--json", help="one JSON object: summary and rows")] = False,
    html: Annotated[Path | None, typer.Option(help="write one self-contained page with figures")] = None,
    study: Annotated[str, typer.Option(help="one study alone, such as Wilkinson2019")] = "",
    studies: Annotated[
        Path | None, typer.Option(help="a directory of studies of your own (study.toml, data.csv)")
    ] = None,
    leave_out: Annotated[
        bool, typer.Option(help="predict every study, and every programme, without itself too")
    ] = True,
) -> None:
    """The scorecard: every published number beside the prediction, misfits first; every study predicted without itself."""
    from ketasim.core.files import check_writable
    from ketasim.evidence.fit.check import card_of
    from ketasim.report.scorecard_text import text

    if html is not None:
        check_writable(html, (".html", ".htm"))  # before minutes of work
    with Progress("studies"):
        card = card_of(study, studies, leave_out=leave_out and not study)
    if html is not None:
        from ketasim.report.scorecard_page import page

        html.write_text(page(card), encoding="utf-8")
    typer.echo(card.to_json() if json else text(card))
    if not json:  # the table holds suicidal thoughts
        from ketasim.report.crisis import crisis_text

        typer.echo(crisis_text())


def add_commands(app: typer.Typer) -> None:
    """Put the commands of the evidence on an app."""
    app.command()(check)
