"""The guide, every number of it resolved."""

from __future__ import annotations

from typing import Literal

from .base import Answer
from .facts import Crisis


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
