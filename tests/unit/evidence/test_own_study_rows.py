"""Studies of one's own: what a stranger writes is predicted as he means it, or refused with what to write instead."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_quantities import IV, NAN, ROW, row, told
from test_study_form import ARMS, HEAD, own
from test_study_form import told as problems

from ketasim.evidence.arms.context import Context, Unpredictable
from ketasim.evidence.arms.numbers import Numbers
from ketasim.evidence.compare.predict import Evidence, gather
from ketasim.evidence.fit import check
from ketasim.evidence.published.studies import lint_studies
from ketasim.evidence.published.study import Arm


def predicted(**changes: object) -> float:
    return told(row(**changes))[0]


@pytest.mark.parametrize("endpoint, cut, other", [("cadss", "level>4", "level<=4"), ("moaas", "level<5", "level>=5")])
def test_a_share_below_and_the_share_above_are_everybody(endpoint: str, cut: str, other: str) -> None:
    asked = {"endpoint": endpoint, "scale": "", "statistic": "threshold_share", "time_h": NAN}
    assert predicted(**asked, cut=cut) + predicted(**asked, cut=other) == pytest.approx(1.0)
    assert predicted(**asked, cut=cut) != predicted(**asked, cut=other)


def test_at_most_three_is_below_four() -> None:
    asked = {"endpoint": "moaas", "scale": "", "statistic": "threshold_share", "time_h": NAN}
    assert predicted(**asked, cut="level<=3") == predicted(**asked, cut="level<4") > predicted(**asked, cut="level<3")


@pytest.mark.parametrize(
    "endpoint, share, cut",
    [
        ("cadss", "threshold_share", "level>4"),
        ("moaas", "threshold_share", "level<5"),
        ("sbp", "threshold_share", "rise>=20"),
        ("dissociation_group_ae", "share_event", ""),
        ("dropout", "share_event", ""),
    ],
)
def test_a_contrast_of_shares_is_that_of_the_two_shares(endpoint: str, share: str, cut: str) -> None:
    asked = {"endpoint": endpoint, "scale": "", "cut": cut, "time_h": 24.0}
    p, q = (predicted(**asked, statistic=share, arm=key) for key in ("k", "low"))
    both = asked | {"of": share, "versus": "low"}
    assert predicted(**both, statistic="difference", unit="fraction") == pytest.approx(p - q)
    assert predicted(**both, statistic="risk_ratio", unit="ratio") == pytest.approx(p / q)
    assert predicted(**both, statistic="odds_ratio", unit="ratio") == pytest.approx(p / (1 - p) / (q / (1 - q)))


@pytest.mark.parametrize(
    "changes, why",
    [
        ({"endpoint": "cadss", "statistic": "change_sd"}, "no rule for change_sd"),
        ({"endpoint": "cadss", "statistic": "smd", "versus": "s"}, "standardised difference"),
        ({"endpoint": "sbp", "statistic": "smd", "versus": "s"}, "standardised difference"),
        ({"endpoint": "cadss", "statistic": "ratio", "versus": "s"}, "in which cadss is 0"),
        ({"endpoint": "cadss", "statistic": "mean_at", "time_h": NAN}, "needs time_h"),
        ({"endpoint": "sbp", "statistic": "threshold_share", "cut": "level<90"}, "a low sbp"),
        ({"endpoint": "sbp", "statistic": "threshold_share", "cut": "rise>=20%"}, "rise>=20%"),
        ({"endpoint": "nausea_ae", "statistic": "mean"}, "no rule for mean"),
    ],
)
def test_what_has_no_rule_is_not_predicted_as_something_else(changes: dict[str, object], why: str) -> None:
    with pytest.raises(Unpredictable, match=why):
        predicted(**({"scale": ""} | changes))


def test_a_ratio_of_odds_of_ever_responding_has_its_visits() -> None:
    asked = row(statistic="odds_ratio", of="ever_response", unit="ratio", versus="s", time_h=600.0)
    p, q = told(*(row(statistic="ever_response", arm=key, time_h=600.0) for key in ("k", "s")))
    assert told(asked)[0] == pytest.approx(p / (1 - p) / (q / (1 - q)))


def test_the_baseline_of_an_arm_is_of_its_own_scale() -> None:
    from ketasim.evidence.published.study import Study

    arms = {
        "k": Arm("k", IV, n=30.0, baseline=18.0, baseline_scale="HAM-D17"),
        "m": Arm("m", IV, n=30.0, baseline=30.0),
    }
    study = Study(
        "X", "fit", "c", "d", "single IV", "parallel", "double-blind", "clinician", "TRD", 60.0, arms, (ROW,),
        baseline={"scale": "MADRS", "mean": 33},
    )  # fmt: skip
    context = Context(study, Numbers())
    assert context.baseline("k")[0] == pytest.approx(18.0 * context.per_point("HAM-D17"))
    assert context.baseline("m")[0] == 30.0


def test_records_are_names_within_one_study_of_ones_own(tmp_path: Path) -> None:
    first, second = own(tmp_path / "a"), own(tmp_path / "b").rename(tmp_path / "b" / "Clinic2027")
    assert not lint_studies([first, second], own=True)
    (again,) = lint_studies([own(tmp_path / "c", HEAD, ARMS, {}, {})], own=True)
    assert "the same number" in again.what


@pytest.mark.parametrize(
    "words, way_out",
    [
        ("clonidine oral 0.2 mg", 'no_words = "drug"'),
        ("ketamine rectal 100 mg", 'no_words = "route"'),
        ("midazolam sc 5 mg", 'no_words = "route"'),
    ],
)
def test_an_arm_that_cannot_be_said_is_told_the_way_out(tmp_path: Path, words: str, way_out: str) -> None:
    (found,) = problems(own(tmp_path, HEAD, ARMS.replace("ketamine iv 0.5 mg/kg over 40 min", words)))
    assert way_out in found and "--compound" not in found


def test_people_who_cannot_be_simulated_are_told_who_can(tmp_path: Path) -> None:
    (found,) = problems(own(tmp_path, HEAD, ARMS.replace("n = 20", "n = 20\npeople = { age = 15 }")))
    assert "18 to 100 years" in found


@pytest.mark.parametrize(
    "changes, what",
    [
        ({"time_h": ""}, "at what time"),
        ({"endpoint": "cadss", "scale": "", "statistic": "mean_at", "time_h": ""}, "at what time"),
        ({"endpoint": "cadss", "scale": "BPRS", "statistic": "mean_at", "value": "20"}, "BPRS is no scale of cadss"),
        ({"scale": "CAPS-5"}, "CAPS-5 is no scale of madrs"),
        ({"endpoint": "occupancy.nmda", "scale": "", "statistic": "cmax", "unit": "ng/mL", "value": "0.3"}, "fraction"),
    ],
)
def test_a_row_that_would_mean_something_else_is_a_problem(tmp_path: Path, changes: dict[str, str], what: str) -> None:
    assert any(what in p for p in problems(own(tmp_path, HEAD, ARMS, changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "occupancy.nmda", "scale": "", "statistic": "cmax", "unit": "fraction", "value": "0.3"},
        {"endpoint": "glutamate", "scale": "", "statistic": "change_mean", "unit": "fraction", "value": "0.2"},
        {"endpoint": "plasma.ketamine", "scale": "", "statistic": "mean", "unit": "ng/mL", "value": "90"},
        {"endpoint": "ideation", "scale": "C-SSRS ideation", "value": "-1"},
    ],
)
def test_what_the_model_predicts_can_be_written(tmp_path: Path, changes: dict[str, str]) -> None:
    assert not problems(own(tmp_path, HEAD, ARMS, changes))


def test_a_withdrawal_says_when_its_clock_begins_and_a_response_is_a_share(tmp_path: Path) -> None:
    head = HEAD.replace('"parallel"', '"withdrawal"')
    asked = {
        "endpoint": "relapse",
        "scale": "remitters",
        "statistic": "share_event",
        "unit": "fraction",
        "value": "0.3",
    }
    (found,) = problems(own(tmp_path / "a", head, ARMS, asked))
    assert "relapse_from_h" in found
    assert not problems(own(tmp_path / "b", head, "\n[cuts]\nrelapse_from_h = 2688\n" + ARMS, asked))
    (found,) = problems(own(tmp_path / "c", HEAD, "\n[cuts]\nresponse = 50\n" + ARMS))
    assert "response = 0.5" in found


def test_an_item_of_six_points_has_no_error_of_a_scale_of_sixty(tmp_path: Path) -> None:
    def error(scale: str, value: str) -> float:
        from ketasim.evidence.published.studies import own_studies

        changes = {"endpoint": "ideation", "scale": scale, "value": value}
        place = own(tmp_path / scale.replace(" ", ""), HEAD, ARMS, changes)
        return gather(own_studies(place).values()).blocks[0].rows[0].se

    item = error("MADRS item 10", "-2")
    assert item / 6 == pytest.approx(error("SSI", "-8") / 38)
    assert item < 1.0


def test_intervals_of_ones_own_studies_do_not_depend_on_how_many_stand_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many studies took the curvature of a fit to themselves: intervals of the prior, four times too wide."""
    from ketasim.evidence.compare.predict import all_evidence

    some = Evidence(tuple(b for b in all_evidence().blocks if b.study.id in ("Murrough2013", "Daly2018")))
    mine = Evidence(tuple(replace(b, study=replace(b.study, role="validate")) for b in some.blocks))
    few = check.own_variance(mine)
    monkeypatch.setattr(check, "FEW_STUDIES", 0)
    for a, b in zip(few, check.own_variance(mine), strict=True):
        ratio = np.sqrt(np.maximum(a, 1e-12) / np.maximum(b, 1e-12))
        assert np.all((ratio > 1 / 1.6) & (ratio < 1.6)), ratio
        assert not math.isnan(float(ratio.sum()))


