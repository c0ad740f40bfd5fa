"""What the long questions answer, as types: comparisons, experiments, claims, the weighing, the next study, the scorecard.

Each describes the object that the command prints with --json; a test holds both together (tests/unit/web/test_answers.py).
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from ketasim.scenario.compare import Difference

from .answers import Answer, CurveOutput, Run


@dataclass(frozen=True, config=Answer.model_config)
class Differing(Difference):
    """An arm minus the first arm, person by person."""


class CompareRow(Answer):
    """One quantity of every arm: typical, median, low, high, and what else belongs to it."""

    name: str
    label: str
    unit: str
    arms: list[dict[str, Any]]


class Standing(Answer):
    jurisdiction: str
    status: str
    use: str


class Compared(Answer):
    """The object that `ketasim compare --json` prints."""

    arms: list[str]
    rows: list[CompareRow]
    differences: list[Differing]
    approval: list[list[Standing]]
    monitoring: list[str]
    untested: list[str]
    runs: list[Run]


class FindingOfModel(Answer):
    """What an experiment was expected to show, and whether it does."""

    says: str
    holds: bool
    output: str
    look: str
    arm: str
    value: float | None
    versus: str
    versus_value: float | None
    relation: str
    by: float


class PublishedFinding(Answer):
    """What was published of an experiment, with the prediction of every hypothesis (null: none)."""

    says: str
    output: str
    look: str
    arm: str
    versus: str
    found: str | float
    se: float | None
    species: str
    records: list[str]
    role: str
    memory: bool
    predictions: dict[str, float | None]


class Carried(Answer):
    """The object that `ketasim experiment --json` prints."""

    experiment: str
    title: str
    asks: str
    records: list[str]
    assumption: str
    passed: bool
    findings: list[FindingOfModel]
    published: list[PublishedFinding]
    arms: dict[str, Run]


Courses = dict[str, CurveOutput]


class ClaimEvidence(Answer):
    says: str
    records: list[str]
    sources: list[str]
    from_memory: list[str]


class Needs(Answer):
    """Within which bounds a verdict stands."""

    low: float | None
    high: float | None
    rests_on: str
    records: list[str]


class ReadOff(Answer):
    """What is read off a run."""

    scenario: str
    measure: str
    output: str
    look: str
    base: float | str
    limit: float
    share: float
    begin: str
    until: str


class ClaimPrediction(Answer):
    label: str
    says: str
    unit: str


class PlayedPrediction(ClaimPrediction):
    """A prediction of a claim carried out."""

    value: float | None
    low: float | None
    high: float | None
    band: str
    people: int
    model_low: float | None
    model_high: float | None
    who: str
    needs: Needs
    inside: bool
    stands: bool
    misfit: str | None
    first: ReadOff
    versus: ReadOff | None
    how: str | None


class ClaimHead(Answer):
    name: str
    group: str
    claim: str
    verdict: str
    why: str
    stands: bool
    outside_the_model: str | None
    as_of: str | None
    evidence: list[ClaimEvidence]


class Claim(ClaimHead):
    """A claim before its predictions are carried out; `shown`: records and sources that `/api/show` knows."""

    predictions: list[ClaimPrediction]
    shown: list[str]


class PlayedClaim(ClaimHead):
    """The object that `ketasim claims NAME --json` prints."""

    predictions: list[PlayedPrediction]


class WeighedHypothesis(Answer):
    id: str
    title: str
    variants: dict[str, list[str]]
    free: list[str]
    prior: float
    log_evidence: float
    log_evidence_se: float
    effective_draws: float
    weight: float
    stacking: float
    leave_one_out: float
    held_out: float | None
    held_out_se: float | None
    by_group: dict[str, float]
    by_study: dict[str, float]
    predicts: list[str]
    refuted_by: list[str]


class Swing(Answer):
    """What leaving one study out does."""

    study: str
    group: str
    moved: str
    before: float
    after: float
    log_odds: float | None
    weights: dict[str, float]


class GroupWithout(Answer):
    """What leaving a whole group of evidence out does."""

    group: str
    studies: list[str]
    first_before: str
    first: str
    weights: dict[str, float]
    effective_draws: float
    no_longer_told_apart: list[tuple[str, str]]
    told_apart_only_then: list[tuple[str, str]]
    groups: list[list[str]]
    changes: bool


class PairOf(Answer):
    first: str
    second: str
    difference: float
    se: float
    told_apart: bool


class WeighedEvidence(Answer):
    studies: list[str]
    animals: bool
    without: list[str]
    held_out: list[str]
    held_out_left_out: list[str]


class OwnFinding(Answer):
    """A finding of one's own: counted, or refused with the reason; its prediction under every hypothesis (null: none)."""

    study: str
    says: str
    source: str
    counted: bool
    reason: str
    predicted: dict[str, float | None]


class Weighed(Answer):
    """The object that `ketasim weigh --json` prints."""

    hypotheses: list[WeighedHypothesis]
    swings: list[Swing]
    without_groups: list[GroupWithout]
    pairs: list[PairOf]
    groups: list[list[str]]
    cannot_be_told_apart: list[tuple[str, str]]
    not_weighed: list[str]
    own_findings: list[OwnFinding]
    evidence: WeighedEvidence


class ArmOfDesign(Answer):
    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)
    name: str
    words: str
    repeat: str
    with_: list[str] = Field(alias="with")


class Expected(Answer):
    mean: float | None
    sd_of_prediction: float | None


class RankedDesign(Answer):
    design: str
    title: str
    setting: str
    crossover: bool
    arms: list[ArmOfDesign]
    measures: list[str]
    no_prediction_for: list[str]
    participants: int
    information_nats: float
    information_se: float
    information_share: float
    information_other_seed: float
    misleading: dict[str, float]
    decides_rightly: dict[str, float]
    predicted: dict[str, dict[str, dict[str, Expected]]]


class AtSize(Answer):
    participants: int
    information_nats: float
    se: float


class NextStudy(Answer):
    """The object that `ketasim next-study --json` prints."""

    hypotheses: list[str]
    budget: int
    designs: list[RankedDesign]
    by_size: dict[str, list[AtSize]]
    stable_to_seed: bool
    order_not_sure: list[tuple[str, str]]
    failed: dict[str, str]


class NotPredicted(Answer):
    study: str
    line: int
    record: str
    why: str


class CardRow(Answer):
    """A published number beside its prediction; further columns may come."""

    model_config = ConfigDict(extra="allow")
    study: str
    role: str
    group: str


class Card(Answer):
    """The object that `ketasim check --json` prints: figures by role and group, rows, and what is not predicted."""

    summary: dict[str, Any]
    rows: list[CardRow]
    not_predicted: list[NotPredicted]
