"""Leaving a cluster out by a fit of its own: the same as a fit that never saw it, for the clusters that move the fit most, kept on the way."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ketasim.core import knowledge_path
from ketasim.evidence.compare.predict import Evidence, gather
from ketasim.evidence.fit import refits
from ketasim.evidence.fit.calibrate import Problem, State, fit
from ketasim.evidence.fit.leave_out import Linear
from ketasim.evidence.fit.parameters import parameter
from ketasim.evidence.published.studies import read_study

pytestmark = pytest.mark.xdist_group("calibrate")

KEYS = ("mood_late_size", "rating_sd")
DALY = frozenset({"Daly2018"})


@cache
def task() -> Problem:
    found = [read_study(knowledge_path() / "studies" / name)[0] for name in ("Wilkinson2019", "Daly2018")]
    return Problem(gather(found), tuple(parameter(key) for key in KEYS))


@cache
def mode() -> State:
    return fit(task(), iterations=4)


@cache
def linear() -> Linear:
    return refits.around_mode(task(), mode())


@cache
def without_daly() -> refits.Refit:
    groups = refits.clusters(task().evidence)
    row = np.concatenate(refits._Refitter(task(), mode(), groups)(np.array([float(groups.index(DALY))])))
    return refits._unpack(row, task().evidence, DALY)


def test_a_refit_is_the_fit_to_the_other_studies() -> None:
    """Of a problem that holds them alone, from the same place; its predictions of the study left out."""
    rest = Problem(Evidence(tuple(b for b in task().evidence.blocks if b.study.id != "Daly2018")), task().parameters)
    alone = fit(rest, State(mode().z.copy(), dict(mode().taus), iteration=refits.BEGUN), refits.ITERATIONS)
    daly = task().evidence.only(lambda study: study.id == "Daly2018")
    found = without_daly()
    assert set(found.mean) == {"Daly2018"} and found.converged and found.steps >= 1
    assert found.mean["Daly2018"] == pytest.approx(daly.compared(task().numbers(alone.z))[0], abs=1e-9)
    assert np.abs(alone.z - mode().z).max() > 1e-3  # the study says something, else this test could not fail
    assert (found.variance["Daly2018"] >= 0).all() and (found.between["Daly2018"] > 0).any()


def test_the_influence_of_a_cluster_is_the_curvature_along_its_step() -> None:
    """By the formula of a fit that never had the study: d = H_S^-1 g_S - H^-1 g, d' H d."""
    here, groups = linear(), refits.clusters(task().evidence)
    assert sorted(map(sorted, groups)) == [["Daly2018"], ["Wilkinson2019"]]
    terms = []
    for block, f, j, c in zip(here.evidence.blocks, here.base, here.jacobian, here.covariances, strict=True):
        inverse = np.linalg.inv(c)
        terms.append((block.study.id, j.T @ inverse @ j, j.T @ inverse @ (block.y - f)))
    whole, slope = np.eye(2) + sum(t[1] for t in terms), sum(t[2] for t in terms) - here.z
    for group, found in zip(groups, refits.influences(here, groups), strict=True):
        own = next(t for t in terms if t[0] in group)
        step = np.linalg.inv(whole - own[1]) @ (slope - own[2]) - np.linalg.inv(whole) @ slope
        assert found == pytest.approx(float(step @ whole @ step), rel=1e-6) and found > 0


def test_refits_take_the_place_of_one_step() -> None:
    left = linear().left_out(cluster=True)
    before, after = refits.put_in(linear(), left, ()), refits.put_in(linear(), left, [without_daly()])
    moved = {old.study for old, new in zip(before.model, after.model, strict=True) if old != new}
    assert len(moved) == 1
    told = [one.mean for one in after.model if one.study in moved]
    assert told == pytest.approx([x for row, x in zip(*_rows(), strict=True) if not row.row.is_sign])
    text = refits.summary(linear(), [without_daly()])
    assert "Daly2018 (" in text and "all 1 together" in text and "mood" in text


def _rows() -> tuple[list, list]:
    block = next(b for b in task().evidence.blocks if b.study.id == "Daly2018")
    return list(block.rows), without_daly().mean["Daly2018"].tolist()


def test_a_cluster_inside_another_is_another_refit() -> None:
    evidence = task().evidence
    both, one = (refits._blocks_of(evidence, frozenset(ids)) for ids in (("Daly2018", "Wilkinson2019"), ("Daly2018",)))
    assert one == {"Daly2018"} < both


def test_refits_are_kept_for_the_same_mode_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refits, "refits_path", lambda: tmp_path / "refits.toml")
    assert refits._read(task(), mode()) == []
    refits.refits_path().write_text(refits._text(task(), mode(), [without_daly()]), encoding="utf-8")
    (kept,) = refits._read(task(), mode())
    assert kept.mean["Daly2018"] == pytest.approx(without_daly().mean["Daly2018"], rel=1e-5)
    assert (kept.converged, kept.steps) == (without_daly().converged, without_daly().steps)
    other = State(mode().z, mode().taus, mode().value + 1.0)
    assert refits._read(task(), other) == []
