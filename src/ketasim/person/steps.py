"""The course of one person as it is believed before the first score and after each entry; each score predicted from the earlier ones.

    from ketasim.person.steps import course_by_observation
    found = course_by_observation("person.toml", days=28)
    found["steps"][0]      # the prior: nobody has been rated after the first dose
    found["scores"][-1]    # the last score, with the interval that the earlier entries gave for it

Everything is what `ketasim.forecast` believes of "no further dose"; here it is shown along the way. Nothing of a person is written anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.core import UsageError, normal_cdf_quick
from ketasim.core.arrays import Array
from ketasim.ratings.observation import drive_at
from ketasim.ratings.scales import per_point, rater_factor

from .case import Case, case_of
from .fields import scales
from .forecast import (
    DAYS,
    MEMBERS,
    Posterior,
    asked_options,
    level_ports,
    person_given,
    posterior_of,
    start_of_options,
    too_strange,
)
from .given import Given
from .likelihood import Conditioned
from .observed import Observation, learn
from .options import HIGH, LEAST_DAYS, LOW, MOST_DAYS, Future
from .pareto import TRUSTED, effective, normalised, systematic, tail_shape
from .pool import Pool, Seen, integrate
from .records import HOURS_PER_DAY, Person
from .value import applied

MOST_STEPS = 10  # of many entries, the last ones are shown one by one
LOOKS = 29  # times of the course, beside those of the entries
FIRST_H = 1.0
SHARES = (LOW, 0.1, 0.5, 0.9, HIGH)
NAMES = ("low", "low80", "median", "high80", "high")


def course_by_observation(
    person: str | Path | Mapping[str, Any] | Person,
    options: str | list[str] | tuple[str, ...] = (),
    *,
    days: float = DAYS,
    start: float | None = None,
    setting: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """What is believed of the course of one person before and after each entry, if no further dose is given.

    person, options, days, start, setting : as `ketasim.forecast` takes them; the options only say where a person without any dose is treated.
    The course ends `days` after the start of the options.

    Returns plain data: `days` (T,) from the first dose; `steps`, the prior first, each with `observation` (words, empty for the prior), `day`,
    `low`, `low80`, `median`, `high80`, `high` (T,) in MADRS points, `pareto_k`, and `reason` where the course is refused (then without numbers);
    `scores`, each total after the first dose with `expected` (median, low80, high80 on its own scale, from the earlier entries alone) and `inside`,
    whether it lay within these 80 %. Raises UsageError for a file that cannot be read.
    """
    who = person_given(person)
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise UsageError(f"{days:g} days cannot be followed", where="days", allowed=f"{LEAST_DAYS} to {MOST_DAYS}")
    placed = tuple(one for option in asked_options(options) for one in option.placed(0.0))
    case = case_of(who, setting or "", placed)
    first = start_of_options(case, start)
    pool, _ = applied(Pool.of(case.traits), who.facts)
    end = first + days * HOURS_PER_DAY
    looks = np.concatenate([[FIRST_H], np.linspace(HOURS_PER_DAY, end, LOOKS)])
    times = np.unique(np.concatenate([looks, case.times]))
    shared = _seen(pool, case, times)
    shown = list(range(max(0, len(case.observations) - MOST_STEPS), len(case.observations) + 1))
    steps, scores = [], []
    for turn, count in enumerate(shown):
        believed = _believed(replace(case, observations=case.observations[:count]), shared)
        steps.append(_step(case, count, believed, times))
        if count < len(case.observations) and case.observations[count].kind == "mood":
            scores.append(_next(case, case.observations[count], believed))
        if progress:
            progress((turn + 1) / len(shown))
    return {
        "days": (times / HOURS_PER_DAY).tolist(),
        "start_day": first / HOURS_PER_DAY,
        "steps": steps,
        "scores": scores,
        "baseline": case.baseline.madrs,
        "doses": _doses(case, end),
        "interval": "90 and 80 % of people like this one, if no further dose is given; model uncertainty included",
    }


def _seen(pool: Pool, case: Case, times: Array) -> Seen:
    way = Given(case.history, float(times[-1]))
    return Seen(pool, integrate(pool, [way], way.grid(times), level_ports(case.observations)), 0, case.setting)


@dataclass(frozen=True)
class Believed:
    """What is believed after some entries: equally weighted members with their ratings so far; or why it is refused."""

    seen: Seen
    known: Conditioned
    pareto_k: float
    reason: str = ""

    @staticmethod
    def of(seen: Seen, known: Conditioned, weights: Array, pareto_k: float) -> Believed:
        """Members drawn by their weights, as a forecast draws them."""
        picks = systematic(weights, MEMBERS)
        there = Seen(seen.pool.among(picks), seen.arms, seen.arm, seen.setting)
        return Believed(there, known.only(picks), pareto_k)

    def quantiles(self, case: Case, times: Array) -> list[Array]:
        """Quantiles (T,) of the MADRS, one array for each of `SHARES`."""
        future = Future.of(self.seen, self.known, case.baseline, times)
        pool, p = self.seen.pool, self.seen.pool.ratings
        cuts = np.arange(0.0, scales()["MADRS"].high + 0.5)
        before = np.atleast_1d(np.asarray(case.baseline.of("MADRS", pool.minds.madrs), dtype=np.float64))
        need = drive_at(cuts[:, None] / before[None, :], p["link_ceiling"], p["link_slope"])
        table = np.empty((len(SHARES), len(times)))
        for look in range(len(times)):
            middle = future.drive[:, look] + future.mean[:, look]
            below = normal_cdf_quick((middle - need) / future.sd[:, look]).mean(axis=1)
            below[-1] = 1.0
            below = np.maximum.accumulate(below)
            table[:, look] = [np.interp(q, below, cuts) if q > below[0] else 0.0 for q in SHARES]
        return list(table)


def _believed(case: Case, shared: Seen) -> Believed:
    """What these entries leave of the pool; a pool moved towards the person where the weights are not to be trusted."""
    found = learn(shared, case.observations, case.baseline)
    pool = shared.pool
    log_weight = pool.log_weight + np.where(np.isnan(found.total), -np.inf, found.total)
    log_weight = np.where(shared.arms.failed[pool.row], -np.inf, log_weight)
    if not case.observations:
        return Believed.of(shared, found.mood, normalised(log_weight), -math.inf)
    k = tail_shape(log_weight)
    far = too_strange(found, pool.log_weight)
    if far:
        return Believed(shared, found.mood, k, far)
    if k <= TRUSTED and effective(log_weight) >= MEMBERS / 40:
        return Believed.of(shared, found.mood, normalised(log_weight), k)
    after: Posterior = posterior_of(case, pool)
    if after.reason:
        return Believed(shared, found.mood, k, after.reason)
    there = _seen(after.seen.pool, case, np.unique(np.round(shared.arms.times, 9)))
    return Believed.of(there, after.known, after.weights, k)


def _step(case: Case, count: int, believed: Believed, times: Array) -> dict[str, Any]:
    k, reason = believed.pareto_k, believed.reason
    last = case.observations[count - 1] if count else None
    found: dict[str, Any] = {
        "observation": last.text if last else "",
        "line": last.line if last else 0,
        "day": last.time_h / HOURS_PER_DAY if last else None,
        "pareto_k": k if math.isfinite(k) else None,
        "reason": reason,
    }
    if reason:
        return found | dict.fromkeys(NAMES)
    table = believed.quantiles(case, times)
    return found | {name: column.tolist() for name, column in zip(NAMES, table, strict=True)}


def _next(case: Case, o: Observation, believed: Believed) -> dict[str, Any]:
    """A total beside what the earlier entries gave for it, on its own scale."""
    low, high = scales()[o.name].low, scales()[o.name].high
    exact = np.isfinite([o.low, o.high]).all()
    total = (o.low + o.high) / 2.0 if exact else (max(o.low, low) + min(o.high, high)) / 2.0  # of a bound: its middle
    found: dict[str, Any] = {
        "observation": o.text,
        "scale": o.name,
        "day": o.time_h / HOURS_PER_DAY,
        "total": total,
        "madrs": total * per_point(o.name),
        "expected": None,
        "inside": None,
    }
    if believed.reason:
        return found
    future = Future.of(believed.seen, believed.known, case.baseline, np.array([o.time_h]))
    weights = np.full(MEMBERS, 1.0 / MEMBERS)
    cuts = np.linspace(low, high, int(4 * (high - low)) + 1)
    below = future.cumulative(cuts, 0, weights, o.name, rater_factor(o.self_rated))
    low80, median, high80 = (float(np.interp(q, below, cuts)) if q > below[0] else low for q in (0.1, 0.5, 0.9))
    found["expected"] = {"low80": low80, "median": median, "high80": high80}
    found["inside"] = bool(o.high > low80 and o.low < high80)
    return found


def _doses(case: Case, end_h: float) -> list[float]:
    """Days of the doses that are given up to the end, the drugs beside left out."""
    return sorted(
        (one.start_h + dose.time_h) / HOURS_PER_DAY
        for one in case.history
        if not one.beside and end_h > one.start_h
        for dose in one.regimen.doses(end_h - one.start_h)
        if dose.dose.entry.is_main
    )


__all__ = ["course_by_observation"]
