"""`reproduce`: the same tables, byte by byte, on a second run; the record holds their checksums."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from ketasim.core import UsageError
from ketasim.exchange.reproduce import COMMANDS, NOT_REDONE, RECORD, RUNS, Piece, own_tables, reproduce
from ketasim.report.reproduced import drawings, tables


@pytest.mark.slow
def test_tables_are_the_same_bytes_on_a_second_run(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        reproduce(folder, people=8)
    names = sorted(p.name for p in one.iterdir())
    assert {f"{name}.csv" for name in RUNS} < set(names) and "plasma.txt" in names and RECORD in names
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    record = json.loads((one / RECORD).read_text(encoding="utf-8"))
    for name, told in record["files"].items():
        assert hashlib.sha256((one / name).read_bytes()).hexdigest() == told["sha256"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_pages_and_figures_of_the_docs_are_the_same_bytes_too(tmp_path: Path, ketasim) -> None:
    """Everything that `ketasim reproduce` writes, twice, with few people; minutes."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        assert ketasim("reproduce", str(folder), "--people", "8").code == 0
    names = sorted(p.name for p in one.iterdir())
    assert {"claims.md", "weigh.txt", "check.txt", "credibility.md", "infusion-and-spray.svg"} < set(names)
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_every_file_has_its_command_and_what_is_left_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ketasim.exchange import reproduce as module

    assert set(COMMANDS) == set(RUNS)
    monkeypatch.setattr(module, "own_tables", lambda people: {})
    piece = Piece("made so", lambda place: place.write_bytes(b"x"), drawn=True)
    seen: list[str] = []
    record = reproduce(tmp_path, people=0, more={"a.svg": piece, "b.svg": piece}, tell=seen.append)
    assert seen == ["1 of 2: a.svg", "2 of 2: b.svg"]
    told = {"made_by": "made so", "kind": "figure", "bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
    assert record["files"] == {"a.svg": told, "b.svg": told} and record["not_redone"] == dict(NOT_REDONE)
    docs = Path(__file__).resolve().parents[3] / "docs"
    assert all(list(docs.parent.glob(name)) for name in NOT_REDONE)


def test_every_page_that_a_command_writes_is_made_again_or_named_with_its_reason() -> None:
    """By the marks `written by python -m ...` in the pages: a new generated table has to find its place here."""
    docs = Path(__file__).resolve().parents[3] / "docs"
    text = "".join(p.read_text(encoding="utf-8") for p in docs.rglob("*.md") if "decisions" not in p.parts)
    writers = set(re.findall(r"[Ww]ritten by `?python (?:-m )?([\w./]+)", text))
    made = [p.made_by for p in own_tables(0).values()]
    made += [one.command for one in (*drawings(0).values(), *tables().values())]
    assert {"ketasim.report.worked", "ketasim.exchange.credibility_page", "benchmarks/peers.py"} <= writers
    for writer in writers:
        assert any(writer in told for told in (*made, *NOT_REDONE.values())), writer


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        reproduce(tmp_path / "none")
