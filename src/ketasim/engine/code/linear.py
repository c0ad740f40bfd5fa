"""Writes the linear algebra of a step: factors of (shift I - J), and solves with them.

Two ways, chosen by the amount of work that elimination takes:

    Straight   every operation is an instruction; numbers and hoisted values are used where they are. For the sparse
               Jacobians of chains of mechanisms, which have almost no fill-in.
    Tabled     Jacobian entries go to memory and loops over index tables do the rest, so that the size of the code does
               not grow with the fill-in. For densely coupled models.
"""

from __future__ import annotations

from collections.abc import Callable

from ketasim.core import UsageError

from ..symbolic.bridges import bridges
from ..symbolic.derivative import TIME, Row, jacobian
from ..symbolic.elimination import Elimination, factorise
from ..symbolic.graph import DYNAMIC, Graph
from .emit import Function, Module

MOST_STRAIGHT = 2_500  # multiplications in elimination and one solve
MOST_NODES = 6_000  # of rates and Jacobian together in one function
MOST_TABLED = 4_000_000  # entries of the tables

Value = Callable[[int], str]  # what a node is worth in the function being written, or a right-hand side by state


def linear_algebra(graph: Graph, rates: list[int], rows: list[Row]) -> Straight | Tabled:
    """The cheaper way for the Jacobian `rows` of `rates`."""
    elimination = Elimination(pattern(rows))
    nodes = graph.reach([*rates, *(node for row in rows for node in row.values())])
    if elimination.work() <= MOST_STRAIGHT and len(nodes) <= MOST_NODES:
        return bridged(graph, rates, rows) or Straight(graph, rows, elimination)
    return Tabled(graph, rows, elimination)


def bridged(graph: Graph, rates: list[int], rows: list[Row]) -> Straight | None:
    """With what several rates read many states through (`symbolic.bridges`) as unknowns of their own, if there is such a thing.

    Their pivots have to stay 1, which they do where no state that they are made of reads them in turn.
    """
    between = bridges(graph, rates, rows)
    if not between:
        return None
    wide = jacobian(graph, rates, between)
    found = Straight(graph, wide, Elimination(pattern(wide)), len(rates))
    plain = all(graph.is_number(found.factors.pivot[k], 1.0) for k in range(len(rates), len(wide)))
    return found if plain else None


def pattern(rows: list[Row]) -> list[set[int]]:
    """Columns of the entries of each row, without time."""
    return [{j for j in row if j != TIME} for row in rows]


def bare(graph: Graph, node: int) -> tuple[int, bool]:
    """The node without a leading minus, and whether there was one."""
    return (graph.args[node][0], True) if graph.op[node] == "neg" else (node, False)


