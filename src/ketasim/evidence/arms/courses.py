"""What the chain gives for one arm of a study: drives, felt level, pressor level, concentrations, in the even people.

Everything that depends on a differential equation happens here and is kept; sizes, gains, setting and observation are
put on top without integrating again (`ketasim.evidence.arms.mood_arm`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ketasim.chain import DEFAULT_PARTS, Composition, compose
from ketasim.core import KetasimError, value
from ketasim.dose import MEDIUM, output_times
from ketasim.engine import compile_model
from ketasim.people import Traits, chain_parameters
from ketasim.scenario.delivery import Delivery, deliveries, parts_needed, schedule
from ketasim.scenario.mood import NOT_A_SESSION
from ketasim.scenario.plan import Held, Scenario, Sudden
from ketasim.stages.plasma.routing import routing_values

from .quasi import PEOPLE, EvenPeople, even_people

Array = NDArray[np.float64]

RTOL, ATOL = 1e-5, 1e-9
AGAIN = ((1e-4, 1e-7), (1e-7, 1e-11))  # where a switch in the equations stops the integration at the usual tolerance
STATES = (
    "fast_mood",
    "late_mood",
    "habenula",
    "kappa_relief",
    "ideation_path",
    "ssri_turnover",
    "acute_level",
    "dissociation_adaptation",
    "pressor_level",
)
# Times after the start of a session at which its peaks are looked for, h.
PEAK_OFFSETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 2 / 3, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0)


# Parameters of every compiled model although they are often the same for everybody: those that covariates, experiments and
# the fit replace. Otherwise each of their combinations would be compiled anew.
OFTEN_REPLACED = frozenset(
    (
        "hepatic_flow",
        "other_clearance",
        "norketamine_clearance",
        "nasal_fraction",
        "val66met_secretion",
        "surge_half_block",
        "opioid_gate_weight",
        "spine_elimination_rate",
        "spine_consolidation_rate",
        "spine_decay_rate",
        "dissociation_adaptation_rate",
    )
)


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
    """The integrated arm. times (T,) h; table: state or port -> (P, T); sessions (S,) h."""

    spec: ArmSpec
    times: Array
    sessions: Array
    table: Mapping[str, Array] = field(repr=False)
    is_comparator: bool = False
    is_midazolam: bool = False
    new_antidepressant: float | None = None
    last_dose_h: float = 0.0

    def at(self, name: str, time_h: float) -> Array:
        """A state or port of every person at a time that was asked for, (P,)."""
        return self.rows(name)[:, self.index(time_h)]

    def index(self, time_h: float) -> int:
        """Column of a time that was asked for."""
        found = int(np.argmin(np.abs(self.times - time_h)))
        if abs(self.times[found] - time_h) > 1e-6:
            raise KetasimError(f"{time_h:g} h was not asked for", where=self.spec.words)
        return found

    def rows(self, name: str) -> Array:
        """A state or port (P, T); 0 where this composition has none."""
        found = self.table.get(name)
        return np.zeros((self.spec.people, len(self.times))) if found is None else found

    @cached_property
    def felt_level(self) -> Array:
        """Unbound level that is felt: acute level times what adaptation leaves, umol/L, (P, T)."""
        return np.maximum(self.rows("acute_level"), 0.0) * (1.0 - self.rows("dissociation_adaptation"))

    @cached_property
    def session_index(self) -> NDArray[np.int64]:
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
    """Integrate an arm. numbers : values of the chain replaced by others (their spread between people stays)."""
    plan = _plan(spec)
    overrides = {key: v for key, v in (numbers or {}).items() if key in plan.known}
    for key, factor in spec.scaled:
        overrides[key] = factor * overrides.get(key, number_of(key))
    return _integrate(spec, tuple(sorted(overrides.items())))


@dataclass(frozen=True)
class _Plan:
    scenario: Scenario
    people: EvenPeople
    doses: tuple[Delivery, ...]
    composition: Composition | None
    times: Array
    sessions: Array
    known: frozenset[str]


@lru_cache(maxsize=1024)
def _plan(spec: ArmSpec) -> _Plan:
    end = max((*spec.times, 0.0))
    asked = Scenario(
        spec.words, repeat=spec.repeat, with_=spec.with_, at=(*spec.times, max(end, 1.0)), days=max(end, 1.0) / 24.0
    )
    people = spec.everybody()
    regimen = asked.regimen
    sessions = np.unique(
        [t for t, _, dose in regimen.main.times(asked.end_h) if dose.drug != NOT_A_SESSION and t < max(end, 1e-9)]
    )
    grid = [np.asarray(spec.times, dtype=float)]
    following = np.append(sessions[1:], asked.end_h + 1.0)
    for start, then in zip(sessions, following, strict=True):
        offsets = np.array([0.0, *PEAK_OFFSETS])
        inside = start + offsets
        grid.append(inside[(inside < then) & (inside <= asked.end_h)])
    events = regimen.events(asked.end_h, people.weight)
    if spec.dense:
        grid.append(np.asarray(output_times(events, asked.end_h, (), MEDIUM)))
    doses = deliveries(regimen, asked.end_h, people.weight)
    parts = parts_needed(doses)
    composition = (
        compose(parts or DEFAULT_PARTS, dict(spec.variants) or None) if parts or spec.held or spec.sudden else None
    )
    known = frozenset({*(composition.parameters if composition else ()), *routing_values()})
    times = np.unique(np.concatenate(grid)) if grid else np.zeros(1)
    keep = np.ones(len(times), dtype=bool)
    asked_for = np.asarray(spec.times, dtype=float)
    for i in range(1, len(times)):  # times that rounding made nearly equal
        if times[i] - times[i - 1] < 1e-7:
            keep[i - 1 if np.any(np.abs(asked_for - times[i]) == 0) else i] = False
    return _Plan(asked, people, doses, composition, times[keep], np.asarray(sessions, dtype=float), known)


def _outputs(c: Composition, dense: bool) -> tuple[str, ...]:
    """What a composition is compiled to put out: the same for all its arms, so that there are few models to compile."""
    tissue = ("moaas", "glutamate", "bdnf", "spines") + (tuple(c.outputs) if dense else ())
    return tuple(n for n in dict.fromkeys((*STATES, *tissue)) if n in c.defined or n in c.states)


@lru_cache(maxsize=256)
def _model(text: str, parameters: tuple[str, ...], outputs: tuple[str, ...], inputs: tuple[str, ...]):  # type: ignore[no-untyped-def]
    return compile_model(text, parameters=parameters, outputs=outputs, inputs=inputs)


@lru_cache(maxsize=3000)
def _integrate(spec: ArmSpec, overrides: tuple[tuple[str, float], ...]) -> Course:
    plan = _plan(spec)
    asked, regimen = plan.scenario, plan.scenario.regimen
    main = regimen.main.blocks[0].dose
    begun = [d.time_h for d in regimen.doses(asked.end_h) if d.dose.drug == NOT_A_SESSION]
    mains = [t for t, _, _ in regimen.main.times(asked.end_h)]
    about = {
        "is_comparator": main.entry.role == "placebo" or main.drug == "midazolam",
        "is_midazolam": main.drug == "midazolam",
        "new_antidepressant": min(begun) if begun else None,
        "last_dose_h": max(mains) if mains else 0.0,
    }
    c = plan.composition
    if c is None:
        return Course(spec, plan.times, plan.sessions, MappingProxyType({}), **about)  # type: ignore[arg-type]
    numbers = dict(routing_values()) | dict(c.parameters)
    varying = chain_parameters(plan.people, numbers, dict(overrides))
    shares = {key: v.value for key, v in numbers.items()} | varying
    start = min(0.0, regimen.start_h(asked.end_h), float(plan.times[0]))
    built = schedule(plan.doses, spec.sudden, spec.held, shares, c.inputs, start, asked.end_h)
    outputs = _outputs(c, spec.dense)
    names = tuple(sorted((set(varying) | OFTEN_REPLACED) & set(c.parameters)))
    model = _model(c.antimony, names, outputs, c.inputs)
    table = np.column_stack([varying.get(n, np.full(spec.people, c.parameters[n].value)) for n in names])
    for rtol, atol in ((RTOL, ATOL), *AGAIN):
        found = model.simulate(table, [built], np.zeros(spec.people, dtype=np.int64), plan.times, rtol=rtol, atol=atol)
        if not np.any(found.status != 0):
            break
    if np.any(found.status != 0):
        bad = int(np.flatnonzero(found.status)[0])
        raise KetasimError(f"the integration of person {bad} failed: {found.reasons[bad]}", where=spec.words)
    kept = {*STATES, *spec.ports}
    rows = {name: np.ascontiguousarray(found.values[:, :, i]) for i, name in enumerate(outputs) if name in kept}
    for port in spec.ports:
        if port not in rows and port in c.nulls:
            rows[port] = np.full((spec.people, len(plan.times)), c.nulls[port])
    return Course(spec, plan.times, plan.sessions, MappingProxyType(rows), **about)  # type: ignore[arg-type]
