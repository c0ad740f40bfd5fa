"""`ketasim check --studies DIR` and `ketasim lint --studies DIR`: studies of one's own, outside the package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ketasim.cli.main import app
from ketasim.evidence.published.studies import COLUMNS

TOML = """\
citation = "Own clinic, 2026"
group = "single IV"
design = "parallel"
blinding = "double-blind"
rater = "clinician"
population = "adults"
population_flags = ["trd"]
n = 40
note = "unpublished"
baseline = { scale = "MADRS", mean = 33, sd = 5 }
estimand = "mmrm"
role = "validate"

[arms.ketamine]
words = "ketamine iv 0.5 mg/kg over 40 min"
setting = "midazolam"
midazolam_dose = 0.045
n = 20

[arms.midazolam]
words = "midazolam iv 0.045 mg/kg over 40 min"
setting = "midazolam"
midazolam_dose = 0.045
n = 20
"""
ROWS = (
    "o1,ketamine,midazolam,madrs,MADRS,difference,24,-8,points,,,2.5,,,seen,predict,",
    "o2,ketamine,,madrs,MADRS,response,24,0.55,fraction,,,,,20,seen,predict,",
)


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    place = tmp_path / "mine" / "Clinic2026"
    place.mkdir(parents=True)
    (place / "study.toml").write_text(TOML, encoding="utf-8")
    (place / "data.csv").write_text("\n".join([",".join(COLUMNS), *ROWS]) + "\n", encoding="utf-8")
    return place


def test_lint_says_what_is_wrong_and_where(clinic: Path) -> None:
    fine = CliRunner().invoke(app, ["lint", "--studies", str(clinic.parent)])
    assert fine.exit_code == 0 and "0 problems in 1 studies of your own." in fine.output
    text = (clinic / "data.csv").read_text(encoding="utf-8")
    (clinic / "data.csv").write_text(text.replace("0.55", "55"), encoding="utf-8")
    wrong = CliRunner().invoke(app, ["lint", "--studies", str(clinic.parent)])
    assert wrong.exit_code == 1
    assert "Clinic2026/data.csv:3" in wrong.output and "value = 0.55" in wrong.output


def test_check_predicts_a_study_of_ones_own_with_posterior_sd_and_baselines(clinic: Path) -> None:
    made = CliRunner().invoke(app, ["check", "--studies", str(clinic.parent), "--json"])
    assert made.exit_code == 0, made.output
    found = json.loads(made.output)
    assert {r["study"] for r in found["rows"]} == {"Clinic2026"} and len(found["rows"]) == 2
    assert {r["role"] for r in found["rows"]} == {"validate"}
    assert all(r["model_sd"] > 0 for r in found["rows"]), "the posterior SD is computed, not 0 without a word"
    assert all(r["naive"] is not None and r["rival"] is not None for r in found["rows"])
    assert found["summary"]["validate"]["values"] == 2
    difference = found["rows"][0]
    assert difference["low80"] < difference["predicted"] < difference["high80"] < 2.0


def test_an_empty_directory_and_one_that_is_not_there_teach(tmp_path: Path) -> None:
    for where in (tmp_path, tmp_path / "nowhere"):
        made = CliRunner().invoke(app, ["check", "--studies", str(where)])
        assert made.exit_code != 0
        assert "no study in" in str(made.exception or made.output)
