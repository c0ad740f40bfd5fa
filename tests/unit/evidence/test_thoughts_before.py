"""Suicidal thoughts before treatment: how many people have none follows from what studies print; nobody at 0 rises, and nobody in a crisis is there."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import ketasim
from ketasim.core import value
from ketasim.evidence.arms.context import Context
from ketasim.evidence.arms.numbers import Numbers
from ketasim.evidence.arms.quantities import predict_row
from ketasim.evidence.arms.thoughts import censored_moments, censored_normal
from ketasim.evidence.published.study import Arm, Row, Study
from ketasim.people import draw_people
from ketasim.ratings.mood import rating_numbers
from ketasim.ratings.observation import drive_at, share_below, share_of
from ketasim.ratings.thoughts import at_least, item_before

NAN = math.nan
IV = "ketamine iv 0.5 mg/kg over 40 min"
ROW = Row(
    "X", "r", "k", "", "ideation", "SSI", "mean", 24.0, 1.0, "points", NAN, NAN, NAN, NAN, NAN, "seen", "predict", "", 2
)


def context(ideation: dict[str, object], setting: str = "saline", **arm: float) -> Context:
    arms = {"k": Arm("k", IV, n=40.0, setting=setting, **arm)}  # type: ignore[arg-type]
    rows = (ROW,)
    study = Study(
        "X", "fit", "c", "d", "ideation", "parallel", "double-blind", "clinician", "MDD", 40.0, arms, rows,
        baseline={"scale": "MADRS", "mean": 33, "sd": 5}, ideation_baseline=ideation,
    )  # fmt: skip
    return Context(study, Numbers())


def before(scale: str, ideation: dict[str, object], setting: str = "saline", **arm: float) -> np.ndarray:
    return np.asarray(context(ideation, setting, **arm).mood("k", scale, True).baseline)


@pytest.mark.parametrize(
    ("mean", "sd", "top"), [(1.562, 1.257, 6.0), (6.11, 6.76, 38.0), (14.0, 5.0, 38.0), (5.5, 0.8, 6.0)]
)
def test_the_printed_mean_and_sd_come_back(mean: float, sd: float, top: float) -> None:
    """By quadrature of the normal number held within the scale, which knows nothing of the formula."""
    middle, spread = censored_normal(mean, sd, top)
    moments = [
        quad(lambda x, k=k: x**k * norm.pdf(x, middle, spread), 0.0, top, epsabs=1e-11)[0]
        + top**k * norm.sf(top, middle, spread)
        for k in (1, 2)
    ]
    assert moments[0] == pytest.approx(mean, rel=1e-6)
    assert math.sqrt(moments[1] - moments[0] ** 2) == pytest.approx(sd, rel=1e-6)
    assert censored_moments(middle, spread, top) == pytest.approx((mean, sd), rel=1e-6)


def test_the_shipped_item_has_the_mean_and_sd_of_price_2014() -> None:
    """Its Table 2, both arms before the infusion: 1.61 (SD 1.37) in 36 and 1.48 (1.03) in 21 people, pooled."""
    n, means, sds = np.array([36, 21]), np.array([1.61, 1.48]), np.array([1.37, 1.03])
    mean, sd = (n @ means) / n.sum(), math.sqrt((n - 1) @ sds**2 / (n - 1).sum())
    item = value("observation.ideation_baseline")
    assert item.between is not None
    assert censored_moments(item.value, item.between.sd, 6.0) == pytest.approx((mean, sd), abs=0.002)


def test_many_people_of_a_run_have_no_thoughts_and_get_none() -> None:
    found = ketasim.run(IV, days=2, people=4000, seed=3, at=["0 h", "24 h", "2 d"])
    table = found["ideation"].people
    none = table[:, 0] == 0
    assert none.mean() == pytest.approx(norm.cdf(-1.438 / 1.456), abs=0.02)
    assert (table[none] == 0).all()
    assert np.allclose(table[:, 0].mean(), 1.562, atol=0.06) and np.allclose(table[:, 0].std(), 1.257, atol=0.05)


def test_the_people_of_a_study_have_its_printed_baseline_on_its_own_scale() -> None:
    """6.11 with an SD of 6.76 on a scale from 0 to 38: a third of them at 0."""
    points = before(
        "BSS", {"scale": "BSS", "mean": 6.14, "sd": 6.73}, ideation_baseline=6.11, ideation_baseline_sd=6.76
    )
    assert points.mean() == pytest.approx(6.11, rel=0.05) and points.std() == pytest.approx(6.76, rel=0.05)
    assert 0.25 < (points == 0).mean() < 0.40
    alone = before("SSI", {"scale": "SSI", "mean": 14.0})
    assert alone.mean() == pytest.approx(14.0, rel=0.03) and alone.max() <= 38
    other = before("MADRS item 10", {"scale": "BSS", "mean": 6.14, "sd": 6.73})
    assert other.mean() == pytest.approx(1.56, abs=0.1)  # says nothing of another scale


def test_who_was_let_in_from_four_points_on_has_four_at_least() -> None:
    free, chosen = before("SSI", {}), before("SSI", {"scale": "SSI", "at_least": 4})
    assert free.min() == 0 and chosen.min() == 4
    assert (np.argsort(free, kind="stable") == np.argsort(chosen, kind="stable")).all()
    assert chosen.max() <= 38
    assert at_least(np.array([0.0, 3.0, 6.0]), 1.0, 6.0) == pytest.approx([1.0, 3.5, 6.0])


def test_a_response_is_one_of_people_who_had_thoughts() -> None:
    """A third of the people at 0 have nothing to halve; as responders they would lift every share."""
    here = context({"scale": "BSS", "mean": 6.14, "sd": 6.73})
    found = predict_row(here, replace(ROW, scale="BSS", statistic="response", unit="fraction"))
    mood = here.mood("k", "BSS", True)
    some = mood.baseline > 0
    i = mood.course.index(24.0)
    needed = drive_at(0.5, mood.p["link_ceiling"][some], mood.p["link_slope"][some])
    expected = norm.cdf((mood.latent[some, i] - needed) / mood.residual[0, i]).mean()
    assert found == pytest.approx(expected, rel=1e-6)
    assert mood.share_of_baseline(24.0, 0.5) > found + 0.1


def test_in_a_crisis_nobody_is_without_thoughts() -> None:
    people = draw_people(2000, seed=5)
    p = rating_numbers(people, lambda key, v: (v, None))
    usual, crisis = item_before("saline", p), item_before("inpatient", p)
    assert usual.min() == 0 and crisis.min() == value("observation.ideation_crisis_least").value
    assert (crisis >= usual).all() and crisis.max() <= 6
    for where in ("open", "midazolam", "nasal-placebo", "routine"):
        assert (item_before(where, p) == usual).all()


def test_a_share_of_nothing_lies_below_any_cut() -> None:
    assert share_of([1.0, 0.0, 3.0], [2.0, 0.0, 0.0]).tolist() == [0.5, math.inf, math.inf]
    p = {"link_ceiling": 1.6, "link_slope": 1.0}
    found = share_below(np.array([[-2.0], [-2.0]]), 0.5, np.array([0.0, 3.0]), 0.4, p)
    assert found[0, 0] == 1.0 and found[1, 0] < 0.01
