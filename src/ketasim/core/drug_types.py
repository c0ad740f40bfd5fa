"""What the catalogue says about a drug and the ways to give it: frozen values, unit conversion, judgement of a dose."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

from .errors import KetasimError, UsageError, unknown_name
from .frozen import FrozenMapping
from .values import Value, knowledge_path, read_toml

Role = Literal["main", "co-medication", "placebo"]
ROLES = ("main", "co-medication", "placebo")
FORMS = ("infusion", "bolus", "devices", "single")
DATA = ("human", "animal", "assumed", "none")
STATUSES = ("approved", "approved with restrictions", "off label", "investigational", "not a medicine")
MICRO_PER_MILLI = 1000.0


@cache
def _routes_file() -> dict[str, Any]:
    return read_toml(knowledge_path() / "routes.toml")


@cache
def route_names() -> Mapping[str, tuple[str, ...]]:
    """Every route and the words it may be called by."""
    return FrozenMapping({name: (name, *table["aliases"]) for name, table in _routes_file()["routes"].items()})


@cache
def reference_weight() -> float:
    """Body weight in kg used to compare mg with mg/kg when nobody's weight is known."""
    return float(_routes_file()["reference"]["weight_kg"])


def route_name(word: str) -> str:
    """The canonical name of a route from any of its words ("intranasal" -> "nasal")."""
    wanted = plain(word)
    for name, words in route_names().items():
        if wanted in {plain(w) for w in words}:
            return name
    raise unknown_name("route", word, [w for words in route_names().values() for w in words])


@dataclass(frozen=True, slots=True)
class Approval:
    """Regulatory standing of one drug by one route in one jurisdiction."""

    jurisdiction: str
    status: str
    use: str
    records: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Formulation:
    """A form of a drug with kinetics of its own, beside the plain one of its route; what is known of it is known of it alone.

    studied, studied_in, records, controlled, missed : as in `Route`, of this form.
    """

    name: str
    studied: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    studied_in: str = ""
    records: tuple[str, ...] = ()
    controlled: tuple[str, ...] = ()
    missed: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """One way to give one drug.

    forms : `infusion` (constant rate, has a duration), `bolus` (the same over `bolus_duration`), `devices` (sprays of
        `device_mass` mg each, `device_spacing` h apart), `single` (all at once; absorption belongs to the model).
    default_duration, duration_range, bolus_duration, device_spacing : h.
    studied : unit ("mg", "mg/kg", ...) -> (lowest, highest) single dose given in studies or named by a label.
    limit : unit -> the amount from which a dose is refused as a typing error.
    data : what the kinetics by this route rest on (human | animal | assumed | none).
    controlled : evidence records of controlled trials in depression by this route; empty = no benefit can be claimed.
    anaesthetic : unit -> (lowest, highest) dose given at once that anaesthetises; anaesthetic_source, anaesthetic_place : where that stands.
    missed : why its controlled trials let nobody state a benefit (a trial that missed its end point); empty where they do.
    formulations : word -> form with absorption parameters of its own, beside the plain one ("extended-release").
    given_as : the formulation that this entry is about; "" the plain form.
    refused_formulations : word -> why a form that people ask for is not computed ("lozenge").
    """

    name: str
    drug: str
    forms: tuple[str, ...] = ("single",)
    default_duration: float | None = None
    duration_range: tuple[float, float] | None = None
    bolus_duration: float | None = None
    device_mass: float | None = None
    device_spacing: float | None = None
    studied: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    limit: Mapping[str, float] = field(default_factory=dict)
    limit_reason: str = ""
    data: str = "human"
    studied_in: str = ""
    records: tuple[str, ...] = ()
    approval: tuple[Approval, ...] = ()
    monitoring: str = ""
    monitoring_records: tuple[str, ...] = ()
    controlled: tuple[str, ...] = ()
    anaesthetic: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    anaesthetic_source: str = ""
    anaesthetic_place: str = ""
    note: str = ""
    missed: str = ""
    formulations: Mapping[str, Formulation] = field(default_factory=dict)
    given_as: str = ""
    refused_formulations: Mapping[str, str] = field(default_factory=dict)

    def of(self, formulation: str) -> Route:
        """This route with what is known of one of its formulations: studied range, records and controlled trials are never those of the plain form."""
        if not formulation:
            return self
        own = self.formulations[formulation]
        return replace(
            self,
            given_as=own.name,
            studied=own.studied,
            studied_in=own.studied_in,
            records=own.records,
            controlled=own.controlled,
            missed=own.missed,
        )

    def untried(self) -> str:
        """Why no benefit may be stated of any dose given so; empty where a controlled trial in depression bears it."""
        if self.missed:
            return self.missed
        if self.controlled:
            return ""
        form = f"{self.given_as} " if self.given_as else ""
        return f"the evidence holds no controlled trial of {form}{self.drug} by the {self.name} route in depression"

    def formulation(self, word: str) -> str:
        """The canonical name of a formulation; "" is the plain form. One without data is refused by name, with the reason."""
        if not word:
            return ""
        for known in self.formulations:
            if plain(known) == plain(word):
                return known
        reasons = {plain(known): reason for known, reason in self.refused_formulations.items()}
        reason = reasons.get(plain(word), "no absorption data for it in the evidence")
        raise UsageError(
            f"the formulation {word} of {self.drug} by the {self.name} route is not computed: {reason}",
            where=f"{self.drug} {self.name} {word}",
            allowed=", ".join(("the plain form (no word)", *self.formulations)),
            fix=f'"{self.drug} {self.name} ..." without the word {word}',
        )

    def beside_studied(self, amount: float, unit: str, weight: float) -> tuple[str, str]:
        """("beyond" | "below" | "", the studied range in words) of one single dose of free base; weight in kg."""
        if not self.studied:
            return "", "none"
        own = unit if unit in self.studied else next(iter(self.studied))
        low, high = self.studied[own]
        # A tolerance for rounding only: 0.5 mg/kg of 70 kg given as 35 mg is inside.
        given = round(_converted(amount, unit, own, weight), 9)
        return "beyond" if given > high else "below" if 0 < given < low else "", f"{low:g}-{high:g} {own}"


