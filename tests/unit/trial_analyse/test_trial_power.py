"""Simulated power and error against rpact 3.3.4 (calls: tests/crosscheck/trial/oracles.R), within 3 Monte Carlo standard errors.

The default run takes fewer replicates; `pytest -m slow` takes 100,000.
"""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.trial.analyse import Status, ancova, bounds, log_rank, mmrm, multiple_imputation, stop, t_test, z_of

LONG = (pytest.mark.slow, pytest.mark.timeout(3600))  # a minute or two of processor time each
SIZES = [pytest.param(8_000, id="8k"), pytest.param(100_000, id="100k", marks=LONG)]
BLOCK = 4_000


def near(share: float, expected: float, replicates: int, others: int | None = None) -> bool:
    """Within 3 standard errors; `others` replicates behind the expected value, if it was simulated too."""
    variance = expected * (1 - expected)
    return abs(share - expected) < 3 * np.sqrt(variance / replicates + (variance / others if others else 0.0))


def blocks(replicates: int) -> list[tuple[int, np.random.Generator]]:
    return [(BLOCK, np.random.default_rng([2026, k])) for k in range(replicates // BLOCK)]


@pytest.mark.parametrize("replicates", SIZES)
def test_two_sample_t(replicates: int) -> None:
    """getPowerMeans(alternative = 0.4, stDev = 1, maxNumberOfSubjects = 200), two-sided 5 %: 0.803647; null: 0.05."""
    arm = np.arange(200) % 2
    for effect, expected in ((0.4, 0.803647), (0.0, 0.05)):
        won = []
        for size, random in blocks(replicates):
            won.append(t_test(random.normal(size=(size, 200)) + effect * arm, arm).p[:, 0] < 0.05)
        assert near(float(np.mean(won)), expected, replicates)


@pytest.mark.parametrize("replicates", SIZES)
def test_three_looks(replicates: int) -> None:
    """Lan-DeMets spending of O'Brien-Fleming type, n 210, t tests at 70, 140, 210 people: 0.817753; null: 0.05."""
    arm = np.arange(210) % 2
    design = bounds(3)
    for effect, expected in ((0.4, 0.817753), (0.0, 0.05)):
        won = []
        for size, random in blocks(replicates):
            scores = random.normal(size=(size, 210)) + effect * arm
            looks = []
            for seen in (70, 140, 210):
                test = t_test(scores[:, :seen], arm[:seen])
                looks.append(z_of(test.p[:, 0], test.estimate[:, 0], larger_is_better=True))
            ended = stop(np.stack(looks, axis=1), design)
            assert (ended.status == Status.OK).all()
            won.append(ended.efficacy | ended.inferior)
        assert near(float(np.mean(won)), expected, replicates)


def survival_z(random: np.random.Generator, size: int, ratio: float, events: tuple[int, ...]) -> np.ndarray:
    """z of the log-rank test when so many events have been seen: 300 people over 12 months, median 20 months."""
    arm = np.arange(300) % 2
    entry = (np.arange(300) + 1) * 12 / 300
    life = random.exponential(20 / np.log(2) / np.where(arm == 1, ratio, 1.0), (size, 300))
    ends = np.sort(entry + life, axis=1)
    looks = []
    for number in events:
        cut = ends[:, number - 1 : number]
        followed = np.where(entry < cut, np.minimum(life, cut - entry), np.nan)
        looks.append(-log_rank(followed, (entry + life <= cut).astype(int), arm).z[:, 0])
    return np.stack(looks, axis=1)


@pytest.mark.parametrize("replicates", SIZES)
def test_survival(replicates: int) -> None:
    """getSimulationSurvival, 100,000 iterations: hazard ratio 0.7, 220 events: 0.75101; three looks, 222 events: 0.74759."""
    plan = bounds(3, "obrien-fleming", alpha=0.025, sided=1)
    fixed, three = [], []
    for size, random in blocks(replicates):
        fixed.append(survival_z(random, size, 0.7, (220,))[:, 0] >= 1.959964)
        three.append(stop(survival_z(random, size, 0.7, (74, 148, 222)), plan).efficacy)
    assert near(float(np.mean(fixed)), 0.75101, replicates, 100_000)
    assert near(float(np.mean(three)), 0.74759, replicates, 100_000)


@pytest.mark.parametrize("replicates", SIZES)
def test_error_of_survival(replicates: int) -> None:
    """Equal hazards: 5 % two-sided with one look at 220 events, 2.5 % one-sided with three looks at 74, 148, 222."""
    plan = bounds(3, "obrien-fleming", alpha=0.025, sided=1)
    fixed, three = [], []
    for size, random in blocks(replicates):
        fixed.append(np.abs(survival_z(random, size, 1.0, (220,))[:, 0]) >= 1.959964)
        three.append(stop(survival_z(random, size, 1.0, (74, 148, 222)), plan).efficacy)
    assert near(float(np.mean(fixed)), 0.05, replicates)
    assert near(float(np.mean(three)), 0.025, replicates)


def leaving(random: np.random.Generator, size: int, people: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """No effect of the arms; who did badly at the last visit seen leaves more often, in arm 1 far more often (at random)."""
    arm = np.arange(people) % 2
    baseline = random.normal(30, 5, (size, people))
    person = random.normal(0, 5, (size, people, 1))
    scores = -10 - 0.4 * (baseline - 30)[..., None] + person + random.normal(0, 4, (size, people, 3))
    for v in (1, 2):
        before = scores[..., v - 1]
        chance = 1 / (1 + np.exp(-(-2.2 + np.where(arm == 1, 0.25, 0.05) * (before + 10))))
        gone = (random.random((size, people)) < chance) | np.isnan(before)
        scores[..., v:][gone] = np.nan
    return scores, arm, baseline[..., None]


@pytest.mark.parametrize("replicates", [pytest.param(2_000, id="2k"), pytest.param(100_000, id="100k", marks=LONG)])
def test_error_of_mmrm_under_dropout_at_random(replicates: int) -> None:
    """Type I error 5 % within 3 standard errors, and no bias, where the analysis of the people seen is biased."""
    rejected, estimates, naive = [], [], []
    for k in range(replicates // 1000):
        scores, arm, baseline = leaving(np.random.default_rng([77, k]), 1000)
        found = mmrm(scores, arm, baseline)
        assert (found.status == Status.OK).all()
        rejected.append(found.p[:, 0, 2] < 0.05)
        estimates.append(found.estimate[:, 0, 2])
        naive.append(ancova(scores[..., 2], arm, baseline).estimate[:, 0])
    assert near(float(np.mean(rejected)), 0.05, replicates)
    error = np.std(estimates) / np.sqrt(replicates)
    assert abs(np.mean(estimates)) < 3 * error
    assert abs(np.mean(naive)) > 10 * error


def test_error_of_imputation_at_random() -> None:
    scores, arm, baseline = leaving(np.random.default_rng(78), 600)
    found = multiple_imputation(scores, arm, baseline, imputations=10)
    assert (found.status == Status.OK).all()
    assert near(float(np.mean(found.p[:, 0] < 0.05)), 0.05, 600)
    assert abs(found.estimate.mean()) < 3 * found.estimate.std() / np.sqrt(600)
