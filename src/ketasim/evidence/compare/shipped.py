"""What the shipped posterior says of every prediction: its SD over the draws, by row."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import lru_cache

from ketasim.core.posterior import folder

from ..published.study import Row


def row_key(row: Row) -> str:
    """Names a row across versions of its file."""
    parts = [row.study, row.record, row.arm, row.versus, row.endpoint, row.scale, row.statistic, f"{row.time_h:g}"]
    extra = [text for text in (row.cut, row.of, row.among, row.estimand, row.over) if text]
    return "|".join([*parts, *extra, *([f"{row.from_h:g}"] if row.from_h == row.from_h else [])])


@lru_cache(maxsize=1)
def prediction_sd() -> Mapping[str, float]:
    """SD of every prediction over the posterior by `row_key`, scale of comparison; empty until a posterior ships."""
    path = folder() / "predictions.csv"
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["row"]: float(row["sd"]) for row in csv.DictReader(file)}
