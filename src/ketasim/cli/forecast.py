"""`ketasim forecast`."""

from __future__ import annotations

import json as jsons
from pathlib import Path
from typing import Annotated

import typer

from ketasim.core import CheckFailed, UsageError

from .options import Json, Plot, plot_place
from .output import complain, write
from .progress import Progress


def forecast(
    file: Annotated[
        Path | None, typer.Argument(help="a person file (person.toml); it never leaves this machine")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help='a way to go on: a regimen in words, or "stop"; may be repeated'),
    ] = None,
    days: Annotated[float, typer.Option(help="how long the options are followed")] = 28.0,
    start: Annotated[
        float | None,
        typer.Option(
            help="day, from the first dose, on which the options start", show_default="the day after the last entry"
        ),
    ] = None,
    setting: Annotated[
        str | None,
        typer.Option(
            help="open | saline | midazolam | nasal-placebo | inpatient | routine",
            show_default="by route: nasal-placebo for sprays, else saline",
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            help="many people: a CSV with person, day, treatment, scale, score, role (observed | target); prints quantiles"
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="levels and scores of your own (NONMEM-style or tidy CSV): ledger, VPC, pcVPC and NPDE beside the model"
        ),
    ] = None,
    bodies: Annotated[
        bool,
        typer.Option("--bodies", help="with --data: each person's most likely body from the levels (empirical Bayes)"),
    ] = False,
    json: Json = False,
    plot: Plot = None,
) -> None:
    """One person: what the first scores change, and what may follow under several options, benefit and harm side by side.

    Example: ketasim forecast person.toml --option stop --option "esketamine nasal 56 mg weekly x 4"
    """
    if [file, table, data].count(None) != 2:
        raise UsageError(
            "give a person file, --table or --data: one of the three",
            where="ketasim forecast",
            fix='ketasim forecast person.toml --option "esketamine nasal 56 mg weekly x 4"',
        )
    if table is not None:
        if option or start is not None or json or plot or bodies:
            raise UsageError(
                "--table has no options, start, JSON or figure: the treatment stands in the table",
                where="ketasim forecast --table",
                fix=f"ketasim forecast --table {table}",
            )
        from ketasim.person.batch import forecast_people

        with Progress("people") as bar:
            text, doubts = forecast_people(table, setting=setting, progress=bar.show)
        write(text)
        if doubts:
            complain("used as written:\n" + "\n".join(f"  {doubt}" for doubt in doubts))
        return
    if data is not None and (option or start is not None or setting):
        raise UsageError(
            "--data has no options, start or setting: doses and values stand in the file",
            where="ketasim forecast --data",
            fix=f"ketasim forecast --data {data}",
        )
    if bodies and data is None:
        raise UsageError(
            "--bodies belongs to levels", where="--bodies", fix="ketasim forecast --data levels.csv --bodies"
        )
    place = plot_place(plot)
    if data is not None:
        _own(data, bodies, json, place)
        return
    from ketasim.person.forecast import forecast as ahead

    assert file is not None
    with Progress("options") as bar:
        found = ahead(file, option or (), days=days, start=start, setting=setting, progress=bar.show)
    from ketasim.report.crisis import crisis_text

    found = {"crisis": crisis_text()} | found if found["emergency"] else found | {"crisis": crisis_text()}
    if place and found["status"]["ok"]:
        from ketasim.report.forecast_figures import draw_forecast

        draw_forecast(found, str(place))
    if json:
        write(jsons.dumps(found, indent=2, allow_nan=False), json=True)
    elif found["status"]["ok"]:
        from ketasim.report.forecast_text import forecast_text

        write(forecast_text(found))
    if not found["status"]["ok"]:
        if found["emergency"] and not json:
            from ketasim.report.crisis import EMERGENCY

            write(f"{EMERGENCY}\n{found['crisis']}")
        raise CheckFailed(
            f"no forecast: {found['status']['reason']}",
            where=str(file),
            allowed="observations that somebody in the model could give",
            fix="check units, dates and scales of the file",
        )


def _own(data: Path, bodies: bool, json: bool, place: Path | None) -> None:
    """`--data`: own values beside the model."""
    from ketasim.person.own_data import overlay, summary
    from ketasim.report.overlay_text import overlay_text

    with Progress("people") as bar:
        found = overlay(data, progress=bar.show)
    plain = summary(found)
    if bodies:
        from ketasim.person.own_body import bodies as most_likely

        with Progress("bodies") as bar:
            plain["bodies"] = most_likely(found.people, progress=bar.show)
    if place:
        from ketasim.report.forecast_figures import draw_overlay

        draw_overlay(plain, str(place))
    write(jsons.dumps(plain, indent=2, allow_nan=False) if json else overlay_text(plain), json=json)
