"""Dated predictions of trials whose results nobody knows, with a hash: `python -m ketasim.decide.forward [--write docs/forward-predictions.md]`."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import re
import sys
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from ketasim._version import __version__
from ketasim.chain.hypothesis import hypotheses, hypothesis
from ketasim.core import KetasimError, knowledge_path, read_toml
from ketasim.core.arrays import Array
from ketasim.core.records import NOTICE
from ketasim.evidence.weigh.weighing import comparable, weigh

from .designs import Design, read_design
from .next_study import DRAWS, Believer

DIGITS = 2


def trials() -> dict[str, tuple[Design, tuple[str, ...]]]:
    """The trials of knowledge/forward.toml with their records."""
    found = {}
    for name, table in read_toml(knowledge_path() / "forward.toml").items():
        own = dict(table)
        records = tuple(own.pop("records"))
        found[name] = (read_design(name, own), records)
    return found


def forward_predictions(names: Sequence[str] | None = None, draws: int = DRAWS) -> dict[str, Any]:
    """Difference to placebo of every arm and measure: median and 90 % interval over the draws, under every hypothesis."""
    out: dict[str, Any] = {}
    believers = [Believer(hypothesis(name), draws) for name in names or hypotheses()]
    for name, (design, records) in trials().items():
        rows: dict[str, Any] = {}
        for b in believers:
            table = {arm.name: b.outcome(design, arm) for arm in design.arms}
            rows[b.entry.id] = {
                arm.name: {
                    m.label: _band(table[arm.name].mean[:, i] - table["placebo"].mean[:, i], b.weights)
                    for i, m in enumerate(design.measures)
                }
                for arm in design.arms
                if arm.name != "placebo"
            }
        out[name] = {
            "title": design.title,
            "records": list(records),
            "setting": design.setting,
            "arms": {a.name: f"{a.words}{', ' + a.repeat if a.repeat else ''}" for a in design.arms},
            "difference_to_placebo": rows,
        }
    return out


def _band(x: Array, weights: Array) -> list[float]:
    """Median, 5th and 95th percentile of weighted draws."""
    order = np.argsort(x)
    edges = np.cumsum(weights[order]) - weights[order] / 2
    return [round(float(np.interp(q, edges, x[order])), DIGITS) + 0.0 for q in (0.5, 0.05, 0.95)]


def fingerprint(predictions: dict[str, Any]) -> str:
    """SHA-256 of the predictions as canonical JSON."""
    return hashlib.sha256(json.dumps(predictions, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def page(predictions: dict[str, Any], day: str, weights: dict[str, float]) -> str:
    """The page of the documentation."""
    lines = [
        "# Forward predictions",
        "",
        f"Made on {day} with Ketasim {__version__}, before any result was known to its authors. {NOTICE}",
        "",
        f"SHA-256 of the predictions (canonical JSON, below): `{fingerprint(predictions)}`",
        "",
        "Difference to the placebo arm in the same trial: median (5th to 95th percentile over the draws of the calibrated hypothesis). MADRS in points, negative is",
        "benefit; CADSS in points. In a saline setting a drug that is felt does something through belief even if it does nothing itself. `weight` is the",
        "weight of the hypothesis on the evidence of that day, even prior.",
        "",
    ]
    for entry in predictions.values():
        lines += [
            f"## {entry['title']}",
            "",
            f"Setting: {entry['setting']}. Records: {', '.join(entry['records'])}.",
            "",
        ]
        lines += [f"- {name.replace('_', ' ')}: {words}" for name, words in entry["arms"].items()]
        first = next(iter(entry["difference_to_placebo"].values()))
        for arm, measures in first.items():
            lines += [
                "",
                f"**{arm.replace('_', ' ')}**",
                "",
                "| hypothesis | weight | " + " | ".join(_heading(m) for m in measures) + " |",
                "| --- | --- |" + " --- |" * len(measures),
            ]
            for name, arms in entry["difference_to_placebo"].items():
                cells = [f"{x[0]:.1f} ({x[1]:.1f} to {x[2]:.1f})" for x in arms[arm].values()]
                lines.append(f"| {name} | {weights[name]:.2f} | " + " | ".join(cells) + " |")
        lines.append("")
    lines += [
        "## The predictions as data",
        "",
        "```json",
        json.dumps(predictions, sort_keys=True, separators=(",", ":")),
        "```",
        "",
    ]
    return "\n".join(lines)


def _heading(label: str) -> str:
    name, _, hours = label.partition("@")
    return "CADSS peak" if name == "cadss" else f"MADRS, {hours} h"


def dated(text: str) -> tuple[str, str]:
    """Day and fingerprint that a page prints. Raises KetasimError for a page that prints neither, or whose data do not have its fingerprint."""
    first, printed = re.search(r"^Made on (\d{4}-\d\d-\d\d)", text, re.MULTILINE), re.search(r"`([0-9a-f]{64})`", text)
    data = text.partition("```json\n")[2].partition("\n```")[0]
    if first is None or printed is None or not data:
        raise KetasimError(
            "a page of forward predictions prints its day, its SHA-256 and its data", where="forward predictions"
        )
    if fingerprint(json.loads(data)) != printed[1]:
        raise KetasimError(
            f"the data of {first[1]} do not have the SHA-256 that the page prints", where="forward predictions"
        )
    return first[1], printed[1]


def keep_and_write(place: Path, text: str) -> str:
    """Write a page; what stood there with other predictions is kept beside it, under its day (a second one of that day as DAY-2), and never written over. Returns what was done.

    The same predictions are not dated anew: the page stays as it is.
    """
    _, new = dated(text)
    if place.exists():
        old_text = place.read_text(encoding="utf-8")
        old_day, old = dated(old_text)
        if old == new:
            return f"{new}, as on {old_day}: nothing written"
        names = (f"{place.stem}-{old_day}{more}{place.suffix}" for more in chain([""], (f"-{n}" for n in count(2))))
        kept = next(p for p in map(place.with_name, names) if not p.exists() or p.read_text("utf-8") == old_text)
        kept.write_text(old_text, encoding="utf-8")
    earlier = sorted(place.parent.glob(f"{place.stem}-????-??-??*{place.suffix}"))
    if earlier:
        told = [f"[{p.stem.removeprefix(place.stem + '-')}]({p.name})" for p in earlier]
        text = text.rstrip("\n") + f"\n\nEarlier tables, as they were: {', '.join(told)}.\n"
    place.write_text(text, encoding="utf-8")
    return new


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.decide.forward", description=__doc__)
    parser.add_argument("--write", type=Path, default=None)
    asked = parser.parse_args(arguments)
    found = forward_predictions(comparable())
    weights = {r.entry.id: r.weight for r in weigh().rows}
    text = page(found, datetime.date.today().isoformat(), weights)
    missing = [name for name in hypotheses() if name not in weights]
    if missing:
        text += f"\nNo prediction, because no calibration on the present evidence ships: {', '.join(missing)}.\n"
    if asked.write:
        sys.stdout.write(f"{asked.write}: {keep_and_write(asked.write, text)}\n")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
