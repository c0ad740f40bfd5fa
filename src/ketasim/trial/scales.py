"""Scales of mood: MADRS points per point of another scale, by the crosswalks of the evidence."""

from __future__ import annotations

from ketasim.core import unknown_name, value

CROSSWALKS = {"MADRS": "", "HAM-D": "crosswalk_hamd", "QIDS": "crosswalk_qids", "PHQ-9": "crosswalk_phq"}
REMISSION = {
    "MADRS": "remission_madrs",
    "HAM-D": "remission_hamd",
    "QIDS": "remission_hamd",
    "PHQ-9": "remission_phq",
}
SCALES = ("MADRS", "HAM-D17", "HAM-D21", "HAM-D24", "HAM-D25", "QIDS-SR16", "QIDS-C16", "PHQ-9")
MAXIMUM = {
    "MADRS": 60.0,
    "HAM-D17": 52.0,
    "HAM-D21": 64.0,
    "HAM-D24": 75.0,
    "HAM-D25": 77.0,
    "QIDS-SR16": 27.0,
    "QIDS-C16": 27.0,
    "PHQ-9": 27.0,
}
SELF_RATED = ("QIDS-SR16", "PHQ-9")


def family(scale: str) -> str:
    """MADRS, HAM-D, QIDS or PHQ-9. Raises UsageError for a scale nobody can convert."""
    found = next((name for name in CROSSWALKS if scale.startswith(name)), None)
    if found is None or scale not in SCALES:
        raise unknown_name("scale", scale, SCALES, where="scale", fix='scale = "MADRS"')
    return found


def per_point(scale: str) -> float:
    """MADRS points per point of the scale."""
    key = CROSSWALKS[family(scale)]
    return value(key).value if key else 1.0


def remission_cut(scale: str) -> float:
    """Points of the scale at or below which remission is usually counted."""
    return value(REMISSION[family(scale)]).value / per_point(scale)


def rater_factor(scale: str) -> float:
    """Factor on the drive: patients rate themselves lower in change than raters do."""
    return value("self_rated_factor").value if scale in SELF_RATED else 1.0
