"""One name for each kind of array in the whole of src: two files that each define `Array` drift apart without a word."""

from __future__ import annotations

import re
from pathlib import Path

import ketasim

SOURCE = Path(ketasim.__file__).parent
HOME = SOURCE / "core" / "arrays.py"
FROZEN = {
    SOURCE / "evidence" / "compare" / name for name in ("rival.py", "scorer.py")
}  # to the letter: test_frozen_scorer.py
KINDS = ("float64", "int64", "bool_", "Any")  # each has a name in core/arrays.py


def faults(text: str) -> list[str]:
    """Lines of `text` that define an array type of their own, or write out one that has a name."""
    own = re.compile(r"^\s*(type\s+)?\w+\s*(:\s*(typing\.)?TypeAlias\s*)?=\s*(npt\.)?NDArray\b")
    written = re.compile(rf"NDArray\[\s*(np\.|numpy\.)?({'|'.join(KINDS)})\s*\]")
    return [line for line in text.splitlines() if own.search(line) or written.search(line)]


def test_the_search_finds_what_it_looks_for() -> None:
    assert len(faults(HOME.read_text(encoding="utf-8"))) == len(KINDS)
    assert (
        faults("Array = NDArray[np.float64]")
        and faults("type Mask = NDArray[np.bool_]")
        and faults("def f(x: NDArray[Any]):")
    )
    assert not faults("from numpy.typing import NDArray\ndef f(x: Array) -> NDArray[np.uint64]: ...")


def test_every_array_type_is_defined_in_one_file() -> None:
    found = {
        str(path.relative_to(SOURCE)): lines
        for path in sorted(SOURCE.rglob("*.py"))
        if path not in {HOME, *FROZEN} and (lines := faults(path.read_text(encoding="utf-8")))
    }
    assert not found, f"take the name from ketasim.core.arrays: {found}"
