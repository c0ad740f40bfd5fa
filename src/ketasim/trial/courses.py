"""Courses of one arm at the visits: doses in parts, integrated in the people of one world, read off at the visits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ketasim.chain.hypothesis import union_keys
from ketasim.core import values
from ketasim.core.arrays import Array, BoolArray
from ketasim.core.posterior import fitted
from ketasim.dose import Regimen, output_times
from ketasim.dose.grid import Grid
from ketasim.forward import Dosed, Forward, deliveries, differing
from ketasim.people import People, chain_parameters
from ketasim.people.occasions import USUAL, occasion_shares
from ketasim.ratings.mood import (
    FELT_OF_MIDAZOLAM,
    Drives,
    Treatment,
    believed,
    comparator_only,
    felt_course,
    hope,
    route_factor,
    treatment,
)
from ketasim.ratings.setting import felt_so_far

from .covariate_effects import chain_numbers
from .reports import PORTS as REPORT_PORTS
from .reports import report_rows
from .worlds import World

GRID = Grid("trial", ((1.0, 0.1), (2.0, 0.25), (4.0, 1.0)), 24.0)  # keeps every peak of what is felt within 2 %
SIDE_PORTS = ("nausea", "moaas", "sbp_rise")  # of which the worst of each person is kept
NEUTRAL = {"nausea": 0.0, "moaas": 5.0, "sbp_rise": 0.0}


@dataclass(frozen=True)
class Part:
    """A regimen moved by `start_h`, of which the doses from `from_h` up to `until_h` are given (h of the trial)."""

    regimen: Regimen
    start_h: float = 0.0
    from_h: float = -math.inf
    until_h: float = math.inf

    def given(self, end_h: float, weights: Array) -> list[Dosed]:
        """Its doses before `end_h` for people of these weights."""
        own = deliveries(self.regimen, max(min(end_h, self.until_h) - self.start_h, 1e-6), weights)
        moved = (replace(one, time_h=one.time_h + self.start_h) for one in own)
        return [one for one in moved if self.from_h <= one.time_h < self.until_h]

    def noticed(self, end_h: float) -> Treatment:
        """What people notice of it."""
        found = treatment(self.regimen, max(min(end_h, self.until_h) - self.start_h, 1e-6))
        starts = found.sessions + self.start_h
        starts = starts[(starts >= self.from_h) & (starts < min(self.until_h, end_h))]
        begun = None if found.new_antidepressant is None else found.new_antidepressant + self.start_h
        return replace(
            found,
            sessions=starts,
            new_antidepressant=begun,
            sprays=starts[np.isin(starts, found.sprays + self.start_h)],
            comparators=starts[np.isin(starts, found.comparators + self.start_h)],
        )

    def times(self, end_h: float, weights: Array) -> Array:
        """Times that follow its doses."""
        end = max(min(end_h, self.until_h) - self.start_h, 1e-6)
        found = output_times(self.regimen.events(end, weights), end, (), GRID) + self.start_h
        return np.asarray(found[(found >= max(self.from_h, 0.0)) & (found < self.until_h)])


def noticed_of(parts: Sequence[Part], end_h: float) -> Treatment:
    """What people notice of all parts; a person is in the comparator arm if every part is of the comparator."""
    each = [part.noticed(end_h) for part in parts]
    begun = [t.new_antidepressant for t in each if t.new_antidepressant is not None]
    return Treatment(
        np.unique(np.concatenate([t.sessions for t in each])),
        min(begun) if begun else None,
        all(t.is_comparator for t in each),
        any(t.is_midazolam for t in each),
        np.unique(np.concatenate([t.sprays for t in each])),
        comparator_only((s, s in t.comparators) for t in each for s in t.sessions),
    )


@dataclass(frozen=True)
class Read:
    """What was read of one arm: rows (P, V) by name (mood, ideation, ssri, hoped, blind, felt, belief, sbp, cadss, and
    `report NAME`, see `reports`), worst side effects (P,) by name, who
    failed (P,) and why, and the doses given."""

    rows: Mapping[str, Array]
    worst: Mapping[str, Array]
    failed: BoolArray
    reason: str
    given: tuple[Dosed, ...]


def read_course(
    where: str,
    world: World,
    parts: Sequence[Part],
    people: People,
    p: Mapping[str, Array],
    visits_h: Array,
    masked: bool = False,
    occasions: str = USUAL,
) -> Read:
    """Integrate the parts in these people and read them at the visits. where : setting; p : rating numbers of the same people; masked : nobody can
    feel what is given; occasions : what differs between the sessions of one person (`people.occasions`)."""
    end = float(visits_h[-1])
    given = sorted((one for part in parts for one in part.given(end, people.weight)), key=lambda one: one.time_h)
    noticed = noticed_of(parts, end)
    times = np.unique(
        np.concatenate([np.zeros(1), visits_h, noticed.sessions, *(q.times(end, people.weight) for q in parts)])
    )
    times = times[(times >= 0) & (times <= end)]
    at = np.searchsorted(times, visits_h - 1e-9)
    shape = (len(people), len(times))
    tables, bad, why = _integrated(world, given, people, times, end, noticed.sessions, occasions)
    drives = Drives.of(tables).scaled(route_factor(noticed, times, p))
    felt = np.broadcast_to(felt_course(where, noticed, drives, p), shape)
    strongest = felt_so_far(times, felt, noticed.sessions)
    never = replace(noticed, comparators=noticed.sessions)  # nothing takes the place of a drug that was not given
    first = float(noticed.sessions[0]) if len(noticed.sessions) else math.inf
    pressure = np.maximum.accumulate(np.broadcast_to(tables.get("sbp_rise", np.zeros((1, 1))), shape), axis=1)
    found = {
        "mood": drives.mood,
        "ideation": drives.ideation,
        "ssri": drives.ssri,
        "hoped": hope(where, noticed, times, drives, p, unfelt=masked),
        "blind": hope(where, never, times, drives.nothing(), p, "comparator", unfelt=masked),
        "felt": strongest,
        "belief": believed(where, noticed, times, drives, p, unfelt=masked),
        "sbp": pressure,
    }
    rows = {key: np.broadcast_to(item, shape)[:, at] for key, item in found.items()}
    rows |= report_rows(tables, times, noticed.sessions, visits_h, people, world)
    after = times >= first
    worst = {}
    for key in SIDE_PORTS:
        course = np.broadcast_to(tables.get(key, np.full((1, 1), NEUTRAL[key])), shape)[:, after]
        pick = course.min if key == "moaas" else course.max
        worst[key] = pick(axis=1) if course.shape[1] else np.full(shape[0], NEUTRAL[key])
    return Read(rows, worst, bad, why, tuple(given))


def _integrated(
    world: World,
    given: Sequence[Dosed],
    people: People,
    times: Array,
    end: float,
    sessions: Array,
    occasions: str,
) -> tuple[dict[str, Array], BoolArray, str]:
    """Output ports of the chain, (P, T) each (one row where nothing is given), who failed and why."""
    basic = tuple(Drives.ports().values())
    if not given:
        return dict.fromkeys(basic, np.zeros((1, len(times)))), np.zeros(len(people), dtype=bool), ""
    forward = Forward.of(given, variants=dict(world.variants))
    c = forward.composition
    asked = (*basic, FELT_OF_MIDAZOLAM, *SIDE_PORTS, *REPORT_PORTS)
    wanted = tuple(sorted(n for n in set(asked) if n in c.outputs or n in c.defined or n in basic))
    numbers = {key: world.full(v) for key, v in forward.numbers.items()}
    own = chain_numbers(world, people.seed)
    overrides = {key: n for key, n in (own | world.numbers).items() if key in numbers or key in _other_keys()}
    varying = chain_parameters(people, numbers, overrides)
    start = min(0.0, given[0].time_h, float(times[0]))
    free = {key for key in (*fitted(), *union_keys()) if key in c.parameters}
    apart = differing(forward, people, numbers, overrides, sessions, occasion_shares(occasions), wanted)
    plan = forward.schedule(varying, start, end, sessions=apart.routed)
    asked = tuple(sorted({*wanted, *apart.needed}))
    found = forward.run([plan], varying, len(people), times, asked, replaceable=free)
    status = found.status[0] != 0
    reason = next((r for r in found.reasons[0] if r), "") if status.any() else ""
    return dict(apart.applied(found.table, varying, times)), np.asarray(status), reason


@lru_cache(maxsize=1)
def _other_keys() -> frozenset[str]:
    return frozenset((*values("people"), *values("plasma"), *values("plasticity")))
