"""The vocabulary of study folders, and what can be wrong in one row: words, units, scales, shares, intervals."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ketasim.core import nearest

COLUMNS = (
    "record",
    "arm",
    "versus",
    "endpoint",
    "scale",
    "statistic",
    "time_h",
    "value",
    "unit",
    "low",
    "high",
    "se",
    "sd",
    "n",
    "provenance",
    "use",
    "note",
)
GROUPS = (
    "plasma",
    "interaction",
    "receptors",
    "animal",
    "single IV",
    "dose response",
    "repeated IV",
    "nasal",
    "crisis",
    "maintenance",
    "routine care",
    "other route",
    "co-medication",
    "acute effects",
    "ideation",
    "predictor",
)
ENDPOINTS = (
    "madrs",
    "ideation",
    "relapse",
    "dropout",
    "cadss",
    "dissociation_ae",
    "sbp",
    "dbp",
    "heart_rate",
    "moaas",
    "sedation_ae",
    "nausea_ae",
    "dizziness_ae",
    "glutamate",
    "spines",
    "bdnf",
)
ENDPOINT_FAMILIES = ("plasma.", "arterial.", "occupancy.", "predictor.")
STATISTICS = (
    "change_mean",
    "change_sd",
    "mean",
    "response",
    "remission",
    "difference",
    "smd",
    "odds_ratio",
    "risk_ratio",
    "ever_response",
    "ever_remission",
    "response_again",
    "median_time",
    "mean_time",
    "share_event",
    "hazard_ratio",
    "largest_mean_maximum",
    "mean_at",
    "threshold_share",
    "cmax",
    "auc",
    "tmax",
    "clearance",
    "volume",
    "bioavailability",
    "half_life",
    "ratio",
    "profile_point",
    "correlation",
)
SHARES = (
    "response",
    "remission",
    "ever_response",
    "ever_remission",
    "response_again",
    "share_event",
    "threshold_share",
    "bioavailability",
)
CONTRASTS = (
    "difference",
    "smd",
    "odds_ratio",
    "risk_ratio",
    "hazard_ratio",
    "ratio",
    "response_again",
    "bioavailability",
)
PROVENANCES = ("seen", "third_party", "press", "digitised", "memory", "derived", "sign")
BLINDINGS = ("open", "rater-blind", "double-blind")
RATERS = ("clinician", "self", "instrument")
SCALE_RANGES = {
    "MADRS": (0, 60),
    "HAM-D6": (0, 22),
    "HAM-D17": (0, 52),
    "HAM-D21": (0, 64),
    "HAM-D24": (0, 75),
    "HAM-D25": (0, 80),
    "HAM-D28": (0, 84),
    "QIDS-SR16": (0, 27),
    "QIDS-C16": (0, 27),
    "PHQ-9": (0, 27),
    "BDI": (0, 63),
    "IDS-C30": (0, 84),
    "CADSS": (0, 92),
    "MOAA/S": (0, 5),
    "SSI": (0, 38),
    "MADRS item 10": (0, 6),
    "CGI-S": (1, 7),
    "POMS depression": (0, 60),
}
# Scales that are no ranges of points: a mixture, who is followed, what a ratio compares.
OTHER_SCALES = (
    "",
    "mixed",
    "HAM-D",
    "composite",
    "responders",
    "remitters",
    "auc",
    "cmax",
    "half_life",
    "clearance",
)
MOOD_SCALES = tuple(name for name in SCALE_RANGES if name not in ("CADSS", "MOAA/S", "SSI", "MADRS item 10"))
# The cut of a threshold_share: ">4", "<5", "rise>=40", "level>=180", "PHQ-9 fall>=6".
THRESHOLD = re.compile(r"^(?:(?P<scale>[\w/-]+) )?(?P<kind>rise|fall|level)?(?P<sign>>=|<=|>|<)(?P<cut>\d+(?:\.\d+)?)$")
CUTS = (
    "response",
    "response_from_h",
    "response_to_h",
    "response_visits",
    "remission",
    "ideation",
    "relapse",
    "relapse_entry",
    "relapse_visits",
    "relapse_from_h",
    "relapse_follow_h",
    "visit_h",
)
UNITS = {
    "change_mean": ("points", "mmHg", "bpm"),
    "change_sd": ("points", "mmHg", "bpm"),
    "mean": ("points", "mmHg", "bpm"),
    "smd": ("SD",),
    "odds_ratio": ("ratio",),
    "risk_ratio": ("ratio",),
    "hazard_ratio": ("ratio",),
    "ratio": ("ratio",),
    "median_time": ("d", "h"),
    "mean_time": ("d", "h"),
    "tmax": ("h",),
    "half_life": ("h",),
    "clearance": ("L/h", "L/h/kg"),
    "volume": ("L", "L/kg"),
    "cmax": ("ng/mL",),
    "profile_point": ("ng/mL",),
    "auc": ("ng*h/mL",),
    "correlation": ("r",),
    "largest_mean_maximum": ("mmHg", "bpm", "points"),
    "mean_at": ("mmHg", "bpm", "points", "ng/mL", "fraction", "ratio"),
    "difference": ("points", "fraction", "mmHg", "bpm", "ng/mL"),
    **{name: ("fraction", "share of sessions") for name in SHARES},
}
ENDPOINT_UNITS = {
    "sbp": "mmHg",
    "dbp": "mmHg",
    "heart_rate": "bpm",
    "madrs": "points",
    "ideation": "points",
    "cadss": "points",
    "moaas": "points",
}
MOST_MODEL_ROWS = 6  # values that come out of one published model
LEAST_SIGN_SE = 0.2  # a direction coded as a ratio is never sharper than this


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file: where, what, and what to write instead."""

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f" (remedy: {self.remedy})" if self.remedy else "")


