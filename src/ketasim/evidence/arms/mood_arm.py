"""Mood of one arm in the even people: latent drive, its residual, and visits that can be simulated.

The same equations as `ketasim.scenario.mood`, with two effects that belong to a study: a shift of the drive that all its arms
share, and a factor on the drug part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ketasim.core import normals
from ketasim.ratings.observation import arm_moments, combined_drive, link, residual_sd, score_moments, share_below
from ketasim.ratings.setting import routine_factor, setting_drive

from .courses import Course
from .numbers import Numbers
from .quasi import SEED, EvenPeople

Array = NDArray[np.float64]

REPEATS = 24  # simulated courses per person where a quantity needs visits


@lru_cache(maxsize=1024)
def drawn(purpose: str, count: int) -> Array:
    """Standard normals of a purpose, kept: every prediction uses the same ones."""
    found = normals(SEED, purpose, count)
    found.setflags(write=False)
    return found


@dataclass(frozen=True, slots=True)
class StudyEffects:
    """What differs between studies: shift of the drive of every arm; logarithm of a factor on the drug part; logarithm of a
    factor on the felt level; shift of every rise of pressure or pulse (mmHg, bpm). 0 = the average study."""

    setting: float = 0.0
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

    def share_at_most(self, time_h: float, points: float) -> float:
        """Share of people at or below a number of MADRS points."""
        i = self.course.index(time_h)
        return float(share_below(self.latent[:, [i]], points, self.baseline, self.residual[:, [i]], self.p).mean())

    def visits(self, times: Array) -> Array:
        """Simulated scores at visits, (P * REPEATS, V) points: own course, slow wander and rating noise, keyed by visit."""
        columns = [self.course.index(t) for t in times]
        count = len(self.baseline) * REPEATS
        latent = np.repeat(self.latent[:, columns], REPEATS, axis=0)
        sd, tau = float(self.p["wander_sd"].flat[0]), float(self.p["wander_time"].flat[0])
        noise_sd = float(self.p["rating_sd"].flat[0])
        wander, before = np.zeros(count), 0.0
        course = float(self.p["course_sd"].flat[0]) * drawn("visit course", count)
        onset = float(self.p["course_onset"].flat[0])
        shifted = np.empty_like(latent)
        for j, time in enumerate(times):
            keep = float(np.exp(-max(time - before, 0.0) / tau))
            wander = keep * wander + sd * np.sqrt(1.0 - keep**2) * drawn(f"visit wander {j}", count)
            parted = course * -np.expm1(-max(time, 0.0) / onset)
            shifted[:, j] = latent[:, j] + wander + parted + noise_sd * drawn(f"visit rating {j}", count)
            before = float(time)
        b = np.repeat(self.baseline, REPEATS)[:, None]
        ceiling, slope, top = (float(self.p[k].flat[0]) for k in ("link_ceiling", "link_slope", "madrs_maximum"))
        return link(shifted, b, ceiling, slope, top)

    @property
    def baselines(self) -> Array:
        """Baseline of every simulated course of `visits`, (P * REPEATS,)."""
        return np.repeat(self.baseline, REPEATS)


def drug_drive(arm: Course, people: EvenPeople, numbers: Numbers) -> Array:
    """Drug part of the drive, gain (Ef fast + Es late + ...), (P, T)."""
    size = {key: numbers(f"mood_{key}_size") for key in ("fast", "late", "habenula", "kappa")}
    path = size["fast"] * arm.rows("fast_mood") + size["late"] * arm.rows("late_mood")
    if "habenula" in arm.table:
        path = path + size["habenula"] * arm.rows("habenula")
    if "kappa_relief" in arm.table:
        path = path + size["kappa"] * arm.rows("kappa_relief")
    return numbers.person("mood_gain", people)[:, None] * path


def felt_points(
    arm: Course, people: EvenPeople, numbers: Numbers, level: Array, effects: StudyEffects = NO_EFFECTS
) -> Array:
    """CADSS points for felt levels (P, ...): max (1 - exp(-gain slope level / max))."""
    gain = numbers.person("dissociation_gain", people) * numbers("dissociation_slope") * np.exp(effects.felt)
    top = numbers("cadss_maximum")
    return np.asarray(top * -np.expm1(-gain[:, None] * level / top))


def arm_mood(
    arm: Course,
    people: EvenPeople,
    where: str,
    numbers: Numbers,
    p: Mapping[str, Array],
    effects: StudyEffects = NO_EFFECTS,
    rater_factor: float = 1.0,
    ideation: bool = False,
) -> ArmMood:
    """Mood (or suicidal thoughts) of an arm. where : setting; p : `numbers.setting(people)`; rater_factor : on the whole drive."""
    felt = felt_points(arm, people, numbers, arm.session_peaks(arm.felt_level), effects)
    if arm.is_midazolam and where != "midazolam":
        felt = felt + p["midazolam_felt"][:, None]
    which = "comparator" if arm.is_comparator else "drug"
    hope = setting_drive(where, arm.times, arm.sessions, felt, p, which, arm.new_antidepressant)  # type: ignore[arg-type]
    ssri = numbers.person("ssri_gain", people)[:, None] * numbers("ssri_size") * arm.rows("ssri_turnover")
    baseline = people.madrs
    if ideation:
        share = numbers("ideation_mood_share")
        gain = share * numbers.person("mood_gain", people) + (1.0 - share) * numbers.person("ideation_gain", people)
        drug = gain[:, None] * arm.rows("ideation_path")
        hope, ssri = p["ideation_setting_share"][:, None] * hope, p["ideation_setting_share"][:, None] * ssri
    else:
        drug = drug_drive(arm, people, numbers)
    drug = drug * np.exp(effects.drug)
    begun = np.where(arm.times > 0, 1.0, 0.0)[None, :]
    factor = routine_factor(where, p) * rater_factor
    latent = combined_drive(drug, hope + effects.setting * begun, ssri, p["subadditivity"][:, None], factor)
    residual = np.broadcast_to(residual_sd(arm.times, {k: v[:1] for k, v in p.items()}), (1, len(arm.times)))
    return ArmMood(arm, np.broadcast_to(latent, (len(people), len(arm.times))), residual, baseline, p)
