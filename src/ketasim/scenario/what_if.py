"""What if a number is wrong: the headline of a scenario with one uncertain value replaced, beside what is known of that value.

    from ketasim.scenario.what_if import what_if
    what_if("ketamine iv 0.5 mg/kg over 40 min", "mood_late_size", to=0.5)

One number is moved and all others stay as they are: how much it matters by itself. In a fit the others would move with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ketasim.core import FrozenMapping, Spread, UsageError, Value, output, unknown_name, value
from ketasim.core.arrays import Array
from ketasim.core.normal import inverse_normal, normal_cdf
from ketasim.core.numbers import real
from ketasim.core.posterior import posterior

from .care import withheld
from .plan import DEFAULT_DRAWS, Scenario, scenario
from .result import Result, plain
from .run import parameters_of, replaceable_values, run, under_each

BINS = 24  # of the picture of what is known
POINTS = 9  # of the curve of a headline over the value
ENDS = (0.005, 0.995)  # shares of what is known at the ends of the slider
TAILS = (0.05, 0.95)  # by which numbers are put in order of how much they matter
LOOK_DAYS = 7.0
HEADLINE = (
    ("effect_24h", "Mood beyond placebo at 24 h", "madrs.effect"),
    ("effect_7d", "Mood beyond placebo on day 7", "madrs.effect"),
    ("dissociation", "Dissociation, peak CADSS", "cadss"),
)
OUTPUT_OF = {key: name for key, _, name in HEADLINE}
LOOKS = {"effect_24h": 24.0, "effect_7d": 168.0}  # h
MOST_NUMBERS = 3  # that are named as those that matter most for an output
FELT = 1e-3  # of the largest change: what moves an output less is not named


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a value: the posterior that ships where it was fitted, else the uncertainty that its table gives.

    kind : posterior | prior. edges (BINS + 1), shares (BINS) of a picture of it; low, median, high : 5th, 50th, 95th percentile.
    """

    kind: str
    edges: tuple[float, ...]
    shares: tuple[float, ...]
    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The headline with a value as it ships, with it replaced, and over all that is thought possible of it.

    to : the number it was replaced by. shipped, changed : key of HEADLINE -> typical person's number, points (None: withheld). model : key -> 5th and 95th percentile of
    the shipped headline over the whole posterior. curve : key -> numbers at `curve_at`. held : why the mood is withheld; empty where it is not.
    """

    value: Value
    to: float
    known: Known
    shipped: Mapping[str, float | None]
    changed: Mapping[str, float | None]
    model: Mapping[str, tuple[float, float] | None]
    curve_at: tuple[float, ...]
    curve: Mapping[str, tuple[float | None, ...]]
    held: str
    scenario: Scenario

    def to_dict(self) -> dict[str, Any]:
        """Plain data; what the web app shows."""
        return dict(
            plain(
                {
                    "name": self.value.name,
                    "key": self.value.key,
                    "label": self.value.label,
                    "unit": self.value.unit,
                    "value": self.value.value,
                    "basis": self.value.basis,
                    "grade": self.value.grade,
                    "to": self.to,
                    "known": {name: getattr(self.known, name) for name in Known.__dataclass_fields__},
                    "headline": [
                        {
                            "key": key,
                            "label": label,
                            "unit": output(name).unit,
                            "shipped": self.shipped[key],
                            "changed": self.changed[key],
                            "model_low": (self.model[key] or (None, None))[0],
                            "model_high": (self.model[key] or (None, None))[1],
                            "curve": self.curve[key],
                        }
                        for key, label, name in HEADLINE
                    ],
                    "curve_at": self.curve_at,
                    "held": self.held,
                    "words": self.scenario.words,
                    "setting": self.scenario.setting,
                    "command": self.command,
                }
            )
        )

    @property
    def command(self) -> str:
        """The line that prints the same numbers."""
        return (
            f'ketasim run "{self.scenario.words}" --setting {self.scenario.setting} --people 0 --days {self.scenario.end_h / 24:g} '
            f"--set {self.value.key}={self.to!r}"
        )


def what_if(words: str | Scenario, name: str, to: float | None = None, **options: Any) -> WhatIf:
    """The headline of a scenario if one value were another number, by runs of the typical person.

    words, options : as in `run`; the run lasts a week or longer. name : a value with an uncertainty that has a part in this scenario.
    to : its number, in its unit, within what is thought possible of it (None: as it ships). Raises UsageError for a value without a part or an uncertainty, or
    a number outside.
    """
    asked = _typical(words, **options)
    chosen = uncertain_value(asked, name)
    known = known_of(chosen)
    number = chosen.value if to is None else real("to", to, f"to={chosen.value:g}")
    if not min(known.edges[0], chosen.value) <= number <= max(known.edges[-1], chosen.value):
        raise UsageError(
            f"{chosen.name} cannot be tried at {number:g} {chosen.unit}",
            where="to",
            allowed=f"{known.edges[0]:.4g} to {known.edges[-1]:.4g}, all but the outermost 1 % of what is known of it",
            fix=f"to={chosen.value:g}",
        )
    curve_at = np.linspace(known.edges[0], known.edges[-1], POINTS)
    asked = asked.but(values={key: x for key, x in asked.values.items() if key != chosen.key})
    reason = withheld(asked)
    held = {key: reason.get(name, "") for key, _, name in HEADLINE}
    times, table = _each(asked, chosen, [chosen.value, number, *(float(x) for x in curve_at)])
    told = {
        key: (None,) * (2 + POINTS) if why else tuple(map(_one, _headline(times, table, key)))
        for key, why in held.items()
    }
    return WhatIf(
        value=chosen,
        to=number,
        known=known,
        shipped=FrozenMapping({key: row[0] for key, row in told.items()}),
        changed=FrozenMapping({key: row[1] for key, row in told.items()}),
        model=FrozenMapping(
            {key: None if why or posterior() is None else _band(asked, key) for key, why in held.items()}
        ),
        curve_at=tuple(float(x) for x in curve_at),
        curve=FrozenMapping({key: row[2:] for key, row in told.items()}),
        held=held["effect_24h"],
        scenario=asked,
    )


def uncertain_values(words: str | Scenario, **options: Any) -> tuple[Value, ...]:
    """The values with a part in this scenario of which an uncertainty is known, by key."""
    asked = _typical(words, **options)
    return tuple(sorted(_uncertain(asked).values(), key=lambda v: v.key))


def uncertain_value(asked: Scenario, name: str) -> Value:
    """The value of that name or key; raises UsageError if it has no uncertainty or no part in the scenario."""
    here = _uncertain(asked)
    key = name.rpartition(".")[2]
    if key in here:
        return here[key]
    known = value(name)  # an unknown name teaches
    if known.key in here:
        return here[known.key]
    if known.uncertain is None and not _drawn(known.key):
        raise UsageError(
            f"no uncertainty is given for {known.name}",
            where="name",
            allowed="a value with `uncertain` in its table, or one that was fitted",
            fix="mood_late_size",
        )
    raise unknown_name("value with a part in this scenario", name, list(here), where="name")


def known_of(v: Value) -> Known:
    """What is known of a value, as a picture: histogram of the posterior's draws, or of the distribution that its table gives."""
    shipped = posterior()
    if shipped is not None and v.key in shipped.names:
        column = shipped.draws[:, shipped.names.index(v.key)]
        order = np.argsort(column)
        column, weights = column[order], shipped.weights[order]
        edges = _cut(column, weights, np.array([*ENDS, *TAILS, 0.5]))
        inside = np.linspace(edges[0], edges[1], BINS + 1)
        shares, _ = np.histogram(column, bins=inside, weights=weights)
        return Known("posterior", _floats(inside), _floats(shares), edges[2], edges[4], edges[3])
    spread = v.uncertain
    if spread is None:
        raise UsageError(f"no uncertainty is given for {v.name}", where="name")
    low, high, tail_low, tail_high, middle = (
        quantile(spread, v.value, share, v.bounds) for share in (*ENDS, *TAILS, 0.5)
    )
    inside = np.linspace(low, high, BINS + 1)
    shares = np.diff([_below(spread, v.value, x, v.bounds) for x in inside])
    return Known("prior", _floats(inside), _floats(shares), tail_low, middle, tail_high)


