"""The numbers of a compound of the user's own: kinetics and affinities, read from its TOML, checked, converted.

Sections of the file: `[pk]` and one `[pk.<route>]` per route for kinetics, `[affinity]` for receptors. What each may
hold, in which units and within which bounds, is listed in knowledge/compound.toml; knowledge/compound_example.toml is
a complete file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from .errors import nearest
from .values import BASES, Spread, Value, knowledge_path, read_toml

STAGE = "compound"
_NUMBER_KEYS = ("value", "unit", "cv", "source", "place", "basis", "note")


@dataclass(frozen=True, slots=True)
class Field:
    """One number a compound file may hold: its parameter in the chain, chain unit, bounds in that unit, an example."""

    key: str
    parameter: str
    unit: str
    bounds: tuple[float, float]
    label: str
    example: str


@cache
def _rules() -> dict[str, Any]:
    return read_toml(knowledge_path() / "compound.toml")


@cache
def compound_fields(section: str) -> dict[str, Field]:
    """The numbers of one section ("pk", "route" or "affinity") of a compound file, by key."""
    return {
        key: Field(
            key, t["parameter"], t["unit"], (float(t["bounds"][0]), float(t["bounds"][1])), t["label"], t["example"]
        )
        for key, t in _rules()[section].items()
    }


def absorption_sites() -> dict[str, str]:
    """Route -> the depot of compound.ant it empties into (gut, mucosa, tissue)."""
    return dict(_rules()["sites"])


def compound_example() -> str:
    """The text of a complete compound file."""
    return (knowledge_path() / "compound_example.toml").read_text(encoding="utf-8")


def _is_number(raw: Any) -> bool:
    return not isinstance(raw, bool) and isinstance(raw, int | float) and math.isfinite(raw)


def _misfit(item: Any, path: str, field: Field, defaults: Mapping[str, str]) -> str:
    """Why this entry cannot be used; empty when it can."""
    if not isinstance(item, Mapping) or "value" not in item or "unit" not in item:
        return f"{path} ({field.label}) needs value and unit: {field.key} = {field.example}"
    for key in item:
        if key not in _NUMBER_KEYS:
            return f"{path} has an unknown entry '{key}'; known are " + ", ".join(_NUMBER_KEYS)
    factors = _rules()["units"][field.unit]
    if item["unit"] not in factors:
        return f"{path} cannot be in '{item['unit']}'; allowed: " + ", ".join(factors)
    raw = item["value"]
    if not _is_number(raw):
        return f"{path} must be a number, not {raw!r}"
    low, high = field.bounds
    if not low <= raw * factors[item["unit"]] <= high:
        return f"{path} = {raw:g} {item['unit']} is outside {low:g} to {high:g} {field.unit} ({field.label})"
    low, high = _rules()["limits"]["cv"]
    if "cv" in item and not (_is_number(item["cv"]) and low <= item["cv"] <= high):
        return f"{path}.cv is a fraction from {low} to {high} (0.3 = 30 %), not {item['cv']!r}"
    basis = item.get("basis", defaults["basis"])
    if basis not in BASES:
        return f"{path}: basis is one of " + ", ".join(BASES) + f", not '{basis}'"
    return ""


def _number(
    field: Field, path: str, item: Any, defaults: Mapping[str, str], problems: list[str], parameter: str = ""
) -> Value | None:
    """One `Value` from one entry, or None with the reason added to `problems`.

    A coefficient of variation cv between people becomes a log-normal spread, sd = sqrt(ln(1 + cv^2)).
    """
    problem = _misfit(item, path, field, defaults)
    if problem:
        problems.append(problem)
        return None
    cv = item.get("cv")
    return Value(
        key=parameter or field.parameter or field.key,
        stage=STAGE,
        value=float(item["value"]) * _rules()["units"][field.unit][item["unit"]],
        unit=field.unit,
        source=str(item.get("source", defaults["source"])),
        place=str(item.get("place", defaults["place"])),
        basis=item.get("basis", defaults["basis"]),
        grade="D",
        label=field.label,
        printed=f"{item['value']:g} {item['unit']}",
        between=None if cv is None else Spread("lognormal", math.sqrt(math.log1p(cv * cv))),
        note=str(item.get("note", "")),
    )


def _unknown(section: str, table: Mapping[str, Any], known: Mapping[str, Any], problems: list[str]) -> None:
    for key in table:
        if key not in known:
            near = nearest(key, known)
            hint = "did you mean " + ", ".join(near) + "?" if near else "known are " + ", ".join(known)
            problems.append(f"[{section}] has no entry '{key}'; {hint}")


def _disposition(plain: Mapping[str, Any], defaults: Mapping[str, str], problems: list[str]) -> dict[str, Value]:
    """Clearance, volumes and exchange. A half-life becomes a clearance: CL = ln 2 V / t_half (one compartment)."""
    known = compound_fields("pk")
    _unknown("pk", plain, known, problems)
    if "volume" not in plain:
        problems.append(f"pk.volume is missing: volume = {known['volume'].example}")
    if ("clearance" in plain) == ("half_life" in plain):
        problems.append("[pk] needs exactly one of clearance and half_life")
    if ("peripheral_volume" in plain) != ("exchange_clearance" in plain):
        problems.append("peripheral_volume and exchange_clearance come together: give both or neither")
    if "half_life" in plain and "peripheral_volume" in plain:
        problems.append("a half-life defines the clearance only without a second space: give clearance instead")
    read = {
        key: _number(known[key], f"pk.{key}", item, defaults, problems) for key, item in plain.items() if key in known
    }
    half_life = read.pop("half_life", None)
    found = {value.key: value for value in read.values() if value is not None}
    volume = read.get("volume")
    if half_life is not None and volume is not None:
        key = known["clearance"].parameter
        found[key] = Value(
            key=key,
            stage=STAGE,
            value=math.log(2) * volume.value / half_life.value,
            unit=known["clearance"].unit,
            source=half_life.source,
            place=half_life.place,
            basis="derived",
            grade="D",
            label=known["clearance"].label,
            printed=half_life.printed,
            between=half_life.between,
            note="ln 2 times volume over half-life",
        )
    return found


def _absorption(routes: Mapping[str, Any], defaults: Mapping[str, str], problems: list[str]) -> dict[str, Value]:
    """Availability and rate of every absorption site that some route of the file uses."""
    found: dict[str, Value] = {}
    for route, section in routes.items():
        where, site = f"pk.{route}", _rules()["sites"][route]
        if not isinstance(section, Mapping):
            problems.append(f"{where} is a section with availability and absorption_rate")
            continue
        _unknown(where, section, compound_fields("route"), problems)
        for key, field in compound_fields("route").items():
            if key not in section:
                problems.append(f"{where}.{key} is missing: {key} = {field.example}")
                continue
            parameter = f"compound_{site}_{key}"
            value = _number(field, f"{where}.{key}", section[key], defaults, problems, parameter)
            if value is not None and found.setdefault(parameter, value).value != value.value:
                problems.append(f"{where}.{key} differs from another route through the same site ({site})")
    return found


_KEPT_WORDS = ("with", "over", "then", "at")  # of the grammar: a name that holds one could not be read


def _is_name(name: Any) -> bool:
    """True for a name that can stand at the head of a dose in words."""
    if not isinstance(name, str) or not any(letter.isalpha() for letter in name) or not name.isprintable():
        return False
    words = name.lower().split()
    return not any(re.match(r"[+-]?[\d.]", word) for word in words[1:]) and not set(words) & set(_KEPT_WORDS)


def _head(table: Mapping[str, Any], problems: list[str]) -> None:
    examples = {
        "name": '"my compound"',
        "molar_mass": "237.7   # g/mol, free base",
        "source": '"own measurement"',
    }
    problems += [f"{key} is missing: {key} = {example}" for key, example in examples.items() if not table.get(key)]
    aliases = table.get("aliases", [])
    if not isinstance(aliases, list) or not all(isinstance(word, str) for word in aliases):
        problems.append('aliases is a list of names: aliases = ["cmp 1"]')
        aliases = []
    for name in (table.get("name"), *aliases):
        if name and not _is_name(name):
            problems.append(
                f"{name!r} cannot be the name of a drug in the words of a dose: letters, and no later word that begins "
                "with a digit or is one of " + ", ".join(_KEPT_WORDS)
            )
    mass = table.get("molar_mass")
    low, high = _rules()["limits"]["molar_mass"]
    if mass and not (_is_number(mass) and low <= mass <= high):
        problems.append(f"molar_mass is g/mol of the free base, from {low} to {high}, not {mass!r}")


def compound_values(table: Mapping[str, Any], where: str) -> tuple[dict[str, Value], list[str]]:
    """Parameter values of a compound file and the list of everything wrong with it (empty when it can be used).

    table : the parsed file; where : its name, used as source of numbers that name none. Units are converted to the
    chain's (h, L, umol/L).
    """
    problems: list[str] = []
    _head(table, problems)
    defaults = {
        "source": str(table.get("source", where)),
        "place": str(table.get("place", where)),
        "basis": str(table.get("basis", "assumed")),
    }
    sites = _rules()["sites"]
    pk = table.get("pk")
    if not isinstance(pk, Mapping):
        problems.append("the section [pk] is missing: clearance (or half_life) and volume are needed")
        pk = {}
        found: dict[str, Value] = {}
    else:
        found = _disposition({k: v for k, v in pk.items() if k not in sites}, defaults, problems)
        found |= _absorption({k: v for k, v in pk.items() if k in sites}, defaults, problems)
    routes = table.get("routes")
    if not isinstance(routes, Mapping) or not routes:
        problems.append('no route: add a section such as [routes.iv] with forms = ["infusion"]')
        routes = {}
    for route in routes:
        if route in sites and route not in pk:
            problems.append(f"route {route} needs a section [pk.{route}] with availability and absorption_rate")
    affinity, known = table.get("affinity", {}), compound_fields("affinity")
    if not isinstance(affinity, Mapping):
        problems.append(f"[affinity] is a section: nmda = {known['nmda'].example}")
        affinity = {}
    _unknown("affinity", affinity, known, problems)
    for key, item in affinity.items():
        if key in known and (value := _number(known[key], f"affinity.{key}", item, defaults, problems)):
            found[value.key] = value
    return found, problems


_FORMS = ("infusion", "bolus", "devices", "single")
_MINUTES = ("default_duration_min", "bolus_duration_min", "device_spacing_min")


def form_problems(table: Mapping[str, Any]) -> list[str]:
    """Everything about the routes that would leave a dose without its form: durations, devices, ranges that cannot be."""
    routes = table.get("routes")
    if not isinstance(routes, Mapping):
        return []
    found: list[str] = []
    for route, entry in routes.items():
        where = f"routes.{route}"
        if not isinstance(entry, Mapping):
            found.append(f'{where} is a section: [routes.{route}] with forms = ["single"]')
            continue
        forms = entry.get("forms", ["single"])
        if not isinstance(forms, list) or not forms or not all(isinstance(form, str) for form in forms):
            found.append(f'{where}.forms is a list of forms: forms = ["single"]; known are ' + ", ".join(_FORMS))
            continue
        found += _missing(where, route, forms, entry)
        found += _unlike_numbers(where, entry)
    return found


def _missing(where: str, route: str, forms: list[str], entry: Mapping[str, Any]) -> list[str]:
    found = []
    if route == "iv" and not {"infusion", "bolus"} & set(forms):
        found.append(f'{where} needs a time of its own: forms = ["infusion", "bolus"]')
    if route != "iv" and "bolus" in forms:
        found.append(f'{where}: a bolus is intravenous; here forms = ["single"], or "infusion" for over DURATION')
    if "bolus" in forms and "bolus_duration_min" not in entry:
        found.append(f"{where}: a bolus needs its time: bolus_duration_min = 1")
    if "devices" in forms and "device_mass_mg" not in entry:
        found.append(f"{where}: devices need their content: device_mass_mg = 28 and device_spacing_min = 5")
    if "devices" in forms and len(forms) > 1:
        found.append(f'{where}: devices are the only form of their route: forms = ["devices"]')
    return found


def _unlike_numbers(where: str, entry: Mapping[str, Any]) -> list[str]:
    found = []
    for key in (*_MINUTES, "device_mass_mg"):
        number = entry.get(key)
        low = 0 if key == "device_spacing_min" else 1 / 60
        if number is not None and not (_is_number(number) and low <= number <= 366 * 24 * 60):
            unit = "mg" if key.endswith("_mg") else "minutes, from 1 s to 366 d"
            found.append(f"{where}.{key} is a number of {unit}, not {number!r}")
    ranges = {"duration_range_min": entry.get("duration_range_min")}
    studied, limit = entry.get("studied", {}), entry.get("limit", {})
    if isinstance(studied, Mapping):
        ranges |= {f"studied.{unit}": pair for unit, pair in studied.items()}
    else:
        found.append(f'{where}.studied is a table of ranges: studied = {{ "mg" = [10, 50] }}')
    for key, pair in ranges.items():
        fits = isinstance(pair, list) and len(pair) == 2 and all(_is_number(n) and n >= 0 for n in pair)
        if pair is not None and not (fits and pair[0] <= pair[1]):
            found.append(f"{where}.{key} is a range [lowest, highest], not {pair!r}")
    if not isinstance(limit, Mapping) or not all(_is_number(n) and n > 0 for n in limit.values()):
        found.append(f'{where}.limit is a table of amounts: limit = {{ "mg" = 500 }}')
    return found
