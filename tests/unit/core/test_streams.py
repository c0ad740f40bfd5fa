"""Same seed, same people: numbers belong to (seed, purpose, person)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.core import normals, stream


@given(first=st.integers(0, 5000), count=st.integers(1, 40))
def test_a_person_keeps_the_number_whoever_else_is_asked_for(first: int, count: int) -> None:
    everyone = stream(3, "weight", 5100)
    some = np.arange(first, first + count)
    np.testing.assert_array_equal(stream(3, "weight", some), everyone[some])
    np.testing.assert_array_equal(stream(3, "weight", some[::-1]), everyone[some[::-1]])


@pytest.mark.parametrize("other", [(4, "weight"), (3, "age")])
def test_seed_and_purpose_open_other_streams(other: tuple[int, str]) -> None:
    correlation = np.corrcoef(normals(3, "weight", 20000), normals(*other, 20000))[0, 1]
    assert abs(correlation) < 5 / np.sqrt(20000)


def test_numbers_are_uniform_and_normal() -> None:
    uniform, normal = stream(1, "a", 200_000), normals(1, "a", 200_000)
    assert uniform.min() > 0 and uniform.max() < 1
    counts, _ = np.histogram(uniform, bins=50, range=(0, 1))
    chi_square = ((counts - 4000) ** 2 / 4000).sum()
    assert 20 < chi_square < 95  # 49 degrees of freedom
    assert abs(normal.mean()) < 5 / np.sqrt(200_000)
    assert abs(normal.std() - 1) < 5 / np.sqrt(2 * 200_000)


def test_no_people_no_numbers() -> None:
    assert stream(1, "a", 0).shape == (0,)
