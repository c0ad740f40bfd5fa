"""Trials and one person: designs, tasks in the background, the screening of one person."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from .base import Answer


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


class Screened(BaseModel):
    """The object that `ketasim screen --json` prints; further fields may come."""

    model_config = ConfigDict(extra="allow")
    verdict: str
    words: str
    rules: list[dict[str, Any]]
    monitoring: list[dict[str, Any]]
    missing_for: list[dict[str, Any]]
