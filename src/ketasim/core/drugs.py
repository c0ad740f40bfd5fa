"""The drug catalogue: what can be given, by which route, how much, and what the body model calls it.

One TOML file per drug under `knowledge/drugs`; a compound of the user's own has the same form and is read with
`read_drug`. Amounts are converted to micromoles by `Drug` and nowhere else, with base or salt named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from .compounds import compound_values, form_problems
from .drug_types import DATA, FORMS, ROLES, STATUSES, Approval, Drug, Formulation, Route, plain, route_name
from .errors import KetasimError, UsageError, misspelt, unknown_name
from .frozen import FrozenMapping
from .values import Value, knowledge_path, read_toml

MINUTES_PER_HOUR = 60.0


@cache
def drugs() -> Mapping[str, Drug]:
    """The whole catalogue, by canonical name, alphabetical."""
    found: dict[str, Drug] = {}
    spoken: dict[str, str] = {}
    for path in sorted((knowledge_path() / "drugs").glob("*.toml")):
        entry = _drug(read_toml(path), where=f"knowledge/drugs/{path.name}")
        for word in (entry.name, *entry.aliases):
            if spoken.setdefault(plain(word), entry.name) != entry.name:
                raise KetasimError(f"two drugs share the name '{word}'", where=path.name)
        found[entry.name] = entry
    return FrozenMapping(found)


@cache
def drug_words() -> Mapping[str, str]:
    """Every name and alias as written in the catalogue -> canonical name (for parsers: try the longest first)."""
    return FrozenMapping({word: d.name for d in drugs().values() for word in (d.name, *d.aliases)})


@cache
def _classes() -> tuple[Mapping[str, Any], ...]:
    return tuple(read_toml(knowledge_path() / "drug_classes.toml")["class"])


def same_class(name: str) -> tuple[str, tuple[str, ...]]:
    """The class of a drug that is not in the catalogue and the catalogue's drugs of that class; empty if it is unknown."""
    word = name.lower().strip()
    for entry in _classes():
        stems = entry.get("stems", ())
        fits = any(word.endswith(s[1:]) if s.startswith("-") else word.startswith(s[:-1]) for s in stems)
        if fits or word in entry.get("names", ()):
            return str(entry["label"]), tuple(entry["drugs"])
    return "", ()


def drug(name: str) -> Drug:
    """The drug of that name or alias ("spravato" -> esketamine); an unknown one is an error with what it may be a slip of."""
    wanted = plain(name)
    for word, canonical in drug_words().items():
        if plain(word) == wanted:
            return drugs()[canonical]
    keys = {plain(word): word for word in drug_words()}
    near = [keys[key] for key in misspelt(wanted, {key: drug_words()[word] for key, word in keys.items()})]
    label, alike = same_class(name)
    allowed = f"did you mean {' or '.join(near)}?" if near else f"one of {', '.join(drugs())}"
    if alike and not near:
        allowed = f"of its class ({label}): {', '.join(alike)}, with doses of their own"
    raise UsageError(f"unknown drug '{name}'", allowed=allowed, fix="ketasim show drugs    lists the whole catalogue")


def catalogue_parts() -> Iterator[str]:
    """Every part of the plasma model that some drug of the catalogue needs, each once."""
    seen: set[str] = set()
    for entry in drugs().values():
        for part in entry.parts:
            if part not in seen:
                seen.add(part)
                yield part


def read_drug(path: str | Path) -> Drug:
    """A compound of the user's own from a TOML file in the catalogue's form (see docs: "a compound of your own").

    It becomes the part `compound`; its kinetics and affinities arrive as `Drug.values`. Every problem of the file is
    named at once in one `UsageError`.
    """
    if not isinstance(path, str | Path):
        raise UsageError(
            f"a compound is the path of a TOML file, not {type(path).__name__}", where="compound", allowed="a path"
        )
    path = Path(path)
    try:
        table = read_toml(path)
    except KetasimError as error:
        raise UsageError(
            error.what,
            where=error.where or str(path),
            allowed=error.allowed,
            fix=error.fix or "ketasim show compound    prints a complete example",
        ) from error
    values, problems = compound_values(table, str(path))
    problems += form_problems(table)
    if problems:
        raise UsageError(
            f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in the compound file:\n- "
            + "\n- ".join(problems),
            where=str(path),
            fix="ketasim show compound    prints a complete example",
        )
    kept = {key: item for key, item in table.items() if key not in ("pk", "affinity", "basis")}
    kept.setdefault("role", "main")
    kept.setdefault("label", kept["name"])
    kept["parts"] = {"compound": 1.0}
    try:
        entry = _drug(kept, where=str(path), values=values)
    except KetasimError as error:
        raise UsageError(error.what, where=error.where, allowed=error.allowed, fix=error.fix) from error
    if plain(entry.name) in {plain(word) for word in drug_words()}:
        raise UsageError(
            f"'{entry.name}' is already a drug of the catalogue",
            where=f"{path}, name",
            fix=f'name = "my {entry.name}"',
        )
    return entry


