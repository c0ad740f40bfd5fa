"""Where a key of a TOML text stands, so that a problem names its line."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([\w\"'.-]+)\s*=")


class Lines:
    """Line numbers of the tables and keys of a TOML text. Tables of an array are told apart by their number (`rules.0`)."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.found: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        seen: dict[str, int] = {}
        for number, line in enumerate(text.splitlines(), 1):
            header = _HEADER.fullmatch(line)
            if header:
                path = header.group(1).replace('"', "").replace("'", "")
                table = tuple(part.strip() for part in path.split("."))
                if line.lstrip().startswith("[["):
                    table = (*table, str(seen.get(path, 0)))
                    seen[path] = seen.get(path, 0) + 1
                self.found.setdefault(table, number)
                continue
            key = _KEY.match(line)
            if key:
                own = tuple(part.strip("\"' ") for part in key.group(1).split("."))
                self.found.setdefault((*table, *own), number)

    def place(self, path: Iterable[str]) -> str:
        """`file:line` of a key, or of the nearest table above it."""
        words = tuple(path)
        while words and words not in self.found:
            words = words[:-1]
        return f"{self.name}:{self.found.get(words, 1)}"
