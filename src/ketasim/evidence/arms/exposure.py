"""Concentrations, occupancies and tissue measures of an arm as published quantities."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import lru_cache

import numpy as np

from ketasim.core import output_register
from ketasim.core.arrays import Array
from ketasim.forward import Dosed, deliveries, molar_mass
from ketasim.scenario.plan import Scenario
from ketasim.scenario.summary import area

from ..published.studies import Row
from .context import Context, Unpredictable
from .endpoints import OCCUPANCY_PORTS, species_of
from .times import LOST_ACTIVITY

_MASS = {
    "ng/mL": 1.0,
    "ug/L": 1.0,
    "mcg/L": 1.0,
    "ng/ml": 1.0,
    "mg/L": 1e-3,
    "ug/mL": 1e-3,
    "mcg/mL": 1e-3,
    "pg/mL": 1e3,
}
_MOLAR = {"umol/L": 1.0, "uM": 1.0, "nmol/mL": 1.0, "nmol/L": 1e3, "nM": 1e3}


_LEVELS = ("cmax", "auc", "largest_mean_maximum", "profile_point", "mean_at", "mean", "difference")
_NULLS = {"glutamate": 1.0, "bdnf": 1.0}  # undosed; every other tissue measure is 0


def level(context: Context, key: str, name: str, unit: str = "ng/mL") -> Array:
    """Concentration of every person (P, T) in the row's unit; a sum of several where the name joins them by +."""
    arm = context.course(key)
    total = np.zeros((arm.spec.people, len(arm.times)))
    for part, (ports, mass) in zip(name.split("+"), species_of(name), strict=True):
        if not ports:
            raise Unpredictable(f"'{part}' is no output of the model", where=context.study.id)
        total += np.sum([arm.rows(port) for port in ports], axis=0) * _factor(mass, unit)
    return np.asarray(total)


def _factor(mass: str, unit: str) -> float:
    """Row's unit per umol/L; areas carry an extra h in any place (`ng*h/mL`, `h*ng/mL`)."""
    base = re.sub(r"[\s·]", "*", unit or "ng/mL")
    base = re.sub(r"(^h\*|\*h(?=/|$|\*))", "", base)
    if base in _MOLAR:
        return _MOLAR[base]
    if base not in _MASS:
        raise Unpredictable(f"the unit '{unit}' is none of a concentration", allowed=", ".join((*_MASS, *_MOLAR)))
    return molar_mass(mass) * _MASS[base]


def given_umol(context: Context, key: str) -> float:
    """Main drug given, mean over people, umol."""
    return float(np.mean(_given(context, key)))


def _deliveries(context: Context, key: str) -> list[Dosed]:
    arm = context.course(key)
    asked = Scenario(arm.spec.words, repeat=arm.spec.repeat, with_=arm.spec.with_, at=(1.0,))
    found = deliveries(asked.regimen, float(arm.times[-1]), arm.spec.everybody().weight)
    return [d for d in found if d.event.main]


def _given(context: Context, key: str) -> Array:
    """Main drug given to each person, umol (P,)."""
    return np.asarray(sum((d.amount for d in _deliveries(context, key)), np.zeros(context.course(key).spec.people)))


def exposure_value(context: Context, row: Row) -> float:
    """A row whose endpoint is a concentration."""
    if row.over:
        return _over_parent(context, row)
    if row.statistic in ("ratio", "bioavailability") and row.versus:
        return _ratio(context, row)
    if row.statistic == "difference":
        plain = replace(row, statistic="mean_at")
        return _one(context, plain, row.arm) - _one(context, plain, row.versus)
    if row.statistic == "bioavailability":
        raise Unpredictable("a bioavailability needs the intravenous arm in `versus`", where=_where(row))
    return _one(context, row, row.arm)


def _one(context: Context, row: Row, key: str) -> float:
    arm = context.course(key)
    unit = row.unit if row.statistic in _LEVELS else "ng/mL"
    rows, times = level(context, key, row.endpoint, unit), arm.times
    horizon = row.time_h if row.time_h > 0 else float(times[-1])
    if row.statistic in ("cmax", "tmax", "largest_mean_maximum"):
        inside = (times >= 0) & (times <= horizon + 1e-9)
        if row.statistic == "tmax":
            return float(np.median(times[inside][np.argmax(rows[:, inside], axis=1)]))
        return float(rows[:, inside].max(axis=1).mean())
    if row.statistic == "auc":
        inside = (times >= 0) & (times <= horizon + 1e-9)
        return float(area(times[inside], rows[:, inside]).mean())
    if row.statistic in ("clearance", "volume"):
        return _disposition(context, row, key, rows)
    if row.statistic == "half_life":
        return _late_half_life(times, rows, horizon)
    if row.statistic in ("profile_point", "mean_at", "mean"):
        if math.isnan(row.time_h):
            raise Unpredictable("a concentration at a time needs time_h", where=_where(row))
        return float(rows[:, arm.index(row.time_h)].mean())
    raise Unpredictable(f"no rule for {row.statistic} of {row.endpoint}", where=_where(row))


