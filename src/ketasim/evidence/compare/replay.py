"""A published trial beside its simulation: what was published, and where it lies among the simulated results (PIT)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ketasim.core import KetasimError
from ketasim.trial.result import TrialResult
from ketasim.trial.simulate import trial

from ..published.studies import studies
from .design_files import published

REPLICATES = 200
CROSSED = ("ratio", "again")  # what crossover trials publish beside differences


def replay(result: TrialResult) -> dict[str, Any] | None:
    """published : the published difference; pit : share of simulated trials of the published size with a difference up to it, half of the ties.

    pit near 0 or 1: the published trial is unlike what is simulated. coverage : whether it lies within the central 50, 80 and 95 % of
    simulated trials. None where the study published no comparison that the design asks for.
    """
    design = result.design
    study = studies().get(design.study)
    found = published(study) if study else None
    if study is None or found is None or not design.compares:
        return None
    where = design.endpoint
    crossed = design.kind == "crossover"
    measure = "change" if crossed and found.measure in CROSSED else found.measure
    if (where.measure, where.arm, design.comparator) != (measure, found.arm, found.versus):
        return None
    if abs(where.at_h - found.at_h) > 1e-6 or design.scale != found.scale:
        return None
    own = result if design.n in result.estimates else trial(design, design.n, min(result.sims, REPLICATES), result.seed)
    simulated = own.estimates[design.n][found.measure if found.measure in CROSSED else where.arm]
    rows = simulated[np.isfinite(simulated)]
    if not rows.size:
        raise KetasimError("no simulated trial could be analysed", where=design.title)
    names = np.array(own.hypothesis_of)
    pit = place_of(rows, found.value)
    return {
        "published": found.value,
        "measure": found.measure,
        "pit": pit,
        "pit_by_hypothesis": {
            name: place_of(simulated[(names == name) & np.isfinite(simulated)], found.value)
            for name in dict.fromkeys(own.hypothesis_of)
        },
        "records": [row.record for row in found.rows],
        "n": design.n,
        "simulated": {
            "mean": float(rows.mean()),
            "low": float(np.percentile(rows, 5)),
            "high": float(np.percentile(rows, 95)),
        },
        "covered": {str(q): bool(abs(pit - 0.5) <= q / 200) for q in (50, 80, 95)},
        "replicates": int(rows.size),
    }


def place_of(rows: np.ndarray, value: float) -> float:
    """Share of the rows below a value, ties counted half; nan without rows."""
    return float((rows < value).mean() + 0.5 * (rows == value).mean()) if rows.size else float("nan")
