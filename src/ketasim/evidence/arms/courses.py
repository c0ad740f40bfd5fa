"""What the chain gives for one arm of a study: states, levels and concentrations, in the even people.

Everything that depends on a differential equation happens here and is kept. What acts afterwards (sizes, gains, maxima) is worked out
from the model's own equations (`ketasim.chain.readout`) without integrating again; setting and observation come on top (`ketasim.ratings`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from ketasim.chain import registry
from ketasim.chain.hypothesis import union_keys
from ketasim.chain.readout import Readout, readout
from ketasim.core import KetasimError, knowledge_path, read_toml, value
from ketasim.core.arrays import Array, IntArray
from ketasim.core.posterior import fitted
from ketasim.dose import MEDIUM, output_times
from ketasim.forward import Forward, Held, Sudden, deliveries
from ketasim.people import People, Traits, chain_parameters
from ketasim.people.covariates import replaced_by_traits
from ketasim.ratings.mood import FELT_OF_MIDAZOLAM, Treatment, treatment
from ketasim.scenario.experiments import experiments
from ketasim.scenario.plan import Scenario
from ketasim.stages.plasma.routing import routing_values

from .numbers import Numbers
from .quasi import PEOPLE, EvenPeople, even_people

# Times after the start of a session at which its peaks are looked for, h.
PEAK_OFFSETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 2 / 3, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0)


@cache
def often_replaced() -> frozenset[str]:
    """Values that are parameters of every compiled model although they are often the same for everybody: those that covariates,
    experiments, hypotheses and the fit replace. Otherwise each of their combinations would be compiled anew."""
    arms = (arm for plan in experiments().values() for arm in plan.arms.values())
    changed = {key for arm in arms for key in (*arm.get("scale", {}), *arm.get("set", {}))}
    free = read_toml(knowledge_path() / "fits" / "evidence.toml")["free"]
    return frozenset({*replaced_by_traits(), *changed, *union_keys(), *fitted(), *free})


@dataclass(frozen=True, slots=True)
class ArmSpec:
    """What has to be integrated: doses in words, who, and when answers are needed (h). Hashable: the key of the cache."""

    words: str
    repeat: str = ""
    with_: tuple[str, ...] = ()
    genotype: str = "val/val"
    ethnicity: str = "unspecified"
    mean_weight: float | None = None
    mean_age: float | None = None
    times: tuple[float, ...] = ()
    dense: bool = False
    ports: tuple[str, ...] = ()
    variants: tuple[tuple[str, tuple[str, ...]], ...] = ()
    scaled: tuple[tuple[str, float], ...] = ()
    sudden: tuple[Sudden, ...] = ()
    held: tuple[Held, ...] = ()
    people: int = PEOPLE

    def everybody(self, baseline: float = float("nan"), baseline_sd: float = float("nan")) -> EvenPeople:
        """The even people of this arm."""
        reported = {"mean_weight": self.mean_weight, "mean_age": self.mean_age}
        return even_people(
            self.people,
            Traits(genotype=self.genotype, ethnicity=self.ethnicity),
            baseline=baseline,
            baseline_sd=baseline_sd,
            **{key: number for key, number in reported.items() if number is not None},
        )


@dataclass(frozen=True)
class Course:
    """The integrated arm. times (T,) h; table: integrated identifier -> (P, T); readout: outputs from those, None where nothing was integrated."""

    spec: ArmSpec
    times: Array
    noticed: Treatment
    table: Mapping[str, Array] = field(repr=False)
    readout: Readout | None = field(default=None, repr=False)

    @property
    def sessions(self) -> Array:
        """Starts of the treatment sessions (S,), h."""
        return self.noticed.sessions

    def at(self, name: str, time_h: float) -> Array:
        """An integrated quantity of every person at a time that was asked for, (P,)."""
        return self.rows(name)[:, self.index(time_h)]

    def index(self, time_h: float) -> int:
        """Column of a time that was asked for."""
        found = int(np.argmin(np.abs(self.times - time_h)))
        if abs(self.times[found] - time_h) > 1e-6:
            raise KetasimError(f"{time_h:g} h was not asked for", where=self.spec.words)
        return found

    def rows(self, name: str) -> Array:
        """An integrated quantity (P, T); 0 where this composition has none."""
        found = self.table.get(name)
        return np.zeros((self.spec.people, len(self.times))) if found is None else found

    def output(self, name: str, people: People, numbers: Numbers, factors: Mapping[str, float] | None = None) -> Array:
        """An output port of the last stages (mood_drive, cadss, sbp_rise, moaas, ...) of every person, (P, T), by the model's own equations.

        numbers : what the values that act after the integration are; factors : on some of them, for everybody.
        """
        shape = (self.spec.people, len(self.times))
        if self.readout is None:
            return np.broadcast_to(registry().ports[name].null, shape)
        scale = dict(self.spec.scaled)
        given = {}
        for key in self.readout.reads(name):
            own = numbers.person(key, people) if numbers.full(key).between is not None else numbers(key)
            given[key] = own * scale.get(key, 1.0) * (factors or {}).get(key, 1.0)
        return np.broadcast_to(self.readout(name, self.table, given, self.times), shape)

    @cached_property
    def session_index(self) -> IntArray:
        """First column of every session, and the end, (S + 1,)."""
        return np.append(np.searchsorted(self.times, self.sessions - 1e-9), len(self.times))

    def session_peaks(self, rows: Array) -> Array:
        """Largest value within each session, (P, S)."""
        edges = self.session_index
        if not len(self.sessions):
            return np.zeros((rows.shape[0], 0))
        return np.stack([rows[:, a:b].max(axis=1) for a, b in pairwise(edges)], axis=1)


def number_of(key: str) -> float:
    """The shipped number of a value."""
    return value(key).value


def course(spec: ArmSpec, numbers: Mapping[str, float] | None = None) -> Course:
    """Integrate an arm. numbers : values replaced by others (their spread between people stays); those that the integration does not read
    are left to `Course.output`."""
    return _integrate(spec, _read(spec, numbers or {}))


def _read(spec: ArmSpec, numbers: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """What of the replaced numbers the integration of an arm reads, in the order of their names."""
    within = _plan(spec).within
    overrides = {key: v for key, v in numbers.items() if key in within}
    for key, factor in spec.scaled:
        if key in within:
            overrides[key] = factor * overrides.get(key, number_of(key))
    return tuple(sorted(overrides.items()))


def many_courses(spec: ArmSpec, sets: Sequence[Mapping[str, float]]) -> list[Course]:
    """`course` under each of several sets of replaced numbers: one compiled model and one integration of everybody under all of them."""
    plan = _plan(spec)
    if plan.forward is None or plan.readout is None:
        return [course(spec)] * len(sets)
    read = [_read(spec, one) for one in sets]
    kinds = list(dict.fromkeys(read))
    regimen, count = plan.scenario.regimen, len(kinds)
    weight = np.tile(plan.people.weight, count)
    forward = Forward.of(
        deliveries(regimen, plan.scenario.end_h, weight),
        variants=dict(spec.variants),
        sudden=spec.sudden,
        held=spec.held,
    )
    columns = [chain_parameters(plan.people, forward.numbers, dict(one)) for one in kinds]
    varying = {
        name: np.concatenate(
            [np.broadcast_to(c.get(name, forward.numbers[name].value), (spec.people,)) for c in columns]
        )
        for name in dict.fromkeys(key for c in columns for key in c)
    }
    start = min(0.0, regimen.start_h(plan.scenario.end_h), float(plan.times[0]))
    found = forward.run(
        [forward.schedule(varying, start, plan.scenario.end_h)],
        varying,
        len(weight),
        plan.times,
        _outputs(plan.forward, plan.readout, spec),
        replaceable=often_replaced() & plan.within,
    )
    made = {}
    for i, kind in enumerate(kinds):
        rows = slice(i * spec.people, (i + 1) * spec.people)
        status = found.status[0][rows]
        if np.any(status != 0):
            bad = int(np.flatnonzero(status)[0])
            why = found.reasons[0][i * spec.people + bad]
            raise KetasimError(f"the integration of person {bad} failed: {why}", where=f"{spec.words}, {dict(kind)}")
        made[kind] = _course(spec, plan, {name: table[rows] for name, table in found.table.items()})
    return [made[one] for one in read]


def integrates(spec: ArmSpec) -> frozenset[str]:
    """Keys of the values that the integration of an arm reads; all others act afterwards."""
    return _plan(spec).within


def integrated_values(spec: ArmSpec) -> frozenset[str]:
    """Of them those of the arm's own composition and routing (not of drugs that are not given)."""
    plan = _plan(spec)
    return frozenset() if plan.forward is None else plan.within & frozenset(plan.forward.numbers)


