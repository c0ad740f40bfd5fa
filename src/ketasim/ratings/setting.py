"""What the setting itself does to mood: belief, expectancy, care. Pure functions on arrays, no input or output.

Everything here is a drive in the units of L, the dimensionless push on the mood link of `ketasim.ratings.observation`
(L = 0 leaves the score at its baseline, L near ln 2 halves it). Time is in hours from the first dose of the main drug.
P people, S sessions, T times. Parameters come as a mapping from value keys of `knowledge/values/setting.toml` to a
number or to one number per person; `setting_parameters()` gives the typical ones.

Structure and starting numbers: own fit to arm means of the calibration studies, described in the documentation of
the evidence; the prior beliefs and the felt scale are assumptions (no trial in the evidence reports guesses).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import KetasimError, unknown_name, values
from ketasim.core.arrays import Array, BoolArray

from .structure import in_force

Parameters = Mapping[str, ArrayLike]
Arm = Literal["drug", "comparator"]

USUAL_SETTING = "saline"
SETTING_OF_ROUTE = {"nasal": "nasal-placebo"}


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how a treatment is given, as far as it changes what people expect and receive besides the drug.

    prior : key of the belief, before anything is felt, of having received the drug; both arms share it.
    comparator_felt : key of what the comparator itself lets people feel, in CADSS points; empty = nothing.
    programme : a trial of a registration programme: many sites, long and frequent assessments.
    crisis : admitted in a suicidal crisis, with the care and the quick fall that follow.
    open_label : everybody knows what is given; ratings and hopes are higher.
    routine : ordinary practice, where the same treatment does less than in a trial.
    """

    name: str
    label: str
    prior: str
    comparator_felt: str = ""
    programme: bool = False
    crisis: bool = False
    open_label: bool = False
    routine: bool = False


SETTINGS: Mapping[str, Setting] = {
    s.name: s
    for s in (
        Setting("open", "open label, everybody knows the drug", "belief_prior_open", open_label=True),
        Setting("saline", "blinded trial with a saline infusion as comparator", "belief_prior_infusion"),
        Setting(
            "midazolam",
            "blinded trial with a sedating comparator",
            "belief_prior_infusion",
            comparator_felt="midazolam_felt",
        ),
        Setting("nasal-placebo", "blinded trial with a bitter nasal placebo", "belief_prior_nasal", programme=True),
        Setting(
            "inpatient",
            "admitted in a suicidal crisis, bitter nasal placebo beside full standard care",
            "belief_prior_nasal",
            programme=True,
            crisis=True,
        ),
        Setting("routine", "ordinary practice, open label", "belief_prior_open", open_label=True, routine=True),
    )
}


def setting(name: str) -> Setting:
    """The setting of that name; an unknown one is a `UsageError` with the nearest names."""
    if name not in SETTINGS:
        raise unknown_name("setting", name, SETTINGS, where="--setting", fix="--setting saline")
    return SETTINGS[name]


def setting_parameters() -> dict[str, float]:
    """Typical value of every parameter of `knowledge/values/setting.toml`, by key."""
    return {key: v.value for key, v in values("setting").items()}


def _column(p: Parameters, key: str) -> Array:
    """A parameter as (1, 1) or, where people differ in it, (P, 1)."""
    found = np.atleast_1d(np.asarray(p[key], dtype=np.float64)).reshape(-1, 1)
    return found[:1] if len(found) > 1 and (found == found[0]).all() else found


def _rise(times: Array, onset: Array) -> Array:
    """1 - exp(-t / onset) from t = 0 on, 0 before."""
    return np.where(times > 0, -np.expm1(-np.maximum(times, 0.0) / onset), 0.0)


def felt_so_far(times: ArrayLike, felt: ArrayLike, sessions: ArrayLike, grid: BoolArray | None = None) -> Array:
    """The strongest that was felt from the first session up to each time, in CADSS points, (P, T); 0 before it.

    times (T,) h ascending, felt (P, T) points at those times, sessions (S,) h ascending. grid (T,): the times that follow the doses; what is felt at
    any other time (one that was only asked for) counts at that time alone, so that asking changes no other answer.
    """
    t, score = np.asarray(times, dtype=np.float64), np.asarray(felt, dtype=np.float64)
    starts = np.asarray(sessions, dtype=np.float64)
    strongest = np.zeros(score.shape)
    first = int(np.searchsorted(t, starts[0])) if starts.size else len(t)
    if first == len(t):
        return strongest
    since, here = score[:, first:], strongest[:, first:]
    if grid is None or grid.all():
        np.maximum.accumulate(since, axis=1, out=here)
    else:
        np.maximum.accumulate(np.where(grid[first:], since, 0.0), axis=1, out=here)
        np.maximum(here, since, out=here)
    return np.maximum(strongest, 0.0, out=strongest)


