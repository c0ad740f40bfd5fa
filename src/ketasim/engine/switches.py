"""Switches: comparisons inside piecewise expressions.

A comparison of time with something fixed is found before the run, and the integration is cut there, so that no pulse is
stepped over, however short. Comparisons that involve states are watched by the stepping loop where the two sides of
the switch differ by a jump; a mere kink, such as max(x, 0), is left to error control.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .derivative import TIME, Derivative
from .evaluate import Program, evaluate, program
from .graph import DYNAMIC, Graph
from .types import FloatArray

COMPARISONS = ("lt", "le")
SAMPLES = 2048  # per segment, for comparisons that are not linear in time
BISECTIONS = 60


@dataclass(frozen=True)
class TimeSwitch:
    """A comparison that depends on time but on no state. `truth` gives its value, `line` (value and slope of
    left minus right side) is present when that is a straight line in time."""

    truth: Program
    line: Program | None

    @property
    def personal(self) -> bool:
        """Whether its moment can differ between people."""
        return self.truth.uses("parameter") or self.truth.uses("input")

    def moments(self, begin: float, end: float, start: float, parameters: FloatArray, inputs: FloatArray) -> FloatArray:
        """Moments inside (begin, end) at which the comparison of one person changes."""
        if self.line is not None:
            value, slope = evaluate(self.line, time=begin, start_time=start, parameters=list(parameters), inputs=list(inputs))
            with np.errstate(all="ignore"):
                moment = begin - float(value) / float(slope)
            return np.array([moment]) if begin < moment < end else np.zeros(0)

        def truth(t: FloatArray) -> FloatArray:
            value = evaluate(self.truth, time=t, start_time=start, parameters=list(parameters), inputs=list(inputs))[0]
            return np.broadcast_to(value, t.shape)

        grid = np.linspace(begin, end, SAMPLES + 1)
        grid[0], grid[-1] = np.nextafter(begin, end), np.nextafter(end, begin)
        values = truth(grid)
        change = np.flatnonzero(values[1:] != values[:-1])
        low, high, before = grid[change], grid[change + 1], values[change]
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            same = truth(middle) == before
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        return high


@dataclass(frozen=True)
class Switches:
    """Comparisons of a system: in time only, and (as graph nodes) those that involve states."""

    in_time: tuple[TimeSwitch, ...]
    in_states: tuple[int, ...]


def find_switches(graph: Graph, rates: Iterable[int]) -> Switches:
    """The comparisons that the rates depend on."""
    in_time, in_states = [], set()
    derivative = Derivative(graph)
    needed = sorted(graph.reach(rates))
    for node in needed:
        if graph.op[node] == "select" and not _is_kink(graph, node):
            in_states.update(_comparisons(graph, graph.args[node][0]))
    for node in needed:
        if graph.op[node] not in COMPARISONS or graph.level[node] < DYNAMIC:
            continue
        below = graph.reach([node])
        if any(graph.op[n] == "state" for n in below):
            continue
        difference = graph.sub(*graph.args[node])
        slope = derivative.of(difference).get(TIME, graph.zero)
        broken = any(graph.op[n] in ("floor", "ceil", "trunc", "select") for n in below)
        straight = not broken and graph.level[slope] < DYNAMIC
        in_time.append(TimeSwitch(program(graph, [node]), program(graph, [difference, slope]) if straight else None))
    return Switches(tuple(in_time), tuple(sorted(in_states)))


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
