"""Findings of one's own in the weighing of hypotheses: read with every problem at once, then counted, or refused with the reason.

A file holds one table per study: what was done in the words of the command line, and what was found (`ketasim new finding NAME`). A finding that counts
is predicted under every hypothesis at the draws of its calibration, and its score is one more study:

log p(found | draw) is added to the log score of the draw; for the linear form outcome(z) = outcome(centre) + slopes (z - centre),
with slopes by one-sided differences of STEP prior SDs. Nothing of the calibration is fitted again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.chain.hypothesis import Hypothesis
from ketasim.core import KetasimError, Problem, UsageError, output_register, read_toml, unknown_name
from ketasim.core.arrays import Array
from ketasim.core.own import own_files
from ketasim.scenario.experiments import SPECIES, WORDS_FOUND, Plan, Published, arm_scenario, known_arms
from ketasim.scenario.plan import read_times

from .findings import Finding, FindingSet

STEP = 0.3  # prior SDs, finite differences, as in the calibration
ROLES = ("fit", "validate")
_STUDY_FIELDS = ("title", "source", "role", "arms", "published")
_NEEDED = ("title", "source", "arms", "published")
_ROW_FIELDS = ("says", "output", "look", "arm", "versus", "found", "se", "species", "seen")
_ROW_NEEDED = ("says", "output", "look", "arm", "found", "species")
OTHER_OUTPUTS = ("madrs.effect", "madrs.change", "glutamate", "bdnf", "spines")


@dataclass(frozen=True)
class OwnFinding:
    """One finding of one's own and what became of it. reason : why it was refused, empty if it counts."""

    study: str
    says: str
    source: str
    counted: bool
    reason: str = ""
    predicted: Mapping[str, float | None] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for --json; predicted: the mean over the draws under every hypothesis, null without a prediction."""
        return {
            "study": self.study,
            "says": self.says,
            "source": self.source,
            "counted": self.counted,
            "reason": self.reason,
            "predicted": dict(self.predicted or {}),
        }


@dataclass(frozen=True)
class Told:
    """A finding as it was read: with its source, role, and whether it was seen in the source."""

    finding: Finding
    source: str
    role: str
    seen: bool


@dataclass(frozen=True)
class Added:
    """Findings of one's own under one hypothesis: outcomes (K, F) at its draws, outcome (F,) and slopes (F, p) of the linear form at its centre."""

    findings: FindingSet
    outcomes: Array
    at_centre: Array
    slopes: Array

    def scores(self) -> Array:
        """Log score per study at every draw, (K, S)."""
        return self.findings.score(self.outcomes)

    def linear_scores(self, move: Array) -> Array:
        """Log score per study at the moves (N, p) from the centre, (N, S)."""
        return self.findings.score(self.at_centre + move @ self.slopes.T)

    def only(self, keep: Sequence[int]) -> Added:
        """The same with some of the findings, by position."""
        chosen = list(keep)
        picked = FindingSet(tuple(self.findings.findings[i] for i in chosen))
        return Added(picked, self.outcomes[:, chosen], self.at_centre[chosen], self.slopes[chosen])


def added(findings: FindingSet, entry: Hypothesis, z: Array, centre: Array) -> Added:
    """Predict the findings at the draws z (K, p) and around the centre (p,). Raises KetasimError where a model cannot be integrated."""
    steps = np.array(
        [STEP if p.natural(c + STEP) != p.natural(c) else -STEP for c, p in zip(centre, entry.free, strict=True)]
    )
    around = np.vstack([centre, centre + np.diag(steps)])
    outcomes = findings.predict(entry, np.vstack([z, around]))
    own, near = outcomes[: len(z)], outcomes[len(z) :]
    slopes = np.nan_to_num((near[1:] - near[0]) / steps[:, None]).T
    return Added(findings, own, near[0], slopes)


def together(parts: Sequence[Added]) -> Added:
    """Several studies as one set, in order."""
    return Added(
        FindingSet(tuple(f for a in parts for f in a.findings.findings)),
        np.hstack([a.outcomes for a in parts]),
        np.concatenate([a.at_centre for a in parts]),
        np.vstack([a.slopes for a in parts]),
    )


