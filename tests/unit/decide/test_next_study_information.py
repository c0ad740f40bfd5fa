"""Nested Monte Carlo against closed Gaussian cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from ketasim.decide.information import Predictive, expected_information

EVEN = (0.5, 0.5)


def gaussian(mean: float, inside: float, sampling: float, count: int = 800) -> Predictive:
    """A hypothesis whose parameter is N(mean, inside^2), seen with error `sampling`: draws at even quantiles."""
    draws = mean + inside * norm.ppf((np.arange(count) + 0.5) / count)
    return Predictive(draws[:, None], np.full((count, 1, 1), sampling**2), np.full(count, 1.0 / count))


def exact(gap: float, sd: float) -> float:
    """Information of y ~ N(0, sd^2) or N(gap, sd^2) at even odds, in nats, by quadrature."""

    def inside(y: float) -> float:
        p, q = norm.pdf(y, 0, sd), norm.pdf(y, gap, sd)
        m = 0.5 * (p + q)
        return 0.5 * (p * np.log(p / m) + q * np.log(q / m)) if min(p, q) > 1e-280 else 0.0

    return quad(inside, -8 * sd, gap + 8 * sd, limit=400)[0]


@pytest.mark.parametrize(
    ("gap", "inside", "sampling"), [(0.0, 1.0, 1.0), (1.0, 0.5, 1.0), (2.0, 1.0, 0.7), (5.0, 0.8, 1.0)]
)
def test_agrees_with_the_closed_case(gap: float, inside: float, sampling: float) -> None:
    found = expected_information(
        [gaussian(0.0, inside, sampling), gaussian(gap, inside, sampling)], EVEN, 3000, 1, 0.75
    )
    truth = exact(gap, float(np.hypot(inside, sampling)))
    assert found.nats == pytest.approx(truth, abs=3 * found.se + 0.004)
    assert found.se < 0.015


def test_nothing_is_learned_from_the_same_prediction_and_all_from_far_apart() -> None:
    same = expected_information([gaussian(1.0, 0.5, 1.0)] * 2, EVEN, 2000, 1, 0.75)
    assert abs(same.nats) < 3 * same.se + 0.004 and same.misleading == (0.0, 0.0)
    far = expected_information([gaussian(0.0, 0.5, 1.0), gaussian(30.0, 0.5, 1.0)], EVEN, 500, 1, 0.75)
    assert far.share == pytest.approx(1.0, abs=1e-6) and far.right == (1.0, 1.0)


def test_misleading_answers_have_their_closed_chance() -> None:
    # y ~ N(0, 1) is taken for N(1, 1) with chance 3/4 or more when y - 1/2 >= ln 3
    found = expected_information([gaussian(0.0, 1e-6, 1.0, 3), gaussian(1.0, 1e-6, 1.0, 3)], EVEN, 20000, 2, 0.75)
    assert found.misleading[0] == pytest.approx(norm.sf(0.5 + np.log(3.0)), abs=0.006)


def test_a_second_seed_agrees_within_the_errors() -> None:
    pair = [gaussian(0.0, 0.5, 1.0), gaussian(1.5, 0.5, 1.0)]
    a, b = (expected_information(pair, EVEN, 2000, seed, 0.75) for seed in (1, 2))
    assert abs(a.nats - b.nats) < 3 * np.hypot(a.se, b.se)
