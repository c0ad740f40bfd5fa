"""What may be asked for beside the words of a scenario: one frozen value, and the command-line options that fill it."""

from __future__ import annotations

import inspect
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from ketasim.core import UsageError

PLOT_ENDINGS = (".png", ".svg", ".pdf")
RANDOM = "random"
MOST_RANDOM_SEED = 2**31

Words = Annotated[
    str, typer.Argument(help='DRUG ROUTE AMOUNT [over DURATION], in quotes: "ketamine iv 0.5 mg/kg over 40 min"')
]
People = Annotated[
    int | None, typer.Option(help="people to draw for the bands (0: the typical person alone)", show_default="200")
]
Seed = Annotated[
    str, typer.Option(help="random seed: runs with one seed share their people; `random` draws others each time")
]
Hypothesis = Annotated[
    str | None,
    typer.Option(
        help="mechanisms and numbers of a hypothesis (`ketasim show hypotheses` lists them)",
        show_default="opioid-gate",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="one JSON object")]
Csv = Annotated[bool, typer.Option("--csv", help="a long table, unit in its own column")]
Plot = Annotated[Path | None, typer.Option(help="write a figure (.png, .svg, .pdf)")]


@dataclass(frozen=True)
class Options:
    """Everything but the words: what `run` and `compare` have in common."""

    repeat: Annotated[str, typer.Option(help='repeats of the main dose, such as "twice weekly x 6"')] = ""
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help='co-medication, such as "naltrexone oral 50 mg at -45 min", or "psychotherapy from 1 d to 28 d"; may be repeated',
        ),
    ] = None
    people: People = None
    seed: Seed = "1"
    days: Annotated[
        float | None, typer.Option(help="length of the run in days", show_default="a week after the last dose")
    ] = None
    at: Annotated[
        str,
        typer.Option(
            help='output times: "0, 0.67, 2, 24, 168" in hours, or "40 min, 24 h, 7 d"',
            show_default="10 min to 7 d, then every week",
        ),
    ] = ""
    setting: Annotated[
        str | None,
        typer.Option(
            help="open | saline | midazolam | nasal-placebo | inpatient | routine",
            show_default="by route: nasal-placebo for sprays, else saline",
        ),
    ] = None
    masked: Annotated[bool, typer.Option("--masked", help="nobody can tell drug from placebo, whatever is felt")] = (
        False
    )
    weight: Annotated[
        float | None, typer.Option(help="body weight of everybody, kg", show_default="drawn; typical 70")
    ] = None
    age: Annotated[float | None, typer.Option(help="age of everybody, years", show_default="drawn; typical 45")] = None
    sex: Annotated[str | None, typer.Option(help="woman | man (no number of the model depends on it)")] = None
    baseline: Annotated[
        float | None,
        typer.Option(help="MADRS of everybody before treatment, points", show_default="drawn; typical 33"),
    ] = None
    genotype: Annotated[
        str | None, typer.Option(help="BDNF Val66Met: val/val | val/met | met/met", show_default="val/val")
    ] = None
    ethnicity: Annotated[
        str | None,
        typer.Option(help="unspecified | asian | japanese (covariates of the PK)", show_default="unspecified"),
    ] = None
    compound: Annotated[
        list[str] | None, typer.Option(help="TOML file of a user-defined compound; may be repeated")
    ] = None
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="replace a value of the model, such as naltrexone_mu_affinity=0.14; may be repeated"
        ),
    ] = None
    variant: Annotated[
        list[str] | None,
        typer.Option(help="mechanisms of a stage instead of its default ones: circuit=disinhibition,rest_block"),
    ] = None
    hypothesis: Hypothesis = None
    occasions: Annotated[
        str, typer.Option(help="what differs between sessions of one person: sourced | all (assumed shares too) | none")
    ] = "sourced"

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `ketasim.scenario.plan.scenario`."""
        found = {
            "repeat": self.repeat,
            "with_": self.with_ or (),
            "seed": seed_number(self.seed),
            "days": self.days,
            "at": self.at or None,
            "setting": self.setting,
            "masked": self.masked,
            "weight": self.weight,
            "age": self.age,
            "sex": self.sex,
            "baseline": self.baseline,
            "genotype": self.genotype,
            "ethnicity": self.ethnicity,
            "compound": self.compound or (),
            "values": _pairs(self.set_),
            "variants": _variants(self.variant),
            "hypothesis": self.hypothesis,
            "occasions": self.occasions,
        }
        return found | ({} if self.people is None else {"people": self.people})


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter `options: Options` appears on the command line as one option per field of `Options`."""
    hints = get_type_hints(Options, include_extras=True)
    spread = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name])
        for f in fields(Options)
    ]
    own = inspect.signature(command, eval_str=True)
    parameters = []
    for parameter in own.parameters.values():
        parameters += (
            spread if parameter.name == "options" else [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
        )

    @wraps(command)
    def called(**given: Any) -> None:
        command(options=Options(**{f.name: given.pop(f.name) for f in fields(Options)}), **given)

    called.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {}
    del called.__wrapped__
    return called


def seed_number(word: str) -> int:
    """The seed: a whole number from 0 on, or `random`: one that nobody chose (it stands in the output)."""
    if word.strip().lower() == RANDOM:
        return secrets.randbelow(MOST_RANDOM_SEED)
    try:
        return int(word)
    except ValueError:
        raise UsageError(
            f"a seed is a whole number, not '{word}'",
            where=f"--seed {word}",
            allowed=f"0 and above, or {RANDOM}: other people each time",
            fix="--seed 1",
        ) from None


def _pairs(items: list[str] | None) -> dict[str, float]:
    found = {}
    for item in items or ():
        name, _, number = item.partition("=")
        try:
            found[name.strip().rpartition(".")[2]] = float(number)
            if not math.isfinite(float(number)):
                raise ValueError
        except ValueError:
            raise UsageError(
                f"'{item}' is not NAME=NUMBER",
                where=f"--set {item}",
                allowed="a value's name and a number in its unit",
                fix="--set naltrexone_mu_affinity=0.14",
            ) from None
    return found


def _variants(items: list[str] | None) -> dict[str, tuple[str, ...]]:
    found = {}
    for item in items or ():
        stage, sign, names = item.partition("=")
        if not sign or not names:
            raise UsageError(f"'{item}' is not STAGE=NAME", where=f"--variant {item}", fix="--variant circuit=none")
        found[stage.strip()] = tuple(name.strip() for name in names.split(","))
    return found


def one_format(json: bool, csv: bool) -> None:
    """Refuse two formats at once."""
    if json and csv:
        raise UsageError("two formats at once", where="--json --csv", allowed="one of them", fix="--json")


def plot_place(plot: Path | None) -> Path | None:
    """Where the figure goes, checked before anything is computed."""
    if plot is None:
        return None
    from ketasim.report.files import check_writable

    return check_writable(plot, PLOT_ENDINGS)
