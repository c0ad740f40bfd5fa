"""Levels and scores of one's own beside what the model predicts: visual predictive check, NPDE, a ledger of doses.

VPC    percentiles of the values in bins of time, beside the same percentiles of simulated data sets of the same people, doses and times
pcVPC  the same with every value, observed and simulated, times the median prediction of its bin over its own prediction: y' = y PRED_bin / PRED, with 0 as the
       least value there is (Bergstrand 2011, doi:10.1208/s12248-011-9255-z); the prediction of a value is the median of its simulated ones
NPDE   y* = L^-1 (y - m), with mean m and covariance L L' of the simulated values of that person; the share of simulated y* below, as a
       standard normal number (Comets 2008, doi:10.1016/j.cmpb.2007.12.002); logarithms for levels. Below the limit: a draw below it, as the model gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from ketasim.core import UsageError, normals, stream
from ketasim.core.arrays import Array, IntArray
from ketasim.dose import parse
from ketasim.people import Traits
from ketasim.ratings.observation import link

from .given import Given, Placed
from .likelihood import Conditioned, Noise
from .observed import level_course, level_noise, route_of
from .own_table import SCORE, OwnPerson, OwnValue, ports_of, read_own
from .pool import Pool, Seen, integrate

BODIES = 200
BINS = 8
PERCENTILES = (5.0, 50.0, 95.0)
LEAST_IN_BIN = 3
SEED = 18


@dataclass(frozen=True)
class Overlay:
    """Values beside the model. people : as read; simulated (R, n) data sets of all values in the order of `rows`; prediction (n,) their medians."""

    people: tuple[OwnPerson, ...]
    rows: tuple[tuple[str, OwnValue], ...]
    simulated: Array
    npde: Array
    ledger: tuple[dict[str, Any], ...]

    @property
    def prediction(self) -> Array:
        """Median of the simulated values, (n,)."""
        return np.asarray(np.median(self.simulated, axis=0))


def overlay(data: str | Path | Sequence[OwnPerson], *, progress: Callable[[float], None] | None = None) -> Overlay:
    """Simulate every person of a data file with his own doses, times and weight. Raises `TableError` for a file with problems."""
    people = tuple(read_own(data) if isinstance(data, str | Path) else data)
    rows = tuple((person.name, value) for person in people for value in person.values)
    if not rows:
        raise UsageError("no value to compare", where="the data", allowed="lines with EVID 0 and DV")
    blocks, scores, ledger = [], [], []
    for place, person in enumerate(people):
        seen = _seen(person)
        block = _simulated(person, seen, place)
        blocks.append(block)
        scores.append(
            npde(
                _observed(person),
                block,
                [v.name != SCORE for v in person.values],
                [v.below for v in person.values],
                place,
            )
        )
        ledger += _ledger(person, seen)
        if progress:
            progress((place + 1) / len(people))
    return Overlay(people, rows, np.concatenate(blocks, axis=1), np.concatenate(scores), tuple(ledger))


def _seen(person: OwnPerson) -> Seen:
    """Courses of BODIES people of this weight and age under this person's doses."""
    times = np.array(sorted({value.time_h for value in person.values}))
    end = max(float(times[-1]) if times.size else 1.0, 1.0)
    way = Given(tuple(Placed(parse(dose.words), dose.time_h) for dose in person.doses), end)
    pool = Pool.of(Traits(weight=person.weight, age=person.age), BODIES, 1)
    return Seen(
        pool,
        integrate(pool, [way], way.grid(times if times.size else np.array([end])), ports_of(person.values)),
        0,
        "open",
    )


def _observed(person: OwnPerson) -> Array:
    return np.array([value.value for value in person.values])


def _simulated(person: OwnPerson, seen: Seen, place: int) -> Array:
    """BODIES simulated copies of this person's values, (R, n): other people, occasion, assay and sample; whole points for scores."""
    found = np.empty((len(seen.pool), len(person.values)))
    assay, occasion, sample = level_noise(route_of(seen.regimens))
    shared = assay * normals(SEED, f"assay {place}", BODIES)
    starts = seen.noticed.sessions
    joint = Conditioned(Noise.of(seen.pool.ratings))
    p, before = seen.pool.ratings, _baseline(person, seen)
    for column, value in enumerate(person.values):
        if value.name == SCORE:
            if value.time_h <= 0:
                found[:, column] = before
                continue
            eps = joint.draw(value.time_h, normals(SEED, f"score {place} {column}", BODIES))
            drive = seen.latent([value.time_h])[:, 0] + eps
            found[:, column] = np.round(link(drive, before, p["link_ceiling"], p["link_slope"], p["madrs_maximum"]))
            continue
        at = seen.arms.columns([value.time_h])
        session = int(np.searchsorted(starts, value.time_h + 1e-9))
        noise = shared + occasion * normals(SEED, f"occasion {place} {session}", BODIES)
        noise = noise + sample * normals(SEED, f"sample {place} {column}", BODIES)
        found[:, column] = level_course(seen, value.name, at)[seen.pool.row, 0] * np.exp(noise)
    return found


