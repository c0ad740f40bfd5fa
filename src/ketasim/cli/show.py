"""`ketasim show`."""

from __future__ import annotations

from typing import Annotated

import typer

from .output import write


def show(
    name: Annotated[
        str, typer.Argument(help="a value, an output, a drug, a hypothesis, a source, an identifier of the model")
    ],
) -> None:
    """Any number, output, drug, hypothesis, source or equation, with where it comes from."""
    from ketasim.report.show_text import show_text

    write(show_text(name))
