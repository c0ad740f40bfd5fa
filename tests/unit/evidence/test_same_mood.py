"""One model: what the evidence works out on stored courses is what a run integrates, and each equation is written down once."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ketasim
from ketasim.chain import compose
from ketasim.chain.readout import rated_outputs
from ketasim.evidence.arms.courses import ArmSpec, course
from ketasim.evidence.arms.mood_arm import arm_mood, drives_of, rated
from ketasim.evidence.arms.numbers import Numbers
from ketasim.forward import Forward, deliveries
from ketasim.people import chain_parameters
from ketasim.ratings.mood import FELT_OF_MIDAZOLAM, Drives, mood, treatment
from ketasim.ratings.observation import link
from ketasim.ratings.thoughts import item_before
from ketasim.scenario.plan import Scenario

SOURCE = Path(ketasim.__file__).parent
TIMES = (0.0, 0.5, 2.0, 24.0, 100.0, 168.0, 400.0)
ARMS = {
    "infusion": ("ketamine iv 0.5 mg/kg over 40 min", "", (), "saline"),
    "courses": ("ketamine iv 0.5 mg/kg over 40 min", "twice weekly x 3", (), "open"),
    "practice": ("ketamine iv 0.5 mg/kg over 40 min", "", (), "routine"),
    "nasal beside new tablets": ("esketamine nasal 84 mg", "twice weekly x 4", ("ssri oral daily",), "nasal-placebo"),
    "crisis": ("esketamine nasal 84 mg", "", ("ssri oral daily",), "inpatient"),
    "active placebo": ("ketamine iv 0.5 mg/kg over 40 min", "", (), "midazolam"),
    "a little midazolam": ("midazolam iv 0.02 mg/kg over 40 min", "", (), "saline"),
}


@pytest.mark.parametrize("name", ARMS)
def test_what_is_worked_out_afterwards_is_what_the_whole_model_integrates(name: str) -> None:
    """The readout of an arm against a compiled model that puts out every port itself, and the mood of both."""
    words, repeat, beside, where = ARMS[name]
    spec = ArmSpec(words, repeat=repeat, with_=beside, times=TIMES, people=8)
    arm, people, numbers = course(spec), spec.everybody(33.0, 5.0), Numbers()
    asked = Scenario(words, repeat=repeat, with_=beside, setting=where, at=TIMES, days=TIMES[-1] / 24.0)
    forward = Forward.of(deliveries(asked.regimen, asked.end_h, people.weight))
    varying = chain_parameters(people, forward.numbers, {})
    plan = forward.schedule(varying, 0.0, asked.end_h)
    whole = forward.run([plan], varying, len(people), arm.times, (*rated_outputs(), FELT_OF_MIDAZOLAM)).table
    for port in rated_outputs():
        size = max(float(np.abs(whole[port]).max()), 1e-3)
        assert rated(arm, people, numbers, port) == pytest.approx(whole[port], rel=1e-5, abs=1e-5 * size), port

    drives = drives_of(arm, people, numbers)
    noticed = treatment(asked.regimen, asked.end_h)
    p = numbers.setting(people)
    factor = p["nasal_drug_factor"][:, None] if " nasal " in words else np.ones((1, 1))
    drugged = Drives.of(whole).scaled(factor)  # no drive before the first spray
    theirs = mood(where, noticed, people, arm.times, drugged, None, p)
    mine = arm_mood(arm, people, where, numbers, p)
    assert mine.latent == pytest.approx(theirs.latent, rel=1e-4, abs=1e-6)
    assert mine.baseline == pytest.approx(theirs.baseline)
    for i in range(len(arm.times)):
        assert mine.residual[0, i] == pytest.approx(theirs.residual(i)[0, 0])
    assert drives.mood == pytest.approx(whole["mood_drive"], rel=1e-4, abs=1e-6)

    # suicidal thoughts are scores there: without what varies within and between people by itself, so that the drive is all that is left
    still = p | {key: np.zeros(len(people)) for key in ("wander_sd", "course_sd")}
    scores = mood(where, noticed, people, arm.times, drugged, None, still).ideation
    thoughts = arm_mood(arm, people, where, numbers, p, ideation=True)
    item = item_before(where, p)[:, None]
    ends = (p[key][:, None] for key in ("link_ceiling", "link_slope", "ideation_maximum"))
    assert link(thoughts.latent, item, *ends) == pytest.approx(scores, rel=1e-4, abs=1e-6)


def test_a_value_scaled_by_an_experiment_counts_after_the_integration_too() -> None:
    spec = ArmSpec("ketamine iv 0.5 mg/kg over 40 min", times=(24.0,), people=4)
    people, numbers = spec.everybody(33.0, 5.0), Numbers()
    one, half = (
        rated(course(s), people, numbers, "mood_drive")
        for s in (spec, replace(spec, scaled=(("mood_fast_size", 0.5), ("mood_late_size", 0.5))))
    )
    assert half == pytest.approx(0.5 * one, rel=1e-9)


def test_each_equation_of_the_last_stages_stands_once() -> None:
    """No value that acts after the integration is read by Python outside declarations: its equation is in the `.ant` text alone."""
    composition = compose(("s_ketamine", "r_ketamine", "ssri"))
    own = {key for key, v in composition.parameters.items() if v.stage in ("mood", "body")}
    assert {"mood_late_size", "dissociation_slope", "sbp_rise_maximum", "sedation_level", "ideation_gain"} <= own
    # names of spreads with mean 1 and of a factor of a study are declarations, not equations
    allowed = {("people/drawn.py", "mood_gain"), ("people/drawn.py", "ideation_gain")}
    allowed |= {("evidence/arms/mood_arm.py", "dissociation_gain"), ("evidence/arms/acute.py", "moaas_awake")}
    # names of random effects that one person's pool keeps, an example in a template, lines of a report
    allowed |= {("person/pool.py", key) for key in ("mood_gain", "pressure_gain", "dissociation_gain")}
    allowed |= {("person/value.py", "mood_gain"), ("trial/reports.py", "moaas_awake")}
    # the value that the slider of doubt begins with
    allowed |= {(file, "mood_late_size") for file in ("web/questions.py", "scenario/what_if.py")}
    texts = ("report/trial_page.py", "exchange/templates.py")
    allowed |= {(file, key) for file in texts for key in ("mood_late_size", "mood_fast_size")}
    # dimensions of the even people, switches of mechanisms
    declared = ("evidence/arms/quasi.py", "stages/mood/stage.py", "stages/circuit/stage.py")
    allowed |= {(file, key) for file in declared for key in own}
    allowed |= {("evidence/arms/courses.py", "dissociation_adaptation_rate")}
    found = set()
    for path in SOURCE.rglob("*.py"):
        text = re.sub(r'""".*?"""|#[^\n]*', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        place = path.relative_to(SOURCE).as_posix()
        if path.name == "stage.py":  # ports and switches of mechanisms: declarations
            continue
        found |= {(place, key) for key in own if re.search(rf"\b{key}\b", text)}
    assert found - allowed == set()
