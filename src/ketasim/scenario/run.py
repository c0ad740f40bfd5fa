"""Run a scenario: words to doses, doses to segments, people, one integration of everybody, scores, ledger, result."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ketasim._version import __version__
from ketasim.core import Output, UsageError, Value, normals, output_register, unknown_name, value, values
from ketasim.core.arrays import Array
from ketasim.core.posterior import Posterior, fitted, posterior
from ketasim.core.records import RunRecord
from ketasim.dose import output_times
from ketasim.dose.segments import MERGE_H
from ketasim.engine.types import Schedule
from ketasim.forward import Courses, Forward, Tolerance, deliveries, differing, molar_mass
from ketasim.people import TYPICAL, People, chain_parameters, draw_people
from ketasim.people.occasions import occasion_shares
from ketasim.ratings.add_ons import add_on_drive
from ketasim.ratings.mood import (
    FELT_OF_MIDAZOLAM,
    STAGES,
    Drives,
    Mood,
    Treatment,
    mood,
    rating_numbers,
    route_factor,
    treatment,
)
from ketasim.stages.plasma.routing import routing_values

from .delivery import LOST_SHARE, ledger, totals
from .plan import Scenario, scenario
from .result import Failure, LedgerRow, Result
from .summary import LOOKS, summarise

MOST_GIGABYTES = 8.0


def run(what: str | Scenario, *, progress: Callable[[float], None] | None = None, **options: Any) -> Result:
    """Simulate a scenario: the typical person and `people` drawn ones.

    what : the words of a regimen ("ketamine iv 0.5 mg/kg over 40 min"), or a `Scenario`.
    progress : told the share done. options : those of `scenario` (repeat, with_, setting, days, at, people, seed, weight, ...).

    Returns a `Result`. Raises UsageError for words or options that cannot be carried out.
    """
    asked = what.but(**options) if isinstance(what, Scenario) else scenario(what, **options)
    return ScenarioRun(asked, progress).result()


def block_of(asked: Scenario, first: int) -> tuple[People, dict[str, Array], tuple[Failure, ...], ScenarioRun]:
    """`asked.people` people from index `first` on, without draws of the posterior: who they are, their outputs at the times asked for, (P, T)
    each, who failed, and the run itself. What one block of a streamed run needs."""
    work = ScenarioRun(asked.but(draws=0), first=first)
    _, table, failures = work.courses(work.event_times())
    at = np.searchsorted(work.times, asked.times_h - MERGE_H)
    people = People(asked.seed, work.everybody.person[1:], asked.traits)
    return people, {name: rows[1:, at] for name, rows in table.items()}, failures, work


def record_of(asked: Scenario) -> RunRecord:
    """The record that a run of this scenario would carry, without running it: version, hash of the model, numbers."""
    return ScenarioRun(asked).record()


def parameters_of(asked: Scenario) -> Mapping[str, Value]:
    """The numbers of the composed chain that this scenario integrates, without running it: those of other drugs and pathways are not among them."""
    return ScenarioRun(asked.but(people=0, draws=0)).composition.parameters


def under_each(asked: Scenario, names: Sequence[str], rows: Array) -> tuple[Array, Mapping[str, Array]]:
    """The typical person of a scenario under each of several sets of numbers, in one integration.

    names (k) : keys of values (`replaceable_values`); rows (n, k) : their numbers, in the units of the values. Returns the times (T,) in h and,
    per output, the courses (n, T); NaN where one failed. As `run(asked, values=...)` row by row, within the tolerance of the integration.
    """
    few = Posterior(tuple(names), np.asarray(rows, dtype=np.float64), np.full(len(rows), 1.0 / len(rows)))
    work = ScenarioRun(asked.but(people=0, draws=0), few=few)
    _, table, _ = work.courses(work.event_times())
    return work.times, {name: found[1:] for name, found in table.items()}


def replaceable_values(asked: Scenario) -> frozenset[str]:
    """Keys of the values that may be replaced in this scenario (`values=`, `--set`), without running it: chain, routing, setting, ratings."""
    return frozenset(ScenarioRun(asked.but(people=0, draws=0))._known())


class ScenarioRun:
    """One scenario on its way through the chain; every step is a method."""

    def __init__(
        self,
        asked: Scenario,
        progress: Callable[[float], None] | None = None,
        tolerance: Tolerance | None = None,
        first: int = 0,
        few: Posterior | None = None,
    ) -> None:
        """Rows of everybody: the typical person, the drawn people from index `first` on, then the typical person under each draw of the posterior
        (few : under each of these instead)."""
        self.asked, self.progress, self.tolerance = asked, progress, tolerance
        self.regimen = asked.regimen
        own = draw_people(asked.people, asked.seed, asked.traits, with_typical=True)
        self.own = len(own)
        shipped = posterior() if asked.draws else None
        self.few = few or (shipped.even(asked.draws) if shipped else None)
        drawn = np.full(len(self.few) if self.few else 0, TYPICAL)
        moved = np.where(own.person == TYPICAL, TYPICAL, own.person + first)
        self.everybody = People(asked.seed, np.concatenate([moved, drawn]), asked.traits)
        self.start_h = min(0.0, self.regimen.start_h(asked.end_h), float(asked.times_h[0]))
        self.doses = deliveries(self.regimen, asked.end_h, self.everybody.weight)
        self.forward = self._compose()
        self.composition = self.forward.composition
        self.numbers = self._numbers()
        self.amounts = totals(self.composition)
        self.treatment: Treatment = treatment(self.regimen, self.asked.end_h)
        self.register = self._register()

    def result(self) -> Result:
        scores, table, failures = self.courses(self.event_times())
        times = self.times
        at = np.searchsorted(times, self.asked.times_h - MERGE_H)
        given = self._ledger()
        own, drawn = slice(0, self.own), slice(self.own, None)
        people = {name: rows[own] for name, rows in table.items()}
        model = {name: rows[drawn] for name, rows in table.items()} if self.few else {}
        cut = [r for r in given if r.given_mg < (1 - LOST_SHARE) * r.asked_mg]
        found = Result(
            scenario=self.asked,
            record=self.record(),
            people=People(self.asked.seed, self.everybody.person[1 : self.own], self.asked.traits),
            time_h=self.asked.times_h,
            grid_h=times,
            follows=self.follows,
            values=MappingProxyType({name: np.take(rows, at, axis=1) for name, rows in people.items()}),
            grid_values=MappingProxyType(people),
            model_values=MappingProxyType({name: np.take(rows, at, axis=1) for name, rows in model.items()}),
            model_grid_values=MappingProxyType(model),
            failures=failures,
            ledger=given,
            warnings=(
                *self.asked.warnings,
                *(
                    f"the run ends before all of the {r.drug} of {r.time_h:g} h is given: {r.given_mg:.4g} of {r.asked_mg:.4g} mg"
                    for r in cut
                ),
            ),
            doses_h=tuple(time for time, _, _ in self.regimen.main.times(self.asked.end_h)),
            rated=scores.drive_only(self.own),
        )
        return summarise(found, scores.only(self.own), np.isfinite(people["madrs"]).all(axis=1))

    def courses(self, times: Array) -> tuple[Mood, dict[str, Array], tuple[Failure, ...]]:
        """Everybody's course of every output, (1 + P, T), on `times`, the boundaries of the segments and the times asked for (then `self.times`)."""
        schedules = self.schedules(times)
        self.boundaries = schedules[0].boundaries
        following = np.union1d(times, self.boundaries)
        asked = self.asked.times_h
        known = np.searchsorted(following, asked + MERGE_H) > np.searchsorted(following, asked - MERGE_H)
        self.times = np.union1d(following, asked[~known])
        self.follows = np.isin(self.times, following)
        found = self._integrate(schedules, self.times)
        self.first = found.first
        tables = [self.sessions.applied(arm, self.varying, self.times) for arm in found.tables]
        p = rating_numbers(self.everybody, lambda key, v: (v, self.numbers.get(key)))
        arm, *beside = (Drives.of(table) for table in tables)
        drives = self._with_add_ons([arm.scaled(route_factor(self.treatment, self.times, p)), *beside])
        scores = mood(  # not beside the levels: two threads of short steps in Python take the interpreter's lock from each other
            self.asked.setting,
            self.treatment,
            self.everybody,
            self.times,
            drives[0],
            drives[1] if len(drives) > 1 else None,
            p,
            self.asked.masked,
            self.follows,
        )
        levels = self._levels(tables[0])
        table = self._in_order(levels, scores)
        return scores, table, self._failures(found, table)

    def _with_add_ons(self, drives: list[Drives]) -> list[Drives]:
        """The arm and its placebo with the drive of add-ons beside that of an SSRI: people and the typical person at the centre of what is assumed,
        every draw of the posterior with numbers of its own, because nobody knows them."""
        if not self.asked.add_ons:
            return drives
        count = len(self.everybody)
        draws = np.arange(count - self.own)

        def numbers(kind: str, what: str) -> Array:
            return np.concatenate([np.zeros(self.own), normals(self.asked.seed, f"add-on {kind} {what}", draws)])

        z = {one.kind: (numbers(one.kind, "effect"), numbers(one.kind, "synergy")) for one in self.asked.add_ons}
        both = drives if len(drives) > 1 else [drives[0], drives[0].nothing()]

        def beside(d: Drives) -> Array:
            return np.asarray(d.ssri + add_on_drive(self.asked.add_ons, z, self.times, d.mood))

        return [replace(d, ssri=beside(d)) for d in both]

    # what is needed -----------------------------------------------------------------------------------------------

    def _compose(self) -> Forward:
        if self.doses and tuple(self.asked.variants.get("plasma", ())) == ("none",):
            raise UsageError(
                "with plasma=none no dose can enter the body",
                where="--variant plasma=none",
                allowed="none for any later stage: receptors, circuit, plasticity, mood, body",
                fix="--variant receptors=none",
            )
        asked = self.asked
        own = {key: v for entry in asked.compounds for key, v in entry.values.items()}
        found = Forward.of(
            self.doses, parts=asked.parts, variants=asked.variants, values=own, sudden=asked.sudden, held=asked.held
        )
        composition = found.composition
        known = {*composition.parameters, *_other_numbers()}
        for key in self.asked.values:
            if key not in known and key not in self.asked.optional:
                value(key)  # an unknown name teaches; a known one is not part of this scenario
                raise UsageError(
                    f"the value '{key}' has no part in this scenario", where="--set", allowed=", ".join(sorted(known))
                )
            _check_number(key, self.asked.values[key], composition.parameters)
        for change in self.asked.sudden:
            if change.state not in composition.states:
                raise unknown_name("state", change.state, composition.states, where="sudden")
        for level in self.asked.held:
            if level.input not in composition.inputs:
                raise unknown_name("input", level.input, composition.inputs, where="held")
        return found

    def _known(self) -> set[str]:
        """Values that can be replaced in this run: those of the chain, the routing, the setting and the ratings."""
        return {*self.composition.parameters, *_other_numbers()}

    def _numbers(self) -> dict[str, float | Array]:
        """Values replaced: those set by hand, for all; those of the posterior, the shipped number for people and the drawn one for each draw."""
        if not self.few:
            return dict(self.asked.values)
        known, parameters = self._known(), self.composition.parameters
        return {
            name: np.concatenate(
                [np.full(self.own, parameters[name].value if name in parameters else value(name).value), drawn]
            )
            for name, drawn in zip(self.few.names, self.few.draws.T, strict=True)
            if name in known
        } | dict(self.asked.values)

    def _register(self) -> dict[str, Output]:
        """The outputs this scenario has: always the main ones, those of other drugs if they are given."""
        present = set(self.composition.parts)
        return {
            name: entry
            for name, entry in output_register().items()
            if not entry.needs or present.intersection(entry.needs)
        }

    def event_times(self) -> Array:
        """Times that follow the doses, whatever is asked for: moments and beliefs are read off these alone."""
        events = self.regimen.events(self.asked.end_h, self.everybody.weight)
        looks = [hour for hour in LOOKS.values() if hour <= self.asked.end_h]
        return output_times(events, self.asked.end_h, looks)

    def schedules(self, times: Array) -> list[Schedule]:
        """The arm's schedule and, if there is co-medication, that of the same people with placebo for every main drug."""
        self.varying = chain_parameters(self.everybody, self.forward.numbers, self.numbers)
        begin, end = min(self.start_h, float(times[0]), float(self.asked.times_h[0])), self.asked.end_h
        self.sessions = differing(
            self.forward,
            self.everybody,
            self.forward.numbers,
            self.numbers,
            self.treatment.sessions,
            occasion_shares(self.asked.occasions),
            self._ports(),
        )
        routed = self.sessions.routed
        found = [self.forward.schedule(self.varying, begin, end, sessions=routed)]
        beside = [d for d in self.doses if not d.event.main and not d.event.entry.is_main]
        if beside:
            cuts = found[0].boundaries
            found.append(self.forward.schedule(self.varying, begin, end, given=beside, cuts=cuts, sessions=routed))
        return found

    def _ports(self) -> tuple[str, ...]:
        """Output ports that are read."""
        felt = {FELT_OF_MIDAZOLAM} if self.treatment.is_midazolam else set()
        ports = {port for entry in self.register.values() for port in entry.ports}
        return tuple(sorted(ports | set(Drives.ports().values()) | felt))

    # the integration ----------------------------------------------------------------------------------------------

    def _integrate(self, schedules: list[Schedule], times: Array) -> Courses:
        """Every arm for everybody."""
        wanted = tuple(sorted({*self._ports(), *self.sessions.needed}))
        count = len(self.everybody)
        courses = sum(name in self.composition.outputs for name in wanted) + len(self.sessions.needed)
        _refuse_too_much(self.asked.people, count, len(times), len(schedules) * courses + len(self.register))
        return self.forward.run(
            schedules,
            self.varying,
            count,
            times,
            wanted,
            replaceable=fitted(),  # values of the posterior are parameters in every run, so that its draws need no second model
            first=tuple(self.amounts.values()),
            tolerance=self.tolerance,
            progress=self.progress,
        )

    # what comes out ------------------------------------------------------------------------------------------------

    def _in_order(self, levels: Mapping[str, Array], scores: Mood) -> dict[str, Array]:
        """Every output, in the order of the register."""
        seen = {
            "madrs": scores.madrs,
            "madrs.change": scores.change,
            "madrs.effect": scores.effect,
            "ideation": scores.ideation,
        }
        return {name: seen[name] if entry.observed else levels[name] for name, entry in self.register.items()}

    def _levels(self, arm: Mapping[str, Array]) -> dict[str, Array]:
        """Every output that is no score, from the courses of the arm; what is read by one output alone becomes that output in place."""
        kept = (*Drives.ports().values(), FELT_OF_MIDAZOLAM)  # mood was read from them, and what it returns may be them
        used = Counter([port for entry in self.register.values() for port in entry.ports] + [*kept, *kept])
        table = {}
        for name, entry in self.register.items():
            if entry.observed:
                continue
            rows = sum((arm[port] for port in entry.ports[1:]), start=arm[entry.ports[0]])
            # an array of this output alone is written over
            alone = len(entry.ports) > 1 or (used[entry.ports[0]] == 1 and rows.flags.writeable)
            own = rows if alone else None
            factor = self.unit_factor(entry)
            if factor != 1.0:
                rows = own = np.multiply(rows, factor, out=own)
            if entry.resting:
                rows = own = np.add(rows, self.everybody.resting(entry.resting)[:, None], out=own)
            # a level that rounding of the integration left a hair below an end of its scale stands at that end
            below = entry.low is not None and (rows < entry.low).any()
            above = entry.high is not None and (rows > entry.high).any()
            table[name] = np.clip(rows, entry.low, entry.high, out=own) if below or above else rows
        return table

    def unit_factor(self, entry: Output) -> float:
        """What a port times gives the unit of an output: umol/L to ng/mL is the molar mass in g/mol; 1 for everything that is no concentration."""
        if not entry.molar_mass:
            return 1.0
        if entry.molar_mass == "drug:compound" and self.asked.compounds:
            return float(self.asked.compounds[0].molar_mass or 1.0)
        return molar_mass(entry.molar_mass)

    def _failures(self, courses: Courses, table: dict[str, Array]) -> tuple[Failure, ...]:
        """People who failed in the arm or in their placebo; their rows become NaN in every output, those of failed draws too."""
        count, status = len(self.everybody), courses.status.ravel()
        reasons = [reason for arm in courses.reasons for reason in arm]
        failed = np.unique(np.flatnonzero(status) % count)
        for name, rows in table.items() if failed.size else ():
            table[name] = np.array(rows)  # may be a view of a constant
            table[name][failed] = np.nan
        found: dict[int, Failure] = {}
        for row in np.flatnonzero(status).tolist():
            person = int(self.everybody.person[row % count])
            if row % count < self.own and person not in found:
                reason = reasons[row] or "the integration failed"
                when = re.search(r"at ([-+\d.eE]+) h", reason)
                found[person] = Failure(person, float(when.group(1)) if when else float("nan"), reason)
        return tuple(found[person] for person in sorted(found))

    def _ledger(self) -> tuple[LedgerRow, ...]:
        at = np.searchsorted(self.times, self.boundaries)
        mine = {
            key: float(number.flat[0] if isinstance(number, np.ndarray) else number)
            for key, number in self.forward.shares(self.varying).items()
        }
        amounts = {copy: self.first[name][at] for copy, name in self.amounts.items()}
        weight = float(self.everybody.weight[0])
        if not all(np.isfinite(rows).all() for rows in amounts.values()):
            return ()
        return ledger(
            self.regimen, self.doses, mine, self.composition, self.boundaries, amounts, weight, self.asked.end_h
        )

    def _repeated(self) -> bool:
        """Whether numbers of the occasions entered."""
        return len(self.treatment.sessions) > 1 and self.asked.occasions != "none"

    def record(self) -> RunRecord:
        """Version, hash of the model and every number that entered."""
        used: dict[str, Value] = dict(self.composition.parameters)
        beside = (("add_ons", bool(self.asked.add_ons)), ("occasions", self._repeated()))
        for stage in (*STAGES, "people", "clinic", *(name for name, there in beside if there)):
            used |= values(stage)
        for delivery in self.doses:
            way = delivery.administration
            needs = {
                name
                for share in (*(w.share for w in way.windows), *(d.share for d in way.deposits))
                for name in share.needs
            }
            used |= {key: routing_values()[key] for key in needs if key in routing_values()}
        return RunRecord(
            version=__version__,
            model=self.composition.hash,
            seed=self.asked.seed,
            settings=MappingProxyType(self.asked.settings()),
            values=MappingProxyType(used),
        )


