"""`ketasim compare`."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Csv, Json, Options, Plot, one_format, plot_place, with_options
from .output import write
from .progress import Progress


@with_options
def compare(
    words: Annotated[list[str], typer.Argument(help="up to six scenarios, each in quotes")],
    options: Options,
    json: Json = False,
    csv: Csv = False,
    plot: Plot = None,
) -> None:
    """Up to six scenarios side by side, in the same people."""
    one_format(json, csv)
    place = plot_place(plot)
    from ketasim.scenario.compare import compare as side_by_side

    with Progress("arms") as bar:
        found = side_by_side(*words, progress=bar.show, **options.arguments())
    if place:
        from ketasim.report.figures import draw_comparison

        draw_comparison(found, str(place))
    if json:
        write(found.to_json(), json=True)
        return
    from ketasim.report.compare_text import compare_csv, compare_text

    with Progress("placebo and hypotheses"):
        text = compare_csv(found) if csv else compare_text(found)
    write(text)
    if place and not csv:
        write(f"\nFigure: {place}")
