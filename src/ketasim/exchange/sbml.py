"""A scenario as Antimony text and as SBML Level 3 Version 2: equations with units, sources, and the doses as events.

One event per boundary of the dose segments: it sets every input that changes there and adds every deposit at once. SBML has no other
way to say in the model itself that an input changes at a time; programs that stop at events lose nothing by it.
"""

from __future__ import annotations

import importlib
import math
import re
from typing import Any

from ketasim._version import __version__
from ketasim.chain.sbml import document_of, formulas
from ketasim.chain.text import number, source_comment
from ketasim.core import CheckFailed, UsageError
from ketasim.core.records import NOTICE
from ketasim.core.values import sources

from .formula import uses_time
from .losses import common, listed, moved
from .typical import Plain

type Moves = dict[str, tuple[float, float]]
"""Variable -> (scale, add): v <- scale * v + add."""
DIGITS = 1e-14  # relative: libSBML writes 15 significant digits
SET = re.compile(r"(?<![\w.])(const )?([A-Za-z_]\w*) = (-?\d[\d.]*(?:[eE][-+]?\d+)?);")


def lost(model: Plain) -> list[str]:
    """What SBML and Antimony lose or change."""
    count = len(model.boundaries) - 2
    return [
        *common(model),
        *moved(model),
        f"doses are events: {count} of them set the inputs of the next segment and add deposits; what begins at time 0 stands in the start values",
        "numbers have 15 significant digits (as libSBML writes them)",
        "basis and grade of a value are text in its note; its bounds and printed form are not exported",
    ]


def changes(model: Plain) -> list[tuple[float, Moves]]:
    """(time from the start of the run, what changes) at the start and at every later boundary where something does."""
    found, before = [], dict.fromkeys(model.composition.inputs, 0.0)
    for at, (begin, _, inputs, jumps) in enumerate(model.segments()):
        now = dict.fromkeys(before, 0.0) | inputs
        moves = {n: (0.0, now[n]) for n in now if now[n] != before[n]}
        for jump in jumps:
            scale, add = moves.get(jump.state, (1.0, 0.0))
            moves[jump.state] = (float(jump.scale) * scale, float(jump.scale) * add + float(jump.add))
        if at == 0 or moves:
            found.append((begin - model.start_h, moves))
        before = now
    return found


def antimony_text(model: Plain) -> str:
    """The composed text with this person's numbers, its start values and one event per boundary."""
    if model.start_h and uses_time(model.source):
        raise UsageError(
            "a formula names the time, and a dose is given before t = 0: the export cannot start at 0",
            where="export",
            fix="leave out the dose before t = 0",
        )
    first, *later = changes(model)
    moved_inputs = {n for _, moves in later for n in moves} & set(model.composition.inputs)
    begin = {n: scale * model.start.get(n, 0.0) + add for n, (scale, add) in first[1].items()}
    numbers = dict(model.numbers) | dict(model.start) | begin

    def put(found: re.Match[str]) -> str:
        const, name = found[1] or "", found[2]
        if name in moved_inputs:
            const = ""
        return f"{const}{name} = {number(numbers[name]) if name in numbers else found[3]};"

    lines = []
    for line in model.composition.antimony.splitlines():
        code, mark, comment = line.partition("//")
        lines.append(SET.sub(put, code) + mark + comment)
    assert lines[-1].strip() == "end", "the composed text ends in `end`"
    head = [f"// {line}".rstrip() for line in (NOTICE, "What this export loses:", *listed(lost(model)).splitlines())]
    events = ["", "  // Doses: time in h from the start of the run"]
    for at, (time, moves) in enumerate(later, start=1):
        words = [
            f"{n} = {number(add)}"
            if scale == 0.0
            else f"{n} = {n} + {number(add)}"
            if scale == 1.0
            else f"{n} = {number(scale)}*{n} + {number(add)}"
            for n, (scale, add) in moves.items()
        ]
        events.append(f"  boundary_{at}: at (time >= {number(time)}): {', '.join(words)};")
    return "\n".join([*head, *lines[:-1], *events, "end", ""])


