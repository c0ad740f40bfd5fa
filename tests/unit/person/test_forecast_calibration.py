"""Coverage in simulated people, and the same posterior from a long Markov chain that shares nothing but the drives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import chi2

from ketasim.people import Traits
from ketasim.person.batch import crps
from ketasim.person.calibration import (
    GRID,
    NOMINAL,
    TARGET,
    VISITS,
    Report,
    forecasts,
    seen_by,
    simulate,
    times_of,
)
from ketasim.person.likelihood import Noise
from ketasim.person.observed import Baseline, Observation, learn
from ketasim.person.options import Future
from ketasim.person.pareto import normalised
from ketasim.person.pool import CLINIC, MINDS_OF, Pool, Seen
from ketasim.ratings.observation import drive_at

ALLOWED = {50: 2.0, 80: 2.0, 95: 1.5}  # points of coverage


def check(reports: list[Report], people: int) -> None:
    """Coverage inside what is allowed plus two standard errors of so many people; ranks flat."""
    for report in reports:
        for nominal in NOMINAL:
            error = 200.0 * np.sqrt(nominal / 100 * (1 - nominal / 100) / people) if people < 10_000 else 0.0
            assert abs(100 * report.coverage(nominal) - nominal) < ALLOWED[nominal] + error, (report.count, nominal)
        counts = report.histogram
        flat = float(((counts - counts.mean()) ** 2 / counts.mean()).sum())
        assert flat < chi2.isf(1e-3, len(counts) - 1)
    first, last = reports[0].crps.mean(), reports[-1].crps.mean()
    assert last < 0.8 * first  # four scores tell a lot


def test_coverage_in_simulated_people() -> None:
    check(forecasts(simulate(600)), 600)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_coverage_in_ten_thousand_people() -> None:
    check(forecasts(simulate(10_000)), 10_000)


def test_too_little_noise_would_be_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same check on a forecast that believes in ratings without noise of their own."""
    from ketasim.person import calibration

    true = calibration.Noise.of

    def quiet(p):  # type: ignore[no-untyped-def]
        found = true(p)
        less = {"wander_sd": 0.6, "course_sd": 0.3, "rating_sd": 0.5}
        return replace(found, **{key: share * getattr(found, key) for key, share in less.items()})

    truth = simulate(150)
    monkeypatch.setattr(calibration.Noise, "of", staticmethod(quiet))
    with pytest.raises(AssertionError):
        check(forecasts(truth), 150)


# the long chain ------------------------------------------------------------------------------------------------------