@dataclass(frozen=True)
class _Plan:
    scenario: Scenario
    people: EvenPeople
    forward: Forward | None
    readout: Readout | None
    times: Array
    noticed: Treatment
    within: frozenset[str]


@lru_cache(maxsize=1024)
def _plan(spec: ArmSpec) -> _Plan:
    end = max((*spec.times, 0.0))
    asked = Scenario(
        spec.words, repeat=spec.repeat, with_=spec.with_, at=(*spec.times, max(end, 1.0)), days=max(end, 1.0) / 24.0
    )
    people = spec.everybody()
    noticed = treatment(asked.regimen, asked.end_h, until_h=max(end, 1e-9))
    given = deliveries(asked.regimen, asked.end_h, people.weight)
    forward = made = None
    within: frozenset[str] = frozenset()
    if given or spec.held or spec.sudden:
        forward = Forward.of(given, variants=dict(spec.variants), sudden=spec.sudden, held=spec.held)
        made = readout(forward.composition)
        within = made.within | frozenset(routing_values())
    return _Plan(asked, people, forward, made, _times(spec, asked, noticed.sessions, people), noticed, within)


def _times(spec: ArmSpec, asked: Scenario, sessions: Array, people: EvenPeople) -> Array:
    """Times asked for, times at which the peaks of each session are looked for, and a fine grid where the rows ask for one."""
    grid = [np.asarray(spec.times, dtype=float)]
    following = np.append(sessions[1:], asked.end_h + 1.0)
    for start, then in zip(sessions, following, strict=True):
        offsets = np.array([0.0, *PEAK_OFFSETS])
        inside = start + offsets
        grid.append(inside[(inside < then) & (inside <= asked.end_h)])
    if spec.dense:
        events = asked.regimen.events(asked.end_h, people.weight)
        grid.append(np.asarray(output_times(events, asked.end_h, (), MEDIUM)))
    times = np.unique(np.concatenate(grid)) if grid else np.zeros(1)
    keep = np.ones(len(times), dtype=bool)
    asked_for = np.asarray(spec.times, dtype=float)
    for i in range(1, len(times)):  # times that rounding made nearly equal
        if times[i] - times[i - 1] < 1e-7:
            keep[i - 1 if np.any(np.abs(asked_for - times[i]) == 0) else i] = False
    return np.asarray(times[keep])


