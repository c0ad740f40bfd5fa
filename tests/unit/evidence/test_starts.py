"""Walks from points of the prior: basins, resuming, and interpolated arms against integrated ones."""

from __future__ import annotations

import math
import tomllib
from functools import cache

import numpy as np
import pytest

from ketasim.core import knowledge_path
from ketasim.evidence.arms.numbers import Numbers
from ketasim.evidence.compare.predict import gather
from ketasim.evidence.fit import starts
from ketasim.evidence.fit.calibrate import Problem, State, problem
from ketasim.evidence.fit.exact import Exact, Grid, Many, arms_of, inside, many
from ketasim.evidence.fit.parameters import Parameter, parameter
from ketasim.evidence.fit.starts import Walk, basins, read_walks, starts_path, text
from ketasim.evidence.published.studies import read_study

pytestmark = pytest.mark.xdist_group("calibrate")

KEYS = ("mood_late_size", "opioid_gate_weight", "surge_half_block", "rating_sd")


@cache
def task() -> Problem:
    found = [read_study(knowledge_path() / "studies" / name)[0] for name in ("Wilkinson2019", "Daly2018")]
    return Problem(gather(found), tuple(parameter(key) for key in KEYS))


@cache
def exact() -> Exact:
    return Exact(task(), np.zeros(len(KEYS)), np.full(len(KEYS), 0.7), task().evidence)


def test_what_an_integration_reads_is_found_from_the_model():
    """The gate and the surge act inside the differential equations; sizes and spreads of ratings act afterwards."""
    arms = arms_of(task().evidence, Numbers())
    assert len(arms) > 2
    assert inside(task().parameters, arms) == [1, 2]


def test_interpolated_arms_predict_as_integrated_ones():
    for z in (np.array([0.4, -0.9, 0.3, -0.2]), np.array([-0.5, 0.77, 1.0, 0.5])):
        near, true = np.concatenate(exact()(z)), np.concatenate(exact().anew(z))
        moved = np.concatenate(exact().anew(np.array([z[0], 0.0, 0.0, z[3]])))
        assert np.abs(moved - true).max() > 1e-3  # else this test could not fail
        assert np.abs(near - true).max() < 5e-3 * np.abs(moved - true).max()


def test_one_process_and_two_predict_the_same():
    z = np.random.default_rng(2).normal(size=(6, len(KEYS))) * 0.4
    with many(exact(), 2) as two:
        assert np.array_equal(two(z), Many(exact())(z))


def test_a_grid_of_many_values_gives_back_a_quadratic():
    """Three values and more: the polynomial of degree 2 with all pairs."""
    parameters = [Parameter(f"p{k}", "plain", 0.0, 1.0, -math.inf, math.inf) for k in range(5)]
    grid = Grid.around(np.array([0.1, 0.0, -0.2, 0.3, 0.0]), np.full(5, 0.4), parameters, [0, 2, 3, 4])

    def bent(z):
        return 1.0 + z[0] - 2.0 * z[2] * z[3] + 0.5 * z[4] ** 2 + z[0] * z[4]

    at_nodes = np.array([bent(grid.at(m, np.zeros(5))) for m in range(len(grid.nodes))])
    z = np.array([0.5, 9.0, 0.3, -0.4, 0.6])
    assert grid.weights(z) @ at_nodes == pytest.approx(bent(z), abs=1e-9)
    assert grid.weights(z).sum() == pytest.approx(1.0)


def test_a_grid_stays_inside_bounds_and_leaves_out_what_cannot_move():
    parameters = [
        Parameter("free", "plain", 0.5, 1.0, 0.0, 1.0),
        Parameter("stuck", "plain", 0.5, 1.0, 0.5, 0.5 + 1e-9),
    ]
    grid = Grid.around(np.zeros(2), np.ones(2), parameters, [0, 1])
    assert grid.index.tolist() == [0] and (grid.low[0], grid.high[0]) == (-0.5, 0.5)
    assert grid.place(np.array([9.0, 0.0])).tolist() == [1.0]


def test_walks_that_end_together_are_one_basin():
    mode = State(np.zeros(2), {}, hessian=np.diag([4.0, 1.0]))  # SDs 0.5 and 1
    ends = [
        Walk(0, np.array([0.05, 0.0]), 10.0, True, 5),
        Walk(1, np.array([0.4, 0.5]), 10.4, True, 6),
        Walk(2, np.array([0.0, 3.0]), 12.0, False, 9),
    ]
    found = basins(ends, mode, ["a", "b"], lambda z: z)
    assert [b.walks for b in found] == [(0, 1), (2,)]
    assert found[0].distance == pytest.approx(0.1) and found[0].value == "a"
    assert found[1].distance == pytest.approx(3.0) and found[1].value == "b"


def test_walks_are_kept_and_those_of_another_problem_are_not(tmp_path):
    mode = State(np.zeros(4), {}, 5.0, hessian=np.eye(4))
    made = [Walk(3, np.array([0.1, 0.2, -0.3, 0.0]), 6.5, True, 7)]
    path = tmp_path / "starts.toml"
    path.write_text(text(task(), made, mode))
    back = read_walks(task(), path)
    assert (back[0].number, back[0].objective, back[0].converged, back[0].steps) == (3, 6.5, True, 7)
    assert back[0].z == pytest.approx(made[0].z)
    assert read_walks(Problem(task().evidence, task().parameters[:3]), path) == []


def test_a_held_value_that_matters_makes_another_problem(monkeypatch):
    """Values that no fit frees stand in the digest by what the model predicts with them."""
    before = starts.digest(task())
    assert starts.digest(task()) == before
    plain = Problem.numbers
    monkeypatch.setattr(
        Problem, "numbers", lambda self, z: Numbers(dict(plain(self, z).replaced) | {"mood_fast_size": 0.3})
    )
    assert starts.digest(task()) != before


def test_two_starts_find_the_same_end(tmp_path, monkeypatch):
    """A well-known problem: three values, walks from the prior meet."""
    monkeypatch.setattr(starts, "starts_path", lambda: tmp_path / "starts.toml")
    small = Problem(
        task().evidence, tuple(parameter(key) for key in ("mood_late_size", "expectancy_sustained", "rating_sd"))
    )
    monkeypatch.setattr(starts, "ITERATIONS", 12)
    one = starts.walk(small, 0, iterations=12)
    mode = State(one.z, {}, one.objective, hessian=4.0 * np.eye(3))
    said = starts.run(small, mode, 2, 5.0)
    assert "2 walks from the prior end in 1 place;" in said
    assert len(read_walks(small, tmp_path / "starts.toml")) == 2
    assert not np.allclose(starts.start_point(small, 0), starts.start_point(small, 1))


def test_the_walks_that_ship_are_of_this_problem_and_end_in_one_place():
    """Ten points of the prior (docs/decisions/inference.md); another evidence or another prior makes the file another problem's."""
    walks = read_walks(problem(), starts_path())
    assert sorted(w.number for w in walks) == list(range(10)) and all(w.converged for w in walks)
    table = tomllib.loads(starts_path().read_text(encoding="utf-8"))
    assert len(table["basins"]) == 1 and table["basins"][0]["distance"] < 1.0
