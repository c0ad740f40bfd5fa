"""Quantities through which several rates read many states: the share of receptors occupied, made of the levels of eight substances.

With such a quantity z as an unknown of its own, each of the R rates has one entry for it in the linear system of a step in place of one for each of
the W states behind it: R + W entries instead of R W, and dz/dy is worked out once. The solution is the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from .derivative import TIME, Derivative, Row, jacobian
from .graph import DYNAMIC, Graph

NARROWEST = 3  # states (or other such quantities) behind a quantity that is worth an unknown
MOST_TRIED = 8


def bridges(graph: Graph, rates: Sequence[int], rows: Sequence[Row]) -> tuple[int, ...]:
    """Nodes worth an unknown of their own, each of which lowers the number of entries of the Jacobian; `rows` is that of `rates` without any."""
    chosen: tuple[int, ...] = ()
    least, tried = _entries(rows), 0
    derivative = Derivative(graph)
    for node in _candidates(graph, rates):
        if tried == MOST_TRIED:
            break
        if len(derivative.of(node)) < NARROWEST:  # those chosen already are all that is behind it
            continue
        tried += 1
        entries = _entries(jacobian(graph, rates, (*chosen, node)))
        if entries < least:
            chosen, least = (*chosen, node), entries
            derivative = Derivative(graph, {other: len(rates) + i for i, other in enumerate(chosen)})
    return chosen


def _entries(rows: Sequence[Row]) -> int:
    return sum(len(row) for row in rows)


def _candidates(graph: Graph, rates: Sequence[int]) -> list[int]:
    """Nodes with several states and no time behind them that several rates read, the most promising first.

    Of a chain of functions of one another the innermost: its derivatives are the simplest.
    """
    readers: dict[int, int] = {}  # a bit for each rate
    for i, rate in enumerate(dict.fromkeys(rates)):
        readers[rate] = readers.get(rate, 0) | 1 << i
    for node in sorted(graph.reach(rates), reverse=True):  # arguments have lower numbers than what is made of them
        for argument in graph.args[node]:
            readers[argument] = readers.get(argument, 0) | readers[node]
    derivative = Derivative(graph)
    found = []
    for node, bits in readers.items():
        count = bits.bit_count()
        if count < 2 or graph.level[node] < DYNAMIC or graph.op[node] == "state" or graph.is_boolean(node):
            continue
        row = derivative.of(node)
        if len(row) >= NARROWEST and TIME not in row:
            found.append(((len(row) - 1) * (1 - count), node))
    return [node for _, node in sorted(found)]
