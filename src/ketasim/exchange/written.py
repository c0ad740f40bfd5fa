"""What is about to be written for another program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ketasim.core.files import check_writable, write_whole


@dataclass(frozen=True)
class Target:
    """One format. endings : of its files. label : what it is. run : what has been run of it here, in words."""

    name: str
    endings: tuple[str, ...]
    label: str
    checked: str


@dataclass(frozen=True)
class Export:
    """What is about to be written.

    target : format. lost : what it loses, in sentences. content : the bytes of the file. beside : further files, FILE_name each, for a
    format of several. head : of such a format, the content of FILE once its name is known.
    """

    target: Target
    lost: tuple[str, ...]
    content: bytes
    beside: Mapping[str, bytes] = field(default_factory=dict)
    head: Callable[[str], bytes] | None = None

    @property
    def size(self) -> int:
        """Bytes of everything that will be written, but for `head`."""
        return len(self.content) + sum(len(content) for content in self.beside.values())

    def write(self, path: str | Path) -> Path:
        """Put the files in place, each whole or not at all, the one that names the others last."""
        place = Path(path)
        files = {place.with_name(f"{place.stem}_{name}"): content for name, content in self.beside.items()}
        files[place] = self.head(place.stem) if self.head else self.content
        for each in files:
            check_writable(each)
        for each, content in files.items():
            write_whole(each, partial(_fill, content=content))
        return place


def _fill(place: Path, content: bytes) -> None:
    place.write_bytes(content)
