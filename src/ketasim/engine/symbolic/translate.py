"""Expression tuples to graph nodes: every MathML function of SBML in terms of the graph's own operations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping

from ketasim.core import UsageError

from ..read.source import Expression
from .graph import Graph

STIRLING_SHIFT = 8
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)  # B_2k / (2k (2k-1))
DEEPEST_CALL = 100  # user functions that call user functions
MOST_EXPANDED = 1_000_000  # operations of user functions, written out at every call

Build = Callable[[Graph, list[int]], int]


def names_in(expression: Expression) -> Iterator[str]:
    """Identifiers whose value `expression` needs (that of rateOf needs the rate, not the value)."""
    stack = [expression]
    while stack:
        current = stack.pop()
        if current[0] == "name":
            yield current[1]
        elif current[0] == "call" and current[1] != "rate_of":
            stack.extend(current[2])


def rates_in(expression: Expression) -> list[str]:
    """Identifiers of which `expression` needs the rate."""
    found, stack = [], [expression]
    while stack:
        current = stack.pop()
        if current[0] == "call":
            if current[1] == "rate_of":
                found.append(current[2][0][1])
            stack.extend(current[2])
    return found


def _operations(expression: Expression) -> int:
    count, stack = 0, [expression]
    while stack:
        current = stack.pop()
        count += 1
        if current[0] == "call":
            stack.extend(current[2])
    return count


def _nary(op: str, empty: float) -> Build:
    def build(g: Graph, a: list[int]) -> int:
        if not a:
            return g.number(empty)
        result = g.as_number(a[0])
        for other in a[1:]:
            result = getattr(g, op)(result, g.as_number(other))
        return result

    return build


def _unary(op: str) -> Build:
    return lambda g, a: g.unary(op, g.as_number(a[0]))


def _inverse(build: Build) -> Build:
    """f(1/x), as in arcsec x = arccos(1/x)."""
    return lambda g, a: build(g, [g.recip(a[0])])


def _flipped(build: Build) -> Build:
    """1/f(x), as in sec x = 1/cos x."""
    return lambda g, a: g.recip(build(g, a))


def _minus(g: Graph, a: list[int]) -> int:
    a = [g.as_number(x) for x in a]
    return g.neg(a[0]) if len(a) == 1 else g.sub(a[0], a[1])


def _root(g: Graph, a: list[int]) -> int:
    degree, radicand = (a[0], a[1]) if len(a) == 2 else (g.number(2.0), a[0])
    return g.sqrt(radicand) if g.is_number(degree, 2.0) else g.pow(radicand, g.recip(degree))


def _log(g: Graph, a: list[int]) -> int:
    base, x = (a[0], a[1]) if len(a) == 2 else (g.number(10.0), a[0])
    return g.div(g.unary("ln", x), g.unary("ln", base))


def _factorial(g: Graph, a: list[int]) -> int:
    """x! = Gamma(z) with z = x + 1: Stirling's series at z + 8 (Abramowitz & Stegun 6.1.40), divided by z ... (z + 7)."""
    if g.is_number(a[0]):
        try:
            return g.number(math.gamma(g.value[a[0]] + 1.0))
        except (ValueError, OverflowError):
            return g.number(math.nan)
    z = g.add(a[0], g.one)
    product = g.one
    for k in range(STIRLING_SHIFT):
        product = g.mul(product, g.add(z, g.number(k)))
    w = g.add(z, g.number(STIRLING_SHIFT))
    inverse = g.recip(w)
    square, power = g.mul(inverse, inverse), inverse
    logarithm = g.sub(g.mul(g.sub(w, g.number(0.5)), g.unary("ln", w)), w)
    logarithm = g.add(logarithm, g.number(0.5 * math.log(2 * math.pi)))
    for coefficient in STIRLING:
        logarithm = g.add(logarithm, g.mul(g.number(coefficient), power))
        power = g.mul(power, square)
    value = g.div(g.unary("exp", logarithm), product)
    return g.select(g.compare("le", g.zero, a[0]), value, g.number(math.nan))


def _piecewise(g: Graph, a: list[int]) -> int:
    result = g.as_number(a[-1]) if len(a) % 2 else g.number(math.nan)
    for i in range(len(a) - len(a) % 2 - 2, -1, -2):
        result = g.select(g.as_boolean(a[i + 1]), g.as_number(a[i]), result)
    return result


