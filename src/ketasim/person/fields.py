"""What a person file may hold: facts, scales and drugs (knowledge/person.toml, scales.toml, medication.toml)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ketasim.core.errors import KetasimError, Problem, nearest
from ketasim.core.frozen import FrozenMapping
from ketasim.core.values import knowledge_path, read_toml
from ketasim.ratings.scales import CROSSWALKS, scale_family

Fact = bool | float | str  # what is known of a person; what is unknown is not there
YES = ("yes", "true", "y", "ja")
NO = ("no", "false", "n")
UNKNOWN = ("unknown", "not known", "?", "")
KINDS = ("number", "flag", "choice")
POUNDS_PER_KG = 2.20462  # the avoirdupois pound is 0.45359237 kg by definition
PLAUSIBLE_BMI = (15.0, 45.0)  # kg/m2: where a weight in pounds would lie after conversion
SUSPECT_BMI = 50.0


@dataclass(frozen=True, slots=True)
class Field:
    """One fact that may be known of a person.

    low, high : outside is an error. usual : outside is asked about, and used as written.
    choices : word -> its other spellings.
    """

    name: str
    group: str
    kind: str
    label: str
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    usual: tuple[float, float] | None = None
    choices: Mapping[str, tuple[str, ...]] = FrozenMapping()
    aliases: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """What may be written, in words."""
        if self.kind == "number":
            return f"a number from {self.low:g} to {self.high:g} {self.unit}".rstrip(" 1")
        if self.kind == "flag":
            return 'true, false or "unknown"'
        return " | ".join(f'"{word}"' for word in self.choices)

    def example(self) -> str:
        """A line as it may stand in the file."""
        if self.kind == "number":
            low, high = self.usual or (self.low, self.high)
            return f"{self.name} = {round((low + high) / 2):g}"
        return f"{self.name} = " + ("false" if self.kind == "flag" else f'"{next(iter(self.choices))}"')


@dataclass(frozen=True, slots=True)
class Scale:
    """A rating scale: its ends and who rates."""

    name: str
    label: str
    low: float
    high: float
    rater: str
    aliases: tuple[str, ...] = ()


@cache
def fields() -> Mapping[str, Field]:
    """Every fact of the register, in its order."""
    found: dict[str, Field] = {}
    for name, table in read_toml(knowledge_path() / "person.toml").items():
        entry: dict[str, Any] = dict(table)
        entry["aliases"] = tuple(entry.get("aliases", ()))
        if "usual" in entry:
            entry["usual"] = (float(entry["usual"][0]), float(entry["usual"][1]))
        if "choices" in entry:
            entry["choices"] = FrozenMapping({word: tuple(other) for word, other in entry["choices"].items()})
        if entry["kind"] not in KINDS:
            raise KetasimError(f"unknown kind '{entry['kind']}'", where=f"person.toml, [{name}]")
        found[name] = Field(name=name, **entry)
    return FrozenMapping(found)


@cache
def groups() -> tuple[str, ...]:
    """The names of the groups, which a file may use as tables."""
    return tuple(dict.fromkeys(field.group for field in fields().values()))


@cache
def field_names() -> Mapping[str, str]:
    """Every spelling -> the fact's name."""
    return FrozenMapping({word: field.name for field in fields().values() for word in (field.name, *field.aliases)})


@cache
def scales() -> Mapping[str, Scale]:
    """Every scale, by name."""
    return FrozenMapping(
        {
            name: Scale(
                name,
                table["label"],
                float(table["low"]),
                float(table["high"]),
                table["rater"],
                tuple(table.get("aliases", ())),
            )
            for name, table in read_toml(knowledge_path() / "scales.toml").items()
        }
    )


@cache
def mood_scales() -> tuple[str, ...]:
    """Names of the scales that tell of mood: those with a crosswalk to the MADRS, which comes first."""
    return tuple(name for name in scales() if scale_family(name) in CROSSWALKS)


@cache
def scale_names() -> Mapping[str, str]:
    """Every spelling in small letters -> the scale's name."""
    return FrozenMapping(
        {word.lower(): scale.name for scale in scales().values() for word in (scale.name, *scale.aliases)}
    )


