"""What a number says of itself: a fit of our own is no human measurement, and what is remembered was not measured."""

import dataclasses

import pytest

from ketasim.core import Value, all_values, sources, value
from ketasim.core.values import OWN_FIT_GRADE
from ketasim.report import lint

OF_MEMORY = (
    "s_ketamine_kappa_affinity",
    "naltrexone_kappa_affinity",
    "ketamine_trkb_affinity",
    "morphine_mu_affinity",
    "memantine_trapping_share",
    "mtor_rate",
)


def _said(v: Value) -> str:
    return "; ".join(str(finding) for finding in lint._values([v]))


def test_no_fit_of_our_own_carries_a_grade_of_people() -> None:
    own = [v for v in all_values() if v.basis == "derived" and sources()[v.source].kind == "own"]
    assert len(own) > 50
    assert [v.name for v in own if v.grade < OWN_FIT_GRADE] == []


@pytest.mark.parametrize("key", OF_MEMORY)
def test_what_is_remembered_is_not_measured(key: str) -> None:
    v = value(key)
    assert v.basis == "assumed" and v.grade == "D" and "memory" in v.place


def test_a_value_at_the_mode_of_the_posterior_loses_the_grade_of_its_start() -> None:
    fitted = [v for v in all_values() if v.source == "KetasimPosterior"]
    assert fitted and all(v.grade >= OWN_FIT_GRADE for v in fitted)


def test_lint_says_what_claims_too_much_and_how_to_mend_it() -> None:
    fit = dataclasses.replace(value("mtor_rate"), basis="derived", source="KetasimOwnFit", place="fit", grade="B")
    assert 'grade = "C"' in _said(fit)
    assert "fit of our own" not in _said(dataclasses.replace(fit, grade="C"))
    assert 'basis = "assumed"' in _said(dataclasses.replace(value("mtor_rate"), basis="measured"))
    assert "grade C at best" in _said(dataclasses.replace(value("mtor_rate"), grade="A"))
