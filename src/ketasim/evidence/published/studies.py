"""Published studies as data: one folder per study, loaded with every problem named at once.

A study folder `knowledge/studies/<AuthorYear>/` holds `study.toml` (design, arms, regimen in the words of the command
line, setting) and `data.csv` (one row per published number, each with its evidence record). Roles come from
`knowledge/studies/roles.toml` and nowhere else.
"""

from __future__ import annotations

import csv
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ketasim.core import KetasimError, knowledge_path, nearest, read_toml
from ketasim.dose import parse
from ketasim.people import Traits
from ketasim.ratings.setting import SETTINGS
from ketasim.scenario.experiments import experiments

from .study_form import (
    BLINDINGS,
    COLUMNS,
    CONTRASTS,
    CUTS,
    ENDPOINT_FAMILIES,
    ENDPOINTS,
    GROUPS,
    MOST_MODEL_ROWS,
    PROVENANCES,
    RATERS,
    SCALE_RANGES,
    SHARES,
    STATISTICS,
    Problem,
    number_of,
    row_problems,
    unknown_choice,
)

__all__ = [
    "BLINDINGS",
    "COLUMNS",
    "CONTRASTS",
    "CUTS",
    "ENDPOINTS",
    "ENDPOINT_FAMILIES",
    "GROUPS",
    "MOST_MODEL_ROWS",
    "PROVENANCES",
    "RATERS",
    "SCALE_RANGES",
    "SHARES",
    "STATISTICS",
    "Arm",
    "Problem",
    "Row",
    "Study",
    "lint_studies",
    "read_study",
    "roles",
    "studies",
    "study_folders",
]
NEEDED = ("citation", "group", "design", "blinding", "rater", "population", "n")
NUMBERS = ("time_h", "value", "low", "high", "se", "sd", "n")


@dataclass(frozen=True, slots=True)
class Arm:
    """One treatment arm, in the words of the command line.

    new_antidepressant : a new oral antidepressant was begun with the first dose. experiment : "name:arm" of
    knowledge/experiments.toml, for animals and tissue. people : age, weight, sex, baseline, genotype, ethnicity.
    """

    key: str
    words: str
    repeat: str = ""
    with_: tuple[str, ...] = ()
    setting: str = "saline"
    n: float = math.nan
    baseline: float = math.nan
    people: Mapping[str, Any] = field(default_factory=dict)
    experiment: str = ""
    days: float = math.nan
    new_antidepressant: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One published number. Shares are fractions; negative changes mean fewer symptoms; time from the first dose."""

    study: str
    record: str
    arm: str
    versus: str
    endpoint: str
    scale: str
    statistic: str
    time_h: float
    value: float
    unit: str
    low: float
    high: float
    se: float
    sd: float
    n: float
    provenance: str
    use: str
    note: str
    line: int

    @property
    def is_sign(self) -> bool:
        """Only the direction is published: no number to be covered by an interval."""
        return self.provenance == "sign"

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes a published number the same number."""
        time = None if math.isnan(self.time_h) else self.time_h
        return (self.record, self.arm, self.versus, self.endpoint, self.scale, self.statistic, time)


@dataclass(frozen=True, slots=True)
class Study:
    """One published study with its design, arms and rows.

    place : where in the source the numbers stand. one_model : the values come out of one published model.
    overlaps : studies with some of the same patients; the note says which numbers are predicted where.
    """

    id: str
    role: str
    citation: str
    doi: str
    group: str
    design: str
    blinding: str
    rater: str
    population: str
    n: float
    arms: Mapping[str, Arm]
    rows: tuple[Row, ...]
    baseline: Mapping[str, Any] = field(default_factory=dict)
    age: float = math.nan
    weight_kg: float = math.nan
    overlaps: tuple[str, ...] = ()
    cuts: Mapping[str, float] = field(default_factory=dict)
    place: str = ""
    one_model: bool = False
    note: str = ""

    @property
    def predicted(self) -> tuple[Row, ...]:
        """The rows that enter the scorecard, directions included."""
        return tuple(row for row in self.rows if row.use == "predict")

    @property
    def numbers(self) -> tuple[Row, ...]:
        """The predicted rows that are published numbers (no mere directions)."""
        return tuple(row for row in self.predicted if not row.is_sign)


@lru_cache(maxsize=1)
def roles() -> Mapping[str, Mapping[str, Any]]:
    """Role, reason and records of every clinical, PK and mechanism study, by id."""
    table = read_toml(knowledge_path() / "studies" / "roles.toml")
    return MappingProxyType({**table["mechanism"], **table["studies"]})


