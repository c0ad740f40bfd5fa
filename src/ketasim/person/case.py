"""A person file turned into what a forecast works with: traits, what was given, what was observed; and what of it cannot be used, said."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ketasim.dose import parse
from ketasim.people import Traits
from ketasim.people.cohort import RANGES
from ketasim.ratings.scales import per_point
from ketasim.ratings.setting import SETTING_OF_ROUTE, USUAL_SETTING
from ketasim.ratings.setting import setting as setting_of

from .fields import mood_scales, scales
from .given import Placed
from .moments import HALF_STEP, MINUTES_A_DAY, total_interval
from .observed import ITEM, THOUGHTS, Baseline, Observation
from .records import HOURS_PER_DAY, Level, Person, Pressure, Score

LEVEL_STEP = 0.01  # of a level: what is printed stands for that much around it
HEAVIEST = (39.0, 170.0)  # kg, of the 820 people of PK-COV-01
SOON_MIN = 480  # after a dose: told in minutes
BEFORE_H = -7 * HOURS_PER_DAY  # a drug taken "always" is at its steady level when the first dose comes


@dataclass(frozen=True)
class Case:
    """traits : what of the person is known. history : what was given. baseline, observations : what was measured.

    last_day : of the last entry. setting : where it was given. notes : what is used how, and what is not used.
    """

    traits: Traits
    history: tuple[Placed, ...]
    baseline: Baseline
    observations: tuple[Observation, ...]
    last_day: float
    setting: str
    resting: dict[str, float]
    notes: tuple[str, ...]

    @property
    def times(self) -> np.ndarray:
        """Times of the observations, h."""
        return np.array([o.time_h for o in self.observations])


def case_of(person: Person, setting: str = "", options: tuple[Placed, ...] = ()) -> Case:
    """The case of a person file. setting : of the treatment; without one, that of the route of the first dose."""
    notes = [str(problem) for problem in person.suspected] + list(person.notes)
    history = [Placed(parse(dose.words), dose.time_h) for dose in person.doses]
    for drug in person.medication or ():
        history += _medication(drug.words, drug.from_day, drug.to_day, drug.name, notes)
    baseline = _baseline(person.scores, notes)
    observations = [
        *_scores(person.scores, baseline, notes),
        *_levels(person.levels, notes),
        *_pressures(person.pressures, person, notes),
    ]
    observations.sort(key=lambda o: o.time_h)
    if not person.doses and observations:
        notes.append("observations after day 0 without any dose are not used: what was given is not known")
        observations = []
    days = [dose.day for dose in person.doses] + [o.time_h / HOURS_PER_DAY for o in observations]
    main = [one for one in (*history, *options) if not one.beside]
    route = main[0].regimen.main.blocks[0].dose.route if main else ""
    where = setting or SETTING_OF_ROUTE.get(route, USUAL_SETTING)
    setting_of(where)
    return Case(
        _traits(person, baseline, notes),
        tuple(history),
        replace(baseline, setting=where),
        tuple(observations),
        max(days) if days else -math.inf,
        where,
        {key: float(person.facts[key]) for key in ("sbp", "dbp", "heart_rate") if key in person.facts},
        tuple(dict.fromkeys(notes)),
    )


def _traits(person: Person, baseline: Baseline, notes: list[str]) -> Traits:
    facts = person.facts
    weight, age, before = _number(facts.get("weight_kg")), _number(facts.get("age")), baseline.madrs
    for name, fact in (("weight", weight), ("age", age), ("MADRS before the first dose", before)):
        if fact is None:
            notes.append(f"{name} is not known: drawn as in the population")
    if weight is not None and not HEAVIEST[0] <= weight <= HEAVIEST[1]:
        low, high = HEAVIEST
        notes.append(
            f"weight {weight:g} kg lies outside the {low:g} to {high:g} kg in which levels were measured: by the size model alone"
        )
    low, high, _, _ = RANGES["baseline"]
    ethnicity = str(facts.get("ethnicity", "unspecified"))
    return Traits(
        weight=weight,
        age=age,
        sex={"female": "woman", "male": "man"}.get(str(facts.get("sex", ""))),
        baseline=None if before is None else min(max(before, low), high),
        genotype=str(facts.get("val66met", "val/val")),
        ethnicity=ethnicity if ethnicity in ("asian", "japanese") else "unspecified",
    )


def _number(fact: object) -> float | None:
    return float(fact) if isinstance(fact, int | float) else None


def _medication(words: str, start: float | None, end: float | None, name: str, notes: list[str]) -> list[Placed]:
    if not words:
        notes.append(f"{name} has no words and is not simulated")
        return []
    begin = BEFORE_H if start is None else start * HOURS_PER_DAY
    until = math.inf if end is None else end * HOURS_PER_DAY
    return [Placed(parse(words), begin, until, beside=True)]


def _baseline(scores: tuple[Score, ...], notes: list[str]) -> Baseline:
    totals: dict[str, float] = {}
    none: list[str] = []
    for score in sorted((s for s in scores if s.baseline), key=lambda s: s.day):
        if score.scale not in (*mood_scales(), *THOUGHTS) or score.total is None:
            continue
        if score.censor:
            notes.append(f"the {score.scale} baseline is a bound and is not used")
            continue
        if score.scale in totals:
            notes.append(f"several {score.scale} totals before the first dose: the last one is the baseline")
        if score.total <= 0 and score.scale in THOUGHTS:
            totals.pop(score.scale, None)
            none.append(score.scale)
            continue
        if score.total <= 0:
            notes.append(f"a {score.scale} baseline of 0 leaves nothing to change and is not used")
            continue
        totals[score.scale] = score.total
    carried = next((name for name in mood_scales() if name in totals), "")
    if carried and "MADRS" not in totals:
        scale = carried
        notes.append(
            f"MADRS before the first dose is carried over from {scale}: {totals[scale] * per_point(scale):.0f} points"
        )
    return Baseline(totals, tuple(dict.fromkeys(one for one in none if one not in totals)))


def _scores(scores: tuple[Score, ...], baseline: Baseline, notes: list[str]) -> list[Observation]:
    found = []
    for score in scores:
        if score.baseline:
            continue
        if score.total is None:
            notes.append(f"a {score.scale} total on day {score.day:g} is missing and says nothing")
            continue
        text = f"{score.scale} {score.censor}{score.total:g} {_when(score.day)}"
        low, high = total_interval(score.total, score.censor)
        if score.scale == "CADSS":
            low = -math.inf if low < scales()["CADSS"].low else low
            found.append(Observation("felt", "CADSS", score.time_h, low, high, text, score.line))
        elif score.scale in mood_scales():
            found.append(
                Observation("mood", score.scale, score.time_h, low, high, text, score.line, score.rater == "self")
            )
        elif score.scale in THOUGHTS and score.scale in baseline.none:
            notes.append(
                f"{text} is not used: {score.scale} was 0 before the first dose, of which the model can say nothing"
            )
        elif score.scale in THOUGHTS and (score.scale == ITEM or score.scale in baseline.totals):
            found.append(
                Observation("ideation", score.scale, score.time_h, low, high, text, score.line, score.rater == "self")
            )
        elif score.scale in THOUGHTS:
            notes.append(f"{text} is not used: it needs a {score.scale} total before the first dose")
        else:
            notes.append(f"{score.scale} has no part in the forecast and is not used")
    return found


def _when(day: float) -> str:
    """ "on day 4", "on day 0, 40 min", "on day 1.38"."""
    whole = math.floor(day)
    minutes = (day - whole) * MINUTES_A_DAY
    if 0.5 <= minutes <= SOON_MIN and abs(minutes - round(minutes)) < 0.01:
        return f"on day {whole}, {round(minutes)} min"
    return f"on day {day:.3g}"


def _levels(levels: tuple[Level, ...], notes: list[str]) -> list[Observation]:
    found = []
    for level in levels:
        name = level.analyte.removeprefix("plasma.")
        if level.value is None:
            notes.append(f"a level of {name} on day {level.day:g} is missing and says nothing")
            continue
        low, high = level.value * (1 - LEVEL_STEP), level.value * (1 + LEVEL_STEP)
        if level.censor or level.value == 0:
            low, high = (level.value, math.inf) if level.censor.startswith(">") else (0.0, max(level.value, 1e-3))
        text = f"{name} {level.censor}{level.value:g} ng/mL {_when(level.day)}"
        found.append(Observation("level", level.analyte, level.time_h, low, high, text, level.line))
    return found


def _pressures(readings: tuple[Pressure, ...], person: Person, notes: list[str]) -> list[Observation]:
    found = []
    for reading in readings:
        if reading.before:
            continue
        for name in ("sbp", "dbp"):
            number, rest = getattr(reading, name), person.facts.get(name)
            if number is None:
                continue
            if rest is None:
                notes.append(f"{name} after a dose is not used: the resting {name} is not known")
                continue
            rise = number - float(rest)
            text = f"{name} {number:g} mmHg {_when(reading.day)}"
            found.append(
                Observation("pressure", name, reading.time_h, rise - HALF_STEP, rise + HALF_STEP, text, reading.line)
            )
    return found
