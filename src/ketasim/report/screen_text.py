"""A screening in plain sentences: what comes first, what fires and why, what is missing, what is watched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ketasim.person.fields import fields
from ketasim.person.monitoring import PHASES, Step
from ketasim.person.rules import GRADES, READ, Rule, rule_settings
from ketasim.person.screening import Finding, Screening

from .crisis import crisis_text

PHASE_TITLES = {
    "before": "Before a session",
    "during": "During a session",
    "discharge": "Before leaving",
    "course": "Over the course",
}
GRADE_WORDS = {
    "absolute": "ABSOLUTE",
    "stop_and_refer": "STOP AND REFER",
    "delay": "DELAY",
    "caution": "CAUTION",
    "note": "NOTE",
}


def screen_text(found: Screening) -> str:
    """Everything a screening says; an emergency before all else."""
    lines = [*_emergency(found), found.words, _scope(found), ""]
    for problem in found.person.suspected:
        lines += [f"Looks like a slip: {problem}"]
    lines += [f"Read as: {note}" for note in found.person.notes]
    lines += ["", *_fires(found), *_unknown(found), *_plan(found), *_ends(found)]
    return "\n".join(lines)


def screen_dict(found: Screening) -> dict[str, Any]:
    """The JSON object; the crisis text is its first entry if an emergency comes first."""
    first = {"crisis": crisis_text()} if found.emergency else {}
    last = {} if found.emergency else {"crisis": crisis_text()}
    return first | found.to_dict() | last


def _emergency(found: Screening) -> list[str]:
    if not found.emergency:
        return []
    return [
        "EMERGENCY: intent to end one's life needs help now, before any rule of this list.",
        crisis_text(),
        "",
    ]


def _scope(found: Screening) -> str:
    said = ", ".join(
        f"{name} {word or 'not said (the rules of all apply)'}"
        for name, word in (("route", found.route), ("jurisdiction", found.jurisdiction), ("drug", found.drug))
    )
    out = f"; {found.out_of_scope} rules do not apply to it" if found.out_of_scope else ""
    return f"{len(found.findings)} rules asked: {said}{out}."


def _fires(found: Screening) -> Iterator[str]:
    firing = found.of("fires")
    if not firing:
        yield "No rule fires."
    for finding in firing:
        yield f"{GRADE_WORDS[finding.rule.grade]}: {finding.rule.text} [{finding.rule.id}; {', '.join(finding.rule.jurisdiction)}]"
        yield f"  why: {finding.rule.why}"
        yield from (f"  {line}" for line in source_lines(finding.rule, found))
        if finding.rule.note:
            yield f"  note: {finding.rule.note}"
    yield ""


def source_lines(rule: Rule, found: Screening) -> Iterator[str]:
    """Each citation with its version, date, age and how it was read."""
    limit = rule_settings()["old_after_years"]
    for source, place in rule.places:
        age = source.age_years(found.today)
        when = f"dated {source.dated}, {age:.1f} years old" if age is not None else "no date"
        old = f", OLDER THAN {limit:g} YEARS" if age is not None and age > limit else ""
        hand = f"; {READ[source.read]}: {source.seen}"
        newer = f"; newer: {source.newer}" if source.newer else ""
        read = f", read {source.retrieved}" if source.retrieved else ""
        yield f"source: {source}, {place} ({when}{old}{read}{hand}{newer})"
    if rule.second_hand:
        yield "not verified: this sentence could not be read in the document it is ascribed to"


def _unknown(found: Screening) -> Iterator[str]:
    unknown = found.of("unknown")
    if not unknown:
        yield "Nothing is missing."
        yield ""
        return
    yield f"Missing: {len(found.missing)} facts keep {len(unknown)} rules undecided. An unknown is never taken for a no."
    by_id = {finding.rule.id: finding for finding in unknown}
    first = [fact for fact, ids in found.missing.items() if any(by_id[one].rule.emergency for one in ids)]
    for fact in first:
        yield f"  {'ask first':<15} {fact}: {fields()[fact].label} ({fields()[fact].allowed})"
    for grade in GRADES:
        waiting = [fact for fact, ids in found.missing.items() if fact not in first and _gravest(ids, by_id) == grade]
        for fact in waiting:
            field = fields()[fact]
            yield f"  {GRADE_WORDS[grade].lower():<15} {fact}: {field.label} ({field.allowed})"
    yield ""


def _gravest(rule_ids: list[str], by_id: dict[str, Finding]) -> str:
    return min((by_id[rule_id].rule.grade for rule_id in rule_ids), key=GRADES.index)


def _plan(found: Screening) -> Iterator[str]:
    yield "What is watched" + (f", route {found.route}" if found.route else ", by route") + ":"
    for phase in PHASES:
        steps = [step for step in found.monitoring if step.phase == phase]
        if steps:
            yield f"  {PHASE_TITLES[phase]}"
        for step in steps:
            yield f"    - {_when(step, found)}{step.what}"
            hand = "; second hand" if step.not_verified else ""
            yield f"      {', '.join(step.jurisdiction)}; {step.source}{hand}" + (f"; {step.note}" if step.note else "")
    yield ""


def _when(step: Step, found: Screening) -> str:
    route = "" if found.route or not step.routes else f"[{', '.join(step.routes)}] "
    return route + (f"{step.time}: " if step.time else "")


def _ends(found: Screening) -> Iterator[str]:
    yield "Research and teaching only: options and rules side by side, never a dose for a person; a licensed prescriber decides."
    if not found.emergency:
        yield crisis_text()
