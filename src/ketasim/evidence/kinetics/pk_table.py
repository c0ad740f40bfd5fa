"""Published pharmacokinetics beside the prediction: `python -m ketasim.evidence.kinetics.pk_table` (no fitting happens here)."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ketasim.core import KetasimError, unknown_name

from .plasma_arms import Bench, Curves, FloatArray, arm, settings, statistic


@dataclass(frozen=True, slots=True)
class Target:
    """One published number: where it is from, how it is computed from curves, what is demanded of the prediction.

    error : SD on the log scale in the fit, 0 = not fitted. low, high : demanded range (nan = nothing demanded).
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
}


def _target(table: Mapping[str, Any]) -> Target:
    extra = set(table) - _FIELDS
    if extra:
        raise unknown_name("field of a target", sorted(extra)[0], sorted(_FIELDS), where="knowledge/fits/plasma.toml")
    data = dict(table)
    centre = float(data["value"])
    low, high = data.pop("low", math.nan), data.pop("high", math.nan)
    if (within := data.pop("within", None)) is not None:
        low, high = centre * (1.0 - within), centre * (1.0 + within)
    if (factor := data.pop("factor", None)) is not None:
        low, high = centre / factor, centre * factor
    return Target(**data, low=float(low), high=float(high))


def targets() -> tuple[Target, ...]:
    """All targets of knowledge/fits/plasma.toml, in file order."""
    return tuple(_target(table) for table in settings()["targets"])


def predict(bench: Bench, wanted: Sequence[Target], table: FloatArray | None = None) -> FloatArray:
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
    """Print the table; `--json` prints rows as objects. Exit 0."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.evidence.kinetics.pk_table", description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = rows()
    if options.json:
        print(
            json.dumps(
                [{**asdict(row.target), "predicted": row.predicted, "held": row.held} for row in found], indent=1
            )
        )
    else:
        print(text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
