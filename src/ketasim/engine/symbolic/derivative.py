"""Exact sparse derivatives of graph nodes with respect to states and time (forward mode on the graph)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from .graph import DYNAMIC, Graph

TIME = -1  # key of the derivative with respect to time; states have their index as key
FLAT = frozenset({"floor", "ceil", "trunc", "power_sign", "quotient"})
UNBOUNDED = frozenset({"recip", "exp", "pow", "ln", "sinh", "cosh", "quotient"})
Row = dict[int, int]


class Derivative:
    """`of(node)` gives {variable: node of the derivative}; only structural non-zeros are in it.

    `stops` maps nodes to keys: they count as variables of their own, and what is behind them is not looked at.
    """

    def __init__(self, graph: Graph, stops: Mapping[int, int] | None = None) -> None:
        self.graph = graph
        self.stops = stops or {}
        self._memo: dict[int, Row] = {}
        self._unbounded: dict[int, bool] = {}
        self._infinity = graph.number(math.inf)

    def of(self, root: int) -> Row:
        stack = [root]
        while stack:  # children first, without recursion: sums of a thousand terms are chains
            node = stack[-1]
            if node in self._memo:
                stack.pop()
                continue
            inner = self.graph.level[node] == DYNAMIC and node not in self.stops
            missing = [a for a in self.graph.args[node] if a not in self._memo] if inner else []
            if missing:
                stack.extend(missing)
            else:
                self._memo[node] = self._row(node) if self.graph.level[node] == DYNAMIC else {}
                stack.pop()
        return self._memo[root]

    def _row(self, node: int) -> Row:
        g = self.graph
        op, args = g.op[node], g.args[node]
        if node in self.stops:
            return {self.stops[node]: g.one}
        if op == "state":
            return {int(g.value[node]): g.one}
        if op == "time":
            return {TIME: g.one}
        if not args or g.is_boolean(node) or op in FLAT:
            return {}
        rows = [self._memo[a] for a in args]
        if not any(rows):
            return {}
        if op == "neg":
            return {k: g.neg(v) for k, v in rows[0].items()}
        if op in ("add", "sub"):
            return self._sum(rows[0], rows[1] if op == "add" else {k: g.neg(v) for k, v in rows[1].items()})
        if op == "mul":
            return self._sum(self._scaled(rows[0], args[1]), self._scaled(rows[1], args[0]))
        if op == "select":
            keys = [*rows[1], *(k for k in rows[2] if k not in rows[1])]
            return {k: g.select(args[0], rows[1].get(k, g.zero), rows[2].get(k, g.zero)) for k in keys}
        if op == "pow":
            return self._power(node, rows)
        if op == "recip" and any(map(self._may_overflow, rows[0].values())):
            # y y would be 0 too early: 1/(1 + exp(500)) squared is below all numbers, times exp(500) it is not
            return {k: g.neg(g.node("mul", node, g.mul(node, v))) for k, v in self.bounded(rows[0]).items()}
        return self._scaled(self.bounded(rows[0]), self._slope(node, op, args[0]))

    def bounded(self, row: Row) -> Row:
        """What goes into the derivative of an outer function, with 0 for what is not finite.

        exp(1000), or 1/C at C = 0, may be infinite inside a formula that is finite, such as 1/(1 + exp(-s (t - 1))) or
        1/(1 + (K/C)^n): the outer function is flat there, and 0 times infinity would be no number.
        """
        g = self.graph
        return {
            k: g.select(g.compare("lt", g.unary("abs", v), self._infinity), v, g.zero) if self._may_overflow(v) else v
            for k, v in row.items()
        }

    def _may_overflow(self, node: int) -> bool:
        """Whether an operation without bound is in it, so that it can be infinite where the states are not."""
        stack, seen = [node], list[int]()
        while stack:
            current = stack.pop()
            if current in self._unbounded:
                if self._unbounded[current]:
                    break
                continue
            seen.append(current)
            if self.graph.level[current] < DYNAMIC:
                self._unbounded[current] = False
            elif self.graph.op[current] in UNBOUNDED:
                self._unbounded[current] = True
                break
            else:
                stack.extend(self.graph.args[current])
        else:
            self._unbounded.update(dict.fromkeys(seen, False))
            return False
        self._unbounded[node] = True
        return True

    def _sum(self, a: Row, b: Row) -> Row:
        result = dict(a)
        for key, value in b.items():
            result[key] = self.graph.add(result[key], value) if key in result else value
        return {k: v for k, v in result.items() if not self.graph.is_number(v, 0.0)}

    def _scaled(self, row: Row, factor: int) -> Row:
        return {k: self.graph.mul(factor, v) for k, v in row.items()}

    def _power(self, node: int, rows: list[Row]) -> Row:
        g = self.graph
        base, exponent = g.args[node][:2]
        result: Row = {}
        if rows[0]:
            # d a^b = b a^b / a ; at a = 0 the quotient is taken as 0, its limit for b > 1
            factor = g.mul(exponent, g.mul(node, g.safe_recip(base)))
            result = self._scaled(self.bounded(rows[0]), factor)
        if rows[1]:
            positive = g.compare("lt", g.zero, base)
            factor = g.select(positive, g.mul(node, g.unary("ln", g.select(positive, base, g.one))), g.zero)
            result = self._sum(result, self._scaled(self.bounded(rows[1]), factor))
        return result

    def _slope(self, node: int, op: str, a: int) -> int:
        """Derivative of a function of one argument, as a node."""
        g = self.graph
        if op == "recip":
            return g.neg(g.mul(node, node))
        if op == "safe_recip":
            return g.neg(g.mul(node, node))
        if op == "exp":
            return node
        if op == "ln":
            return g.recip(a)
        if op == "sqrt":
            return g.mul(g.number(0.5), g.safe_recip(node))
        if op == "abs":
            return g.select(g.compare("lt", a, g.zero), g.number(-1.0), g.one)
        if op == "sin":
            return g.unary("cos", a)
        if op == "cos":
            return g.neg(g.unary("sin", a))
        if op == "tanh":
            return g.sub(g.one, g.mul(node, node))
        if op == "sinh":
            return g.unary("cosh", a)
        if op == "cosh":
            return g.unary("sinh", a)
        square = g.mul(a, a)
        if op == "atan":
            return g.recip(g.add(g.one, square))
        if op == "asin":
            return g.recip(g.sqrt(g.sub(g.one, square)))
        if op == "acos":
            return g.neg(g.recip(g.sqrt(g.sub(g.one, square))))
        if op == "asinh":
            return g.recip(g.sqrt(g.add(square, g.one)))
        if op == "acosh":
            return g.recip(g.sqrt(g.sub(square, g.one)))
        if op == "atanh":
            return g.recip(g.sub(g.one, square))
        raise AssertionError(f"no derivative for {op}")


def jacobian(graph: Graph, roots: Iterable[int], between: Sequence[int] = ()) -> list[Row]:
    """One sparse row per root: {state index or TIME: node}.

    between : nodes (quantities that several roots read) taken for variables of their own; their columns stand behind those of the states, from
    len(roots) on, and behind the rows of the roots stand their own, in the same order. So many roots as states then.
    """
    roots = list(roots)
    stops = {node: len(roots) + i for i, node in enumerate(between)}
    derivative = Derivative(graph, stops)
    found = [dict(derivative.of(root)) for root in roots]
    for node in between:
        inner = Derivative(graph, {n: k for n, k in stops.items() if n != node})
        found.append(inner.bounded(inner.of(node)))  # the rates are its outer functions
    return found
