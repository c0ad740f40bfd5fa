"""From drives to scores: how drug, setting and SSRI add up, and how the sum becomes a rating.

Pure functions on arrays, no input or output. P people, T times; times in hours from the first dose of the main drug;
scores in points. Parameters come as a mapping from value keys of `knowledge/values/observation.toml` to a number
or to one number per person (`observation_parameters()` gives the typical ones).

The latent drive L is close to -ln(score / baseline) in the middle of the scale: 0 = baseline, about ln 2 = half.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import normal_cdf, normal_quadrature, values
from ketasim.core.arrays import Array

from .structure import in_force
from .wander import parted, wander_variance

Parameters = Mapping[str, ArrayLike]

HERMITE_POINTS = 15
EXP_LIMIT = 700.0  # exp() of more overflows a double
_NODES, _WEIGHTS = normal_quadrature(HERMITE_POINTS)


def observation_parameters() -> dict[str, float]:
    """Typical value of every parameter of `knowledge/values/observation.toml`, by key."""
    return {key: v.value for key, v in values("observation").items()}


def _column(p: Parameters, key: str) -> Array:
    """A parameter as (P, 1); as (1, 1) if it is the same for everybody, so that what follows from it alone is worked out once."""
    found = np.atleast_1d(np.asarray(p[key], dtype=np.float64)).reshape(-1, 1)
    return found[:1] if len(found) > 1 and (found == found[0]).all() else found


def combined_drive(
    drug: ArrayLike, setting: ArrayLike, ssri: ArrayLike, exponent: ArrayLike, factor: ArrayLike = 1.0
) -> Array:
    """Sub-additive sum of the drives, (P, T).

    L = f { [max(Ld,0)^k + max(Lx,0)^k]^(1/k) + min(Ld,0) + min(Lx,0) },  Lx = setting + ssri, k >= 1.

    k = 1 is plain addition; k > 1 means that what belief and care already give leaves less for the drug. A negative
    part (nocebo, a drug that worsens mood) has no such power law and is added as it is. `factor` f is the
    practice factor of the setting. Every argument broadcasts to (P, T); `exponent` is a scalar, (P,) or (P, 1).
    """
    k = np.asarray(exponent, dtype=np.float64)
    k = k.reshape(-1, 1) if k.ndim == 1 else k
    first = np.asarray(drug, dtype=np.float64)
    other = np.asarray(setting, dtype=np.float64) + np.asarray(ssri, dtype=np.float64)
    if not first.any():  # no drug: the other part alone, as the formula gives it
        shape = np.broadcast_shapes(first.shape, other.shape, k.shape, np.shape(factor))
        return np.broadcast_to(other * np.asarray(factor), shape)
    a, b = np.broadcast_arrays(np.maximum(first, 0.0), np.maximum(other, 0.0))
    # scaled by the larger part: x^k alone underflows for a drive of 1e-300 and would return 0 + 0
    large, small = np.maximum(a, b), np.minimum(a, b)
    ratio = np.divide(small, large, out=np.zeros_like(large), where=large > 0)
    lift = large * (1.0 + ratio**k) ** (1.0 / k)
    return np.asarray((lift + np.minimum(first, 0.0) + np.minimum(other, 0.0)) * np.asarray(factor))


def link(
    drive: ArrayLike, baseline: ArrayLike, ceiling: ArrayLike, slope: ArrayLike, maximum: ArrayLike = np.inf
) -> Array:
    """Score for a latent drive: y = min{ U B / (1 + (U - 1) exp(s L)), maximum }.

    drive (P, T); baseline B (P, 1) points; ceiling U > 1 as a multiple of the baseline; slope s; maximum: the end of the scale.
    L = 0 gives B; L -> inf gives 0; L -> -inf gives U B, cut at the end of the scale (which only people with a
    very high baseline can reach). With normal L the score has a beta-like shape on (0, U B), which fits published
    responder shares better than a normal, lognormal or gamma residual.
    """
    u = np.asarray(ceiling, dtype=np.float64)
    below = np.asarray(np.asarray(slope) * np.asarray(drive, dtype=np.float64))
    own = below if below.ndim and below.shape == np.broadcast_shapes(below.shape, u.shape) else None
    # written over where the shape allows: half the time of so short a formula goes into fresh memory
    below = np.exp(np.clip(below, -EXP_LIMIT, EXP_LIMIT, out=own), out=own)
    below = np.multiply(u - 1.0, below, out=own)
    below = np.add(1.0, below, out=own)
    score = np.asarray(u * np.asarray(baseline) / below)
    return np.asarray(np.minimum(score, maximum))


def drive_at(score_share: ArrayLike, ceiling: ArrayLike, slope: ArrayLike) -> Array:
    """Inverse of `link`: the drive at which the score is `score_share` times the baseline, L = ln[(U/y - 1)/(U - 1)]/s.

    +inf at share 0 or below, -inf at U or above.
    """
    u, y = np.broadcast_arrays(np.asarray(ceiling, dtype=np.float64), np.asarray(score_share, dtype=np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.log((u / np.maximum(y, 0.0) - 1.0) / (u - 1.0)) / np.asarray(slope)
    return np.where(y <= 0, np.inf, np.where(y >= u, -np.inf, inner))


def share_of(points: ArrayLike, baseline: ArrayLike) -> Array:
    """Points as a share of the baseline, for `drive_at`; inf at a baseline of 0, whose score stays 0 and so lies at or below any cut."""
    y, b = np.broadcast_arrays(np.asarray(points, dtype=np.float64), np.asarray(baseline, dtype=np.float64))
    return np.asarray(np.divide(y, b, out=np.full(y.shape, np.inf), where=b > 0))


def madrs_scores(
    drive: ArrayLike, baseline: ArrayLike, p: Parameters, wander: ArrayLike = 0.0, rating_noise: ArrayLike = 0.0
) -> Array:
    """MADRS total in points, (P, T), always within 0 and 60.

    drive L (P, T) from `combined_drive`; baseline (P,) points in (0, 60); wander and rating_noise (P, T) in units of L:
    eps = wander + noise, score = link(L + eps). Typical course: wander = rating_noise = 0.
    """
    b = np.asarray(baseline, dtype=np.float64).reshape(-1, 1)
    latent = np.asarray(drive) + np.asarray(wander) + np.asarray(rating_noise)
    return link(latent, b, _column(p, "link_ceiling"), _column(p, "link_slope"), _column(p, "madrs_maximum"))


def ceiling_drive(
    drug: ArrayLike, setting: ArrayLike, ssri: ArrayLike, rate: ArrayLike, factor: ArrayLike = 1.0
) -> Array:
    """Sum of the drives in which what setting and SSRI already give leaves less for the drug, (P, T).

    L = f [ Lx + Ld exp(-eta max(Lx, 0)) ],  Lx = setting + ssri, eta >= 0. Every argument broadcasts to (P, T); `rate` eta is a scalar, (P,) or
    (P, 1). eta = 0 is plain addition.
    """
    eta = np.asarray(rate, dtype=np.float64)
    eta = eta.reshape(-1, 1) if eta.ndim == 1 else eta
    other = np.asarray(setting, dtype=np.float64) + np.asarray(ssri, dtype=np.float64)
    first = np.asarray(drug, dtype=np.float64)
    if not first.any():  # no drug: the other part alone, as the formula gives it
        shape = np.broadcast_shapes(first.shape, other.shape, eta.shape, np.shape(factor))
        return np.broadcast_to(other * np.asarray(factor), shape)
    left = first * np.exp(-eta * np.maximum(other, 0.0))
    return np.asarray((other + left) * np.asarray(factor))


def _together(drug: ArrayLike, setting: ArrayLike, ssri: ArrayLike, p: Parameters, factor: ArrayLike) -> Array:
    """`combined_drive` or `ceiling_drive`, whichever is in force."""
    if in_force("combination") == "ceiling":
        return ceiling_drive(drug, setting, ssri, _column(p, "ceiling_rate"), factor)
    return combined_drive(drug, setting, ssri, _column(p, "subadditivity"), factor)


def mood_latent(drug: ArrayLike, setting: ArrayLike, ssri: ArrayLike, p: Parameters, factor: ArrayLike = 1.0) -> Array:
    """Drive L on mood without wander, (P, T): drug, setting and SSRI drives put together with this person's sub-additivity."""
    return _together(drug, setting, ssri, p, factor)


