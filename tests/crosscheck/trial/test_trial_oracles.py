"""Survival, shares, imputation, bounds and sizes against printed results of R and SAS (calls: `oracles.R` in this folder)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from trial_examples import antidepressant

from ketasim.trial import analyse


@pytest.fixture(scope="module")
def made() -> dict[str, np.ndarray]:
    with (Path(__file__).parent / "relapse_made.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def any_end(made: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return made["time"], (made["kind"] > 0).astype(int), made["arm"].astype(int)


def test_log_rank_equals_survdiff(made: dict[str, np.ndarray]) -> None:
    found = analyse.log_rank(*any_end(made))
    assert found.observed[0, 0] == 22
    assert found.expected[0, 0] == pytest.approx(21.80885874789210, rel=1e-12)
    assert 1 / found.se[0, 0] ** 2 == pytest.approx(10.08388096188499, rel=1e-12)
    assert found.z[0, 0] ** 2 == pytest.approx(0.00362310685692, rel=1e-9)
    strata = analyse.log_rank(*any_end(made), strata=made["site"])
    assert strata.expected[0, 0] == pytest.approx(23.43707644144, rel=1e-11)
    assert strata.z[0, 0] ** 2 == pytest.approx(0.21525019736, rel=1e-9)


def test_cox_equals_coxph_with_efron_ties(made: dict[str, np.ndarray]) -> None:
    found = analyse.cox(*any_end(made))
    assert found.estimate[0] == pytest.approx([-0.00720644425662, 0.25989533820731], abs=1e-9)
    assert found.se[0] == pytest.approx([0.302936433585, 0.290226619200], abs=1e-9)
    assert found.p[0] == pytest.approx([0.981021205416, 0.370524651255], abs=1e-8)
    found = analyse.cox(*any_end(made), made["score"][:, None], strata=made["site"])
    assert found.estimate[0] == pytest.approx([-0.00476920425269, 0.39525241442244], abs=1e-9)
    assert found.se[0] == pytest.approx([0.3220619772959, 0.3024631773826], abs=1e-9)


def test_cox_within_strata_equals_coxph(made: dict[str, np.ndarray]) -> None:
    found = analyse.cox(*any_end(made), strata=made["site"])
    assert found.estimate[0] == pytest.approx([-0.147850658655, 0.312571689941], abs=1e-9)
    assert found.se[0] == pytest.approx([0.308579967029, 0.297947023609], abs=1e-9)
    assert found.p[0] == pytest.approx([0.631844445023, 0.294139096969], abs=1e-8)


def test_covariance_within_strata_equals_lm(made: dict[str, np.ndarray]) -> None:
    found = analyse.ancova(made["time"], made["arm"].astype(int), made["score"][:, None], strata=made["site"])
    assert found.estimate[0] == pytest.approx([-0.3840038941482, -1.6314800128135], abs=1e-10)
    assert found.se[0] == pytest.approx([2.5364577068880, 2.4965323728178], abs=1e-10)
    assert found.p[0] == pytest.approx([0.880023839974553, 0.515198935378859], abs=1e-10)
    assert found.df[0] == pytest.approx([85, 85])


def test_kaplan_meier_and_restricted_mean_equal_survfit(made: dict[str, np.ndarray]) -> None:
    found = analyse.kaplan_meier(*any_end(made), [7, 14, 28])
    assert found.survival[0].ravel() == pytest.approx(
        [
            0.6666666666667,
            0.53125,
            0.1967592592593,
            0.8333333333333,
            0.4491228070175,
            0.0842105263158,
            0.5,
            0.3896103896104,
            0.0865800865801,
        ],
        abs=1e-12,
    )
    assert found.se[0].ravel() == pytest.approx(
        [
            0.0860662965824,
            0.0914874550257,
            0.0937200280419,
            0.068041381744,
            0.0973567655373,
            0.0731867946374,
            0.0912870929175,
            0.0908126611913,
            0.0576403565099,
        ],
        abs=1e-12,
    )
    assert found.low[0, 0] == pytest.approx([0.46917060523873, 0.34010068438853, 0.05574395903382], abs=1e-9)
    assert found.high[0, 0] == pytest.approx([0.804739837537, 0.690071933103, 0.400301680817], abs=1e-9)
    assert (found.at_risk[0] == [[21, 12, 2], [25, 13, 2], [18, 10, 2]]).all()
    mean = analyse.restricted_mean(*any_end(made), 28)
    assert mean.means[0] == pytest.approx([15.2159336420, 15.8580542265, 12.3993506494], abs=1e-9)
    assert mean.means_se[0] == pytest.approx([1.79848620472, 1.63762910182, 1.72934756229], abs=1e-9)


def test_gray_equals_cmprsk(made: dict[str, np.ndarray]) -> None:
    """cmprsk 2.2-11, cuminc(...)$Tests of arm 0 with each other arm: statistic and p."""
    rows = {
        1: ([2.8768704557133, 4.3390313953578], [0.089860511054174, 0.037248108116348]),
        2: ([2.5761263974278, 2.5955563663828], [0.108486853308895, 0.107163801943467]),
    }
    for cause, (statistic, p) in rows.items():
        found = analyse.gray(made["time"], made["kind"].astype(int), made["arm"].astype(int), cause=cause)
        assert found.z[0] ** 2 == pytest.approx(statistic, rel=1e-11)
        assert found.p[0] == pytest.approx(p, rel=1e-9)


def test_cumulative_incidence_equals_etm(made: dict[str, np.ndarray]) -> None:
    found = analyse.cumulative_incidence(made["time"], made["kind"].astype(int), made["arm"].astype(int), [7, 14, 28])
    assert found.incidence[0].ravel() == pytest.approx(
        [
            0.166666666667,
            0.2,
            0.380362654321,
            0.0666666666667,
            0.3736842105263,
            0.6824561403509,
            0.366666666667,
            0.438095238095,
            0.654545454545,
        ],
        abs=1e-11,
    )
    assert found.se[0].ravel() ** 2 == pytest.approx(
        [
            0.00462962962963,
            0.00533333333333,
            0.01112677844676,
            0.00207407407407,
            0.00890314393888,
            0.01094883675744,
            0.00774074074074,
            0.0083513659432,
            0.00859225829631,
        ],
        abs=1e-10,
    )


def test_shares_equal_r(made: dict[str, np.ndarray]) -> None:
    arm = made["arm"].astype(int)
    success = ((made["kind"] == 1) & (made["time"] < 20)).astype(float)
    plain = analyse.proportions(success, arm)
    assert plain.p[0] == pytest.approx([0.390073112449, 0.0320971322620], abs=1e-11)  # prop.test without correction
    assert plain.fisher[0] == pytest.approx([0.567489732503, 0.0596015801739], abs=1e-11)
    strata = analyse.proportions(success, arm, strata=made["site"])
    assert strata.estimate[0] == pytest.approx([0.100747384155, 0.276870748299], abs=1e-11)  # metafor rma.mh, RD
    assert strata.se[0] == pytest.approx([0.115849765425, 0.118863716268], abs=1e-11)
    assert strata.p[0] == pytest.approx([0.395626985174, 0.0290318490391], abs=1e-11)  # mantelhaen.test
    odds = analyse.logistic(success, arm, made["score"][:, None])
    assert odds.estimate[0] == pytest.approx([0.7543778834617, 1.3676588544497], abs=1e-9)
    # glm prints 0.6077798183 and 0.5872173515, from the weights of its last step but one; at its own coefficients:
    x = np.column_stack([np.ones(90), arm == 1, arm == 2, made["score"]])
    chance = 1 / (1 + np.exp(-x @ [-3.8829870444107, 0.7543778834617, 1.3676588544497, 0.0855116387006]))
    se = np.sqrt(np.diag(np.linalg.inv(x.T @ (x * (chance * (1 - chance))[:, None]))))
    assert odds.se[0] == pytest.approx(se[1:3], rel=1e-8)
    assert odds.se[0] == pytest.approx([0.6077798182909, 0.5872173515469], rel=1e-6)


def test_intervals_equal_the_published_examples() -> None:
    """Newcombe 1998: Stat Med 17:857 (81 of 263) and 17:873 (56 of 70 against 48 of 80), methods 3 and 10."""
    low, high = analyse.wilson(np.array(81.0), np.array(263.0))
    assert (round(float(low), 4), round(float(high), 4)) == (0.2553, 0.3662)
    success = np.array([1] * 56 + [0] * 14 + [1] * 48 + [0] * 32)
    found = analyse.proportions(success, np.array([1] * 70 + [0] * 80))
    assert (round(found.low[0, 0], 4), round(found.high[0, 0], 4)) == (0.0524, 0.3339)


@pytest.mark.parametrize(
    ("strategy", "difference", "se", "df"),
    [
        ("mar", -2.79516, 1.11445, 144.2),
        ("jump-to-reference", -2.12426, 1.12750, 146.0),
        ("copy-reference", -2.36644, 1.10747, 148.8),
        ("copy-increments", -2.44592, 1.10742, 148.6),
    ],
)
def test_imputation_agrees_with_the_sas_macros(strategy, difference: float, se: float, df: float) -> None:
    """SAS macros of Roger, 10,000 draws, in the repository of rbmi (misc/antidepressant_analysis/results_SAS.pdf).

    Their own Monte Carlo error is 0.004. Ours from 600 imputations: sqrt(B / M), B about 0.2: 0.018.
    """
    data = antidepressant()
    copies = 24
    scores = np.repeat(data.scores[None], copies, axis=0)
    found = analyse.multiple_imputation(scores, data.arm, data.covariates, strategy=strategy, imputations=25, seed=17)
    assert (found.status == analyse.Status.OK).all()
    error = np.sqrt(found.between.mean() / (25 * copies))
    assert error < 0.025
    assert found.estimate.mean() == pytest.approx(difference, abs=3 * np.hypot(error, 0.004))
    # the SE of endlessly many imputations, sqrt(W + B); the Monte Carlo error of B is a share sqrt(2 / degrees of freedom)
    within, between = found.within.mean(), found.between.mean()
    reach = 3 * np.sqrt(2 / (24 * copies)) * between / (2 * se)
    assert reach < 0.02
    assert np.sqrt(within + between) == pytest.approx(se, abs=reach)
    # degrees of freedom of Barnard and Rubin with as many imputations as they took
    lost = between / (between + within)
    seen = 170 / 172 * 169 * (1 - lost)
    assert 1 / (lost**2 / 9999 + 1 / seen) == pytest.approx(df, rel=0.03)


RPACT = {
    "obrien-fleming": [3.471091444, 2.454432299, 2.004035580],
    "pocock": [2.289478456, 2.289478456, 2.289478456],
    "spend-obrien-fleming": [3.710302873, 2.511427484, 1.993047483],
    "spend-pocock": [2.279428239, 2.294911139, 2.295939587],
}


@pytest.mark.parametrize("kind", list(RPACT))
def test_bounds_equal_rpact(kind) -> None:
    """getDesignGroupSequential(kMax = 3, alpha = 0.025, typeOfDesign = "OF", "P", "asOF", "asP")$criticalValues."""
    assert analyse.bounds(3, kind, alpha=0.025, sided=1).upper == pytest.approx(RPACT[kind], abs=1e-6)
    assert analyse.bounds(3, kind).upper == pytest.approx(RPACT[kind], abs=2e-6)


def test_bounds_at_uneven_looks_equal_rpact() -> None:
    looks = [0.3, 0.55, 0.8, 1.0]
    found = analyse.bounds(looks, alpha=0.025, sided=1)
    assert found.upper == pytest.approx([3.928572543, 2.807876863, 2.276098080, 2.029244639], abs=1e-6)
    found = analyse.bounds(looks, "spend-power", power=2.0, alpha=0.025, sided=1)
    assert found.upper == pytest.approx([2.840803718, 2.500617869, 2.255770840, 2.109599732], abs=1e-6)


def test_crossing_equals_rpact() -> None:
    """getPowerAndAverageSampleNumber(theta = 0.4, nMax = 52.5), without and with futility bounds 0 and 0.5."""
    drift = 0.4 * np.sqrt(52.5)
    design = analyse.bounds(3, "obrien-fleming", alpha=0.025, sided=1)
    assert analyse.power(design, drift) == pytest.approx(0.8195714513, abs=1e-8)
    assert 52.5 * analyse.expected_fraction(design, drift) == pytest.approx(43.71647314, abs=1e-6)
    assert analyse.power(design, analyse.drift_for(design, 0.9)) == pytest.approx(0.9, abs=1e-9)
    design = analyse.bounds(3, alpha=0.025, sided=1, futility=[0.0, 0.5])
    up, down = analyse.crossing(design, drift)
    assert up.sum() == pytest.approx(0.8028540256, abs=1e-8)
    assert (up + down)[:2] == pytest.approx([0.0679580352, 0.4381071092], abs=1e-8)


def test_sizes_equal_rpact() -> None:
    assert analyse.t_power(200, 0.4, 1.0) == pytest.approx(0.803647505, abs=1e-8)
    assert analyse.t_size(3, 8, power=0.9) == pytest.approx(300.8115396, abs=1e-3)  # a thousandth of a person
    assert analyse.t_size(0.4, 1, ratio=2.0) == pytest.approx(222.686838, abs=1e-3)
    assert analyse.events_needed(0.6) == pytest.approx(120.315704, abs=1e-5)
