"""The analysis a design asks for, on replicates: difference, standard error and p of every arm against the comparator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ketasim.core.arrays import Array, BoolArray, IntArray

from .analyse.competing import cause_specific, incidence_difference
from .analyse.cox import cox
from .analyse.estimands import ANALYSES
from .analyse.imputation import multiple_imputation
from .analyse.means import ancova, t_test
from .analyse.mmrm import mmrm
from .analyse.proportions import Missing, logistic, proportions
from .analyse.result import Comparison
from .analyse.survival import log_rank, restricted_mean
from .design import HOURS_PER_DAY, Design
from .plan import OF_SHARES, OF_TIMES, is_harm
from .replicate import Replicates, strata_numbers

IMPUTATION_SEED = 1  # of the draws of multiple imputation, with the replicate's number


@dataclass(frozen=True)
class Outcome:
    """estimate, se, p, low, high (R, A - 1); nan where the analysis gave none. failed : reason -> number of replicates. low, high : interval of
    each trial (level 1 - alpha). scale : what the estimate is. detail : what looks or a re-estimated size did, as plain data."""

    estimate: Array
    se: Array
    p: Array
    name: str
    estimand: str
    failed: dict[str, int]
    low: Array
    high: Array
    scale: str = "difference of adjusted means"
    detail: Mapping[str, Any] = field(default_factory=dict)


def endpoint_visit(design: Design) -> int:
    """Index of the visit of the endpoint."""
    return int(np.argmin(np.abs(np.array(design.visits_h) - design.endpoint.at_h)))


def analyse(design: Design, found: Replicates, n: int) -> Outcome:
    """The design's analysis on the first n participants of every replicate, without looks before the end (`stopping` has those)."""
    how = design.analysis
    arm = found.arm[:, :n]
    if design.kind == "crossover":
        return _crossed(design, found, n)
    if how.method in OF_TIMES:
        return _of_times(design, found, n)
    level = 1.0 - how.alpha
    extra = np.stack([found.covariates[name][:, :n] for name in how.covariates], axis=-1) if how.covariates else None
    if how.method in OF_SHARES:
        met = achieved(design, found)[:, :n]
        missing: Missing = "left out" if how.missing == "left out" else "failure"
        if how.method == "logistic":
            return _outcome(logistic(met, arm, extra, missing=missing, level=level), design)
        strata = strata_of_analysis(design, found, n)
        return _outcome(proportions(met, arm, strata=strata, missing=missing, level=level), design)
    if design.endpoint.measure == "cadss":
        return _outcome(t_test(strongest(design, found)[:, :n], arm, level=level), design)
    at = endpoint_visit(design)
    change = found.change[:, :n]
    if how.method == "mmrm":
        result = mmrm(change[..., : at + 1], arm, extra, df=how.df, level=level)
        estimate, se, p, low, high = (
            np.asarray(getattr(result, key)[..., at]) for key in ("estimate", "se", "p", "low", "high")
        )
        return Outcome(estimate, se, p, "mmrm", _words("mmrm", design), result.reasons(), low, high)
    if how.method == "imputation":
        return _outcome(_imputed(design, found, n, extra), design)
    if how.method == "ancova":
        strata = strata_of_analysis(design, found, n)
        return _outcome(ancova(change[..., at], arm, extra, strata=strata, level=level), design)
    return _outcome(t_test(change[..., at], arm, level=level), design)


def strata_of_analysis(design: Design, found: Replicates, n: int) -> IntArray | None:
    """Stratum of the first n participants, (R, n); None where the analysis has no strata."""
    if not design.analysis.strata:
        return None
    return strata_numbers(design.analysis.strata, found.site, found.covariates)[:, :n]


def _imputed(design: Design, found: Replicates, n: int, extra: Array | None) -> Comparison:
    how, at = design.analysis, endpoint_visit(design)
    return multiple_imputation(
        found.change[:, :n, : at + 1],
        found.arm[:, :n],
        extra,
        strategy=how.imputation,
        imputations=how.imputations,
        seed=IMPUTATION_SEED,
        numbers=found.numbers,
        shift=how.shift,
        reference=design.names.index(how.reference) if how.reference else 0,
        level=1.0 - how.alpha,
    )


