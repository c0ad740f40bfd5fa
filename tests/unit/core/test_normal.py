"""The normal distribution against scipy, far into the tails."""

import numpy as np
from scipy.special import ndtr, ndtri

from ketasim.core import inverse_normal, normal_cdf


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
