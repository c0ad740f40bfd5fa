"""The pool: people simulated once per arm in every world, from which each replicate draws its participants.

What is kept is what a replicate needs at its visits: the drives of drug, setting and SSRI, belief, and what is felt. Scores, noise, wander, dropout
and analysis come on top without integrating again, so that another endpoint, analysis, dropout or size of trial costs nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ketasim.core import KetasimError
from ketasim.core.arrays import Array
from ketasim.dose import parse
from ketasim.people import People
from ketasim.people.table_one import read_table
from ketasim.ratings.mood import rating_numbers
from ketasim.ratings.scales import per_point

from .add_ons import add_on_drives
from .courses import SIDE_PORTS, Part, Read, read_course
from .covariate_effects import drug_factor
from .design import Design
from .flexible import Flexed, flex
from .worlds import World

REPORT = "report "
PEOPLE = 128  # per arm and world: with 48 worlds 6,144 people an arm
MOST_FAILED = 0.05


@dataclass(frozen=True)
class Pool:
    """One world. A arms (sequences of a crossover; comparator first), P people, V readings.

    mood, ideation, ssri, hoped, blind, felt, belief, sbp (A, P, V): drives of the drug on mood and on suicidal thoughts, of SSRI and add-ons, of
    setting and belief, of setting with the belief of the comparator arm; the strongest felt so far, by which people guess, in CADSS points of equal
    persuasion (midazolam is felt too, `ratings.mood.felt_course`); belief of having the drug; largest systolic rise so far; strongest dissociation so
    far, as a rater scores it in CADSS points, without what midazolam makes felt. reports : chance of having reported an adverse event, or had a pressure over a limit, by each
    visit (A, P, V) by name. events : mean of the worst of a person (A,) by name. p : rating numbers (P,). baseline (P,) MADRS points.
    quantities : covariates (P,). flexed : what the visit rules did, one entry an arm (empty without rules). failed : people left out because an
    integration failed, with the reason of the first.
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
    sbp: Array
    cadss: Array
    reports: Mapping[str, Array]
    p: Mapping[str, Array]
    baseline: Array
    quantities: Mapping[str, Array]
    events: Mapping[str, Array]
    flexed: tuple[Flexed, ...]
    failed: int
    reason: str

    @property
    def people(self) -> int:
        """P."""
        return len(self.baseline)


def people_of(design: Design, world: int, seed: int, count: int) -> People:
    """The people of one world: others in every world, the same in every arm and for every endpoint."""
    first = world * count
    if not design.people:
        return People(seed, np.arange(first, first + count))
    return read_table(design.people).cohort(count, seed, first, per_point=per_point(design.scale))


def make_pool(design: Design, world: World, seed: int, count: int = PEOPLE, null: bool = False) -> Pool:
    """Simulate the people of one world in every arm. null : every arm gets the comparator's placebo: no effect, nothing felt."""
    people = people_of(design, world.index, seed, count)
    p = rating_numbers(people, lambda key, v: (world.full(v), None))
    visits = np.array(design.readings_h)
    factor = np.ones(count) if null else drug_factor(people, world, seed)
    parts, flexed = [], []
    for name, plan in design.sequences:
        doses = [_part(design, treated, start, until, null) for treated, start, until in plan]
        rules = () if null else tuple(r for r in design.rules if not r.arms or name in r.arms)
        if rules:
            done = flex(design, world, doses, rules, people, p, seed, factor)
            flexed.append(done)
            read = done.read
        else:
            read = read_course(design.setting, world, doses, people, p, visits, design.masked, design.occasions)
        parts.append(_with_add_ons(design, read, plan, world, seed, factor, null))
    failed = np.any([read.failed for read in parts], axis=0)
    reason = next((read.reason for read in parts if read.reason), "")
    if failed.mean() > MOST_FAILED:
        raise KetasimError(
            f"{int(failed.sum())} of {count} people could not be integrated: {reason}", where=design.title
        )
    good = np.flatnonzero(~failed)
    table = {key: np.stack([read.rows[key] for read in parts])[:, good] for key in parts[0].rows}
    reports = {key.removeprefix(REPORT): table.pop(key) for key in [k for k in table if k.startswith(REPORT)]}
    return Pool(
        world=world,
        names=design.names,
        visits_h=visits,
        p={key: number[good] for key, number in p.items()},
        baseline=people.madrs[good],
        quantities={"age": people.age[good], "weight": people.weight[good], "women": people.women[good].astype(float)},
        events={key: np.array([read.worst[key][good].mean() for read in parts]) for key in SIDE_PORTS}
        | {f"share_{key}": rows[:, :, -1].mean(axis=1) for key, rows in reports.items()},
        reports=reports,
        flexed=tuple(one.only(good) for one in flexed),
        failed=int(failed.sum()),
        reason=reason,
        **table,
    )


def _part(design: Design, treated: str, start: float, until: float, null: bool) -> Part:
    """One treatment from `start` on. null : the comparator's sessions with placebo in place of the drug."""
    if not null:
        return Part(design.arm(treated).regimen(), start, until_h=until)
    own = design.arm(design.comparator).regimen()
    route = own.main.blocks[0].dose.way.name
    return Part(parse(f"placebo {route}", repeat=own.repeat_words), start, until_h=until)


def _with_add_ons(
    design: Design,
    read: Read,
    plan: tuple[tuple[str, float, float], ...],
    world: World,
    seed: int,
    factor: Array,
    null: bool,
) -> Read:
    """The drug's drives with what covariates do to them, and the drive of add-ons beside that of the SSRI."""
    rows = dict(read.rows)
    for key in ("mood", "ideation"):
        rows[key] = rows[key] * factor[:, None]
    if not null:
        for treated, start, _ in plan:
            arm = design.arm(treated)
            if arm.add_ons:
                rows["ssri"] = rows["ssri"] + add_on_drives(arm, world, seed, np.array(design.readings_h) - start, rows)
    return Read(rows, read.worst, read.failed, read.reason, read.given)
