"""Ranks and their bands: even ranks stay inside as often as they should; posteriors that are too narrow, too wide or off leave."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binom

from ketasim.core import KetasimError
from ketasim.evidence.fit.kept import Kept
from ketasim.evidence.fit.leave_out import Linear
from ketasim.evidence.fit.ranks import Ranks, band, depth, gamma, linear_ranks, rank


def test_a_rank_counts_the_draws_below():
    assert rank(np.array([0.5, -1.0]), np.array([[0.0, 0.0], [1.0, 1.0], [0.4, 2.0]])).tolist() == [2, 0]


def test_a_band_at_one_point_is_the_binomial_interval():
    """One draw: ranks are 0 or 1, the ECDF has one point, and the band for it alone is the binomial's central interval."""
    low, high = band(50, 1)
    assert 50 * low[0] == pytest.approx(binom.ppf(0.025, 50, 0.5), abs=1.01)
    assert 50 * high[0] == pytest.approx(binom.isf(0.025, 50, 0.5), abs=1.01)


def test_even_ranks_stay_inside_as_often_as_asked():
    """Of 2,000 sets of even ranks about 95 % stay inside at every point at once; a band for each point alone would keep far fewer."""
    ranks = np.random.default_rng(4).integers(0, 100, size=(200, 2000))
    inside = (depth(ranks, 99) >= gamma(200, 99)).mean()
    assert inside == pytest.approx(0.95, abs=0.015)
    assert (depth(ranks, 99) >= 0.05).mean() < 0.75


def test_band_and_depth_agree():
    ranks = np.random.default_rng(5).integers(0, 20, size=(60, 300))
    low, high = band(60, 19)
    below = (ranks[:, None, :] < np.arange(1, 20)[None, :, None]).mean(axis=0)
    inside = ((below >= low[:, None]) & (below <= high[:, None])).all(axis=0)
    assert (inside == (depth(ranks, 19) >= gamma(60, 19))).mean() > 0.99


@pytest.mark.parametrize(("shift", "width"), [(0.0, 0.6), (0.0, 1.7), (0.5, 1.0)])
def test_wrong_posteriors_leave_the_band(shift, width):
    rng = np.random.default_rng(6)
    truth = rng.standard_normal(200)
    centre = truth + rng.standard_normal(200)
    wrong = np.array(
        [
            rank(t[None], (c + shift + width * rng.standard_normal(99))[:, None])
            for t, c in zip(truth, centre, strict=True)
        ]
    )
    right = np.array(
        [
            rank(t[None], (c / 2 + np.sqrt(0.5) * rng.standard_normal(99))[:, None])
            for t, c in zip(truth, centre, strict=True)
        ]
    )
    found = Ranks(("wrong", "right"), np.column_stack([wrong, right]))
    assert found.inside().tolist() == [False, True]
    assert "wrong" in found.text and "right  " not in found.text


def linear_form() -> Linear:
    rng = np.random.default_rng(8)
    blocks, base, jacobian, covariances = [], [], [], []
    for i in range(6):
        a = rng.standard_normal((3, 3))
        blocks.append(SimpleNamespace(study=SimpleNamespace(id=f"s{i}", role="fit")))
        base.append(rng.standard_normal(3))
        jacobian.append(rng.standard_normal((3, 4)))
        covariances.append(a @ a.T + np.eye(3))
    return Linear(SimpleNamespace(blocks=tuple(blocks)), np.zeros(4), base, jacobian, covariances, [np.ones(3)] * 6)


def test_the_linear_form_is_calibrated_and_too_small_errors_are_seen():
    form = linear_form()
    assert Ranks(("a", "b", "c", "d"), linear_ranks(form, 200)).inside().all()
    # data made with these errors and read with a quarter of them: the posterior is too narrow
    narrow = np.array([_narrow(form, turn) for turn in range(200)])
    assert not Ranks(("a", "b", "c", "d"), narrow).inside().any()


