"""How likely a person's observations are for each member of a pool, and what they say of later ones.

A rated score is the link of L + eps, L the drive of the member (`ketasim.ratings`), eps = own course + slow wander + noise of the
rating: jointly normal over the times of one person, with the covariance of `ratings.wander`

    cov(eps_i, eps_j) = sc^2 p(t_i) p(t_j) + sw^2 (1 - exp(-2 min(t_i, t_j)/tau)) exp(-|t_i - t_j|/tau)
                        + s0^2 { (1 - e) exp(-|t_i - t_j|/T0) + e [i = j] },
    p(t) = 1 - exp(-t/tauc).

Ratings of suicidal thoughts have the same course, wander and noise of their own; course and wander correlate with those of mood by rho
(`ideation_wander_shared`), so that one tells of the other and both may part: cov(eps_mood, eps_thoughts) = rho (course and wander).

So neither course nor wander nor noise is sampled: they are integrated out. A total is a whole number: it stands for the interval of half
a step around it, a total of 0 or at the end of the scale, and one marked "<=" or ">=", for everything beyond. The probability of
a sequence of intervals is worked out one after the other given draws inside the earlier ones (Geweke 1991, Hajivassiliou 1998,
Keane 1994: the GHK simulator), unbiased and exact where the intervals are narrow. Later scores are normal given those draws, member by
member, so that a forecast is a mixture of normals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ketasim.core import inverse_normal, log_normal_cdf
from ketasim.core.arrays import Array, IntArray
from ketasim.ratings.wander import RATING_NOISE, RatingNoise, parted, wander_variance

TINY = 1e-300
EDGE = 1e-15  # how near to 0 and 1 a uniform number may come
SURE = 1e-6  # an interval that no member misses with a greater probability says nothing


@dataclass(frozen=True)
class Noise:
    """SDs and times of the noise, one number per member (N,), in units of L and in h. rating_error_share : of the variance of a rating's noise, new each time;
    ideation_wander_shared : correlation of thoughts and mood."""

    wander_sd: Array
    wander_time: Array
    course_sd: Array
    course_onset: Array
    rating_sd: Array
    rating_time: Array
    rating_error_share: Array
    ideation_wander_shared: Array = field(default_factory=lambda: np.ones(1))

    @staticmethod
    def of(p: Mapping[str, Array]) -> Noise:
        """From the rating numbers of the members."""
        own = RatingNoise.of(p)
        numbers = {**p, **dict(zip(RATING_NOISE, (own.sd, own.time, own.error_share), strict=True))}
        return Noise(*(np.asarray(numbers[key], dtype=np.float64) for key in Noise.__dataclass_fields__))

    def covariance(self, one: float, other: float, same: bool = True) -> Array:
        """Of two ratings at two times (h), (N,), without the errors of the rater. same : both of mood or both of thoughts, which also share the days."""
        first, last = min(one, other), max(one, other)
        shared = wander_variance(first, self.wander_sd, self.wander_time) * np.exp(-(last - first) / self.wander_time)
        course = self.course_sd**2 * parted(one, self.course_onset) * parted(other, self.course_onset)
        if not same:
            return np.asarray(self.ideation_wander_shared * (shared + course))
        return np.asarray(shared + course + self._rating.shared(last - first))

    @property
    def error_variance(self) -> Array:
        """Of the rater's error, new at every rating, (N,)."""
        return np.asarray(self.rating_sd**2 * self.rating_error_share)

    @property
    def _rating(self) -> RatingNoise:
        return RatingNoise(self.rating_sd, self.rating_time, self.rating_error_share)

    def only(self, members: IntArray) -> Noise:
        """The same of some members, in that order."""
        every = (getattr(self, key) for key in Noise.__dataclass_fields__)
        return Noise(*(number[members] if number.size > 1 else number for number in every))


@dataclass(frozen=True)
class Taken:
    """One observation for every member, (N,) each: log probability of its interval, and its ends in standard units."""

    log_mass: Array
    low: Array
    high: Array

    @property
    def above(self) -> Array:
        """Log probability of anything at or above the lower end."""
        return np.asarray(log_normal_cdf(-self.low))

    @property
    def below(self) -> Array:
        """Log probability of anything at or below the upper end."""
        return np.asarray(log_normal_cdf(self.high))

    @staticmethod
    def of(low: Array, high: Array) -> Taken:
        """An observation that nothing later depends on."""
        return Taken(inside(low, high, np.full(np.shape(low), 0.5))[0], low, high)


