"""Analyses of simulated trials, timed: `python benchmarks/trials.py [--trials N] [--rounds N]`.

MMRM of trials with 240 people, 5 visits and dropout; log-rank and Cox beside lifelines, if it is installed, on the same data and interleaved.
Seconds are of the wall and, in brackets, of the processor (what counts on a busy machine). R's mmrm and nlme::gls are not called
from here; one nlme::gls fit of such a trial is timed if `Rscript` and nlme are there.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ketasim.trial.analyse import cox, log_rank, mmrm, multiple_imputation

Array = NDArray[np.float64]

GLS = """
library(nlme)
d <- read.csv("{file}"); d$visit <- factor(d$t)
begin <- proc.time()[["elapsed"]]
f <- gls(y ~ 0 + visit + visit:arm + visit:baseline, d, correlation = corSymm(form = ~ t | person), weights = varIdent(form = ~ 1 | visit))
cat(proc.time()[["elapsed"]] - begin, summary(f)$tTable["visit5:arm", "Value"])
"""


def trials(number: int) -> tuple[Array, NDArray[np.int64], Array]:
    """Scores (R, 240, 5) with 30 % leaving, arms, baseline."""
    random = np.random.default_rng(2026)
    arm = np.arange(240) % 2
    baseline = random.normal(30, 5, (number, 240))
    scores = -8 - 2 * arm[:, None] + random.normal(0, 5, (number, 240, 1)) + random.normal(0, 5, (number, 240, 5))
    scores -= 0.3 * (baseline - 30)[..., None]
    last = np.where(random.random((number, 240)) < 0.3, random.integers(1, 5, (number, 240)), 5)
    scores[np.arange(5) >= last[..., None]] = np.nan
    return scores, arm, baseline[..., None]


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the wall and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def gls_seconds(scores: Array, arm: NDArray[np.int64], baseline: Array) -> str:
    """One fit by nlme::gls, and the effect that it finds."""
    if shutil.which("Rscript") is None:
        return "R is not on this machine: nlme::gls and mmrm not timed"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trial.csv"
        lines = ["person,t,arm,baseline,y"]
        for i in range(len(arm)):
            lines += [f"{i},{v + 1},{arm[i]},{baseline[i, 0]},{y}" for v, y in enumerate(scores[i]) if not np.isnan(y)]
        file.write_text("\n".join(lines), encoding="utf-8")
        script = Path(folder) / "fit.R"
        script.write_text(GLS.format(file=file), encoding="utf-8")
        done = subprocess.run(["Rscript", str(script)], capture_output=True, text=True, check=False)
    if done.returncode:
        return "R is here without nlme: gls not timed"
    seconds, effect = map(float, done.stdout.split())
    found = mmrm(scores, arm, baseline).estimate[0, 0, 4]
    return f"nlme::gls, one trial (effect {effect:.5f}, here {found:.5f})   {seconds:8.2f} s"


def main() -> None:
    """Interleaved rounds; the median of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    scores, arm, baseline = trials(options.trials)
    random = np.random.default_rng(1)
    life = random.exponential(np.where(arm == 1, 40, 25), (options.trials, 240))
    end = random.uniform(5, 60, (options.trials, 240))
    length, event = np.minimum(life, end), (life <= end).astype(int)
    few = min(20, options.trials)
    work: dict[str, tuple[int, Callable[[], object]]] = {
        "MMRM, Kenward-Roger": (options.trials, lambda: mmrm(scores, arm, baseline)),
        "MMRM, Satterthwaite": (options.trials, lambda: mmrm(scores, arm, baseline, df="satterthwaite")),
        "log-rank": (options.trials, lambda: log_rank(length, event, arm)),
        "Cox": (options.trials, lambda: cox(length, event, arm)),
        "20 imputations, jump to reference": (
            few,
            lambda: multiple_imputation(scores[:few], arm, baseline[:few], strategy="jump-to-reference"),
        ),
    }
    try:
        import pandas
        from lifelines import CoxPHFitter
        from lifelines.statistics import logrank_test

        def their_log_rank() -> None:
            for r in range(few):
                one, other = arm == 1, arm == 0
                logrank_test(length[r, one], length[r, other], event[r, one], event[r, other])

        def their_cox() -> None:
            for r in range(few):
                frame = pandas.DataFrame({"time": length[r], "event": event[r], "arm": arm})
                CoxPHFitter().fit(frame, "time", "event")

        work["log-rank, lifelines"] = (few, their_log_rank)
        work["Cox, lifelines"] = (few, their_cox)
    except ImportError as missing:
        print(f"lifelines is not timed: {missing}", file=sys.stderr)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for turn in range(options.rounds + 1):
        for name, (_, what) in work.items():
            seconds = timed(what)
            if turn:
                taken[name].append(seconds)
    for name, times in taken.items():
        number = work[name][0]
        wall, processor = (statistics.median(t[i] for t in times) for i in (0, 1))
        print(
            f"{name:36} {number:5d} trials {wall:8.3f} s ({processor:.3f} s), {1e3 * processor / number:9.4f} ms a trial"
        )
    print(gls_seconds(scores[0], arm, baseline[0]))


if __name__ == "__main__":
    main()
