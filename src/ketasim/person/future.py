"""Scores ahead: what the looks of an option share, and the mixture of normals that a score is at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ketasim.core import normal_cdf_quick, normals
from ketasim.core.arrays import Array
from ketasim.ratings.observation import drive_at, share_of

from .fields import scales
from .likelihood import Conditioned
from .observed import Baseline, drive_cut
from .pool import Pool, Seen

SEED = 17
STEPS = 60  # of a scale at which its distribution is worked out; 1 point of the MADRS
ROUGH = 6  # steps at a time where no quantile is near


@dataclass(frozen=True)
class Ahead:
    """What the looks at one person share, whatever is given from now on. Kept, because every option and its placebo ask for the same.

    pool : the members. known : their ratings so far. needs : drives (C, N) at which a score lies at each of some cuts, by scale and cuts.
    """

    pool: Pool
    known: Conditioned
    baseline: Baseline
    needs: dict[tuple[str, bytes], Array] = field(default_factory=dict, repr=False, compare=False)
    _scatter: dict[tuple[bytes, bool], tuple[Array, Array]] = field(default_factory=dict, repr=False, compare=False)
    _courses: dict[tuple[int, bytes], Array] = field(default_factory=dict, repr=False, compare=False)

    def scatter(self, times: Array, ideation: bool = False) -> tuple[Array, Array]:
        """Mean and SD (N, V) of course, wander and noise of a rating at each time (h), given the observations. ideation : of suicidal thoughts."""
        key = (times.tobytes(), ideation)
        if key not in self._scatter:
            each = [self.known.ahead(t, ideation) for t in times.tolist()]
            self._scatter[key] = np.stack([one[1] for one in each], 1), np.stack([one[2] for one in each], 1)
        return self._scatter[key]

    def course(self, turn: int, times: Array) -> Array:
        """The same of one simulated course of ratings of mood, (N, V): the same numbers under every option, so that options differ by what is given."""
        key = (turn, times.tobytes())
        if key not in self._courses:
            joint = self.known.copy()
            drawn = [
                joint.draw(t, normals(SEED, f"course {turn} look {i}", len(self.pool)))
                for i, t in enumerate(times.tolist(), start=1)
            ]
            self._courses[key] = np.stack(drawn, 1)
        return self._courses[key]

    def needed(self, cuts: Array, scale: str) -> Array:
        """Drives at which the score is at each cut, (C, N)."""
        key = (scale, cuts.tobytes())
        if key not in self.needs:
            b = np.asarray(self.baseline.before(scale, self.pool), dtype=np.float64)
            p = self.pool.ratings
            self.needs[key] = drive_at(
                share_of(cuts[:, None], np.atleast_1d(b)[None, :]), p["link_ceiling"], p["link_slope"]
            )
        return self.needs[key]

    def future(self, seen: Seen, times: Array, ideation: bool = False) -> Future:
        """The looks at `times` (h) under what is given in `seen`."""
        return Future(self, seen.latent(times, ideation=ideation), *self.scatter(times, ideation))


@dataclass(frozen=True)
class Future:
    """Scores of one arm ahead: a mixture of normals over the members, look by look.

    drive (N, V) without wander; mean, sd (N, V) of course, wander and noise given what was observed.
    """

    ahead: Ahead
    drive: Array
    mean: Array
    sd: Array

    @staticmethod
    def of(seen: Seen, known: Conditioned, baseline: Baseline, times: Array, ideation: bool = False) -> Future:
        """The looks at `times` (h), each given the observations. ideation : of suicidal thoughts, not of mood."""
        return Ahead(seen.pool, known, baseline).future(seen, times, ideation)

    @property
    def pool(self) -> Pool:
        """The members."""
        return self.ahead.pool

    @property
    def baseline(self) -> Baseline:
        """Totals before the first dose."""
        return self.ahead.baseline

    def at_most(self, points: float | Array, look: int, scale: str = "MADRS", factor: float = 1.0) -> Array:
        """Probability (N,) of a total at or below `points` (number or (N,)) at a look; a total is what it rounds to."""
        b = self.baseline.before(scale, self.pool)
        need = drive_cut(scale, points, b, self.pool.ratings)
        return np.asarray(
            normal_cdf_quick((self.drive[:, look] * factor + self.mean[:, look] - need) / self.sd[:, look])
        )

    def cumulative(self, cuts: Array, look: int, weights: Array, scale: str = "MADRS", factor: float = 1.0) -> Array:
        """Distribution function of the rating behind the total at `cuts` (C,), of the members together; 1 at the end of the scale."""
        return self._below(self.ahead.needed(cuts, scale), cuts, look, weights, scale, factor)

    def _below(self, need: Array, cuts: Array, look: int, weights: Array, scale: str, factor: float = 1.0) -> Array:
        z = (self.drive[:, look] * factor + self.mean[:, look] - need) / self.sd[:, look]
        below = normal_cdf_quick(z) @ weights
        below[cuts >= scales()[scale].high] = 1.0
        return np.asarray(np.maximum.accumulate(np.minimum(below, 1.0)))

    def quantiles(self, shares: Sequence[float], look: int, weights: Array, scale: str = "MADRS") -> list[float]:
        """Quantiles of the total at a look, points."""
        cuts = np.linspace(0.0, scales()[scale].high, STEPS + 1)
        need = self.ahead.needed(cuts, scale)
        rough = np.arange(0, STEPS + 1, ROUGH)
        places = set(rough.tolist())
        at = np.searchsorted(self._below(need[rough], cuts[rough], look, weights, scale), shares)
        for i in np.unique(at).tolist():  # the steps around a quantile; what lies between others is asked for nothing
            places |= set(range(max(ROUGH * (i - 1), 0), min(ROUGH * i, STEPS) + 1))
        near = np.array(sorted(places))
        below = self._below(need[near], cuts[near], look, weights, scale)
        return [float(np.interp(q, below, cuts[near])) if q > below[0] else 0.0 for q in shares]
