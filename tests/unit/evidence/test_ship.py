"""What ships: draws of the plasma values join those of the fit."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import values
from ketasim.core.posterior import Posterior
from ketasim.evidence.fit.ship import plasma_draws, with_plasma
from ketasim.scenario import run as run_module
from ketasim.scenario.run import run


def test_every_draw_has_plasma_draws_of_its_own():
    fitted = np.array([[1.0], [2.0], [3.0]])
    plasma = np.array([[10.0, 0.1], [20.0, 0.2]])
    names, joined = with_plasma(["size"], fitted, ["volume", "share"], plasma)
    assert names == ["size", "volume", "share"]
    assert joined.tolist() == [[1.0, 10.0, 0.1], [2.0, 20.0, 0.2], [3.0, 10.0, 0.1]]


def test_a_value_of_both_fits_keeps_the_draws_of_the_evidence():
    names, joined = with_plasma(["volume"], np.array([[1.0]]), ["volume", "share"], np.array([[10.0, 0.1]]))
    assert names == ["volume", "share"] and joined.tolist() == [[1.0, 0.1]]
    assert with_plasma(["volume"], np.array([[1.0]]), [], np.empty((0, 0)))[0] == ["volume"]


def test_the_shipped_plasma_draws_are_of_plasma_values_and_independent_of_a_fit():
    names, drawn = plasma_draws()
    assert set(names) <= set(values("plasma")) and len(drawn) >= 200
    size = np.random.default_rng(3).standard_normal(800)
    _, joined = with_plasma(["size"], size[:, None], names, drawn)
    assert np.abs(np.corrcoef(joined.T)[0, 1:]).max() < 4.0 / np.sqrt(len(drawn))


def test_a_run_varies_the_concentration_with_the_joined_draws(monkeypatch):
    """Without plasma draws the model's band of a concentration has no width; with them it has that of the plasma fit."""
    names, drawn = plasma_draws()

    def band(joined: bool):
        keys, table = with_plasma(
            ["mood_late_size"], np.full((32, 1), 0.6), *((names, drawn) if joined else ([], drawn[:0]))
        )
        monkeypatch.setattr(run_module, "posterior", lambda: Posterior(tuple(keys), table, np.full(32, 1.0 / 32)))
        found = run("ketamine iv 0.5 mg/kg over 40 min", people=0, draws=32, at="40 min, 6 h")
        return found.model_values["plasma.ketamine"]

    flat, wide = band(False), band(True)
    assert np.ptp(flat, axis=0) == pytest.approx(0.0, abs=1e-9)
    assert (np.log(wide).std(axis=0) > 0.02).all() and (np.log(wide).std(axis=0) < 0.6).all()
