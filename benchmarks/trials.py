"""Virtual trials, timed beside those who do the same work: `python benchmarks/trials.py [--rounds N] [--write]`.

Every round runs everybody in turn, each on the same data: ours, lifelines (if it is installed), and R's nlme::gls, survival, cmprsk and rpact (if `Rscript`
and they are there; timed inside R, without its start). Seconds are of the wall and of the processor; on a busy machine the second is what counts, and the
ratios are of processor time per trial. The results stand beside the times, so that it can be seen that the work is the same.
`--write` puts the tables into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ketasim.trial.analyse import bounds, cox, gray, log_rank, mmrm, multiple_imputation, stop, t_test, z_of
from ketasim.trial.read import design_from_text
from ketasim.trial.simulate import Trial

Array = NDArray[np.float64]
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
SCRIPT = Path(__file__).with_name("trials_peers.R")
GLS_TRIALS, LIFE_TRIALS, LIFELINES_TRIALS = 3, 200, 20
DESIGN = """
title = "Three arms, 28 days"
visits = ["24 h", "8 d", "15 d", "22 d", "28 d"]
n = 720
[arms.placebo]
words = "placebo nasal"
repeat = "twice weekly x 8"
[arms.low]
words = "esketamine nasal 56 mg"
repeat = "twice weekly x 8"
[arms.high]
words = "esketamine nasal 84 mg"
repeat = "twice weekly x 8"
[dropout]
per_week = 0.03
score = 0.03
"""
FIRST = """
import sys
from ketasim.trial.simulate import trial
sys.stdout.write(str(trial(sys.argv[1], sims=1).sims))
"""


@dataclass
class Work:
    """One thing that is timed: kind of work, who does it, trials of a call, what comes out, and the seconds of every round."""

    kind: str
    who: str
    trials: int
    result: float = float("nan")
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def per_trial(self) -> float:
        """Processor milliseconds of one trial, median of the rounds."""
        return 1e3 * statistics.median(self.cpu) / self.trials


def scored(number: int) -> tuple[Array, NDArray[np.int64], Array]:
    """Scores (R, 240, 5) with 30 % leaving, arms, baseline."""
    random = np.random.default_rng(2026)
    arm = np.arange(240) % 2
    baseline = random.normal(30, 5, (number, 240))
    scores = -8 - 2 * arm[:, None] + random.normal(0, 5, (number, 240, 1)) + random.normal(0, 5, (number, 240, 5))
    scores -= 0.3 * (baseline - 30)[..., None]
    last = np.where(random.random((number, 240)) < 0.3, random.integers(1, 5, (number, 240)), 5)
    scores[np.arange(5) >= last[..., None]] = np.nan
    return scores, arm, baseline[..., None]


def lived(number: int) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Times (R, 240), kinds of end (0 censored, 1 relapse, 2 left), arms."""
    random = np.random.default_rng(1)
    arm = np.arange(240) % 2
    life = random.exponential(np.where(arm == 1, 40, 25), (number, 240))
    leaving = random.exponential(60, (number, 240))
    end = random.uniform(5, 60, (number, 240))
    length = np.minimum(np.minimum(life, leaving), end)
    return length, np.where(length == end, 0, np.where(length == life, 1, 2)), arm


def three_looks(number: int) -> float:
    """Simulated power, t tests at 70, 140 and 210 people: data, tests and stopping."""
    arm = np.arange(210) % 2
    scores = np.random.default_rng(3).normal(size=(number, 210)) + 0.4 * arm
    looks = [t_test(scores[:, :seen], arm[:seen]) for seen in (70, 140, 210)]
    z = np.stack([z_of(t.p[:, 0], t.estimate[:, 0], larger_is_better=True) for t in looks], axis=1)
    return float(stop(z, bounds(3, alpha=0.025, sided=1)).efficacy.mean())


def survival_trial(number: int) -> float:
    """Simulated power of a trial of 300 people over 12 months, log-rank at 74, 148 and 222 events."""
    random = np.random.default_rng(4)
    arm, entry = np.arange(300) % 2, (np.arange(300) + 1) * 12 / 300
    life = random.exponential(20 / np.log(2) / np.where(arm == 1, 0.7, 1.0), (number, 300))
    ends = np.sort(entry + life, axis=1)
    looks = []
    for events in (74, 148, 222):
        cut = ends[:, events - 1 : events]
        followed = np.where(entry < cut, np.minimum(life, cut - entry), np.nan)
        looks.append(-log_rank(followed, (entry + life <= cut).astype(int), arm).z[:, 0])
    plan = bounds(3, "obrien-fleming", alpha=0.025, sided=1)
    return float(stop(np.stack(looks, axis=1), plan).efficacy.mean())


