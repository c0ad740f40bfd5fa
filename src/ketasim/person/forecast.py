"""A forecast for one person: what was believed, what the observations change, and what may follow under several options.

    import ketasim
    found = ketasim.forecast("person.toml", ["stop", "esketamine nasal 56 mg weekly x 4"])
    found["options"][0]["response"]["probability"]

Members of a pool are weighted by the likelihood of everything observed in the person (importance sampling). Where the weights are not to be trusted
(Pareto k above 0.7) the pool is moved towards the person; where that fails the forecast is refused with the reason. Nothing of a person is written
anywhere: what is kept on disk is the compiled model and the weights of the hypotheses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ketasim._version import __version__
from ketasim.core import UsageError, chi_square_above, inverse_normal, normals, value
from ketasim.core.arrays import Array
from ketasim.core.kept import keep_parsed
from ketasim.core.records import NOTICE
from ketasim.dose import Regimen
from ketasim.ratings.observation import link

from .beliefs import beliefs
from .case import Case, case_of
from .file import person_of, read_person
from .given import Given, Placed
from .likelihood import Conditioned, Noise
from .observed import THOUGHTS, Learned, Observation, learn
from .options import LEAST_DAYS, MOST_DAYS, Ahead, Future, Looks, Option, arms_of, evaluate, read_option
from .pareto import TRUSTED, effective, normalised, systematic, tail_shape
from .pool import ROWS, Arms, Pool, Seen, integrate
from .records import HOURS_PER_DAY, Person
from .refine import Refined, body_keys, refine, refine_bodies
from .value import applied, would_help

DAYS = 28.0
MEMBERS = 1200  # that the options are worked out for
MOST_OPTIONS = 12


@dataclass(frozen=True)
class Posterior:
    """What is believed of a person after the observations.

    pool, known : members with their weights (`log_weight`), and their ratings so far. learned : likelihoods of every observation, before any refinement.
    pareto_k : of the weights that are used. method : "prior" | "importance" | "refined" | "refused". reason : why it is refused, empty if it is not.
    first : the pool with its courses before any refinement.
    """

    seen: Seen
    known: Conditioned
    learned: Learned
    log_weight: Array
    pareto_k: float
    pool_k: float
    method: str
    refined: Refined | None = None
    reason: str = ""
    first: Seen | None = None

    @property
    def weights(self) -> Array:
        """Normalised weights of the members (N,)."""
        return normalised(self.log_weight)


def posterior_of(case: Case, pool: Pool | None = None, seed_rows: int = ROWS, look_h: float | None = None) -> Posterior:
    """Weigh a pool by what was observed; refine it where the weights are not to be trusted. look_h : a later time that the courses reach."""
    pool = Pool.of(case.traits, seed_rows) if pool is None else pool
    seen = _history(pool, case, look_h)
    return replace(_weighed(case, pool, seen), first=seen)


def _weighed(case: Case, pool: Pool, seen: Seen) -> Posterior:
    found = learn(seen, case.observations, case.baseline)
    log_weight = pool.log_weight + np.where(np.isnan(found.total), -np.inf, found.total)
    log_weight = np.where(seen.arms.failed[pool.row], -np.inf, log_weight)
    if not case.observations:
        return Posterior(seen, found.mood, found, log_weight, -math.inf, -math.inf, "prior")
    k = tail_shape(log_weight)
    far = too_strange(found, pool.log_weight)
    if far:
        return Posterior(seen, found.mood, found, log_weight, math.inf, k, "refused", None, far)
    enough = effective(log_weight) >= MEMBERS / 40
    if k <= TRUSTED and enough and _bodies(found, seen) >= LEAST_BODIES:
        return Posterior(seen, found.mood, found, log_weight, k, k, "importance")
    return _refined(case, pool, seen, found, k)


LEAST_BODIES = 12.0  # effective number of rows behind the members, where levels were measured
CHANCE = 1e-6  # of anything as strange as all observations together, below which a forecast is refused


def too_strange(found: Learned, log_weight: Array) -> str:
    """Why these observations cannot come from anybody the model knows; empty if they can.

    Each is compared with what the pool expects after the earlier ones: its tail chance as a distance z in SD. Refused where one z is beyond `far_effect`,
    or the sum of z^2 beyond what one in a million people of the model has (chi square with as many degrees of freedom as observations).
    """
    if not np.isfinite(found.total).any():
        least = found.observations[int(np.argmin([row.max() for row in found.table]))].text
        return f"nobody in the model could give these numbers; the least likely one is {least}"
    z = -inverse_normal(np.maximum(found.surprises(log_weight), 1e-300) / 2.0)
    limit = value("person.far_effect").value
    worst = int(np.argmax(z))
    odd = found.observations[worst]
    line = f" (line {odd.line})" if odd.line else ""
    where = f"{odd.text}{line} lies {z[worst]:.1f} SD from what could be expected after the earlier entries"
    if z[worst] > limit:
        return f"{where}, beyond the {limit:g} that the model is used for: is it a slip, another unit or another scale?"
    if chi_square_above(float((z**2).sum()), len(z)) < CHANCE:
        return f"together these entries are too strange for the model (most of all: {where})"
    return ""


def _bodies(found: Learned, seen: Seen) -> float:
    """Effective number of rows under the levels alone; many where no level was measured."""
    levels = [i for i, o in enumerate(found.observations) if o.kind == "level"]
    if not levels:
        return math.inf
    rows = np.full(len(seen.pool.rows), -np.inf)
    rows[seen.pool.row] = found.table[levels].sum(axis=0)
    return effective(rows + seen.pool.rows.log_weight)


def _refined(case: Case, pool: Pool, seen: Seen, first: Learned, k: float) -> Posterior:
    levels = tuple(o for o in case.observations if o.kind == "level")
    if levels:
        keys = body_keys(pool, _equations(seen))
        history = replace(case, observations=levels)

        def of_bodies(moved: Pool) -> Array:
            there = _history(moved, history)
            rows = np.full(len(moved.rows), -np.inf)
            rows[moved.row] = learn(there, levels, case.baseline).total
            return np.where(there.arms.failed, -np.inf, rows)

        bodies = refine_bodies(pool, keys, of_bodies)
        if bodies.reason:
            return _refuse(case, seen, first, k, bodies)
        pool = bodies.pool
        seen = _history(pool, case)
    rest = tuple(o for o in case.observations if o.kind != "level")
    if not rest:
        found = learn(seen, case.observations, case.baseline)
        return Posterior(seen, found.mood, first, np.zeros(len(pool)), -math.inf, k, "refined", bodies)
    arms = seen.arms

    def of_minds(moved: Pool) -> Array:
        there = Seen(moved, arms, 0, case.setting)
        total = learn(there, rest, case.baseline).total
        return np.where(arms.failed[moved.row] | np.isnan(total), -np.inf, total)

    moved = refine(pool, of_minds)
    if moved.reason:
        return _refuse(case, seen, first, k, moved)
    there = Seen(moved.pool, arms, 0, case.setting)
    found = learn(there, rest, case.baseline)
    return Posterior(there, found.mood, first, np.zeros(len(moved.pool)), -math.inf, k, "refined", moved)


def _refuse(case: Case, seen: Seen, first: Learned, k: float, moved: Refined) -> Posterior:
    worst = ""
    if case.observations:
        best = [float(row.max()) for row in first.table]
        worst = f"; the least likely one is {case.observations[int(np.argmin(best))].text}"
    reason = f"these observations lie outside everybody the model knows: {moved.reason}{worst}"
    return Posterior(seen, first.mood, first, seen.pool.log_weight, math.inf, k, "refused", moved, reason)


def _equations(seen: Seen) -> Mapping[str, Any]:
    from ketasim.forward import Forward

    way = seen.arms.given[0]
    return Forward.of(way.deliveries(seen.pool.bodies.weight), variants=beliefs().variants).numbers


def _history(pool: Pool, case: Case, look_h: float | None = None) -> Seen:
    """Courses of the history alone, up to the last observation or to a look after it."""
    times = case.times if look_h is None else np.append(case.times, look_h)
    end = float(times.max()) if times.size else 1.0
    way = Given(case.history, max(end, 1.0))
    grid = way.grid(np.unique(times)) if times.size else way.grid(np.array([1.0]))
    ports = level_ports(case.observations)
    return Seen(pool, integrate(pool, [way], grid, ports), 0, case.setting)


def level_ports(observations: Sequence[Observation]) -> tuple[str, ...]:
    """Ports of the chain that the measured levels need, each once."""
    from ketasim.core import output_register

    names = {o.name for o in observations if o.kind == "level"}
    return tuple(dict.fromkeys(port for name in sorted(names) for port in output_register()[name].ports))


def forecast(
    person: str | Path | Mapping[str, Any] | Person,
    options: str | Sequence[str] | Sequence[Regimen] = (),
    *,
    days: float = DAYS,
    start: float | None = None,
    setting: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """What may follow in one person under several options, as plain data.

    person : path of a person file, its contents as a mapping, or a `Person`. options : regimens in words, counted from the day the options
    start, or "stop", each "with psychotherapy" and the like (`ratings.add_ons.NAMES`). days : how long they are followed. start : day (from the first dose) on which they start; the day after the last entry unless given.
    setting : open | saline | midazolam | nasal-placebo | inpatient | routine; that of the route of the first dose unless given.
    progress : told the share done.

    Returns `options` (each with words, outputs, response, remission, relapse, harm), `learned` (what each observation changed), `pareto_k`, `status`, and
    what was used how. Raises UsageError (`PersonFileError` with every problem) for a file or an option that cannot be read.
    """
    asked = asked_options(options)
    who = person_given(person)
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise UsageError(
            f"{days:g} days cannot be followed",
            where=f"--days {days:g}",
            allowed=f"{LEAST_DAYS} to {MOST_DAYS}",
            fix="--days 28",
        )
    case = case_of(who, setting or "", tuple(one for option in asked for one in option.placed(0.0)))
    looks = Looks.of(start_of_options(case, start), float(days))
    pool, used = applied(Pool.of(case.traits), who.facts)
    case = replace(case, notes=(*case.notes, *used))
    after = posterior_of(case, pool, look_h=float(looks.times[0]))
    if progress:
        progress(0.3)
    found = _answer(case, after, looks, asked, who)
    if after.reason:
        return found
    people, known = _resampled(after)
    ahead = Ahead(people, known, case.baseline)
    ways, grid, places = arms_of(case.history, asked, looks)
    arms = integrate(people, ways, grid)
    for number, (option, (own, masked)) in enumerate(zip(asked, places, strict=True), start=1):
        beside = (option.added, looks.start_h)
        seen = Seen(people, arms, own, case.setting, None, *beside)
        way = ways[own].masked_from(looks.start_h)
        twin = Seen(people, arms, masked, case.setting, way, *beside) if own else None
        found["options"].append(evaluate(option, seen, twin, ahead, looks, case.resting))
        if progress:
            progress(0.3 + 0.7 * number / len(asked))
    found["learned"] = what_changed(case, after, looks)
    found["changed_little"] = bool(case.observations) and _little(found["learned"])
    found["hypotheses"] = _hypotheses(after)
    if not case.observations:
        found["would_help"] = _before(found, asked, people, arms, case, looks)
    keep_parsed()
    return found


def _before(
    found: Mapping[str, Any], asked: Sequence[Option], people: Pool, arms: Arms, case: Case, looks: Looks
) -> dict[str, Any]:
    """What would help to know before the first dose, for the first option that gives one; the first score beside it."""
    place = next((i for i, option in enumerate(asked) if option.regimen is not None), None)
    if place is None:
        return would_help(0.5, None)
    share = float(found["options"][place]["response"]["probability"])
    seen = Seen(people, arms, 1, case.setting)  # the first arm with a dose
    times = looks.times[[0, -1]]
    drives, joint = seen.latent(times), Conditioned(Noise.of(people.ratings))
    p, before = people.ratings, np.asarray(case.baseline.of("MADRS", people.minds.madrs))
    scores = []
    for column, time in enumerate(times.tolist()):
        eps = joint.draw(time, normals(people.minds.seed, f"first score {column}", len(people)))
        scores.append(link(drives[:, column] + eps, before, p["link_ceiling"], p["link_slope"], p["madrs_maximum"]))
    first = float(np.corrcoef(scores[0] / before, scores[1] / before)[0, 1])
    return would_help(min(max(share, 0.05), 0.95), first)


def asked_options(options: str | Sequence[Any]) -> tuple[Option, ...]:
    """Options as they are asked for, one or several, as words or regimens; "stop" where there is none. Raises UsageError for too many."""
    many = [options] if isinstance(options, str | Regimen) else list(options)
    if len(many) > MOST_OPTIONS:
        raise UsageError(f"{len(many)} options", where="--option", allowed=f"at most {MOST_OPTIONS}")
    return tuple(Option(str(one), one) if isinstance(one, Regimen) else read_option(one) for one in many) or (
        read_option("stop"),
    )


def person_given(person: str | Path | Mapping[str, Any] | Person) -> Person:
    """A person from a file, a table of facts, or as read before."""
    if isinstance(person, Person):
        return person
    return person_of(person) if isinstance(person, Mapping) else read_person(person)


def start_of_options(case: Case, start: float | None) -> float:
    """Start of the options, h: the day after the last entry, day 0 without any dose, or as asked."""
    first = 0.0 if not case.history or not math.isfinite(case.last_day) else math.floor(case.last_day) + 1.0
    if start is None:
        return first * HOURS_PER_DAY
    if start < 0 or (math.isfinite(case.last_day) and start < case.last_day):
        raise UsageError(
            f"the options cannot start on day {start:g}",
            where=f"--start {start:g}",
            allowed=f"day {max(case.last_day, 0.0):g} (the last entry of the file) or later",
            fix=f"--start {first:g}",
        )
    return start * HOURS_PER_DAY


def _resampled(after: Posterior) -> tuple[Pool, Conditioned]:
    """Equally weighted members for the options, on the rows that they need."""
    picks = systematic(after.weights, MEMBERS)
    return after.seen.pool.only(picks), after.known.only(picks)


def _answer(case: Case, after: Posterior, looks: Looks, asked: Sequence[Option], who: Person) -> dict[str, Any]:
    finite = math.isfinite(after.pareto_k)
    return {
        "options": [],
        "learned": [],
        "pareto_k": after.pareto_k if finite else None,
        "status": {
            "ok": not after.reason,
            "method": after.method,
            "reason": after.reason,
            "pool_pareto_k": after.pool_k if math.isfinite(after.pool_k) else None,
            "members": len(after.seen.pool),
            "effective_members": effective(after.log_weight),
            "failed_rows": int(after.seen.arms.failed.sum()),
        },
        "emergency": _emergency(who),
        "start_day": looks.start_h / HOURS_PER_DAY,
        "days": list(looks.days),
        "setting": case.setting,
        "notes": [*case.notes, *((beliefs().note,) if beliefs().note else ())],
        "suspected": [str(problem) for problem in who.suspected],
        "version": __version__,
        "notice": NOTICE,
    }


def _emergency(who: Person) -> bool:
    """Whether the emergency text comes before everything (`screening.emergency_first`)."""
    if not any(fact is True for fact in who.facts.values()) and not any(s.scale in THOUGHTS for s in who.scores):
        return False  # without reading the rules
    from .screening import emergency_first

    return emergency_first(who)


# what each observation changed ------------------------------------------------------------------------------------


def what_changed(case: Case, after: Posterior, looks: Looks) -> list[dict[str, Any]]:
    """For every observation: the score expected without further dose at the first look, with it and without it.

    Without it: the weights of the pool before any refinement, with the likelihood of the others alone; where the pool was refined they say which way an
    observation pulled, not how far.
    """
    if not case.observations:
        return []
    look = np.array([looks.times[0]])
    seen = after.first
    assert seen is not None
    chances = after.learned.surprises(seen.pool.log_weight)
    found = []
    ahead = Ahead(seen.pool, after.learned.mood, case.baseline).future(seen, look)
    whole = _summary(ahead, after.learned, look)
    before = _summary(ahead, learn(seen, (), case.baseline), look)
    for i, o in enumerate(case.observations):
        others = tuple(other for j, other in enumerate(case.observations) if j != i)
        without = _summary(ahead, learn(seen, others, case.baseline), look)
        found.append(
            {
                "observation": o.text,
                "line": o.line,
                "kind": o.kind,
                "shift_points": _less(whole["mean"], without["mean"]),
                "width80_factor": whole["width"] / without["width"] if without["width"] > 0 else None,
                "chance": float(chances[i]),
            }
        )
    found.append(
        {
            "observation": "all of them together",
            "line": 0,
            "kind": "all",
            "shift_points": _less(whole["mean"], before["mean"]),
            "width80_factor": whole["width"] / before["width"] if before["width"] > 0 else None,
            "chance": None,
        }
    )
    return found


def _less(one: float, other: float) -> float | None:
    return one - other if math.isfinite(one) and math.isfinite(other) else None


def _summary(ahead: Future, found: Learned, look: Array) -> dict[str, float]:
    """Mean and width of the 80 % interval of the MADRS at a look, given what was learned. ahead : its drive, which no observation changes."""
    weights = normalised(ahead.pool.log_weight + found.total)
    if not weights.any():
        return {"mean": math.nan, "width": math.nan}
    _, centre, sd = found.mood.ahead(float(look[0]))
    future = replace(ahead, mean=centre[:, None], sd=sd[:, None])  # with the needs that are worked out
    grid = np.linspace(0.0, 60.0, 61)
    below = future.cumulative(grid, 0, weights)
    mean = float(np.trapezoid(1.0 - below, grid))
    low, high = np.interp((0.1, 0.9), below, grid)
    return {"mean": mean, "width": float(high - low)}


def _little(learned: Sequence[Mapping[str, Any]]) -> bool:
    """True if all observations together changed the forecast little."""
    last = learned[-1]
    shift, width = last["shift_points"], last["width80_factor"]
    if shift is None or width is None:
        return False
    return bool(
        abs(shift) < value("person.little_points").value and abs(width - 1.0) < value("person.little_width").value
    )


def _hypotheses(after: Posterior) -> list[dict[str, Any]]:
    """Weight of every explanation before and after."""
    pool = after.seen.pool
    names = pool.rows.names
    known = beliefs().weights
    now = np.bincount(pool.hypothesis, weights=after.weights, minlength=len(names))
    rows = [{"id": n, "before": float(known[n]), "after": float(w)} for n, w in zip(names, now, strict=True)]
    return sorted(rows, key=lambda row: -row["after"])


__all__ = ["Arms", "Placed", "forecast", "posterior_of"]
