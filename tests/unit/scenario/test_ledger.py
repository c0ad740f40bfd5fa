"""Doses asked = doses given, read back from the integrated amounts, by every route and with doses that overlap."""

import numpy as np
import pytest

from ketasim.core.drugs import drugs
from ketasim.forward import course
from ketasim.forward.course import compiled
from ketasim.scenario.delivery import LOST_SHARE
from ketasim.scenario.run import run

WAYS = [
    "ketamine iv 0.5 mg/kg over 40 min",
    "ketamine iv 0.5 mg/kg bolus",
    "ketamine im 0.5 mg/kg",
    "ketamine sc 0.5 mg/kg",
    "ketamine nasal 50 mg",
    "ketamine oral 100 mg",
    "ketamine sublingual 25 mg",
    "esketamine nasal 84 mg",
    "esketamine film 50 mg",
    "arketamine iv 0.5 mg/kg over 40 min",
    "hnk iv 1 mg/kg over 40 min",
]


@pytest.mark.parametrize("words", WAYS)
def test_every_route_gives_what_was_asked(words: str) -> None:
    (row,) = run(words, people=0).ledger
    assert row.given_mg == pytest.approx(row.asked_mg, rel=1e-6)
    assert row.asked_mg > 0


def test_the_salt_is_weighed_as_base() -> None:
    (row,) = run("ketamine iv 35 mg HCl over 40 min", people=0).ledger
    ketamine = drugs()["ketamine"]
    assert row.given_mg == pytest.approx(35 * ketamine.molar_mass / ketamine.salt_molar_mass, rel=1e-6)


def test_co_medication_is_in_the_ledger_dose_by_dose() -> None:
    result = run(
        "ketamine iv 0.5 mg/kg over 40 min",
        repeat="twice weekly x 3",
        people=0,
        with_=["naltrexone oral 50 mg at -45 min", "midazolam iv 2 mg at 1 h once", "diazepam oral 5 mg daily x 3"],
    )
    assert [row.time_h for row in result.ledger if row.drug == "naltrexone"] == pytest.approx([-0.75, 71.25, 167.25])
    assert len(result.ledger) == 3 + 3 + 1 + 3
    for row in result.ledger:
        assert row.given_mg == pytest.approx(row.asked_mg, rel=1e-5), row


def test_doses_of_one_substance_that_overlap_are_told_apart() -> None:
    result = run(
        "ketamine iv 0.5 mg/kg over 40 min",
        people=0,
        with_=["esketamine iv 20 mg over 1 h at 20 min once", "arketamine oral 30 mg at 0 h once"],
    )
    given = {row.drug: row.given_mg for row in result.ledger}
    assert given == pytest.approx({"ketamine": 35.0, "esketamine": 20.0, "arketamine": 30.0}, rel=1e-6)


def test_an_infusion_cut_by_the_end_is_given_in_part() -> None:
    (row,) = run("ketamine iv 0.5 mg/kg over 40 min", people=0, days=1 / 72, at="0").ledger
    assert (row.asked_mg, row.given_mg) == (pytest.approx(35.0), pytest.approx(17.5, rel=1e-6))


def test_placebo_asks_for_nothing_and_gives_nothing() -> None:
    (row,) = run("placebo iv", people=0).ledger
    assert (row.asked_mg, row.given_mg) == (0.0, 0.0)


def test_doses_after_the_end_are_announced_not_dropped() -> None:
    result = run("ketamine iv 0.5 mg/kg over 40 min", repeat="twice weekly x 6", days=8, people=0)
    assert len(result.ledger) == 3
    assert any("3 of 6 doses" in warning for warning in result.warnings)


def test_weights_scale_the_dose() -> None:
    light, heavy = (run("ketamine iv 0.5 mg/kg over 40 min", people=0, weight=w).ledger[0].given_mg for w in (50, 100))
    assert np.array([light, heavy]) == pytest.approx([25.0, 50.0], rel=1e-6)
    assert LOST_SHARE < 1e-5


def test_the_ledger_costs_a_run_one_output_for_each_copy_of_the_plasma_model(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def noted(text: str, parameters: object, outputs: tuple[str, ...], inputs: object) -> object:
        asked.append(outputs)
        return compiled(text, parameters, outputs, inputs)

    monkeypatch.setattr(course, "compiled", noted)
    result = run("ketamine iv 0.5 mg/kg over 40 min", people=0, with_=["naltrexone oral 50 mg at -45 min"])
    (outputs,) = asked
    sums = [name for name in outputs if name.startswith("sum(")]
    states = [state for name in sums for state in name[4:-1].split(", ")]
    assert len(sums) == 3 and len(states) == len(set(states)) > 30  # s, r, naltrexone; each amount in one of them
    assert not set(states) & set(outputs)
    assert [row.given_mg for row in result.ledger] == pytest.approx([row.asked_mg for row in result.ledger], rel=1e-5)