@cache
def drug_classes() -> Mapping[str, tuple[str, ...]]:
    """Drug in small letters -> the facts that follow from it (none for a known drug of no class)."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in read_toml(knowledge_path() / "medication.toml")["class"]:
        for name in entry["names"]:
            found[name] = (*found.get(name, ()), *((entry["fact"],) if entry["fact"] else ()))
    return FrozenMapping(found)


@cache
def class_facts() -> tuple[str, ...]:
    """The facts that a medication list decides."""
    return tuple(dict.fromkeys(fact for facts in drug_classes().values() for fact in facts))


@cache
def diazepam_factors() -> Mapping[str, float]:
    """mg of diazepam that 1 mg counts as, for the benzodiazepines whose factor has a source in the project."""
    table = read_toml(knowledge_path() / "medication.toml")["diazepam"]
    return FrozenMapping({name: float(number) for name, number in table.items() if isinstance(number, int | float)})


def read_fact(field: Field, value: object, where: str) -> tuple[Fact | None, Problem | None]:
    """The fact that is written as `value`, or the problem with it; (None, None) is "unknown"."""
    word = value.strip().lower() if isinstance(value, str) else None
    if word in UNKNOWN:
        return None, None
    if field.kind == "flag":
        if isinstance(value, bool):
            return value, None
        if word in YES or word in NO:
            return word in YES, None
    elif field.kind == "choice":
        for choice, other in field.choices.items():
            if word == choice or word in other:
                return choice, None
        if value is False and "none" in field.choices:
            return "none", None
        if word is not None:
            near = nearest(word, [w for c, o in field.choices.items() for w in (c, *o)], 1)
            if near:
                return None, Problem(where, f"{field.name} is {field.allowed}, not {value!r}", _line(field, near[0]))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
        if field.low <= number <= field.high:
            return number, None
        return None, Problem(
            where,
            f"{field.name} = {value} is outside {field.allowed.removeprefix('a number from ')}",
            _range_remedy(field, number),
        )
    elif isinstance(value, str):
        return None, Problem(
            where,
            f"{field.name} is {field.allowed} without quotation marks or unit, not {value!r}",
            _number_remedy(field, value),
        )
    return None, Problem(where, f"{field.name} is {field.allowed}, not {value!r}", field.example())


def _line(field: Field, word: str) -> str:
    return f'{field.name} = "{next(c for c, other in field.choices.items() if word == c or word in other)}"'


def _range_remedy(field: Field, number: float) -> str:
    if field.name == "weight_kg" and field.low <= number / POUNDS_PER_KG <= 250:
        return f"if {number:g} is pounds: weight_kg = {number / POUNDS_PER_KG:.1f}"
    if field.name == "height_cm" and 1.0 <= number <= 2.4:
        return f"if {number:g} is metres: height_cm = {number * 100:.0f}"
    if field.name == "height_cm" and 50 <= number <= 84:
        return f"if {number:g} is inches: height_cm = {number * 2.54:.0f}"
    return f"a value in {field.unit}, or leave the line out (unknown)" if field.unit != "1" else "leave the line out"


def _number_remedy(field: Field, text: str) -> str:
    head, _, unit = text.strip().replace(",", ".").partition(" ")
    try:
        number = float(head)
    except ValueError:
        return f"{field.name} = a number in {field.unit}"
    unit = unit.strip().lower()
    if unit in ("lb", "lbs", "pound", "pounds") and field.unit == "kg":
        return f"{field.name} = {number / POUNDS_PER_KG:.1f}"
    if unit in ("", field.unit.lower()):
        return f"{field.name} = {number:g}"
    return f"{field.name} = the same in {field.unit}"


def suspected_facts(facts: Mapping[str, Fact], where: Mapping[str, str], confirmed: frozenset[str]) -> list[Problem]:
    """Numbers that look like a slip: they are used as written, and asked about."""
    found: list[Problem] = []
    for name, value in facts.items():
        field = fields()[name]
        if field.usual is None or name in confirmed or not isinstance(value, float):
            continue
        low, high = field.usual
        if not low <= value <= high and name != "weight_kg":
            found.append(
                Problem(
                    where.get(name, name),
                    f"{name} = {value:g} {field.unit} is unusual (most lie from {low:g} to {high:g}); used as written",
                    f'correct it, or say that it is right: confirmed = ["{name}"]',
                )
            )
    if "weight_kg" in facts and "weight_kg" not in confirmed:
        found += _pounds(float(facts["weight_kg"]), facts.get("height_cm"), where.get("weight_kg", "weight_kg"))
    sbp, dbp = facts.get("sbp"), facts.get("dbp")
    if isinstance(sbp, float) and isinstance(dbp, float) and dbp >= sbp:
        found.append(Problem(where.get("dbp", "dbp"), f"dbp {dbp:g} is not below sbp {sbp:g}", "exchange the two?"))
    return found


def _pounds(weight: float, height: Fact | None, where: str) -> list[Problem]:
    low, high = fields()["weight_kg"].usual or (0.0, 0.0)
    if isinstance(height, float):
        bmi = weight / (height / 100) ** 2
        doubt = bmi > SUSPECT_BMI and PLAUSIBLE_BMI[0] <= bmi / POUNDS_PER_KG <= PLAUSIBLE_BMI[1]
        why = f"with height_cm = {height:g} that is a body mass index of {bmi:.0f}"
        if not doubt and bmi < PLAUSIBLE_BMI[0] - 2:
            return [Problem(where, f"weight_kg = {weight:g}: {why}; used as written", _CONFIRM_WEIGHT)]
    else:
        doubt, why = not low <= weight <= high, f"most lie from {low:g} to {high:g} kg"
    if not doubt:
        return []
    what = f"weight_kg = {weight:g}: {why}; " + ("pounds suspected; " if weight > high else "") + "used as written"
    remedy = f"if it is pounds: weight_kg = {weight / POUNDS_PER_KG:.1f}; " if weight > high else ""
    return [Problem(where, what, remedy + _CONFIRM_WEIGHT)]


_CONFIRM_WEIGHT = 'if it is right: confirmed = ["weight_kg"]'
