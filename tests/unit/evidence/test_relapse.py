"""Hazard ratios as trials compute them."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.evidence.arms.quantities import MOST_HAZARD_RATIO, hazard_ratio

VISITS = np.arange(1.0, 49.0)


def times(rate: float, count: int = 400_000) -> np.ndarray:
    """Events of a constant hazard per visit, seen at visits, evenly spread; inf after the last visit."""
    u = (np.arange(count) + 0.5) / count
    seen = np.ceil(-np.log(u) / rate)
    return np.where(seen <= VISITS[-1], seen, np.inf)


def test_proportional_hazards_come_back() -> None:
    assert hazard_ratio(times(0.01), times(0.02), VISITS) == pytest.approx(0.5, rel=0.02)
    assert hazard_ratio(times(0.02), times(0.02), VISITS) == pytest.approx(1.0, abs=1e-6)
    assert hazard_ratio(times(0.03), times(0.01), VISITS) == pytest.approx(3.0, rel=0.04)


def test_one_visit_is_the_closed_form() -> None:
    """All events at one visit: theta solves d1 = d theta / (1 + theta), so theta = d1 / d2."""
    first, second = np.where(np.arange(100) < 20, 1.0, np.inf), np.where(np.arange(100) < 50, 1.0, np.inf)
    assert hazard_ratio(first, second, VISITS[:1]) == pytest.approx(0.4)


def test_a_difference_that_comes_early_counts_although_all_are_lost_in_the_end() -> None:
    """What the ratio of cumulative hazards at the end hides: one arm loses everybody at visit 2, the other at visit 40."""
    early, late = np.full(100, 2.0), np.full(100, 40.0)
    assert hazard_ratio(late, early, VISITS) < 0.01


def test_nobody_lost_is_a_finite_ratio() -> None:
    nobody = np.full(10, np.inf)
    assert hazard_ratio(nobody, times(0.1, 1000), VISITS) == pytest.approx(1.0 / MOST_HAZARD_RATIO)
    assert hazard_ratio(times(0.1, 1000), nobody, VISITS) == pytest.approx(MOST_HAZARD_RATIO)
    assert hazard_ratio(nobody, nobody, VISITS) == 1.0
