"""The composition as SBML (Level 3 Version 2), complete with the units of literal numbers. Slow imports stay here."""

from __future__ import annotations

import importlib
from typing import Any

from ketasim.core import KetasimError

from .compose import Composition


def to_sbml(model: Composition | str) -> str:
    """SBML of a composition or of an Antimony text.

    Numbers in equations get the unit `dimensionless`; without it no checker can judge `1 - x`. Raises KetasimError
    with the parser's message when Antimony cannot read the text.
    """
    return str(_libsbml().writeSBMLToString(document_of(model)))


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
    for formula in formulas(model_part):
        _number_units(formula)
    return document


def formulas(model: Any) -> list[Any]:
    """Every formula of the model that may hold a literal number."""
    found = [model.getRule(i).getMath() for i in range(model.getNumRules())]
    found += [model.getInitialAssignment(i).getMath() for i in range(model.getNumInitialAssignments())]
    laws = [model.getReaction(i).getKineticLaw() for i in range(model.getNumReactions())]
    found += [law.getMath() for law in laws if law is not None]
    return [formula for formula in found if formula is not None]


def _number_units(node: Any) -> None:
    if node.isNumber() and not node.isSetUnits():
        node.setUnits("dimensionless")
    for child in range(node.getNumChildren()):
        _number_units(node.getChild(child))


def _libsbml() -> Any:
    return importlib.import_module("libsbml")
