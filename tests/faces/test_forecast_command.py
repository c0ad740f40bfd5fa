"""`ketasim forecast` as a command: words, JSON, tables, own data, figures, exit codes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from ketasim.cli.main import main

IV = "ketamine iv 0.5 mg/kg over 40 min"
PERSON = f"""age = 44
weight_kg = 82
[[dose]]
day = 0
words = "{IV}"
[[score]]
scale = "MADRS"
day = 0
total = 34
[[score]]
scale = "MADRS"
day = 1
total = 20
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "person.toml"
    place.write_text(PERSON)
    return place


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["ketasim", "forecast", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_words(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    figure = file.with_suffix(".png")
    code = command(
        monkeypatch,
        str(file),
        "-o",
        "stop",
        "-o",
        f"{IV} three times weekly x 6",
        "-o",
        "ketamine oral 2000 mg",
        "--plot",
        str(figure),
    )
    text = capsys.readouterr().out
    assert code == 0
    for words in (
        "with placebo",
        "dissociation above 4",
        "MADRS 20 on day 1",
        "In a crisis",
        "licensed prescriber",
        "not known: the dose lies beyond",
        "bladder injury",
    ):
        assert words in text
    for words in ("recommend", "optimal", "the dose for"):
        assert words not in text.lower()
    line = next(line for line in text.splitlines() if line.startswith("ketamine oral 2000 mg "))
    assert "%" not in line.split("not known")[1]  # no number of a benefit outside the studied range
    assert figure.stat().st_size > 10_000


def test_json(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, str(file), "--option", "stop", "--option", f"{IV} weekly x 4", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {"options", "learned", "pareto_k", "status", "crisis"} <= set(found)
    assert {"words", "outputs", "response", "remission", "relapse", "harm"} <= set(found["options"][1])


def test_a_refusal_is_exit_1_and_whole_json(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(PERSON.replace("total = 34", "total = 12").replace("total = 20", "total = 50"))
    assert command(monkeypatch, str(file), "-o", "stop", "--json") == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["status"]["ok"] is False
    assert "no forecast" in printed.err and "MADRS 50 on day 1" in printed.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give a person file"),
        (("--table", "x.csv", "-o", "stop"), "--table has no options"),
        (("nowhere.toml",), "nowhere.toml"),
    ],
)
def test_wrong_use_is_exit_2(
    words: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, *words) == 2
    assert message in capsys.readouterr().err


def test_every_problem_of_a_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(PERSON.replace("total = 20", "total = 75").replace("weight_kg = 82", "wieght_kg = 82"))
    assert command(monkeypatch, str(file), "-o", "stop") == 2
    error = capsys.readouterr().err
    assert "line 2" in error and "line 13" in error and "weight_kg" in error and "75" in error


def test_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "people.csv"
    place.write_text(
        f"person,day,treatment,scale,score,role\nA,0,{IV},MADRS,34,observed\nA,1,{IV},MADRS,20,observed\nA,1,{IV},MADRS,21,observed\nA,7,{IV},MADRS,,target\n"
    )
    assert command(monkeypatch, "--table", str(place)) == 0
    printed = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(printed.out)))
    assert len(rows) == 1 and float(rows[0]["0.1"]) < float(rows[0]["0.9"])
    assert "two MADRS totals of A at a time" in printed.err


def test_own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "levels.csv"
    place.write_text(
        "ID,TIME,EVID,AMT,RATE,DV,WT\n1,0,1,35,52.5,.,70\n1,0.667,0,0,0,170,70\n1,2,0,0,0,50,70\n1,4,0,0,0,25,70\n"
    )
    figure = tmp_path / "check.svg"
    assert command(monkeypatch, "--data", str(place), "--plot", str(figure)) == 0
    assert "1 doses in: 35.0 mg; given in the model: 35.0 mg" in capsys.readouterr().out
    assert figure.exists()
