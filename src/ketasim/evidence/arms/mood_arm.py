"""Mood of one arm in the even people: latent drive, its residual, and visits that can be simulated.

The functions of `ketasim.ratings`, with what belongs to a study: a shift of the drive that all its arms share, a factor on the drug part,
one on what is felt, and who rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ketasim.core import normals
from ketasim.core.arrays import Array, BoolArray
from ketasim.ratings.between import built_up
from ketasim.ratings.mood import FELT_OF_MIDAZOLAM, Between, Drives, hope, latent, route_factor
from ketasim.ratings.observation import arm_moments, link, residual_sd, score_moments, share_below
from ketasim.ratings.wander import RatingNoise, at_visits

from .courses import Course
from .numbers import Numbers
from .quasi import SEED, EvenPeople

REPEATS = 24  # simulated courses per person where a quantity needs visits


@lru_cache(maxsize=1024)
def drawn(purpose: str, count: int) -> Array:
    """Standard normals of a purpose, kept: every prediction uses the same ones."""
    found = normals(SEED, purpose, count)
    found.setflags(write=False)
    return found


@dataclass(frozen=True, slots=True)
class StudyEffects:
    """What differs between studies: shift of the drive of every arm, at once and as it builds up over weeks; logarithm of a factor on
    the drug part; logarithm of a factor on the felt level; shift of every rise of pressure or pulse (mmHg, bpm). 0 = the average study."""

    setting: float = 0.0
    late: float = 0.0
    drug: float = 0.0
    felt: float = 0.0
    vital: float = 0.0


NO_EFFECTS = StudyEffects()


@dataclass(frozen=True)
class ArmMood:
    """latent (P, T) on the course's times; residual (1, T); baseline (P,) MADRS points; p per person."""

    course: Course
    latent: Array
    residual: Array
    baseline: Array
    p: Mapping[str, Array]

    def of(self, some: BoolArray) -> ArmMood:
        """The same of some of the people, `some` (P,); p stays whole where it is one for everybody."""
        if some.all():
            return self
        p = {key: number[some] if np.size(number) == len(some) else number for key, number in self.p.items()}
        return replace(self, latent=self.latent[some], baseline=self.baseline[some], p=p)

    def moments(self, time_h: float) -> tuple[float, float]:
        """Mean and SD of the MADRS change at a time, points."""
        i = self.course.index(time_h)
        mean, sd = arm_moments(self.latent[:, [i]], self.baseline, self.residual[:, [i]], self.p)
        return float(mean[0]), float(sd[0])

    def score_mean(self, time_h: float) -> float:
        """Mean MADRS at a time, points."""
        i = self.course.index(time_h)
        return float(score_moments(self.latent[:, [i]], self.baseline, self.residual[:, [i]], self.p)[0].mean())

    def share_of_baseline(self, time_h: float, share: float) -> float:
        """Share of people at or below `share` of their baseline."""
        i = self.course.index(time_h)
        return float(
            share_below(self.latent[:, [i]], share * self.baseline, self.baseline, self.residual[:, [i]], self.p).mean()
        )

    def share_at_most(self, time_h: float, points: float | Array) -> float:
        """Share of people at or below a number of MADRS points, one for all or one for each (P,)."""
        i = self.course.index(time_h)
        return float(share_below(self.latent[:, [i]], points, self.baseline, self.residual[:, [i]], self.p).mean())

    def visits(self, times: Array) -> Array:
        """Simulated scores at visits, (P * REPEATS, V) points: own course, slow wander and rating noise, keyed by visit."""
        columns = [self.course.index(t) for t in times]
        count = len(self.baseline) * REPEATS
        numbers = {k: float(self.p[k].flat[0]) for k in ("wander_sd", "wander_time", "course_sd", "course_onset")}
        shifted = np.repeat(self.latent[:, columns], REPEATS, axis=0)
        shifted += at_visits(lambda purpose: drawn(purpose, count), times, **numbers)
        shifted += RatingNoise.of(self.p, one=True).drawn(
            lambda purpose: drawn(purpose, count), times, range(len(times)), "visit rating {:g}"
        )
        b = np.repeat(self.baseline, REPEATS)[:, None]
        ceiling, slope, top = (float(self.p[k].flat[0]) for k in ("link_ceiling", "link_slope", "madrs_maximum"))
        return link(shifted, b, ceiling, slope, top)

    @property
    def baselines(self) -> Array:
        """Baseline of every simulated course of `visits`, (P * REPEATS,)."""
        return np.repeat(self.baseline, REPEATS)


def rated(arm: Course, people: EvenPeople, numbers: Numbers, name: str, effects: StudyEffects = NO_EFFECTS) -> Array:
    """An output port of the last stages in every person, (P, T); what a study's people feel more or less than others counts in what is felt."""
    return arm.output(
        name, people, numbers, {"dissociation_gain": float(np.exp(effects.felt))} if effects.felt else None
    )


def drives_of(
    arm: Course, people: EvenPeople, numbers: Numbers, effects: StudyEffects = NO_EFFECTS, ideation: bool = False
) -> Drives:
    """The drives of an arm; of mood and suicidal thoughts the one that is asked for, the other is zero."""
    ports = Drives.ports()
    unused = ports["mood" if ideation else "ideation"]
    none = np.zeros((1, 1))
    found = {f: none if port == unused else rated(arm, people, numbers, port, effects) for f, port in ports.items()}
    return Drives(**found, gaba=arm.table.get(FELT_OF_MIDAZOLAM))


def arm_mood(
    arm: Course,
    people: EvenPeople,
    where: str,
    numbers: Numbers,
    p: Mapping[str, Array],
    effects: StudyEffects = NO_EFFECTS,
    rater_factor: float = 1.0,
    ideation: bool = False,
    unfelt: bool = False,
) -> ArmMood:
    """Mood (or suicidal thoughts) of an arm. where : setting; p : `numbers.setting(people)`; rater_factor : on the whole drive; unfelt : nobody
    can feel what is given."""
    drives = drives_of(arm, people, numbers, effects, ideation).scaled(route_factor(arm.noticed, arm.times, p))
    hoped = hope(where, arm.noticed, arm.times, drives, p, unfelt=unfelt)
    shift = effects.setting * np.where(arm.times > 0, 1.0, 0.0)[None, :]
    if effects.late:
        shift = shift + effects.late * built_up(arm.times, numbers("between_late_time"))[None, :]
    found = latent(where, drives, hoped, p, Between(float(np.exp(effects.drug)), shift, rater_factor), ideation)
    residual = np.broadcast_to(residual_sd(arm.times, {k: v[:1] for k, v in p.items()}), (1, len(arm.times)))
    return ArmMood(arm, np.broadcast_to(found, (len(people), len(arm.times))), residual, people.madrs, p)
