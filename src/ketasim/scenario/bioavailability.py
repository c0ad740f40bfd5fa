"""Bioavailability of a route, recomputed: what of a dose reaches the blood, relative to the same intravenous dose in the same person.

F = (AUC_route / dose_route) / (AUC_iv / dose_iv), the ratio of dose-normalised areas under the level of the drug itself (Rowland & Tozer,
Clinical Pharmacokinetics and Pharmacodynamics, chapter 7). Both doses are single and equal, so that the ratio of the areas is F.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ketasim.core.arrays import Array

from .plan import LAST_LOOK_H
from .result import Result
from .run import run
from .summary import area, spread

VEIN = "iv"
DAYS = LAST_LOOK_H / 24.0  # the level has fallen to nothing by then


def bioavailability(result: Result, level: str) -> dict[str, Any]:
    """F of the typical person, and median, 5th and 95th percentile between people; `against` says what it is counted against.

    level : the output that is the drug itself. All None where there is no drug in the blood or no way into a vein to count against;
    1 without an interval for a dose that goes into a vein.
    """
    dose = result.scenario.regimen.main.blocks[0].dose
    nothing: dict[str, Any] = {"typical": None, **spread(np.zeros(0)), "against": ""}
    if not (result.grid_values[level] > 0).any() or dose.amount is None:
        return nothing
    if dose.route == VEIN:
        return nothing | {"typical": 1.0, "against": "itself"}
    if VEIN not in dose.entry.routes:
        return nothing
    alone = result.scenario.but(repeat="", at=None, days=DAYS, draws=0, name="")
    usual_h = dose.entry.routes[VEIN].default_duration
    words = f"{dose.drug} {VEIN} {dose.amount}{f' over {60 * usual_h:g} min' if usual_h else ''}"
    vein = _areas(run(alone.but(words=words)), level)
    route = _areas(run(alone.but(words=str(dose))), level)
    share = np.divide(route, vein, out=np.full_like(route, np.nan), where=vein > 0)
    return {"typical": float(share[0]), **spread(share[1:]), "against": words}


def _areas(result: Result, level: str) -> Array:
    """Area under the level of everybody, the typical person first."""
    return area(result.grid_h, result.grid_values[level])
