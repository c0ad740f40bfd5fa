"""A value under one draw of the posterior: its number and its spread between people replaced together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ketasim.core import Value

SPREAD = ".spread"  # suffix of the SD between people in a draw
MEAN_ONE = ("mood_gain", "expectancy_gain", "ideation_gain")
LINK_CEILING, TIED_SLOPE = "link_ceiling", "link_slope"


def tied_slope(ceiling: float) -> float:
    """Slope of the mood link for which a drive of ln 2 halves the score, whatever the ceiling U: ln[(2U - 1)/(U - 1)] / ln 2."""
    return float(np.log((2.0 * ceiling - 1.0) / (ceiling - 1.0)) / np.log(2.0))


def drawn_value(shipped: Value, replaced: Mapping[str, float]) -> Value:
    """The value with number and spread of a draw; what the draw does not name stays as shipped.

    Gains between people are log-normal with mean 1, so a drawn spread s moves their median to exp(-s^2 / 2) unless the draw holds
    the median itself. The slope of the mood link follows its ceiling U, so that a drive of ln 2 halves the score:
    ln[(2 U - 1) / (U - 1)] / ln 2.
    """
    key, found = shipped.key, shipped
    if key + SPREAD in replaced and found.between is not None:
        sd = float(replaced[key + SPREAD])
        found = replace(found, between=replace(found.between, sd=sd))
        if key in MEAN_ONE:
            found = replace(found, value=float(np.exp(-(sd**2) / 2.0)))
    if key in replaced:
        return replace(found, value=float(replaced[key]))
    if key == TIED_SLOPE and LINK_CEILING in replaced:
        return replace(found, value=tied_slope(float(replaced[LINK_CEILING])))
    return found
