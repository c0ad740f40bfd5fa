"""Suicidal thoughts before treatment in the people of a study, on the scale of the row: how many stand at 0 follows from the printed mean and SD."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import ndtr

from ketasim.core.arrays import Array
from ketasim.ratings.thoughts import at_least, item_before

from ..published.study import Arm
from ..published.vocabulary import SCALE_RANGES
from .quasi import EvenPeople

ITEM = "MADRS item 10"


def thoughts_before(
    scale: str, arm: Arm, table: Mapping[str, Any], people: EvenPeople, p: Mapping[str, Array]
) -> tuple[Array, float]:
    """Total before the first dose of every person (P,) and the end of the scale, both in points of `scale`.

    table : `ideation_baseline` of the study, to which the numbers of the arm come first. With a printed mean and SD: a normal number held within
    the scale (`censored_normal`). With a mean alone: the same, its SD in proportion as that of the item of the MADRS. With neither: the item stretched
    to the scale, and for people who were let in only from `at_least` points on, moved up (`ratings.thoughts.at_least`).
    """
    top = float(SCALE_RANGES.get(scale, SCALE_RANGES[ITEM])[1])  # all of them begin at 0
    item = item_before(arm.setting, p)
    stretched = item * (top / SCALE_RANGES[ITEM][1])
    if table.get("scale") != scale:
        return stretched, top
    mean, sd = (
        float(table.get(name, math.nan)) if math.isnan(own) else own
        for name, own in (("mean", arm.ideation_baseline), ("sd", arm.ideation_baseline_sd))
    )
    if math.isnan(mean):
        return at_least(stretched, float(table.get("at_least", 0.0)), top), top
    if math.isnan(sd):
        sd = mean * float(item.std() / item.mean())
    middle, spread = censored_normal(mean, sd, top)
    return np.clip(middle + spread * people.effect("ideation_baseline"), 0.0, top), top


def censored_moments(middle: float, spread: float, top: float) -> tuple[float, float]:
    """Mean and SD of min(max(X, 0), top) for a normal X with mean `middle` and SD `spread`; all in points.

    With a = -middle/spread, b = (top - middle)/spread, phi and Phi the standard normal density and distribution:
    E = middle [Phi(b) - Phi(a)] + spread [phi(a) - phi(b)] + top [1 - Phi(b)], and likewise for the square (Tobin 1958, doi:10.2307/1907382).
    """
    a, b = -middle / spread, (top - middle) / spread
    density_a, density_b = (math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) for z in (a, b))
    inside, above = float(ndtr(b) - ndtr(a)), float(ndtr(-b))
    slope = density_a - density_b
    first = middle * inside + spread * slope + top * above
    square = (middle**2 + spread**2) * inside + 2.0 * middle * spread * slope
    square += spread**2 * (a * density_a - b * density_b) + top**2 * above
    return first, math.sqrt(max(square - first**2, 0.0))


@lru_cache(maxsize=256)
def censored_normal(mean: float, sd: float, top: float) -> tuple[float, float]:
    """Mean and SD of the normal number that, held between 0 and `top`, has the printed mean and SD; points, 0 < mean < top, sd > 0."""
    from scipy.optimize import least_squares  # here: only studies of suicidal thoughts need it

    def off(x: Array) -> list[float]:
        found = censored_moments(float(x[0]), math.exp(float(x[1])), top)
        return [(found[0] - mean) / top, (found[1] - sd) / top]

    found = least_squares(off, [mean, math.log(sd)], xtol=1e-12, ftol=1e-12, gtol=1e-12).x
    return float(found[0]), math.exp(float(found[1]))
