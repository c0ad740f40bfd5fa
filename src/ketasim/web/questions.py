"""What the page may ask, with its limits; and the form of every answer that is a refusal."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ketasim.core import UsageError

from .own import variants_with

MOST_PEOPLE = 1000
MOST_DAYS = 120.0
MOST_DOSES = 600
MOST_WITH = 8
MOST_TIMES = 500
MOST_ARMS = 6
MOST_OUTPUTS = 64
LONGEST_WORDS = 400
LONGEST_TIMES = 4000
LAST_SEED = 2**31 - 1
EXAMPLE = "ketamine iv 0.5 mg/kg over 40 min"


def _printable(text: str) -> str:
    if any(not (letter.isprintable() or letter == " ") for letter in text):
        raise ValueError("only printable characters")
    return text


Words = Annotated[str, Field(max_length=LONGEST_WORDS), AfterValidator(_printable)]
Name = Annotated[str, Field(max_length=80, min_length=1), AfterValidator(_printable)]
People = Annotated[
    int, Field(ge=0, le=MOST_PEOPLE, description="people to draw for the bands; 0: the typical person alone")
]
Seed = Annotated[int, Field(ge=0, le=LAST_SEED)]


class Who(BaseModel):
    """What all arms of a question share, in the command line's words."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    repeat: Words = Field("", description='repeats of the main dose, such as "twice weekly x 8"')
    with_: list[Words] = Field(default_factory=list, alias="with", max_length=MOST_WITH, description="co-medication")
    setting: Words = Field(
        "", description="open | saline | midazolam | nasal-placebo | inpatient | routine; empty: by route"
    )
    people: People = 100
    days: float | None = Field(None, gt=0, le=MOST_DAYS, description="length of the run in days")
    seed: Seed = 1
    masked: bool = Field(False, description="nobody can tell drug from placebo, whatever is felt")
    hypothesis: Words = Field("", description="under which hypothesis; empty: the working default")
    mechanisms: list[Name] = Field(
        default_factory=list, max_length=8, description="mechanisms of one's own beside those of the hypothesis"
    )
    at: Annotated[str, Field(max_length=LONGEST_TIMES)] | list[float] | None = Field(
        None, description='output times: "40 min,24 h,7 d", or a list of hours'
    )

    def options(self) -> dict[str, Any]:
        """Keyword arguments of `ketasim.scenario.plan.scenario`."""
        at = self.at or None
        if isinstance(at, list) and (len(at) > MOST_TIMES or not all(math.isfinite(time) for time in at)):
            raise UsageError(
                f"{len(at)} output times",
                where="at",
                allowed=f"1 to {MOST_TIMES} finite numbers of hours",
                fix="0,2,24,168",
            )
        return {
            "repeat": self.repeat,
            "with_": [word for word in self.with_ if word.strip()],
            "setting": self.setting,
            "people": self.people,
            "days": self.days,
            "seed": self.seed,
            "at": at,
            "masked": self.masked,
            "hypothesis": self.hypothesis or None,
            "variants": variants_with(self.mechanisms, self.hypothesis) or None,
        }


class Question(Who):
    """A run: the words of `ketasim run`."""

    scenario: Words = Field(..., examples=[EXAMPLE], description="DRUG ROUTE AMOUNT [over DURATION]")


class UncertainQuestion(BaseModel):
    """Whose numbers: the words of a run."""

    model_config = ConfigDict(extra="forbid")

    scenario: Words = Field(EXAMPLE, examples=[EXAMPLE], description="DRUG ROUTE AMOUNT [over DURATION]")


class WhatIfQuestion(UncertainQuestion):
    """One uncertain number replaced: what the headline would be."""

    name: Name = Field(..., examples=["mood_late_size"], description="a value with an uncertainty")
    to: float | None = Field(None, allow_inf_nan=False, description="its number, in its unit; none: as it ships")


class SliderQuestion(Question):
    """A run of which only some outputs are wanted, on the internal grid, as numbers packed together."""

    outputs: list[Name] = Field(
        default_factory=list, max_length=MOST_OUTPUTS, description="names of the register; none: all"
    )
    uncertainty: bool = Field(True, description="also the uncertainty of the model; without it the answer comes sooner")

    def options(self) -> dict[str, Any]:
        """Those of a run; no draws of the posterior where their band is not wanted."""
        return super().options() | ({} if self.uncertainty else {"draws": 0})


class Arm(BaseModel):
    """One arm of a comparison that has repeats or co-medication of its own."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    scenario: Words
    repeat: Words = ""
    with_: list[Words] = Field(default_factory=list, alias="with", max_length=MOST_WITH)
    setting: Words | None = None


class Comparison(Who):
    """Up to six scenarios in the same people: the words of `ketasim compare`."""

    people: Annotated[int, Field(ge=0, le=300, description="people in every arm")] = 100
    scenarios: list[Words | Arm] = Field(
        ..., min_length=1, max_length=MOST_ARMS, examples=[[EXAMPLE, "esketamine nasal 84 mg"]]
    )


class ExperimentQuestion(BaseModel):
    """A virtual experiment by name."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(..., examples=["naltrexone"])
    people: Annotated[int, Field(ge=0, le=200)] = 0
    seed: Seed = 1


class CoursesQuestion(ExperimentQuestion):
    """One output of a virtual experiment on the internal grid."""

    output: Name = Field("madrs.effect", examples=["glutamate"])


class WeighQuestion(BaseModel):
    """What `ketasim weigh` takes: prior chances, animal evidence or not, studies left out."""

    model_config = ConfigDict(extra="forbid")

    prior: dict[Name, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict, max_length=32)
    animals: bool = True
    without: list[Name] = Field(default_factory=list, max_length=200)


class NextStudyQuestion(BaseModel):
    """What `ketasim next-study` takes: the hypotheses to separate, and how many people the study may have."""

    model_config = ConfigDict(extra="forbid")

    names: list[Name] = Field(..., min_length=2, max_length=6)
    budget: Annotated[int, Field(ge=8, le=2000)] = 160


class Problem(BaseModel):
    """A refusal: what is wrong, where, what is allowed, and the line that mends it."""

    model_config = ConfigDict(populate_by_name=True)

    what: str
    where: str = ""
    allowed: str = ""
    try_: str = Field("", alias="try")


def refuse_the_endless(days: float, doses: int) -> None:
    """Raises UsageError for a run that is longer, or has more doses, than the page may ask for.

    No line is offered in its place: a shorter run or another schedule would be another question.
    """
    if days > MOST_DAYS + 1e-9:
        raise UsageError(
            f"the run would last {days:.3g} days",
            where="days, at and repeat",
            allowed=f"up to {MOST_DAYS:g} days here; the command line goes further: ketasim run",
        )
    if doses > MOST_DOSES:
        raise UsageError(
            f"{doses} doses are too many for the page",
            where="repeat",
            allowed=f"up to {MOST_DOSES} doses here; the command line goes further: ketasim run",
        )
