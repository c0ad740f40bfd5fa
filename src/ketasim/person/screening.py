"""Screening: which rules fire for one person, which stay silent, which cannot be decided, and what is missing.

Nothing is added up: one rule that fires decides, whatever the others say. `cleared` needs every rule above the grade of a
note to be silent; one that is unknown is no reason to clear. Research and teaching: a licensed prescriber decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ketasim.core.drug_types import route_name
from ketasim.core.errors import Problem, UsageError, unknown_name

from .entries import SAME_TIME
from .fields import Fact, fields
from .file import person_of, read_person
from .moments import HALF_STEP, total_interval
from .monitoring import Step, plan
from .records import Person
from .rules import BLOCKING, GRADES, JURISDICTIONS, Rule, rule_settings, rules

STATES = {True: "fires", False: "silent", None: "unknown"}
CLEARED = (
    "cleared: no rule here above the grade of a note fires and none of them is unknown. This is no permission: a licensed "
    "prescriber who has seen the person decides."
)
NOT_CLEARED = "not cleared"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says of the person. missing : the unknown facts that keep it undecided."""

    rule: Rule
    state: str
    missing: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        """True if it keeps the person from being cleared."""
        return self.rule.grade in BLOCKING and self.state != "silent"

    def to_dict(self, today: date) -> dict[str, Any]:
        """As JSON shows it."""
        rule = self.rule
        return {
            "id": rule.id,
            "state": self.state,
            "grade": rule.grade,
            "jurisdiction": ", ".join(rule.jurisdiction),
            "source": rule.source,
            "text": rule.text,
            "why": rule.why,
            "when": str(rule.when),
            "missing": list(self.missing),
            "read": rule.read,
            "second_hand": rule.not_verified,
            "records": list(rule.records),
            "note": rule.note,
            "sources": [
                {
                    "title": source.title,
                    "version": source.version,
                    "dated": source.dated,
                    "retrieved": source.retrieved,
                    "age_years": None if age is None else round(age, 1),
                    "old": age is not None and age > rule_settings()["old_after_years"],
                    "newer": source.newer,
                    "place": place,
                    "url": source.url,
                    "read": source.read,
                    "second_hand": source.second_hand,
                    "seen": source.seen,
                }
                for source, place in rule.places
                for age in (source.age_years(today),)
            ],
        }


