"""A moment that under half of the people reach is nobody's typical moment: it is said so, and percentiles count who never gets there."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.report.words import not_by_most
from ketasim.scenario.result import Course
from ketasim.scenario.summary import moments, onset


def test_words() -> None:
    assert not_by_most({"share_reached": 0.48}, 100) == "not reached by most (48 of 100)"
    assert not_by_most({"share_reached": 0.5}, 100) == "" == not_by_most({"share_reached": None}, 0)
    assert not_by_most({"typical": 2.0}, 50) == ""


def test_who_never_gets_there_is_later_than_anybody_who_does() -> None:
    """Of five people at 1, 2, 3 h, never, never the middle one is at 3 h, and the last percentile never."""
    found = moments(np.array([3.0, np.nan, 1.0, 2.0, np.nan]))
    assert found["median"] == 3.0 and found["high"] is None
    assert found["low"] == pytest.approx(1.2)
    assert moments(np.array([np.nan, np.nan, 1.0]))["median"] is None
    assert moments(np.zeros(0)) == {"median": None, "low": None, "high": None}


def test_the_typical_onset_lies_inside_what_the_people_span() -> None:
    """Half of the people fall twice as fast as the typical one, half never reach two points: its own moment is no longer outside."""
    times = np.linspace(0.0, 30.0, 301)
    typical = -0.1 * times
    people = np.array([-0.2 * times] * 6 + [-0.01 * times] * 5)
    found = onset(Course("madrs.effect", "points", "effect", times, typical, people))
    assert found["typical"] == pytest.approx(20.0) and found["share_reached"] == pytest.approx(6 / 11)
    assert found["low"] == pytest.approx(10.0) and found["high"] is None  # of those who reach it alone: 10 to 10 h
