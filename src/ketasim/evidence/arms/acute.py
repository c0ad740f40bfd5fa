"""Dissociation, sedation, blood pressure and adverse events of an arm as published quantities."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.special import ndtr
from scipy.stats import t as student_t

from ketasim.core.arrays import Array
from ketasim.ratings.pressure import none_over, occasion_mean, over_sessions

from ..published.criteria import THRESHOLD
from ..published.studies import Row
from .context import Context, Unpredictable
from .mood_arm import REPEATS, drawn
from .times import HOURS_PER_DAY, reading_times, session_before

LEVELS = ("mean", "mean_at", "change_mean", "difference")  # what a level at a time may be printed as
LEAST_BELOW = 1e-6  # a ratio to less has no meaning
BELOW_AWAKE = 0.5  # the scale has whole numbers: below 5 means at least half a point lost


def _where(row: Row) -> str:
    return f"{row.study}/data.csv:{row.line}"


def _session(context: Context, row: Row, key: str) -> int:
    arm = context.course(key)
    if not len(arm.sessions):
        raise Unpredictable("the arm has no session", where=_where(row))
    start = session_before(context.study, key, row.time_h)
    return int(np.argmin(np.abs(arm.sessions - start)))


def threshold(row: Row) -> tuple[str, str, float]:
    """Kind (rise | level | fall or empty), sign and cut of a share beyond a threshold, from the column scale."""
    text = row.cut or row.scale
    found = THRESHOLD.match(text)
    if not found:
        raise Unpredictable(f"no rule for the criterion '{text}' of {row.endpoint}", where=_where(row))
    return found["kind"] or "", found["sign"], float(found["cut"])


def _kind(row: Row) -> str:
    """What is worked out in one arm: the share that a contrast of shares compares, else the statistic."""
    kind = row.of if row.is_share_contrast else row.statistic
    if not kind and (row.cut or THRESHOLD.match(row.scale)):
        kind = "threshold_share"
    return "threshold_share" if kind == "share_event" else kind


def share_or_contrast(row: Row, one: Callable[[str], float]) -> float:
    """Share of people of an arm, or the contrast of two shares; `one` gives that of an arm. Raises `Unpredictable` for any other statistic."""
    if row.statistic not in ("share_event", "cumulative_share", "difference", "risk_ratio", "ratio", "odds_ratio"):
        raise Unpredictable(f"no rule for {row.statistic} of {row.endpoint}", where=_where(row))
    return _either(row, one)


def _either(row: Row, one: Callable[[str], float]) -> float:
    if row.statistic == "smd":
        raise Unpredictable(f"no rule for a standardised difference of {row.endpoint}", where=_where(row))
    if row.statistic == "difference":
        return float(one(row.arm) - one(row.versus))
    if row.statistic in ("risk_ratio", "ratio") and row.versus:
        below = one(row.versus)
        if below < LEAST_BELOW:
            raise Unpredictable(f"a ratio to an arm in which {row.endpoint} is 0", where=_where(row))
        return float(one(row.arm) / below)
    if row.statistic == "odds_ratio":
        a, b = (min(max(one(k), 1e-6), 1 - 1e-6) for k in (row.arm, row.versus))
        return float(a / (1 - a) / (b / (1 - b)))
    return float(one(row.arm))


def felt_value(context: Context, row: Row) -> float:
    """CADSS: mean at a time, mean of the largest of a session, share above 4 points."""

    def one(key: str) -> float:
        arm, felt = context.course(key), context.rated(key, "cadss")
        kind = _kind(row)
        if kind == "tmax":
            return _peak_time(context, row, key, felt)
        if kind in ("threshold_share", "largest_mean_maximum", "ratio"):
            j = _session(context, row, key)
            peaks = arm.session_peaks(felt)
            peak = peaks[:, : j + 1].max(axis=1) if kind == "threshold_share" else peaks[:, j]
            if kind == "threshold_share":
                which, sign, cut = threshold(row)
                if which == "fall":
                    raise Unpredictable("no rule for a fall of cadss", where=_where(row))
                background = context.numbers("cadss_placebo_share")
                above = 1.0 - (1.0 - _smooth_share(peak, cut)) * (1.0 - background)
                return above if sign[0] == ">" else 1.0 - above
            return float(peak.mean())
        if kind not in LEVELS:
            raise Unpredictable(f"no rule for {row.statistic} of cadss", where=_where(row))
        if math.isnan(row.time_h):
            raise Unpredictable("a level of cadss needs time_h", where=_where(row))
        return float(felt[:, arm.index(row.time_h)].mean())

    return _either(row, one)


def _peak_time(context: Context, row: Row, key: str, rows: Array) -> float:
    """Time after the start of the session at which the mean over people is largest, h."""
    arm = context.course(key)
    j = _session(context, row, key) if row.time_h >= HOURS_PER_DAY else 0
    inside = slice(arm.session_index[j], arm.session_index[j + 1])
    return float(arm.times[inside][int(rows[:, inside].mean(axis=0).argmax())] - arm.sessions[j])


def _smooth_share(numbers: Array, cut: float) -> float:
    """Share above a cut with the steps of 64 people rounded off (normal kernel on the log scale, rule-of-thumb width)."""
    logs = np.log(np.maximum(numbers, 1e-12))
    if logs.std() == 0:
        return float((numbers > cut).mean())
    width = 0.9 * logs.std() * len(logs) ** -0.2 * 0.5
    return float(ndtr((logs - np.log(cut)) / width).mean())


def alertness_value(context: Context, row: Row) -> float:
    """MOAA/S: share at or below a step in a session, mean at a time and its change from awake."""

    def one(key: str) -> float:
        arm = context.course(key)
        rows, awake = context.rated(key, "moaas"), context.numbers("moaas_awake")
        kind = _kind(row)
        if kind == "tmax":
            return _peak_time(context, row, key, awake - rows)
        if kind == "threshold_share":
            drop = arm.session_peaks(awake - rows)[:, : _session(context, row, key) + 1].max(axis=1)
            which, sign, cut = threshold(row) if row.cut or row.scale not in ("", "MOAA/S") else ("", "<", awake)
            if which in ("rise", "fall"):
                raise Unpredictable(f"no rule for a {which} of moaas, only for a level", where=_where(row))
            if sign in ("<=", ">"):  # steps are whole numbers: at most 3 is below 4
                cut += 1.0
            background = context.numbers("moaas_placebo_share")
            below = 1.0 - (1.0 - _smooth_share(drop, awake - cut + BELOW_AWAKE)) * (1.0 - background)
            return below if sign[0] == "<" else 1.0 - below
        if kind in LEVELS and not math.isnan(row.time_h):
            found = float(rows[:, arm.index(row.time_h)].mean())
            return found - awake if kind == "change_mean" else found
        raise Unpredictable(f"no rule for {row.statistic} of moaas", where=_where(row))

    return _either(row, one)


def vital_value(context: Context, row: Row) -> float:
    """Blood pressure and pulse. Mean of individual maxima: readings with noise, four in a session; largest mean and mean at a time: mean over
    people and sessions (the noise averages out). Shares over a limit: people in whom a reading of a session up to the row's time reached it."""
    occasion = context.numbers("pressure_occasion")

    def one(key: str) -> float:
        arm = context.course(key)
        own = context.rated(key, f"{row.endpoint}_rise")
        start = session_before(context.study, key, row.time_h)
        readings = [arm.index(t) for t in reading_times(start)]
        if row.statistic == "largest_mean_maximum":
            noisy = _noisy(context, key, row.endpoint, own[:, readings], occasion) + context.effects.vital
            return float(noisy.max(axis=1).mean())
        if _kind(row) == "threshold_share":
            kind, sign, cut = threshold(row)
            if sign[0] == "<" or kind == "fall":
                raise Unpredictable(f"no rule for a share of people with a low {row.endpoint}", where=_where(row))
            rest = context.people(key).resting(row.endpoint) if kind == "level" else 0.0
            noise = _reading_sd(context, key, row.endpoint)
            if kind == "level":
                noise /= math.sqrt(2.0)  # a rise is the difference of two readings, a level is one
            sessions = max(int((arm.sessions <= max(row.time_h, 0.0) + 1e-9).sum()), 1) if row.time_h > 0 else 1
            freedom = context.numbers("reading_freedom")
            room = cut - context.effects.vital - rest
            table = none_over(own[:, readings], room, noise, freedom, occasion)
            return float(over_sessions([table] * sessions).mean())
        rise = own * occasion_mean(occasion) + context.effects.vital
        mean = rise.mean(axis=0)
        if row.statistic == "tmax":
            return _peak_time(context, row, key, rise)
        if row.statistic == "ratio":
            j = _session(context, row, key)
            return float(mean[arm.session_index[j] : arm.session_index[j + 1]].max())
        if row.statistic in LEVELS:
            inside = arm.session_index
            j = _session(context, row, key) if len(arm.sessions) else 0
            if math.isnan(row.time_h) or row.time_h == start:
                found = float(mean[inside[j] : inside[j + 1]].max()) if len(arm.sessions) else 0.0
            else:
                found = float(mean[arm.index(row.time_h)])
            if row.statistic == "mean":
                found += float(context.people(key).resting(row.endpoint).mean())
            return found
        raise Unpredictable(f"no rule for {row.statistic} of {row.endpoint}", where=_where(row))

    return _either(row, one)


