"""Mood: two paths, ideation with a gain of its own, the slow SSRI."""

from __future__ import annotations

import numpy as np
import pytest
from one_stage import run

from ketasim.core import stream, value, values

HOURS = np.array([0.0, 0.25, 0.5, 1, 2, 4, 8, 24, 72, 168, 240, 480, 1000, 3000])


def v(key: str) -> float:
    return value(key).value


def test_rest_is_zero() -> None:
    rest = run("mood", HOURS, ports=("ampa_gain", "spines", "ssri"), parts=("ssri",))
    assert all((rest[name] == 0).all() for name in ("mood_drive", "ideation_drive", "ssri_drive"))


def test_mood_in_closed_form_at_rest_of_its_lag() -> None:
    seen = run("mood", HOURS, [("ampa_gain", 0.0, 9e3, 0.4), ("spines", 0.0, 9e3, 0.2)])
    expected = v("mood_gain") * (0.4 * v("mood_fast_size") + 0.2 * v("mood_late_size"))
    assert seen["mood_drive"][-1] == pytest.approx(expected, rel=1e-9)
    lag = 1 - np.exp(-v("mood_rate"))
    assert seen["mood_drive"][3] == pytest.approx(lag * expected, rel=1e-6)


def test_mean_person_has_gain_one() -> None:
    """The typical person is the median of a lognormal with mean 1."""
    gain = value("mood_gain")
    assert gain.between is not None and gain.between.kind == "lognormal"
    assert gain.value * np.exp(gain.between.sd**2 / 2) == pytest.approx(1, rel=1e-3)


def test_ideation_is_faster_than_mood_and_fades_sooner() -> None:
    """Both seen as a share of their own level at 24 h, under a fast pulse and slower spines."""
    hours = np.array([0.0, 0.5, 1, 2, 4, 8, 24, 72, 168])
    gain = [("ampa_gain", a, b, x) for a, b, x in ((0, 8, 0.5), (8, 24, 0.4), (24, 72, 0.25), (72, 168, 0.05))]
    spines = [("spines", a, b, x) for a, b, x in ((0, 8, 0.02), (8, 24, 0.15), (24, 72, 0.22), (72, 168, 0.12))]
    seen = run("mood", hours, [*gain, *spines])
    share = {name: seen[name] / seen[name][6] for name in ("mood_drive", "ideation_drive")}
    for early in (1, 2, 3, 4):
        assert share["ideation_drive"][early] > share["mood_drive"][early]
    assert share["ideation_drive"][-1] < share["mood_drive"][-1]


def test_there_are_people_in_whom_mood_and_ideation_part() -> None:
    """Gains drawn by their spreads: correlated, far from identical; a tenth of people or more part by a factor of two."""
    from scipy.stats import norm

    people = np.arange(4000)
    gains = {}
    for key in ("mood_gain", "ideation_gain"):
        item = values("mood")[key]
        assert item.between is not None
        gains[key] = item.value * np.exp(item.between.sd * norm.ppf(stream(11, key, people)))
    own = v("ideation_mood_share") * gains["mood_gain"] + (1 - v("ideation_mood_share")) * gains["ideation_gain"]
    ratio = np.log(own / gains["mood_gain"])
    assert 0.3 < np.corrcoef(np.log(own), np.log(gains["mood_gain"]))[0, 1] < 0.95
    assert (ratio > np.log(2)).mean() > 0.03 and (ratio < -np.log(1.5)).mean() > 0.03


def test_gains_reach_their_outputs() -> None:
    held = [("ampa_gain", 0.0, 9e3, 0.4)]
    plain = run("mood", HOURS, held)
    mood = run("mood", HOURS, held, changed={"mood_gain": 2 * v("mood_gain")})
    own = run("mood", HOURS, held, changed={"ideation_gain": 2 * v("ideation_gain")})
    assert mood["mood_drive"][-1] == pytest.approx(2 * plain["mood_drive"][-1])
    assert plain["ideation_drive"][-1] < mood["ideation_drive"][-1] < 2 * plain["ideation_drive"][-1]
    assert own["mood_drive"] == pytest.approx(plain["mood_drive"])
    assert own["ideation_drive"][-1] > plain["ideation_drive"][-1]


def test_ssri_reaches_half_after_more_than_ten_days() -> None:
    seen = run("mood", HOURS, [("ssri", 0.0, 9e3, 1.0)], parts=("ssri",))["ssri_drive"]
    whole = v("ssri_gain") * v("ssri_size")
    assert seen[-1] == pytest.approx(whole, rel=0.01)
    assert seen[HOURS == 240][0] < whole / 2 < seen[HOURS == 480][0]


def test_habenula_and_kappa_act_on_the_fast_side() -> None:
    for port, size in (("habenula", "mood_habenula_size"), ("kappa_relief", "mood_kappa_size")):
        seen = run("mood", HOURS, [(port, 0.0, 9e3, 0.5)])
        assert seen["mood_drive"][-1] == pytest.approx(0.5 * v(size) * v("mood_gain"))


def test_off_means_the_drug_does_nothing_to_mood() -> None:
    seen = run("mood", HOURS, [("ampa_gain", 0.0, 9e3, 0.4)], variants=("none",))
    assert "mood_drive" not in seen
