"""Formulas of the model in the writing of other languages. What a language cannot say is refused by name, never left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ketasim.core import UsageError
from ketasim.engine.read.source import Expression, SourceModel

BINARY = {"times": "*", "divide": "/", "plus": "+", "minus": "-"}
COMPARE = {"lt": "<", "leq": "<=", "gt": ">", "geq": ">="}


@dataclass(frozen=True)
class Language:
    """How a language writes what the model needs.

    power, exp, log, choice : makers of text from arguments; choice(condition, yes, no). reserved : words that no variable may be called.
    number : of a float, exact. time : the name of the time.
    """

    name: str
    power: Callable[[str, str], str]
    exp: Callable[[str], str]
    log: Callable[[str], str]
    choice: Callable[[str, str, str], str]
    reserved: frozenset[str]
    number: Callable[[float], str] = lambda value: repr(float(value))
    time: str = "t"

    def named(self, identifier: str) -> str:
        """The identifier as a variable of this language."""
        return identifier + "_" if identifier in self.reserved else identifier

    def text(self, expression: Expression, where: str = "") -> str:
        """The formula as one expression, every operation in brackets so that no rule of precedence matters.

        Raises UsageError for an operation that is not among + - * / powers, exp, ln, comparisons and piecewise.
        """
        kind = expression[0]
        if kind == "number":
            return self.number(expression[1])
        if kind == "name":
            return self.named(expression[1])
        if kind == "time":
            return self.time
        if kind == "truth":
            raise UsageError("a truth value stands alone in a formula", where=where)
        operator, given = expression[1], [self.text(e, where) for e in expression[2]]
        if operator == "minus" and len(given) == 1:
            return f"(-{given[0]})"
        if operator in ("plus", "times") and not given:
            return self.number(0.0 if operator == "plus" else 1.0)
        if operator in BINARY:
            return "(" + f" {BINARY[operator]} ".join(given) + ")" if len(given) > 1 else given[0]
        if operator in COMPARE and len(given) == 2:
            return f"({given[0]} {COMPARE[operator]} {given[1]})"
        if operator == "power":
            return self.power(*given)
        if operator == "exp":
            return self.exp(given[0])
        if operator == "ln":
            return self.log(given[0])
        if operator == "piecewise" and len(given) >= 3 and len(given) % 2:
            found = given[-1]
            for i in range(len(given) - 3, -1, -2):
                found = self.choice(given[i + 1], given[i], found)
            return found
        raise UsageError(
            f"'{operator}' has no counterpart in the {self.name} export",
            where=where,
            allowed="+ - * / powers, exp, ln, < <= > >= and piecewise with an otherwise",
            fix="--to sbml",
        )


def ordered(source: SourceModel) -> list[str]:
    """Assigned variables so that each comes after what it reads."""
    found: list[str] = []
    open_: set[str] = set()
    stack = [(name, False) for name in reversed(list(source.assignments))]
    while stack:
        name, ready = stack.pop()
        if ready:
            open_.discard(name)
            found.append(name)
        elif name not in found:
            if name in open_:
                raise UsageError(f"'{name}' is defined by itself", where="export")
            open_.add(name)
            stack.append((name, True))
            reads = names_of(source.assignments[name])
            stack += [(n, False) for n in sorted(reads) if n in source.assignments and n not in found]
    return found


def names_of(expression: Expression) -> set[str]:
    """Identifiers in a formula."""
    if expression[0] == "name":
        return {expression[1]}
    if expression[0] != "call":
        return set()
    return {name for part in expression[2] for name in names_of(part)}


def uses_time(source: SourceModel) -> bool:
    """Whether some formula names the time: then the start of the run may not be moved."""

    def inside(expression: Expression) -> bool:
        return expression[0] == "time" or (expression[0] == "call" and any(inside(e) for e in expression[2]))

    laws = [r.law for r in source.reactions.values() if r.law is not None]
    return any(inside(e) for e in (*source.assignments.values(), *source.rates.values(), *laws))


def derivatives(source: SourceModel, states: tuple[str, ...]) -> dict[str, list[tuple[float, str]] | Expression]:
    """For each state its rate rule, or the signed reactions that move it (amounts: stoichiometry times the rate of the reaction)."""
    found: dict[str, list[tuple[float, str]] | Expression] = {}
    for name in states:
        if name in source.rates:
            found[name] = source.rates[name]
            continue
        species = source.species.get(name)
        if species is None or not species.substance_only or species.boundary or species.constant:
            raise UsageError(f"the state '{name}' is no amount that reactions move", where="export", fix="--to sbml")
        terms: list[tuple[float, str]] = []
        for identifier, reaction in source.reactions.items():
            for sign, side in ((-1.0, reaction.reactants), (1.0, reaction.products)):
                for participant in side:
                    if participant.species == name:
                        if participant.stoichiometry[0] != "number":
                            raise UsageError(f"the stoichiometry of {identifier} is a formula", where="export")
                        terms.append((sign * participant.stoichiometry[1], identifier))
        found[name] = terms
    return found


def evaluated(expression: Expression, known: Mapping[str, float]) -> float:
    """The number of a formula of constants (a start value)."""
    kind = expression[0]
    if kind == "number":
        return float(expression[1])
    if kind == "name":
        return float(known[expression[1]])
    if kind != "call":
        raise UsageError("a start value may not depend on the time", where="export")
    given = [evaluated(e, known) for e in expression[2]]
    operator = expression[1]
    if operator == "plus":
        return math.fsum(given)
    if operator == "times":
        return math.prod(given)
    if operator == "minus":
        return given[0] - given[1] if len(given) == 2 else -given[0]
    if operator == "divide":
        return given[0] / given[1]
    if operator == "power":
        return float(given[0] ** given[1])
    if operator == "exp":
        return math.exp(given[0])
    raise UsageError(f"a start value with '{operator}' cannot be worked out", where="export")
