"""Time to an event: closed forms, batches, invariance, failures with a reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.core import UsageError
from ketasim.trial.analyse import (
    Status,
    cause_specific,
    cox,
    cumulative_incidence,
    incidence_difference,
    kaplan_meier,
    log_rank,
    restricted_mean,
)


def relapse(seed: int, replicates: int = 5, people: int = 60, ties: bool = True):
    random = np.random.default_rng(seed)
    arm = np.arange(people) % 2
    life = random.exponential(np.where(arm == 1, 40, 25), (replicates, people))
    end = random.uniform(5, 60, (replicates, people))
    time = np.minimum(life, end)
    return (np.ceil(time) if ties else time), (life <= end).astype(int), arm


def test_a_replicate_is_the_same_alone_and_among_others() -> None:
    time, event, arm = relapse(1)
    strata = np.arange(60) // 20
    for test in (
        lambda t, e: log_rank(t, e, arm, strata=strata),
        lambda t, e: cox(t, e, arm, strata=strata),
        lambda t, e: restricted_mean(t, e, arm, 30.0),
    ):
        whole = test(time, event)
        assert (whole.status == Status.OK).all()
        for r in range(5):
            alone = test(time[r], event[r])
            for name in ("estimate", "se", "p"):
                assert getattr(alone, name)[0] == pytest.approx(getattr(whole, name)[r], rel=1e-10)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.booleans())
def test_unit_of_time_and_order_of_people_do_not_matter(seed: int, unit: float, ties: bool) -> None:
    time, event, arm = relapse(seed, 1, 30, ties)
    order = np.random.default_rng(seed).permutation(30)
    one, other = log_rank(time, event, arm), log_rank(time[:, order] * unit, event[:, order], arm[order])
    assert other.z == pytest.approx(one.z, abs=1e-9)
    one, other = cox(time, event, arm), cox(time[:, order] * unit, event[:, order], arm[order])
    assert (one.status == other.status).all()
    assert other.estimate == pytest.approx(one.estimate, abs=1e-8, nan_ok=True)


def test_log_rank_is_the_score_test_of_cox_and_one_step_towards_it() -> None:
    """Without ties, V is the information of Cox's likelihood at 0, so (O - E) / V is Newton's first step."""
    time, event, arm = relapse(3, ties=False, people=400)
    rank, hazard = log_rank(time, event, arm), cox(time, event, arm)
    assert rank.estimate == pytest.approx(hazard.estimate, abs=0.05)
    assert rank.z == pytest.approx(hazard.estimate / hazard.se, abs=0.15)
    swapped = cox(time, event, 1 - arm)
    assert swapped.estimate == pytest.approx(-hazard.estimate, abs=1e-9)


def test_three_people_by_hand() -> None:
    """Times 1 (arm 0), 2 (arm 1), 3 (arm 0): E of arm 1 = 1/3 + 1/2, V = 2/9 + 1/4; S of arm 0 = 1/2, then 0."""
    found = log_rank([1.0, 2.0, 3.0], [1, 1, 1], [0, 1, 0])
    assert found.expected[0, 0] == pytest.approx(1 / 3 + 1 / 2)
    assert 1 / found.se[0, 0] ** 2 == pytest.approx(2 / 9 + 1 / 4)
    curve = kaplan_meier([1.0, 2.0, 3.0], [1, 1, 1], [0, 1, 0], [0.5, 1, 2.5, 3, 9])
    assert curve.survival[0, 0] == pytest.approx([1, 0.5, 0.5, 0, 0])
    assert curve.survival[0, 1] == pytest.approx([1, 1, 0, 0, 0])
    mean = restricted_mean([1.0, 2.0, 3.0], [1, 1, 1], [0, 1, 0], 2.5)
    assert mean.means[0] == pytest.approx([1 + 1.5 * 0.5, 2.0])


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_without_censoring_everything_is_a_share(seed: int) -> None:
    """Survival, incidence and their variances are those of the binomial law; restricted means are means of min(time, horizon)."""
    random = np.random.default_rng(seed)
    time, kind = np.ceil(random.exponential(10, (2, 40))), random.integers(1, 3, (2, 40))
    arm = np.arange(40) % 2
    curve = kaplan_meier(time, kind, arm, [4, 12])
    found = cumulative_incidence(time, kind, arm, [4, 12])
    mean = restricted_mean(time, kind, arm, 12.0)
    for a in (0, 1):
        here, which = time[:, arm == a], kind[:, arm == a]
        for i, at in enumerate((4, 12)):
            share = (here > at).mean(axis=1)
            assert curve.survival[:, a, i] == pytest.approx(share)
            assert curve.se[:, a, i] ** 2 == pytest.approx(share * (1 - share) / 20, abs=1e-12)
            had = ((here <= at) & (which == 1)).mean(axis=1)
            assert found.incidence[:, a, i] == pytest.approx(had)
            assert found.se[:, a, i] ** 2 == pytest.approx(had * (1 - had) / 20, abs=1e-12)
        limited = np.minimum(here, 12)
        assert mean.means[:, a] == pytest.approx(limited.mean(axis=1))
        assert mean.means_se[:, a] ** 2 == pytest.approx(limited.var(axis=1) / 20)


@given(st.integers(0, 10_000))
def test_incidences_and_survival_add_up(seed: int) -> None:
    random = np.random.default_rng(seed)
    time, kind, arm = np.ceil(random.exponential(10, (3, 30))), random.integers(0, 3, (3, 30)), np.arange(30) % 2
    at = [3, 6]
    total = kaplan_meier(time, kind, arm, at).survival
    for cause in (1, 2):
        total = total + cumulative_incidence(time, kind, arm, at, cause=cause).incidence
    assert total == pytest.approx(np.ones_like(total), nan_ok=True)


def test_censoring_competitors_overstates_the_share() -> None:
    random = np.random.default_rng(4)
    time, kind, arm = random.exponential(10, (1, 200)), random.integers(1, 3, (1, 200)), np.arange(200) % 2
    real = cumulative_incidence(time, kind, arm, [15]).incidence
    naive = 1 - kaplan_meier(time, (kind == 1).astype(int), arm, [15]).survival
    assert (naive > real + 0.1).all()
    specific = cause_specific(time, kind, arm)
    assert specific.z == pytest.approx(log_rank(time, (kind == 1).astype(int), arm).z)
    assert specific.analysis.name == "cause-specific"


def test_failures_have_a_reason() -> None:
    time, event, arm = relapse(5)
    event[1] = 0
    event[2, arm == 1] = 0
    time[3, arm == 0] = np.nan
    time[4] = np.minimum(time[4], 20)
    event[4] = 0
    event[4, :2] = 1
    ratio, rank, mean = cox(time, event, arm), log_rank(time, event, arm), restricted_mean(time, event, arm, 30.0)
    assert list(ratio.status[:4]) == [Status.OK, Status.NO_EVENTS, Status.SEPARATED, Status.EMPTY_CELL]
    assert list(rank.status[:4]) == [Status.OK, Status.NO_EVENTS, Status.OK, Status.EMPTY_CELL]
    assert mean.status[4] == Status.BEYOND_FOLLOW_UP
    late = incidence_difference(time, event, arm, 30.0)
    assert late.status[4] == Status.BEYOND_FOLLOW_UP
    for found in (ratio, rank, mean, late):
        for name in ("estimate", "se", "p", "low", "high"):
            array = getattr(found, name)
            assert (np.isnan(array).all(axis=1) == (found.status != Status.OK)).all()
    assert np.isnan(kaplan_meier(time[4], event[4], arm, [30]).survival).all()


def test_a_covariate_that_separates_the_events_has_no_estimate() -> None:
    time = np.array([1.0, 2, 3, 4, 5, 6, 7, 8])
    found = cox(time, np.array([1, 1, 1, 1, 0, 0, 0, 0]), np.array([0, 1, 0, 1, 0, 1, 0, 1]), -time[:, None])
    assert found.status[0] in (Status.SEPARATED, Status.NOT_CONVERGED)
    assert np.isnan(found.estimate).all()


def test_requests_that_do_not_fit_are_refused() -> None:
    time, event, arm = relapse(6)
    with pytest.raises(UsageError, match="events have the shape"):
        log_rank(time, event[:, :-1], arm)
    with pytest.raises(UsageError, match="below 0"):
        log_rank(time - 100, event, arm)
    with pytest.raises(UsageError, match="strata have the shape"):
        log_rank(time, event, arm, strata=arm[:-1])
    with pytest.raises(UsageError, match="horizon"):
        restricted_mean(time, event, arm, 0.0)
    with pytest.raises(UsageError, match="is no event"):
        cumulative_incidence(time, event, arm, [5], cause=0)
