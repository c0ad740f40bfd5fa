"""Facts that need no run: drugs, outputs, values, experiments, studies, words, the catalogue of the page, where help is in a crisis."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from .base import Answer


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
    caveat: str


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
    mark: str = Field(
        description="what must stand beside the number: that it was computed, assumed, or not measured in people; empty for most"
    )
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


class Explanation(Answer):
    name: str
    label: str
    default: bool


class ExperimentCard(Answer):
    name: str
    title: str
    asks: str
    records: list[str]
    shown: list[str]
    assumption: str
    says: list[str]
    arms: list[str]


class OwnPart(Answer):
    """A part of one's own beside the package: a mechanism, hypothesis, design or file of findings."""

    kind: str
    name: str
    file: str
    stage: str  # of a mechanism
    variant: str


class CrisisLine(Answer):
    countries: list[str]
    place: str
    emergency: str
    helpline: str
    source: str
    dated: str
    checked: str
    text: str


class Crisis(Answer):
    general: str
    lines: list[CrisisLine]


class Catalogue(Answer):
    """Everything the page needs before its first run."""

    version: str
    notice: str
    crisis: Crisis
    drugs: list[Drug]
    outputs: list[Output]
    links: list[Link]
    settings: list[Named]
    hypotheses: list[Explanation]
    own: list[OwnPart]
    experiments: list[ExperimentCard]
    has: dict[str, bool]
    start: dict[str, float]
    added: list[Choice]
    repeats: list[Choice]
    baseline: float
    weight: float
    age: float
    numbers: int
    traced: int


class Shown(Answer):
    name: str
    text: str
    value: ValueEntry | None
    doi: str


class GlossaryTerm(Answer):
    """A word of the page, other forms of it, and what it means."""

    word: str
    also: list[str]
    text: str


class StudyHead(Answer):
    """A published study in one line; `/api/show` has all of it."""

    name: str
    citation: str
    population: str
    design: str
    people: float | None
    numbers: int


class Forward(Answer):
    """Predictions made before results were known: the day, their hash, and per trial the difference to placebo under every hypothesis
    (median, 5th and 95th percentile)."""

    made: str
    sha256: str
    predictions: dict[str, Any]
