"""Designs of studies that could be done, read from knowledge/designs.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ketasim.core import KetasimError, knowledge_path, read_toml, unknown_name
from ketasim.core.own import own_files
from ketasim.ratings.setting import setting

_FIELDS = ("title", "setting", "arms", "measures", "crossover")
_ARM_FIELDS = ("words", "repeat", "with")


@dataclass(frozen=True, slots=True)
class DesignArm:
    """One arm in the words of the command line."""

    name: str
    words: str
    repeat: str = ""
    with_: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured in every arm: madrs (mean change at a time), glutamate (rise at a time), cadss (peak)."""

    output: str
    time_h: float

    @property
    def label(self) -> str:
        """`madrs@24`, `cadss`."""
        return self.output if self.output == "cadss" else f"{self.output}@{self.time_h:g}"


@dataclass(frozen=True, slots=True)
class Design:
    """A study: arms of equal size, or every person in every arm (crossover)."""

    name: str
    title: str
    setting: str
    arms: tuple[DesignArm, ...]
    measures: tuple[Measure, ...]
    crossover: bool = False

    def per_arm(self, participants: int) -> int:
        """People behind each arm's mean."""
        return participants if self.crossover else max(participants // len(self.arms), 1)


def _measure(text: str, where: str) -> Measure:
    name, _, hours = text.partition("@")
    if name not in ("madrs", "glutamate", "cadss"):
        raise unknown_name("measure", name, ("madrs@24", "glutamate@0.67", "cadss"), where=where)
    if name != "cadss" and not hours:
        raise KetasimError(f"the measure '{text}' has no time", where=where, fix=f"{name}@24")
    return Measure(name, float(hours) if hours else 0.0)


def read_design(name: str, table: Mapping[str, Any], file: str = "designs") -> Design:
    """A design from its table. Raises KetasimError for a missing or unknown field, a setting or measure nobody knows, one arm alone."""
    where = f"{file}, [{name}]"
    if not isinstance(table, Mapping):
        raise KetasimError(f"'{name}' is no table of a design", where=file, fix=f"[{name}]")
    for key in ("title", "setting", "arms", "measures"):
        if key not in table:
            raise KetasimError(f"the design has no {key}", where=where, fix=f"{key} = ...")
    for key in table:
        if key not in _FIELDS:
            raise unknown_name("field of a design", key, _FIELDS, where=where)
    for arm, entry in table["arms"].items():
        for key in entry:
            if key not in _ARM_FIELDS:
                raise unknown_name("field of an arm", key, _ARM_FIELDS, where=f"{where} {arm}")
    if len(table["arms"]) < 2:
        raise KetasimError("a design compares at least two arms", where=where)
    setting(table["setting"])
    arms = tuple(
        DesignArm(n, a["words"], a.get("repeat", ""), tuple(a.get("with", ()))) for n, a in table["arms"].items()
    )
    return Design(
        name,
        table["title"],
        table["setting"],
        arms,
        tuple(_measure(m, where) for m in table["measures"]),
        bool(table.get("crossover", False)),
    )


@cache
def designs() -> Mapping[str, Design]:
    """Every design of knowledge/designs.toml, then those of one's own (`core.own`)."""
    found = dict(designs_of(knowledge_path() / "designs.toml"))
    for path in own_files("designs"):
        for name, design in designs_of(path).items():
            if name in found:
                raise KetasimError(f"there is a design {name} already", where=str(path), fix=f"[own-{name}]")
            found[name] = design
    return MappingProxyType(found)


def designs_of(path: Path) -> Mapping[str, Design]:
    """The designs of one file: a table per design (`ketasim new design NAME` writes an example)."""
    return {name: read_design(name, entry, str(path)) for name, entry in read_toml(path).items()}
