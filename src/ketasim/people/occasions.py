"""Sessions of one person differ: which values do so, how much of their spread belongs to the session, and everybody's number at every session.

The spread between people at one session is what studies print, so it stays: a random effect z of a person (standard normal) has a lasting part u
and one of each session e_k, with the share s of the variance that belongs to the session,

    z_k = sqrt(1 - s) u + sqrt(s) e_k,      corr(z_j, z_k) = 1 - s,      z_1 = z,

so the first session is that of a run without occasions, to the bit, and every session has the same spread between people. With w standard normal of its own
u = sqrt(1 - s) z + sqrt(s) w, which leaves u standard normal and z_1 = z: then e_1 = sqrt(s) z - sqrt(1 - s) w.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from ketasim.core import FrozenMapping, Value, unknown_name, values
from ketasim.core.arrays import Array

from .cohort import People
from .covariates import chain_parameters

WHICH = ("sourced", "all", "none")
USUAL = "sourced"
PREFIX = "occasion_share_"


def occasion_shares(which: str = USUAL) -> Mapping[str, float]:
    """Value -> share of its variance between people that belongs to the session.

    which : `sourced` (those that somebody measured), `all` (assumed ones too), `none`. Raises UsageError for another word.
    """
    if which not in WHICH:
        raise unknown_name("word for occasions", which, WHICH, where="--occasions", fix="--occasions all")
    found = {key.removeprefix(PREFIX): v for key, v in values("occasions").items()}
    kept = {"sourced": ("measured", "derived"), "all": ("measured", "derived", "assumed"), "none": ()}[which]
    return FrozenMapping({key: v.value for key, v in found.items() if v.basis in kept and v.value > 0})


def at_session(people: People, number: int, shares: Mapping[str, float]) -> People:
    """The same people at their session `number` (0 = the first): what differs between sessions is drawn anew, all else stays."""
    return replace(people, session=number, session_shares=FrozenMapping(shares))


def numbers_by_session(
    people: People,
    parameters: Mapping[str, Value],
    overrides: Mapping[str, float | Array],
    sessions: int,
    shares: Mapping[str, float],
    keys: Iterable[str],
) -> dict[str, Array]:
    """Value -> number of every person at every session, (K, P), covariates included; only those of `keys` that differ between sessions.

    parameters, overrides : as in `chain_parameters`. An empty dictionary where there is one session or nothing differs.
    """
    own = {k: parameters[k] for k in keys if k in shares and k in parameters and parameters[k].between is not None}
    if sessions < 2 or not own:
        return {}
    each = [chain_parameters(at_session(people, k, shares), own, overrides) for k in range(sessions)]
    return {key: np.stack([found[key] for found in each]) for key in own}


def session_of(times: Array, starts: Array) -> np.ndarray:
    """Index of the session that each time belongs to: the last one begun, the first before any. times, starts in h, starts ascending."""
    return np.maximum(np.searchsorted(starts, np.asarray(times) + 1e-9, side="right") - 1, 0)
