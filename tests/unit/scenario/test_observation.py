"""Observation: combination, link, residual, response."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ketasim.core import normals
from ketasim.core.values import starting_values
from ketasim.ratings import observation as ob
from ketasim.ratings.wander import RatingNoise, own_course, slow_wander

# the numbers before any fit: these tests are about the functions, not about what the evidence makes of the values
P = {key: v.value for key, v in starting_values("observation").items()}
drives = some.floats(-3, 6)


def test_exponent_one_is_addition() -> None:
    assert ob.combined_drive([[0.4]], [[0.3]], [[0.2]], 1.0)[0, 0] == pytest.approx(0.9)


@given(some.floats(0, 5), some.floats(0, 5), some.floats(1, 4))
@settings(max_examples=100, deadline=None)
def test_the_sum_lies_between_the_larger_and_the_plain_sum(a: float, b: float, k: float) -> None:
    both = float(ob.combined_drive([[a]], [[b]], 0.0, k)[0, 0])
    assert max(a, b) * (1 - 1e-12) <= both <= (a + b) * (1 + 1e-12) + 1e-300


def test_nothing_plus_nothing_is_nothing() -> None:
    assert ob.combined_drive(np.zeros((2, 3)), 0.0, 0.0, P["subadditivity"]).tolist() == [[0] * 3] * 2


def test_nocebo_is_subtracted_as_it_is() -> None:
    # a power law of a negative number would be nan; a half-hearted clip would lose it
    k = P["subadditivity"]
    assert ob.combined_drive([[0.5]], [[-0.2]], 0.0, k)[0, 0] == pytest.approx(0.3)
    assert ob.combined_drive([[0.0]], [[-0.2]], 0.0, k)[0, 0] == pytest.approx(-0.2)


def test_the_exponent_may_differ_between_people() -> None:
    both = ob.combined_drive(np.ones((2, 1)), np.ones((2, 1)), 0.0, np.array([1.0, 2.0]))
    assert both[:, 0] == pytest.approx([2.0, np.sqrt(2.0)])


def test_link_has_its_three_anchors() -> None:
    scores = ob.madrs_scores([[0.0, 50.0, -50.0]], [30.0], P)[0]
    assert scores == pytest.approx([30.0, 0.0, 30.0 * P["link_ceiling"]], abs=1e-9)


def test_a_high_baseline_never_leaves_the_scale() -> None:
    scores = ob.madrs_scores([[0.0, -50.0]], [55.0], P)[0]
    assert scores == pytest.approx([55.0, P["madrs_maximum"]])


@given(drives, some.floats(1, 59), some.floats(-3, 3))
@settings(max_examples=100, deadline=None)
def test_scores_stay_on_the_scale_and_fall_with_the_drive(drive: float, baseline: float, eps: float) -> None:
    low, high = ob.madrs_scores([[drive + 0.1, drive]], [baseline], P, wander=eps)[0]
    assert 0 <= low <= high <= P["madrs_maximum"]


def test_the_link_and_its_inverse_agree() -> None:
    u, s = P["link_ceiling"], P["link_slope"]
    share = np.array([0.05, 0.3, 0.5, 1.0, 1.2])
    assert ob.link(ob.drive_at(share, u, s), 1.0, u, s) == pytest.approx(share)
    assert np.isposinf(ob.drive_at(0.0, u, s)) and np.isneginf(ob.drive_at(1.3, u, s))


def test_half_the_baseline_is_about_ln_2() -> None:
    assert ob.drive_at(0.5, P["link_ceiling"], P["link_slope"]) == pytest.approx(np.log(2), rel=0.02)


def test_response_probability_and_moments_match_brute_force() -> None:
    rng = np.random.default_rng(1)
    drive, base, sd = np.array([[0.3], [0.9]]), np.array([28.0, 36.0]), 0.55
    drawn = ob.madrs_scores(drive, base, P, wander=sd * rng.normal(size=(2, 400_000)))
    response = ob.response_probability(drive, base, sd, P)[:, 0]
    remission = ob.share_below(drive, 10.0, base, sd, P)[:, 0]
    mean, own = ob.score_moments(drive, base, sd, P)
    assert response == pytest.approx((drawn <= 0.5 * base[:, None]).mean(axis=1), abs=0.003)
    assert remission == pytest.approx((drawn <= 10).mean(axis=1), abs=0.003)
    assert mean[:, 0] == pytest.approx(drawn.mean(axis=1), abs=0.05)
    assert own[:, 0] == pytest.approx(drawn.std(axis=1), abs=0.05)


def test_arm_moments_add_the_spread_between_people() -> None:
    rng = np.random.default_rng(2)
    drive, base = rng.normal(0.6, 0.4, size=(4000, 1)), rng.normal(33, 5, size=4000)
    drawn = ob.madrs_scores(drive, base, P, wander=0.5 * rng.normal(size=(4000, 1))) - base[:, None]
    mean, sd = ob.arm_moments(drive, base, 0.5, P)
    assert mean[0] == pytest.approx(drawn.mean(), abs=0.4)
    assert sd[0] == pytest.approx(drawn.std(), abs=0.4)


def test_effect_is_zero_without_drug_and_has_no_noise_of_its_own() -> None:
    times = np.array([1.0, 24.0, 168.0])
    wander = slow_wander(3, 5, times, P["wander_sd"], P["wander_time"])
    care = np.full((5, 3), 0.2)
    arm, placebo = (
        ob.madrs_scores(ob.mood_latent(0.0, care, 0.0, P), np.full(5, 33.0), P, wander=wander) for _ in range(2)
    )
    assert np.array_equal(arm - placebo, np.zeros((5, 3)))
    assert np.abs(arm - 33.0).min() > 0


def test_a_drug_helps_less_where_hope_already_does() -> None:
    def effect(care: float) -> float:
        arm, placebo = (ob.madrs_scores(ob.mood_latent(drug, [[care]], 0.0, P), [33.0], P) for drug in ([[0.5]], 0.0))
        return float((arm - placebo)[0, 0])

    assert effect(0.0) < effect(0.4) < effect(0.8) < 0


def test_residual_sd_is_that_of_the_sampled_process() -> None:
    times = np.array([0.5, 30.0, 100.0, 700.0])
    drawn = slow_wander(7, 20_000, times, P["wander_sd"], P["wander_time"])
    drawn = (
        drawn
        + RatingNoise.of(P, one=True).drawn(lambda purpose: normals(7, purpose, 20_000), times, times)
        + own_course(7, 20_000, times, P["course_sd"], P["course_onset"])
    )
    assert drawn.std(axis=0) == pytest.approx(ob.residual_sd(times, P)[0], rel=0.02)


def test_ideation_and_mood_part_in_some_people() -> None:
    n = 2000
    mood = slow_wander(1, n, [168.0], P["wander_sd"], P["wander_time"])
    own = slow_wander(1, n, [168.0], P["wander_sd"], P["wander_time"], purpose="ideation wander")
    drive = np.full((n, 1), 0.6)
    thoughts = ob.ideation_scores(ob.ideation_latent(drive, 0.1, 0.0, P), np.full(n, 3.0), P, mood, own)
    score = ob.madrs_scores(ob.combined_drive(drive, 0.1, 0.0, P["subadditivity"]), np.full(n, 33.0), P, mood)
    assert 0.4 < np.corrcoef(thoughts[:, 0], score[:, 0])[0, 1] < 0.8
    better_mood, worse_thoughts = score[:, 0] <= 16.5, thoughts[:, 0] > 3.0
    assert 0 < np.mean(better_mood & worse_thoughts) < 0.2


def test_ideation_stays_between_none_and_the_end_of_the_item() -> None:
    scores = ob.ideation_scores(ob.ideation_latent([[-9.0, 0.0, 9.0]], 0.0, 0.0, P), [6.0], P)[0]
    assert scores == pytest.approx([6.0, 6.0, 0.0], abs=1e-6)
    assert ob.ideation_scores(ob.ideation_latent([[0.5]], 0.0, 0.0, P), [0.0], P)[0, 0] == pytest.approx(0.0)