def measured(work: Work, what: Callable[[], float]) -> None:
    """One call, its seconds noted."""
    wall, cpu = time.perf_counter(), time.process_time()
    work.result = what()
    work.wall.append(time.perf_counter() - wall)
    work.cpu.append(time.process_time() - cpu)


def ours(trials: int) -> list[tuple[Work, Callable[[], float]]]:
    """What this package does."""
    scores, arm, baseline = scored(trials)
    length, kind, lives = lived(trials)
    relapse = (kind == 1).astype(np.int64)
    few = min(20, trials)
    return [
        (
            Work("MMRM", "ketasim, Kenward-Roger", trials),
            lambda: float(mmrm(scores, arm, baseline).estimate[:GLS_TRIALS, 0, 4].mean()),
        ),
        (
            Work("MMRM", "ketasim, Satterthwaite", trials),
            lambda: float(mmrm(scores, arm, baseline, df="satterthwaite").estimate[:GLS_TRIALS, 0, 4].mean()),
        ),
        (
            Work("log-rank", "ketasim", trials),
            lambda: float((log_rank(length, relapse, lives).z[:LIFE_TRIALS] ** 2).mean()),
        ),
        (Work("Cox", "ketasim", trials), lambda: float(cox(length, relapse, lives).estimate[:LIFE_TRIALS].mean())),
        (Work("Gray", "ketasim", trials), lambda: float((gray(length, kind, lives).z[:LIFE_TRIALS] ** 2).mean())),
        (Work("power with three looks", "ketasim", 4000), lambda: three_looks(4000)),
        (Work("power of a survival trial", "ketasim", 4000), lambda: survival_trial(4000)),
        (
            Work("20 imputations, jump to reference", "ketasim", few),
            lambda: float(
                multiple_imputation(scores[:few], arm, baseline[:few], strategy="jump-to-reference").estimate.mean()
            ),
        ),
    ]


def of_lifelines(trials: int) -> list[tuple[Work, Callable[[], float]]]:
    """Log-rank and Cox of lifelines on the first trials; nothing if it is not installed."""
    try:
        import lifelines
        import pandas
        from lifelines import CoxPHFitter
        from lifelines.statistics import logrank_test
    except ImportError as missing:
        print(f"lifelines is not timed: {missing}", file=sys.stderr)
        return []
    length, kind, arm = lived(trials)
    one, other = arm == 1, arm == 0

    def tests() -> float:
        rows = zip(length[:LIFELINES_TRIALS], kind[:LIFELINES_TRIALS] == 1, strict=True)
        return float(np.mean([logrank_test(t[one], t[other], e[one], e[other]).test_statistic for t, e in rows]))

    def models() -> float:
        found = []
        for t, e in zip(length[:LIFELINES_TRIALS], kind[:LIFELINES_TRIALS] == 1, strict=True):
            fit = CoxPHFitter().fit(pandas.DataFrame({"time": t, "event": e, "arm": arm}), "time", "event")
            found.append(fit.params_["arm"])
        return float(np.mean(found))

    who = f"lifelines {lifelines.__version__} (first {LIFELINES_TRIALS})"
    return [(Work("log-rank", who, LIFELINES_TRIALS), tests), (Work("Cox", who, LIFELINES_TRIALS), models)]


class FromR:
    """R's packages, one process a round; their own clocks."""

    def __init__(self, trials: int) -> None:
        self.works: dict[str, Work] = {}
        self.folder = tempfile.TemporaryDirectory()
        place = Path(self.folder.name)
        scores, arm, baseline = scored(trials)
        rows = ["trial,person,t,arm,baseline,y"]
        for k in range(GLS_TRIALS):
            for i in range(240):
                seen = [(v, y) for v, y in enumerate(scores[k, i]) if not np.isnan(y)]
                rows += [f"{k},{i},{v + 1},{arm[i]},{baseline[k, i, 0]!r},{y!r}" for v, y in seen]
        (place / "mmrm.csv").write_text("\n".join(rows).replace("np.float64(", "").replace(")", ""), encoding="utf-8")
        length, kind, lives = lived(trials)
        rows = ["trial,time,kind,arm"]
        for k in range(LIFE_TRIALS):
            rows += [f"{k},{float(length[k, i])!r},{kind[k, i]},{lives[i]}" for i in range(240)]
        (place / "life.csv").write_text("\n".join(rows), encoding="utf-8")

    def round(self, keep: bool) -> None:
        """One process; nothing where R is not installed."""
        if shutil.which("Rscript") is None:
            print("R is not on this machine", file=sys.stderr)
            return
        done = subprocess.run(["Rscript", str(SCRIPT), self.folder.name], capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stderr, file=sys.stderr)
        for line in done.stdout.splitlines() if keep else ():
            name, number, wall, cpu, result = line.split("|")
            kind, _, who = name.partition(", ")
            work = self.works.setdefault(name, Work(kind, f"R {who}", int(number)))
            work.result = float(result)
            work.wall.append(float(wall))
            work.cpu.append(float(cpu))


