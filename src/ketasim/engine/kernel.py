"""The model's own functions as straight-line vector code.

    prepare(p, in, t0, q)            hoisted values of a person and a segment
    start(p, t0, y)                  initial states
    observe(y, q, t, o)              outputs, and behind them a number that is NaN if one of them is not finite
    first_stage(y, q, lu, u, ft, t, shift, hd)   f, J, LU factors, and the first stage solved
    stage(y, q, lu, u, t)            f(y) + u, solved with the factors, into u

All pointers are to vectors of one lane per person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from . import functions
from .conditions import find_switches
from .derivative import TIME, Row, jacobian
from .elimination import Factors, factorise
from .emit import Function, Module
from .graph import DYNAMIC, NUMBER, PERSON, Graph
from .switches import TimeSwitch
from .system import System

COMPARE = {"lt": "olt", "le": "ole", "eq": "oeq", "ne": "une"}
ATTRIBUTES = "nounwind"


@dataclass
class Layout:
    """What is kept in memory: hoisted nodes and factors by position, and whether time enters."""

    graph: Graph
    factors: Factors
    time_rows: list[int]
    conditions: tuple[int, ...] = ()  # comparisons with states, watched by the loop
    timed_switches: tuple[TimeSwitch, ...] = ()
    kept: dict[int, int] = field(default_factory=dict)  # node -> place in q
    stored: dict[int, int] = field(default_factory=dict)  # node -> place in lu

    @property
    def depends_on_time(self) -> bool:
        return any(not self.graph.is_number(n, 0.0) for n in self.time_rows)


def lay_out(system: System) -> Layout:
    """Jacobian, factors and the places of everything that is kept."""
    graph = system.graph
    rows: list[Row] = jacobian(graph, system.rates)
    factors = factorise(graph, rows)
    switches = find_switches(graph, system.rates)
    time_rows = [row.get(TIME, graph.zero) for row in rows]
    layout = Layout(graph, factors, time_rows, switches.in_states, switches.in_time)
    roots = [*system.rates, *layout.time_rows, *system.output_nodes, *layout.conditions]
    for node in factor_entries(factors, graph):
        roots.append(node)
        if graph.level[node] == DYNAMIC:
            layout.stored[node] = len(layout.stored)
    for node in graph.hoisted(roots):
        layout.kept[node] = len(layout.kept)
    return layout


class Writer:
    """Writes the nodes of a graph into one function, each once."""

    def __init__(self, f: Function, graph: Graph, kept: dict[int, int], time: str = "") -> None:
        self.f, self.graph, self.kept, self.time = f, graph, kept, time
        self.values: dict[int, str] = {}

    def __call__(self, root: int) -> str:
        """The value of `root`; its dependencies are written first."""
        if root in self.values:
            return self.values[root]
        stack = [root]
        while stack:
            node = stack[-1]
            if node in self.values:
                stack.pop()
                continue
            missing = [] if node in self.kept else [a for a in self.graph.args[node] if a not in self.values]
            if missing:
                stack.extend(reversed(missing))
            else:
                self.values[node] = self._write(node)
                stack.pop()
        return self.values[root]

    def _write(self, node: int) -> str:
        f, g = self.f, self.graph
        op = g.op[node]
        if node in self.kept:
            value = f.load_vector("%q", self.kept[node])
            return f.compare("une", value, f.splat_number(0.0)) if g.is_boolean(node) else value
        if op == "number":
            return f.splat_number(g.value[node])
        if op in ("true", "false"):
            return f.all_true() if op == "true" else "zeroinitializer"
        if op in ("parameter", "input", "state"):
            return f.load_vector({"parameter": "%p", "input": "%in", "state": "%y"}[op], int(g.value[node]))
        if op in ("time", "start_time"):
            return f.splat("%t" if op == "time" else "%t0")
        if op == "shift":
            return f.splat("%shift")
        a = [self.values[x] for x in g.args[node]]
        if op in ("add", "sub", "mul"):
            return f.op("f" + op, *a)
        if op == "neg":
            return f.neg(a[0])
        if op == "recip":
            return f.div(f.splat_number(1.0), a[0])
        if op == "quotient":
            return f.div(*a)
        if op == "safe_recip":
            empty = f.compare("oeq", a[0], f.splat_number(0.0))
            return f.select(empty, f.splat_number(0.0), f.div(f.splat_number(1.0), a[0]))
        if op == "pow":
            return functions.power(f, *a)
        if op in functions.UNARY:
            return functions.UNARY[op](f, a[0])
        if op in COMPARE:
            return f.compare(COMPARE[op], *a)
        if op in ("and", "or", "xor"):
            return f.logic(op, *a)
        if op == "not":
            return f.invert(a[0])
        if op == "select":
            return f.select(*a)
        raise AssertionError(f"unknown operation {op}")

    def number_of(self, node: int) -> str:
        """Like a call, but a truth value becomes 1 or 0."""
        value = self(node)
        f = self.f
        return f.select(value, f.splat_number(1.0), f.splat_number(0.0)) if self.graph.is_boolean(node) else value


def write_prepare(module: Module, layout: Layout) -> None:
    arguments = [("ptr noalias", "p"), ("ptr noalias", "in"), ("double", "t0"), ("ptr noalias", "q")]
    with Function(module, "prepare", arguments, ATTRIBUTES) as f:
        write = Writer(f, layout.graph, {})
        for node, place in layout.kept.items():
            f.store_vector("%q", place, write.number_of(node))


def write_start(module: Module, system: System) -> None:
    arguments = [("ptr noalias", "p"), ("double", "t0"), ("ptr noalias", "y")]
    with Function(module, "start", arguments, ATTRIBUTES) as f:
        write = Writer(f, system.graph, {})
        for i, node in enumerate(system.starts):
            assert system.graph.level[node] in (NUMBER, PERSON)
            f.store_vector("%y", i, write.number_of(node))


def write_observe(module: Module, system: System, layout: Layout) -> None:
    arguments = [("ptr noalias", "y"), ("ptr noalias", "q"), ("double", "t"), ("ptr noalias", "o")]
    with Function(module, "observe", arguments, ATTRIBUTES) as f:
        write = Writer(f, system.graph, layout.kept)
        zero = odd = f.splat_number(0.0)
        for i, node in enumerate(system.output_nodes):
            value = write.number_of(node)
            f.store_vector("%o", i, value)
            if layout.graph.level[node] > NUMBER:
                odd = f.muladd(value, zero, odd)  # 0 times what is not finite is NaN
        f.store_vector("%o", len(system.output_nodes), odd)


def write_conditions(module: Module, layout: Layout) -> None:
    """Truth of the watched comparisons as 1 or 0: conditions(y, q, t, o)."""
    arguments = [("ptr noalias", "y"), ("ptr noalias", "q"), ("double", "t"), ("ptr noalias", "o")]
    with Function(module, "conditions", arguments, ATTRIBUTES) as f:
        write = Writer(f, layout.graph, layout.kept)
        for i, node in enumerate(layout.conditions):
            f.store_vector("%o", i, write.number_of(node))


def bare(graph: Graph, node: int) -> tuple[int, bool]:
    """The node without a leading minus, and whether there was one."""
    return (graph.args[node][0], True) if graph.op[node] == "neg" else (node, False)


def factor_entries(layout_factors: Factors, graph: Graph) -> list[int]:
    """All nodes that a solve multiplies by, without leading minus, each once."""
    found: dict[int, None] = {}
    for k in layout_factors.order:
        row = [*layout_factors.lower[k].values(), layout_factors.pivot[k], *layout_factors.upper[k].values()]
        found.update((bare(graph, node)[0], None) for node in row)
    return list(found)


def _solve(f: Function, layout: Layout, entry: Callable[[int], str], right: Callable[[int], str]) -> None:
    """Forward and backward substitution; the solution goes to %u. Rows are written in the order of elimination."""
    factors, graph = layout.factors, layout.graph

    def subtract(b: str, node: int, z: str) -> str:
        inner, negated = bare(graph, node)
        product = f.mul(entry(inner), z)
        return f.add(b, product) if negated else f.sub(b, product)

    z: dict[int, str] = {}
    for k in factors.order:
        b = right(k)
        for j, node in factors.lower[k].items():
            b = subtract(b, node, z[j])
        z[k] = f.mul(b, entry(factors.pivot[k]))
    for k in reversed(factors.order):
        for j, node in factors.upper[k].items():
            z[k] = subtract(z[k], node, z[j])
        f.store_vector("%u", k, z[k])


def write_first_stage(module: Module, system: System, layout: Layout) -> None:
    arguments = [("ptr noalias", n) for n in ("y", "q", "lu", "u", "ft")]
    arguments += [("double", "t"), ("double", "shift"), ("double", "hd")]
    with Function(module, "first_stage", arguments, ATTRIBUTES) as f:
        write = Writer(f, layout.graph, layout.kept)
        timed = layout.depends_on_time
        factor = f.splat("%hd") if timed else ""
        unstored = dict(layout.stored)

        def right(k: int) -> str:
            b = write(system.rates[k])
            if timed:
                slope = write(layout.time_rows[k])
                f.store_vector("%ft", k, slope)
                b = f.muladd(factor, slope, b)
            return b

        def entry(node: int) -> str:
            value = write(node)
            if node in unstored:  # at once, so that it need not stay in a register
                f.store_vector("%lu", unstored.pop(node), value)
            return value

        _solve(f, layout, entry, right)
        growth = f.splat_number(0.0)
        for node in dict.fromkeys(layout.factors.pivot.values()):
            size = f.intrinsic("fabs", write(node))
            # unordered: a pivot that is not a number stays visible
            growth = f.select(f.compare("ugt", size, growth), size, growth)
        f.store_vector("%lu", len(layout.stored), growth)


def write_stage(module: Module, system: System, layout: Layout) -> None:
    arguments = [("ptr noalias", n) for n in ("y", "q", "lu", "u")]
    with Function(module, "stage", [*arguments, ("double", "t")], ATTRIBUTES) as f:
        write = Writer(f, layout.graph, layout.kept)
        loaded: dict[int, str] = {}

        def right(k: int) -> str:
            return f.add(write(system.rates[k]), f.load_vector("%u", k))

        def entry(node: int) -> str:
            if node not in layout.stored:
                return write(node)
            if node not in loaded:
                loaded[node] = f.load_vector("%lu", layout.stored[node])
            return loaded[node]

        _solve(f, layout, entry, right)