def _outputs(forward: Forward, made: Readout, spec: ArmSpec) -> tuple[str, ...]:
    """What a composition is compiled to put out: the same for nearly all its arms, so that there are few models to compile."""
    c = forward.composition
    ports = c.outputs if spec.dense else tuple(n for n in spec.ports if n in c.outputs)
    felt = (FELT_OF_MIDAZOLAM,) if FELT_OF_MIDAZOLAM in c.defined else ()
    late = set(made.formulas) - set(made.needed)
    return tuple(n for n in dict.fromkeys((*made.needed, *felt, *ports)) if n not in late)


@lru_cache(maxsize=3000)
def _integrate(spec: ArmSpec, overrides: tuple[tuple[str, float], ...]) -> Course:
    plan = _plan(spec)
    asked, regimen = plan.scenario, plan.scenario.regimen
    if plan.forward is None or plan.readout is None:
        return Course(spec, plan.times, plan.noticed, MappingProxyType({}), None)
    varying = chain_parameters(plan.people, plan.forward.numbers, dict(overrides))
    start = min(0.0, regimen.start_h(asked.end_h), float(plan.times[0]))
    found = plan.forward.run(
        [plan.forward.schedule(varying, start, asked.end_h)],
        varying,
        spec.people,
        plan.times,
        _outputs(plan.forward, plan.readout, spec),
        replaceable=often_replaced() & plan.within,
    )
    if np.any(found.status != 0):
        bad = int(np.flatnonzero(found.status[0])[0])
        raise KetasimError(f"the integration of person {bad} failed: {found.reasons[0][bad]}", where=spec.words)
    return _course(spec, plan, found.table)


def _course(spec: ArmSpec, plan: _Plan, table: Mapping[str, Array]) -> Course:
    """What is kept of an integration: states that the readout needs, levels and ports that the arm asks for."""
    assert plan.readout is not None and plan.forward is not None
    kept = {*plan.readout.needed, FELT_OF_MIDAZOLAM, *spec.ports}
    rows = {name: np.ascontiguousarray(course) for name, course in table.items() if name in kept}
    for port in spec.ports:
        if port not in rows and port in plan.forward.composition.nulls:
            rows[port] = np.full((spec.people, len(plan.times)), plan.forward.composition.nulls[port])
    return Course(spec, plan.times, plan.noticed, MappingProxyType(rows), plan.readout)
