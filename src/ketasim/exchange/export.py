"""`export`: one scenario into a file of another program. What is lost is told first; what cannot be written right is not written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ketasim.core import UsageError, unknown_name
from ketasim.core.files import check_writable
from ketasim.scenario.plan import Scenario, scenario

from . import adppk, functions, losses, omex, sbml
from .petab import prepared_petab
from .typical import Plain, plain
from .written import Export, Target

TARGETS: Mapping[str, Target] = {
    t.name: t
    for t in (
        Target("sbml", (".xml", ".sbml"), "SBML Level 3 Version 2", "libroadrunner, in the tests"),
        Target("antimony", (".ant", ".txt"), "Antimony text", "libroadrunner, in the tests"),
        Target(
            "omex", (".omex",), "COMBINE archive: SBML, courses, run record, figure", "its own reader, in the tests"
        ),
        Target("petab", (".yaml", ".yml"), "PEtab 2 problem of published studies", "petab's checks, in the tests"),
        Target("adppk", (".csv",), "table of doses and levels of simulated people", "its own reader, in the tests"),
        Target("python", (".py",), "plain functions, NumPy and SciPy", "SciPy, in the tests"),
        Target("julia", (".jl",), "plain functions, OrdinaryDiffEq.jl", "not run"),
        Target("r", (".R", ".r"), "plain functions, deSolve", "R with deSolve, in the tests"),
    )
}
_TEXT: Mapping[str, Callable[[Plain], str]] = {
    "sbml": sbml.sbml_text,
    "antimony": sbml.antimony_text,
    "python": functions.python_text,
    "julia": functions.julia_text,
    "r": functions.r_text,
}


def target_of(name: str | None, path: str | Path) -> Target:
    """The format of that name, or that of the file's ending. Raises UsageError with the formats there are."""
    if name:
        word = name.strip().lower()
        if word not in TARGETS:
            raise unknown_name("format", name, TARGETS, where=f"--to {name}", fix="--to sbml")
        return _writable(TARGETS[word], path)
    ending = Path(path).suffix.lower()
    found = [t for t in TARGETS.values() if ending in {e.lower() for e in t.endings}]
    if not found:
        raise UsageError(
            f"which format is '{path}'?",
            where="--to",
            allowed=", ".join(f"{t.name} ({t.endings[0]})" for t in TARGETS.values()),
            fix="--to sbml",
        )
    return _writable(found[0], path)


def _writable(target: Target, path: str | Path) -> Target:
    check_writable(path, tuple(dict.fromkeys(e.lower() for e in target.endings)))
    return target


def export(what: str | Scenario, path: str | Path, to: str | None = None, **options: Any) -> Export:
    """Write a scenario for another program.

    what : the words of a regimen, or a `Scenario`; for `petab` the ids of studies, or "all". path : the file. to : sbml | antimony |
    omex | petab | adppk | python | julia | r (by the file's ending unless given). options : those of `scenario`.

    Returns the `Export` with the list of what is lost; raises UsageError for what cannot be carried out, CheckFailed when what
    was made is not the model. Nothing is written then.
    """
    made = prepared(what, target_of(to, path), **options)
    made.write(path)
    return made


def prepared(what: str | Scenario, target: Target, **options: Any) -> Export:
    """The export without the writing."""
    if target.name == "petab":
        return prepared_petab(str(what), target)
    asked = what.but(**options) if isinstance(what, Scenario) else scenario(what, **options)
    if target.name == "adppk":
        return Export(target, tuple(adppk.lost(asked)), adppk.adppk_text(asked).encode())
    model = plain(asked)
    if target.name == "omex":
        return Export(target, tuple(omex.lost(model)), omex.omex_bytes(asked, model))
    if target.name in ("sbml", "antimony"):
        lost = sbml.lost(model)
    else:
        lost = [*losses.common(model), *functions.of_functions(functions.LANGUAGES[target.name])]
    return Export(target, tuple(lost), _TEXT[target.name](model).encode())
