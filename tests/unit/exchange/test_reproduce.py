"""`reproduce`: the same tables, byte by byte, on a second run; the record holds their checksums."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ketasim.core import UsageError
from ketasim.exchange.reproduce import RECORD, RUNS, reproduce


@pytest.mark.slow
def test_tables_are_the_same_bytes_on_a_second_run(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        reproduce(folder, people=8, figures=False)
    names = sorted(p.name for p in one.iterdir())
    assert {f"{name}.csv" for name in RUNS} < set(names) and "plasma.txt" in names and RECORD in names
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    record = json.loads((one / RECORD).read_text(encoding="utf-8"))
    for name, told in record["files"].items():
        assert hashlib.sha256((one / name).read_bytes()).hexdigest() == told["sha256"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        reproduce(tmp_path / "none")
