"""Ways to go on, side by side: what each may do to mood, what placebo in its place may do, and what harm stands beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ketasim.core import value, values
from ketasim.core.arrays import Array
from ketasim.core.drug_types import reference_weight
from ketasim.dose import Regimen, parse
from ketasim.ratings.add_ons import AddOn, split_add_ons

from .add_ons import plain
from .future import Ahead, Future
from .given import Given, Placed
from .moments import HALF_STEP
from .observed import ITEM, drive_cut
from .option_harm import harm
from .pool import Arms, Seen
from .records import HOURS_PER_DAY

STOP_WORDS = ("stop", "no further dose", "no further doses", "nothing", "nothing more", "none")
STOP = "no further dose"
LOOK_DAYS = 7
LEAST_DAYS, MOST_DAYS = 1, 365
AFTER_LAST_H = 7 * HOURS_PER_DAY
LOW, HIGH = 0.05, 0.95
COURSES = 2  # simulated per member, where several looks count together


@dataclass(frozen=True)
class Option:
    """words : as asked. regimen : None for no further dose. added : beside it, without a mechanism in the chain."""

    words: str
    regimen: Regimen | None
    added: tuple[AddOn, ...] = ()

    def placed(self, start_h: float) -> tuple[Placed, ...]:
        """The regimen from `start_h` on."""
        return () if self.regimen is None else (Placed(self.regimen, start_h),)

    def not_known(self, weight: float | None) -> str:
        """Why nothing can be said of a benefit; empty inside what controlled trials have studied."""
        if self.regimen is None:
            return ""
        kg = weight or reference_weight()
        for _, _, dose in self.regimen.main.times(MOST_DAYS * HOURS_PER_DAY):
            if not dose.entry.is_main:
                continue
            if untried := dose.way.untried():
                return untried
            amount = float(dose.base(kg))
            side, span = dose.way.beside_studied(amount, "mg", kg)
            span_mg = dose.way.anaesthetic.get("mg/kg")
            if (
                span_mg
                and dose.duration_h <= 1.0
                and amount / kg >= span_mg[0]
                and (side == "beyond" or dose.form == "bolus")
            ):
                return "a dose that anaesthetises has not been studied in depression; airway and breathing are not modelled"
            if side:
                return f"the dose lies {side} the studied range of {dose.drug} by the {dose.route} route ({span})"
        return ""


def read_option(words: str) -> Option:
    """An option from its words: a regimen whose first dose is given on the day the options start, or "stop"; either "with psychotherapy" and the like."""
    rest, added = split_add_ons(words, "--option")
    if " ".join(rest.lower().split()) in STOP_WORDS:
        return Option(" with ".join((STOP, *(one.kind for one in added))), None, added)
    return Option(words, parse(rest), added)


@dataclass(frozen=True)
class Looks:
    """When the options are looked at. start_h, end_h : h from the first dose. days : after the start."""

    start_h: float
    end_h: float
    days: tuple[float, ...]

    @property
    def times(self) -> Array:
        """The looks, h from the first dose (V,)."""
        return self.start_h + HOURS_PER_DAY * np.array(self.days)

    @staticmethod
    def of(start_h: float, days: float) -> Looks:
        """A look after a day, then every week, and at the end."""
        weeks = np.arange(LOOK_DAYS, days + 1e-9, LOOK_DAYS)
        chosen = sorted({min(1.0, days), *(float(w) for w in weeks), float(days)})
        return Looks(start_h, start_h + days * HOURS_PER_DAY, tuple(chosen))


def response_cut(future: Future) -> Array | float:
    """Half of the baseline, in MADRS points."""
    return values("observation")["response_share"].value * np.asarray(
        future.baseline.of("MADRS", future.pool.minds.madrs)
    )


def evaluate(
    option: Option,
    seen: Seen,
    twin: Seen | None,
    ahead: Ahead,
    looks: Looks,
    resting: Mapping[str, float],
) -> dict[str, Any]:
    """One option as plain data: outputs, response, remission, relapse, harm; beside each the figure with placebo in place of the drug.

    The members are equally weighted. ahead : their ratings so far. twin : the same people in the same sessions without the drug; None where no session is added.
    """
    times, baseline = looks.times, ahead.baseline
    weights = np.full(len(seen.pool), 1.0 / len(seen.pool))
    future = ahead.future(seen, times)
    other = ahead.future(twin, times) if twin is not None else None
    limit = values("clinic")["remission_limit"].value
    reason = option.not_known(seen.pool.minds.traits.weight)
    given = _ledger(option, looks, seen.pool.minds.traits.weight)
    found: dict[str, Any] = {
        "words": option.words,
        "ledger": given,
        "not_known": reason,
        "added": [plain(one) for one in option.added],
        "outputs": {"madrs": _course(future, looks, weights)},
        "response": _shares(
            future, other, response_cut(future), looks, weights, "at or below half of the total before the first dose"
        ),
        "remission": _shares(future, other, limit, looks, weights, f"{limit:g} points or less"),
        "relapse": _relapse(seen, ahead, looks),
        "harm": harm(given, seen, looks.start_h, looks.days[-1], resting),
    }
    if other is not None:
        found["outputs"]["madrs.placebo"] = _course(other, looks, weights)
    thoughts = baseline.thoughts
    if not baseline.none or thoughts in baseline.totals:
        here = ahead.future(seen, times, ideation=True)
        there = ahead.future(twin, times, ideation=True) if twin is not None else None
        found["outputs"]["ideation"] = _thoughts(here, looks, weights, thoughts)
        if there is not None:
            found["outputs"]["ideation.placebo"] = _thoughts(there, looks, weights, thoughts)
    return found


def _thoughts(future: Future, looks: Looks, weights: Array, scale: str) -> dict[str, Any]:
    """Course of suicidal thoughts, and the chance of next to none at every look: an item of 0 or 1, another scale at 0 (whole numbers)."""
    least = (1.0 if scale == ITEM else 0.0) + HALF_STEP
    return _course(future, looks, weights, scale) | {
        "scale": scale,
        "low_rule": "0 or 1" if scale == ITEM else "0",
        "low_by_day": [float(weights @ future.at_most(least, i, scale)) for i in range(len(looks.days))],
        "before": "as observed" if scale in future.baseline.totals else "not known: drawn as in the population",
        "limits": "the size of the drug's part is assumed, not fitted to a trial; thoughts that come up new are outside the model; mood and thoughts share part of their course; no score says what somebody will do",
    }


def _course(future: Future, looks: Looks, weights: Array, scale: str = "MADRS") -> dict[str, Any]:
    table = [future.quantiles((LOW, 0.1, 0.5, 0.9, HIGH), i, weights, scale) for i in range(len(looks.days))]
    columns = list(zip(*table, strict=True))
    return {
        "unit": "points",
        "time_h": looks.times.tolist(),
        "days": list(looks.days),
        "low": list(columns[0]),
        "low80": list(columns[1]),
        "median": list(columns[2]),
        "high80": list(columns[3]),
        "high": list(columns[4]),
        "interval": "90 % of people like this one, model uncertainty included",
    }


def _shares(
    future: Future, other: Future | None, cut: float | Array, looks: Looks, weights: Array, rule: str
) -> dict[str, Any]:
    """Probability at every look and at the end, with that under placebo, and how far explanations differ."""
    each = [future.at_most(cut, i) for i in range(len(looks.days))]
    last = each[-1]
    by = {
        name: float(last[future.pool.hypothesis == i].mean())
        for i, name in enumerate(future.pool.rows.names)
        if (future.pool.hypothesis == i).mean() >= 0.02
    }
    return {
        "rule": rule,
        "day": looks.days[-1],
        "probability": float(weights @ last),
        "placebo": None if other is None else float(weights @ other.at_most(cut, len(looks.days) - 1)),
        "days": list(looks.days),
        "by_day": [float(weights @ p) for p in each],
        "placebo_by_day": None
        if other is None
        else [float(weights @ other.at_most(cut, i)) for i in range(len(looks.days))],
        "low_hypothesis": min(by.values()) if by else None,
        "high_hypothesis": max(by.values()) if by else None,
    }


def _relapse(seen: Seen, ahead: Ahead, looks: Looks) -> dict[str, Any]:
    """Of the courses that respond at a weekly look, the share that is later above the cut for so many looks in a row."""
    share, many = value("evidence.relapse_share").value, int(value("evidence.relapse_visits").value)
    rule = f"above {share:.0%} of the total before the first dose at {many} weekly looks in a row, after a response"
    weekly = [i for i, day in enumerate(looks.days) if day % LOOK_DAYS == 0]
    if len(weekly) < many + 1:
        return {
            "rule": rule,
            "probability": None,
            "of": None,
            "why": f"the options are followed for less than {LOOK_DAYS * (many + 1)} days",
        }
    times = looks.times[weekly]
    drive, pool = seen.latent(times), seen.pool
    before = ahead.baseline.of("MADRS", pool.minds.madrs)
    need = drive_cut("MADRS", share * np.asarray(before), before, pool.ratings)
    responded, lost = 0, 0
    for turn in range(COURSES):
        above = drive + ahead.course(turn, times) < need[:, None]
        ever = np.zeros(len(pool), dtype=bool)
        run = np.zeros(len(pool), dtype=np.int64)
        gone = np.zeros(len(pool), dtype=bool)
        for column in range(len(weekly)):
            run = np.where(above[:, column] & ever, run + 1, 0)
            gone |= run >= many
            ever |= ~above[:, column]
        responded, lost = responded + int(ever.sum()), lost + int(gone.sum())
    total = COURSES * len(pool)
    return {
        "rule": rule,
        "probability": lost / responded if responded else None,
        "of": responded / total,
        "by_day": looks.days[-1],
    }


def _ledger(option: Option, looks: Looks, weight: float | None) -> list[dict[str, Any]]:
    """Every dose of an option inside the time looked at."""
    if option.regimen is None:
        return []
    horizon = looks.end_h - looks.start_h
    kg = weight or reference_weight()
    return [
        {
            "time_h": looks.start_h + d.time_h,
            "drug": d.dose.drug,
            "route": d.dose.route,
            "asked_mg": float(d.dose.base(kg)) if d.dose.amount else 0.0,
        }
        for d in option.regimen.doses(horizon)
    ]


def arms_of(
    history: tuple[Placed, ...], options: Sequence[Option], looks: Looks
) -> tuple[list[Given], Array, list[tuple[int, int]]]:
    """What is given under no further dose (first) and under every option that gives one, the times that all of them are looked at, and for every
    option the places of its own course and of that with placebo in place of its main drug (no further dose, unless something is taken beside it)."""
    ways, places = [Given(history, looks.end_h)], []
    for option in options:
        placed = option.placed(looks.start_h)
        own = len(ways) if placed else 0
        ways += [Given((*history, *placed), looks.end_h)] if placed else []
        places.append((own, 0))
    for i, option in enumerate(options):
        if option.regimen is not None and option.regimen.beside:
            placed = tuple(replace(one, masked=True) for one in option.placed(looks.start_h))
            places[i] = (places[i][0], len(ways))
            ways.append(Given((*history, *placed), looks.end_h))
    times = [looks.times]
    for way in ways:
        new = way.noticed.sessions[way.noticed.sessions >= looks.start_h - 1e-6]
        closely = (float(new[0]), float(new[-1])) if new.size else ()
        times.append(way.grid(looks.times, closely))
    grid = np.unique(np.round(np.concatenate(times), 9))
    keep = np.concatenate([[True], np.diff(grid) > 1e-6])
    return ways, grid[keep], places


__all__ = ["Ahead", "Arms", "Future", "Looks", "Option", "arms_of", "evaluate", "read_option"]
