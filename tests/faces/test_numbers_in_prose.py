"""Every number in the prose of README, tutorials and how-to resolves: to a value, a constant, a record of a run, or it is said to be no result."""

from __future__ import annotations

import importlib
import json
import re
import tomllib
from pathlib import Path

import pytest

from ketasim.core import value

ROOT = Path(__file__).resolve().parents[2]
TABLE = tomllib.loads((ROOT / "docs" / "numbers.toml").read_text(encoding="utf-8"))
NUMBER = re.compile(r"(?<![\w.])\d[\d.,]*\d|(?<![\w.])\d(?!\w)")
# results of trials worked out on a dated posterior (the date stands in their headings), and rules with their sources
LEFT = ("hnk-trial.md", "naltrexone-trial.md", "screen.md", "forecast.md", "harm.md")


def numbers(text: str) -> set[str]:
    """Numbers of the prose: without code, generated parts, link targets, and the counts of a list or of headings."""
    for pattern in (r"<!-- numbers:.*?<!-- end -->", r"```.*?```"):
        text = re.sub(pattern, "", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "", text))
    text = re.sub(r"^\s*(#+ )?\d+\. ", "", text, flags=re.MULTILINE)
    return set(NUMBER.findall(text))


def resolved(told: str) -> float | str | None:
    """The number that an entry of docs/numbers.toml leads to; None for a word with its reason."""
    kind, _, rest = told.partition(" ")
    if kind == "value":
        return value(rest).value
    if kind == "spread":
        return value(rest).between.sd
    if kind == "constant":
        module, _, name = rest.partition(":")
        return getattr(importlib.import_module(module), name)
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
    seen = numbers((ROOT / page).read_text(encoding="utf-8"))
    assert seen == set(TABLE[page]), (
        f"not in docs/numbers.toml: {seen - set(TABLE[page])}; gone: {set(TABLE[page]) - seen}"
    )
    for shown, told in TABLE[page].items():
        found = resolved(told)
        assert found is None or agrees(shown, found), f"{page}: {shown} is {told}, which is {found}"


def test_every_page_of_the_kind_is_looked_at() -> None:
    pages = {p.relative_to(ROOT).as_posix() for f in ("tutorials", "how-to") for p in (ROOT / "docs" / f).glob("*.md")}
    assert {p for p in pages if not p.endswith(LEFT)} <= set(TABLE)


def test_a_stale_number_is_seen() -> None:
    assert agrees("70", 70.0) and agrees("66", 0.663) and agrees("3.12", ">=3.12") and not agrees("71", 70.0)
    assert numbers("1. 28 days (`7`) [x](y9.md) 0.5 mg in Table 1") == {"28", "0.5", "1"}