@lru_cache(maxsize=64)
def _outlying(purpose: str, count: int, freedom: float) -> Array:
    """Student's t scaled to SD 1, keyed."""
    return np.asarray(np.sqrt((freedom - 2.0) / freedom) * student_t.ppf(ndtr(drawn(purpose, count)), freedom))


def _reading_sd(context: Context, key: str, endpoint: str) -> float:
    """SD of single readings; those of old people scatter more."""
    sd = context.numbers(f"reading_sd_{endpoint}")
    if float(context.arm(key).people.get("age", context.study.age)) >= context.numbers("reading_old_age"):
        sd *= context.numbers("reading_sd_old_factor")
    return sd


def _noisy(context: Context, key: str, endpoint: str, rise: Array, occasion: float) -> Array:
    """Readings (P * REPEATS, readings): a session's factor on the drug's rise and the noise of single readings, keyed."""
    many = np.repeat(rise, REPEATS, axis=0)
    many = many * np.exp(occasion * drawn("pressure occasion", len(many)))[:, None]
    # readings have outliers: Student's t with few degrees of freedom, scaled to the same SD
    freedom = context.numbers("reading_freedom")
    noise = [_outlying(f"reading {endpoint} {j}", len(many), freedom) for j in range(rise.shape[1])]
    return np.asarray(many + _reading_sd(context, key, endpoint) * np.column_stack(noise))


