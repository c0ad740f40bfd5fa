"""Commands about hypotheses: weigh, next-study."""

from __future__ import annotations

import json as jsonlib
import sys
from typing import Annotated

import typer

from ketasim.core import UsageError


def _priors(items: list[str] | None) -> dict[str, float]:
    found = {}
    for item in items or ():
        name, _, number = item.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise UsageError(
                f"'{item}' is not NAME=CHANCE", where=f"--prior {item}", fix="--prior expectancy-only=0.3"
            ) from None
    return found


def weigh(
    prior: Annotated[
        list[str] | None,
        typer.Option(help="prior chance of a hypothesis, NAME=CHANCE; again for more; the others share what is left"),
    ] = None,
    animals: Annotated[bool, typer.Option(help="count animal evidence")] = True,
    without: Annotated[list[str] | None, typer.Option(help="leave a study out; again for more")] = None,
    studies: Annotated[bool, typer.Option("--studies", help="the fit of every study")] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """The hypotheses side by side on the same evidence: how well each fits, what speaks for what, what cannot be told apart."""
    from ketasim.evidence.weigh.weighing import weigh as side_by_side

    found = side_by_side(_priors(prior) or None, animals=animals, without=tuple(without or ()))
    if json:
        sys.stdout.write(jsonlib.dumps(found.to_dict(), indent=2, allow_nan=False) + "\n")
        return
    from ketasim.report.weigh_text import weigh_text

    sys.stdout.write(weigh_text(found, studies) + "\n")


def next_study(
    names: Annotated[list[str], typer.Argument(help="two or more hypotheses, such as opioid-gate disinhibition")],
    budget: Annotated[int, typer.Option(help="participants of the study")] = 160,
    design: Annotated[list[str] | None, typer.Option(help="only this design; again for more")] = None,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Which study would separate these hypotheses: designs ranked by expected information, with predictions and the risk to mislead."""
    from ketasim.cli.main import _Progress
    from ketasim.core import unknown_name
    from ketasim.decide.designs import designs
    from ketasim.decide.next_study import next_study as rank

    for name in design or ():
        if name not in designs():
            raise unknown_name("design", name, designs(), where=f"--design {name}")
    with _Progress("designs") as bar:
        found = rank(*names, budget=budget, only=tuple(design) if design else None, progress=bar.show)
    if json:
        sys.stdout.write(jsonlib.dumps(found.to_dict(), indent=2, allow_nan=False) + "\n")
        return
    from ketasim.report.next_study_text import next_study_text

    sys.stdout.write(next_study_text(found) + "\n")


def add_commands(app: typer.Typer) -> None:
    """Put the commands on the app."""
    app.command()(weigh)
    app.command("next-study")(next_study)
