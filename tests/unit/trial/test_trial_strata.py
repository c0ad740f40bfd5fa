"""Strata named in a design file: people are compared within them, and every output says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.trial.analyse import ancova, cox, log_rank, proportions
from ketasim.trial.design import Design
from ketasim.trial.methods import achieved, analyse, relapse
from ketasim.trial.plan import OF_STRATA
from ketasim.trial.read import design_from_text
from ketasim.trial.replicate import Replicates, strata_numbers
from ketasim.trial.result import details
from ketasim.trial.simulate import Trial

PARALLEL = """
setting = "saline"
visits = ["24 h", "7 d"]
n = 60
hypotheses = ["disinhibition"]
[arms.saline]
words = "placebo iv"
[arms.ketamine]
words = "ketamine iv 0.5 mg/kg over 40 min"
[sites]
count = 3
sd = 0.4
[randomisation]
strata = ["site", "severity"]
"""
WITHDRAWAL = """
design = "withdrawal"
setting = "nasal-placebo"
visits = ["4 d", "7 d", "14 d", "21 d"]
n = 40
hypotheses = ["disinhibition"]
[arms.stop]
words = "placebo nasal"
[arms.stay]
words = "esketamine nasal 84 mg"
[withdrawal]
at = "4 d"
stable = "change_percent <= -30"
[endpoint]
measure = "relapse"
at = "21 d"
"""


def read(text: str, analysis: str = "") -> Design:
    return design_from_text(f"{text}[analysis]\n{analysis}\n")


@pytest.fixture(scope="module")
def made() -> Trial:
    return Trial(read(PARALLEL), seed=5, count=1, people=32)


@pytest.fixture(scope="module")
def simulated(made: Trial) -> Replicates:
    return made.replicates(4, 60)


def numbers_by_hand(found: Replicates) -> np.ndarray:
    return found.site * 2 + found.covariates["severity"].astype(int)


def test_strata_are_cells_of_what_is_named(simulated: Replicates) -> None:
    cells = strata_numbers(("site", "severity"), simulated.site, simulated.covariates)
    by_hand = numbers_by_hand(simulated)
    for mine in np.unique(by_hand):
        assert len(np.unique(cells[by_hand == mine])) == 1
    assert len(np.unique(cells)) == len(np.unique(by_hand)) == 6
    assert set(np.unique(simulated.covariates["severity"])) == set(np.unique(simulated.covariates["sex"])) == {0.0, 1.0}


def test_a_score_is_compared_within_strata(made: Trial, simulated: Replicates) -> None:
    design = read(PARALLEL, 'method = "ancova"\nstrata = ["site", "severity"]')
    found = analyse(design, simulated, 60)
    change, base = simulated.change[..., 1], simulated.covariates["baseline"][..., None]
    expected = ancova(change, simulated.arm, base, strata=numbers_by_hand(simulated))
    assert found.estimate == pytest.approx(expected.estimate) and found.p == pytest.approx(expected.p)
    plain = analyse(read(PARALLEL, 'method = "ancova"'), simulated, 60)
    assert (found.se != plain.se).all()
    assert "within strata of site and severity" in found.estimand and "strata" not in plain.estimand
    assert design.analysis.label == "ancova, stratified by site and severity"
    assert details(design)["strata"] == ["site", "severity"] and details(made.design).get("strata") is None


def test_shares_are_compared_within_strata(simulated: Replicates) -> None:
    text = PARALLEL + '[endpoint]\nmeasure = "response"\n'
    design = read(text, 'strata = ["severity", "site"]')
    found = analyse(design, simulated, 60)
    expected = proportions(achieved(design, simulated), simulated.arm, strata=numbers_by_hand(simulated))
    assert found.estimate == pytest.approx(expected.estimate) and found.p == pytest.approx(expected.p)


@pytest.mark.parametrize(("method", "own"), [("log-rank", log_rank), ("cox", cox)])
def test_times_are_compared_within_strata(method: str, own: object) -> None:
    assert callable(own)
    design = read(WITHDRAWAL, f'method = "{method}"\nstrata = ["sex"]')
    found = Trial(design, seed=2, count=1, people=64).replicates(3, 40)
    time, kind = relapse(design, found)
    expected = own(time, kind == 1, found.arm, strata=found.covariates["sex"])
    done = analyse(design, found, 40)
    assert np.isfinite(done.estimate).all()
    assert done.estimate == pytest.approx(expected.estimate) and done.p == pytest.approx(expected.p)
    plain = analyse(replace(design, analysis=replace(design.analysis, strata=())), found, 40)
    assert (plain.p != done.p).any()


def test_factors_enter_a_mixed_model_as_covariates(simulated: Replicates) -> None:
    found = analyse(read(PARALLEL, 'covariates = ["baseline", "severity", "sex"]'), simulated, 60)
    assert np.isfinite(found.estimate).all()


@pytest.mark.parametrize(
    ("text", "analysis", "told"),
    [
        (PARALLEL, 'method = "mmrm"\nstrata = ["site"]', "mmrm has no strata; it belongs to ancova, proportions, log"),
        (PARALLEL, 'method = "ancova"\nstrata = ["colour"]', "colour"),
        (
            PARALLEL.replace('setting = "saline"', 'setting = "saline"\ndesign = "crossover"'),
            'method = "ancova"\nstrata = ["sex"]',
            "a crossover is compared within persons, not within strata",
        ),
    ],
)
def test_strata_that_nothing_reads_are_refused(text: str, analysis: str, told: str) -> None:
    with pytest.raises(UsageError, match="problem") as error:
        read(text, analysis)
    assert told in str(error.value)


def test_every_method_of_strata_is_a_method() -> None:
    from ketasim.trial.plan import METHODS

    assert set(OF_STRATA) <= {method for methods in METHODS.values() for method in methods}
