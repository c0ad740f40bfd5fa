"""Recovery: evidence made by each hypothesis in turn is given back to it, or to its group, in at least eight of ten data sets."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.evidence.weigh.recovery import Recovery, fast_forms, recovery, scores, synthetic
from ketasim.evidence.weigh.weighing import comparable

pytestmark = pytest.mark.xdist_group("weigh")


@pytest.fixture(scope="module")
def found() -> Recovery:
    return recovery()


@pytest.mark.parametrize("name", sorted(comparable()))
def test_the_truth_or_its_group_comes_first(found: Recovery, name: str) -> None:
    assert 10 * found.group_first[name] >= 8 * found.replicates, found.first


def test_expectancy_alone_is_in_no_group_with_a_drug(found: Recovery) -> None:
    assert not any("expectancy-only" in group and len(group) > 1 for group in found.groups)


def test_weights_mean_what_they_say(found: Recovery) -> None:
    """Share true against mean weight, in bins, within three binomial errors and 0.05 for what one bin spans."""
    for _, _, weight, true, count in found.reliability:
        assert abs(weight - true) < 3 * np.sqrt(max(weight * (1 - weight), 0.01) / count) + 0.05, found.reliability


def test_data_sets_carry_the_seed_and_scores_are_finite() -> None:
    fast = fast_forms()["opioid-gate"]
    y, shown = synthetic(fast, 3, 5)
    again, _ = synthetic(fast, 3, 5)
    np.testing.assert_array_equal(y, again)
    assert np.isfinite(scores(y, shown)).all()
