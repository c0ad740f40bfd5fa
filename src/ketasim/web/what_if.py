"""What if a number is wrong, and which numbers matter most: the public functions of `ketasim.scenario.what_if`, as plain data."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ketasim.core.posterior import fitted
from ketasim.scenario.what_if import uncertain_values, what_if, what_matters

from .facts import FIRST_WORDS
from .questions import WhatIfQuestion


@lru_cache(maxsize=16)
def uncertain(words: str) -> list[dict[str, Any]]:
    """The values of a course that can be tried at another number: fitted ones first, by label."""
    found = [
        {
            "name": v.key,
            "label": v.label or v.key,
            "unit": v.unit,
            "stage": v.stage,
            "value": v.value,
            "grade": v.grade,
            "basis": v.basis,
            "fitted": v.key in fitted(),
        }
        for v in uncertain_values(words)
    ]
    return sorted(found, key=lambda entry: (not entry["fitted"], entry["label"]))


def changed(question: WhatIfQuestion) -> dict[str, Any]:
    """The headline with one number replaced. Raises UsageError for a number outside what is thought possible."""
    return what_if(question.scenario, question.name, question.to).to_dict()


def matters() -> dict[str, Any]:
    """The numbers that matter most for every output of the course that the page begins with."""
    return {
        "scenario": FIRST_WORDS,
        "outputs": {
            name: [
                {"name": m.value.key, "label": m.value.label or m.value.key, "unit": m.value.unit}
                | {"low": m.low, "high": m.high, "change": m.change}
                for m in found
            ]
            for name, found in what_matters(FIRST_WORDS).items()
        },
    }
