"""Flexible dosing: at each visit the rules see what was measured, and what they decide is what is given.

The people of a pool are rated with noise of their own; after each visit with a rule they are grouped by what has been decided for them, and every group is
integrated with its own doses. The last decision holds. Work is bounded: one integration per group and deciding visit, and no more groups than people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ketasim.core import normals
from ketasim.core.arrays import Array, IntArray
from ketasim.dose import parse
from ketasim.people import People
from ketasim.ratings.mood import Between, Drives, latent
from ketasim.ratings.observation import madrs_scores
from ketasim.ratings.scales import SELF_RATED, per_point, rater_factor
from ketasim.ratings.wander import RatingNoise, at_visits

from .between import drug_size, setting_shift
from .courses import Part, Read, read_course
from .rules import STOP, Rule
from .worlds import World

if TYPE_CHECKING:
    from .design import Design


@dataclass(frozen=True)
class Decision:
    """What was decided for one person: the visit, the rule in words, what was measured."""

    person: int
    visit_h: float
    rule: str
    measured: float


@dataclass(frozen=True)
class Flexed:
    """An arm with rules. own, noise (P, V): course and wander, and rating noise, that the decisions were made with; shift, factor : of this trial
    among trials. log : every decision; parts : doses of every person after all decisions."""

    read: Read
    own: Array
    noise: Array
    shift: Array
    factor: float
    log: tuple[Decision, ...]
    parts: tuple[tuple[Part, ...], ...]

    def only(self, good: IntArray) -> Flexed:
        """The same of some people; the log keeps all."""
        return replace(self, own=self.own[good], noise=self.noise[good], parts=tuple(self.parts[i] for i in good))


def changed(parts: tuple[Part, ...], rule: Rule, visit_h: float) -> tuple[Part, ...]:
    """The doses after a decision at a visit: the main doses from then on replaced at their own times, stopped, or something begun beside them."""
    found = list(parts)
    if rule.then:
        last = found[0]
        found[0] = replace(last, until_h=min(last.until_h, visit_h))
        if rule.then != STOP:
            new = parse(rule.then, repeat=last.regimen.repeat_words, with_=last.regimen.with_words)
            found.insert(0, Part(new, last.start_h, visit_h))
    if rule.add:
        found.append(Part(parse(rule.add), visit_h, visit_h))
    return tuple(found)


def flex(
    design: Design,
    world: World,
    doses: Sequence[Part],
    rules: Sequence[Rule],
    people: People,
    p: Mapping[str, Array],
    seed: int,
    by_covariates: Array,
) -> Flexed:
    """One arm with rules in the people of one world. by_covariates (P,) : factor on the drug's drives (`covariate_effects.drug_factor`)."""
    visits = np.array(design.visits_h)
    count = len(people)
    own, noise = _noise(people, p, visits)
    z = normals(seed, "trial world effects", np.array([2 * world.index, 2 * world.index + 1]))
    late = normals(seed, "trial world late effect", np.array([world.index]))[0]
    shift, factor = setting_shift(design, visits, z[0], late), float(drug_size(design, z[1]))
    mine: list[tuple[Part, ...]] = [tuple(doses)] * count
    log: list[Decision] = []
    read = _grouped(design, world, mine, people, p, visits)
    for j, visit in enumerate(visits):
        due = [rule for rule in rules if any(abs(visit - at) < 1e-6 for at in rule.at_h)]
        if not due:
            continue
        score = _scores(design, read, people, p, own, noise, shift, factor, by_covariates)[:, j]
        base = people.madrs / per_point(design.scale)
        measured = {
            "score": score,
            "change": score - base,
            "change_percent": 100.0 * (score / base - 1.0),
            "cadss": read.rows["cadss"][:, j],
            "sbp_rise": read.rows["sbp"][:, j],
        }
        for rule in due:
            for i in np.flatnonzero(rule.holds(measured)):
                mine[i] = changed(mine[i], rule, float(visit))
                log.append(Decision(int(i), float(visit), str(rule), float(measured[rule.quantity][i])))
        read = _grouped(design, world, mine, people, p, visits)
    return Flexed(read, own, noise, shift, factor, tuple(log), tuple(mine))


def _noise(people: People, p: Mapping[str, Array], visits: Array) -> tuple[Array, Array]:
    def draw(purpose: str) -> Array:
        return normals(people.seed, f"trial pool {purpose}", people.person)

    size = {key: float(p[key].flat[0]) for key in ("wander_sd", "wander_time", "course_sd", "course_onset")}
    noise = RatingNoise.of(p, one=True).drawn(draw, visits, visits.tolist())
    return at_visits(draw, visits, **size), noise


def _grouped(
    design: Design,
    world: World,
    mine: Sequence[tuple[Part, ...]],
    people: People,
    p: Mapping[str, Array],
    visits: Array,
) -> Read:
    """Courses of people whose doses differ: one integration per group of equal doses."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for i, parts in enumerate(mine):
        words = tuple(f"{q.regimen} {q.start_h} {q.from_h} {q.until_h}" for q in parts)
        groups.setdefault(words, []).append(i)
    rows: dict[str, Array] = {}
    worst: dict[str, Array] = {}
    failed, reason = np.zeros(len(people), dtype=bool), ""
    for members in groups.values():
        at = np.array(members)
        some = replace(people, person=people.person[at])
        mine_p = {k: v[at] for k, v in p.items()}
        read = read_course(
            design.setting, world, mine[members[0]], some, mine_p, visits, design.masked, design.occasions
        )
        for key, part in read.rows.items():
            rows.setdefault(key, np.zeros((len(people), len(visits))))[at] = part
        for key, part in read.worst.items():
            worst.setdefault(key, np.zeros(len(people)))[at] = part
        failed[at], reason = read.failed, reason or read.reason
    return Read(rows, worst, failed, reason, ())


def _scores(
    design: Design,
    read: Read,
    people: People,
    p: Mapping[str, Array],
    own: Array,
    noise: Array,
    shift: Array,
    factor: float,
    by_covariates: Array,
) -> Array:
    """Rated scores at the visits on the design's scale, (P, V)."""
    size = factor * by_covariates[:, None]
    drives = Drives(read.rows["mood"] * size, read.rows["ideation"] * size, read.rows["ssri"], np.zeros((1, 1)))
    there = latent(
        design.setting,
        drives,
        read.rows["hoped"],
        p,
        Between(shift=shift, rater=rater_factor(design.scale in SELF_RATED)),
    )
    return madrs_scores(there, people.madrs, p, own, noise) / per_point(design.scale)