def _baseline(person: OwnPerson, seen: Seen) -> Array:
    own = [value.value for value in person.values if value.name == SCORE and value.time_h <= 0]
    return np.full(len(seen.pool), own[-1]) if own else seen.pool.minds.madrs


def _ledger(person: OwnPerson, seen: Seen) -> list[dict[str, Any]]:
    """Doses in the file and what the integration was given of each, mg of base; a dose after the last value is in no integration and says so."""
    way = seen.arms.given[0]
    parts = way.deliveries(seen.pool.bodies.weight)
    found = []
    for dose in person.doses:
        mass = sum(
            float(np.atleast_1d(part.amount)[0]) * _gram(part.event.entry.molar_mass)
            for part in parts
            if abs(part.time_h - part.event.time_h - dose.time_h) < 1e-6 and part.event.source in dose.words
        )
        after = dose.time_h >= way.end_h
        found.append(
            {
                "person": person.name,
                "line": dose.line,
                "time_h": dose.time_h,
                "in_mg": dose.amount_mg,
                "out_mg": 0.0 if after else mass,
                "after_last_value": after,
            }
        )
    return found


def _gram(molar_mass: float | None) -> float:
    """mg per umol."""
    return (molar_mass or 0.0) / 1000.0


def npde(y: Array, simulated: Array, logs: Sequence[bool], below: Sequence[bool], key: int = 0) -> Array:
    """Normalised prediction distribution errors of one person, (n,). y (n,), simulated (R, n); logs : work on the logarithm; below : y is a limit."""
    count, size = simulated.shape
    scale = np.asarray(logs)
    s = np.where(scale, np.log(np.maximum(simulated, 1e-6)), simulated)
    own = np.where(scale, np.log(np.maximum(y, 1e-6)), y).astype(float)
    for j in np.flatnonzero(np.asarray(below)):
        low = np.sort(s[s[:, j] < own[j], j])
        u = float(stream(SEED, f"below {key} {j}", 1)[0])
        own[j] = low[min(int(u * len(low)), len(low) - 1)] if low.size else own[j]
    mean, centred = s.mean(axis=0), s - s.mean(axis=0)
    varies = centred.std(axis=0) > 1e-9
    found = np.full(size, np.nan)
    if not varies.any():
        return found
    covariance = centred[:, varies].T @ centred[:, varies] / (count - 1)
    root = np.linalg.cholesky(covariance + 1e-9 * np.diag(np.diag(covariance)))
    white = np.linalg.solve(root, centred[:, varies].T)
    mine = np.linalg.solve(root, (own - mean)[varies])
    lower = (white < mine[:, None]).sum(axis=1)
    same = (white == mine[:, None]).sum(axis=1)
    found[varies] = ndtri((lower + 0.5 * same + 0.5) / (count + 1.0))
    return found


@dataclass(frozen=True)
class Bin:
    """A bin of time: from, to (h), values inside, observed percentiles (3,), and the 90 % interval (3, 2) of each over the simulated data sets."""

    begin_h: float
    end_h: float
    count: int
    observed: tuple[float, ...]
    simulated: tuple[tuple[float, float], ...]


def vpc(found: Overlay, name: str, *, bins: int = BINS, corrected: bool = False) -> list[Bin]:
    """The visual predictive check of one analyte or score. corrected : pcVPC, every value times the bin's median prediction over its own."""
    chosen, place = _binned(found, name, bins)
    times = np.array([found.rows[i][1].time_h for i in chosen])
    y, s = _quantified(found, chosen)
    factor = correction(found.prediction[chosen], place) if corrected else np.ones(len(chosen))
    out = []
    for b in np.unique(place):
        inside = place == b
        if inside.sum() < LEAST_IN_BIN:
            continue
        low, high = np.percentile(np.percentile(s[:, inside] * factor[inside], PERCENTILES, axis=1), (5, 95), axis=1)
        observed = np.percentile(y[inside] * factor[inside], PERCENTILES)
        out.append(
            Bin(
                float(times[inside].min()),
                float(times[inside].max()),
                int(inside.sum()),
                tuple(map(float, observed)),
                tuple(zip(map(float, low), map(float, high), strict=True)),
            )
        )
    return out


