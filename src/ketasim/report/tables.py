"""Results as tables: long CSV with the unit in a column of its own."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

from ketasim.scenario.result import Course, Result

HEAD = ("output", "unit", "time_h", "typical", "median", "mean", "low", "high", "model_low", "model_high", "caution")
ABOUT = ("scenario", "setting", "masked", "changed", "people", "seed", "version", "model", "numbers")
NARROW = 1e-6  # of the largest value: a band this narrow comes from the integration, nothing was varied


def about(result: Result) -> list[str]:
    """What was run, one cell for each of `ABOUT`, the same in every row: a table can be told from another one by itself."""
    asked, record = result.scenario, result.record
    return [
        asked.title,
        asked.setting,
        "yes" if asked.masked else "no",
        "; ".join(asked.changed()) or "nothing",
        str(len(result.people)),
        str(record.seed),
        record.version,
        record.model,
        record.numbers,
    ]


def varied(course: Course) -> bool:
    """True if the posterior moves this output at all; what it does not move was not varied and has no interval."""
    low, high = course.model_low, course.model_high
    if low is None or high is None:
        return False
    return bool((high - low).max() > NARROW * max(float(abs(course.typical).max()), 1e-12))


def result_csv(result: Result) -> str:
    """One row per output and time; empty cells where there is no number (model_low, model_high: also where nothing was varied).

    `caution` says why the numbers of an output are no prediction (empty for most). The last columns say what was run (`ABOUT`): `pandas.read_csv` reads the table as it is.
    """
    rows, run = [], about(result)
    for name, course in result.outputs.items():
        band = (course.model_low, course.model_high) if varied(course) else (None, None)
        columns = [
            course.typical,
            course.median,
            course.mean,
            course.low,
            course.high,
            *band,
        ]
        for i, time in enumerate(course.time_h):
            rows.append(
                [
                    name,
                    course.unit,
                    cell(time),
                    *("" if column is None else cell(column[i]) for column in columns),
                    course.caution,
                    *run,
                ]
            )
    return csv_text((*HEAD, *ABOUT), rows)


def cell(value: float | None) -> str:
    """A number at full precision; empty for a missing one."""
    return "" if value is None or not math.isfinite(value) else repr(float(value))


def csv_text(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """CSV (comma, UTF-8, newline) with a header row and nothing else."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return buffer.getvalue()
