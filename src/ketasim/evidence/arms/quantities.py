"""From an arm of the model to a published quantity: one function per kind, one entry `predict_row`.

Conventions as in data.csv: negative changes mean fewer symptoms, shares between 0 and 1, times in h from the first dose.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ketasim.ratings.observation import response_probability

from ..published.studies import Row
from .acute import alertness_value, felt_value, report_value, vital_value
from .context import Context, Unpredictable
from .exposure import exposure_value, tissue_value
from .mood_arm import ArmMood
from .times import HOURS_PER_DAY, is_withdrawal, relapse_start, repeated_visits, stable_visits, visit_times

Array = NDArray[np.float64]
LEAST_SHARE = 1e-4  # shares are held this far from 0 and 1 in ratios
MOST_HAZARD_RATIO = 1e3  # and ratios of hazards within this and its inverse


def predict_row(context: Context, row: Row) -> float:
    """The model's value of a row, in the row's own unit. Raises `Unpredictable` with the reason if there is none."""
    name = row.endpoint
    if row.statistic == "correlation":
        found = _correlation(context, row)
    elif name.startswith(("plasma.", "arterial.")):
        found = exposure_value(context, row)
    elif name.startswith("occupancy.") or name in ("glutamate", "spines", "bdnf"):
        found = tissue_value(context, row)
    elif name == "cadss":
        found = felt_value(context, row)
    elif name == "moaas":
        found = alertness_value(context, row)
    elif name in ("sbp", "dbp", "heart_rate"):
        found = vital_value(context, row)
    elif name == "dropout":
        found = 1.0 - (1.0 - context.numbers("dropout_per_week")) ** (row.time_h / (7 * HOURS_PER_DAY))
    elif name.endswith("_ae"):
        found = report_value(context, row)
    elif name in ("madrs", "ideation", "relapse"):
        found = _mood(context, row)
    else:
        raise Unpredictable(f"no rule for the endpoint {name}", where=_where(row))
    if not math.isfinite(found):
        raise Unpredictable(f"the prediction is {found}", where=_where(row))
    return found


def _where(row: Row) -> str:
    return f"{row.study}/data.csv:{row.line}"


def _mood(context: Context, row: Row) -> float:
    if row.endpoint == "relapse" or row.statistic in ("hazard_ratio", "median_time", "mean_time"):
        return _relapse(context, row)
    if context.arm(row.arm).experiment and row.statistic == "ratio":
        return _drive_ratio(context, row)
    if row.statistic == "response_again":
        return _again(context, row)
    a = _one_arm(context, row, row.arm)
    if row.statistic in ("difference", "smd", "odds_ratio", "risk_ratio", "ratio"):
        if not row.versus:
            raise Unpredictable(f"a {row.statistic} needs a second arm", where=_where(row))
        b = _one_arm(context, row, row.versus)
        return _contrast(row, a, b)
    return a[0]


def _contrast(row: Row, a: tuple[float, float], b: tuple[float, float]) -> float:
    if row.statistic == "difference":
        return a[0] - b[0]
    if row.statistic == "smd":
        return (a[0] - b[0]) / math.sqrt((a[1] ** 2 + b[1] ** 2) / 2.0)
    p, q = (min(max(x[0], LEAST_SHARE), 1.0 - LEAST_SHARE) for x in (a, b))
    if row.statistic == "odds_ratio":
        return p / (1 - p) / (q / (1 - q))
    return p / q if row.statistic == "risk_ratio" else a[0] / b[0]


def _one_arm(context: Context, row: Row, key: str) -> tuple[float, float]:
    """Mean (or share) and SD of one arm."""
    ideation = row.endpoint == "ideation"
    mood = context.mood(key, row.scale, ideation)
    per_point = (
        _ideation_per_point(context, row, mood)
        if ideation
        else context.per_point(row.scale or str(context.study.baseline.get("scale", "MADRS")))
    )
    kind = row.statistic
    if kind in ("ever_response", "ever_remission"):
        return _ever(context, row, key, mood), 0.0
    if kind == "response" and context.study.cuts.get("response_visits"):
        return _repeated_response(context, row, key, mood), 0.0
    if kind in ("response", "remission", "threshold_share") or row.is_share_contrast:
        return _share(context, row, mood, ideation), 0.0
    mean, sd = mood.moments(row.time_h)
    if kind == "change_sd":
        return sd / per_point, 0.0
    if kind in ("mean", "mean_at"):
        return mood.score_mean(row.time_h) / per_point, sd / per_point
    if kind in ("change_mean", "difference", "smd", "ratio"):
        if kind == "ratio" and not row.versus:
            return mean / float(mood.baseline.mean()), 0.0
        return mean / per_point, sd / per_point
    if kind == "share_event":
        return _share(context, row, mood, ideation), 0.0
    raise Unpredictable(f"no rule for {kind} of {row.endpoint}", where=_where(row))


def _ideation_per_point(context: Context, row: Row, mood: ArmMood) -> float:
    """Points of the suicidal-thoughts item per point of the study's own scale: stretched so that the baselines agree."""
    if row.scale in ("", "MADRS item 10"):
        return 1.0
    table = context.study.baseline
    own = float(table.get("ideation_mean", math.nan))
    if math.isnan(own):
        from ..published.studies import SCALE_RANGES

        low, high = SCALE_RANGES.get(row.scale, (0, 6))
        return 6.0 / (high - low)
    return float(mood.baseline.mean()) / own


