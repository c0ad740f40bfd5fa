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
from numpy.typing import NDArray
from scipy.special import ndtr

from ketasim.chain import DEFAULT_PARTS, compose
from ketasim.chain.hypothesis import Hypothesis, union_keys, union_variants
from ketasim.core import knowledge_path, read_toml, value
from ketasim.engine import compile_model
from ketasim.people import chain_parameters, draw_people
from ketasim.scenario.delivery import deliveries, parts_needed, schedule
from ketasim.scenario.experiments import Plan, Published, arm_scenario, experiments, speaks
from ketasim.scenario.plan import read_times
from ketasim.stages.plasma.routing import routing_values

from ..arms.numbers import OUTSIDE

Array = NDArray[np.float64]
STATES = ("fast_mood", "late_mood", "habenula", "kappa_relief", "glutamate", "spines", "bdnf")
SIZES = {
    "fast_mood": "mood_fast_size",
    "late_mood": "mood_late_size",
    "habenula": "mood_habenula_size",
    "kappa_relief": "mood_kappa_size",
}
PEAK_GRID_H = np.linspace(0.0, 3.0, 31)  # where a peak is looked for
NOTHING = 1e-4  # a drug part (drive) below this is none
LANES = 48  # parameter vectors integrated at once
RTOL, ATOL = 1e-5, 1e-8


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

    def log_score(self, outcome: Array) -> Array:
        """Log score of predicted outcomes (any shape); NaN scores as no prediction."""
        p = self.published
        sd = float(np.hypot(number("finding_sd"), number("finding_animal_sd") if self.animal else 0.0))
        direction = isinstance(p.found, str) and p.found not in ("gone", "kept")
        flat = 0.5 if direction else 1.0 / number("finding_range")
        silent = number("finding_irrelevant") if self.animal else number("finding_irrelevant_human")
        r = np.nan_to_num(np.asarray(outcome, dtype=float), nan=0.0)
        if p.found == "weaker":
            chance = ndtr((1.0 - r) / sd)
        elif p.found == "stronger":
            chance = ndtr((r - 1.0) / sd)
        elif p.found == "works":
            chance = ndtr((r - number("finding_works")) / sd)
        else:
            target = {"gone": 0.0, "kept": 1.0}[p.found] if isinstance(p.found, str) else float(p.found)
            if not isinstance(p.found, str):
                # a number on its own scale: the flat outcome spans ten of its errors
                sd, flat = p.se, 1.0 / (10.0 * p.se)
            chance = np.exp(-0.5 * ((target - r) / sd) ** 2) / (sd * np.sqrt(2.0 * np.pi))
        return np.log(np.where(np.isnan(outcome), flat, (1.0 - silent) * chance + silent * flat))


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
        doses = deliveries(asked.regimen, asked.end_h, person.weight)
        parts = (*(parts_needed(doses) or DEFAULT_PARTS), *asked.parts)
        chain = compose(parts, union_variants() | dict(asked.variants))
        self.scale = {k: float(v) for k, v in table.get("scale", {}).items()}
        self.fixed = {k: float(v) for k, v in table.get("set", {}).items()}
        wanted = {*union_keys(), *self.scale, *self.fixed} - OUTSIDE
        shares = dict(routing_values()) | dict(chain.parameters)
        drawn = chain_parameters(person, shares, {})
        self.base = {key: float(x[0]) for key, x in drawn.items() if key in chain.parameters}
        self.keys = tuple(sorted((wanted | set(self.base)) & set(chain.parameters)))
        looks = [read_times(p.look)[0] for p in plan.published if p.look != "peak"]
        grid = PEAK_GRID_H if any(p.look == "peak" for p in plan.published) else np.zeros(1)
        begin = min(0.0, asked.regimen.start_h(asked.end_h))
        self.plan = schedule(
            doses,
            asked.sudden,
            asked.held,
            {**{k: v.value for k, v in shares.items()}, **drawn},
            chain.inputs,
            begin,
            asked.end_h,
        )
        self.times = np.unique(np.concatenate([grid, looks]))
        self.outputs = tuple(n for n in STATES if n in chain.defined)
        self.model = compile_model(chain.antimony, parameters=self.keys, outputs=self.outputs, inputs=chain.inputs)

    def table(self, numbers: list[dict[str, float]]) -> dict[str, Array]:
        """State -> (N, T)."""
        rows = []
        for own in numbers:
            known = self.base | own | {k: f * own.get(k, value(k).value) for k, f in self.scale.items()} | self.fixed
            rows.append([known[k] if k in known else value(k).value for k in self.keys])
        found = self.model.simulate(
            np.array(rows), [self.plan], np.zeros(len(rows), dtype=np.int64), self.times, rtol=RTOL, atol=ATOL
        )
        values_ = np.where(np.asarray(found.status)[:, None, None] == 0, found.values, np.nan)
        states = {name: values_[:, :, i] for i, name in enumerate(self.outputs)}
        zero = np.zeros((len(numbers), len(self.times)))
        size = {
            s: np.array([(own | self.fixed).get(k, value(k).value) for own in numbers])[:, None]
            for s, k in SIZES.items()
        }
        states["drug"] = np.asarray(sum((size[s] * states.get(s, zero) for s in SIZES), start=zero))
        return states


@lru_cache(maxsize=128)
def _arm(experiment: str, arm: str) -> _Arm:
    return _Arm(experiments()[experiment], arm)


@dataclass(frozen=True)
class FindingSet:
    """All weighed findings."""

    findings: tuple[Finding, ...]

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
                cache[key] = _arm(*key).table(numbers)
            times = _arm(*key).times
            rows = cache[key]["drug" if p.output.startswith("madrs") else p.output] - p.base
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
