"""The model as plain functions of another language: parameters, right-hand side, outputs, dose segments and a loop over them.

The doses are segments: the integration stops at each boundary, inputs are constant between two of them, a deposit is added to a state
at its boundary. No event is used, so that every solver of ordinary differential equations will do.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable

from ketasim._version import __version__
from ketasim.chain.text import source_comment
from ketasim.core.records import NOTICE

from .formula import Language, derivatives, ordered
from .losses import NOT_RUN, common, listed
from .typical import Plain

OWN = frozenset({"t", "y", "p", "u", "d", "exp", "log", "where", "power", "out"})

PYTHON = Language(
    name="Python",
    power=lambda base, exponent: f"power({base}, {exponent})",
    exp=lambda x: f"exp({x})",
    log=lambda x: f"log({x})",
    choice=lambda condition, yes, no: f"where({condition}, {yes}, {no})",
    reserved=OWN | frozenset(keyword.kwlist) | frozenset(keyword.softkwlist),
)
JULIA = Language(
    name="Julia",
    power=lambda base, exponent: f"power({base}, {exponent})",
    exp=lambda x: f"exp({x})",
    log=lambda x: f"log({x})",
    choice=lambda condition, yes, no: f"ifelse({condition}, {yes}, {no})",
    reserved=OWN
    | frozenset(
        [
            "baremodule",
            "begin",
            "break",
            "catch",
            "const",
            "continue",
            "do",
            "else",
            "elseif",
            "end",
            "export",
            "false",
            "finally",
            "for",
            "function",
            "global",
            "if",
            "import",
            "in",
            "isa",
            "let",
            "local",
            "macro",
            "module",
            "quote",
            "return",
            "struct",
            "true",
            "try",
            "using",
            "while",
            "abstract",
            "mutable",
            "primitive",
            "type",
            "ifelse",
            "pi",
            "im",
        ]
    ),
)
R = Language(
    name="R",
    power=lambda base, exponent: f"power({base}, {exponent})",
    exp=lambda x: f"exp({x})",
    log=lambda x: f"log({x})",
    choice=lambda condition, yes, no: f"(if {condition} {yes} else {no})",
    reserved=OWN
    | frozenset(
        [
            "if",
            "else",
            "repeat",
            "while",
            "function",
            "for",
            "next",
            "break",
            "TRUE",
            "FALSE",
            "NULL",
            "Inf",
            "NaN",
            "NA",
            "in",
            "c",
            "list",
            "T",
            "F",
            "pi",
        ]
    ),
)

LANGUAGES = {"python": "Python", "julia": "Julia", "r": "R"}


def python_text(model: Plain) -> str:
    """A module of Python that needs NumPy and SciPy alone: `simulate(times)` gives every output.

    `equations(t, y, p, u)` takes lists or arrays; with JAX: exp=jnp.exp, log=jnp.log, where=jnp.where, power=jnp.power.
    """
    return _Text(model, PYTHON, "#").written(_PYTHON, "# {}", _python_pairs, "            ", "    ")


def julia_text(model: Plain) -> str:
    """A file for OrdinaryDiffEq.jl. Not run."""
    return _Text(model, JULIA, "#").written(_JULIA, "# {}", _julia_pairs, "        ", "    ")


def r_text(model: Plain) -> str:
    """A file for R with the package deSolve: `simulate(times)` gives a list of named vectors."""
    return _Text(model, R, "#").written(_R, "# {}", _r_pairs, "        ", "  ")


class _Text:
    """The pieces that the three languages share, filled into a template."""

    def __init__(self, model: Plain, language: Language, comment: str) -> None:
        self.model, self.language, self.comment = model, language, comment
        self.states = model.composition.states
        self.moves = derivatives(model.source, self.states)

    def written(
        self, template: str, remark: str, pairs: Callable[[_Text], dict[str, str]], deep: str, indent: str
    ) -> str:
        """The template with header, tables and statements."""
        model, language = self.model, self.language
        lines = [
            f"Ketasim {__version__}: {model.scenario.title}, one person. Model {model.composition.hash}.",
            "Time in h from the first main dose, amounts in umol, concentrations in umol/L. Generated; do not edit.",
            NOTICE,
            "",
            "What this export loses:",
            *listed([*common(model), *of_functions(language.name)]).splitlines(),
            "",
            "Outputs in the units of Ketasim:",
            *(
                f"{name} = ({' + '.join(ports)})"
                + (f" * {factor!r}" if factor != 1.0 else "")
                + (f"  # {entry.unit}" if entry.unit else "")
                for name, (ports, factor, entry) in model.register.items()
            ),
        ]
        found = template
        for key, text in {
            "HEADER": "\n".join(remark.format(line).rstrip() for line in lines),
            "EQUATIONS": "\n".join(indent + line for line in self._statements()),
            **pairs(self),
        }.items():
            found = found.replace(f"@{key}@", text)
        return found

    def _statements(self) -> list[str]:
        model, language = self.model, self.language
        names, source = language.named, model.source
        used = [*self.states]
        assign = "<-" if language is R else "="
        position = 0 if language is PYTHON else 1
        found = [f"{names(n)} {assign} y[{i + position}]" for i, n in enumerate(used)]
        found += [f"{names(n)} {assign} {self._get('p', n)}" for n in model.numbers]
        found += [f"{names(n)} {assign} {self._get('u', n)}" for n in model.composition.inputs]
        taken = {*used, *model.numbers, *model.composition.inputs, *source.assignments}
        for name, item in source.parameters.items():
            if name not in taken and item.value is not None:
                found.append(f"{names(name)} {assign} {language.number(item.value)}")
        found += [
            f"{names(n)} {assign} {language.number(item.size if item.size is not None else 1.0)}"
            for n, item in source.compartments.items()
        ]
        found += [f"{names(n)} {assign} {language.text(source.assignments[n], n)}" for n in ordered(source)]
        for identifier, reaction in source.reactions.items():
            if reaction.law is not None:
                found.append(f"{names(identifier)} {assign} {language.text(reaction.law, identifier)}")
        return found

    def _get(self, table: str, name: str) -> str:
        return f'{table}[["{name}"]]' if self.language is R else f'{table}["{name}"]'

    def rate(self, state: str) -> str:
        """The derivative of a state as an expression of what `_statements` defines."""
        moves = self.moves[state]
        if isinstance(moves, tuple):
            return self.language.text(moves, state)
        terms = [
            f"{self.language.number(factor)} * {self.language.named(reaction)}"
            if abs(factor) != 1
            else ("-" if factor < 0 else "") + self.language.named(reaction)
            for factor, reaction in moves
        ]
        return " + ".join(terms) or self.language.number(0.0)

    def remark(self, name: str) -> str:
        """Unit and source of a parameter, on one line."""
        value = self.model.composition.parameters[name]
        return f"{self.model.composition.units.get(name, value.unit)}; {source_comment(value)}".replace("\n", " ")

    def values(self, line: str) -> str:
        """One line per parameter; `line` takes name, number and comment."""
        number = self.language.number
        return "\n".join(
            line.format(name=n, number=number(value), comment=self.remark(n)) for n, value in self.model.numbers.items()
        )


def of_functions(language: str) -> list[str]:
    """What plain functions lose beside the rest."""
    found = [
        "units are comments: nothing checks them any more",
        "doses are segments with constant inputs, and deposits",
    ]
    return found if language != "Julia" else [NOT_RUN.format(language=language), *found]


def _python_pairs(text: _Text) -> dict[str, str]:
    model, names = text.model, text.language.named
    segments = []
    for begin, end, inputs, jumps in model.segments():
        given = "{" + ", ".join(f'"{n}": {r!r}' for n, r in inputs.items()) + "}"
        changes = "[" + ", ".join(f'("{j.state}", {float(j.scale)!r}, {float(j.add)!r})' for j in jumps) + "]"
        segments.append(f"    ({begin!r}, {end!r}, {given}, {changes}),")
    return {
        "PARAMETERS": text.values('    "{name}": {number},  # {comment}'),
        "START": "\n".join(f'    "{n}": {model.start[n]!r},' for n in text.states),
        "INPUTS": ", ".join(f'"{n}"' for n in model.composition.inputs) + ("," if model.composition.inputs else ""),
        "SEGMENTS": "\n".join(segments),
        "RATES": "\n".join(f"        {text.rate(n)},  # {n}" for n in text.states),
        "OUTPUTS": "\n".join(f'        "{n}": {names(n)},' for n in model.outputs),
    }


def _julia_pairs(text: _Text) -> dict[str, str]:
    model, names = text.model, text.language.named
    segments = []
    for begin, end, inputs, jumps in model.segments():
        given = "Dict{String,Float64}(" + ", ".join(f'"{n}" => {r!r}' for n, r in inputs.items()) + ")"
        changes = ", ".join(f'("{j.state}", {float(j.scale)!r}, {float(j.add)!r})' for j in jumps)
        segments.append(f"    ({begin!r}, {end!r}, {given}, Tuple{{String,Float64,Float64}}[{changes}]),")
    return {
        "PARAMETERS": text.values('    "{name}" => {number},  # {comment}'),
        "STATES": ", ".join(f'"{n}"' for n in text.states),
        "START": ", ".join(f"{model.start[n]!r}" for n in text.states),
        "INPUTS": ", ".join(f'"{n}"' for n in model.composition.inputs),
        "SEGMENTS": "\n".join(segments),
        "RATES": "\n".join(f"    d[{i}] = {text.rate(n)}  # {n}" for i, n in enumerate(text.states, start=1)),
        "OUTPUTS": ", ".join(f'"{n}" => {names(n)}' for n in model.outputs),
    }


def _r_pairs(text: _Text) -> dict[str, str]:
    model, names = text.model, text.language.named
    segments = []
    for begin, end, inputs, jumps in model.segments():
        given = "list(" + ", ".join(f"{n} = {r!r}" for n, r in inputs.items()) + ")"
        changes = ", ".join(f'list("{j.state}", {float(j.scale)!r}, {float(j.add)!r})' for j in jumps)
        segments.append(f"  list({begin!r}, {end!r}, {given}, list({changes}))")
    lines = text.values("  {name} = {number}@@  # {comment}").splitlines()
    return {
        "PARAMETERS": "\n".join(line.replace("@@", "," if i < len(lines) - 1 else "") for i, line in enumerate(lines)),
        "START": ",\n".join(f"  {n} = {model.start[n]!r}" for n in text.states),
        "INPUTS": ", ".join(f'"{n}"' for n in model.composition.inputs),
        "SEGMENTS": ",\n".join(segments),
        "RATES": ",\n".join(f"    {text.rate(n)}" for n in text.states),
        "OUTPUTS": ",\n".join(f"    {n} = {names(n)}" for n in model.outputs),
    }


_PYTHON = '''@HEADER@
"""One person's course as plain functions; NumPy and SciPy are all they need."""

