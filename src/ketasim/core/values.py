"""Numbers that cannot exist without unit, source, place and basis; and the files they come from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from .errors import KetasimError, unknown_name
from .frozen import FrozenMapping
from .kept import read_toml as read_toml
from .own import own_files

Basis = Literal["measured", "derived", "assumed", "placeholder"]
Grade = Literal["A", "B", "C", "D"]
SpreadKind = Literal["lognormal", "normal", "logitnormal", "loguniform"]

BASES = ("measured", "derived", "assumed", "placeholder")
GRADES = ("A", "B", "C", "D")
OWN_FIT_GRADE: Grade = "C"  # at best: a fit to means of arms tells what the model needs, not what somebody measured
SPREAD_KINDS = ("lognormal", "normal", "logitnormal", "loguniform")


def knowledge_path() -> Path:
    """The folder of data that ships with the package (no Python inside)."""
    return Path(__file__).resolve().parent.parent / "knowledge"


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution around a typical value.

    kind : `lognormal` (sd on the log scale), `normal` (sd in the unit of the value), `logitnormal` (sd on the logit
        scale, value between 0 and 1), `loguniform` (between `low` and `high`).
    sd : standard deviation on the scale named by `kind`; ignored for `loguniform`.
    """

    kind: SpreadKind
    sd: float = 0.0
    low: float = math.nan
    high: float = math.nan

    def __post_init__(self) -> None:
        if self.kind not in SPREAD_KINDS:
            raise unknown_name("kind of spread", self.kind, SPREAD_KINDS)
        if self.kind == "loguniform":
            if not 0 < self.low < self.high:
                raise KetasimError(
                    "a loguniform spread needs 0 < low < high", fix="{ kind = 'loguniform', low = 0.2, high = 1.0 }"
                )
        elif not (self.sd >= 0 and math.isfinite(self.sd)):
            raise KetasimError(f"the sd of a spread is a number >= 0, not {self.sd}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where numbers come from: a paper, a label, a guideline, our own derivation."""

    key: str
    citation: str
    doi: str = ""
    url: str = ""
    kind: str = "paper"
    note: str = ""

    def __str__(self) -> str:
        return self.citation + (f" doi:{self.doi}" if self.doi else "")


@dataclass(frozen=True, slots=True)
class Value:
    """One number of the model with everything a reader needs to judge it."""

    key: str
    stage: str
    value: float
    unit: str
    source: str
    place: str
    basis: Basis
    grade: Grade
    label: str = ""
    symbol: str = ""
    printed: str = ""
    records: tuple[str, ...] = ()
    between: Spread | None = None
    uncertain: Spread | None = None
    bounds: tuple[float, float] | None = None
    note: str = ""

    def __post_init__(self) -> None:
        where = f"knowledge/values/{self.stage}.toml, [{self.key}]"
        for name in ("unit", "source", "place", "basis", "grade"):
            if not getattr(self, name):
                raise KetasimError(f"a value cannot exist without its {name}", where=where, fix=f'{name} = "..."')
        if self.basis not in BASES:
            raise unknown_name("basis", self.basis, BASES, where=where)
        if self.grade not in GRADES:
            raise unknown_name("grade", self.grade, GRADES, where=where)
        if not math.isfinite(self.value):
            raise KetasimError(f"the value must be a finite number, not {self.value}", where=where)
        if self.bounds and not self.bounds[0] <= self.value <= self.bounds[1]:
            raise KetasimError(f"{self.value} {self.unit} lies outside its bounds {list(self.bounds)}", where=where)

    @property
    def mark(self) -> str:
        """What must stand beside the number wherever it is shown, by its own basis and grade; empty for what was measured in people."""
        if self.basis in ("assumed", "placeholder"):
            return "assumed, never measured"
        if self.basis == "derived":
            return "computed, not measured itself"
        return "measured in animals or in a dish, not in people" if self.grade in "CD" else ""

    @property
    def name(self) -> str:
        """Full name: stage and key, as in `plasma.central_volume`."""
        return f"{self.stage}.{self.key}"


_SPREAD_FIELDS = {f.name for f in fields(Spread)}
_VALUE_FIELDS = {f.name for f in fields(Value)} - {"key", "stage"}


def _spread(table: Any, where: str) -> Spread | None:
    if table is None:
        return None
    if not isinstance(table, Mapping) or set(table) - _SPREAD_FIELDS:
        raise KetasimError("a spread is a table such as { kind = 'lognormal', sd = 0.3 }", where=where)
    return Spread(**table)


def _value(stage: str, key: str, table: Mapping[str, Any]) -> Value:
    where = f"knowledge/values/{stage}.toml, [{key}]"
    extra = set(table) - _VALUE_FIELDS
    if extra:
        raise unknown_name("field", sorted(extra)[0], _VALUE_FIELDS, where=where)
    missing = {"value", "unit", "source", "place", "basis", "grade"} - set(table)
    if missing:
        name = sorted(missing)[0]
        raise KetasimError(f"a value cannot exist without its {name}", where=where, fix=f"{name} = ...")
    data = dict(table)
    data["value"] = float(data["value"])
    data["records"] = tuple(data.get("records", ()))
    data["between"] = _spread(data.get("between"), where + " between")
    data["uncertain"] = _spread(data.get("uncertain"), where + " uncertain")
    if "bounds" in data:
        data["bounds"] = (float(data["bounds"][0]), float(data["bounds"][1]))
    return Value(key=key, stage=stage, **data)


@cache
def stages_with_values() -> tuple[str, ...]:
    """Names of the files under knowledge/values, alphabetical, then those of one's own (`core.own`)."""
    return tuple(_value_files())


@cache
def _value_files() -> Mapping[str, Path]:
    shipped = {path.stem: path for path in sorted((knowledge_path() / "values").glob("*.toml"))}
    for path in own_files("values"):
        if path.stem in shipped:
            raise KetasimError(
                f"the package has values called {path.stem} already", where=str(path), fix=f"own_{path.name}"
            )
        shipped[path.stem] = path
    return FrozenMapping(shipped)


@cache
def starting_values(stage: str) -> Mapping[str, Value]:
    """All values of one file of knowledge/values as written there, before any fit to the evidence."""
    if stage not in _value_files():
        raise unknown_name("value file", stage, stages_with_values())
    return FrozenMapping({key: _value(stage, key, table) for key, table in read_toml(_value_files()[stage]).items()})


def starting_value(key: str) -> Value:
    """One value by key as written in knowledge/values, before any fit to the evidence."""
    for stage in stages_with_values():
        if key in starting_values(stage):
            return starting_values(stage)[key]
    raise unknown_name("value", key, [v.name for v in all_values()])


@cache
def values(stage: str) -> Mapping[str, Value]:
    """All values of one file of knowledge/values, by key, in file order; those fitted to the evidence at the mode of the posterior."""
    from .posterior import fitted

    found = starting_values(stage)
    known = {key: table for key, table in fitted().items() if key.removesuffix(".spread") in found}
    return found if not known else FrozenMapping({key: _fitted(v, known) for key, v in found.items()})


def _fitted(start: Value, known: Mapping[str, Mapping[str, Any]]) -> Value:
    """The value at the mode of the posterior, with the posterior's uncertainty; the start is told in `place`."""
    found = start
    if start.key in known:
        table = known[start.key]
        uncertain = None
        if "sd" in table and start.uncertain is not None:
            uncertain = replace(start.uncertain, sd=float(table["sd"]))
        found = replace(
            found,
            value=float(table["mode"]),
            basis="derived",
            grade=max(start.grade, OWN_FIT_GRADE),
            source="KetasimPosterior",
            uncertain=uncertain or start.uncertain,
            place=f"mode of the posterior (knowledge/posterior); started at {start.value:g} from {start.source}, {start.place}",
        )
    spread = known.get(f"{start.key}.spread")
    if spread is not None and start.between is not None:
        found = replace(found, between=replace(start.between, sd=float(spread["mode"])))
    return found


def all_values() -> Iterator[Value]:
    """Every value of every file."""
    for stage in stages_with_values():
        yield from values(stage).values()


def value(name: str) -> Value:
    """One value with unit, source, place, basis and grade.

    name : the full name (`plasma.central_volume`) or the key alone (`central_volume`). Raises UsageError for an unknown name, with the nearest ones.
    """
    stage, _, key = name.rpartition(".")
    if stage and stage in stages_with_values() and key in values(stage):
        return values(stage)[key]
    for table in map(values, stages_with_values()):
        if name in table:
            return table[name]
    raise unknown_name("value", name, [v.name for v in all_values()])


@cache
def sources() -> Mapping[str, Source]:
    """All sources of knowledge/sources, by key."""
    found: dict[str, Source] = {}
    for path in (*sorted((knowledge_path() / "sources").glob("*.toml")), *own_files("sources")):
        for key, table in read_toml(path).items():
            extra = set(table) - {f.name for f in fields(Source)}
            if extra or "citation" not in table:
                raise KetasimError("a source has citation, doi, url, kind, note", where=f"{path.name}, [{key}]")
            entry = Source(key=key, **table)
            if key in found and found[key].doi and entry.doi and found[key].doi != entry.doi:
                raise KetasimError(f"two different sources share the key {key}", where=path.name)
            if key not in found or (entry.doi and not found[key].doi):
                found[key] = entry
    return FrozenMapping(found)
