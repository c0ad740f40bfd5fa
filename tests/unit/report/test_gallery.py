"""Figures of README and docs: every one has its command, says what it shows, and is drawn with the placebo beside a benefit."""

from __future__ import annotations

from pathlib import Path

import pytest

from ketasim.core import UsageError
from ketasim.report.gallery import PICTURES, README, main, paint
from ketasim.report.reproduced import drawings, tables


def test_every_picture_has_a_command_and_words() -> None:
    for name, picture in PICTURES.items():
        assert picture.title and len(picture.shows) > 60 and name == name.lower()
        assert picture.command.startswith(("ketasim ", "python -m ketasim."))
    assert README in PICTURES and set(drawings(5)) == {f"{name}.svg" for name in PICTURES}
    assert all(made.command.startswith(("ketasim ", "python -m ketasim.")) for made in tables().values())


def test_the_picture_of_the_readme_shows_placebo_and_harm_and_is_the_same_twice(tmp_path: Path) -> None:
    places = [tmp_path / "one.svg", tmp_path / "two.svg"]
    assert main([README, str(places[0]), "--people", "3"]) == 0
    paint(README, places[1], 3)
    text = places[0].read_text(encoding="utf-8")
    assert text == places[1].read_text(encoding="utf-8")
    assert all(word in text for word in ("placebo", "CADSS", "never measured in people", "Research and teaching only"))


def test_an_unknown_picture_is_named() -> None:
    with pytest.raises(UsageError, match="unknown picture 'one-infusoin'"):
        paint("one-infusoin", "x.svg")
