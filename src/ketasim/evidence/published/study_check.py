"""What can be wrong in a study.toml: unknown fields and words, regimens that cannot be read, people who cannot exist."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ketasim.core import KetasimError, Problem, nearest
from ketasim.dose import parse
from ketasim.people import Traits
from ketasim.ratings.setting import SETTINGS
from ketasim.scenario.experiments import experiments

from .study import Arm, Study
from .study_form import unknown_choice
from .vocabulary import (
    BACKGROUNDS,
    BLINDINGS,
    CUTS,
    DESIGNS,
    ESTIMANDS,
    FORMULATIONS,
    GROUPS,
    NO_WORDS,
    POOLS,
    POPULATION_FLAGS,
    RATER_PLACES,
    RATERS,
    REGIONS,
    SCALE_RANGES,
)

NEEDED = ("citation", "group", "design", "blinding", "rater", "population", "n")
CHOICES = {
    "estimand": ESTIMANDS,
    "background": BACKGROUNDS,
    "raters": RATER_PLACES,
    "region": REGIONS,
}
PERCENT_FIELDS = ("percent_women",)
BASELINE_FIELDS = ("scale", "mean", "sd", "reported", "ideation_mean")
IDEATION_FIELDS = ("scale", "mean", "sd", "at_least", "reported")
CUTS_BY_SCALE = ("remission", "ideation")  # a number (of the baseline's scale), or one per scale


_NUMBERS = (
    "n",
    "age",
    "age_sd",
    "percent_women",
    "weight_kg",
    "pooled_trials",
    "days",
    "midazolam_dose",
    "baseline_sd",
    "ideation_baseline_sd",
)
_LISTS = ("population_flags", "overlaps", "pooled", "with", "dropout")
_TABLES = ("cuts", "arms", "people")
_EITHER = ("baseline", "ideation_baseline")  # a table for the study, a number for an arm


def kind_problems(where: str, table: Mapping[str, Any], arm: bool = False) -> list[Problem]:
    """Fields that hold another kind of thing than they should: a text for a number, one word for a list. Nothing else is looked at before."""
    found: list[Problem] = []
    for key, entry in table.items():
        number = isinstance(entry, int | float) and not isinstance(entry, bool)
        if (key in _NUMBERS or (arm and key in _EITHER)) and not number:
            found.append(Problem(where, f"{key} = {entry!r} is no number", f"{key} = 40"))
        elif key in _LISTS and not isinstance(entry, list):
            found.append(Problem(where, f"{key} = {entry!r} is no list", f"{key} = [{entry!r}]".replace("'", '"')))
        elif key in _TABLES or (not arm and key in _EITHER):
            if not isinstance(entry, Mapping):
                told = '{ scale = "MADRS", mean = 33 }' if key in _EITHER else "{ ... }"
                found.append(Problem(where, f"{key} = {entry!r} is no table", f"{key} = {told}"))
                continue
            for inner, part in entry.items():
                if key == "arms" and not isinstance(part, Mapping):
                    found.append(Problem(where, f"the arm '{inner}' is no table", f"[arms.{inner}]"))
                elif key == "arms":
                    found += kind_problems(f"{where} [arms.{inner}]", part, arm=True)
                elif isinstance(part, str) and (key == "cuts" or inner in ("mean", "sd", "at_least")):
                    found.append(Problem(where, f"{inner} of {key} = {part!r} is no number", f"{inner} = 12"))
        if key == "dropout" and isinstance(entry, list) and not all(isinstance(part, Mapping) for part in entry):
            found.append(Problem(where, "dropout needs a time and a number", "dropout = [{ by_h = 672, n = 5 }]"))
    return found


def line_of(text: str, beginning: str) -> int:
    """Line number of the first line that begins so; 1 if none does."""
    return next((i for i, line in enumerate(text.splitlines(), 1) if line.lstrip().startswith(beginning)), 1)


def read_arms(
    problems: list[Problem], name: str, text: str, table: Mapping[str, Any], background: str
) -> dict[str, Arm]:
    """The arms of a study.toml. background : of the study, where an arm says nothing of its own."""
    arms: dict[str, Arm] = {}
    for key, entry in table.items():
        where = f"{name}/study.toml:{line_of(text, f'[arms.{key}]')} [arms.{key}]"
        data = dict(entry)
        data["with_"] = tuple(data.pop("with", ()))
        data["dropout"] = tuple(data.get("dropout", ()))
        data.setdefault("background", background)
        unknown = set(data) - set(Arm.__slots__)
        if unknown or "words" not in data:
            what = f"unknown field '{sorted(unknown)[0]}'" if unknown else "the arm has no words"
            problems.append(Problem(where, what, _field_remedy(unknown)))
            continue
        if "+" in key:
            problems.append(Problem(where, "the name of an arm has a + in it", "+ joins arms in data.csv: use _"))
        arms[key] = Arm(key=key, **data)
        problems += arm_problems(arms[key], where)
    if not arms:
        problems.append(Problem(f"{name}/study.toml", "the study has no arms", "[arms.ketamine]"))
    return arms


def _field_remedy(unknown: set[str]) -> str:
    if "new_antidepressant" in unknown:
        return 'background = "new_oral_ad"'
    return 'words = "ketamine iv 0.5 mg/kg over 40 min"'


def arm_problems(arm: Arm, where: str) -> list[Problem]:
    """Words that cannot be read, unknown settings, people and experiments."""
    found: list[Problem] = []
    found += _arm_choices(arm, where)
    if arm.words or not arm.no_words:
        try:
            regimen = parse(arm.words, repeat=arm.repeat, with_=arm.with_)
        except KetasimError as error:
            told = _unsayable(arm, error) or error.fix or error.allowed
            return [*found, Problem(where, f"the words cannot be read: {error.what}", told)]
        begun = any(drug.name == "ssri" for drug in regimen.drugs())
        if arm.new_antidepressant and not begun:
            found.append(Problem(where, "a new antidepressant is said but not given", 'with = ["ssri oral daily"]'))
    if arm.words and arm.no_words:
        found.append(Problem(where, "no_words is said although there are words", 'words = "", or no no_words'))
    found += unknown_choice(where, "setting", arm.setting, tuple(SETTINGS))
    try:
        Traits(**dict(arm.people))
    except (KetasimError, TypeError) as error:
        allowed = getattr(error, "allowed", "")
        told = f"{allowed}; or leave it out and say it in population" if allowed else ""
        found.append(
            Problem(
                where,
                f"people: {getattr(error, 'what', error)}",
                told or 'people = { genotype = "met/met", age = 70 }',
            )
        )
    if arm.experiment:
        found += _experiment_problems(arm, where)
    return found


def _unsayable(arm: Arm, error: KetasimError) -> str:
    """The honest way out for a drug, a route or a formulation that the grammar has no words for."""
    for beginning, reason in (("unknown drug", "drug"), ("unknown route", "route")):
        if error.what.startswith(beginning):
            names = error.fix or error.allowed.partition("; any other: --compound")[0]
            return f'{names}; or no_words = "{reason}", words = "": its rows are listed as not predicted'
    if " has no data by the " in error.what:
        return f'{error.fix or error.allowed}; or no_words = "route", words = "": its rows are listed as not predicted'
    told = f"{arm.words} {arm.formulation}".lower()
    words = ("extended", "prolonged", "slow release", "lozenge", "troche", "suppository", "extended_release")
    return (
        'no_words = "formulation", words = "": its rows are listed as not predicted'
        if any(w in told for w in words)
        else ""
    )


def _arm_choices(arm: Arm, where: str) -> list[Problem]:
    found: list[Problem] = []
    if arm.background:
        found += unknown_choice(where, "background", arm.background, BACKGROUNDS)
    if arm.formulation:
        found += unknown_choice(where, "formulation", arm.formulation, FORMULATIONS)
    if arm.no_words:
        found += unknown_choice(where, "no_words", arm.no_words, NO_WORDS)
    if arm.baseline_scale:
        found += unknown_choice(where, "baseline_scale", arm.baseline_scale, tuple(SCALE_RANGES))
    if not math.isnan(arm.midazolam_dose) and arm.setting != "midazolam":
        found.append(Problem(where, "a dose of midazolam, and another setting", 'setting = "midazolam"'))
    if arm.midazolam_dose > 1.0:
        found.append(Problem(where, f"{arm.midazolam_dose:g} mg/kg of midazolam", "midazolam_dose = 0.045 (mg/kg)"))
    for entry in arm.dropout:
        if set(entry) not in ({"by_h", "n"}, {"by_h", "share"}):
            found.append(Problem(where, "dropout needs a time and a number", "dropout = [{ by_h = 672, n = 5 }]"))
        elif not 0 <= entry.get("share", 0.0) <= 1 or entry.get("n", 0) > arm.n:
            found.append(
                Problem(
                    where, "more people dropped out than started", "share between 0 and 1, n at most that of the arm"
                )
            )
    return found


def _experiment_problems(arm: Arm, where: str) -> list[Problem]:
    name, _, which = arm.experiment.partition(":")
    plan = experiments().get(name)
    if plan is not None and which in plan.arms:
        return []
    known = [f"{e}:{a}" for e, p in experiments().items() for a in p.arms]
    near = nearest(arm.experiment, known)
    remedy = f'experiment = "{near[0] if near else known[0]}"'
    return [Problem(where, f"experiment '{arm.experiment}' is not known", remedy)]


def study_problems(name: str, table: Mapping[str, Any], known: Mapping[str, Any], own: bool) -> list[Problem]:
    """Everything wrong in the head of a study.toml. known : roles by id. own : a study of the user's, outside the package."""
    where = f"{name}/study.toml"
    found: list[Problem] = [Problem(where, f"{key} is missing", f"{key} = ...") for key in NEEDED if key not in table]
    if not str(table.get("citation", "x")).strip():
        found.append(Problem(where, "the source is missing", 'citation = "..."'))
    if not table.get("doi") and not table.get("note"):
        found.append(Problem(where, "a study without DOI says in note where it can be read", 'note = "..."'))
    for key, allowed in {"group": GROUPS, "design": DESIGNS, "blinding": BLINDINGS, "rater": RATERS}.items():
        found += unknown_choice(where, key, str(table.get(key, "")), allowed)
    for key, allowed in CHOICES.items():
        if key in table:
            found += unknown_choice(where, key, str(table[key]), allowed)
    for flag in table.get("population_flags", ()):
        found += unknown_choice(where, "population_flags", str(flag), POPULATION_FLAGS)
    fields = set(Study.__slots__) - {"id", "role", "rows"} | ({"role"} if own else set())
    found += [Problem(where, f"unknown field '{key}'", _unknown_remedy(key)) for key in sorted(set(table) - fields)]
    found += _cut_problems(where, table.get("cuts", {}))
    for other in table.get("overlaps", ()):
        if other not in known and not own:
            found.append(Problem(where, f"overlaps names '{other}', which is not in roles.toml", "an id of roles.toml"))
    for key, names in (("baseline", BASELINE_FIELDS), ("ideation_baseline", IDEATION_FIELDS)):
        found += _baseline_problems(where, key, table.get(key, {}), names)
    women = table.get("percent_women", 50)
    if not 0 <= women <= 100:
        found.append(Problem(where, f"percent_women = {women:g}", "a number between 0 and 100"))
    if "pooled_trials" in table and table.get("design") not in POOLS:
        found.append(Problem(where, "pooled_trials, and a design that pools nothing", f"design = {' | '.join(POOLS)}"))
    return found


