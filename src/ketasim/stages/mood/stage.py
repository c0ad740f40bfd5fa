"""Mood: what synapses do to mood and to suicidal ideation, and the slow SSRI comparator.

Drives are in log units of the score (about -ln(score/baseline) in the middle range); setting, expectancy and the
link to points live in the observation model of the scenario.
"""

from __future__ import annotations

from pathlib import Path

from ketasim.core.ports import Fragment, Port, Stage

_ONE = "dimensionless"

STAGE = Stage(
    name="mood",
    label="Mood",
    folder=Path(__file__).parent,
    inputs=(
        Port("ampa_gain", _ONE, "AMPA gain"),
        Port("spines", _ONE, "Spines regained, of the lost share"),
        Port("habenula", _ONE, "Silencing of habenular bursts"),
        Port("kappa_relief", _ONE, "Kappa tone lost"),
        Port("ssri", _ONE, "SSRI level, steady state of the standard dose = 1"),
    ),
    outputs=(
        Port("mood_drive", _ONE, "Drug part of mood, this person's gain included", observed="ratings"),
        Port("ideation_drive", _ONE, "Drug part of suicidal ideation, this person's gain included", observed="ratings"),
        Port("ssri_drive", _ONE, "SSRI part of mood", observed="ratings"),
    ),
    fragments={
        "two_paths": (
            Fragment("two_paths.ant", provides=("mood_drive",), switch=("mood_fast_size", "mood_late_size")),
        ),
        "ideation": (
            Fragment("ideation.ant", provides=("ideation_drive",), switch=("ideation_fast_size", "ideation_late_size")),
        ),
        "ssri": (Fragment("ssri.ant", parts=("ssri",), provides=("ssri_drive",)),),
        "none": (Fragment("none.ant"),),
    },
    default=("two_paths", "ideation", "ssri"),
)
