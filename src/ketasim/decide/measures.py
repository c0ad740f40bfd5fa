"""One number per person out of a run: what a claim is about. Every measure returns (1 + P,), the typical person first.

NaN means that the number does not exist for this person (an onset never reached); infinity that it lies beyond the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim.core import KetasimError, UsageError, values
from ketasim.core.arrays import Array
from ketasim.ratings.mood import Mood
from ketasim.ratings.observation import observation_parameters
from ketasim.scenario.plan import read_times
from ketasim.scenario.result import Result
from ketasim.scenario.summary import area, reached

DAY_H = 24.0
HALF = 0.5
VISIT_GAP_H = 84.0  # relapse is looked for twice a week, as in the trials that report it
START = "start"


@dataclass(frozen=True, slots=True)
class Term:
    """What is read off a run.

    scenario : a name of `knowledge/claims.toml`, or "EXPERIMENT/ARM". measure : one of `MEASURES`. output : register name.
    look : time, in words. base : subtracted before (a number, or "start": the person's own value at t = 0). limit : for
    `first`, `back`, `ever above`, `remission`. share : for `half time` (of the extreme). begin, until : only this part of the run.
    """

    scenario: str
    measure: str
    output: str = "madrs"
    look: str = ""
    base: float | str = 0.0
    limit: float = 0.0
    share: float = HALF
    begin: str = ""
    until: str = ""

    @property
    def hour(self) -> float:
        """The time `look` in h."""
        return read_times(self.look)[0]


@dataclass(frozen=True, slots=True)
class Courses:
    """Rows of one output (N, T) at times (T,) h, when the doses were given, and the drive behind the scores of the same rows."""

    time_h: Array
    rows: Array
    doses_h: tuple[float, ...]
    rated: Mood | None = None


def read(term: Term, result: Result) -> Array:
    """The number of every person, (1 + P,); people whose integration failed are NaN."""
    course = result.fine(term.output)
    rows = np.vstack([course.typical, course.people]) if course.people.size else course.typical[None, :]
    return MEASURES[term.measure](term, Courses(course.time_h, rows, result.doses_h, result.rated))


def read_posterior(term: Term, result: Result) -> Array:
    """The number of the typical person under every draw of the posterior, (draws,); empty without one."""
    course = result.fine(term.output)
    rows: Array = course.model
    return MEASURES[term.measure](term, Courses(course.time_h, rows, result.doses_h)) if rows.size else np.zeros(0)


def _rows(term: Term, given: Courses) -> tuple[Array, Array]:
    """Times from t = 0 on (T,), and rows (N, T) less the base."""
    at = given.time_h >= 0
    times, rows = given.time_h[at], given.rows[:, at]
    rows = rows - (rows[:, :1] if term.base == START else float(term.base))
    begin = read_times(term.begin)[0] if term.begin else 0.0
    until = read_times(term.until)[0] if term.until else np.inf
    part = (times >= begin) & (times < until)
    return times[part], rows[:, part]


def _value(times: Array, rows: Array, hour: float) -> Array:
    """Rows at a time: straight lines between the times of the run, exact on them."""
    right = min(int(np.searchsorted(times, hour, side="left")), len(times) - 1)
    if right == 0 or times[right] <= hour:
        return np.asarray(rows[:, right])
    weight = (hour - times[right - 1]) / (times[right] - times[right - 1])
    return np.asarray((1 - weight) * rows[:, right - 1] + weight * rows[:, right])


def _at(term: Term, given: Courses) -> Array:
    times, rows = _rows(term, given)
    return _value(times, rows, term.hour)


def _peak(term: Term, given: Courses) -> Array:
    return np.asarray(_rows(term, given)[1].max(axis=1))


def _lowest(term: Term, given: Courses) -> Array:
    return np.asarray(_rows(term, given)[1].min(axis=1))


def _peak_time(term: Term, given: Courses) -> Array:
    """Time of the largest departure from the base, h."""
    times, rows = _rows(term, given)
    return times[np.nan_to_num(np.abs(rows)).argmax(axis=1)]


def _half_time(term: Term, given: Courses) -> Array:
    """First time at which the departure from the base reaches `share` of its largest, h; crossings by straight lines."""
    times, rows = _rows(term, given)
    size = np.abs(rows)
    return _crossings(times, size, term.share * size.max(axis=1))


def _first(term: Term, given: Courses) -> Array:
    """First time at or below `limit`, h; infinity if never within the run."""
    times, rows = _rows(term, given)
    return _crossings(times, -rows, np.full(len(rows), -term.limit))


def _crossings(times: Array, rows: Array, levels: Array) -> Array:
    """First time at which each row is at or above its level (`summary.reached`), h; infinity if never, NaN for a level of 0 and rows
    that do not move or have failed."""
    found = reached(times, rows - levels[:, None], 0.0)
    unknown = ~np.isfinite(rows).all(axis=1) | (levels == 0) | (np.ptp(rows, axis=1) == 0)
    return np.where(unknown, np.nan, np.where(np.isnan(found), np.inf, found))


def _back(term: Term, given: Courses) -> Array:
    """Last time at which the departure from the base exceeds `limit`, h; 0 if it never does."""
    times, rows = _rows(term, given)
    found = np.zeros(len(rows))
    for person, row in enumerate(np.abs(rows)):
        beyond = np.flatnonzero(row > term.limit)
        found[person] = np.nan if not np.isfinite(row).all() else times[beyond[-1]] if beyond.size else 0.0
    return found


def _area(term: Term, given: Courses) -> Array:
    """Area under the curve from t = 0 to the end of the run; h times the output's unit."""
    return area(*_rows(term, given))


def _ever_above(term: Term, given: Courses) -> Array:
    """1 for people whose output is ever above `limit`, else 0."""
    rows = _rows(term, given)[1]
    return np.where(np.isfinite(rows).all(axis=1), (rows > term.limit).any(axis=1), np.nan).astype(float)


def _response(term: Term, given: Courses) -> Array:
    """Probability of a rating at or below half of the own baseline: `Mood.response`, as in every summary."""
    return _share(term, given, lambda rated, k: rated.response(k))


def _remission(term: Term, given: Courses) -> Array:
    """Probability of a rating at or below `limit` points (0: the package's own limit): `Mood.remission`."""
    limit = term.limit or values("clinic")["remission_limit"].value
    return _share(term, given, lambda rated, k: rated.remission(k, limit))


def _share(term: Term, given: Courses, of: Callable[[Mood, int], Array]) -> Array:
    """A share at a time of the run, straight lines between its times."""
    if given.rated is None:
        raise KetasimError("shares of responders need the drive behind the scores", where=f"measure {term.measure}")
    times = given.rated.times
    near = np.unique(np.clip(np.searchsorted(times, term.hour) + np.array([-1, 0]), 0, len(times) - 1))
    return _value(times[near], np.column_stack([of(given.rated, int(k)) for k in near]), term.hour)


def _relapse(term: Term, given: Courses) -> Array:
    """Days from the last dose to relapse, in people at or below half of their baseline at `look`; NaN for the others.

    Relapse: the first of two visits in a row, half a week apart, above half of the baseline. Infinity: none within the run.
    """
    times, rows = _rows(term, given)
    limit = observation_parameters()["response_share"] * rows[:, 0]
    visits = np.arange(term.hour + VISIT_GAP_H, times[-1], VISIT_GAP_H)
    above = np.column_stack([_value(times, rows, hour) > limit for hour in visits])
    twice = above[:, :-1] & above[:, 1:]
    since = (visits[:-1] - max(given.doses_h)) / DAY_H
    days = np.where(twice.any(axis=1), since[twice.argmax(axis=1)], np.inf)
    return np.where(_value(times, rows, term.hour) <= limit, days, np.nan)


MEASURES: Mapping[str, Callable[[Term, Courses], Array]] = {
    "at": _at,
    "peak": _peak,
    "lowest": _lowest,
    "peak time": _peak_time,
    "half time": _half_time,
    "first": _first,
    "back": _back,
    "area": _area,
    "ever above": _ever_above,
    "response": _response,
    "remission": _remission,
    "relapse": _relapse,
}
NEEDS_LOOK = ("at", "response", "remission", "relapse")
ABOUT_MADRS = ("response", "remission", "relapse")
OF_A_GROUP = (
    "response",
    "remission",
    "relapse",
    "ever above",
)  # per person a probability or an event: only the group's number speaks


# from people to one number ---------------------------------------------------------------------------------------------


def _typical(found: Array) -> float:
    return float(found[0])


def _mean(found: Array) -> float:
    return float(np.nanmean(found[1:])) if np.isfinite(found[1:]).any() else np.nan


def _median(found: Array) -> float:
    known = found[1:][~np.isnan(found[1:])]
    return float(np.percentile(known, 50.0, method="inverted_cdf")) if known.size else np.nan


def _spread(found: Array) -> float:
    """95th over 5th percentile between people, the larger size over the smaller; NaN if they have different signs."""
    known = found[1:][np.isfinite(found[1:])]
    if not known.size:
        return np.nan
    low, high = np.percentile(known, [5.0, 95.0])
    ends = sorted((abs(low), abs(high)))
    return float(ends[1] / ends[0]) if low * high > 0 else np.nan


STATISTICS: Mapping[str, Callable[[Array], float]] = {
    "typical": _typical,
    "mean": _mean,
    "median": _median,
    "spread": _spread,
}


COMBINATIONS: Mapping[str, Callable[..., Any]] = {
    "difference": lambda a, b: a - b,
    "ratio": lambda a, b: a / b,
    "share lost": lambda a, b: 1.0 - a / b,
}


def combine(how: str, a: Any, b: Any) -> Any:
    """Two numbers (or two rows of them) as one: a - b, a / b, or the share of b that a lacks."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return COMBINATIONS[how](a, b)


def statistic(who: str) -> Callable[[Array], float]:
    """The function of that name; raises UsageError for an unknown one."""
    if who not in STATISTICS:
        raise UsageError(f"unknown statistic '{who}'", allowed=", ".join(STATISTICS))
    return STATISTICS[who]
