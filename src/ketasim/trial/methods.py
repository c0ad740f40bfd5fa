"""The analysis a design asks for, on replicates: difference, standard error and p of every arm against the comparator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.core import UsageError

from .analyse import ANALYSES, ancova, mmrm, t_test
from .design import Design
from .replicate import Replicates

Array = NDArray[np.float64]


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
    change = found.change[:, :n]
    extra = np.stack([found.covariates[name][:, :n] for name in how.covariates], axis=-1) if how.covariates else None
    if how.method == "proportions":
        two = t_test(achieved(design, found)[:, :n], arm)
        return _outcome(two.estimate, two.se, two.p, two, design)
    if how.method == "mmrm":
        upto = change[..., : at + 1]
        result = mmrm(upto, arm, extra, df=how.df)  # type: ignore[arg-type]
        return _outcome(result.estimate[..., at], result.se[..., at], result.p[..., at], result, design)
    if how.method == "ancova":
        one = ancova(change[..., at], arm, extra)
        return _outcome(one.estimate, one.se, one.p, one, design)
    if how.method == "t-test":
        two = t_test(change[..., at], arm)
        return _outcome(two.estimate, two.se, two.p, two, design)
    raise UsageError(
        f"the analysis '{how.method}' is not there yet",
        where="[analysis] method",
        allowed="mmrm, ancova, t-test",
        fix='method = "mmrm"',
    )


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
    words = ANALYSES[name].estimand.about(*design.estimand_words)
    return Outcome(np.asarray(estimate), np.asarray(se), np.asarray(p), name, str(words), result.reasons())  # type: ignore[attr-defined]
