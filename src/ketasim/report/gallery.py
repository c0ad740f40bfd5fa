"""Figures of README and docs, each with what it shows and its command: `python -m ketasim.report.gallery NAME FILE [--people N]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ketasim.core import UsageError, output, unknown_name
from ketasim.evidence.kinetics.pk_table import Row, rows
from ketasim.scenario.compare import compare
from ketasim.scenario.experiments import experiment
from ketasim.scenario.plan import scenario
from ketasim.scenario.result import Result
from ketasim.scenario.run import run

from . import style
from .figures import (
    DRUG,
    ENDINGS,
    SESSION_H,
    courses_panel,
    draw,
    draw_arms,
    draw_comparison,
    dress,
    finish,
    mood_panel,
    page,
)
from .files import check_writable

IV = "ketamine iv 0.5 mg/kg over 40 min"
SPRAY = "esketamine nasal 84 mg"
README = "one-infusion"
CAVEAT = output("nmda.occupancy").caveat
"""The figure of the README."""


@dataclass(frozen=True)
class Picture:
    """One figure. command : draws the same with the usual number of people; paint(place, people) : draws it."""

    title: str
    shows: str
    command: str
    paint: Callable[[str, int], Any]


def _compared(*arms: str, **options: Any) -> Callable[[str, int], Any]:
    return lambda place, people: draw_comparison(compare(*arms, people=people, **options), place)


def _run(words: str, **options: Any) -> Callable[[str, int], Any]:
    return lambda place, people: draw(run(scenario(words, people=people, **options)), place)


def _experiment(place: str, people: int) -> Any:
    found = experiment("spine-ablation", people=0)
    return draw_arms(list(found.results.values()), [name.replace("_", " ") for name in found.results], place)


PICTURES: Mapping[str, Picture] = {
    README: Picture(
        "One infusion: blood, receptor, mood beside placebo, what is felt",
        f"The level in blood, the share of NMDA receptors that is occupied ({CAVEAT}), the fall of MADRS with everything that acts in a trial "
        "beside the same people's placebo, and dissociation in the session. Line: the typical person; band: 5th to 95th percentile between people; dotted: what the "
        "estimated numbers leave open.",
        f"python -m ketasim.report.gallery {README} FILE",
        lambda place, people: draw_short(run(scenario(IV, people=people)), place),
    ),
    "infusion-and-spray": Picture(
        "An infusion beside a spray: blood, receptor, mood, what is felt",
        f"Two routes in the same people: the level in blood, the share of NMDA receptors that is occupied ({CAVEAT}), the fall of MADRS with "
        "everything that acts in a trial (drug, noticing it, care), and dissociation in the session. Line: the typical person; band: 5th to 95th percentile between people.",
        f'ketasim compare "{IV}" "{SPRAY}" --plot FILE',
        _compared(IV, SPRAY),
    ),
    "chain": Picture(
        "From dose to mood: the whole chain of one infusion",
        "Drug and metabolites in blood, receptors, glutamate and BDNF, spines, mood beside the same person's placebo, dissociation, blood pressure.",
        f'ketasim run "{IV}" --plot FILE',
        _run(IV),
    ),
    "naltrexone-course": Picture(
        "Six infusions with naltrexone before each",
        "The same chain over four weeks while an opioid antagonist is taken 45 minutes before each infusion. Triangles: doses.",
        f'ketasim run "{IV}" --repeat "twice weekly x 6" --with "naltrexone oral 50 mg at -45 min" --days 28 --plot FILE',
        _run(IV, repeat="twice weekly x 6", with_="naltrexone oral 50 mg at -45 min", days=28),
    ),
    "spray-course": Picture(
        "Four weeks of spray",
        "Twice a week, in a setting where the comparator is a spray too.",
        f'ketasim run "{SPRAY}" --repeat "twice weekly x 8" --plot FILE',
        _run(SPRAY, repeat="twice weekly x 8"),
    ),
    "three-drugs": Picture(
        "Racemate, S- and R-ketamine",
        "The same comparison with R-ketamine, of which no large trial exists: where no benefit may be stated, the figure says so.",
        f'ketasim compare "{IV}" "{SPRAY}" "arketamine iv 0.5 mg/kg over 40 min" --plot FILE',
        _compared(IV, SPRAY, "arketamine iv 0.5 mg/kg over 40 min"),
    ),
    "spine-ablation": Picture(
        "What is left when new spines are removed after a day",
        "A virtual experiment: the typical person, masked, with and without the spines that were new at 24 h.",
        "ketasim experiment spine-ablation --plot FILE",
        _experiment,
    ),
    "published-levels": Picture(
        "Published plasma levels beside the model",
        "Every published level, peak, area and time of the table, against what the model gives for the same dose and route. Inside the grey lines: within 1.5-fold.",
        "python -m ketasim.evidence.kinetics.pk_table",
        lambda place, people: draw_levels(rows(), place),
    ),
}


def picture(name: str) -> Picture:
    """The picture of that name. Raises UsageError for an unknown one."""
    if name not in PICTURES:
        raise unknown_name("picture", name, PICTURES, where="gallery")
    return PICTURES[name]


def paint(name: str, place: str | Path, people: int = 100) -> Path:
    """Draw one picture into a .png, .svg or .pdf. Returns the place; raises UsageError for an unknown name or a place that cannot be written."""
    if people < 0:
        raise UsageError("people cannot be fewer than none", where="gallery", allowed="0 or more")
    picture(name).paint(str(place), people)
    return Path(place)


def draw_short(result: Result, path: str | None = None) -> Any:
    """Four panels of one run: drug in blood, occupancy, mood beside the same people's placebo, dissociation. path as in `figures.draw`."""
    place = check_writable(path, ENDINGS) if path else None
    occupied = (("nmda.occupancy", "s", ""),)
    with page(2, 2, (9.2, 6.6), place is None) as (figure, axes):
        courses_panel(axes[0, 0], result, DRUG, "Drug in venous plasma [ng/mL]", SESSION_H)
        courses_panel(axes[0, 1], result, occupied, f"NMDA receptors occupied [proportion]\n{_caveat()}", SESSION_H)
        mood_panel(axes[1, 0], result)
        courses_panel(
            axes[1, 1], result, (("cadss", "s", ""),), "Dissociation (detached feeling) [CADSS points]", SESSION_H
        )
        dress(figure, [result.scenario.title], result.caption())
        return finish(figure, place)


