"""What a design would show without sampling: the effect on the people of the pool, with blinding as it is, held, and for a drug that only unblinds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ketasim.core.arrays import Array
from ketasim.ratings.mood import Between, Drives, latent
from ketasim.ratings.observation import residual_sd, score_moments, share_below
from ketasim.ratings.scales import SELF_RATED, per_point, rater_factor
from ketasim.ratings.thoughts import item_before

from .between import drug_size, shift_at
from .design import Design
from .plan import IDEATION, is_harm
from .pool import Pool

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(3)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Truth:
    """Differences of every arm to the comparator at the endpoint in one world, (A - 1,): in points of the scale, or of shares.

    true : everybody takes and finishes his arm. held : had nobody been able to tell, both arms believing what the comparator arm believes.
    inert : of a drug without effect on mood that is felt like this one. comparator : change in the comparator arm.
    """

    true: Array
    held: Array
    inert: Array
    comparator: float


def truth(design: Design, pool: Pool) -> Truth | None:
    """The differences in one world; None for endpoints that have no expectation at one visit (relapse) or that no belief moves (harms), for crossovers and
    for designs with visit rules."""
    if (
        design.endpoint.measure == "relapse"
        or is_harm(design.endpoint.measure)
        or design.kind == "crossover"
        or pool.flexed
    ):
        return None
    if design.study_effects:
        return _over_trials(design, pool)
    at = int(np.argmin(np.abs(pool.visits_h - design.endpoint.at_h)))
    return _at(design, pool, at, shift_at(design, design.endpoint.at_h, 0.0), float(drug_size(design, 0.0)))


def _over_trials(design: Design, pool: Pool) -> Truth:
    """The mean over trials: Gauss-Hermite over the shift of the setting and the logarithm of the factor on the drug's part."""
    at = int(np.argmin(np.abs(pool.visits_h - design.endpoint.at_h)))
    parts, weights = [], []
    for x, wx in zip(_NODES, _WEIGHTS, strict=True):
        for y, wy in zip(_NODES, _WEIGHTS, strict=True):
            parts.append(_at(design, pool, at, shift_at(design, design.endpoint.at_h, x), float(drug_size(design, y))))
            weights.append(wx * wy)
    w = np.array(weights)

    def mean(name: str) -> Array:
        return np.asarray(np.tensordot(w, np.stack([np.asarray(getattr(t, name)) for t in parts]), 1))

    return Truth(mean("true"), mean("held"), mean("inert"), float(mean("comparator")))


def _at(design: Design, pool: Pool, at: int, shift: float, factor: float) -> Truth:
    """The differences in a trial of that shift and factor."""
    own = replace(pool, mood=pool.mood * factor, ideation=pool.ideation * factor)
    true = _outcomes(design, own, at, shift)
    held = _outcomes(design, replace(own, hoped=own.blind), at, shift)
    none = np.zeros_like(pool.mood)
    inert = _outcomes(design, replace(pool, mood=none, ideation=none), at, shift)
    return Truth(true[1:] - true[0], held[1:] - held[0], inert[1:] - inert[0], float(true[0]))


def _outcomes(design: Design, pool: Pool, at: int, shift: float) -> Array:
    """Mean change, or share of response or remission, of every arm if everybody took it, (A,)."""
    where = design.endpoint
    p, points = dict(pool.p), per_point(design.scale)
    thoughts = where.measure in IDEATION
    baseline = pool.baseline
    if thoughts:
        p["madrs_maximum"] = p["ideation_maximum"]
        baseline, points = item_before(design.setting, p), 1.0
    sd = np.broadcast_to(residual_sd(np.array([where.at_h]), p), (len(baseline), 1))
    between = Between(shift=shift, rater=rater_factor(design.scale in SELF_RATED))
    found = []
    for a in range(len(pool.names)):
        one = slice(at, at + 1)
        none = np.zeros((1, 1))
        drives = Drives(pool.mood[a][:, one], pool.ideation[a][:, one], pool.ssri[a][:, one], none)
        there = np.broadcast_to(
            latent(design.setting, drives, pool.hoped[a][:, one], p, between, ideation=thoughts), (len(baseline), 1)
        )
        if where.measure == "response":
            found.append(float(share_below(there, (1 - where.response) * baseline, baseline, sd, p).mean()))
        elif where.measure in ("remission", "ideation_remission"):
            found.append(float(share_below(there, where.cut * points, baseline, sd, p).mean()))
        else:
            mean, _ = score_moments(there, baseline, sd, p)
            found.append(float((mean[:, 0] - baseline).mean()) / points)
    return np.array(found)
