"""Mood and suicidal thoughts of an arm and of its placebo: drug, setting and SSRI put together for every person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.core import KetasimError, values
from ketasim.people import TYPICAL, People
from ketasim.ratings.observation import (
    combined_drive,
    ideation_scores,
    madrs_scores,
    residual_sd,
    response_probability,
    share_below,
)
from ketasim.ratings.setting import Arm, felt_peaks, midazolam_felt, routine_factor, setting_drive
from ketasim.ratings.wander import own_course, slow_wander

from .plan import Scenario

Array = NDArray[np.float64]

NOT_A_SESSION = "ssri"  # tablets taken at home day by day: no session, but a new antidepressant
ACTIVE_PLACEBO = "midazolam"


@dataclass(frozen=True, slots=True)
class Drives:
    """What the chain gives for one arm, (P, T) each: drives on mood and suicidal thoughts, SSRI drive, dissociation in points.

    gaba : GABA-A potentiation, where midazolam itself is what is tried.
    """

    mood: Array
    ideation: Array
    ssri: Array
    cadss: Array
    gaba: Array | None = None


@dataclass(frozen=True, slots=True)
class Mood:
    """Scores (P, T) in points at `times` (T,) h; `latent` is the drive L without wander."""

    madrs: Array
    placebo: Array
    ideation: Array
    latent: Array
    baseline: Array
    times: Array
    parameters: Mapping[str, Array]

    @property
    def change(self) -> Array:
        """Score minus own baseline."""
        return self.madrs - self.baseline[:, None]

    @property
    def effect(self) -> Array:
        """Change minus the same person's change under placebo, same draws."""
        return self.madrs - self.placebo

    def only(self, count: int) -> Mood:
        """The same of the first `count` rows."""
        return Mood(
            self.madrs[:count],
            self.placebo[:count],
            self.ideation[:count],
            self.latent[:count],
            self.baseline[:count],
            self.times,
            {key: number[:count] for key, number in self.parameters.items()},
        )

    def residual(self, index: int) -> Array:
        """SD of wander plus rating noise at that time, in units of L, (P or 1, 1)."""
        return residual_sd(self.times[[index]], self.parameters)

    def response(self, index: int) -> Array:
        """Probability per person of a rated score at or below half the baseline, at that time."""
        return response_probability(self.latent[:, [index]], self.baseline, self.residual(index), self.parameters)[:, 0]

    def remission(self, index: int, limit: float) -> Array:
        """Probability per person of a rated score at or below `limit` points, at that time."""
        return share_below(self.latent[:, [index]], limit, self.baseline, self.residual(index), self.parameters)[:, 0]


def observation_numbers(people: People, overrides: Mapping[str, float | Array]) -> dict[str, Array]:
    """Setting and observation values, one number per person, (P,) each; overrides as in `chain_parameters`."""
    return {
        key: people.draw(value, overrides.get(key))
        for stage in ("setting", "observation")
        for key, value in values(stage).items()
    }


def session_times(scenario: Scenario) -> Array:
    """Times of the treatment sessions: main doses of anything but daily tablets of an SSRI."""
    regimen = scenario.regimen
    found = [t for t, _, dose in regimen.main.times(scenario.end_h) if dose.drug != NOT_A_SESSION]
    return np.unique(np.asarray(found, dtype=np.float64))


def new_antidepressant(scenario: Scenario) -> float | None:
    """When an SSRI is begun within this scenario, in h; None if none is."""
    found = [dose.time_h for dose in scenario.regimen.doses(scenario.end_h) if dose.dose.drug == NOT_A_SESSION]
    return min(found) if found else None


def mood(
    scenario: Scenario, people: People, times: Array, arm: Drives, placebo: Drives, numbers: Mapping[str, float | Array]
) -> Mood:
    """Scores of every person on `times` (which must follow the doses, so that each session's peak is seen).

    numbers : values replaced by a number for all or one per person.
    """
    p = observation_numbers(people, numbers)
    sessions, begun = session_times(scenario), new_antidepressant(scenario)
    main = scenario.regimen.main.blocks[0].dose
    is_comparator = main.entry.role == "placebo" or main.drug == ACTIVE_PLACEBO
    which: Arm = "comparator" if is_comparator else "drug"
    felt = felt_peaks(times, arm.cadss, sessions) if sessions.size else np.zeros((len(people), 0))
    felt_placebo = felt_peaks(times, placebo.cadss, sessions) if sessions.size else felt
    if arm.gaba is not None and scenario.setting != ACTIVE_PLACEBO:
        felt = felt + midazolam_felt(felt_peaks(times, arm.gaba, sessions), p)
    hope_placebo = setting_drive(scenario.setting, times, sessions, felt_placebo, p, "comparator", begun)
    # perfectly masked: both arms believe what the placebo arm believes
    hope = hope_placebo if scenario.masked else setting_drive(scenario.setting, times, sessions, felt, p, which, begun)
    factor = routine_factor(scenario.setting, p)
    k = p["subadditivity"][:, None]
    latent = combined_drive(arm.mood, hope, arm.ssri, k, factor)
    latent_placebo = combined_drive(placebo.mood, hope_placebo, placebo.ssri, k, factor)
    own = _wander(scenario.seed, people, times, p, "mood")
    thoughts = _wander(scenario.seed, people, times, p, "ideation")
    return Mood(
        madrs=madrs_scores(latent, people.madrs, p, own),
        placebo=madrs_scores(latent_placebo, people.madrs, p, own),
        ideation=ideation_scores(
            arm.ideation,
            hope,
            arm.ssri,
            np.minimum(p["ideation_baseline"], p["ideation_maximum"]),
            p,
            own,
            thoughts,
            factor,
        ),
        latent=np.broadcast_to(latent, own.shape),
        baseline=people.madrs,
        times=times,
        parameters=p,
    )


def _wander(seed: int, people: People, times: Array, p: Mapping[str, Array], what: str) -> Array:
    """Own course and slow wander of everybody, (P, T); the typical person has none, whatever the posterior says of their size."""
    real = people.person != TYPICAL
    if not real.any():
        return np.zeros((len(people), len(times)))
    keys = ("wander_sd", "wander_time", "course_sd", "course_onset")
    for key in keys:
        if np.ptp(p[key][real]) > 0:
            raise KetasimError(f"{key} is one number for everybody; it cannot have a spread between people")
    sd, time, course_sd, onset = (float(p[key][real][0]) for key in keys)
    course = own_course(seed, people.person, times, course_sd, onset, f"{what} course")
    return slow_wander(seed, people.person, times, sd, time, f"{what} wander") + course