@dataclass
class Conditioned:
    """The joint normal of all ratings looked at so far: rows of its Cholesky factor, member by member, and the standard innovations.

    factors[i] : list of (N,) l_i0 ... l_ii. innovations[i] : (N,) standard normal number of rating i. thoughts[i] : a rating of suicidal thoughts, not of mood.
    """

    noise: Noise
    times: list[float] = field(default_factory=list)
    factors: list[list[Array]] = field(default_factory=list)
    innovations: list[Array] = field(default_factory=list)
    thoughts: list[bool] = field(default_factory=list)

    def ahead(self, time_h: float, thoughts: bool = False) -> tuple[list[Array], Array, Array]:
        """A further rating at a time: its row of the factor, mean (N,) and SD (N,) of its eps given everything so far."""
        row: list[Array] = []
        variance = self.noise.covariance(time_h, time_h) + self.noise.error_variance
        mean = np.zeros_like(variance)
        for j, (time, other) in enumerate(zip(self.times, self.factors, strict=True)):
            cross = self.noise.covariance(time_h, time, self.thoughts[j] == thoughts)
            for k in range(j):
                cross = cross - row[k] * other[k]
            row.append(cross / other[j])
            mean = mean + row[j] * self.innovations[j]
            variance = variance - row[j] ** 2
        sd = np.sqrt(np.maximum(variance, 1e-12))
        return [*row, sd], mean, sd

    def take(self, time_h: float, low: Array, high: Array, uniform: Array, thoughts: bool = False) -> Taken:
        """Learn that eps at a time lies between low and high (N,). uniform (N,) in (0, 1): the draw inside the interval.

        An interval that every member is sure to meet says nothing: nothing is drawn inside it, which would move later ratings by the chance of the draws.
        """
        row, mean, sd = self.ahead(time_h, thoughts)
        a, b = (low - mean) / sd, (high - mean) / sd
        log_mass, z = inside(a, b, uniform)
        if (log_mass < -SURE).any():
            self._append(time_h, row, z, thoughts)
        return Taken(log_mass, a, b)

    def draw(self, time_h: float, standard: Array) -> Array:
        """A further rating drawn: eps (N,) for standard normals (N,); later ones are conditional on it."""
        row, mean, sd = self.ahead(time_h)
        self._append(time_h, row, standard, False)
        return np.asarray(mean + sd * standard)

    def copy(self) -> Conditioned:
        """What is known, to go on from."""
        return Conditioned(
            self.noise, list(self.times), list(self.factors), list(self.innovations), list(self.thoughts)
        )

    def only(self, members: IntArray) -> Conditioned:
        """The same of some members, in that order."""
        factors = [[entry[members] for entry in row] for row in self.factors]
        innovations = [z[members] for z in self.innovations]
        return Conditioned(self.noise.only(members), list(self.times), factors, innovations, list(self.thoughts))

    def _append(self, time_h: float, row: list[Array], z: Array, thoughts: bool) -> None:
        self.times.append(time_h)
        self.factors.append(row)
        self.innovations.append(z)
        self.thoughts.append(thoughts)


def inside(a: Array, b: Array, uniform: Array) -> tuple[Array, Array]:
    """Log of the standard normal mass between a and b (N,), and a draw from there at `uniform`; -inf where b <= a.

    Worked out in the lower tail (both ends mirrored where a > 0), so that intervals far out keep their digits.
    """
    mirrored = a > -b
    low, high = np.where(mirrored, -b, a), np.where(mirrored, -a, b)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        upper, lower = log_normal_cdf(high), log_normal_cdf(low)
        log_mass = upper + np.log1p(-np.exp(lower - upper))
        share = np.clip(np.where(mirrored, 1.0 - uniform, uniform), EDGE, 1.0 - EDGE)
        mass = np.exp(lower) + share * np.exp(log_mass)
        z = np.where(mass > TINY, inverse_normal(np.clip(mass, TINY, 1.0 - EDGE)), high)
    z = np.clip(z, np.maximum(low, -1e6), np.minimum(high, 1e6))
    empty = ~(high > low)
    log_mass = np.where(empty | np.isnan(log_mass), -np.inf, log_mass)
    return np.asarray(log_mass), np.asarray(np.where(empty, 0.0, np.where(mirrored, -z, z)))
