"""Replicates: participants drawn from a pool, randomised, rated at visits, lost on the way. Replicate k can be made alone.

Everything random of replicate k belongs to (seed, purpose, k, participant): it is the same whatever other replicates, sizes, endpoints or
analyses are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from ketasim.core import UsageError, inverse_normal, output, stream, value
from ketasim.core.arrays import Array, BoolArray, IntArray
from ketasim.ratings.mood import Between, Drives, latent
from ketasim.ratings.observation import ideation_scores, madrs_scores
from ketasim.ratings.scales import SELF_RATED, per_point, rater_factor
from ketasim.ratings.thoughts import item_before
from ketasim.ratings.wander import RatingNoise, at_visits

from .between import drug_size, felt_size, setting_shift
from .design import Design, words_of
from .draws import Draws
from .dropout import leave
from .plan import FELT, IDEATION, REPORTS
from .pool import Pool
from .rules import Rule, condition


@dataclass(frozen=True)
class Replicates:
    """R replicates of N participants at V visits.

    arm (R, N) 0 = comparator; who (R, N) index in the pool; baseline (R, N) points of the design's scale; score (R, N, V) what would be rated,
    on that scale (thoughts of suicide where they are the endpoint); seen (R, N, V); gone (R, N) first visit missed for good, V if none;
    guess (R, N) guesses that it had the drug; felt and cadss (R, N, V) as in `Pool`; covariates name -> (R, N); beside (R, N, V): of an endpoint that is no score of
    mood, what a person has by the visit (1 reported, 0 not; points of the strongest dissociation), whether or not they come; empty (R, N, 0) otherwise.
    """

    numbers: tuple[int, ...]
    arm: IntArray
    who: IntArray
    site: IntArray
    baseline: Array
    score: Array
    seen: BoolArray
    gone: IntArray
    guess: BoolArray
    felt: Array
    cadss: Array
    covariates: dict[str, Array]
    asked: NDArray[
        np.int64
    ]  # (R,) people who had to begin so that N could be randomised (more than N where only the stable are)
    beside: Array

    def only(self, rows: IntArray) -> Replicates:
        """Some replicates, by their place."""
        return self._each(lambda x: x[rows], tuple(self.numbers[int(r)] for r in rows))

    def people(self, start: int, stop: int) -> Replicates:
        """Participants `start` to `stop` - 1 of every replicate, in the order of joining."""
        return self._each(lambda x: x[:, start:stop] if x.ndim > 1 else x, self.numbers)

    def _each(self, part: Callable[[NDArray], NDArray], numbers: tuple[int, ...]) -> Replicates:  # type: ignore[type-arg]
        rows = {f.name: getattr(self, f.name) for f in fields(self)}
        own = {name: part(x) for name, x in rows.items() if name not in ("numbers", "covariates")}
        return Replicates(numbers=numbers, covariates={k: part(x) for k, x in self.covariates.items()}, **own)

    @property
    def change(self) -> Array:
        """Observed change from baseline, (R, N, V); nan = not seen."""
        return np.where(self.seen, self.score - self.baseline[..., None], np.nan)


def joined(parts: Sequence[Replicates]) -> Replicates:
    """Several sets of replicates as one, in the order of their numbers."""
    order = np.argsort(np.concatenate([part.numbers for part in parts]), kind="stable")

    def together(name: str) -> NDArray:  # type: ignore[type-arg]
        return np.asarray(np.concatenate([getattr(part, name) for part in parts])[order])

    numbers = np.concatenate([part.numbers for part in parts])[order]
    covariates = {key: np.concatenate([part.covariates[key] for part in parts])[order] for key in parts[0].covariates}
    rows = {f.name: together(f.name) for f in fields(Replicates) if f.name not in ("numbers", "covariates")}
    return Replicates(numbers=tuple(int(k) for k in numbers), covariates=covariates, **rows)


def allocate(design: Design, draws: Draws, strata: IntArray) -> IntArray:
    """Arm of every participant, (R, N): permuted blocks within strata; a draw of its own for each where ratios are fractional.

    strata (R, N). Work is bounded: one pass over the participants, whatever ratios and strata are.
    """
    crossed = design.kind == "crossover"
    ratio = np.array([1.0 if crossed else design.arm(name).ratio for name in design.names], dtype=np.float64)
    u = draws.uniform("allocation")
    if not all(r.is_integer() for r in ratio.tolist()) or ratio.sum() > draws.n:
        edges = np.cumsum(ratio) / ratio.sum()
        return np.minimum(np.searchsorted(edges, u), len(ratio) - 1).astype(np.int64)
    times = max(design.block // round(ratio.sum()), 1)
    content = (ratio * times).astype(np.int64)
    size = int(content.sum())
    rank = np.zeros(u.shape, dtype=np.int64)  # of each participant within his stratum, in the order of joining
    for s in np.unique(strata):
        own = strata == s
        rank[own] = (np.cumsum(own, axis=1) - 1)[own]
    key = (np.arange(u.shape[0])[:, None] * (int(strata.max()) + 1) + strata) * (draws.n + 1) + rank // size
    block = np.unique(key, return_inverse=True)[1].reshape(u.shape)
    left = np.tile(content, (int(block.max()) + 1, 1))
    found = np.zeros(u.shape, dtype=np.int64)
    for place in range(size):  # one after the other, so that a trial cut at any n is the beginning of a longer one
        r, i = np.nonzero(rank % size == place)
        mine = block[r, i]
        upto = np.cumsum(left[mine], axis=1)
        chosen = (u[r, i, None] * upto[:, -1:] >= upto).sum(axis=1)
        found[r, i] = chosen
        left[mine, chosen] -= 1
    return found


def replicates(design: Design, pool: Pool, seed: int, numbers: Sequence[int], n: int) -> Replicates:
    """Replicates `numbers` of this design with n participants, from the pool of one world.

    Where only stable people are randomised, n of them are: as many begin as that takes, at most 32 n. Raises UsageError where that is not enough.
    """
    if not design.stable:
        return _replicates(design, pool, seed, numbers, n)
    for begin in (2 * n, 4 * n, 8 * n, 16 * n, 32 * n):
        found = _replicates(design, pool, seed, numbers, begin)
        stable = _stable(design, found)
        if (stable.sum(axis=1) >= n).all():
            return _some(found, stable, n)
    raise UsageError(
        f"fewer than 1 in 32 people are stable ({design.stable} at {words_of(design.from_h)}): nobody is left to randomise",
        where="[withdrawal] stable",
        allowed="a condition that more people meet",
        fix='stable = "change_percent <= -30"',
    )


def _stable(design: Design, found: Replicates) -> BoolArray:
    """Who was seen at the visit of the randomisation and meets the condition by what was measured then, (R, N)."""
    read = condition(design.stable)
    assert read is not None
    at = int(np.argmin(np.abs(np.array(design.readings_h) - design.from_h)))
    score = np.where(found.seen[..., at], found.score[..., at], np.nan)
    change = score - found.baseline
    measured = {"score": score, "change": change, "change_percent": 100.0 * change / found.baseline}
    return Rule((design.from_h,), *read).holds(measured)


def _some(found: Replicates, keep: BoolArray, n: int) -> Replicates:
    """The first n people of every replicate that are kept."""
    order = np.argsort(~keep, axis=1, kind="stable")[:, :n]

    def part(rows: NDArray) -> NDArray:  # type: ignore[type-arg]
        if rows.ndim == 1:  # `asked`, one number for a replicate
            return rows
        index = order if rows.ndim == 2 else order[..., None]
        return np.asarray(np.take_along_axis(rows, index, axis=1))

    return replace(found._each(part, found.numbers), asked=order[:, -1] + 1)


def _replicates(design: Design, pool: Pool, seed: int, numbers: Sequence[int], n: int) -> Replicates:
    """Replicates in which everybody who begins is randomised."""
    draws = Draws(seed, tuple(numbers), n)
    who = np.minimum((draws.uniform("participant") * pool.people).astype(np.int64), pool.people - 1)
    site = np.minimum((draws.uniform("site") * design.sites).astype(np.int64), design.sites - 1)
    madrs = pool.baseline[who]
    people = {key: pool.quantities[key][who] for key in ("age", "weight")} | {
        "severity": (madrs >= value("typical_madrs").value).astype(np.float64),
        "sex": (pool.quantities["women"][who] > 0.5).astype(np.float64),
    }
    arm = allocate(design, draws, strata_numbers(design.strata, site, people))
    score = _scores(design, pool, draws, who, arm, _shift(design, draws, site))
    thoughts = design.endpoint.measure in IDEATION
    points = 1.0 if thoughts else per_point(design.scale)
    baseline = item_before(design.setting, pool.p)[who] if thoughts else madrs / points
    felt = pool.felt[arm, who]
    visits = np.array(design.readings_h)
    change = score - baseline[..., None]
    u = np.stack([draws.uniform(f"leaving before {t:g} h") for t in visits], axis=-1)
    gone = leave(design.dropout, visits, change, felt, u)
    seen = np.arange(len(visits)) < gone[..., None]
    if design.missing:
        missed = np.stack([draws.uniform(f"missed visit {t:g} h") for t in visits], axis=-1) < design.missing
        seen = seen & ~missed
    last = np.clip(gone - 1, 0, len(visits) - 1)
    believed = np.take_along_axis(pool.belief[arm, who], last[..., None], axis=-1)[..., 0]
    return Replicates(
        numbers=tuple(int(k) for k in numbers),
        arm=arm,
        who=who,
        site=site,
        baseline=baseline,
        score=score,
        seen=seen,
        gone=gone,
        guess=draws.uniform("guess") < believed,
        felt=felt,
        cadss=pool.cadss[arm, who],
        covariates={"baseline": baseline} | people,
        asked=np.full(len(numbers), n, dtype=np.int64),
        beside=_beside(design, pool, draws, who, arm),
    )


def _beside(design: Design, pool: Pool, draws: Draws, who: IntArray, arm: IntArray) -> Array:
    """What an endpoint beside mood has come to by each visit, (R, N, V); see `Replicates`.

    A report that has a chance c_j by visit j has happened by j where u < c_j, u one number of this person for this event: it stays once it is there.
    Trials differ in how they ask: logit c + tau z, z of this trial.
    """
    measure = design.endpoint.measure
    if measure in FELT:
        rated = felt_size(design, draws.single("rating of dissociation in the trial"))
        points = np.minimum(pool.cadss[arm, who] * rated[:, None, None], output("cadss").high or math.inf)
        return points if measure == "cadss" else (points > design.endpoint.cut).astype(np.float64)
    if measure not in pool.reports:
        return np.zeros((*who.shape, 0))
    chance = pool.reports[measure][arm, who]
    if design.study_effects and measure in REPORTS:
        habit = value("tau_report").value * draws.single("how reports are asked for in the trial")
        chance = expit(logit(chance) + habit[:, None, None])
    return (draws.uniform(f"report {measure}")[..., None] < chance).astype(np.float64)


def strata_numbers(names: Sequence[str], site: IntArray, covariates: Mapping[str, Array]) -> IntArray:
    """One number per stratum, from 0, (R, N): cells of site, severity (baseline at or above that of the typical person) and sex, as far as they are named."""
    found = np.zeros(site.shape, dtype=np.int64)
    for name in names:
        own = site if name == "site" else covariates[name].astype(np.int64)
        found = found * (int(own.max(initial=0)) + 1) + own
    return np.unique(found, return_inverse=True)[1].reshape(found.shape).astype(np.int64)


def _shift(design: Design, draws: Draws, site: IntArray) -> Array:
    """Shift of everybody's drive at the visits, (R, N, V): of this trial among trials, and of the site."""
    own = draws.single("setting of the trial"), draws.single("late setting of the trial")
    trial = setting_shift(design, design.readings_h, *own)
    found = np.repeat(trial[:, None], draws.n, axis=1)
    if design.site_sd:
        for r, k in enumerate(draws.replicates):
            numbers = stream(draws.seed, f"trial sites of replicate {k}", design.sites)
            found[r] += design.site_sd * inverse_normal(numbers)[site[r]][:, None]
    return found


