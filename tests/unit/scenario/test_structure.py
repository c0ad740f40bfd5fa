"""Alternatives of the ratings' structure: each against its closed form, the choice in force, and nothing leaks out of a comparison."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketasim.core import KetasimError
from ketasim.ratings import observation as ob
from ketasim.ratings import setting as st
from ketasim.ratings.structure import CHOICES, compared, in_force, shipped

P = {**st.setting_parameters(), **ob.observation_parameters()}


def test_every_question_has_one_answer_in_force() -> None:
    assert {question: answer in CHOICES[question] for question, answer in shipped().items()} == dict.fromkeys(
        CHOICES, True
    )


def test_a_comparison_ends_with_its_block() -> None:
    before = dict(shipped())
    other = {question: next(a for a in answers if a != before[question]) for question, answers in CHOICES.items()}
    with compared(**other):
        assert {question: in_force(question) for question in CHOICES} == other
        with compared(belief=before["belief"]):
            assert in_force("belief") == before["belief"] and in_force("age") == other["age"]
    assert {question: in_force(question) for question in CHOICES} == before


def test_an_unknown_alternative_teaches() -> None:
    with pytest.raises(KetasimError, match="no alternative") as caught, compared(belief="telepathy"):
        pass
    assert "felt, evidence" in caught.value.allowed


def test_belief_by_evidence_is_bayes_for_exponential_feelings() -> None:
    """Posterior odds of drug against placebo from exponential densities of mean m1, m0: Dp = 1 / (1/m0 - 1/m1), kappa = ln(m1 / m0)."""
    drug, placebo, felt, prior = 12.0, 1.5, np.array([[0.0, 1.0, 4.0, 9.0]]), 2 / 3
    p = P | {
        "belief_allocation": prior,
        "belief_silence": math.log(drug / placebo),
        "belief_points": 1 / (1 / placebo - 1 / drug),
    }
    ratio = (np.exp(-felt / drug) / drug) / (np.exp(-felt / placebo) / placebo)
    odds = prior / (1 - prior) * ratio
    assert st.belief_by_evidence(felt, np.inf, p) == pytest.approx(odds / (1 + odds), rel=1e-12)


def test_belief_falls_when_nothing_is_felt_and_starts_at_the_allocation() -> None:
    times = np.array([0.0, 0.25, 0.5, 1.0, 24.0])
    with compared(belief="evidence"):
        b = st.belief_course("saline", np.zeros((1, 5)), P, "comparator", elapsed=times)[0]
    assert b[0] == pytest.approx(P["belief_allocation"])
    assert (np.diff(b) < 0).all()
    assert b[-1] == pytest.approx(1 / (1 + math.exp(P["belief_silence"])))  # equal allocation


def test_whoever_knows_the_drug_does_not_doubt() -> None:
    with compared(belief="evidence"):
        assert st.belief_course("open", np.zeros((1, 2)), P, elapsed=np.array([0.0, 9.0])) == pytest.approx(1.0)


def test_expectancy_in_proportion_to_belief() -> None:
    b = np.array([[0.0, 0.3, 1.0]])
    with compared(expectancy="linear"):
        assert st.expected(b, P) == pytest.approx(b)
    with compared(expectancy="hill"):
        assert st.expected(b, P) == pytest.approx(
            st.expectancy(b, P["expectancy_half_belief"], P["expectancy_steepness"])
        )


def test_what_the_setting_gives_takes_room_from_the_drug() -> None:
    drug, setting = np.array([[0.6]]), np.array([[0.4]])
    assert ob.ceiling_drive(drug, setting, 0.1, 2.0, 0.5)[0, 0] == pytest.approx(0.5 * (0.5 + 0.6 * math.exp(-1.0)))
    assert ob.ceiling_drive(drug, setting, 0.0, 0.0)[0, 0] == pytest.approx(1.0)
    assert ob.ceiling_drive(drug, -0.4, 0.0, 2.0)[0, 0] == pytest.approx(0.2)  # a nocebo takes no room
    with compared(combination="ceiling"):
        assert ob.mood_latent(drug, setting, 0.0, P)[0, 0] == pytest.approx(
            0.4 + 0.6 * math.exp(-0.4 * P["ceiling_rate"])
        )


def test_age_lessens_the_whole_drive_beyond_an_age() -> None:
    p = P | {"age_of_decline": 60.0, "age_decline": 0.5}
    with compared(age="decline"):
        assert st.age_factor([45.0, 60.0, 70.0, 80.0], p) == pytest.approx([1.0, 1.0, math.exp(-0.5), math.exp(-1.0)])
    with compared(age="none"):
        assert st.age_factor([45.0, 80.0], p) == pytest.approx([1.0, 1.0])
