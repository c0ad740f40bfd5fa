"""`ketasim screen`."""

from __future__ import annotations

import json as jsons
from typing import Annotated

import typer

from .options import Json
from .output import write


def screen(
    file: Annotated[str, typer.Argument(help="the person file, such as person.toml (never leaves this machine)")],
    route: Annotated[
        str, typer.Option(help="nasal | iv | im | sc | oral | sublingual | film", show_default="rules of all")
    ] = "",
    jurisdiction: Annotated[str, typer.Option(help="US | EU | UK", show_default="rules of all")] = "",
    drug: Annotated[str, typer.Option(help="ketamine | esketamine | arketamine", show_default="rules of all")] = "",
    json: Json = False,
) -> None:
    """Screening rules for one person: what fires, why, by which source; what is unknown; what is watched.

    Never a permission: a licensed prescriber decides. Example: ketasim screen person.toml --route nasal --jurisdiction US
    """
    from ketasim.person.screening import screen as screened
    from ketasim.report.screen_text import screen_dict, screen_text

    found = screened(file, route=route, jurisdiction=jurisdiction, drug=drug)
    if json:
        write(jsons.dumps(screen_dict(found), indent=2, allow_nan=False, ensure_ascii=False), json=True)
    else:
        write(screen_text(found))
