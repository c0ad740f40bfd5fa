"""Recovery: evidence made by each hypothesis in turn is given back to it, or to its group, in at least nine of ten data sets; weights mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import log_sum_exp
from ketasim.evidence.weigh.findings import finding_sets
from ketasim.evidence.weigh.recovery import Recovery, fast_forms, recovery, scores, synthetic
from ketasim.evidence.weigh.weighing import comparable

pytestmark = pytest.mark.xdist_group("weigh")


@pytest.fixture(scope="module")
def found() -> Recovery:
    return recovery()


@pytest.mark.parametrize("name", sorted(comparable()))
def test_the_truth_or_its_group_comes_first(found: Recovery, name: str) -> None:
    assert 10 * found.group_first[name] >= 9 * found.replicates, found.first


def test_expectancy_alone_is_in_no_group_with_a_drug(found: Recovery) -> None:
    assert not any("expectancy-only" in group and len(group) > 1 for group in found.groups)


@pytest.mark.parametrize("lowest", [0.0, 0.02, 0.1, 0.3, 0.6, 0.9])
def test_weights_mean_what_they_say(found: Recovery, lowest: float) -> None:
    """Share true against mean weight, in bins of the weight, truths from the prior: Bayes' theorem, up to chance (three binomial errors; the twelve weights of
    a set are not independent) and a hundredth for the draws over which findings are integrated."""
    ((weight, true, count),) = [told[2:] for told in found.reliability if told[0] == lowest]
    assert count > 200
    assert abs(weight - true) < 3 * np.sqrt(weight * (1 - weight) / count) + 0.01, found.reliability


def test_findings_scored_at_the_mean_alone_give_the_truth_less_weight() -> None:
    """No weights are better for truths from the prior than those of Bayes' theorem (log score, three standard errors): a plug-in score is found out."""
    gains = []
    for h, fast in enumerate(fast_forms().values()):
        y, shown = synthetic(fast, 100, 21, near=False)
        columns = []
        for other in fast_forms().values():
            mean = other.outcomes_after(y).mean(axis=1)
            told = [f.log_score(mean[:, i], told=shown[:, i]) for i, f in enumerate(finding_sets().findings)]
            columns.append(other.human(y) + np.sum(told, axis=0))
        whole, plugged = (
            logs - log_sum_exp(logs, axis=1)[:, None] for logs in (scores(y, shown), np.stack(columns, 1))
        )
        gains.append(whole[:, h] - plugged[:, h])
    gain = np.concatenate(gains)
    assert gain.mean() > 3 * gain.std() / np.sqrt(len(gain))


def test_near_the_evidence_a_middling_weight_is_too_sure_but_not_misleading(found: Recovery) -> None:
    """Truths that look like the real evidence: no theorem, and docs/hypotheses.md says so."""
    ((weight, true),) = [told[2:4] for told in found.reliability_near if told[0] == 0.6]
    assert 0.5 < true < weight


def test_data_sets_carry_the_seed_and_scores_are_finite() -> None:
    fast = fast_forms()["opioid-gate"]
    y, shown = synthetic(fast, 3, 5)
    again, _ = synthetic(fast, 3, 5)
    np.testing.assert_array_equal(y, again)
    assert np.isfinite(scores(y, shown)).all()
