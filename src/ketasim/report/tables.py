"""Results as tables: long CSV with the unit in a column of its own."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

from ketasim.scenario.result import Result

HEAD = ("output", "unit", "time_h", "typical", "median", "mean", "low", "high", "model_low", "model_high")


def result_csv(result: Result) -> str:
    """One row per output and time; empty cells where there is no number. The last line is a comment with version and seed."""
    rows = []
    for name, course in result.outputs.items():
        columns = [
            course.typical,
            course.median,
            course.mean,
            course.low,
            course.high,
            course.model_low,
            course.model_high,
        ]
        for i, time in enumerate(course.time_h):
            rows.append(
                [name, course.unit, cell(time), *("" if column is None else cell(column[i]) for column in columns)]
            )
    return csv_text(HEAD, rows, comment=result.caption())


def cell(value: float | None) -> str:
    """A number at full precision; empty for a missing one."""
    return "" if value is None or not math.isfinite(value) else repr(float(value))


def csv_text(head: Sequence[str], rows: Iterable[Sequence[str]], comment: str = "") -> str:
    """CSV (comma, UTF-8, newline) with a header row; a comment goes last, after a #."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return buffer.getvalue() + (f"# {comment}\n" if comment else "")
