"""What a row asks for: criteria by scale, suicidal thoughts, pooled arms, product-limit means, species. Each would fail on 0.1.0."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ketasim.evidence.arms.context import Context, Unpredictable
from ketasim.evidence.arms.endpoints import ENDPOINTS, endpoint_of, family, level_ports
from ketasim.evidence.arms.numbers import Numbers
from ketasim.evidence.arms.quantities import RULES, predict_row, survival
from ketasim.evidence.published.studies import studies
from ketasim.evidence.published.study import Arm, Row, Study
from ketasim.evidence.published.vocabulary import ENDPOINTS as WORDS

NAN = math.nan
ROW = Row(
    "X",
    "r",
    "k",
    "",
    "madrs",
    "MADRS",
    "response",
    24.0,
    0.5,
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
IV = "ketamine iv 0.5 mg/kg over 40 min"


def row(**changes: object) -> Row:
    return replace(ROW, **changes)  # type: ignore[arg-type]


def told(*rows: Row, **fields: object) -> list[float]:
    arms = {
        "k": Arm("k", IV, n=30.0),
        "low": Arm("low", "ketamine iv 0.1 mg/kg over 40 min", n=10.0),
        "s": Arm("s", "placebo iv", n=20.0),
    }
    given: dict[str, object] = {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}} | fields
    study = Study(
        "X", "fit", "c", "d", "single IV", "parallel", "double-blind", "clinician", "TRD", 60.0, arms, rows, **given
    )  # type: ignore[arg-type]
    context = Context(study, Numbers())
    return [predict_row(context, r) for r in rows]


def test_a_criterion_of_points_is_not_a_response() -> None:
    """A fall of 6 of 27 points is easier than half; with 16.5 MADRS points at a baseline of 33 without spread it is the response."""
    half, six, easy = told(row(), row(scale="PHQ-9", cut="fall>=6"), row(cut="fall>=2"))
    assert half < six < easy
    same, points = told(row(), row(cut="fall>=16.5"), baseline={"scale": "MADRS", "mean": 33, "sd": 1e-9})
    assert points == pytest.approx(same, abs=1e-9)
    old, new = told(
        row(scale="PHQ-9 fall>=6", statistic="threshold_share"),
        row(scale="PHQ-9", cut="fall>=6", statistic="threshold_share"),
    )
    assert old == new


def test_two_conditions() -> None:
    fall, low, both, either = told(
        row(cut="fall>=50%"),
        row(cut="level<=10"),
        row(cut="fall>=50% and level<=10"),
        row(cut="fall>=50% or level<=10"),
    )
    assert both <= min(fall, low) and either >= max(fall, low)
    assert told(row())[0] == pytest.approx(fall)


def test_the_cut_of_a_study_speaks_of_its_own_scale_only() -> None:
    """Remission at 12 points of the MADRS says nothing of the PHQ-9."""
    madrs, phq = row(statistic="remission"), row(statistic="remission", scale="PHQ-9")
    usual = told(madrs, phq)
    own = told(madrs, phq, cuts={"remission": 12})
    assert own[0] > usual[0] and own[1] == usual[1]
    each = told(madrs, phq, cuts={"remission": {"MADRS": 12, "PHQ-9": 4}})
    assert each[0] == own[0] and each[1] != usual[1]


def test_a_response_of_ideation_is_a_fall_by_half_and_freedom_is_a_cut_by_scale() -> None:
    response, free = told(
        row(endpoint="ideation", scale="SSI"),
        row(endpoint="ideation", scale="SSI", statistic="remission"),
        ideation_baseline={"scale": "SSI", "mean": 14},
    )
    assert response > free
    strict, loose = (
        told(
            row(endpoint="ideation", scale="SSI", statistic="remission"),
            ideation_baseline={"scale": "SSI", "mean": 14},
            cuts={"ideation": cut},
        )[0]
        for cut in (0, 5)
    )
    assert strict == free < loose


def test_the_sign_or_size_of_a_difference_does_not_make_it_one_of_shares() -> None:
    """A difference of -0.8 points is one of points; in the unit fraction it is one of shares of what `of` says."""
    points, share, remission = told(
        row(statistic="difference", versus="s", value=-0.8, unit="points", note="responders, percent"),
        row(statistic="difference", versus="s", value=-8.0, unit="fraction", of="response"),
        row(statistic="difference", versus="s", value=0.1, unit="fraction", of="remission"),
    )
    assert points < -1.5 and 0.0 < remission < share < 1.0


def test_pooled_arms_are_weighted_by_their_people() -> None:
    mean = row(statistic="change_mean", unit="points")
    high, low, pooled, contrast, placebo = told(
        mean,
        replace(mean, arm="low"),
        replace(mean, arm="k+low"),
        replace(mean, arm="k+low", versus="s", statistic="difference"),
        replace(mean, arm="s"),
    )
    assert pooled == pytest.approx((30 * high + 10 * low) / 40)
    assert contrast == pytest.approx(pooled - placebo)


def test_versus_may_have_a_time_of_its_own() -> None:
    later, early, mixed = told(
        row(statistic="change_mean", unit="points", time_h=168.0),
        row(statistic="change_mean", unit="points"),
        row(statistic="difference", unit="points", arm="k", versus="low", time_h=168.0, versus_h=24.0),
    )
    low = told(row(statistic="change_mean", unit="points", arm="low"))[0]
    assert mixed == pytest.approx(later - low) and later != early


def test_a_product_limit_mean_keeps_those_without_relapse() -> None:
    """Mean over everybody of the time to relapse or to the end: between the mean of those who relapse and the end."""
    study = studies()["Ibrahim2012"]
    asked = row(
        study="Ibrahim2012",
        arm="ketamine",
        endpoint="relapse",
        scale="responders",
        statistic="product_limit_mean",
        time_h=672.0,
        unit="d",
    )
    study = replace(study, rows=(asked,))
    context = Context(study, Numbers())
    when, visits = survival(context, asked, "ketamine")
    assert np.isinf(when).any()
    found = predict_row(context, asked)
    assert found == pytest.approx(np.minimum(when, visits[-1]).mean() / 24.0)
    assert found > predict_row(context, replace(asked, statistic="mean_time"))


def test_mean_over_visits_lies_between_its_ends() -> None:
    level = row(statistic="mean", unit="points")
    first, last, over = told(
        replace(level, time_h=24.0),
        replace(level, time_h=192.0),
        replace(level, statistic="mean_over_visits", from_h=24.0, time_h=192.0),
    )
    assert min(first, last) < over < max(first, last)


def test_species_sums_enantiomers_and_moles() -> None:
    peak = row(endpoint="plasma.norketamine", statistic="cmax", scale="", unit="ng/mL", time_h=4.0)
    mean = replace(peak, statistic="mean_at", time_h=2.0)
    both, s, r, summed, moles, over = told(
        mean,
        replace(mean, endpoint="plasma.s_norketamine"),
        replace(mean, endpoint="plasma.r_norketamine"),
        replace(mean, endpoint="plasma.s_norketamine+plasma.r_norketamine"),
        replace(mean, unit="nmol/mL"),
        replace(mean, statistic="ratio", scale="level", over="plasma.ketamine", unit="ratio"),
    )
    assert both == pytest.approx(s + r) and summed == pytest.approx(both)
    assert moles * 223.70 == pytest.approx(both, rel=2e-3), "norketamine has 223.70 g/mol: 1 nmol/mL is 223.7 ng/mL"
    assert over == pytest.approx(both / told(replace(mean, endpoint="plasma.ketamine"))[0])
    assert level_ports("plasma.s_norketamine") == ("s_norketamine",)


def test_a_group_of_terms_is_another_endpoint_than_its_leading_term() -> None:
    """Odds of the group over those of the term, as the value says; both in one study are not the same number."""
    one = row(endpoint="sedation_ae", statistic="share_event", scale="", value=0.3, unit="fraction")
    term, group = told(one, replace(one, endpoint="sedation_group_ae"))
    odds = group / (1 - group) / (term / (1 - term))
    assert odds == pytest.approx(Numbers()("grouped_report_odds")) and odds > 1
    assert one.identity != replace(one, endpoint="sedation_group_ae").identity


def test_every_endpoint_of_the_table_has_a_rule_and_every_word_an_answer() -> None:
    assert set(ENDPOINTS) <= set(WORDS)
    assert {entry.rule for entry in ENDPOINTS.values()} <= set(RULES)
    for study in studies().values():
        for r in study.predicted:
            assert endpoint_of(r.endpoint).rule in RULES or r.endpoint in WORDS
            assert family(r) in ("mood", "plasma", "receptor", "dissociation", "vital", "report", "correlation")


def test_who_did_not_respond_early_responds_later_less_often_than_everybody() -> None:
    """P(late) = P(early) P(late | early) + P(not early) P(late | not early): the share lies between what is left if every early responder stays one and P(late)."""
    late = row(time_h=336.0)
    early, everybody, without = told(row(), late, replace(late, among="early_non_responders"))
    assert (everybody - early) / (1.0 - early) < without < everybody


def test_no_other_part_of_an_arm_has_a_rule() -> None:
    for changes in ({"among": "completers"}, {"among": "early_non_responders", "statistic": "remission"}):
        with pytest.raises(Unpredictable, match="alone"):
            told(row(**changes))