def ideation_latent(
    drug: ArrayLike,
    setting: ArrayLike,
    ssri: ArrayLike,
    p: Parameters,
    factor: ArrayLike = 1.0,
    shift: ArrayLike = 0.0,
) -> Array:
    """Drive L on suicidal thoughts without wander, (P, T): as mood, with its own drug drive and a share of setting and SSRI drives.

    shift : added to the drive of the setting in full (what differs between studies).
    """
    share = _column(p, "ideation_setting_share")
    hoped = share * np.asarray(setting) + np.asarray(shift)
    return _together(drug, hoped, share * np.asarray(ssri), p, factor)


def ideation_scores(
    drive: ArrayLike,
    baseline: ArrayLike,
    p: Parameters,
    mood_wander: ArrayLike = 0.0,
    own_wander: ArrayLike = 0.0,
) -> Array:
    """Suicidal ideation, the suicidal-thoughts item of the MADRS (0 to 6 points), (P, T).

    drive L (P, T) from `ideation_latent`; the link of mood, and a wander that only partly follows that of mood:
    eps = r w_mood + sqrt(1 - r^2) w_own; so mood and ideation part in some people. baseline (P,) points; 0 stays 0.
    """
    b = np.atleast_1d(np.asarray(baseline, dtype=np.float64)).reshape(-1, 1)
    r = _column(p, "ideation_wander_shared")
    latent = np.asarray(drive) + r * np.asarray(mood_wander) + np.sqrt(1.0 - r**2) * np.asarray(own_wander)
    return link(latent, b, _column(p, "link_ceiling"), _column(p, "link_slope"), _column(p, "ideation_maximum"))


