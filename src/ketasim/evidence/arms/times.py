"""Which times and outputs of an arm the rows of a study ask for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ketasim.core import values
from ketasim.dose import parse
from ketasim.ratings.pressure import reading_offsets

from ..published.studies import Row, Study
from .endpoints import endpoint_of, level_ports

NEEDS_VISITS = (
    "median_time",
    "mean_time",
    "product_limit_mean",
    "hazard_ratio",
    "ever_response",
    "ever_remission",
    "cumulative_share",
    "mean_over_visits",
)
EXPOSURE_H = 48.0  # how long concentrations are followed where a row names no horizon
HOURS_PER_DAY = 24.0
EARLY_H = 24.0  # when an early response is judged
LOST_ACTIVITY = (
    "kappa_activity",
    "delta_activity",
)  # with an antagonist alone, the share of tone lost is its occupancy


@dataclass(frozen=True, slots=True)
class Needs:
    """times (h), dense: a fine grid after every dose, ports: outputs beyond the usual states."""

    times: tuple[float, ...]
    dense: bool
    ports: tuple[str, ...]


def needs(study: Study, key: str) -> Needs:
    """What the predicted rows of an arm ask for."""
    times: set[float] = {0.0}
    ports: set[str] = set()
    dense = False
    for row in study.predicted:
        if key not in (*row.arm_keys, *row.versus_keys):
            continue
        entry = endpoint_of(row.endpoint)
        ports.update(entry.ports)
        dense |= entry.dense or row.statistic == "half_life"
        if entry.rule == "exposure":
            ports.update(level_ports(row.over) if row.over else ())
            times.add(row.time_h if row.time_h > 0 else EXPOSURE_H)
            if row.statistic in ("half_life", "auc", "bioavailability", "ratio", "clearance", "volume"):
                times.add(EXPOSURE_H)
            continue
        times.update(t for t in (row.time_h, row.versus_h, row.from_h) if not math.isnan(t))
        if needs_visits(row):
            times.update(visit_times(study, key, row))
        if row.endpoint == "relapse" and is_withdrawal(study):
            times.update(stable_visits(study, key, row))
        if row.statistic == "response" and study.cuts.get("response_visits"):
            times.update(repeated_visits(study))
        if without_early_response(row):
            times.add(EARLY_H)
        if entry.rule == "vital":
            times.update(reading_times(session_before(study, key, row.time_h)))
    return Needs(tuple(sorted(times)), dense, tuple(sorted(ports)))


def without_early_response(row: Row) -> bool:
    """True for a share of responders among people who had not responded a day after the first dose, the one part of an arm that has a rule."""
    return row.among == "early_non_responders" and row.endpoint == "madrs" and row.statistic == "response"


def needs_visits(row: Row) -> bool:
    """True for quantities that depend on a sequence of visits."""
    asked = row.statistic in NEEDS_VISITS or (row.is_share_contrast and row.of in NEEDS_VISITS)
    return row.endpoint == "relapse" or (row.endpoint in ("madrs", "ideation") and asked)


def dose_times(study: Study, key: str, until: float) -> list[float]:
    """Times of the main doses of an arm up to a time, h."""
    arm = study.arms[key]
    regimen = parse(arm.words, repeat=arm.repeat, with_=arm.with_)
    return sorted({t for t, _, _ in regimen.main.times(max(until, 1.0)) if t <= until})


def session_before(study: Study, key: str, time_h: float) -> float:
    """Start of the last session at or before a time (0 where the row names none), h."""
    if math.isnan(time_h):
        return 0.0
    found = [t for t in dose_times(study, key, time_h) if t <= time_h]
    return found[-1] if found else 0.0


def reading_times(start: float) -> tuple[float, ...]:
    """Four readings of pressure after a dose, h."""
    return tuple(start + offset for offset in reading_offsets())


def relapse_start(study: Study, key: str, row: Row) -> float:
    """When the clock of a relapse begins, h: stated (cuts.relapse_from_h), else a day after the last dose of the shorter arm,
    or the end of the sixteenth week where dosing goes on in one arm."""
    if "relapse_from_h" in study.cuts:
        return float(study.cuts["relapse_from_h"])
    ends = []
    for name in dict.fromkeys(k for k in (row.arm, row.versus or row.arm)):
        doses = dose_times(study, name, _horizon(row))
        ends.append((doses or [0.0])[-1])
    return min(ends) + HOURS_PER_DAY


def repeated_visits(study: Study) -> tuple[float, ...]:
    """Daily visits at which a response has to be met more than once, h."""
    begin, end = float(study.cuts["response_from_h"]), float(study.cuts["response_to_h"])
    return tuple(float(t) for t in np.arange(begin, end + 1e-6, HOURS_PER_DAY))


def is_withdrawal(study: Study) -> bool:
    """Whether people were randomised to go on or to stop."""
    return study.design == "withdrawal"


def stable_visits(study: Study, key: str, row: Row) -> tuple[float, ...]:
    """Weekly visits up to the start of the clock that decide who is stable, h."""
    count = round(values("evidence")["stable_visits"].value)
    start = relapse_start(study, key, row)
    return tuple(start - 7 * HOURS_PER_DAY * k for k in range(count - 1, -1, -1))


def _horizon(row: Row) -> float:
    follow = values("evidence")["visit_interval"].value * 16
    return row.time_h if row.time_h > 0 else follow


def visit_times(study: Study, key: str, row: Row) -> tuple[float, ...]:
    """Visits that a row needs, h. Times to relapse are followed eight weeks beyond the start unless the row names an end."""
    step = float(study.cuts.get("visit_h", values("evidence")["visit_interval"].value))
    if row.statistic == "mean_over_visits":
        found = [*np.arange(row.from_h, row.time_h, step), row.time_h]
        return tuple(sorted({float(t) for t in found}))
    ever = row.statistic.startswith("ever_") or (row.is_share_contrast and row.of.startswith("ever_"))
    if row.endpoint != "relapse" and (ever or row.cut):
        end = _horizon(row)
        found = [HOURS_PER_DAY, *np.arange(step, end, step), end]
        return tuple(sorted({float(t) for t in found if 0 < t <= end}))
    start = relapse_start(study, key, row)
    stated = row.time_h if row.time_h > start else math.nan
    length = float(study.cuts.get("relapse_follow_h", math.nan))
    end = (
        start + length
        if not math.isnan(length)
        else stated
        if not math.isnan(stated)
        else start + 16 * values("evidence")["visit_interval"].value
    )
    return tuple(float(t) for t in np.arange(start, end + 1e-6, step))