def _of_times(design: Design, found: Replicates, n: int) -> Outcome:
    """Time to relapse after the randomisation; leaving ends the time at risk, of the competing analyses as an end of its own kind."""
    how, where = design.analysis, design.endpoint
    time, kind = relapse(design, found)
    time, kind, arm = time[:, :n], kind[:, :n], found.arm[:, :n]
    strata = strata_of_analysis(design, found, n)
    event, level = (kind == 1).astype(np.float64), 1.0 - how.alpha
    upto = where.at_h - design.from_h
    if how.method == "log-rank":
        return _outcome(log_rank(time, event, arm, strata=strata, level=level), design)
    if how.method == "cox":
        return _outcome(cox(time, event, arm, strata=strata, level=level), design)
    if how.method == "rmst":
        mean = restricted_mean(time / HOURS_PER_DAY, event, arm, (how.horizon_h or upto) / HOURS_PER_DAY, level=level)
        return _outcome(mean, design)
    if how.method == "cumulative-incidence":
        return _outcome(incidence_difference(time, kind, arm, upto, level=level), design)
    return _outcome(cause_specific(time, kind, arm, strata=strata, level=level), design)


def analysed(design: Design, found: Replicates) -> BoolArray:
    """Whose scores enter the primary analysis, (R, N)."""
    if design.kind == "crossover":
        first, second = crossover_changes(design, found)
        return np.asarray(np.isfinite(first) & np.isfinite(second))
    at = endpoint_visit(design)
    if design.analysis.method == "mmrm":
        return np.asarray(found.seen[..., : at + 1].any(axis=-1))
    how = design.analysis
    if is_harm(design.endpoint.measure) or how.method in (*OF_TIMES, "imputation"):
        return np.ones(found.arm.shape, dtype=bool)
    if how.method in ("ancova", "t-test") or how.missing == "left out":
        return np.asarray(found.seen[..., at])
    return np.ones(found.arm.shape, dtype=bool)


def crossover_changes(design: Design, found: Replicates) -> tuple[Array, Array]:
    """Change from the start of each period to the endpoint's time in it, (R, N) each; nan = not seen."""
    at, visits = endpoint_visit(design), len(design.visits_h)
    score = np.where(found.seen, found.score, np.nan)
    return score[..., at] - found.baseline, score[..., visits + 1 + at] - score[..., visits]


def crossover_outcomes(design: Design, found: Replicates, n: int) -> dict[str, Array]:
    """What crossover trials publish, (R,) each. ratio : mean change under the arm over that under the comparator; again : share of those who
    respond under the comparator that respond under the arm too (nan where nobody does); responders : how many respond under the comparator."""
    first, second = (x[:, :n] for x in crossover_changes(design, found))
    score = np.where(found.seen, found.score, np.nan)[:, :n]
    start = [found.baseline[:, :n], score[..., len(design.visits_h)]]
    begins = found.arm[:, :n] == 0  # with the arm
    arm, other = np.where(begins, first, second), np.where(begins, second, first)
    arm_start, other_start = np.where(begins, start[0], start[1]), np.where(begins, start[1], start[0])
    need = design.endpoint.response
    responds, before = -arm >= need * arm_start, -other >= need * other_start
    count = before.sum(axis=1).astype(np.float64)
    both = (responds & before).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.nanmean(arm, axis=1) / np.nanmean(other, axis=1)
        again = np.where(count > 0, both / count, np.nan)
    return {"ratio": ratio, "again": again, "responders": count}


def _crossed(design: Design, found: Replicates, n: int) -> Outcome:
    """Two-period crossover (Hills and Armitage 1979): d = second - first change of a person; half the difference of mean d between the sequence that
    ends with the arm and the one that begins with it is the effect, free of what differs between the periods alike in both sequences."""
    first, second = crossover_changes(design, found)
    two = t_test((second - first)[:, :n], found.arm[:, :n], level=1.0 - design.analysis.alpha)
    words = (
        f"Population: all randomised people seen in both periods. Variable: change of {design.estimand_words[0]} from the start of a period to "
        f"{design.estimand_words[1]} in it. Intercurrent events: people without both scores are left out. Summary: mean difference within persons, carry-over not taken out."
    )
    half = (two.estimate / 2.0, two.se / 2.0)
    return Outcome(
        *half,
        two.p,
        "crossover t-test",
        words,
        two.reasons(),
        two.low / 2.0,
        two.high / 2.0,
        "mean difference within persons",
    )