import math

import numpy as np
from scipy.integrate import solve_ivp

PARAMETERS = {
@PARAMETERS@
}
START = {
@START@
}
INPUTS = (@INPUTS@)
# start, end (h), inputs that are not zero, deposits at the start: (state, scale, add) for y <- scale * y + add
SEGMENTS = (
@SEGMENTS@
)


def _where(condition, yes, no):
    return yes if condition else no


def _power(base, exponent):
    if base < 0 and exponent != int(exponent):
        return math.nan
    return base**exponent


def equations(t, y, p, u, exp=math.exp, log=math.log, where=_where, power=_power):
    """Derivatives (a list in the order of START) and outputs at time t for states y, parameters p and inputs u."""
@EQUATIONS@
    rates = [
@RATES@
    ]
    outputs = {
@OUTPUTS@
    }
    return rates, outputs


def simulate(times, parameters=None, rtol=1e-9, atol=1e-12, method="LSODA"):
    """name -> values at `times` (h, ascending). At a boundary the value is that before the dose. parameters : replace PARAMETERS."""
    p = PARAMETERS | dict(parameters or {})
    times = np.asarray(times, dtype=float)
    states = np.array(list(START.values()))
    place = {name: i for i, name in enumerate(START)}
    none = dict.fromkeys(INPUTS, 0.0)
    found = {}
    kept = [None] * len(times)
    for at in np.flatnonzero(times <= SEGMENTS[0][0]):
        kept[at] = equations(times[at], states, p, none)[1]
    for begin, end, inputs, deposits in SEGMENTS:
        for state, scale, add in deposits:
            states[place[state]] = scale * states[place[state]] + add
        u = none | inputs
        inside = np.flatnonzero((times > begin) & (times <= end))
        course = solve_ivp(
            lambda t, y: equations(t, y, p, u)[0],
            (begin, end),
            states,
            method=method,
            t_eval=np.unique([*times[inside], end]),
            rtol=rtol,
            atol=atol,
        )
        if not course.success:
            raise RuntimeError(course.message)
        for at in inside:
            column = int(np.searchsorted(course.t, times[at]))
            kept[at] = equations(times[at], course.y[:, column], p, u)[1]
        states = course.y[:, -1].copy()
    for name in kept[0] if kept else ():
        found[name] = np.array([row[name] for row in kept])
    return found