# study.toml -----------------------------------------------------------------------------------------------------


def _line_of(text: str, beginning: str) -> int:
    """Line number of the first line that begins so; 1 if none does."""
    return next((i for i, line in enumerate(text.splitlines(), 1) if line.lstrip().startswith(beginning)), 1)


def _arms(problems: list[Problem], name: str, text: str, table: Mapping[str, Any]) -> dict[str, Arm]:
    arms: dict[str, Arm] = {}
    for key, entry in table.items():
        where = f"{name}/study.toml:{_line_of(text, f'[arms.{key}]')} [arms.{key}]"
        data = dict(entry)
        data["with_"] = tuple(data.pop("with", ()))
        unknown = set(data) - set(Arm.__slots__)
        if unknown or "words" not in data:
            what = f"unknown field '{sorted(unknown)[0]}'" if unknown else "the arm has no words"
            problems.append(Problem(where, what, 'words = "ketamine iv 0.5 mg/kg over 40 min"'))
            continue
        arms[key] = Arm(key=key, **data)
        problems += _arm_problems(arms[key], where)
    if not arms:
        problems.append(Problem(f"{name}/study.toml", "the study has no arms", "[arms.ketamine]"))
    return arms


def _arm_problems(arm: Arm, where: str) -> list[Problem]:
    """Words that cannot be read, unknown settings, people and experiments."""
    found: list[Problem] = []
    try:
        regimen = parse(arm.words, repeat=arm.repeat, with_=arm.with_)
    except KetasimError as error:
        return [Problem(where, f"the words cannot be read: {error.what}", error.fix or error.allowed)]
    begun = any(drug.name == "ssri" for drug in regimen.drugs())
    if arm.new_antidepressant and not begun:
        found.append(Problem(where, "a new antidepressant is said but not given", 'with = ["ssri oral daily"]'))
    found += unknown_choice(where, "setting", arm.setting, tuple(SETTINGS))
    try:
        Traits(**dict(arm.people))
    except (KetasimError, TypeError) as error:
        found.append(
            Problem(where, f"people: {getattr(error, 'what', error)}", 'people = { genotype = "met/met", age = 70 }')
        )
    if arm.experiment:
        name, _, which = arm.experiment.partition(":")
        plan = experiments().get(name)
        if plan is None or which not in plan.arms:
            known = [f"{e}:{a}" for e, p in experiments().items() for a in p.arms]
            near = nearest(arm.experiment, known)
            found.append(
                Problem(
                    where,
                    f"experiment '{arm.experiment}' is not known",
                    f'experiment = "{near[0] if near else known[0]}"',
                )
            )
    return found


def _study_problems(name: str, table: Mapping[str, Any], role: Any) -> list[Problem]:
    where = f"{name}/study.toml"
    found: list[Problem] = []
    if role is None:
        near = nearest(name, roles())
        found.append(
            Problem(where, f"'{name}' has no role in roles.toml", f"rename to {near[0] if near else 'a known id'}")
        )
    found += [Problem(where, f"{key} is missing", f"{key} = ...") for key in NEEDED if key not in table]
    if not str(table.get("citation", "x")).strip():
        found.append(Problem(where, "the source is missing", 'citation = "..."'))
    if not table.get("doi") and not table.get("note"):
        found.append(Problem(where, "a study without DOI says in note where it can be read", 'note = "..."'))
    found += unknown_choice(where, "group", str(table.get("group", "")), GROUPS)
    found += unknown_choice(where, "blinding", str(table.get("blinding", "")), BLINDINGS)
    found += unknown_choice(where, "rater", str(table.get("rater", "")), RATERS)
    allowed = set(Study.__slots__) - {"id", "role", "rows"}
    found += [
        Problem(where, f"unknown field '{key}'", "remove it or put it into note")
        for key in sorted(set(table) - allowed)
    ]
    for key in table.get("cuts", {}):
        found += unknown_choice(f"{where} [cuts]", "cut", key, CUTS)
    for other in table.get("overlaps", ()):
        if other not in roles():
            found.append(Problem(where, f"overlaps names '{other}', which is not in roles.toml", "an id of roles.toml"))
    return found


# data.csv -------------------------------------------------------------------------------------------------------


