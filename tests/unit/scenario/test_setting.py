"""Setting: belief, expectancy and care as functions on arrays."""

import numpy as np
import pytest

from ketasim.core import KetasimError, UsageError
from ketasim.core.values import starting_values
from ketasim.ratings import setting as st
from ketasim.ratings.structure import compared

# the numbers before any fit: these tests are about the functions, not about what the evidence makes of the values
P = {key: v.value for key, v in starting_values("setting").items()}
TIMES = np.array([-1.0, 0.0, 0.7, 2.0, 24.0, 71.9, 72.0, 72.5, 168.0, 336.0])


def test_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        st.setting("nasal_placebo")
    assert "nasal-placebo" in str(caught.value)


def test_the_words_of_the_command_line_are_all_there() -> None:
    assert set(st.SETTINGS) == {"open", "saline", "midazolam", "nasal-placebo", "inpatient", "routine"}


def test_what_is_felt_counts_from_the_first_session_on_and_never_less() -> None:
    times = np.array([-1.0, 0.0, 0.5, 1.0, 72.0, 72.5, 73.0])
    cadss = np.array([[7.0, 0.0, 9.0, 4.0, 0.0, 5.0, 1.0], [0.0, 0.0, 1.0, 2.0, 0.0, 0.5, 7.0]])
    strongest = [[0.0, 0.0, 9.0, 9.0, 9.0, 9.0, 9.0], [0.0, 0.0, 1.0, 2.0, 2.0, 2.0, 7.0]]
    assert np.array_equal(st.felt_so_far(times, cadss, [0.0, 72.0]), strongest)
    assert not st.felt_so_far(times, cadss, []).any()


def test_a_time_that_was_only_asked_for_changes_no_other() -> None:
    times = np.array([0.0, 0.5, 0.6, 1.0, 24.0])
    cadss = np.array([[0.0, 8.0, 9.0, 4.0, 0.0]])
    grid = np.array([True, True, False, True, True])
    without = st.felt_so_far(times[grid], cadss[:, grid], [0.0])
    assert np.array_equal(st.felt_so_far(times, cadss, [0.0], grid)[:, grid], without)
    assert st.felt_so_far(times, cadss, [0.0], grid)[0, 2] == 9.0


def test_a_session_nobody_looked_at_is_an_error() -> None:
    with pytest.raises(KetasimError, match="72 h"):
        st.setting_drive("saline", [0.0, 1.0, 100.0], [0.0, 72.0, 96.0, 200.0], np.zeros((1, 3)), P)


def test_belief_in_the_middle_of_a_session_knows_nothing_of_its_peak() -> None:
    """Two sessions that feel the same for ten minutes and then part: until then the same drive, afterwards that of the peak."""
    times = np.array([0.0, 0.1, 1 / 6, 0.5, 1.0, 24.0])
    weak, strong = (np.array([[0.0, 1.0, 2.0, last, 0.0, 0.0]]) for last in (2.0, 20.0))
    one, other = (st.setting_drive("saline", times, [0.0], felt, P) for felt in (weak, strong))
    assert np.array_equal(one[:, :3], other[:, :3])
    assert (other[:, 3:] > one[:, 3:]).all()
    # from the peak on it is the closed form with the belief of the peak, where belief follows the felt alone
    with compared(belief="felt", expectancy="hill"):
        b = st.belief(20.0, P["belief_prior_infusion"], P["belief_felt_scale"])
        known = st.setting_drive("saline", times, [0.0], strong, P, fixed_belief=b)
        other = st.setting_drive("saline", times, [0.0], strong, P)
    assert other[:, 3:] == pytest.approx(known[:, 3:], rel=1e-14)
    assert (other[:, 1:3] < known[:, 1:3]).all()


def test_people_who_can_feel_nothing_keep_the_belief_of_their_allocation() -> None:
    """Under anaesthesia neither feeling nor silence tells anything; open treatment stays known."""
    assert st.unmoved_belief("saline", P)[0, 0] == P["belief_allocation"]
    assert st.unmoved_belief("open", P)[0, 0] == 1.0
    with compared(belief="felt", expectancy="hill"):
        assert st.unmoved_belief("nasal-placebo", P)[0, 0] == P["belief_prior_nasal"]


def test_belief_runs_from_the_prior_to_certainty() -> None:
    assert st.belief(0.0, 0.35, 6.0) == pytest.approx(0.35)
    assert st.belief(1e9, 0.35, 6.0) == pytest.approx(1.0)
    # closed form: at the felt scale 1/e of the doubt is left
    assert st.belief(6.0, 0.05, 6.0) == pytest.approx(1 - 0.95 / np.e)


def test_a_weaker_later_session_does_not_take_belief_back() -> None:
    times, felt = np.array([0.0, 24.0, 48.0]), np.array([[12.0, 3.0, 15.0]])
    b = st.belief_course("saline", st.felt_so_far(times, felt, times), P)
    assert b[0, 1] == b[0, 0] < b[0, 2]