class Straight:
    """Factors as graph nodes; `stored` gives the places of those that change from step to step.

    states : so many unknowns are states; those behind them are quantities between, with a right-hand side of 0 and a pivot of 1.
    """

    def __init__(self, graph: Graph, rows: list[Row], elimination: Elimination, states: int | None = None) -> None:
        self.graph = graph
        self.states = len(rows) if states is None else states
        self.factors = factorise(graph, rows, elimination, self.states)
        found: dict[int, None] = {}
        for k in self.factors.order:
            row = [*self.factors.lower[k].values(), *self.factors.upper[k].values()]
            row += [self.factors.pivot[k]] if k < self.states else []
            found.update((bare(graph, node)[0], None) for node in row)
        self.roots = list(found)
        changing = [node for node in found if graph.level[node] == DYNAMIC]
        self.stored = {node: place for place, node in enumerate(changing)}

    @property
    def size(self) -> int:
        """Vectors of memory; the caller adds one for the growth."""
        return len(self.stored)

    def write_functions(self, module: Module) -> None:
        """No functions of its own."""

    def first(self, f: Function, write: Value, right: Value) -> None:
        """Factors into %lu, the solution for `right` into %u."""
        unstored = dict(self.stored)

        def entry(node: int) -> str:
            value = write(node)
            if node in unstored:  # at once, so that it need not stay in a register
                f.store_vector("%lu", unstored.pop(node), value)
            return value

        self._solve(f, entry, right)
        growth = f.splat_number(0.0)
        for node in dict.fromkeys(self.factors.pivot[k] for k in range(self.states)):
            growth = larger(f, f.intrinsic("fabs", write(node)), growth)
        f.store_vector("%lu", self.size, growth)

    def later(self, f: Function, write: Value, right: Value) -> None:
        """The solution for `right` into %u, with the factors in %lu."""
        loaded: dict[int, str] = {}

        def entry(node: int) -> str:
            if node not in self.stored:
                return write(node)
            if node not in loaded:
                loaded[node] = f.load_vector("%lu", self.stored[node])
            return loaded[node]

        self._solve(f, entry, right)

    def _solve(self, f: Function, entry: Value, right: Value) -> None:
        """Forward and backward substitution. Rows are written in the order of elimination."""
        factors = self.factors

        def subtract(b: str, node: int, z: str) -> str:
            inner, negated = bare(self.graph, node)
            product = f.mul(entry(inner), z)
            if not b:
                return product if negated else f.neg(product)
            return f.add(b, product) if negated else f.sub(b, product)

        z: dict[int, str] = {}  # "" is 0
        for k in factors.order:
            b = right(k) if k < self.states else ""
            for j, node in factors.lower[k].items():
                b = subtract(b, node, z[j]) if z[j] else b
            z[k] = f.mul(b, entry(factors.pivot[k])) if k < self.states else b
        for k in reversed(factors.order):
            for j, node in reversed(factors.upper[k].items()):  # what is known first comes first: a shorter chain
                z[k] = subtract(z[k], node, z[j]) if z[j] else z[k]
            if k < self.states:
                f.store_vector("%u", k, z[k])


def larger(f: Function, a: str, b: str) -> str:
    """The larger one; a value that is no number stays visible, hence the unordered comparison."""
    return f.select(f.compare("ugt", a, b), a, b)


