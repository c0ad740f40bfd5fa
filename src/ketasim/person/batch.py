"""The forecast of many people: predictive quantiles for every target row of a table.

People with the same doses, weight and age share one pool and one integration; each is weighted on his own by what was observed in him. Weights
are rounded to 2.5 kg and ages to 5 years for that. Where a person's weights are not to be trusted he gets the full, refined forecast.
"""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ketasim.core.arrays import Array
from ketasim.dose import parse
from ketasim.people import Traits
from ketasim.ratings.scales import rater_factor
from ketasim.ratings.setting import SETTING_OF_ROUTE, USUAL_SETTING

from .case import Case
from .fields import scales
from .forecast import Posterior, posterior_of
from .given import Given, Placed
from .moments import total_interval
from .observed import Baseline, Observation, learn
from .options import Future
from .pareto import TRUSTED, effective, normalised, tail_shape
from .pool import Pool, Seen, integrate
from .records import HOURS_PER_DAY
from .table import TablePerson, TableRow, read_table

QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
ROWS = 320
KG, YEARS = 2.5, 5.0
LEAST_EFFECTIVE = 40.0
HEAD = (
    "person",
    "day",
    "treatment",
    "scale",
    *(f"{q:g}" for q in QUANTILES),
    "mean",
    "score",
    "pit",
    "crps",
    "pareto_k",
    "status",
)


def forecast_table(
    path: str | Path, *, setting: str | None = None, progress: Callable[[float], None] | None = None
) -> str:
    """CSV with the predictive quantiles of every target row of a table, in the order of the table; see `forecast_people`."""
    return forecast_people(path, setting=setting, progress=progress)[0]


def forecast_people(
    path: str | Path, *, setting: str | None = None, progress: Callable[[float], None] | None = None
) -> tuple[str, tuple[str, ...]]:
    """CSV with the predictive quantiles of every target row of a table, in the order of the table; and what looks like a slip (used as written).

    path : CSV with the columns person, day, treatment, scale, score, role (observed | target | dose); age, weight_kg, setting, rater if known.
    Days count from the first dose; an observed row on day 0 or before is the baseline. Where a target row holds a score, its place in the forecast (PIT) and
    its CRPS stand beside. Raises `TableError` with every problem.
    """
    people, doubts = read_table(path)
    groups: dict[tuple[object, ...], list[TablePerson]] = defaultdict(list)
    for person in people:
        if any(row.role == "target" for row in person.rows):
            groups[_key(person, setting or "")].append(person)
    found: dict[int, dict[str, object]] = {}
    done = 0
    for key, members in groups.items():
        for rows in _group(key, members):
            found.update(rows)
            done += 1
            if progress:
                progress(done / max(len(people), 1))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    for line in sorted(found):
        writer.writerow([_cell(found[line][name]) for name in HEAD])
    return out.getvalue(), doubts


def _cell(item: object) -> str:
    if item is None or (isinstance(item, float) and not math.isfinite(item)):
        return ""
    return f"{item:.6g}" if isinstance(item, float) else str(item)


def _key(person: TablePerson, setting: str) -> tuple[object, ...]:
    weight = None if person.weight is None else KG * round(person.weight / KG)
    age = None if person.age is None else min(max(YEARS * round(person.age / YEARS), 18.0), 100.0)
    return (person.regimens, weight, age, person.setting or setting)


def _group(key: tuple[object, ...], members: list[TablePerson]) -> list[dict[int, dict[str, object]]]:
    regimens, weight, age, setting = key
    history = tuple(Placed(parse(words), day * HOURS_PER_DAY) for day, words in regimens)  # type: ignore[attr-defined]
    route = history[0].regimen.main.blocks[0].dose.route if history else ""
    where = str(setting) or SETTING_OF_ROUTE.get(route, USUAL_SETTING)
    pool = Pool.of(Traits(weight=weight, age=age), ROWS)  # type: ignore[arg-type]
    times = sorted({row.day * HOURS_PER_DAY for person in members for row in person.rows if row.day > 0})
    looks = np.array(times) if times else np.array([1.0])
    way = Given(history, max(float(looks[-1]), 1.0))
    arms = integrate(pool, [way], way.grid(looks))
    seen = Seen(pool, arms, 0, where)
    seen.latent(looks)  # once for everybody of the group
    return [_one(person, seen, history, where) for person in members]


