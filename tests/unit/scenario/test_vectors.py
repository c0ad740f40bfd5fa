"""What was made quick gives what the plain way gives: percentiles, areas, expectancy, rows of people beside rows of draws."""

import numpy as np
import pytest

from ketasim.core.posterior import Posterior
from ketasim.ratings.observation import combined_drive
from ketasim.ratings.setting import _column, expectancy, expectancy_course, setting_parameters
from ketasim.scenario import run as module
from ketasim.scenario.result import percentiles
from ketasim.scenario.run import run
from ketasim.scenario.summary import area, areas

KETAMINE = "ketamine iv 0.5 mg/kg over 40 min"


@pytest.mark.parametrize("count", [1, 2, 3, 19, 20, 21, 64, 100, 101])
def test_percentiles_are_those_of_numpy(count: int) -> None:
    rows = np.random.default_rng(count).normal(size=(3, count, 7))
    for share, found in zip((5.0, 50.0, 95.0), percentiles(rows, (5.0, 50.0, 95.0)), strict=True):
        assert found == pytest.approx(np.percentile(rows, share, axis=1), rel=1e-14, abs=1e-14)


def test_areas_up_to_a_time_are_areas_of_the_part() -> None:
    times = np.array([-1.0, 0.0, 0.5, 1.0, 3.0, 8.0, 24.0, 24.5, 168.0])
    rows = np.abs(np.random.default_rng(1).normal(size=(5, len(times))))
    rows[0, 3:] = 0.0
    for until, found in zip(
        (0.0, 1.0, 2.0, 24.0, 168.0), areas(times, rows, (0.0, 1.0, 2.0, 24.0, 168.0)), strict=True
    ):
        part = times <= until
        assert found == pytest.approx(area(times[part], rows[:, part]), rel=1e-13)


def test_expectancy_is_the_recursion_session_by_session() -> None:
    p = {key: np.full(4, number) for key, number in setting_parameters().items()}
    p["expectancy_sustained"] = np.array([0.2, 0.3, 0.4, 0.5])
    p["expectancy_decay"] = np.array([100.0, 200.0, 300.0, 400.0])
    times, sessions = np.array([-2.0, 0.0, 0.5, 5.0, 71.9, 72.0, 73.0, 200.0]), np.array([0.0, 72.0, 168.0])
    beliefs = np.random.default_rng(2).uniform(size=(4, 3))
    shares = expectancy(beliefs, _column(p, "expectancy_half_belief"), _column(p, "expectancy_steepness"))
    session = np.clip(np.searchsorted(sessions, times, side="right") - 1, 0, None)
    expected = np.zeros((4, len(times)))
    for person in range(4):
        for size, decay in (
            ("expectancy_sustained", "expectancy_decay"),
            ("expectancy_transient", "expectancy_transient_decay"),
        ):
            left = 0.0
            for j, start in enumerate(sessions):
                stop = sessions[j + 1] if j + 1 < len(sessions) else np.inf
                onset, loss, e = p["expectancy_onset"][person], p[decay][person], shares[person, j]

                def part(u: float, left: float = left, onset: float = onset, loss: float = loss, e: float = e) -> float:
                    return float(np.exp(-u / loss) * (left * np.exp(-u / onset) + e * (1 - np.exp(-u / onset))))

                for k, t in enumerate(times):
                    if start <= t < stop:
                        expected[person, k] += p[size][person] * part(t - start)
                left = part(stop - start)
        expected[person] *= p["expectancy_gain"][person]
    assert expectancy_course(times, sessions, shares[:, session], p) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_without_drug_the_other_part_stands_alone() -> None:
    other = np.random.default_rng(3).normal(size=(3, 5))
    nothing, little = np.zeros((3, 5)), np.full((3, 5), 1e-300)
    k = np.array([1.0, 1.5, 2.0])
    assert combined_drive(nothing, other, 0.0, k, 0.7) == pytest.approx(
        combined_drive(little, other, 0.0, k, 0.7), rel=1e-13
    )
    assert combined_drive(nothing, other, 0.0, k, 0.7).shape == (3, 5)


def test_a_draw_that_fails_is_no_person_who_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left out of the model's band; nobody is reported, and the people's bands stay."""
    draws = np.array([[10.0], [np.nan], [11.0], [12.0], [13.0]])
    found = Posterior(("s_clearance",), draws, np.full(5, 0.2))
    monkeypatch.setattr(module, "posterior", lambda: found)
    monkeypatch.setattr(module, "fitted", lambda: {"s_clearance": {}})
    key = next(k for k in run(KETAMINE, people=0, draws=0).record.values if k.endswith("clearance"))
    found = Posterior((key,), draws * run(KETAMINE, people=0, draws=0).record.values[key].value / 10.0, np.full(5, 0.2))
    monkeypatch.setattr(module, "fitted", lambda: {key: {}})
    result = run(KETAMINE, people=3, draws=5, days=2)
    assert result.failures == () and result.ok == 3
    assert result.model_values["madrs"].shape[0] == 5
    assert not np.isfinite(result.model_values["madrs"][1]).any() and np.isfinite(result.model_values["madrs"][0]).all()
    assert np.isfinite(result["madrs"].people).all() and result["madrs"].model_low is not None
    assert all(value is not None for value in result.to_dict()["outputs"]["madrs"]["model_low"])


def test_people_are_the_same_with_and_without_draws() -> None:
    with_draws, without = run(KETAMINE, people=20, draws=16, days=3), run(KETAMINE, people=20, draws=0, days=3)
    assert np.array_equal(with_draws.people.person, without.people.person)
    for name in ("plasma.ketamine", "nmda.occupancy", "cadss", "madrs"):
        size = np.abs(without[name].people).max()
        assert np.abs(with_draws[name].people - without[name].people).max() < 4e-6 * size, name
