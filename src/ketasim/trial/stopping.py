"""Analyses before the end: group-sequential looks, and a sample size that is looked at again; without either, the one analysis of `methods`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from ketasim.core import UsageError
from ketasim.core.arrays import Array, IntArray

from .analyse.reestimation import NewSize, blinded, combine, promising
from .analyse.sequential import Bounds, bounds, stagewise_p, stop, z_of
from .design import Design
from .methods import Outcome, analyse, endpoint_visit
from .plan import Looks, Reestimation, better
from .replicate import Replicates

STEPS = 40  # a re-estimated size is rounded up to a 1/40 of the planned one: whole blocks join, not single people
NAIVE = "not corrected for the stop: on average too far from 0"


def outcome_of(design: Design, found: Replicates, n: int) -> Outcome:
    """The design's analysis with n planned participants, as the trial would come to its end."""
    how = design.analysis
    if how.looks:
        return _sequential(design, found, n, how.looks)
    if how.reestimation:
        return _reestimated(design, found, n, how.reestimation)
    return analyse(design, found, n)


def most_people(design: Design, n: int) -> int:
    """How many participants a replicate may need."""
    again = design.analysis.reestimation
    return math.ceil(n * again.most) if again else n


def bounds_of(design: Design, looks: Looks, fractions: tuple[float, ...]) -> Bounds:
    """The bounds at these fractions of information. With futility bounds the test is one-sided at half the level."""
    alpha = design.analysis.alpha
    if looks.futility:
        return bounds(
            fractions, looks.spending, alpha=alpha / 2, sided=1, power=looks.exponent, futility=looks.futility
        )
    return bounds(fractions, looks.spending, alpha=alpha, sided=2, power=looks.exponent)


def _sequential(design: Design, found: Replicates, n: int, looks: Looks) -> Outcome:
    """Looks when shares of the people have come to the endpoint; each arm's comparison stops for itself.

    The p value is stage-wise (Jennison and Turnbull 2000, section 8.4), so that it is below the level where a bound is crossed and nowhere else.
    """
    sizes = [round(f * n) for f in looks.fractions]
    if len(set(sizes)) < len(sizes) or sizes[0] < 2 * len(design.arms):
        raise UsageError(
            f"{n} people are too few for looks at {', '.join(str(s) for s in sizes)}",
            where="[analysis] looks",
            allowed="two people an arm at the first look, more at each later one",
            fix=f"--n {max(n, math.ceil(2 * len(design.arms) / looks.fractions[0]))}",
        )
    limits = bounds_of(design, looks, tuple(s / n for s in sizes))
    each = [analyse(design, found, size) for size in sizes]
    sign = better(design.endpoint.measure, design.analysis.method) > 0
    z = np.stack([z_of(o.p, o.estimate, larger_is_better=sign) for o in each], axis=-1)  # (R, A - 1, K)
    # a look without a result stops nothing
    z[..., :-1] = np.where(np.isnan(z[..., :-1]), limits.upper[:-1] - 1e-6, z[..., :-1])
    look = np.zeros(z.shape[:2], dtype=np.int64)
    p = np.full(z.shape[:2], np.nan)
    detail: dict[str, Any] = {}
    for a, name in enumerate(design.compared):
        ended = stop(z[:, a], limits)
        look[:, a] = ended.look
        stopped_z = np.take_along_axis(z[:, a], ended.look[:, None], axis=1)[:, 0]
        p[:, a] = stagewise_p(stopped_z, ended.look, limits)
        if limits.sided == 1:
            given_up = ~ended.efficacy & (ended.status == 0)
            p[:, a] = np.where(given_up, np.maximum(2 * p[:, a], design.analysis.alpha), np.minimum(2 * p[:, a], 1.0))
        rows = [
            {
                "fraction": sizes[k] / n,
                "n": sizes[k],
                "upper": float(limits.upper[k]),
                "lower": float(limits.lower[k]) if math.isfinite(limits.lower[k]) else None,
                "efficacy": float((ended.efficacy & (ended.look == k)).mean()),
                "against": float((ended.inferior & (ended.look == k)).mean()),
                "futility": float((~ended.efficacy & ~ended.inferior & (ended.look == k)).mean())
                if k + 1 < len(sizes)
                else 0.0,
                "reached": float((ended.look >= k).mean()),
            }
            for k in range(len(sizes))
        ]
        detail[name] = {"looks": rows, "mean_n": float(np.array(sizes)[ended.look].mean()), "estimate": NAIVE}

    def at_stop(key: str) -> Array:
        return np.take_along_axis(np.stack([getattr(o, key) for o in each], axis=-1), look[..., None], axis=-1)[..., 0]

    last = each[-1]
    words = (
        f"{last.estimand} Looks when {', '.join(str(s) for s in sizes)} people have come to the endpoint ({looks.spending}"
        f"{', non-binding futility' if looks.futility else ''}); the estimate is {NAIVE}."
    )
    return replace(
        last,
        estimate=at_stop("estimate"),
        se=at_stop("se"),
        p=p,
        low=at_stop("low"),
        high=at_stop("high"),
        estimand=words,
        detail=detail,
    )


