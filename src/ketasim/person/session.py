"""One session's acute effects among simulated people: when each criterion for leaving is met, who passes a pressure limit.

The limits are those of `time in clinic` (knowledge/values/clinic.toml) and of the label's table of pressures (knowledge/harm.toml).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ketasim.core import sources, values
from ketasim.core.arrays import Array, BoolArray
from ketasim.core.values import knowledge_path, read_toml
from ketasim.ratings.pressure import level_sd, none_over, over_sessions, reading_offsets, reading_sd
from ketasim.scenario.result import Result
from ketasim.scenario.summary import DAY_H, left_behind

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LOOKS_H = (2.0, 3.0, 4.0)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion for leaving: when it is met for good, h from the start of the session, among the people.

    quantiles : share -> h. met_by : h -> share of people. not_met : share still not there at the end of the window.
    """

    name: str
    label: str
    source: str
    quantiles: Mapping[float, float]
    met_by: Mapping[float, float]
    not_met: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "name": self.name,
            "label": self.label,
            "source": self.source,
            "quantiles_h": {
                f"{share:g}": hours if np.isfinite(hours) else None for share, hours in self.quantiles.items()
            },
            "met_by": {f"{hours:g}": share for hours, share in self.met_by.items()},
            "not_met": self.not_met,
        }


@dataclass(frozen=True, slots=True)
class Limit:
    """A pressure limit: share of the people whose course is over it within the session, with its Monte Carlo error; what was seen in trials."""

    name: str
    label: str
    share: float
    error: float
    seen: str
    records: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """A pressure limit over a course: share of the people with at least one reading over it in one of `sessions`, as trials count; what they saw."""

    name: str
    label: str
    sessions: int
    share: float
    error: float
    seen: str
    records: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "name": self.name,
            "label": self.label,
            "sessions": self.sessions,
            "share": self.share,
            "monte_carlo_error": self.error,
            "seen": self.seen,
            "records": list(self.records),
        }


@dataclass(frozen=True, slots=True)
class Session:
    """The acute effects of one session (number from 1) among `people` people, and of its typical course."""

    number: int
    start_h: float
    people: int
    criteria: tuple[Criterion, ...]
    limits: tuple[Limit, ...]
    dissociation: Mapping[str, float]
    sedation: Mapping[str, float]
    largest_rise: Mapping[str, Mapping[str, float]]
    nausea: float
    dizziness: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "session": self.number,
            "start_h": self.start_h,
            "people": self.people,
            "criteria": [criterion.to_dict() for criterion in self.criteria],
            "pressure_limits": [
                {
                    "name": limit.name,
                    "label": limit.label,
                    "share": limit.share,
                    "monte_carlo_error": limit.error,
                    "seen": limit.seen,
                    "records": list(limit.records),
                }
                for limit in self.limits
            ],
            "dissociation": dict(self.dissociation),
            "sedation": dict(self.sedation),
            "largest_rise": {name: dict(numbers) for name, numbers in self.largest_rise.items()},
            "nausea_peak_share": self.nausea,
            "dizziness_peak_share": self.dizziness,
        }


@cache
def pressure_limits() -> Mapping[str, Mapping[str, Any]]:
    """The limits that the label's table counts."""
    return dict(read_toml(knowledge_path() / "harm.toml")["pressure"])


@cache
def not_modelled() -> tuple[Mapping[str, Any], ...]:
    """Acute effects outside the model, and what was reported."""
    return tuple(read_toml(knowledge_path() / "harm.toml")["not_modelled"])


def sessions(result: Result) -> tuple[Session, ...]:
    """The first and, where there are several, the last session of a run with people."""
    starts = result.doses_h
    numbers = sorted({0, len(starts) - 1}) if starts else []
    return tuple(_session(result, number) for number in numbers)


def _session(result: Result, number: int) -> Session:
    starts = result.doses_h
    start = starts[number]
    end = min(starts[number + 1] if number + 1 < len(starts) else np.inf, start + DAY_H)
    part = (result.grid_h >= start) & (result.grid_h < end)
    if result.follows is not None:
        part &= result.follows
    times = result.grid_h[part] - start
    rows = {
        name: result.grid_values[name][1:, part]
        for name in ("cadss", "sedation", "sbp", "dbp", "heart_rate", "nausea", "dizziness")
    }
    good = np.isfinite(rows["cadss"]).all(axis=1)
    rows = {name: row[good] for name, row in rows.items()}
    resting = {name: result.grid_values[name][1:, [0]][good] for name in ("sbp", "dbp", "heart_rate")}
    threshold = values("clinic")["clinic_cadss_limit"].value
    highest = rows["cadss"].max(axis=1)
    deepest = rows["sedation"].min(axis=1)
    return Session(
        number + 1,
        float(start),
        int(good.sum()),
        _criteria(times, rows, resting, _length(result, number)),
        _limits(rows, resting),
        {"median": float(np.median(highest)), "share_above_4": float((highest > threshold).mean())},
        {"median_lowest": float(np.median(deepest)), "share_below_4.5": float((deepest < 4.5).mean())},
        {name: _spread((rows[name] - resting[name]).max(axis=1)) for name in ("sbp", "dbp", "heart_rate")},
        float(rows["nausea"].max(axis=1).mean()),
        float(rows["dizziness"].max(axis=1).mean()),
    )


def _spread(numbers: Array) -> dict[str, float]:
    low, middle, high = np.quantile(numbers, (0.05, 0.5, 0.95))
    return {"low": float(low), "median": float(middle), "high": float(high), "mean": float(numbers.mean())}


