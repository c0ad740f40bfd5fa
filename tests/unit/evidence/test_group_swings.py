"""The answer about hypotheses without a whole group of evidence, on scores whose answer can be worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from ketasim.chain.hypothesis import hypothesis
from ketasim.core.arrays import Array, BoolArray
from ketasim.evidence.weigh.pairs import GroupSwing, group_swings, pairs_of, softmax

NAMES = ("a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4")
GROUPS = {n: {"a": "single IV", "b": "nasal"}[n[0]] for n in NAMES}
ONE, OTHER = "opioid-gate", "disinhibition"


@dataclass(frozen=True)
class Fixed:
    """Log scores that do not depend on what else is known: evidence is their sum."""

    scores: Array

    def log_evidence(self, keep: BoolArray) -> tuple[float, float, float]:
        return float(self.scores[keep].sum()), 0.1, 50.0

    def leave_one_out(self, keep: BoolArray) -> Array:
        return self.scores[keep]


def swings(one: list[float], other: list[float], keep: list[bool] | None = None) -> tuple[GroupSwing, ...]:
    every = {ONE: Fixed(np.array(one)), OTHER: Fixed(np.array(other))}
    kept = np.array(keep or [True] * len(NAMES))
    loo = np.stack([c.leave_one_out(kept) for c in every.values()])
    log_prior = np.log([0.5, 0.5])
    weights = softmax(loo.sum(axis=1) + log_prior)
    known = {name: hypothesis(name) for name in every}
    return group_swings(every, NAMES, GROUPS, kept, log_prior, weights, pairs_of([ONE, OTHER], loo), known)


def test_the_group_that_carries_the_lead_is_named_first_with_who_leads_without_it() -> None:
    """ONE leads by 4 on the nasal studies and loses by 2 on infusions: without nasal studies OTHER has 1 / (1 + e^-2)."""
    found = swings([-1.5] * 4 + [0.0] * 4, [-1.0] * 4 + [-1.0] * 4)
    assert [g.group for g in found] == ["nasal", "single IV"]
    assert (found[0].first_before, found[0].first, found[0].changes) == (ONE, OTHER, True)
    assert found[0].weights[OTHER] == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert found[0].studies == ("b1", "b2", "b3", "b4")
    assert found[1].first == ONE and found[1].weights[ONE] == pytest.approx(1 / (1 + np.exp(-4.0)))


def test_pairs_that_only_one_group_tells_apart_are_named() -> None:
    """Nasal studies alone tell the two apart (differences near 1, errors small); infusions cannot (differences 0.5, -0.5)."""
    found = {g.group: g for g in swings([0.1, -0.1, 0.1, -0.1, 1.0, 1.1, 0.9, 1.0], [0.0] * 8)}
    assert found["nasal"].joined == ((ONE, OTHER),) and found["nasal"].parted == ()
    assert found["nasal"].groups == ((ONE, OTHER),)
    assert found["single IV"].joined == found["single IV"].parted == () and not found["single IV"].changes


def test_a_pair_that_one_group_hides_is_named() -> None:
    """Infusions speak against what nasal studies say, so that all together tell nothing apart."""
    found = {g.group: g for g in swings([-1.0, -1.0, -1.1, -0.9, 1.0, 1.1, 0.9, 1.0], [0.0] * 8)}
    assert found["single IV"].parted == ((ONE, OTHER),)


def test_what_does_not_count_is_in_no_group_and_one_group_alone_has_no_rest() -> None:
    assert swings([0.0] * 8, [0.0] * 8, [True] * 4 + [False] * 4) == ()
    found = swings([0.0] * 8, [0.0] * 8, [True] * 5 + [False] * 3)
    assert {g.group: g.studies for g in found} == {"single IV": ("a1", "a2", "a3", "a4"), "nasal": ("b1",)}