if __name__ == "__main__":
    for name, values in simulate([0.0, 1.0, 24.0]).items():
        print(f"{name:32}", *(f"{value:12.6g}" for value in values))
'''

_JULIA = """@HEADER@

using OrdinaryDiffEq

const PARAMETERS = Dict{String,Float64}(
@PARAMETERS@
)
const STATES = [@STATES@]
const START = [@START@]
const INPUTS = String[@INPUTS@]
# start, end (h), inputs that are not zero, deposits at the start: (state, scale, add) for y <- scale * y + add
const SEGMENTS = [
@SEGMENTS@
]

power(base, exponent) = base < 0 && exponent != round(exponent) ? NaN : base^exponent

function equations(y, p, u, t)
@EQUATIONS@
    d = zeros(eltype(y), length(y))
@RATES@
    out = Dict(@OUTPUTS@)
    return d, out
end

function simulate(times; parameters = Dict{String,Float64}(), reltol = 1e-9, abstol = 1e-12)
    p = merge(PARAMETERS, parameters)
    states = copy(START)
    none = Dict(n => 0.0 for n in INPUTS)
    found = Vector{Any}(undef, length(times))
    for i in eachindex(times)
        times[i] <= SEGMENTS[1][1] && (found[i] = equations(states, p, none, times[i])[2])
    end
    for (start, stop, inputs, deposits) in SEGMENTS
        for (state, scale, add) in deposits
            i = findfirst(==(state), STATES)
            states[i] = scale * states[i] + add
        end
        u = merge(none, inputs)
        inside = [i for i in eachindex(times) if start < times[i] <= stop]
        problem = ODEProblem((d, y, q, t) -> (d .= equations(y, p, u, t)[1]; nothing), states, (start, stop))
        course = solve(problem, Rodas5P(autodiff = false); reltol, abstol, saveat = sort(unique([times[inside]; stop])))
        for i in inside
            found[i] = equations(course(times[i]), p, u, times[i])[2]
        end
        states = copy(course.u[end])
    end
    return found
end
"""

_R = """@HEADER@

library(deSolve)

parameters <- list(
@PARAMETERS@
)
start <- c(
@START@
)
inputs <- c(@INPUTS@)
# start, end (h), inputs that are not zero, deposits at the start: state, scale, add for y <- scale * y + add
segments <- list(
@SEGMENTS@
)

power <- function(base, exponent) if (base < 0 && exponent != round(exponent)) NaN else base^exponent

equations <- function(t, y, p, u) {
  y <- unname(y)
@EQUATIONS@
  rates <- c(
@RATES@
  )
  list(rates, c(
@OUTPUTS@
  ))
}

simulate <- function(times, p = parameters, rtol = 1e-9, atol = 1e-12) {
  states <- start
  none <- as.list(setNames(rep(0, length(inputs)), inputs))
  found <- vector("list", length(times))
  for (i in which(times <= segments[[1]][[1]])) found[[i]] <- equations(times[i], states, p, none)[[2]]
  for (segment in segments) {
    for (deposit in segment[[4]]) states[[deposit[[1]]]] <- deposit[[2]] * states[[deposit[[1]]]] + deposit[[3]]
    u <- modifyList(none, segment[[3]])
    inside <- which(times > segment[[1]] & times <= segment[[2]])
    course <- ode(states, sort(unique(c(segment[[1]], times[inside], segment[[2]]))),
                  function(t, y, p) equations(t, y, p, u), p, method = "lsoda", rtol = rtol, atol = atol,
                  maxsteps = 1e5)
    for (i in inside) {
      row <- which.min(abs(course[, "time"] - times[i]))
      found[[i]] <- equations(times[i], course[row, names(start)], p, u)[[2]]
    }
    states <- course[nrow(course), names(start)]
  }
  found
}
"""