def told_of(files: Sequence[str | Path] = ()) -> tuple[Told, ...]:
    """The findings of these files and of every folder of one's own (`core.own`).

    Raises UsageError with every problem of every file at once: a field that is missing or unknown, an arm, output or species nobody knows, a number without its
    standard error, words that cannot be read, two studies of one name.
    """
    wanted = dict.fromkeys(Path(f).expanduser().resolve() for f in (*files, *own_files("findings")))
    problems: list[Problem] = []
    found: list[Told] = []
    names: dict[str, Path] = {}
    for path in wanted:
        for name, table in read_toml(path).items():
            if name in names:
                problems.append(Problem(f"{path.name}, [{name}]", f"there is a study {name} in {names[name]} already"))
                continue
            names[name] = path
            found += _study(name, table, f"{path.name}, [{name}]", problems)
    if problems:
        raise UsageError(
            f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in the findings",
            where="\n".join(map(str, problems)),
            fix="ketasim new finding NAME",
        )
    return tuple(found)


def _study(name: str, table: Any, where: str, problems: list[Problem]) -> list[Told]:
    if not isinstance(table, Mapping):
        problems.append(Problem(where, "is no table of a study", f"[{name}]"))
        return []
    before = len(problems)
    problems += [_unknown("field of a study", key, _STUDY_FIELDS, where) for key in table if key not in _STUDY_FIELDS]
    problems += [Problem(where, f"has no {key}", f"{key} = ...") for key in _NEEDED if not table.get(key)]
    if table.get("role", "fit") not in ROLES:
        problems.append(_unknown("role", str(table["role"]), ROLES, where))
    if len(problems) > before:
        return []
    try:
        known_arms(table["arms"], where)
    except KetasimError as error:
        problems.append(Problem(error.where or where, error.what, error.allowed))
        return []
    rows = [
        _row(dict(entry), table["arms"], f"{where} row {i}", problems) for i, entry in enumerate(table["published"], 1)
    ]
    if len(problems) > before:
        return []
    seen = [row for row in rows if row is not None]
    plan = Plan(name, table["title"], "", (), table["arms"], (), "", tuple(p for p, _ in seen))
    for arm, words in table["arms"].items():
        try:
            _ = arm_scenario(plan, arm, words).regimen  # the words are read when they are needed
        except KetasimError as error:
            problems.append(Problem(f"{where} {arm}", error.what, error.fix or error.allowed))
    role = str(table.get("role", "fit"))
    return [Told(Finding(plan, p, name), str(table["source"]), role, known) for p, known in seen]


def _row(
    entry: dict[str, Any], arms: Mapping[str, Any], where: str, problems: list[Problem]
) -> tuple[Published, bool] | None:
    before = len(problems)
    problems += [_unknown("field of a finding", key, _ROW_FIELDS, where) for key in entry if key not in _ROW_FIELDS]
    problems += [Problem(where, f"has no {key}", f"{key} = ...") for key in _ROW_NEEDED if key not in entry]
    if len(problems) > before:
        return None
    for arm in (entry["arm"], entry.get("versus") or entry["arm"]):
        if arm not in arms:
            problems.append(_unknown("arm", str(arm), arms, where))
    outputs = {*OTHER_OUTPUTS, *output_register()}
    if entry["output"] not in outputs:
        problems.append(_unknown("output", str(entry["output"]), outputs, where))
    if entry["species"] not in SPECIES:
        problems.append(_unknown("species", str(entry["species"]), SPECIES, where))
    found = entry["found"]
    if isinstance(found, str) and found not in WORDS_FOUND:
        problems.append(_unknown("finding", found, WORDS_FOUND, where))
    elif not isinstance(found, str) and not (_number(found) and _number(entry.get("se")) and entry["se"] > 0):
        problems.append(Problem(where, "a number that was found needs its standard error, above 0", "se = 0.12"))
    if entry["look"] != "peak":
        try:
            read_times(str(entry["look"]))
        except KetasimError as error:
            problems.append(Problem(where, error.what, 'look = "24 h"'))
    if len(problems) > before:
        return None
    seen = bool(entry.pop("seen", True))
    return Published(records=(), role="fit", memory=not seen, **entry), seen


def _number(x: object) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and bool(np.isfinite(x))


def _unknown(kind: str, name: str, choices: Any, where: str) -> Problem:
    error = unknown_name(kind, name, choices, where=where)
    return Problem(where, f"{error.what}; {error.allowed}")


def refusal(told: Told, names: Sequence[str], animals: bool, without: Sequence[str]) -> str:
    """Why a finding does not count before anything is predicted; empty if nothing speaks against it. names : the studies that are weighed already."""
    study = told.finding.study
    if study in names:
        return f"the study {study} is weighed already: counted twice, it would weigh double; give this study another name if it is another one"
    if not told.seen:
        return "it was not seen in its source (seen = false): what is from memory is never weighed"
    if told.role == "validate":
        return 'its role is "validate": kept to judge by, never used for a choice'
    if told.finding.animal and not animals:
        return "animal evidence is switched off (--no-animals)"
    if study in without:
        return f"left out (--without {study})"
    return ""
