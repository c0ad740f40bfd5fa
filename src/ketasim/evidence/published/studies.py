"""Published studies as data: one folder per study, loaded with every problem named at once.

A study folder `knowledge/studies/<AuthorYear>/` holds `study.toml` (design, arms, regimen in the words of the command
line, setting) and `data.csv` (one row per published number, each with its evidence record). Roles of the package come from
`knowledge/studies/roles.toml` and nowhere else; a study of a user's own says its role in its file, or the rule decides.
"""

from __future__ import annotations

import csv
import hashlib
import math
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ketasim.core import KetasimError, Problem, knowledge_path, nearest, read_toml

from .study import Arm, Row, Study
from .study_check import NEEDED, clock_problems, kind_problems, read_arms, study_problems
from .study_form import number_of, row_problems, unknown_choice
from .vocabulary import (
    BLINDINGS,
    COLUMNS,
    CONTRASTS,
    CUTS,
    ENDPOINT_FAMILIES,
    ENDPOINTS,
    EXTRA_COLUMNS,
    EXTRA_NUMBERS,
    GROUPS,
    MOST_MODEL_ROWS,
    PROVENANCES,
    RATERS,
    SCALE_RANGES,
    SHARES,
    STATISTICS,
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
    "own_studies",
    "read_study",
    "roles",
    "rule_role",
    "studies",
    "study_folders",
]
NUMBERS = ("time_h", "value", "low", "high", "se", "sd", "n", *EXTRA_NUMBERS)
ROLES = ("fit", "validate")


@lru_cache(maxsize=1)
def _role_table() -> Mapping[str, Any]:
    return read_toml(knowledge_path() / "studies" / "roles.toml")


@lru_cache(maxsize=1)
def roles() -> Mapping[str, Mapping[str, Any]]:
    """Role, reason and records of every clinical, PK and mechanism study, by id."""
    table = _role_table()
    return MappingProxyType({**table["mechanism"], **table["studies"]})


def rule_role(name: str) -> str:
    """The role of a study that nobody listed: `validate` if the first hex digit of sha256 of its id is below the threshold."""
    first = int(hashlib.sha256(name.encode()).hexdigest()[0], 16)
    return "validate" if first < _role_table()["threshold"] else "fit"


# data.csv -------------------------------------------------------------------------------------------------------


def _row(
    problems: list[Problem], study: str, where: str, line: int, cells: Mapping[str, str], arms: Mapping[str, Arm]
) -> Row:
    text = {name: (cells.get(name) or "").strip() for name in (*COLUMNS, *EXTRA_COLUMNS)}
    numbers = {name: number_of(where, name, text[name], problems.append) for name in NUMBERS}
    row = Row(study=study, line=line, **{name: numbers.get(name, text[name]) for name in text})  # type: ignore[arg-type]
    if math.isnan(row.value):
        problems.append(Problem(where, "the row has no value", "value = the published number"))
    for name, keys in (("arm", row.arm_keys), ("versus", row.versus_keys)):
        for key in keys:
            if key not in arms:
                near = nearest(key, arms)
                remedy = f"{name} = {near[0] if near else ' | '.join(arms)}"
                problems.append(Problem(where, f"{name} '{key}' is not an arm of study.toml", remedy))
    if not row.arm:
        problems.append(Problem(where, "the row names no arm", f"arm = {' | '.join(arms)}"))
    problems += row_problems(row, where)
    return row


def _header_problems(where: str, header: tuple[str, ...]) -> list[Problem]:
    """The fixed columns in their order, then any of the extra ones, each once."""
    extra = header[len(COLUMNS) :]
    if header[: len(COLUMNS)] != COLUMNS:
        return [Problem(where, "the header differs", ",".join(COLUMNS))]
    found = [p for name in extra for p in unknown_choice(where, "column", name, EXTRA_COLUMNS)]
    if len(set(extra)) < len(extra):
        found.append(Problem(where, "a column stands twice", ",".join((*COLUMNS, *dict.fromkeys(extra)))))
    return found


def _rows(problems: list[Problem], folder: Path, arms: Mapping[str, Arm], own: bool) -> tuple[Row, ...] | None:
    name = folder.name
    known = () if own else set(roles().get(name, {}).get("records", ()))
    try:
        lines = (folder / "data.csv").read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(f"{name}/data.csv", f"cannot be read: {error}", "UTF-8 text with the fixed header"))
        return None
    wrong = _header_problems(f"{name}/data.csv:1", tuple(next(csv.reader(lines[:1]), ())))
    if wrong:
        problems += wrong
        return None
    rows: list[Row] = []
    for line, cells in enumerate(csv.DictReader(lines), start=2):
        where = f"{name}/data.csv:{line}"
        if None in cells or None in cells.values():
            problems.append(Problem(where, "the row has too many or too few cells", "quote cells that contain a comma"))
            continue
        row = _row(problems, name, where, line, cells, arms)
        if not row.record:
            what = "a name by which you find the number again" if own else "the id of the evidence record"
            problems.append(Problem(where, "the row names no evidence record", f"record = {what}"))
        elif known and row.record not in known:
            problems.append(Problem(where, f"record '{row.record}' does not belong to {name}", "see roles.toml"))
        rows.append(row)
    return tuple(rows)


