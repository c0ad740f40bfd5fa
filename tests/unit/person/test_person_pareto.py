"""The shape of the tail of importance weights, against distributions whose shape is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import genpareto

from ketasim.person.pareto import effective, normalised, systematic, tail_shape


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.9, 1.3])
def test_shape_of_pareto_weights(shape: float) -> None:
    found = [tail_shape(np.log(genpareto.rvs(shape, size=20_000, random_state=seed))) for seed in range(6)]
    assert np.mean(found) == pytest.approx(shape, abs=0.12)


def test_bounded_weights_have_a_light_tail() -> None:
    assert tail_shape(np.log(np.random.default_rng(1).random(4000))) < 0.0


def test_nothing_to_trust() -> None:
    assert tail_shape(np.full(100, -np.inf)) == np.inf
    assert tail_shape(np.r_[0.0, np.full(99, -np.inf)]) == np.inf
    assert tail_shape(np.zeros(100)) == -np.inf


def test_normal_proposal_that_is_too_narrow_is_found_out() -> None:
    """Target N(0, 1), proposal N(0, s^2): k = 1 - s^2 for s < 1 (the ratio's tail is that of a Pareto)."""
    x = np.random.default_rng(3).normal(size=20_000)
    narrow, wide = 0.5 * x, 1.5 * x
    assert tail_shape(-(narrow**2) / 2 + x**2 / 2) > 0.55
    assert tail_shape(-(wide**2) / 2 + x**2 / 2) < 0.3


def test_weights() -> None:
    logs = np.log([1.0, 2.0, 1.0])
    assert normalised(logs + 1000.0) == pytest.approx([0.25, 0.5, 0.25])
    assert effective(np.zeros(7)) == pytest.approx(7.0)
    assert list(np.bincount(systematic(np.array([0.25, 0.5, 0.25]), 8))) == [2, 4, 2]


@pytest.mark.parametrize("size", [0.5, 1.0, 2.0, 3.0])
def test_shape_is_that_of_the_library_of_the_fit(size: float) -> None:
    """Written here because importing the library costs more than half of a forecast (docs/decisions/forecast.md)."""
    stats = pytest.importorskip("arviz_stats.base").array_stats
    ratios = size * np.random.default_rng(0).standard_t(
        5, size=3600
    )  # 3 sqrt(N) is whole: the library rounds it down, loo and we up
    _, k = stats.psislw(-ratios, r_eff=1.0)  # it takes log likelihoods and weighs by their inverse
    assert tail_shape(ratios) == pytest.approx(float(k), abs=1e-6)