def _relation(op: str, swap: bool = False) -> Build:
    def build(g: Graph, a: list[int]) -> int:
        a = [g.as_number(x) for x in a]
        result = g.true
        for left, right in itertools.pairwise(a):
            result = g.logic("and", result, g.compare(op, *((right, left) if swap else (left, right))))
        return result

    return build


def _logic(op: str, empty: bool) -> Build:
    def build(g: Graph, a: list[int]) -> int:
        result = g.truth(empty)
        for x in a:
            result = g.logic(op, result, g.as_boolean(x))
        return result

    return build


def _quotient(g: Graph, a: list[int]) -> int:
    return g.unary("trunc", g.node("quotient", a[0], a[1]) if not _fixed(g, a) else g.div(a[0], a[1]))


def _fixed(g: Graph, a: list[int]) -> bool:
    return all(g.is_number(x) for x in a)


def _rem(g: Graph, a: list[int]) -> int:
    return g.sub(a[0], g.mul(a[1], _quotient(g, a)))


def _tan(g: Graph, a: list[int]) -> int:
    return g.div(g.unary("sin", a[0]), g.unary("cos", a[0]))


def _arccot(g: Graph, a: list[int]) -> int:
    # continuous at 0 is pi/2 - arctan x; SBML's convention is arctan(1/x), with pi/2 at 0
    half = g.number(math.pi / 2)
    return g.select(g.compare("eq", a[0], g.zero), half, g.unary("atan", g.recip(a[0])))


OPERATORS: dict[str, Build] = {
    "plus": _nary("add", 0.0),
    "times": _nary("mul", 1.0),
    "minus": _minus,
    "min": _nary("minimum", math.inf),
    "max": _nary("maximum", -math.inf),
    "divide": lambda g, a: g.div(g.as_number(a[0]), g.as_number(a[1])),
    "power": lambda g, a: g.pow(g.as_number(a[0]), g.as_number(a[1])),
    "root": _root,
    "log": _log,
    "factorial": _factorial,
    "piecewise": _piecewise,
    "quotient": _quotient,
    "rem": _rem,
    "exp": _unary("exp"),
    "ln": _unary("ln"),
    "abs": _unary("abs"),
    "floor": _unary("floor"),
    "ceiling": _unary("ceil"),
    "sin": _unary("sin"),
    "cos": _unary("cos"),
    "tan": _tan,
    "sec": _flipped(_unary("cos")),
    "csc": _flipped(_unary("sin")),
    "cot": lambda g, a: g.div(g.unary("cos", a[0]), g.unary("sin", a[0])),
    "sinh": _unary("sinh"),
    "cosh": _unary("cosh"),
    "tanh": _unary("tanh"),
    "sech": _flipped(_unary("cosh")),
    "csch": _flipped(_unary("sinh")),
    "coth": _flipped(_unary("tanh")),
    "arcsin": _unary("asin"),
    "arccos": _unary("acos"),
    "arctan": _unary("atan"),
    "arcsec": _inverse(_unary("acos")),
    "arccsc": _inverse(_unary("asin")),
    "arccot": _arccot,
    "arcsinh": _unary("asinh"),
    "arccosh": _unary("acosh"),
    "arctanh": _unary("atanh"),
    "arcsech": _inverse(_unary("acosh")),
    "arccsch": _inverse(_unary("asinh")),
    "arccoth": _inverse(_unary("atanh")),
    "lt": _relation("lt"),
    "leq": _relation("le"),
    "gt": _relation("lt", True),
    "geq": _relation("le", True),
    "eq": _relation("eq"),
    "neq": _relation("ne"),
    "and": _logic("and", True),
    "or": _logic("or", False),
    "xor": _logic("xor", False),
    "not": lambda g, a: g.invert(g.as_boolean(a[0])),
    "implies": lambda g, a: g.logic("or", g.invert(g.as_boolean(a[0])), g.as_boolean(a[1])),
}

