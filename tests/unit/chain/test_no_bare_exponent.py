"""An exponent is a number like any other: it has a name, a basis and a source, in every file of equations."""

import re
from pathlib import Path

import pytest

import ketasim
from ketasim.core import value

EQUATIONS = sorted((Path(ketasim.__file__).parent / "stages").rglob("*.ant"))
BARE = re.compile(r"\^\s*[-+]?[\d.]")
ONCE_BARE = {
    "surge_steepness": 2,
    "rest_steepness": 2,
    "habenula_steepness": 3,
    "pressor_steepness": 2,
    "nausea_steepness": 2,
    "dizziness_steepness": 2,
    "sedation_steepness": 2,
}


@pytest.mark.parametrize("path", EQUATIONS, ids=lambda path: path.stem)
def test_no_exponent_stands_bare(path: Path) -> None:
    code = [line.split("//")[0] for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line.strip() for line in code if BARE.search(line)] == []
    repeated = [line for line in code if re.search(r"\b(\w+)\s*\*\s*\1\b(?!\s*[(.])", line)]
    assert repeated == [], "a square in disguise"


@pytest.mark.parametrize(("key", "number"), ONCE_BARE.items())
def test_the_numbers_are_those_that_stood_there(key: str, number: int) -> None:
    v = value(key)
    assert v.value == number and v.basis == "assumed" and v.grade == "D"
