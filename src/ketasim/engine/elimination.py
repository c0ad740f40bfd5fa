"""Symbolic sparse LU of (shift I - J) in Markowitz order, written as graph nodes.

Crout form: the lower factor keeps the diagonal, the upper factor is scaled to a unit diagonal. Then
    z_k = (b_k - sum_{j<k} L_kj z_j) / L_kk          x_k = z_k - sum_{j>k} U_kj x_j
and those entries of L that elimination does not touch stay what they were: often numbers or hoisted values,
which need no memory of their own. No pivoting: the diagonal is dominated by shift = 1/(h gamma) once the step h is
small enough, and the caller checks the result.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .derivative import TIME, Row
from .graph import Graph


@dataclass
class Factors:
    """`order` of elimination; rows of nodes: `lower[k] = {j: L_kj}`, `upper[k] = {j: U_kj}`, `pivot[k] = 1/L_kk`."""

    order: list[int]
    lower: dict[int, Row] = field(default_factory=dict)
    upper: dict[int, Row] = field(default_factory=dict)
    pivot: dict[int, int] = field(default_factory=dict)

    def entries(self) -> int:
        return sum(map(len, self.lower.values())) + sum(map(len, self.upper.values())) + len(self.pivot)


def markowitz_order(pattern: list[set[int]]) -> list[int]:
    """Order of diagonal pivots with least (row count - 1) (column count - 1), updated with the fill-in."""
    n = len(pattern)
    rows = [{j for j in pattern[i] if j != i} for i in range(n)]
    columns: list[set[int]] = [set() for _ in range(n)]
    for i in range(n):
        for j in rows[i]:
            columns[j].add(i)
    left = set(range(n))
    order: list[int] = []
    while left:
        k = min(left, key=lambda i: (len(rows[i]) * len(columns[i]), len(rows[i]) + len(columns[i]), i))
        left.remove(k)
        order.append(k)
        for i in columns[k]:
            rows[i].discard(k)
        for j in rows[k]:
            columns[j].discard(k)
        for i in columns[k]:
            for j in rows[k]:
                if i != j:
                    rows[i].add(j)
                    columns[j].add(i)
    return order


def factorise(graph: Graph, rows: list[Row]) -> Factors:
    """LU factors of (shift I - J) for the Jacobian rows `rows` (entries with key TIME are left out)."""
    n = len(rows)
    matrix: list[Row] = []
    for i, row in enumerate(rows):
        entries = {j: graph.neg(v) for j, v in row.items() if j != TIME}
        entries[i] = graph.sub(graph.shift(), row[i]) if i in row else graph.shift()
        matrix.append(entries)
    factors = Factors(markowitz_order([set(r) for r in matrix]))
    position = {k: p for p, k in enumerate(factors.order)}
    columns: list[set[int]] = [set() for _ in range(n)]
    for i, row in enumerate(matrix):
        for j in row:
            columns[j].add(i)
    for k in factors.order:
        factors.pivot[k] = graph.recip(matrix[k][k])
        later = sorted((j for j in matrix[k] if position[j] > position[k]), key=position.__getitem__)
        factors.upper[k] = {j: graph.mul(matrix[k][j], factors.pivot[k]) for j in later}
        for i in columns[k]:
            if position[i] <= position[k]:
                continue
            low = matrix[i][k]
            for j, up in factors.upper[k].items():
                change = graph.mul(low, up)
                matrix[i][j] = graph.sub(matrix[i][j], change) if j in matrix[i] else graph.neg(change)
                columns[j].add(i)
    for k in factors.order:
        earlier = sorted((j for j in matrix[k] if position[j] < position[k]), key=position.__getitem__)
        factors.lower[k] = {j: matrix[k][j] for j in earlier}
    return factors