def unknown_choice(where: str, name: str, given: str, allowed: tuple[str, ...]) -> list[Problem]:
    """A problem if `given` is none of `allowed`."""
    if given in allowed:
        return []
    near = nearest(given, allowed)
    return [Problem(where, f"{name} '{given}' is not known", f"{name} = {near[0] if near else ' | '.join(allowed)}")]


def row_problems(row: Any, where: str) -> list[Problem]:
    """Everything wrong with one row of data.csv (a `ketasim.evidence.published.studies.Row`) that can be seen without its study."""
    found: list[Problem] = []
    for check in (_words, _unit, _scale, _share, _use, _interval):
        found += check(row, where)
    return found


def _words(row: Any, where: str) -> list[Problem]:
    found: list[Problem] = []
    if not row.endpoint.startswith(ENDPOINT_FAMILIES):
        found += unknown_choice(where, "endpoint", row.endpoint, ENDPOINTS)
    found += unknown_choice(where, "statistic", row.statistic, STATISTICS)
    found += unknown_choice(where, "provenance", row.provenance, PROVENANCES)
    found += unknown_choice(where, "use", row.use, ("predict", "context"))
    if row.statistic in CONTRASTS and not row.versus and row.use == "predict":
        found.append(Problem(where, f"a {row.statistic} needs a second arm", "fill the column versus"))
    if row.versus and row.versus == row.arm:
        found.append(Problem(where, f"arm and versus are both '{row.arm}'", "name the other arm in versus"))
    return found


def _unit(row: Any, where: str) -> list[Problem]:
    allowed = UNITS.get(row.statistic)
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
        if not THRESHOLD.match(row.scale):
            found.append(
                Problem(where, f"'{row.scale}' is no threshold", "scale = >4 | rise>=40 | level>=180 | PHQ-9 fall>=6")
            )
        return found
    if row.scale not in SCALE_RANGES and row.scale not in OTHER_SCALES:
        found += unknown_choice(where, "scale", row.scale, (*SCALE_RANGES, *OTHER_SCALES[1:]))
    if row.endpoint in ("madrs", "ideation") and not row.scale:
        found.append(Problem(where, "a rating needs its scale", "scale = MADRS"))
    if row.use == "predict" and row.endpoint == "relapse" and row.scale not in ("responders", "remitters"):
        found.append(Problem(where, "relapse of whom?", "scale = responders | remitters"))
    if row.use == "predict" and row.statistic == "ratio" and row.endpoint.startswith(("plasma.", "arterial.")):
        found += unknown_choice(where, "scale", row.scale, ("auc", "cmax", "half_life", "clearance"))
    limits = SCALE_RANGES.get(row.scale)
    if limits and row.statistic in ("mean", "change_mean", "difference", "change_sd") and not math.isnan(row.value):
        width = limits[1] - limits[0]
        inside = limits[0] <= row.value <= limits[1] if row.statistic == "mean" else abs(row.value) <= width
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
    for name in ("se", "sd", "n"):
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
