"""The likelihood of totals against the multivariate normal, and against the processes of the ratings themselves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from ketasim.core import normals
from ketasim.person.likelihood import Conditioned, Noise, inside
from ketasim.ratings.wander import RatingNoise, own_course, slow_wander

TIMES = (24.0, 96.0, 97.0, 336.0)


def noise(count: int = 1) -> Noise:
    return Noise(*(np.full(count, x) for x in (0.6, 500.0, 0.35, 200.0, 0.3, 60.0, 0.2)))


def matrix(times: tuple[float, ...], one: Noise) -> np.ndarray:
    """The covariance written out once more."""
    t = np.array(times)
    early, gap = np.minimum.outer(t, t), np.abs(np.subtract.outer(t, t))
    sw, tau, sc, on, s0, fades, error = (float(getattr(one, k)[0]) for k in list(Noise.__dataclass_fields__)[:7])
    part = 1 - np.exp(-t / on)
    return (
        sw**2 * (1 - np.exp(-2 * early / tau)) * np.exp(-gap / tau)
        + sc**2 * np.outer(part, part)
        + s0**2 * ((1 - error) * np.exp(-gap / fades) + error * np.eye(len(t)))
    )


def test_covariance_is_that_of_the_simulated_processes() -> None:
    people, t = 40_000, np.array(TIMES)
    noise_of_ratings = RatingNoise(0.3, 60.0, 0.2).drawn(lambda purpose: normals(3, purpose, people), t, TIMES)
    eps = slow_wander(3, people, t, 0.6, 500.0) + own_course(3, people, t, 0.35, 200.0) + noise_of_ratings
    assert np.cov(eps.T) == pytest.approx(matrix(TIMES, noise()), abs=0.012)


def test_narrow_intervals_give_the_density() -> None:
    one, width = noise(), 1e-4
    values = (0.5, -0.2, 0.1, -1.1)
    known = Conditioned(one)
    total = 0.0
    for time, y in zip(TIMES, values, strict=True):
        taken = known.take(time, np.array([y - width / 2]), np.array([y + width / 2]), np.array([0.5]))
        total += float(taken.log_mass[0])
    exact = multivariate_normal(np.zeros(4), matrix(TIMES, one)).logpdf(values) + 4 * np.log(width)
    assert total == pytest.approx(exact, abs=1e-5)


def test_what_comes_next_is_the_conditional_normal() -> None:
    one, values = noise(), np.array([0.5, -0.2, 0.1])
    known = Conditioned(one)
    for time, y in zip(TIMES[:3], values, strict=True):
        known.take(time, np.array([y - 1e-6]), np.array([y + 1e-6]), np.array([0.5]))
    _, mean, sd = known.ahead(TIMES[3])
    c = matrix(TIMES, one)
    gain = c[3, :3] @ np.linalg.inv(c[:3, :3])
    assert mean[0] == pytest.approx(gain @ values, abs=1e-5)
    assert sd[0] ** 2 == pytest.approx(c[3, 3] - gain @ c[:3, 3], rel=1e-5)


def test_bounds_are_unbiased_whatever_their_width() -> None:
    """Probability of a rectangle with a half-open side, by many draws, against the normal in three dimensions."""
    count = 40_000
    known = Conditioned(noise(count))
    edges = ((-np.inf, 0.2), (-0.3, 0.6), (0.1, np.inf))
    generator = np.random.default_rng(1)
    total = np.zeros(count)
    for time, (low, high) in zip(TIMES[:3], edges, strict=True):
        total += known.take(time, np.full(count, low), np.full(count, high), generator.random(count)).log_mass
    c = matrix(TIMES[:3], noise())
    sample = np.random.default_rng(2).multivariate_normal(np.zeros(3), c, 400_000)
    exact = np.mean(np.all([(sample[:, i] > a) & (sample[:, i] < b) for i, (a, b) in enumerate(edges)], axis=0))
    assert np.exp(total).mean() == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize(
    ("a", "b"), [(-1.0, 2.0), (8.0, 9.0), (-9.0, -8.0), (20.0, np.inf), (-np.inf, -30.0), (-0.001, 0.001)]
)
def test_mass_between_keeps_its_digits_in_the_tails(a: float, b: float) -> None:
    log_mass, z = inside(np.array([a]), np.array([b]), np.array([0.3]))
    if a > 0:
        exact = norm.logsf(a) + np.log1p(-np.exp(norm.logsf(b) - norm.logsf(a)))
    else:
        exact = norm.logcdf(b) + np.log1p(-np.exp(norm.logcdf(a) - norm.logcdf(b)))
    assert log_mass[0] == pytest.approx(exact, rel=1e-9)
    assert a <= z[0] <= b


def test_an_empty_interval_is_impossible() -> None:
    log_mass, _ = inside(np.array([1.0]), np.array([1.0]), np.array([0.5]))
    assert log_mass[0] == -np.inf


def test_draws_inside_follow_the_truncated_normal() -> None:
    u = (np.arange(2000) + 0.5) / 2000
    _, z = inside(np.full(2000, 0.5), np.full(2000, 1.5), u)
    mass = norm.cdf(1.5) - norm.cdf(0.5)
    assert z.mean() == pytest.approx((norm.pdf(0.5) - norm.pdf(1.5)) / mass, abs=1e-3)