def _one(person: TablePerson, seen: Seen, history: tuple[Placed, ...], where: str) -> dict[int, dict[str, object]]:
    """Quantiles of every target row of one person."""
    baseline = Baseline(_baseline(person), setting=where)
    observations = tuple(_observation(row) for row in _observed(person))
    learned = learn(seen, observations, baseline)
    log_weight = seen.pool.log_weight + np.where(np.isnan(learned.total), -np.inf, learned.total)
    log_weight = np.where(seen.arms.failed[seen.pool.row], -np.inf, log_weight)
    k = tail_shape(log_weight) if observations else -math.inf
    use, known, weights, status = seen, learned.mood, normalised(log_weight), "ok"
    if observations and (k > TRUSTED or effective(log_weight) < LEAST_EFFECTIVE):
        after = _full(person, seen, history, where, baseline, observations)
        if after.reason:
            return {row.line: _empty(row, person, k, f"refused: {after.reason}") for row in _targets(person)}
        use, known, weights, status = _looked(after, seen), after.known, after.weights, after.method
    return {
        row.line: _filled(
            row,
            person,
            k,
            status,
            Future.of(use, known, baseline, np.array([max(row.day * HOURS_PER_DAY, 1e-6)])),
            weights,
        )
        for row in _targets(person)
    }


def _full(
    person: TablePerson,
    seen: Seen,
    history: tuple[Placed, ...],
    where: str,
    baseline: Baseline,
    observations: tuple[Observation, ...],
) -> Posterior:
    case = Case(seen.pool.minds.traits, history, baseline, observations, 0.0, where, {}, ())
    return posterior_of(case, seen.pool)


def _looked(after: Posterior, seen: Seen) -> Seen:
    """The refined members on the grid of the group."""
    pool = after.seen.pool
    return Seen(pool, seen.arms, 0, seen.setting)


def _targets(person: TablePerson) -> list[TableRow]:
    return [row for row in person.rows if row.role == "target"]


def _observed(person: TablePerson) -> list[TableRow]:
    found = [row for row in person.rows if row.role == "observed" and row.day > 0 and row.total is not None]
    return sorted(found, key=lambda row: row.day)


def _baseline(person: TablePerson) -> dict[str, float]:
    before = [r for r in person.rows if r.role == "observed" and r.day <= 0 and r.total and not r.censor]
    return {row.scale: float(row.total or 0.0) for row in sorted(before, key=lambda row: row.day)}


def _observation(row: TableRow) -> Observation:
    assert row.total is not None
    low, high = total_interval(row.total, row.censor)
    return Observation(
        "mood",
        row.scale,
        row.day * HOURS_PER_DAY,
        low,
        high,
        f"{row.scale} {row.censor}{row.total:g} on day {row.day:g}",
        row.line,
        row.self_rated,
    )


def _empty(row: TableRow, person: TablePerson, k: float, status: str) -> dict[str, object]:
    found: dict[str, object] = dict.fromkeys(HEAD)
    treatment = person.treatment or "; ".join(f"day {day:g}: {words}" for day, words in person.doses)
    return found | {
        "person": person.name,
        "day": row.day,
        "treatment": treatment,
        "scale": row.scale,
        "score": f"{row.censor}{row.total:g}" if row.total is not None and row.censor else row.total,
        "pareto_k": k,
        "status": status,
    }


def _filled(
    row: TableRow, person: TablePerson, k: float, status: str, future: Future, weights: Array
) -> dict[str, object]:
    factor, high = rater_factor(row.self_rated), scales()[row.scale].high
    grid = np.linspace(0.0, high, 4 * int(high) + 1)
    below = future.cumulative(grid, 0, weights, row.scale, factor)
    found = _empty(row, person, k, status)
    found |= {f"{q:g}": quantile(q, grid, below) for q in QUANTILES}
    found["mean"] = float(np.trapezoid(1.0 - below, grid))
    if row.total is not None and not row.censor:
        found["pit"] = float(np.interp(row.total, grid, below))
        found["crps"] = crps(row.total, grid, below)
    return found


def quantile(q: float, grid: Array, below: Array) -> float:
    """Quantile of a distribution function `below` on `grid`, by straight lines; the end of the grid where it begins above q."""
    return float(grid[0]) if below[0] >= q else float(np.interp(q, below, grid))


def crps(y: float, grid: Array, below: Array) -> float:
    """Continuous ranked probability score, integral of (F(x) - [x >= y])^2 dx, points; smaller is better (Gneiting, Raftery 2007)."""
    fine = np.union1d(grid, [y])
    f = np.interp(fine, grid, below)
    left, right = fine <= y, fine >= y
    return float(np.trapezoid(f[left] ** 2, fine[left]) + np.trapezoid((1.0 - f[right]) ** 2, fine[right]))


def summary(rows: Mapping[int, Mapping[str, object]]) -> dict[str, float]:
    """Coverage of the 50, 80 and 95 % intervals and mean CRPS of rows that hold a score."""
    pits = np.array([float(r["pit"]) for r in rows.values() if r.get("pit") is not None])  # type: ignore[arg-type]
    found = {f"cover_{c}": float((np.abs(pits - 0.5) <= c / 200.0).mean()) for c in (50, 80, 95)}
    scores = [float(r["crps"]) for r in rows.values() if r.get("crps") is not None]  # type: ignore[arg-type]
    return found | {"crps": float(np.mean(scores)) if scores else math.nan, "rows": float(len(pits))}
