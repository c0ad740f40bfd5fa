"""Sizes of compartments are positive: what is 0 or less becomes NaN in the model, and is named when a run fails by it.

The comparison sits in the rates, so that the moment of crossing is found like that of any other switch, and only the
person whose size it is fails.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ketasim.core import UsageError

from .evaluate import Program, evaluate

if TYPE_CHECKING:
    from ..read.source import SourceModel
    from .graph import Graph

SMALL = 1e-6  # sizes below this, at the place of a failure, are worth telling


@dataclass(frozen=True)
class Size:
    """The size of a compartment that differs between people or in time, or is not positive."""

    compartment: str
    value: Program


def has_size(source: SourceModel, compartment: str) -> bool:
    """Whether the text says how large this compartment is."""
    found = source.compartments.get(compartment)
    return found is not None and (
        found.size is not None or any(compartment in x for x in (source.rates, source.assignments, source.initial))
    )


def guarded(graph: Graph, size: int, value: int, compartment: str) -> int:
    """`value` where `size` is positive, NaN elsewhere; a negative number is refused at once."""
    if graph.is_number(size) and graph.value[size] < 0:
        raise UsageError(
            f"compartment '{compartment}' has the size {graph.value[size]:g}",
            where="model text",
            allowed="a size of more than 0",
            fix=f"compartment {compartment} = 1",
        )
    return graph.select(graph.compare("lt", graph.zero, size), value, graph.number(math.nan))


def blame(sizes: Sequence[Size], states: Sequence[float], parameters: Sequence[float], time: float) -> str:
    """Which compartment was empty, or nearly, where a run failed; empty if none was."""
    for size in sizes:
        if size.value.uses("input") or size.value.uses("start_time"):
            continue  # not known here
        found = float(evaluate(size.value, time=time, parameters=parameters, states=states)[0])
        if not found > SMALL:
            return f"; compartment {size.compartment} has the size {found:g} there, and a size must be more than 0"
    return ""


def bad_parameter(row: Sequence[float], names: Sequence[str], sizes: Sequence[str]) -> str:
    """Which of a person's parameters cannot be used, and why."""
    for name, value in zip(names, row, strict=True):
        if not math.isfinite(value):
            return f"parameter {name} is not a finite number"
        if name in sizes and value <= 0:
            return f"parameter {name} is the size of a compartment and is {value:g}"
    raise AssertionError("no bad parameter")
