"""A pool of people as a person might be: rows of numbers that are integrated, and members who differ in what acts afterwards.

Row = hypothesis, its draw, a draw of the posterior, a body (weight, enzymes, absorption): one integration. Member = a row, and a mind: how strongly mood,
hope, dissociation and pressure answer, baselines that are not known, and a clinic nobody has seen (what studies differ in). The readout of the chain
and the ratings turn courses of rows into drives of members without integrating again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ketasim.chain.readout import Readout, readout
from ketasim.core import Value, normals, value
from ketasim.core.arrays import Array, BoolArray, IntArray
from ketasim.core.posterior import fitted
from ketasim.forward import Dosed, Forward, parts_needed
from ketasim.people import People, Traits, chain_parameters
from ketasim.ratings.add_ons import AddOn
from ketasim.ratings.between import built_up, factor, shift
from ketasim.ratings.mood import (
    FELT_OF_MIDAZOLAM,
    Between,
    Drives,
    Treatment,
    hope,
    latent,
    rating_numbers,
    route_factor,
)
from ketasim.ratings.setting import Arm
from ketasim.stages.plasma.routing import routing_values

from .add_ons import added_drive
from .beliefs import Rows, beliefs, rows
from .given import Given

SEED = 14
ROWS, MINDS = 160, 24
CLINIC = ("setting", "late", "drug", "felt", "vital")  # what studies differ in, and so may the clinic of this person
MINDS_OF = (
    "mood_gain",
    "expectancy_gain",
    "dissociation_gain",
    "pressure_gain",
    "typical_madrs",
)  # moved by a refinement


@dataclass(frozen=True)
class Varied(People):
    """People whose effects may be given, and whose spread may differ from the shipped one.

    moved : value -> standard normal effects (P,) in place of those of the random stream. scale : value -> (P,) factor on them,
    the SD between people of a posterior draw over the shipped SD.
    """

    moved: Mapping[str, Array] = field(default_factory=dict)
    scale: Mapping[str, Array] = field(default_factory=dict)

    def effect(self, key: str) -> Array:
        """The standard normal effect of each person for a value, times `scale`."""
        shared = key[2:] if key[:2] in ("s_", "r_") else key
        z = self.moved[shared] if shared in self.moved else normals(self.seed, f"people.{shared}", self.person)
        return np.asarray(z * self.scale[shared]) if shared in self.scale else z


@dataclass(frozen=True)
class Pool:
    """rows : J rows of numbers. bodies : their people (J,). row (N,) : row of every member. minds : members (N,) as people.

    clinic : effect of the clinic, standard normal (N,) each. log_weight (N,) : of a member before anything is observed.
    """

    rows: Rows
    bodies: Varied
    row: IntArray
    minds: Varied
    clinic: Mapping[str, Array]
    log_weight: Array

    def __len__(self) -> int:
        return len(self.row)

    @staticmethod
    def of(
        traits: Traits, rows_count: int = ROWS, minds: int = MINDS, seed: int = SEED, only: Sequence[str] = ()
    ) -> Pool:
        """A pool of people with these traits. only : these hypotheses alone."""
        table = rows(rows_count, seed, only)
        count = rows_count * minds
        row = np.tile(np.arange(rows_count), minds)
        scale = {key: sd / _shipped_sd(key) for key, sd in table.spreads.items() if _shipped_sd(key) > 0}
        bodies = Varied(seed, np.arange(rows_count), traits, scale=scale)
        own = Varied(seed + 1, np.arange(count), traits, scale={key: ratio[row] for key, ratio in scale.items()})
        moved = {key: normals(seed + 1, f"people.{key}", count) for key in MINDS_OF}
        clinic = {name: normals(seed, f"clinic {name}", count) for name in CLINIC}
        return Pool(table, bodies, row, replace(own, moved=moved), clinic, table.log_weight[row])

    def only(self, members: IntArray, log_weight: Array | None = None) -> Pool:
        """Some members, in that order, on the rows that they need; equal weights unless given."""
        kept, row = np.unique(self.row[members], return_inverse=True)
        bodies = _picked(self.bodies, kept, len(self.bodies))
        return Pool(
            self.rows.only(kept),
            bodies,
            row.astype(np.int64),
            _picked(self.minds, members, len(self.minds)),
            {name: z[members] for name, z in self.clinic.items()},
            np.zeros(len(members)) if log_weight is None else log_weight,
        )

    def among(self, members: IntArray) -> Pool:
        """Some members, in that order and equally weighted, on the rows as they are: their courses stay in place."""
        minds = _picked(self.minds, members, len(self.minds))
        clinic = {name: z[members] for name, z in self.clinic.items()}
        return replace(self, row=self.row[members], minds=minds, clinic=clinic, log_weight=np.zeros(len(members)))

    def with_minds(self, moved: Mapping[str, Array], clinic: Mapping[str, Array], row: IntArray | None = None) -> Pool:
        """Members with other effects, or on other rows."""
        row = self.row if row is None else row
        scale = {key: ratio[row] for key, ratio in self.bodies.scale.items()}
        own = Varied(self.minds.seed, self.minds.person, self.minds.traits, dict(self.minds.moved) | dict(moved), scale)
        return replace(self, minds=own, clinic=dict(self.clinic) | dict(clinic), row=row)

    def number(self, key: str, shipped: Value) -> float | Array:
        """A value for every member: that of his row where rows differ in it, else the shipped one."""
        found = self.rows.numbers.get(key)
        return shipped.value if found is None else found[self.row]

    @cached_property
    def ratings(self) -> dict[str, Array]:
        """One number per member of every value of setting and observation, (N,) each."""
        return rating_numbers(self.minds, lambda key, v: (v, self.number(key, v)))

    @property
    def hypothesis(self) -> IntArray:
        """Hypothesis of every member, (N,): its place in `rows.names`."""
        return self.rows.hypothesis[self.row]


def _picked(people: Varied, chosen: IntArray, count: int) -> Varied:
    """Some of the people: effects that were given, or drawn from the stream, stay theirs."""
    return Varied(
        people.seed,
        people.person[chosen],
        people.traits,
        {key: z[chosen] for key, z in people.moved.items() if len(z) == count},
        {key: ratio[chosen] for key, ratio in people.scale.items()},
    )


def _shipped_sd(key: str) -> float:
    spread = value(key).between
    return spread.sd if spread else 0.0


@dataclass(frozen=True)
class Arms:
    """Courses of the rows under several ways to go on. times (T,) h. tables : per arm, integrated identifier -> (J, T). failed (J,)."""

    given: tuple[Given, ...]
    times: Array
    tables: tuple[Mapping[str, Array], ...]
    readout: Readout
    failed: BoolArray

    def columns(self, wanted: Sequence[float] | Array) -> IntArray:
        """Columns of times that were asked for."""
        return np.array([int(np.argmin(np.abs(self.times - t))) for t in np.atleast_1d(wanted)], dtype=np.int64)


def integrate(
    pool: Pool, ways: Sequence[Given], times: Array, ports: Sequence[str] = (), parts: Sequence[str] = ()
) -> Arms:
    """Integrate every row under every way to go on.

    times (T,) h, common to all. ports : outputs kept beside those of the readout (levels). parts : of the chain, beside those that are given.
    """
    weights = pool.bodies.weight
    deliveries = [way.deliveries(weights) for way in ways]
    every: list[Dosed] = [one for part in deliveries for one in part]
    wanted = tuple(sorted({*parts_needed(every), *parts}))
    variants = beliefs().variants
    forward = Forward.of(every, parts=wanted, variants=variants)
    made = readout(forward.composition)
    known = forward.numbers
    overrides = {key: number for key, number in pool.rows.numbers.items() if key in known or key in routing_values()}
    varying = chain_parameters(pool.bodies, known, overrides)
    end = float(max([times[-1], *(way.end_h for way in ways)]))
    start = float(min([times[0], *(way.start_h() for way in ways)]))
    plans = [forward.schedule(varying, start, end, given=part) for part in deliveries]
    felt = (FELT_OF_MIDAZOLAM,) if FELT_OF_MIDAZOLAM in forward.composition.defined else ()
    outputs = tuple(dict.fromkeys((*made.needed, *felt, *(p for p in ports))))
    found = forward.run(plans, varying, len(pool.rows), times, outputs, replaceable={*beliefs().keys, *fitted()})
    return Arms(tuple(ways), times, found.tables, made, (found.status != 0).any(axis=0))


@dataclass(frozen=True)
class Seen:
    """One arm as the members see it: drives on the grid, (N, T).

    arm : index of the courses. given : what is noticed, that of the arm unless told otherwise (placebo in place of a drug: the courses of one arm, the
    sessions of another). added : what is given beside it without a mechanism in the chain, from `added_h` on.
    """

    pool: Pool
    arms: Arms
    arm: int
    setting: str
    given: Given | None = None
    added: tuple[AddOn, ...] = ()
    added_h: float = 0.0
    _kept: dict[tuple[int, bool, Arm | None], Array] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def noticed(self) -> Treatment:
        """What people notice of what is given."""
        return self.regimens.noticed

    @property
    def regimens(self) -> Given:
        """What is given, or said to be given."""
        return self.given or self.arms.given[self.arm]

    def output(self, name: str, columns: IntArray | None = None) -> Array:
        """An output port of the last stages of every member, (N, T) or (N, len(columns)), with what his clinic lets people feel."""
        made, table, row = self.arms.readout, self.arms.tables[self.arm], self.pool.row
        times = self.arms.times if columns is None else self.arms.times[columns]
        if name not in made.formulas:
            return np.broadcast_to(made(name, {}, {}), (len(self.pool), len(times)))
        formula = made.formulas[name]
        given: dict[str, float | Array] = {}
        for key in formula.parameters:
            shipped = value(key)
            centre = self.pool.number(key, shipped)
            after = key in made.after and shipped.between is not None
            given[key] = self.pool.minds.draw(shipped, centre) if after else centre
        if "dissociation_gain" in given:
            given["dissociation_gain"] = given["dissociation_gain"] * self.clinic_factor("felt")
        courses = {key: _rows(table[key], row, columns) for key in formula.reads}
        return np.broadcast_to(made(name, courses, given, times), (len(self.pool), len(times)))

    def clinic_factor(self, name: str) -> Array:
        """Factor of the clinic on the drug part or on what is felt, (N,): as of a trial, mean 1 over clinics."""
        return factor(name, self.pool.clinic[name])

    def latent(self, wanted: Array | Sequence[float], arm: Arm | None = None, ideation: bool = False) -> Array:
        """Drive L of mood without course, wander and noise at times (h), (N, len(wanted)); nothing in it is later than its time.

        arm : "comparator" for people who get the comparator of the setting. ideation : the drive of suicidal thoughts instead. What was asked for once is kept.
        """
        columns = self.arms.columns(wanted)
        keys = [(int(column), ideation, arm) for column in columns]
        new = list(dict.fromkeys(key[0] for key in keys if key not in self._kept))
        if new:
            found = self._latent(np.array(new, dtype=np.int64), arm, ideation)
            self._kept.update({(column, ideation, arm): found[:, i] for i, column in enumerate(new)})
        return np.stack([self._kept[key] for key in keys], axis=1) if keys else np.zeros((len(self.pool), 0))

    def _latent(self, columns: IntArray, arm: Arm | None, ideation: bool) -> Array:
        until, none, p = self.arms.times, np.zeros((1, 1)), self.pool.ratings
        hoped = (self._hoped if arm is None else self._hope(arm))[:, columns]
        at_once, late = (shift(name, self.pool.clinic[name])[:, None] for name in ("setting", "late"))
        shifted = np.asarray(at_once * (until[columns] > 0) + late * built_up(until[columns]))
        own_way = route_factor(self.arms.given[self.arm].noticed, until[columns], p)
        drug_factor = self.clinic_factor("drug")[:, None] * own_way
        drug = self.output("ideation_drive" if ideation else "mood_drive", columns) * drug_factor
        ssri = self.output("ssri_drive", columns)
        if self.added:
            own = self.output("mood_drive", columns) * drug_factor
            ssri = ssri + added_drive(self.added, self.added_h, until[columns], own, self.pool.minds.person)
        here = Drives(none, drug, ssri, none) if ideation else Drives(drug, none, ssri, none)
        found = latent(self.setting, here, hoped, p, Between(shift=shifted), ideation)
        return np.broadcast_to(found, (len(self.pool), len(columns)))

    @cached_property
    def _hoped(self) -> Array:
        """Drive of setting and belief at all times of the arms, (N, T): mood and thoughts, and every set of looks, ask for the same."""
        return self._hope(None)

    def _hope(self, arm: Arm | None) -> Array:
        until, table = self.arms.times, self.arms.tables[self.arm]
        none = np.zeros((1, 1))
        gaba = table[FELT_OF_MIDAZOLAM][self.pool.row] if FELT_OF_MIDAZOLAM in table else None
        felt = Drives(none, none, none, self.output("cadss"), gaba)
        sessions = self.noticed.sessions
        noticed = replace(self.noticed, sessions=sessions[sessions <= until[-1]])
        return np.broadcast_to(
            hope(self.setting, noticed, until, felt, self.pool.ratings, arm), (len(self.pool), len(until))
        )


def _rows(course: Array, row: IntArray, columns: IntArray | None) -> Array:
    """The course of every member's row, at some columns."""
    found = np.broadcast_to(course, (len(course), course.shape[1])) if course.ndim == 2 else course
    return found[row] if columns is None else found[row[:, None], columns]
