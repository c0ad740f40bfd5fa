"""Concentrations without their study: what they are fitted to, what ships, what it does to spreads and scores."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ketasim.core import KetasimError, all_values
from ketasim.evidence.arms.numbers import Numbers
from ketasim.evidence.compare.left_out import LeftOut, resampled
from ketasim.evidence.compare.predict import Evidence, all_evidence
from ketasim.evidence.compare.scorer import Scored
from ketasim.evidence.fit import unseen_levels
from ketasim.evidence.fit.calibrate import problem
from ketasim.evidence.fit.check import held_sources
from ketasim.evidence.fit.leave_out import mode_z
from ketasim.evidence.fit.unseen_levels import companions, levels_of, read, unseen
from ketasim.evidence.kinetics import leave_out
from ketasim.evidence.kinetics.leave_out import Refits


@cache
def blocks_with_levels() -> list[Any]:
    return [block for block in all_evidence().blocks if levels_of(block)]


def shipped(blocks: list[Any]) -> list[Any]:
    return Evidence(tuple(blocks)).compared(Numbers())


def test_the_fit_is_of_the_model_that_ships() -> None:
    """At the mode every number of the fit is the shipped one: gains of mean 1 and the tied slope follow what the fit frees."""
    task = problem()
    fitted, plain = task.numbers(mode_z(task.parameters)), Numbers()
    for one in all_values():
        assert fitted(one.key) == pytest.approx(plain(one.key), rel=1e-5, abs=1e-9), one.key


@pytest.mark.parametrize("out", [frozenset({"Grant1981"}), frozenset({"Fanta2015", "Hagelberg2010"})])
def test_a_study_that_is_left_out_is_in_no_target_of_the_fit(
    out: frozenset[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []

    def solve(problem: Any, start: Any, most: int) -> Any:
        seen.append({item.study for item in problem.targets})
        return SimpleNamespace(x=start, jac=np.eye(len(start)))

    monkeypatch.setattr(leave_out, "_solve", solve)
    refits = Refits()
    refits.without(out)
    assert seen[0] == refits.studies and seen[1] == refits.studies - out


def test_every_study_of_the_plasma_fit_is_predicted_without_itself() -> None:
    """Of all studies whose concentrations the plasma stage was fitted to, none is scored by a fit that has seen it."""
    blocks = blocks_with_levels()
    table = read(Evidence(tuple(blocks)), shipped(blocks))
    fitted = unseen_levels.fitted_studies()
    for block in blocks:
        for scheme in ("study", "cluster"):
            found = table[scheme, block.study.id]
            assert found.rows == levels_of(block)
            if block.study.id in fitted:
                assert np.abs(found.mean - found.shipped).max() > 1e-4, block.study.id
    assert fitted <= {study.id for block in blocks for study in block.studies}


def test_a_cluster_is_left_out_with_its_members() -> None:
    blocks = all_evidence().blocks
    one = next(block for block in blocks if block.study.id == "Hagelberg2010")
    assert companions(one, blocks, False) == {"Hagelberg2010"}
    assert {"Fanta2015", "Peltoniemi2012", "StJohnsWort2012"} <= companions(one, blocks, True)


def test_what_ships_for_other_values_is_refused() -> None:
    blocks = blocks_with_levels()[:1]
    moved = [base + 0.01 for base in shipped(blocks)]
    with pytest.raises(KetasimError, match="ship_levels"):
        read(Evidence(tuple(blocks)), moved)


def renamed(block: Any) -> Any:
    """The same study with records that no line knows."""
    rows = tuple(replace(item, row=replace(item.row, record="a record of one's own")) for item in block.rows)
    return replace(block, rows=rows)


def test_a_study_that_nothing_was_fitted_to_needs_no_line() -> None:
    fitted = unseen_levels.fitted_studies()
    late = renamed(next(b for b in blocks_with_levels() if b.study.id not in fitted))
    assert read(Evidence((late,)), shipped([late])) == {}


def test_a_concentration_of_a_fitted_study_without_its_line_is_refused() -> None:
    """It would be scored as left out by values that have seen it."""
    block = next(b for b in blocks_with_levels() if b.study.id == "Fanta2015")
    one_new = replace(block, rows=(*block.rows[:-1], renamed(block).rows[-1]))
    for changed in (renamed(block), one_new):
        with pytest.raises(KetasimError, match="missing"):
            read(Evidence((changed,)), shipped([changed]))


@pytest.mark.slow
def test_the_lines_that_ship_come_out_again() -> None:
    """Half a minute: the plasma stage fitted without one study."""
    block = next(b for b in blocks_with_levels() if b.study.id == "Grant1981")
    known = read(Evidence((block,)), shipped([block]))["study", "Grant1981"]
    found = unseen(Refits(), block, frozenset({"Grant1981"}))
    assert found.mean == pytest.approx(known.mean, abs=5e-3)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(np.sqrt(np.diag(known.covariance)), rel=0.05)


def test_a_value_lends_its_study_unless_a_fit_frees_it() -> None:
    sources = held_sources(all_evidence())
    assert "BP-ESK-SYS" in sources  # the pressor response is held as it was read
    assert "SYN-P1-PBO-24H" not in sources  # care is free: it starts there and is fitted
    assert "PK-IV-31" not in sources  # a value of the plasma stage, fitted without the study when it is scored


def test_independent_figures_leave_out_the_studies_that_lent_a_value() -> None:
    rows = [Scored(study, "mood", 1.0, -3.0 if study == "lent" else 1.0, 1.0) for study in ("a", "b", "lent")]
    plain = [replace(row, mean=2.0) for row in rows]
    found = LeftOut(tuple(rows), tuple(rows), tuple(plain), tuple(plain), frozenset({"lent"})).summary()
    assert found["values"] == 3 and found["independent"]["values"] == 2
    assert found["independent"]["log_score_gain"] > found["log_score_gain"]
    assert found["independent"]["by_kind"]["mood"]["values"] == 2


def test_gains_over_resampled_studies() -> None:
    """Of equal studies every sample has the same sum; of studies that part, the ends are those of the binomial (1.96 times 10, sums of steps of 2)."""
    names = [str(k) for k in range(100)]
    alike = resampled(names, [0.5] * 100)
    assert alike["log_score_gain_95"] == pytest.approx([50.0, 50.0]) and alike["studies_ahead"] == 100
    parted = resampled(names, [1.0, -1.0] * 50)
    assert parted["log_score_gain_95"] == pytest.approx([-19.6, 19.6], abs=2.0) and parted["studies_ahead"] == 50
    assert resampled(["a", "a", "b"], [2.0, -3.0, 1.0])["studies_ahead"] == 1
