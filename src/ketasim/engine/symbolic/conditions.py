"""Which comparisons inside piecewise expressions need care.

Comparisons that involve time but no state become `TimeSwitch`es. Comparisons that involve states are watched by the
stepping loop where the two sides of the switch differ by a jump; a mere kink, such as max(x, 0), is left to error control.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .derivative import TIME, Derivative
from .evaluate import describe, program
from .graph import DYNAMIC, Graph
from .switches import TimeSwitch

COMPARISONS = ("lt", "le")
IN_TIME = (*COMPARISONS, "eq", "ne")
STEPS = ("floor", "ceil", "trunc")


@dataclass(frozen=True)
class Switches:
    """Comparisons of a system: in time only (with their graph nodes), and, as nodes, those that involve states."""

    in_time: tuple[TimeSwitch, ...]
    nodes_in_time: tuple[int, ...]
    in_states: tuple[int, ...]


def find_switches(
    graph: Graph, rates: Iterable[int], parameters: Sequence[str] = (), inputs: Sequence[str] = ()
) -> Switches:
    """The comparisons that the rates depend on; `parameters` and `inputs` are names for messages."""
    in_time, nodes, in_states = list[TimeSwitch](), list[int](), set[int]()
    derivative = Derivative(graph)
    needed = sorted(graph.reach(rates))
    for node in needed:
        if graph.op[node] == "select" and not _is_kink(graph, node):
            in_states.update(_comparisons(graph, graph.args[node][0]))
    for node in needed:
        if graph.op[node] not in (*IN_TIME, *STEPS) or graph.level[node] < DYNAMIC:
            continue
        below = graph.reach([node])
        if any(graph.op[n] == "state" for n in below):
            continue
        nodes.append(node)
        truth = program(graph, [node])
        text = describe(truth, parameters, inputs)
        if graph.op[node] in STEPS or graph.is_boolean(graph.args[node][0]):
            in_time.append(TimeSwitch(truth, None, False, text))
            continue
        difference = graph.sub(*graph.args[node])
        slope = derivative.of(difference).get(TIME, graph.zero)
        broken = any(graph.op[n] in (*STEPS, "select", "power_sign") for n in below)
        gap = None if broken else program(graph, [difference, slope])
        in_time.append(TimeSwitch(truth, gap, not broken and graph.level[slope] < DYNAMIC, text))
    return Switches(tuple(in_time), tuple(nodes), tuple(sorted(in_states)))


def _comparisons(graph: Graph, condition: int) -> list[int]:
    """The comparisons with states in a truth value."""
    found, stack = [], [condition]
    while stack:
        node = stack.pop()
        if graph.op[node] in ("and", "or", "xor", "not"):
            stack.extend(graph.args[node])
        elif graph.op[node] in COMPARISONS and any(graph.op[n] == "state" for n in graph.reach([node])):
            found.append(node)
    return found


def _is_kink(graph: Graph, node: int) -> bool:
    """Whether both values of a select agree where its comparison changes, since they differ by a multiple of it."""
    condition, yes, no = graph.args[node]
    while graph.op[condition] == "not":
        condition = graph.args[condition][0]
    if graph.op[condition] not in COMPARISONS:
        return False
    gap = graph.sub(*graph.args[condition])
    step = graph.sub(yes, no)
    step = graph.args[step][0] if graph.op[step] == "neg" else step
    same = {gap, graph.neg(gap)}
    if step in same or (graph.op[step] == "sub" and graph.neg(step) in same):
        return True
    return graph.op[step] == "mul" and any(a in same for a in graph.args[step])
