"""300 faulty regimens, each made from a true one by a known slip: refused with one message, and no corrected line that means anything else.

The truth is known, so a "try" line is right or wrong: typed, it must be accepted and be the regimen that was meant. What
cannot be known is asked, without a line. The default run has fixed seeds; the slow one explores.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from ketasim.core import UsageError
from ketasim.dose import Regimen, parse

LETTERS = "abcdefghijklmnopqrstuvwxyz"
DOSES = [
    "ketamine iv 0.5 mg/kg over 40 min",
    "ketamine iv 35 mg over 100 min",
    "ketamine iv 1 mg/kg over 1.5 h",
    "ketamine iv 2500 ug over 40 min",
    "ketamine iv 50 mg HCl over 40 min",
    "ketamine iv 0.25 mg/kg/h for 2 h",
    "ketamine iv 10 ug/kg/min over 40 min",
    "ketamine sc 0.5 mg/kg over 60 min",
    "ketamine im 0.5 mg/kg",
    "ketamine nasal 50 mg",
    "ketamine oral 1.25 mg/kg",
    "esketamine nasal 84 mg",
    "esketamine nasal 56 mg",
    "esketamine iv 0.2 mg/kg over 40 min",
    "esketamine film 50 mg",
    "arketamine iv 0.5 mg/kg over 40 min",
    "hnk iv 1 mg/kg over 40 min",
    "midazolam iv 0.045 mg/kg over 40 min",
]
REPEATS = [
    "",
    "twice weekly x 6",
    "three times weekly x 4",
    "weekly x 4",
    "daily x 3",
    "every other day x 3",
    "every 3.5 d x 8",
    "every two weeks x 3",
    "q12h x 4",
    "bid x 4",
    "at 0, 3, 7 d",
    "at 0, 2.5, 7 d",
    "at 0, 1.5 d",
    "at 0 h, 36.5 h",
    "twice weekly x 8, then weekly x 4",
    "monthly for 8 weeks",
]
BESIDE = [
    "",
    "",
    "with naltrexone oral 50 mg at -45 min",
    "with naltrexone oral 50 mg at -0.75 h",
    "with ssri oral 20 mg daily",
    "with clarithromycin oral 500 mg twice daily from -1.5 d x 6",
    "with st john's wort oral 300 mg tid from -14 d x 42",
    "with grapefruit juice oral 200 mL at 0 min",
    "with lorazepam oral 2.5 mg at -1 h once",
]
UNKNOWN = [
    "clopidogrel",
    "sertraline",
    "fluketamine",
    "voriconazole",
    "alprazolam",
    "esmethadone",
    "psilocybin",
    "caffeine",
]
Slip = Callable[[str, random.Random], str]


def _letter(word: str, dice: random.Random) -> str:
    """One letter of the word left out, doubled, replaced or swapped with its neighbour."""
    place = dice.randrange(len(word))
    kind = dice.randrange(4)
    if kind == 0 and len(word) > 1:
        return word[:place] + word[place + 1 :]
    if kind == 1:
        return word[:place] + dice.choice(LETTERS) + word[place:]
    if kind == 2 and place + 1 < len(word):
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + dice.choice(LETTERS) + word[place + 1 :]


def _in_word(pattern: str) -> Slip:
    """A slip of one letter inside a word that matches."""

    def slip(line: str, dice: random.Random) -> str:
        found = list(re.finditer(pattern, line))
        if not found:
            return line
        hit = dice.choice(found)
        return line[: hit.start()] + _letter(hit.group(), dice) + line[hit.end() :]

    return slip


def _swap(pattern: str, instead: str) -> Slip:
    """One hit of the pattern written another way."""

    def slip(line: str, dice: random.Random) -> str:
        found = list(re.finditer(pattern, line))
        if not found:
            return line
        hit = dice.choice(found)
        return line[: hit.start()] + hit.expand(instead) + line[hit.end() :]

    return slip


def _choice(pattern: str, choices: list[str]) -> Slip:
    def slip(line: str, dice: random.Random) -> str:
        return _swap(pattern, dice.choice(choices))(line, dice)

    return slip


TIMES = r"(?:min|h|d|weeks)\b"
DRUG = r"\b(?:ketamine|esketamine|arketamine|midazolam|naltrexone|clarithromycin|lorazepam)\b"
ROUTE = r"\b(?:iv|nasal|oral|film|im|sc)\b"
MASS = r"(?:mg/kg|mg|ug)\b(?!/)"
NUMBER = r"(?<![\w.])\d+(?:\.\d+)?"
# name -> (slip, True where what is accepted must be the truth: the slip cannot have made another valid line by chance)
SLIPS: dict[str, tuple[Slip, bool]] = {
    "typo in the drug": (_in_word(DRUG), False),
    "typo in the route": (_in_word(ROUTE), False),
    "typo in the unit": (_in_word(MASS), False),
    "typo in a rate": (_in_word(r"(?:mg|ug)/kg/(?:h|min)"), False),
    "typo in a unit of time": (_in_word(r"\b(?:min|weeks)\b"), False),
    "typo in a repeat": (_in_word(r"\b(?:weekly|daily|monthly|twice|three|times|every|other|weeks)\b"), False),
    "no unit of mass": (_swap(r" (?:mg/kg|mg|ug)\b(?!/)", ""), True),
    "no unit of time": (_swap(rf"(?<=\d) {TIMES}", ""), True),
    "no amount": (_swap(rf" {NUMBER} (?:mg/kg|mg|ug|mL)\b(?!/)", ""), False),
    "no route": (_swap(rf" {ROUTE}", ""), True),
    "no drug": (_swap(rf"{DRUG} ", ""), True),
    "no duration": (_swap(rf"\b(over|for) {NUMBER} {TIMES}", r"\1"), True),
    "no count": (_swap(r"\bx \d+", "x"), True),
    "no x": (_swap(r"\bx (\d+)", r"\1"), True),
    "no then": (_swap(r", then", ""), True),
    "no every": (_swap(r"\bevery (?=\d)", ""), True),
    "another drug": (_choice(DRUG, UNKNOWN), True),
    "route behind the amount": (_swap(rf"({ROUTE}) ({NUMBER} {MASS})", r"\2 \1"), True),
    "over before the amount": (_swap(rf"({NUMBER} {MASS}) (over {NUMBER} {TIMES})", r"\2 \1"), True),
    "times out of order": (_swap(r"at 0, (\S+), (\S+) d", r"at 0, \2, \1 d"), True),
    "decimal comma": (_swap(r"(?<![\w.])(\d+)\.(\d+)", r"\1,\2"), True),
    "decimal comma, minus": (_swap(r"-(\d+)\.(\d+)", r"-\1,\2"), True),
    "thousands comma": (_swap(r"\b(\d)(\d{3})\b", r"\1,\2"), True),
    "thousands space": (_swap(r"\b(\d)(\d{3})\b", r"\1 \2"), True),
    "thousands apostrophe": (_swap(r"\b(\d)(\d{3})\b", r"\1'\2"), True),
    "list without spaces": (_swap(r"at 0, (\d+(?:\.\d+)?) d", r"at 0,\1 d"), False),
    "negative amount": (_swap(rf"(?<=(?:iv|al|sc|im|lm) )({NUMBER} (?:mg|ug))", r"-\1"), True),
    "negative duration": (_swap(r"over (\d)", r"over -\1"), True),
    "minutes before": (_swap(r"at -(\S+ (?:min|h))\b(?! once)", r"\1 before"), True),
    "letter for a digit": (_swap(r"\b0\.", "O."), True),
    "another spelling of the unit": (_choice(r"\bug\b(?!/)", ["mcg", "micrograms"]), True),
    "milligrams": (_choice(r"\bmg\b(?!/)", ["mgs", "milligrams", "milligram"]), True),
    "plural per kilogram": (_choice(r"\bmg/kg\b(?!/)", ["mg/kgs", "mgkg", "mgs/kg"]), True),
    "micrograms in a rate": (_swap(r"ug/kg/min", "mcg/kg/min"), True),
    "a word twice": (_swap(r"\b(over|at|every|with|twice)\b", r"\1 \1"), True),
    "a word too many": (_choice(r"(?<=\w) (?=over|with|x )", [" please ", " slowly ", " approx "]), True),
    "an unknown repeat": (
        _choice(
            r"\b(?:twice weekly|three times weekly|daily|bid|q12h|weekly)\b",
            ["sometimes", "biweekly", "prn", "as needed"],
        ),
        True,
    ),
    "over on a route without": (_swap(r"((?:nasal|film|oral|im) [\d.]+ (?:mg/kg|mg)\b)", r"\1 over 10 min"), True),
    "five times weekly": (_swap(r"\b(?:twice|three times) weekly", "five times weekly"), True),
    "count in letters": (_swap(r"\bx 6\b", "x six"), True),
    "count with a minus": (_swap(r"\bx (\d)", r"x -\1"), True),
    "days from one": (_swap(r"at 0, 3, 7 d", "at 1, 4, 8 d"), True),
}


def faulty(seed: int, names: list[str]) -> Iterator[tuple[str, str, str, Regimen]]:
    """(name of the slip, the faulty line, the true line, the true regimen), without end."""
    dice = random.Random(seed)
    while True:
        for name in names:
            for _ in range(40):
                parts = (dice.choice(DOSES), dice.choice(REPEATS), dice.choice(BESIDE))
                line = " ".join(part for part in parts if part)
                wrong = SLIPS[name][0](line, dice)
                if wrong != line:
                    yield name, wrong, line, parse(line)
                    break


def refused(name: str, wrong: str, truth: Regimen) -> UsageError | None:
    """The refusal of the faulty line; None if it was read, which where chance cannot explain it must give the truth."""
    try:
        read = parse(wrong)
    except UsageError as error:
        return error
    if SLIPS[name][1]:
        assert read == truth, f"{name}: '{wrong}' was read as '{read}'"
    return None


def check(seed: int, count: int) -> tuple[Counter[str], Counter[str]]:
    """`count` refusals: how many of each slip, and how many of them came with a line."""
    seen: Counter[str] = Counter()
    mended: Counter[str] = Counter()
    for name, wrong, line, truth in faulty(seed, list(SLIPS)):
        error = refused(name, wrong, truth)
        if error is None:
            continue
        assert error.what and (error.allowed or error.fix), wrong
        seen[name] += 1
        if error.fix:
            mended[name] += 1
            assert parse(error.fix) == truth, f"{name}: '{line}' written '{wrong}' is answered with '{error.fix}'"
        if seen.total() >= count:
            return seen, mended
    raise AssertionError("never reached")


def test_no_corrected_line_of_300_means_anything_else() -> None:
    seen, mended = check(20, 300)
    assert seen.total() == 300 and len(seen) >= 38, "most kinds of slip are met"
    assert mended.total() >= 120, "slips that can be undone are undone"
    for name in (
        "another drug",
        "no amount",
        "no unit of mass",
        "no unit of time",
        "an unknown repeat",
        "no route",
        "no drug",
    ):
        assert not mended[name] or name == "no route", name  # a drug with one route needs no word for it
    for name in (
        "typo in the drug",
        "no every",
        "decimal comma, minus",
        "route behind the amount",
        "milligrams",
        "minutes before",
        "count in letters",
    ):
        assert mended[name] > 0, name


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
def test_no_corrected_line_of_many_means_anything_else(seed: int) -> None:
    check(seed, 1000)


def test_the_command_line_answers_300_with_one_message_and_exit_code_2(ketasim) -> None:
    count = 0
    for name, wrong, line, truth in faulty(21, list(SLIPS)):
        if refused(name, wrong, truth) is None:
            continue
        answer = ketasim("run", wrong, "--people", "0")
        assert (answer.code, answer.out) == (2, ""), wrong
        assert "Traceback" not in answer.err
        assert answer.err.count("try: ") <= 1
        if "try: " in answer.err:
            assert parse(answer.err.split("try: ")[1].strip()) == truth, (line, wrong)
        count += 1
        if count == 300:
            break
