"""What a design file says, as one frozen value. `read.read_design` makes it from TOML with every problem listed at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ketasim.core import FrozenMapping
from ketasim.dose import Regimen, parse
from ketasim.ratings.add_ons import AddOn, add_ons, is_add_on

from .plan import Analysis, label_of
from .rules import Rule

HOURS_PER_DAY = 24.0
KINDS = ("parallel", "crossover", "withdrawal", "escalating")


@dataclass(frozen=True, slots=True)
class TrialArm:
    """One arm in the words of the command line. with_ : co-medication and add-ons in words. ratio : of the allocation. stated : add-ons
    with a distribution of their own."""

    name: str
    words: str
    repeat: str = ""
    with_: tuple[str, ...] = ()
    ratio: float = 1.0
    stated: tuple[AddOn, ...] = ()

    @property
    def add_ons(self) -> tuple[AddOn, ...]:
        """Treatments beside the drug: those of [[add_on]], and those named among the words of `with`."""
        return (*self.stated, *add_ons(self.with_, "with"))

    def regimen(self) -> Regimen:
        """The doses."""
        return parse(self.words, repeat=self.repeat, with_=tuple(w for w in self.with_ if not is_add_on(w)))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """measure : one of `plan.MEASURES`, at the visit `at_h`, of `arm` against the comparator.

    cut : remission in points of the scale; relapse: score at or above it; cadss_share: CADSS points above it; ideation_remission: points of the item at
    or below it. response : fall of the score that counts, as a share.
    """

    measure: str
    at_h: float
    arm: str
    cut: float
    response: float = 0.5


@dataclass(frozen=True, slots=True)
class Dropout:
    """Hazard of leaving per week between two visits, and what it depends on; `dropout.equation` prints it.

    per_week : at an unchanged score, nothing felt, at the start. score : log hazard per point of the last score seen minus baseline (at random
    given what is seen). score_now : the same for the score that would come next and is not seen if they leave (not at random).
    dissociation : per CADSS point at the peak of the sessions so far. time : per week since the start. basis : where the numbers are from.
    """

    per_week: float = 0.0
    score: float = 0.0
    score_now: float = 0.0
    dissociation: float = 0.0
    time: float = 0.0
    basis: str = "assumed"


@dataclass(frozen=True)
class Design:
    """A trial. visits_h ascending, h from the first dose; n : randomised in all; missing : chance that a single visit is missed.

    comparator : name of the arm that the others are compared with. people : the printed Table 1, as written. site_sd : SD between sites of the
    drive L of everybody there. stable : withdrawal designs, who is randomised at `from_h`. period_h : start of the second period of a crossover. measured : what is read at visits beside the score.
    study_effects : every replicate differs from the average trial as published trials do. small_study : and as published trials of the size `n` do.
    occasions : what differs between the sessions of one person, `people.occasions`. where : name of the file.
    """

    id: str
    title: str
    kind: str
    setting: str
    scale: str
    arms: tuple[TrialArm, ...]
    comparator: str
    visits_h: tuple[float, ...]
    endpoint: Endpoint
    analysis: Analysis = field(default_factory=Analysis)
    dropout: Dropout = field(default_factory=Dropout)
    n: int = 120
    study: str = ""
    missing: float = 0.0
    sites: int = 1
    site_sd: float = 0.0
    block: int = 0
    strata: tuple[str, ...] = ()
    per_month: float | None = None
    duration_months: float | None = None
    masked: bool = False
    study_effects: bool = True
    small_study: bool = False
    hypotheses: tuple[str, ...] = ()
    people: Mapping[str, Any] = field(default_factory=FrozenMapping)
    rules: tuple[Rule, ...] = ()
    measured: tuple[str, ...] = ()
    from_h: float = 0.0
    period_h: float = 0.0
    stable: str = ""
    assumptions: tuple[str, ...] = ()
    where: str = ""
    occasions: str = "sourced"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what people are randomised to: the arms, comparator first; of a crossover its two sequences."""
        return tuple(name for name, _ in self.sequences)

    @property
    def sequences(self) -> tuple[tuple[str, tuple[tuple[str, float, float], ...]], ...]:
        """(name, ((treatment, start h, end h), ...)) of everything people are randomised to. Of a crossover: the compared treatment first, then
        the comparator, and the other way round."""
        if self.kind == "crossover":
            a, b, start = self.endpoint.arm, self.comparator, self.period_h
            plans = [(first, second) for first, second in ((a, b), (b, a))]
            return tuple(
                (f"{first}, then {second}", ((first, 0.0, start), (second, start, math.inf))) for first, second in plans
            )
        others = tuple(arm.name for arm in self.arms if arm.name != self.comparator)
        return tuple((name, ((name, 0.0, math.inf),)) for name in (self.comparator, *others))

    @property
    def compared(self) -> tuple[str, ...]:
        """Names of the arms that are compared with the comparator."""
        return (self.endpoint.arm,) if self.kind == "crossover" else self.names[1:]

    @property
    def readings_h(self) -> tuple[float, ...]:
        """When people are rated, h: the visits; of a crossover those of the first period, the start of the second, and its visits."""
        if self.kind != "crossover":
            return self.visits_h
        return (*self.visits_h, self.period_h, *(self.period_h + t for t in self.visits_h))

    def arm(self, name: str) -> TrialArm:
        """An arm by its name."""
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def end_h(self) -> float:
        """The last visit, h."""
        return self.readings_h[-1]

    @property
    def compares(self) -> bool:
        """Whether there is anything to compare."""
        return len(self.arms) > 1

    @property
    def estimand_words(self) -> tuple[str, str]:
        """Endpoint and time for the words of an estimand."""
        where = self.endpoint
        return label_of(where.measure, self.scale, where.cut), words_of(where.at_h)


def words_of(hours: float) -> str:
    """A time in words, as messages and reports print it: "24 h"; from two days on, whole days as "day 28"."""
    if hours >= 2 * HOURS_PER_DAY and hours % HOURS_PER_DAY == 0:
        return f"day {hours / HOURS_PER_DAY:g}"
    return f"{hours:g} h"