def _caveat() -> str:
    return output("nmda.occupancy").caveat


def draw_levels(found: list[Row], path: str | None = None) -> Any:
    """Predicted over published for every number of the plasma table, by what was measured; log axes, lines at 1.5-fold."""
    place = check_writable(path, ENDINGS) if path else None
    kinds = list(dict.fromkeys(row.target.unit for row in found if row.target.value > 0 and row.predicted > 0))
    with page(1, 1, (7.2, 5.6), place is None) as (figure, axis):
        for key, unit in zip(style.SPARE, kinds, strict=False):
            told = [row for row in found if row.target.unit == unit and row.target.value > 0 and row.predicted > 0]
            colour = style.LINES[key][0]
            axis.plot(
                [r.target.value for r in told],
                [r.predicted for r in told],
                "os^Dv<"[kinds.index(unit) % 6],
                color=colour,
                markersize=4,
                alpha=0.8,
                linestyle="none",
                label=f"{unit} ({len(told)})",
            )
        axis.set_xscale("log")
        axis.set_yscale("log")
        low, high = axis.get_xlim()
        for factor in (1 / 1.5, 1.0, 1.5):
            axis.plot(
                [low, high], [factor * low, factor * high], color=style.QUIET, linewidth=0.8 if factor != 1 else 1.2
            )
        axis.set_xlim(low, high)
        axis.set_xlabel("published")
        axis.set_ylabel("model")
        axis.legend(loc="lower right")
        dress(
            figure,
            ["Published plasma numbers beside the model"],
            "Each point is one published number; units in the key. Research and teaching only.",
        )
        return finish(figure, place)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw one picture."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.report.gallery", description=__doc__)
    parser.add_argument("name", choices=list(PICTURES))
    parser.add_argument("file", type=Path)
    parser.add_argument("--people", type=int, default=200)
    asked = parser.parse_args(arguments)
    print(paint(asked.name, asked.file, asked.people))
    return 0


if __name__ == "__main__":
    sys.exit(main())
