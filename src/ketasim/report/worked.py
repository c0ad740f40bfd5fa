"""The worked examples of the how-to pages: `python -m ketasim.report.worked [PAGE ...]` writes what stands between their marks anew.

A page holds `<!-- NAME: written by python -m ketasim.report.worked -->` and `<!-- end of NAME -->`; `PARTS` says which command's answer stands there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ketasim.core import UsageError

BY = "written by python -m ketasim.report.worked"
LEADING = 2  # designs shown in full
COURSE = "esketamine nasal 84 mg twice weekly x 8"  # the four weeks of the label's table of pressures
PEOPLE = 2000


def marks(name: str) -> tuple[str, str]:
    """The lines between which a part stands."""
    return f"<!-- {name}: {BY} -->", f"<!-- end of {name} -->"


def placed(page: str, name: str, text: str) -> str:
    """The page with `text` as its part `name`. Raises UsageError if the page has no such part."""
    begin, end = marks(name)
    if begin not in page or end not in page[page.index(begin) :]:
        raise UsageError(f"the page has no part {name}", where=begin, fix=f"{begin}\n{end}")
    head, _, rest = page.partition(begin)
    return f"{head}{begin}\n{text.strip()}\n{end}{rest.partition(end)[2]}"


def ranking(*hypotheses: str, budget: int) -> str:
    """What `ketasim next-study A B --budget N` answers: the ranking and the designs that lead it."""
    from ketasim.decide.next_study import next_study

    from .next_study_text import next_study_text

    text = next_study_text(next_study(*hypotheses, budget=budget), shown=LEADING)
    return f"```\n{text}\n```"


def pressures() -> str:
    """The shares of people over each pressure limit in the course of the label's table, beside what was seen."""
    from ketasim.person.session import passed
    from ketasim.scenario.plan import scenario
    from ketasim.scenario.run import run

    found = passed(run(scenario(COURSE, people=PEOPLE, draws=0)))
    lines = ["| at least once in eight sprays of 84 mg | model | seen |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {one.label} | {100 * one.share:.0f} % | {one.seen} |" for one in found)])


PARTS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "hnk-trial.md": {
        "metabolite": lambda: ranking("hnk-ampa", "disinhibition", budget=80),
        "mixture": lambda: ranking("surge-and-hnk", "opioid-gate", budget=80),
    },
    "naltrexone-trial.md": {"gate": lambda: ranking("opioid-gate", "disinhibition", budget=160)},
    "harm.md": {"pressures": pressures},
}
"""Parts by page of docs/how-to."""


def written(page: str, name: str) -> str:
    """The page (by its file name) with all its parts made anew; `page` is its text."""
    for part, make in PARTS[name].items():
        page = placed(page, part, make())
    return page


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages of a folder."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.report.worked", description=__doc__)
    parser.add_argument("pages", nargs="*", default=list(PARTS), help="file names; all, unless given")
    parser.add_argument("--folder", type=Path, default=Path("docs/how-to"))
    asked = parser.parse_args(arguments)
    for name in asked.pages:
        place = asked.folder / name
        place.write_text(written(place.read_text(encoding="utf-8"), name), encoding="utf-8")
        print(f"written: {place}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
