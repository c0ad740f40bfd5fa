"""Findings of virtual experiments as evidence: a share of an effect that was gone, kept, weaker, stronger, or a number.

For a predicted outcome r (share of the comparator's effect, or a rise of glutamate):
  gone    N(0; r, s)      kept  N(1; r, s)      number x  N(x; r, se)      weaker  Phi((1 - r)/s)
  stronger  Phi((r - 1)/s)      works  Phi((r - w)/s)
mixed with a flat outcome: (1 - e) p + e q, q = 1/range for densities and 1/2 for directions; e is the chance that the finding says
nothing about people. A hypothesis without a prediction scores q: it neither gains nor is ruled out by fiat.
Many parameter vectors are integrated at once, one lane each; the drug part of mood stands for behaviour.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.special import ndtr

from ketasim.chain.hypothesis import Hypothesis, union_keys, union_variants
from ketasim.chain.readout import readout
from ketasim.core import knowledge_path, output_register, read_toml, value
from ketasim.core.arrays import Array
from ketasim.forward import Forward, deliveries
from ketasim.people import chain_parameters, draw_people
from ketasim.scenario.experiments import Plan, Published, arm_scenario, experiments, speaks
from ketasim.scenario.plan import read_times

DRUG_DRIVE = "mood_drive"  # the drug part of mood stands for behaviour
PEAK_GRID_H = np.linspace(0.0, 3.0, 31)  # where a peak is looked for
NOTHING = 1e-4  # a drug part (drive) below this is none
LANES = 48  # parameter vectors integrated at once


def number(key: str) -> float:
    """A value of knowledge/values/weigh.toml."""
    return value(f"weigh.{key}").value


@dataclass(frozen=True)
class Finding:
    """One weighed finding: its experiment and the study it comes from."""

    plan: Plan
    published: Published
    study: str

    @property
    def animal(self) -> bool:
        """True for animals and slices."""
        return self.published.species != "human"

    @property
    def is_direction(self) -> bool:
        """True if only a direction was found (weaker, stronger, works)."""
        return isinstance(self.published.found, str) and self.published.found not in ("gone", "kept")

    @property
    def sd(self) -> float:
        """Error of the finding: that of the printed number, or of a word."""
        if not isinstance(self.published.found, str):
            return self.published.se
        return float(np.hypot(number("finding_sd"), number("finding_animal_sd") if self.animal else 0.0))

    @property
    def silent(self) -> float:
        """Chance that the finding says nothing about people."""
        return number("finding_irrelevant") if self.animal else number("finding_irrelevant_human")

    @property
    def width(self) -> float:
        """Range of the flat outcome; a number on its own scale has ten of its errors."""
        return number("finding_range") if isinstance(self.published.found, str) else 10.0 * self.published.se

    @property
    def told(self) -> float:
        """What was seen: 1 for a direction, else a share of the effect or a number."""
        if self.is_direction:
            return 1.0
        found = self.published.found
        return {"gone": 0.0, "kept": 1.0}[found] if isinstance(found, str) else float(found)

    def distance(self, outcome: Array) -> Array:
        """How far outcomes lie on the side of the direction that was found."""
        r = np.asarray(outcome, dtype=float)
        return {"weaker": 1.0 - r, "stronger": r - 1.0, "works": r - number("finding_works")}[str(self.published.found)]

    def log_score(self, outcome: Array, told: Array | float | None = None) -> Array:
        """Log score of predicted outcomes (any shape); NaN scores as no prediction.

        told : what was seen instead of what was published (synthetic data): the number or share, or above 1/2 where the direction was seen.
        """
        seen = self.told if told is None else told
        r = np.nan_to_num(np.asarray(outcome, dtype=float), nan=0.0)
        if self.is_direction:
            yes = ndtr(self.distance(r) / self.sd)
            chance, flat = np.where(np.asarray(seen) > 0.5, yes, 1.0 - yes), 0.5
        else:
            chance = np.exp(-0.5 * ((seen - r) / self.sd) ** 2) / (self.sd * np.sqrt(2.0 * np.pi))
            flat = 1.0 / self.width
        return np.log(np.where(np.isnan(outcome), flat, (1.0 - self.silent) * chance + self.silent * flat))


@lru_cache(maxsize=1)
def _studies() -> Mapping[str, str]:
    table = read_toml(knowledge_path() / "studies" / "roles.toml")
    return {
        r: name
        for part in ("mechanism", "studies", "reference")
        for name, e in table[part].items()
        for r in e.get("records", ())
    }


class _Arm:
    """One arm of an experiment, ready for many parameter vectors."""

    def __init__(self, plan: Plan, arm: str) -> None:
        table = plan.arms[arm]
        asked = arm_scenario(plan, arm, table)
        person = draw_people(0, 1, asked.traits, with_typical=True)
        given = deliveries(asked.regimen, asked.end_h, person.weight)
        self.forward = Forward.of(
            given,
            parts=asked.parts,
            variants=union_variants() | dict(asked.variants),
            sudden=asked.sudden,
            held=asked.held,
        )
        self.readout = readout(self.forward.composition)
        self.scale = {k: float(v) for k, v in table.get("scale", {}).items()}
        self.fixed = {k: float(v) for k, v in table.get("set", {}).items()}
        parameters = self.forward.composition.parameters
        drawn = chain_parameters(person, self.forward.numbers, {})
        self.base = {key: float(x[0]) for key, x in drawn.items() if key in parameters}
        wanted = {*union_keys(), *self.scale, *self.fixed} & self.readout.within
        self.keys = tuple(sorted((wanted | set(self.base)) & set(parameters)))
        looks = [read_times(p.look)[0] for p in plan.published if p.look != "peak"]
        grid = PEAK_GRID_H if any(p.look == "peak" for p in plan.published) else np.zeros(1)
        begin = min(0.0, asked.regimen.start_h(asked.end_h))
        self.plan = self.forward.schedule(drawn, begin, asked.end_h)
        self.times = np.unique(np.concatenate([grid, looks]))
        ports = [port for p in plan.published for port in _ports(p.output) if port not in self.readout.formulas]
        self.integrated = tuple(dict.fromkeys((*self.readout.needed, *ports)))

    def table(self, numbers: list[dict[str, float]]) -> dict[str, Array]:
        """What the findings of this experiment look at -> (N, T); `numbers`: one set of values a lane."""
        lanes = [self._lane(own) for own in numbers]
        varying = {key: np.array([lane[key] for lane in lanes]) for key in self.keys}
        found = self.forward.run([self.plan], varying, len(lanes), self.times, self.integrated)
        ok = (found.status[0] == 0)[:, None]
        courses = {name: np.where(ok, rows, np.nan) for name, rows in found.table.items()}
        for name in (*self.readout.formulas, *self.readout.nulls):
            late = {key: np.array([lane[key] for lane in lanes]) for key in self.readout.reads(name)}
            rows = self.readout(name, courses, late, self.times)
            courses[name] = np.broadcast_to(rows, (len(lanes), len(self.times)))
        return courses

    def _lane(self, own: Mapping[str, float]) -> dict[str, float]:
        """Every value of one lane: shipped, of this person, of the hypothesis, scaled and fixed by the experiment, in this order."""
        keys = (*self.keys, *self.readout.after)
        known = self.base | dict(own) | {k: f * own.get(k, value(k).value) for k, f in self.scale.items()} | self.fixed
        return {k: known[k] if k in known else value(k).value for k in keys}


def _ports(output: str) -> tuple[str, ...]:
    """Ports behind an output that a finding looks at: those of the register, the drug part for a mood score, or the port itself."""
    if output.startswith("madrs"):
        return (DRUG_DRIVE,)
    register = output_register()
    return register[output].ports if output in register else (output,)


@dataclass(frozen=True)
class FindingSet:
    """Findings that are weighed: those of the package, or of one's own."""

    findings: tuple[Finding, ...]

    @cached_property
    def _arms(self) -> dict[tuple[str, str], _Arm]:
        """Arms that were prepared, by experiment and name."""
        return {}

    def _arm(self, plan: Plan, arm: str) -> _Arm:
        key = (plan.name, arm)
        if key not in self._arms:
            self._arms[key] = _Arm(plan, arm)
        return self._arms[key]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Studies behind the findings, each once."""
        return tuple(dict.fromkeys(f.study for f in self.findings))

    @cached_property
    def groups(self) -> dict[str, str]:
        """Group of every study."""
        return {f.study: "animal" if f.animal else "human mechanism" for f in self.findings}

    def predict(self, entry: Hypothesis, z: Array) -> Array:
        """Outcomes (N, F) at the scores z (N, p); NaN where the hypothesis has no prediction."""
        out = np.full((len(z), len(self.findings)), np.nan)
        for first in range(0, len(z), LANES):
            part = z[first : first + LANES]
            numbers = [entry.numbers(row) | entry.switched_off() for row in part]
            cache: dict[tuple[str, str], dict[str, Array]] = {}
            for i, f in enumerate(self.findings):
                if speaks(entry, f.published):
                    out[first : first + len(part), i] = self._outcome(f, numbers, cache)
        return out

    def _outcome(
        self, f: Finding, numbers: list[dict[str, float]], cache: dict[tuple[str, str], dict[str, Array]]
    ) -> Array:
        p = f.published

        def seen(arm: str) -> Array:
            key = (f.plan.name, arm)
            if key not in cache:
                cache[key] = self._arm(f.plan, arm).table(numbers)
            times = self._arm(f.plan, arm).times
            rows = np.sum([cache[key][port] for port in _ports(p.output)], axis=0) - p.base
            return (
                rows.max(axis=1) if p.look == "peak" else rows[:, int(np.argmin(np.abs(times - read_times(p.look)[0])))]
            )

        own = seen(p.arm)
        if not p.versus:
            return own * (value(p.times).value if p.times else 1.0)
        other = seen(p.versus)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.abs(other) > NOTHING, np.clip(own / other, -3.0, 5.0), np.nan)

    def score(self, outcomes: Array) -> Array:
        """Log score per study, (N, S)."""
        table = np.stack([f.log_score(outcomes[:, i]) for i, f in enumerate(self.findings)], axis=1)
        return np.stack([table[:, [f.study == name for f in self.findings]].sum(axis=1) for name in self.names], axis=1)


@lru_cache(maxsize=1)
def finding_sets() -> FindingSet:
    """The findings of knowledge/experiments.toml that count: role fit, seen in the source, not told by a study folder."""
    found = []
    for plan in experiments().values():
        for p in plan.published:
            if p.weighed:
                found.append(Finding(plan, p, _studies().get(p.records[0], re.split(r"[: ]", p.says)[0])))
    return FindingSet(tuple(found))
