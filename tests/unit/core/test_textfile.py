"""Files people write: byte order marks and line ends do not matter; other encodings are refused by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ketasim.core import KetasimError, UsageError, read_drug, read_toml
from ketasim.core.compounds import compound_example
from ketasim.core.textfile import MOST_BYTES, read_text

TEXT = compound_example()


def written(tmp_path: Path, raw: bytes) -> Path:
    path = tmp_path / "own.toml"
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_marks_and_line_ends_do_not_matter(tmp_path: Path, mark: bytes, end: str) -> None:
    path = written(tmp_path, mark + TEXT.replace("\n", end).encode())
    assert read_text(path) == TEXT
    assert read_toml(path)["pk"]["volume"] == {"value": 130, "unit": "L"}
    assert read_drug(path).molar_mass == 237.7


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (TEXT.encode("utf-16"), "UTF-16"),
        (b"\xff\xfe" + TEXT.encode("utf-16-le"), "UTF-16"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("utf-16-le"), "UTF-16"),
        (TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("utf-32"), "UTF-32"),
        ('name = "caf\u00e9"\n'.encode("latin-1"), "not UTF-8 text: byte 0xe9 in line 1"),
        (b'a = 1\nb = "\x80"\n', "byte 0x80 in line 2"),
        (b"a = 1\n\x00\x01\x02rest of something that is no text at all", "no text"),
        (b"#" * (MOST_BYTES + 1), "too large"),
    ],
)
def test_another_encoding_is_refused_by_name(tmp_path: Path, raw: bytes, said: str) -> None:
    path = written(tmp_path, raw)
    with pytest.raises(UsageError) as caught:
        read_drug(path)
    assert said in caught.value.what and str(path) in caught.value.where
    assert caught.value.fix


@pytest.mark.parametrize("name", ["", "missing.toml", "a\x00b", "."])
def test_what_is_no_file_is_one_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(KetasimError, match="cannot read the file"):
        read_text(tmp_path / name)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no endless device")
def test_an_endless_file_is_refused() -> None:
    with pytest.raises(KetasimError, match="too large"):
        read_text(Path("/dev/zero"))


def test_a_deep_nest_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="TOML"):
        read_drug(written(tmp_path, b"a = " + b"[" * 100_000))


@pytest.mark.parametrize("path", [None, 5, b"x", ["a"]])
def test_a_path_is_a_path(path: object) -> None:
    with pytest.raises(UsageError, match="path"):
        read_drug(path)  # type: ignore[arg-type]


# forms ----------------------------------------------------------------------------------------------------------

WHOLE = TEXT[: TEXT.index("[routes.iv]")]


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ('[routes.iv]\nforms = ["single"]', "routes.iv needs a time"),
        ("[routes.iv]", "routes.iv needs a time"),
        ('[routes.iv]\nforms = ["bolus"]', "bolus_duration_min"),
        ('[routes.oral]\nforms = ["bolus"]\nbolus_duration_min = 1', "a bolus is intravenous"),
        ('[routes.oral]\nforms = ["devices"]', "device_mass_mg"),
        ('[routes.oral]\nforms = ["devices", "single"]\ndevice_mass_mg = 28', "only form"),
        ('[routes.oral]\nforms = "single"', "list of forms"),
        ("[routes.oral]\nforms = []", "list of forms"),
        ("[routes]\noral = 3", "is a section"),
        ('[routes.iv]\nforms = ["infusion"]\ndefault_duration_min = "40"', "default_duration_min is a number"),
        ('[routes.iv]\nforms = ["infusion"]\ndefault_duration_min = -40', "default_duration_min is a number"),
        ('[routes.iv]\nforms = ["infusion"]\ndefault_duration_min = 0', "default_duration_min is a number"),
        ('[routes.iv]\nforms = ["infusion"]\ndefault_duration_min = nan', "default_duration_min is a number"),
        ('[routes.iv]\nforms = ["infusion"]\nduration_range_min = 40', "is a range"),
        ('[routes.iv]\nforms = ["infusion"]\nduration_range_min = [40]', "is a range"),
        ('[routes.oral]\nforms = ["single"]\nstudied = { "mg" = [50, 10] }', "is a range"),
        ('[routes.oral]\nforms = ["single"]\nstudied = 3', "table of ranges"),
        ('[routes.oral]\nforms = ["single"]\nlimit = { "mg" = "much" }', "table of amounts"),
    ],
)
def test_a_route_that_cannot_be_given_is_named(tmp_path: Path, routes: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_drug(written(tmp_path, (WHOLE + routes + "\n").encode()))
    assert said in caught.value.what


@pytest.mark.parametrize("name", ["drug 7", "my 5-ht blocker", "mix with water", "over it", "7", "a\\tb"])
def test_a_name_that_the_words_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        read_drug(written(tmp_path, TEXT.replace('"my compound"', f'"{name}"').encode()))