def sbml_text(model: Plain) -> str:
    """SBML L3V2 of `antimony_text`, with names, notes and DOIs. Raises CheckFailed when what was written is not the model."""
    document = document_of(antimony_text(model))
    part = document.getModel()
    known = sources()
    libsbml = _libsbml()
    _set_numbers(part, model)
    for key, value in model.composition.parameters.items():
        parameter = part.getParameter(key)
        parameter.setName(value.label or key)
        parameter.setNotes(_note(source_comment(value)))
        doi = known[value.source].doi if value.source in known else ""
        if doi:
            parameter.setMetaId(f"meta_{key}")
            term = libsbml.CVTerm(libsbml.BIOLOGICAL_QUALIFIER)
            term.setBiologicalQualifierType(libsbml.BQB_IS_DESCRIBED_BY)
            term.addResource(f"https://identifiers.org/doi:{doi}")
            parameter.addCVTerm(term)
    for key, port in model.composition.ports.items():
        quantity = part.getParameter(key)
        if quantity is not None and port.label:
            quantity.setName(port.label)
    for ports, factor, entry in model.register.values():
        if len(ports) == 1 and factor != 1.0 and part.getParameter(ports[0]) is not None:
            part.getParameter(ports[0]).setNotes(_note(f"{entry.name} = {factor!r} * {ports[0]} {entry.unit}"))
    part.setName(model.scenario.title)
    part.setNotes(_notes(model))
    for index in range(part.getNumEvents()):
        event = part.getEvent(index)
        event.setUseValuesFromTriggerTime(True)
        trigger = event.getTrigger()
        trigger.setInitialValue(True)
        trigger.setPersistent(True)
        _units(trigger.getMath(), "hour")
        for position in range(event.getNumEventAssignments()):
            assignment = event.getEventAssignment(position)
            variable = part.getElementBySId(assignment.getVariable())
            units = variable.getUnits() if hasattr(variable, "getUnits") else variable.getSubstanceUnits()
            _assigned(assignment.getMath(), units or variable.getSubstanceUnits())
    text = str(libsbml.writeSBMLToString(document))
    _check(text, model)
    return text


def _set_numbers(part: Any, model: Plain) -> None:
    """Parameters at full precision, whatever the parser of the text made of them."""
    for key, value in model.numbers.items():
        part.getParameter(key).setValue(value)


def _note(text: str) -> str:
    return f'<notes><p xmlns="http://www.w3.org/1999/xhtml">{_escaped(text)}</p></notes>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _notes(model: Plain) -> str:
    lines = [
        f"Ketasim {__version__}, model {model.composition.hash}, numbers {model.record.numbers}. {NOTICE}",
        "What this export loses: " + "; ".join(lost(model)),
    ]
    body = "".join(f"<p>{_escaped(line)}</p>" for line in lines)
    return f'<notes><body xmlns="http://www.w3.org/1999/xhtml">{body}</body></notes>'


def _units(node: Any, units: str) -> None:
    if node.isNumber():
        node.setUnits(units)
    for child in range(node.getNumChildren()):
        _units(node.getChild(child), units)


def _assigned(node: Any, units: str) -> None:
    """Units of the numbers in `v`, `a`, `v + a`, `s*v + a`: those of the variable, but for a factor."""
    libsbml = _libsbml()
    if node.isNumber():
        node.setUnits(units)
    elif node.getType() == libsbml.AST_TIMES:
        _units(node, "dimensionless")
    else:
        for child in range(node.getNumChildren()):
            _assigned(node.getChild(child), units)


def _check(text: str, model: Plain) -> None:
    """Read what was written: strict units, every number and every event as they were meant."""
    libsbml = _libsbml()
    document = libsbml.readSBMLFromString(text)
    document.checkConsistencyWithStrictUnits()
    problems = [document.getError(i).getMessage().strip() for i in range(document.getNumErrors())]
    part = document.getModel()
    for key, value in model.numbers.items():
        if not _same(part.getParameter(key).getValue(), value):
            problems.append(f"{key} became {part.getParameter(key).getValue()!r}")
    first, *later = changes(model)
    if part.getNumEvents() != len(later):
        problems.append(f"{part.getNumEvents()} events in place of {len(later)}")
    for index, (time, moves) in enumerate(later[: part.getNumEvents()]):
        event = part.getEvent(index)
        at = event.getTrigger().getMath().getChild(1).getValue()
        told = {
            event.getEventAssignment(i).getVariable(): _read(event.getEventAssignment(i).getMath())
            for i in range(event.getNumEventAssignments())
        }
        if not _same(at, time) or not _alike(told, moves):
            problems.append(f"the doses at {time:g} h became others")
    begin = {n: scale * model.start.get(n, 0.0) + add for n, (scale, add) in first[1].items()}
    for name, value in (dict(model.start) | begin).items():
        species = part.getSpecies(name)
        written = part.getParameter(name).getValue() if species is None else species.getInitialAmount()
        if not _same(written, value):
            problems.append(f"the start value of {name} became {written!r}")
    if len(formulas(part)) != len(model.source.assignments) + len(model.source.rates) + len(model.source.reactions):
        problems.append("the number of formulas changed")
    if problems:
        raise CheckFailed("the SBML that was made is not the model; nothing is written", where="\n".join(problems[:10]))


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=DIGITS, abs_tol=1e-300)


def _alike(one: Moves, other: Moves) -> bool:
    return one.keys() == other.keys() and all(_same(a, b) for n in one for a, b in zip(one[n], other[n], strict=True))


def _read(node: Any) -> tuple[float, float]:
    """(scale, add) of `a`, `v + a`, `s*v + a`."""
    if node.isNumber() or node.getNumChildren() == 1:
        return 0.0, _value(node)
    left, right = node.getChild(0), node.getChild(1)
    return (1.0 if left.isName() else _value(left.getChild(0))), _value(right)


def _value(node: Any) -> float:
    return -_value(node.getChild(0)) if node.getNumChildren() else float(node.getValue())


def _libsbml() -> Any:
    return importlib.import_module("libsbml")