@pytest.mark.parametrize(
    "head, arms, what",
    [
        (HEAD.replace("n = 40", 'n = "40"'), ARMS, "n = '40' is no number"),
        (HEAD.replace("sd = 5", 'sd = "5"'), ARMS, "sd of baseline = '5' is no number"),
        (HEAD + 'population_flags = "trd"\n', ARMS, 'population_flags = ["trd"]'),
        (HEAD.replace('{ scale = "MADRS", mean = 33, sd = 5 }', "33"), ARMS, "baseline = 33 is no table"),
        (HEAD, ARMS.replace("n = 20", 'n = "20"'), "[arms.high]: n = '20' is no number"),
        (HEAD, ARMS.replace("n = 20", 'n = 20\nwith = "ssri oral daily"'), 'with = ["ssri oral daily"]'),
        (HEAD, ARMS.replace("n = 20", "n = 20\ndropout = [5]"), "dropout needs a time"),
        (HEAD, ARMS.replace("n = 20", "n = 20\nbaseline = { mean = 3 }"), "baseline = {'mean': 3} is no number"),
    ],
)
def test_a_field_of_another_kind_is_a_problem_and_no_crash(tmp_path: Path, head: str, arms: str, what: str) -> None:
    assert any(what in p for p in problems(own(tmp_path, head, arms)))


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    place = own(tmp_path, HEAD, ARMS)
    text = (place / "data.csv").read_text(encoding="utf-8")
    (place / "data.csv").write_text(text, encoding="utf-8-sig")
    assert not problems(place)


@pytest.mark.parametrize("fields", [{"age": 15.0}, {"population_flags": ("trd", "adolescent")}])
def test_people_under_18_are_not_predicted_as_adults(fields: dict[str, object]) -> None:
    assert math.isfinite(told(row(), age=18.0)[0])
    with pytest.raises(Unpredictable, match="under 18"):
        told(row(), **fields)
