"""The expression graph: every distinct expression is one node, built folded and shared (hash-consing).

A node is an integer. `op`, `args` and `level` are parallel lists. The level says how often a node must be computed:

    0  a number
    1  once per person            (parameters, time of the start)
    2  once per dose segment      (inputs)
    3  at each evaluation         (states, time, the factor of the linear system)

Nodes up to level 2 that feed a node of level 3 are computed at the start of a segment and kept ("hoisted").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

NUMBER, PERSON, SEGMENT, DYNAMIC = range(4)

LEAF_LEVEL = {
    "number": NUMBER,
    "true": NUMBER,
    "false": NUMBER,
    "parameter": PERSON,
    "start_time": PERSON,
    "input": SEGMENT,
    "state": DYNAMIC,
    "time": DYNAMIC,
    "shift": DYNAMIC,
    "slack": DYNAMIC,
}
BOOLEAN = frozenset({"true", "false", "lt", "le", "eq", "ne", "and", "or", "not", "xor"})
LARGEST_EXPANDED_POWER = (
    64  # whole exponents up to here are multiplied out: x^24 is 5 multiplications, its error below 24 roundings
)


def _log(x: float) -> float:
    return math.log(x) if x > 0 else (-math.inf if x == 0 else math.nan)


def _exp(x: float) -> float:
    return math.exp(x) if x < 709.78 else math.inf


FOLD: dict[str, Callable[[float], float]] = {
    "exp": _exp,
    "ln": _log,
    "sqrt": math.sqrt,
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "sin": math.sin,
    "cos": math.cos,
    "atan": math.atan,
    "asin": math.asin,
    "acos": math.acos,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": math.acosh,
    "atanh": math.atanh,
}


class Graph:
    """Nodes and the constructors that fold them. All constructors return a node."""

    def __init__(self) -> None:
        self.op: list[str] = []
        self.args: list[tuple[int, ...]] = []
        self.value: list[float] = []
        self.level: list[int] = []
        self._known: dict[tuple[object, ...], int] = {}
        self.zero = self.number(0.0)
        self.one = self.number(1.0)
        self.true = self._leaf("true", 0)
        self.false = self._leaf("false", 0)

    def __len__(self) -> int:
        return len(self.op)

    # ---- raw nodes -------------------------------------------------------------------------------------
    def _new(self, key: tuple[object, ...], op: str, args: tuple[int, ...], value: float, level: int) -> int:
        self.op.append(op)
        self.args.append(args)
        self.value.append(value)
        self.level.append(level)
        self._known[key] = len(self.op) - 1
        return len(self.op) - 1

    def _leaf(self, op: str, value: float) -> int:
        # repr separates -0.0 from 0.0 and makes NaN equal to itself
        key = (op, repr(value))
        found = self._known.get(key)
        return self._new(key, op, (), value, LEAF_LEVEL[op]) if found is None else found

    def node(self, op: str, *args: int) -> int:
        key = (op, *args)
        found = self._known.get(key)
        if found is not None:
            return found
        return self._new(key, op, args, 0.0, max(self.level[a] for a in args))

    def number(self, value: float) -> int:
        return self._leaf("number", float(value))

    def parameter(self, index: int) -> int:
        return self._leaf("parameter", index)

    def input(self, index: int) -> int:
        return self._leaf("input", index)

    def state(self, index: int) -> int:
        return self._leaf("state", index)

    def time(self) -> int:
        return self._leaf("time", 0)

    def slack(self, index: int) -> int:
        """How far a state may be below zero by error of integration; see `slack`."""
        return self._leaf("slack", index)

    def start_time(self) -> int:
        return self._leaf("start_time", 0)

    def shift(self) -> int:
        """The number 1/(step * gamma) on the diagonal of the linear system of a Rosenbrock step."""
        return self._leaf("shift", 0)

    def is_number(self, node: int, value: float | None = None) -> bool:
        return self.op[node] == "number" and (value is None or self.value[node] == value)

    def is_boolean(self, node: int) -> bool:
        return self.op[node] in BOOLEAN

    # ---- arithmetic ------------------------------------------------------------------------------------
    def neg(self, a: int) -> int:
        if self.op[a] == "number":
            return self.number(-self.value[a])
        if self.op[a] == "neg":
            return self.args[a][0]
        if self.op[a] == "sub":
            return self.sub(self.args[a][1], self.args[a][0])
        return self.node("neg", a)

    def add(self, a: int, b: int) -> int:
        if self.is_number(a) and self.is_number(b):
            return self.number(self.value[a] + self.value[b])
        if self.is_number(a, 0.0):
            return b
        if self.is_number(b, 0.0):
            return a
        if self.op[b] == "neg":
            return self.sub(a, self.args[b][0])
        if self.op[a] == "neg":
            return self.sub(b, self.args[a][0])
        return self.node("add", *sorted((a, b)))

    def sub(self, a: int, b: int) -> int:
        if self.is_number(a) and self.is_number(b):
            return self.number(self.value[a] - self.value[b])
        if self.is_number(b, 0.0):
            return a
        if self.is_number(a, 0.0):
            return self.neg(b)
        if a == b:
            return self.zero
        if self.op[b] == "neg":
            return self.add(a, self.args[b][0])
        return self.node("sub", a, b)

    def mul(self, a: int, b: int) -> int:
        if self.is_number(a) and self.is_number(b):
            return self.number(self.value[a] * self.value[b])
        for u, v in ((a, b), (b, a)):
            if self.is_number(u, 0.0):
                return self.zero
            if self.is_number(u, 1.0):
                return v
            if self.is_number(u, -1.0):
                return self.neg(v)
        for u, v in ((a, b), (b, a)):
            if self.op[u] == "neg":
                return self.neg(self.mul(self.args[u][0], v))
        # Keep what is constant for a person together, (k x) k2 -> (k k2) x, so that it is computed once.
        for u, v in ((a, b), (b, a)):
            if self.op[v] == "mul":
                for x, z in (self.args[v], self.args[v][::-1]):
                    if self.level[x] < self.level[z] and self.level[u] < self.level[z]:
                        return self.mul(self.mul(u, x), z)
        return self.node("mul", *sorted((a, b)))

    def recip(self, a: int) -> int:
        if self.is_number(a):
            value = self.value[a]
            return self.number(1.0 / value if value else math.copysign(math.inf, value))
        if self.op[a] == "recip":
            return self.args[a][0]
        if self.op[a] == "neg":
            return self.neg(self.recip(self.args[a][0]))
        if self.op[a] == "mul" and self.level[a] == DYNAMIC:
            x, z = sorted(self.args[a], key=lambda n: self.level[n])
            if self.level[x] < DYNAMIC:
                return self.mul(self.recip(x), self.recip(z))
        return self.node("recip", a)

    def div(self, a: int, b: int) -> int:
        if self.is_number(a) and self.is_number(b) and self.value[b]:
            return self.number(self.value[a] / self.value[b])
        steep = self._logistic(a, b)
        return self.mul(a, self.recip(b)) if steep is None else steep

    def _logistic(self, a: int, b: int) -> int | None:
        """c exp(u)/(k + exp(u)) as c/(1 + k exp(-u)), which stays finite where exp(u) does not."""
        candidates = [(self.one, a)]
        if self.op[a] == "mul":
            x, z = self.args[a]
            candidates += [(x, z), (z, x)]
        for factor, power in candidates:
            if self.op[power] == "exp" and self.op[b] == "add" and power in self.args[b]:
                rest = self.args[b][0] if self.args[b][1] == power else self.args[b][1]
                inverse = self.unary("exp", self.neg(self.args[power][0]))
                return self.mul(factor, self.recip(self.add(self.one, self.mul(rest, inverse))))
        return None

    def safe_recip(self, a: int) -> int:
        """1/a, and 0 where a is 0: for derivatives of powers at a base of zero."""
        if self.is_number(a):
            return self.zero if self.value[a] == 0 else self.recip(a)
        return self.node("safe_recip", a)

    def pow(self, a: int, b: int) -> int:
        if self.is_number(a) and self.is_number(b):
            try:
                value = self.value[a] ** self.value[b]
                return self.number(value if isinstance(value, float) else math.nan)
            except ZeroDivisionError:
                return self.number(math.inf)
            except OverflowError:
                return self.number(math.inf)
        if self.is_number(b):
            e = self.value[b]
            if e == int(e) if math.isfinite(e) else False:
                if abs(e) <= LARGEST_EXPANDED_POWER:
                    raised = self._integer_power(a, int(abs(e)))
                    return raised if e >= 0 else self.recip(raised)
            elif 2 * e == int(2 * e) and abs(e) <= 4:
                raised = self.mul(self._integer_power(a, int(abs(e))), self.sqrt(a))
                return raised if e >= 0 else self.recip(raised)
        if self.is_number(a, 1.0):
            return self.one
        if self.level[a] < DYNAMIC == self.level[b] and self.is_number(a) and self.value[a] > 0:
            return self.unary("exp", self.mul(b, self.unary("ln", a)))
        return self.node("pow", a, b, self._power_sign(b))

    def _power_sign(self, b: int) -> int:
        """Factor of a negative base: 1 for even, -1 for odd, NaN for fractional exponents."""
        if not self.is_number(b):
            return self.node("power_sign", b)
        e = self.value[b]
        return self.number(math.nan if e != math.floor(e) else (1.0 if e % 2 == 0 else -1.0))

    def _integer_power(self, a: int, e: int) -> int:
        result, square = self.one, a
        while e:
            if e & 1:
                result = self.mul(result, square)
            e >>= 1
            if e:
                square = self.mul(square, square)
        return result

    def sqrt(self, a: int) -> int:
        return self.unary("sqrt", a)

    def unary(self, op: str, a: int) -> int:
        if self.is_number(a):
            try:
                return self.number(float(FOLD[op](self.value[a])))
            except (ValueError, OverflowError):
                return self.number(math.nan)
        return self.node(op, a)

    def minimum(self, a: int, b: int) -> int:
        return self.select(self.compare("lt", b, a), b, a)

    def maximum(self, a: int, b: int) -> int:
        return self.select(self.compare("lt", a, b), b, a)

    def total(self, terms: Iterable[int]) -> int:
        result = self.zero
        for term in terms:
            result = self.add(result, term)
        return result

    # ---- truth values ----------------------------------------------------------------------------------
    def truth(self, value: bool) -> int:
        return self.true if value else self.false

    def compare(self, op: str, a: int, b: int) -> int:
        """`op` is lt, le, eq or ne; both sides are numbers."""
        if self.is_number(a) and self.is_number(b):
            x, y = self.value[a], self.value[b]
            return self.truth({"lt": x < y, "le": x <= y, "eq": x == y, "ne": x != y}[op])
        return self.node(op, a, b)

    def logic(self, op: str, a: int, b: int) -> int:
        """`op` is and, or, xor."""
        for u, v in ((a, b), (b, a)):
            if u == self.true:
                return {"and": v, "or": self.true, "xor": self.invert(v)}[op]
            if u == self.false:
                return {"and": self.false, "or": v, "xor": v}[op]
        return self.node(op, *sorted((a, b)))

    def invert(self, a: int) -> int:
        if a in (self.true, self.false):
            return self.truth(a == self.false)
        return self.args[a][0] if self.op[a] == "not" else self.node("not", a)

    def select(self, condition: int, a: int, b: int) -> int:
        if condition == self.true or a == b:
            return a
        return b if condition == self.false else self.node("select", condition, a, b)

    def as_boolean(self, a: int) -> int:
        return a if self.is_boolean(a) else self.compare("ne", a, self.zero)

    def as_number(self, a: int) -> int:
        return self.select(a, self.one, self.zero) if self.is_boolean(a) else a

    # ---- walks -----------------------------------------------------------------------------------------
    def reach(self, roots: Iterable[int]) -> set[int]:
        """All nodes that `roots` depend on, themselves included."""
        seen: set[int] = set()
        stack = list(roots)
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend(self.args[node])
        return seen

    def hoisted(self, roots: Iterable[int]) -> list[int]:
        """The largest nodes of level 1 and 2 that `roots` need, in order of creation."""
        seen: set[int] = set()
        found: set[int] = set()
        stack = list(roots)
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if self.level[node] == NUMBER:
                continue
            if self.level[node] < DYNAMIC:
                found.add(node)
            else:
                stack.extend(self.args[node])
        return sorted(found)