def _narrow(form: Linear, turn: int):
    rng = np.random.default_rng(100 + turn)
    truth = rng.standard_normal(4)
    hessian, right = np.eye(4), np.zeros(4)
    for j, c in zip(form.jacobian, form.covariances, strict=True):
        y = j @ truth + np.linalg.cholesky(c) @ rng.standard_normal(3)
        hessian, right = hessian + j.T @ np.linalg.solve(c / 4, j), right + j.T @ np.linalg.solve(c / 4, y)
    draws = rng.multivariate_normal(np.linalg.solve(hessian, right), np.linalg.inv(hessian), 99)
    return rank(truth, draws)


def test_studies_that_are_not_fitted_do_not_count():
    form = linear_form()
    blocks = tuple(
        SimpleNamespace(study=SimpleNamespace(id=b.study.id, role="validate" if i else "fit"))
        for i, b in enumerate(form.evidence.blocks)
    )
    alone = dataclasses.replace(form, evidence=SimpleNamespace(blocks=blocks))
    assert not np.array_equal(linear_ranks(alone, 5), linear_ranks(form, 5))


def test_a_set_depends_on_its_number_alone_and_is_kept(tmp_path):
    form = linear_form()
    whole = linear_ranks(form, 5)
    assert np.array_equal(linear_ranks(form, 2, first=3), whole[3:])
    kept = Kept(tmp_path / "ranks.json", "this fit")
    kept.add(3, whole[3])
    again = Kept(tmp_path / "ranks.json", "this fit")
    assert again.missing(5) == [0, 1, 2, 4] and np.array_equal(again.of_all("abcd", 5).ranks, whole[3:4])
    assert Kept(tmp_path / "ranks.json", "another fit").missing(2) == [0, 1]


def test_a_set_is_appended_and_what_stands_there_is_not_written_again(tmp_path):
    path = tmp_path / "place" / "ranks.json"
    kept = Kept(path, "this fit")
    kept.add(0, [1, 2])
    before, node = path.read_bytes(), path.stat().st_ino
    kept.add(7, [3, 4])
    Kept(path, "this fit").add(1, [5, 6])
    assert path.read_bytes().startswith(before) and path.stat().st_ino == node
    again = Kept(path, "this fit")
    assert again.missing(3) == [2] and again.of_all("ab", 8).ranks.tolist() == [[1, 2], [5, 6], [3, 4]]


def test_a_file_of_the_form_before_is_read_and_written_as_lines(tmp_path):
    path = tmp_path / "ranks.json"
    path.write_text(json.dumps({"of": "this fit", "ranks": {"0": [1, 2], "4": [3, 4]}}), encoding="utf-8")
    kept = Kept(path, "this fit")
    assert kept.missing(5) == [1, 2, 3]
    kept.add(1, [5, 6])
    assert len(path.read_text(encoding="utf-8").splitlines()) == 4
    assert Kept(path, "this fit").of_all("ab", 5).ranks.tolist() == [[1, 2], [5, 6], [3, 4]]


def test_a_line_that_was_cut_short_is_not_there(tmp_path):
    path = tmp_path / "ranks.json"
    kept = Kept(path, "this fit")
    for number in range(3):
        kept.add(number, [10 * number, 12])
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[:-3], encoding="utf-8")
    again = Kept(path, "this fit")
    assert again.missing(3) == [2]
    again.add(2, [20, 12])
    assert path.read_text(encoding="utf-8") == whole


@pytest.mark.parametrize("text", ["", "some notes\n", '{"ranks": {}}', '{"of": "this fit"}\n{"set": 1}\n', "[1, 2]\n"])
def test_another_file_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "ranks.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KetasimError, match="no file of ranks") as refused:
        Kept(path, "this fit")
    assert str(path) in str(refused.value) and "--keep" in str(refused.value)
    assert path.read_text(encoding="utf-8") == text
