"""Sums of terms k_i x_i with equal x gathered: (k1 + k2) x instead of k1 x + k2 x.

Linear pharmacokinetics then costs one multiply-add per Jacobian entry, however many reactions leave a state.
"""

from __future__ import annotations

from .graph import DYNAMIC, Graph

MOST_DISTRIBUTED = 8  # terms of an inner sum that may be multiplied out


def _terms(graph: Graph, root: int) -> list[tuple[int, int]]:
    """`root` as a list of (coefficient of level < DYNAMIC, dynamic factor); factor 1 for constant terms."""
    result: list[tuple[int, int]] = []
    stack = [(graph.one, root)]
    while stack:
        coefficient, node = stack.pop()
        op, args = graph.op[node], graph.args[node]
        if graph.level[node] < DYNAMIC:
            result.append((graph.mul(coefficient, node), graph.one))
        elif op == "neg":
            stack.append((graph.neg(coefficient), args[0]))
        elif op == "add":
            stack.extend([(coefficient, args[1]), (coefficient, args[0])])
        elif op == "sub":
            stack.extend([(graph.neg(coefficient), args[1]), (coefficient, args[0])])
        elif op == "mul" and min(graph.level[a] for a in args) < DYNAMIC:
            low, high = sorted(args, key=lambda n: graph.level[n])
            if _is_linear(graph, high):
                stack.append((graph.mul(coefficient, low), high))
            else:
                result.append((graph.mul(coefficient, low), high))
        else:
            result.append((coefficient, node))
    return result


def _is_linear(graph: Graph, node: int) -> bool:
    """Whether `node` is a short sum of states with coefficients, so that multiplying out saves work."""
    stack, count = [node], 0
    while stack:
        current = stack.pop()
        op, args = graph.op[current], graph.args[current]
        if graph.level[current] < DYNAMIC or op == "state":
            count += 1
        elif op in ("add", "sub", "neg"):
            stack.extend(args)
        elif op == "mul" and min(graph.level[a] for a in args) < DYNAMIC:
            stack.append(max(args, key=lambda n: graph.level[n]))
        else:
            return False
        if count > MOST_DISTRIBUTED:
            return False
    return True


def collect_terms(graph: Graph, root: int) -> int:
    """A node equal to `root` with the coefficients of equal factors added."""
    if graph.level[root] < DYNAMIC:
        return root
    gathered: dict[int, int] = {}
    for coefficient, factor in _terms(graph, root):
        gathered[factor] = graph.add(gathered[factor], coefficient) if factor in gathered else coefficient
    # Dynamic terms by creation; the constant term first, so that the chain ends in multiply-adds.
    total = gathered.pop(graph.one, graph.zero)
    for factor in sorted(gathered):
        total = graph.add(total, graph.mul(gathered[factor], factor))
    return total


class Renamed:
    """Copies nodes with leaves exchanged; everything else is rebuilt by the same constructors."""

    def __init__(self, graph: Graph, exchange: dict[int, int]) -> None:
        self.graph, self.memo = graph, dict(exchange)

    def __call__(self, root: int) -> int:
        g = self.graph
        stack = [root]
        while stack:
            node = stack[-1]
            if node in self.memo or not g.args[node]:
                self.memo.setdefault(node, node)
                stack.pop()
                continue
            missing = [a for a in g.args[node] if a not in self.memo]
            if missing:
                stack.extend(missing)
                continue
            args = tuple(self.memo[a] for a in g.args[node])
            if g.op[node] in ("add", "mul", "and", "or", "xor"):
                args = tuple(sorted(args))
            self.memo[node] = node if args == g.args[node] else g.node(g.op[node], *args)
            stack.pop()
        return self.memo[root]