ARGUMENTS = {  # least and greatest number of arguments where it is not "one or more"
    "divide": (2, 2),
    "power": (2, 2),
    "quotient": (2, 2),
    "rem": (2, 2),
    "implies": (2, 2),
    "minus": (1, 2),
    "root": (1, 2),
    "log": (1, 2),
    "piecewise": (1, 9999),
    "neq": (2, 2),
    "plus": (0, 999_999),
    "times": (0, 999_999),
    "and": (0, 9999),
    "or": (0, 9999),
    "xor": (0, 9999),
    "min": (1, 9999),
    "max": (1, 9999),
    "lt": (2, 9999),
    "leq": (2, 9999),
    "gt": (2, 9999),
    "geq": (2, 9999),
    "eq": (2, 9999),
}


class Translator:
    """Builds nodes; user functions are expanded once per distinct arguments."""

    def __init__(self, graph: Graph, functions: Mapping[str, tuple[tuple[str, ...], Expression]]) -> None:
        self.graph, self.functions = graph, functions
        self._memo: dict[tuple[object, ...], int] = {}
        self._expanded = 0
        self._sizes: dict[str, int] = {}

    def build(
        self,
        expression: Expression,
        lookup: Callable[[str], int],
        time: int,
        rate_of: Callable[[str], int],
        where: str = "",
        depth: int = 0,
    ) -> int:
        """Node of `expression`; `lookup` gives the node of an identifier, `rate_of` that of its derivative."""
        g = self.graph
        results: list[int] = []
        stack: list[tuple[Expression, bool]] = [(expression, False)]
        while stack:
            current, ready = stack.pop()
            kind = current[0]
            if kind == "number":
                results.append(g.number(current[1]))
            elif kind == "name":
                results.append(lookup(current[1]))
            elif kind == "time":
                results.append(time)
            elif kind == "truth":
                results.append(g.truth(current[1]))
            elif current[1] == "rate_of":
                results.append(rate_of(current[2][0][1]))
            elif not ready:
                stack.append((current, True))
                stack.extend((a, False) for a in reversed(current[2]))
            else:
                count = len(current[2])
                arguments = results[len(results) - count :]
                del results[len(results) - count :]
                results.append(self._apply(current[1], arguments, time, where, depth))
        return results[0]

    def _apply(self, operator: str, arguments: list[int], time: int, where: str, depth: int) -> int:
        if operator.startswith("user:"):
            return self._user(operator.removeprefix("user:"), arguments, time, where, depth)
        low, high = ARGUMENTS.get(operator, (1, 1))
        if not low <= len(arguments) <= high:
            raise UsageError(
                f"'{operator}' has {len(arguments)} arguments",
                where=where,
                allowed=f"{low}" if low == high else f"{low} or more",
            )
        if operator not in ("and", "or", "xor", "not", "implies", "piecewise"):
            arguments = [self.graph.as_number(a) for a in arguments]
        try:
            return OPERATORS[operator](self.graph, arguments)
        except UsageError as error:
            raise UsageError(error.what, where=where, allowed=error.allowed, fix=error.fix) from error

    def _user(self, called: str, arguments: list[int], time: int, where: str, depth: int) -> int:
        if called not in self.functions:
            raise UsageError(f"unknown function '{called}'", where=where)
        formal, body = self.functions[called]
        if len(formal) != len(arguments):
            raise UsageError(f"'{called}' has {len(arguments)} arguments", where=where, allowed=f"{len(formal)}")
        if depth > DEEPEST_CALL:
            raise UsageError(f"function '{called}' calls itself", where=where)
        key = (called, time, *arguments)
        if key not in self._memo:
            if called not in self._sizes:
                self._sizes[called] = _operations(body)
            self._expanded += self._sizes[called]
            if self._expanded > MOST_EXPANDED:
                raise UsageError(
                    "the functions of the model are too large when each call is written out",
                    where=f"function '{called}', {where}",
                    allowed=f"{MOST_EXPANDED:,} operations in all",
                    fix="call functions on fewer levels: a function that calls another twice doubles it at every level",
                )
            bound = dict(zip(formal, arguments, strict=True))

            def lookup(name: str) -> int:
                if name not in bound:
                    raise UsageError(f"'{name}' is not an argument", where=f"function '{called}'")
                return bound[name]

            self._memo[key] = self.build(body, lookup, time, lookup, f"function '{called}'", depth + 1)
        return self._memo[key]
