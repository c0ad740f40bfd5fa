"""Synthetic studies: does the fit find what made them? `python -m ketasim.evidence.fit.synthetic [--replicates N]`.

--linear N   ranks of N truths on the linear form (ranks.py; seconds; with --spreads the spreads between studies are estimated too: 8 s each)
--draws N    ranks of N truths among draws of the model itself: fit and draw step with arms interpolated over the prior's range (minutes each)
             Both are kept beside --keep, so that a second call goes on.

Simulation-based calibration (Talts 2018, arXiv:1804.06788) of the fit as it is used: a truth z ~ N(0, 1) (the prior), published numbers made
by the model at that truth with their own sampling errors and spreads between studies, a fit that starts from the prior's middle and has to find the
spreads as well. If the posterior is calibrated, (mode - truth) / SD is standard normal for every value and the ranks of the truths are even.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import ndtr
from scipy.stats import kstest

from ketasim.core import normals
from ketasim.core.arrays import Array

from ..compare.likelihood import taus_of
from ..compare.predict import Evidence, all_evidence
from .calibrate import Problem, covariance, default_state_file, fit, problem
from .draws import Effort, draw
from .exact import Exact
from .kept import Kept
from .leave_out import Linear, linear
from .parameters import free_parameters
from .ranks import DRAWS, Ranks, linear_ranks, rank
from .starts import digest

Progress = Callable[[str], None]

REPLICATES = 20
ITERATIONS = 8
FIT_ITERATIONS = 15
EFFORT = Effort(first=200, rounds=(120, 120), chains=8, superchains=4, wanted=150.0, most=1200)
PER_CHAIN = 25
AT_ONCE = 12  # sets between two times of keeping


def synthetic(base: Problem, seed: int, truth: Array) -> Problem:
    """The same studies with numbers that the model itself made at `truth` (p,), sampling error and effects of the study included."""
    there = base.evidence.compared(base.numbers(truth))
    slopes = base.evidence.slopes(base.numbers(truth), there)
    blocks = []
    for block, f, s in zip(base.evidence.blocks, there, slopes, strict=True):
        root = np.linalg.cholesky(covariance(block, s, taus_of()))
        y = f + root @ normals(seed, f"synthetic {block.study.id}", len(f))
        blocks.append(replace(block, rows=tuple(replace(r, y=float(v)) for r, v in zip(block.rows, y, strict=True))))
    return replace(base, evidence=Evidence(tuple(blocks)), touched={}, with_levels=False)


@dataclass(frozen=True)
class Calibration:
    """scores (N, p): (mode - truth) / posterior SD of N synthetic fits; keys (p,); shrinkage (N, p): posterior SD in prior SDs."""

    keys: tuple[str, ...]
    scores: Array
    shrinkage: Array

    @property
    def root_mean_square(self) -> float:
        """Of all scores; 1 if the posterior is as wide as its errors."""
        return float(np.sqrt((self.scores**2).mean()))

    def inside(self, sd: float) -> float:
        """Share of the truths within `sd` posterior SDs of the mode."""
        return float((np.abs(self.scores) <= sd).mean())

    @property
    def evenness(self) -> float:
        """Kolmogorov-Smirnov p value of the truths' ranks against even ones, all values together (they are correlated: a guide, not a test)."""
        return float(kstest(ndtr(self.scores).ravel(), "uniform").pvalue)


def calibration(base: Problem, seeds: Sequence[int], iterations: int = ITERATIONS) -> Calibration:
    """Fit a synthetic data set for every seed."""
    scores, shrinkage = [], []
    for seed in seeds:
        truth = normals(seed, "synthetic truth", len(base.parameters))
        found = fit(synthetic(base, seed, truth), iterations=iterations)
        sd = np.sqrt(np.diag(np.linalg.inv(np.asarray(found.hessian, dtype=float))))
        # a truth beyond a bound of its value is that bound
        truth = np.array([p.z(p.value(t)) for p, t in zip(base.parameters, truth, strict=True)])
        scores.append((found.z - truth) / sd)
        shrinkage.append(sd)
        sys.stderr.write(
            f"\rsynthetic fit {len(scores)} of {len(seeds)}: root mean square so far {np.sqrt(np.mean(np.square(scores))):.2f} "
        )
        sys.stderr.flush()
    sys.stderr.write("\n")
    return Calibration(tuple(p.key for p in base.parameters), np.array(scores), np.array(shrinkage))


