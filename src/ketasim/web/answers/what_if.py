"""One number at another value, and which numbers matter."""

from __future__ import annotations

from typing import Literal

from .base import Answer


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
