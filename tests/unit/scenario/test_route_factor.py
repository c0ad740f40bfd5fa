"""The factor of the spray on the drug part of mood: where it acts and where it does not; trials and persons know their sprays as a run does."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.dose import parse
from ketasim.person.given import Given, Placed
from ketasim.ratings.mood import Drives, Treatment, route_factor, treatment
from ketasim.ratings.structure import compared
from ketasim.scenario.run import run
from ketasim.trial.courses import Part, noticed_of

P = {"nasal_drug_factor": np.array([0.5, 1.0])}
TIMES = np.array([-1.0, 0.0, 10.0, 84.0, 100.0, 400.0])


def factor(words: str) -> np.ndarray:
    return route_factor(treatment(parse(words), 400.0), TIMES, P)


def test_every_other_way_has_none() -> None:
    for words in ("ketamine iv 0.5 mg/kg over 40 min", "ketamine oral 1 mg/kg", "esketamine iv 0.4 mg/kg over 40 min"):
        assert (factor(words) == 1.0).all()


def test_from_the_first_spray_on() -> None:
    with compared(route="nasal"):
        assert factor("esketamine nasal 84 mg") == pytest.approx(np.array([[1.0, 0.5, 0.5, 0.5, 0.5, 0.5], [1.0] * 6]))
    with compared(route="alike"):
        assert (factor("esketamine nasal 84 mg") == 1.0).all()


def test_a_mixed_course_counts_its_sessions_so_far() -> None:
    given = Treatment(np.array([0.0, 84.0]), None, False, False, np.array([0.0]))
    half = 0.5**0.5
    assert route_factor(given, TIMES, P)[0] == pytest.approx([1.0, 0.5, 0.5, half, half, half])


def test_the_drug_part_alone_is_moved() -> None:
    one = np.ones((2, 3))
    moved = Drives(one, one, one, one, one).scaled(np.array([[0.5], [2.0]]))
    assert moved.mood == pytest.approx(one * [[0.5], [2.0]]) and moved.ideation == pytest.approx(moved.mood)
    assert (moved.ssri == 1.0).all() and (moved.cadss == 1.0).all()


def effect(words: str, k: float, route: str) -> float:
    with compared(route=route):
        found = run(words, people=0, draws=0, days=2, values={"nasal_drug_factor": k}, masked=True)
    return float(found.summary["mood"]["24 h"]["madrs.effect"]["typical"])


def test_a_run_has_it_and_only_for_sprays() -> None:
    spray, drip = "esketamine nasal 84 mg", "ketamine iv 0.5 mg/kg over 40 min"
    assert effect(spray, 0.5, "nasal") == pytest.approx(effect(spray, 1.0, "nasal") * 0.55, rel=0.15)
    assert effect(spray, 1.0, "nasal") == effect(spray, 0.5, "alike")
    assert effect(drip, 0.5, "nasal") == effect(drip, 1.0, "nasal")


def test_a_trial_and_a_person_know_their_sprays() -> None:
    """The second part of each is moved: an infusion in the first week, sprays in the second."""
    drip, spray = parse("ketamine iv 0.5 mg/kg over 40 min"), parse("esketamine nasal 84 mg", repeat="twice weekly x 2")
    later = [168.0 + start for start in treatment(spray, 400.0).sessions]
    assert len(later) == 2
    for noticed in (
        noticed_of([Part(drip), Part(spray, start_h=168.0)], 400.0),
        Given((Placed(drip), Placed(spray, start_h=168.0)), 400.0).noticed,
    ):
        assert noticed.sessions == pytest.approx([0.0, *later]) and noticed.sprays == pytest.approx(later)
    trial, person = Part(spray).noticed(400.0), Given((Placed(spray),), 400.0).noticed
    alone = treatment(spray, 400.0)
    for noticed in (trial, person):
        assert np.array_equal(route_factor(noticed, TIMES, P), route_factor(alone, TIMES, P))
