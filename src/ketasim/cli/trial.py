"""`ketasim trial`."""

from __future__ import annotations

import json as jsons
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ketasim.core import UsageError

from .options import Csv, Json, Plot, Seed, plot_place, seed_number
from .output import write
from .progress import Progress


def trial(
    design: Annotated[str, typer.Argument(help="a design file (TOML), or the id of a design that ships")] = "",
    n: Annotated[str, typer.Option("--n", help='people randomised in all, one or several: "60,120,240"')] = "",
    sims: Annotated[int | None, typer.Option(help="replicates (1000; of a replay 192)")] = None,
    seed: Seed = "1",
    null: Annotated[
        bool,
        typer.Option("--null", help="every arm gets the comparator's placebo: what is counted is the type I error"),
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="the designs that ship")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="print the design file of an id, to start one of your own")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="write a report for a protocol's appendix (.html)")] = None,
    plot: Plot = None,
    parquet: Annotated[
        Path | None,
        typer.Option(help="keep every participant in Parquet files in this folder; a stopped trial goes on"),
    ] = None,
    scheduler: Annotated[str, typer.Option(help="address of a dask.distributed scheduler: tcp://127.0.0.1:8786")] = "",
    replay: Annotated[
        bool,
        typer.Option(
            "--replay", help="published trials simulated again, all or the one named: where their results lie"
        ),
    ] = False,
    outcomes: Annotated[
        bool,
        typer.Option(
            "--outcomes", help="published outcomes of the naltrexone crossovers, with the opioid gate and without"
        ),
    ] = False,
    keep: Annotated[Path | None, typer.Option(help="folder from which a stopped --replay goes on")] = None,
    one: Annotated[
        bool, typer.Option("--one", help="one simulated trial, person by person, as CSV (or --json)")
    ] = False,
    csv: Csv = False,
    json: Json = False,
) -> None:
    """Simulate a trial: power with its spread over hypotheses and posterior, courses, dropout, blinding.

    Example: ketasim trial Popova2019 --n 100,200 --sims 200
    """
    if outcomes:
        _outcomes(design, sims, seed_number(seed), json)
        return
    if replay:
        _replays(design, sims, seed_number(seed), keep, plot_place(plot), json, csv)
        return
    from ketasim.trial.library import entries, find_design, library

    if listed:
        rows = [{"id": e.id, "study": e.study, "title": e.title} for e in entries()]
        if json:
            write(jsons.dumps(rows, indent=2, ensure_ascii=False), json=True)
            return
        from ketasim.report.trial_text import list_text

        write(list_text(entries()))
        return
    if not design:
        raise UsageError(
            "no design is given",
            where="ketasim trial",
            allowed="a file, or an id of `ketasim trial --list`",
            fix="ketasim trial --list",
        )
    if show and design in library():
        write(library()[design].read_text(encoding="utf-8"))
        return
    if one:
        from ketasim.trial.simulate import one_trial

        made = one_trial(design, (sizes(n) or (None,))[-1], seed_number(seed), null=null)
        write(jsons.dumps(made.to_dict(), indent=2, ensure_ascii=False) if json else made.to_csv(), json=json)
        return
    place = plot_place(plot)
    page = _page_place(report)
    chosen = find_design(design)
    from ketasim.trial.simulate import trial as simulate

    with Progress("replicates") as bar:
        result = simulate(
            chosen,
            sizes(n),
            1000 if sims is None else sims,
            seed_number(seed),
            null,
            progress=bar.show,
            parquet=parquet,
            scheduler=scheduler,
        )
    if chosen.study and not null:
        from ketasim.evidence.compare.replay import replay as beside

        result = replace(result, replay=beside(result))
    if json:
        write(result.to_json(), json=True)
    else:
        from ketasim.report.trial_text import trial_text

        write(trial_text(result))
    for where, kind in ((place, "Figure"), (page, "Report")):
        if where:
            from ketasim.report import trial_page

            trial_page.write_figure(result, str(where)) if kind == "Figure" else trial_page.write_page(
                result, str(where)
            )
            if not json:
                write(f"\n{kind}: {where}")


def _replays(
    design: str, sims: int | None, seed: int, keep: Path | None, place: Path | None, json: bool, csv: bool
) -> None:
    """`ketasim trial --replay`."""
    from ketasim.evidence.compare.replays import SIMS, WORLDS, replays
    from ketasim.report import replay_text

    number = SIMS if sims is None else sims
    with Progress("trials") as bar:
        found = replays(
            (design,) if design else (), number, min(WORLDS, max(number, 1)), seed=seed, folder=keep, progress=bar.show
        )
    write(found.to_json() if json else replay_text.csv(found) if csv else replay_text.text(found), json=json)
    if place:
        replay_text.write_figure(found, str(place))


def _outcomes(design: str, sims: int | None, seed: int, json: bool) -> None:
    """`ketasim trial --outcomes`."""
    from ketasim.evidence.compare.outcomes import SIMS, TRIALS, crossover_chances
    from ketasim.report.outcomes_text import text

    with Progress("trials") as bar:
        rows = crossover_chances((design,) if design else TRIALS, sims=sims or SIMS, seed=seed, progress=bar.show)
    write(jsons.dumps([r.to_dict() for r in rows], indent=2, ensure_ascii=False) if json else text(rows), json=json)


def sizes(text: str) -> tuple[int, ...] | None:
    """The sizes of `--n`, None where nothing is said."""
    if not text.strip():
        return None
    found = []
    for item in text.replace(";", ",").split(","):
        word = item.strip()
        if not word.isdigit():
            raise UsageError(
                f"'{word}' is no number of people",
                where=f"--n {text}",
                allowed="whole numbers, commas between them",
                fix="--n 60,120",
            )
        found.append(int(word))
    return tuple(found)


def _page_place(report: Path | None) -> Path | None:
    if report is None:
        return None
    from ketasim.report.files import check_writable

    return check_writable(report, (".html",))
