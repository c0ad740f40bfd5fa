"""Scales of mood: what one point of each is in MADRS points, where remission is counted, and what self-rating changes.

One home for the crosswalks: persons, trials and the evidence read them here. A scale is written as in the studies (`HAM-D17`); which family it is of follows from
the beginning of its name. The numbers stand in `knowledge/values/evidence.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping

from ketasim.core import unknown_name, value

# family -> key of its MADRS points per point; the MADRS itself needs none
CROSSWALKS: Mapping[str, str] = {
    "MADRS": "",
    "HAM-D": "crosswalk_hamd",
    "QIDS": "crosswalk_qids",
    "PHQ-9": "crosswalk_phq",
}
# family -> key of its usual cut of remission, in MADRS points
REMISSION: Mapping[str, str] = {
    "MADRS": "remission_madrs",
    "HAM-D": "remission_hamd",
    "QIDS": "remission_hamd",
    "PHQ-9": "remission_phq",
}
SCALES = ("MADRS", "HAM-D17", "HAM-D21", "HAM-D24", "HAM-D25", "QIDS-SR16", "QIDS-C16", "PHQ-9")
SELF_RATED = ("QIDS-SR16", "PHQ-9", "BDI")
NO_CROSSWALK = ("HAM-D6",)  # six items of a family whose crosswalk is for 17 to 25


def scale_family(scale: str) -> str:
    """MADRS, HAM-D, QIDS, PHQ-9, or the scale itself where it has no crosswalk."""
    if scale in NO_CROSSWALK:
        return scale
    return next((family for family in CROSSWALKS if scale.startswith(family)), scale)


def checked_scale(scale: str) -> str:
    """The scale itself. Raises UsageError where it is none of `SCALES`, the scales that people and trials are simulated on."""
    if scale not in SCALES:
        raise unknown_name("scale", scale, SCALES, where="scale", fix='scale = "MADRS"')
    return scale


def per_point(scale: str) -> float:
    """MADRS points per point of a scale of `SCALES`. Raises UsageError for another."""
    key = CROSSWALKS[scale_family(checked_scale(scale))]
    return value(f"evidence.{key}").value if key else 1.0


def remission_cut(scale: str) -> float:
    """Points of a scale of `SCALES` at or below which remission is usually counted. Raises UsageError for another."""
    return value(f"evidence.{REMISSION[scale_family(checked_scale(scale))]}").value / per_point(scale)


def rater_factor(self_rated: bool) -> float:
    """Factor on the whole drive: patients rate themselves lower in change than raters do."""
    return value("evidence.self_rated_factor").value if self_rated else 1.0
