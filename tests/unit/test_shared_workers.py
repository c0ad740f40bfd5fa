"""How the workers share the tests: files whole, groups of files whole, and every group in the one form that is read."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from sharing import Together, together

TESTS = Path(__file__).resolve().parents[1]
MARKED = re.compile(r"\bxdist_group\(\W*(\w+)")
CLUSTERED = [path for path in sorted(TESTS.rglob("test_*.py")) if MARKED.search(path.read_text("utf-8"))]


@pytest.mark.parametrize("file", CLUSTERED, ids=lambda path: path.name)
def test_a_group_is_named_for_the_whole_file(file: Path) -> None:
    """A mark at a function, or beside other marks, would be without effect."""
    assert [together(file)] == MARKED.findall(file.read_text("utf-8"))


def test_tests_of_one_file_and_of_one_group_go_to_one_worker() -> None:
    deal = Together.__new__(Together)
    deal.config = SimpleNamespace(rootpath=TESTS.parent)  # type: ignore[assignment]
    first = deal._split_scope("tests/faces/web/test_page.py::test_words[a::b]")
    assert first == deal._split_scope("tests/faces/web/test_roles.py::test_words") == "web"
    alone = deal._split_scope("tests/unit/test_shared_workers.py::test_a")
    assert alone == deal._split_scope("tests/unit/test_shared_workers.py::test_b[x/y]") != first
