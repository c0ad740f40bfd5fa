"""`ketasim next-study`."""

from __future__ import annotations

import json as jsons
from typing import Annotated

import typer

from ketasim.core import unknown_name

from .options import Json
from .output import write
from .progress import Progress


def next_study(
    names: Annotated[list[str], typer.Argument(help="two or more hypotheses, such as opioid-gate disinhibition")],
    budget: Annotated[int, typer.Option(help="participants of the study")] = 160,
    design: Annotated[list[str] | None, typer.Option(help="only this design; may be repeated")] = None,
    json: Json = False,
) -> None:
    """Which study would separate these hypotheses: designs ranked by expected information, with predictions and the risk to mislead."""
    from ketasim.decide.designs import designs
    from ketasim.decide.next_study import next_study as rank

    for name in design or ():
        if name not in designs():
            raise unknown_name("design", name, designs(), where=f"--design {name}")
    with Progress("designs") as bar:
        found = rank(*names, budget=budget, only=tuple(design) if design else None, progress=bar.show)
    if json:
        write(jsons.dumps(found.to_dict(), indent=2, allow_nan=False), json=True)
        return
    from ketasim.report.next_study_text import next_study_text

    write(next_study_text(found))