def felt_since(
    times: ArrayLike, felt: ArrayLike, sessions: ArrayLike, grid: BoolArray | None = None, anew: ArrayLike = ()
) -> tuple[Array, Array]:
    """What belief rests on at each time: the strongest that was felt (P, T), see `felt_so_far`, and the hours (T,) since one could feel something.

    anew (S,) h ascending : sessions from which the evidence counts anew, because a comparator may have taken the place of the drug without a word;
    they count where the structure "withdrawal" is "anew". Before the first session the hours are negative and nothing was felt.
    """
    t, starts = np.asarray(times, dtype=np.float64), np.asarray(sessions, dtype=np.float64)
    strongest, elapsed = felt_so_far(t, felt, starts, grid), t - starts[0]
    for begin in np.asarray(anew, dtype=np.float64) if in_force("withdrawal") == "anew" else ():
        later = t >= begin
        if later.any():
            strongest = np.where(later, felt_so_far(t, felt, starts[starts >= begin], grid), strongest)
            elapsed = np.where(later, t - begin, elapsed)
    return strongest, elapsed


def midazolam_felt(potentiation: ArrayLike, p: Parameters) -> Array:
    """What midazolam lets people feel, in CADSS points of equal persuasion, (P, T).

    D = D0 G / G0: in proportion to GABA-A potentiation G (P, T), 0 to 1, with D0 what the usual dose of trials lets people feel at its
    peak and G0 the potentiation it reaches. Nothing is felt of a dose that does nothing.
    """
    share = np.asarray(potentiation, dtype=np.float64) / _column(p, "midazolam_felt_potentiation")
    return np.asarray(_column(p, "midazolam_felt") * share)


def belief(felt: ArrayLike, prior: ArrayLike, felt_scale: ArrayLike) -> Array:
    """Belief of having received the drug, 0 to 1, after feeling `felt` CADSS points.

    b = 1 - (1 - b0) exp(-D / Ds), D >= 0; b0 the belief before anything is felt, Ds in points. Shapes broadcast.
    """
    strength = np.maximum(np.asarray(felt, dtype=np.float64), 0.0)
    return np.asarray(1.0 - (1.0 - np.asarray(prior)) * np.exp(-strength / np.asarray(felt_scale)))


def belief_by_evidence(felt: ArrayLike, elapsed: ArrayLike, p: Parameters) -> Array:
    """Belief of having received the drug, 0 to 1, (P, T): allocation as told to the participants, moved by what is felt and by silence (Bayes).

    log odds = logit(b0) - kappa (1 - exp(-u / us)) + D / Dp, with b0 the allocation to the drug, u (T,) h since the first session began, kappa what an hour in
    which nothing is felt costs, us the time in which one expects to feel something, D (P, T) the strongest felt so far in CADSS
    points, Dp the points that are worth one unit of log odds. Follows from levels of feeling that fall off exponentially under drug and
    under placebo: their likelihood ratio is log-linear in D.
    """
    silence = -np.expm1(-np.maximum(np.asarray(elapsed, dtype=np.float64), 0.0) / _column(p, "belief_silence_time"))
    prior = _column(p, "belief_allocation")
    odds = np.log(prior / (1.0 - prior)) - _column(p, "belief_silence") * silence
    odds = odds + np.maximum(np.asarray(felt, dtype=np.float64), 0.0) / _column(p, "belief_points")
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * odds))  # the logistic; scipy costs a fifth of a second of every command


def belief_course(name: str, felt: ArrayLike, p: Parameters, arm: Arm = "drug", elapsed: ArrayLike = np.inf) -> Array:
    """Belief of having received the drug at each time, (P, T), from what has been felt up to then and nothing later.

    felt (P, T): `felt_so_far`, in points, as the arm itself produced it. The strongest so far counts: nobody unlearns what a stronger
    session told him, and nobody knows before the peak how strong it will be. The comparator arm of a setting feels what the
    comparator does (midazolam: a fixed amount, in CADSS points of equal persuasion).
    """
    where = setting(name)
    strongest = np.asarray(felt, dtype=np.float64)
    if arm == "comparator" and where.comparator_felt:
        strongest = strongest + _column(p, where.comparator_felt)
    if in_force("belief") == "evidence" and not where.open_label:
        return belief_by_evidence(strongest, elapsed, p)
    return belief(strongest, _column(p, where.prior), _column(p, "belief_felt_scale"))