@dataclass(frozen=True, slots=True)
class Drug:
    """One drug of the catalogue.

    parts : part of the plasma model -> mole of it per mole of drug (per unit, for `unit`-dosed preparations).
    molar_mass, salt_molar_mass : g/mol of free base and of the salt named `salt`; None for preparations dosed in units.
    unit : what an amount without mass is counted in ("mL", "mg" of extract); `unit_size` of it is one model unit.
    default_amount : (amount, unit) taken when none is written; None = an amount must be written.
    values : parameter values that travel with the drug (a compound of the user's own); empty for the catalogue.
    """

    name: str
    label: str
    role: Role
    aliases: tuple[str, ...] = ()
    parts: Mapping[str, float] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)
    formula: str = ""
    molar_mass: float | None = None
    salt: str = ""
    salt_molar_mass: float | None = None
    units: tuple[str, ...] = ("mg", "mg/kg")
    unit_size: float | None = None
    default_amount: tuple[float, str] | None = None
    default_repeat: str = ""
    source: str = ""
    place: str = ""
    note: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def is_main(self) -> bool:
        """True for a drug that is the treatment itself, not something given beside it."""
        return self.role == "main"

    def route(self, name: str) -> Route:
        """The route of that name or alias; a `UsageError` says by which routes there are data."""
        known = route_name(name)
        if known not in self.routes:
            raise UsageError(
                f"{self.name} has no data by the {known} route",
                where=f"{self.name} {name}",
                allowed=f"{self.name} by " + ", ".join(self.routes),
                fix=f'"{self.name} {next(iter(self.routes), known)} ..."',
            )
        return self.routes[known]

    def micromoles(self, amount: float, unit: str = "mg", salt: bool = False) -> float:
        """Amount of drug in umol (of model units, for a preparation dosed in units).

        n [umol] = 1000 m [mg] / M [g/mol], with M of the free base, or of the salt when `salt` is true; for a
        preparation without molar mass n = amount / unit_size. `unit` is an absolute one: multiply mg/kg by the weight
        first.
        """
        absolute = [u for u in self.units if not u.endswith("/kg")]
        if unit not in absolute:
            raise UsageError(f"{self.name} is not measured in {unit}", allowed=", ".join(self.units))
        if salt:
            if self.salt_molar_mass is None:
                raise UsageError(
                    f"no {self.salt or 'HCl'} salt of {self.name} is known",
                    allowed="the amount as free base, without the word HCl",
                )
            return MICRO_PER_MILLI * amount / self.salt_molar_mass
        if self.unit_size is not None:
            return amount / self.unit_size
        if self.molar_mass is None:
            return 0.0
        return MICRO_PER_MILLI * amount / self.molar_mass

    def part_amounts(self, amount: float, unit: str = "mg", salt: bool = False) -> dict[str, float]:
        """The same amount in umol of every part of the plasma model (racemate: half S, half R)."""
        total = self.micromoles(amount, unit, salt)
        return {part: share * total for part, share in self.parts.items()}

    def judge(
        self,
        route: str,
        amount: float,
        unit: str = "mg",
        weight: float | None = None,
        salt: bool = False,
        formulation: str = "",
    ) -> tuple[str, ...]:
        """Compare one single dose with what has been studied: plain warnings (often none); absurd doses are refused.

        amount in `unit` ("mg", "mg/kg" or a unit of the preparation); weight in kg is used when study and dose speak
        different units (the catalogue's reference weight if None). Salt amounts are compared as free base.
        """
        way = self.route(route).of(formulation)
        asked = f"{self.name} {way.name} {amount:g} {unit}" + (f" {formulation}" if formulation else "")
        if not math.isfinite(amount) or amount < 0:
            raise UsageError(
                f"a dose is a number above zero, not {amount:g} {unit}",
                where=asked,
                allowed="any amount above zero",
                fix=self._example(way),
            )
        if unit not in self.units:
            raise UsageError(f"{self.name} is not measured in {unit}", where=asked, allowed=", ".join(self.units))
        if salt and self.salt_molar_mass and self.molar_mass:
            amount = amount * self.molar_mass / self.salt_molar_mass
        kilograms = reference_weight() if weight is None else weight
        for limit_unit, limit in way.limit.items():
            if _converted(amount, unit, limit_unit, kilograms) > limit:
                raise UsageError(
                    f"{asked} is far beyond any dose ever given",
                    where=asked,
                    allowed=f"up to {limit:g} {limit_unit} ({way.limit_reason})",
                    fix=self._example(way),
                )
        said = []
        if way.data == "animal":
            said.append(f"{self.name} {way.name} has been given to animals only")
        elif way.data == "assumed":
            said.append(f"how {self.name} is taken up by the {way.name} route is assumed, not measured in people")
        side, span = way.beside_studied(amount, unit, kilograms)
        if side:
            said.append(f"{asked} lies {side} the studied range ({span}: {way.studied_in})")
        return tuple(said)

    def _example(self, way: Route) -> str:
        if not way.studied:
            return f'"{self.name} {way.name} ..."'
        unit, (low, high) = next(iter(way.studied.items()))
        return f'"{self.name} {way.name} {math.sqrt(low * high) if low > 0 else high:.2g} {unit}"'


def _converted(amount: float, unit: str, wanted: str, weight: float) -> float:
    if unit == wanted:
        return amount
    if unit == wanted + "/kg":
        return amount * weight
    if wanted == unit + "/kg":
        return amount / weight
    raise KetasimError(f"cannot compare {unit} with {wanted}")


def plain(word: str) -> str:
    """The form in which names are compared: case, spaces, hyphens, brackets, commas and apostrophes do not matter."""
    return re.sub(r"[\s\-_(),.'’]+", "", word.lower())
