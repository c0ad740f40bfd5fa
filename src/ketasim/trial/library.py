"""Designs that ship (`knowledge/designs/*.toml`), by id, and designs in files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ketasim.core import KetasimError, knowledge_path, read_toml, unknown_name

from .design import Design
from .read import read_design


@dataclass(frozen=True, slots=True)
class Entry:
    """One design that ships."""

    id: str
    study: str
    title: str
    arms: int


@cache
def library() -> Mapping[str, Path]:
    """Files of the designs that ship, by id, alphabetical."""
    return {path.stem: path for path in sorted((knowledge_path() / "designs").glob("*.toml"))}


@cache
def entries() -> tuple[Entry, ...]:
    """Every design that ships: two-arm designs first, then the others."""
    found = []
    for name, path in library().items():
        table = read_toml(path)
        found.append(
            Entry(name, str(table.get("study", "")), str(table.get("title", name)), len(table.get("arms", {})))
        )
    return tuple(sorted(found, key=lambda e: (e.arms != 2, e.arms == 1, e.id)))


def find_design(name: str | Path) -> Design:
    """A design by id or by file. Raises UsageError for what is neither, with the nearest ids."""
    known = library()
    if str(name) in known:
        return read_design(known[str(name)])
    path = Path(name)
    try:
        there = path.is_file()
    except (OSError, ValueError):
        there = False
    if there:
        return read_design(path)
    if path.suffix == ".toml" or "/" in str(name):
        raise KetasimError(
            f"there is no file {name}",
            where=f"ketasim trial {name}",
            allowed="a design file or an id of `ketasim trial --list`",
        )
    raise unknown_name("design", str(name), known, where=f"ketasim trial {name}", fix="ketasim trial --list")
