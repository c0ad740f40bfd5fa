"""The right-hand side as source code for the peers, printed from the engine's own expression graph.

Everybody solves the same equations in the same, already reduced form: common subexpressions are shared, and what is
constant for a person and a dose segment is computed once, in `prepare` (values q), outside the right-hand side. That
is more than a peer's user would do by hand. Languages: Python (numba compiles it), jax, C++ (mrgsolve).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ketasim.engine.read.reader import read_model
from ketasim.engine.symbolic.derivative import TIME, jacobian
from ketasim.engine.symbolic.graph import DYNAMIC, Graph
from ketasim.engine.symbolic.system import System, assemble

UNARY = (
    "exp",
    "ln",
    "sqrt",
    "abs",
    "floor",
    "ceil",
    "trunc",
    "sin",
    "cos",
    "tanh",
    "sinh",
    "cosh",
    "atan",
    "asin",
    "acos",
    "asinh",
    "acosh",
    "atanh",
)
RENAMED = {"ln": "log", "abs": "fabs", "ceil": "ceil"}
SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "quotient": "/"}
RELATIONS = {"lt": "<", "le": "<=", "eq": "==", "ne": "!="}


@dataclass(frozen=True)
class Language:
    """How one language writes what differs: names of functions, choice, powers of a base that cannot be negative."""

    name: str
    function: Callable[[str], str]
    choose: str
    both: str
    either: str
    negation: str
    power: str = "power({0}, {1})"
    declare: str = ""
    end: str = ""


PYTHON = Language(
    "python", lambda f: RENAMED.get(f, f), "({1} if {0} else {2})", "({0} and {1})", "({0} or {1})", "(not {0})"
)
JAX = Language(
    "jax",
    lambda f: "jnp." + {"ln": "log", "acos": "arccos", "asin": "arcsin", "atan": "arctan"}.get(f, f),
    "jnp.where({0}, {1}, {2})",
    "({0} & {1})",
    "({0} | {1})",
    "(~{0})",
)
CPP = Language(
    "c++",
    lambda f: RENAMED.get(f, f),
    "({0} ? {1} : {2})",
    "({0} && {1})",
    "({0} || {1})",
    "(!{0})",
    power="({0} > 0.0 ? pow({0}, {1}) : 0.0)",
    declare="double ",
    end=";",
)


class Printer:
    """Prints nodes as numbered variables, each once; `leaf` writes what the graph starts from."""

    def __init__(
        self, graph: Graph, language: Language, leaf: Callable[[str, int], str], known: dict[int, str] | None = None
    ) -> None:
        self.graph, self.language, self.leaf = graph, language, leaf
        self.written: dict[int, str] = dict(known or {})
        self.lines: list[str] = []

    def __call__(self, root: int) -> str:
        stack = [root]
        while stack:
            node = stack[-1]
            missing = [] if node in self.written else [a for a in self.graph.args[node] if a not in self.written]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            if node not in self.written:
                self.written[node] = self._place(node)
        return self.written[root]

    def _place(self, node: int) -> str:
        g = self.graph
        op = g.op[node]
        if op == "number":
            value = g.value[node]
            return f"({value!r})" if value < 0 else repr(value)
        if not g.args[node]:
            return self.leaf(op, int(g.value[node]))
        name = f"v{node}"
        text = self._expression(op, [self.written[a] for a in g.args[node]])
        declare = self.language.declare.replace("double", "bool") if g.is_boolean(node) else self.language.declare
        self.lines.append(f"{declare}{name} = {text}{self.language.end}")
        return name

    def _expression(self, op: str, args: list[str]) -> str:
        words = self.language
        if op in SYMBOLS:
            return f"{args[0]} {SYMBOLS[op]} {args[1]}"
        if op in RELATIONS:
            return f"{args[0]} {RELATIONS[op]} {args[1]}"
        if op == "neg":
            return f"-{args[0]}"
        if op == "recip":
            return f"1.0 / {args[0]}"
        if op == "safe_recip":
            return words.choose.format(f"({args[0]} == 0.0)", "0.0", f"1.0 / {args[0]}")
        if op == "pow":
            return words.power.format(args[0], args[1])
        if op == "select":
            return words.choose.format(*args)
        if op in ("and", "or"):
            return (words.both if op == "and" else words.either).format(*args)
        if op == "not":
            return words.negation.format(args[0])
        if op in UNARY:
            return f"{words.function(op)}({args[0]})"
        raise NotImplementedError(f"no source for the operation {op}")


@dataclass(frozen=True)
class Equations:
    """One model, ready to be printed."""

    system: System
    hoisted: list[int]

    @property
    def states(self) -> tuple[str, ...]:
        return self.system.states

    def prepare(self, language: Language, leaf: Callable[[str, int], str]) -> tuple[list[str], list[str]]:
        """Lines that compute the hoisted values, and the expressions of these, in order."""
        printer = Printer(self.system.graph, language, leaf)
        return printer.lines, [printer(node) for node in self.hoisted]

    def rates(
        self, language: Language, leaf: Callable[[str, int], str], kept: Iterable[str]
    ) -> tuple[list[str], list[str]]:
        """Lines and expressions of the derivatives, with hoisted values under the names `kept`."""
        printer = Printer(self.system.graph, language, leaf, dict(zip(self.hoisted, kept, strict=True)))
        return printer.lines, [printer(node) for node in self.system.rates]

    def starts(self, language: Language, leaf: Callable[[str, int], str]) -> tuple[list[str], list[str]]:
        printer = Printer(self.system.graph, language, leaf)
        return printer.lines, [printer(node) for node in self.system.starts]


def equations(text: str, parameters: tuple[str, ...], inputs: tuple[str, ...]) -> Equations:
    """The initial value problem of a model with all its states."""
    system = assemble(read_model(text), parameters, (), inputs)
    graph = system.graph
    entries = [node for row in jacobian(graph, system.rates) for node in row.values()]
    return Equations(system, graph.hoisted([*system.rates, *entries]))


def _leaf(op: str, index: int) -> str:
    return {
        "parameter": f"p[{index}]",
        "input": f"u[{index}]",
        "state": f"y[{index}]",
        "time": "t",
        "start_time": "t0",
        "true": "True",
        "false": "False",
    }[op]


def _function(head: str, lines: list[str], results: list[str]) -> str:
    return "\n".join([head, *(f"    {line}" for line in [*lines, *results] or ["pass"]), ""])


def python_source(problem: Equations) -> str:
    """`prepare(p, u, t0, q)`, `rhs(t, y, dy, q)`, `jac(t, y, J, q)` and `start(p, t0, y)`; J is (n, n) and cleared."""
    count = len(problem.hoisted)
    kept = [f"q[{i}]" for i in range(count)]
    lines, values = problem.prepare(PYTHON, _leaf)
    parts = [f"N, Q = {len(problem.states)}, {max(count, 1)}\n"]
    parts.append(_function("def prepare(p, u, t0, q):", lines, [f"q[{i}] = {v}" for i, v in enumerate(values)]))
    lines, values = problem.rates(PYTHON, _leaf, kept)
    parts.append(_function("def rhs(t, y, dy, q):", lines, [f"dy[{i}] = {v}" for i, v in enumerate(values)]))
    printer = Printer(problem.system.graph, PYTHON, _leaf, dict(zip(problem.hoisted, kept, strict=True)))
    rows = jacobian(problem.system.graph, problem.system.rates)
    cells = [f"J[{i}, {j}] = {printer(node)}" for i, row in enumerate(rows) for j, node in row.items() if j != TIME]
    parts.append(_function("def jac(t, y, J, q):", printer.lines, cells))
    lines, values = problem.starts(PYTHON, _leaf)
    parts.append(_function("def start(p, t0, y):", lines, [f"y[{i}] = {v}" for i, v in enumerate(values)]))
    return "\n".join(parts)


def jax_source(problem: Equations) -> str:
    """`prepare(p, u, t0)` and `rhs(t, y, q)` with arrays of jax."""
    lines, values = problem.prepare(JAX, _leaf)
    stack = "return jnp.stack([{}])"
    parts = [
        _function(
            "def prepare(p, u, t0):", lines, [stack.format(", ".join(f"jnp.asarray({v}, dtype=float)" for v in values))]
        )
    ]
    lines, values = problem.rates(JAX, _leaf, [f"q[{i}]" for i in range(len(problem.hoisted))])
    parts.append(
        _function(
            "def rhs(t, y, q):", lines, [stack.format(", ".join(f"jnp.asarray({v}, dtype=float)" for v in values))]
        )
    )
    return "\n".join(parts)


def mrgsolve_source(problem: Equations) -> str:
    """mrgsolve model text: inputs are columns of the data set, which change at the dose boundaries; initial states too."""
    system = problem.system

    def leaf(op: str, index: int) -> str:
        return {
            "parameter": lambda: system.parameters[index],
            "input": lambda: system.inputs[index],
            "state": lambda: system.states[index],
            "time": lambda: "SOLVERTIME",
            "start_time": lambda: "0.0",
            "true": lambda: "true",
            "false": lambda: "false",
        }[op]()

    lines, values = problem.prepare(CPP, leaf)
    kept = [f"hoisted_{i}" for i in range(len(values))]
    rates, derivatives = problem.rates(CPP, leaf, kept)
    parameters = [*system.parameters, *system.inputs, *(f"start_{s}" for s in system.states)]
    return "\n".join(
        [
            "$PARAM",
            *(f"{p} = 0" for p in parameters),
            "$CMT",
            " ".join(system.states),
            "$GLOBAL",
            f"double {', '.join(kept)};" if kept else "",
            "$MAIN",
            *lines,
            *(f"{k} = {v};" for k, v in zip(kept, values, strict=True)),
            *(f"{s}_0 = start_{s};" for s in system.states),
            "$ODE",
            *rates,
            *(f"dxdt_{s} = {d};" for s, d in zip(system.states, derivatives, strict=True)),
            "",
        ]
    )


def rxode2_source(problem: Equations) -> str:
    """rxode2 model text, hoisted values included (its parser shares them itself)."""
    system = problem.system

    def leaf(op: str, index: int) -> str:
        return {
            "parameter": lambda: system.parameters[index],
            "input": lambda: system.inputs[index],
            "state": lambda: system.states[index],
            "time": lambda: "t",
            "start_time": lambda: "0",
            "true": lambda: "1",
            "false": lambda: "0",
        }[op]()

    words = Language(
        "rxode2",
        lambda f: {"ln": "log"}.get(f, f),
        "({0} ? {1} : {2})",
        "({0} && {1})",
        "({0} || {1})",
        "(!{0})",
        power="({0} > 0 ? {0}^{1} : 0)",
        end=";",
    )
    printer = Printer(system.graph, words, leaf)
    rates = [printer(node) for node in system.rates]
    return "\n".join(
        [
            *(f"{s}(0) = start_{s};" for s in system.states),
            *printer.lines,
            *(f"d/dt({s}) = {r};" for s, r in zip(system.states, rates, strict=True)),
            "",
        ]
    )


def dynamic_operations(problem: Equations) -> int:
    """Distinct operations of one evaluation of the right-hand side, hoisted ones left out."""
    graph = problem.system.graph
    return sum(1 for n in graph.reach(problem.system.rates) if graph.level[n] == DYNAMIC and graph.args[n])
