"""What is said of a benefit goes by the formulation: each has trials and a studied range of its own, never those of the plain form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ketasim.core.drugs import drugs
from ketasim.core.errors import UsageError
from ketasim.evidence.published.studies import studies
from ketasim.person.options import read_option
from ketasim.scenario.care import OF_MOOD, not_known, withheld
from ketasim.scenario.plan import scenario

FORMS = [
    (drug.name, way.name, form)
    for drug in drugs().values()
    if drug.is_main
    for way in drug.routes.values()
    for form in way.formulations
]
TABLET = "ketamine oral 240 mg extended-release daily x 21"


def test_there_are_formulations_to_test() -> None:
    assert ("ketamine", "oral", "extended-release") in FORMS


@pytest.mark.parametrize(("drug", "route", "form"), FORMS)
def test_what_is_known_of_a_formulation_is_its_own(drug: str, route: str, form: str) -> None:
    """A controlled trial that a formulation names had that formulation in its arms; the plain form's trials had not."""
    way = drugs()[drug].routes[route]
    own = way.of(form)
    assert own.given_as == form and own.studied and own.records and not set(own.controlled) & set(way.controlled)
    kinds = {
        row.record: {study.arms[arm].formulation for arm in row.arm.split("+")}
        for study in studies().values()
        for row in study.rows
    }
    for record in own.controlled:
        assert form.replace("-", "_") in kinds.get(record, set()), record
    for record in way.controlled:
        assert form.replace("-", "_") not in kinds.get(record, set()), record


def test_a_tablet_whose_trial_missed_its_end_point_states_no_benefit() -> None:
    for words in (TABLET, TABLET.replace("extended-release", "prolonged release")):
        asked = scenario(words, people=0, days=21)
        assert "missed its end point" in not_known(asked) and set(OF_MOOD) <= set(withheld(asked))
        assert "missed its end point" in read_option(words).not_known(None)
    # one such dose among plain ones is enough
    assert "missed its end point" in not_known(
        scenario(
            "ketamine oral 100 mg daily x 2 then ketamine oral 240 mg extended-release daily x 3", people=0, days=21
        )
    )
    assert not not_known(scenario("ketamine oral 100 mg daily x 21", people=0, days=21))


def test_a_formulation_without_a_trial_states_no_benefit_whatever_its_route_has() -> None:
    way = drugs()["ketamine"].routes["oral"]
    untried = replace(way.formulations["extended-release"], controlled=(), missed="")
    bare = replace(way, formulations={"extended-release": untried})
    assert way.controlled and not bare.untried()
    assert bare.of("extended-release").untried() == (
        "the evidence holds no controlled trial of extended-release ketamine by the oral route in depression"
    )


def test_a_dose_is_compared_with_what_was_studied_in_its_own_form() -> None:
    drug = drugs()["ketamine"]
    plain, tablet = drug.judge("oral", 280, "mg"), drug.judge("oral", 280, "mg", formulation="extended-release")
    assert not plain and any("beyond the studied range (40-240 mg" in said for said in tablet)
    with pytest.raises((UsageError, KeyError)):
        drug.judge("oral", 100, "mg", formulation="troche")


@pytest.mark.parametrize(
    ("words", "stated"),
    [
        ("ketamine iv 0.5 mg/kg over 40 min daily x 28", False),
        ("esketamine nasal 56 mg daily x 7", False),
        ("ketamine iv 0.5 mg/kg over 40 min every 2 d x 8", True),
        ("ketamine iv 0.5 mg/kg over 40 min three times weekly x 12", True),
        ("esketamine nasal 56 mg twice weekly x 8", True),
        ("ketamine oral 50 mg daily x 28", True),
        ("ketamine iv 0.5 mg/kg over 40 min daily x 4", True),
    ],
)
def test_no_benefit_is_stated_of_sessions_more_frequent_than_trials_had(words: str, stated: bool) -> None:
    """Three a week is the most of any trial of the evidence by vein, needle or nose (Singh 2016); every other day comes to four in seven days at times."""
    asked = scenario(words, people=0, days=28)
    assert bool(not_known(asked)) is not stated
    assert stated or "sessions within seven days" in not_known(asked)