def _row(
    problems: list[Problem], study: str, where: str, line: int, cells: Mapping[str, str], arms: Mapping[str, Arm]
) -> Row:
    text = {name: (cells.get(name) or "").strip() for name in COLUMNS}
    numbers = {name: number_of(where, name, text[name], problems.append) for name in NUMBERS}
    row = Row(study=study, line=line, **{name: numbers.get(name, text[name]) for name in COLUMNS})  # type: ignore[arg-type]
    if math.isnan(row.value):
        problems.append(Problem(where, "the row has no value", "value = the published number"))
    for name in ("arm", "versus"):
        key = getattr(row, name)
        if key and key not in arms:
            near = nearest(key, arms)
            remedy = f"{name} = {near[0] if near else ' | '.join(arms)}"
            problems.append(Problem(where, f"{name} '{key}' is not an arm of study.toml", remedy))
    if not row.arm:
        problems.append(Problem(where, "the row names no arm", f"arm = {' | '.join(arms)}"))
    problems += row_problems(row, where)
    return row


def _rows(problems: list[Problem], folder: Path, arms: Mapping[str, Arm]) -> tuple[Row, ...] | None:
    name = folder.name
    known = set(roles().get(name, {}).get("records", ()))
    try:
        lines = (folder / "data.csv").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(f"{name}/data.csv", f"cannot be read: {error}", "UTF-8 text with the fixed header"))
        return None
    if tuple(next(csv.reader(lines[:1]), ())) != COLUMNS:
        problems.append(Problem(f"{name}/data.csv:1", "the header differs", ",".join(COLUMNS)))
        return None
    rows: list[Row] = []
    for line, cells in enumerate(csv.DictReader(lines), start=2):
        where = f"{name}/data.csv:{line}"
        if None in cells or None in cells.values():
            problems.append(Problem(where, "the row has too many or too few cells", "quote cells that contain a comma"))
            continue
        row = _row(problems, name, where, line, cells, arms)
        if not row.record:
            problems.append(
                Problem(where, "the row names no evidence record", "record = the id of the evidence record")
            )
        elif known and row.record not in known:
            problems.append(Problem(where, f"record '{row.record}' does not belong to {name}", "see roles.toml"))
        rows.append(row)
    return tuple(rows)


def read_study(folder: Path) -> tuple[Study | None, list[Problem]]:
    """One study folder and every problem found in it; the study is None when it cannot be built."""
    problems: list[Problem] = []
    name = folder.name
    try:
        text = (folder / "study.toml").read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return None, [Problem(f"{name}/study.toml", f"cannot be read: {error}", "see the TOML syntax")]
    role = roles().get(name, {}).get("role")
    wrong = _study_problems(name, table, role)
    problems += wrong
    arms = _arms(problems, name, text, table.get("arms", {}))
    rows = _rows(problems, folder, arms)
    fatal = (
        role is None
        or any(key not in table for key in NEEDED)
        or any(p.what.startswith("unknown field") for p in wrong)
    )
    if rows is None or fatal:
        return None, problems
    data = {key: table[key] for key in table if key in Study.__slots__ and key != "arms"}
    data.setdefault("doi", "")
    data["overlaps"] = tuple(data.get("overlaps", ()))
    study = Study(id=name, role=str(role), arms=MappingProxyType(arms), rows=rows, **data)
    if study.one_model and len(study.predicted) > MOST_MODEL_ROWS:
        what = f"{len(study.predicted)} predicted values come out of one published model"
        problems.append(Problem(f"{name}/data.csv", what, f"at most {MOST_MODEL_ROWS}; use = context for the others"))
    return study, problems


# all studies ----------------------------------------------------------------------------------------------------


def study_folders() -> list[Path]:
    """All study folders, alphabetical."""
    return sorted(path for path in (knowledge_path() / "studies").iterdir() if path.is_dir())


@lru_cache(maxsize=1)
def studies() -> Mapping[str, Study]:
    """All studies by id; a malformed folder is an error that lists every problem."""
    found: dict[str, Study] = {}
    problems: list[Problem] = []
    for folder in study_folders():
        study, wrong = read_study(folder)
        problems += wrong
        if study is not None:
            found[study.id] = study
    if problems:
        raise KetasimError(
            f"{len(problems)} problems in knowledge/studies",
            where="\n".join(map(str, problems[:20])),
            fix="ketasim lint",
        )
    return MappingProxyType(found)


def lint_studies(folders: list[Path] | None = None) -> list[Problem]:
    """Every problem of every study folder (or of these), including values counted twice."""
    problems: list[Problem] = []
    seen: dict[tuple[object, ...], str] = {}
    for folder in study_folders() if folders is None else folders:
        study, wrong = read_study(folder)
        problems += wrong
        for row in study.predicted if study else ():
            where = f"{row.study}/data.csv:{row.line}"
            if row.identity in seen:
                problems.append(Problem(where, f"the same number stands in {seen[row.identity]}", "use = context"))
            seen.setdefault(row.identity, where)
    return problems
