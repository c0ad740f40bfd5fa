"""Published outcomes of crossover trials under each explanation, in plain lines and for the page that shows them.

`python -m ketasim.report.outcomes_text --write docs/how-to/naltrexone-trial.md` writes the table of the page anew.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from ketasim.core.records import NOTICE
from ketasim.evidence.compare.outcomes import NEAR, Outcome, crossover_chances

BEGIN, END = "<!-- crossover: written by python -m ketasim.report.outcomes_text -->", "<!-- end of crossover -->"


def text(rows: Sequence[Outcome]) -> str:
    """A table, and how the explanations compare."""
    lines = [
        "Published outcomes of crossover trials, and how often simulated trials of that size give them:",
        f"  {'trial':<14}{'n':>3}  {'if':<16}{'published':>10}{'simulated':>30}{'gives it':>14}{'so much or less':>18}",
    ]
    for r in rows:
        spread = f"{r.mean:.2f} ({r.low:.2f} to {r.high:.2f})"
        lines.append(
            f"  {r.design:<14}{r.n:>3}  {r.hypothesis:<16}{r.published:>10.2f}{spread:>30}{_share(r):>14}{100 * r.at_most:>16.0f} %"
        )
    lines += ["", *_odds(rows), "", _key(), "", NOTICE]
    return "\n".join(lines)


def _share(r: Outcome) -> str:
    return f"{100 * r.like:.1f} % +-{100 * r.se:.1f}"


def _key() -> str:
    return (
        "Outcomes: share of those who respond to ketamine alone that respond with naltrexone before it too (Williams2018; gives it: that very share), and the mean fall with "
        f"naltrexone over that without (Jelen2025; gives it: within {NEAR:g}). Belief, wander and carry-over are in both periods."
    )


def _odds(rows: Sequence[Outcome]) -> list[str]:
    found = []
    for name in dict.fromkeys(r.design for r in rows):
        own = [r for r in rows if r.design == name]
        first, last = own[0], own[-1]
        if first is last:
            continue
        if first.like > 0 and last.like > 0:
            ratio = first.like / last.like
            error = math.sqrt((first.se / first.like) ** 2 + (last.se / last.like) ** 2)
            words = f"{ratio:.2g} times as often (factor {math.exp(error):.2g} either way)"
        else:
            words = "a ratio cannot be told from so few simulated trials"
        found.append(
            f"{name}: what was published comes about under {first.hypothesis} against {last.hypothesis}: {words}."
        )
    return found


def table(rows: Sequence[Outcome]) -> str:
    """The same for a page."""
    lines = [
        "| trial | n | if | published | simulated (5th to 95th percentile) | gives it | so much or less |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.design} | {r.n} | {r.hypothesis} | {r.published:.2f} | {r.mean:.2f} ({r.low:.2f} to {r.high:.2f}) | {_share(r)} | {100 * r.at_most:.0f} % |"
        for r in rows
    ]
    return "\n".join([*lines, "", *(f"{line}\n" for line in _odds(rows)), _key()])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print, or write into the page between its marks."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.report.outcomes_text", description=__doc__)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args(arguments)
    rows = crossover_chances()
    if asked.write:
        page = asked.write.read_text(encoding="utf-8")
        begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
        asked.write.write_text(page[:begin] + "\n" + table(rows) + "\n" + page[end:], encoding="utf-8")
    else:
        print(text(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
