"""How far the model can be trusted, per question of interest, in the words of ICH M15; and what it can do, with limits and figures.

Model risk follows from model influence and the consequence of a wrong decision: the higher of the two. Evidence is counted from the studies
of the package, assumptions from its values, plasma figures from the table of published levels; nothing is typed in but the wording of
knowledge/credibility.toml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from ketasim._version import __version__
from ketasim.core import KetasimError, knowledge_path, read_toml, unknown_name
from ketasim.core.values import all_values
from ketasim.evidence.kinetics.pk_table import rows, summary
from ketasim.evidence.published.studies import studies

LEVELS = ("low", "medium", "high")
FIELDS = ("question", "context", "influence", "consequence", "impact", "groups", "capability", "limits")
EXPOSURE = "exposure"


@dataclass(frozen=True)
class Assessment:
    """One question of interest.

    risk : the higher of influence and consequence. fit, validate : (studies, rows) of each role in the groups that speak about it.
    figures : sentences with numbers computed now.
    """

    name: str
    question: str
    context: str
    influence: str
    consequence: str
    risk: str
    impact: str
    capability: str
    limits: tuple[str, ...]
    groups: tuple[str, ...]
    fit: tuple[int, int]
    validate: tuple[int, int]
    figures: tuple[str, ...]


def risk_of(influence: str, consequence: str) -> str:
    """Model risk: the higher of model influence and consequence of a wrong decision."""
    return max(influence, consequence, key=LEVELS.index)


@cache
def assessments() -> tuple[Assessment, ...]:
    """Every question of knowledge/credibility.toml with what can be counted now. Raises KetasimError for a field that is missing or unknown."""
    table = read_toml(knowledge_path() / "credibility.toml")
    return tuple(_one(name, entry) for name, entry in table.items())


def _one(name: str, entry: Mapping[str, Any]) -> Assessment:
    where = f"knowledge/credibility.toml, [{name}]"
    for key in entry:
        if key not in FIELDS:
            raise unknown_name("field of a question", key, FIELDS, where=where)
    for key in FIELDS:
        if key not in entry:
            raise KetasimError(f"the question has no {key}", where=where, fix=f"{key} = ...")
    for key in ("influence", "consequence"):
        if entry[key] not in LEVELS:
            raise unknown_name(key, entry[key], LEVELS, where=where)
    counted = {
        role: [s for s in studies().values() if s.group in entry["groups"] and s.role == role]
        for role in ("fit", "validate")
    }
    sizes = {role: (len(found), sum(len(s.predicted) for s in found)) for role, found in counted.items()}
    return Assessment(
        name=name,
        question=entry["question"],
        context=entry["context"],
        influence=entry["influence"],
        consequence=entry["consequence"],
        risk=risk_of(entry["influence"], entry["consequence"]),
        impact=entry["impact"],
        capability=entry["capability"],
        limits=tuple(entry["limits"]),
        groups=tuple(entry["groups"]),
        fit=sizes["fit"],
        validate=sizes["validate"],
        figures=_plasma() if name == EXPOSURE else (),
    )


@cache
def _plasma() -> tuple[str, ...]:
    return tuple(
        f"{one.what}: {one.share:.0%} of {one.rows} published numbers within {one.factor:g}-fold, median error {one.median:.0%}"
        for one in summary(rows())
        if one.rows
    )


def numbers() -> dict[str, int]:
    """How many values there are by basis."""
    found: dict[str, int] = {}
    for value in all_values():
        found[value.basis] = found.get(value.basis, 0) + 1
    return found


def to_dict() -> dict[str, Any]:
    """The capability list, machine-readable."""
    return {
        "ketasim": __version__,
        "guideline": "ICH M15",
        "values_by_basis": numbers(),
        "questions": [asdict(one) for one in assessments()],
    }