def _role(problems: list[Problem], name: str, table: Mapping[str, Any], own: bool) -> str | None:
    """The role: of roles.toml, or for a study of the user's own of its file or by the rule."""
    where = f"{name}/study.toml"
    if own:
        if name in roles():
            problems.append(Problem(where, f"'{name}' is a study of the package", "give the folder a name of your own"))
        stated = str(table.get("role", rule_role(name)))
        problems += unknown_choice(where, "role", stated, ROLES)
        return stated
    role = roles().get(name, {}).get("role")
    if role is None:
        near = nearest(name, roles())
        instead = f", or rename to {near[0]}" if near else ""
        remedy = f'[studies.{name}] role = "{rule_role(name)}", reason, records in roles.toml{instead}; a study of your own: --studies DIR'
        problems.append(Problem(where, f"'{name}' has no role in roles.toml", remedy))
    return role


def read_study(folder: Path, own: bool = False) -> tuple[Study | None, list[Problem]]:
    """One study folder and every problem found in it; the study is None when it cannot be built. own : of the user, not of the package."""
    problems: list[Problem] = []
    name = folder.name
    try:
        text = (folder / "study.toml").read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return None, [Problem(f"{name}/study.toml", f"cannot be read: {error}", "see the TOML syntax")]
    if kinds := kind_problems(f"{name}/study.toml", table):
        return None, kinds
    role = _role(problems, name, table, own)
    wrong = study_problems(name, table, roles(), own)
    problems += wrong
    arms = read_arms(problems, name, text, table.get("arms", {}), str(table.get("background", "")))
    rows = _rows(problems, folder, arms, own)
    fatal = (
        role is None
        or any(key not in table for key in NEEDED)
        or any(p.what.startswith("unknown field") for p in wrong)
    )
    if rows is None or fatal:
        return None, problems
    data = {key: table[key] for key in table if key in Study.__slots__ and key not in ("arms", "role")}
    data.setdefault("doi", "")
    for key in ("overlaps", "population_flags", "pooled"):
        data[key] = tuple(data.get(key, ()))
    study = Study(id=name, role=str(role), arms=MappingProxyType(arms), rows=rows, **data)
    problems += clock_problems(study)
    if study.one_model and len(study.predicted) > MOST_MODEL_ROWS:
        what = f"{len(study.predicted)} predicted values come out of one published model"
        problems.append(Problem(f"{name}/data.csv", what, f"at most {MOST_MODEL_ROWS}; use = context for the others"))
    return study, problems


# all studies ----------------------------------------------------------------------------------------------------


def study_folders(directory: Path | None = None) -> list[Path]:
    """All study folders of the package (or of a directory), alphabetical."""
    return sorted(path for path in (directory or knowledge_path() / "studies").iterdir() if path.is_dir())


def _all(folders: list[Path], own: bool, where: str, fix: str) -> Mapping[str, Study]:
    found: dict[str, Study] = {}
    problems: list[Problem] = []
    for folder in folders:
        study, wrong = read_study(folder, own)
        problems += wrong
        if study is not None:
            found[study.id] = study
    if problems:
        raise KetasimError(f"{len(problems)} problems in {where}", where="\n".join(map(str, problems[:20])), fix=fix)
    return MappingProxyType(found)


@lru_cache(maxsize=1)
def studies() -> Mapping[str, Study]:
    """All studies of the package by id; a malformed folder is an error that lists every problem."""
    return _all(study_folders(), False, "knowledge/studies", "ketasim lint")


def own_folders(directory: Path) -> list[Path]:
    """The study folders of a user's directory, which may be one study itself. Raises `KetasimError` if there is none."""
    if (directory / "study.toml").is_file():
        return [directory]
    found = [path for path in study_folders(directory) if (path / "study.toml").is_file()] if directory.is_dir() else []
    if not found:
        raise KetasimError(
            f"no study in {directory}",
            where="--studies",
            allowed="a directory of folders that each hold study.toml and data.csv, or one such folder",
            fix="--studies my_studies",
        )
    return found


def own_studies(directory: Path) -> Mapping[str, Study]:
    """Studies of a user's own by id; a malformed folder is an error that lists every problem."""
    return _all(own_folders(directory), True, str(directory), f"ketasim lint --studies {directory}")


def lint_studies(folders: list[Path] | None = None, own: bool = False) -> list[Problem]:
    """Every problem of every study folder (or of these), including values counted twice."""
    problems: list[Problem] = []
    seen: dict[tuple[object, ...], str] = {}
    for folder in study_folders() if folders is None else folders:
        study, wrong = read_study(folder, own)
        problems += wrong
        for row in study.predicted if study else ():
            where = f"{row.study}/data.csv:{row.line}"
            # records of the package are unique in it; those of a user's own are names within one study
            identity = (row.study, *row.identity) if own else row.identity
            if identity in seen:
                problems.append(Problem(where, f"the same number stands in {seen[identity]}", "use = context"))
            seen.setdefault(identity, where)
    return problems
