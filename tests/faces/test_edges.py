"""What somebody finds who tries to break it: numbers that cannot be, doses longer than the run, an output that is full."""

import os
import subprocess
import sys

import numpy as np
import pytest

from ketasim.core import UsageError, value
from ketasim.ratings.mood import FELT_OF_MIDAZOLAM
from ketasim.report.show_text import show_text
from ketasim.report.words import clock
from ketasim.scenario.plan import scenario
from ketasim.scenario.run import ScenarioRun, run

HALF = "ketamine iv 0.5 mg/kg over 40 min"
MIDAZOLAM = "midazolam iv 0.045 mg/kg over 40 min"
SHORT = {"people": 0, "draws": 0}


@pytest.mark.parametrize("number", [{"central_volume": -1.0}, {"opioid_gate_weight": 1.5}])
def test_numbers_that_cannot_be_are_refused(number) -> None:
    with pytest.raises(UsageError, match="cannot be") as error:
        run(HALF, values=number, **SHORT)
    assert f"--set {next(iter(number))}={value(next(iter(number))).value:g}" in str(error.value)


def test_an_experiment_may_leave_the_bounds_of_the_prior() -> None:
    found = run(HALF, with_="naltrexone oral 50 mg at -45 min", values={"naltrexone_mu_affinity": 1000.0}, **SHORT)
    assert found.ok == 0 and not found.failures


def test_a_long_infusion_is_given_whole() -> None:
    found = run("ketamine iv 0.5 mg/kg over 21 d", **SHORT)
    assert found.ledger[0].given_mg == pytest.approx(35, rel=1e-9)


def test_a_run_that_ends_within_the_dose_says_so() -> None:
    found = run(HALF, days=0.01, at=(0.1,), **SHORT)
    assert found.ledger[0].given_mg == pytest.approx(35 * 0.24 / (2 / 3), rel=1e-6)
    assert any("the run ends before all of the ketamine" in warning for warning in found.warnings)


def test_without_plasma_there_is_no_dose() -> None:
    with pytest.raises(UsageError, match="no dose can enter"):
        run(HALF, variants={"plasma": "none"}, **SHORT)


def test_a_route_without_a_drug() -> None:
    with pytest.raises(UsageError, match="which drug") as error:
        scenario("iv 0.5 mg/kg over 40 min").regimen  # noqa: B018
    assert error.value.fix == "" and "arketamine" in error.value.allowed  # no drug is guessed


def test_symbols_are_names_too() -> None:
    assert "plasma.central_volume (Vc)" in show_text("Vc")


def test_days_are_written_as_days() -> None:
    assert [clock(24.0 * day) for day in (3, 10.5, 41.7, 1098)] == ["3 d", "10.5 d", "41.7 d", "1098 d"]


def test_midazolam_is_felt_through_its_level() -> None:
    """The felt points belong to the usual dose; a thousandth of it is felt a thousandth as much, and moves nothing."""
    asked = ScenarioRun(scenario(MIDAZOLAM, **SHORT))
    times = asked.event_times()
    schedules = asked.schedules(times)
    arms = asked._integrate(schedules, np.union1d(times, schedules[0].boundaries)).tables
    assert value("midazolam_felt_potentiation").value == pytest.approx(arms[0][FELT_OF_MIDAZOLAM].max(), rel=5e-3)
    usual, none = (
        run(words, at=(2.0,), **SHORT).values["madrs.effect"][0, 0]
        for words in (MIDAZOLAM, MIDAZOLAM.replace("0.045", "0.000045"))
    )
    assert usual < -1 and abs(none) < 0.1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_is_said_in_one_line() -> None:
    with open("/dev/full", "w") as full:
        told = subprocess.run(
            [sys.executable, "-m", "ketasim.cli.main", "show", "drugs"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert told.returncode == 2
    assert told.stderr.startswith("cannot write the answer") and "Traceback" not in told.stderr
