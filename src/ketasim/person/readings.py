"""The levels, pressures and medication of a person file."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ketasim.core.errors import nearest

from .fields import drug_classes, fields
from .moments import (
    MINUTES_A_DAY,
    MISSING,
    Begin,
    Entry,
    Reader,
    day_of,
    line_in,
    minutes_of,
    moment_of,
    number_of,
    refuse_unknown_keys,
)
from .records import Level, Medication, Pressure

# ng/mL per unit; the molar ones need the molar mass of the substance (g/mol = ng per nmol).
MASS_UNITS = {"ng/ml": 1.0, "ug/l": 1.0, "µg/l": 1.0, "mcg/l": 1.0, "ug/ml": 1000.0, "mg/l": 1000.0, "pg/ml": 0.001}
MOLAR_UNITS = {"nmol/l": 0.001, "nm": 0.001, "umol/l": 1.0, "µmol/l": 1.0, "um": 1.0}


def read_levels(reader: Reader, entries: Sequence[Entry], begin: Begin) -> tuple[Level, ...]:
    """Measured concentrations, in ng/mL."""
    example = 'analyte = "ketamine", date = 2026-03-14T09:40:00, value = 120, unit = "ng/mL"'
    found: list[Level] = []
    for entry in entries:
        refuse_unknown_keys(
            reader, entry, ("analyte", "drug", "day", "date", "time", "minutes", "value", "unit", "note")
        )
        analyte, mass = _analyte(reader, entry)
        factor = _unit(reader, entry, mass)
        day = day_of(reader, entry, moment_of(reader, entry, example), begin)
        day = None if day is None else day + minutes_of(reader, entry) / MINUTES_A_DAY
        value, censor = number_of(entry.table.get("value"))
        missing = str(entry.table.get("value", "")).strip().lower() in MISSING and "value" in entry.table
        if value is None and not missing:
            what = f"the level is a number, not {entry.table.get('value')!r}"
            reader.problem(
                (*entry.path, "value"), what, 'value = 120, value = "<1" (below the limit) or value = "missing"'
            )
        elif value is not None and value < 0:
            reader.problem(
                (*entry.path, "value"), f"a level of {value:g} cannot be", 'value = "<1" if it was below the limit'
            )
        elif value == 0 and censor == "<":
            reader.problem((*entry.path, "value"), "no level lies below 0", 'value = "<1" with the limit of the assay')
            value = None
        if begin.dosed and day is not None and day < 0 and value:
            what = f"the level is dated {-day:.1f} days before the first dose"
            reader.problem(
                (*entry.path, "date" if "date" in entry.table else "day"),
                what,
                "correct the date, or leave the entry out",
            )
        if analyte and factor is not None and day is not None and (missing or (value is not None and value >= 0)):
            found.append(Level(day, line_in(reader, entry), analyte, None if value is None else value * factor, censor))
    return tuple(sorted(found, key=lambda level: level.day))


def _analyte(reader: Reader, entry: Entry) -> tuple[str, str]:
    """(output name, its molar mass as the register names it)."""
    from ketasim.core.names import output_register

    asked = str(entry.table.get("analyte", entry.table.get("drug", ""))).strip().lower()
    known: dict[str, str] = {}
    for output in output_register().values():
        if output.name.startswith("plasma."):
            for word in (output.name, output.name.removeprefix("plasma."), *output.aliases):
                known[word.lower()] = output.name
    if asked not in known:
        near = nearest(asked, known, 2) if asked else []
        remedy = f'analyte = "{near[0]}"' if near else 'analyte = "ketamine"'
        reader.problem((*entry.path, "analyte"), f"unknown analyte '{asked}'" if asked else "no analyte", remedy)
        return "", ""
    return known[asked], output_register()[known[asked]].molar_mass


def _unit(reader: Reader, entry: Entry, mass: str) -> float | None:
    unit = entry.table.get("unit")
    known = "ng/mL, ug/L, ug/mL, mg/L, nmol/L or umol/L"
    if not isinstance(unit, str):
        reader.problem(entry.path, "the level has no unit", f'unit = "ng/mL"; known are {known}')
        return None
    word = unit.strip().lower().replace(" ", "")
    if word in MASS_UNITS:
        return MASS_UNITS[word]
    if word in MOLAR_UNITS:
        return MOLAR_UNITS[word] * _molar_mass(mass) if mass else None
    near = nearest(unit, ["ng/mL", "ug/L", "ug/mL", "mg/L", "nmol/L", "umol/L"], 1)
    reader.problem(
        (*entry.path, "unit"), f"unknown unit '{unit}'", f'unit = "{(near or ["ng/mL"])[0]}"; known are {known}'
    )
    return None


def _molar_mass(name: str) -> float:
    """g/mol of the substance that the register names ("drug:ketamine", "molar_mass_norketamine")."""
    from ketasim.core.drugs import drug
    from ketasim.core.values import values

    if name.startswith("drug:"):
        return float(drug(name.removeprefix("drug:")).molar_mass or math.nan)
    return float(values("substances")[name].value)


def read_pressures(reader: Reader, entries: Sequence[Entry], begin: Begin) -> tuple[Pressure, ...]:
    """Blood pressures; those without a minute after a dose are taken at rest before it."""
    example = "date = 2026-03-14T09:00:00, sbp = 128, dbp = 80"
    found: list[Pressure] = []
    known = (
        "day",
        "date",
        "time",
        "sbp",
        "dbp",
        "systolic",
        "diastolic",
        "heart_rate",
        "pulse",
        "minutes",
        "when",
        "note",
    )
    for entry in entries:
        refuse_unknown_keys(reader, entry, known)
        numbers = pressure_of(reader, entry)
        when = entry.table.get("when", "before" if "minutes" not in entry.table else "after")
        minutes = minutes_of(reader, entry)
        if when not in ("before", "after"):
            reader.problem((*entry.path, "when"), f"when is before or after the dose, not {when!r}", 'when = "before"')
        if "day" not in entry.table and "date" not in entry.table and not begin.dosed:
            day: float | None = 0.0
        else:
            moment = moment_of(reader, entry, example)
            day = 0.0 if not begin.dosed and begin.date is None else day_of(reader, entry, moment, begin)
        if day is not None and numbers is not None:
            at = day + minutes / MINUTES_A_DAY
            found.append(Pressure(at, line_in(reader, entry), numbers[0], numbers[1], numbers[2], when == "before"))
    return tuple(sorted(found, key=lambda reading: reading.day))


def pressure_of(reader: Reader, entry: Entry) -> tuple[float | None, float | None, float | None] | None:
    """(sbp, dbp, heart rate) of one reading, or None with the problems listed."""
    found: list[float | None] = []
    sound = True
    for name, other in (("sbp", "systolic"), ("dbp", "diastolic"), ("heart_rate", "pulse")):
        value = entry.table.get(name, entry.table.get(other))
        field = fields()[name]
        if value is None:
            found.append(None)
        elif isinstance(value, bool) or not isinstance(value, int | float) or not field.low <= value <= field.high:
            reader.problem((*entry.path, name), f"{name} = {value!r} is not {field.allowed}", f"{name} in {field.unit}")
            sound = False
        else:
            found.append(float(value))
    if sound and found[0] is None and found[1] is None:
        reader.problem(entry.path, "the reading has neither sbp nor dbp", "sbp = 128, dbp = 80")
        return None
    if sound and found[0] is not None and found[1] is not None and found[1] >= found[0]:
        what = f"dbp {found[1]:g} is not below sbp {found[0]:g}"
        reader.problem(entry.path, what, f"sbp = {found[1]:g}, dbp = {found[0]:g}, if they were exchanged")
        return None
    return (found[0], found[1], found[2]) if sound else None


def read_medication(reader: Reader, entries: Sequence[Entry]) -> tuple[Medication, ...]:
    """The drugs taken beside."""
    found: list[Medication] = []
    for entry in entries:
        refuse_unknown_keys(reader, entry, ("name", "drug", "mg_per_day", "words", "from_day", "to_day", "note"))
        name = entry.table.get("name", entry.table.get("drug"))
        words = entry.table.get("words", "")
        if not isinstance(words, str):
            reader.problem((*entry.path, "words"), "words are a text", 'words = "lorazepam oral 1 mg daily"')
            words = ""
        if name is None and words.strip():
            name = words.split()[0]
        if not isinstance(name, str) or not name.strip():
            reader.problem(entry.path, "the medication has no name", 'name = "lorazepam", mg_per_day = 1')
            continue
        numbers: list[float | None] = []
        for key in ("mg_per_day", "from_day", "to_day"):
            value = entry.table.get(key)
            bad = value is not None and (isinstance(value, bool) or not isinstance(value, int | float))
            if bad or (key == "mg_per_day" and value is not None and value < 0):
                reader.problem((*entry.path, key), f"{key} is a number, not {value!r}", f"{key} = 1")
                value = None
            numbers.append(None if value is None else float(value))
        amount, begins, ends = numbers
        found.append(Medication(_drug_name(name), amount, words.strip(), begins, ends, line_in(reader, entry)))
    return tuple(found)


def _drug_name(name: str) -> str:
    """The name in small letters; a trade name or alias of the catalogue becomes the drug's."""
    word = " ".join(name.strip().lower().split())
    if word in drug_classes():
        return word
    from ketasim.core.drugs import drugs

    for drug in drugs().values():
        if word in (drug.name, *drug.aliases):
            return drug.name if drug.name in drug_classes() else word
    return word
