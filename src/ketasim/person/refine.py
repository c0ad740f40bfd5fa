"""Where no member of the pool is near a person: the pool is moved towards him, step by step, and it is said how far it had to go.

Tempered sequential Monte Carlo (Del Moral, Doucet, Jasra 2006, doi:10.1111/j.1467-9868.2006.00553.x): weights with the likelihood to a power that rises from 0 to 1
so that at least half of the members stay effective, a resample, and moves that leave that distribution as it is:

    z' = sqrt(1 - b^2) z + b xi                preconditioned Crank-Nicolson on every standard normal effect; accepted by the likelihood alone
    row' ~ uniform                              another hypothesis, draw and body, accepted by likelihood and weight of the row

Bodies (what is integrated) move in the same way where levels were measured, each move one integration of the history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ketasim.core import normals, value
from ketasim.core.arrays import Array, BoolArray, IntArray
from ketasim.people.cohort import varying

from .pareto import effective, normalised, systematic
from .pool import CLINIC, MINDS_OF, Pool, Varied

LEAST_EFFECTIVE = 0.5  # of the members stay effective from one power to the next
MOST_STEPS = 60
MOVES = 4  # the last of them also to another row
STEPS = (0.15, 0.4, 0.8)  # b of the moves
LEAST_ACCEPTED = 0.02
SEED = 16

type Likelihood = Callable[[Pool], Array]
type BodyLikelihood = Callable[[Pool], Array]


@dataclass(frozen=True)
class Refined:
    """The moved pool, equally weighted; steps : powers taken; accepted : share of the moves; furthest : effect -> mean over the members, in SD.

    reason : why it is not to be trusted, empty if it is.
    """

    pool: Pool
    steps: int
    accepted: float
    furthest: Mapping[str, float]
    reason: str = ""


def refine(pool: Pool, likelihood: Likelihood) -> Refined:
    """Move members towards what was observed. likelihood : pool -> log likelihood of every member (N,)."""
    generator = np.random.Generator(np.random.Philox(key=SEED))
    count = len(pool)
    log_weight = pool.log_weight.copy()
    here = likelihood(pool)
    if not np.isfinite(here).any():
        return Refined(pool, 0, 0.0, {}, "nobody in the pool could give these numbers")
    power, step, tried, taken = 0.0, 0, 0, 0
    while True:
        gain = next_power(log_weight, here, power, LEAST_EFFECTIVE if step else LEAST_EFFECTIVE / 2)
        log_weight = log_weight + np.where(np.isfinite(here), (gain - power) * here, -np.inf)
        power = gain
        picks = systematic(normalised(log_weight), count, generator.random())
        pool, here = pool.among(picks), here[picks]
        log_weight = np.zeros(count)
        for move in range(MOVES):
            b = STEPS[move % len(STEPS)]
            row = generator.integers(len(pool.rows), size=count) if move == MOVES - 1 else pool.row
            there = pool.with_minds(*_proposed(pool, b if move < MOVES - 1 else STEPS[0], generator), row)
            new = likelihood(there)
            prior = pool.rows.log_weight[row] - pool.rows.log_weight[pool.row]
            with np.errstate(invalid="ignore"):
                accept = np.log(generator.random(count)) < power * (new - here) + prior
            pool, here = _chosen(pool, there, accept), np.where(accept, new, here)
            tried, taken = tried + count, taken + int(accept.sum())
        step += 1
        if power >= 1.0 or step >= MOST_STEPS:
            break
    furthest = {key: float(z.mean()) for key, z in {**pool.minds.moved, **pool.clinic}.items()}
    reason = ""
    if power < 1.0:
        reason = f"after {MOST_STEPS} steps the pool had gone only {power:.0%} of the way to these numbers"
    elif taken < LEAST_ACCEPTED * tried:
        reason = f"only {taken / tried:.1%} of the moves were possible"
    else:
        reason = too_far(furthest)
    return Refined(pool, step, taken / max(tried, 1), furthest, reason)


def too_far(furthest: Mapping[str, float]) -> str:
    """Why a person lies outside everybody the model knows; empty if he does not."""
    limit = value("person.far_effect").value
    out = {key: z for key, z in furthest.items() if abs(z) > limit}
    if not out:
        return ""
    key = max(out, key=lambda k: abs(out[k]))
    return f"they ask for {key.replace('_', ' ')} {out[key]:+.1f} SD from all people, beyond the {limit:g} that the model is used for"


def next_power(log_weight: Array, log_likelihood: Array, power: float, least: float) -> float:
    """The largest power up to 1 that leaves `least` of the members effective."""
    finite = np.where(np.isfinite(log_likelihood), log_likelihood, -np.inf)

    def left(to: float) -> float:
        with np.errstate(invalid="ignore"):
            return effective(log_weight + np.where(np.isfinite(finite), (to - power) * finite, -np.inf))

    start = min(effective(log_weight), float(np.isfinite(finite).sum()))
    wanted = least * start
    if left(1.0) >= wanted:
        return 1.0
    low, high = power, 1.0
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (middle, high) if left(middle) >= wanted else (low, middle)
    return max(low, power + 1e-6)


def _proposed(pool: Pool, b: float, generator: np.random.Generator) -> tuple[dict[str, Array], dict[str, Array]]:
    keep, count = np.sqrt(1.0 - b * b), len(pool)
    moved = {key: keep * pool.minds.moved[key] + b * generator.standard_normal(count) for key in MINDS_OF}
    clinic = {key: keep * pool.clinic[key] + b * generator.standard_normal(count) for key in CLINIC}
    return moved, clinic


def _chosen(here: Pool, there: Pool, accept: BoolArray) -> Pool:
    """Each member as proposed where accepted, else as it was."""
    moved = {key: np.where(accept, there.minds.moved[key], z) for key, z in here.minds.moved.items()}
    clinic = {key: np.where(accept, there.clinic[key], z) for key, z in here.clinic.items()}
    row = np.where(accept, there.row, here.row)
    return here.with_minds(moved, clinic, row)


def body_keys(pool: Pool, parameters: Mapping[str, object]) -> tuple[str, ...]:
    """Effects of a body that can move: of every value of the equations that differs between people, and body weight where it is not known."""
    keys = {key[2:] if key[:2] in ("s_", "r_") else key for key in varying(parameters.values())}  # type: ignore[arg-type]
    if pool.bodies.traits.weight is None:
        keys.add("population_weight")
    return tuple(sorted(keys - set(MINDS_OF)))


def with_bodies(pool: Pool, moved: Mapping[str, Array]) -> Pool:
    """The pool with other bodies, (J,) effects each."""
    bodies = pool.bodies
    return replace(
        pool, bodies=Varied(bodies.seed, bodies.person, bodies.traits, dict(bodies.moved) | dict(moved), bodies.scale)
    )


def refine_bodies(
    pool: Pool, keys: tuple[str, ...], likelihood: BodyLikelihood, steps: tuple[float, ...] = STEPS
) -> Refined:
    """Move the bodies of the rows towards measured levels. likelihood : pool -> log likelihood of every row (J,), one integration.

    Rows are resampled with their numbers, so that hypotheses and draws that suit the levels are there more often; members are spread anew over the rows.
    """
    generator = np.random.Generator(np.random.Philox(key=SEED + 1))
    count = len(pool.rows)
    moved = {key: normals(pool.bodies.seed, f"people.{key}", pool.bodies.person) for key in keys}
    pool = with_bodies(pool, moved)
    here = likelihood(pool)
    if not np.isfinite(here).any():
        return Refined(pool, 0, 0.0, {}, "no body in the pool could give these levels")
    log_weight, power, step, tried, taken = pool.rows.log_weight.copy(), 0.0, 0, 0, 0
    while True:
        gain = next_power(log_weight, here, power, LEAST_EFFECTIVE)
        log_weight = log_weight + np.where(np.isfinite(here), (gain - power) * here, -np.inf)
        power = gain
        picks = systematic(normalised(log_weight), count, generator.random())
        pool, here = resampled_rows(pool, picks), here[picks]
        log_weight = np.zeros(count)
        for b in steps:
            keep = np.sqrt(1.0 - b * b)
            proposal = {key: keep * pool.bodies.moved[key] + b * generator.standard_normal(count) for key in keys}
            there = with_bodies(pool, proposal)
            new = likelihood(there)
            accept = np.log(generator.random(count)) < power * (new - here)
            pool = with_bodies(pool, {key: np.where(accept, proposal[key], pool.bodies.moved[key]) for key in keys})
            here = np.where(accept, new, here)
            tried, taken = tried + count, taken + int(accept.sum())
        step += 1
        if power >= 1.0 or step >= MOST_STEPS // 2:
            break
    furthest = {key: float(z.mean()) for key, z in pool.bodies.moved.items()}
    reason = (
        f"after {step} steps the pool had gone only {power:.0%} of the way to these levels"
        if power < 1.0
        else too_far(furthest)
    )
    return Refined(pool, step, taken / max(tried, 1), furthest, reason)


def resampled_rows(pool: Pool, picks: IntArray) -> Pool:
    """The pool on resampled rows, all of one weight; members keep their minds and their place."""
    rows = replace(pool.rows.only(picks), log_weight=np.zeros(len(picks)))
    bodies = Varied(
        pool.bodies.seed,
        pool.bodies.person[picks],
        pool.bodies.traits,
        {key: z[picks] for key, z in pool.bodies.moved.items()},
        {key: ratio[picks] for key, ratio in pool.bodies.scale.items()},
    )
    scale = {key: ratio[pool.row] for key, ratio in bodies.scale.items()}
    minds = replace(pool.minds, scale=scale)
    return replace(pool, rows=rows, bodies=bodies, minds=minds, log_weight=np.zeros(len(pool)))
