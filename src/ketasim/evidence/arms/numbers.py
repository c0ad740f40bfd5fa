"""The numbers a prediction uses: shipped values, some of them replaced; and one number per person where people differ.

A key is that of a value (`mood_late_size`), or that of a value followed by `.spread` for the SD between people on the scale of its spread
(`mood_gain.spread`). Where a value is the median of a log-normal with mean 1 (the gains of mood and expectancy), changing the spread
moves the median with it, so that the mean stays 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from ketasim.core import Value, all_values
from ketasim.core import value as named_value
from ketasim.core.arrays import Array
from ketasim.people import People
from ketasim.people.drawn import LINK_CEILING, MEAN_ONE, SPREAD, TIED_SLOPE, drawn_value, tied_slope
from ketasim.ratings.mood import rating_numbers


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

    def integrated[S, C](self, spec: S, integrate: Callable[[S, Mapping[str, float]], C]) -> C:
        """An arm integrated with these numbers; a fit that needs thousands of predictions reads it from arms integrated before."""
        return integrate(spec, self.chain)

    def full(self, key: str) -> Value:
        """The value with replaced number and spread."""
        return drawn_value(_table().get(key) or named_value(key), self.replaced)

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


__all__ = ["LINK_CEILING", "MEAN_ONE", "SPREAD", "TIED_SLOPE", "Numbers", "tied_slope"]
