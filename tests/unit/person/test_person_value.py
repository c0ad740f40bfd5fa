"""What would help to know before the first dose: shrinkage, areas under the curve, conflicts around zero."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketasim.people import Traits
from ketasim.person.pool import Pool
from ketasim.person.value import Predictor, applied, auc, predictors, would_help


@pytest.mark.parametrize(("rho", "share"), [(0.3, 0.5), (0.6, 0.2), (-0.4, 0.5), (0.9, 0.7)])
def test_area_under_the_curve_against_counting(rho: float, share: float) -> None:
    generator = np.random.default_rng(4)
    x = generator.standard_normal(400_000)
    y = rho * x + math.sqrt(1 - rho**2) * generator.standard_normal(400_000)
    responds = y > np.quantile(y, 1 - share)
    order = np.argsort(np.argsort(x)) + 1.0
    n1, n0 = responds.sum(), (~responds).sum()
    counted = (order[responds].sum() - n1 * (n1 + 1) / 2) / (n1 * n0)  # Mann and Whitney
    assert auc(rho, share) == pytest.approx(counted, abs=2e-3)


def test_nothing_known_is_a_coin() -> None:
    assert auc(0.0) == 0.5


def test_shrinkage_is_that_of_two_normals() -> None:
    one = Predictor("x", "x", 0.4, 53, ("r",), "")
    mean, sd = one.effect(0.15)
    information = 50.0
    assert sd**-2 == pytest.approx(0.15**-2 + information)
    assert mean == pytest.approx(math.atanh(0.4) * information / (0.15**-2 + information))


def test_conflicts_foretell_nothing_and_keep_their_width() -> None:
    found = would_help(0.5, None)
    conflicts = [fact for fact in found["facts"] if fact["conflict"]]
    assert {fact["fact"] for fact in conflicts} >= {"crp_mg_per_l", "delta_sleep_ratio", "circadian_amplitude"}
    for fact in conflicts:
        assert fact["auc"] == 0.5 and fact["explained"] == 0.0
        assert fact["low"] == pytest.approx(-fact["high"]) and fact["high"] > 0.2


def test_no_single_fact_reaches_the_yardstick() -> None:
    found = would_help(0.5, None)
    assert found["yardstick_auc"] == 0.65
    assert all(fact["auc"] < 0.65 and fact["answer"] == "little" for fact in found["facts"])


def test_every_fact_has_a_record() -> None:
    assert all(one.records for one in predictors())


def test_a_known_fact_moves_the_gain_by_its_correlation() -> None:
    pool = Pool.of(Traits(), 160, 24)
    high, notes = applied(pool, {"bdnf_ng_per_ml": 15.5})
    one = next(p for p in predictors() if p.fact == "bdnf_ng_per_ml")
    mean, _ = one.effect(0.15)
    z = high.minds.moved["mood_gain"]
    assert z.mean() - pool.minds.moved["mood_gain"].mean() == pytest.approx(mean * (15.5 - 9.5) / 6.0, abs=0.03)
    assert z.std() == pytest.approx(1.0, abs=0.04)
    assert "BDNF" in notes[0]


def test_a_fact_that_conflicts_changes_nobody() -> None:
    pool = Pool.of(Traits(), 16, 4)
    same, notes = applied(pool, {"crp_mg_per_l": 9.0, "delta_sleep_ratio": 1.2})
    assert (same.minds.moved["mood_gain"] == pool.minds.moved["mood_gain"]).all()
    assert len(notes) == 2 and "changes nothing" in notes[0]
