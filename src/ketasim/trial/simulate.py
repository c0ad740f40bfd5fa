"""`ketasim.trial`: a design, sizes and a number of replicates in; power, courses and contrast with their spread out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.core import UsageError
from ketasim.core.arrays import Array, IntArray
from ketasim.core.numbers import whole
from ketasim.ratings.scales import remission_cut

from .blinding import SHARES, correct_share, guess_curve
from .chunks import Chunk, Job, chunks, prepared
from .design import Design
from .expected import Truth
from .library import find_design
from .methods import Outcome, crossover_outcomes, endpoint_visit
from .one import OneTrial, one_of
from .plan import better
from .pool import PEOPLE, Pool, make_pool
from .power import LEAST_WORLDS, Power, over_worlds, power_of, shrunk, told
from .replicate import Replicates, joined, replicates
from .result import ArmRow, Bias, Contrast, TrialResult, VisitRow
from .stopping import most_people, outcome_of
from .worlds import World, worlds

SIMS = 1000
WORLDS = 48
PER_WORLD = 4  # at least so many replicates in a world, so that its own power can be told from chance
MOST_SIMS = 1_000_000
SHARES_OF_WORK = 0.85  # of the progress bar: simulating; the rest is analysis


@dataclass
class Trial:
    """A design with its worlds, and the pools that have been simulated so far.

    seed : of everything. null : every arm gets the comparator's placebo. count : worlds. people : in each pool.
    """

    design: Design
    seed: int = 1
    null: bool = False
    count: int = WORLDS
    people: int = PEOPLE
    pools: dict[int, Pool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.worlds: tuple[World, ...] = worlds(self.count, self.design.hypotheses, self.seed)

    def pool(self, index: int) -> Pool:
        """The people of a world in every arm; simulated on first use, kept."""
        if index not in self.pools:
            self.pools[index] = make_pool(self.design, self.worlds[index], self.seed, self.people, self.null)
        return self.pools[index]

    def replicate(self, number: int, n: int | None = None) -> Replicates:
        """Replicate `number` alone; the same as among others."""
        return replicates(self.design, self.pool(number % self.count), self.seed, (number,), n or self.design.n)

    def replicates(self, sims: int, n: int, progress: Callable[[float], None] | None = None) -> Replicates:
        """Replicates 0 to sims - 1, world by world."""
        parts = []
        for world in range(min(self.count, sims)):
            parts.append(replicates(self.design, self.pool(world), self.seed, range(world, sims, self.count), n))
            if progress:
                progress(SHARES_OF_WORK * (world + 1) / min(self.count, sims))
        return joined(parts)

    def but(self, **changes: Any) -> Trial:
        """The same people with another endpoint, analysis, dropout, size, missing visits or sites: nothing is simulated again.

        Raises UsageError for what would need other courses (arms, visits, setting, people).
        """
        kept = {
            "endpoint",
            "analysis",
            "dropout",
            "n",
            "missing",
            "sites",
            "site_sd",
            "block",
            "strata",
            "study_effects",
            "title",
            "per_month",
            "duration_months",
        }
        for key in changes:
            if key not in kept:
                raise UsageError(
                    f"another {key} needs other people", where=f"but({key}=...)", allowed=", ".join(sorted(kept))
                )
        changed = replace(self.design, **changes)
        if changed.sequences != self.design.sequences or (self.design.rules and "study_effects" in changes):
            raise UsageError(
                "the doses would be others: that needs other people", where="but(...)", fix="Trial(design)"
            )
        return Trial(changed, self.seed, self.null, self.count, self.people, self.pools)

    def jobs(self, sims: int, n: int) -> list[Job]:
        """The chunks of `sims` replicates: one for each world."""
        return [
            Job(self.design, world, self.seed, self.null, self.people, tuple(range(world.index, sims, self.count)), n)
            for world in self.worlds[: min(self.count, sims)]
        ]

    def run(
        self,
        n: Sequence[int],
        sims: int,
        progress: Callable[[float], None] | None = None,
        folder: str | Path | None = None,
        scheduler: str = "",
    ) -> TrialResult:
        """Simulate and analyse at every size; arms and contrasts at the largest. folder, scheduler : as in `trial`."""
        sizes = tuple(sorted(set(n)))
        made = chunks(
            self.jobs(sims, most_people(self.design, sizes[-1])),
            self.pool,
            prepared(folder) if folder else None,
            scheduler,
            (lambda share: progress(SHARES_OF_WORK * share)) if progress else None,
        )
        found = joined([chunk.replicates for chunk in made])
        outcomes: dict[int, Outcome] = {}
        for i, size in enumerate(sizes):
            if self.design.compares:
                outcomes[size] = outcome_of(self.design, found, size)
            if progress:
                progress(SHARES_OF_WORK + (1 - SHARES_OF_WORK) * (i + 1) / len(sizes))
        return _result(self, found.people(0, sizes[-1]), made, sizes, sims, outcomes)


def trial(
    design: str | Path | Design,
    n: int | Sequence[int] | None = None,
    sims: int = SIMS,
    seed: int = 1,
    null: bool = False,
    worlds: int | None = None,
    progress: Callable[[float], None] | None = None,
    parquet: str | Path | None = None,
    scheduler: str = "",
) -> TrialResult:
    """Simulate a trial.

    design : a TOML file, the id of one that ships (`ketasim trial --list`), or a `Design`. n : total randomised, one size or several (the
    design's own, unless given). sims : replicates. seed : of people, worlds and chance. null : every arm gets the comparator's placebo, so that the
    share of rejections is the type I error. worlds : hypotheses and draws that the replicates are spread over (48, or as many as
    leave four replicates each). parquet : folder in which every participant of every replicate is kept, world by world; a trial that was stopped
    goes on with what is there. progress : told the share done. scheduler : address of a dask.distributed scheduler (`pip install "ketasim[cluster]"`).

    Returns a `TrialResult`. Raises UsageError that lists every problem of the design with file and line.
    """
    chosen = design if isinstance(design, Design) else find_design(design)
    sizes = _sizes(chosen, n)
    sims = whole("sims", sims, "sims=1000")
    if not 1 <= sims <= MOST_SIMS:
        raise UsageError(f"{sims} replicates", where=f"--sims {sims}", allowed=f"1 to {MOST_SIMS}", fix="--sims 1000")
    seed = whole("seed", seed, "seed=1")
    if seed < 0:
        raise UsageError("a seed is a whole number from 0 on", where=f"--seed {seed}", fix="--seed 1")
    count = min(WORLDS, max(sims // PER_WORLD, 1)) if worlds is None else whole("worlds", worlds)
    if not 1 <= count <= sims:
        raise UsageError(
            f"{count} worlds for {sims} replicates", where="worlds", allowed=f"1 to {sims}", fix="worlds=12"
        )
    return Trial(chosen, seed, null, count).run(sizes, sims, progress, parquet, scheduler)


def one_trial(
    design: str | Path | Design,
    n: int | None = None,
    seed: int = 1,
    number: int = 0,
    null: bool = False,
    worlds: int = WORLDS,
) -> OneTrial:
    """One simulated trial, person by person: replicate `number` of `trial(design, n, seed=seed, null=null, worlds=worlds)`.

    Only its own world is simulated, so this takes a second or two. Returns a `OneTrial` (people, `rows`, `flow`, `to_dict`, `to_csv`).
    """
    chosen = design if isinstance(design, Design) else find_design(design)
    size = _sizes(chosen, n)[0]
    number, count = whole("number", number, "number=0"), whole("worlds", worlds)
    if number < 0 or not 1 <= count <= MOST_SIMS:
        raise UsageError(
            f"there is no replicate {number} in {count} worlds",
            where="one_trial",
            allowed="number from 0, worlds from 1",
        )
    asked = Trial(chosen, whole("seed", seed, "seed=1"), null, count)
    found = asked.replicate(number, size)
    return one_of(chosen, found, 0, asked.seed, asked.worlds[number % count].hypothesis)


def _sizes(design: Design, n: int | Sequence[int] | None) -> tuple[int, ...]:
    given = (design.n,) if n is None else (n,) if isinstance(n, int) else tuple(n)
    found = tuple(whole("n", size, "n=120") for size in given)
    least = 2 * len(design.arms)
    for size in found:
        if not least <= size <= 20_000:
            raise UsageError(
                f"{size} people cannot be randomised to {len(design.arms)} arms",
                where=f"--n {size}",
                allowed=f"{least} to 20000",
                fix=f"--n {max(design.n, least)}",
            )
    if not found:
        raise UsageError("no size is given", where="--n", fix="--n 60,120")
    return found


def _result(
    asked: Trial,
    found: Replicates,
    made: Sequence[Chunk],
    sizes: tuple[int, ...],
    sims: int,
    outcomes: Mapping[int, Outcome],
) -> TrialResult:
    design = asked.design
    world = np.array([k % asked.count for k in found.numbers])
    last = outcomes.get(sizes[-1])
    sign = better(design.endpoint.measure, design.analysis.method)
    powers = {
        name: tuple(
            power_of(size, o.estimate[:, a], o.p[:, a], world, design.analysis.alpha, sign)
            for size, o in outcomes.items()
        )
        for a, name in enumerate(design.compared)
    }
    contrasts = tuple(_contrast(design, a, name, last, world) for a, name in enumerate(design.compared)) if last else ()
    known = [chunk.truth for chunk in made if chunk.truth is not None]
    at = endpoint_visit(design)
    return TrialResult(
        design=design,
        seed=asked.seed,
        sims=sims,
        worlds=asked.count,
        null=asked.null,
        estimand=last.estimand if last else "one arm: nothing is compared",
        power=powers.get(design.endpoint.arm, ()),
        powers=powers,
        arms=_arms(design, found, made),
        contrasts=contrasts,
        bias={} if asked.null or not known else {c.arm: _bias(known, a, c) for a, c in enumerate(contrasts)},
        guess_curve={}
        if design.kind == "crossover"
        else {
            name: tuple(
                zip(
                    SHARES.tolist(),
                    guess_curve(found.change[..., at], found.arm, found.guess, a + 1).tolist(),
                    strict=True,
                )
            )
            for a, name in enumerate(design.compared)
        },
        by_hypothesis=_by_hypothesis(asked, last, world, powers),
        stopping={size: dict(o.detail) for size, o in outcomes.items() if o.detail},
        unanalysed=last.failed if last else {},
        failed_people=sum(chunk.failed for chunk in made),
        notes=_notes(design),
        one=one_of(design, found, 0, asked.seed, asked.worlds[0].hypothesis),
        hypothesis_of=tuple(asked.worlds[int(w)].hypothesis for w in world),
        estimates=_estimates(design, found, outcomes),
    )


def _contrast(design: Design, a: int, name: str, outcome: Outcome, world: IntArray) -> Contrast:
    estimate = outcome.estimate[:, a]
    ok = estimate[np.isfinite(estimate)]
    middle, _ = shrunk(estimate, world)
    low, high = over_worlds(middle)
    mean = float(ok.mean()) if ok.size else math.nan
    error = float(ok.std(ddof=1) / math.sqrt(ok.size)) if ok.size > 1 else math.nan
    if not told(middle):  # the worlds are one number, up to rounding that of the mean
        low, high = min(low, mean), max(high, mean)
    return Contrast(
        design.endpoint.measure,
        design.endpoint.at_h / 24.0,
        name,
        design.comparator,
        mean,
        low,
        high,
        error,
        outcome.scale,
        *_mean_limits(outcome, a),
        told(middle),
    )


def _mean_limits(outcome: Outcome, a: int) -> tuple[float, float]:
    """The limits of the interval that a single trial prints, mean over replicates that have one."""
    low, high = (
        float(x[np.isfinite(x)].mean()) if np.isfinite(x).any() else math.nan
        for x in (outcome.low[:, a], outcome.high[:, a])
    )
    return low, high


def _bias(known: Sequence[Truth], a: int, contrast: Contrast) -> Bias:
    def spread(name: str) -> tuple[float, float, float]:
        rows = np.array([getattr(t, name)[a] for t in known])
        return float(rows.mean()), *over_worlds(rows)

    analysed = (contrast.mean, contrast.low, contrast.high)
    return Bias(spread("true"), analysed, spread("held"), spread("inert"), contrast.told and len(known) >= LEAST_WORLDS)


def _by_hypothesis(
    asked: Trial, outcome: Outcome | None, world: IntArray, powers: Mapping[str, tuple[Power, ...]]
) -> dict[str, dict[str, float]]:
    """Primary contrast and power of every hypothesis at the largest size, with their number of replicates."""
    if outcome is None or not powers:
        return {}
    a = asked.design.compared.index(asked.design.endpoint.arm)
    names = np.array([w.hypothesis for w in asked.worlds])[world]
    found = {}
    for name in dict.fromkeys(w.hypothesis for w in asked.worlds):
        own = names == name
        if own.any():
            p = outcome.p[own, a]
            share = float((np.nan_to_num(p, nan=1.0) < asked.design.analysis.alpha).mean())
            found[name] = {
                "replicates": float(own.sum()),
                "contrast": float(np.nanmean(outcome.estimate[own, a])) if np.isfinite(p).any() else math.nan,
                "power": share,
                "mc_se": math.sqrt(share * (1 - share) / own.sum()),
            }
    return found


def _arms(design: Design, found: Replicates, made: Sequence[Chunk]) -> tuple[ArmRow, ...]:
    change, base = found.change, found.baseline[..., None]
    score = np.where(found.seen, found.score, np.nan)
    rows = []
    events = [chunk.events for chunk in made]
    for a, name in enumerate(design.names):
        own = found.arm == a
        count = own.sum(axis=1)
        visits = []
        for j, t in enumerate(design.readings_h):
            x = np.where(own, change[..., j], np.nan)
            seen = np.isfinite(x)
            number = seen.sum(axis=1)
            ok = number > 1
            mean = np.nansum(x, axis=1)[ok] / number[ok]
            squares = np.where(
                seen, (x - np.divide(np.nansum(x, axis=1), np.maximum(number, 1))[:, None]) ** 2, 0.0
            ).sum(axis=1)
            every = x[seen]
            at = score[..., j][seen]
            start = np.broadcast_to(base[..., 0], own.shape)[seen]
            visits.append(
                VisitRow(
                    day=t / 24.0,
                    n=float(number.mean()),
                    mean_change=float(mean.mean()) if mean.size else math.nan,
                    sd_change=float(np.sqrt(squares[ok] / (number[ok] - 1)).mean()) if ok.any() else math.nan,
                    response=float((at <= (1 - design.endpoint.response) * start).mean()) if every.size else math.nan,
                    remission=float((at <= _remission(design)).mean()) if every.size else math.nan,
                    dropout=float((found.gone[own] <= j).mean()) if own.any() else math.nan,
                )
            )
        peaks = {
            f"{name}_peak": float(rows[..., -1][own].mean()) if own.any() else math.nan
            for name, rows in (("cadss", found.cadss), ("felt", found.felt))
        }
        harm = peaks | {key: float(np.mean([e[key][a] for e in events])) for key in events[0]}
        rows.append(
            ArmRow(
                name,
                float(count.mean()),
                tuple(visits),
                harm,
                math.nan
                if design.kind == "crossover"
                else float(correct_share(found.arm, found.guess, len(design.names))[a]),
            )
        )
    return tuple(rows)


def _estimates(design: Design, found: Replicates, outcomes: Mapping[int, Outcome]) -> dict[int, dict[str, Array]]:
    """Estimates of every replicate by size and arm; of a crossover what such trials publish beside."""
    made = {n: {name: o.estimate[:, a] for a, name in enumerate(design.compared)} for n, o in outcomes.items()}
    if design.kind == "crossover":
        made = {n: rows | crossover_outcomes(design, found, n) for n, rows in made.items()}
    return made


def _remission(design: Design) -> float:
    return design.endpoint.cut if design.endpoint.measure == "remission" else remission_cut(design.scale)


def _notes(design: Design) -> tuple[str, ...]:
    found = [*design.assumptions]
    if design.dropout.per_week and design.dropout.basis == "assumed":
        found.append("The hazard of leaving is an assumption of the design file.")
    if design.site_sd:
        found.append(f"SD between sites {design.site_sd:g} (drive L): an assumption of the design file.")
    for arm in design.arms:
        for one in arm.add_ons:
            found.append(f"Arm {arm.name}: {one.known}; drawn for each world.")
    if design.study_effects:
        found.append(
            "Every replicate is a trial of its own: its setting and the size of the drug's part differ from the average as published trials do."
        )
    return tuple(found)
