"""The tutorial from a Table 1 to a power curve: every number in it is worked out again from the design that stands in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ketasim.core import UsageError
from ketasim.report.trial_tutorial import between, computed, design_of, numbers
from ketasim.trial.read import design_from_text

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "table-1-to-power.md"


def test_the_numbers_are_those_of_the_design() -> None:
    text = PAGE.read_text(encoding="utf-8")
    printed, found = (re.findall(r"-?\d+\.?\d*", rows) for rows in (between(text), numbers(computed(text))))
    assert len(printed) == len(found)
    # the last printed digit may round the other way on another processor
    assert [float(x) for x in printed] == pytest.approx([float(x) for x in found], abs=1.01, rel=0.02)


def test_the_mistakes_are_answered_as_printed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    bad = (
        design_of(text)
        .replace('["24 h", "8 d", "15 d", "28 d"]', '["8 d", "24 h", "28 d"]')
        .replace("missing = 0.02", "missing = 1.4")
    )
    with pytest.raises(UsageError) as caught:
        design_from_text(bad)
    for line in str(caught.value).splitlines():
        assert line.strip() in text
