"""The wander is one function of (seed, person, time), with the moments of an Ornstein-Uhlenbeck process."""

import numpy as np
import pytest

from ketasim.core import normals
from ketasim.ratings.structure import compared
from ketasim.ratings.wander import RatingNoise, own_course, slow_wander

SD, TAU = 0.6, 672.0
TIMES = np.array([0.0, 2.0, 5.0, 23.9, 24.0, 24.1, 100.0, 168.0, 336.0, 1500.0])


def test_more_times_or_people_change_nothing() -> None:
    full = slow_wander(5, 40, TIMES, SD, TAU)
    assert np.array_equal(slow_wander(5, 40, TIMES[[6, 1]], SD, TAU), full[:, [6, 1]])
    assert np.array_equal(slow_wander(5, 3, TIMES, SD, TAU), full[:3])
    assert np.array_equal(slow_wander(5, np.array([17, 2]), TIMES, SD, TAU), full[[17, 2]])
    assert not np.allclose(slow_wander(6, 40, TIMES, SD, TAU), full)


def test_it_starts_at_zero_and_is_zero_before() -> None:
    assert np.array_equal(slow_wander(1, 4, [-50.0, -0.1, 0.0], SD, TAU), np.zeros((4, 3)))


def test_moments_are_those_of_the_process() -> None:
    w = slow_wander(11, 40_000, TIMES, SD, TAU)
    early, late = np.minimum.outer(TIMES, TIMES), np.maximum.outer(TIMES, TIMES)
    expected = SD**2 * np.exp(-(late - early) / TAU) * (1 - np.exp(-2 * early / TAU))
    assert np.allclose(np.cov(w.T), expected, atol=0.012 * SD**2 * 1.5)
    assert np.allclose(w.mean(axis=0), 0, atol=0.01)


def test_it_is_continuous_across_midnight() -> None:
    w = slow_wander(2, 2000, [24.0 - 1e-6, 24.0, 24.0 + 1e-6], SD, TAU)
    assert np.abs(np.diff(w, axis=1)).max() < 1e-6


def test_inside_a_day_the_variance_is_nearly_whole() -> None:
    # the cut series may lose a tenth of the bridge's variance, no more
    w = slow_wander(3, 60_000, [240.0, 252.0, 264.0], SD, TAU)
    bridge = w[:, 1] - (w[:, 0] + w[:, 2]) / (2 * np.cosh(12.0 / TAU))
    exact = SD**2 * np.tanh(12.0 / TAU)
    assert 0.88 < bridge.var() / exact < 1.0


def noise(people: int, times: list[float], seed: int = 9, error_share: float = 0.2) -> np.ndarray:
    return RatingNoise(0.3, 72.0, error_share).drawn(lambda purpose: normals(seed, purpose, people), times, times)


def test_noise_that_is_all_error_belongs_to_its_visit() -> None:
    all_visits = noise(50, [24.0, 168.0, 672.0], error_share=1.0)
    assert np.array_equal(noise(50, [168.0], error_share=1.0)[:, 0], all_visits[:, 1])
    assert np.corrcoef(noise(20_000, [24.0, 25.0], error_share=1.0).T)[0, 1] == pytest.approx(0, abs=0.03)


def test_neighbouring_ratings_share_the_days_between_them() -> None:
    """Covariance of the formula at uneven visits; the SD is the same at every visit."""
    times = np.array([2.0, 24.0, 26.0, 168.0, 900.0])
    exact = 0.3**2 * (0.8 * np.exp(-np.abs(np.subtract.outer(times, times)) / 72.0) + 0.2 * np.eye(5))
    assert np.cov(noise(60_000, times.tolist()).T) == pytest.approx(exact, abs=0.0018)
    assert RatingNoise(0.3, 72.0, 0.2).shared(-22.0) == pytest.approx(exact[0, 1])


def test_noise_apart_is_all_error() -> None:
    numbers = {"rating_sd": np.array([0.3]), "rating_time": np.array([72.0]), "rating_error_share": np.array([0.1])}
    assert RatingNoise.of(numbers, one=True).error_share == 0.1
    with compared(noise="apart"):
        assert RatingNoise.of(numbers, one=True).error_share == 1.0
        assert RatingNoise.of(numbers).shared(0.0).tolist() == [0.0]


def test_the_typical_person_does_not_wander() -> None:
    who = np.array([-1, 0, 1])
    assert np.array_equal(slow_wander(4, who, TIMES, SD, TAU)[0], np.zeros(TIMES.size))
    assert np.array_equal(slow_wander(4, who, TIMES, SD, TAU)[1:], slow_wander(4, 2, TIMES, SD, TAU))


def test_own_course_is_one_number_per_person_that_rises_and_stays() -> None:
    times = np.array([-3.0, 0.0, 100.0, 1e5])
    course = own_course(9, 30_000, times, 0.5, 100.0)
    assert np.array_equal(course[:, :2], np.zeros((30_000, 2)))
    assert course[:, 2] == pytest.approx((1 - np.exp(-1.0)) * course[:, 3])
    assert course[:, 3].std() == pytest.approx(0.5, rel=0.02)
    assert np.array_equal(own_course(9, np.array([17, -1]), times, 0.5, 100.0), np.vstack([course[17], np.zeros(4)]))


def test_ratings_are_drawn_by_the_words_of_their_visits() -> None:
    """The words are the keys of the random streams of trials and of the fit: with others every simulated score would be another."""
    asked: list[str] = []

    def draw(purpose: str) -> np.ndarray:
        asked.append(purpose)
        return np.full(3, float(len(asked)))

    visits = (2.0, 24.0)
    assert RatingNoise(0.5, 72.0, 1.0).drawn(draw, visits, visits).tolist() == [[0.5, 1.0]] * 3
    assert RatingNoise(1.0, 72.0, 0.1).drawn(draw, (5.0,), range(1), "visit rating {:g}").shape == (3, 1)
    assert asked == ["rating at 2 h", "rating at 24 h", "visit rating 0", "visit rating 0, rater"]
