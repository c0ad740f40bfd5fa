"""The numbers a prediction uses: shipped values, some of them replaced; and one number per person where people differ.

A key is that of a value (`mood_late_size`), or that of a value followed by `.spread` for the SD between people on the scale of its spread
(`mood_gain.spread`). Where a value is the median of a log-normal with mean 1 (the gains of mood and expectancy), changing the spread
moves the median with it, so that the mean stays 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np

from ketasim.core import Value, all_values
from ketasim.core import value as named_value
from ketasim.core.arrays import Array
from ketasim.people import People
from ketasim.ratings.mood import rating_numbers

SPREAD = ".spread"
MEAN_ONE = ("mood_gain", "expectancy_gain", "ideation_gain")

LINK_CEILING, TIED_SLOPE = "link_ceiling", "link_slope"


def tied_slope(ceiling: float) -> float:
    """Slope of the mood link for which a drive of ln 2 halves the score, whatever the ceiling U: ln[(2U - 1)/(U - 1)] / ln 2."""
    return float(np.log((2.0 * ceiling - 1.0) / (ceiling - 1.0)) / np.log(2.0))


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Value]:
    return {v.key: v for v in all_values()}


@dataclass(frozen=True)
class Numbers:
    """Values by key, some replaced."""

    replaced: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, key: str) -> float:
        """The number of a value."""
        return self.full(key).value

    def arm[T](self, spec: T) -> T:
        """The arm as these numbers want it integrated: as it is; a hypothesis puts its mechanisms in."""
        return spec

    def full(self, key: str) -> Value:
        """The value with replaced number and spread."""
        found = _table().get(key) or named_value(key)
        if key + SPREAD in self.replaced and found.between is not None:
            sd = float(self.replaced[key + SPREAD])
            found = replace(found, between=replace(found.between, sd=sd))
            if key in MEAN_ONE:
                found = replace(found, value=float(np.exp(-(sd**2) / 2.0)))
        if key in self.replaced:
            found = replace(found, value=float(self.replaced[key]))
        elif key == TIED_SLOPE and LINK_CEILING in self.replaced:
            found = replace(found, value=tied_slope(float(self.replaced[LINK_CEILING])))
        return found

    def person(self, key: str, people: People) -> Array:
        """One number per person (P,)."""
        return people.draw(self.full(key))

    @cached_property
    def chain(self) -> dict[str, float]:
        """What may have to be integrated anew: replaced values that are no spread; an arm takes those that its integration reads."""
        return {key: float(v) for key, v in self.replaced.items() if not key.endswith(SPREAD)}

    def setting(self, people: People) -> dict[str, Array]:
        """Setting and observation values, one number per person, (P,) each."""
        return rating_numbers(people, lambda key, _: (self.full(key), None))