def _reestimated(design: Design, found: Replicates, n: int, again: Reestimation) -> Outcome:
    """One look at which the size may grow. Blinded: the planned test at the end. Promising zone: the stages are combined with the planned weights."""
    look, most = round(again.at * n), most_people(design, n)
    sign = better(design.endpoint.measure, design.analysis.method) > 0
    first = analyse(design, found, look)
    z = z_of(first.p, first.estimate, larger_is_better=sign)[:, 0]
    level = design.analysis.alpha
    if again.kind == "blinded":
        ratios = [design.arm(name).ratio for name in design.names]
        new = blinded(
            found.change[:, :look, endpoint_visit(design)],
            again.effect,
            planned=n,
            most=most,
            alpha=level,
            power=again.power,
            ratio=ratios[1] / ratios[0],
        )
    else:
        new = promising(
            z, n, look, critical=float(-ndtri(level / 2)), most=most, wanted=again.wanted, least=again.least
        )
    size = _rounded(new, n, most)
    rows = {key: np.full(first.p.shape, np.nan) for key in ("estimate", "se", "p", "low", "high")}
    failed: dict[str, int] = {}
    for own in np.unique(size):
        which = np.flatnonzero(size == own)
        some = found.only(which)
        whole = analyse(design, some, int(own))
        for key, numbers in rows.items():
            numbers[which] = getattr(whole, key)
        if again.kind == "promising":
            later = analyse(design, some.people(look, int(own)), int(own) - look)
            second = z_of(later.p, later.estimate, larger_is_better=sign)[:, 0]
            both = combine(z[which], second, look / n)
            rows["p"][which, 0] = 2.0 * ndtr(-np.abs(both))
        for reason, count in whole.failed.items():
            failed[reason] = failed.get(reason, 0) + count
    detail = {
        design.compared[0]: {
            "kind": again.kind,
            "look": look,
            "planned": n,
            "most": most,
            "mean_n": float(size.mean()),
            "low_n": float(np.percentile(size, 5)),
            "high_n": float(np.percentile(size, 95)),
            "raised": float((size > n).mean()),
        }
    }
    words = f"{first.estimand} Size looked at again after {look} of {n} people ({again.kind}), at most {most}."
    if again.kind == "promising":
        words += " The test combines the stages with the planned weights (Cui, Hung and Wang 1999); the estimate is of all people together."
    return replace(
        first,
        estimate=rows["estimate"],
        se=rows["se"],
        p=rows["p"],
        low=rows["low"],
        high=rows["high"],
        failed=failed,
        estimand=words,
        detail=detail,
    )


def _rounded(new: NewSize, planned: int, most: int) -> IntArray:
    """Sizes rounded up to whole steps; a replicate without a result at the look keeps the planned size."""
    step = max(planned // STEPS, 1)
    more = planned + -(-(new.size - planned) // step) * step
    return np.minimum(np.where(new.status == 0, more, planned), most).astype(np.int64)
