"""Bad input: exit code 2, one message that says what, where, what is allowed and the line that works; nothing else."""

from pathlib import Path

import pytest

from ketasim.core.compounds import compound_example

GOOD = "ketamine iv 0.5 mg/kg over 40 min"

BAD = [
    (["run", "ketamin iv 0.5 mg/kg over 40 min"], ["unknown drug 'ketamin'", "ketamine iv 0.5 mg/kg over 40 min"]),
    (["run", "ketamine topical 5 mg"], ["unknown route 'topical'", "iv, im, sc"]),
    (["run", "rapamycin iv 6 mg"], ["rapamycin", "oral"]),
    (["run", "ketamine iv -0.5 mg/kg"], ["negative", "above zero", "ketamine iv 0.5 mg/kg"]),
    (["run", "ketamine iv 500 mg/kg"], ["far beyond any dose", "15 mg/kg"]),
    (["run", "ketamine iv nan mg/kg"], ["'nan' is not a number"]),
    (["run", "ketamine iv 0.5"], ["unit", "mg"]),
    (["run", ""], ["no dose is written", "DRUG ROUTE AMOUNT"]),
    (["run", GOOD, "--weight", "0"], ["weight 0", "30 to 250 kg", "--weight 70"]),
    (["run", GOOD, "--weight", "nan"], ["weight nan", "30 to 250 kg"]),
    (["run", GOOD, "--age", "7"], ["age 7", "18 to 100 years"]),
    (["run", GOOD, "--baseline", "99"], ["baseline 99", "1 to 59 points"]),
    (
        ["run", "esketamine nasal 84 mg", "--repeat", "every 5 min x 3"],
        ["starts too early", "15 min apart"],
    ),
    (["run", GOOD, "--repeat", "twice wekly x 6"], ["'wekly' is not a repeat", "twice weekly x 6"]),
    (["run", GOOD, "--repeat", "banana"], ["not a repeat", "every 3.5 d"]),
    (["run", GOOD, "--with", "naltrexon oral 50 mg"], ["unknown drug 'naltrexon'", "naltrexone oral 50 mg"]),
    (["run", GOOD, "--compound", "/nowhere/compound.toml"], ["cannot read the file", "/nowhere/compound.toml"]),
    (["run", GOOD, "--setting", "home"], ["unknown setting 'home'", "--setting saline"]),
    (["run", GOOD, "--at", "soon"], ["cannot read the time 'soon'", '--at "40 min, 2 h, 24 h, 7 d"']),
    (["run", GOOD, "--days", "0"], ["0 days", "--days 28"]),
    (["run", GOOD, "--people", "-3"], ["-3 people", "--people 200"]),
    (["run", GOOD, "--people", "many"], ["'--people'", "valid integer", "ketasim run -h"]),
    (["run", GOOD, "--seed", "-1"], ["a seed is a whole number", "--seed 1"]),
    (["run", GOOD, "--genotype", "mm"], ["unknown genotype 'mm'", "met/met"]),
    (["run", GOOD, "--sex", "x"], ["unknown sex", "woman"]),
    (["run", GOOD, "--ethnicity", "japan"], ["unknown ethnicity", "japanese"]),
    (["run", GOOD, "--set", "central_volum=3"], ["unknown value 'central_volum'", "central_volume"]),
    (["run", GOOD, "--set", "central_volume=big"], ["is not NAME=NUMBER"]),
    (["run", GOOD, "--set", "central_volume=inf"], ["is not NAME=NUMBER"]),
    (["run", GOOD, "--variant", "circuit=surge"], ["unknown variant", "disinhibition"]),
    (["run", GOOD, "--variant", "circuit"], ["is not STAGE=NAME"]),
    (["run", GOOD, "--json", "--csv"], ["two formats at once"]),
    (["run", GOOD, "--plot", "/nowhere/figure.png"], ["/nowhere does not exist"]),
    (["run", GOOD, "--plot", "figure.gif"], ["cannot write a .gif", ".png, .svg, .pdf"]),
    (["run", "ketamine iv 1,000 ug over 40 min"], ["more than one way", "1.000 or 1000"]),
    (
        ["run", GOOD, "--with", "naltrexone oral 50 mg at -0,75 h"],
        ["decimal point", "naltrexone oral 50 mg at -0.75 h"],
    ),
    (["run", GOOD, "--repeat", "at 0,5 d"], ["more than one way", "0.5 or 0, 5"]),
    (["run", GOOD, "--at", "24,168"], ["more than one way", "24, 168"]),
    (["run", GOOD, "--at", "-0,75 h"], ["decimal point", '--at "-0.75 h"']),
    (
        ["run", "clopidogrel oral 75 mg daily"],
        ["unknown drug 'clopidogrel'", "ticlopidine: another drug", "--compound"],
    ),
    (["run", "ketamine oral 50 mg/h for 2 h"], ["by the oral route has no rate"]),
    (["run", "ketamine iv 0.5 mg/kg/h"], ["a rate for how long", "0.5 mg/kg/h for 2 h"]),
    (["run", "ketamine iv 0.5 mg/kg over 1e-9 s"], ["cannot be that short", "1 s to 366 d"]),
    (["run", GOOD, "--poeple", "3"], ["--poeple", "--people"]),
    (["run"], ["missing argument", "ketasim run -h"]),
    (["compare", *["placebo iv"] * 7], ["7 scenarios", "1 to 6"]),
    (["compare", GOOD, "ketamine iv 0.5 mgkg"], ["mgkg", "mg/kg"]),
    (["experiment", "naltrexon"], ["unknown experiment", "naltrexone"]),
    (["show", "madrs.efect"], ["nothing is called 'madrs.efect'", "madrs.effect"]),
    (["runn"], ["no such command 'runn'"]),
]


