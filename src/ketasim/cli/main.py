"""The command line: plain sentences by default, --json, --csv, --plot FILE; exit 0 ok, 1 failed check, 2 wrong use.

Everything heavy is imported inside the commands, so that a mistake is answered at once.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ketasim._version import __version__
from ketasim.core import CheckFailed, KetasimError, UsageError
from ketasim.web.command import serve

from . import claims as cli_claims
from . import evidence as cli_evidence
from . import weigh as cli_weigh

app = typer.Typer(
    name="ketasim",
    help="From a dose of ketamine to the mood. Research and teaching only; it never names a dose for a person.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

PLOT_ENDINGS = (".png", ".svg", ".pdf")

Words = Annotated[
    str, typer.Argument(help='DRUG ROUTE AMOUNT [over DURATION], such as "ketamine iv 0.5 mg/kg over 40 min"')
]
Repeat = Annotated[str, typer.Option(help='repeats of the main dose, such as "twice weekly x 6"')]
With = Annotated[
    list[str] | None,
    typer.Option("--with", help='co-medication, such as "naltrexone oral 50 mg at -45 min"; again for more'),
]
People = Annotated[int | None, typer.Option(help="people to draw for the bands (0: the typical person alone)")]
Seed = Annotated[int, typer.Option(help="random seed: the same seed gives the same people")]
Days = Annotated[float | None, typer.Option(help="length of the run in days")]
At = Annotated[str, typer.Option(help='output times: "0,0.67,2,24,168" in hours, or "40 min,24 h,7 d"')]
Setting = Annotated[str, typer.Option(help="open | saline | midazolam | nasal-placebo | inpatient | routine")]
Masked = Annotated[bool, typer.Option("--masked", help="nobody can tell drug from placebo, whatever is felt")]
Weight = Annotated[float | None, typer.Option(help="body weight of everybody, kg")]
Age = Annotated[float | None, typer.Option(help="age of everybody, years")]
Sex = Annotated[str | None, typer.Option(help="woman | man")]
Baseline = Annotated[float | None, typer.Option(help="MADRS of everybody before treatment, points")]
Genotype = Annotated[str | None, typer.Option(help="BDNF Val66Met: val/val | val/met | met/met")]
Ethnicity = Annotated[str | None, typer.Option(help="unspecified | asian | japanese (covariates of the PK)")]
Compound = Annotated[list[str] | None, typer.Option(help="TOML file of a compound of your own; again for more")]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="replace a value of the model, such as naltrexone_mu_affinity=0.14")
]
Variant = Annotated[
    list[str] | None, typer.Option(help="mechanisms of a stage instead of its default ones: circuit=rest_block,drive")
]
Hypothesis = Annotated[
    str | None,
    typer.Option(help="mechanisms and numbers of a hypothesis, such as opioid-gate (`ketasim weigh` lists them)"),
]
Json = Annotated[bool, typer.Option("--json", help="one JSON object")]
Csv = Annotated[bool, typer.Option("--csv", help="a long table, unit in its own column")]
Plot = Annotated[Path | None, typer.Option(help="write a figure (.png, .svg, .pdf)")]


def _options(
    repeat: str,
    with_: list[str] | None,
    people: int | None,
    seed: int,
    days: float | None,
    at: str,
    setting: str,
    masked: bool,
    weight: float | None,
    age: float | None,
    sex: str | None,
    baseline: float | None,
    genotype: str | None,
    ethnicity: str | None,
    compound: list[str] | None,
    set_: list[str] | None,
    variant: list[str] | None,
    hypothesis: str | None = None,
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "repeat": repeat,
        "with_": with_ or (),
        "seed": seed,
        "days": days,
        "at": at or None,
        "setting": setting,
        "masked": masked,
        "weight": weight,
        "age": age,
        "sex": sex,
        "baseline": baseline,
        "genotype": genotype,
        "ethnicity": ethnicity,
        "compound": compound or (),
        "values": _pairs(set_),
        "variants": _variants(variant),
        "hypothesis": hypothesis,
    }
    return found | ({} if people is None else {"people": people})


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


def _one_format(json: bool, csv: bool) -> None:
    if json and csv:
        raise UsageError("two formats at once", where="--json --csv", allowed="one of them", fix="--json")


@app.command()
def run(
    words: Words,
    repeat: Repeat = "",
    with_: With = None,
    people: People = None,
    seed: Seed = 1,
    days: Days = None,
    at: At = "",
    setting: Setting = "saline",
    masked: Masked = False,
    weight: Weight = None,
    age: Age = None,
    sex: Sex = None,
    baseline: Baseline = None,
    genotype: Genotype = None,
    ethnicity: Ethnicity = None,
    compound: Compound = None,
    set_: Set = None,
    variant: Variant = None,
    hypothesis: Hypothesis = None,
    json: Json = False,
    csv: Csv = False,
    plot: Plot = None,
) -> None:
    """Simulate one scenario: blood, receptors, glutamate, synapses, mood, dissociation, blood pressure."""
    _one_format(json, csv)
    place = _plot_place(plot)
    from ketasim.scenario.plan import scenario
    from ketasim.scenario.run import run as simulate

    asked = scenario(
        words,
        **_options(
            repeat,
            with_,
            people,
            seed,
            days,
            at,
            setting,
            masked,
            weight,
            age,
            sex,
            baseline,
            genotype,
            ethnicity,
            compound,
            set_,
            variant,
            hypothesis,
        ),
    )
    with _Progress("people") as bar:
        result = simulate(asked, progress=bar.show)
    if place and not result.nobody:
        result.plot(str(place))
    if json:
        _print(result.to_json())
    elif csv:
        from ketasim.report.tables import result_csv

        _print(result_csv(result))
    else:
        from ketasim.report.text import run_text

        _print(run_text(result))
    if place and not (json or csv):
        _print(f"\nFigure: {place}")
    if result.nobody:
        raise CheckFailed(
            "no run went through, not even that of the typical person", allowed="see status for the reasons"
        )


@app.command()
def compare(
    words: Annotated[list[str], typer.Argument(help="up to six scenarios in words")],
    repeat: Repeat = "",
    with_: With = None,
    people: People = None,
    seed: Seed = 1,
    days: Days = None,
    at: At = "",
    setting: Setting = "saline",
    masked: Masked = False,
    weight: Weight = None,
    age: Age = None,
    sex: Sex = None,
    baseline: Baseline = None,
    genotype: Genotype = None,
    ethnicity: Ethnicity = None,
    compound: Compound = None,
    set_: Set = None,
    variant: Variant = None,
    hypothesis: Hypothesis = None,
    json: Json = False,
    csv: Csv = False,
    plot: Plot = None,
) -> None:
    """Up to six scenarios side by side, in the same people."""
    _one_format(json, csv)
    place = _plot_place(plot)
    from ketasim.scenario.compare import compare as side_by_side

    options = _options(
        repeat,
        with_,
        people,
        seed,
        days,
        at,
        setting,
        masked,
        weight,
        age,
        sex,
        baseline,
        genotype,
        ethnicity,
        compound,
        set_,
        variant,
        hypothesis,
    )
    with _Progress("arms") as bar:
        found = side_by_side(*words, progress=bar.show, **options)
    if place:
        from ketasim.report.figures import draw_comparison

        draw_comparison(found, str(place))
    if json:
        _print(found.to_json())
    else:
        from ketasim.report.compare_text import compare_csv, compare_text

        _print(compare_csv(found) if csv else compare_text(found))


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(help="a virtual experiment, or `list`")],
    people: People = None,
    seed: Seed = 1,
    hypothesis: Hypothesis = None,
    json: Json = False,
    plot: Plot = None,
) -> None:
    """A virtual experiment by name: what follows, what was published, and what every hypothesis predicts."""
    place = _plot_place(plot)
    from ketasim.report.experiment_text import experiment_list, experiment_text
    from ketasim.scenario.experiments import experiment as carry_out

    if name == "list":
        _print(experiment_list(json))
        return
    with _Progress("arms") as bar:
        found = carry_out(
            name,
            progress=bar.show,
            seed=seed,
            hypotheses=True,
            hypothesis=hypothesis,
            **({} if people is None else {"people": people}),
        )
    if place:
        from ketasim.report.figures import draw_arms

        draw_arms(list(found.results.values()), [r.scenario.title for r in found.results.values()], str(place))
    _print(found.to_json() if json else experiment_text(found))
    if not found.passed and not hypothesis:
        raise CheckFailed(f"the experiment {name} does not come out as the evidence says")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="a value, an output, a drug, a source, an identifier of the model")],
) -> None:
    """Any number, output, drug, source or equation, with where it comes from."""
    from ketasim.report.show_text import show_text

    _print(show_text(name))


@app.command()
def lint(
    assumed: Annotated[bool, typer.Option(help="list every assumed number, not only how many there are")] = True,
    studies: Annotated[
        Path | None, typer.Option(help="a directory of studies of your own, instead of the package")
    ] = None,
) -> None:
    """Every problem at once: untraced numbers, unknown sources, unused values, unit doubts. Exit 1 if there is one."""
    from ketasim.report.lint import lint_text, own_study_problems, own_text, problems

    found = problems() if studies is None else own_study_problems(studies)
    _print(lint_text(found, assumed) if studies is None else own_text(found))
    if found.errors:
        raise typer.Exit(1)


app.command()(serve)
cli_evidence.add_commands(app)
cli_claims.add_commands(app)
cli_weigh.add_commands(app)


def _version(asked: bool) -> None:
    if asked:
        _print(f"ketasim {__version__}")
        raise typer.Exit()


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


def _plot_place(plot: Path | None) -> Path | None:
    if plot is None:
        return None
    from ketasim.report.files import check_writable

    return check_writable(plot, PLOT_ENDINGS)


def _print(text: str) -> None:
    if sys.stdout is None:
        raise CheckFailed("nowhere to write to: the standard output is closed")
    try:
        sys.stdout.write(text.rstrip("\n") + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise CheckFailed(f"cannot write the answer: {error.strerror}", where="standard output") from error


class _Progress:
    """A bar on stderr for anything over two seconds, where a person is watching."""

    PATIENCE_S = 2.0
    WIDTH = 30

    def __init__(self, what: str) -> None:
        import time

        self.what, self.clock = what, time.monotonic
        self.begin, self.shown = self.clock(), False

    def __enter__(self) -> _Progress:
        return self

    def show(self, share: float) -> None:
        """Draw the bar if the work has taken long enough to wonder."""
        if share >= 1.0 or not sys.stderr.isatty() or self.clock() - self.begin < self.PATIENCE_S:
            return
        full = round(self.WIDTH * share)
        sys.stderr.write(f"\r{self.what} [{'#' * full}{'.' * (self.WIDTH - full)}] {100 * share:3.0f} %")
        sys.stderr.flush()
        self.shown = True

    def __exit__(self, *_: object) -> None:
        if self.shown:
            sys.stderr.write("\r" + " " * (self.WIDTH + 24) + "\r")


_USAGE_ERROR = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def main() -> None:
    """Entry point: one message for a known error, no traceback; exit 0, 1 or 2."""
    try:
        code = app(standalone_mode=False)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("stopped\n")
        raise SystemExit(130) from None
    except CheckFailed as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
    except KetasimError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    except _USAGE_ERROR as error:  # type: ignore[misc]
        sys.stderr.write(f"{_understood(error)}\n")
        raise SystemExit(2) from None
    raise SystemExit(code if isinstance(code, int) else 0)


def _understood(error: Any) -> UsageError:
    """A mistake in the options, in the form of every other message."""
    message = error.format_message() or "no command is given"
    command = error.ctx.command_path if getattr(error, "ctx", None) else "ketasim"
    return UsageError(
        message.rstrip(".")[:1].lower() + message.rstrip(".")[1:],
        where=" ".join(["ketasim", *sys.argv[1:]]),
        allowed=f"the options of {command} -h",
        fix=f"{command} -h",
    )


if __name__ == "__main__":
    main()
