"""A person's own course, the slow wander of mood within a person, and the noise of single ratings, as keyed random processes.

All are functions of (seed, person, time): asking for more times, other times or more people changes no value already
given. Pure functions, no input or output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import normals
from ketasim.core.arrays import Array, IntArray

from .structure import in_force

HOURS_PER_DAY = 24.0
BRIDGE_TERMS = 3
KEPT_NUMBERS = 1_000_000
RATING = "rating at {:g} h"
RATING_NOISE = ("rating_sd", "rating_time", "rating_error_share")


def _drawn(seed: int, purpose: str, persons: int | IntArray) -> Array:
    """Standard normals of `persons`; the typical person (a negative index) has none: 0."""
    if isinstance(persons, int):
        return normals(seed, purpose, persons)
    out = np.zeros(len(persons))
    real = persons >= 0
    if real.any():
        out[real] = normals(seed, purpose, persons[real])
    return out


def parted(times: ArrayLike, onset: ArrayLike) -> Array:
    """Share of their own course that people have taken at each time: 1 - exp(-t / onset), 0 before t = 0. Times and onset in h."""
    return np.asarray(-np.expm1(-np.maximum(np.asarray(times, dtype=np.float64), 0.0) / np.asarray(onset)))


def wandered(before: ArrayLike, hours: float, sd: float, time_constant: ArrayLike, z: ArrayLike) -> Array:
    """The slow wander a number of hours later, exact: w' = a w + sd sqrt(1 - a^2) z, a = exp(-hours / tau), z standard normal."""
    rate = hours / np.asarray(time_constant, dtype=np.float64)
    return np.asarray(np.exp(-rate) * np.asarray(before) + sd * np.sqrt(-np.expm1(-2.0 * rate)) * np.asarray(z))


@dataclass(frozen=True, slots=True)
class RatingNoise:
    """Noise of ratings, in units of the latent drive: sd s0, of its variance a share e the rater's error, new each time, the rest mood from day to day.

    cov(n_i, n_j) = s0^2 { (1 - e) exp(-|t_i - t_j| / T) + e [i = j] }; every number scalar or one per member (N,), T in h. e = 1: no two ratings share anything.
    """

    sd: ArrayLike
    time: ArrayLike
    error_share: ArrayLike

    @staticmethod
    def of(p: Mapping[str, ArrayLike], one: bool = False) -> RatingNoise:
        """From rating numbers; one : those of the first person for everybody. The structure "noise" as "apart" has an error share of 1."""
        sd, time, share = (np.asarray(p[key], dtype=np.float64) for key in RATING_NOISE)
        if in_force("noise") == "apart":
            share = np.ones_like(share)
        return RatingNoise(*(float(x.flat[0]) for x in (sd, time, share))) if one else RatingNoise(sd, time, share)

    def shared(self, hours: float) -> Array:
        """Covariance of two ratings so many hours apart, whichever came first, without the rater's errors."""
        kept = np.exp(-abs(hours) / np.asarray(self.time))
        return np.asarray(np.asarray(self.sd) ** 2 * (1.0 - np.asarray(self.error_share)) * kept)

    def drawn(
        self, draw: Callable[[str], Array], times: ArrayLike, names: Iterable[float], purpose: str = RATING
    ) -> Array:
        """At visits, (N, V), exact: times (V,) ascending, h; names (V,) of the visits in `purpose`; draw : a purpose ("rating at 24 h") -> standard normals (N,).

        That visits share the error of the rating at baseline for good was tried and refused (docs/decisions/0006, seventh series).
        """
        t = np.asarray(times, dtype=np.float64)
        time, error = np.asarray(self.time, dtype=np.float64), np.sqrt(np.asarray(self.error_share, dtype=np.float64))
        days, out = np.zeros(1), []
        for j, name in enumerate(names):
            z = draw(purpose.format(name))
            if np.all(error == 1.0):
                out.append(z)
                continue
            days = wandered(days, t[j] - t[j - 1], 1.0, time, z) if j else z
            out.append(np.sqrt(1.0 - error**2) * days + error * draw(f"{purpose.format(name)}, rater"))
        return np.asarray(np.asarray(self.sd) * np.stack(out, axis=-1).T).T


def wander_variance(times: ArrayLike, sd: ArrayLike, time_constant: ArrayLike) -> Array:
    """Variance of the slow wander that starts at 0 at t = 0: sd^2 (1 - exp(-2 t / tau)); 0 before."""
    t = np.maximum(np.asarray(times, dtype=np.float64), 0.0)
    return np.asarray(np.asarray(sd) ** 2 * -np.expm1(-2.0 * t / np.asarray(time_constant)))


