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


class Shown(Answer):
    name: str
    text: str
    value: ValueEntry | None
    doi: str


class GuidePart(Answer):
    """Plain text, or a number of the guide as printed (`number` is its name; "crisis": the line on help)."""

    text: str
    number: str


class GuideRest(Answer):
    name: str
    kind: Literal["claim", "record", "source"]


class GuideItem(Answer):
    ask: str
    head: str
    parts: list[GuidePart]
    cells: list[list[GuidePart]]
    rests_on: list[GuideRest]


class GuideRow(Answer):
    number: str
    parts: list[GuidePart]


class GuideBlock(Answer):
    kind: Literal["text", "list", "array", "table", "questions", "faq", "glossary"]
    title: str
    mark: Literal["", "counted", "simulated"]
    columns: list[str]
    parts: list[GuidePart]
    items: list[GuideItem]
    rows: list[GuideRow]
    rests_on: list[GuideRest]


class GuideSection(Answer):
    key: str
    title: str
    blocks: list[GuideBlock]


class GuideNumber(Answer):
    """A number of the guide, with where it comes from and the command that prints it."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    text: str
    range: str
    within: str
    kind: Literal["counted", "simulated", "rule"]
    says: str
    interval: str
    source: str
    shown: str
    claim: str
    command: str
    stands: bool


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


class Guide(Answer):
    """The guide with every number resolved. `stored`: made when the package was built, by this same model."""

    language: str
    title: str
    reviewed: str
    checked: str
    notice: str
    sections: list[GuideSection]
    numbers: dict[str, GuideNumber]
    claims: dict[str, str]
    crisis: Crisis
    stored: bool


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


class DesignFile(Answer):
    id: str
    study: str
    title: str
    arms: int
    text: str


class ArmRead(Answer):
    name: str
    doses_day: list[float]


class DesignRead(Answer):
    """A design file as it is understood."""

    title: str
    kind: str
    setting: str
    scale: str
    n: int
    arms: list[ArmRead]
    comparator: str
    visits_day: list[float]
    measure: str
    arm: str
    at_day: float
    method: str
    dropout: str


class DesignWords(Answer):
    """What the fields of a design may hold."""

    kinds: list[str]
    settings: list[str]
    scales: list[str]
    measures: list[str]
    methods: dict[str, list[str]]
    freedoms: list[str]
    covariates: list[str]
    most_arms: int
    most_people: int
    most_sims: int


class Task(Answer):
    """Work in the background: share done, tasks before it in the line, and result or problem when it has ended."""

    number: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    share: float
    ahead: int
    text: str
    result: dict[str, Any] | None
    problem: dict[str, str] | None


class Forward(Answer):
    """Predictions made before results were known: the day, their hash, and per trial the difference to placebo under every hypothesis
    (median, 5th and 95th percentile)."""

    made: str
    sha256: str
    predictions: dict[str, Any]


class Screened(BaseModel):
    """The object that `ketasim screen --json` prints; further fields may come."""

    model_config = ConfigDict(extra="allow")
    verdict: str
    words: str
    rules: list[dict[str, Any]]
    monitoring: list[dict[str, Any]]
    missing_for: list[dict[str, Any]]


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


class KnownOf(Answer):
    """What is known of a value: a histogram (edges, shares), 5th, 50th and 95th percentile; prior where it was not fitted."""

    kind: Literal["posterior", "prior"]
    edges: list[float]
    shares: list[float]
    low: float
    median: float
    high: float


class HeadlineIf(Answer):
    """The typical person's figure as it ships and with the value replaced; model_low, model_high: 5th to 95th percentile over the whole posterior."""

    key: str
    label: str
    unit: str
    shipped: float | None
    changed: float | None
    model_low: float | None
    model_high: float | None
    curve: list[float | None]


class WhatIf(Answer):
    """What `ketasim.scenario.what_if.what_if` gives: one value replaced, all others as they are."""

    name: str
    key: str
    label: str
    unit: str
    value: float
    basis: Literal["measured", "derived", "assumed", "placeholder"]
    grade: Literal["A", "B", "C", "D"]
    to: float
    known: KnownOf
    headline: list[HeadlineIf]
    curve_at: list[float]
    held: str
    words: str
    setting: str
    command: str


class Uncertain(Answer):
    """A value that can be tried at another number."""

    name: str
    label: str
    unit: str
    stage: str
    value: float
    grade: Literal["A", "B", "C", "D"]
    basis: Literal["measured", "derived", "assumed", "placeholder"]
    fitted: bool


class Mattering(Answer):
    """A number and by how much it moves an output when it goes from its 5th to its 95th percentile."""

    name: str
    label: str
    unit: str
    low: float
    high: float
    change: float


class Matters(Answer):
    """Per output the numbers that move it most; scenario: whose course that is."""

    scenario: str
    outputs: dict[str, list[Mattering]]