def _share(context: Context, row: Row, mood: ArmMood, ideation: bool) -> float:
    if ideation:
        # ratings are whole numbers: at most c means below c + 1/2 of the continuous score; matters on an item of seven steps
        cut = float(context.study.cuts.get("ideation", IDEATION_FREE)) * _ideation_per_point(context, row, mood)
        return mood.share_at_most(row.time_h, cut + WHOLE_NUMBER * _ideation_per_point(context, row, mood))
    which = row.of if row.is_share_contrast else row.statistic
    if which == "remission":
        return mood.share_at_most(row.time_h, context.remission_points(row.scale))
    return mood.share_of_baseline(row.time_h, context.response_share)


def _repeated_response(context: Context, row: Row, key: str, mood: ArmMood) -> float:
    """Share of people with a response at cuts.response_visits or more of the daily visits from cuts.response_from_h to cuts.response_to_h."""
    times = np.array(repeated_visits(context.study))
    hits = (mood.visits(times) <= context.response_share * mood.baselines[:, None]).sum(axis=1)
    return float((hits >= context.study.cuts["response_visits"]).mean())


def _again(context: Context, row: Row) -> float:
    """Share of the responders of `versus` who respond in `arm` too: same people, wander and noise of their own."""
    first, second = context.mood(row.versus, row.scale), context.mood(row.arm, row.scale)
    i, j = first.course.index(row.time_h), second.course.index(row.time_h)
    p = response_probability(first.latent[:, [i]], first.baseline, first.residual[:, [i]], first.p)[:, 0]
    q = response_probability(second.latent[:, [j]], second.baseline, second.residual[:, [j]], second.p)[:, 0]
    return float((p * q).sum() / p.sum())


def _drive_ratio(context: Context, row: Row) -> float:
    """Drug part of the drive in one arm of an experiment over another: behaviour of animals, who have no expectancy."""

    def one(key: str) -> float:
        return float(context.rated(key, "mood_drive")[:, context.course(key).index(row.time_h)].mean())

    return one(row.arm) / max(one(row.versus), 1e-12)


WHOLE_NUMBER = 0.5
IDEATION_FREE = 1.0  # suicidal-thoughts item of 0 or 1 counts as free of ideation


def _ever(context: Context, row: Row, key: str, mood: ArmMood) -> float:
    """Share of people with a response at any visit up to the time."""
    scores = mood.visits(np.array(visit_times(context.study, key, row)))
    share = context.response_share
    if row.statistic == "ever_remission":
        return float((scores <= context.remission_points(row.scale)).any(axis=1).mean())
    return float((scores <= share * mood.baselines[:, None]).any(axis=1).mean())


def survival(context: Context, row: Row, key: str) -> tuple[Array, Array]:
    """Time from the start of the clock to relapse (inf = none seen) of people well at its start (n,), and the visits from then.

    Well: at or below half of the baseline (or in remission, cuts.relapse_entry points). Relapse: the first of
    `relapse_visits` visits in a row above the cut.
    """
    cuts = context.study.cuts
    mood = context.mood(key, "")
    times = np.array(visit_times(context.study, key, row))
    start = relapse_start(context.study, key, row)
    b = mood.baselines
    if is_withdrawal(context.study):
        before = np.array(stable_visits(context.study, key, row))
        scores = mood.visits(np.union1d(before, times))[:, len(before) - 1 :]
    else:
        scores = mood.visits(times)
    entry = float(cuts.get("relapse_entry", context.remission_points("MADRS")))
    limit = np.full(len(b), entry) if row.scale == "remitters" else context.response_share * b
    cut = float(cuts.get("relapse", context.numbers("relapse_share")))
    lost = cut * b if cut <= 1.0 else np.full(len(b), cut)
    well = _well(context, row, key, mood, scores, limit)
    above = scores[well, 1:] > lost[well, None]
    visits = round(float(cuts.get("relapse_visits", context.numbers("relapse_visits"))))
    run = above.copy()
    for shift in range(1, visits):
        moved = np.zeros_like(above)
        moved[:, : above.shape[1] - shift] = above[:, shift:]
        run &= moved
    first = np.where(run.any(axis=1), run.argmax(axis=1), -1)
    since = times[1:] - start
    return np.where(first >= 0, since[first], np.inf), since