def drawn_rank(fast: Problem, seed: int, tell: Progress | None = None) -> list[int]:
    """Ranks (p,) of the truth of one synthetic set among draws of its posterior. fast : the fit with interpolated arms."""
    truth = normals(seed, "synthetic truth", len(fast.parameters))
    made = synthetic(fast, seed, truth)
    task = replace(fast, evidence=made.evidence, touched={})
    state = fit(task, iterations=FIT_ITERATIONS)
    found = draw(
        task,
        state,
        EFFORT.chains * PER_CHAIN,
        made.evidence,
        tell,
        EFFORT,
        lambda z: made.evidence.compared(task.numbers(z)),
    )
    picked = np.linspace(0, len(found.z) - 1, DRAWS).round().astype(int)
    return [int(r) for r in rank(truth, found.z[picked])]


def drawn_ranks(base: Problem, sets: int, minutes: float, keep: Path, tell: Progress | None = None) -> Ranks:
    """`sets` synthetic sets, those kept before included; none begins after `minutes`."""
    kept, until = Kept(keep, digest(base)), time.monotonic() + 60.0 * minutes
    if missing := kept.missing(sets):
        p = len(base.parameters)
        fast = Exact(base, np.zeros(p), np.ones(p), base.evidence, tell).problem()
        for seed in missing:
            if time.monotonic() > until:
                break
            kept.add(seed, drawn_rank(fast, seed, tell))
    return kept.of_all([p.key for p in base.parameters], sets)


def spread_ranks(around: Linear, sets: int, minutes: float, keep: Path, tell: Progress | None = None) -> Ranks:
    """`sets` synthetic sets on the linear form with spreads of their own, those kept before included; no dozen begins after `minutes`."""
    task = Problem(around.evidence, free_parameters())
    place = hashlib.sha256(np.concatenate([around.z, *map(np.ravel, around.jacobian)]).round(6).tobytes()).hexdigest()
    kept, until = Kept(keep, f"{digest(task)} {place[:16]}"), time.monotonic() + 60.0 * minutes
    slopes = around.evidence.slopes(task.numbers(around.z), around.base)
    for first in range(0, sets, AT_ONCE):
        count = min(AT_ONCE, sets - first)
        if not set(kept.missing(sets)) & set(range(first, first + count)):
            continue
        if time.monotonic() > until:
            break
        for number, ranks in enumerate(linear_ranks(around, count, slopes, tell=tell, first=first), first):
            kept.add(number, ranks)
    return kept.of_all([p.key for p in task.parameters], sets)


def _tell(line: str) -> None:
    print(f"\r{line.rstrip():<100}", end="\n" if line.endswith("\n") else "", file=sys.stderr, flush=True)


def text(found: Calibration) -> str:
    """Table of the values: how wide their errors are in posterior SDs."""
    lines = [
        f"{len(found.scores)} synthetic fits of {len(found.keys)} values: root mean square of (mode - truth) / SD {found.root_mean_square:.2f} (1 expected)",
        f"truths within 0.67, 1.28, 1.96 SD: {found.inside(0.6745):.0%}, {found.inside(1.2816):.0%}, {found.inside(1.96):.0%} (50, 80, 95 expected); evenness of ranks p = {found.evenness:.2g}",
        "",
        f"{'value':32s} root mean square   mean   SD left of the prior's",
    ]
    for k, key in enumerate(found.keys):
        s = found.scores[:, k]
        lines.append(f"{key:32s} {np.sqrt((s**2).mean()):16.2f}  {s.mean():+5.2f}   {found.shrinkage[:, k].mean():.2f}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.evidence.fit.synthetic", description=__doc__)
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--linear", type=int, default=0, help="so many sets on the linear form")
    parser.add_argument(
        "--spreads", action="store_true", help="with --linear: spreads between studies drawn and estimated"
    )
    parser.add_argument("--draws", type=int, default=0, help="so many sets with the draw step")
    parser.add_argument("--minutes", type=float, default=50.0, help="with --draws or --spreads: no set begins later")
    parser.add_argument("--keep", type=Path, default=default_state_file().with_name("ranks.json"))
    asked = parser.parse_args(arguments)
    if asked.linear or asked.draws:
        keys = tuple(p.key for p in free_parameters())
        if asked.linear:
            around, keep = linear(all_evidence(), _tell), asked.keep.with_stem(f"{asked.keep.stem}-spreads")
            if asked.spreads:
                print(spread_ranks(around, asked.linear, asked.minutes, keep, _tell).text)
            else:
                print(Ranks(keys, linear_ranks(around, asked.linear, tell=_tell)).text)
        if asked.draws:
            print(drawn_ranks(problem(), asked.draws, asked.minutes, asked.keep, _tell).text)
        return 0
    print(text(calibration(problem(), range(asked.replicates))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
