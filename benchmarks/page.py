"""The comparison as text, as JSON, and as a section of docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

import numpy as np
from comparison import Comparison

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
HEAD = (
    "engine",
    "version",
    "method",
    "rtol",
    "atol",
    "people",
    "error",
    "steps",
    "CPU ms per person",
    "checksum",
    "ketasim is faster by",
    "float32 by",
)
INTRODUCTION = """# Speed

Written by `python benchmarks/peers.py --model all` (tables) and `python benchmarks/scaling.py` (the last section). What is
measured and how: [benchmarks-method.md](benchmarks-method.md). Absolute times are those of one machine; the ratios come
from rounds in which every engine ran in turn, and are what can be compared between machines.
"""


def _cells(found: Comparison) -> list[tuple[str, ...]]:
    names = {row.engine.name for row in found.rows}
    rows = []
    for row in sorted(found.rows, key=lambda r: r.cpu):
        s, name = row.setting, row.engine.name
        rows.append(
            (
                name,
                row.version,
                s.method,
                f"{s.rtol:.1e}",
                s.shown_atol,
                str(min(row.engine.people, len(found.problem.table))),
                f"{s.error:.1e}",
                "" if s.steps is None else f"{s.steps:.0f}",
                f"{row.cpu * 1e3:.3f}",
                f"{s.checksum:.5f}",
                f"{found.ratio(name):.1f}",
                f"{found.ratio(name, 'ketasim float32'):.1f}" if "ketasim float32" in names else "",
            )
        )
    return rows


def table_text(found: Comparison) -> str:
    """Plain text, aligned."""
    rows = [HEAD, *_cells(found)]
    widths = [max(len(r[i]) for r in rows) for i in range(len(HEAD))]
    lines = [
        "  ".join(c.rjust(w) if i > 2 else c.ljust(w) for i, (c, w) in enumerate(zip(r, widths, strict=True))).rstrip()
        for r in rows
    ]
    lines += [f"{name}: {reason}" for name, reason in found.absent.items()]
    if found.threads:
        lines.append(f"two threads against one (wall time, median of rounds): {np.median(found.threads):.2f}x")
    return "\n".join(lines)


def markdown(found: Comparison) -> str:
    lines = [f"## {found.problem.name}: {found.problem.title}", ""]
    lines.append(
        f"{found.states} states, {found.operations} operations per right-hand side, {len(found.problem.table)} people, "
        f"{len(found.problem.schedule.boundaries) - 1} segments, {len(found.problem.times)} output times, all states returned. "
        f"scipy's LSODA at 1e-11 confirms the reference to {found.confirmed:.0e} of the peak. {len(found.rows[0].times)} rounds."
    )
    lines += ["", "| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(row) + " |" for row in _cells(found)]
    lines += ["", *(f"Not measured: {name}: {reason}  " for name, reason in found.absent.items())]
    if found.threads:
        lines += [
            "",
            f"Two threads against one, wall time: {np.median(found.threads):.2f}x (rounds: "
            + ", ".join(f"{x:.2f}" for x in found.threads)
            + ").",
        ]
    lines += ["", f"Machine: {machine()}."]
    return "\n".join(lines)


def machine() -> str:
    """Processor, number of cores, Python."""
    name = platform.processor() or platform.machine()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        found = re.search(r"model name\s*: (.*)", text)
        name = found.group(1) if found else name
        wide = "AVX-512" if "avx512f" in text else "AVX2" if "avx2" in text else "no AVX2"
        name += f" ({wide})"
    except OSError:
        pass
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def write_section(name: str, text: str) -> None:
    """Replaces the section `name` of the page, or adds it at the end."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else INTRODUCTION
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    block = f"{begin}\n{text}\n{end}"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    page = pattern.sub(lambda _: block, page) if pattern.search(page) else page.rstrip() + "\n\n" + block
    PAGE.write_text(page.rstrip() + "\n", encoding="utf-8")


def write_page(found: Comparison) -> None:
    write_section(found.problem.name, markdown(found))


def as_json(all_found: list[Comparison]) -> dict[str, Any]:
    """`ratios`: how many times faster our float64 is, of the first problem; the same per problem under `models`."""
    models = {found.problem.name: _one(found) for found in all_found}
    return {"ratios": models[all_found[0].problem.name]["ratios"], "machine": machine(), "models": models}


def _one(found: Comparison) -> dict[str, Any]:
    return {
        "title": found.problem.title,
        "ratios": {
            row.engine.name: round(found.ratio(row.engine.name), 3)
            for row in found.rows
            if row.engine.name != "ketasim"
        },
        "two_threads": round(float(np.median(found.threads)), 3) if found.threads else None,
        "reference_confirmed": found.confirmed,
        "engines": {
            row.engine.name: {
                "version": row.version,
                "method": row.setting.method,
                "rtol": row.setting.rtol,
                "atol": row.setting.shown_atol,
                "error": row.setting.error,
                "steps": row.setting.steps,
                "cpu_seconds_per_person": row.cpu,
                "rounds": row.times,
                "checksum": row.setting.checksum,
            }
            for row in found.rows
        },
        "absent": found.absent,
    }
