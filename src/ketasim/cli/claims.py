"""`ketasim claims`."""

from __future__ import annotations

import json as jsons
import shutil
import sys
from typing import Annotated

import typer

from ketasim.core import CheckFailed

from .options import Json
from .output import write
from .progress import Progress


def claims(
    name: Annotated[str, typer.Argument(help="one claim in full; all of them without a name")] = "",
    json: Json = False,
) -> None:
    """Popular claims about ketamine: what evidence and model say, and a verdict. Exit 1 if a verdict no longer stands."""
    from ketasim.decide.claims import claim, evaluate_all, ledger
    from ketasim.report.claims_text import claim_text, claims_text

    asked = (claim(name),) if name else ledger()
    with Progress("claims") as bar:
        found = evaluate_all(asked, progress=bar.show)
    if json:
        content = found[0].to_dict() if name else {"claims": [one.to_dict() for one in found]}
        write(jsons.dumps(content, indent=2, allow_nan=False, ensure_ascii=False), json=True)
    elif name:
        write(claim_text(found[0]))
    else:
        write(claims_text(found, shutil.get_terminal_size().columns if sys.stdout.isatty() else None))
    fallen = [one.claim.name for one in found if not one.stands]
    if fallen:
        raise CheckFailed(
            "predictions have left what their verdict needs: " + ", ".join(fallen), fix=f"ketasim claims {fallen[0]}"
        )
