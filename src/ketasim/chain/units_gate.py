"""The unit gate: nothing enters the chain whose units do not add up.

Four walls, because each alone has a hole (research: code_anchors.md 0.1):

1. libSBML's strict check. The default one ignores scale, so that L/min for L/h passes.
2. "Cannot be fully checked" counts as an error: a unit nobody gave hides everything behind it.
3. One unit per dimension: in a quotient of two concentrations even the strict check loses a factor 1000, so there
   must be no second unit of concentration. The composer's unit words guarantee it for the stages' files; here it is
   checked again on the SBML itself, so that imported models meet the same wall.
4. No power of a quotient `(C/EC50)^n` (refused when a file is read, and here).
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Iterator
from typing import Any

from ketasim.core import Problem

from . import units
from .compose import Composition
from .sbml import document_of, formulas

_CANNOT_CHECK = (99505, 99506, 99507, 99508, 99509)
_KINDS = {
    ("mole", 1e-6): 0,
    ("litre", 1.0): 1,
    ("second", 3600.0): 2,
    ("kilogram", 1.0): 3,
    ("candela", 1.0): 4,
    ("pascal", 133.322): 5,
}
_UNIT = re.compile(r"(\w+) \(exponent = ([-\d.]+), multiplier = ([\d.e+-]+), scale = (-?\d+)\)")
_UNITS = re.compile(_UNIT.pattern + r"(?:, " + _UNIT.pattern + r")*")


def unit_problems(model: Composition | str) -> list[Problem]:
    """Everything that is wrong with the units of a composition, an Antimony or an SBML text; empty when all is well."""
    document = document_of(model)
    found = _strict(document) + _one_per_dimension(document.getModel()) + _powers(document.getModel())
    return list(dict.fromkeys(found))


def _strict(document: Any) -> list[Problem]:
    """What libSBML's strict check reports, as one problem per cause and in the words of the chain."""
    document.getErrorLog().clearLog()
    document.checkConsistencyWithStrictUnits()
    model = document.getModel()
    lib = _libsbml()
    places = {variable: lib.formulaToString(math) for variable, math in formulas(model)}
    causes: dict[str, Problem] = {}
    effects: dict[str, Problem] = {}
    for index in range(document.getNumErrors()):
        error = document.getError(index)
        if error.getSeverity() < lib.LIBSBML_SEV_ERROR and error.getErrorId() not in _CANNOT_CHECK:
            continue
        message = " ".join(error.getMessage().split())
        quoted = re.search(r"(?:formula|expression) '([^']*)'", message)
        part = quoted.group(1) if quoted else ""
        where = _named(message) or next((v for v, text in places.items() if part and part in text), part or "model")
        equation = places.get(where, "")
        amid = f"`{part}`" + (f" in {where}" if part != equation else "")
        unlike = ", ".join(f"{n} in {u}" for n, u in _unit_names(model, part))
        if "can only act on variables with the same units" in message:
            causes[where] = Problem(where, f"{amid} puts unlike units together: {unlike}")
        elif "can only act on dimensionless" in message:
            causes[where] = Problem(where, f"{amid} takes a pure number, but gets {unlike}")
        elif "a power that is not" in message or "exponent of the power function" in message:
            causes[where] = Problem(where, f"{amid} has an exponent that is no plain number: {unlike}")
        elif "does not have a 'units' attribute" in message or "<parameter> '" in message:
            causes[where] = Problem(where, "has no unit, so nothing that reads it can be checked")
        elif "cannot be fully checked" in message:
            effects.setdefault(
                where, Problem(where, f"{amid} cannot be fully checked: {unlike or 'a unit is missing'}")
            )
        elif "inconsistent with units of earlier KineticLaw" not in message:
            effects.setdefault(where, Problem(where, _expectation(message)))
    return [*causes.values(), *(p for where, p in effects.items() if where not in causes)]


def _named(message: str) -> str:
    """The element libSBML names outright."""
    for pattern in (
        r"<(?:assignmentRule|rateRule)> with variable '(\w+)'",
        r"<reaction> with id '(\w+)'",
        r"<(?:parameter|species|compartment)> (?:with id )?'(\w+)'",
        r"<initialAssignment> with symbol '(\w+)'",
    ):
        match = re.search(pattern, message)
        if match:
            return match.group(1)
    return ""


def _unit_names(model: Any, formula: str) -> list[tuple[str, str]]:
    """Identifiers of a formula with their units."""
    found = []
    for name in dict.fromkeys(re.findall(r"[A-Za-z_]\w*", formula)):
        parameter, species = model.getParameter(name), model.getSpecies(name)
        if parameter is not None:
            found.append((name, parameter.getUnits() or "no unit"))
        elif species is not None:
            found.append((name, species.getSubstanceUnits() or model.getSubstanceUnits() or "no unit"))
    return found


