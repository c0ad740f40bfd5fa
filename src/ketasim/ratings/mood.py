"""From the drives of an arm to mood and suicidal thoughts: drug, setting and SSRI put together, once, for runs, fits and weighing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ketasim.core import KetasimError, Value, values
from ketasim.core.arrays import Array, BoolArray
from ketasim.dose import Dose, Regimen
from ketasim.people import TYPICAL, People

from .observation import (
    ideation_latent,
    ideation_scores,
    madrs_scores,
    mood_latent,
    residual_sd,
    response_probability,
    share_below,
)
from .setting import (
    Arm,
    age_factor,
    belief_course,
    felt_since,
    midazolam_felt,
    setting_drive,
    setting_factor,
    unmoved_belief,
)
from .structure import in_force
from .thoughts import item_before
from .wander import own_course, slow_wander

NOT_A_SESSION = "ssri"  # tablets taken at home day by day: no session, but a new antidepressant
ACTIVE_PLACEBO = "midazolam"
SPRAY = "nasal"
FELT_OF_MIDAZOLAM = "gaba_potentiation"
STAGES = ("setting", "observation")


def rating_values() -> dict[str, Value]:
    """Every value that stands between a drive and a rating, by key."""
    return {key: v for stage in STAGES for key, v in values(stage).items()}


def rating_numbers(
    people: People, full: Callable[[str, Value], tuple[Value, float | Array | None]]
) -> dict[str, Array]:
    """One number per person (P,) of every rating value; full : key, shipped value -> value to draw from, number in its place or None."""
    found = {key: people.draw(*full(key, v)) for key, v in rating_values().items()}
    return found | {"age_factor": age_factor(people.age, found)}


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

    @staticmethod
    def ports() -> dict[str, str]:
        """Field -> output port of the chain."""
        return {"mood": "mood_drive", "ideation": "ideation_drive", "ssri": "ssri_drive", "cadss": "cadss"}

    @staticmethod
    def of(table: Mapping[str, Array]) -> Drives:
        """From a table of courses by port; GABA-A potentiation where the table holds it."""
        return Drives(**{f: table[port] for f, port in Drives.ports().items()}, gaba=table.get(FELT_OF_MIDAZOLAM))

    def scaled(self, factor: Array) -> Drives:
        """The drug part, on mood and suicidal thoughts, times a factor (1 or P, 1 or T)."""
        if factor.shape == (1, 1) and factor[0, 0] == 1.0:
            return self
        return replace(self, mood=self.mood * factor, ideation=self.ideation * factor)

    def nothing(self) -> Drives:
        """Every drive zero, one row for everybody: placebo without co-medication."""
        none = np.zeros((1, self.mood.shape[1]))
        return Drives(none, none, none, none)


@dataclass(frozen=True, slots=True)
class Treatment:
    """What of a regimen people notice, whatever is in it.

    sessions : starts of the treatment sessions, h, ascending. new_antidepressant : when an SSRI is begun, h; None if none is.
    is_comparator : the main line is what a trial compares with. is_midazolam : it is midazolam, which is felt. sprays : those of the
    sessions in which a nasal spray is given, h. comparators : those in which nothing but a comparator is given, h.
    """

    sessions: Array
    new_antidepressant: float | None
    is_comparator: bool
    is_midazolam: bool
    sprays: Array = field(default_factory=lambda: np.zeros(0))
    comparators: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def arm(self) -> Arm:
        return "comparator" if self.is_comparator else "drug"

    @property
    def replaced(self) -> Array:
        """Sessions (S,), h, in which a comparator takes the place of the drug that was given in the session before, as where a treatment is withdrawn without a word."""
        mute = np.isin(self.sessions, self.comparators)
        return self.sessions[1:][mute[1:] & ~mute[:-1]]


def treatment(regimen: Regimen, end_h: float, until_h: float = np.inf) -> Treatment:
    """What is noticed of a regimen up to `end_h`. Sessions: main doses, before `until_h`, of anything but daily tablets of an SSRI."""
    starts = [(t, dose) for t, _, dose in regimen.main.times(end_h) if dose.drug != NOT_A_SESSION and t < until_h]
    begun = [dose.time_h for dose in regimen.doses(end_h) if dose.dose.drug == NOT_A_SESSION]
    main = regimen.main.blocks[0].dose
    return Treatment(
        np.unique(np.asarray([t for t, _ in starts], dtype=np.float64)),
        min(begun) if begun else None,
        _is_comparator(main),
        main.drug == ACTIVE_PLACEBO,
        np.unique(np.asarray([t for t, dose in starts if dose.route == SPRAY], dtype=np.float64)),
        comparator_only([(t, _is_comparator(dose)) for t, dose in starts]),
    )


def comparator_only(given: Iterable[tuple[float, bool]]) -> Array:
    """Times (S,) at which nothing but a comparator is given, ascending, h; given : time and whether it is a comparator, of every dose."""
    every = list(given)
    drug = {time for time, is_comparator in every if not is_comparator}
    return np.asarray(sorted({time for time, _ in every} - drug), dtype=np.float64)


def _is_comparator(dose: Dose) -> bool:
    return dose.entry.role == "placebo" or dose.drug == ACTIVE_PLACEBO


def route_factor(given: Treatment, times: Array, p: Mapping[str, Array]) -> Array:
    """Factor on the drug part by the way it came, (1 or P, T): k^s, k `nasal_drug_factor`, s the share of the sessions so far in which a spray was given.

    1 before the first session, for every other way, and where the structure "route" has no factor. Where sprays and infusions are mixed, each session counts alike.
    """
    if in_force("route") == "alike" or not given.sprays.size:
        return np.ones((1, 1))
    so_far = np.searchsorted(given.sessions, times, side="right")
    by_nose = np.searchsorted(given.sprays, times, side="right")
    k = np.asarray(p["nasal_drug_factor"], dtype=np.float64).reshape(-1, 1)
    return np.asarray(k ** (by_nose / np.maximum(so_far, 1)))


def felt_course(where: str, given: Treatment, drives: Drives, p: Mapping[str, Array]) -> Array:
    """What is felt of an arm at each time, in CADSS points of equal persuasion, (P, T); in a midazolam trial the setting itself counts midazolam."""
    if given.is_midazolam and drives.gaba is not None and where != ACTIVE_PLACEBO:
        return drives.cadss + midazolam_felt(drives.gaba, p)
    return drives.cadss


def hope(
    where: str,
    given: Treatment,
    times: Array,
    drives: Drives,
    p: Mapping[str, Array],
    arm: Arm | None = None,
    grid: BoolArray | None = None,
    unfelt: bool = False,
) -> Array:
    """Drive of setting and belief in one arm, (P, T). where : setting; drives : what this arm feels; arm : another part than its own;
    grid : times that follow the doses, where others are among them; unfelt : nobody can feel what is given (anaesthesia)."""
    felt = felt_course(where, given, drives, p)
    fixed = unmoved_belief(where, p)[:, 0] if unfelt else None
    begun = given.new_antidepressant
    return setting_drive(where, times, given.sessions, felt, p, arm or given.arm, begun, fixed, grid, given.replaced)


def believed(
    where: str,
    given: Treatment,
    times: Array,
    drives: Drives,
    p: Mapping[str, Array],
    grid: BoolArray | None = None,
    unfelt: bool = False,
) -> Array:
    """Belief of having received the drug, 0 to 1, (P, T), by the same path as `hope`; 0 before the first session."""
    if not given.sessions.size:
        return np.zeros((1, len(times)))
    if unfelt:
        found = np.broadcast_to(unmoved_belief(where, p), (len(drives.cadss), len(times)))
    else:
        felt, elapsed = felt_since(times, felt_course(where, given, drives, p), given.sessions, grid, given.replaced)
        found = belief_course(where, felt, p, given.arm, elapsed)
    return np.where(times >= given.sessions[0], found, 0.0)


@dataclass(frozen=True, slots=True)
class Between:
    """What differs between studies, not between people: factor on the drug part, shift (scalar or (1, T)) of the drive of the setting,
    factor on the whole by who rates. 1, 0 and 1 in a run."""

    drug: float = 1.0
    shift: float | Array = 0.0
    rater: float = 1.0


NO_STUDY = Between()


def latent(
    where: str,
    drives: Drives,
    hoped: Array,
    p: Mapping[str, Array],
    between: Between = NO_STUDY,
    ideation: bool = False,
) -> Array:
    """Drive L of one arm without wander, (P, T), on mood or on suicidal thoughts: drug, setting and SSRI put together.

    where : setting; hoped (P, T) from `hope`; p : `rating_numbers`.
    """
    factor = setting_factor(where, p) * between.rater
    drug = drives.ideation if ideation else drives.mood
    drug = drug if between.drug == 1.0 else drug * between.drug
    if ideation:
        return ideation_latent(drug, hoped, drives.ssri, p, factor, between.shift)
    return mood_latent(drug, hoped + between.shift, drives.ssri, p, factor)


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

    def drive_only(self, count: int) -> Mood:
        """Of the first `count` rows what shares of responders and remitters follow from, without the scores."""
        none = np.empty((0, 0))
        found = self.only(count)
        return Mood(none, none, none, found.latent, found.baseline, found.times, found.parameters)

    def residual(self, index: int) -> Array:
        """SD of wander plus rating noise at that time, in units of L, (P or 1, 1)."""
        return residual_sd(self.times[[index]], self.parameters)

    def response(self, index: int) -> Array:
        """Probability per person of a rated score at or below half the baseline, at that time."""
        return response_probability(self.latent[:, [index]], self.baseline, self.residual(index), self.parameters)[:, 0]

    def remission(self, index: int, limit: float) -> Array:
        """Probability per person of a rated score at or below `limit` points, at that time."""
        return share_below(self.latent[:, [index]], limit, self.baseline, self.residual(index), self.parameters)[:, 0]


def mood(
    where: str,
    given: Treatment,
    people: People,
    times: Array,
    arm: Drives,
    placebo: Drives | None,
    p: Mapping[str, Array],
    masked: bool = False,
    grid: BoolArray | None = None,
) -> Mood:
    """Scores of every person under an arm and under its placebo, with the same random draws.

    where : setting; times (T,) h must follow the doses, so that what is felt is seen; placebo : drives of the same people with placebo in place
    of every main drug (None: nothing else is given); p : `rating_numbers`; masked : both arms believe what the placebo arm believes;
    grid (T,) : times that follow the doses (all, unless given), see `felt_so_far`.
    """
    other = placebo or arm.nothing()
    never = replace(given, comparators=given.sessions)  # nothing takes the place of a drug that was not given
    hope_placebo = hope(where, never, times, other, p, "comparator", grid)
    hoped = hope_placebo if masked else hope(where, given, times, arm, p, grid=grid)
    here = latent(where, arm, hoped, p)
    own = _wander(people, times, p, "mood")
    thoughts = _wander(people, times, p, "ideation")
    item = item_before(where, p)
    return Mood(
        madrs=madrs_scores(here, people.madrs, p, own),
        placebo=madrs_scores(latent(where, other, hope_placebo, p), people.madrs, p, own),
        ideation=ideation_scores(latent(where, arm, hoped, p, ideation=True), item, p, own, thoughts),
        latent=np.broadcast_to(here, own.shape),
        baseline=people.madrs,
        times=times,
        parameters=p,
    )


def _wander(people: People, times: Array, p: Mapping[str, Array], what: str) -> Array:
    """Own course and slow wander of everybody, (P, T); the typical person has none, whatever the posterior says of their size."""
    real = people.person != TYPICAL
    if not real.any():
        return np.zeros((len(people), len(times)))
    keys = ("wander_sd", "wander_time", "course_sd", "course_onset")
    for key in keys:
        if np.ptp(p[key][real]) > 0:
            raise KetasimError(f"{key} is one number for everybody; it cannot have a spread between people")
    sd, time, course_sd, onset = (float(p[key][real][0]) for key in keys)
    course = own_course(people.seed, people.person, times, course_sd, onset, f"{what} course")
    return slow_wander(people.seed, people.person, times, sd, time, f"{what} wander") + course
