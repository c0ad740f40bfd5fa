"""Reading `knowledge/claims.toml`: claims, scenarios, and every problem of the file at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ketasim.core import KetasimError, Problem, knowledge_path, nearest, output, read_toml, sources
from ketasim.core.values import value
from ketasim.scenario.experiments import experiments
from ketasim.scenario.plan import Scenario, read_times
from ketasim.scenario.table import scenario_of_table

from .measures import ABOUT_MADRS, COMBINATIONS, MEASURES, NEEDS_LOOK, START, STATISTICS, Term
from .records import VERDICTS, Claim, Evidence, Prediction

FILE = "claims.toml"
WHERE = f"knowledge/{FILE}"
CLAIM_KEYS = ("group", "claim", "verdict", "why", "evidence", "predicts", "outside", "as_of")
TERM_KEYS = tuple(Term.__dataclass_fields__)
PREDICTION_KEYS = (
    *TERM_KEYS,
    "label",
    "says",
    "unit",
    "versus",
    "how",
    "who",
    "low",
    "high",
    "rests_on",
    "records",
    "misfit",
)
SCENARIO_KEYS = ("words", "repeat", "with", "setting", "masked", "days", "genotype", "hypothesis", "variants", "scale")
UNITS = ("points", "share", "h", "d", "fold", "mmHg")
LONGEST_CLAIM = 96  # the table keeps a claim on one line
EXPERIMENT_ARM = "/"
BY_SIGN = "sign:"  # how rests_on begins where the evidence has a direction and no number


@dataclass(frozen=True)
class Book:
    """What the file says: claims in its order, scenarios by name, problems."""

    claims: tuple[Claim, ...]
    scenarios: Mapping[str, Mapping[str, Any]]
    problems: tuple[Problem, ...]


@dataclass
class _Reader:
    roles: Mapping[str, str]
    memory: frozenset[str]
    scenarios: Mapping[str, Mapping[str, Any]]
    problems: list[Problem] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def say(self, where: str, what: str, fix: str = "") -> None:
        self.problems.append(Problem(where, what, fix))

    def keys(self, where: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
        for key in table:
            if key not in known:
                self.say(where, f"unknown entry '{key}'", ", ".join(nearest(key, known)))

    def records(self, where: str, table: Mapping[str, Any]) -> tuple[str, ...]:
        found = tuple(table.get("records", ()))
        for record in found:
            if record not in self.roles:
                self.say(where, f"no study has the record {record}", ", ".join(nearest(record, self.roles)))
        return found

    def word(self, where: str, kind: str, asked: str, known: Iterable[str]) -> bool:
        if asked in known:
            return True
        self.say(where, f"unknown {kind} '{asked}'", ", ".join(nearest(asked, known) or known))
        return False

    # parts -------------------------------------------------------------------------------------------------------------

    def claim(self, name: str, table: Mapping[str, Any]) -> Claim | None:
        where = f"{WHERE}, [{name}]"
        before = len(self.problems)
        self.keys(where, table, CLAIM_KEYS)
        for key in ("group", "claim", "verdict", "why"):
            if not table.get(key):
                self.say(where, f"'{key}' is missing", f'{key} = "..."')
        if table.get("verdict"):
            self.word(where, "verdict", table["verdict"], VERDICTS)
        if len(table.get("claim", "")) > LONGEST_CLAIM:
            self.say(where, f"the claim is longer than {LONGEST_CLAIM} characters")
        evidence = tuple(
            self.evidence(f"{where} evidence {i + 1}", item) for i, item in enumerate(table.get("evidence", ()))
        )
        predictions = [
            self.prediction(f"{where} predicts {i + 1}", item) for i, item in enumerate(table.get("predicts", ()))
        ]
        if not predictions and not table.get("outside"):
            self.say(where, "neither a prediction nor a reason why it is outside the model", 'outside = "..."')
        seen = [r for item in evidence for r in (*item.records, *item.sources) if r not in item.memory]
        if not seen and table.get("verdict") in VERDICTS[:-1]:
            self.say(
                where,
                "a verdict needs evidence that somebody has seen; records from memory carry none",
                'verdict = "unknown"',
            )
        if len(self.problems) > before:
            return None
        return Claim(
            name=name,
            group=table["group"],
            claim=table["claim"],
            verdict=table["verdict"],
            why=table["why"],
            evidence=evidence,
            predictions=tuple(p for p in predictions if p),
            outside=table.get("outside", ""),
            as_of=table.get("as_of", ""),
        )

    def evidence(self, where: str, table: Mapping[str, Any]) -> Evidence:
        self.keys(where, table, ("says", "records", "sources"))
        if not table.get("says"):
            self.say(where, "'says' is missing", 'says = "..."')
        found, cited = self.records(where, table), tuple(table.get("sources", ()))
        for source in cited:
            self.word(where, "source", source, sources())
        if not found and not cited:
            self.say(where, "no record is named", 'records = ["..."]')
        return Evidence(table.get("says", ""), found, cited, tuple(r for r in found if r in self.memory))

    def prediction(self, where: str, table: Mapping[str, Any]) -> Prediction | None:
        before = len(self.problems)
        self.keys(where, table, PREDICTION_KEYS)
        for key in ("label", "says", "unit", "scenario", "measure", "rests_on"):
            if not table.get(key):
                self.say(where, f"'{key}' is missing")
        first = {key: table[key] for key in TERM_KEYS if key in table}
        terms = [self.term(where, first)]
        if "versus" in table:
            self.keys(where, table["versus"], TERM_KEYS)
            terms.append(self.term(f"{where} versus", first | dict(table["versus"])))
            self.word(where, "combination", table.get("how", ""), COMBINATIONS)
        elif "how" in table:
            self.say(where, "'how' without 'versus'")
        self.word(where, "statistic", table.get("who", "typical"), STATISTICS)
        if table.get("unit"):
            self.word(where, "unit", table["unit"], UNITS)
        low, high = table.get("low"), table.get("high")
        if low is None and high is None:
            self.say(
                where, "no interval: the verdict must rest on something that can be wrong", "low = ... or high = ..."
            )
        elif low is not None and high is not None and not low < high:
            self.say(where, f"the interval {low:g} to {high:g} is empty")
        if str(table.get("rests_on", "")).startswith(BY_SIGN) and low is not None and high is not None:
            self.say(
                where,
                "a sign gives one bound: the other would come from nowhere",
                "low or high alone, or the evidence's own interval",
            )
        records = self.records(where, table)
        for record in records:
            if record in self.memory:
                self.say(where, f"an interval cannot rest on {record}: it is from memory")
            elif self.roles.get(record) == "validate":
                self.say(where, f"an interval cannot rest on {record}: its study is kept for validation")
        if len(self.problems) > before or terms[0] is None:
            return None
        return Prediction(
            label=table["label"],
            says=table["says"],
            unit=table["unit"],
            first=terms[0],
            versus=terms[1] if len(terms) > 1 else None,
            how=table.get("how", ""),
            who=table.get("who", "typical"),
            low=low,
            high=high,
            rests_on=table["rests_on"],
            records=records,
            misfit=table.get("misfit", ""),
        )

    def term(self, where: str, table: Mapping[str, Any]) -> Term | None:
        before = len(self.problems)
        name, measure = table.get("scenario", ""), table.get("measure", "")
        if name:
            self.used.add(name)
            self.word(where, "scenario", name, [*self.scenarios, *_arms()])
        if measure:
            self.word(where, "measure", measure, MEASURES)
        if measure in NEEDS_LOOK and not table.get("look"):
            self.say(where, f"'{measure}' needs a time", 'look = "24 h"')
        if measure in ABOUT_MADRS and table.get("output", "madrs") != "madrs":
            self.say(where, f"'{measure}' is about the MADRS", 'output = "madrs"')
        if isinstance(table.get("base"), str) and table["base"] != START:
            self.say(where, f"the base '{table['base']}' is neither a number nor '{START}'")
        for check, argument in ((output, table.get("output", "madrs")), (read_times, table.get("look") or "0")):
            try:
                check(argument)
            except KetasimError as error:
                self.say(where, error.what, error.fix)
        return Term(**table) if len(self.problems) == before and name and measure else None

    def scenario(self, name: str, table: Mapping[str, Any]) -> None:
        where = f"{WHERE}, [scenarios.{name}]"
        self.keys(where, table, SCENARIO_KEYS)
        if name not in self.used:
            self.say(where, "no prediction uses this scenario", "delete it")
        if "words" not in table:
            self.say(where, "'words' is missing", 'words = "ketamine iv 0.5 mg/kg over 40 min"')
            return
        try:
            build(name, table).regimen.doses(0.0)
        except KetasimError as error:
            self.say(where, error.what, error.fix)


def build(name: str, table: Mapping[str, Any], at: Iterable[float] = (), people: int = 0, seed: int = 1) -> Scenario:
    """The scenario of a table of this file, or of an arm of a virtual experiment, looked at at the times `at` (h)."""
    return scenario_of_table(
        table,
        at=tuple(at),
        values={key: factor * value(key).value for key, factor in table.get("scale", {}).items()},
        variants=table.get("variants"),
        hypothesis=table.get("hypothesis"),
        people=people,
        seed=seed,
        name=name,
    )


def _arms() -> list[str]:
    """Arms of the virtual experiments that `build` can carry out: those that change nothing but what a scenario can."""
    return [
        f"{plan.name}{EXPERIMENT_ARM}{arm}"
        for plan in experiments().values()
        for arm, table in plan.arms.items()
        if set(table) <= {*SCENARIO_KEYS, "jumps"}
    ]


@cache
def known_records() -> Mapping[str, str]:
    """Every evidence record and the role of its study ("" where it has none)."""
    found: dict[str, str] = {}
    for group in read_toml(knowledge_path() / "studies" / "roles.toml").values():
        if isinstance(group, dict):
            for study in group.values():
                found |= dict.fromkeys(study.get("records", ()), study.get("role", ""))
    return found


@cache
def _studies() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for group in read_toml(knowledge_path() / "studies" / "roles.toml").values():
        if isinstance(group, dict):
            for name, study in group.items():
                found |= dict.fromkeys(study.get("records", ()), name)
    return found


def study_of(record: str) -> str:
    """The study that an evidence record belongs to; the record itself if none is known."""
    return _studies().get(record, record)


@cache
def citation_of(record: str) -> str:
    """The citation of the record's study; empty where the study has no folder."""
    place = knowledge_path() / "studies" / study_of(record) / "study.toml"
    if not place.is_file():
        return ""
    table = read_toml(place)
    return " ".join(
        part for part in (table.get("citation", ""), f"doi:{table['doi']}" if table.get("doi") else "") if part
    )


@cache
def memory_records() -> frozenset[str]:
    """Records that were written down from memory and never seen again."""
    return frozenset(read_toml(knowledge_path() / "memory.toml")["records"])


def read_book(table: Mapping[str, Any]) -> Book:
    """Claims, scenarios and problems of a parsed file."""
    scenarios = table.get("scenarios", {})
    reader = _Reader(known_records(), memory_records(), scenarios)
    claims = [reader.claim(name, entry) for name, entry in table.items() if name != "scenarios"]
    for name, entry in scenarios.items():
        reader.scenario(name, entry)
    return Book(tuple(c for c in claims if c), scenarios, tuple(reader.problems))


@cache
def book() -> Book:
    """The shipped ledger."""
    try:
        return read_book(read_toml(knowledge_path() / FILE))
    except KetasimError as error:
        return Book((), {}, (Problem(error.where or WHERE, error.what, error.fix),))
