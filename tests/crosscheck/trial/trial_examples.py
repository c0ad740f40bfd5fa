"""The two public examples as arrays: scores (N, 4), arm (N,), covariates."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Example:
    """scores : (N, 4), nan = missing. arm : (N,). covariates : (N, K)."""

    scores: NDArray[np.float64]
    arm: NDArray[np.int64]
    covariates: NDArray[np.float64]


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fev() -> Example:
    """fev_data: FEV1 at 4 visits; covariates black, white, female (reference asian, male)."""
    rows = _rows("fev_wide.csv")
    scores = [[float(row[f"visit{v}"] or "nan") for v in (1, 2, 3, 4)] for row in rows]
    extra = [[row["race"] == "black", row["race"] == "white", row["sex"] == "female"] for row in rows]
    return Example(np.array(scores), np.array([int(row["arm"]) for row in rows]), np.array(extra, dtype=float))


def antidepressant() -> Example:
    """antidepressant_data: change of the HAMD-17 at weeks 1, 2, 4, 6; covariate its baseline."""
    rows = _rows("antidepressant_wide.csv")
    scores = [[float(row[f"week{w}"] or "nan") for w in (1, 2, 4, 6)] for row in rows]
    baseline = [[float(row["baseline"])] for row in rows]
    return Example(np.array(scores), np.array([int(row["arm"]) for row in rows]), np.array(baseline))
