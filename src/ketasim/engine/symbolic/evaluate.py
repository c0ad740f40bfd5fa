"""Graph nodes evaluated by numpy: for switches in time before a run, and as an independent check of the generated code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core.arrays import AnyArray

if TYPE_CHECKING:
    from .graph import Graph


@dataclass(frozen=True)
class Program:
    """Nodes in an order in which each follows its arguments; plain data, so that it can be stored.

    `steps` holds (operation, places of the arguments, value); `results` the places of the wanted nodes.
    """

    steps: tuple[tuple[str, tuple[int, ...], float], ...]
    results: tuple[int, ...]

    def uses(self, operation: str) -> bool:
        return any(op == operation for op, _, _ in self.steps)


def program(graph: Graph, roots: Sequence[int], held: Mapping[int, int] | None = None) -> Program:
    """The nodes behind `roots`; those in `held` are leaves whose values are given, at the places it says."""
    held = held or {}
    reached, stack = set[int](), list(roots)
    while stack:
        node = stack.pop()
        if node not in reached:
            reached.add(node)
            stack.extend(() if node in held else graph.args[node])
    order = sorted(reached)  # arguments are created before the nodes that use them
    place = {node: i for i, node in enumerate(order)}
    steps = tuple(
        ("held", (), float(held[n]))
        if n in held
        else (graph.op[n], tuple(place[a] for a in graph.args[n]), graph.value[n])
        for n in order
    )
    return Program(steps, tuple(place[r] for r in roots))


SIGNS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "quotient": "/",
    "pow": "^",
    "lt": "<",
    "le": "<=",
    "eq": "==",
    "ne": "!=",
    "and": "&&",
    "or": "||",
}
LONGEST_TEXT = 200


def describe(code: Program, parameters: Sequence[str] = (), inputs: Sequence[str] = ()) -> str:
    """The first result as a formula, for messages; shortened in the middle if it is long."""
    texts: list[str] = []
    for op, args, value in code.steps:
        a = [texts[i] for i in args]
        if op in ("parameter", "input"):
            names = parameters if op == "parameter" else inputs
            text = names[int(value)] if int(value) < len(names) else f"{op}{int(value)}"
        elif op == "number":
            text = f"{value:.15g}"
        elif not args:
            text = op
        elif op in SIGNS:
            text = " ".join(
                (
                    a[0] if code.steps[args[0]][1] == () else f"({a[0]})",
                    SIGNS[op],
                    a[1] if code.steps[args[1]][1] == () else f"({a[1]})",
                )
            )
        else:
            text = {"recip": "1/({})", "neg": "-({})", "not": "!({})"}.get(op, op + "({})").format(", ".join(a))
        texts.append(
            text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT // 2]} ... {text[-LONGEST_TEXT // 2 :]}"
        )
    return texts[code.results[0]]


def _power(base: AnyArray, exponent: AnyArray, sign: AnyArray, slack: ArrayLike = 0.0) -> AnyArray:
    size = np.power(np.abs(base), exponent)
    factor = np.where(np.isnan(sign) & (base < 0) & (base >= -np.asarray(slack)), 0.0, sign)
    return np.where(base < 0, size * factor, size)


def _sqrt(a: AnyArray, slack: ArrayLike = 0.0) -> AnyArray:
    return np.sqrt(np.where((a < 0) & (a >= -np.asarray(slack)), 0.0, a))


def _power_sign(y: AnyArray) -> AnyArray:
    return np.where(np.rint(y / 2) == y / 2, 1.0, np.where(np.rint(y) == y, -1.0, np.nan))


OPERATIONS: dict[str, Any] = {
    "neg": np.negative,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "recip": np.reciprocal,
    "safe_recip": lambda a: np.where(a == 0, 0.0, 1.0 / np.where(a == 0, 1.0, a)),
    "quotient": np.divide,
    "pow": _power,
    "power_sign": _power_sign,
    "sqrt": _sqrt,
    "exp": np.exp,
    "ln": np.log,
    "abs": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "atan": np.arctan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
    "not": np.logical_not,
    "select": np.where,
}


def evaluate(
    code: Program,
    *,
    time: ArrayLike = 0.0,
    start_time: ArrayLike = 0.0,
    parameters: Sequence[ArrayLike] = (),
    inputs: Sequence[ArrayLike] = (),
    states: Sequence[ArrayLike] = (),
    shift: ArrayLike = 0.0,
    slack: Sequence[ArrayLike] | None = None,
    held: Sequence[ArrayLike] = (),
) -> list[AnyArray]:
    """Values of the program's results; arguments broadcast against each other. `slack` is 0 for all states if None."""
    leaves: dict[str, Iterable[Any]] = {
        "parameter": list(parameters),
        "input": list(inputs),
        "state": list(states),
        "held": list(held),
        "slack": list(slack) if slack is not None else [0.0] * len(states),
    }
    single = {"time": time, "start_time": start_time, "shift": shift}
    values: list[AnyArray] = []
    with np.errstate(all="ignore"):
        for op, args, value in code.steps:
            if op == "number":
                result: Any = np.float64(value)
            elif op in ("true", "false"):
                result = np.bool_(op == "true")
            elif op in leaves:
                result = np.asarray(leaves[op][int(value)], dtype=np.float64)  # type: ignore[index]
            elif op in single:
                result = np.asarray(single[op], dtype=np.float64)
            else:
                result = OPERATIONS[op](*(values[a] for a in args))
            values.append(np.asarray(result))
    return [values[r] for r in code.results]
