"""The scorer against definitions: CRPS by quadrature, proper scores, coverage, gains with errors over studies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from scipy.stats import t as student

from ketasim.core import value
from ketasim.evidence.compare import scorer
from ketasim.evidence.compare.scorer import Scored


@pytest.mark.parametrize("y", [-3.0, 0.0, 0.7, 9.0])
@pytest.mark.parametrize("freedom", [3.0, 5.0, 30.0])
def test_crps_of_t_is_its_integral(y: float, freedom: float) -> None:
    """Integral of (F(x) - 1[x >= y])^2, mean 0.4, SD 1.7."""
    mean, sd = 0.4, 1.7
    law = student(freedom, loc=mean, scale=sd * math.sqrt((freedom - 2) / freedom))
    below = quad(lambda x: law.cdf(x) ** 2, -np.inf, y, epsabs=1e-12)[0]
    above = quad(lambda x: law.sf(x) ** 2, y, np.inf, epsabs=1e-12)[0]
    assert law.std() == pytest.approx(sd)
    assert scorer.crps(y, mean, sd, freedom) == pytest.approx(below + above, rel=1e-7)


@pytest.mark.parametrize("y", [-2.0, 0.4, 5.0])
def test_crps_of_a_normal_is_its_integral_and_the_limit_of_t(y: float) -> None:
    law = norm(0.4, 1.7)
    there = quad(lambda x: law.cdf(x) ** 2, -np.inf, y)[0] + quad(lambda x: law.sf(x) ** 2, y, np.inf)[0]
    assert scorer.crps_normal(y, 0.4, 1.7) == pytest.approx(there, rel=1e-7)
    assert scorer.crps(y, 0.4, 1.7, 1e5) == pytest.approx(there, rel=1e-4)


def test_log_score_is_a_density_of_the_sd_it_claims() -> None:
    grid = np.linspace(-60, 60, 120_001)
    density = np.exp([scorer.log_score(x, 1.0, 2.0) for x in grid[::20]])
    x = grid[::20]
    assert np.trapezoid(density, x) == pytest.approx(1.0, abs=1e-4)
    assert np.trapezoid(density * (x - 1.0) ** 2, x) == pytest.approx(4.0, rel=0.01)


@pytest.mark.parametrize("score", [lambda y, m, s: -scorer.log_score(y, m, s), scorer.crps])
def test_both_scores_are_proper(score) -> None:  # type: ignore[no-untyped-def]
    """Averaged over the truth, the truth scores best among other means and SDs."""
    truth = student(scorer.FREEDOM, scale=scorer.scale_of_sd()).ppf((np.arange(800) + 0.5) / 800)

    def mean_score(mean: float, sd: float) -> float:
        return float(np.mean([score(y, mean, sd) for y in truth]))

    best = mean_score(0.0, 1.0)
    assert all(mean_score(m, s) > best for m, s in ((0.3, 1.0), (0.0, 0.7), (0.0, 1.4), (-0.3, 1.2)))


def test_pit_and_edges_agree() -> None:
    for level in scorer.LEVELS:
        assert scorer.pit(3.0 + 2.0 * scorer.edge(level), 3.0, 2.0) == pytest.approx(0.5 + level / 200)
    assert value("evidence.predictive_freedom").value == scorer.FREEDOM


def rows(*z: float, study: str = "a") -> list[Scored]:
    return [Scored(study, "mood", x, 0.0, 1.0) for x in z]


def test_a_study_counts_once_in_figures_by_study() -> None:
    """Three numbers far off in one study, one number right in another: a quarter by row, half by study."""
    many = [*rows(9, 9, 9), *rows(0, study="b")]
    assert scorer.coverage(many)["coverage95"] == 0.25
    assert scorer.coverage_by_study(many)["coverage95"] == 0.5


def test_gains_have_their_error_over_studies() -> None:
    """Sum 6 of the studies' 1, 2, 3: SE sqrt(3) times their SD 1."""
    total, error = scorer.total_over_studies(["a", "b", "b", "c"], [1.0, 0.5, 1.5, 3.0])
    assert total == 6.0 and error == pytest.approx(math.sqrt(3))


def test_a_sharper_honest_prediction_gains() -> None:
    y = norm.ppf((np.arange(200) + 0.5) / 200)
    own = [Scored(f"s{i % 20}", "mood", v, 0.0, 1.0) for i, v in enumerate(y)]
    wide = [Scored(r.study, r.kind, r.y, 0.0, 3.0) for r in own]
    gain = scorer.compare(own, wide)
    assert gain["log_score_gain"] > 2 * gain["log_score_gain_se"] > 0
    assert gain["crps_gain"] > 2 * gain["crps_gain_se"] > 0
    back = scorer.compare(wide, own)
    assert back["log_score_gain"] == pytest.approx(-gain["log_score_gain"])
    assert scorer.summary(own, wide)["width_ratio"] == pytest.approx(1 / 3)
