"""One person: the rules that fire for what was typed in. Read, answered and forgotten: nothing is kept, cached, logged or written."""

from __future__ import annotations

import tomllib
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ketasim.core import UsageError
from ketasim.person.file import person_of
from ketasim.person.screening import screen
from ketasim.report.screen_text import screen_dict

LONGEST = 40_000
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


def screened(question: PersonQuestion) -> dict[str, Any]:
    """What `ketasim screen --json` prints for the same file. Raises UsageError or PersonFileError that lists every problem."""
    try:
        table = tomllib.loads(question.person)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(
            f"this is not TOML: {error}", where="person", allowed="key = value, one a line", fix="age = 44"
        ) from None
    found = screen(person_of(table), route=question.route, jurisdiction=question.jurisdiction, drug=question.drug)
    return screen_dict(found)