def at_visits(
    draw: Callable[[str], Array],
    times: ArrayLike,
    wander_sd: float,
    wander_time: float,
    course_sd: float,
    course_onset: float,
) -> Array:
    """Own course plus slow wander at visits only, (N, V), exact at the visits; times (V,) ascending, h.

    draw : a purpose ("visit wander 3", "visit course") -> standard normals (N,). The same two processes as `slow_wander` and
    `own_course`, without the days between.
    """
    t = np.asarray(times, dtype=np.float64)
    course = course_sd * draw("visit course")
    out = np.empty((len(course), t.size))
    wander, before = np.zeros(len(course)), 0.0
    for j, (time, share) in enumerate(zip(t.tolist(), parted(t, course_onset).tolist(), strict=True)):
        wander = wandered(wander, max(time - before, 0.0), wander_sd, wander_time, draw(f"visit wander {j}"))
        out[:, j] = wander + share * course
        before = time
    return out


def slow_wander(
    seed: int,
    persons: int | IntArray,
    times: ArrayLike,
    sd: float,
    time_constant: float,
    purpose: str = "mood wander",
) -> Array:
    """Ornstein-Uhlenbeck process that starts at 0 at t = 0, (P, T), in units of the latent drive.

    dw = -w/tau dt + sd sqrt(2/tau) dB, w(0) = 0: Var w(t) = sd^2 (1 - exp(-2t/tau)), Cov decays with tau.
    Zero before t = 0.

    persons : number of people (indices 0..n-1) or their indices (P,), negative for the typical person, who does not
    wander; times (T,) in h, any order; time_constant tau in h.

    Sampling. At whole days the recursion w' = a w + sd sqrt(1 - a^2) z, a = exp(-24/tau), is exact and its z belong to
    (seed, purpose, day, person). Inside a day the process is the bridge between its two ends: mean
    [sinh((1-x)q) w + sinh(xq) w'] / sinh q with q = 24/tau, plus the Karhunen-Loeve series of the bridge,
    sum_k z_k sqrt(2 q) sd sqrt(2) sin(k pi x) / sqrt(q^2 + k^2 pi^2), cut after three terms: within a day less
    than a tenth of the bridge's variance is lost, below one percent of that of a single rating.
    """
    t = np.atleast_1d(np.asarray(times, dtype=np.float64))
    who = np.arange(persons) if isinstance(persons, int) else np.asarray(persons, dtype=np.int64)
    if who.size * t.size > KEPT_NUMBERS:
        return _sampled(seed, who, t, sd, time_constant, purpose)
    return _kept(seed, who.tobytes(), t.tobytes(), sd, time_constant, purpose)  # no dose enters: the same for all arms


@lru_cache(maxsize=16)
def _kept(seed: int, who: bytes, times: bytes, sd: float, time_constant: float, purpose: str) -> Array:
    t, persons = np.frombuffer(times), np.frombuffer(who, dtype=np.int64)
    found = _sampled(seed, persons, t, sd, time_constant, purpose)
    found.flags.writeable = False
    return found


def _sampled(seed: int, persons: IntArray, t: Array, sd: float, time_constant: float, purpose: str) -> Array:
    """`slow_wander` for person indices and times in arrays."""
    out = np.zeros((len(persons), t.size))
    count = len(persons)
    after = t > 0
    if sd == 0 or not after.any():
        return out
    q = HOURS_PER_DAY / time_constant
    day = np.zeros(t.size, dtype=np.int64)
    day[after] = np.floor(t[after] / HOURS_PER_DAY).astype(np.int64)
    order = np.arange(1, BRIDGE_TERMS + 1)
    bridge_sd = 2.0 * sd * np.sqrt(q / (q**2 + (order * np.pi) ** 2))
    here = np.zeros(count)
    for d in range(int(day.max()) + 1):
        there = wandered(here, HOURS_PER_DAY, sd, time_constant, _drawn(seed, f"{purpose}, day {d}", persons))
        now = after & (day == d)
        if now.any():
            x = t[now] / HOURS_PER_DAY - d
            ends = np.outer(here, np.sinh((1.0 - x) * q)) + np.outer(there, np.sinh(x * q))
            out[:, now] = ends / np.sinh(q)
            inside = (x > 0) & (x < 1)
            if inside.any():
                # term by term, not as a matrix product: that would round differently for other sets of times
                for k, size in zip(order, bridge_sd, strict=True):
                    z = _drawn(seed, f"{purpose}, day {d}, bridge {k}", persons)
                    out[:, now] += np.outer(size * z, np.sin(k * np.pi * x))
        here = there
    return out


def own_course(
    seed: int,
    persons: int | IntArray,
    times: ArrayLike,
    sd: float,
    onset: float,
    purpose: str = "mood course",
) -> Array:
    """The course that a person's illness takes by itself, (P, T), in units of the latent drive.

    c(t) = sd z (1 - exp(-t / onset)), z ~ N(0, 1) one number per person for good; zero before t = 0. Beside it the wander is what
    changes within a person. persons as in `slow_wander`; times (T,) and onset in h.
    """
    share = parted(np.atleast_1d(np.asarray(times, dtype=np.float64)), onset)
    return np.outer(sd * _drawn(seed, purpose, persons), share)
