"""The pool: people simulated once per arm in every world, from which each replicate draws its participants.

What is kept is what a replicate needs at its visits: the drives of drug, setting and SSRI, belief, and what is felt. Scores, noise, wander, dropout
and analysis come on top without integrating again, so that another endpoint, analysis, dropout or size of trial costs nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ketasim.chain.hypothesis import union_keys
from ketasim.core import KetasimError, values
from ketasim.core.posterior import fitted
from ketasim.dose import Regimen, output_times, parse
from ketasim.dose.grid import Grid
from ketasim.forward import Forward, deliveries
from ketasim.people import People, chain_parameters
from ketasim.people.table_one import read_table
from ketasim.ratings.mood import FELT_OF_MIDAZOLAM, Drives, Treatment, felt_course, hope, rating_numbers, treatment
from ketasim.ratings.setting import belief_course, felt_so_far

from .add_ons import add_on_drives
from .covariate_effects import drug_factor
from .design import Design
from .scales import per_point
from .worlds import World

Array = NDArray[np.float64]

GRID = Grid("trial", ((1.0, 0.1), (2.0, 0.25), (4.0, 1.0)), 24.0)  # keeps every peak of what is felt within 2 %
PEOPLE = 128  # per arm and world: with 48 worlds 6,144 people an arm
SIDE_PORTS = ("nausea", "moaas", "sbp_rise")
MOST_FAILED = 0.05


@dataclass(frozen=True)
class Pool:
    """One world. A arms (comparator first), P people, V visits.

    mood, ideation, ssri, hoped, blind, felt, belief (A, P, V): drives of the drug on mood and on suicidal thoughts, of SSRI and add-ons, of setting
    and belief, of setting with the belief of the comparator arm; the strongest felt so far in CADSS points; belief of having the drug. events : share
    of people with an adverse event (A,) by name. p : rating numbers (P,). baseline (P,) MADRS points. quantities : covariates (P,).
    failed : people left out because an integration failed, with the reason of the first.
    """

    world: World
    names: tuple[str, ...]
    visits_h: Array
    mood: Array
    ideation: Array
    ssri: Array
    hoped: Array
    blind: Array
    felt: Array
    belief: Array
    p: Mapping[str, Array]
    baseline: Array
    quantities: Mapping[str, Array]
    events: Mapping[str, Array]
    failed: int
    reason: str

    @property
    def people(self) -> int:
        """P."""
        return len(self.baseline)


def people_of(design: Design, world: int, seed: int, count: int) -> People:
    """The people of one world: others in every world, the same in every arm and for every seed of another purpose."""
    first = world * count
    if not design.people:
        return People(seed, np.arange(first, first + count))
    return read_table(design.people).cohort(count, seed, first, per_point=per_point(design.scale))


def make_pool(design: Design, world: World, seed: int, count: int = PEOPLE, null: bool = False) -> Pool:
    """Simulate the people of one world in every arm. null : every arm gets the comparator's placebo: no effect, nothing felt."""
    people = people_of(design, world.index, seed, count)
    names = design.names
    p = rating_numbers(people, lambda key, v: (world.full(v), None))
    parts, failed, reason = [], np.zeros(count, dtype=bool), ""
    for name in names:
        regimen = design.arm(name).regimen()
        if null:
            regimen = _placebo(design, names[0])
        found, bad, why = _arm(design, world, regimen, people, p)
        if not null:
            found["ssri"] = found["ssri"] + add_on_drives(design.arm(name), world, seed, design.visits_h, found)
        parts.append(found)
        failed |= bad
        reason = reason or why
    if failed.mean() > MOST_FAILED:
        raise KetasimError(
            f"{int(failed.sum())} of {count} people could not be integrated: {reason}", where=design.title
        )
    good = np.flatnonzero(~failed)
    factor = np.ones(count) if null else drug_factor(people, world, seed)
    table = {key: np.stack([part[key] for part in parts])[:, good] for key in parts[0]}
    for key in ("mood", "ideation"):
        table[key] = table[key] * factor[good][None, :, None]
    if design.masked:
        table["hoped"] = table["blind"]
    return Pool(
        world=world,
        names=names,
        visits_h=np.array(design.visits_h),
        p={key: number[good] for key, number in p.items()},
        baseline=people.madrs[good],
        quantities={"age": people.age[good], "weight": people.weight[good], "women": people.women[good].astype(float)},
        events={key: table.pop(key).mean(axis=1) for key in SIDE_PORTS},
        failed=int(failed.sum()),
        reason=reason,
        **table,
    )