def clock_problems(study: Study) -> list[Problem]:
    """A randomised withdrawal that does not say when the clock of relapse begins: placebo doses go on, so no dose tells it."""
    counted = any(row.endpoint == "relapse" for row in study.predicted)
    if study.design != "withdrawal" or not counted or "relapse_from_h" in study.cuts:
        return []
    what = "when were people randomised to go on or to stop? relapse is counted from then"
    return [Problem(f"{study.id}/study.toml [cuts]", what, "relapse_from_h = 2688 (hours from the first dose)")]


def _unknown_remedy(key: str) -> str:
    return "roles of the package stand in roles.toml" if key == "role" else "remove it or put it into note"


def _cut_problems(where: str, cuts: Mapping[str, Any]) -> list[Problem]:
    found: list[Problem] = []
    fall = cuts.get("response", 0.5)
    if not isinstance(fall, Mapping) and not 0 < fall < 1:
        what = f"response = {fall:g} is no share of the baseline"
        found.append(Problem(f"{where} [cuts]", what, "response = 0.5 (a fall of half)"))
    for key, cut in cuts.items():
        found += unknown_choice(f"{where} [cuts]", "cut", key, CUTS)
        if isinstance(cut, Mapping):
            if key not in CUTS_BY_SCALE:
                found.append(Problem(f"{where} [cuts]", f"{key} is one number", f"{key} = 0.5"))
            for scale in cut:
                found += unknown_choice(f"{where} [cuts]", "scale", scale, tuple(SCALE_RANGES))
    return found


def _baseline_problems(where: str, key: str, table: Mapping[str, Any], names: tuple[str, ...]) -> list[Problem]:
    found: list[Problem] = []
    for name in table:
        found += unknown_choice(where, f"field of {key}", name, names)
    scale, mean = str(table.get("scale", "")), table.get("mean")
    if table and not scale:
        found.append(Problem(where, f"{key} names no scale", f'{key} = {{ scale = "MADRS", mean = 33 }}'))
    limits = SCALE_RANGES.get(scale)
    if limits and mean is not None and not limits[0] <= mean <= limits[1]:
        found.append(Problem(where, f"{key} {mean:g} lies outside {scale}", "check scale and mean"))
    least = table.get("at_least")
    if least is not None and mean is not None:
        found.append(Problem(where, f"{key} has a mean, so that at_least changes nothing", "leave at_least out"))
    if limits and least is not None and not limits[0] <= least < limits[1]:
        found.append(Problem(where, f"at_least = {least:g} of {key} lies outside {scale}", "check scale and at_least"))
    if scale:
        found += unknown_choice(where, f"scale of {key}", scale, tuple(SCALE_RANGES))
    return found
