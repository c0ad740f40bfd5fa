"""`ketasim weigh`."""

from __future__ import annotations

import json as jsons
from pathlib import Path
from typing import Annotated

import typer

from ketasim.core import UsageError
from ketasim.core.own import add_folder_of

from .options import Json
from .output import write
from .progress import Progress


def weigh(
    prior: Annotated[
        list[str] | None,
        typer.Option(
            help="prior probability of a hypothesis, NAME=PROBABILITY; may be repeated; the others share what is left"
        ),
    ] = None,
    animals: Annotated[bool, typer.Option(help="count animal evidence")] = True,
    without: Annotated[list[str] | None, typer.Option(help="leave a study out; may be repeated")] = None,
    finding: Annotated[
        list[Path] | None,
        typer.Option(help="a file of findings of your own (`ketasim new finding NAME`); may be repeated"),
    ] = None,
    hypothesis: Annotated[
        list[Path] | None,
        typer.Option(
            help="a hypothesis of your own, FOLDER/hypotheses/NAME.toml; may be repeated", show_default="none"
        ),
    ] = None,
    studies: Annotated[bool, typer.Option("--studies", help="the fit of every study")] = False,
    json: Json = False,
) -> None:
    """Model comparison: the hypotheses on the same evidence, how well each fits, what supports what, what is not distinguishable.

    A finding of your own is counted, or refused with the reason: ketasim weigh --finding FOLDER/findings/NAME.toml
    """
    for file in hypothesis or ():
        add_folder_of(file)
    from ketasim.evidence.weigh.weighing import weigh as side_by_side

    with Progress("hypotheses"):
        found = side_by_side(
            _priors(prior) or None, animals=animals, without=tuple(without or ()), findings=tuple(finding or ())
        )
    if json:
        write(jsons.dumps(found.to_dict(), indent=2, allow_nan=False), json=True)
        return
    from ketasim.report.weigh_text import weigh_text

    write(weigh_text(found, studies))


def _priors(items: list[str] | None) -> dict[str, float]:
    found = {}
    for item in items or ():
        name, _, number = item.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise UsageError(
                f"'{item}' is not NAME=PROBABILITY", where=f"--prior {item}", fix="--prior expectancy-only=0.3"
            ) from None
    return found
