"""A small fixed set of people that fills the space of person effects evenly, for arm means without sampling noise.

The same people stand in every arm of every study, so a contrast holds no noise of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ketasim.core import stream, values
from ketasim.core.arrays import Array
from ketasim.people import People, Traits

PEOPLE = 64
SEED = 1
_BITS = 30
# Purposes that move arm means most get a dimension of the Sobol sequence, in this order; its low dimensions are the most even.
LEADING = (
    "mood_gain",
    "expectancy_gain",
    "dissociation_gain",
    "typical_madrs",
    "population_weight",
    "metabolic_capacity",
    "nasal_fraction",
    "pressure_gain",
    "central_volume",
    "ssri_gain",
    "ideation_gain",
    "ideation_baseline",
    "sedation_gain",
    "nausea_gain",
    "dizziness_gain",
    "population_age",
)


@lru_cache(maxsize=8)
def _sobol(count: int) -> NDArray[np.uint64]:
    from scipy.stats import qmc  # here: it takes longer to load than all the rest of the catalogue of the page

    points = qmc.Sobol(len(LEADING), scramble=False, bits=_BITS).random(count)
    return np.asarray(points * 2.0**_BITS, dtype=np.uint64)


@lru_cache(maxsize=4096)
def even_numbers(count: int, purpose: str) -> Array:
    """`count` numbers in (0, 1), one in each of `count` equal strata, keyed by the purpose.

    Leading purposes: Sobol points with a digital shift of their own (a net stays a net). All others: a keyed random order of
    the strata (Latin hypercube), so that a new purpose changes nobody.
    """
    if purpose in LEADING:
        shift = np.uint64(stream(SEED, f"quasi shift {purpose}", 1)[0] * 2.0**_BITS)
        numbers = ((_sobol(count)[:, LEADING.index(purpose)] ^ shift).astype(np.float64) + 0.5) / 2.0**_BITS
    else:
        order = np.argsort(np.argsort(stream(SEED, f"quasi order {purpose}", count), kind="stable"), kind="stable")
        numbers = (order + stream(SEED, f"quasi place {purpose}", count)) / count
    numbers.setflags(write=False)
    return numbers


@dataclass(frozen=True)
class EvenPeople(People):
    """People whose effects come from `even_numbers`, with the weight, age and baseline a study reports.

    baseline, baseline_sd in MADRS points; mean_weight kg; mean_age years; NaN where the study says nothing.
    """

    baseline: float = float("nan")
    baseline_sd: float = float("nan")
    mean_weight: float = float("nan")
    mean_age: float = float("nan")

    def effect(self, key: str) -> Array:
        """Standard normal effect of each person for the value `key` (both enantiomers share one)."""
        shared = key[2:] if key[:2] in ("s_", "r_") else key
        return np.asarray(ndtri(even_numbers(len(self), shared)))

    def _uniform(self, key: str) -> Array:
        return even_numbers(len(self), key)

    @property
    def madrs(self) -> Array:
        """MADRS before treatment, points, spread as the study reports it."""
        number = values("people")["typical_madrs"]
        spread = number.between.sd if number.between else 0.0
        mean = number.value if np.isnan(self.baseline) else self.baseline
        sd = spread if np.isnan(self.baseline_sd) else self.baseline_sd
        low, high = number.bounds or (1.0, 59.0)
        return np.clip(mean + sd * self.effect("typical_madrs"), low, high)

    @property
    def weight(self) -> Array:
        """Body weight, kg: the population's spread around the study's mean."""
        drawn = self.draw(values("people")["population_weight"])
        return drawn if np.isnan(self.mean_weight) else drawn * (self.mean_weight / float(drawn.mean()))

    @property
    def age(self) -> Array:
        """Age, years: the population's spread around the study's mean."""
        drawn = self.draw(values("people")["population_age"])
        return drawn if np.isnan(self.mean_age) else np.clip(drawn + (self.mean_age - float(drawn.mean())), 18.0, 95.0)


def even_people(count: int = PEOPLE, traits: Traits | None = None, **reported: float) -> EvenPeople:
    """`count` evenly spread people; reported: baseline, baseline_sd, mean_weight, mean_age."""
    own: dict[str, Any] = dict(reported)
    return EvenPeople(SEED, np.arange(count), traits or Traits(), **own)
