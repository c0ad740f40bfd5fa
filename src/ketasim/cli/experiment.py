"""`ketasim experiment`."""

from __future__ import annotations

from typing import Annotated

import typer

from ketasim.core import CheckFailed

from .options import Hypothesis, Json, Plot, Seed, plot_place, seed_number
from .output import write
from .progress import Progress


def experiment(
    name: Annotated[str, typer.Argument(help="a virtual experiment, or `list`")],
    people: Annotated[
        int | None, typer.Option(help="people to draw (0: the typical person alone)", show_default="0")
    ] = None,
    seed: Seed = "1",
    hypothesis: Hypothesis = None,
    json: Json = False,
    plot: Plot = None,
) -> None:
    """A virtual experiment by name: what follows, what was published, and what every hypothesis predicts."""
    place = plot_place(plot)
    from ketasim.report.experiment_text import experiment_list, experiment_text
    from ketasim.scenario.experiments import experiment as carry_out

    if name == "list":
        write(experiment_list(json), json)
        return
    with Progress("arms") as bar:
        found = carry_out(
            name,
            progress=bar.show,
            seed=seed_number(seed),
            hypotheses=True,
            hypothesis=hypothesis,
            **({} if people is None else {"people": people}),
        )
    if place:
        from ketasim.report.figures import draw_arms

        draw_arms(list(found.results.values()), [r.scenario.title for r in found.results.values()], str(place))
    write(found.to_json() if json else experiment_text(found), json)
    if not found.passed and not hypothesis:
        raise CheckFailed(f"the experiment {name} does not come out as the evidence says")
