"""Sparse elimination of (shift I - J) in Markowitz order: pattern first, then (where worth it) as graph nodes.

Crout form: the lower factor keeps the diagonal, the upper factor is scaled to a unit diagonal. Then
    z_k = (b_k - sum_{j<k} L_kj z_j) / L_kk          x_k = z_k - sum_{j>k} U_kj x_j
and those entries of L that elimination does not touch stay what they were: often numbers or hoisted values,
which need no memory of their own. No pivoting: the diagonal is dominated by shift = 1/(h gamma) once the step h is
small enough, and the caller checks the growth.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .derivative import TIME, Row
from .graph import Graph


class Elimination:
    """Order and fill-in: `upper[k]` columns of row k, `lower_column[k]` rows of column k, both behind pivot k."""

    def __init__(self, pattern: list[set[int]]) -> None:
        """`pattern` gives the columns of the non-zeros of each row; the diagonal is added."""
        n = len(pattern)
        rows = [{j for j in pattern[i] if j != i} for i in range(n)]
        columns: list[set[int]] = [set() for _ in range(n)]
        for i in range(n):
            for j in rows[i]:
                columns[j].add(i)
        left = set(range(n))
        self.order: list[int] = []
        self.upper: dict[int, set[int]] = {}
        self.lower_column: dict[int, set[int]] = {}
        while left:
            # least (row count - 1) (column count - 1), updated with the fill-in
            k = min(left, key=lambda i: (len(rows[i]) * len(columns[i]), len(rows[i]) + len(columns[i]), i))
            left.remove(k)
            self.order.append(k)
            self.upper[k], self.lower_column[k] = set(rows[k]), set(columns[k])
            for i in columns[k]:
                rows[i].discard(k)
            for j in rows[k]:
                columns[j].discard(k)
            for i in columns[k]:
                for j in rows[k]:
                    if i != j:
                        rows[i].add(j)
                        columns[j].add(i)
        self.position = {k: p for p, k in enumerate(self.order)}

    def work(self) -> int:
        """Multiplications of the factorisation and of one solve."""
        pairs = [(len(self.upper[k]), len(self.lower_column[k])) for k in self.order]
        return sum(u * low + 2 * u + low + 1 for u, low in pairs)


@dataclass
class Factors:
    """`order` of elimination; rows of nodes: `lower[k] = {j: L_kj}`, `upper[k] = {j: U_kj}`, `pivot[k] = 1/L_kk`."""

    order: list[int]
    lower: dict[int, Row] = field(default_factory=dict)
    upper: dict[int, Row] = field(default_factory=dict)
    pivot: dict[int, int] = field(default_factory=dict)


def factorise(graph: Graph, rows: list[Row], elimination: Elimination, states: int | None = None) -> Factors:
    """LU factors of (shift I - J) for the Jacobian rows `rows` (entries with key TIME are left out).

    states : so many rows are of states, all by default; those behind them are of quantities between (`derivative.jacobian`), whose equation is
    z - sum_j dz/dy_j y_j = 0, with 1 on the diagonal.
    """
    matrix: list[Row] = []
    for i, row in enumerate(rows):
        entries = {j: graph.neg(v) for j, v in row.items() if j != TIME}
        diagonal = graph.shift() if states is None or i < states else graph.one
        entries[i] = graph.sub(diagonal, row[i]) if i in row else diagonal
        matrix.append(entries)
    factors = Factors(elimination.order)
    position = elimination.position
    for k in factors.order:
        factors.pivot[k] = graph.recip(matrix[k][k])
        later = sorted(elimination.upper[k], key=position.__getitem__)
        factors.upper[k] = {j: graph.mul(matrix[k][j], factors.pivot[k]) for j in later}
        for i in sorted(elimination.lower_column[k]):
            low = matrix[i][k]
            for j, up in factors.upper[k].items():
                change = graph.mul(low, up)
                matrix[i][j] = graph.sub(matrix[i][j], change) if j in matrix[i] else graph.neg(change)
    for k in factors.order:
        earlier = sorted((j for j in matrix[k] if position[j] < position[k]), key=position.__getitem__)
        factors.lower[k] = {j: matrix[k][j] for j in earlier}
    return factors