def _late_half_life(times: Array, rows: Array, horizon: float) -> float:
    """Half-life of the mean over people in the last two thirds of the time followed, h."""
    late = (times >= horizon / 3) & (times <= horizon)
    mean = np.log(np.maximum(rows[:, late].mean(axis=0), 1e-30))
    return float(-math.log(2.0) / np.polyfit(times[late], mean, 1)[0])


@lru_cache(maxsize=1)
def _known_ports() -> frozenset[str]:
    """Ports behind the register of outputs and the occupancies."""
    return frozenset(p for entry in output_register().values() for p in entry.ports) | set(OCCUPANCY_PORTS.values())


def _disposition(context: Context, row: Row, key: str, rows: Array) -> float:
    """Clearance D / AUC (L/h) and steady-state volume CL (AUMC / AUC - T / 2) (L) from the whole curve, per kg where the unit says so."""
    arm = context.course(key)
    people = arm.spec.everybody()
    after = arm.times >= 0
    t, c = arm.times[after], level(context, key, row.endpoint, "umol/L")[:, after]
    total, moment = area(t, c), area(t, c * t)
    clearance = _given_as(context, key, row.endpoint.split(".")[1]) / total
    found = (
        clearance if row.statistic == "clearance" else clearance * (moment / total - _infusion_h(context, key) / 2.0)
    )
    return float((found / people.weight if row.unit.endswith("/kg") else found).mean())


def _given_as(context: Context, key: str, species: str) -> Array:
    """What was given as this species, umol (P,): half of a racemate is either enantiomer, all of esketamine is S."""
    doses = _deliveries(context, key)
    own = [d for d in doses if d.part == species] or doses
    return np.asarray(sum((d.amount for d in own), np.zeros(context.course(key).spec.people)))


def _infusion_h(context: Context, key: str) -> float:
    doses = _deliveries(context, key)
    return max((w.duration for d in doses for w in d.administration.windows), default=0.0)


def _over_parent(context: Context, row: Row) -> float:
    """One concentration over another in the same arm (metabolite over parent): of areas, peaks or levels at a time, in the row's unit of amount.

    Masses are compared unless the unit says moles (`ratio` alone means masses, as in most reports).
    """
    kind = {"level": "mean_at"}.get(row.scale, row.scale or "auc")
    above = replace(row, statistic=kind, over="", unit="ng/mL")
    return _one(context, above, row.arm) / max(_one(context, replace(above, endpoint=row.over), row.arm), 1e-30)


def _ratio(context: Context, row: Row) -> float:
    """Exposure of one arm over that of another: area to infinity (followed for 48 h), or peak where the note says cmax."""
    kind = row.scale if row.statistic == "ratio" and row.scale in ("cmax", "half_life", "clearance") else "auc"
    plain = replace(row, statistic=kind, unit="L/h" if kind == "clearance" else "ng/mL")
    ratio = _one(context, plain, row.arm) / max(_one(context, plain, row.versus), 1e-30)
    if row.statistic == "bioavailability":
        ratio *= given_umol(context, row.versus) / max(given_umol(context, row.arm), 1e-30)
    return ratio


def tissue_value(context: Context, row: Row) -> float:
    """Occupancy (0 to 1), glutamate and BDNF (undosed 1), spines (share of the lost ones)."""
    name = row.endpoint.partition(".")[2] if row.endpoint.startswith("occupancy.") else row.endpoint
    port = OCCUPANCY_PORTS.get(name, name)

    def one(key: str) -> float:
        arm = context.course(key)
        rows = (
            arm.rows(port) if port in arm.table else np.full((arm.spec.people, len(arm.times)), _NULLS.get(port, 0.0))
        )
        if port in LOST_ACTIVITY:
            rows = 1.0 - rows
        if port not in arm.table and port not in _known_ports():
            raise Unpredictable(f"the model has no output '{port}'", where=_where(row))
        if row.statistic == "half_life":
            return _late_half_life(arm.times, rows, row.time_h)
        if row.statistic in ("largest_mean_maximum", "cmax"):
            return float(rows.max(axis=1).mean())
        if math.isnan(row.time_h):
            raise Unpredictable("a level at a time needs time_h", where=_where(row))
        return float(rows[:, arm.index(row.time_h)].mean())

    if row.statistic == "difference":
        return one(row.arm) - one(row.versus)
    if row.statistic in ("ratio", "risk_ratio"):
        if not row.versus:
            return one(row.arm)
        rest = 1.0 if port in ("glutamate", "bdnf") and row.is_sign else 0.0  # a direction is one of the rise
        return max(one(row.arm) - rest, 0.0) / max(one(row.versus) - rest, 1e-9)
    if row.statistic in ("mean_at", "mean", "profile_point", "largest_mean_maximum", "cmax", "half_life"):
        return one(row.arm)
    if row.statistic == "change_mean":
        return one(row.arm) - (1.0 if port in ("glutamate", "bdnf") else 0.0)
    raise Unpredictable(f"no rule for {row.statistic} of {row.endpoint}", where=_where(row))


def _where(row: Row) -> str:
    return f"{row.study}/data.csv:{row.line}"
