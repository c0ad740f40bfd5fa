"""The summary of a run: peaks, exposure, mood, shares of people who respond, acute effects, time in clinic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ketasim.core import output_register, values
from ketasim.core.arrays import Array, BoolArray
from ketasim.ratings.mood import Mood

from .result import HIGH, LOW, Course, Result

LOOKS = {"24 h": 24.0, "7 d": 168.0}
VENOUS = "plasma."
DAY_H = 24.0
SAME = 1e-3  # of the range: equal doses give peaks that differ by less than anyone could measure


def summarise(result: Result, scores: Mood, good: BoolArray) -> Result:
    """The result with its summary filled in. good : (1 + P,) people whose integration went through."""
    found: dict[str, Any] = {"peaks": {}, "exposure": {}}
    whole = result.follows is None or result.follows.all()
    for name, entry in output_register().items():
        if entry.observed or name not in result.grid_values or not _rises(result.grid_values[name]):
            continue
        course = result.fine(name)
        found["peaks"][name] = peak(course)
        if entry.molar_mass and name.startswith(VENOUS):
            found["exposure"][name] = exposure(course, result.grid_values[name] if whole else None)
    found["mood"] = _mood(result, scores, good)
    found["onset_h"] = onset(result.fine("madrs.effect"))
    found["time_in_clinic_h"] = time_in_clinic(result)
    found["sedation_lowest"] = lowest(result.fine("sedation"))
    found["sbp_rise_peak"] = _rise(result, "sbp")
    found["warnings"] = list(result.warnings)
    return result.with_summary(found)


def spread(people: Array) -> dict[str, float | None]:
    """Median, 5th and 95th percentile of one number per person; None without people."""
    known = people[np.isfinite(people)]
    if not known.size:
        return {"median": None, "low": None, "high": None}
    rank = np.sort(known)
    return {"median": _percentile(rank, 50.0), "low": _percentile(rank, LOW), "high": _percentile(rank, HIGH)}


def moments(people: Array) -> dict[str, float | None]:
    """Median, 5th and 95th percentile of the time at which each person (NaN: never) reaches something; None where that percentile is never reached."""
    if not people.size:
        return {"median": None, "low": None, "high": None}
    rank = np.sort(np.where(np.isnan(people), np.inf, people))

    known = np.where(np.isfinite(rank), rank, np.max(rank[np.isfinite(rank)], initial=0.0))

    def at(share: float) -> float | None:
        place = (len(rank) - 1) * share / 100.0
        return _percentile(known, share) if np.isfinite(rank[int(np.ceil(place - 1e-9))]) else None

    return {"median": at(50.0), "low": at(LOW), "high": at(HIGH)}


def _percentile(rank: Array, share: float) -> float:
    """As `np.percentile` gives it (linear between neighbours), of numbers already in order; hundreds of these make a summary."""
    place = (len(rank) - 1) * share / 100.0
    below = int(place)
    first, last = float(rank[below]), float(rank[min(below + 1, len(rank) - 1)])
    part = place - below
    return first + (last - first) * part if part < 0.5 else last - (last - first) * (1.0 - part)


def peak(course: Course) -> dict[str, Any]:
    """Highest value: of the typical person, when it is first reached (h), and between people, each at his own time.

    cut : the typical course is highest where the run ends, so that the peak itself may lie beyond.
    """
    return _extreme(course, np.max)


def lowest(course: Course) -> dict[str, Any]:
    """Lowest value, in the same form as `peak`."""
    return _extreme(course, np.min)


def _extreme(course: Course, function: Any) -> dict[str, Any]:
    row = course.typical
    at = None
    if np.isfinite(row).any():
        end = function(row[np.isfinite(row)])
        # first within a thousandth of its departure from the start, which a longer run does not change
        at = int(np.argmax(np.abs(row - end) <= SAME * np.abs(end - row[0])))
    return {
        "unit": course.unit,
        "typical": _at(row, at),
        "time_h": _at(course.time_h, at),
        "cut": bool(at is not None and at > 0 and row[-1] == end),
        **spread(_each(course, function)),
    }


def reached(times: Array, rows: Array, level: float) -> Array:
    """First time (h) at which each row (n, T) is at or above `level`, by a straight line between two times; NaN where it never is."""
    there = rows >= level
    at = there.argmax(axis=1)
    before = np.maximum(at - 1, 0)
    who = np.arange(len(rows))
    first, last = rows[who, before], rows[who, at]
    part = np.divide(level - first, last - first, out=np.ones(len(rows)), where=last != first)
    found = times[before] + np.clip(part, 0.0, 1.0) * (times[at] - times[before])
    return np.where(there.any(axis=1), np.where(at == 0, times[0], found), np.nan)


def left_behind(times: Array, rows: Array, level: float) -> tuple[Array, BoolArray]:
    """Last time (h) at which each row (n, T) is at or above `level`, by a straight line; 0 where it never is.

    With it, who is still there at the last time: their time is cut off, not known.
    """
    there = rows >= level
    count = len(times)
    at = count - 1 - np.argmax(there[:, ::-1], axis=1)
    after = np.minimum(at + 1, count - 1)
    who = np.arange(len(rows))
    first, last = rows[who, at], rows[who, after]
    part = np.divide(first - level, first - last, out=np.zeros(len(rows)), where=last < first)
    found = times[at] + np.clip(part, 0.0, 1.0) * (times[after] - times[at])
    return np.where(there.any(axis=1), found, 0.0), there[:, -1]


def area(times: Array, rows: Array) -> Array:
    """Area under each row (n, T) from t = 0 on: trapezium where it rises, log-trapezium where it falls (n,)."""
    return areas(times, rows, (np.inf,))[0]


def areas(times: Array, rows: Array, until: Sequence[float]) -> list[Array]:
    """`area` up to the last time not after each of `until`, in h; the pieces between neighbours are worked out once for all."""
    begin = int(np.searchsorted(times, 0.0))
    t, y = times[begin:], np.atleast_2d(rows)[:, begin:]
    if len(t) < 2:
        return [np.zeros(len(y)) for _ in until]
    first, last = y[:, :-1], y[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):  # everywhere, taken where it falls: twice as quick as a mask
        fall = first / last
        falling = fall > 1 + 1e-9
        falling &= last > 0
        np.log(fall, out=fall)
        np.divide(first - last, fall, out=fall)
    level = first + last
    level /= 2
    np.copyto(level, fall, where=falling)
    step = np.diff(t)
    ends = [max(int(np.searchsorted(t, end, side="right")) - 1, 0) for end in until]
    return [np.einsum("ij,j->i", level[:, :end], step[:end]) for end in ends]


def exposure(course: Course, rows: Array | None = None) -> dict[str, Any]:
    """Area under the curve of the first 24 h and of the whole run, h times the output's unit.

    rows : typical person and people of the course in one table (1 + P, T), where there is one."""
    found: dict[str, Any] = {"unit": f"h*{course.unit}"}
    ends = (DAY_H, float(course.time_h[-1]))
    if rows is None:
        rows = np.vstack([course.typical[None], course.people.reshape(-1, len(course.time_h))])
    for name, each in zip(("first_24_h", "whole_run"), areas(course.time_h, rows, ends), strict=True):
        found[name] = {"typical": float(each[0]), **spread(each[1:])}
    return found


def _mood(result: Result, scores: Mood, good: BoolArray) -> dict[str, Any]:
    found: dict[str, Any] = {}
    limit = values("clinic")["remission_limit"].value
    courses = {key: result.fine(key) for key in ("madrs.effect", "madrs.change", "madrs")}
    times = courses["madrs"].time_h
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
        here = int(np.searchsorted(scores.times, times[at]))
        look["response"] = _share(scores.response(here)[1:], good[1:])
        look["remission"] = {"limit": limit, **_share(scores.remission(here, limit)[1:], good[1:])}
        found[name] = look
    found["lowest_effect"] = lowest(courses["madrs.effect"])
    return found


def _share(probability: Array, good: BoolArray) -> dict[str, float | None]:
    """Expected share of people, and its 90 % interval from having simulated only so many: p -+ 1.645 SE."""
    known = probability[good & np.isfinite(probability)]
    if not known.size:
        return {"share": None, "low": None, "high": None}
    mean = float(known.mean())
    error = 1.645 * float(known.std(ddof=1)) / np.sqrt(known.size) if known.size > 1 else float("nan")
    return {"share": mean, "low": max(mean - error, 0.0), "high": min(mean + error, 1.0)}


def onset(effect: Course) -> dict[str, Any]:
    """First time (h) at which the mood effect of the typical person, and of each other one, has reached the onset threshold: a root on the
    course that follows the doses, the same whatever times are asked for and however long the run is. Percentiles are those of all people: who
    never reaches it counts as later than anybody who does (None: that percentile is never reached)."""
    limit = -values("clinic")["onset_points"].value
    rows = effect.people[np.isfinite(effect.people).all(axis=1)] if effect.people.size else effect.people
    people = reached(effect.time_h, -rows, -limit) if rows.size else np.zeros(0)
    share = float(np.isfinite(people).mean()) if people.size else None
    typical = float(reached(effect.time_h, -effect.typical[None], -limit)[0])
    return {
        "threshold_points": -limit,
        "typical": typical if np.isfinite(typical) else None,
        "share_reached": share,
        **moments(people),
    }


def time_in_clinic(result: Result) -> dict[str, Any]:
    """How long after the start of the first session a person may leave, h.

    At least the rule's observation time after the end of the dose, and until dissociation, sedation and systolic pressure
    are back within the limits of knowledge/values/clinic.toml. None without a session. cut : at the next session, or a day after the start, the
    typical person is not back within the limits; share_cut : of the people.
    """
    rules = {key: v.value for key, v in values("clinic").items()}
    if not result.doses_h or not _supervised(result):
        return {
            "rule_h": rules["clinic_minimum_stay"],
            "typical": None,
            "median": None,
            "low": None,
            "high": None,
            "cut": False,
            "share_cut": None,
        }
    start = result.doses_h[0]
    following = result.doses_h[1] if len(result.doses_h) > 1 else start + DAY_H
    part = (result.grid_h >= start) & (result.grid_h < min(following, start + DAY_H))
    part &= True if result.follows is None else result.follows
    times = result.grid_h[part] - start
    felt, awake, pressure = (result.grid_values[name][:, part] for name in ("cadss", "sedation", "sbp"))
    limits = (
        (felt, rules["clinic_cadss_limit"]),
        (-awake, -np.nextafter(rules["clinic_moaas_limit"], -np.inf)),
        (pressure - result.grid_values["sbp"][:, [0]], np.nextafter(rules["clinic_sbp_limit"], np.inf)),
    )
    ends = [left_behind(times, rows, limit) for rows, limit in limits]
    until = np.max([end for end, _ in ends], axis=0)
    cut = np.any([still for _, still in ends], axis=0)
    until[~np.isfinite(felt).all(axis=1)] = np.nan
    stay = np.maximum(until, _dose_length(result) + rules["clinic_minimum_stay"])
    return {
        "rule_h": rules["clinic_minimum_stay"],
        "typical": float(stay[0]),
        **spread(stay[1:]),
        "cut": bool(cut[0]),
        "share_cut": float(cut[1:].mean()) if len(cut) > 1 else None,
    }


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


def _rises(rows: Array) -> bool:
    """True if the output goes up in this run, more than it goes down (one that only falls has no peak): in the first person who has a course."""
    row = rows[int(np.isfinite(rows[:, -1]).argmax())]
    return bool(np.max(row) - row[0] > row[0] - np.min(row))


def _at(row: Array, at: int | None) -> float | None:
    return None if at is None else float(row[at])
