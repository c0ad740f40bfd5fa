"""Whatever a person file holds, the answer is a person or a list of problems, never a crash; a person is only what was written."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from ketasim.core import KetasimError
from ketasim.person.fields import fields
from ketasim.person.file import person_of
from ketasim.person.screening import screen

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    44,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "yes",
    "unknown",
    "70 kg",
    "<5",
    "MADRS",
    "ketamine",
    "ng/mL",
    "2026-03-04",
    "04/03/2026",
    "ketamine iv 0.5 mg/kg over 40 min",
    "\x00\ud7ff",
    date(2026, 3, 4),
    datetime(2026, 3, 4, 9, 30),
    datetime(2026, 3, 4, 9, 30, tzinfo=UTC),
    datetime(1, 1, 1),
    time(9, 30),
    [],
    [1, 2],
    ["sertraline"],
    [["x"]],
    {},
    {"a": {"b": 1}},
    {"sbp": 120, "dbp": 80},
]
ENTRY_KEYS = (
    "scale",
    "day",
    "date",
    "time",
    "total",
    "items",
    "rater",
    "baseline",
    "words",
    "analyte",
    "value",
    "unit",
    "sbp",
    "dbp",
    "minutes",
    "when",
    "name",
    "mg_per_day",
    "zzz",
)
TOP = (
    "dose",
    "score",
    "level",
    "blood_pressure",
    "medication",
    "confirmed",
    "route",
    "jurisdiction",
    "start",
    "history",
)


def hostile(draw: random.Random) -> dict[str, Any]:
    """A mapping of known and unknown keys with values that mostly do not belong there."""
    found: dict[str, Any] = {}
    for key in draw.sample([*fields(), *TOP, "agee", ""], draw.randint(1, 6)):
        if key in TOP and draw.random() < 0.8:
            found[key] = [
                {inner: draw.choice(VALUES) for inner in draw.sample(ENTRY_KEYS, draw.randint(0, 6))}
                for _ in range(draw.randint(1, 3))
            ]
        else:
            found[key] = draw.choice(VALUES)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_a_person_or_problems(seed: int) -> None:
    draw = random.Random(seed)
    read = 0
    for _ in range(150):
        table = hostile(draw)
        try:
            person = person_of(table)
        except KetasimError as error:
            assert str(error)
            continue
        read += 1
        for name, value in person.facts.items():
            if name in table and isinstance(value, float):
                assert value == table[name]
        assert screen(person).verdict == "not cleared"  # so little is known of them
    assert read > 0