def _length(result: Result, number: int) -> float:
    """From the start of a session to the end of its last device or infusion, h."""
    heaviest = float(result.people.weight.max(initial=70.0))
    events = [e for e in result.scenario.regimen.events(float(result.grid_h[-1]), heaviest) if e.main]
    index = sorted({event.dose_index for event in events})[number]
    own = [event for event in events if event.dose_index == index]
    return float(max(event.end_h for event in own) - own[0].time_h)


def _criteria(
    times: Array, rows: Mapping[str, Array], resting: Mapping[str, Array], length: float
) -> tuple[Criterion, ...]:
    rules = values("clinic")
    cadss, awake = rules["clinic_cadss_limit"].value, rules["clinic_moaas_limit"].value
    rise, stay = rules["clinic_sbp_limit"].value, rules["clinic_minimum_stay"].value
    ends = {
        "cadss": left_behind(times, rows["cadss"], cadss),
        "moaas": left_behind(times, -rows["sedation"], -float(np.nextafter(awake, -np.inf))),
        "sbp": left_behind(times, rows["sbp"] - resting["sbp"], float(np.nextafter(rise, np.inf))),
    }
    people = len(rows["cadss"])
    least = np.full(people, length + stay)
    found = [
        _criterion(
            "stay", f"{stay:g} h after the end of the dose", "clinic_minimum_stay", least, np.zeros(people, bool)
        ),
        _criterion("dissociation", f"CADSS {cadss:g} or less", "clinic_cadss_limit", *ends["cadss"]),
        _criterion("sedation", f"MOAA/S {awake:g} or more (rounded: 5)", "clinic_moaas_limit", *ends["moaas"]),
        _criterion("pressure", f"systolic pressure within {rise:g} mmHg of rest", "clinic_sbp_limit", *ends["sbp"]),
    ]
    last = np.max([least, *(end for end, _ in ends.values())], axis=0)
    still = np.any([cut for _, cut in ends.values()], axis=0)
    return (*found, _criterion("all", "all of them", "", last, still))


def _criterion(name: str, label: str, key: str, hours: Array, still: BoolArray) -> Criterion:
    hours = np.where(still, np.inf, hours)
    known = np.quantile(hours, QUANTILES, method="inverted_cdf") if len(hours) else np.full(len(QUANTILES), np.nan)
    return Criterion(
        name,
        label,
        _cited(key),
        dict(zip(QUANTILES, (float(number) for number in known), strict=True)),
        {look: float((hours <= look + 1e-9).mean()) for look in LOOKS_H},
        float(still.mean()),
    )


def _cited(key: str) -> str:
    if not key:
        return ""
    rule = values("clinic")[key]
    return f"{sources()[rule.source].citation}: {rule.place} ({rule.basis}{'; ' + ', '.join(rule.records) if rule.records else ''})"


def _limits(rows: Mapping[str, Array], resting: Mapping[str, Array]) -> tuple[Limit, ...]:
    found: list[Limit] = []
    for name, entry in pressure_limits().items():
        row = rows[entry["output"]]
        row = row - resting[entry["output"]] if entry["kind"] == "rise" else row
        share = float((row.max(axis=1) >= entry["limit"]).mean())
        error = float(np.sqrt(share * (1 - share) / len(row)))
        found.append(Limit(name, entry["label"], share, error, entry["seen"], tuple(entry["records"])))
    return tuple(found)


def passed(result: Result) -> tuple[Passed, ...]:
    """Every limit of the label's table over all sessions of a run with people, counted from readings (`ratings.pressure`)."""
    starts = list(result.doses_h)
    numbers = values("evidence")
    freedom, occasion = numbers["reading_freedom"].value, numbers["pressure_occasion"].value
    followed = np.ones(len(result.grid_h), bool) if result.follows is None else result.follows
    last = float(result.grid_h[followed][-1]) if followed.any() else 0.0
    age = np.asarray(result.people.age)
    found: list[Passed] = []
    for name, entry in pressure_limits().items():
        output = entry["output"]
        rows = result.grid_values[output][1:]
        rest = rows[:, 0]
        good = np.isfinite(rows[:, followed]).all(axis=1)
        level = entry["kind"] == "level"
        room = (entry["limit"] - rest if level else np.full(len(rows), float(entry["limit"])))[good]
        noise = np.broadcast_to((level_sd if level else reading_sd)(output, age), rest.shape)[good]
        tables = []
        for start, then in zip(starts, [*starts[1:], np.inf], strict=True):
            times = [start + h for h in reading_offsets() if start + h < then and start + h <= last] or [
                min(start, last)
            ]
            rise = _at(result.grid_h, rows[good], np.array(times)) - rest[good][:, None]
            tables.append(none_over(rise, room, noise, freedom, occasion))
        each = over_sessions(tables)
        error = float(each.std() / np.sqrt(max(len(each), 1)))
        found.append(
            Passed(name, entry["label"], len(starts), float(each.mean()), error, entry["seen"], tuple(entry["records"]))
        )
    return tuple(found)


def _at(grid: Array, rows: Array, times: Array) -> Array:
    """Rows (N, T) at times between those of the grid, by straight lines, (N, len(times))."""
    right = np.clip(np.searchsorted(grid, times), 1, len(grid) - 1)
    share = np.clip((times - grid[right - 1]) / (grid[right] - grid[right - 1]), 0.0, 1.0)
    return np.asarray(rows[:, right - 1] * (1.0 - share) + rows[:, right] * share)
