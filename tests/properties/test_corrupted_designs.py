"""Design files that ship, corrupted at random (a fixed set): a design or a list of problems, exit code 2, never a traceback, never without end.

Two properties. Whatever is done to the text, reading it ends in a design or in a `UsageError` whose count is that of its list, each entry with file and
line. And known mistakes, made together in one file, are all told: every one that is told alone is told beside the others.
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import pytest

from ketasim.cli.main import main
from ketasim.core import UsageError
from ketasim.trial.design import Design
from ketasim.trial.library import library
from ketasim.trial.read import design_from_text

WILD = (
    "-1",
    "0",
    "1e308",
    "nan",
    "inf",
    "-inf",
    '""',
    '"x"',
    "true",
    "[]",
    "{}",
    "[[]]",
    '"9999999 d"',
    '["1 d", -3]',
    "1979-05-27",
    '"\\u0000"',
)
WORDS = (
    "placebo",
    "esketamine",
    "24 h",
    "x",
    "..",
    "every 0 h x 9",
    "x 1000000000",
    "over 0 min",
    "mg/kg",
    "é",
    "\\n",
    "-",
    "kg kg kg",
    "'",
    '"',
)
TEXTS = tuple(path.read_text(encoding="utf-8") for path in library().values())


def value_of_a_key(text: str, rng: random.Random) -> str:
    places = list(re.finditer(r"(?m)^(\s*[\w.]+\s*=\s*)(.+)$", text))
    place = rng.choice(places)
    return text[: place.start(2)] + rng.choice(WILD) + text[place.end(2) :]


def inner_number(text: str, rng: random.Random) -> str:
    places = list(re.finditer(r"(?<![\w.])\d+(\.\d+)?(?![\w.])", text))
    place = rng.choice(places)
    return (
        text[: place.start()]
        + rng.choice(("-3", "0", "1e9", "0.5", "1e-300", "7.3", "99999999999999999999"))
        + text[place.end() :]
    )


def word(text: str, rng: random.Random) -> str:
    places = list(re.finditer(r"[A-Za-z]+", text))
    place = rng.choice(places)
    return text[: place.start()] + rng.choice(WORDS) + text[place.end() :]


def character(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    return text[:at] + rng.choice("[]{}\"'=#,.\n\\ 0-é\t") + text[at + rng.randrange(2) :]


def line(text: str, rng: random.Random) -> str:
    lines = text.splitlines()
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    turn = rng.randrange(4)
    if turn == 0:
        del lines[at]
    elif turn == 1:
        lines.insert(other, lines[at])
    elif turn == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines.insert(
            at,
            rng.choice(
                (
                    "[arms]",
                    "[[rules]]",
                    "[people]",
                    "when = 3",
                    "[arms.x]",
                    "[accrual]",
                    "age = 4",
                    "[[arms.y.add_on]]",
                    "[crossover]",
                )
            ),
        )
    return "\n".join(lines) + "\n"


def cut(text: str, rng: random.Random) -> str:
    return text[: rng.randrange(len(text))]


CORRUPTIONS = (value_of_a_key, value_of_a_key, inner_number, inner_number, word, word, character, line, line, cut)


def corrupted(number: int) -> str:
    rng = random.Random(20_261_128 + number)
    text = rng.choice(TEXTS)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        try:
            text = rng.choice(CORRUPTIONS)(text, rng) or "\n"
        except IndexError:  # nothing of that kind is left
            continue
    return text


def told(text: str) -> list[str] | None:
    """What is wrong, one entry a problem; None for a design."""
    try:
        design = design_from_text(text)
    except UsageError as error:
        if error.what.startswith("not valid TOML"):
            return [error.what]
        found = str(error.where).split("\n")
        problems = [row for row in found if re.match(r"design\.toml:\d+: ", row)]
        assert int(error.what.split()[0]) == len(problems) > 0, error
        assert len(text.splitlines()) >= max(int(row.split(":")[1]) for row in problems)
        return problems
    assert isinstance(design, Design) and design.visits_h and design.arms
    return None


def test_whatever_is_done_to_a_design_ends_in_a_design_or_in_all_its_problems() -> None:
    wrong = [told(corrupted(number)) for number in range(200)]
    many = [found for found in wrong if found is not None and len(found) > 1]
    assert sum(found is not None for found in wrong) > 100 and len(many) > 20


@pytest.mark.slow
def test_whatever_is_done_many_times_over() -> None:
    for number in range(200, 20_000):
        told(corrupted(number))


# where in the file below; what is written there instead; words of the problem
MISTAKES = {
    "scale": ('scale = "MADRS"', 'scale = "MADSR"', "unknown scale 'MADSR'"),
    "visits": ('visits = ["24 h", "7 d", "28 d"]', 'visits = ["7 d", "24 h", "28 d"]', "visits out of order"),
    "missing": ("missing = 0.1", "missing = 1.4", "a probability cannot be 1.4"),
    "accrual": ("per_month = 4", "# per_month = 4", "a duration without accrual"),
    "doses": ('words = "placebo nasal"', 'words = ""', "the arm 'placebo' has no doses"),
    "ratio": ("ratio = 2", "ratio = 1.5", "a ratio of 1.5 cannot fill whole blocks"),
    "rule": ('when = "change_percent > -20"', 'when = "crp > 3"', "asks for 'crp', which is not measured"),
    "alpha": ("alpha = 0.05", "alpha = 0", "the level is between 0 and 1"),
    "hazard": ("per_week = 0.02", "per_week = -1", "a hazard per week cannot be -1"),
    "table": ("sd = 12", "sd = 40", "an SD of 40 around 45 is impossible"),
    "share": ("share = 0.6", "share = 6", "a share cannot be 6"),
    "explanation": ('hypotheses = ["opioid-gate"]', 'hypotheses = ["opiod-gate"]', "unknown entry 'opiod-gate'"),
    "flag": ("masked = false", "masked = 3", "masked is true or false"),
    "field": ("[sites]", "[colour]\nred = 1\n[sites]", "unknown field 'colour'"),
    "sites": ("count = 3", 'count = "three"', "count is a number"),
}
WHOLE = """
title = "Nothing wrong"
setting = "nasal-placebo"
scale = "MADRS"
visits = ["24 h", "7 d", "28 d"]
missing = 0.1
masked = false
n = 120
duration_months = 60
hypotheses = ["opioid-gate"]
[accrual]
per_month = 4
[arms.placebo]
words = "placebo nasal"
repeat = "twice weekly x 8"
[arms.esketamine]
words = "esketamine nasal 84 mg"
repeat = "twice weekly x 8"
ratio = 2
[randomisation]
strata = ["site"]
[analysis]
alpha = 0.05
[dropout]
per_week = 0.02
[people]
age = { mean = 45, sd = 12, min = 18, max = 64 }
women = { share = 0.6 }
[sites]
count = 3
[[rules]]
at = ["7 d"]
when = "change_percent > -20"
then = "stop"
"""


def with_mistakes(names: list[str]) -> str:
    text = WHOLE
    for name in names:
        right, wrong, _ = MISTAKES[name]
        assert text.count(right) == 1, right
        text = text.replace(right, wrong)
    return text


def test_mistakes_made_together_are_told_together() -> None:
    """Each alone, then 60 random sets of them: nothing hides anything else."""
    assert told(WHOLE) is None
    for name in MISTAKES:
        assert any(MISTAKES[name][2] in row for row in told(with_mistakes([name])) or []), name
    rng = random.Random(7)
    for _ in range(60):
        names = rng.sample(sorted(MISTAKES), rng.randint(2, len(MISTAKES)))
        rows = told(with_mistakes(names)) or []
        missing = [name for name in names if not any(MISTAKES[name][2] in row for row in rows)]
        assert not missing, (missing, rows)


def test_the_command_says_so_and_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first 25 of the corrupted files that are no design, through the command line."""
    place, seen = tmp_path / "design.toml", 0
    for number in range(200):
        text = corrupted(number)
        if told(text) is None:
            continue
        place.write_text(text, encoding="utf-8")
        monkeypatch.setattr(sys, "argv", ["ketasim", "trial", str(place), "--sims", "4"])
        with pytest.raises(SystemExit) as ended:
            main()
        streams = capsys.readouterr()
        assert ended.value.code == 2 and not streams.out and "Traceback" not in streams.err, streams
        assert "problem" in streams.err or "not valid TOML" in streams.err
        seen += 1
        if seen == 25:
            break
    assert seen == 25


# the kinds of mistakes that a designer makes most, each with the key at whose line it is told
USUAL = {
    "doses": 'words = ""',
    "visits": "visits = [",
    "scale": "scale = ",
    "missing": "missing = ",
    "accrual": "duration_months",
    "rule": "when = ",
    "ratio": "ratio = ",
}


def test_the_usual_mistakes_are_told_at_once_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All seven in one file, through the command: exit code 2, nothing simulated, each at the line where it stands."""
    text = with_mistakes(list(USUAL))
    place = tmp_path / "all.toml"
    place.write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["ketasim", "trial", str(place), "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    streams = capsys.readouterr()
    assert ended.value.code == 2 and not streams.out
    assert f"{streams.err.count('all.toml:')} problems in the design" in streams.err
    for name, key in USUAL.items():
        line = text[: text.index(key)].count("\n") + 1
        rows = [row for row in streams.err.splitlines() if MISTAKES[name][2] in row]
        assert len(rows) == 1 and f"all.toml:{line}: " in rows[0], (name, line, rows)
