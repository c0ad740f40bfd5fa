"""What people report or have beside mood, by each visit: chances of adverse events, pressures over a limit, and the strongest dissociation.

The rules and their numbers are those by which the evidence compares reports and pressures (`evidence/arms/acute.py`): sessions independent within a
person, a report follows what is felt, single readings of pressure scatter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
from scipy.stats import t as student_t

from ketasim.core import value
from ketasim.core.arrays import Array
from ketasim.people import People

from .plan import PRESSURES, REPORTS, pressure_limits
from .worlds import World

PORTS = ("nausea", "dizziness", "moaas", "cadss", "sbp_rise", "dbp_rise")
READINGS = 4


def report_rows(
    tables: Mapping[str, Array], times: Array, sessions: Array, visits_h: Array, people: People, world: World
) -> dict[str, Array]:
    """Rows (P, V): `report NAME` the chance of having reported it by the visit, for `REPORTS` and `PRESSURES`; `cadss` the strongest points so far.

    tables : ports (P or 1, T) at `times`; sessions : their starts, h. A session counts from its start on, as far as it has gone at the visit.
    nausea, dizziness: 1 - prod_s (1 - c_s)(1 - b), c_s the largest probability in session s, b the background of a session.
    dissociation, sedation: 1 - (1 - F^n / (F^n + F50^n))(1 - b)^S, F the strongest in S sessions. Pressures: 1 - prod over readings of
    P(rise + noise < limit), noise Student's t scaled to the SD of a single reading, four readings a session.
    """
    count = len(people)

    def full(port: str) -> Array:
        neutral = awake if port == "moaas" else 0.0
        return np.broadcast_to(tables.get(port, np.full((1, 1), neutral)), (count, len(times)))

    def number(key: str) -> float:
        return world.full(value(key)).value

    awake = number("moaas_awake")
    starts = np.asarray(sessions, dtype=np.float64)
    found = {"cadss": _so_far(full("cadss"), times, starts, visits_h)}
    begun = (starts[:, None] < visits_h - 1e-9).sum(axis=0)  # sessions up to each visit
    for name in REPORTS:
        quiet = (1.0 - number(f"background_{name}")) ** begun
        if name in ("nausea", "dizziness"):
            found[f"report {name}"] = 1.0 - _each_session(full(name), times, starts, visits_h) * quiet
            continue
        felt = found["cadss"] if name == "dissociation" else _so_far(awake - full("moaas"), times, starts, visits_h)
        half = number("dissociation_report_level" if name == "dissociation" else "sedation_report_drop")
        n = number("report_steepness")
        found[f"report {name}"] = 1.0 - (1.0 - felt**n / (felt**n + half**n)) * quiet
    return found | _pressures(full, number, times, starts, visits_h, people)


def _so_far(port: Array, times: Array, starts: Array, visits_h: Array) -> Array:
    """The strongest from the first session up to each visit, (P, V); 0 before it."""
    found = np.zeros((port.shape[0], len(visits_h)))
    if not len(starts):
        return found
    rows = np.maximum.accumulate(np.where(times >= starts[0] - 1e-9, np.maximum(port, 0.0), 0.0), axis=1)
    at = np.searchsorted(times, visits_h + 1e-9) - 1
    return np.where(visits_h > starts[0] + 1e-9, rows[:, np.maximum(at, 0)], found)


def _each_session(port: Array, times: Array, starts: Array, visits_h: Array) -> Array:
    """Product over sessions up to each visit of one minus the largest probability so far in the session, (P, V)."""
    found = np.ones((port.shape[0], len(visits_h)))
    edges = np.searchsorted(times, np.append(starts, np.inf) - 1e-9)
    at = np.searchsorted(times, visits_h + 1e-9)
    for first, last in pairwise(edges):
        for v, until in enumerate(np.minimum(at, last)):
            if until > first and times[first] < visits_h[v] - 1e-9:
                found[:, v] *= 1.0 - port[:, first:until].max(axis=1)
    return found


def _pressures(
    full: Callable[[str], Array],
    number: Callable[[str], float],
    times: Array,
    starts: Array,
    visits_h: Array,
    people: People,
) -> dict[str, Array]:
    read = starts[:, None] + number("reading_first") + number("reading_step") * np.arange(READINGS)
    read = np.sort(read[read <= visits_h[-1] + 1e-9])
    at = np.clip(np.searchsorted(times, read), 0, len(times) - 1)
    upto = np.searchsorted(read, visits_h + 1e-9)
    freedom = number("reading_freedom")
    old = float(people.age.mean()) >= number("reading_old_age")
    found = {}
    for name in PRESSURES:
        output, kind, limit, _ = pressure_limits()[name]
        sd = number(f"reading_sd_{output}") * (number("reading_sd_old_factor") if old else 1.0)
        level = full(f"{output}_rise")[:, at] + (people.resting(output)[:, None] if kind == "level" else 0.0)
        below = student_t.cdf((limit - level) / sd * np.sqrt(freedom / (freedom - 2.0)), freedom)
        under = np.concatenate([np.ones((len(people), 1)), np.cumprod(below, axis=1)], axis=1)
        found[f"report {name}"] = 1.0 - under[:, upto]
    return found