def gaussian(seen: Seen, who: np.ndarray, times: np.ndarray, scores: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Log density (N,) of the totals (N, n) of each member's own person, straight from the normal distribution; no interval, no draw."""
    p = seen.pool.ratings
    share = scores[who] / baseline[who][:, None]
    need = drive_at(share, p["link_ceiling"][:, None], p["link_slope"][:, None])
    residual = need - seen.latent(times)
    slope = p["link_ceiling"][:, None] / (share * (p["link_ceiling"][:, None] - share) * p["link_slope"][:, None])
    sw, tau, sc, on, s0, fades, error = (p[k][:, None, None] for k in list(Noise.__dataclass_fields__)[:7])
    early, gap = np.minimum.outer(times, times), np.abs(np.subtract.outer(times, times))
    part = 1 - np.exp(-times / on)
    c = (
        sw**2 * (1 - np.exp(-2 * early / tau)) * np.exp(-gap / tau)
        + sc**2 * part * np.swapaxes(part, 1, 2)
        + s0**2 * ((1 - error) * np.exp(-gap / fades) + error * np.eye(len(times)))
    )
    root = np.linalg.cholesky(c)
    with np.errstate(invalid="ignore"):
        white = np.linalg.solve(root, np.where(np.isfinite(residual), residual, 1e9)[:, :, None])[:, :, 0]
        logs = -0.5 * (white**2).sum(axis=1) - np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        return np.where(
            np.isfinite(residual).all(axis=1), logs + np.log(np.maximum(slope, 1e-300)).sum(axis=1), -np.inf
        )


def chain_forecast(
    people: int, scores: np.ndarray, baseline: np.ndarray, chains: int, steps: int, rows: int, seed: int
) -> np.ndarray:
    """Distribution function (people, grid) of the last visit from random-walk Metropolis with independent jumps of the row."""
    times = times_of((*VISITS, TARGET))
    count = people * chains
    pool = Pool.of(Traits(), rows, 1, seed)
    who = np.repeat(np.arange(people), chains)
    generator = np.random.default_rng(seed)
    base = seen_by(pool, times)
    moved = {key: generator.standard_normal(count) for key in MINDS_OF}
    clinic = {key: generator.standard_normal(count) for key in CLINIC}
    row = generator.integers(rows, size=count)
    start = Pool(pool.rows, pool.bodies, row, pool.minds, pool.clinic, np.zeros(count))
    minds = type(pool.minds)(pool.minds.seed, np.arange(count), pool.minds.traits)
    start = Pool(start.rows, start.bodies, row, minds, start.clinic, start.log_weight).with_minds(moved, clinic, row)

    def at(one: Pool) -> tuple[Seen, np.ndarray]:
        seen = Seen(one, base.arms, 0, base.setting)
        return seen, gaussian(seen, who, times[:-1], scores, baseline)

    here, (_, log) = start, at(start)
    total = np.zeros((people, len(GRID)))
    kept = 0
    for step in range(steps):
        b = (0.2, 0.5, 0.9)[step % 3]
        there_moved = {
            k: np.sqrt(1 - b * b) * here.minds.moved[k] + b * generator.standard_normal(count) for k in MINDS_OF
        }
        there_clinic = {k: np.sqrt(1 - b * b) * here.clinic[k] + b * generator.standard_normal(count) for k in CLINIC}
        new_row = generator.integers(rows, size=count) if step % 2 else here.row
        there = here.with_minds(there_moved, there_clinic, new_row)
        _, new = at(there)
        prior = pool.rows.log_weight[new_row] - pool.rows.log_weight[here.row]
        with np.errstate(invalid="ignore"):
            yes = np.log(generator.random(count)) < new - log + prior
        yes |= ~np.isfinite(log) & np.isfinite(new)
        here = here.with_minds(
            {k: np.where(yes, there_moved[k], here.minds.moved[k]) for k in MINDS_OF},
            {k: np.where(yes, there_clinic[k], here.clinic[k]) for k in CLINIC},
            np.where(yes, new_row, here.row),
        )
        log = np.where(yes, new, log)
        if step >= steps // 3 and step % 4 == 0:
            total += predictive(Seen(here, base.arms, 0, base.setting), who, times, scores, baseline, people)
            kept += 1
    return total / kept


def predictive(
    seen: Seen, who: np.ndarray, times: np.ndarray, scores: np.ndarray, baseline: np.ndarray, people: int
) -> np.ndarray:
    """Distribution function of the last visit given the totals, by the conditional normal, mean over the chains of a person."""
    p, n = seen.pool.ratings, len(times) - 1
    need = drive_at(scores[who] / baseline[who][:, None], p["link_ceiling"][:, None], p["link_slope"][:, None])
    drives = seen.latent(times)
    residual = np.where(np.isfinite(need), need, 0.0) - drives[:, :n]
    sw, tau, sc, on, s0, fades, error = (p[k][:, None, None] for k in list(Noise.__dataclass_fields__)[:7])
    early, gap = np.minimum.outer(times, times), np.abs(np.subtract.outer(times, times))
    part = 1 - np.exp(-times / on)
    c = (
        sw**2 * (1 - np.exp(-2 * early / tau)) * np.exp(-gap / tau)
        + sc**2 * part * np.swapaxes(part, 1, 2)
        + s0**2 * ((1 - error) * np.exp(-gap / fades) + error * np.eye(n + 1))
    )
    gain = np.linalg.solve(c[:, :n, :n], c[:, :n, n:])
    mean = drives[:, n] + (gain[:, :, 0] * residual).sum(axis=1)
    sd = np.sqrt(c[:, n, n] - (gain[:, :, 0] * c[:, :n, n]).sum(axis=1))
    cut = drive_at(GRID[None, :] / baseline[who][:, None], p["link_ceiling"][:, None], p["link_slope"][:, None])
    below = ndtr((mean[:, None] - cut) / sd[:, None])
    below[:, -1] = 1.0
    return below.reshape(people, -1, len(GRID)).mean(axis=1)


def pool_forecast(i: int, seen: Seen, scores: np.ndarray, baseline: np.ndarray, times: np.ndarray) -> np.ndarray:
    before = Baseline({"MADRS": float(baseline[i])})
    seen_ = tuple(
        Observation("mood", "MADRS", float(t), s - 0.5, s + 0.5, "") for t, s in zip(times[:-1], scores[i], strict=True)
    )
    learned = learn(seen, seen_, before)
    weights = normalised(seen.pool.log_weight + learned.total)
    return Future.of(seen, learned.mood, before, times[-1:]).cumulative(GRID, 0, weights)


def against_chain(people: int, chains: int, steps: int, rows: int) -> tuple[float, float, float]:
    """Mean CRPS of pool and chain, and the largest distance between their distribution functions."""
    truth = simulate(4 * people)
    usual = np.flatnonzero(
        (truth.scores[:, :-1] > 0).all(axis=1) & (truth.scores[:, :-1] < 1.1 * truth.baseline[:, None]).all(axis=1)
    )[:people]
    scores, baseline, last = truth.scores[usual, :-1], truth.baseline[usual], truth.scores[usual, -1]
    chain = chain_forecast(len(usual), scores, baseline, chains, steps, rows, 31)
    times = times_of(truth.days)
    seen = seen_by(Pool.of(Traits(), 320, 24), times)
    own = np.stack([pool_forecast(i, seen, scores, baseline, times) for i in range(len(usual))])
    one = np.mean([crps(float(y), GRID, f) for y, f in zip(last, own, strict=True)])
    other = np.mean([crps(float(y), GRID, f) for y, f in zip(last, chain, strict=True)])
    return float(one), float(other), float(np.abs(own - chain).max())


def test_the_pool_agrees_with_a_markov_chain() -> None:
    own, chain, far = against_chain(6, 24, 120, 160)
    assert own == pytest.approx(chain, rel=0.05)
    assert far < 0.12


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_pool_agrees_with_a_long_markov_chain_on_fifty_people() -> None:
    own, chain, far = against_chain(50, 40, 900, 640)
    assert own == pytest.approx(chain, rel=0.02)
    assert far < 0.1