def report_value(context: Context, row: Row) -> float:
    """Share of people with an adverse event up to a time (the first session where the row names none).

    Nausea and dizziness: the chance of each session, sessions independent within a person. Dissociation and sedation: a report follows the
    strongest session, F^n / (F^n + F50^n). A background per session comes on top.
    """
    numbers = context.numbers

    def one(key: str) -> float:
        arm = context.course(key)
        until = row.time_h if row.time_h > 0 else 1e-9
        count = max(int((arm.sessions <= until + 1e-9).sum()), 1)
        if row.unit == "share of sessions":
            count = 1
        kind = row.endpoint.removesuffix("_ae")
        background = (1.0 - numbers(f"background_{kind}")) ** count
        if not len(arm.sessions):
            return 1.0 - background
        if kind in ("nausea", "dizziness"):
            chance = arm.session_peaks(context.rated(key, kind))[:, :count]
            return float(1.0 - (np.prod(1.0 - chance, axis=1) * background).mean())
        if kind == "dissociation":
            felt = arm.session_peaks(context.rated(key, "cadss"))[:, :count].max(axis=1)
            half = numbers("dissociation_report_level")
        else:
            rows = context.rated(key, "moaas")
            felt = np.maximum(arm.session_peaks(numbers("moaas_awake") - rows)[:, :count], 0.0).max(axis=1)
            half = numbers("sedation_report_drop")
        n = numbers("report_steepness")
        chance = felt**n / (felt**n + half**n)
        return float(1.0 - ((1.0 - chance) * background).mean())

    return share_or_contrast(row, one)
