"""A piece: one copy of one file on its way into the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ketasim.core import Stage
from ketasim.core.ports import Fragment

from .registry import global_name
from .syntax import Parsed


@dataclass(slots=True)
class Piece:
    """One copy of one file. names : its local identifiers -> those of the model, filled in by the linker."""

    stage: Stage
    fragment: Fragment
    prefix: str
    parsed: Parsed
    names: dict[str, str] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Name of the file in the folder of its stage."""
        return self.fragment.file

    @property
    def rename(self) -> Mapping[str, str]:
        """Local names that do not follow the rule `prefix_name`."""
        return self.fragment.rename

    def globally(self, local: str) -> str:
        """The model's name of a local one."""
        return global_name(local, self.prefix, self.rename)

    def at(self, line: int) -> str:
        """The place of a line, for messages."""
        copy = f" (copy {self.prefix})" if self.prefix else ""
        return f"{self.parsed.place}:{line}{copy}"
