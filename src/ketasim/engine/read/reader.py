"""SBML (through libSBML) or Antimony text to a SourceModel.

Supported is the ODE subset of SBML Level 3 core; older levels are converted by libSBML first. Whatever is outside
is refused by name with the identifier of the element, never dropped. Text is checked before it reaches libSBML:
size, nesting, no document type, hence no entities.
"""

from __future__ import annotations

import importlib
import re
from functools import lru_cache
from typing import Any
from xml.parsers import expat

from ketasim.core import UsageError

from . import antimony_text, libraries
from .mathml import MathReader, function_body
from .packages import without_packages
from .source import (
    Compartment,
    Expression,
    Parameter,
    Participant,
    Reaction,
    SourceModel,
    Species,
    call,
    name,
    number,
)

LARGEST_TEXT = 20_000_000  # characters
DEEPEST_XML = 1_000  # nested elements; libSBML recurses on the machine stack
MOST_ELEMENTS = 2_000_000
LONGEST_MESSAGE = 500  # characters of what libSBML or Antimony says
HARMLESS_PACKAGES = frozenset({"l3v2extendedmath"})  # functions of Level 3 Version 2, all known here


@lru_cache(maxsize=8)
def read_model(text: str) -> SourceModel:
    """The model in `text` (SBML if it starts with '<', Antimony otherwise). The result is not to be changed."""
    if not isinstance(text, str) or not text.strip():
        raise UsageError("the model text is empty", allowed="SBML or Antimony")
    if len(text) > LARGEST_TEXT:
        raise UsageError(f"the model text has {len(text):,} characters", allowed=f"at most {LARGEST_TEXT:,}")
    if "\0" in text:
        raise UsageError("the model text holds a zero character; it is not SBML or Antimony")
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise UsageError(
            "the model text holds half a character (a lone surrogate)",
            allowed="text that is valid UTF-8",
            fix='text = path.read_text(encoding="utf-8")',
        )
    libraries.start()
    importlib.import_module("libsbml")
    text = text.lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        # a declaration of another encoding would no longer be true of this string
        text = re.sub(r"^<\?xml[^>]*\?>", '<?xml version="1.0" encoding="UTF-8"?>', text, count=1)
        _check_xml(text)
        text = without_packages(text)
        model = _read_sbml(text)  # what this engine refuses by name comes before what is not valid
        _raise_findings(libraries.ask("the SBML", sbml=text)["findings"])
        return model
    answer = libraries.ask("the Antimony text", antimony=antimony_text.prepared(text))
    if "error" in answer:
        raise UsageError(answer["error"], where=answer["where"][:LONGEST_MESSAGE])
    model = _read_sbml(answer["sbml"])
    _raise_findings(answer["findings"])
    return model


def _text(message: Any) -> str:
    return str(message or "").strip()


def _raise_findings(findings: list[dict[str, Any]]) -> None:
    """The first finding of libSBML's consistency check as an error, the others counted."""
    if not findings:
        return
    first = findings[0]
    rule, _, place = first["message"].partition("\nReference:")
    reference, _, place = place.partition("\n")
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    raise UsageError(
        f"the model is not valid SBML: {first['short'][:1].lower()}{first['short'][1:]}{more}",
        where=" ".join(place.split())[:LONGEST_MESSAGE] or f"line {first['line']}",
        allowed=f"{' '.join(rule.split())[:LONGEST_MESSAGE]} ({reference.strip() or 'SBML'}, rule {first['id']})",
    )


def _check_xml(text: str) -> None:
    """Well-formed, no document type, not too deep: tested with a parser that keeps nothing."""
    depth = count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth += 1
        count += 1
        if depth > DEEPEST_XML or count > MOST_ELEMENTS:
            raise UsageError(
                "the XML is nested too deeply or has too many elements",
                where=f"line {parser.CurrentLineNumber}",
                allowed=f"{DEEPEST_XML} levels, {MOST_ELEMENTS:,} elements",
            )

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1

    def doctype(*_: Any) -> None:
        raise UsageError(
            "the XML declares a document type; SBML has none, and entities are not read",
            where=f"line {parser.CurrentLineNumber}",
            fix="delete the <!DOCTYPE ...> declaration",
        )

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        raise UsageError(f"the text is not well-formed XML: {error}", where=f"line {error.lineno}") from error


