"""Sample size: planned, and re-estimated at an interim look, blinded (spread) or unblinded (conditional power)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from ketasim.core import UsageError
from ketasim.core.arrays import Array, IntArray

from .shapes import values_of
from .status import Status


def t_power(total: float, effect: float, sd: float, *, alpha: float = 0.05, ratio: float = 1.0) -> float:
    """Power of the two-sided two-sample t test: noncentral t with n - 2 degrees of freedom and noncentrality
    effect / (sd sqrt(1/n_1 + 1/n_0)). total : people in both arms; ratio : n_1 / n_0.
    """
    _check_plan(effect, sd, alpha, ratio)
    if not total > 2:
        raise UsageError(f"{total:g} people are too few for a t test", where="t_power(total)", allowed="above 2")
    n1 = total * ratio / (1 + ratio)
    shift = abs(effect) / (sd * np.sqrt(1 / n1 + 1 / (total - n1)))
    critical = special.stdtrit(total - 2, 1 - alpha / 2)
    far = special.nctdtr(total - 2, shift, -critical)  # the other tail; nan where it is too small for a number
    return float(1 - special.nctdtr(total - 2, shift, critical) + np.nan_to_num(far))


def t_size(
    effect: float, sd: float, *, alpha: float = 0.05, power: float = 0.8, ratio: float = 1.0, dropout: float = 0.0
) -> float:
    """Total number of people (not rounded, at least 3) with which the two-sided t test has this power, over 1 - dropout."""
    _check_plan(effect, sd, alpha, ratio)
    if not alpha < power < 1 or not 0 <= dropout < 1:
        raise UsageError(
            f"power {power:g} with dropout {dropout:g}",
            where="t_size",
            allowed=f"power from {alpha:g} to 1, dropout from 0 to 1",
        )
    rough = (1 + ratio) ** 2 / ratio * ((special.ndtri(1 - alpha / 2) + special.ndtri(power)) * sd / effect) ** 2
    if rough > 1e9:
        raise UsageError("more than a thousand million people", where="t_size(effect)", allowed="a larger effect")

    def excess(total: float) -> float:
        return t_power(total, effect, sd, alpha=alpha, ratio=ratio) - power

    found = 3.0 if excess(3.0) >= 0 else optimize.brentq(excess, 3.0, 4 * rough + 40, xtol=1e-9)
    return float(found / (1 - dropout))


def _check_plan(effect: float, sd: float, alpha: float, ratio: float) -> None:
    if not (sd > 0 and 0 < abs(effect) <= 10 * sd and 0 < alpha < 1 and ratio > 0):
        raise UsageError(
            f"effect {effect:g}, SD {sd:g}, alpha {alpha:g}, ratio {ratio:g}",
            where="sample size",
            allowed="an effect that is not 0 and at most 10 SD, SD above 0, alpha between 0 and 1, ratio above 0",
        )


def events_needed(hazard_ratio: float, *, alpha: float = 0.05, power: float = 0.8, ratio: float = 1.0) -> float:
    """Events for the two-sided log-rank test (Schoenfeld 1981): (z_a + z_b)^2 (1 + r)^2 / (r log(ratio of hazards)^2)."""
    if not hazard_ratio > 0 or hazard_ratio == 1:
        raise UsageError(f"a hazard ratio of {hazard_ratio:g}", where="events_needed", allowed="above 0, not 1")
    z = special.ndtri(1 - alpha / 2) + special.ndtri(power)
    return float(z**2 * (1 + ratio) ** 2 / (ratio * np.log(hazard_ratio) ** 2))


def conditional_power(z: ArrayLike, fraction: float, critical: float, drift: ArrayLike | None = None) -> Array:
    """Chance to end at or above `critical` given z at an interim look, for which above 0 is better.

    Phi((z sqrt(t) + drift (1 - t) - critical) / sqrt(1 - t)) (Lan and Wittes 1988). drift : mean of the final z; None takes the
    current trend z / sqrt(t). z : (R,).
    """
    if not 0 < fraction < 1:
        raise UsageError(f"a fraction of {fraction:g} is no interim look", where="fraction", allowed="between 0 and 1")
    values = np.asarray(z, dtype=np.float64)
    ahead = values / np.sqrt(fraction) if drift is None else np.asarray(drift, dtype=np.float64)
    return np.asarray(
        special.ndtr((values * np.sqrt(fraction) + ahead * (1 - fraction) - critical) / np.sqrt(1 - fraction))
    )


def combine(first: ArrayLike, second: ArrayLike, weight: float) -> Array:
    """Inverse normal combination sqrt(w) z_1 + sqrt(1 - w) z_2 of the stages (Cui, Hung and Wang 1999).

    second : z of the people after the look alone. weight : the planned fraction at the look, whatever the size became: so the
    error stays as planned.
    """
    if not 0 < weight < 1:
        raise UsageError(f"a weight of {weight:g}", where="combine(weight)", allowed="between 0 and 1")
    return np.asarray(np.sqrt(weight) * np.asarray(first) + np.sqrt(1 - weight) * np.asarray(second))


@dataclass(frozen=True)
class NewSize:
    """size : (R,), total people after the look (whole numbers). sd : (R,), the spread used, nan if it was not one of the spread.
    conditional : (R,), conditional power at the planned size, nan if blinded. status : (R,).
    """

    size: IntArray
    sd: Array
    conditional: Array
    status: IntArray


def promising(
    z: ArrayLike,
    planned: int,
    look: int,
    *,
    critical: float = 1.959963984540054,
    most: int,
    wanted: float = 0.8,
    least: float = 0.36,
) -> NewSize:
    """Unblinded re-estimation in the promising zone (Mehta and Pocock 2011).

    If the conditional power at the planned size, under the current trend, lies between `least` and `wanted`, the size becomes
    the smallest up to `most` at which it reaches `wanted`; else it stays. With n people at the look, m after it and w = n / N
    as planned, the conditional power of the weighted statistic is Phi(z sqrt(m / n) - (critical - z sqrt(w)) / sqrt(1 - w)).

    z : (R,), above 0 is better. planned, look : people in all and at the look. The final test takes `combine` with w.
    """
    if not 0 < look < planned <= most or not 0 < least < wanted < 1:
        raise UsageError(
            f"look at {look} of {planned} people, at most {most}, zone {least:g} to {wanted:g}",
            where="promising",
            allowed="0 < look < planned <= most, 0 < least < wanted < 1",
        )
    values = np.atleast_1d(np.asarray(z, dtype=np.float64))
    w = look / planned
    hurdle = (critical - values * np.sqrt(w)) / np.sqrt(1 - w)
    chance = special.ndtr(values * np.sqrt((planned - look) / look) - hurdle)
    zone = (chance >= least) & (chance < wanted)
    with np.errstate(divide="ignore", invalid="ignore"):
        after = look * ((special.ndtri(wanted) + hurdle) / values) ** 2
    size = np.where(zone, np.clip(np.ceil(look + np.where(zone, after, 0.0)), planned, most), planned)
    lost = np.isnan(values)
    return NewSize(
        size.astype(np.int64),
        np.full(values.shape, np.nan),
        chance,
        np.where(lost, int(Status.TOO_FEW), int(Status.OK)),
    )


def blinded(
    change: ArrayLike,
    effect: float,
    *,
    planned: int,
    most: int,
    alpha: float = 0.05,
    power: float = 0.8,
    ratio: float = 1.0,
    adjusted: bool = False,
) -> NewSize:
    """Blinded re-estimation from the spread of all scores together (Kieser and Friede 2003).

    The one-sample variance of the scores without arms is put into the size formula of the t test; it holds an extra
    effect^2 r / (1 + r)^2 if there is an effect, which `adjusted` takes off (Gould and Shih 1992). The size never falls
    below `planned` nor rises above `most`.

    change : (R, N) or (N,), scores at the look, nan = missing. effect : the one planned for. Treatment is never looked at.
    """
    _check_plan(effect, abs(effect), alpha, ratio)
    values = values_of(change, "change")
    if not 2 < planned <= most:
        raise UsageError(f"planned {planned}, at most {most}", where="blinded", allowed="2 < planned <= most")
    seen = ~np.isnan(values)
    number = seen.sum(axis=1)
    mean = np.where(seen, values, 0.0).sum(axis=1) / np.maximum(number, 1)
    variance = (np.where(seen, values - mean[:, None], 0.0) ** 2).sum(axis=1) / np.maximum(number - 1, 1)
    if adjusted:
        variance = variance - effect**2 * ratio / (1 + ratio) ** 2
    status = np.where(number < 3, int(Status.TOO_FEW), np.where(variance > 0, int(Status.OK), int(Status.NO_SPREAD)))
    sd = np.sqrt(np.where(status == Status.OK, np.maximum(variance, 0.0), np.nan))
    size = np.full(len(values), planned, dtype=np.int64)
    z = special.ndtri(1 - alpha / 2) + special.ndtri(power)
    for r in np.flatnonzero(status == Status.OK):
        rough = (1 + ratio) ** 2 / ratio * (z * sd[r] / effect) ** 2
        if rough >= most:
            size[r] = most
        elif rough > 0.5 * planned:
            size[r] = int(
                np.clip(np.ceil(t_size(effect, float(sd[r]), alpha=alpha, power=power, ratio=ratio)), planned, most)
            )
    return NewSize(size, sd, np.full(len(values), np.nan), status)
