"""Tables that other programs read: numbers in full, and no text that a spreadsheet would take for a formula."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ketasim.scenario.result import Result

COURSE = ("output", "unit", "time_h", "typical", "low", "median", "high")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table_text(head: Sequence[str], rows: Iterable[Mapping[str, Any]], delimiter: str = ",") -> str:
    """CSV with a header row; a missing number is an empty cell."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, head, lineterminator="\n", restval="", delimiter=delimiter)
    writer.writeheader()
    for row in rows:
        writer.writerow({key: cell(value) for key, value in row.items()})
    return buffer.getvalue()


def cell(value: Any) -> str:
    """A number in full, empty if it is missing; a text that would be a formula gets an apostrophe in front."""
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else ""
    text = str(value)
    return "'" + text if not isinstance(value, int) and text.startswith(FORMULA) else text


def courses_csv(result: Result) -> str:
    """One row per output and time: the typical person, and the 5th, 50th and 95th percentile between people."""
    return table_text(
        COURSE,
        (
            {
                "output": name,
                "unit": course.unit,
                "time_h": float(time),
                "typical": float(course.typical[i]),
                "low": float(course.low[i]),
                "median": float(course.median[i]),
                "high": float(course.high[i]),
            }
            for name, course in result.outputs.items()
            for i, time in enumerate(course.time_h)
        ),
    )
