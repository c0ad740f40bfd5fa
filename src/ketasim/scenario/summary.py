"""The summary of a run: peaks, exposure, mood, shares of people who respond, acute effects, time in clinic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.core import FrozenMapping, values
from ketasim.ratings.mood import Mood

from .result import HIGH, LOW, Course, Result

Array = NDArray[np.float64]

LOOKS = {"24 h": 24.0, "7 d": 168.0}
PEAKS = (
    "plasma.ketamine",
    "plasma.s_ketamine",
    "plasma.r_ketamine",
    "plasma.norketamine",
    "plasma.hnk",
    "plasma.compound",
    "plasma.naltrexone",
    "plasma.buprenorphine",
    "plasma.midazolam",
    "plasma.benzodiazepine",
    "plasma.lamotrigine",
    "plasma.memantine",
    "plasma.rapamycin",
    "arterial.ketamine",
    "arterial.compound",
    "nmda.occupancy",
    "glutamate",
    "bdnf",
    "spines",
    "cadss",
    "sbp",
    "dbp",
    "heart_rate",
    "nausea",
    "dizziness",
)
EXPOSURES = (
    "plasma.ketamine",
    "plasma.s_ketamine",
    "plasma.r_ketamine",
    "plasma.norketamine",
    "plasma.hnk",
    "plasma.compound",
)
DAY_H = 24.0
SAME = 1e-3  # of the range: equal doses give peaks that differ by less than anyone could measure


def summarise(result: Result, scores: Mood, good: NDArray[np.bool_]) -> Result:
    """The result with its summary filled in. good : (1 + P,) people whose integration went through."""
    found: dict[str, Any] = {"peaks": {}, "exposure": {}}
    for name in PEAKS:
        if name in result.grid_values and _ever(result.grid_values[name]):
            found["peaks"][name] = peak(result.fine(name))
    for name in EXPOSURES:
        if name in result.grid_values and _ever(result.grid_values[name]):
            found["exposure"][name] = exposure(result.fine(name))
    found["mood"] = _mood(result, scores, good)
    found["onset_h"] = onset(result.fine("madrs.effect"))
    found["time_in_clinic_h"] = time_in_clinic(result)
    found["sedation_lowest"] = lowest(result.fine("sedation"))
    found["sbp_rise_peak"] = _rise(result, "sbp")
    found["warnings"] = list(result.warnings)
    return replace(result, summary=FrozenMapping(found))


def spread(people: Array) -> dict[str, float | None]:
    """Median, 5th and 95th percentile of one number per person; None without people."""
    known = people[np.isfinite(people)]
    if not known.size:
        return {"median": None, "low": None, "high": None}
    rank = np.sort(known)
    return {"median": _percentile(rank, 50.0), "low": _percentile(rank, LOW), "high": _percentile(rank, HIGH)}


def _percentile(rank: Array, share: float) -> float:
    """As `np.percentile` gives it (linear between neighbours), of numbers already in order; hundreds of these make a summary."""
    place = (len(rank) - 1) * share / 100.0
    below = int(place)
    first, last = float(rank[below]), float(rank[min(below + 1, len(rank) - 1)])
    part = place - below
    return first + (last - first) * part if part < 0.5 else last - (last - first) * (1.0 - part)


def peak(course: Course) -> dict[str, Any]:
    """Highest value: of the typical person, when it is first reached (h), and between people, each at his own time."""
    at = _position(course.typical, lambda row: np.argmax(row >= np.nanmax(row) - SAME * np.ptp(row)))
    return {
        "unit": course.unit,
        "typical": _at(course.typical, at),
        "time_h": _at(course.time_h, at),
        **spread(_each(course, np.max)),
    }


def lowest(course: Course) -> dict[str, Any]:
    """Lowest value, in the same form as `peak`."""
    at = _position(course.typical, lambda row: np.argmax(row <= np.nanmin(row) + SAME * np.ptp(row)))
    return {
        "unit": course.unit,
        "typical": _at(course.typical, at),
        "time_h": _at(course.time_h, at),
        **spread(_each(course, np.min)),
    }


def area(times: Array, rows: Array) -> Array:
    """Area under each row (n, T) from t = 0 on: trapezium where it rises, log-trapezium where it falls (n,)."""
    return areas(times, rows, (np.inf,))[0]


def areas(times: Array, rows: Array, until: Sequence[float]) -> list[Array]:
    """`area` up to the last time not after each of `until`, in h; the pieces between neighbours are worked out once for all."""
    at = times >= 0
    t, y = times[at], np.atleast_2d(rows)[:, at]
    if len(t) < 2:
        return [np.zeros(len(y)) for _ in until]
    step, first, last = np.diff(t), y[:, :-1], y[:, 1:]
    falling = (last < first * (1 - 1e-9)) & (last > 0)
    pieces = (first + last) / 2
    ratio = np.divide(first, last, out=np.full(last.shape, np.e), where=falling)
    np.divide(first - last, np.log(ratio), out=pieces, where=falling)
    pieces *= step
    return [pieces[:, : max(int(np.searchsorted(t, end, side="right")) - 1, 0)].sum(axis=1) for end in until]


def exposure(course: Course) -> dict[str, Any]:
    """Area under the curve of the first 24 h and of the whole run, h times the output's unit."""
    found: dict[str, Any] = {"unit": f"h*{course.unit}"}
    ends = (DAY_H, float(course.time_h[-1]))
    rows = np.vstack([course.typical, *([course.people] if course.people.size else [])])
    for name, all_of_them in zip(("first_24_h", "whole_run"), areas(course.time_h, rows, ends), strict=True):
        found[name] = {"typical": float(all_of_them[0]), **spread(all_of_them[1:])}
    return found