def _check_number(key: str, number: float, parameters: Mapping[str, Value]) -> None:
    """A volume or a rate is not negative and a share is at most 1; apart from that an experiment may leave the prior's bounds."""
    try:
        known = parameters[key] if key in parameters else value(key)
    except UsageError:
        return  # of another chain (`optional`)
    uncertain = known.uncertain  # normal and without a unit: an exponent, a logarithm; no sign is ruled out
    signed = known.unit == "dimensionless" and uncertain is not None and uncertain.kind == "normal" and not known.bounds
    if isinstance(number, np.ndarray) or signed or known.value < 0 or (known.bounds and known.bounds[0] < 0):
        return
    most = 1.0 if known.bounds == (0.0, 1.0) and known.unit == "dimensionless" else np.inf
    if not 0 <= number <= most:
        raise UsageError(
            f"{known.name} cannot be {number:g} {known.unit}",
            where=f"--set {key}={number:g}",
            allowed="0 to 1" if most == 1.0 else f"0 and above ({known.unit})",
            fix=f"--set {key}={known.value:g}",
        )


def _other_numbers() -> set[str]:
    """Values that a run reads beside those of the composition."""
    return {key for stage in (*STAGES, "plasma", "people", "plasticity") for key in values(stage)}


def _refuse_too_much(people: int, courses: int, times: int, rows: int) -> None:
    """A run keeps every course of every person: say so before the memory is gone."""
    gigabytes = courses * times * rows * np.dtype(np.float64).itemsize / 1e9
    if gigabytes > MOST_GIGABYTES:
        asked, fit = people, int(people * MOST_GIGABYTES / gigabytes)
        raise UsageError(
            f"{asked} people on {times} times need {gigabytes:.0f} GB of memory",
            where=f"--people {asked}",
            allowed=f"about {fit} people over so many days",
            fix=f"--people {fit}",
        )
