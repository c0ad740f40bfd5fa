"""The record a result carries: what was run, with which version, model, seed and settings, and on whose numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from .errors import KetasimError
from .frozen import FrozenMapping
from .values import Source, Value, sources

NOTICE = "Research and teaching only. Not medical advice; a licensed prescriber decides."


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything needed to run the same thing again and to say where its numbers come from.

    version : of Ketasim. model : hash of the composed model's structure. seed : of the random streams. settings : what was asked for.
    values : every value that entered, by key.
    """

    version: str
    model: str
    seed: int
    settings: Mapping[str, Any] = field(default_factory=FrozenMapping)
    values: Mapping[str, Value] = field(default_factory=FrozenMapping)

    def __post_init__(self) -> None:
        for name in ("settings", "values"):
            object.__setattr__(self, name, FrozenMapping(getattr(self, name)))

    @property
    def numbers(self) -> str:
        """Hash of every number that entered, those replaced by hand included; the model's own hash covers its structure alone."""
        return numbers_hash(self.values, self.settings.get("values", {}))

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources of the values used, each once, alphabetical by key."""
        return cited(self.values.values())

    @property
    def assumed(self) -> tuple[Value, ...]:
        """The values used that rest on an assumption."""
        return tuple(v for v in self.values.values() if v.basis in ("assumed", "placeholder"))

    def cite(self) -> str:
        """Ketasim itself, then every source of this run, then how much of it is assumed; plain text."""
        lines = [f"Ketasim {self.version}, model {self.model}, numbers {self.numbers}, seed {self.seed}.", ""]
        lines += [f"- {source}" for source in self.sources]
        lines += ["", f"{len(self.values)} numbers entered; {len(self.assumed)} of them are assumed."]
        return "\n".join(lines)


def numbers_hash(used: Mapping[str, Value], replaced: Mapping[str, float]) -> str:
    """SHA-256 (first 32 hexadecimal digits) over the name and the exact value of every number, whatever their order."""
    numbers = {key: float(v.value) for key, v in used.items()} | {key: float(x) for key, x in replaced.items()}
    return sha256("\n".join(f"{key}={numbers[key]!r}" for key in sorted(numbers)).encode()).hexdigest()[:32]


def cited(numbers: Iterable[Value]) -> tuple[Source, ...]:
    """The sources of these values, each once; a value whose source is not in knowledge/sources is an error."""
    known = sources()
    found: dict[str, Source] = {}
    for value in numbers:
        if value.source not in known:
            if value.stage == "compound":
                found[value.source] = Source(key=value.source, citation=value.source, kind="own")
                continue
            raise KetasimError(f"{value.name} names a source that is not in knowledge/sources: {value.source}")
        found[value.source] = known[value.source]
    return tuple(found[key] for key in sorted(found))