class Tabled:
    """Entries in memory: the diagonal, then the upper factor by rows, then the lower factor by columns."""

    def __init__(self, graph: Graph, rows: list[Row], elimination: Elimination) -> None:
        self.graph, self.rows, self.elimination = graph, rows, elimination
        order, position = elimination.order, elimination.position
        self.n = len(order)
        upper = [sorted(elimination.upper[k], key=position.__getitem__) for k in order]
        lower = [sorted(elimination.lower_column[k], key=position.__getitem__) for k in order]
        self.place = {(k, k): p for p, k in enumerate(order)}
        for p, k in enumerate(order):
            self.place |= {(k, j): len(self.place) + i for i, j in enumerate(upper[p])}
        self.below = len(self.place)
        for p, k in enumerate(order):
            self.place |= {(i, k): len(self.place) + c for c, i in enumerate(lower[p])}
        targets = sum(len(a) * len(b) for a, b in zip(upper, lower, strict=True))
        if targets + len(self.place) > MOST_TABLED:
            raise UsageError(
                f"the model is too densely coupled: eliminating its {self.n} states takes {targets:,} multiplications "
                "per step",
                where="compile_model",
                allowed=f"about {MOST_TABLED:,}",
            )
        by_row: dict[int, list[int]] = {k: [] for k in order}
        for p, k in enumerate(order):
            for i in lower[p]:
                by_row[i].append(k)
        self.tables = {
            "order": order,
            "upper_start": _starts(upper),
            "lower_start": _starts(lower),
            "upper_state": [j for row in upper for j in row],
            "target": [self.place[i, j] for p in range(self.n) for i in lower[p] for j in upper[p]],
            "row_start": _starts([by_row[k] for k in order]),
            "row_entry": [self.place[k, j] for k in order for j in by_row[k]],
            "row_state": [j for k in order for j in by_row[k]],
        }
        self.roots = [node for row in rows for j, node in row.items() if j != TIME]

    @property
    def size(self) -> int:
        return len(self.place)

    def entries(self, i: int) -> list[int]:
        """Nodes of row i of the Jacobian."""
        return [node for j, node in self.rows[i].items() if j != TIME]

    def clear(self, f: Function) -> None:
        with f.loop(self.size) as i:
            f.store_vector("%lu", i, f.splat_number(0.0))

    def fill(self, f: Function, write: Value, right: Value, states: list[int]) -> None:
        """Rows of the matrix into %lu and of the right-hand side into %u."""
        shift = f.splat("%shift")
        for i in states:
            f.store_vector("%u", i, right(i))
            row = self.rows[i]
            for j, node in row.items():
                if j not in (TIME, i):
                    f.store_vector("%lu", self.place[i, j], f.neg(write(node)))
            diagonal = f.sub(shift, write(row[i])) if i in row else shift
            f.store_vector("%lu", self.place[i, i], diagonal)

    def factorise(self, f: Function) -> None:
        f.call("eliminate", "void", ("ptr", "%lu"))
        self.solve(f)

    def solve(self, f: Function) -> None:
        f.call("substitute", "void", ("ptr", "%lu"), ("ptr", "%u"))

    def write_functions(self, module: Module) -> None:
        for name, numbers in self.tables.items():
            numbers = numbers or [0]
            body = ", ".join(f"i32 {number}" for number in numbers)
            module.parts.append(f"@{name} = private unnamed_addr constant [{len(numbers)} x i32] [{body}]")
        with Function(module, "eliminate", [("ptr noalias", "lu")], "nounwind") as f:
            self._write_elimination(f)
        with Function(module, "substitute", [("ptr noalias", "lu"), ("ptr noalias", "u")], "nounwind") as f:
            self._write_substitution(f)

    def _read(self, f: Function, table: str, index: str) -> str:
        return f.new(f"sext i32 {f.load('i32', f'@{table}', index)} to i64")

    def _range(self, f: Function, table: str, p: str) -> tuple[str, str]:
        return self._read(f, table, p), self._read(f, table, f.scalar("add", p, "1", "i64"))

    def _write_elimination(self, f: Function) -> None:
        growth = f.variable(f.vector, f.splat_number(0.0))
        target = f.variable("i64", "0")
        with f.loop(self.n) as p:
            pivot = f.div(f.splat_number(1.0), f.load_vector("%lu", p))
            f.store_vector("%lu", p, pivot)
            growth.set(larger(f, f.intrinsic("fabs", pivot), growth.get()))
            first, last = (f.scalar("add", x, str(self.n), "i64") for x in self._range(f, "upper_start", p))
            with f.loop(last, first) as e:
                f.store_vector("%lu", e, f.mul(f.load_vector("%lu", e), pivot))
            low, high = (f.scalar("add", x, str(self.below), "i64") for x in self._range(f, "lower_start", p))
            with f.loop(high, low) as r:
                factor = f.neg(f.load_vector("%lu", r))
                with f.loop(last, first) as e:
                    place = self._read(f, "target", target.get())
                    value = f.muladd(factor, f.load_vector("%lu", e), f.load_vector("%lu", place))
                    f.store_vector("%lu", place, value)
                    target.set(f.scalar("add", target.get(), "1", "i64"))
        f.store_vector("%lu", self.size, growth.get())

    def _write_substitution(self, f: Function) -> None:
        def gather(table: str, p: str, entry: Callable[[str], str], state: str) -> str:
            """u of the pivot minus the sum over a row."""
            total = f.variable(f.vector, f.load_vector("%u", self._read(f, "order", p)))
            first, last = self._range(f, table, p)
            with f.loop(last, first) as e:
                u = f.load_vector("%u", self._read(f, state, e))
                total.set(f.sub(total.get(), f.mul(f.load_vector("%lu", entry(e)), u)))
            return total.get()

        with f.loop(self.n) as p:
            b = gather("row_start", p, lambda e: self._read(f, "row_entry", e), "row_state")
            f.store_vector("%u", self._read(f, "order", p), f.mul(b, f.load_vector("%lu", p)))
        with f.loop(self.n) as q:
            p = f.scalar("sub", str(self.n - 1), q, "i64")
            x = gather("upper_start", p, lambda e: f.scalar("add", e, str(self.n), "i64"), "upper_state")
            f.store_vector("%u", self._read(f, "order", p), x)


def _starts(rows: list[list[int]]) -> list[int]:
    result = [0]
    for row in rows:
        result.append(result[-1] + len(row))
    return result