def unmoved_belief(name: str, p: Parameters) -> Array:
    """Belief of people who can feel neither drug nor comparator, as under anaesthesia, (1, 1) or (P, 1): the allocation they were told, or the
    setting's prior where belief follows the felt alone; 1 where the treatment is open."""
    where = setting(name)
    if in_force("belief") == "evidence" and not where.open_label:
        return _column(p, "belief_allocation")
    return _column(p, where.prior)


def expectancy(b: ArrayLike, half: ArrayLike, steepness: ArrayLike) -> Array:
    """Share of the full expectancy effect at belief b, 0 to 1.

    e = (1 + h^n) b^n / (b^n + h^n), so that e(1) = 1; h the belief at which a Hill curve is half risen, n its steepness.
    """
    share = np.clip(np.asarray(b, dtype=np.float64), 0.0, 1.0) ** np.asarray(steepness)
    h = np.asarray(half) ** np.asarray(steepness)
    return np.asarray((1.0 + h) * share / (share + h))


def expected(b: ArrayLike, p: Parameters) -> Array:
    """Share of the full expectancy effect at belief b: b itself, or `expectancy` of it, whichever is in force."""
    if in_force("expectancy") == "linear":
        return np.clip(np.asarray(b, dtype=np.float64), 0.0, 1.0)
    return expectancy(b, _column(p, "expectancy_half_belief"), _column(p, "expectancy_steepness"))


def expectancy_shares(
    name: str, felt: ArrayLike, p: Parameters, arm: Arm = "drug", elapsed: ArrayLike = np.inf
) -> Array:
    """Share of the full expectancy effect that each person expects at each time, (P, T); felt (P, T) as in `belief_course`.

    elapsed (T,) h since the first session began. Where belief follows the felt alone it is worked out where somebody feels more
    than ever before, and kept until then.
    """
    strongest = np.asarray(felt, dtype=np.float64)
    if in_force("belief") == "evidence":
        return expected(belief_course(name, strongest, p, arm, elapsed), p)
    news = np.ones(strongest.shape[1], dtype=bool)
    news[1:] = (strongest[:, 1:] != strongest[:, :-1]).any(axis=0)
    b = belief_course(name, strongest[:, news], p, arm)
    return np.take(expected(b, p), np.cumsum(news) - 1, axis=1)


def expectancy_course(times: ArrayLike, sessions: ArrayLike, shares: ArrayLike, p: Parameters) -> Array:
    """Drive from expectancy, (P, T); zero before the first session.

    Two parts, each renewed by every session: with u the time since the last session, e(t) what is expected now (`expectancy_shares`) and X
    what was left when it began,  X(u) = exp(-u / decay) [X exp(-u / onset) + e(t) (1 - exp(-u / onset))];
    drive = gain (sustained X_1 + transient X_2), the transient part with its own, short decay. A session leaves to the next one what is
    expected at its end.

    times (T,), sessions (S,) ascending, both h; shares (P, T) at those times. A session without any time inside is an error, because
    what was felt in it would silently count as nothing.
    """
    t = np.asarray(times, dtype=np.float64)
    starts = np.asarray(sessions, dtype=np.float64)
    expects = np.asarray(shares, dtype=np.float64)
    people = max(expects.shape[0], *(np.size(p[k]) for k in _EXPECTANCY_KEYS))
    expects = np.broadcast_to(expects, (people, expects.shape[1]))
    edges = np.append(np.searchsorted(t, starts, side="left"), len(t))
    if np.any(np.diff(edges[:-1]) < 1):
        late = starts[int(np.argmax(np.diff(edges[:-1]) < 1))]
        raise KetasimError(
            f"no time inside the session at {late:g} h",
            where="expectancy_course",
            allowed="times that cover the hours after every session",
        )
    onset = _column(p, "expectancy_onset")
    session = np.searchsorted(starts, t, side="right") - 1  # of every time; -1 before the first
    since = np.where(session >= 0, t - starts[session], 0.0)
    memory = _fall(since, onset)
    hoped = expects * (1.0 - memory)
    ends = expects[:, edges[1:-1] - 1]  # what is expected at the end of each session but the last
    drive = np.zeros((people, t.size))
    for size, decay in (
        ("expectancy_sustained", "expectancy_decay"),
        ("expectancy_transient", "expectancy_transient_decay"),
    ):
        loss = _column(p, decay)
        left = np.zeros((people, starts.size))  # of the part, when each session begins
        for j, gap in enumerate(np.diff(starts)):
            kept = np.exp(-gap / onset)
            left[:, j + 1 : j + 2] = np.exp(-gap / loss) * (
                left[:, j : j + 1] * kept + ends[:, j : j + 1] * (1.0 - kept)
            )
        course = np.take(left, session, axis=1)
        course *= memory
        course += hoped
        course *= _fall(since, loss) * _column(p, size)
        drive += course
    drive[:, session < 0] = 0.0
    drive *= _column(p, "expectancy_gain")
    return drive


