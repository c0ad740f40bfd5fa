"""What `export` writes, refuses and says: formats by name and ending, losses before files, nothing after an error."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ketasim.chain import compose
from ketasim.core import CheckFailed, UsageError
from ketasim.engine.read.reader import read_model
from ketasim.exchange import sbml
from ketasim.exchange.archive import read_archive
from ketasim.exchange.export import TARGETS, export, prepared, target_of
from ketasim.exchange.formula import derivatives, ordered
from ketasim.exchange.functions import JULIA, PYTHON, R
from ketasim.exchange.omex import run_again
from ketasim.exchange.tables import cell
from ketasim.exchange.typical import plain
from ketasim.scenario.plan import scenario

WORDS = "esketamine nasal 84 mg"


@pytest.fixture(scope="module")
def nasal():
    return plain(scenario(WORDS, with_="naltrexone oral 50 mg at -45 min", weight=80.0))


def test_every_format_says_what_it_loses_and_who_it_is_for(tmp_path: Path) -> None:
    for name, target in TARGETS.items():
        words = "Simons2022" if name == "petab" else WORDS
        made = prepared(words, target, **({} if name == "petab" else {"people": 3}))
        assert len(made.lost) >= 4 and all(line.strip() for line in made.lost)
        assert (b"NOT RUN" in made.content) == (name == "julia")
        if name == "julia":
            assert made.lost and any("NOT RUN" in line for line in made.lost) and target.checked == "not run"
        if name in ("sbml", "antimony", "python", "julia", "r"):
            assert any("mood scores" in line for line in made.lost)
            assert any("spread between people" in line for line in made.lost)
            for line in made.lost:  # the file says the same as the screen
                assert line.split(":")[0][:40] in made.content.decode().replace("&lt;", "<").replace("&gt;", ">")
    assert list(tmp_path.iterdir()) == []


def test_the_format_follows_the_ending_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    assert target_of(None, tmp_path / "a.omex").name == "omex"
    assert target_of("R", tmp_path / "a.R").name == "r"
    with pytest.raises(UsageError, match="which format"):
        target_of(None, tmp_path / "a.docx")
    with pytest.raises(UsageError, match="unknown format"):
        target_of("cellml", tmp_path / "a.xml")
    with pytest.raises(UsageError, match="cannot write"):
        target_of("sbml", tmp_path / "a.py")
    with pytest.raises(UsageError, match="does not exist"):
        target_of("sbml", tmp_path / "no" / "a.xml")


def test_every_dose_is_in_the_text_with_its_amount(nasal) -> None:
    """84 mg of esketamine in mol: n = m / M; the deposits and windows of the text add up to it."""
    text = prepared(WORDS, TARGETS["python"], with_="naltrexone oral 50 mg at -45 min", weight=80.0).content.decode()
    space: dict[str, object] = {"__name__": "x"}
    exec(compile(text, "x.py", "exec"), space)
    deposits = [add for *_, changes in space["SEGMENTS"] for state, _, add in changes if state == "s_nasal_depot"]
    swallowed = [(b - a) * inputs.get("s_nasal_swallowed_rate", 0.0) for a, b, inputs, _ in space["SEGMENTS"]]
    assert sum(deposits) + sum(swallowed) == pytest.approx(84.0 / 237.73 * 1000.0, rel=1e-9)
    assert space["SEGMENTS"][0][3][0][0] == "naltrexone_tablet"


def test_the_python_text_starts_before_the_first_dose_and_takes_other_numbers(nasal) -> None:
    space: dict[str, object] = {"__name__": "x"}
    exec(compile(prepared(WORDS, TARGETS["python"]).content.decode(), "x.py", "exec"), space)
    rest = space["simulate"]([0.0, 2.0])
    assert rest["s_ketamine_venous"][0] == 0.0 < rest["s_ketamine_venous"][1]
    slow = space["simulate"]([0.0, 2.0], {"hepatic_flow": 1.0})
    assert slow["s_ketamine_venous"][1] > 1.2 * rest["s_ketamine_venous"][1]


def test_sbml_that_is_not_the_model_is_never_written(nasal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in the writer (a dose left out, a number changed) ends in CheckFailed and no file."""
    whole = sbml.antimony_text
    for slip in (
        lambda text: re.sub(r"  boundary_2: .*\n", "", text),
        lambda text: re.sub(r"(central_volume = )[\d.]+;", r"\g<1>12.5;", text, count=1),
        lambda text: text.replace("s_nasal_depot = s_nasal_depot + ", "s_nasal_depot = s_nasal_depot + 1", 1),
    ):
        monkeypatch.setattr(sbml, "antimony_text", lambda model, slip=slip: slip(whole(model)))
        assert slip(whole(nasal)) != whole(nasal)
        monkeypatch.setattr(sbml, "_set_numbers", lambda part, model: None)
        with pytest.raises(CheckFailed, match="not the model"):
            sbml.sbml_text(nasal)


def test_an_operation_without_counterpart_is_refused_by_name() -> None:
    source = read_model("model m; x = 1; y := floor(x); x' = -y; end")
    for language in (PYTHON, JULIA, R):
        with pytest.raises(UsageError, match="'floor' has no counterpart"):
            language.text(source.assignments["y"], "y")