def _read_sbml(text: str) -> SourceModel:
    libsbml: Any = importlib.import_module("libsbml")
    document = libsbml.readSBMLFromString(text)
    for i in range(document.getNumErrors()):
        error = document.getError(i)
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR:
            raise UsageError(
                f"libSBML cannot read the model: {_text(error.getMessage())}", where=f"line {error.getLine()}"
            )
    model = document.getModel()
    if model is None:
        raise UsageError("the XML holds no SBML model", allowed="<sbml> with one <model>")
    if document.getLevel() >= 3:
        _refuse_packages(document)
    if document.getLevel() < 3:
        if not document.setLevelAndVersion(3, 1, False):
            raise UsageError(f"SBML Level {document.getLevel()} cannot be converted to Level 3", where="sbml")
        model = document.getModel()
    return _Reader(libsbml, model).read()


def _refuse_packages(document: Any) -> None:
    for i in range(document.getNumPlugins()):
        plugin = document.getPlugin(i)
        package = plugin.getPackageName()
        if document.getPackageRequired(package) and package not in HARMLESS_PACKAGES:
            raise UsageError(
                f"the model needs the SBML package '{package}'",
                where="sbml",
                allowed="Level 3 core; packages that do not change the mathematics are ignored",
            )
    for i in range(document.getNumUnknownPackages()):
        if document.getUnknownPackageRequired(i) if hasattr(document, "getUnknownPackageRequired") else True:
            raise UsageError(
                f"the model needs an unknown package {document.getUnknownPackagePrefix(i)}",
                where="sbml",
                allowed="SBML Level 3 core",
            )


def _refuse(what: str, element: Any, kind: str, fix: str = "") -> None:
    identifier = element.getId() if element.isSetId() else "(without id)"
    raise UsageError(
        f"{what} not supported",
        where=f"{kind} '{identifier}'",
        fix=fix,
        allowed="the ODE subset of SBML Level 3 core: reactions, rate, assignment and "
        "initial-assignment rules, function definitions",
    )


