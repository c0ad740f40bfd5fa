"""`ketasim report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ketasim.core import CheckFailed

from .options import Options, Words, with_options
from .output import write
from .progress import Progress


@with_options
def report(
    words: Words, options: Options, file: Annotated[Path, typer.Argument(help="where to write it, such as run.html")]
) -> None:
    """One scenario as one HTML page to hand on: figure, text, every dose, every source."""
    from ketasim.core.files import check_writable, write_whole
    from ketasim.report.scenario_page import page
    from ketasim.scenario.plan import scenario
    from ketasim.scenario.run import run

    place = check_writable(file, (".html", ".htm"))
    asked = scenario(words, **options.arguments())
    with Progress("people") as bar:
        result = run(asked, progress=bar.show)
    if result.nobody:
        raise CheckFailed("no run went through, not even that of the typical person")
    text = page(result)
    write_whole(place, lambda temporary: _fill(temporary, text))
    write(f"Written: {place} ({len(text) / 1000:.0f} kB)")


def _fill(place: Path, text: str) -> None:
    place.write_text(text, encoding="utf-8")
