"""Origin and age: the covariates of Perez-Ruixo 2021 carried over one to one reproduce its own table (PK-IN-03, 06, 09, 12)."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import values
from ketasim.evidence.kinetics.plasma_arms import Bench, arm, statistic

P = {key: item.value for key, item in values("plasma").items()}
NAMES = ("other_clearance", "norketamine_clearance", "nasal_fraction", "hepatic_flow")
# 84 mg, ratio to Caucasian under 60: Cmax and AUC of esketamine, Cmax of noresketamine (PK-IN-03a, 03b, 03c)
PUBLISHED = {
    "asian": (102.4 / 101.0, 393.5 / 362.2, 223.5 / 180.0),  # PK-IN-06a, 06b, 06c
    "japanese": (131.3 / 101.0, 475.4 / 362.2, 220.4 / 180.0),  # PK-IN-09a, 09b, 09c
    "old": (102.7 / 101.0, 391.2 / 362.2, 177.0 / 180.0),  # PK-IN-12a, 12b, 12c; ten years above 60 taken
}


def people() -> dict[str, list[float]]:
    typical = [P[name] for name in NAMES]
    asian = [
        typical[0] * P["asian_other_clearance_factor"],
        typical[1] * P["asian_norketamine_clearance_factor"],
        *typical[2:],
    ]
    japanese = [*asian[:2], asian[2] * P["japanese_nasal_fraction_factor"], asian[3]]
    old = [*typical[:3], typical[3] + 10 * P["hepatic_flow_age_slope"]]
    return {"typical": typical, "asian": asian, "japanese": japanese, "old": old}


@pytest.mark.parametrize("who", PUBLISHED)
def test_published_ratios(who: str) -> None:
    table = people()
    curves = Bench(NAMES).curves(arm("nasal_84"), np.array([table["typical"], table[who]]))
    found = []
    for name, output in (("cmax", "ketamine"), ("auc", "ketamine"), ("cmax", "norketamine")):
        two = statistic(name, curves, output)
        found.append(two[1] / two[0])
    assert np.max(np.abs(np.array(found) / np.array(PUBLISHED[who]) - 1.0)) < 0.10, found
