"""Conditional rates of published trials beside those of the forecast: who responds later without an early response, who of the responders is lost.

The same pool, courses and noise as a forecast, for the doses, setting and visits of the trial; everybody is a person nobody knows. In a forecast one score
changes what is expected of the next by the same numbers, so these rates say whether it learns about as much from a score as patients' data do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from ketasim.core import normals, value, values
from ketasim.core.arrays import Array, BoolArray
from ketasim.evidence.arms.times import EARLY_H, visit_times
from ketasim.evidence.published.studies import Row, Study, studies
from ketasim.people import Traits
from ketasim.ratings.observation import link

from .given import Given, Placed
from .likelihood import Conditioned, Noise
from .pareto import normalised
from .pool import Pool, Seen, integrate

SEED = 23
MEMBERS = (160, 12)
LEVEL = 0.95
# Rows of role `fit` that give the share with an event among people picked by an earlier score, with n.
ROWS = (
    ("Turkoz2021", "TUR-NR-ESK"),
    ("Salloum2020", "R2-SALLOUM-2020-RELAPSE-BY-DO-02"),
    ("Salloum2020", "R2-SALLOUM-2020-RELAPSE-BY-DO-04"),
    ("Salloum2020", "R2-SALLOUM-2020-RELAPSE-BY-DO-06"),
    ("Shiroma2014", "shiroma_2014_04"),
    ("Murrough2013b", "CL002"),
)


@dataclass(frozen=True, slots=True)
class Conditional:
    """One rate. count of n in the trial, low, high : its exact 95 % interval. forecast : share among the simulated people picked the same way
    (picked : how large a share of all they are); without : the share among all of them, whoever was picked."""

    study: str
    record: str
    arm: str
    says: str
    count: int
    n: int
    low: float
    high: float
    forecast: float
    picked: float
    without: float

    @property
    def inside(self) -> bool:
        """Whether the forecast lies in the interval of the trial."""
        return self.low <= self.forecast <= self.high


def exact_interval(count: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share: quantiles of Beta(k, n - k + 1) and Beta(k + 1, n - k)."""
    tail = (1.0 - level) / 2.0
    low = 0.0 if count == 0 else float(betaincinv(count, n - count + 1, tail))
    high = 1.0 if count == n else float(betaincinv(count + 1, n - count, 1.0 - tail))
    return low, high


def conditional_rates(members: tuple[int, int] = MEMBERS) -> tuple[Conditional, ...]:
    """All of them. members : rows and minds of the pool."""
    pool = Pool.of(Traits(), *members)
    found = []
    for name, record in ROWS:
        study = studies()[name]
        found += [_rate(study, row, pool) for row in study.predicted if row.record == record]
    return tuple(found)


def _rate(study: Study, row: Row, pool: Pool) -> Conditional:
    n = int(row.n)
    count = round(row.value * n)
    if row.endpoint == "relapse":
        times = np.array(visit_times(study, row.arm, row))
        scores, half, weights = _scores(study, row, pool, times)
        picked, event = scores[:, 0] <= half, _lost(study, scores, half)
        says = f"lost by day {times[-1] / 24:g} of those who responded on day {times[0] / 24:g}"
    else:
        scores, half, weights = _scores(study, row, pool, np.array([EARLY_H, row.time_h]))
        picked, event = scores[:, 0] > half, scores[:, 1] <= half
        says = f"respond on day {row.time_h / 24:g} of those who did not on day {EARLY_H / 24:g}"
    share = float(weights @ picked)
    return Conditional(
        study.id,
        row.record,
        row.arm,
        says,
        count,
        n,
        *exact_interval(count, n),
        float(weights @ (picked & event)) / share,
        share,
        float(weights @ event),
    )


def _scores(study: Study, row: Row, pool: Pool, times: Array) -> tuple[Array, Array, Array]:
    """One course per member at visits (N, V), half of the total before the first dose (N,), weights (N,)."""
    from ketasim.dose import parse

    arm = study.arms[row.arm]
    end = float(times[-1]) + 1.0
    way = Given((Placed(parse(arm.words, repeat=arm.repeat, with_=arm.with_)),), end)
    seen = Seen(pool, integrate(pool, [way], way.grid(times)), 0, arm.setting)
    drive, joint, p = seen.latent(times), Conditioned(Noise.of(pool.ratings)), pool.ratings
    before = pool.minds.madrs
    scores = np.empty(drive.shape)
    for column, time in enumerate(times.tolist()):
        eps = joint.draw(time, normals(SEED, f"{study.id} {row.arm} visit {column}", len(pool)))
        scores[:, column] = link(drive[:, column] + eps, before, p["link_ceiling"], p["link_slope"], p["madrs_maximum"])
    weights = normalised(np.where(seen.arms.failed[pool.row], -np.inf, pool.log_weight))
    return scores, values("observation")["response_share"].value * before, weights


def _lost(study: Study, scores: Array, half: Array) -> BoolArray:
    """Above the study's limit (points, or a share of the total before the first dose) at so many visits in a row after the first one."""
    cuts = study.cuts
    cut = float(cuts.get("relapse", value("evidence.relapse_share").value))
    limit = 2.0 * half * cut if cut <= 1.0 else np.full(len(half), cut)
    many = round(float(cuts.get("relapse_visits", value("evidence.relapse_visits").value)))
    above = scores[:, 1:] > limit[:, None]
    run = above.copy()
    for shift in range(1, many):
        run[:, : above.shape[1] - shift] &= above[:, shift:]
        run[:, above.shape[1] - shift :] = False
    return np.asarray(run.any(axis=1))


def conditional_text(found: tuple[Conditional, ...]) -> list[str]:
    """The section of docs/forecast-calibration.md."""
    lines = [
        "## Conditional rates of trials",
        "",
        "What an early score says of a later one, in studies that the posterior was fitted to. Everybody simulated is a person nobody knows; `of all` is the share with the event whoever was picked,",
        "that is, what a forecast would say that does not learn from the early score.",
        "",
        "| study, arm | share | published, exact 95 % interval | forecast | of all | inside |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        lines.append(
            f"| {one.study}, {one.arm} ({one.record}) | {one.says} | {one.count} of {one.n}: {100 * one.count / one.n:.0f} % ({100 * one.low:.0f} to {100 * one.high:.0f}) "
            f"| {100 * one.forecast:.0f} % | {100 * one.without:.0f} % | {'yes' if one.inside else '**no**'} |"
        )
    return [*lines, ""]
