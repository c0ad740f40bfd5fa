"""Would the weighing find the truth? Synthetic evidence from each hypothesis in turn, weighed by all: the fast (linear) form.

Every calibration ships its predictions linearised in z around its centre c: f + J (z - c), covariance C per study, and the outcomes of the
findings with their slopes. A data set of hypothesis h: z from its Gaussian posterior (`near`: truths that look like the real evidence) or from its prior N(0, I),
y ~ N(f + J (z - c), C), findings drawn from their own likelihood. Scores, exact for this linear problem:
  log p(y, shown | g) = log N(y; f - J c, C + J J') + log E[ p(shown | z) | y ],
the expectation over `INNER` draws of the Gaussian posterior of z given y. The plasma model is fixed, as in the real weighing.

Which hypothesis comes first is asked of truths near the evidence. Whether a weight means what it says is asked of truths from the prior, where Bayes'
theorem promises it; near the evidence no theorem does, and both are told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from scipy.linalg import block_diag
from scipy.special import ndtr

from ketasim.chain.hypothesis import hypotheses
from ketasim.core import log_sum_exp, normals, stream
from ketasim.core.arrays import Array

from .findings import finding_sets
from .weighing import Pair, calibrated, comparable, shared_groups

SEED = 21
REPLICATES = 300  # per hypothesis: a share of 0.9 is told to 0.02
INNER = 96  # draws over which the findings are integrated, half of them mirrored
PLANNING = 40  # data sets per hypothesis from which groups are fixed, with a seed of their own


@dataclass(frozen=True)
class Fast:
    """The linear form of one calibration, all studies stacked: R rows, p free values, F findings."""

    name: str
    f: Array
    jacobian: Array
    covariance: Array
    centre: Array
    outcomes: Array
    slopes: Array

    @cached_property
    def marginal(self) -> tuple[Array, Array, float]:
        """Mean, inverse root and log determinant of the prior predictive."""
        mean = self.f - self.jacobian @ self.centre
        root = np.linalg.cholesky(self.covariance + self.jacobian @ self.jacobian.T)
        return mean, np.linalg.inv(root), float(np.log(np.diag(root)).sum())

    @cached_property
    def gain(self) -> tuple[Array, Array]:
        """Matrix from y - prior mean to the posterior mean of z, and the posterior covariance."""
        solved = np.linalg.solve(self.covariance, self.jacobian)
        covariance = np.linalg.inv(np.eye(len(self.centre)) + self.jacobian.T @ solved)
        return covariance @ solved.T, covariance

    def human(self, y: Array) -> Array:
        """log p(y | h) of data sets y (N, R)."""
        mean, inverse, logdet = self.marginal
        z = (y - mean) @ inverse.T
        return np.asarray(-0.5 * (z**2).sum(axis=1) - logdet - 0.5 * y.shape[1] * np.log(2 * np.pi))

    def outcomes_after(self, y: Array) -> Array:
        """Outcomes of the findings at draws of z given y (N, R), (N, INNER, F)."""
        width = len(self.centre)
        half = np.column_stack([normals(SEED, f"recovery inner {self.name} {k}", INNER // 2) for k in range(width)])
        around = np.vstack([half, -half]) @ np.linalg.cholesky(self.gain[1]).T
        z = ((y - self.marginal[0]) @ self.gain[0].T)[:, None, :] + around[None, :, :]
        return held_outcomes(self.outcomes + (z - self.centre) @ self.slopes.T)


def held_outcomes(outcomes: Array) -> Array:
    """Outcomes of the linear form held to what a share of an effect can be."""
    return np.clip(outcomes, -0.5, 3.0)


@lru_cache(maxsize=1)
def fast_forms() -> Mapping[str, Fast]:
    """Every shipped calibration in its fast form."""
    found = {}
    for name in comparable():
        line = calibrated(name).linear
        found[name] = Fast(
            name,
            np.concatenate([np.array(x) for x in line["f"]]),
            np.vstack([np.array(x) for x in line["jacobian"]]),
            block_diag(*[np.array(x) for x in line["covariances"]]),
            np.array(line["centre"]),
            np.array([np.nan if x is None else x for x in line["outcomes"]]),
            np.array(line["slopes"]),
        )
    return found


def synthetic(truth: Fast, count: int, seed: int, near: bool = True) -> tuple[Array, Array]:
    """`count` data sets: y (N, R) and what each finding showed (N, F): a ratio, or 1/0 for a direction. near : truths from the posterior, else from the prior."""
    p, rows = len(truth.centre), len(truth.f)

    def noise(word: str, width: int) -> Array:
        return np.column_stack([normals(seed, f"recovery {truth.name} {word} {k}", count) for k in range(width)])

    z = truth.centre + noise("z", p) @ np.linalg.cholesky(truth.gain[1]).T if near else noise("prior z", p)
    y = truth.f + (z - truth.centre) @ truth.jacobian.T + noise("y", rows) @ np.linalg.cholesky(truth.covariance).T
    r = held_outcomes(truth.outcomes + (z - truth.centre) @ truth.slopes.T)
    shown = np.empty_like(r)
    for i, f in enumerate(finding_sets().findings):
        u, v = (stream(seed, f"recovery {truth.name} finding {i} {w}", count) for w in ("silent", "flat"))
        silent = (u < f.silent) | np.isnan(r[:, i])
        if f.is_direction:
            chance = np.where(silent, 0.5, ndtr(f.distance(np.nan_to_num(r[:, i])) / f.sd))
            shown[:, i] = v < chance
        else:
            low = -0.5 if isinstance(f.published.found, str) else f.told - f.width / 2
            told = np.nan_to_num(r[:, i]) + f.sd * normals(seed, f"recovery {truth.name} finding {i}", count)
            shown[:, i] = np.where(silent, low + f.width * v, told)
    return y, shown


def scores(y: Array, shown: Array) -> Array:
    """log p(data set | hypothesis), (N, H)."""
    columns = []
    for fast in fast_forms().values():
        outcome = fast.outcomes_after(y)
        told = sum(f.log_score(outcome[:, :, i], told=shown[:, [i]]) for i, f in enumerate(finding_sets().findings))
        columns.append(fast.human(y) + log_sum_exp(np.asarray(told).T, axis=0) - np.log(INNER))
    return np.stack(columns, axis=1)


Bin = tuple[float, float, float, float, int]


@dataclass(frozen=True)
class Recovery:
    """truth -> how often it, or its group, came first; reliability: (lowest, highest, mean weight, share true, count) per bin of weights, of truths from
    the prior; reliability_near : of truths near the evidence."""

    names: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    expected: tuple[Pair, ...]
    first: Mapping[str, int]
    group_first: Mapping[str, int]
    replicates: int
    reliability: tuple[Bin, ...]
    reliability_near: tuple[Bin, ...]

    @property
    def passed(self) -> bool:
        """Every hypothesis or its group first in at least nine of ten."""
        return all(10 * n >= 9 * self.replicates for n in self.group_first.values())


def expected_pairs(count: int = PLANNING, seed: int = SEED + 1) -> tuple[Pair, ...]:
    """Expected log-score difference of every pair, if one of the two is true, and its SD over data sets: the smaller of the two cases."""
    names = list(fast_forms())
    tables = {name: scores(*synthetic(fast, count, seed)) for name, fast in fast_forms().items()}
    found = []
    for a, first in enumerate(names):
        for b in range(a + 1, len(names)):
            cases = [tables[first][:, a] - tables[first][:, b], tables[names[b]][:, b] - tables[names[b]][:, a]]
            worst = min(cases, key=lambda d: d.mean() / d.std(ddof=1))
            found.append(Pair(first, names[b], float(worst.mean()), float(worst.std(ddof=1))))
    return tuple(found)


def expected_groups(pairs: Sequence[Pair]) -> tuple[tuple[str, ...], ...]:
    """Groups that this evidence is not expected to split."""
    return shared_groups(pairs, {name: hypotheses()[name] for name in fast_forms()})


def recovery(replicates: int = REPLICATES, seed: int = SEED) -> Recovery:
    """Groups fixed first, on data sets of their own; then replicates from each hypothesis."""
    pairs = expected_pairs()
    groups = expected_groups(pairs)
    of = {name: g for g in groups for name in g}
    names = tuple(fast_forms())
    tables = {
        near: [scores(*synthetic(f, replicates, seed, near)) for f in fast_forms().values()] for near in (True, False)
    }
    first, group_first = {}, {}
    for h, (name, logs) in enumerate(zip(names, tables[True], strict=True)):
        best = logs.argmax(axis=1)
        first[name] = int((best == h).sum())
        group_first[name] = int(sum(names[b] in of[name] for b in best))
    return Recovery(
        names, groups, pairs, first, group_first, replicates, reliability(tables[False]), reliability(tables[True])
    )


def reliability(tables: Sequence[Array]) -> tuple[Bin, ...]:
    """Weights and how often they were those of the truth. tables : log scores (N, H) of data sets of each hypothesis, in their order."""
    w = np.concatenate([np.exp(logs - log_sum_exp(logs, axis=1)[:, None]).ravel() for logs in tables])
    t = np.concatenate(
        [(np.arange(len(tables)) == h)[None, :].repeat(len(logs), axis=0).ravel() for h, logs in enumerate(tables)]
    )
    edges = [0.0, 0.02, 0.1, 0.3, 0.6, 0.9, 1.0 + 1e-9]
    bins = []
    for low, high in pairwise(edges):
        inside = (w >= low) & (w < high)
        if inside.any():
            bins.append((low, min(high, 1.0), float(w[inside].mean()), float(t[inside].mean()), int(inside.sum())))
    return tuple(bins)


def recovery_text(found: Recovery) -> str:
    """The recovery study in plain lines."""
    lines = [
        f"Synthetic evidence from each hypothesis, {found.replicates} data sets each: how often it, or its group, comes first",
        "",
    ]
    lines += [f"  {n:<20} {found.first[n]:>3}  group {found.group_first[n]:>3}" for n in found.names]
    lines += [
        "",
        "Groups fixed beforehand (expected difference under two standard errors): "
        + "; ".join(" + ".join(g) for g in found.groups if len(g) > 1),
    ]
    for whose, bins in (("the prior", found.reliability), ("the posterior, near the evidence", found.reliability_near)):
        lines += ["", f"Weights and truth, truths from {whose}: mean weight, share true, number"]
        lines += [f"  {low:.2f}-{high:.2f}: {mean:.3f} {true:.3f} {count}" for low, high, mean, true, count in bins]
    return "\n".join(lines)


if __name__ == "__main__":
    print(recovery_text(recovery()))
