"""Scatter of levels by the way of the doses: one table, whoever asks."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.dose import parse
from ketasim.person.given import Given, Placed
from ketasim.person.observed import level_noise, route_of
from ketasim.person.own_body import residual
from ketasim.person.own_table import OwnValue


@pytest.mark.parametrize(
    ("words", "route"),
    [
        (("ketamine im 0.5 mg/kg",), "injected"),
        (("ketamine sc 0.5 mg/kg",), "injected"),
        (("ketamine sublingual 100 mg",), "mucosal"),
        (("ketamine iv 0.5 mg/kg over 40 min",), "intravenous"),
        (("ketamine oral 100 mg", "ketamine iv 0.5 mg/kg over 40 min"), "all"),
        (("ketamine im 0.5 mg/kg", "ssri oral daily"), "injected"),  # tablets beside it bring no level of ketamine
    ],
)
def test_the_fit_of_a_body_scatters_levels_as_the_forecast_does(words: tuple[str, ...], route: str) -> None:
    way = Given(tuple(Placed(parse(one)) for one in words), 24.0)
    assert route_of(way) == route
    assay, occasion, sample = level_noise(route)
    (found,) = residual([OwnValue(1, 1.0, "plasma.ketamine", 100.0, False)], way)
    assert found == pytest.approx(np.array([assay**2 + occasion**2 + sample**2]))
