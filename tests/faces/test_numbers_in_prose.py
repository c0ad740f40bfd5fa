"""Every number in the prose of README, tutorials and how-to resolves: to a value, a constant, a record of a run, or it is said to be no result."""

from __future__ import annotations

import importlib
import json
import math
import re
import tomllib
from pathlib import Path

import pytest

from ketasim.core import value
from ketasim.evidence.published.studies import studies

ROOT = Path(__file__).resolve().parents[2]
TABLE = tomllib.loads((ROOT / "docs" / "numbers.toml").read_text(encoding="utf-8"))
NUMBER = re.compile(r"(?<![\w.])\d[\d.,]*\d|(?<![\w.])\d(?!\w)")
GENERATED = re.compile(
    r"<!-- numbers:.*?<!-- end -->|<!-- (\w+): (?:generated|written by [^>]*) -->.*?<!-- end of \1 -->|```.*?```",
    re.DOTALL,
)


def numbers(text: str) -> set[str]:
    """Numbers of the prose: without code, generated parts, link targets, and the counts of a list or of headings."""
    text = GENERATED.sub("", text)
    text = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "", text))
    text = re.sub(r"^\s*(#+ )?\d+\. ", "", text, flags=re.MULTILINE)
    return set(NUMBER.findall(text))


def resolved(told: str, text: str = "") -> float | str | None:
    """The number that an entry of docs/numbers.toml leads to; None for a word with its reason. text : the page, for what it shows in blocks and generated parts."""
    kind, _, rest = told.partition(" ")
    if kind == "value":
        return value(rest).value
    if kind == "half-life":
        return math.log(2.0) / value(rest).value
    if kind == "study":
        assert rest in studies(), rest
        return float(re.sub(r"\D", "", rest))
    if kind == "record":
        study, record, arm, field = rest.split()
        (row,) = (row for row in studies()[study].rows if row.record == record and row.arm == arm)
        return getattr(row, field)
    if kind == "toml":
        file, _, path = rest.partition(" ")
        found = tomllib.loads((ROOT / "src" / "ketasim" / "knowledge" / file).read_text(encoding="utf-8"))
        for key in path.split("."):
            found = found[key]
        return found
    if kind == "block":
        shown = "\n".join(found[0] for found in GENERATED.finditer(text))
        places = {found[1] for found in re.finditer(rest, shown)}
        assert len(places) == 1, f"{rest} is {places or 'nowhere'} in the blocks of the page"
        return float(places.pop())
    if kind == "spread":
        return value(rest).between.sd
    if kind == "constant":
        place, _, index = rest.partition(" ")
        module, _, name = place.partition(":")
        found = getattr(importlib.import_module(module), name)
        return found[int(index)] if index else found
    if kind == "json":
        file, _, key = rest.partition(" ")
        return json.loads((ROOT / file).read_text(encoding="utf-8"))[key]
    if kind == "python":
        return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert kind == "word" and len(rest) > 5, told
    return None


def agrees(shown: str, found: float | str) -> bool:
    """As it is printed, or in percent: to the digits that are shown."""
    if isinstance(found, str):
        return found.endswith(shown)
    digits = len(shown.partition(".")[2])
    number = float(shown.replace(",", ""))
    return any(abs(scale * found - number) <= 0.5 * 10.0**-digits + 1e-9 for scale in (1.0, 100.0))


@pytest.mark.parametrize("page", sorted(TABLE))
def test_every_number_of_the_page_resolves(page: str) -> None:
    """A new number in prose gets a line in docs/numbers.toml that says where it is from."""
    text = (ROOT / page).read_text(encoding="utf-8")
    seen = numbers(text)
    assert seen == set(TABLE[page]), (
        f"not in docs/numbers.toml: {seen - set(TABLE[page])}; gone: {set(TABLE[page]) - seen}"
    )
    for shown, told in TABLE[page].items():
        found = resolved(told, text)
        assert found is None or agrees(shown, found), f"{page}: {shown} is {told}, which is {found}"


def test_every_page_of_the_kind_is_looked_at() -> None:
    pages = {p.relative_to(ROOT).as_posix() for f in ("tutorials", "how-to") for p in (ROOT / "docs" / f).glob("*.md")}
    assert pages <= set(TABLE)


def test_a_stale_number_is_seen() -> None:
    assert agrees("70", 70.0) and agrees("66", 0.663) and agrees("3.12", ">=3.12") and not agrees("71", 70.0)
    assert not agrees("81", math.log(2.0) / 0.0086643) and resolved("block --n (\\d+)", "```\nx --n 80\n```") == 80
    assert numbers("<!-- a: generated -->\n7\n<!-- end of a -->\n8") == {"8"}
    with pytest.raises(AssertionError, match="nowhere"):
        resolved("block --n (\\d+)", "--n 80 outside of a block")
    assert numbers("1. 28 days (`7`) [x](y9.md) 0.5 mg in Table 1") == {"28", "0.5", "1"}
