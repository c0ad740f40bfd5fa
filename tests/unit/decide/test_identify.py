"""Formulas of the sensitivity report on linear-Gaussian cases whose answer can be worked out by hand."""

import numpy as np
import pytest

from ketasim.decide.identify import (
    Information,
    contraction,
    correlations,
    explained,
    identified,
    rank_correlations,
    results_without,
    strongest,
    variance_shares,
)


def two_values() -> Information:
    """x1 is measured by a (variance 1/3) and b (variance 1), x2 by nobody; the mode solves the whole."""
    jacobian = [np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]])]
    y, c = [np.array([1.0]), np.array([2.0])], [np.array([[1 / 3]]), np.array([[1.0]])]
    # precision 1 + 3 + 1 = 5, mean (3 * 1 + 1 * 2) / 5 = 1
    z = np.array([1.0, 0.0])
    residuals = [y[0] - 1.0, y[1] - 1.0]
    return Information.of(["a", "b"], jacobian, residuals, c, z)


def test_posterior_of_a_measured_and_of_an_unmeasured_value() -> None:
    assert two_values().covariance == pytest.approx(np.diag([1 / 5, 1.0]))


def test_contraction_and_what_is_not_identified() -> None:
    sd = np.sqrt(np.diag(two_values().covariance))
    found = contraction(np.ones(2), sd)
    assert found == pytest.approx([0.8, 0.0])
    assert identified(found).tolist() == [True, False]
    assert identified(np.array([0.0999, 0.1001])).tolist() == [False, True]
    assert contraction(np.array([2.0]), np.array([1.0])) == pytest.approx([0.75])
    assert contraction(np.array([1.0]), np.array([2.0])) == pytest.approx(
        [-3.0]
    )  # a posterior wider than the prior is said, not hidden


def test_independent_measurements_share_the_information_by_their_precision() -> None:
    found = two_values().informed()
    assert found[:, 0] == pytest.approx([3 / 4, 1 / 4])
    assert found[:, 1] == pytest.approx([0.0, 0.0])


def test_leaving_a_group_out_gives_the_posterior_of_the_rest() -> None:
    moved, covered = two_values().without(0)
    # b alone: precision 1 + 1, mean 2 / 2 = 1: the mode stays; a alone: mean 3 / 4
    assert moved == pytest.approx([0.0, 0.0]) and covered[0, 0] == pytest.approx(1 / 2)
    moved, covered = two_values().without(1)
    assert moved == pytest.approx([3 / 4 - 1.0, 0.0]) and covered[0, 0] == pytest.approx(1 / 4)


def test_a_place_beside_the_mode_changes_nothing_of_what_leaving_out_does() -> None:
    """Linear: wherever the residuals are taken, the estimate without a group moves by the same."""
    exact = two_values()
    beside = np.array([0.4, -0.3])
    residuals = [np.array([1.0 - 0.4]), np.array([2.0 - 0.4])]
    jacobian, c = [np.array([[1.0, 0.0]])] * 2, [np.array([[1 / 3]]), np.array([[1.0]])]
    found = Information.of(["a", "b"], jacobian, residuals, c, beside)
    for group in (0, 1):
        assert found.without(group)[0] == pytest.approx(exact.without(group)[0])


def test_a_result_without_a_group() -> None:
    table = results_without(two_values(), {"h": np.array([2.0, 1.0])}, {"h": 10.0})
    value, sd = table["b"]["h"]
    assert value == pytest.approx(10.0 - 2.0 * 0.25)
    assert sd == pytest.approx(np.sqrt(4.0 / 4 + 1.0))


def test_studies_of_one_name_are_one_group() -> None:
    j, r, c = [np.array([[1.0]])] * 2, [np.zeros(1)] * 2, [np.eye(1)] * 2
    assert Information.of(["a", "a"], j, r, c, np.zeros(1)).informed() == pytest.approx(np.ones((1, 1)))


def test_values_seen_only_in_sum_are_correlated_and_lose_together() -> None:
    """y = x1 + x2 with variance s: posterior correlation -1 / (1 + s) and no more than half contracted."""
    s = 0.25
    found = Information.of(["a"], [np.array([[1.0, 1.0]])], [np.zeros(1)], [np.array([[s]])], np.zeros(2))
    assert correlations(found.covariance)[0, 1] == pytest.approx(-1 / (1 + s))
    assert contraction(np.ones(2), np.sqrt(np.diag(found.covariance))) == pytest.approx([1 / (2 + s)] * 2)
    assert strongest(["x1", "x2"], correlations(found.covariance), 3) == {
        "x1": [("x2", pytest.approx(-0.8))],
        "x2": [("x1", pytest.approx(-0.8))],
    }


def test_variance_shares_of_independent_values_are_their_variances() -> None:
    assert variance_shares(np.array([2.0, 1.0]), np.diag([1.0, 4.0])) == pytest.approx([0.5, 0.5])


def test_variance_shares_of_correlated_values_sum_to_one_and_may_be_negative() -> None:
    """h = x1 - x2 / 2, correlation 0.8: x1 carries (1 - 0.4) / 0.45, x2 (0.25 - 0.4) / 0.45."""
    found = variance_shares(np.array([1.0, -0.5]), np.array([[1.0, 0.8], [0.8, 1.0]]))
    assert found == pytest.approx([0.6 / 0.45, -0.15 / 0.45])
    assert found.sum() == pytest.approx(1.0)
    assert variance_shares(np.zeros(2), np.eye(2)) == pytest.approx([0.0, 0.0])


def test_rank_correlation_is_one_for_any_rising_curve_and_zero_for_a_constant() -> None:
    x = np.column_stack([np.linspace(0.0, 3.0, 9), np.ones(9), -np.linspace(0.0, 3.0, 9)])
    assert rank_correlations(x, np.exp(x[:, 0] ** 3)) == pytest.approx([1.0, 0.0, -1.0])
    # ties take their mean rank: ranks 1.5 1.5 3 against 1 2 3 have correlation sqrt(3) / 2
    assert rank_correlations(np.array([[0.0], [0.0], [1.0]]), np.array([0.0, 1.0, 2.0])) == pytest.approx([3**0.5 / 2])


def test_explained_variance_of_the_linear_form() -> None:
    assert explained(np.array([0.0, 1.0, 2.0]), np.array([3.0, 5.0, 7.0])) == pytest.approx(1.0)
    assert explained(np.array([1.0, 0.0, 1.0]), np.array([0.0, 1.0, 2.0])) == pytest.approx(0.0)
    assert np.isnan(explained(np.zeros(3), np.array([0.0, 1.0, 2.0])))