def _well(context: Context, row: Row, key: str, mood: ArmMood, scores: Array, limit: Array) -> NDArray[np.bool_]:
    """Who is followed: people at or below the limit when the clock starts; where dosing was randomly withdrawn, stable ones:
    at or below it at `stable_met` of the last `stable_visits` weekly visits."""
    if not is_withdrawal(context.study):
        return np.asarray(scores[:, 0] <= limit)
    times = np.array(visit_times(context.study, key, row))
    before = np.array(stable_visits(context.study, key, row))
    all_scores = mood.visits(np.union1d(before, times))
    hits = (all_scores[:, : len(before)] <= limit[:, None]).sum(axis=1)
    return np.asarray(hits >= context.numbers("stable_met"))


def _relapse(context: Context, row: Row) -> float:
    when, visits = survival(context, row, row.arm)
    if not len(when):
        raise Unpredictable("nobody is well when the clock starts", where=_where(row))
    unit = (
        HOURS_PER_DAY
        if row.unit.lower().startswith("d")
        else 7 * HOURS_PER_DAY
        if row.unit.lower().startswith("w")
        else 1.0
    )
    if row.statistic == "median_time":
        return _interpolated_median(when, visits) / unit
    if row.statistic == "mean_time":
        seen = when[np.isfinite(when)]
        return float(seen.mean() / unit) if len(seen) else float(visits[-1] / unit)
    if row.statistic in ("hazard_ratio", "risk_ratio", "difference", "odds_ratio"):
        other, _ = survival(context, row, row.versus)
        if row.statistic == "hazard_ratio":
            return hazard_ratio(when, other, visits)
        p, q = (min(max(float(np.isfinite(w).mean()), LEAST_SHARE), 1 - LEAST_SHARE) for w in (when, other))
        return _contrast(row, (p, 0.0), (q, 0.0))
    if row.statistic in ("share_event", "response"):
        return float(np.isfinite(when).mean())
    raise Unpredictable(f"no rule for {row.statistic} of relapse", where=_where(row))


def hazard_ratio(when: Array, other: Array, visits: Array) -> float:
    """Hazard ratio of Cox's model with one arm indicator, first over second; times (n,), (m,) in h, inf = no event seen by the last visit.

    Root theta of  sum over visits of [d1 - d theta n1 / (theta n1 + n2)] = 0  with d events and n1, n2 at risk in arms of equal size
    (Breslow's handling of ties; doi:10.1111/j.2517-6161.1972.tb00899.x). Without proportional hazards this is, as in the trials,
    an average over the times at which people are lost. Held within `MOST_HAZARD_RATIO` where one arm loses nobody.
    """
    lost, lost_other = (np.array([(w == t).mean() for t in visits]) for w in (when, other))
    left, left_other = (np.concatenate([[1.0], 1.0 - np.cumsum(x)[:-1]]) for x in (lost, lost_other))

    def score(log_theta: float) -> float:
        mine = math.exp(log_theta) * left
        return float(np.sum(lost - (lost + lost_other) * mine / np.maximum(mine + left_other, 1e-12)))

    edge = math.log(MOST_HAZARD_RATIO)
    if score(-edge) <= 0.0 or score(edge) >= 0.0:  # nobody lost in an arm while the other was at risk
        return 1.0 if not (lost.any() or lost_other.any()) else math.exp(-edge if score(-edge) <= 0.0 else edge)
    return math.exp(brentq(score, -edge, edge, xtol=1e-9))


def _interpolated_median(when: Array, visits: Array) -> float:
    """Time at which half are lost, linear between visits, so that small changes of the model show; the end if never."""
    lost = np.array([0.0, *((when[None, :] <= t).mean() for t in visits)])
    grid = np.array([0.0, *visits])
    if lost[-1] < 0.5:
        return float(grid[-1])
    return float(np.interp(0.5, lost, grid))


def _correlation(context: Context, row: Row) -> float:
    """Correlation over people between what the row names and the change at its time (negative change = benefit)."""
    name = row.endpoint.partition(".")[2] or row.endpoint
    key = row.arm
    people, arm = context.people(key), context.course(key)
    if name in ("cadss", "dissociation"):
        x = arm.session_peaks(context.rated(key, "cadss"))[:, 0]
    elif name in ("weight", "bmi", "weight_kg"):
        x = people.weight
    elif name == "age":
        x = people.age
    elif name in ("hnk", "rr_hnk"):
        from .exposure import level

        x = level(context, key, "plasma.hnk").max(axis=1)
    elif name in ("baseline", "madrs"):
        x = people.madrs
    else:
        raise Unpredictable(f"the model has no '{name}' that differs between people", where=_where(row))
    from ketasim.ratings.observation import score_moments

    mood = context.mood(key, row.scale)
    i = arm.index(row.time_h)
    mean, own = score_moments(mood.latent[:, [i]], mood.baseline, mood.residual[:, [i]], mood.p)
    change = mean[:, 0] - mood.baseline
    total = math.sqrt(float((own[:, 0] ** 2).mean() + change.var()))
    if x.std() == 0 or total == 0:
        raise Unpredictable(f"'{name}' is the same for everybody", where=_where(row))
    return float(np.cov(x, change, bias=True)[0, 1] / (x.std() * total))
