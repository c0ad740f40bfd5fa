"""The command line: the shape of its JSON and CSV, plain sentences, figures, exit codes."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ketasim import __version__
from ketasim.core import output_register
from ketasim.core.posterior import posterior

pytestmark = pytest.mark.xdist_group("cli")

GOOD = "ketamine iv 0.5 mg/kg over 40 min"


def refuse_nan(text: str) -> float:
    raise AssertionError(f"{text} is not JSON")


def parse(text: str) -> dict:
    return json.loads(text, parse_constant=refuse_nan)


@pytest.fixture(scope="module")
def printed() -> dict:
    """One real process, as a person would start it."""
    command = [
        sys.executable,
        "-m",
        "ketasim.cli.main",
        "run",
        GOOD,
        "--repeat",
        "twice weekly x 6",
        "--with",
        "naltrexone oral 50 mg at -45 min",
        "--people",
        "12",
        "--days",
        "28",
        "--at",
        "168,0,0.67,24",
        "--seed",
        "5",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return parse(done.stdout)


def test_json_has_the_keys_of_the_design(printed: dict) -> None:
    assert list(printed) == [
        "scenario",
        "seed",
        "version",
        "model",
        "numbers",
        "people",
        "ledger",
        "status",
        "outputs",
        "summary",
    ]
    assert (printed["seed"], printed["version"], printed["people"]) == (5, __version__, 12)
    assert len(printed["model"]) == len(printed["numbers"]) == 32
    assert printed["status"] == {"ok": 12, "failed": []}


def test_json_ledger_rows(printed: dict) -> None:
    assert len(printed["ledger"]) == 12
    for row in printed["ledger"]:
        assert list(row) == ["time_h", "drug", "route", "asked_mg", "given_mg", "duration_h", "rate_mg_per_h"]
        infused = row["drug"] == "ketamine" or row["duration_h"] > 0
        assert row["rate_mg_per_h"] == (pytest.approx(row["asked_mg"] / row["duration_h"]) if infused else None)
        assert row["given_mg"] == pytest.approx(row["asked_mg"], rel=1e-5)
    assert printed["ledger"][0]["time_h"] == -0.75 and printed["ledger"][0]["drug"] == "naltrexone"


def test_json_outputs_have_units_times_and_bands(printed: dict) -> None:
    register = output_register()
    named = {
        "plasma.s_ketamine",
        "plasma.r_ketamine",
        "plasma.ketamine",
        "plasma.norketamine",
        "plasma.dhnk",
        "plasma.hnk",
        "plasma.rr_hnk",
        "plasma.naltrexone",
        "arterial.ketamine",
        "nmda.occupancy",
        "mu.activity",
        "kappa.activity",
        "delta.activity",
        "glutamate",
        "bdnf",
        "spines",
        "madrs",
        "madrs.change",
        "madrs.effect",
        "ideation",
        "cadss",
        "sbp",
        "dbp",
        "heart_rate",
        "sedation",
        "nausea",
        "dizziness",
    }
    assert named <= set(printed["outputs"])
    for name, course in printed["outputs"].items():
        assert list(course) == [
            "unit",
            "time_h",
            "typical",
            "median",
            "mean",
            "low",
            "high",
            "model_low",
            "model_high",
        ]  # and `caution`, `withheld` only where something is withheld (test_withheld_everywhere)
        assert course["unit"] == register[name].unit
        assert course["time_h"] == pytest.approx([0.0, 0.67, 24.0, 168.0], abs=1e-9)
        assert all(len(course[key]) == 4 for key in ("typical", "median", "mean", "low", "high"))
        if posterior() is None:
            assert course["model_low"] is None and course["model_high"] is None
        else:
            assert all(low <= high for low, high in zip(course["model_low"], course["model_high"], strict=True)), name
        assert all(low <= high for low, high in zip(course["low"], course["high"], strict=True))


def test_without_people_there_is_no_band(ketasim) -> None:
    found = parse(ketasim("run", GOOD, "--people", "0", "--at", "24", "--json").out)
    assert found["people"] == 0
    assert found["outputs"]["madrs"]["low"] is None and len(found["outputs"]["madrs"]["typical"]) == 1


def test_same_command_same_answer(ketasim) -> None:
    words = ("run", GOOD, "--people", "4", "--json")
    assert ketasim(*words).out == ketasim(*words).out


def test_plain_sentences(ketasim) -> None:
    text = ketasim("run", GOOD, "--people", "10", "--with", "naltrexone oral 50 mg at -45 min").out
    for part in (
        "Research and teaching only",
        "planned 35, delivered 35 mg",
        "NMDA receptors",
        "24 h: MADRS",
        "7 d: MADRS",
        "Time in clinic",
        "seed 1",
    ):
        assert part in text, text
    for word in ("cure", "optimal", "recommended", "nan"):
        assert word not in text.lower().split()


def test_csv_is_long_with_a_unit_column(ketasim) -> None:
    text = ketasim("run", GOOD, "--people", "3", "--at", "0, 24", "--csv").out
    rows = list(csv.DictReader(io.StringIO(text)))
    effect = [row for row in rows if row["output"] == "madrs.effect"]
    assert [float(row["time_h"]) for row in effect] == [0.0, 24.0]
    assert {row["unit"] for row in effect} == {"points"}
    assert "nan" not in text.lower() and "#" not in text


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_figures_are_written_whole(ketasim, tmp_path: Path, ending: str) -> None:
    place = tmp_path / f"figure.{ending}"
    answer = ketasim("run", GOOD, "--people", "5", "--plot", str(place))
    assert answer.code == 0 and str(place) in answer.out
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending]
    assert place.read_bytes().startswith(start) and place.stat().st_size > 10_000
    assert list(tmp_path.iterdir()) == [place]
    if ending == "svg":
        text = place.read_text(encoding="utf-8")
        for part in ("seed 1", "5 people", "Research and teaching only", "ng/mL", "Ketasim"):
            assert part in text


def test_the_same_run_draws_the_same_file(ketasim, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        ketasim("run", GOOD, "--people", "2", "--plot", str(tmp_path / name))
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_compare(ketasim, tmp_path: Path) -> None:
    words = ("compare", GOOD, "esketamine nasal 84 mg", "placebo iv", "--people", "4")
    text = ketasim(*words, "--plot", str(tmp_path / "arms.png")).out
    for part in (
        "A  ketamine iv",
        "B  esketamine nasal",
        "Peak, arterial plasma",
        "Time in clinic",
        "B - A",
        "REMS",
        "not a head-to-head trial",
    ):
        assert part in text
    found = parse(ketasim(*words, "--json").out)
    assert len(found["arms"]) == len(found["runs"]) == 3
    assert {row["name"] for row in found["rows"]} >= {
        "exposure",
        "venous_peak",
        "madrs.change@24 h",
        "cadss_peak",
        "time_in_clinic",
    }
    assert (tmp_path / "arms.png").exists()
    assert ketasim(*words, "--csv").out.startswith("quantity,unit,arm,typical")


def test_experiment_prints_what_holds(ketasim, tmp_path: Path) -> None:
    assert "spine-ablation" in ketasim("experiment", "list").out
    listed = json.loads(ketasim("experiment", "list", "--json").out)["experiments"]
    assert {"name", "title", "asks", "arms", "records"} == set(listed[0]) and "naltrexone" in [
        e["name"] for e in listed
    ]
    answer = ketasim("experiment", "spine-ablation", "--plot", str(tmp_path / "arms.svg"))
    assert "spine-ablation: ablation" in (tmp_path / "arms.svg").read_text(encoding="utf-8")
    assert answer.code == 0
    assert "holds: the first 24 h are as they were" in answer.out and "spines_new times 0 at 24 h" in answer.out
    assert parse(ketasim("experiment", "dose-response", "--json").out)["passed"] is True


def test_a_failed_expectation_is_exit_code_1(ketasim, monkeypatch: pytest.MonkeyPatch) -> None:
    from ketasim.scenario import experiments as module

    monkeypatch.setattr(module.Finding, "holds", property(lambda self: False))
    answer = ketasim("experiment", "dose-response")
    assert answer.code == 1 and "FAILS" in answer.out and "does not come out" in answer.err


def test_when_nobody_gets_through_the_exit_code_is_1(ketasim) -> None:
    answer = ketasim("run", GOOD, "--people", "1", "--set", "central_volume=0", "--json")
    assert answer.code == 1
    assert parse(answer.out)["status"]["ok"] == 0


def test_version_and_help(ketasim) -> None:
    assert ketasim("--version").out.strip() == f"ketasim {__version__}"
    assert "compare" in ketasim("--help").out
