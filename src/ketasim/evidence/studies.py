"""Published studies as data: one folder per study, loaded with every problem named at once.

A study folder `knowledge/studies/<AuthorYear>/` holds `study.toml` (design, arms, regimen in the words of the command
line, setting) and `data.csv` (one row per published number, each with its evidence record). Roles come from
`knowledge/studies/roles.toml` and nowhere else.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..core import KetasimError, knowledge_path, nearest, read_toml

COLUMNS = (
    "record", "arm", "versus", "endpoint", "scale", "statistic", "time_h", "value", "unit", "low", "high", "se", "sd",
    "n", "provenance", "use", "note",
)  # fmt: skip
GROUPS = (
    "plasma", "interaction", "receptors", "animal", "single IV", "dose response", "repeated IV", "nasal", "crisis",
    "maintenance", "routine care", "other route", "co-medication", "acute effects", "ideation", "predictor",
)  # fmt: skip
ENDPOINTS = (
    "madrs", "ideation", "relapse", "dropout", "cadss", "dissociation_ae", "sbp", "dbp", "heart_rate", "moaas",
    "sedation_ae", "nausea_ae", "dizziness_ae", "glutamate", "spines", "bdnf",
)  # fmt: skip
ENDPOINT_FAMILIES = ("plasma.", "arterial.", "occupancy.", "predictor.")
STATISTICS = (
    "change_mean", "change_sd", "mean", "response", "remission", "difference", "smd", "odds_ratio", "risk_ratio",
    "ever_response", "median_time", "mean_time", "share_event", "hazard_ratio", "largest_mean_maximum", "mean_at",
    "threshold_share", "cmax", "auc", "tmax", "bioavailability", "half_life", "ratio", "profile_point", "correlation",
)  # fmt: skip
SHARES = ("response", "remission", "ever_response", "share_event", "threshold_share", "bioavailability")
CONTRASTS = ("difference", "smd", "odds_ratio", "risk_ratio", "hazard_ratio")
PROVENANCES = ("seen", "third_party", "press", "digitised", "memory", "derived")
BLINDINGS = ("open", "rater-blind", "double-blind")
RATERS = ("clinician", "self", "instrument")
SCALE_RANGES = {
    "MADRS": (0, 60), "HAM-D17": (0, 52), "HAM-D21": (0, 64), "HAM-D24": (0, 75), "HAM-D25": (0, 80), "QIDS-SR16": (0, 27),
    "QIDS-C16": (0, 27), "PHQ-9": (0, 27), "BDI": (0, 63), "IDS-C30": (0, 84), "CADSS": (0, 92), "MOAA/S": (0, 5),
    "SSI": (0, 38), "MADRS item 10": (0, 6), "CGI-S": (1, 7),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arm:
    """One treatment arm, in the words of the command line."""

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


@dataclass(frozen=True, slots=True)
class Study:
    """One published study with its design, arms and rows."""

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
    note: str = ""

    @property
    def predicted(self) -> tuple[Row, ...]:
        """The rows that enter the scorecard."""
        return tuple(row for row in self.rows if row.use == "predict")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file: where, what, and what to write instead."""

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f" (remedy: {self.remedy})" if self.remedy else "")


@lru_cache(maxsize=1)
def roles() -> Mapping[str, Mapping[str, Any]]:
    """Role, reason and records of every clinical, PK and mechanism study, by id."""
    table = read_toml(knowledge_path() / "studies" / "roles.toml")
    return MappingProxyType({**table["mechanism"], **table["studies"]})


