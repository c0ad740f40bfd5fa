"""The model's own functions as straight-line vector code.

    prepare(p, in, t0, q)            hoisted values of a person and a segment
    start(p, t0, y)                  initial states
    observe(y, q, t, o)              outputs, and behind them a number that is NaN if one of them is not finite
    first_stage(y, q, lu, u, ft, t, shift, hd)   f, J, LU factors, and the first stage solved
    stage(y, q, lu, u, t)            f(y) + u, solved with the factors, into u

All pointers are to vectors of one lane per person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ketasim.core import UsageError

from ..symbolic.conditions import find_switches
from ..symbolic.derivative import TIME, Row, jacobian
from ..symbolic.graph import NUMBER, PERSON, Graph
from ..symbolic.slack import slack_states
from ..symbolic.system import System
from ..symbolic.time_switch import TimeSwitch
from . import functions
from .emit import Function, Module
from .linear import Straight, Tabled, linear_algebra

COMPARE = {"lt": "olt", "le": "ole", "eq": "oeq", "ne": "une"}
ATTRIBUTES = "nounwind"
LONGEST_FUNCTION = 1_500  # nodes
MOST_NODES = 400_000  # of a whole model
Arguments = list[tuple[str, str]]


@dataclass
class Layout:
    """What is kept in memory, how linear systems are solved, and whether time enters."""

    graph: Graph
    linear: Straight | Tabled
    time_rows: list[int]
    conditions: tuple[int, ...] = ()  # comparisons with states, watched by the loop
    timed_switches: tuple[TimeSwitch, ...] = ()
    timed: tuple[int, ...] = ()  # their nodes; constant between the cuts
    kept: dict[int, int] = field(default_factory=dict)  # node -> place in q
    slacks: dict[int, int] = field(default_factory=dict)  # leaf -> state

    @property
    def constant(self) -> dict[int, int]:
        """What does not change during a step: what is kept, and behind it the slacks."""
        return self.kept | {node: len(self.kept) + i for i, node in enumerate(self.slacks)}

    @property
    def held(self) -> dict[int, int]:
        """The same, and behind it the comparisons: those watched keep their truth during a step, those in time during a segment."""
        first = len(self.kept) + len(self.slacks)
        return self.constant | {node: first + i for i, node in enumerate((*self.conditions, *self.timed))}

    @property
    def size(self) -> int:
        """Vectors in q."""
        return len(self.kept) + len(self.slacks) + len(self.conditions) + len(self.timed)

    @property
    def depends_on_time(self) -> bool:
        return any(not self.graph.is_number(n, 0.0) for n in self.time_rows)

    def reach(self, nodes: list[int], kept: bool) -> set[int]:
        """Nodes to be computed for `nodes`: those behind them, up to hoisted ones if these are at hand."""
        seen: set[int] = set()
        stack = list(nodes)
        while stack:
            node = stack.pop()
            if node not in seen and self.graph.level[node] > NUMBER and not (kept and node in self.kept):
                seen.add(node)
                stack.extend(self.graph.args[node])
        return seen


def lay_out(system: System) -> Layout:
    """Jacobian, factors and the places of everything that is kept."""
    graph = system.graph
    rows: list[Row] = jacobian(graph, system.rates)
    linear = linear_algebra(graph, system.rates, rows)
    switches = find_switches(graph, system.rates, system.parameters, system.inputs)
    time_rows = [row.get(TIME, graph.zero) for row in rows]
    layout = Layout(graph, linear, time_rows, switches.in_states, switches.in_time, switches.nodes_in_time)
    roots = [*system.rates, *time_rows, *system.output_nodes, *layout.conditions, *layout.timed, *linear.roots]
    count = len(graph.reach(roots))
    if count > MOST_NODES:
        raise UsageError(
            f"the model is too large: {count:,} operations", where="compile_model", allowed=f"at most {MOST_NODES:,}"
        )
    layout.slacks = slack_states(graph, roots)
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
            return functions.UNARY[op](f, *a)
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


Frame = Callable[[Writer], None] | None


@contextmanager
def _part(
    module: Module, name: str, arguments: Arguments, layout: Layout, kept: bool = True, held: bool = False
) -> Iterator[Writer]:
    """One function and the writer of its nodes."""
    with Function(module, name, arguments, ATTRIBUTES) as f:
        yield Writer(f, layout.graph, layout.held if held else layout.constant if kept else {})


def _in_parts(
    module: Module,
    name: str,
    arguments: Arguments,
    layout: Layout,
    items: list[tuple[int, list[int]]],
    body: Callable[[Writer, list[int]], None],
    before: Frame = None,
    after: Frame = None,
    kept: bool = True,
    held: bool = False,
) -> None:
    """A function that works through `items` (key, nodes), cut into several where it would be long.

    The time LLVM takes grows faster than the length of a function.
    """
    groups: list[list[int]] = [[]]
    seen: set[int] = set()
    for key, nodes in items:
        fresh = layout.reach(nodes, kept) - seen
        if groups[-1] and len(seen) + len(fresh) > LONGEST_FUNCTION:
            groups.append([])
            seen, fresh = set(), layout.reach(nodes, kept)
        seen |= fresh
        groups[-1].append(key)
    if len(groups) > 1:
        for i, group in enumerate(groups):
            with _part(module, f"{name}{i}", arguments, layout, kept, held) as write:
                body(write, group)
    with _part(module, name, arguments, layout, kept, held) as write:
        if before:
            before(write)
        if len(groups) == 1:
            body(write, groups[0])
        else:
            for i in range(len(groups)):
                values = [(kind.split()[0], f"%{n}") for kind, n in arguments]
                write.f.call(f"{name}{i}", "void", *values)
        if after:
            after(write)


def write_prepare(module: Module, layout: Layout) -> None:
    arguments = [("ptr noalias", "p"), ("ptr noalias", "in"), ("double", "t0"), ("ptr noalias", "q")]

    def body(write: Writer, nodes: list[int]) -> None:
        for node in nodes:
            write.f.store_vector("%q", layout.kept[node], write.number_of(node))

    _in_parts(module, "prepare", arguments, layout, [(node, [node]) for node in layout.kept], body, kept=False)


def write_start(module: Module, system: System, layout: Layout) -> None:
    arguments = [("ptr noalias", "p"), ("double", "t0"), ("ptr noalias", "y")]

    def body(write: Writer, states: list[int]) -> None:
        for i in states:
            assert system.graph.level[system.starts[i]] in (NUMBER, PERSON)
            write.f.store_vector("%y", i, write.number_of(system.starts[i]))

    _in_parts(module, "start", arguments, layout, [(i, [n]) for i, n in enumerate(system.starts)], body, kept=False)


def write_observe(module: Module, system: System, layout: Layout) -> None:
    arguments = [("ptr noalias", "y"), ("ptr noalias", "q"), ("double", "t"), ("ptr noalias", "o")]
    count = len(system.output_nodes)

    def clear(write: Writer) -> None:
        write.f.store_vector("%o", count, write.f.splat_number(0.0))

    def body(write: Writer, outputs: list[int]) -> None:
        f = write.f
        zero, odd = f.splat_number(0.0), f.load_vector("%o", count)
        for i in outputs:
            node = system.output_nodes[i]
            value = write.number_of(node)
            f.store_vector("%o", i, value)
            if layout.graph.level[node] > NUMBER:
                odd = f.muladd(value, zero, odd)  # 0 times what is not finite is NaN
        f.store_vector("%o", count, odd)

    items = [(i, [n]) for i, n in enumerate(system.output_nodes)]
    _in_parts(module, "observe", arguments, layout, items, body, before=clear)


def write_conditions(module: Module, layout: Layout) -> None:
    """Truth of the watched comparisons as 1 or 0, and behind it left minus right side: conditions(y, q, t, o)."""
    arguments = [("ptr noalias", "y"), ("ptr noalias", "q"), ("double", "t"), ("ptr noalias", "o")]
    with _part(module, "conditions", arguments, layout) as write:
        for i, node in enumerate(layout.conditions):
            write.f.store_vector("%o", i, write.number_of(node))
            left, right = layout.graph.args[node]
            write.f.store_vector("%o", len(layout.conditions) + i, write.f.sub(write(left), write(right)))


def write_clock(module: Module, layout: Layout) -> None:
    """The comparisons in time at time t, into their places in q: clock(q, t)."""
    with _part(module, "clock", [("ptr noalias", "q"), ("double", "t")], layout) as write:
        for node in layout.timed:
            write.f.store_vector("%q", layout.held[node], write.number_of(node))


def write_first_stage(module: Module, system: System, layout: Layout) -> None:
    arguments = [("ptr noalias", n) for n in ("y", "q", "lu", "u", "ft")]
    arguments += [("double", "t"), ("double", "shift"), ("double", "hd")]
    timed = layout.depends_on_time

    def right(write: Writer) -> Callable[[int], str]:
        factor = write.f.splat("%hd") if timed else ""

        def value(k: int) -> str:
            b = write(system.rates[k])
            if timed:
                slope = write(layout.time_rows[k])
                write.f.store_vector("%ft", k, slope)
                b = write.f.muladd(factor, slope, b)
            return b

        return value

    linear = layout.linear
    if isinstance(linear, Straight):
        with _part(module, "first_stage", arguments, layout, held=True) as write:
            linear.first(write.f, write, right(write))
        return

    def body(write: Writer, states: list[int]) -> None:
        linear.fill(write.f, write, right(write), states)

    items = [(k, [system.rates[k], layout.time_rows[k], *linear.entries(k)]) for k in range(len(system.states))]
    _in_parts(
        module,
        "first_stage",
        arguments,
        layout,
        items,
        body,
        before=lambda write: linear.clear(write.f),
        after=lambda write: linear.factorise(write.f),
        held=True,
    )


def write_stage(module: Module, system: System, layout: Layout) -> None:
    arguments = [*(("ptr noalias", n) for n in ("y", "q", "lu", "u")), ("double", "t")]

    def right(write: Writer, k: int) -> str:
        return write.f.add(write(system.rates[k]), write.f.load_vector("%u", k))

    linear = layout.linear
    if isinstance(linear, Straight):
        with _part(module, "stage", arguments, layout, held=True) as write:
            linear.later(write.f, write, lambda k: right(write, k))
        return

    def body(write: Writer, states: list[int]) -> None:
        for k in states:
            write.f.store_vector("%u", k, right(write, k))

    items = [(k, [rate]) for k, rate in enumerate(system.rates)]
    _in_parts(module, "stage", arguments, layout, items, body, after=lambda write: linear.solve(write.f), held=True)


def write_rates(module: Module, system: System, layout: Layout) -> None:
    """rates(y, q, u, t): the rates into u, for explicit methods."""
    arguments = [*(("ptr noalias", n) for n in ("y", "q", "u")), ("double", "t")]

    def body(write: Writer, states: list[int]) -> None:
        for k in states:
            write.f.store_vector("%u", k, write(system.rates[k]))

    _in_parts(module, "rates", arguments, layout, [(k, [rate]) for k, rate in enumerate(system.rates)], body, held=True)


def write_substitution(module: Module, layout: Layout) -> None:
    """Another right-hand side solved with the factors of the step, in place: substitute_again(q, lu, u)."""
    arguments = [("ptr noalias", n) for n in ("q", "lu", "u")]
    linear = layout.linear
    with _part(module, "substitute_again", arguments, layout, held=True) as write:
        if isinstance(linear, Straight):
            linear.later(write.f, write, lambda k: write.f.load_vector("%u", k))
        else:
            linear.solve(write.f)