@pytest.mark.parametrize(("words", "parts"), BAD, ids=[" ".join(words)[:60] or "empty" for words, _ in BAD])
def test_bad_input_is_one_message_and_exit_code_2(ketasim, words: list[str], parts: list[str]) -> None:
    answer = ketasim(*words)
    assert answer.code == 2
    assert answer.out == ""
    assert "Traceback" not in answer.err
    missing = [part for part in parts if part not in answer.err]
    assert not missing, answer.err


def test_the_offered_line_works(ketasim) -> None:
    answer = ketasim("run", "ketamin iv 0.5 mg/kg over 40 min", "--people", "0")
    line = answer.err.split("try: ")[1].strip()
    assert ketasim("run", line, "--people", "0").code == 0


NO_LINE = [
    "clopidogrel oral 75 mg daily",
    "ketamine iv 1,000 ug over 40 min",
    "ketamine iv 35 over 40 min",
    "ketamine 50 mg",
]


@pytest.mark.parametrize("words", NO_LINE)
def test_what_must_be_guessed_is_asked_without_a_line_to_try(ketasim, words: str) -> None:
    answer = ketasim("run", words)
    assert answer.code == 2 and "try:" not in answer.err and "allowed:" in answer.err


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_compound_file_of_any_editor_is_read(ketasim, tmp_path: Path, mark: bytes, end: str) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes(mark + compound_example().replace("\n", end).encode())
    answer = ketasim("run", "my compound iv 4 mg", "--compound", str(file), "--people", "0", "--days", "1")
    assert answer.code == 0 and answer.out.startswith("my compound iv 4 mg")


@pytest.mark.parametrize(("encoding", "named"), [("utf-16", "UTF-16"), ("utf-32", "UTF-32"), ("utf-16-le", "UTF-16")])
def test_another_encoding_is_named(ketasim, tmp_path: Path, encoding: str, named: str) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes(compound_example().encode(encoding))
    answer = ketasim("run", "my compound iv 4 mg", "--compound", str(file))
    assert answer.code == 2 and named in answer.err and "UTF-8" in answer.err and answer.out == ""


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe\x00", b'name = "x"\n'])
def test_an_unreadable_compound_file_teaches(ketasim, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes(content)
    answer = ketasim("run", "placebo iv", "--compound", str(file))
    assert answer.code == 2 and str(file) in answer.err and answer.out == ""


def test_nothing_half_written(ketasim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ketasim.report.figures as figures

    old = tmp_path / "figure.png"
    old.write_bytes(b"the old figure")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the disc is full")

    monkeypatch.setattr(figures, "dress", fail)
    with pytest.raises(RuntimeError):
        ketasim("run", GOOD, "--people", "0", "--plot", str(old))
    assert old.read_bytes() == b"the old figure"
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]


def test_an_unwritable_folder_is_refused_before_computing(
    ketasim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ketasim.scenario import run as module

    monkeypatch.setattr(module, "run", lambda *_, **__: pytest.fail("computed before the path was checked"))
    assert ketasim("run", GOOD, "--plot", str(tmp_path)).code == 2


def test_beyond_the_studied_range_runs_with_a_plain_warning(ketasim) -> None:
    answer = ketasim("run", "ketamine iv 1.5 mg/kg over 40 min", "--people", "0")
    assert answer.code == 0
    assert "beyond the studied range" in answer.out
