"""The composition as SBML (Level 3 Version 2), complete with the units of literal numbers. Slow imports stay here."""

from __future__ import annotations

import importlib
from typing import Any

from ketasim.core import KetasimError

from .compose import Composition
from .text import source_comment


def to_sbml(model: Composition | str) -> str:
    """SBML of a composition or of an Antimony text.

    Numbers in equations get the unit `dimensionless`; without it no checker can judge `1 - x`. Parameters and ports of a
    composition keep their label as name, parameters their source as a note. Raises KetasimError with the parser's
    message when Antimony cannot read the text.
    """
    document = document_of(model)
    if isinstance(model, Composition):
        part = document.getModel()
        for key, value in model.parameters.items():
            parameter = part.getParameter(key)
            parameter.setName(value.label or key)
            note = source_comment(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            parameter.setNotes(f'<notes><p xmlns="http://www.w3.org/1999/xhtml">{note}</p></notes>')
        for key, port in model.ports.items():
            quantity = part.getParameter(key)
            if quantity is not None and port.label:
                quantity.setName(port.label)
    return str(_libsbml().writeSBMLToString(document))


def document_of(model: Composition | str) -> Any:
    """The libSBML document of a composition, an Antimony text or an SBML text."""
    text = model if isinstance(model, str) else model.antimony
    if not text.lstrip().startswith("<"):
        antimony: Any = importlib.import_module("antimony")
        antimony.clearPreviousLoads()
        if antimony.loadAntimonyString(text) < 0:
            raise KetasimError("Antimony cannot read the composed model", where=antimony.getLastError().strip())
        text = antimony.getSBMLString(antimony.getMainModuleName())
    document = _libsbml().readSBMLFromString(text)
    model_part = document.getModel()
    if model_part is None:
        raise KetasimError("the text is not an SBML model", where=text[:80])
    _zeros(model_part)
    for _, formula in formulas(model_part):
        _number_units(formula)
    return document


def formulas(model: Any) -> list[tuple[str, Any]]:
    """(variable or reaction, formula) of everything with a formula."""
    rules = [model.getRule(i) for i in range(model.getNumRules())]
    starts = [model.getInitialAssignment(i) for i in range(model.getNumInitialAssignments())]
    reactions = [model.getReaction(i) for i in range(model.getNumReactions())]
    found = [(rule.getVariable(), rule.getMath()) for rule in rules]
    found += [(start.getSymbol(), start.getMath()) for start in starts]
    found += [(r.getId(), r.getKineticLaw().getMath()) for r in reactions if r.getKineticLaw() is not None]
    return [(name, formula) for name, formula in found if formula is not None]


def _zeros(model: Any) -> None:
    """A variable that is set to the bare number 0 gets it in its own unit: zero is zero in every unit."""
    for index in range(model.getNumRules()):
        rule = model.getRule(index)
        variable = model.getParameter(rule.getVariable())
        if rule.isAssignment() and variable is not None and variable.isSetUnits():
            formula = rule.getMath()
            if formula is not None and formula.isNumber() and formula.getValue() == 0:
                formula.setUnits(variable.getUnits())


def _number_units(node: Any) -> None:
    if node.isNumber() and not node.isSetUnits():
        node.setUnits("dimensionless")
    for child in range(node.getNumChildren()):
        _number_units(node.getChild(child))


def _libsbml() -> Any:
    return importlib.import_module("libsbml")
