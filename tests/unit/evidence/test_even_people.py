"""The even people stand for people at random: same means with 64 as with 1,000, the same people in every arm."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.evidence.arms import courses as arms_module
from ketasim.evidence.arms.courses import ArmSpec, course
from ketasim.evidence.arms.mood_arm import arm_mood
from ketasim.evidence.arms.numbers import Numbers
from ketasim.evidence.arms.quasi import EvenPeople, even_numbers, even_people
from ketasim.people import People, Traits

TIMES = (2.0, 24.0, 168.0)


class RandomPeople(EvenPeople):
    """The ordinary random effects behind the interface of the even people."""

    def effect(self, key):
        return People.effect(self, key)

    def _uniform(self, key):
        return People._uniform(self, key)


def mood_of(words: str, setting: str, people: int):
    spec = ArmSpec(words, times=TIMES, people=people)
    numbers = Numbers()
    arm = course(spec, numbers.chain)
    everybody = spec.everybody(33.0, 5.0)
    return arm_mood(arm, everybody, setting, numbers, numbers.setting(everybody))


@pytest.mark.parametrize(
    ("words", "setting"), [("ketamine iv 0.5 mg/kg over 40 min", "saline"), ("esketamine nasal 84 mg", "nasal-placebo")]
)
def test_means_and_responses_agree_with_a_thousand_random_people(words, setting, monkeypatch):
    even = mood_of(words, setting, 64)
    monkeypatch.setattr(
        arms_module,
        "even_people",
        lambda count, traits=None, **reported: RandomPeople(7, np.arange(count), traits or Traits(), **reported),
    )
    random = mood_of(words, setting, 1000)
    for time in TIMES:
        mean, sd = even.moments(time)
        mean_random, sd_random = random.moments(time)
        # the random mean has a standard error of its own, from the spread between people of the expected change
        error = 3.0 * sd_random / np.sqrt(1000)
        assert abs(mean - mean_random) < error + 0.15
        assert abs(sd - sd_random) < 0.08 * sd_random
        assert (
            abs(even.share_of_baseline(time, 0.5) - random.share_of_baseline(time, 0.5))
            < 3 * np.sqrt(0.25 / 1000) + 0.01
        )


def test_numbers_fill_every_stratum_once_and_depend_on_purpose_alone():
    for purpose in ("mood_gain", "surely no leading purpose"):
        numbers = even_numbers(64, purpose)
        assert sorted(np.floor(numbers * 64).astype(int)) == list(range(64))
        assert np.array_equal(numbers, even_numbers(64, purpose))
    assert abs(np.corrcoef(even_numbers(64, "mood_gain"), even_numbers(64, "expectancy_gain"))[0, 1]) < 0.1


def test_what_a_study_reports_is_what_its_people_have():
    people = even_people(64, baseline=35.0, baseline_sd=4.0, mean_weight=90.0, mean_age=70.0)
    assert people.madrs.mean() == pytest.approx(35.0, abs=0.2)
    assert people.madrs.std() == pytest.approx(4.0, rel=0.05)
    assert people.weight.mean() == pytest.approx(90.0)
    assert people.age.mean() == pytest.approx(70.0, abs=0.5)


def test_same_people_in_two_arms():
    first = ArmSpec("ketamine iv 0.5 mg/kg over 40 min", times=TIMES).everybody()
    second = ArmSpec("placebo iv", times=TIMES).everybody()
    assert np.array_equal(first.effect("mood_gain"), second.effect("mood_gain"))
    assert np.array_equal(first.effect("s_clearance"), first.effect("r_clearance"))
