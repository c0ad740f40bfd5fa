"""`ketasim capabilities`."""

from __future__ import annotations

import json as jsons
from typing import Annotated

import typer

from .options import Json
from .output import write


def capabilities(
    json: Json = False,
    scorecard: Annotated[
        bool, typer.Option("--scorecard", help="add the figures of `ketasim check` (a minute or more)")
    ] = False,
) -> None:
    """What the model can do, its limits, how far each question of interest can be trusted, and the CURE checklist, computed.

    Example: ketasim capabilities --json
    """
    from ketasim.exchange.capabilities import capabilities_text, to_dict

    found = to_dict(scorecard=scorecard)
    write(jsons.dumps(found, indent=1, allow_nan=False) if json else capabilities_text(found), json=json)