def whole_trials(sims: int) -> list[str]:
    """The pool of three arms over 28 days in 48 worlds, replicates of 720 people from it, and the first trial of a fresh process."""
    made = Trial(design_from_text(DESIGN))
    rows = []
    for what, work in (
        (f"people of 3 arms, 28 days, 48 worlds of {made.people}", lambda: [made.pool(w) for w in range(made.count)]),
        (f"{sims:,} replicates of 720 people from them, 5 visits, MMRM of both arms", lambda: made.run([720], sims)),
    ):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        rows.append(f"| {what} | {time.perf_counter() - wall:.1f} | {time.process_time() - cpu:.1f} |")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "design.toml"
        file.write_text(DESIGN, encoding="utf-8")
        walls, cpus = [], []
        for _ in range(3):
            begin, before = time.perf_counter(), os.times()
            subprocess.run([sys.executable, "-c", FIRST, str(file)], check=True, stdout=subprocess.DEVNULL)
            after = os.times()
            walls.append(time.perf_counter() - begin)
            cpus.append(after.children_user + after.children_system - before.children_user - before.children_system)
    rows.append(
        f"| a fresh process to its first simulated trial (median of 3) | {statistics.median(walls):.1f} | {statistics.median(cpus):.1f} |"
    )
    return rows


def section(works: list[Work], own: list[str], rounds: int, loads: list[float]) -> str:
    """The tables of docs/benchmarks.md."""
    lines = [
        "<!-- trials -->",
        "## trials: analyses and simulated trials",
        "",
        f"`python benchmarks/trials.py --write`, {date.today().isoformat()}, {rounds} interleaved rounds, medians. Trials of 240 people, 5 visits, 30 % leaving (MMRM), of",
        "240 people with relapse beside leaving (log-rank, Cox, Gray); power by simulation with data, tests and stopping. Ratios are of processor time per trial.",
        "",
        "| work | who | trials a round | result | wall s | CPU s | CPU ms per trial | ketasim is faster by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(work.kind for work in works):
        same = sorted((w for w in works if w.kind == kind), key=lambda w: w.per_trial)
        best = next(w.per_trial for w in works if w.kind == kind)
        for w in same:
            ratio = "" if w.who.startswith("ketasim") else f"{w.per_trial / best:.0f}"
            lines.append(
                f"| {kind} | {w.who} | {w.trials:,} | {w.result:.5g} | {statistics.median(w.wall):.2f} | {statistics.median(w.cpu):.2f} | {w.per_trial:.3g} | {ratio} |"
            )
    lines += [
        "",
        "Results are of the same trials (mean effect at the last visit of the first three; mean statistic or log hazard ratio of the first 200, lifelines 20; power of",
        "4,000 simulated trials). gls gives no Kenward-Roger. One core; R's start is not counted.",
        "",
        "| whole trials | wall s | CPU s |",
        "|---|---|---|",
        *own,
        "",
        f"State of the machine: {os.cpu_count()} cores shared with other work, load average {min(loads):.1f} to {max(loads):.1f} during the rounds: wall times are worth little, "
        f"processor times some 10 to 30 % above those of a quiet one. Python {platform.python_version()}.",
        "<!-- end of trials -->",
    ]
    return "\n".join(lines)


def main() -> None:
    """Interleaved rounds; the median of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sims", type=int, default=1000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.trials < LIFE_TRIALS:
        parser.error(f"--trials is at least {LIFE_TRIALS}")
    python = [*ours(options.trials), *of_lifelines(options.trials)]
    other = FromR(options.trials)
    loads = []
    for turn in range(options.rounds + 1):
        for work, what in python:
            measured(work, what)
            if not turn:  # the first fills caches
                work.wall.clear()
                work.cpu.clear()
        if turn:
            other.round(keep=True)
        loads.append(os.getloadavg()[0])
    works = [*(work for work, _ in python), *other.works.values()]
    text = section(works, whole_trials(options.sims), options.rounds, loads)
    print(text)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        found = re.search(r"<!-- trials -->.*<!-- end of trials -->", page, re.S)
        page = page.replace(found.group(), text) if found else page.rstrip("\n") + "\n\n" + text + "\n"
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
