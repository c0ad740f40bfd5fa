"""One person: the rules that fire for what was typed in, and a forecast. Read, answered and forgotten: nothing is kept, cached, logged or written."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ketasim.core import UsageError
from ketasim.person.file import person_of
from ketasim.person.forecast import forecast
from ketasim.person.lines import lines_of
from ketasim.person.options import LEAST_DAYS, read_option
from ketasim.person.records import Person
from ketasim.person.screening import screen
from ketasim.person.steps import course_by_observation
from ketasim.report.crisis import crisis_text
from ketasim.report.forecast_text import forecast_text
from ketasim.report.screen_text import screen_dict
from ketasim.scenario.result import plain

from .questions import Words, refuse_the_endless
from .tasks import Told

LONGEST = 40_000
MOST_OPTIONS = 6
MOST_DAYS_HERE = 120.0
FORECAST_SHARE = 0.65  # of the work
EXAMPLE = """age = 44
sex = "female"
weight_kg = 71.5
aneurysm = false
pregnant = "unknown"
medication = ["sertraline"]

[[blood_pressure]]
day = 0
sbp = 128
dbp = 80
"""


class PersonQuestion(BaseModel):
    """The content of a person file, and for which way and place."""

    model_config = ConfigDict(extra="forbid")

    person: str = Field(..., max_length=LONGEST, description="the content of a person file (TOML); no name, no address")
    route: str = Field("", max_length=40)
    jurisdiction: str = Field("", max_length=8)
    drug: str = Field("", max_length=40)


class ForecastQuestion(BaseModel):
    """The words of `ketasim forecast`: the content of a person file, and ways to go on."""

    model_config = ConfigDict(extra="forbid")

    person: str = Field(..., max_length=LONGEST, description="the content of a person file (TOML); no name, no address")
    options: list[Words] = Field(
        default_factory=list, max_length=MOST_OPTIONS, description='regimens in words, or "stop"; none: "stop"'
    )
    days: float = Field(28.0, ge=LEAST_DAYS, le=MOST_DAYS_HERE, description="how long the options are followed")
    start: float | None = Field(
        None, ge=0, le=10_000, description="day on which they start; the day after the last entry"
    )
    setting: Words = Field(
        "", description="open | saline | midazolam | nasal-placebo | inpatient | routine; empty: by route"
    )


def screened(question: PersonQuestion) -> dict[str, Any]:
    """What `ketasim screen --json` prints for the same file. Raises UsageError or PersonFileError that lists every problem."""
    found = screen(_read(question.person), route=question.route, jurisdiction=question.jurisdiction, drug=question.drug)
    return screen_dict(found)


def forecasting(question: ForecastQuestion) -> Callable[[Told], tuple[str, dict[str, Any]]]:
    """The work behind a forecast: its text, and `forecast` (what `ketasim forecast --json` prints) beside `course` (belief by belief).

    Raises UsageError or PersonFileError at once for a file or an option that cannot be read.
    """
    who = _read(question.person)
    options = [words for words in question.options if words.strip()]
    for words in options:
        _option(words)
    asked: dict[str, Any] = {"days": question.days, "start": question.start, "setting": question.setting or None}

    def work(told: Told) -> tuple[str, dict[str, Any]]:
        found = forecast(who, options, **asked, progress=lambda share: told(FORECAST_SHARE * share))
        found["crisis"] = crisis_text()
        course = course_by_observation(
            who, options, **asked, progress=lambda share: told(FORECAST_SHARE + (1.0 - FORECAST_SHARE) * share)
        )
        text = forecast_text(found) if found["status"]["ok"] else ""
        return text, dict(plain({"forecast": found, "course": course}))

    return work


def _option(words: str) -> None:
    """Raises UsageError for an option that cannot be read, or that has more doses than the page may ask for."""
    option = read_option(words)
    if option.regimen is not None:
        refuse_the_endless(0.0, len(option.regimen.doses(MOST_DAYS_HERE * 24.0)))


def _read(text: str) -> Person:
    """The person of a text. Raises UsageError or PersonFileError that lists every problem with its line."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(
            f"this is not TOML: {error}", where="person", allowed="key = value, one a line", fix="age = 44"
        ) from None
    return person_of(table, "", lines_of(text))
