"""`ketasim show STUDY` and `ketasim show RECORD`: a published study, what it measured, and the numbers taken from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from ketasim.core import knowledge_path, read_toml
from ketasim.evidence.published.studies import Row, Study, studies
from ketasim.scenario.experiments import experiments

from .words import clock, number

ROLES = {"fit": "fit: its numbers tuned the model", "validate": "validate: kept out of every fit; it counts as proof"}


PARTS = ("studies", "mechanism", "reference")


@cache
def _roles() -> Mapping[str, Mapping[str, Any]]:
    """The whole file of roles: studies with numbers, those of which findings are used, and references."""
    return read_toml(knowledge_path() / "studies" / "roles.toml")


@cache
def _homes() -> Mapping[str, str]:
    """Study by the small letters of its own name and of every record that belongs to it."""
    found = {
        record.lower(): name
        for part in PARTS
        for name, entry in _roles().get(part, {}).items()
        for record in entry.get("records", ())
    }
    found |= {row.record.lower(): study.id for study in studies().values() for row in study.rows}
    names = {*studies(), *(name for part in PARTS for name in _roles().get(part, {}))}
    return found | {name.lower(): name for name in names}


def study_name(name: str) -> str:
    """The study of that name, or to which the record of that name belongs; nothing for an unknown name."""
    return _homes().get(name.lower(), "")


def study_names() -> tuple[str, ...]:
    """Every study."""
    return tuple(dict.fromkeys(_homes().values()))


def study_of(name: str) -> Study | None:
    """The same as a study, if its numbers are in a folder of their own."""
    return studies().get(study_name(name))


def study_text(name: str) -> str:
    """Citation, design, people, role, and every number with its time and interval; nothing for an unknown name."""
    home = study_name(name)
    study = studies().get(home)
    if study is None:
        return _without_folder(home, name) if home else ""
    facts = {
        "citation": study.citation,
        "doi": study.doi,
        "role": ROLES.get(study.role, study.role),
        "kind": study.group,
        "design": study.design_text or study.design,
        "blinding": study.blinding,
        "rater": study.rater,
        "people": study.population,
        "n": "" if math.isnan(study.n) else f"{study.n:g}",
        "place": study.place,
        "note": study.note,
    }
    lines = [f"{study.id}: a published study"]
    lines += [f"  {label}: {text}" for label, text in facts.items() if text]
    only = any(row.record.lower() == name.lower() for row in study.rows)
    rows = [row for row in study.rows if not only or row.record.lower() == name.lower()]
    lines += [f"  numbers{f' of record {name}' if only else ''}:", *(f"    {_row(row)}" for row in rows)]
    return "\n".join(lines)


def _without_folder(home: str, name: str) -> str:
    """A study of which only findings are used: its role, its records, and what the virtual experiments say it found."""
    entry = next(table[home] for part in PARTS if home in (table := _roles().get(part, {})))
    records = set(entry.get("records", ()))
    role = entry.get("role", "")
    lines = [f"{home}: a published source", *([f"  role: {ROLES.get(role, role)}"] if role else [])]
    lines += [
        f"  {label}: {text}"
        for label, text in (("why", entry.get("reason", "")), ("records", ", ".join(sorted(records))))
        if text
    ]
    wanted = records & {name} or records
    for plan in experiments().values():
        for found in plan.published:
            if wanted & set(found.records):
                lines.append(f"  found ({found.species}; experiment {plan.name}): {found.says}")
    return "\n".join(lines)


def _row(row: Row) -> str:
    when = "" if math.isnan(row.time_h) else f" at {clock(row.time_h)}"
    size = "direction only" if row.is_sign else f"{number(row.value)} {row.unit}".replace(" 1", "")
    span = "" if math.isnan(row.low) or math.isnan(row.high) else f" ({number(row.low)} to {number(row.high)})"
    versus = f" against {row.versus}" if row.versus else ""
    return f"{row.record}: {row.endpoint}, {row.statistic}, {row.arm}{versus}{when}: {size}{span}"
