"""`ketasim lint`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import write


def lint(
    assumed: Annotated[bool, typer.Option(help="list every assumed number, not only how many there are")] = True,
    studies: Annotated[
        Path | None, typer.Option(help="a directory of studies of your own, instead of the package")
    ] = None,
) -> None:
    """Every problem at once: unsourced numbers, unknown sources, unused values, unit doubts. Exit 1 if there is one."""
    from ketasim.report.lint import lint_text, own_study_problems, own_text, problems

    found = problems() if studies is None else own_study_problems(studies)
    write(lint_text(found, assumed) if studies is None else own_text(found))
    if found.errors:
        raise typer.Exit(1)
