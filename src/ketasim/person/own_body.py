"""One person's most likely body from his levels: empirical Bayes, as in therapeutic drug monitoring.

The mode of the random effects e (standard normal) given the logarithms y of the levels:  (y - f(e))' S^-1 (y - f(e)) + e'e, where f is the chain and S the covariance of
assay, occasion and sample; the spread at the mode is that of the quadratic there (Laplace).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ketasim.core import UsageError, value
from ketasim.core.arrays import Array
from ketasim.dose import parse
from ketasim.forward import Forward
from ketasim.people import Traits

from .beliefs import beliefs
from .given import Given, Placed
from .observed import level_course, level_noise, route_of
from .own_table import SCORE, OwnPerson, OwnValue, ports_of
from .pool import Pool, Seen, integrate
from .refine import body_keys, with_bodies

GN_STEPS = 25
STEP = 1e-3
SAME = 1e-6  # of the objective: nearer than the integration is exact


@dataclass(frozen=True)
class Estimate:
    """Mode of the random effects of one person: effects (p,) in SD, their covariance (p, p), predictions (n,) there, steps taken.

    usual (n,) : predictions without any effect.
    """

    effects: Array
    covariance: Array
    predicted: Array
    steps: int
    usual: Array


def most_likely(predict: Callable[[Array], Array], y: Array, covariance: Array, size: int) -> Estimate:
    """Mode of  (y - f(e))' S^-1 (y - f(e)) + e'e  by Gauss-Newton with halved steps.

    predict : effects (m, p) -> f (m, n), rows independent; y (n,); covariance S (n, n) of the residual; size p. Covariance of the estimate:
    (I + J' S^-1 J)^-1 at the mode (Laplace).
    """
    inverse = np.linalg.inv(covariance)
    at = np.zeros(size)
    eye = np.eye(size)

    def objective(f: Array, e: Array) -> float:
        r = y - f
        return float(r @ inverse @ r + e @ e)

    information, usual = eye, np.zeros(len(y))
    steps = 0
    while steps < GN_STEPS:
        steps += 1
        table = predict(np.vstack([at, at + STEP * eye, at - STEP * eye]))
        if steps == 1:
            usual = table[0]
        f, jacobian = table[0], (table[1 : size + 1] - table[size + 1 :]).T / (2.0 * STEP)
        information = eye + jacobian.T @ inverse @ jacobian
        move = np.linalg.solve(information, jacobian.T @ inverse @ (y - f) - at)
        shares = 0.5 ** np.arange(8)
        tried = predict(at + shares[:, None] * move)
        values = [objective(g, at + share * move) for g, share in zip(tried, shares, strict=True)]
        best = int(np.argmin(values))
        before = objective(f, at)
        if values[best] >= before:
            break
        at = at + shares[best] * move
        if values[best] >= before - SAME:
            break
    return Estimate(at, np.linalg.inv(information), predict(at[None])[0], steps, usual)


def _levels(person: OwnPerson) -> list[OwnValue]:
    """Levels above the limit."""
    return [v for v in person.values if v.name != SCORE and not v.below]


def empirical_bayes(person: OwnPerson) -> tuple[Estimate, tuple[str, ...]]:
    """One person's most likely body from his levels: random effects (SD) by name, at the shipped numbers; `most_likely` on logarithms.

    Assay, occasion and sample are the residual, with the same covariance as in a forecast. Raises UsageError without levels.
    """
    levels = _levels(person)
    if not levels:
        raise UsageError("no level above the limit", where=person.name, allowed="at least one level")
    times = np.array(sorted({v.time_h for v in levels}))
    way = Given(tuple(Placed(parse(dose.words), dose.time_h) for dose in person.doses), max(float(times[-1]), 1.0))
    grid = way.grid(times)
    base = Pool.of(Traits(weight=person.weight or 70.0, age=person.age or 45.0), 1, 1)
    numbers = Forward.of(way.deliveries(np.array([person.weight or 70.0])), variants=beliefs().variants).numbers
    keys = body_keys(base, numbers)

    def predict(effects: Array) -> Array:
        count = len(effects)
        rows = base.rows.only(np.zeros(count, dtype=np.int64))
        pool = Pool(rows, base.bodies, np.arange(count), base.minds, base.clinic, np.zeros(count))
        pool = with_bodies(_repeated(pool, count), {key: effects[:, i] for i, key in enumerate(keys)})
        seen = Seen(pool, integrate(pool, [way], grid, ports_of(levels)), 0, "open")
        return np.log(
            np.stack([level_course(seen, v.name, seen.arms.columns([v.time_h]))[:, 0] for v in levels], axis=1)
        )

    return most_likely(predict, np.log([v.value for v in levels]), residual(levels, way), len(keys)), keys


def residual(levels: Sequence[OwnValue], way: Given) -> Array:
    """Covariance of the logarithms of levels around the course of a body: assay of the clinic, occasion, sample."""
    assay, occasion, sample = level_noise(route_of(way))
    session = np.searchsorted(way.noticed.sessions, [v.time_h + 1e-9 for v in levels])
    same = session[:, None] == session[None, :]
    return np.asarray(assay**2 + occasion**2 * same + sample**2 * np.eye(len(levels)))


def _repeated(pool: Pool, count: int) -> Pool:
    bodies = replace(pool.bodies, person=np.zeros(count, dtype=np.int64), scale={})
    return replace(pool, bodies=bodies)


def named(estimate: Estimate, keys: Sequence[str]) -> Mapping[str, float]:
    """Effects by name, largest first."""
    order = np.argsort(-np.abs(estimate.effects))
    return {keys[i]: float(estimate.effects[i]) for i in order}


def bodies(people: Sequence[OwnPerson], progress: Callable[[float], None] | None = None) -> list[dict[str, Any]]:
    """The most likely body of everybody with a level, as plain data: effects in SD with their spread, what they mean for each number, levels as measured, usual and own."""
    found = []
    for place, person in enumerate(people):
        levels = _levels(person)
        if levels:
            found.append(_plain(person, levels, *empirical_bayes(person)))
        if progress:
            progress((place + 1) / len(people))
    return found


def _plain(person: OwnPerson, levels: Sequence[OwnValue], estimate: Estimate, keys: Sequence[str]) -> dict[str, Any]:
    spread = dict(zip(keys, np.sqrt(np.diag(estimate.covariance)).tolist(), strict=True))
    return {
        "person": person.name,
        "effects": [
            {"name": name, "label": _label(name), "sd": effect, "spread": spread[name]}
            for name, effect in named(estimate, keys).items()
        ],
        "levels": [
            {"line": v.line, "time_h": v.time_h, "name": v.name, "value": v.value, "usual": usual, "own": own}
            for v, usual, own in zip(
                levels, np.exp(estimate.usual).tolist(), np.exp(estimate.predicted).tolist(), strict=True
            )
        ],
        "steps": estimate.steps,
    }


def _label(name: str) -> str:
    """What a random effect is of; the enantiomers share one, so the label of the S one stands for it."""
    for key in (name, f"s_{name}"):
        try:
            return value(key).label
        except UsageError:
            continue
    return name