_TOP = {f.name for f in fields(Drug)} - {"values"}
_ROUTE_KEYS = [
    "forms",
    "default_duration_min",
    "duration_range_min",
    "bolus_duration_min",
    "device_mass_mg",
    "device_spacing_min",
    "studied",
    "limit",
    "limit_reason",
    "data",
    "studied_in",
    "records",
    "approval",
    "monitoring",
    "monitoring_records",
    "controlled",
    "anaesthetic",
    "anaesthetic_source",
    "anaesthetic_place",
    "note",
    "formulations",
    "refused_formulations",
    "missed",
]
_FORMULATION_KEYS = ["studied", "studied_in", "records", "controlled", "missed"]


def _hours(minutes: float | None) -> float | None:
    return None if minutes is None else minutes / MINUTES_PER_HOUR


def _one_of(kind: str, word: str, choices: tuple[str, ...], where: str) -> str:
    if word not in choices:
        raise unknown_name(kind, word, choices, where=where)
    return word


def _ranges(table: Mapping[str, Any]) -> Mapping[str, tuple[float, float]]:
    return FrozenMapping({unit: (float(low), float(high)) for unit, (low, high) in table.get("studied", {}).items()})


def _formulation(name: str, table: Mapping[str, Any], where: str) -> Formulation:
    where = f"{where}, [formulations.{name}]"
    for key in table:
        if key not in _FORMULATION_KEYS:
            raise unknown_name("field", key, _FORMULATION_KEYS, where=where)
    return Formulation(
        name=name,
        studied=_ranges(table),
        studied_in=table.get("studied_in", ""),
        records=tuple(table.get("records", ())),
        controlled=tuple(table.get("controlled", ())),
        missed=table.get("missed", ""),
    )


def _route(drug_name: str, name: str, table: Mapping[str, Any], where: str) -> Route:
    where = f"{where}, [routes.{name}]"
    for key in table:
        if key not in _ROUTE_KEYS:
            raise unknown_name("field", key, _ROUTE_KEYS, where=where)
    if route_name(name) != name:
        raise KetasimError(f"write the route as '{route_name(name)}'", where=where)
    span = table.get("duration_range_min")
    data = _one_of("kind of data", table.get("data", "human"), DATA, where)
    approvals = []
    for item in table.get("approval", ()):
        _one_of("status", item.get("status", ""), STATUSES, where + " approval")
        approvals.append(Approval(**{**item, "records": tuple(item.get("records", ()))}))
    return Route(
        name=name,
        drug=drug_name,
        forms=tuple(_one_of("form", form, FORMS, where) for form in table.get("forms", ("single",))),
        default_duration=_hours(table.get("default_duration_min")),
        duration_range=(span[0] / MINUTES_PER_HOUR, span[1] / MINUTES_PER_HOUR) if span else None,
        bolus_duration=_hours(table.get("bolus_duration_min")),
        device_mass=table.get("device_mass_mg"),
        device_spacing=_hours(table.get("device_spacing_min")),
        studied=_ranges(table),
        limit=FrozenMapping({unit: float(high) for unit, high in table.get("limit", {}).items()}),
        limit_reason=table.get("limit_reason", ""),
        data=data,
        studied_in=table.get("studied_in", ""),
        records=tuple(table.get("records", ())),
        approval=tuple(approvals),
        monitoring=table.get("monitoring", ""),
        monitoring_records=tuple(table.get("monitoring_records", ())),
        controlled=tuple(table.get("controlled", ())),
        anaesthetic=FrozenMapping(
            {unit: (float(low), float(high)) for unit, (low, high) in table.get("anaesthetic", {}).items()}
        ),
        anaesthetic_source=table.get("anaesthetic_source", ""),
        anaesthetic_place=table.get("anaesthetic_place", ""),
        note=table.get("note", ""),
        missed=table.get("missed", ""),
        formulations=FrozenMapping(
            {form: _formulation(form, given, where) for form, given in table.get("formulations", {}).items()}
        ),
        refused_formulations=FrozenMapping(dict(table.get("refused_formulations", {}))),
    )


def _drug(table: Mapping[str, Any], where: str, values: Mapping[str, Value] | None = None) -> Drug:
    for key in table:
        if key not in _TOP:
            raise unknown_name("field", key, _TOP, where=where)
    for key in ("name", "label", "role"):
        if not table.get(key):
            raise KetasimError(f"a drug cannot exist without its {key}", where=where, fix=f'{key} = "..."')
    _one_of("role", table["role"], ROLES, where)
    name = table["name"]
    amount = table.get("default_amount")
    data = {key: item for key, item in table.items() if key not in ("routes", "default_amount")}
    data["aliases"] = tuple(data.get("aliases", ()))
    data["units"] = tuple(data.get("units", ("mg", "mg/kg")))
    data["parts"] = FrozenMapping({part: float(share) for part, share in data.get("parts", {}).items()})
    entry = Drug(
        routes=FrozenMapping(
            {route: _route(name, route, item, where) for route, item in table.get("routes", {}).items()}
        ),
        default_amount=(float(amount[0]), str(amount[1])) if amount else None,
        values=FrozenMapping(dict(values or {})),
        **data,
    )
    if entry.parts and entry.molar_mass is None and entry.unit_size is None:
        raise KetasimError(
            f"{name} needs a molar mass, or a unit size",
            where=where,
            fix="molar_mass = 237.73   # g/mol, base",
        )
    if not entry.routes:
        raise KetasimError(f"{name} has no route", where=where, fix="[routes.oral]")
    return entry
