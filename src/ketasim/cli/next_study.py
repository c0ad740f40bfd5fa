"""`ketasim next-study`."""

from __future__ import annotations

import json as jsons
from pathlib import Path
from typing import Annotated

import typer

from ketasim.core import unknown_name

from .options import Json
from .output import write
from .progress import Progress


def next_study(
    names: Annotated[list[str], typer.Argument(help="two or more hypotheses, such as opioid-gate disinhibition")],
    budget: Annotated[int, typer.Option(help="participants of the study")] = 160,
    design: Annotated[
        list[str] | None, typer.Option(help="only this design: a name, or a TOML file of your own; may be repeated")
    ] = None,
    json: Json = False,
) -> None:
    """Which study would separate these hypotheses: designs ranked by expected information, with predictions and the risk to mislead."""
    from ketasim.decide.designs import designs, designs_of
    from ketasim.decide.next_study import next_study as rank

    library = dict(designs())
    only: list[str] = []
    for name in design or ():
        own = designs_of(Path(name)) if name.lower().endswith(".toml") else {}
        library |= own
        if not own and name not in library:
            raise unknown_name("design", name, library, where=f"--design {name}", fix="--design my-design.toml")
        only += own or [name]
    with Progress("designs") as bar:
        found = rank(*names, budget=budget, only=tuple(only) or None, library=library, progress=bar.show)
    if json:
        write(jsons.dumps(found.to_dict(), indent=2, allow_nan=False), json=True)
        return
    from ketasim.report.next_study_text import next_study_text

    write(next_study_text(found))