def _expectation(message: str) -> str:
    """'Expected units are ... but ... are ...', in units of the chain."""
    sides = [_spell(match.group(0)) for match in _UNITS.finditer(message)]
    if len(sides) == 2:
        return f"should come out in {sides[0]}, but its equation gives {sides[1]}"
    return re.sub(r"\A.*?Reference: L3V\d Section [\d.]+ ?", "", _UNITS.sub(lambda m: _spell(m.group(0)), message))


def _spell(text: str) -> str:
    """libSBML's list of units as a unit of the chain; as it is when some part is not one."""
    exponents = [0.0] * len(units.BASES)
    plain = []
    parts = [(k, float(e), float(m) * 10.0 ** int(s)) for k, e, m, s in _UNIT.findall(text)]
    if ("item", 1.0, 1.0) in parts and ("second", -1.0, 60.0) in parts:
        exponents[6] = 1.0
        parts = [p for p in parts if p not in (("item", 1.0, 1.0), ("second", -1.0, 60.0))]
    for kind, exponent, size in parts:
        base = next((b for (k, s), b in _KINDS.items() if k == kind and math.isclose(s, size, rel_tol=1e-9)), None)
        if base is not None:
            exponents[base] += exponent
        elif kind != "dimensionless" or not math.isclose(size, 1.0):
            plain.append((f"{size:g} " if not math.isclose(size, 1.0) else "") + kind + f"^{exponent:g}")
    whole = all(e == int(e) for e in exponents)
    if plain or not whole:
        return ", ".join([*plain, *(f"{b}^{e:g}" for b, e in zip(units.BASES, exponents, strict=True) if e)])
    return units.symbol(tuple(int(e) for e in exponents))


def _one_per_dimension(model: Any) -> list[Problem]:
    """Two units of one dimension that differ in size, each with somebody who uses it."""
    seen: dict[tuple[tuple[str, float], ...], tuple[float, str, str]] = {}
    found = []
    for name, unit, element in _users(model):
        dimension, size = _dimension(model, unit)
        if not dimension and math.isclose(size, 1):
            continue
        first = seen.setdefault(dimension, (size, unit, name))
        if not math.isclose(first[0], size, rel_tol=1e-9):
            ratio = max(size, first[0]) / min(size, first[0])
            found.append(
                Problem(
                    name,
                    f"the {element} is in {unit}, but {first[2]} is in {first[1]}: the same dimension, a factor "
                    f"{ratio:.6g} apart",
                    "one unit per dimension: " + ", ".join(units.BASES),
                )
            )
    return found


def _users(model: Any) -> list[tuple[str, str, str]]:
    found = [
        (p.getId(), p.getUnits(), "parameter") for p in (model.getParameter(i) for i in range(model.getNumParameters()))
    ]
    found += [
        (s.getId(), s.getSubstanceUnits() or model.getSubstanceUnits(), "species")
        for s in (model.getSpecies(i) for i in range(model.getNumSpecies()))
    ]
    found += [
        (c.getId(), c.getUnits() or model.getVolumeUnits(), "compartment")
        for c in (model.getCompartment(i) for i in range(model.getNumCompartments()))
    ]
    if model.isSetTimeUnits():
        found.append(("time", model.getTimeUnits(), "time"))
    return [(name, unit, element) for name, unit, element in found if unit]


def _dimension(model: Any, unit: str) -> tuple[tuple[tuple[str, float], ...], float]:
    """Exponents of the SBML base kinds in `unit`, and its size in them."""
    definition = model.getUnitDefinition(unit)
    if definition is None:
        if unit == "dimensionless":
            return (), 1.0
        lib = _libsbml()
        definition = lib.UnitDefinition(model.getLevel(), model.getVersion())
        single = definition.createUnit()
        single.setKind(lib.UnitKind_forName(unit))
        single.setExponent(1)
        single.setScale(0)
        single.setMultiplier(1)
    exponents: dict[str, float] = {}
    size = 1.0
    base = _libsbml().UnitDefinition.convertToSI(definition)
    for index in range(base.getNumUnits()):
        part = base.getUnit(index)
        kind = _libsbml().UnitKind_toString(part.getKind())
        size *= (part.getMultiplier() * 10.0 ** part.getScale()) ** part.getExponentAsDouble()
        if kind != "dimensionless":
            exponents[kind] = exponents.get(kind, 0.0) + part.getExponentAsDouble()
    return tuple(sorted((k, e) for k, e in exponents.items() if e)), size


def _powers(model: Any) -> list[Problem]:
    lib = _libsbml()
    found = []
    for variable, formula in formulas(model):
        for node in _nodes(formula):
            power = node.getType() in (lib.AST_POWER, lib.AST_FUNCTION_POWER)
            if power and node.getChild(0).getType() == lib.AST_DIVIDE:
                found.append(
                    Problem(
                        variable,
                        f"`{lib.formulaToL3String(node)}`: a power of a quotient hides a wrong scale from the "
                        "unit check",
                        "C^n/(EC50^n + C^n) instead of (C/EC50)^n",
                    )
                )
    return found


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for child in range(node.getNumChildren()):
        yield from _nodes(node.getChild(child))


def _libsbml() -> Any:
    return importlib.import_module("libsbml")
