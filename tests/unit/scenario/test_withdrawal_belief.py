"""Withdrawal without a word: from the session in which a comparator takes the place of the drug, belief rests on what is felt from there on."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.dose import parse
from ketasim.person.given import Given, Placed
from ketasim.ratings.mood import Drives, believed, comparator_only, treatment
from ketasim.ratings.observation import observation_parameters
from ketasim.ratings.setting import felt_since, felt_so_far, setting_parameters
from ketasim.ratings.structure import compared
from ketasim.trial.courses import Part, noticed_of

WEEK = 168.0
SPRAY = "esketamine nasal 84 mg"


@pytest.mark.parametrize(
    ("words", "replaced"),
    [
        (f"{SPRAY} weekly x 4, then placebo nasal weekly x 3", [4 * WEEK]),
        (f"{SPRAY} weekly x 4, then midazolam iv 0.045 mg/kg weekly x 2", [4 * WEEK]),
        (f"{SPRAY} weekly x 4", []),
        ("placebo nasal weekly x 4", []),
        (f"placebo nasal weekly x 2, then {SPRAY} weekly x 2", []),
        (
            f"{SPRAY} weekly x 2, then placebo nasal weekly x 2, then {SPRAY} weekly x 2, then placebo nasal weekly x 2",
            [2 * WEEK, 6 * WEEK],
        ),
    ],
)
def test_when_a_comparator_takes_the_place_of_the_drug(words: str, replaced: list[float]) -> None:
    assert treatment(parse(words), 10 * WEEK).replaced.tolist() == replaced


def test_a_comparator_beside_a_drug_replaces_nothing() -> None:
    """Double dummy: a spray of placebo and an infusion of the drug in one session."""
    assert comparator_only([(0.0, False), (0.0, True), (24.0, True)]).tolist() == [24.0]


def test_the_evidence_begins_again() -> None:
    times, sessions = np.array([-1.0, 0.0, 1.0, 5.0, 10.0, 11.0, 20.0, 21.0]), np.array([0.0, 10.0, 20.0])
    felt = np.array([[0.0, 0.0, 8.0, 1.0, 0.0, 2.0, 0.0, 0.5]])
    with compared(withdrawal="anew"):
        strongest, elapsed = felt_since(times, felt, sessions, anew=[10.0])
    assert strongest[0].tolist() == [0.0, 0.0, 8.0, 8.0, 0.0, 2.0, 2.0, 2.0]
    assert elapsed.tolist() == [-1.0, 0.0, 1.0, 5.0, 0.0, 1.0, 10.0, 11.0]
    with compared(withdrawal="kept"):
        strongest, elapsed = felt_since(times, felt, sessions, anew=[10.0])
    assert strongest.tolist() == felt_so_far(times, felt, sessions).tolist() and elapsed.tolist() == times.tolist()


TIMES = np.arange(0.0, 10 * WEEK + 1.0, 4.0)
P = {key: np.array([number]) for key, number in {**setting_parameters(), **observation_parameters()}.items()}


def belief(words: str, structure: str = "anew", end: float = 10 * WEEK) -> np.ndarray:
    """Belief of having received the drug in a blinded trial of a spray whose drug is felt for some hours after every session, (T,)."""
    given = treatment(parse(words), end)
    drug = np.setdiff1d(given.sessions, given.comparators)
    felt = np.array([[8.0 if any(0 <= t - s < 5 for s in drug) else 0.0 for t in TIMES]])
    none = np.zeros((1, len(TIMES)))
    with compared(withdrawal=structure):
        return np.broadcast_to(
            believed("nasal-placebo", given, TIMES, Drives(none, none, none, felt), P), (1, len(TIMES))
        )[0]


def test_somebody_withdrawn_comes_to_doubt_as_somebody_on_placebo_does() -> None:
    dosed, never = f"{SPRAY} weekly x 4, then placebo nasal weekly x 4", "placebo nasal weekly x 8"
    anew, kept, on_placebo = belief(dosed), belief(dosed, "kept"), belief(never)
    change = int(np.searchsorted(TIMES, 4 * WEEK))
    assert (anew[:change] == kept[:change]).all() and anew[change - 1] > 0.6
    assert anew[change:] == pytest.approx(on_placebo[: len(TIMES) - change], abs=1e-9)
    assert kept[change:] == pytest.approx(belief(f"{SPRAY} weekly x 8")[change:], abs=1e-9)
    assert (anew[change + 2 :] < 0.5).all() and (kept[change:] > 0.6).all()


def test_what_comes_later_changes_nothing_before() -> None:
    """Whether the drug comes back must not decide what its replacement meant."""
    short = f"{SPRAY} weekly x 2, then placebo nasal weekly x 2"
    same = 4 * WEEK > TIMES
    assert (belief(short)[same] == belief(f"{short}, then {SPRAY} weekly x 2")[same]).all()
    assert (belief(short)[same] != belief(f"{SPRAY} weekly x 2")[same]).any()


def test_trials_and_persons_know_it_too() -> None:
    drug, placebo = parse(f"{SPRAY} weekly x 2"), parse("placebo nasal weekly x 2")
    parts = (Part(drug, 0.0, 0.0, 2 * WEEK), Part(placebo, 2 * WEEK, 2 * WEEK, 9 * WEEK))
    assert noticed_of(parts, 4 * WEEK).replaced.tolist() == [2 * WEEK]
    way = Given((Placed(drug, 0.0), Placed(placebo, 2 * WEEK)), 4 * WEEK)
    assert way.noticed.replaced.tolist() == [2 * WEEK]
