"""The normal distribution against scipy, far into the tails."""

import numpy as np
import pytest
from scipy.special import chdtrc, log_ndtr, logsumexp, ndtr, ndtri

from ketasim.core import (
    chi_square_above,
    inverse_normal,
    log_normal_cdf,
    log_sum_exp,
    normal_cdf,
    normal_cdf_quick,
    normal_quadrature,
)


def test_quantiles_agree_with_scipy() -> None:
    p = np.concatenate([np.linspace(1e-6, 1 - 1e-6, 100_001), 10.0 ** -np.arange(1, 300, 3), [2.0**-54, 1 - 2.0**-53]])
    np.testing.assert_allclose(inverse_normal(p), ndtri(p), rtol=2e-14, atol=1e-15)


def test_ends_and_nonsense() -> None:
    np.testing.assert_array_equal(inverse_normal([0.0, 0.5, 1.0]), [-np.inf, 0.0, np.inf])
    assert np.isnan(inverse_normal([-0.1, 1.1, np.nan])).all()


def test_distribution_function_agrees_with_scipy() -> None:
    z = np.linspace(-37, 10, 5001)
    np.testing.assert_allclose(normal_cdf(z), ndtr(z), rtol=3e-13, atol=1e-300)
    assert normal_cdf(z.reshape(3, -1)).shape == (3, 1667)


def test_logarithm_of_the_distribution_function_agrees_with_scipy_far_out() -> None:
    z = np.concatenate([np.linspace(-40, 12, 20_001), [-1e3, -1e8, -0.67448975, 0.67448975, -np.sqrt(32.0), 0.0]])
    np.testing.assert_allclose(log_normal_cdf(z), log_ndtr(z), rtol=1e-13, atol=1e-300)
    np.testing.assert_array_equal(log_normal_cdf([-np.inf, np.inf]), [-np.inf, 0.0])
    assert np.isnan(log_normal_cdf(np.nan)) and log_normal_cdf(0.0) == pytest.approx(np.log(0.5))


def test_the_quick_one_is_within_its_error() -> None:
    z = np.random.default_rng(1).normal(0, 3, (200, 501))
    assert np.abs(normal_cdf_quick(z) - ndtr(z)).max() < 1e-8
    np.testing.assert_allclose(normal_cdf_quick([-np.inf, -50.0, 0.0, 50.0, np.inf]), [0, 0, 0.5, 1, 1], atol=1e-8)
    assert np.isnan(normal_cdf_quick(np.nan)) and normal_cdf_quick(1.0) == pytest.approx(ndtr(1.0), abs=1e-8)
    rising = normal_cdf_quick(np.linspace(-9, 9, 100_001))
    assert (np.diff(rising) >= 0).all()


def test_sums_of_exponentials_and_chi_square_agree_with_scipy() -> None:
    logs = np.random.default_rng(2).normal(0, 400, (3, 50))
    logs[1] = -np.inf
    for axis in (None, 0, 1):
        np.testing.assert_allclose(log_sum_exp(logs, axis=axis), logsumexp(logs, axis=axis), rtol=1e-13)
    for freedom in range(1, 12):
        for x in (1e-3, 0.5, 3.0, 25.0, 120.0):
            assert chi_square_above(x, freedom) == pytest.approx(chdtrc(freedom, x), rel=1e-12)
    assert chi_square_above(0.0, 3) == 1.0


@pytest.mark.parametrize("count", [3, 15, 40])
def test_the_quadrature_agrees_with_numpy(count: int) -> None:
    nodes, weights = normal_quadrature(count)
    theirs, sizes = np.polynomial.hermite_e.hermegauss(count)
    np.testing.assert_allclose(nodes, theirs, atol=5e-14)
    np.testing.assert_allclose(weights, sizes / sizes.sum(), rtol=1e-9, atol=1e-16)
    assert weights @ nodes**4 == pytest.approx(3.0, rel=1e-12)  # the fourth moment of a standard normal number
