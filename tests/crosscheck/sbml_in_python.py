"""SBML to a Python function, written apart from the engine: an oracle for scipy that shares no code with `ketasim.engine`.

It knows what the composed chain uses: amounts in compartments of size 1, parameters, reactions, rate and assignment
rules, initial assignments. Formulas are taken as libSBML prints them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import libsbml
import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

Array = NDArray[np.float64]
WORDS = {"&&": " and ", "||": " or ", "^": "**", "!": " not "}
FUNCTIONS = {
    "piecewise": lambda *a: next((a[i] for i in range(0, len(a) - 1, 2) if a[i + 1]), a[-1]),
    "ln": math.log,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "abs": abs,
    "min": min,
    "max": max,
    "tanh": math.tanh,
}


def python(node: libsbml.ASTNode) -> str:
    text = libsbml.formulaToL3String(node)
    return re.sub(r"&&|\|\||\^|!(?!=)", lambda match: WORDS[match.group()], text)


@dataclass(frozen=True)
class Equations:
    """`rates(t, y, constants)` gives dy; `values(t, y, constants)` every identifier that is computed."""

    states: tuple[str, ...]
    constants: Mapping[str, float]
    start: Mapping[str, float]
    rates: Callable[[float, Sequence[float], Mapping[str, float]], list[float]]


def read(sbml: str) -> Equations:
    """The equations of an SBML text."""
    document = libsbml.readSBMLFromString(sbml)
    assert document.getNumErrors(libsbml.LIBSBML_SEV_ERROR) == 0, document.getError(0).getMessage()
    model = document.getModel()
    assert model.getNumEvents() == 0 and model.getNumFunctionDefinitions() == 0
    assert all(model.getCompartment(i).getSize() == 1.0 for i in range(model.getNumCompartments()))
    rules = [model.getRule(i) for i in range(model.getNumRules())]
    algebra = {r.getVariable(): python(r.getMath()) for r in rules if r.isAssignment()}
    slopes = {r.getVariable(): python(r.getMath()) for r in rules if r.isRate()}
    flows: dict[str, list[str]] = {}
    laws = {}
    for i in range(model.getNumReactions()):
        reaction = model.getReaction(i)
        laws[reaction.getId()] = python(reaction.getKineticLaw().getMath())
        for sign, count, get in (
            ("-", reaction.getNumReactants(), reaction.getReactant),
            ("+", reaction.getNumProducts(), reaction.getProduct),
        ):
            for j in range(count):
                part = get(j)
                flows.setdefault(part.getSpecies(), []).append(f"{sign}{part.getStoichiometry()!r}*{reaction.getId()}")
    constants: dict[str, float] = {model.getCompartment(i).getId(): 1.0 for i in range(model.getNumCompartments())}
    start: dict[str, float] = {}
    for i in range(model.getNumSpecies()):
        species = model.getSpecies(i)
        if species.getId() in algebra or species.getId() in slopes:
            continue
        amount = species.getInitialAmount() if species.isSetInitialAmount() else species.getInitialConcentration()
        if species.getConstant() or species.getBoundaryCondition():
            constants[species.getId()] = amount
        else:
            start[species.getId()] = amount
            slopes[species.getId()] = "".join(flows.get(species.getId(), ["0.0"]))
    for i in range(model.getNumParameters()):
        parameter = model.getParameter(i)
        if parameter.getId() in algebra:
            continue
        target = start if parameter.getId() in slopes else constants
        target[parameter.getId()] = parameter.getValue() if parameter.isSetValue() else 0.0
    assert model.getNumInitialAssignments() == 0
    states = tuple(slopes)
    return Equations(states, constants, start, _function(states, algebra | laws, slopes, tuple(constants)))


def _function(
    states: tuple[str, ...], algebra: Mapping[str, str], slopes: Mapping[str, str], constants: tuple[str, ...]
):  # type: ignore[no-untyped-def]
    """One Python function; algebra in an order in which each line follows what it uses."""
    uses = {name: set(re.findall(r"[A-Za-z_]\w*", text)) & set(algebra) for name, text in algebra.items()}
    order: list[str] = []
    while len(order) < len(uses):
        ready = [n for n in uses if n not in order and uses[n] <= set(order)]
        assert ready, "circle"
        order += ready
    lines = ["def rates(time, y, c):", f"    {', '.join(states)}, = y"]
    lines += [f"    {name} = c[{name!r}]" for name in constants]
    lines += [f"    {name} = {algebra[name]}" for name in order]
    lines += [f"    return [{', '.join(slopes[s] for s in states)}]"]
    names = dict(FUNCTIONS)
    exec("\n".join(lines), names)
    return names["rates"]


def course(
    equations: Equations,
    changed: Mapping[str, float],
    inputs: Sequence[str],
    boundaries: Array,
    levels: Array,
    times: Array,
    rtol: float,
    atol: float,
    deposits: Sequence[tuple[int, str, float]] = (),
) -> Array:
    """(T, n) by scipy's LSODA, restarted at every boundary; `levels` (S, inputs); left limits at boundaries.

    `deposits`: (segment, state, amount), added just before the segment.
    """
    y = np.array([equations.start[s] for s in equations.states])
    out = np.empty((len(times), len(y)))
    out[times == boundaries[0]] = y
    for s in range(len(boundaries) - 1):
        for at, state, amount in deposits:
            if at == s:
                y[equations.states.index(state)] += amount
        now = dict(equations.constants) | dict(changed) | dict(zip(inputs, levels[s].tolist(), strict=True))
        inside = (times > boundaries[s]) & (times <= boundaries[s + 1])
        grid = np.unique(np.append(times[inside], boundaries[s + 1]))
        found = solve_ivp(
            lambda t, y, now=now: equations.rates(t, y.tolist(), now),
            (boundaries[s], boundaries[s + 1]),
            y,
            "LSODA",
            grid,
            rtol=rtol,
            atol=atol,
        )
        assert found.success, found.message
        out[inside] = found.y.T[np.searchsorted(grid, times[inside])]
        y = found.y[:, -1]
    return out
