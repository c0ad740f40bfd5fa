"""The evidence puts sizes, gains and setting on top of the integrated states itself; the scenario does the same in its own way. Term by term they must agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ketasim.evidence.arms.courses import ArmSpec, course
from ketasim.evidence.arms.mood_arm import arm_mood, drug_drive, felt_points
from ketasim.evidence.arms.numbers import Numbers
from ketasim.ratings.observation import link
from ketasim.scenario.mood import Drives, mood
from ketasim.scenario.plan import Scenario

PORTS = ("mood_drive", "ideation_drive", "ssri_drive", "cadss", "gaba")
TIMES = (0.0, 2.0, 24.0, 100.0, 168.0, 400.0)
ARMS = {
    "infusion": ("ketamine iv 0.5 mg/kg over 40 min", "", (), "saline"),
    "courses": ("ketamine iv 0.5 mg/kg over 40 min", "twice weekly x 3", (), "open"),
    "practice": ("ketamine iv 0.5 mg/kg over 40 min", "", (), "routine"),
    "nasal beside new tablets": ("esketamine nasal 84 mg", "twice weekly x 4", ("ssri oral daily",), "nasal-placebo"),
    "crisis": ("esketamine nasal 84 mg", "", ("ssri oral daily",), "inpatient"),
    "active placebo": ("ketamine iv 0.5 mg/kg over 40 min", "", (), "midazolam"),
}


@pytest.mark.parametrize("name", ARMS)
def test_every_term_is_that_of_the_scenario(name: str) -> None:
    words, repeat, beside, where = ARMS[name]
    spec = ArmSpec(words, repeat=repeat, with_=beside, times=TIMES, dense=True, ports=PORTS, people=8)
    arm, people, numbers = course(spec), spec.everybody(33.0, 5.0), Numbers()
    assert drug_drive(arm, people, numbers) == pytest.approx(arm.rows("mood_drive"), rel=1e-4, abs=1e-7)
    assert felt_points(arm, people, numbers, arm.felt_level) == pytest.approx(arm.rows("cadss"), rel=1e-4, abs=1e-6)
    mine = arm_mood(arm, people, where, numbers, numbers.setting(people))
    drives = Drives(arm.rows("mood_drive"), arm.rows("ideation_drive"), arm.rows("ssri_drive"), arm.rows("cadss"))
    nothing = replace(drives, mood=0 * drives.mood, ideation=0 * drives.ideation, cadss=0 * drives.cadss)
    scenario = Scenario(words, repeat=repeat, with_=beside, setting=where, at=TIMES, days=TIMES[-1] / 24.0)
    theirs = mood(scenario, people, arm.times, drives, nothing, {})
    assert mine.latent == pytest.approx(theirs.latent, rel=1e-4, abs=1e-7)
    assert mine.baseline == pytest.approx(theirs.baseline)
    for i in range(len(arm.times)):
        assert mine.residual[0, i] == pytest.approx(theirs.residual(i)[0, 0])

    # suicidal thoughts are scores there: without what varies within and between people by itself, so that the drive is all that is left
    still = mood(scenario, people, arm.times, drives, nothing, {"wander_sd": 0.0, "course_sd": 0.0})
    p = numbers.setting(people)
    thoughts = arm_mood(arm, people, where, numbers, p, ideation=True)
    item = np.minimum(p["ideation_baseline"], p["ideation_maximum"])[:, None]
    scores = link(
        thoughts.latent, item, p["link_ceiling"][:, None], p["link_slope"][:, None], p["ideation_maximum"][:, None]
    )
    assert scores == pytest.approx(still.ideation, rel=1e-4, abs=1e-7)
