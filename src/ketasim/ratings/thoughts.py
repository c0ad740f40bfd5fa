"""Suicidal thoughts before the first dose: a total that many people with depression have at 0.

The item before treatment is a normal number of each person, counted as 0 below 0 and as the end of the item above it (a doubly censored normal;
Tobin 1958, doi:10.2307/1907382). Who stands at 0 stays there: thoughts that come up new are outside the model.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ketasim.core.arrays import Array

from .setting import setting


def item_before(where: str, p: Mapping[str, Array]) -> Array:
    """Suicidal-thoughts item of the MADRS before the first dose, points, (P,).

    where : setting; who is admitted in a crisis has thoughts (`at_least` with `ideation_crisis_least`). p : `rating_numbers`.
    """
    top = np.asarray(p["ideation_maximum"], dtype=np.float64)
    item = np.minimum(np.asarray(p["ideation_baseline"], dtype=np.float64), top)
    return at_least(item, p["ideation_crisis_least"], top) if setting(where).crisis else item


def at_least(points: Array, least: Array | float, top: Array | float) -> Array:
    """Totals (P,) of people who were let in only from `least` points on: the same order, moved into what is left of the scale.

    y = least + x (1 - least / top): 0 becomes `least`, the end of the scale stays.
    """
    return np.asarray(least + points * (1.0 - np.asarray(least) / top))