def _scores(design: Design, pool: Pool, draws: Draws, who: IntArray, arm: IntArray, shift: Array) -> Array:
    """Rated scores at the visits, (R, N, V), on the design's scale (item points for thoughts of suicide)."""
    rows, visits = who.size, len(design.readings_h)
    index, arms = who.ravel(), arm.ravel()
    p = {key: number[index] for key, number in pool.p.items()}
    drug = drug_size(design, draws.single("drug part of the trial"))
    factor = np.repeat(drug, draws.n)[:, None]
    if (
        pool.flexed
    ):  # the scores that the rules have seen: this trial's effects and everybody's noise belong to the pool
        factor, shift = (
            np.full((rows, 1), pool.flexed[0].factor),
            np.broadcast_to(pool.flexed[0].shift, (*who.shape, visits)),
        )
    between = Between(shift=shift.reshape(rows, -1), rater=rater_factor(design.scale in SELF_RATED))
    none = np.zeros((1, visits))
    drives = Drives(pool.mood[arms, index] * factor, pool.ideation[arms, index] * factor, pool.ssri[arms, index], none)
    hoped = pool.hoped[arms, index]
    size = {key: float(pool.p[key].flat[0]) for key in ("wander_sd", "wander_time", "course_sd", "course_onset")}
    if pool.flexed:
        there = latent(design.setting, drives, hoped, p, between)
        kept = pool.flexed[0]
        found = madrs_scores(there, pool.baseline[index], p, kept.own[index], kept.noise[index])
        return (found / per_point(design.scale)).reshape(*who.shape, visits)
    own = at_visits(lambda purpose: draws.normal(purpose).ravel(), design.readings_h, **size)
    if design.endpoint.measure in IDEATION:
        there = latent(design.setting, drives, hoped, p, between, ideation=True)
        other = at_visits(lambda purpose: draws.normal(f"ideation {purpose}").ravel(), design.readings_h, **size)
        item = item_before(design.setting, p)
        return ideation_scores(there, item, p, own, other).reshape(*who.shape, visits)
    there = latent(design.setting, drives, hoped, p, between)
    visits_h = design.readings_h
    noise = RatingNoise.of(pool.p, one=True).drawn(lambda purpose: draws.normal(purpose).ravel(), visits_h, visits_h)
    found = madrs_scores(np.broadcast_to(there, (rows, visits)), pool.baseline[index], p, own, noise)
    return (found / per_point(design.scale)).reshape(*who.shape, visits)
