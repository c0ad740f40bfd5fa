"""The analysis a design asks for, on replicates: difference, standard error and p of every arm against the comparator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketasim.core.arrays import Array, BoolArray

from .analyse.cox import cox
from .analyse.estimands import ANALYSES
from .analyse.means import ancova, t_test
from .analyse.mmrm import mmrm
from .analyse.proportions import proportions
from .analyse.survival import log_rank
from .design import Design
from .replicate import Replicates


@dataclass(frozen=True)
class Outcome:
    """estimate, se, p (R, A - 1); nan where the analysis gave none. failed : reason -> number of replicates."""

    estimate: Array
    se: Array
    p: Array
    name: str
    estimand: str
    failed: dict[str, int]


def endpoint_visit(design: Design) -> int:
    """Index of the visit of the endpoint."""
    return int(np.argmin(np.abs(np.array(design.visits_h) - design.endpoint.at_h)))


def analyse(design: Design, found: Replicates, n: int) -> Outcome:
    """The design's analysis on the first n participants of every replicate."""
    at, how = endpoint_visit(design), design.analysis
    arm = found.arm[:, :n]
    if design.kind == "crossover":
        return _crossed(design, found, n)
    if how.method in ("log-rank", "cox"):
        time, event = relapse(design, found)
        chosen = log_rank if how.method == "log-rank" else cox
        hazard = chosen(time[:, :n], event[:, :n], arm)
        return _outcome(hazard.estimate, hazard.se, hazard.p, hazard, design)
    if how.method == "proportions":
        share = proportions(achieved(design, found)[:, :n], arm)
        return _outcome(share.estimate, share.se, share.p, share, design)
    change = found.change[:, :n]
    extra = np.stack([found.covariates[name][:, :n] for name in how.covariates], axis=-1) if how.covariates else None
    if how.method == "mmrm":
        upto = change[..., : at + 1]
        result = mmrm(upto, arm, extra, df=how.df)  # type: ignore[arg-type]
        return _outcome(result.estimate[..., at], result.se[..., at], result.p[..., at], result, design)
    one = ancova(change[..., at], arm, extra) if how.method == "ancova" else t_test(change[..., at], arm)
    return _outcome(one.estimate, one.se, one.p, one, design)


def analysed(design: Design, found: Replicates) -> BoolArray:
    """Whose scores enter the primary analysis, (R, N)."""
    if design.kind == "crossover":
        first, second = crossover_changes(design, found)
        return np.asarray(np.isfinite(first) & np.isfinite(second))
    at = endpoint_visit(design)
    if design.analysis.method == "mmrm":
        return np.asarray(found.seen[..., : at + 1].any(axis=-1))
    if design.analysis.method in ("ancova", "t-test"):
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
    two = t_test((second - first)[:, :n], found.arm[:, :n])
    words = (
        f"Population: all randomised people seen in both periods. Variable: change of {design.estimand_words[0]} from the start of a period to "
        f"{design.estimand_words[1]} in it. Intercurrent events: people without both scores are left out. Summary: mean difference within persons, carry-over not taken out."
    )
    return Outcome(two.estimate / 2.0, two.se / 2.0, two.p, "crossover t-test", words, two.reasons())


def relapse(design: Design, found: Replicates) -> tuple[Array, Array]:
    """Time from the randomisation to the first visit with a score at or above the cut, h, and 1 where that was; 0: followed up to that time, (R, N)."""
    visits = np.array(design.readings_h)
    after = np.flatnonzero(visits > design.from_h + 1e-6)
    bad = found.seen & (found.score >= design.endpoint.cut)
    bad[..., : after[0]] = False
    event = bad.any(axis=-1)
    last = np.where(found.seen, np.arange(len(visits)), -1).max(axis=-1)
    at = np.where(event, bad.argmax(axis=-1), np.maximum(last, after[0] - 1))
    time = np.maximum(visits[at] - design.from_h, 0.0)
    return time, event.astype(np.float64)


def achieved(design: Design, found: Replicates) -> Array:
    """1 for who has the response or remission at the endpoint's visit, 0 for who has not or was not seen, (R, N)."""
    at = endpoint_visit(design)
    score = found.score[..., at]
    if design.endpoint.measure == "response":
        met = score <= (1.0 - design.endpoint.response) * found.baseline
    else:
        met = score <= design.endpoint.cut
    return (met & found.seen[..., at]).astype(np.float64)


def _outcome(estimate: Array, se: Array, p: Array, result: object, design: Design) -> Outcome:
    name = getattr(result, "name", "mmrm")
    known = ANALYSES.get(name)
    words = known.estimand.about(*design.estimand_words) if known else _words(design)
    return Outcome(np.asarray(estimate), np.asarray(se), np.asarray(p), name, str(words), result.reasons())  # type: ignore[attr-defined]


def _words(design: Design) -> str:
    """The estimand of an analysis of events, where the room of analyses has no words of its own."""
    endpoint, time = design.estimand_words
    if design.endpoint.measure == "relapse":
        return (
            f"Population: all randomised people. Variable: time to {endpoint} up to {time}. Intercurrent events: who leaves is followed up to the last "
            "visit seen. Summary: log hazard ratio to the comparator."
        )
    return (
        f"Population: all randomised people. Variable: {endpoint} at {time}. Intercurrent events: who is not seen has no {design.endpoint.measure}. "
        "Summary: difference of shares to the comparator."
    )
