"""Screening rules as data, and the three-valued logic that decides them.

A condition is a small declarative expression over facts of a person; nothing of it is ever run as code:

    { fact = "aneurysm", is = true }                      a flag or a choice
    { fact = "sbp", above = 140 }                         a number: above | at_least | below | at_most
    { all = [...] }   { any = [...] }   { not = {...} }

Strong Kleene logic: a fact that is not known makes its comparison unknown; `all` is false as soon as one part is false, `any`
true as soon as one part is true, whatever is unknown beside it; `not` of unknown is unknown.
(S. C. Kleene, Introduction to Metamathematics, 1952, section 64.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from operator import ge, gt, le, lt
from typing import Any

from ketasim.core.errors import KetasimError, nearest
from ketasim.core.frozen import FrozenMapping
from ketasim.core.values import knowledge_path, read_toml

from .fields import Fact, fields

GRADES = ("absolute", "stop_and_refer", "delay", "caution", "note")  # the gravest first
BLOCKING = GRADES[:4]  # a rule of these grades that fires, or is unknown, never lets anybody be cleared
JURISDICTIONS = ("US", "EU", "UK", "any")
COMPARISONS = {"above": gt, "at_least": ge, "below": lt, "at_most": le}
READ = {  # how a document was read, the best first -> what that means in words
    "first hand": "first hand, at its issuer",
    "own": "a rule of this software",
    "copy": "second hand, a copy of the issuer's words",
    "abstract": "second hand, the abstract alone",
    "restated": "second hand, in somebody else's words",
    "memory": "not read, from memory",
}
COMPARED = ("ketamine", "esketamine")  # drugs that a rule may be limited to
_FILES_OF_NO_RULES = ("sources", "monitoring")


@dataclass(frozen=True, slots=True)
class Condition:
    """One node of a condition. kind : "is" | a comparison | "all" | "any" | "not"."""

    kind: str
    fact: str = ""
    value: Fact = False
    parts: tuple[Condition, ...] = ()

    def decide(self, facts: Mapping[str, Fact]) -> bool | None:
        """True, False, or None where what is known does not decide."""
        if self.kind == "not":
            found = self.parts[0].decide(facts)
            return None if found is None else not found
        if self.kind in ("all", "any"):
            decisive = self.kind == "any"
            answers = [part.decide(facts) for part in self.parts]
            if decisive in answers:
                return decisive
            return None if None in answers else not decisive
        if self.fact not in facts:
            return None
        if self.kind == "is":
            return facts[self.fact] == self.value
        return bool(COMPARISONS[self.kind](facts[self.fact], self.value))

    def facts(self) -> tuple[str, ...]:
        """The facts that it asks for, in order."""
        own = (self.fact,) if self.fact else ()
        return tuple(dict.fromkeys([*own, *(fact for part in self.parts for fact in part.facts())]))

    def missing(self, facts: Mapping[str, Fact]) -> tuple[str, ...]:
        """The unknown facts that keep it undecided; empty if it is decided."""
        if self.decide(facts) is not None:
            return ()
        if not self.parts:
            return (self.fact,)
        return tuple(dict.fromkeys(fact for part in self.parts for fact in part.missing(facts)))

    def __str__(self) -> str:
        words = {"above": ">", "at_least": ">=", "below": "<", "at_most": "<="}
        if self.kind in words:
            return f"{self.fact} {words[self.kind]} {self.value:g}"
        if self.kind == "is":
            return f"{self.fact} = " + (str(self.value).lower() if isinstance(self.value, bool) else str(self.value))
        if self.kind == "not":
            return f"not ({self.parts[0]})"
        joined = (" and " if self.kind == "all" else " or ").join(
            f"({part})" if part.kind in ("all", "any") else str(part) for part in self.parts
        )
        return joined


@dataclass(frozen=True, slots=True)
class RuleSource:
    """A document that rules cite. read : how (`READ`); seen : what of it."""

    key: str
    title: str
    version: str
    dated: str
    retrieved: str
    url: str
    read: str
    seen: str
    newer: str = ""

    @property
    def second_hand(self) -> bool:
        """True if neither a page of its issuer was read, nor is it this software's own."""
        return self.read not in ("first hand", "own")

    def age_years(self, today: date) -> float | None:
        """Years since the document's own date; None if it has none. A year or month alone counts from its middle."""
        found = re.fullmatch(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?", self.dated)
        if not found:
            return None
        year, month, day = (int(part) if part else None for part in found.groups())
        when = date(year or 1, month or 7, day or (15 if month else 1))
        return max(0.0, (today - when).days / 365.25)

    def __str__(self) -> str:
        return ", ".join(part for part in (self.title, self.version) if part)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. routes, drugs : where it applies, empty = everywhere. places : (source, place) of each citation."""

    id: str
    text: str
    grade: str
    jurisdiction: tuple[str, ...]
    when: Condition
    why: str
    places: tuple[tuple[RuleSource, str], ...]
    routes: tuple[str, ...] = ()
    drugs: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    second_hand: bool = False
    emergency: bool = False
    note: str = ""

    @property
    def source(self) -> str:
        """The citations in one line: document, version, its date, place, when it was read."""
        return "; ".join(
            f"{source}, {place}"
            + (f" (dated {source.dated}" if source.dated else " (no date")
            + (f", read {source.retrieved})" if source.retrieved else ", not read)")
            for source, place in self.places
        )

    @property
    def read(self) -> str:
        """How the best of its documents was read (`READ`); from memory where the rule says so itself."""
        return "memory" if self.second_hand else best_read(self.places)

    @property
    def not_verified(self) -> bool:
        """True if no citation could be read at its issuer, or the rule says so itself."""
        return self.second_hand or all(source.second_hand for source, _ in self.places)

    def in_scope(self, route: str, jurisdiction: str, drug: str) -> bool:
        """Whether it applies; a question that was not answered (empty) leaves the rule in."""
        if route and self.routes and route not in self.routes:
            return False
        if drug in COMPARED and self.drugs and drug not in self.drugs:
            return False
        return not jurisdiction or "any" in self.jurisdiction or jurisdiction in self.jurisdiction


@cache
def rule_sources() -> Mapping[str, RuleSource]:
    """Every document that the rules and the monitoring plans cite."""
    tables = read_toml(knowledge_path() / "rules" / "sources.toml")
    for key, table in tables.items():
        if key != "settings" and table.get("read") not in READ:
            raise KetasimError(
                f"unknown way to read '{table.get('read')}'",
                where=f"rules/sources.toml, [{key}]",
                allowed=", ".join(READ),
            )
    return FrozenMapping({key: RuleSource(key=key, **table) for key, table in tables.items() if key != "settings"})


@cache
def rule_settings() -> Mapping[str, float]:
    """`old_after_years`, `emergency_ideation`, `emergency_cssrs`."""
    return FrozenMapping(read_toml(knowledge_path() / "rules" / "sources.toml")["settings"])


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by id: the gravest grade first, in the order of the files."""
    found: dict[str, Rule] = {}
    for path in sorted((knowledge_path() / "rules").glob("*.toml")):
        if path.stem in _FILES_OF_NO_RULES:
            continue
        for key, table in read_toml(path).items():
            if key in found:
                raise KetasimError(f"the rule {key} stands twice", where=f"rules/{path.name}")
            found[key] = _rule(key, table, f"rules/{path.name}, [{key}]")
    ordered = sorted(found.values(), key=lambda rule: (not rule.emergency, GRADES.index(rule.grade)))
    return FrozenMapping({rule.id: rule for rule in ordered})


def _rule(key: str, table: dict[str, Any], where: str) -> Rule:
    known = (
        "text",
        "grade",
        "jurisdiction",
        "applies",
        "when",
        "why",
        "sources",
        "records",
        "second_hand",
        "emergency",
        "note",
    )
    for name in table:
        if name not in known:
            raise KetasimError(f"unknown field '{name}'", where=where, allowed=", ".join(known))
    if table["grade"] not in GRADES:
        raise KetasimError(f"unknown grade '{table['grade']}'", where=where, allowed=", ".join(GRADES))
    jurisdiction = tuple(table["jurisdiction"])
    if not jurisdiction or any(place not in JURISDICTIONS for place in jurisdiction):
        raise KetasimError("unknown jurisdiction", where=where, allowed=", ".join(JURISDICTIONS))
    applies = table.get("applies", {})
    return Rule(
        key,
        table["text"],
        table["grade"],
        jurisdiction,
        condition(table["when"], where),
        table["why"],
        places(table["sources"], where),
        tuple(applies.get("routes", ())),
        tuple(applies.get("drugs", ())),
        tuple(table.get("records", ())),
        bool(table.get("second_hand", False)),
        bool(table.get("emergency", False)),
        table.get("note", ""),
    )


def places(entries: list[dict[str, str]], where: str) -> tuple[tuple[RuleSource, str], ...]:
    """The citations of an entry; one of an unknown document is an error."""
    found: list[tuple[RuleSource, str]] = []
    for entry in entries:
        if entry["source"] not in rule_sources():
            near = nearest(entry["source"], rule_sources())
            raise KetasimError(f"unknown source '{entry['source']}'", where=where, allowed=", ".join(near))
        found.append((rule_sources()[entry["source"]], entry["place"]))
    if not found:
        raise KetasimError("no source", where=where, fix='sources = [{ source = "us_label", place = "section 4" }]')
    return tuple(found)


def best_read(cited: tuple[tuple[RuleSource, str], ...]) -> str:
    """How the best of several documents was read (`READ`)."""
    return min((source.read for source, _ in cited), key=list(READ).index)


def condition(table: Mapping[str, Any], where: str) -> Condition:
    """A condition from data; an unknown fact, comparison or a value of the wrong kind is an error."""
    keys = set(table)
    if keys == {"not"}:
        return Condition("not", parts=(condition(table["not"], where),))
    if keys in ({"all"}, {"any"}):
        kind = next(iter(keys))
        return Condition(kind, parts=tuple(condition(part, where) for part in table[kind]))
    fact = table.get("fact", "")
    if fact not in fields():
        raise KetasimError(f"unknown fact '{fact}'", where=where, allowed=", ".join(nearest(str(fact), fields())))
    kinds = keys - {"fact"}
    kind = next(iter(kinds)) if len(kinds) == 1 else ""
    field, value = fields()[fact], table.get(kind)
    if kind == "is" and (
        (field.kind == "flag" and isinstance(value, bool)) or (field.kind == "choice" and value in field.choices)
    ):
        return Condition("is", fact, value)  # type: ignore[arg-type]
    if kind in COMPARISONS and field.kind == "number" and isinstance(value, int | float):
        return Condition(kind, fact, float(value))
    raise KetasimError(
        f"a condition on {fact} that cannot be read: {dict(table)}",
        where=where,
        allowed="is (flag or choice), above, at_least, below, at_most (number), all, any, not",
    )