def _binned(found: Overlay, name: str, bins: int) -> tuple[list[int], IntArray]:
    """Rows of one analyte or score (n), and the bin of time of each (n,): edges at even quantiles of the distinct times."""
    chosen = [i for i, (_, value) in enumerate(found.rows) if value.name == name]
    if not chosen:
        raise UsageError(f"no value of {name}", where="vpc", allowed=", ".join(sorted({v.name for _, v in found.rows})))
    times = np.array([found.rows[i][1].time_h for i in chosen])
    distinct = np.unique(times)
    edges = np.unique(np.quantile(distinct, np.linspace(0.0, 1.0, min(bins, len(distinct)) + 1)))
    return chosen, np.clip(np.searchsorted(edges, times, side="right") - 1, 0, max(len(edges) - 2, 0))


def correction(prediction: Array, place: IntArray) -> Array:
    """Factor of each value of a pcVPC, (n,): median prediction of its bin over its own prediction. prediction (n,) > 0; place (n,) : bin of each."""
    own = np.maximum(prediction, 1e-9)
    middle = {b: float(np.median(own[place == b])) for b in np.unique(place).tolist()}
    return np.array([middle[b] for b in place.tolist()]) / own


def _quantified(found: Overlay, chosen: Sequence[int]) -> tuple[Array, Array]:
    """Values (n,) and simulated ones (R, n) of one analyte, both as an assay with the highest limit in the data would report them: below it, half of it."""
    values = [found.rows[i][1] for i in chosen]
    limit = max((value.value for value in values if value.below), default=0.0)
    y, s = np.array([value.value for value in values]), found.simulated[:, chosen]
    under = np.array([value.below for value in values]) | (y < limit)
    return np.where(under, limit / 2.0, y), np.where(s < limit, limit / 2.0, s)


def summary(found: Overlay) -> dict[str, Any]:
    """Plain data: ledger, per analyte the VPC and pcVPC, mean and SD of the NPDE (0 and 1 where the model is right)."""
    names = list(dict.fromkeys(value.name for _, value in found.rows))
    factor = np.ones(len(found.rows))
    for name in names:
        chosen, place = _binned(found, name, BINS)
        factor[chosen] = correction(found.prediction[chosen], place)
    out: dict[str, Any] = {
        "people": len(found.people),
        "ledger": {
            "doses_in": len(found.ledger),
            "mg_in": sum(row["in_mg"] for row in found.ledger),
            "mg_out": sum(row["out_mg"] for row in found.ledger),
            "rows": list(found.ledger),
        },
        "values": [
            {
                "person": person,
                "line": v.line,
                "time_h": v.time_h,
                "name": v.name,
                "value": v.value,
                "below": v.below,
                "predicted": float(m),
                "corrected": float(v.value * f),
                "npde": None if np.isnan(e) else float(e),
            }
            for (person, v), m, f, e in zip(found.rows, found.prediction, factor, found.npde, strict=True)
        ],
        "outputs": {},
    }
    for name in names:
        errors = np.array(
            [e for (_, v), e in zip(found.rows, found.npde, strict=True) if v.name == name and np.isfinite(e)]
        )
        out["outputs"][name] = {
            "values": int(sum(v.name == name for _, v in found.rows)),
            "npde_mean": float(errors.mean()) if errors.size else None,
            "npde_sd": float(errors.std(ddof=1)) if errors.size > 1 else None,
            "vpc": [vars_of(b) for b in vpc(found, name)],
            "pcvpc": [vars_of(b) for b in vpc(found, name, corrected=True)],
        }
    return out


def vars_of(one: Bin) -> dict[str, Any]:
    """A bin as plain data."""
    return {
        "from_h": one.begin_h,
        "to_h": one.end_h,
        "values": one.count,
        "percentiles": list(PERCENTILES),
        "observed": list(one.observed),
        "simulated_90": [list(pair) for pair in one.simulated],
    }