def _choice(problems: list[Problem], where: str, name: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        near = nearest(given, allowed)
        problems.append(
            Problem(
                where,
                f"{name} '{given}' is not known",
                f"{name} = {near[0] if near else ' | '.join(allowed)}",
            )
        )


def _number(problems: list[Problem], where: str, column: str, text: str) -> float:
    if text.strip() == "":
        return math.nan
    try:
        number = float(text)
    except ValueError:
        problems.append(
            Problem(where, f"column {column}: '{text}' is not a number", "write a number or leave the cell empty")
        )
        return math.nan
    if not math.isfinite(number):
        problems.append(Problem(where, f"column {column}: '{text}' is not finite", "leave the cell empty"))
    return number


def _row(
    problems: list[Problem],
    study: str,
    where: str,
    line: int,
    cells: Mapping[str, str],
    arms: Mapping[str, Arm],
) -> Row:
    text = {name: (cells.get(name) or "").strip() for name in COLUMNS}
    numbers = {
        name: _number(problems, where, name, text[name]) for name in ("time_h", "value", "low", "high", "se", "sd", "n")
    }
    row = Row(study=study, line=line, **{name: numbers.get(name, text[name]) for name in COLUMNS})  # type: ignore[arg-type]
    if math.isnan(row.value):
        problems.append(Problem(where, "the row has no value", "value = the published number"))
    for name in ("arm", "versus"):
        key = getattr(row, name)
        if key and key not in arms:
            near = nearest(key, arms)
            problems.append(
                Problem(
                    where,
                    f"{name} '{key}' is not an arm of study.toml",
                    f"{name} = {near[0] if near else ' | '.join(arms)}",
                )
            )
    if not row.arm:
        problems.append(Problem(where, "the row names no arm", f"arm = {' | '.join(arms)}"))
    if not row.endpoint.startswith(ENDPOINT_FAMILIES):
        _choice(problems, where, "endpoint", row.endpoint, ENDPOINTS)
    _choice(problems, where, "statistic", row.statistic, STATISTICS)
    _choice(problems, where, "provenance", row.provenance, PROVENANCES)
    _choice(problems, where, "use", row.use, ("predict", "context"))
    if row.statistic in CONTRASTS and not row.versus:
        problems.append(Problem(where, f"a {row.statistic} needs a second arm", "fill the column versus"))
    if row.statistic in SHARES and not 0 <= row.value <= 1:
        problems.append(
            Problem(where, f"a share lies between 0 and 1, not {row.value}", f"value = {row.value / 100:g}")
        )
    if row.provenance == "memory" and row.use == "predict":
        problems.append(Problem(where, "a number from memory may not be predicted", "use = context"))
    if row.use == "context" and not row.note:
        problems.append(Problem(where, "a context row says why it is not predicted", "fill the column note"))
    limits = SCALE_RANGES.get(row.scale)
    if limits and row.statistic in ("mean", "change_mean") and not math.isnan(row.value):
        width = limits[1] - limits[0]
        inside = limits[0] <= row.value <= limits[1] if row.statistic == "mean" else abs(row.value) <= width
        if not inside:
            problems.append(
                Problem(
                    where,
                    f"{row.value:g} lies outside {row.scale} ({limits[0]}-{limits[1]})",
                    "check scale and value",
                )
            )
    if not (math.isnan(row.low) or math.isnan(row.high)) and not row.low <= row.value <= row.high:
        problems.append(
            Problem(
                where,
                f"the value {row.value:g} lies outside its interval {row.low:g} to {row.high:g}",
                "check the signs",
            )
        )
    for name in ("se", "sd"):
        if getattr(row, name) < 0:
            problems.append(Problem(where, f"{name} is negative", f"{name} > 0"))
    return row


def _arms(problems: list[Problem], where: str, table: Mapping[str, Any]) -> dict[str, Arm]:
    arms: dict[str, Arm] = {}
    for key, entry in table.items():
        data = dict(entry)
        data["with_"] = tuple(data.pop("with", ()))
        unknown = set(data) - set(Arm.__slots__)
        if unknown or "words" not in data:
            what = f"unknown field '{sorted(unknown)[0]}'" if unknown else "the arm has no words"
            problems.append(Problem(f"{where} [arms.{key}]", what, 'words = "ketamine iv 0.5 mg/kg over 40 min"'))
            continue
        arms[key] = Arm(key=key, **data)
    if not arms:
        problems.append(Problem(where, "the study has no arms", "[arms.ketamine]"))
    return arms


def read_study(folder: Path) -> tuple[Study | None, list[Problem]]:
    """One study folder and every problem found in it; the study is None when it cannot be built."""
    problems: list[Problem] = []
    where = f"{folder.name}/study.toml"
    try:
        table = read_toml(folder / "study.toml")
    except KetasimError as error:
        return None, [Problem(where, error.what, "see the TOML syntax")]
    role = roles().get(folder.name, {}).get("role")
    if role is None:
        near = nearest(folder.name, roles())
        problems.append(
            Problem(
                where,
                f"'{folder.name}' has no role in roles.toml",
                f"rename to {near[0] if near else 'a known id'}",
            )
        )
    for name in ("citation", "group", "design", "blinding", "rater", "population", "n"):
        if name not in table:
            problems.append(Problem(where, f"{name} is missing", f"{name} = ..."))
    if not table.get("doi") and not table.get("note"):
        problems.append(Problem(where, "a study without DOI says in note where it can be read", 'note = "..."'))
    _choice(problems, where, "group", str(table.get("group", "")), GROUPS)
    _choice(problems, where, "blinding", str(table.get("blinding", "")), BLINDINGS)
    _choice(problems, where, "rater", str(table.get("rater", "")), RATERS)
    unknown = set(table) - (set(Study.__slots__) - {"id", "role", "rows"})
    problems += [Problem(where, f"unknown field '{name}'", "remove it or put it into note") for name in sorted(unknown)]
    arms = _arms(problems, where, table.get("arms", {}))
    rows: list[Row] = []
    known = set(roles().get(folder.name, {}).get("records", ()))
    path = folder / "data.csv"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return None, [
            *problems,
            Problem(f"{folder.name}/data.csv", f"cannot be read: {error}", "UTF-8 text with the fixed header"),
        ]
    header = tuple(next(csv.reader(lines[:1]), ()))
    if header != COLUMNS:
        problems.append(Problem(f"{folder.name}/data.csv:1", "the header differs", ",".join(COLUMNS)))
        return None, problems
    for line, cells in enumerate(csv.DictReader(lines), start=2):
        place = f"{folder.name}/data.csv:{line}"
        if None in cells or None in cells.values():
            problems.append(Problem(place, "the row has too many or too few cells", "quote cells that contain a comma"))
            continue
        row = _row(problems, folder.name, place, line, cells, arms)
        if not row.record:
            problems.append(
                Problem(place, "the row names no evidence record", "record = the id of the evidence record")
            )
        elif known and row.record not in known:
            problems.append(Problem(place, f"record '{row.record}' does not belong to {folder.name}", "see roles.toml"))
        rows.append(row)
    if problems or role is None:
        fatal = role is None or any(
            name not in table for name in ("citation", "group", "design", "blinding", "rater", "population", "n")
        )
        if fatal or unknown:
            return None, problems
    data = {name: table[name] for name in table if name in Study.__slots__ and name != "arms"}
    data.setdefault("doi", "")
    data["overlaps"] = tuple(data.get("overlaps", ()))
    return Study(id=folder.name, role=str(role), arms=MappingProxyType(arms), rows=tuple(rows), **data), problems


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


def lint_studies() -> list[Problem]:
    """Every problem of every study folder, including values counted twice."""
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for folder in study_folders():
        study, wrong = read_study(folder)
        problems += wrong
        if study is None:
            continue
        for row in study.predicted:
            key = f"{row.record}|{row.arm}|{row.versus}|{row.statistic}|{row.time_h}|{row.endpoint}"
            if key in seen:
                problems.append(
                    Problem(
                        f"{study.id}/data.csv:{row.line}",
                        f"the same number stands in {seen[key]}",
                        "use = context",
                    )
                )
            seen[key] = f"{study.id}/data.csv:{row.line}"
    return problems
