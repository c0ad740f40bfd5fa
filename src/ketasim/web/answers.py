"""What the server answers, as types: the interface for programs (/openapi.json) and, generated from it, the types of the page.

Answers are made by the public functions and sent as they are; these classes describe them, and a test holds both together.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """Nothing but what is named."""

    model_config = ConfigDict(extra="forbid")


class Approval(Answer):
    jurisdiction: str
    status: str
    use: str
    records: list[str]
    source: str


class Route(Answer):
    name: str
    forms: list[str]
    duration_h: float | None
    data: str
    studied: dict[str, tuple[float, float]]
    studied_in: str
    approval: list[Approval]
    monitoring: str
    note: str


class Drug(Answer):
    name: str
    label: str
    role: str
    source: str
    place: str
    note: str
    routes: list[Route]


class Output(Answer):
    name: str
    unit: str
    label: str
    stage: str
    site: str
    scale: str
    rater: str
    window: str
    needs: list[str]
    low: float | None
    high: float | None
    note: str


class Link(Answer):
    """An arrow of the chain with the grades of the numbers behind it."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)
    from_: str = Field(alias="from")
    to: str
    stage: str
    grade: str
    words: str
    counts: dict[str, int]
    assumed: float
    weakest: bool


class SpreadOf(Answer):
    kind: str
    sd: float
    low: float | None
    high: float | None


class ValueEntry(Answer):
    """A number of the model with everything needed to judge it."""

    name: str
    stage: str
    label: str
    symbol: str
    value: float
    unit: str
    printed: str
    basis: Literal["measured", "derived", "assumed", "placeholder"]
    grade: Literal["A", "B", "C", "D"]
    grade_words: str
    source: str
    place: str
    citation: str
    doi: str
    url: str
    kind: str
    records: list[str]
    between: SpreadOf | None
    uncertain: SpreadOf | None
    bounds: tuple[float, float] | None
    note: str


class Choice(Answer):
    words: str
    label: str


class Named(Answer):
    name: str
    label: str


class ExperimentCard(Answer):
    name: str
    title: str
    asks: str
    records: list[str]
    shown: list[str]
    assumption: str
    says: list[str]
    arms: list[str]


class Catalogue(Answer):
    """Everything the page needs before its first run."""

    version: str
    notice: str
    drugs: list[Drug]
    outputs: list[Output]
    links: list[Link]
    settings: list[Named]
    experiments: list[ExperimentCard]
    has: dict[str, bool]
    start: dict[str, float]
    added: list[Choice]
    repeats: list[Choice]
    baseline: float
    numbers: int
    traced: int


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
    caution: str | None = Field(description="why these numbers are no prediction; null for most")


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
    withheld: dict[str, str] = Field(description="outputs whose numbers are no prediction, each with the reason")
    summary: dict[str, Any]


class Shown(Answer):
    name: str
    text: str
    value: ValueEntry | None
    doi: str
