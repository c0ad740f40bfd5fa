"""From an arm of the model to a published quantity: one function per kind, one entry `predict_row`.

Conventions as in data.csv: negative changes mean fewer symptoms, shares between 0 and 1, times in h from the first dose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq

from ketasim.core.arrays import Array, BoolArray
from ketasim.people.cohort import RANGES
from ketasim.ratings.observation import share_below

from ..published.criteria import THRESHOLD, Condition, criterion
from ..published.study import Row
from ..published.vocabulary import IDEATION_SCALES, SHARE_STATISTICS
from .acute import alertness_value, felt_value, report_value, share_or_contrast, vital_value
from .context import Context, Unpredictable
from .endpoints import endpoint_of
from .exposure import exposure_value, tissue_value
from .mood_arm import REPEATS, ArmMood
from .times import (
    EARLY_H,
    HOURS_PER_DAY,
    is_withdrawal,
    relapse_start,
    repeated_visits,
    stable_visits,
    visit_times,
    without_early_response,
)

GUESSES = ("guess_right", "guess_right_strong")
LEAST_SHARE = 1e-4  # shares are held this far from 0 and 1 in ratios
MOST_HAZARD_RATIO = 1e3  # and ratios of hazards within this and its inverse


def predict_row(context: Context, row: Row) -> float:
    """The model's value of a row, in the row's own unit. Raises `Unpredictable` with the reason if there is none.

    Reads what the row asks for, never its value, error or note.
    """
    entry = endpoint_of(row.endpoint)
    if context.study.age < RANGES["age"][0] or "adolescent" in context.study.population_flags:
        raise Unpredictable("nothing in the model was read from people under 18", where=_where(row))
    if row.among and not without_early_response(row):
        raise Unpredictable(f"no rule for a statistic of {row.among} alone", where=_where(row))
    if len(row.arm_keys) > 1 or len(row.versus_keys) > 1:
        found = _pooled(context, row)
    elif row.statistic == "correlation":
        found = _correlation(context, row)
    elif entry.rule in RULES:
        found = RULES[entry.rule](context, row)
    else:
        raise Unpredictable(f"no rule for the endpoint {row.endpoint}", where=_where(row))
    if not math.isfinite(found):
        raise Unpredictable(f"the prediction is {found}", where=_where(row))
    return found


def _pooled(context: Context, row: Row) -> float:
    """Several arms of one study as one: the mean over the arms by their number of people. Exact for means and shares and their differences."""
    if row.statistic not in (
        *SHARE_STATISTICS,
        *GUESSES,
        "change_mean",
        "mean",
        "mean_at",
        "mean_over_visits",
        "difference",
    ):
        raise Unpredictable(f"no rule for a {row.statistic} of pooled arms", where=_where(row))
    pairs = [(a, b) for a in row.arm_keys for b in (row.versus_keys or ("",))]
    sizes = [_size(context, a) * (_size(context, b) if b else 1.0) for a, b in pairs]
    found = [predict_row(context, replace(row, arm=a, versus=b)) for a, b in pairs]
    return float(np.average(found, weights=sizes))


def _size(context: Context, key: str) -> float:
    n = context.arm(key).n
    return n if n > 0 else 1.0


def _grouped(context: Context, row: Row) -> float:
    """An adverse event as a group of terms: the odds of its leading preferred term times `grouped_report_odds`."""

    def one(key: str) -> float:
        term = row.endpoint.replace("_group_ae", "_ae")
        leading = report_value(context, replace(row, endpoint=term, statistic="share_event", arm=key, versus=""))
        odds = context.numbers("grouped_report_odds") * leading / max(1.0 - leading, LEAST_SHARE)
        return float(odds / (1.0 + odds))

    return share_or_contrast(row, one)


def _dropout(context: Context, row: Row) -> float:
    """Share who left by a time, with one hazard a week, the same in every arm."""
    left = float(1.0 - (1.0 - context.numbers("dropout_per_week")) ** (row.time_h / (7 * HOURS_PER_DAY)))
    return share_or_contrast(row, lambda key: left)


def _guess(context: Context, row: Row) -> float:
    """Share of people who guess their treatment at a time: who believes with b to have received the drug says so with probability b.

    guess_drug: mean of b over the arm; guess_right (and guess_right_strong, which asks for conviction too and is an upper end): mean of b in an arm with the
    drug, of 1 - b in a comparator.
    """
    arm = context.course(row.arm)
    b = float(context.believed(row.arm)[:, arm.index(row.time_h)].mean())
    if row.statistic == "guess_drug" or (row.statistic in GUESSES and not arm.noticed.is_comparator):
        return b
    if row.statistic in GUESSES:
        return 1.0 - b
    raise Unpredictable(f"no rule for {row.statistic} of {row.endpoint}", where=_where(row))


def _where(row: Row) -> str:
    return f"{row.study}/data.csv:{row.line}"


def _mood(context: Context, row: Row) -> float:
    if row.statistic in ("hazard_ratio", "median_time", "mean_time", "product_limit_mean"):
        if row.cut:
            raise Unpredictable(f"no rule for a {row.statistic} of first response yet", where=_where(row))
        return _relapse(context, row)
    if context.arm(row.arm).experiment and row.statistic == "ratio":
        return _drive_ratio(context, row)
    if row.statistic in ("response_again", "remission_again"):
        return _again(context, row)
    a = _one_arm(context, row, row.arm)
    if row.statistic in ("difference", "smd", "odds_ratio", "risk_ratio", "ratio"):
        if not row.versus:
            raise Unpredictable(f"a {row.statistic} needs a second arm", where=_where(row))
        other = row if math.isnan(row.versus_h) else replace(row, time_h=row.versus_h)
        return _contrast(row, a, _one_arm(context, other, row.versus))
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
    mood = context.mood(key, _scale_name(row), ideation)
    # thoughts come on the row's own scale
    per_point = 1.0 if ideation else context.per_point(row.scale or str(context.study.baseline.get("scale", "MADRS")))
    kind = row.of if row.is_share_contrast else row.statistic
    if kind in ("ever_response", "ever_remission", "cumulative_share"):
        return _ever(context, row, key, mood, kind, per_point), 0.0
    if without_early_response(row):
        return _later_response(context, row, mood), 0.0
    if kind == "response" and context.study.cuts.get("response_visits"):
        return _repeated_response(context, row, key, mood), 0.0
    if kind in ("response", "remission", "threshold_share", "share_event"):
        if ideation and kind == "response":
            mood = mood.of(mood.baseline > 0)  # who has no thoughts cannot have half of them
        return mood.share_at_most(row.time_h, _limit(context, row, mood, kind, per_point)), 0.0
    if kind == "mean_over_visits":
        times = visit_times(context.study, key, row)
        return float(np.mean([mood.score_mean(t) for t in times])) / per_point, 0.0
    mean, sd = mood.moments(row.time_h)
    if kind == "change_sd":
        return sd / per_point, 0.0
    if kind in ("mean", "mean_at"):
        return mood.score_mean(row.time_h) / per_point, sd / per_point
    if kind in ("change_mean", "difference", "smd", "ratio"):
        if kind == "ratio" and not row.versus:
            return mean / float(mood.baseline.mean()), 0.0
        return mean / per_point, sd / per_point
    raise Unpredictable(f"no rule for {kind} of {row.endpoint}", where=_where(row))


def _scale_name(row: Row) -> str:
    """The scale of a row, without the threshold that the old form of a threshold_share wrote into it."""
    found = THRESHOLD.match(row.scale) if row.statistic == "threshold_share" and not row.cut else None
    return (found["scale"] or "") if found else row.scale


def _limit(context: Context, row: Row, mood: ArmMood, kind: str, per_point: float) -> Array:
    """The highest score of each person that still counts (P,), points of the model: the row's criterion, else the study's, else the usual.

    Conditions joined by "and" all have to be met: the lowest of their limits; "or": the highest.
    """
    baseline = np.asarray(mood.baseline, dtype=np.float64)
    text = row.cut or (row.scale if kind == "threshold_share" else "")
    if text:
        told = criterion(text)
        if told is None:
            raise Unpredictable(f"'{text}' is no criterion", where=_where(row))
        limits = [_one_limit(context, row, c, baseline, per_point) for c in told.conditions]
        return np.asarray(np.max(limits, axis=0) if told.joined == "or" else np.min(limits, axis=0))
    if kind == "remission" and row.endpoint == "ideation":
        own = context.cut("ideation", row.scale)
        free = own if not math.isnan(own) else IDEATION_FREE.get(row.scale, 0.0)
        # ratings are whole numbers: at most c means below c + 1/2 of the continuous score; matters on an item of seven steps
        return np.full(len(baseline), (free + WHOLE_NUMBER) * per_point)
    if kind == "remission":
        return np.full(len(baseline), context.remission_points(row.scale))
    return context.response_share * baseline


def _one_limit(context: Context, row: Row, c: Condition, baseline: Array, per_point: float) -> Array:
    """The highest score that meets one condition (P,), points of the model."""
    if (
        (c.sign not in ("<=", "<") and c.kind == "level")
        or (c.sign not in (">=", ">") and c.kind != "level")
        or c.kind == "rise"
    ):
        raise Unpredictable(f"no rule for a share that got worse ('{row.cut or row.scale}')", where=_where(row))
    unit = 1.0 if row.endpoint == "ideation" else context.per_point(c.name) if c.name else per_point
    if c.kind == "level":
        return np.full(len(baseline), c.cut * unit)
    return baseline * (1.0 - c.cut / 100.0) if c.percent else baseline - c.cut * unit


def _repeated_response(context: Context, row: Row, key: str, mood: ArmMood) -> float:
    """Share of people with a response at cuts.response_visits or more of the daily visits from cuts.response_from_h to cuts.response_to_h."""
    times = np.array(repeated_visits(context.study))
    hits = (mood.visits(times) <= context.response_share * mood.baselines[:, None]).sum(axis=1)
    return float((hits >= context.study.cuts["response_visits"]).mean())


def _later_response(context: Context, row: Row, mood: ArmMood) -> float:
    """Share with a response at the row's time among people without one a day after the first dose: the same course, wander and noise at both visits."""
    limit = context.response_share * mood.baselines
    scores = mood.visits(np.array([EARLY_H, row.time_h]))
    early = scores[:, 0] > limit
    return float((scores[early, 1] <= limit[early]).mean())