class _Reader:
    """Walks one libSBML model."""

    def __init__(self, libsbml: Any, model: Any) -> None:
        self.libsbml, self.model = libsbml, model
        self.math = MathReader(libsbml)
        self.result = SourceModel(name=model.getId())

    def read(self) -> SourceModel:
        model, result = self.model, self.result
        for i in range(model.getNumEvents()):
            _refuse(
                "events are",
                model.getEvent(i),
                "event",
                fix="give doses as jumps and inputs of a Schedule; use piecewise for switches in time",
            )
        for i in range(model.getNumConstraints()):
            _refuse("constraints are", model.getConstraint(i), "constraint")
        if model.isSetConversionFactor():
            result.conversion = model.getConversionFactor()
        for i in range(model.getNumFunctionDefinitions()):
            f = model.getFunctionDefinition(i)
            if not f.isSetMath():
                continue  # legal since Level 3 Version 2: a function without a body, an error only where it is called
            result.functions[f.getId()] = function_body(self.math, f.getMath(), f"function '{f.getId()}'")
        for i in range(model.getNumCompartments()):
            c = model.getCompartment(i)
            dimensions = c.getSpatialDimensionsAsDouble() if c.isSetSpatialDimensions() else 3.0
            result.compartments[c.getId()] = Compartment(
                c.getSize() if c.isSetSize() else None, c.getConstant(), dimensions
            )
        for i in range(model.getNumSpecies()):
            self._species(model.getSpecies(i))
        for i in range(model.getNumParameters()):
            p = model.getParameter(i)
            result.parameters[p.getId()] = Parameter(p.getValue() if p.isSetValue() else None, p.getConstant())
        for i in range(model.getNumReactions()):
            self._reaction(model.getReaction(i))
        for i in range(model.getNumInitialAssignments()):
            a = model.getInitialAssignment(i)
            if not a.isSetMath():
                continue  # has no effect, as SBML Level 3 Version 2 defines; rules likewise
            result.initial[a.getSymbol()] = self._formula(a, f"initial assignment of '{a.getSymbol()}'")
        for i in range(model.getNumRules()):
            self._rule(model.getRule(i))
        return result

    def _formula(self, element: Any, where: str) -> Expression:
        return self.math.read(element.getMath() if element.isSetMath() else None, where)

    def _species(self, s: Any) -> None:
        self.result.species[s.getId()] = Species(
            s.getCompartment(),
            s.getInitialAmount() if s.isSetInitialAmount() else None,
            s.getInitialConcentration() if s.isSetInitialConcentration() else None,
            s.getHasOnlySubstanceUnits(),
            s.getBoundaryCondition(),
            s.getConstant(),
            s.getConversionFactor() if s.isSetConversionFactor() else None,
        )

    def _rule(self, rule: Any) -> None:
        if rule.isAlgebraic():
            raise UsageError(
                "algebraic rules are not supported",
                where=f"rule 0 = {rule.getFormula()[:60]}",
                fix="solve it for one variable and write an assignment rule",
            )
        if not rule.isSetMath():
            return
        variable = rule.getVariable()
        kind = "rate rule" if rule.isRate() else "assignment rule"
        target = self.result.rates if rule.isRate() else self.result.assignments
        target[variable] = self._formula(rule, f"{kind} of '{variable}'")

    def _reaction(self, reaction: Any) -> None:
        if reaction.isSetFast() and reaction.getFast():
            _refuse("fast reactions are", reaction, "reaction", fix='set fast="false" and give it a rate')
        identifier = reaction.getId()
        law: Expression | None = None
        local: dict[str, Expression] = {}
        if reaction.isSetKineticLaw():
            kinetic = reaction.getKineticLaw()
            for j in range(kinetic.getNumLocalParameters()):
                p = kinetic.getLocalParameter(j)
                if not p.isSetValue():
                    raise UsageError(f"local parameter '{p.getId()}' has no value", where=f"reaction '{identifier}'")
                local[p.getId()] = number(p.getValue())
            law = substitute(self._formula(kinetic, f"reaction '{identifier}'"), local)
        reactants = tuple(self._participant(reaction.getReactant(j)) for j in range(reaction.getNumReactants()))
        products = tuple(self._participant(reaction.getProduct(j)) for j in range(reaction.getNumProducts()))
        self.result.reactions[identifier] = Reaction(reactants, products, law)

    def _participant(self, reference: Any) -> Participant:
        identifier = reference.getId() if reference.isSetId() else None
        stoichiometry = number(reference.getStoichiometry() if reference.isSetStoichiometry() else 1.0)
        if identifier:
            given = reference.getStoichiometry() if reference.isSetStoichiometry() else 1.0
            self.result.parameters[identifier] = Parameter(given, reference.getConstant())
            stoichiometry = name(identifier)
        return Participant(reference.getSpecies(), stoichiometry, identifier)


def substitute(expression: Expression, values: dict[str, Expression]) -> Expression:
    """`expression` with names replaced; explicit stack, formulas may be deep."""
    if not values:
        return expression
    results: list[Expression] = []
    stack: list[tuple[Expression, bool]] = [(expression, False)]
    while stack:
        current, ready = stack.pop()
        if current[0] == "name":
            results.append(values.get(current[1], current))
        elif current[0] != "call":
            results.append(current)
        elif not ready:
            stack.append((current, True))
            stack.extend((a, False) for a in reversed(current[2]))
        else:
            count = len(current[2])
            arguments = results[len(results) - count :]
            del results[len(results) - count :]
            results.append(call(current[1], *arguments))
    return results[0]
