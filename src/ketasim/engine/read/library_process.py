"""What runs in the process of its own that `libraries` keeps: Antimony to SBML, and the consistency of SBML.

One request a line, one answer a line, both JSON. Nothing of Ketasim is imported here, so that it starts at once. Both
libraries are C++: they can take for ever, take all memory, or end their process, and no exception tells of it.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from typing import Any

MEMORY = 4 << 30  # bytes of address space
MOST_FINDINGS = 20

# The rules of SBML that say what a model means. Whether units fit together, and what is good style, is not asked.
CATEGORIES = (
    "IDENTIFIER_CONSISTENCY",
    "MATHML_CONSISTENCY",
    "GENERAL_CONSISTENCY",
    "UNITS_CONSISTENCY",
    "SBO_CONSISTENCY",
    "OVERDETERMINED_MODEL",
    "MODELING_PRACTICE",
)
FORMULAS, STRUCTURE = CATEGORIES[:2], CATEGORIES[2:3]
FORGIVEN = {
    10313,  # a unit that is not defined: no number depends on it
    20906,  # a circle of rules: the engine names the whole circle
    21121,  # a species in a kinetic law that is not listed as its modifier: it has one meaning all the same
}


def convert(text: str) -> dict[str, Any]:
    """`sbml`, or `error` and `where`, of an Antimony text."""
    antimony: Any = importlib.import_module("antimony")
    antimony.clearPreviousLoads()
    try:
        if antimony.loadAntimonyString(text) < 0:
            return {"error": "the model text is not valid Antimony", "where": _said(antimony.getLastError)}
        sbml = antimony.getSBMLString(antimony.getMainModuleName())
        if not sbml:
            return {
                "error": "the Antimony model cannot be written as SBML",
                "where": _said(antimony.getSBMLErrors) or _said(antimony.getLastError),
            }
        return {"sbml": str(sbml)}
    finally:
        antimony.clearPreviousLoads()


def _said(message: Any) -> str:
    try:
        return str(message() or "").strip()
    except UnicodeDecodeError:  # the library cuts letters of several bytes in two
        return "a name has a letter outside a-z, A-Z, 0-9 and _"


def check(sbml: str) -> list[dict[str, Any]]:
    """What is wrong with an SBML document; empty for a valid one, and for one that cannot be read at all."""
    libsbml: Any = importlib.import_module("libsbml")
    document = libsbml.readSBMLFromString(sbml)
    if document.getNumErrors(libsbml.LIBSBML_SEV_ERROR) or document.getNumErrors(libsbml.LIBSBML_SEV_FATAL):
        return []
    _forget_packages(document)
    for asked in (FORMULAS, STRUCTURE):
        if asked == STRUCTURE:
            _forget_formulas(libsbml, document)
        for category in CATEGORIES:
            document.setConsistencyChecks(getattr(libsbml, "LIBSBML_CAT_" + category), category in asked)
        document.checkConsistency()
    found = []
    for i in range(document.getNumErrors()):
        error = document.getError(i)
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR and error.getErrorId() not in FORGIVEN:
            found.append(
                {
                    "id": error.getErrorId(),
                    "short": error.getShortMessage(),
                    "message": error.getMessage(),
                    "line": error.getLine(),
                }
            )
    return found[:MOST_FINDINGS]


def _forget_packages(document: Any) -> None:
    """Packages are not read by the engine, and the check of one of them (comp) opens the files that it names."""
    plugins = [document.getPlugin(i) for i in range(document.getNumPlugins())]
    for uri, prefix in [(plugin.getURI(), plugin.getPrefix()) for plugin in plugins]:
        document.disablePackage(uri, prefix)


def _forget_formulas(libsbml: Any, document: Any) -> None:
    """Every formula becomes 0. The general rules are about what sets what, except that there be no circle of rules;
    the engine names those itself, and libSBML's search for them takes the fourth power of the number of rules."""
    model, zero = document.getModel(), libsbml.parseL3Formula("0")
    if model is None:
        return
    laws = [r.getKineticLaw() for r in model.getListOfReactions() if r.isSetKineticLaw()]
    for element in [*model.getListOfRules(), *model.getListOfInitialAssignments(), *laws]:
        if element.isSetMath():
            element.setMath(zero)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """`sbml` and `findings`, or `error` and `where`."""
    found = convert(request["antimony"]) if "antimony" in request else {"sbml": request["sbml"]}
    return found if "error" in found else found | {"findings": check(found["sbml"])}


def _let(seconds: float) -> None:
    """The processor time that what follows may take before it ends this process (SIGPROF); 0: any. Not the time of the clock, which a busy machine stretches."""
    if hasattr(signal, "ITIMER_PROF"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def serve() -> None:
    """Answers until the input ends. Whoever asked may be gone: a request that takes for ever ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asked
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass  # Windows has no limits of this kind; elsewhere a lower one may be set already
    importlib.import_module("antimony")
    importlib.import_module("libsbml")
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what the libraries print is no answer
    for line in sys.stdin:
        request = json.loads(line)
        _let(request["limit"])
        try:
            reply = answer(request)
        except MemoryError:
            os._exit(1)
        _let(0.0)
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
