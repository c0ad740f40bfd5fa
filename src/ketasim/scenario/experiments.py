"""Virtual experiments by name: what is changed, what follows, and whether its sign is that of the evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ketasim.chain.hypothesis import Hypothesis, union_keys, union_variants
from ketasim.chain.hypothesis import hypotheses as all_hypotheses
from ketasim.chain.hypothesis import hypothesis as named_hypothesis
from ketasim.core import KetasimError, knowledge_path, read_toml, unknown_name, value
from ketasim.core.frozen import FrozenMapping

from .plan import Scenario, read_times
from .result import Result, plain
from .run import run
from .table import scenario_of_table

RELATIONS = ("weaker", "stronger", "equal", "small", "below")
_ARM_KEYS = (
    "words",
    "repeat",
    "with",
    "genotype",
    "setting",
    "days",
    "masked",
    "variants",
    "scale",
    "set",
    "jumps",
    "held",
    "parts",
)
WORDS_FOUND = ("gone", "kept", "weaker", "stronger", "works")
SPECIES = ("human", "mouse", "rat", "slice")


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
            "weaker": abs(a) < (1 - by) * abs(b),
            "stronger": abs(a) > (1 + by) * abs(b),
            "equal": abs(a - b) <= by * abs(b),
            "small": abs(a) <= by * abs(b),
            "below": a < (1 - by) * b,
        }
        return bool(np.isfinite(a) and np.isfinite(b) and tests[self.expectation.relation])


@dataclass(frozen=True, slots=True)
class Published:
    """What was found: `output` of `arm` as a share of that of `versus` (as it is without `versus`), at `look`.

    found : a word of WORDS_FOUND, or a number with its standard error. times : a value by which the output is seen
    through an instrument. role : fit | validate (never weighed), from the records. weigh : "study" where a study folder speaks.
    """

    says: str
    output: str
    look: str
    arm: str
    found: str | float
    species: str
    records: tuple[str, ...]
    versus: str = ""
    se: float = float("nan")
    times: str = ""
    memory: bool = False
    weigh: str = ""
    role: str = "fit"

    @property
    def base(self) -> float:
        """The undosed value of the output."""
        return 1.0 if self.output in ("glutamate", "bdnf") else 0.0

    @property
    def weighed(self) -> bool:
        """True if this finding counts in the weighing of hypotheses (through its study folder, if `weigh` says so)."""
        return self.role == "fit" and not self.memory and self.weigh != "study"


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
    published: tuple[Published, ...] = ()


@dataclass(frozen=True, slots=True)
class Experiment:
    """A virtual experiment carried out: arms by name, findings."""

    plan: Plan
    results: Mapping[str, Result]
    findings: tuple[Finding, ...]
    predictions: Mapping[str, tuple[float | None, ...]] = FrozenMapping({})

    @property
    def passed(self) -> bool:
        """True if every expectation holds."""
        return all(finding.holds for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the plan, the findings, each arm's run."""
        return {
            "experiment": self.plan.name,
            "title": self.plan.title,
            "asks": self.plan.asks,
            "records": list(self.plan.records),
            "assumption": self.plan.assumption,
            "passed": self.passed,
            "findings": [
                {
                    "says": f.expectation.says,
                    "holds": f.holds,
                    "output": f.expectation.output,
                    "look": f.expectation.look,
                    "arm": f.expectation.arm,
                    "value": plain(f.own),
                    "versus": f.expectation.versus,
                    "versus_value": plain(f.other),
                    "relation": f.expectation.relation,
                    "by": f.expectation.by,
                }
                for f in self.findings
            ],
            "published": [
                {
                    "says": p.says,
                    "output": p.output,
                    "look": p.look,
                    "arm": p.arm,
                    "versus": p.versus,
                    "found": p.found,
                    "se": plain(p.se),
                    "species": p.species,
                    "records": list(p.records),
                    "role": p.role,
                    "memory": p.memory,
                    "predictions": {name: plain(numbers[i]) for name, numbers in self.predictions.items()},
                }
                for i, p in enumerate(self.plan.published)
            ]
            if self.predictions
            else [],
            "arms": {name: result.to_dict() for name, result in self.results.items()},
        }

    def to_json(self, indent: int | None = 2) -> str:
        """`to_dict` as valid JSON."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False, ensure_ascii=False)


@cache
def experiments() -> Mapping[str, Plan]:
    """Every experiment of knowledge/experiments.toml, by name."""
    found = {}
    for name, table in read_toml(knowledge_path() / "experiments.toml").items():
        where = f"knowledge/experiments.toml, [{name}]"
        known_arms(table["arms"], where)
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
            name=name,
            title=table["title"],
            asks=table["asks"],
            records=tuple(table["records"]),
            arms=FrozenMapping(table["arms"]),
            expect=tuple(expect),
            assumption=table.get("assumption", ""),
            published=tuple(_published(dict(entry), table["arms"], where) for entry in table.get("published", ())),
        )
    return FrozenMapping(found)


def known_arms(arms: Mapping[str, Any], where: str) -> None:
    """Raises UsageError for an entry of an arm that nobody knows."""
    for arm, words in arms.items():
        for key in words:
            if key not in _ARM_KEYS:
                raise unknown_name("entry of an arm", key, _ARM_KEYS, where=f"{where} {arm}")


@cache
def _record_roles() -> Mapping[str, str]:
    """Role of every evidence record."""
    table = read_toml(knowledge_path() / "studies" / "roles.toml")
    entries = [entry for part in ("mechanism", "studies") for entry in table[part].values()]
    return {record: entry["role"] for entry in entries for record in entry.get("records", ())}


def _published(entry: dict[str, Any], arms: Mapping[str, Any], where: str) -> Published:
    for arm in (entry["arm"], entry.get("versus") or entry["arm"]):
        if arm not in arms:
            raise unknown_name("arm", arm, arms, where=where)
    if isinstance(entry["found"], str) and entry["found"] not in WORDS_FOUND:
        raise unknown_name("finding", entry["found"], WORDS_FOUND, where=where)
    if not isinstance(entry["found"], str) and not entry.get("se", 0) > 0:
        raise KetasimError(
            "a number that was found needs its standard error", where=f"{where}: {entry['says']}", fix="se = ..."
        )
    if entry["species"] not in SPECIES:
        raise unknown_name("species", entry["species"], SPECIES, where=where)
    roles = {_record_roles().get(record, "none") for record in entry["records"]}
    entry["records"] = tuple(entry["records"])
    return Published(role="validate" if "validate" in roles else "none" if "none" in roles else "fit", **entry)


def experiment(
    name: str,
    *,
    progress: Callable[[float], None] | None = None,
    people: int = 0,
    seed: int = 1,
    hypotheses: bool = False,
    hypothesis: str | None = None,
) -> Experiment:
    """Carry out a virtual experiment; its expectations are judged on the typical person.

    name : of a virtual experiment. hypotheses : predict every published outcome under every hypothesis too. hypothesis : carry it out under this one.
    people : drawn beside the typical person. seed : of the people. progress : told the share done.

    Raises UsageError for an unknown name. An expectation that fails is in `findings`, and `passed` is False.
    """
    if name not in experiments():
        raise unknown_name("experiment", name, experiments(), where="experiment", fix="ketasim experiment list")
    plan = experiments()[name]
    results: dict[str, Result] = {}
    for number, (arm, table) in enumerate(plan.arms.items()):
        results[arm] = run(
            _scenario(plan, arm, table, people, seed, named_hypothesis(hypothesis) if hypothesis else None)
        )
        if progress:
            progress((number + 1) / len(plan.arms))
    findings = tuple(Finding(e, _number(results[e.arm], e), _number(results[e.versus], e)) for e in plan.expect)
    return Experiment(plan, FrozenMapping(results), findings, predictions(plan) if hypotheses else FrozenMapping({}))


def predictions(plan: Plan) -> Mapping[str, tuple[float | None, ...]]:
    """Every published outcome under every hypothesis with its calibrated numbers; None = the hypothesis has no prediction."""
    if not plan.published:
        return FrozenMapping({})
    used = dict.fromkeys(arm for p in plan.published for arm in (p.arm, p.versus) if arm)
    found = {}
    for entry in all_hypotheses().values():
        results = {arm: run(_scenario(plan, arm, plan.arms[arm], 0, 1, entry)) for arm in used}
        found[entry.id] = tuple(_outcome(p, entry, results) for p in plan.published)
    return FrozenMapping(found)


def speaks(entry: Hypothesis, published: Published) -> bool:
    """False if the hypothesis has nothing to say: a quantity outside its equations, or an animal where only belief acts."""
    if published.output in ("glutamate", "spines", "bdnf"):
        return entry.computes(published.output)
    return published.output == "cadss" or entry.drug_effect or published.species == "human"


def _outcome(p: Published, entry: Hypothesis, results: Mapping[str, Result]) -> float | None:
    if not speaks(entry, p):
        return None
    own = _seen(results[p.arm], p)
    if not p.versus:
        return own * (value(p.times).value if p.times else 1.0)
    other = _seen(results[p.versus], p)
    return own / other if abs(other) > NOTHING else None


NOTHING = 1e-6  # below this a comparator has no effect of which a share could be taken


def _seen(result: Result, p: Published) -> float:
    if p.look == "peak":
        return float(np.max(result.fine(p.output).typical) - p.base)
    course = result[p.output]
    return float(course.typical[int(np.argmin(np.abs(course.time_h - read_times(p.look)[0])))] - p.base)


def arm_scenario(plan: Plan, arm: str, table: Mapping[str, Any]) -> Scenario:
    """An arm as a scenario for the typical person, without any hypothesis put in."""
    return _scenario(plan, arm, table, 0, 1)


def _scenario(
    plan: Plan, arm: str, table: Mapping[str, Any], people: int, seed: int, entry: Hypothesis | None = None
) -> Scenario:
    asked = [e.look for e in plan.expect] + [p.look for p in plan.published]
    looks = [read_times(look)[0] for look in asked if look != "peak"]
    # every hypothesis sets the same keys, so that one compiled model serves them all
    changing = {key for other in plan.arms.values() for part in ("scale", "set") for key in other.get(part, {})}
    alike = {key: value(key).value for key in (*union_keys(), *changing)} if entry else {}
    numbers = alike | entry.calibrated() | entry.switched_off() if entry else {}
    changed = {key: factor * numbers.get(key, value(key).value) for key, factor in table.get("scale", {}).items()}
    changed |= {key: float(number) for key, number in table.get("set", {}).items()}
    variants = (union_variants() if entry else {}) | dict(table.get("variants", {}))
    return scenario_of_table(
        table,
        at=looks or None,
        values=numbers | changed,
        variants=variants,
        optional=tuple(numbers | changed),
        people=people,
        seed=seed,
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
