"""What a row's arms were given, in numbers, for predictions without a mechanism: role, route, dose, sessions, control, baseline.

Only what is known before the outcome: words of the arms, setting, declared fields, time and kind of the number. Never its value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from ketasim.dose import parse

from ..published.study import Arm, Row, Study

TYPICAL_WEIGHT = 70.0
FIRST_DAYS_H = 1e-6
ROUTES = {"iv": "iv", "im": "iv", "sc": "iv", "nasal": "nasal"}  # by injection, by nose, else by mouth


@dataclass(frozen=True, slots=True)
class Given:
    """An arm up to a time. drug : name; control : placebo or midazolam; route : iv | nasal | oral; mg : of one (the last) dose; sessions begun."""

    drug: str
    control: bool
    route: str
    mg: float
    sessions: int
    new_oral: bool


@lru_cache(maxsize=4096)
def main_dose(words: str, repeat: str, with_: tuple[str, ...]) -> tuple[bool, str]:
    """Whether the main dose is a control, and its route."""
    dose = parse(words, repeat=repeat, with_=with_).main.blocks[0].dose
    return dose.entry.role == "placebo" or dose.drug == "midazolam", str(dose.route)


@lru_cache(maxsize=4096)
def _given(words: str, repeat: str, with_: tuple[str, ...], until: float, weight: float) -> tuple[str, float, int]:
    doses = [d for t, _, d in parse(words, repeat=repeat, with_=with_).main.times(max(until, 1.0)) if t <= until]
    dose = doses[-1]
    if dose.amount is None:
        return str(dose.drug), 0.0, len(doses)
    amount = dose.amount
    factor = weight if amount.unit.endswith("/kg") else 1.0
    unit = {"mg": 1.0, "ug": 1e-3, "g": 1e3}.get(amount.unit.removesuffix("/kg"), 1.0)
    return str(dose.drug), amount.value * unit * factor, len(doses)


def given(study: Study, arm: Arm, time_h: float) -> Given:
    """What an arm has been given up to a time (the first dose where the number has none)."""
    control, route = main_dose(arm.words, arm.repeat, tuple(arm.with_))
    weight = float(arm.people.get("weight", study.weight_kg if study.weight_kg > 0 else TYPICAL_WEIGHT))
    until = 0.0 if math.isnan(time_h) else max(time_h - FIRST_DAYS_H, 0.0)
    drug, mg, sessions = _given(arm.words, arm.repeat, tuple(arm.with_), until, weight)
    return Given(drug, control, ROUTES.get(route, "oral"), mg, sessions, arm.new_antidepressant)


def first_arm(study: Study, row: Row) -> Arm:
    """The (first) arm of a row."""
    return study.arms[row.arm_keys[0]]


def baseline_of(study: Study, arm: Arm) -> float:
    """Mean score before treatment in the points of its scale; NaN where the study says nothing."""
    return arm.baseline if not math.isnan(arm.baseline) else float(study.baseline.get("mean", math.nan))


def shares_people(one: Study, other: Study) -> bool:
    """Whether some patients are in both: the same family, or one names the other."""
    return (
        one.people_key == other.people_key
        or other.id in (*one.overlaps, *one.pooled)
        or one.id in (*other.overlaps, *other.pooled)
    )


def left_out_with(study: Study, other: Study, cluster: bool) -> bool:
    """Whether `other` may not help to predict `study`: itself, the same patients, and for cluster the same programme or clinic."""
    return study.id == other.id or shares_people(study, other) or (cluster and study.cluster_key == other.cluster_key)
