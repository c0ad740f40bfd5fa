"""`ketasim lint`."""

from __future__ import annotations

from typing import Annotated

import typer

from .output import write


def lint(
    assumed: Annotated[bool, typer.Option(help="list every assumed number, not only how many there are")] = True,
) -> None:
    """Every problem at once: unsourced numbers, unknown sources, unused values, unit doubts. Exit 1 if there is one."""
    from ketasim.report.lint import lint_text, problems

    found = problems()
    write(lint_text(found, assumed))
    if found.errors:
        raise typer.Exit(1)