def quantile(spread: Spread, middle: float, share: float, bounds: tuple[float, float] | None = None) -> float:
    """The number below which that share of a distribution around `middle` lies, held within `bounds`.

    lognormal: middle exp(sd z); normal: middle + sd z; logitnormal: logit^-1(logit(middle) + sd z); loguniform: low (high/low)^share; z = Phi^-1(share).
    """
    z = float(inverse_normal([share])[0])
    if spread.kind == "lognormal":
        found = middle * math.exp(spread.sd * z)
    elif spread.kind == "normal":
        found = middle + spread.sd * z
    elif spread.kind == "logitnormal":
        found = 1.0 / (1.0 + math.exp(-(math.log(middle / (1.0 - middle)) + spread.sd * z)))
    else:
        found = spread.low * (spread.high / spread.low) ** share
    return found if bounds is None else min(max(found, bounds[0]), bounds[1])


def _below(spread: Spread, middle: float, x: float, bounds: tuple[float, float] | None) -> float:
    """The share of the distribution below x: the inverse of `quantile`."""
    if bounds is not None and x >= bounds[1]:
        return 1.0
    if spread.kind == "loguniform":
        return min(max(math.log(x / spread.low) / math.log(spread.high / spread.low), 0.0), 1.0)
    if spread.sd == 0:
        return float(x >= middle)
    if spread.kind == "lognormal":
        z = math.log(x / middle) / spread.sd
    elif spread.kind == "normal":
        z = (x - middle) / spread.sd
    else:
        z = (math.log(x / (1.0 - x)) - math.log(middle / (1.0 - middle))) / spread.sd
    return float(normal_cdf([z])[0])


