"""A model as it was written, without any library objects: what the reader makes and the assembler consumes.

Expressions are nested tuples: ("number", 1.5), ("name", "k1"), ("time",), ("call", "plus", (a, b, ...)).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Expression = tuple[Any, ...]


def number(value: float) -> Expression:
    return ("number", float(value))


def name(identifier: str) -> Expression:
    return ("name", identifier)


def call(operator: str, *arguments: Expression) -> Expression:
    return ("call", operator, arguments)


@dataclass(frozen=True)
class Compartment:
    """`size` in the unit of the model, None if the text gives none; a compartment of 0 dimensions has no size."""

    size: float | None
    constant: bool = True
    dimensions: float = 3.0


@dataclass(frozen=True)
class Species:
    compartment: str
    amount: float | None = None
    concentration: float | None = None
    substance_only: bool = False  # True: the identifier means an amount, False: a concentration
    boundary: bool = False
    constant: bool = False
    conversion: str | None = None


@dataclass(frozen=True)
class Parameter:
    value: float | None
    constant: bool = True


@dataclass(frozen=True)
class Participant:
    """`stoichiometry` of a species in a reaction; `identifier` is set when other expressions can refer to it."""

    species: str
    stoichiometry: Expression
    identifier: str | None = None


@dataclass(frozen=True)
class Reaction:
    reactants: tuple[Participant, ...]
    products: tuple[Participant, ...]
    law: Expression | None


@dataclass
class SourceModel:
    """Everything of the supported subset, by identifier, in the order of the text."""

    name: str = ""
    compartments: dict[str, Compartment] = field(default_factory=dict)
    species: dict[str, Species] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    functions: dict[str, tuple[tuple[str, ...], Expression]] = field(default_factory=dict)
    initial: dict[str, Expression] = field(default_factory=dict)
    assignments: dict[str, Expression] = field(default_factory=dict)
    rates: dict[str, Expression] = field(default_factory=dict)
    reactions: dict[str, Reaction] = field(default_factory=dict)
    conversion: str | None = None

    def identifiers(self) -> list[str]:
        return [*self.compartments, *self.species, *self.parameters, *self.reactions]
