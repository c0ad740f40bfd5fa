"""Virtual experiments by name: what is changed, what follows, and whether its sign is that of the evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

from ketasim.core import KetasimError, knowledge_path, read_toml, unknown_name, value

from .plan import Held, Scenario, Sudden, read_times, scenario
from .result import Result, plain
from .run import run

RELATIONS = ("weaker", "stronger", "equal", "small", "below")
_ARM_KEYS = ("words", "repeat", "with", "genotype", "setting", "days", "masked", "variants", "scale", "jumps", "held")


@dataclass(frozen=True, slots=True)
class Expectation:
    """One sentence that can be wrong: `output` of `arm` beside that of `versus` at `look`, compared without `base`."""

    says: str
    output: str
    look: str
    arm: str
    versus: str
    relation: str
    by: float
    base: float = 0.0


@dataclass(frozen=True, slots=True)
class Finding:
    """An expectation with the two numbers (typical person) and whether it holds."""

    expectation: Expectation
    own: float
    other: float

    @property
    def holds(self) -> bool:
        """weaker |a| < (1-by)|b|; stronger |a| > (1+by)|b|; equal |a-b| <= by|b|; small |a| <= by|b|; below a < (1-by) b."""
        a, b, by = self.own, self.other, self.expectation.by
        tests = {
            "weaker": abs(a) < (1 - by) * abs(b), "stronger": abs(a) > (1 + by) * abs(b), "equal": abs(a - b) <= by * abs(b),
            "small": abs(a) <= by * abs(b), "below": a < (1 - by) * b,
        }  # fmt: skip
        return bool(np.isfinite(a) and np.isfinite(b) and tests[self.expectation.relation])


@dataclass(frozen=True, slots=True)
class Plan:
    """An experiment before it is carried out."""

    name: str
    title: str
    asks: str
    records: tuple[str, ...]
    arms: Mapping[str, Mapping[str, Any]]
    expect: tuple[Expectation, ...]
    assumption: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """A virtual experiment carried out: arms by name, findings."""

    plan: Plan
    results: Mapping[str, Result]
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """True if every expectation holds."""
        return all(finding.holds for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the plan, the findings, each arm's run."""
        return {
            "experiment": self.plan.name, "title": self.plan.title, "asks": self.plan.asks, "records": list(self.plan.records),
            "assumption": self.plan.assumption, "passed": self.passed,
            "findings": [
                {
                    "says": f.expectation.says, "holds": f.holds, "output": f.expectation.output, "look": f.expectation.look,
                    "arm": f.expectation.arm, "value": plain(f.own), "versus": f.expectation.versus, "versus_value": plain(f.other),
                    "relation": f.expectation.relation, "by": f.expectation.by,
                }
                for f in self.findings
            ],
            "arms": {name: result.to_dict() for name, result in self.results.items()},
        }  # fmt: skip

    def to_json(self, indent: int | None = 2) -> str:
        """`to_dict` as valid JSON."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False, ensure_ascii=False)


@cache
def experiments() -> Mapping[str, Plan]:
    """Every experiment of knowledge/experiments.toml, by name."""
    found = {}
    for name, table in read_toml(knowledge_path() / "experiments.toml").items():
        where = f"knowledge/experiments.toml, [{name}]"
        for arm, words in table["arms"].items():
            for key in words:
                if key not in _ARM_KEYS:
                    raise unknown_name("entry of an arm", key, _ARM_KEYS, where=f"{where} {arm}")
        expect = []
        for entry in table["expect"]:
            expectation = Expectation(**dict(entry))
            if expectation.relation not in RELATIONS:
                raise unknown_name("relation", expectation.relation, RELATIONS, where=where)
            for arm in (expectation.arm, expectation.versus):
                if arm not in table["arms"]:
                    raise unknown_name("arm", arm, table["arms"], where=where)
            expect.append(expectation)
        found[name] = Plan(
            name=name, title=table["title"], asks=table["asks"], records=tuple(table["records"]),
            arms=MappingProxyType(table["arms"]), expect=tuple(expect), assumption=table.get("assumption", ""),
        )  # fmt: skip
    return MappingProxyType(found)


def experiment(
    name: str, *, progress: Callable[[float], None] | None = None, people: int = 0, seed: int = 1
) -> Experiment:
    """Carry out a virtual experiment; its expectations are judged on the typical person.

    Raises UsageError for an unknown name. An expectation that fails is in `findings`, and `passed` is False.
    """
    if name not in experiments():
        raise unknown_name("experiment", name, experiments(), where="experiment", fix="ketasim experiment list")
    plan = experiments()[name]
    results: dict[str, Result] = {}
    for number, (arm, table) in enumerate(plan.arms.items()):
        results[arm] = run(_scenario(plan, arm, table, people, seed))
        if progress:
            progress((number + 1) / len(plan.arms))
    findings = tuple(Finding(e, _number(results[e.arm], e), _number(results[e.versus], e)) for e in plan.expect)
    return Experiment(plan, MappingProxyType(results), findings)


def _scenario(plan: Plan, arm: str, table: Mapping[str, Any], people: int, seed: int) -> Scenario:
    looks = [read_times(e.look)[0] for e in plan.expect if e.look != "peak"]
    return scenario(
        table["words"],
        repeat=table.get("repeat", ""),
        with_=tuple(table.get("with", ())),
        setting=table.get("setting", "saline"),
        masked=table.get("masked", False),
        days=table.get("days"),
        at=sorted({0.0, *looks}) if looks else None,
        people=people,
        seed=seed,
        genotype=table.get("genotype"),
        variants=table.get("variants"),
        values={key: factor * value(key).value for key, factor in table.get("scale", {}).items()},
        sudden=[Sudden(read_times(j["at"])[0], j["state"], scale=float(j.get("scale", 1.0)), add=float(j.get("add", 0.0))) for j in table.get("jumps", ())],
        held=[Held(h["input"], float(h["level"]), read_times(h["from"])[0], read_times(h["to"])[0]) for h in table.get("held", ())],
        name=f"{plan.name}: {arm.replace('_', ' ')}",
    )


def _number(result: Result, e: Expectation) -> float:
    if e.look == "peak":
        course = result.fine(e.output)
        return float(np.max(course.typical) - e.base)
    hour = read_times(e.look)[0]
    course = result[e.output]
    at = np.flatnonzero(np.isclose(course.time_h, hour, rtol=0, atol=1e-9))
    if not at.size:
        raise KetasimError(f"{hour:g} h is not among the output times", where=f"experiment, {e.says}")
    return float(course.typical[at[0]] - e.base)


