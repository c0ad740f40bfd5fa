"""`ketasim run`."""

from __future__ import annotations

import json as jsons
from pathlib import Path
from typing import Annotated

import typer

from ketasim.core import CheckFailed, UsageError

from .options import Csv, Json, Options, Plot, Words, one_format, plot_place, with_options
from .output import write
from .progress import Progress


@with_options
def run(
    words: Words,
    options: Options,
    json: Json = False,
    csv: Csv = False,
    plot: Plot = None,
    parquet: Annotated[
        Path | None,
        typer.Option(help="stream people into Parquet files in this folder instead (any number, little memory)"),
    ] = None,
    keep: Annotated[
        str, typer.Option(help="outputs to keep with --parquet: madrs,cadss", show_default="madrs,ideation,cadss")
    ] = "",
    scheduler: Annotated[
        str,
        typer.Option(
            help="with --parquet: address of a dask.distributed scheduler whose workers do it: tcp://127.0.0.1:8786"
        ),
    ] = "",
) -> None:
    """Simulate one scenario: blood, receptors, glutamate, synapses, mood, dissociation, blood pressure."""
    one_format(json, csv)
    if parquet is not None:
        _streamed(words, options, parquet, keep, scheduler, json)
        return
    if scheduler:
        raise UsageError(
            "a cluster makes people for a folder",
            where=f"--scheduler {scheduler}",
            allowed="together with --parquet",
            fix=f"--parquet people --scheduler {scheduler}",
        )
    place = plot_place(plot)
    from ketasim.scenario.plan import scenario
    from ketasim.scenario.result import lean
    from ketasim.scenario.run import run as simulate

    asked = scenario(words, **options.arguments())
    with Progress("people") as bar:
        result = simulate(asked, progress=bar.show)
    if place and not result.nobody:
        result.plot(str(place))
    if json:
        write(jsons.dumps(lean(result.to_dict()), indent=2, allow_nan=False, ensure_ascii=False), json=True)
    elif csv:
        from ketasim.report.tables import result_csv

        write(result_csv(result))
    else:
        from ketasim.report.text import run_text

        with Progress("placebo and hypotheses") as bar:
            text = run_text(result, bar.show)
        write(text)
    if place and not (json or csv):
        write(f"\nFigure: {place}")
    if result.nobody:
        raise CheckFailed(
            "no run went through, not even that of the typical person", allowed="see status for the reasons"
        )


def _streamed(words: str, options: Options, folder: Path, keep: str, scheduler: str, json: bool) -> None:
    """People in blocks, straight into Parquet."""
    from ketasim.scenario.plan import scenario
    from ketasim.scenario.stream import stream_people

    asked = scenario(words, **options.arguments())
    names = tuple(word.strip() for word in keep.split(",") if word.strip())
    with Progress("people") as bar:
        done = stream_people(asked, folder, names, progress=bar.show, scheduler=scheduler)
    if json:
        write(jsons.dumps(done.to_dict(), indent=2), json=True)
        return
    write(
        f"{done.people} people, {done.rows} rows in {len(done.files)} files of {folder}: {', '.join(done.columns)}.\n"
        f"Failed: {len(done.failed)}. Settings and failures: {folder / '_run.json'}. Read it with pandas.read_parquet({str(folder)!r})."
    )