def _fall(hours: Array, time_constant: Array) -> Array:
    """exp(-t / tau), (1 or P, T); hours (T,), time_constant (1 or P, 1)."""
    exponent = np.asarray(-hours / time_constant)
    return np.asarray(np.exp(exponent, out=exponent))


_EXPECTANCY_KEYS = (
    "expectancy_gain",
    "expectancy_sustained",
    "expectancy_transient",
    "expectancy_decay",
    "expectancy_transient_decay",
    "expectancy_onset",
)


def care_course(name: str, times: ArrayLike, p: Parameters, new_antidepressant: float | None = None) -> Array:
    """Drive from everything but drug and belief, (P, T) or (1, T) if no parameter differs between people.

    Always: care and regression to the mean, r (1 - exp(-t / onset)). By setting: the quick fall of an admission in crisis
    and the bonus of open treatment. `new_antidepressant`: time in h at which a new oral antidepressant (or its
    placebo) is begun, None if none is; hope and care around the new tablets rise over days in both arms.
    """
    where = setting(name)
    t = np.asarray(times, dtype=np.float64).reshape(1, -1)
    drive = _column(p, "care_rise") * _rise(t, _column(p, "care_onset"))
    gain = _column(p, "expectancy_gain")
    if in_force("care") == "programme" and where.programme:
        drive = drive + _column(p, "programme_rise") * _rise(t, _column(p, "care_onset"))
    if in_force("care") == "slow":
        drive = drive + _column(p, "care_slow_rise") * _rise(t, _column(p, "care_slow_onset"))
    if where.crisis:
        drive = drive + _column(p, "crisis_rise") * gain * _rise(t, _column(p, "crisis_onset"))
    if where.open_label:
        drive = drive + _column(p, "open_label_bonus") * _rise(t, _column(p, "open_label_onset"))
    if new_antidepressant is not None:
        rise = _rise(t - new_antidepressant, _column(p, "new_antidepressant_onset"))
        drive = drive + _column(p, "new_antidepressant_rise") * gain * rise
    return np.asarray(drive)


def setting_drive(
    name: str,
    times: ArrayLike,
    sessions: ArrayLike,
    felt: ArrayLike,
    p: Parameters,
    arm: Arm = "drug",
    new_antidepressant: float | None = None,
    fixed_belief: ArrayLike | None = None,
    grid: BoolArray | None = None,
    anew: ArrayLike = (),
) -> Array:
    """Everything that lifts mood besides the drug, (P, T): expectancy plus care. Nothing at a time depends on anything later.

    times (T,), sessions (S,) h; felt (P, T) what this arm feels at those times, in CADSS points (zeros for a placebo). `arm`: the comparator
    arm additionally feels the setting's comparator. `fixed_belief` (scalar or (P,)) replaces the belief at all times, as in a perfectly masked
    trial. grid, anew : as in `felt_since`. No session, no expectancy: care alone is left.
    """
    starts = np.asarray(sessions, dtype=np.float64)
    if starts.size and np.any(np.diff(starts) <= 0):
        raise KetasimError("the sessions must be ascending and distinct", where="setting_drive")
    care = care_course(name, times, p, new_antidepressant)
    if starts.size == 0:
        return care
    if fixed_belief is None:
        strongest, elapsed = felt_since(times, felt, starts, grid, anew)
        shares = expectancy_shares(name, strongest, p, arm, elapsed)
    else:
        believed = np.asarray(fixed_belief, dtype=np.float64).reshape(-1, 1)
        shares = np.broadcast_to(expected(believed, p), (np.asarray(felt).shape[0], np.size(times)))
    return expectancy_course(times, starts, shares, p) + care


def age_factor(age: ArrayLike, p: Parameters) -> Array:
    """Factor on the whole drive L by age, (P,): exp(-s max(age - a, 0) / 10), s per decade beyond the age a; 1 where age has no part."""
    years = np.asarray(age, dtype=np.float64)
    if in_force("age") == "none":
        return np.ones(years.shape)
    beyond = np.maximum(years - np.asarray(p["age_of_decline"]), 0.0) / 10.0
    return np.asarray(np.exp(-np.asarray(p["age_decline"]) * beyond))


def setting_factor(name: str, p: Parameters) -> Array:
    """Factor on the whole drive L, (1, 1) or (P, 1): below 1 in routine practice, 1 in every other setting, times `age_factor`."""
    factor = _column(p, "routine_factor") if setting(name).routine else np.ones((1, 1))
    return factor * _column(p, "age_factor") if "age_factor" in p else factor
