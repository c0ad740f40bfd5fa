"""Published pharmacokinetics beside the prediction: `python -m ketasim.evidence.kinetics.pk_table` (no fitting happens here)."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from ketasim.core import KetasimError, knowledge_path, read_toml, unknown_name
from ketasim.core.arrays import Array

from .plasma_arms import Bench, Curves, arm, settings, statistic

LEVELS = ("at", "cmax", "auc")
PARENT = ("ketamine", "arterial")
NORKETAMINE = ("norketamine", "arterial_norketamine")
WITHIN = 1.5
WIDE = 3.0
FIRST_QUARTER = 0.25  # h


@dataclass(frozen=True, slots=True)
class Target:
    """One published number: where it is from, how it is computed from curves, what is demanded of the prediction.

    error : SD on the log scale in the fit, 0 = not fitted. low, high : demanded range (nan = nothing demanded).
    study : "" = the study roles.toml gives the record to. sd : printed SD between people of an arithmetic mean; the value is
    then the median of the lognormal with that mean and SD, mean/sqrt(1 + (sd/mean)^2), which a typical person is compared with.
    """

    record: str
    arm: str
    output: str
    statistic: str
    value: float
    unit: str
    error: float
    time: float = 0.0
    against: str = ""
    low: float = math.nan
    high: float = math.nan
    why: str = ""
    study: str = ""
    sd: float = 0.0

    @property
    def level(self) -> bool:
        """True for a concentration or an area under it (not a time, a share, a ratio or a clearance)."""
        return self.statistic in LEVELS and not self.against


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `held` : None = nothing is demanded."""

    target: Target
    predicted: float
    held: bool | None

    @property
    def ratio(self) -> float:
        """Predicted over published."""
        return self.predicted / self.target.value


_FIELDS = {
    "record",
    "arm",
    "output",
    "statistic",
    "value",
    "unit",
    "error",
    "time",
    "against",
    "within",
    "factor",
    "low",
    "high",
    "why",
    "study",
    "sd",
}


def _target(table: Mapping[str, Any]) -> Target:
    extra = set(table) - _FIELDS
    if extra:
        raise unknown_name("field of a target", sorted(extra)[0], sorted(_FIELDS), where="knowledge/fits/plasma.toml")
    data = dict(table)
    centre = float(data["value"])
    if spread := data.get("sd"):
        centre = data["value"] = centre / math.sqrt(1.0 + (spread / centre) ** 2)
    low, high = data.pop("low", math.nan), data.pop("high", math.nan)
    if (within := data.pop("within", None)) is not None:
        low, high = centre * (1.0 - within), centre * (1.0 + within)
    if (factor := data.pop("factor", None)) is not None:
        low, high = centre / factor, centre * factor
    return Target(**data, low=float(low), high=float(high))


def targets() -> tuple[Target, ...]:
    """All targets of knowledge/fits/plasma.toml, in file order."""
    return tuple(_target(table) for table in settings()["targets"])


def predict(bench: Bench, wanted: Sequence[Target], table: Array | None = None) -> Array:
    """Predictions (P, targets) for the rows of `table`, or for the typical person (P = 1)."""
    curves: dict[str, Curves] = {}

    def course(name: str) -> Curves:
        if name not in curves:
            curves[name] = bench.curves(arm(name), table)
        return curves[name]

    columns = []
    for item in wanted:
        other = course(item.against) if item.against else None
        columns.append(statistic(item.statistic, course(item.arm), item.output, item.time, other))
    return np.column_stack(columns)


def rows(bench: Bench | None = None, wanted: Sequence[Target] | None = None) -> list[Row]:
    """The table for the typical person with the shipped values."""
    chosen = targets() if wanted is None else tuple(wanted)
    predicted = predict(bench or Bench(), chosen)[0]
    found = []
    for item, number in zip(chosen, predicted, strict=True):
        held = None if math.isnan(item.low) else bool(item.low <= number <= item.high)
        found.append(Row(item, float(number), held))
    return found


@cache
def _owners() -> Mapping[str, str]:
    tables = read_toml(knowledge_path() / "studies" / "roles.toml")["studies"]
    return {record: study for study, entry in tables.items() for record in entry["records"]}


def study_of(item: Target) -> str:
    """The study a target belongs to: its own word, else that of roles.toml, else its record."""
    return item.study or _owners().get(item.record, item.record)


@dataclass(frozen=True, slots=True)
class Share:
    """One line of the summary: how many rows, which share lies within `factor` of the published value, median error."""

    what: str
    rows: int
    factor: float
    share: float
    median: float
    outside: tuple[str, ...]


def _mouth(row: Row) -> bool:
    return row.target.arm.split("_")[0] in ("oral", "chong", "grant", "wafer", "film", "sublingual", "ket01") and (
        "iv" not in row.target.arm and "nasal" not in row.target.arm and "muscle" not in row.target.arm
    )


