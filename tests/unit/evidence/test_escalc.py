"""Effect sizes and variances against R 4.2.2, metafor 3.8-1; the calls stand beside the numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketasim.evidence.compare import escalc
from ketasim.evidence.compare.baseline import _between

CLOSE = 1e-9


@pytest.mark.parametrize(
    ("found", "yi", "vi"),
    [
        # escalc("OR", ai=60, bi=51, ci=42, di=66); "RR"; "RD"
        (escalc.log_odds_ratio(60, 51, 42, 66), 0.614504053241, 0.075235548765),
        (escalc.log_risk_ratio(60, 51, 42, 66), 0.329275969751, 0.0222079222079),
        (escalc.risk_difference(60, 51, 42, 66), 0.151651651652, 0.00443794859889),
        # escalc("OR", ai=0, bi=12, ci=5, di=8); "RR"
        (escalc.log_odds_ratio(0, 12, 5, 8), -2.78355775361, 2.37946524064),
        (escalc.log_risk_ratio(0, 12, 5, 8), -2.32378730064, 2.03346653347),
        # escalc("PLO", xi=17, ni=63, add=0.5, to="all"); escalc("PLO", xi=0, ni=8)
        (escalc.logit_share(17, 63), -0.977251431664, 0.0786482334869),
        (escalc.logit_share(0, 8), -2.83321334406, 2.11764705882),
        # escalc("SMD", m1i=-16.5, sd1i=11, n1i=47, m2i=-8.8, sd2i=9.5, n2i=25); m1i=-10, sd1i=9, n1i=8, m2i=-4, sd2i=8, n2i=7
        (escalc.hedges_g((-16.5, 11, 47), (-8.8, 9.5, 25)), -0.724762763375, 0.0649243809056),
        (escalc.hedges_g((-10, 9, 8), (-4, 8, 7)), -0.660106789558, 0.282381841978),
        # escalc("MD", ...); escalc("ZCOR", ri=-0.35, ni=42); escalc("SDLN", sdi=11, ni=47)
        (escalc.mean_difference((-16.5, 11, 47), (-8.8, 9.5, 25)), -7.7, 6.18446808511),
        (escalc.fisher_z(-0.35, 42), -0.365443754271, 0.025641025641),
        (escalc.log_sd(11, 47), 2.40876483802, 0.0108695652174),
        # escalc("ROM", m1i=296, sd1i=80, n1i=12, m2i=89, sd2i=20, n2i=10)
        (escalc.log_ratio_of_means((296, 80, 12), (89, 20, 10)), 1.20172308459, 0.0111370356903),
    ],
)
def test_as_metafor(found: tuple[float, float], yi: float, vi: float) -> None:
    assert found == pytest.approx((yi, vi), rel=CLOSE)


def test_the_small_sample_factor() -> None:
    """Close to Hedges' 1 - 3 / (4 m - 1), and 1 in the limit."""
    for m in (8, 13, 40, 200):
        assert escalc.small_sample_factor(m) == pytest.approx(1 - 3 / (4 * m - 1), abs=0.6 / m**2)
    assert escalc.small_sample_factor(1e6) == pytest.approx(1.0, abs=1e-6)


def test_spread_between_studies_as_metafor() -> None:
    """rma(yi = c(-4.1, -3.2, -9.8, -3.9, -9.1, 2.6), sei = c(1.83, 1.88, 1.39, 1.39, 3.2, 2.6), method = "DL"): tau2 12.8194, estimate -4.64514."""
    y = np.array([-4.1, -3.2, -9.8, -3.9, -9.1, 2.6])
    v = np.array([1.83, 1.88, 1.39, 1.39, 3.2, 2.6]) ** 2
    tau2 = _between(y, v)
    assert tau2 == pytest.approx(12.8194338968, rel=CLOSE)
    w = 1 / (v + tau2)
    assert (w * y).sum() / w.sum() == pytest.approx(-4.64514418987, rel=CLOSE)
    assert math.sqrt(1 / w.sum()) == pytest.approx(1.68307158651, rel=CLOSE)
