"""The replay of the published trials: plain lines, CSV, a page of the documentation, a figure of the PIT.

`python -m ketasim.report.replay_text --write docs/trial-replay.md [--keep FOLDER]` writes the page anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ketasim.core.posterior import posterior
from ketasim.core.records import NOTICE
from ketasim.evidence.compare.replays import BINS, LEVELS, Replayed, Replays, replays
from ketasim.trial.result import when

from . import style
from .files import check_writable, write_whole

MEASURES = {"ratio": "ratio of mean changes", "again": "responders who respond again"}
GROUPS = {
    "all": "all published numbers",
    "differences": "differences between arms",
    "arms": "means and shares of single arms",
    "differences not fitted": "differences of studies that no fit has used",
}


def text(found: Replays) -> str:
    """Every published number beside its simulation, then coverage and PIT."""
    width = max((len(_what(r)) for r in found.rows), default=4)
    lines = [
        f"Every published trial of the library, simulated {found.sims} times in {found.worlds} worlds (hypothesis and draw of the posterior), seed {found.seed}.",
        "PIT: share of simulated trials of the published size with so much or less. Published numbers outside the central 95 % are marked *.",
        "",
    ]
    study = ""
    for row in found.rows:
        if row.study != study:
            study = row.study
            lines.append(f"{study} ({row.scale}, n {row.n}, role {row.role})")
        mark = " " if row.within(95) else "*"
        lines.append(
            f" {mark}{_what(row):<{width}}  published {_number(row, row.published):>7}   simulated {_number(row, row.mean):>7} "
            f"({_number(row, row.low)} to {_number(row, row.high)})   PIT {row.pit:.2f}"
        )
    lines.append("")
    lines += _summary(found)
    for name, why in found.without.items():
        lines.append(f"Not replayed: {name}, {why}.")
    return "\n".join([*lines, "", NOTICE])


def _what(row: Replayed) -> str:
    measure = MEASURES.get(row.measure, row.measure)
    arms = f"{row.arm} less {row.versus}" if row.versus and row.measure not in MEASURES else row.arm
    return f"{measure}, {arms}, {when(row.day)}"


def _number(row: Replayed, x: float) -> str:
    if row.measure in ("response", "remission", "again"):
        return f"{100 * x:+.0f} %" if row.kind == "difference" and row.measure != "again" else f"{100 * x:.0f} %"
    return f"{x:.2f}" if row.measure == "ratio" else f"{x:+.1f}"


def _summary(found: Replays) -> list[str]:
    lines = [
        "Coverage: share of published numbers in the central part of the simulated ones, by row, and by study with its standard error.",
        f"  {'':<44}{'rows':>6}{'studies':>9}" + "".join(f"{f'{q} %':>18}" for q in LEVELS),
    ]
    for name, rows in found.groups().items():
        if not rows:
            continue
        c = found.coverage(rows)
        cells = "".join(f"{_covered(c[str(q)]):>18}" for q in LEVELS)
        lines.append(f"  {GROUPS[name]:<44}{c['rows']:>6}{c['studies']:>9}{cells}")
    lines += [
        "",
        "PIT in tenths (flat if right; heaped in the middle: simulated trials differ more than published ones):",
    ]
    for name, rows in found.groups().items():
        if rows:
            lines.append(f"  {GROUPS[name]:<44}" + "".join(f"{x:>5}" for x in found.histogram(rows)))
    return lines


def _covered(share: dict[str, float]) -> str:
    error = share["se_over_studies"]
    return f"{100 * share['by_row']:.0f}, {100 * share['by_study']:.0f} ({100 * error:.0f})" if error == error else "-"


def csv(found: Replays) -> str:
    """One published number a line."""
    head = [
        "study",
        "design",
        "kind",
        "measure",
        "arm",
        "versus",
        "day",
        "scale",
        "n",
        "role",
        "published",
        "mean",
        "low",
        "high",
        "pit",
        "replicates",
    ]
    rows = [",".join(str(getattr(row, key)) for key in head) for row in found.rows]
    return "\n".join([",".join(head), *rows]) + "\n"


def page(found: Replays) -> str:
    """The page of the documentation."""
    shipped = posterior()
    lines = [
        "# Published trials, simulated again",
        "",
        "<!-- written by python -m ketasim.report.replay_text --write docs/trial-replay.md -->",
        "",
        "Every trial of the library that published a mean, a share or a difference of mood at a visit of its design: the design is simulated as often as it",
        "takes to see its spread, with people of its Table 1, its size, its dropout, every hypothesis and draws of the posterior, and the published number is put among the simulated ones.",
        "",
        "```",
        "ketasim trial --replay                 # the table below; --json, --csv, --plot; --keep FOLDER goes on where it was stopped",
        "ketasim trial Popova2019 --replay      # one trial",
        "```",
        "",
        f"{found.sims} simulated trials each in {found.worlds} worlds, {found.people} people a pool, seed {found.seed}; posterior with {len(shipped) if shipped else 0} draws.",
        "",
        "**How to read it.** PIT is the share of simulated trials with so much or less as was published: near 0 or 1 the published trial is unlike what is simulated. Most of these",
        "studies were used to fit (role `fit`), so this asks whether simulated *trials* scatter as published ones do, not whether the future can be foretold; the last group holds studies that no fit",
        "has used. Rows of one study share its people: coverage by study counts each study once. Blinded trials get the small-study effect of the fit, because what was published is subject to it. The",
        "hypotheses count alike.",
        "",
        "## Coverage",
        "",
        "| | rows | studies | " + " | ".join(f"{q} % by row | by study (SE)" for q in LEVELS) + " |",
        "|---" * (3 + 2 * len(LEVELS)) + "|",
    ]
    for name, rows in found.groups().items():
        if rows:
            c = found.coverage(rows)
            cells = " | ".join(
                f"{100 * c[str(q)]['by_row']:.0f} | {100 * c[str(q)]['by_study']:.0f} ({100 * c[str(q)]['se_over_studies']:.0f})"
                for q in LEVELS
            )
            lines.append(f"| {GROUPS[name]} | {c['rows']} | {c['studies']} | {cells} |")
    lines += [
        "",
        "## PIT in tenths",
        "",
        "| | " + " | ".join(f"{k / BINS:g} to {(k + 1) / BINS:g}" for k in range(BINS)) + " |",
    ]
    lines.append("|---" * (1 + BINS) + "|")
    for name, rows in found.groups().items():
        if rows:
            lines.append(f"| {GROUPS[name]} | " + " | ".join(str(x) for x in found.histogram(rows)) + " |")
    lines += ["", "## Every published number", "", "`*` outside the central 95 % of simulated trials.", ""]
    lines += ["| study | what | published | simulated (5th to 95th percentile) | PIT |", "|---|---|---|---|---|"]
    for row in found.rows:
        mark = "" if row.within(95) else " *"
        lines.append(
            f"| {row.study} ({row.scale}, n {row.n}, {row.role}) | {_what(row)} | {_number(row, row.published)} | {_number(row, row.mean)} "
            f"({_number(row, row.low)} to {_number(row, row.high)}) | {row.pit:.2f}{mark} |"
        )
    lines += ["", "## Not replayed", ""]
    lines += [f"- {name}: {why}." for name, why in found.without.items()]
    return "\n".join(lines) + "\n"


def write_figure(found: Replays, path: str) -> Path:
    """PIT histogram of differences and of single arms, and every difference with its simulated interval."""
    place = check_writable(path, (".png", ".svg", ".pdf"))
    return write_whole(place, lambda file: _figure(found, str(file)))


def _figure(found: Replays, target: str) -> None:
    import matplotlib

    matplotlib.use("Agg", force=False)
    figure_of: Any = import_module("matplotlib.figure").Figure
    rows = [r for r in found.groups()["differences"] if r.measure == "change"]
    look_of: Any = dict(style.RC)
    with matplotlib.rc_context(look_of):
        figure = figure_of(figsize=(9.2, max(3.2, 0.22 * len(rows) + 1.2)), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        for i, row in enumerate(rows):
            look = style.line("s")["color"]
            left.plot([row.low, row.high], [i, i], color=look, linewidth=3, alpha=0.35)
            left.plot([row.mean], [i], marker="|", markersize=7, color=look)
            left.plot([row.published], [i], marker="o", markersize=4, color="black")
        left.set_yticks(range(len(rows)), [f"{r.study}, {r.arm}, {when(r.day)}" for r in rows], fontsize=7)
        left.invert_yaxis()
        left.axvline(0.0, color="#888888", linewidth=0.6)
        left.set_title("Published difference (dot) among simulated trials (5th to 95th)", fontsize=9)
        left.set_xlabel("points less than the comparator")
        for name, key in (("differences", "s"), ("arms", "placebo")):
            heights = found.histogram(found.groups()[name])
            total = max(sum(heights), 1)
            edges = [k / BINS for k in range(BINS + 1)]
            right.stairs([h / total for h in heights], edges, label=GROUPS[name], color=style.line(key)["color"])
        right.axhline(1 / BINS, color="#888888", linewidth=0.6, linestyle=":")
        right.set_title("PIT", fontsize=9)
        right.legend(fontsize=7)
        kind = target.rpartition(".")[2]
        figure.savefig(target, dpi=200, format=kind, metadata={"Date": None} if kind == "svg" else None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print or write the page."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.report.replay_text", description=__doc__)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--keep", type=Path, help="folder to go on from")
    asked = parser.parse_args(arguments)
    made = page(replays(folder=asked.keep))
    if asked.write:
        asked.write.write_text(made, encoding="utf-8")
    else:
        print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