@dataclass(frozen=True, slots=True)
class Screening:
    """The answer for one person.

    findings : one a rule in scope, the gravest grade first. emergency : the crisis text comes before everything.
    out_of_scope : how many rules do not apply to this route, drug or place.
    """

    person: Person
    findings: tuple[Finding, ...]
    monitoring: tuple[Step, ...]
    route: str
    jurisdiction: str
    drug: str
    emergency: bool
    out_of_scope: int
    today: date

    @property
    def cleared(self) -> bool:
        """True only if every rule above the grade of a note is silent."""
        return not self.emergency and not any(finding.blocks for finding in self.findings)

    @property
    def verdict(self) -> str:
        """ "cleared" or "not cleared"."""
        return "cleared" if self.cleared else NOT_CLEARED

    @property
    def words(self) -> str:
        """The verdict in a sentence, with its reason."""
        if self.cleared:
            return CLEARED
        reasons: list[str] = []
        for grade in BLOCKING:
            for state in ("fires", "unknown"):
                count = sum(f.rule.grade == grade and f.state == state for f in self.findings)
                if count:
                    reasons.append(f"{count} {grade.replace('_', ' ')} {state}")
        return f"{NOT_CLEARED}: " + (", ".join(reasons) or "an emergency comes first") + "."

    @property
    def missing(self) -> dict[str, list[str]]:
        """Unknown fact -> the rules that wait for it, the gravest first."""
        found: dict[str, list[str]] = {}
        for finding in self.findings:
            for fact in finding.missing:
                found.setdefault(fact, []).append(finding.rule.id)
        return found

    def of(self, state: str) -> tuple[Finding, ...]:
        """The findings of one state."""
        return tuple(finding for finding in self.findings if finding.state == state)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `ketasim screen --json`."""
        grade = {rule_id: rules()[rule_id].grade for rule_ids in self.missing.values() for rule_id in rule_ids}
        return {
            "verdict": self.verdict,
            "words": self.words,
            "emergency": self.emergency,
            "route": self.route,
            "jurisdiction": self.jurisdiction,
            "drug": self.drug,
            "rules": [finding.to_dict(self.today) for finding in self.findings],
            "monitoring": [step.to_dict() for step in self.monitoring],
            "missing": list(self.missing),
            "missing_for": [
                {
                    "fact": fact,
                    "label": fields()[fact].label,
                    "write": f"{fact} = ... ({fields()[fact].allowed})",
                    "grade": min((grade[rule_id] for rule_id in waiting), key=GRADES.index),
                    "rules": waiting,
                }
                for fact, waiting in self.missing.items()
            ],
            "suspected": [{"where": p.where, "what": p.what, "fix": p.fix} for p in self.person.suspected],
            "notes": list(self.person.notes),
            "out_of_scope": self.out_of_scope,
            "decides": "a licensed prescriber; research and teaching only",
        }


def screen(
    person: str | Path | Mapping[str, Any] | Person,
    route: str = "",
    jurisdiction: str = "",
    drug: str = "",
    today: date | None = None,
) -> Screening:
    """Which screening rules fire for one person, why, by which source; what is missing; the monitoring plan.

    person : a person file, or its content as a mapping: `screen({"age": 44, "aneurysm": False})`.
    route, jurisdiction ("US", "EU", "UK"), drug : what was not said leaves the rules of all in. The file may say the first
    two. today : the day from which the age of sources is counted (default: now).

    Each rule is decided by strong Kleene logic (`ketasim.person.rules`); `cleared` needs every rule above the grade of a
    note to be silent. Raises `PersonFileError` that lists every problem of the file, `UsageError` for an unknown route,
    place or drug.
    """
    if isinstance(person, Person):
        who = person
    elif isinstance(person, Mapping):
        who = person_of(person)
    else:
        who = read_person(person)
    way = route_name(route) if route else who.route
    place = _place(jurisdiction) if jurisdiction else who.jurisdiction
    what = _drug(drug)
    every = rules().values()
    scope = [rule for rule in every if rule.in_scope(way, place, what)]
    findings = tuple(_find(rule, who.facts) for rule in scope)
    return Screening(
        who,
        findings,
        plan(way, place, what),
        way,
        place,
        what,
        any(f.rule.emergency and f.state == "fires" for f in findings) or _ideation(who),
        len(every) - len(scope),
        today or date.today(),
    )


def _find(rule: Rule, facts: Mapping[str, Fact]) -> Finding:
    return Finding(rule, STATES[rule.when.decide(facts)], rule.when.missing(facts))


def emergency_first(who: Person) -> bool:
    """Whether the emergency text comes before everything: intent to end one's life, or thoughts of it from the limit on."""
    asked = any(fact is True for fact in who.facts.values())  # no such fact, no such rule
    return (asked and any(r.emergency and r.when.decide(who.facts) for r in rules().values())) or _ideation(who)


def _ideation(who: Person) -> bool:
    """True if a last total of a scale of suicidal thoughts is at or above the limit from which the emergency text comes first.

    A lower bound (">3") may be anything above it and counts as such; of several totals at the last time each one counts.
    """
    for scale, setting in (("IDEATION", "emergency_ideation"), ("C-SSRS", "emergency_cssrs")):
        seen = [score for score in who.scores if score.scale == scale and score.total is not None]
        if not seen:
            continue
        limit, last = rule_settings()[setting], max(score.day for score in seen)
        for score in (score for score in seen if score.day >= last - SAME_TIME):
            if score.censor.startswith(">") or total_interval(score.total or 0.0, score.censor)[0] >= limit - HALF_STEP:
                return True
    return False


def _place(word: str) -> str:
    known = {"us": "US", "usa": "US", "eu": "EU", "uk": "UK", "gb": "UK"}
    if word.strip().lower() not in known:
        places = [place for place in JURISDICTIONS if place != "any"]
        raise unknown_name("jurisdiction", word, places, where="--jurisdiction", fix="--jurisdiction US")
    return known[word.strip().lower()]


def _drug(word: str) -> str:
    if not word:
        return ""
    from ketasim.core.drugs import drug

    found = drug(word)
    if not found.is_main:
        raise UsageError(f"{found.name} is no ketamine", where="--drug", allowed="ketamine, esketamine, arketamine")
    return found.name


__all__ = ["Finding", "Problem", "Screening", "emergency_first", "screen"]
