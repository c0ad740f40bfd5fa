"""In which line of a TOML text each entry stands, so that a problem can name its line."""

from __future__ import annotations

import re
from collections.abc import Mapping

Path = tuple[str | int, ...]
_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"^\s*(\[\[?)\s*({_DOTTED})\s*\]\]?")
_ENTRY = re.compile(rf"^\s*({_DOTTED})\s*=(.*)$")
_INLINE = re.compile(rf"({_KEY})\s*=")


def lines_of(text: str) -> Mapping[Path, int]:
    """Path -> line number (from 1). ("score", 1, "total") is `total` of the second [[score]].

    A helper for messages, not a TOML parser: the text has already been parsed; entries inside a list over several lines
    are found one inline table a time, what cannot be placed has the line of what holds it.
    """
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    base: Path = ()
    inside, fence = 0, ""  # depth of brackets, and the mark of an open multi-line string
    owner: Path = ()
    for number, line in enumerate(text.split("\n"), start=1):
        if fence:
            fence = "" if fence in line else fence
            continue
        if inside:
            found.update(_inline(owner, line, number, counts))
            inside += _depth(line)
            continue
        header = _HEADER.match(line)
        if header:
            base = _split(header.group(2))
            if header.group(1) == "[[":
                counts[base] = counts.get(base, -1) + 1
                base = (*base, counts[base])
            for length in range(1, len(base) + 1):
                found.setdefault(base[:length], number)
            continue
        entry = _ENTRY.match(line)
        if entry:
            owner = (*base, *_split(entry.group(1)))
            found.setdefault(owner, number)
            rest = entry.group(2)
            fence = next((m for m in ('"""', "'''") if rest.count(m) == 1), "")
            if not fence:
                found.update(_inline(owner, rest, number, counts))
                inside = max(0, _depth(rest))
    return found


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """The line of an entry, or of the nearest thing that holds it; 0 if nothing is known."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 0


def _split(dotted: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in re.findall(_KEY, dotted))


def _bare(line: str) -> str:
    """The line without strings and comment."""
    return re.sub(r"""("(?:\\.|[^"\\])*"|'[^']*')|#.*$""", lambda m: "s" if m.group(1) else "", line)


def _depth(line: str) -> int:
    bare = _bare(line)
    return bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")


def _inline(owner: Path, text: str, number: int, counts: dict[Path, int]) -> dict[Path, int]:
    found: dict[Path, int] = {}
    for piece in re.findall(r"\{[^{}]*\}?", text):
        counts[owner] = counts.get(owner, -1) + 1
        found[(*owner, counts[owner])] = number
        for key in _INLINE.findall(piece):
            found[(*owner, counts[owner], key.strip("\"'"))] = number
            found.setdefault((*owner, key.strip("\"'")), number)
    return found