def relapse(design: Design, found: Replicates) -> tuple[Array, Array]:
    """Time from the randomisation, h, and how it ended, (R, N): 1 at the first visit up to the endpoint's with a score at or above the cut, 2 at the
    last visit seen of who left before it, 0 followed to the end."""
    visits = np.array(design.readings_h)
    after = np.flatnonzero(visits > design.from_h + 1e-6)
    until = int(np.flatnonzero(visits <= design.endpoint.at_h + 1e-6)[-1])
    seen = found.seen[..., : until + 1]
    bad = seen & (found.score[..., : until + 1] >= design.endpoint.cut)
    bad[..., : after[0]] = False
    event = bad.any(axis=-1)
    last = np.where(seen, np.arange(until + 1), -1).max(axis=-1)
    at = np.where(event, bad.argmax(axis=-1), np.maximum(last, after[0] - 1))
    time = np.maximum(visits[at] - design.from_h, 0.0)
    return time, np.where(event, 1, np.where(found.gone <= until, 2, 0)).astype(np.int64)


def achieved(design: Design, found: Replicates) -> Array:
    """1 for who has it at the endpoint's visit, 0 for who has not, nan for who was not seen there, (R, N). Of a harm: 1 for who has had it while still
    coming; nobody is unseen."""
    at, where = endpoint_visit(design), design.endpoint
    if is_harm(where.measure):
        return strongest(design, found)
    score = found.score[..., at]
    met = score <= ((1.0 - where.response) * found.baseline if where.measure == "response" else where.cut)
    return np.where(found.seen[..., at], met.astype(np.float64), np.nan)


def strongest(design: Design, found: Replicates) -> Array:
    """What an endpoint beside mood has come to at the endpoint's visit, or at the last visit before a person left; 0 for who left before any, (R, N)."""
    last = np.minimum(found.gone - 1, endpoint_visit(design))
    rows = np.take_along_axis(found.beside, np.maximum(last, 0)[..., None], axis=-1)[..., 0]
    return np.where(last >= 0, rows, 0.0)


def _outcome(result: Comparison, design: Design) -> Outcome:
    words = _words(result.name, design)
    return Outcome(
        result.estimate,
        result.se,
        result.p,
        result.name,
        words,
        result.reasons(),
        result.low,
        result.high,
        result.scale,
    )


def _words(name: str, design: Design) -> str:
    """The estimand: that of the analysis, with what this design makes of it."""
    chosen = "withdrawal" if name == "log-rank" and design.kind == "withdrawal" else name
    aim = ANALYSES[chosen].estimand.about(*design.estimand_words)
    if design.kind == "withdrawal":
        aim = replace(aim, population=ANALYSES["withdrawal"].estimand.population)
    how = design.analysis
    if is_harm(design.endpoint.measure):
        aim = replace(
            aim,
            population="all randomised people",
            variable=f"{design.estimand_words[0]}, up to {design.estimand_words[1]}",
            intercurrent="while on treatment: what has been up to the last visit before leaving counts",
        )
    if how.method == "imputation" and how.reference:
        aim = replace(aim, intercurrent=aim.intercurrent.replace("comparator", f"arm {how.reference}"))
    if how.method == "imputation" and how.shift:
        aim = replace(
            aim, intercurrent=f"{aim.intercurrent}; {how.shift:+g} points after leaving in every arm but the reference"
        )
    if how.strata:
        aim = replace(aim, summary=f"{aim.summary}, within strata of {' and '.join(how.strata)}")
    if how.method == "rmst":
        days = (how.horizon_h or design.endpoint.at_h - design.from_h) / HOURS_PER_DAY
        aim = replace(aim, summary=f"{aim.summary} of {days:g} days, in days")
    return str(aim)
