"""The engine's own command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ketasim.engine import door
from ketasim.engine.door import main

MODEL = """
model m
  compartment V = 2; species A in V, B in V; substanceOnly species C in V;
  A = 3; B = 0; C = 1; V' = 0; k = 0.5; p := A + B;
  R1: A -> B; k*A*V;
end
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.ant"
    path.write_text(MODEL)
    return path


def table(text: str) -> tuple[list[str], np.ndarray]:
    head, *rows = text.strip().split("\n")
    return head.split(","), np.array([[float(x) for x in row.split(",")] for row in rows])


def test_columns_and_values(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(model), "--until", "4", "--points", "5", "--csv", "-"]) == 0
    names, values = table(capsys.readouterr().out)
    assert names == ["time", "A", "B", "C", "V", "p"]
    exact = 3 * np.exp(-0.5 * np.arange(5))
    assert values[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert values[:, 1] == pytest.approx(exact, rel=1e-7) and values[:, 5] == pytest.approx([3.0] * 5)


def test_amounts_concentrations_and_set(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.csv"
    words = [str(model), "--until", "1", "--points", "2", "--csv", str(out), "--set", "k=1"]
    assert main([*words, "--amounts"]) == 0
    names, amounts = table(out.read_text())
    assert names == ["time", "A", "B", "C", "V", "p"]
    assert amounts[1, 1:4] == pytest.approx([6 * np.exp(-1), 6 - 6 * np.exp(-1), 1])
    assert main([*words, "--concentrations"]) == 0
    assert table(out.read_text())[1][1, 1:4] == pytest.approx([3 * np.exp(-1), 3 - 3 * np.exp(-1), 0.5])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.ant", "--until", "1"], "there is no file"),
        (["{model}", "--until", "-1"], "not after"),
        (["{model}", "--until", "nan"], "not after"),
        (["{model}", "--until", "1", "--points", "1"], "--points"),
        (["{model}", "--until", "1", "--set", "k"], "NAME=NUMBER"),
        (["{model}", "--until", "1", "--set", "kk=1"], "did you mean k"),
        (["{model}", "--until", "1", "--rtol", "0"], "rtol"),
        (["/etc/passwd", "--until", "1"], "files ending in"),
        (["{model}", "--until", "1", "--csv", "/nowhere/x.csv"], "cannot be written"),
    ],
)
def test_wrong_use_exits_with_2(
    words: list[str], message: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([w.format(model=model) for w in words]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and "Traceback" not in captured.err


def test_a_failed_integration_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.ant"
    path.write_text("x = 1; x' = x^2;")
    assert main([str(path), "--until", "2"]) == 1
    assert "failed" in capsys.readouterr().err


def test_as_a_module(model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ketasim.engine", str(model), "--until", "1", "--points", "2"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert done.stdout.startswith("time,A,B,C,V,p\n0.0,3.0,")


def test_negative_numbers_of_any_form_are_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.ant"
    path.write_text("x = 1; x' = 0;")
    for words, first, last in (
        (["--start", "-1e3", "--until", "-.5"], -1000.0, -0.5),
        (["--start=-2", "--until", "1"], -2.0, 1.0),
        (["--until", "-1E-3", "--start", "-1"], -1.0, -0.001),
    ):
        assert main([str(path), *words, "--points", "2"]) == 0
        rows = capsys.readouterr().out.strip().split("\n")[1:]
        assert [float(row.split(",")[0]) for row in rows] == [first, last]
    assert main([str(path), "--until", "-inf"]) == 2 and "is not after" in capsys.readouterr().err


def test_a_long_table_is_written_in_blocks_with_the_same_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, words = tmp_path / "m.ant", ["--until", "10", "--points", "1000"]
    path.write_text("x = 1; y = 0; x' = y; y' = -x + piecewise(1, time > 3.3, 0);")
    assert main([str(path), *words]) == 0
    whole = capsys.readouterr().out
    monkeypatch.setattr(door, "NUMBERS_AT_ONCE", 300)
    monkeypatch.setattr(door, "ROWS_AT_ONCE", 7)
    assert main([str(path), *words]) == 0
    assert capsys.readouterr().out == whole and whole.count("\n") == 1001
    path.write_text("x = 1; y = 0; y' = 1; x' = x^2;")  # fails at the end of the table, or nearly: nothing is written
    assert main([str(path), "--until", "1.5", "--points", "1000"]) == 1
    done = capsys.readouterr()
    assert done.out == "" and "failed" in done.err


def test_nothing_to_simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (
        ("m.ant", "// nothing"),
        ("m.xml", '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model/></sbml>'),
    ):
        path = tmp_path / name
        path.write_text(text)
        assert main([str(path), "--until", "1"]) == 2
        assert "nothing to simulate" in capsys.readouterr().err