def _mood(result: Result, scores: Mood, good: NDArray[np.bool_]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    limit = values("clinic")["remission_limit"].value
    times = result.grid_h
    courses = {key: result.fine(key) for key in ("madrs.effect", "madrs.change", "madrs")}
    for name, hour in LOOKS.items():
        if hour > times[-1]:
            found[name] = None
            continue
        at = int(np.argmin(np.abs(times - hour)))
        look: dict[str, Any] = {"time_h": float(times[at]), "unit": "points"}
        for key, course in courses.items():
            look[key] = {
                "typical": float(course.typical[at]),
                **spread(course.people[:, at] if course.people.size else np.zeros(0)),
            }
            model = course.model[np.isfinite(course.model).all(axis=1), at] if course.model.size else course.model
            drawn = spread(model)
            look[key] |= {"model_low": drawn["low"], "model_high": drawn["high"]}
        look["response"] = _share(scores.response(at)[1:], good[1:])
        look["remission"] = {"limit": limit, **_share(scores.remission(at, limit)[1:], good[1:])}
        found[name] = look
    found["lowest_effect"] = lowest(courses["madrs.effect"])
    return found


def _share(probability: Array, good: NDArray[np.bool_]) -> dict[str, float | None]:
    """Expected share of people, and its 90 % interval from having simulated only so many: p -+ 1.645 SE."""
    known = probability[good & np.isfinite(probability)]
    if not known.size:
        return {"share": None, "low": None, "high": None}
    mean = float(known.mean())
    error = 1.645 * float(known.std(ddof=1)) / np.sqrt(known.size) if known.size > 1 else float("nan")
    return {"share": mean, "low": max(mean - error, 0.0), "high": min(mean + error, 1.0)}


def onset(effect: Course) -> dict[str, Any]:
    """First time (h) at which the mood effect of the typical person, and of each other one, has reached the onset threshold."""
    limit = -values("clinic")["onset_points"].value

    def first(rows: Array) -> Array:
        there = rows <= limit
        return np.where(there.any(axis=1), effect.time_h[there.argmax(axis=1)], np.nan)

    people = first(effect.people) if effect.people.size else np.zeros(0)
    reached = float(np.isfinite(people).mean()) if people.size else None
    typical = float(first(effect.typical[None])[0])
    return {
        "threshold_points": -limit,
        "typical": typical if np.isfinite(typical) else None,
        "share_reached": reached,
        **spread(people),
    }


def time_in_clinic(result: Result) -> dict[str, Any]:
    """How long after the start of the first session a person may leave, h.

    At least the rule's observation time after the end of the dose, and until dissociation, sedation and systolic pressure
    are back within the limits of knowledge/values/clinic.toml. None without a session.
    """
    rules = {key: v.value for key, v in values("clinic").items()}
    if not result.doses_h or not _supervised(result):
        return {"rule_h": rules["clinic_minimum_stay"], "typical": None, "median": None, "low": None, "high": None}
    start = result.doses_h[0]
    following = result.doses_h[1] if len(result.doses_h) > 1 else start + DAY_H
    inside = (result.grid_h >= start) & (result.grid_h < min(following, start + DAY_H))
    times = result.grid_h[inside] - start
    rise = result.grid_values["sbp"][:, inside] - result.grid_values["sbp"][:, [0]]
    unfit = (
        (result.grid_values["cadss"][:, inside] >= rules["clinic_cadss_limit"])
        | (result.grid_values["sedation"][:, inside] < rules["clinic_moaas_limit"])
        | (rise > rules["clinic_sbp_limit"])
    )
    until = _after_last(unfit, times)
    until[~np.isfinite(result.grid_values["cadss"][:, inside]).all(axis=1)] = np.nan
    stay = np.maximum(until, _dose_length(result) + rules["clinic_minimum_stay"])
    return {"rule_h": rules["clinic_minimum_stay"], "typical": float(stay[0]), **spread(stay[1:])}


def _after_last(unfit: NDArray[np.bool_], times: Array) -> Array:
    """The time after the last at which each row (n, T) is true; 0 where it never is."""
    count = len(times)
    last = count - 1 - np.argmax(unfit[:, ::-1], axis=1)
    return np.where(unfit.any(axis=1), times[np.minimum(last + 1, count - 1)], 0.0)


def _supervised(result: Result) -> bool:
    """True if the main drug is one that people are watched for."""
    return bool(result.scenario.regimen.main.blocks[0].dose.entry.is_main)


def _dose_length(result: Result) -> float:
    """From the start of the first session to the end of its last device or infusion, h."""
    events = [
        e
        for e in result.scenario.regimen.events(result.grid_h[-1], float(result.people.weight.max(initial=70.0)))
        if e.main
    ]
    first = [e for e in events if e.dose_index == events[0].dose_index]
    return float(max(e.end_h for e in first) - first[0].time_h)


def _rise(result: Result, name: str) -> dict[str, Any]:
    course = result.fine(name)
    return peak(
        Course(
            course.name,
            course.unit,
            course.label,
            course.time_h,
            course.typical - course.typical[0],
            course.people - course.people[:, :1],
        )
    )


def _each(course: Course, function: Any) -> Array:
    return np.asarray(function(course.people, axis=1)) if course.people.size else np.zeros(0)


def _ever(rows: Array) -> bool:
    """True if the output does anything at all in this run."""
    return bool((rows > 0).any() or (rows < 0).any())


def _position(row: Array, function: Any) -> int | None:
    return int(function(row)) if np.isfinite(row).any() else None


def _at(row: Array, at: int | None) -> float | None:
    return None if at is None else float(row[at])
