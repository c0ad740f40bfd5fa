"""Body weight and levels: `python -m ketasim.evidence.kinetics.weight` sets the size model beside every source that says something.

Clearances and flows are scaled by (W/70 kg)^a, volumes by (W/70 kg)^b (people/covariates.py). Two readings of the sources: the shipped
exponents (0.75 and 1) and none at all (0 and 0, PK-COV-01). With the dose per kg the area goes with W^(1 - a), with a fixed dose
with W^(-a). What the sources found is in knowledge/fits/plasma.toml, [[weight]].
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ketasim.core import drug, value, values
from ketasim.people.covariates import FLOWS, VOLUMES

from .plasma_arms import Bench, arm, settings, statistic

REFERENCE = 70.0  # kg
HEAVY = 130.0  # kg
NO_EFFECT = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one source says beside two size models: published number (nan = a statement only), with the shipped exponents,
    without any effect of weight."""

    record: str
    says: str
    published: float
    shipped: float
    without: float


def shipped_exponents() -> tuple[float, float]:
    """The shipped exponents of clearances and of volumes."""
    return value("clearance_weight_exponent").value, value("volume_weight_exponent").value


def scaled(weight: float, exponents: tuple[float, float]) -> Mapping[str, float]:
    """The plasma values of a person of `weight` kg, otherwise typical: value * (weight/70)^exponent."""
    known, ratio = values("plasma"), weight / REFERENCE
    table = {name: known[name].value * ratio ** exponents[0] for name in FLOWS if name in known}
    return table | {name: known[name].value * ratio ** exponents[1] for name in VOLUMES if name in known}


def level(name: str, weight: float, exponents: tuple[float, float], per_kg: bool) -> tuple[float, float]:
    """Peak (ng/mL, arm vein) and area to infinity (ng*h/mL) of an arm in a person of `weight` kg.

    per_kg : the doses of the arm are those of 70 kg and follow the weight; else they are the same for everybody.
    """
    numbers = scaled(weight, exponents)
    given = arm(name)
    if per_kg:
        factor = weight / REFERENCE
        events = tuple(replace(event, amount=event.amount * factor) for event in given.events)
        given = replace(given, events=events, given=given.given * factor)
    curves = Bench(tuple(numbers)).curves(given, np.array([list(numbers.values())]))
    mass = float(drug("ketamine").molar_mass or math.nan)
    area = given.given * mass / statistic("clearance", curves, "ketamine")[0]
    return float(statistic("cmax", curves, "ketamine")[0]), float(area)


def clearance(weight: float, exponents: tuple[float, float]) -> float:
    """Clearance of S-ketamine in L/h: Q CLint/(Q + CLint), flow and intrinsic clearance scaled alike."""
    known = values("plasma")
    intrinsic = sum(known[f"{enzyme}_clearance"].value for enzyme in ("cyp3a4", "cyp2b6", "other"))
    flow = known["hepatic_flow"].value
    return float(flow * intrinsic / (flow + intrinsic) * (weight / REFERENCE) ** exponents[0])


def _predicted(item: Mapping[str, Any], exponents: tuple[float, float]) -> float:
    if item["compares"] == "clearance":
        return clearance(item["weight"], exponents)
    index = ("peak", "area").index(item["compares"])
    heavy, light = (level(item["arm"], weight, exponents, item["per_kg"]) for weight in (HEAVY, REFERENCE))
    return heavy[index] / light[index]


def findings() -> tuple[Finding, ...]:
    """Every source on body weight beside the two size models: a clearance (L/h), or the level at 130 over that at 70 kg."""
    return tuple(
        Finding(
            item["record"],
            item["says"],
            float(item.get("published", math.nan)),
            _predicted(item, shipped_exponents()),
            _predicted(item, NO_EFFECT),
        )
        for item in settings()["weight"]
    )


def main() -> int:
    """Print the levels at 70 and 130 kg and the table of findings."""
    print("0.5 mg/kg over 40 min, arm vein: peak ng/mL and area ng*h/mL")
    for weight in (REFERENCE, HEAVY):
        for exponents in (shipped_exponents(), NO_EFFECT):
            peak, area = level("racemate_40_min", weight, exponents, per_kg=True)
            print(f"  {weight:4.0f} kg, exponents {exponents[0]:g} and {exponents[1]:g}: {peak:6.1f} {area:7.1f}")
    print(f"\n{'record':16}{'published':>10}{'shipped':>9}{'none':>9}  what was found")
    for one in findings():
        published = "-" if math.isnan(one.published) else f"{one.published:.3g}"
        print(f"{one.record:16}{published:>10}{one.shipped:>9.3g}{one.without:>9.3g}  {one.says}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