def _placebo(design: Design, comparator: str) -> Regimen:
    """The comparator's sessions with placebo in place of the drug."""
    own = design.arm(comparator).regimen()
    route = own.main.blocks[0].dose.way.name
    return parse(f"placebo {route}", repeat=own.repeat_words)


def _arm(
    design: Design, world: World, regimen: Regimen, people: People, p: Mapping[str, Array]
) -> tuple[dict[str, Array], NDArray[np.bool_], str]:
    """One arm at the visits: everything `Pool` holds, (P, V), and the side effects (P,); who failed, and why."""
    end = design.end_h
    noticed = treatment(regimen, end, until_h=end)
    given = deliveries(regimen, end, people.weight)
    visits = np.array(design.visits_h)
    times = np.union1d(output_times(regimen.events(end, people.weight), end, visits, GRID), visits)
    times = times[times >= 0]
    at = np.searchsorted(times, visits - 1e-9)
    count = len(people)
    tables, bad, why = _courses(world, regimen, people, times, end, given)
    drives = Drives.of(tables)
    felt = np.broadcast_to(felt_course(design.setting, noticed, drives, p), (count, len(times)))
    hoped = _wide(hope(design.setting, noticed, times, drives, p), count, len(times))
    blind = _wide(hope(design.setting, noticed, times, drives.nothing(), p, "comparator"), count, len(times))
    strongest = felt_so_far(times, felt, noticed.sessions)
    believed = _belief(design.setting, noticed, strongest, times, p)
    sessions = noticed.sessions
    in_session = (times >= (sessions[0] if len(sessions) else np.inf)) & (times <= end)
    found = {
        "mood": drives.mood,
        "ideation": drives.ideation,
        "ssri": drives.ssri,
        "hoped": hoped,
        "blind": blind,
        "felt": strongest,
        "belief": believed,
    }
    out = {key: _wide(rows, count, len(times))[:, at] for key, rows in found.items()}
    for key, neutral in zip(SIDE_PORTS, (0.0, 5.0, 0.0), strict=True):
        rows = _wide(tables[key] if key in tables else np.full((1, 1), neutral), count, len(times))[:, in_session]
        worst = (rows.min(axis=1) if key == "moaas" else rows.max(axis=1)) if rows.shape[1] else np.full(count, neutral)
        out[key] = worst
    return out, bad, why


def _wide(rows: Array, count: int, length: int) -> Array:
    return np.broadcast_to(rows, (count, length))


def _belief(where: str, noticed: Treatment, strongest: Array, times: Array, p: Mapping[str, Array]) -> Array:
    """Belief at each time, (P, T); before any session that of the allocation alone."""
    first = noticed.sessions[0] if len(noticed.sessions) else np.inf
    return np.asarray(
        belief_course(
            where,
            strongest,
            p,
            noticed.arm,
            np.maximum(times - first, 0.0) if np.isfinite(first) else np.zeros(len(times)),
        )
    )


def _courses(
    world: World,
    regimen: Regimen,
    people: People,
    times: Array,
    end: float,
    given: tuple,  # type: ignore[type-arg]
) -> tuple[dict[str, Array], NDArray[np.bool_], str]:
    """Output ports of the chain of one arm, (P, T) each (one row where nothing acts)."""
    ports = (*Drives.ports().values(), FELT_OF_MIDAZOLAM, *SIDE_PORTS)
    if not given:
        none = np.zeros((1, len(times)))
        return dict.fromkeys((*Drives.ports().values(),), none), np.zeros(len(people), dtype=bool), ""
    forward = Forward.of(given, variants=dict(world.variants))
    c = forward.composition
    wanted = tuple(sorted(n for n in ports if n in c.outputs or n in c.defined or n in Drives.ports().values()))
    numbers = {key: world.full(v) for key, v in forward.numbers.items()}
    overrides = {key: n for key, n in world.numbers.items() if key in numbers or key in _people_keys()}
    varying = chain_parameters(people, numbers, overrides)
    start = min(0.0, regimen.start_h(end), float(times[0]))
    free = {key for key in (*fitted(), *union_keys()) if key in c.parameters}
    found = forward.run([forward.schedule(varying, start, end)], varying, len(people), times, wanted, replaceable=free)
    status = found.status[0] != 0
    reason = next((r for r in found.reasons[0] if r), "") if status.any() else ""
    return dict(found.table), np.asarray(status), reason


@lru_cache(maxsize=1)
def _people_keys() -> frozenset[str]:
    return frozenset((*values("people"), *values("plasma"), *values("plasticity")))
