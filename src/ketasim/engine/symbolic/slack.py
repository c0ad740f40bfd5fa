"""How far below zero a base or a radicand may come before its fractional power is not a number.

A compartment that empties is left by the integration at zero give or take its error. A base b(y) with a fractional
exponent, and the radicand of a root, count as zero down to

    -sum_i |db/dy_i| s_i,    s_i = UNDERSHOOT (atol_i + rtol max |y_i| so far),

and are NaN below. A base without states (of numbers, parameters, inputs or time) has no error of integration: any
negative one is NaN.
"""

from __future__ import annotations

from dataclasses import replace

from .derivative import TIME, Derivative
from .graph import Graph
from .system import System

UNDERSHOOT = 10.0  # tolerances of a state; local errors of a few steps may add up


def with_slack(system: System) -> System:
    """The same system with a slack as last argument of every root and fractional power whose base has states."""
    graph = system.graph
    rebuilt = _Rebuilt(graph)
    return replace(
        system, rates=[rebuilt(n) for n in system.rates], output_nodes=[rebuilt(n) for n in system.output_nodes]
    )


def slack_states(graph: Graph, roots: list[int]) -> dict[int, int]:
    """Leaf -> state of the slacks that `roots` need."""
    return {n: int(graph.value[n]) for n in sorted(graph.reach(roots)) if graph.op[n] == "slack"}


class _Rebuilt:
    """Copies nodes, arguments first; what holds no such root stays the same node."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.memo = graph, dict[int, int]()
        self.derivative = Derivative(graph)

    def __call__(self, root: int) -> int:
        g, stack = self.graph, [root]
        while stack:
            node = stack[-1]
            missing = [a for a in g.args[node] if a not in self.memo]
            if node in self.memo or not missing:
                stack.pop()
                if node not in self.memo:
                    self.memo[node] = self._copy(node)
            else:
                stack.extend(missing)
        return self.memo[root]

    def _copy(self, node: int) -> int:
        g = self.graph
        args = tuple(self.memo[a] for a in g.args[node])
        if g.op[node] == "sqrt" or (g.op[node] == "pow" and not self._whole(args[2])):
            slack = self._slack(args[0])
            if not g.is_number(slack, 0.0):
                return g.node(g.op[node], *args, slack)
        if args == g.args[node]:
            return node
        return g.node(g.op[node], *(sorted(args) if g.op[node] in ("add", "mul", "and", "or", "xor") else args))

    def _whole(self, sign: int) -> bool:
        """Whether the factor of a negative base is known to be 1 or -1."""
        return self.graph.is_number(sign) and abs(self.graph.value[sign]) == 1.0

    def _slack(self, base: int) -> int:
        g = self.graph
        row = self.derivative.of(base)
        return g.total(g.mul(g.unary("abs", slope), g.slack(i)) for i, slope in row.items() if i != TIME)
