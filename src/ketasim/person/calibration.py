"""Does the forecast know what it does not know? Simulated people, whose future is known, forecast from their first scores.

`python -m ketasim.person.calibration --write docs/forecast-calibration.md` (about ten minutes): 10,000 people, coverage of the 50, 80 and 95 % intervals
after 0, 1, 2 and 4 observations, rank histograms, CRPS against the forecast that knows nobody's scores, and the same where the true person comes from a
hypothesis that the forecast does not hold. People are drawn with other random numbers, rows and draws than the pool that forecasts them.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtr

from ketasim.core import normals, stream
from ketasim.core.arrays import Array, IntArray
from ketasim.core.posterior import folder as posterior_folder
from ketasim.dose import parse
from ketasim.people import Traits
from ketasim.ratings.observation import drive_at, link

from .batch import crps
from .given import Given, Placed
from .likelihood import Conditioned, Noise
from .observed import Baseline, Observation, draw_inside, mood_interval
from .pareto import TRUSTED, normalised, systematic, tail_shape
from .pool import Pool, Seen, integrate
from .records import HOURS_PER_DAY

PEOPLE = 10_000
WORDS = "ketamine iv 0.5 mg/kg over 40 min twice weekly x 6"
SETTING = "open"
VISITS = (1.0, 3.0, 7.0, 14.0)  # days on which a score is observed; those on a dosing day are rated before it
TARGET = 28.0
COUNTS = (0, 1, 2, 4)  # observations that the forecast has seen
TRUTH_ROWS, TRUTH_MINDS, TRUTH_SEED = 500, 40, 977
POOL_ROWS, POOL_MINDS = 160, 16
NOMINAL = (50, 80, 95)
BINS = 20
BEFORE_DOSE_H = 0.5
FEW = 500  # members that a CRPS is worked out from
GRID = np.arange(0.0, 60.5, 1.0)


@dataclass(frozen=True)
class Truth:
    """Simulated people: baseline (P,), scores (P, V) at `days`, whole points."""

    baseline: Array
    scores: Array
    days: tuple[float, ...]


@dataclass(frozen=True)
class Report:
    """Of one number of observations: pit (P,) randomised for whole points, crps (P,), k (P,)."""

    count: int
    pit: Array
    crps: Array
    k: Array

    def coverage(self, nominal: float) -> float:
        """Share of people inside the central interval of that many per cent."""
        return float((np.abs(self.pit - 0.5) <= nominal / 200.0).mean())

    @property
    def histogram(self) -> IntArray:
        """People by twentieth of their own forecast."""
        return np.histogram(self.pit, bins=BINS, range=(0.0, 1.0))[0]


def times_of(days: Sequence[float], words: str = WORDS) -> Array:
    """Hours of visits; on a dosing day half an hour before the dose."""
    doses = {round(time, 6) for time, _, _ in parse(words).main.times(1000.0)}
    return np.array(
        [d * HOURS_PER_DAY - (BEFORE_DOSE_H if round(d * HOURS_PER_DAY, 6) in doses else 0.0) for d in days]
    )


def seen_by(pool: Pool, times: Array, words: str = WORDS, setting: str = SETTING) -> Seen:
    """Drives of a pool under a regimen at some times, worked out once."""
    way = Given((Placed(parse(words)),), float(times[-1]) + 1.0)
    arms = integrate(pool, [way], way.grid(times))
    seen = Seen(pool, arms, 0, setting)
    seen.latent(times)
    return seen


def simulate(
    count: int,
    days: Sequence[float] = (*VISITS, TARGET),
    only: Sequence[str] = (),
    words: str = WORDS,
    seed: int = TRUTH_SEED,
) -> Truth:
    """People with scores at visits, drawn from the same beliefs (or from some hypotheses alone) with random numbers of their own."""
    pool = Pool.of(Traits(), TRUTH_ROWS, TRUTH_MINDS, seed, only)
    times = times_of(days, words)
    seen = seen_by(pool, times, words)
    picks = systematic(normalised(pool.log_weight), count, float(stream(seed, "truth start", 1)[0]))
    noise = Noise.of({key: number[picks] for key, number in pool.ratings.items() if key in Noise.__dataclass_fields__})
    joint = Conditioned(noise)
    p = {key: pool.ratings[key][picks] for key in ("link_ceiling", "link_slope", "madrs_maximum")}
    baseline = np.round(pool.minds.madrs[picks])
    columns, drives = [], seen.latent(times)
    for column, time in enumerate(times.tolist()):
        eps = joint.draw(time, normals(seed, f"truth visit {column}", count))
        drive = drives[picks, column] + eps
        columns.append(np.round(link(drive, baseline, p["link_ceiling"], p["link_slope"], p["madrs_maximum"])))
    order = np.random.Generator(np.random.Philox(key=seed)).permutation(count)
    return Truth(baseline[order], np.stack(columns, axis=1)[order], tuple(days))


def forecasts(
    truth: Truth,
    counts: Sequence[int] = COUNTS,
    only: Sequence[str] = (),
    words: str = WORDS,
    rows: int = POOL_ROWS,
    minds: int = POOL_MINDS,
    progress: Callable[[float], None] | None = None,
) -> list[Report]:
    """The last visit of every person forecast from his baseline and his first `counts` scores."""
    pool = Pool.of(Traits(), rows, minds, only=only)
    times = times_of(truth.days, words)
    seen = seen_by(pool, times, words)
    people = len(truth.baseline)
    uniform = stream(TRUTH_SEED, "pit", people)
    tables = {n: (np.empty(people), np.empty(people), np.empty(people)) for n in counts}
    noise = Noise.of(pool.ratings)
    for i in range(people):
        baseline = Baseline({"MADRS": float(truth.baseline[i])})
        known, log_weight = Conditioned(noise), pool.log_weight
        y = float(truth.scores[i, -1])
        for n in range(max(counts) + 1):
            if n:
                s = float(truth.scores[i, n - 1])
                o = Observation("mood", "MADRS", float(times[n - 1]), s - 0.5, s + 0.5, "")
                log_weight = log_weight + take(seen, known, o, baseline, n - 1)
            if n in tables:
                pit, score, k = tables[n]
                pit[i], score[i] = _place(
                    seen, known, normalised(log_weight), baseline, float(times[-1]), y, uniform[i]
                )
                k[i] = tail_shape(log_weight) if n else -np.inf
        if progress and i % 50 == 0:
            progress(i / people)
    return [Report(n, *tables[n]) for n in counts]


def take(seen: Seen, known: Conditioned, o: Observation, baseline: Baseline, place: int) -> Array:
    """Log likelihood (N,) of one more total given the earlier ones; the arithmetic of `observed.learn`."""
    low, high = mood_interval(o, baseline, seen.pool)
    drive = seen.latent([o.time_h])[:, 0]
    return known.take(o.time_h, low - drive, high - drive, draw_inside(o, place, seen.pool)).log_mass


def _place(
    seen: Seen, known: Conditioned, weights: Array, baseline: Baseline, time: float, y: float, uniform: float
) -> tuple[float, float]:
    """Randomised place of a whole total in its forecast, and its CRPS (of FEW members drawn by weight)."""
    _, mean, sd = known.ahead(time)
    ahead = seen.latent([time])[:, 0] + mean
    p, b = seen.pool.ratings, baseline.totals["MADRS"]
    ends = np.array([y - 0.5, y + 0.5])[:, None] / b
    z = (ahead - drive_at(ends, p["link_ceiling"], p["link_slope"])) / sd
    below = ndtr(z) @ weights
    low, high = (0.0 if y <= 0 else float(below[0])), (1.0 if y >= GRID[-1] else float(below[1]))
    picks = systematic(weights, FEW)
    few = (ahead[picks] - drive_at(GRID[:, None] / b, p["link_ceiling"][picks], p["link_slope"][picks])) / sd[picks]
    share = ndtr(few).mean(axis=1)
    share[-1] = 1.0
    return low + uniform * (high - low), crps(y, GRID, share)


def _bars(histogram: IntArray) -> str:
    """A rank histogram as text: 100 is what each of the bins should hold."""
    return " ".join(f"{100 * n * len(histogram) / histogram.sum():.0f}" for n in histogram)


def shipped_posterior() -> str:
    """Which posterior a page rests on: number of draws and hash of their file."""
    path = posterior_folder() / "draws.csv"
    if not path.exists():
        return "none"
    data = path.read_bytes()
    return f"{data.count(b'\n') - 1} draws, {hashlib.sha256(data).hexdigest()[:8]}"


def page(reports: list[Report], wrong: dict[str, tuple[list[Report], list[Report]]], people: int, fewer: int) -> str:
    """The docs page."""
    lines = [
        "# How well the forecast knows what it does not know",
        "",
        f"Written by `python -m ketasim.person.calibration --write docs/forecast-calibration.md`; do not edit. {people:,} simulated people, {WORDS}, setting {SETTING},",
        f"MADRS observed on days {', '.join(f'{d:g}' for d in VISITS)}, forecast of day {TARGET:g}. People are drawn with other random numbers and draws than the pool.",
        f"Posterior: {shipped_posterior()}.",
        "These people are the model's own: this page says that the arithmetic is right, not that the model is.",
        "",
        "| scores seen | 50 % holds | 80 % holds | 95 % holds | CRPS, points | against none seen | Pareto k above 0.7 |",
        "|---|---|---|---|---|---|---|",
    ]
    first = reports[0].crps.mean()
    for r in reports:
        cover = " | ".join(f"{100 * r.coverage(n):.1f}" for n in NOMINAL)
        lines.append(
            f"| {r.count} | {cover} | {r.crps.mean():.2f} | {100 * (r.crps.mean() / first - 1):+.0f} % | {(r.k > TRUSTED).mean():.1%} |"
        )
    lines += ["", "Rank histograms (people by twentieth of their own forecast; 100 = as many as there should be):", ""]
    lines += [f"- {r.count} seen: {_bars(r.histogram)}" for r in reports]
    lines += [
        "",
        "## Where the true person comes from a hypothesis that the forecast does not hold",
        "",
        f"{fewer:,} people each. Left: the forecast holds every other hypothesis; right: the working default alone.",
        "",
        "| truth | scores seen | 50/80/95 % hold, all others | CRPS | 50/80/95 % hold, default alone | CRPS |",
        "|---|---|---|---|---|---|",
    ]
    for name, (others, alone) in wrong.items():
        for a, b in zip(others, alone, strict=True):
            cells = []
            for r in (a, b):
                cells += ["/".join(f"{100 * r.coverage(n):.0f}" for n in NOMINAL), f"{r.crps.mean():.2f}"]
            lines.append(f"| {name} | {a.count} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


WRONG = ("expectancy-only", "lateral-habenula", "kappa-relief", "disinhibition")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page."""
    from ketasim.chain.hypothesis import default_hypothesis, hypotheses

    parser = argparse.ArgumentParser(prog="python -m ketasim.person.calibration")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--fewer", type=int, default=1000, help="people for each wrong hypothesis")
    parser.add_argument("--write", type=Path, default=None)
    asked = parser.parse_args(argv)

    def tell(share: float) -> None:
        sys.stderr.write(f"\r{share:.0%} ")
        sys.stderr.flush()

    reports = forecasts(simulate(asked.people), progress=tell)
    wrong = {}
    for name in WRONG:
        truth = simulate(asked.fewer, only=(name,))
        others = tuple(other for other in hypotheses() if other != name)
        counts = (0, 4)
        wrong[name] = (
            forecasts(truth, counts, only=others, progress=tell),
            forecasts(truth, counts, only=(default_hypothesis().id,), progress=tell),
        )
    from .conditional import conditional_rates, conditional_text

    text = "\n".join([page(reports, wrong, asked.people, asked.fewer), *conditional_text(conditional_rates())])
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