def residual_sd(times: ArrayLike, p: Parameters) -> Array:
    """SD of a person's own course, wander and rating noise together at each time, in units of L, (P or 1, T).

    Var = s0^2 + sw^2 (1 - exp(-2 t / tau)) + sc^2 (1 - exp(-t / tauc))^2: the noise s0 of a single rating, a slow wander
    within a person, and a course of their own on which people part; the last two start at 0 with the
    first dose, because the baseline is what was rated then.
    """
    t = np.asarray(times, dtype=np.float64).reshape(1, -1)
    wander = wander_variance(t, _column(p, "wander_sd"), _column(p, "wander_time"))
    course = (_column(p, "course_sd") * parted(t, _column(p, "course_onset"))) ** 2
    return np.asarray(np.sqrt(_column(p, "rating_sd") ** 2 + wander + course))


def share_below(drive: ArrayLike, cut: ArrayLike, baseline: ArrayLike, sd: ArrayLike, p: Parameters) -> Array:
    """Probability, per person and time, that the rated score is at or below `cut` points.

    P(link(L + eps) <= cut) = Phi((L - L_cut) / sd), eps ~ N(0, sd^2); exact below the end of the scale. drive (P, T), cut scalar or (P,), sd broadcasts.
    Response: cut = half the baseline. Remission: cut = 10 or 12 points.
    """
    b = np.atleast_1d(np.asarray(baseline, dtype=np.float64)).reshape(-1, 1)
    limit = np.atleast_1d(np.asarray(cut, dtype=np.float64)).reshape(-1, 1)
    needed = drive_at(share_of(limit, b), _column(p, "link_ceiling"), _column(p, "link_slope"))
    return normal_cdf((np.asarray(drive) - needed) / np.asarray(sd))


def response_probability(drive: ArrayLike, baseline: ArrayLike, sd: ArrayLike, p: Parameters) -> Array:
    """Probability of a response, a score at or below `response_share` (half) of the baseline, (P, T)."""
    cut = _column(p, "response_share") * np.atleast_1d(np.asarray(baseline, dtype=np.float64)).reshape(-1, 1)
    return share_below(drive, cut[:, 0], baseline, sd, p)


def score_moments(drive: ArrayLike, baseline: ArrayLike, sd: ArrayLike, p: Parameters) -> tuple[Array, Array]:
    """Mean and SD of the rated score of each person at each time, over wander and rating noise; (P, T) each.

    Gauss-Hermite quadrature over eps ~ N(0, sd^2). The SD of change over an arm adds the spread between people:
    Var = mean over people of SD^2 + variance over people of (mean - baseline).
    """
    b = np.atleast_1d(np.asarray(baseline, dtype=np.float64)).reshape(-1, 1)
    latent, spread = np.broadcast_arrays(np.asarray(drive, dtype=np.float64), np.asarray(sd, dtype=np.float64))
    u, slope, top = _column(p, "link_ceiling"), _column(p, "link_slope"), _column(p, "madrs_maximum")
    shape = np.broadcast_shapes(latent.shape, b.shape)
    mean, square = np.zeros(shape), np.zeros(shape)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        score = link(latent + node * spread, b, u, slope, top)
        mean += weight * score
        square += weight * score**2
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0))


def arm_moments(drive: ArrayLike, baseline: ArrayLike, sd: ArrayLike, p: Parameters) -> tuple[Array, Array]:
    """Mean and SD of the change from baseline over an arm, (T,) each, without sampling noise of the residual."""
    b = np.atleast_1d(np.asarray(baseline, dtype=np.float64)).reshape(-1, 1)
    mean, own = score_moments(drive, b[:, 0], sd, p)
    change = mean - b
    return change.mean(axis=0), np.sqrt((own**2).mean(axis=0) + change.var(axis=0))
