"""The page docs/credibility.md: `python -m ketasim.exchange.credibility_page [--json] [--write FILE]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ketasim.decide.credibility import Assessment, assessments, numbers

from .capabilities import ANSWERS, to_dict
from .cure import checklist

HEAD = """<!-- Written by `python -m ketasim.exchange.credibility_page --write docs/credibility.md`; do not edit. -->

# Credibility

What the model may be used for, and how far it can be trusted there, in the words of ICH M15: question of interest, context of use, model
influence, consequence of a wrong decision, model risk (the higher of the two) and model impact. Written from the package's own data.

Research and teaching only. No question below is about one person's treatment.
"""


def page() -> str:
    """The page as Markdown."""
    bases = numbers()
    total = sum(bases.values())
    held = any(one.validate[0] for one in assessments())
    last = " predicted, never fitted |" if held else ""
    lines = [HEAD, f"| question of interest | influence | consequence | model risk | fitted to |{last}"]
    lines.append("|---|---|---|---|---|" + ("---|" if held else ""))
    for one in assessments():
        asked = f"| [{one.question}](#{one.name}) | {one.influence} | {one.consequence} | **{one.risk}** "
        lines.append(f"{asked}| {_counted(one.fit)} |" + (f" {_counted(one.validate)} |" if held else ""))
    if not held:
        lines += [
            "",
            "No study is held back for good; `ketasim check` predicts each one without itself, and its programme without the programme.",
        ]
    told = ", ".join(f"{count} {basis}" for basis, count in sorted(bases.items(), key=lambda item: -item[1]))
    lines += ["", f"Of {total} numbers in the package: {told}. `ketasim lint` lists the assumed ones.", ""]
    for one in assessments():
        lines += _section(one)
    lines += [
        "## What holds for all of them",
        "",
        "- One model, written once: the fit, runs, trials and weighing use the same equations (`docs/decisions/one-model.md`).",
        "- Units are checked strictly; every number has source, place, basis and grade; every dose is in a ledger.",
        "- The engine is compared with libroadrunner and SciPy, closed forms and published benchmark problems; exported models with both.",
        "- `ketasim check` sets every published number beside its prediction, misfits first, with each study predicted without itself.",
        "",
        *_cure(),
        "Machine-readable, all of this page: `ketasim capabilities --json`.",
        "",
    ]
    return "\n".join(lines)


def _cure() -> list[str]:
    """The checklist as a table; no answer is typed."""
    lines = [
        "## CURE checklist",
        "",
        "Credible, understandable, reproducible, extensible: every answer is computed from the package when the page is written.",
        "",
        "| | question | answer | what was found |",
        "|---|---|---|---|",
    ]
    return [*lines, *(f"| {i.part} | {i.asks} | **{ANSWERS[i.held]}** | {i.found} |" for i in checklist()), ""]


def _counted(size: tuple[int, int]) -> str:
    return f"{size[1]} numbers of {size[0]} studies" if size[0] else "none"


def _section(one: Assessment) -> list[str]:
    lines = [
        f"## {one.name.capitalize()}",
        "",
        f"- Question of interest: {one.question}",
        f"- Context of use: {one.context}.",
    ]
    lines += [
        f"- Model influence {one.influence}, consequence of a wrong decision {one.consequence}: model risk {one.risk}."
    ]
    lines += [
        f"- Model impact: {one.impact}.",
        f"- It can: {one.capability}.",
        "- Limits: " + "; ".join(one.limits) + ".",
    ]
    lines += [f"- {figure}." for figure in one.figures]
    return [*lines, ""]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print or write the page."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.exchange.credibility_page", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args(arguments)
    text = json.dumps(to_dict(), indent=1, ensure_ascii=False) if asked.json else page()
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