def _again(context: Context, row: Row) -> float:
    """Share of the responders (remitters) of `versus` who respond (remit) in `arm` too: same people, wander and noise of their own."""
    kind = row.statistic.removesuffix("_again")
    per_point = context.per_point(row.scale)

    def chance(key: str, time_h: float) -> Array:
        mood = context.mood(key, row.scale)
        i = mood.course.index(time_h)
        limit = _limit(context, row, mood, kind, per_point)
        return np.asarray(share_below(mood.latent[:, [i]], limit, mood.baseline, mood.residual[:, [i]], mood.p)[:, 0])

    p, q = chance(row.versus, row.time_h if math.isnan(row.versus_h) else row.versus_h), chance(row.arm, row.time_h)
    return float((p * q).sum() / p.sum())


def _drive_ratio(context: Context, row: Row) -> float:
    """Drug part of the drive in one arm of an experiment over another: behaviour of animals, who have no expectancy."""

    def one(key: str) -> float:
        return float(context.rated(key, "mood_drive")[:, context.course(key).index(row.time_h)].mean())

    return one(row.arm) / max(one(row.versus), 1e-12)


WHOLE_NUMBER = 0.5
IDEATION_FREE = {
    "MADRS item 10": 1.0,
    "": 1.0,
}  # an item of 0 or 1 counts as free of ideation; other scales at 0 unless the study says so


