"""The guide, every number of it resolved."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from ketasim.report.guide_numbers import Number

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


@dataclass(frozen=True, config=Answer.model_config)
class GuideNumber(Number):
    """A number of the guide, with where it comes from and the command that prints it."""


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
