"""Scales of comparison, sampling errors, and covariances of the rows of a study."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ketasim.evidence.compare.likelihood import StudyBlock, log_density, observed, taus_of, trials, widening
from ketasim.evidence.published.studies import Arm, Row, Study

NAN = math.nan
ROW = Row(
    "X",
    "r",
    "a",
    "",
    "madrs",
    "MADRS",
    "response",
    24.0,
    0.45,
    "fraction",
    NAN,
    NAN,
    NAN,
    NAN,
    NAN,
    "seen",
    "predict",
    "",
    2,
)
STUDY = Study(
    "X",
    "fit",
    "c",
    "d",
    "single IV",
    "randomised",
    "double-blind",
    "clinician",
    "TRD",
    40.0,
    {"a": Arm("a", "ketamine iv 0.5 mg/kg over 40 min", n=20.0), "b": Arm("b", "placebo iv", n=20.0)},
    (ROW,),
)


def row(**changes):
    return replace(ROW, **changes)


@pytest.mark.parametrize("value", [0.0, 0.05, 0.45, 1.0])
def test_a_share_comes_back_from_the_logit_scale(value):
    made = observed(STUDY, row(value=value))
    assert made.kind == "logit"
    assert made.backward(made.y) == pytest.approx(value, abs=1e-9)
    x = 20 * value
    assert made.se == pytest.approx(math.sqrt(1 / (x + 0.5) + 1 / (20 - x + 0.5)))


def test_sampling_error_prefers_what_is_printed():
    mean = row(statistic="change_mean", value=-15.0, unit="points")
    assert observed(STUDY, replace(mean, se=2.0)).se == 2.0
    assert observed(STUDY, replace(mean, low=-18.92, high=-11.08)).se == pytest.approx(2.0, abs=0.01)
    assert observed(STUDY, replace(mean, sd=8.0)).se == pytest.approx(8.0 / math.sqrt(20))
    assert observed(STUDY, mean).se == pytest.approx(11.0 / math.sqrt(20))
    assert observed(STUDY, replace(mean, scale="HAM-D17"), 1.3).se == pytest.approx(11.0 / 1.3 / math.sqrt(20))


def test_smd_and_ratio_errors():
    smd = row(statistic="smd", value=-0.8, versus="b", unit="SD")
    assert observed(STUDY, smd).se == pytest.approx(math.sqrt(0.1 + 0.64 / 80))
    ratio = row(statistic="risk_ratio", value=3.4, low=1.6, high=7.1, versus="b", unit="ratio")
    assert observed(STUDY, ratio).kind == "log"
    assert observed(STUDY, ratio).se == pytest.approx(math.log(7.1 / 1.6) / 3.92, rel=1e-3)


def test_rows_of_one_study_move_together_and_relevance_widens():
    rows = (observed(STUDY, row()), observed(STUDY, row(statistic="change_mean", value=-15.0, sd=10.0, unit="points")))
    slopes = {
        "setting": np.array([3.0, -20.0]),
        "late": np.array([0.2, -1.4]),
        "drug": np.array([1.3, -8.0]),
        "felt": np.zeros(2),
        "vital": np.zeros(2),
    }
    block = StudyBlock(STUDY, rows)
    between = block.between(slopes, taus_of())
    taus = taus_of()
    expected = (taus["tau_mood_setting"] * 20) ** 2
    expected += (taus["tau_mood_late"] * 1.4) ** 2 + (taus["tau_mood_drug"] * 8) ** 2
    assert between[1, 1] == pytest.approx(expected)
    assert between[0, 1] < 0  # more responders go with a larger fall
    total = between + block.sampling(np.array([1.0, -1.0]))
    assert np.linalg.eigvalsh(total).min() > 0
    pressed = StudyBlock(STUDY, tuple(replace(r, row=replace(r.row, provenance="press")) for r in rows))
    assert np.diag(pressed.between(slopes, taus)) == pytest.approx(np.diag(between) * 1.25)


def test_a_pool_averages_the_spread_between_its_trials():
    """By declared fields: a sentence that speaks of nine trials or of people who were kept out changes nothing."""
    pool = replace(STUDY, design="meta_analysis", pooled_trials=9.0)
    assert trials(STUDY) == 1.0 and trials(pool) == 9.0
    assert trials(replace(STUDY, design="pooled", pooled=("A", "B"))) == 2.0
    assert trials(replace(STUDY, design_text="meta-analysis of 9 RCTs")) == 1.0
    assert widening(replace(STUDY, population_flags=("bipolar",)), ROW) > widening(STUDY, ROW) == 0.0
    assert widening(replace(STUDY, population="TRD, bipolar disorder excluded"), ROW) == 0.0


def test_ratios_have_their_error_from_counts():
    """Odds ratio of 12/20 against 4/20 without an interval: variance 1/12 + 1/8 + 1/4 + 1/16, whatever its value; not 4 (1/20 + 1/20)."""
    shares = (row(value=0.6, n=20.0), row(arm="b", value=0.2, n=20.0))
    ratio = row(statistic="odds_ratio", of="response", value=6.0, versus="b", unit="ratio")
    study = replace(STUDY, rows=(*shares, ratio))
    assert observed(study, ratio).se == pytest.approx(math.sqrt(1 / 12 + 1 / 8 + 1 / 4 + 1 / 16))
    assert observed(study, replace(ratio, statistic="risk_ratio", value=3.0)).se == pytest.approx(
        math.sqrt(1 / 12 - 1 / 20 + 1 / 4 - 1 / 20)
    )
    difference = replace(ratio, statistic="difference", value=0.4, unit="fraction")
    assert observed(study, difference).se == pytest.approx(math.sqrt(0.6 * 0.4 / 20 + 0.2 * 0.8 / 20))
    # no printed shares: the usual share of 0.3 in both arms
    silent = replace(STUDY, rows=())
    assert observed(silent, ratio).se == pytest.approx(math.sqrt(2 * (1 / 6 + 1 / 14)))
    hazard = row(endpoint="relapse", statistic="hazard_ratio", scale="responders", value=0.5, versus="b", unit="ratio")
    assert observed(STUDY, hazard).se == pytest.approx(math.sqrt(1 / 6 + 1 / 6))


def test_a_denominator_is_that_of_the_statistic():
    """n of the row beats the number that started; n_versus gives the other arm its own; pooled arms add up."""
    mean = row(statistic="change_mean", value=-15.0, sd=10.0, unit="points")
    assert observed(STUDY, replace(mean, n=16.0)).se == pytest.approx(10 / 4)
    contrast = replace(mean, statistic="difference", versus="b", n=16.0, n_versus=25.0)
    assert observed(STUDY, contrast).se == pytest.approx(10 * math.sqrt(1 / 16 + 1 / 25))
    assert observed(STUDY, replace(mean, arm="a+b")).se == pytest.approx(10 / math.sqrt(40))


def test_studies_of_the_same_patients_share_one_set_of_effects():
    """Two studies of one family as one block: their rows move together; apart they would count twice."""
    from ketasim.evidence.compare.predict import same_people

    one, two = (replace(STUDY, id=name, family="F") for name in ("One", "Two"))
    rows = [
        observed(s, row(study=s.id, statistic="change_mean", value=-15.0, sd=10.0, unit="points")) for s in (one, two)
    ]
    blocks = same_people([StudyBlock(one, (rows[0],)), StudyBlock(two, (rows[1],))])
    assert len(blocks) == 1 and blocks[0].study_of(rows[1]) is two
    slopes = {key: np.zeros(2) for key in ("late", "drug", "felt", "vital")} | {"setting": np.array([-20.0, -20.0])}
    between = blocks[0].between(slopes, taus_of())
    assert between[0, 1] == pytest.approx(taus_of()["within_study_mood"] * between[0, 0])
    apart = same_people([StudyBlock(one, (rows[0],)), StudyBlock(replace(two, family=""), (rows[1],))])
    assert len(apart) == 2
    assert blocks[0].sampling(np.ones(2))[0, 1] == 0.0, "arms of the same name in two studies are not the same arm"


def test_log_density_is_the_normal_one():
    from scipy.stats import multivariate_normal

    covariance = np.array([[2.0, 0.7], [0.7, 1.0]])
    residual = np.array([0.3, -1.2])
    assert log_density(residual, covariance) == pytest.approx(
        multivariate_normal(np.zeros(2), covariance).logpdf(residual)
    )
