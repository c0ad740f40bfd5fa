"""Worked examples of the how-to pages: written between marks by a command, never empty, and the same when made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from ketasim.core import UsageError
from ketasim.report import worked

HOW_TO = Path(__file__).resolve().parents[3] / "docs" / "how-to"


def test_a_part_is_placed_and_the_rest_stays() -> None:
    begin, end = worked.marks("a")
    page = f"one\n{begin}\nold\n{end}\ntwo\n"
    new = worked.placed(page, "a", "new\n")
    assert new == f"one\n{begin}\nnew\n{end}\ntwo\n" and worked.placed(new, "a", "new") == new
    for broken in ("one", f"{end}\n{begin}"):
        with pytest.raises(UsageError, match="no part a"):
            worked.placed(broken, "a", "new")


def test_the_command_writes_every_part_of_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worked, "PARTS", {"p.md": {"a": lambda: "A", "b": lambda: "B"}})
    page = tmp_path / "p.md"
    page.write_text("\n".join(line for name in "ab" for line in worked.marks(name)), encoding="utf-8")
    assert worked.main(["p.md", "--folder", str(tmp_path)]) == 0
    assert page.read_text(encoding="utf-8").split("\n")[1::3] == ["A", "B"]


@pytest.mark.parametrize("name", worked.PARTS)
def test_every_part_stands_in_its_page_and_is_filled(name: str) -> None:
    page = (HOW_TO / name).read_text(encoding="utf-8")
    for part in worked.PARTS[name]:
        begin, end = worked.marks(part)
        assert len(page.partition(begin)[2].partition(end)[0].strip().splitlines()) > 4, part


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", worked.PARTS)
def test_the_pages_show_the_numbers_of_today(name: str) -> None:
    """After a fit: release/after-fit.sh, or python -m ketasim.report.worked."""
    page = (HOW_TO / name).read_text(encoding="utf-8")
    assert worked.written(page, name) == page
