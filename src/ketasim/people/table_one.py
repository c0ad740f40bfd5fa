"""People from a printed Table 1: means, SDs, ranges, quartiles, counts and correlations; impossible tables are refused with the reason.

    [people]
    n = 227
    baseline = { mean = 37.3, sd = 5.7, min = 28 }
    age = { mean = 45.7, sd = 11.9, min = 18, max = 64 }
    women = { count = 138, of = 223 }
    correlations = [["age", "baseline", 0.1]]

Every person is a point of correlated standard normals, keyed by (seed, quantity, person), turned into the quantities (`marginal`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ketasim.core import KetasimError, Problem, UsageError, nearest, normals
from ketasim.core.arrays import Array, BoolArray

from .cohort import RANGES, People, Traits
from .marginal import Impossible, Marginal, binary, from_moments, from_quartiles, latent_correlation

# What can stand in a Table 1, with the range outside which a number is a slip of the pen.
CONTINUOUS: Mapping[str, tuple[float, float]] = {
    "baseline": (1.0, 77.0),
    "age": RANGES["age"][:2],
    "weight": RANGES["weight"][:2],
    "bmi": (12.0, 80.0),
    "crp": (0.0, math.inf),
    "bdnf": (0.0, math.inf),
    "delta_sleep_ratio": (0.0, 5.0),
    "slow_wave_rise": (-5.0, 5.0),
    "circadian_amplitude": (0.0, math.inf),
    "benzodiazepine_dose": (0.0, 200.0),
    "episode_months": (0.0, 900.0),
    "failed_treatments": (0.0, 30.0),
    "sbp": (70.0, 230.0),
    "dbp": (40.0, 140.0),
    "heart_rate": (35.0, 150.0),
}
BINARY = (
    "women",
    "met_carrier",
    "cyp2b6_slow",
    "cyp3a4_slow",
    "alcohol_history",
    "family_alcohol_history",
    "substance_history",
    "benzodiazepine_use",
    "inpatient",
)
NUMBERS = ("mean", "sd", "min", "max", "median", "q1", "q3")
COUNTS = ("share", "count", "of")
HEIGHT_M = 1.70  # where a table has BMI and no weight; assumed, middle of adults


@dataclass(frozen=True)
class TableOne:
    """marginals : quantity -> distribution; root : lower root of the correlation of their normals, in the order of `marginals`."""

    marginals: Mapping[str, Marginal]
    root: Array

    @property
    def names(self) -> tuple[str, ...]:
        """The quantities, in the order printed."""
        return tuple(self.marginals)

    def cohort(
        self, count: int, seed: int = 1, first: int = 0, traits: Traits | None = None, per_point: float = 1.0
    ) -> TableOnePeople:
        """People `first` to `first + count - 1`. per_point : MADRS points per point of the scale of `baseline`."""
        return TableOnePeople(seed, np.arange(first, first + count), traits or Traits(), self, per_point)


@dataclass(frozen=True)
class TableOnePeople(People):
    """People whose printed quantities follow a Table 1; everything else is drawn as always. per_point : see `TableOne.cohort`."""

    table: TableOne = field(default_factory=lambda: TableOne({}, np.zeros((0, 0))))
    per_point: float = 1.0

    @cached_property
    def quantities(self) -> Mapping[str, Array]:
        """Every printed quantity, (P,) each."""
        own = [normals(self.seed, f"table one {name}", self.person) for name in self.table.names]
        found: dict[str, Array] = {}
        for row, (name, marginal) in enumerate(self.table.marginals.items()):
            z = sum((float(self.table.root[row, k]) * own[k] for k in range(row + 1)), start=np.zeros(len(self)))
            found[name] = marginal(z)
        return found

    def _printed(self, name: str) -> Array | None:
        return self.quantities.get(name)

    @cached_property
    def weight(self) -> Array:
        """Body weight, kg; from the BMI where only that is printed."""
        found, index = self._printed("weight"), self._printed("bmi")
        if found is not None:
            return found
        return super().weight if index is None else np.clip(index * HEIGHT_M**2, *RANGES["weight"][:2])

    @cached_property
    def age(self) -> Array:
        """Age, years."""
        found = self._printed("age")
        return super().age if found is None else found

    @cached_property
    def madrs(self) -> Array:
        """MADRS before treatment, points."""
        found = self._printed("baseline")
        return super().madrs if found is None else np.clip(found * self.per_point, *RANGES["baseline"][:2])

    @cached_property
    def women(self) -> BoolArray:
        """True for women."""
        found = self._printed("women")
        return super().women if found is None else found > 0.5

    def status(self, name: str) -> tuple[Array, float] | None:
        """A yes or no of each person and the printed share, if the table has its line."""
        if name not in BINARY or name not in self.quantities:
            return None
        return self.quantities[name], self.table.marginals[name].a

    def resting(self, name: str) -> Array:
        """A resting vital sign; as printed where the table has it."""
        found = self._printed(name)
        return super().resting(name) if found is None else found


def read_table(table: Mapping[str, Any]) -> TableOne:
    """A Table 1 from plain data. Raises UsageError that lists everything wrong with it."""
    problems = table_problems(table)
    if problems:
        raise UsageError(
            f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in the table",
            where="\n".join(str(problem) for problem in problems),
        )
    marginals = {
        name: _marginal(name, entry, _people(table))
        for name, entry in table.items()
        if name not in ("n", "correlations")
    }
    return TableOne(marginals, _root(marginals, table.get("correlations", ())))


def _people(table: Mapping[str, Any]) -> float:
    n = table.get("n", math.nan)
    return float(n) if isinstance(n, int | float) and not isinstance(n, bool) else math.nan


def _marginal(name: str, entry: Mapping[str, Any], n: float) -> Marginal:
    """The distribution of one line of the table."""
    if name in BINARY:
        if "share" in entry:
            return binary(float(entry["share"]))
        return binary(float(entry["count"]) / float(entry.get("of", n)))
    usual = CONTINUOUS[name]
    low, high = float(entry.get("min", usual[0])), float(entry.get("max", usual[1]))
    if "median" in entry:
        return from_quartiles(float(entry["median"]), float(entry["q1"]), float(entry["q3"]), low, high)
    return from_moments(float(entry["mean"]), float(entry["sd"]), low, high)


def _root(marginals: Mapping[str, Marginal], asked: Any) -> Array:
    names = list(marginals)
    found = np.eye(len(names))
    for one, other, wanted in asked:
        i, j = names.index(one), names.index(other)
        found[i, j] = found[j, i] = latent_correlation(marginals[one], marginals[other], float(wanted))
    return np.linalg.cholesky(found + 1e-12 * np.eye(len(names)))


def table_problems(table: Mapping[str, Any], scale: str = "MADRS") -> list[Problem]:
    """Everything wrong with a Table 1; `where` is the key (`baseline.sd`)."""
    found: list[Problem] = []
    n = table.get("n", math.nan)
    if not _is_number(n) or (math.isfinite(n) and (n < 1 or not float(n).is_integer())):
        found.append(Problem("n", f"n is a whole number of people, not {n!r:.30}", "n = 120"))
    marginals: dict[str, Marginal] = {}
    for name, entry in table.items():
        if name in ("n", "correlations"):
            continue
        if name not in CONTINUOUS and name not in BINARY:
            near = nearest(name, (*CONTINUOUS, *BINARY))
            allowed = ", ".join((*CONTINUOUS, *BINARY))
            found.append(Problem(name, f"unknown line '{name}' of the table; allowed: {allowed}", (near or ["age"])[0]))
            continue
        wrong = _line_problems(name, entry, _people(table))
        if not wrong:
            try:
                marginals[name] = _marginal(name, entry, _people(table))
            except Impossible as error:
                wrong = [Problem(name, f"{name}: {error.what}", error.allowed)]
        found += wrong
    return found + _correlation_problems(table.get("correlations", ()), marginals)


def _is_number(item: Any) -> bool:
    return isinstance(item, int | float) and not isinstance(item, bool)


def _line_problems(name: str, entry: Any, n: float) -> list[Problem]:
    known = COUNTS if name in BINARY else NUMBERS
    example = f"{name} = {{ share = 0.6 }}" if name in BINARY else f"{name} = {{ mean = 45, sd = 12 }}"
    if not isinstance(entry, Mapping):
        return [Problem(name, f"{name} is a table of printed numbers", example)]
    found = [
        Problem(f"{name}.{key}", f"unknown entry '{key}' of {name}; allowed: {', '.join(known)}", example)
        for key in entry
        if key not in known
    ]
    found += [
        Problem(f"{name}.{key}", f"{key} of {name} is a finite number, not {item!r:.30}", example)
        for key, item in entry.items()
        if not _is_number(item) or not math.isfinite(item)
    ]
    if found:
        return found
    if name in BINARY:
        return _count_problems(name, entry, n)
    if ("median" in entry) == ("mean" in entry):
        return [Problem(name, f"{name} has a mean with its SD, or a median with its quartiles", example)]
    needed = ("q1", "q3") if "median" in entry else ("sd",)
    found += [Problem(name, f"{name} has no {key}", f"{key} = ...") for key in needed if key not in entry]
    if entry.get("sd", 0.0) < 0:
        found.append(Problem(f"{name}.sd", f"the SD of {name} is negative", example))
    low, high = CONTINUOUS[name]
    for key in ("mean", "median", "min", "max"):
        if key in entry and not low <= entry[key] <= high:
            found.append(
                Problem(
                    f"{name}.{key}", f"{key} of {name} cannot be {entry[key]:g}; allowed: {low:g} to {high:g}", example
                )
            )
    if entry.get("min", low) >= entry.get("max", high):
        found.append(Problem(f"{name}.min", f"the smallest {name} is not below the largest", "min = 18, max = 64"))
    return found


def _count_problems(name: str, entry: Mapping[str, Any], n: float) -> list[Problem]:
    if ("share" in entry) == ("count" in entry):
        return [Problem(name, f"{name} has a share, or a count with `of`", f"{name} = {{ count = 60, of = 100 }}")]
    if "share" in entry:
        if not 0 <= entry["share"] <= 1:
            return [Problem(f"{name}.share", f"a share cannot be {entry['share']:g}; allowed: 0 to 1", "share = 0.6")]
        return []
    of = float(entry.get("of", n))
    if math.isnan(of):
        return [Problem(name, f"{name} counts people, of how many?", "of = 100   # or n = 100 for the table")]
    if not 0 <= entry["count"] <= of or not float(entry["count"]).is_integer() or of <= 0:
        return [
            Problem(f"{name}.count", f"{entry['count']:g} of {of:g} people is no count", f"count = {round(of / 2)}")
        ]
    return []


def _correlation_problems(asked: Any, marginals: Mapping[str, Marginal]) -> list[Problem]:
    example = 'correlations = [["age", "weight", 0.1]]'
    if not isinstance(asked, list | tuple):
        return [Problem("correlations", "correlations are a list of triples", example)]
    found: list[Problem] = []
    matrix = np.eye(len(marginals))
    names = list(marginals)
    for item in asked:
        triple = isinstance(item, list | tuple) and len(item) == 3 and _is_number(item[2])
        if not triple or not -1 < item[2] < 1 or item[0] == item[1]:
            found.append(
                Problem(
                    "correlations", f"{item!r:.60} is no correlation of two different lines within -1 and 1", example
                )
            )
            continue
        if item[0] not in marginals or item[1] not in marginals:
            found.append(Problem("correlations", f"{item!r:.60} names a line that the table has not", example))
            continue
        i, j = names.index(item[0]), names.index(item[1])
        try:
            matrix[i, j] = matrix[j, i] = latent_correlation(marginals[item[0]], marginals[item[1]], float(item[2]))
        except (Impossible, ValueError) as error:
            words = error.what + f"; allowed: {error.allowed}" if isinstance(error, KetasimError) else str(error)
            found.append(Problem("correlations", f"{item[0]} and {item[1]}: {words}", example))
    if not found and len(names) and np.linalg.eigvalsh(matrix)[0] < -1e-9:
        found.append(
            Problem(
                "correlations",
                "these correlations contradict each other: no people have all of them at once",
                "weaken or leave out one of them",
            )
        )
    return found