def summary(found: Sequence[Row]) -> tuple[Share, ...]:
    """What the project demands of concentrations, as shares of rows within a factor of what was published.

    `fitted` rows have an error above 0; the others are shown with a reason and appear in the last line only.
    """
    levels = [row for row in found if row.target.level and row.target.error > 0]
    species = (*PARENT, *NORKETAMINE)
    early = ("cmax", "at")

    def share(what: str, rows: Sequence[Row], factor: float = WITHIN) -> Share:
        logs = np.array([abs(math.log(row.ratio)) for row in rows])
        outside = tuple(row.target.record for row, log in zip(rows, logs, strict=True) if log > math.log(factor))
        median = float(np.expm1(np.median(logs))) if len(logs) else math.nan
        return Share(what, len(rows), factor, 1.0 - len(outside) / max(len(rows), 1), median, outside)

    both = [row for row in levels if row.target.output in species]
    peaks = [row for row in both if row.target.statistic == "cmax" and _mouth(row)]
    times = [row for row in found if row.target.statistic == "tmax" and row.target.error > 0 and _mouth(row)]
    course = [row for row in both if row.target.output in NORKETAMINE and row.target.statistic in early]
    return (
        share("parent and norketamine, all levels and areas", both),
        share("parent", [row for row in both if row.target.output in PARENT]),
        share("norketamine", [row for row in both if row.target.output in NORKETAMINE]),
        share("peaks after oral and sublingual doses", peaks),
        share("times of those peaks", times),
        share(
            "norketamine in a course, from 15 min on",
            [row for row in course if row.target.statistic == "cmax" or row.target.time >= FIRST_QUARTER],
        ),
        share("hydroxynorketamine", [row for row in levels if row.target.output == "hnk"], WIDE),
        share("everything shown, fitted or not", [row for row in found if row.target.unit != "ratio"]),
    )


def summary_text(shares: Sequence[Share]) -> str:
    """The summary as plain text."""
    lines = [f"{'rows against what was published':46}{'n':>4}{'within':>8}{'share':>8}{'median error':>14}  outside"]
    for one in shares:
        lines.append(
            f"{one.what:46}{one.rows:>4}{one.factor:>7.1f}x{one.share:>8.0%}{one.median:>14.0%}  "
            + ", ".join(dict.fromkeys(one.outside))
        )
    lines.append("dehydronorketamine: no level is in the evidence, so nothing can be compared")
    return "\n".join(lines)


def median_error(found: Sequence[Row], record: str) -> float:
    """Median absolute relative error of the points of one record."""
    errors = [abs(row.ratio - 1.0) for row in found if row.target.record == record]
    if not errors:
        raise KetasimError(f"no target has the record {record}")
    return float(np.median(errors))


def text(found: Sequence[Row]) -> str:
    """The table as plain text; misses first named at the end with their reasons."""
    lines = [f"{'record':11}{'arm':24}{'quantity':34}{'published':>11}{'predicted':>11}{'ratio':>7}  {'demanded':>17}"]
    for row in found:
        item = row.target
        what = f"{item.output} {item.statistic}" + (f" {item.time:g} h" if item.statistic == "at" else "")
        demanded = "-" if row.held is None else f"{item.low:.4g} to {item.high:.4g}"
        mark = {None: "", True: "", False: "  MISSED"}[row.held]
        lines.append(
            f"{item.record:11}{item.arm:24}{what:34}{item.value:>11.4g}{row.predicted:>11.4g}{row.ratio:>7.2f}  {demanded:>17}{mark}"
        )
    demanded_rows = [row for row in found if row.held is not None]
    missed = [row for row in demanded_rows if not row.held]
    lines.append(f"\n{len(demanded_rows) - len(missed)} of {len(demanded_rows)} demands held; misfits:")
    reasons = [
        row for row in found if row.held is False or (row.held is None and abs(math.log(row.ratio)) > math.log(1.25))
    ]
    for row in reasons:
        kind = "missed" if row.held is False else "off, not demanded"
        lines.append(
            f"  {row.target.record} {row.target.output} {row.target.statistic} {kind}: {row.target.why or 'no reason known'}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and its summary; `--json` prints both as one object. Exit 0."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.evidence.kinetics.pk_table", description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = rows()
    shares = summary(found)
    if options.json:
        listed = [{**asdict(row.target), "predicted": row.predicted, "held": row.held} for row in found]
        print(json.dumps({"rows": listed, "summary": [asdict(one) for one in shares]}, indent=1))
    else:
        print(text(found))
        print("\n" + summary_text(shares))
    return 0


if __name__ == "__main__":
    sys.exit(main())
