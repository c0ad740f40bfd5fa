"""A run, what has to stand beside it, and what studies observed."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .base import Answer
from .facts import Approval, Link


class Dose(Answer):
    time_h: float
    drug: str
    route: str
    asked_mg: float
    given_mg: float
    duration_h: float | None
    rate_mg_per_h: float | None


class Failure(Answer):
    person: int
    time_h: float | None
    reason: str


class Status(Answer):
    ok: int
    failed: list[Failure]


class CurveOutput(Answer):
    unit: str
    time_h: list[float]
    typical: list[float | None]
    median: list[float | None] | None
    mean: list[float | None] | None
    low: list[float | None] | None
    high: list[float | None] | None
    model_low: list[float | None] | None
    model_high: list[float | None] | None
    caution: str | None = Field(default=None, description="why these numbers are no prediction; null for most")


class Run(BaseModel):
    """The object that `ketasim run --json` prints; further fields may come."""

    model_config = ConfigDict(extra="allow")
    scenario: dict[str, Any]
    seed: int
    version: str
    model: str
    numbers: str
    people: int
    ledger: list[Dose]
    status: Status
    outputs: dict[str, CurveOutput]
    withheld: dict[str, str] = Field(
        default_factory=dict, description="outputs whose numbers are no prediction, each with the reason"
    )
    summary: dict[str, Any]


class CareLook(Answer):
    """The typical person's effect beyond placebo taken apart at a look, points; low, high: 90 % credible interval of the drug's own part."""

    look: str
    drug: float
    belief: float
    low: float | None
    high: float | None


class Reported(Answer):
    """People of 100 with an effect over weeks of spray, as counted in trials, beside the dummy spray."""

    what: str
    spray: float
    dummy: float
    source: str


class Care(Answer):
    """What has to stand beside a course: what comes first, why a benefit cannot be stated, harms of long use, the parts of the effect.

    `harm` is the object of `ketasim harm --json`; `placebo` the `mood` of the summary of the same people under placebo.
    """

    anaesthetic: str
    not_known: str
    long_use: str
    clinic_rule: str
    approval: list[Approval]
    monitoring: str
    looks: list[CareLook]
    placebo: dict[str, Any] | None
    harm: dict[str, Any]
    reported: list[Reported]
    links: list[Link]


class Observed(Answer):
    """A published number beside a course; low, high: 95 % interval, null where no error was published."""

    output: str
    side: Literal["drug", "control"]
    time_h: float
    value: float
    low: float | None
    high: float | None
    bar: str
    unit: str
    n: float | None
    study: str
    citation: str
    record: str
    arm: str
    provenance: str
    how: str
