"""What one person file says, as values: facts, medication, doses given, scores, levels, pressures. Nothing is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ketasim.core.errors import Problem
from ketasim.core.frozen import FrozenMapping

from .fields import Fact

HOURS_PER_DAY = 24.0


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was. day : days from the first dose, negative before it. line : of the file, 0 if there is none."""

    day: float
    line: int

    @property
    def time_h(self) -> float:
        """Hours from the first dose."""
        return self.day * HOURS_PER_DAY


@dataclass(frozen=True, slots=True)
class Medication:
    """One drug that is taken beside. words : in the words of --with, empty if they were not given.

    mg_per_day : None = not known. from_day, to_day : days from the first dose, None = always.
    """

    name: str
    mg_per_day: float | None = None
    words: str = ""
    from_day: float | None = None
    to_day: float | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class GivenDose(Moment):
    """A dose that was given. words : the canonical regimen line (it may hold repeats, counted from `day`)."""

    words: str


@dataclass(frozen=True, slots=True)
class Score(Moment):
    """A total of a rating scale. total : None = missing. censor : "" | "<" | "<=" | ">" | ">=" (the total is a bound).

    baseline : rated before the first dose. rater : "clinician" | "self".
    """

    scale: str
    total: float | None
    rater: str
    censor: str = ""
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Level(Moment):
    """A measured concentration of `analyte` (an output name), ng/mL. value : None = missing. censor as in `Score`."""

    analyte: str
    value: float | None
    censor: str = ""


@dataclass(frozen=True, slots=True)
class Pressure(Moment):
    """A measured blood pressure, mmHg, and pulse, bpm. before : taken before a dose, at rest."""

    sbp: float | None
    dbp: float | None
    heart_rate: float | None = None
    before: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """One person as the file says it.

    where : the file, empty for a mapping. facts : what is known; what is not there is unknown.
    medication : None = no list was given, so unknown. first_dose : its date, None if only days are used.
    suspected : what looks like a slip; it is used as written. notes : what was understood how.
    """

    where: str
    facts: Mapping[str, Fact] = FrozenMapping()
    medication: tuple[Medication, ...] | None = None
    doses: tuple[GivenDose, ...] = ()
    scores: tuple[Score, ...] = ()
    levels: tuple[Level, ...] = ()
    pressures: tuple[Pressure, ...] = ()
    first_dose: datetime | None = None
    route: str = ""
    jurisdiction: str = ""
    suspected: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
