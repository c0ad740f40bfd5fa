"""What can be wrong in one row of a study folder: words, units, scales, shares, intervals, criteria."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ketasim.core import Problem, nearest

from .criteria import EXAMPLE, THRESHOLD, criterion
from .vocabulary import (
    AMONG,
    CONCENTRATIONS,
    CONTRASTS,
    ENDPOINT_FAMILIES,
    ENDPOINT_UNITS,
    ENDPOINTS,
    ESTIMANDS,
    IDEATION_SCALES,
    LEAST_SIGN_SE,
    MOOD_SCALES,
    OTHER_SCALES,
    PROVENANCES,
    SCALE_RANGES,
    SHARE_STATISTICS,
    SHARES,
    STATISTICS,
    UNITS,
)

TIMES_TO_EVENT = ("median_time", "mean_time", "product_limit_mean", "hazard_ratio")
AT_A_TIME = ("mean_at", "profile_point", "correlation")
TISSUES = ("glutamate", "spines", "bdnf")
LEVELS_OF = ("mean", "mean_at", "profile_point", "largest_mean_maximum", "cmax", "change_mean", "difference")
SCALES_OF = {"madrs": MOOD_SCALES, "ideation": IDEATION_SCALES, "cadss": ("CADSS",), "moaas": ("MOAA/S",)}
POINTS = ("mean", "change_mean", "difference", "change_sd", "mean_over_visits")


def unknown_choice(where: str, name: str, given: str, allowed: tuple[str, ...]) -> list[Problem]:
    """A problem if `given` is none of `allowed`."""
    if given in allowed:
        return []
    near = nearest(given, allowed)
    return [Problem(where, f"{name} '{given}' is not known", f"{name} = {near[0] if near else ' | '.join(allowed)}")]


def row_problems(row: Any, where: str) -> list[Problem]:
    """Everything wrong with one row of data.csv (a `ketasim.evidence.published.studies.Row`) that can be seen without its study."""
    found: list[Problem] = []
    for check in (_words, _extra, _time, _unit, _scale, _share, _use, _interval):
        found += check(row, where)
    return found


def _words(row: Any, where: str) -> list[Problem]:
    found: list[Problem] = []
    if not row.endpoint.startswith(ENDPOINT_FAMILIES):
        found += unknown_choice(where, "endpoint", row.endpoint, ENDPOINTS)
    found += unknown_choice(where, "statistic", row.statistic, STATISTICS)
    found += unknown_choice(where, "provenance", row.provenance, PROVENANCES)
    found += unknown_choice(where, "use", row.use, ("predict", "context"))
    if row.statistic in CONTRASTS and not row.versus and not row.over and row.use == "predict":
        found.append(Problem(where, f"a {row.statistic} needs a second arm", "fill the column versus"))
    if row.versus and row.versus == row.arm:
        found.append(Problem(where, f"arm and versus are both '{row.arm}'", "name the other arm in versus"))
    return found


def _extra(row: Any, where: str) -> list[Problem]:
    """The columns that only some folders have."""
    found: list[Problem] = []
    if row.cut and criterion(row.cut) is None:
        found.append(Problem(where, f"'{row.cut}' is not a valid criterion", f"cut = {EXAMPLE}"))
    if row.of:
        found += unknown_choice(where, "of", row.of, SHARE_STATISTICS)
    if row.among:
        found += unknown_choice(where, "among", row.among, AMONG)
    if row.estimand:
        found += unknown_choice(where, "estimand", row.estimand, ESTIMANDS)
    if row.use == "predict" and row.is_share_contrast and not row.of and row.endpoint in ("madrs", "ideation"):
        found.append(Problem(where, f"a {row.statistic} of which shares?", f"of = {' | '.join(SHARE_STATISTICS)}"))
    if row.over and (row.versus or row.statistic not in ("ratio", "difference")):
        found.append(
            Problem(where, "over names the denominator of a ratio within one arm", "statistic = ratio, versus empty")
        )
    if row.over and not row.over.startswith(ENDPOINT_FAMILIES):
        found.append(Problem(where, f"over '{row.over}' is not a concentration", "over = plasma.ketamine"))
    if not math.isnan(row.from_h) and not row.from_h <= row.time_h:
        found.append(Problem(where, f"the window begins at {row.from_h:g} h after its end", "from_h <= time_h"))
    if row.statistic == "mean_over_visits" and math.isnan(row.from_h + row.time_h):
        found.append(Problem(where, "a mean over visits needs its window", "from_h and time_h, h"))
    return found


def _time(row: Any, where: str) -> list[Problem]:
    """A predicted quantity that has no meaning without its time: no silent value of hour 0."""
    rated = row.endpoint in ("madrs", "ideation") and row.statistic not in TIMES_TO_EVENT
    asked = rated or row.endpoint in ("dropout", "belief") or row.statistic in AT_A_TIME
    felt = row.endpoint in ("cadss", "moaas") and row.statistic in ("mean", "change_mean")
    if row.use != "predict" or not math.isnan(row.time_h) or not (asked or felt):
        return []
    return [
        Problem(where, f"a {row.statistic} of {row.endpoint} at what time?", "time_h = 24 (hours from the first dose)")
    ]


def _unit(row: Any, where: str) -> list[Problem]:
    allowed = UNITS.get(row.statistic)
    if row.statistic in LEVELS_OF:
        if row.endpoint.startswith(("plasma.", "arterial.")):
            allowed = CONCENTRATIONS
        elif row.endpoint.startswith("occupancy.") or row.endpoint in TISSUES:
            allowed = ("fraction", "ratio")
    if row.use != "predict" or allowed is None:
        return []
    if row.unit not in allowed:
        return [
            Problem(where, f"the unit '{row.unit}' does not fit a {row.statistic}", f"unit = {' | '.join(allowed)}")
        ]
    own = ENDPOINT_UNITS.get(row.endpoint)
    if own and row.unit in ("points", "mmHg", "bpm") and row.unit != own:
        return [Problem(where, f"the unit '{row.unit}' does not fit {row.endpoint}", f"unit = {own}")]
    return []


def _scale(row: Any, where: str) -> list[Problem]:
    found: list[Problem] = []
    if row.statistic == "threshold_share":
        if not row.cut and not THRESHOLD.match(row.scale):
            found.append(Problem(where, f"'{row.cut or row.scale}' is not a valid threshold", f"cut = {EXAMPLE}"))
        return found
    if row.scale not in SCALE_RANGES and row.scale not in OTHER_SCALES:
        found += unknown_choice(where, "scale", row.scale, (*SCALE_RANGES, *OTHER_SCALES[1:]))
    own = SCALES_OF.get(row.endpoint)
    counted = row.use == "predict" and row.statistic != "correlation"  # whose scale is that of the benefit
    if counted and own and row.scale in SCALE_RANGES and row.scale not in own:
        what = f"{row.scale} is no scale of {row.endpoint}: the model has nothing for it"
        found.append(Problem(where, what, f"use = context, or scale = {' | '.join(own)}"))
    if row.endpoint in ("madrs", "ideation") and not row.scale:
        found.append(Problem(where, "a rating needs its scale", "scale = MADRS"))
    if row.use == "predict" and row.endpoint == "relapse" and row.scale not in ("responders", "remitters"):
        found.append(Problem(where, "relapse of whom?", "scale = responders | remitters"))
    if row.use == "predict" and row.statistic == "ratio" and row.endpoint.startswith(("plasma.", "arterial.")):
        found += unknown_choice(where, "scale", row.scale, ("auc", "cmax", "half_life", "clearance", "level"))
    limits = SCALE_RANGES.get(row.scale) if row.unit == "points" else None
    if limits and row.statistic in POINTS and not math.isnan(row.value):
        width = limits[1] - limits[0]
        level = row.statistic in ("mean", "mean_over_visits")
        inside = limits[0] <= row.value <= limits[1] if level else abs(row.value) <= width
        if not inside:
            what = f"{row.value:g} lies outside {row.scale} ({limits[0]}-{limits[1]})"
            found.append(Problem(where, what, "check scale and value"))
    return found


def _share(row: Any, where: str) -> list[Problem]:
    if row.statistic in SHARES and not 0 <= row.value <= 1:
        return [Problem(where, f"a share lies between 0 and 1, not {row.value:g}", f"value = {row.value / 100:g}")]
    if row.statistic in ("odds_ratio", "risk_ratio", "hazard_ratio", "ratio") and row.value < 0:
        return [Problem(where, f"a {row.statistic} is not negative: {row.value:g}", "value > 0")]
    if row.statistic == "correlation" and not -1 <= row.value <= 1:
        return [Problem(where, f"a correlation lies between -1 and 1, not {row.value:g}", "check the value")]
    return []


def _use(row: Any, where: str) -> list[Problem]:
    found: list[Problem] = []
    if row.provenance == "memory" and row.use == "predict":
        found.append(Problem(where, "a number from memory may not be predicted", "use = context"))
    if row.use == "context" and not row.note:
        found.append(Problem(where, "a context row says why it is not predicted", "fill the column note"))
    if row.provenance == "sign" and (row.statistic not in ("ratio", "smd") or not row.se >= LEAST_SIGN_SE):
        what = "a direction is coded as a ratio (or smd 0 where nothing was found) with a wide se"
        found.append(Problem(where, what, f"statistic = ratio | smd, se >= {LEAST_SIGN_SE:g}"))
    error = not math.isnan(row.se) or not math.isnan(row.low + row.high) or not math.isnan(row.n)
    if row.use == "predict" and not error and not row.note:
        found.append(
            Problem(where, "the row has no error and no n", "se, low and high, or n; or a note that says why not")
        )
    return found


def _interval(row: Any, where: str) -> list[Problem]:
    found: list[Problem] = []
    if not math.isnan(row.low + row.high) and not row.low <= row.value <= row.high:
        what = f"the value {row.value:g} lies outside its interval {row.low:g} to {row.high:g}"
        found.append(Problem(where, what, "check the signs"))
    if math.isnan(row.low) != math.isnan(row.high):
        found.append(Problem(where, "an interval has two ends", "fill low and high, or neither"))
    for name in ("se", "sd", "n", "n_versus"):
        if getattr(row, name) <= 0:
            found.append(Problem(where, f"{name} is not above 0", f"{name} > 0, or leave the cell empty"))
    return found


def number_of(where: str, column: str, text: str, found: Callable[[Problem], None]) -> float:
    """A cell as a number; NaN where it is empty or wrong (which is told to `found`)."""
    if text == "":
        return math.nan
    try:
        number = float(text)
    except ValueError:
        found(Problem(where, f"column {column}: '{text}' is not a number", "write a number or leave the cell empty"))
        return math.nan
    if not math.isfinite(number):
        found(Problem(where, f"column {column}: '{text}' is not finite", "leave the cell empty"))
    return number