def test_a_name_that_the_language_reserves_gets_another() -> None:
    assert PYTHON.named("lambda") == "lambda_" and R.named("function") == "function_" and JULIA.named("end") == "end_"
    assert PYTHON.named("central_volume") == "central_volume"


def test_algebra_is_written_in_the_order_in_which_it_is_read() -> None:
    source = read_model(compose().antimony)
    names = ordered(source)
    assert sorted(names) == sorted(source.assignments)
    moves = derivatives(source, compose().states)
    assert set(moves) == set(compose().states)


def test_the_time_moves_only_when_no_formula_names_it(nasal) -> None:
    assert nasal.start_h == -0.75
    first, *_ = sbml.changes(nasal)
    assert first[0] == 0.0 and "naltrexone_tablet" in first[1]
    timed = replace(nasal, source=read_model("model m; x = 1; x' = -x*time; end"))
    with pytest.raises(UsageError, match="names the time"):
        sbml.antimony_text(timed)


def test_adppk_has_every_dose_and_level_of_everybody(tmp_path: Path) -> None:
    made = prepared("ketamine iv 0.5 mg/kg over 40 min", TARGETS["adppk"], people=3, repeat="weekly x 2", at="1, 24 h")
    rows = list(csv.DictReader(io.StringIO(made.content.decode())))
    assert len({row["USUBJID"] for row in rows}) == 3
    doses = [row for row in rows if row["EVID"] == "1"]
    assert len(doses) == 6
    for row in doses:
        assert float(row["AMT"]) == pytest.approx(0.5 * float(row["WTBL"]))
        assert float(row["RATE"]) * float(row["DUR"]) == pytest.approx(float(row["AMT"]))
        assert row["MDV"] == "1" and row["DV"] == ""
    levels = [row for row in rows if row["EVID"] == "0" and row["CMT"] == "plasma.ketamine"]
    assert [float(row["AFRLT"]) for row in levels[:2]] == [1.0, 24.0]
    assert all(float(row["DV"]) > 0 and row["AVALU"] == "ng/mL" for row in levels)
    assert all(re.fullmatch(r"[A-Z0-9]{1,8}", row["PARAMCD"]) for row in rows if row["EVID"] == "0")
    by_person = [
        [int(r["ASEQ"]) for r in rows if r["USUBJID"] == who] for who in dict.fromkeys(r["USUBJID"] for r in rows)
    ]
    assert all(sequence == list(range(1, len(sequence) + 1)) for sequence in by_person)


def test_no_cell_is_a_formula() -> None:
    for text in ("=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\tx"):
        assert cell(text).startswith("'")
    assert cell(-2.5) == "-2.5" and cell("plain") == "plain" and cell("") == ""


def test_the_archive_lists_itself_and_runs_again(tmp_path: Path) -> None:
    place = tmp_path / "run.omex"
    export("ketamine iv 0.5 mg/kg over 40 min", place, people=4, at="1, 24 h", days=2)
    archive = read_archive(place)
    assert archive.formats["."].endswith("/omex") and archive.formats["manifest.xml"].endswith("/omex-manifest")
    assert archive.master == "model.xml" and set(archive.files) == set(archive.formats) - {"."}
    assert json.loads(archive.files["run.json"])["settings"]["words"] == "ketamine iv 0.5 mg/kg over 40 min"
    asked, difference = run_again(archive, "run.omex")
    assert (
        asked.words == "ketamine iv 0.5 mg/kg over 40 min" and difference < 1e-5
    )  # people share steps, so others beside her move them
    changed = dict(archive.files) | {
        "course.csv": archive.files["course.csv"].replace(b"madrs,points,24.0,", b"madrs,points,24.0,9")
    }
    assert run_again(replace(archive, files=changed), "run.omex")[1] > 0.1


def test_an_error_leaves_no_file(tmp_path: Path) -> None:
    for words, to in (("ketamine iv", "sbml"), ("ketamine iv 0.5 mg/kg over 40 min", "python")):
        options = {"values": {"no_such_value": 1.0}} if to == "python" else {}
        with pytest.raises(UsageError):
            export(words, tmp_path / ("a.xml" if to == "sbml" else "a.py"), **options)
    assert os.listdir(tmp_path) == []


def test_the_command_says_the_losses_then_writes(ketasim, tmp_path: Path) -> None:
    place = tmp_path / "m.ant"
    answer = ketasim("export", WORDS, "--to", "antimony", str(place))
    assert answer.code == 0 and answer.out.index("this export loses") < answer.out.index("Written:")
    assert place.read_text(encoding="utf-8").startswith("// Research and teaching only")
    told = json.loads(ketasim("export", WORDS, str(tmp_path / "m.py"), "--json").out)
    assert told["format"] == "python" and told["lost"] and told["bytes"] == (tmp_path / "m.py").stat().st_size
    assert ketasim("export", WORDS, str(tmp_path / "m.doc")).code == 2


def test_numbers_of_a_heavier_person_are_in_the_file(nasal) -> None:
    """Allometry: volumes with W / 70 kg (docs/decisions/plasma.md)."""
    own = plain(scenario(WORDS)).numbers
    assert nasal.numbers["central_volume"] == pytest.approx(own["central_volume"] * 80 / 70)
    assert np.isfinite(list(nasal.numbers.values())).all()
