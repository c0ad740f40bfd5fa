"""Harm of an option beside its benefit: what is felt, pressures over limits, sedation, nausea, and what frequent or long use is known to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from ketasim.core import knowledge_path, read_toml, value, values
from ketasim.core.arrays import Array, IntArray
from ketasim.ratings.between import shift
from ketasim.ratings.pressure import level_sd, none_over, over_sessions, reading_offsets

from .pool import Seen
from .records import HOURS_PER_DAY

LOW, HIGH = 0.05, 0.95
SESSION_H = 4.0
OFTEN_A_WEEK = 3
LONG_H = 28 * HOURS_PER_DAY


@cache
def reported() -> tuple[Mapping[str, Any], ...]:
    """Acute effects that the model gives at one minute, as trials of the spray count them: whoever reported one at least once in four weeks."""
    return tuple(read_toml(knowledge_path() / "harm.toml")["reported"])


def harm(
    ledger: Sequence[Mapping[str, Any]], seen: Seen, start_h: float, days: float, resting: Mapping[str, float]
) -> dict[str, Any]:
    """Acute effects over the sessions of an option from `start_h` on, and what frequent or long use is known to do.

    ledger : its doses. days : how long it is followed. resting : pressures before a dose that were measured, mmHg.
    """
    sessions = [s for s in seen.noticed.sessions.tolist() if s >= start_h - 1e-6]
    found: dict[str, Any] = {
        "sessions": len(sessions),
        "total_mg": sum(row["asked_mg"] for row in ledger),
        "days": days,
        "long_use": _frequent_or_long(seen.noticed.sessions.tolist()),
    }
    if not sessions:
        return found | {"note": "no session is added"}
    times = seen.arms.times
    inside = [np.flatnonzero((times >= s - 1e-9) & (times <= s + SESSION_H)) for s in sessions]
    columns = np.unique(np.concatenate(inside))
    place = {int(c): i for i, c in enumerate(columns)}
    groups = [np.array([place[int(c)] for c in one]) for one in inside]
    cadss = seen.output("cadss", columns)
    first = cadss[:, groups[0]].max(axis=1)
    threshold = values("clinic")["clinic_cadss_limit"].value
    found["dissociation"] = {
        "unit": "points (CADSS)",
        **_spread(first),
        "share_above": float((first > threshold).mean()),
        "threshold": threshold,
        "share_above_last_session": float((cadss[:, groups[-1]].max(axis=1) > threshold).mean()),
        "minutes_above": _spread(60 * _above(times[columns[groups[0]]], cadss[:, groups[0]], threshold)),
    }
    clinic = shift("vital", seen.pool.clinic["vital"])[:, None]
    over = _Over(times[columns], groups)
    for name, key in (("sbp", "pressure_limit_systolic"), ("dbp", "pressure_limit_diastolic")):
        rest = np.full(len(seen.pool), resting[name]) if name in resting else seen.pool.minds.resting(name)
        rise = seen.output(f"{name}_rise", columns)
        level = rest[:, None] + rise + clinic
        limit = value(f"person.{key}").value
        over.add(rise, limit - rest - clinic[:, 0], level_sd(name, seen.pool.minds.age))
        found[name] = {
            "unit": "mmHg",
            "limit": limit,
            "resting": "as measured" if name in resting else "not known: drawn as in the population",
            "peak": _spread(level[:, groups[0]].max(axis=1)),
            "largest_rise": _spread((rise + clinic)[:, groups[0]].max(axis=1)),
            "minutes_above": _spread(60 * _above(times[columns[groups[0]]], level[:, groups[0]], limit)),
        }
    found["pressure_above_limits"] = {
        "first_session": over.share(1),
        "any_session": over.share(len(groups)),
        "note": "at least one reading of four in a session at or above either limit; sessions and readings of one person scatter",
    }
    found["sedation"] = {
        "unit": "points (MOAA/S, 5 = awake)",
        **_spread(seen.output("moaas", columns)[:, groups[0]].min(axis=1)),
    }
    for name in ("nausea", "dizziness"):
        found[name] = float(seen.output(name, columns)[:, groups[0]].max(axis=1).mean())
    return found


class _Over:
    """Who has a reading at or above a limit, of any of the pressures that are added: one table a session (`ratings.pressure.none_over`)."""

    def __init__(self, times: Array, groups: Sequence[IntArray]) -> None:
        offsets = np.array(reading_offsets())
        self.columns = [
            one[np.unique(np.abs(times[one][None] - times[one][0] - offsets[:, None]).argmin(axis=1))] for one in groups
        ]
        self.tables: list[Array] = [np.ones((1, 1))] * len(groups)
        numbers = values("evidence")
        self.freedom, self.occasion = numbers["reading_freedom"].value, numbers["pressure_occasion"].value

    def add(self, rise: Array, room: Array, noise: Array) -> None:
        """A pressure: the drug's rise at all looks (N, T), the room to its limit and the SD of its readings (N,)."""
        for i, columns in enumerate(self.columns):
            self.tables[i] = self.tables[i] * none_over(rise[:, columns], room, noise, self.freedom, self.occasion)

    def share(self, sessions: int) -> float:
        """Share of the members with such a reading in one of the first sessions."""
        return float(over_sessions(self.tables[:sessions]).mean())


def _frequent_or_long(sessions: Sequence[float]) -> bool:
    """More than three sessions within seven days, or sessions over four weeks or more, what was given before included."""
    week = 7 * HOURS_PER_DAY
    frequent = any(sum(s <= t < s + week for t in sessions) > OFTEN_A_WEEK for s in sessions)
    return frequent or (bool(sessions) and sessions[-1] - sessions[0] >= LONG_H)


def _spread(each: Array) -> dict[str, float]:
    low, middle, high = np.quantile(each, (LOW, 0.5, HIGH))
    return {"median": float(middle), "low": float(low), "high": float(high)}


def _above(times: Array, rows: Array, limit: float) -> Array:
    """Time above a limit of each row (n, T), by straight lines between times, h (n,)."""
    if len(times) < 2:
        return np.zeros(len(rows))
    a, b = rows[:, :-1] - limit, rows[:, 1:] - limit
    gap = np.diff(times)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(
            (a >= 0) & (b >= 0), 1.0, np.where((a < 0) & (b < 0), 0.0, np.where(a >= 0, a / (a - b), b / (b - a)))
        )
    return np.asarray((np.nan_to_num(part) * gap).sum(axis=1))