@dataclass(frozen=True, slots=True)
class Mattering:
    """A value and by how much an output's figure moves when it goes from its 5th to its 95th percentile, in the output's unit."""

    value: Value
    low: float
    high: float
    change: float


@lru_cache(maxsize=8)
def what_matters(words: str, count: int = MOST_NUMBERS) -> Mapping[str, tuple[Mattering, ...]]:
    """Per output, the numbers that move it most: each uncertain value alone from its 5th to its 95th percentile, all others as they ship.

    The figure of an output is `figure_of`. An output that no uncertain number moves has none. Two courses of the typical person for each value, in one integration.
    """
    asked = _typical(words)
    tried = {v.key: (v, known_of(v)) for v in uncertain_values(asked)}
    tried = {key: (v, known) for key, (v, known) in tried.items() if known.low < known.high}
    shipped = np.array([v.value for v, _ in tried.values()])
    rows = np.repeat(shipped[None], 2 * len(tried), axis=0)
    for k, (_, known) in enumerate(tried.values()):
        rows[2 * k, k], rows[2 * k + 1, k] = known.low, known.high
    times, table = under_each(asked, tuple(tried), rows)
    found: dict[str, list[Mattering]] = {}
    for name, courses in table.items():
        figures = np.array([figure_of(name, times, row) for row in courses])
        for k, (v, known) in enumerate(tried.values()):
            change = float(figures[2 * k + 1] - figures[2 * k])
            if math.isfinite(change) and change != 0:
                found.setdefault(name, []).append(Mattering(v, known.low, known.high, change))
    chosen = {}
    for name, all_of_them in found.items():
        ranked = sorted(all_of_them, key=lambda m: -abs(m.change))
        least = FELT * abs(ranked[0].change)
        chosen[name] = tuple(m for m in ranked[:count] if abs(m.change) > least)
    return FrozenMapping(chosen)


def figure_of(name: str, times: Array, row: Array) -> float:
    """The number of a course by which values are ranked: at 24 h for what stands for days (madrs, ideation), else the extreme, the farthest from the start."""
    if output(name).observed:
        return float(row[int(np.argmin(np.abs(times - 24.0)))])
    return float(row[int(np.argmax(np.abs(row - row[0])))])


def _typical(words: str | Scenario, **options: Any) -> Scenario:
    """The scenario for the typical person alone, over a week or longer."""
    asked = words.but(**options) if isinstance(words, Scenario) else scenario(words, **options)
    days = max(LOOK_DAYS, asked.end_h / 24.0)
    return asked.but(people=0, draws=0, days=days, at=None)


@lru_cache(maxsize=16)
def _uncertain(asked: Scenario) -> Mapping[str, Value]:
    chain = parameters_of(asked)
    found = {}
    for key in sorted(replaceable_values(asked)):
        v = chain[key] if key in chain else value(key)
        if v.uncertain is not None or _drawn(key):
            found[key] = v
    return FrozenMapping(found)


def _drawn(key: str) -> bool:
    shipped = posterior()
    return shipped is not None and key in shipped.names


def _each(asked: Scenario, chosen: Value, numbers: Sequence[float]) -> tuple[Array, Mapping[str, Array]]:
    """The typical courses under each number of one value. A value that was not fitted is part of one model in which every uncertain value can be moved, so
    that moving another one needs no new machine code."""
    if _drawn(chosen.key):
        return under_each(asked, (chosen.key,), np.array(numbers)[:, None])
    every = [v for v in _uncertain(asked).values() if v.key not in asked.values]
    rows = np.repeat(np.array([[v.value for v in every]]), len(numbers), axis=0)
    rows[:, [v.key for v in every].index(chosen.key)] = numbers
    return under_each(asked, tuple(v.key for v in every), rows)


def _headline(times: Array, table: Mapping[str, Array], key: str) -> Array:
    """A headline of each row (n,)."""
    rows = table[OUTPUT_OF[key]]
    if key not in LOOKS:
        return np.asarray(rows.max(axis=1))
    return np.asarray(rows[:, int(np.argmin(np.abs(times - LOOKS[key])))])


def _one(x: float) -> float | None:
    return float(x) if math.isfinite(x) else None


def _band(asked: Scenario, key: str) -> tuple[float, float] | None:
    """5th and 95th percentile of the headline over the whole posterior."""
    result = _under_posterior(asked)
    each = _headline(result.grid_h, result.model_grid_values, key)
    each = each[np.isfinite(each)]
    return (float(np.percentile(each, 5)), float(np.percentile(each, 95))) if each.size else None


@lru_cache(maxsize=8)
def _under_posterior(asked: Scenario) -> Result:
    return run(asked.but(draws=DEFAULT_DRAWS))


def _cut(column: Array, weights: Array, shares: Array) -> list[float]:
    """Weighted quantiles of a sorted column, linear between the middles of the weights."""
    middles = np.cumsum(weights) - weights / 2
    return [float(x) for x in np.interp(shares, middles / weights.sum(), column)]


def _floats(row: Array) -> tuple[float, ...]:
    return tuple(float(x) for x in row)