def test_midazolam_persuades_its_own_arm_and_saline_does_not() -> None:
    nothing = np.zeros((1, 1))
    with compared(belief="felt", expectancy="hill"):
        comparator = {s: st.belief_course(s, nothing, P, arm="comparator")[0, 0] for s in ("saline", "midazolam")}
        drug = st.belief_course("midazolam", nothing, P)[0, 0]
    assert comparator["saline"] == drug == pytest.approx(P["belief_prior_infusion"])
    assert comparator["midazolam"] == pytest.approx(0.45, abs=0.005)


def test_expectancy_is_full_at_certainty_and_concave_enough_for_midazolam() -> None:
    e = st.expectancy([0.0, 0.05, 0.45, 1.0], P["expectancy_half_belief"], P["expectancy_steepness"])
    assert e[0] == 0 and e[3] == pytest.approx(1.0)
    assert e[1] < 0.06 and e[2] > 0.75


def test_first_session_matches_its_closed_form() -> None:
    course = st.expectancy_course(TIMES, [0.0], np.ones((1, TIMES.size)), P)[0]
    u = np.maximum(TIMES, 0.0)
    rise = 1 - np.exp(-u / P["expectancy_onset"])
    expected = (
        P["expectancy_gain"]
        * rise
        * (
            P["expectancy_sustained"] * np.exp(-u / P["expectancy_decay"])
            + P["expectancy_transient"] * np.exp(-u / P["expectancy_transient_decay"])
        )
    )
    assert np.allclose(course, expected)
    assert course[0] == course[1] == 0


def test_a_session_renews_without_a_jump() -> None:
    near = np.array([72.0 - 1e-7, 72.0, 72.0 + 1e-7, 74.0])
    share = np.full((1, near.size), 0.6)
    course = st.expectancy_course(near, [0.0, 72.0], share, P)[0]
    alone = st.expectancy_course(near, [0.0], share, P)[0]
    assert course[0] == pytest.approx(course[1], abs=1e-6) == pytest.approx(course[2], abs=1e-6)
    assert course[3] > alone[3] + 0.01


def test_times_do_not_depend_on_each_other() -> None:
    felt = np.where(TIMES >= 0.0, 5.0, 0.0)[None, :]
    full = st.setting_drive("inpatient", TIMES, [0.0, 72.0], felt, P, new_antidepressant=0.0)
    some = st.setting_drive("inpatient", TIMES[[3, 8]], [0.0, 72.0], felt[:, [3, 8]], P, new_antidepressant=0.0)
    assert np.allclose(full[:, [3, 8]], some, rtol=1e-14)


def test_people_keep_their_own_gain() -> None:
    people = {**P, "expectancy_gain": np.array([0.5, 2.0])}
    drive = st.setting_drive("saline", TIMES, [0.0], np.full((2, TIMES.size), 8.0), people)
    care = st.care_course("saline", TIMES, people)
    assert drive.shape == (2, TIMES.size)
    assert np.allclose((drive - care)[1], 4 * (drive - care)[0])


def test_placebo_in_the_drug_arm_of_a_saline_trial_is_the_comparator() -> None:
    nothing = np.zeros((3, TIMES.size))
    arms = [st.setting_drive("saline", TIMES, [0.0, 72.0], nothing, P, arm=a) for a in ("drug", "comparator")]
    assert np.array_equal(*arms)


def test_a_masked_trial_gives_both_arms_the_same() -> None:
    drug = st.setting_drive("saline", TIMES, [0.0], np.full((1, TIMES.size), 14.0), P, fixed_belief=0.5)
    other = st.setting_drive("saline", TIMES, [0.0], np.zeros((1, TIMES.size)), P, arm="comparator", fixed_belief=0.5)
    assert np.array_equal(drug, other)


def test_order_of_settings_under_placebo_at_a_day() -> None:
    day = np.array([24.0])
    drive = {name: st.setting_drive(name, day, [0.0], [[0.0]], P, arm="comparator")[0, 0] for name in st.SETTINGS}
    assert drive["saline"] < drive["midazolam"] < drive["open"]
    assert drive["nasal-placebo"] < drive["inpatient"]
    assert drive["routine"] == drive["open"]
    assert st.setting_factor("routine", P)[0, 0] < 1 == st.setting_factor("open", P)[0, 0]


def test_without_sessions_only_care_is_left() -> None:
    drive = st.setting_drive("saline", TIMES, [], np.zeros((1, 0)), P, new_antidepressant=0.0)
    assert np.array_equal(drive, st.care_course("saline", TIMES, P, new_antidepressant=0.0))
    assert drive[0, -1] > drive[0, 4]


def test_sessions_out_of_order_are_refused() -> None:
    with pytest.raises(KetasimError, match="ascending"):
        st.setting_drive("saline", TIMES, [72.0, 0.0], np.zeros((1, 2)), P)
