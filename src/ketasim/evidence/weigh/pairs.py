"""Which hypotheses this evidence tells apart, and what is said without a whole group of evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import logsumexp

from ketasim.chain.hypothesis import Hypothesis
from ketasim.core import value
from ketasim.core.arrays import Array, BoolArray


class Scored(Protocol):
    """A hypothesis that can be scored on any part of the evidence; keep (S,) over all studies."""

    def log_evidence(self, keep: BoolArray) -> tuple[float, float, float]:
        """Log evidence, its standard error, effective draws."""

    def leave_one_out(self, keep: BoolArray) -> Array:
        """Log score of every kept study predicted by the other kept ones."""


@dataclass(frozen=True)
class GroupSwing:
    """What leaving a whole group of evidence out does: everything worked out again without its studies.

    first_before, first : hypothesis of greatest weight with and without the group; effective : least number of effective draws of any hypothesis then.
    joined, parted : pairs that are not told apart only without the group, or only with it. groups : what is not told apart then.
    """

    group: str
    studies: tuple[str, ...]
    first_before: str
    first: str
    weights: Mapping[str, float]
    effective: float
    joined: tuple[tuple[str, str], ...]
    parted: tuple[tuple[str, str], ...]
    groups: tuple[tuple[str, ...], ...]

    @property
    def changes(self) -> bool:
        """Whether a sentence of the answer is another without the group: who is first, or who is told apart from whom."""
        return self.first != self.first_before or bool(self.joined or self.parted)


@dataclass(frozen=True)
class Pair:
    """Two hypotheses: difference of the sums of leave-one-out scores, and its standard error over studies."""

    first: str
    second: str
    difference: float
    se: float

    @property
    def apart(self) -> bool:
        """True if this evidence tells them apart."""
        return abs(self.difference) > value("weigh.decided_errors").value * self.se


def softmax(x: Array) -> Array:
    """exp(x) normalised."""
    return np.asarray(np.exp(x - logsumexp(x)))


def pairs_of(ids: Sequence[str], loo: Array) -> tuple[Pair, ...]:
    """Every pair of hypotheses by their leave-one-out log scores (H, S); one study alone tells nothing apart."""
    count = loo.shape[1]
    return tuple(
        Pair(
            ids[a],
            ids[b],
            float((loo[a] - loo[b]).sum()),
            float(np.sqrt(count) * (loo[a] - loo[b]).std(ddof=1)) if count > 1 else math.inf,
        )
        for a in range(len(ids))
        for b in range(a + 1, len(ids))
    )


def group_swings(
    every: Mapping[str, Scored],
    names: Sequence[str],
    groups: Mapping[str, str],
    keep: BoolArray,
    log_prior: Array,
    weights: Array,
    pairs: Sequence[Pair],
    known: Mapping[str, Hypothesis],
) -> tuple[GroupSwing, ...]:
    """The answer without each group of evidence, those that change a sentence first, then by how far the weights move.

    names (S,) : all studies; keep (S,) : those that count; weights (H,), pairs : the answer with all of them. Nothing where there is one group only.
    """
    ids = list(every)
    kinds = tuple(dict.fromkeys(groups[n] for n, k in zip(names, keep, strict=True) if k))
    together = {(p.first, p.second) for p in pairs if not p.apart}
    found: list[GroupSwing] = []
    for kind in kinds if len(kinds) > 1 else ():
        gone = np.array([groups[n] == kind for n in names])
        rest = keep & ~gone
        evidence = [c.log_evidence(rest) for c in every.values()]
        without = softmax(np.array([e[0] for e in evidence]) + log_prior)
        then = pairs_of(ids, np.stack([c.leave_one_out(rest) for c in every.values()]))
        now_together = {(p.first, p.second) for p in then if not p.apart}
        found.append(
            GroupSwing(
                kind,
                tuple(n for n, g, k in zip(names, gone, keep, strict=True) if g and k),
                ids[int(np.argmax(weights))],
                ids[int(np.argmax(without))],
                dict(zip(ids, map(float, without), strict=True)),
                min(float(e[2]) for e in evidence),
                tuple(sorted(now_together - together)),
                tuple(sorted(together - now_together)),
                shared_groups(then, known),
            )
        )
    before = dict(zip(ids, weights, strict=True))
    return tuple(
        sorted(found, key=lambda g: (not g.changes, -max(abs(w - before[name]) for name, w in g.weights.items())))
    )


def shared_groups(pairs: Sequence[Pair], known: Mapping[str, Hypothesis]) -> tuple[tuple[str, ...], ...]:
    """Groups in which no two hypotheses are told apart, nearest joined first. Expectancy alone never joins a drug hypothesis.

    Two groups become one only if every pair across them is not told apart (complete linkage): a hypothesis that is told apart from one member
    stays outside although it is near another.
    """
    apart = {
        frozenset((p.first, p.second))
        for p in pairs
        if p.apart or known[p.first].drug_effect != known[p.second].drug_effect
    }
    groups = {name: [name] for name in known}
    for pair in sorted(pairs, key=lambda p: abs(p.difference) / max(p.se, 1e-12)):
        one, other = groups[pair.first], groups[pair.second]
        if one is not other and not any(frozenset((a, b)) in apart for a in one for b in other):
            one.extend(other)
            groups.update(dict.fromkeys(other, one))
    order = list(known)
    found = {id(g): tuple(sorted(g, key=order.index)) for g in groups.values()}
    return tuple(sorted(found.values(), key=lambda g: order.index(g[0])))