def _ever(context: Context, row: Row, key: str, mood: ArmMood, kind: str, per_point: float) -> float:
    """Share of people who meet the criterion at any visit up to the time (cumulative incidence; nobody leaves in the model)."""
    scores = mood.visits(np.array(visit_times(context.study, key, row)))
    plain = {"ever_response": "response", "ever_remission": "remission"}.get(kind, "response")
    limit = np.repeat(_limit(context, row, mood, plain, per_point), REPEATS)
    return float((scores <= limit[:, None]).any(axis=1).mean())


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


def _well(context: Context, row: Row, key: str, mood: ArmMood, scores: Array, limit: Array) -> BoolArray:
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
    if row.statistic == "product_limit_mean":
        return float(np.minimum(when, visits[-1]).mean() / unit)
    if row.statistic == "mean_time":
        seen = when[np.isfinite(when)]
        return float(seen.mean() / unit) if len(seen) else float(visits[-1] / unit)
    if row.statistic in ("hazard_ratio", "risk_ratio", "difference", "odds_ratio"):
        other, _ = survival(context, row, row.versus)
        if row.statistic == "hazard_ratio":
            return hazard_ratio(when, other, visits)
        p, q = (min(max(float(np.isfinite(w).mean()), LEAST_SHARE), 1 - LEAST_SHARE) for w in (when, other))
        return _contrast(row, (p, 0.0), (q, 0.0))
    if row.statistic in ("share_event", "cumulative_share"):
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

    if row.scale in IDEATION_SCALES:
        raise Unpredictable("no rule for a correlation with a change of suicidal thoughts", where=_where(row))
    mood = context.mood(key, row.scale)
    i = arm.index(row.time_h)
    mean, own = score_moments(mood.latent[:, [i]], mood.baseline, mood.residual[:, [i]], mood.p)
    change = mean[:, 0] - mood.baseline
    total = math.sqrt(float((own[:, 0] ** 2).mean() + change.var()))
    if x.std() == 0 or total == 0:
        raise Unpredictable(f"'{name}' is the same for everybody", where=_where(row))
    return float(np.cov(x, change, bias=True)[0, 1] / (x.std() * total))


# Who predicts an endpoint, by `endpoints.Endpoint.rule`.
RULES: Mapping[str, Callable[[Context, Row], float]] = {
    "exposure": exposure_value,
    "tissue": tissue_value,
    "felt": felt_value,
    "alertness": alertness_value,
    "vital": vital_value,
    "report": report_value,
    "grouped": _grouped,
    "dropout": _dropout,
    "guess": _guess,
    "mood": _mood,
    "relapse": _relapse,
}
