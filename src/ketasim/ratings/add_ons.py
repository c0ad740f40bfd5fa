"""Treatments beside the drug that the chain has no mechanism for: psychotherapy in the window, lifestyle support, anti-inflammatory, another tablet.

What they do beside ketamine is not known well enough for a number, so it is a distribution (`knowledge/values/add_ons.toml`; around zero where there is no trial) unless
somebody states another one. One drive for `run --with`, the arms of a trial and whoever else asks (`add_on_drive`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError, nearest, value
from ketasim.core.arrays import Array

KINDS = ("psychotherapy", "anti-inflammatory", "lifestyle", "oral antidepressant")
LONGEST_H = 3 * 366 * 24.0
EXAMPLE = '--with "psychotherapy from 1 d to 28 d"'
_UNITS = {"min": 1 / 60, "h": 1.0, "d": 24.0, "week": 168.0, "weeks": 168.0}
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_PART = re.compile(rf"(?:(from|to|onset)\s+({_NUMBER})\s*(min|h|d|weeks?)|(effect|sd|synergy)\s+({_NUMBER}))(?:\s+|$)")
_BEGINS = re.compile(rf"\s*(?:new\s+)?({'|'.join(re.escape(kind) for kind in KINDS)})\b\s*(.*)", re.IGNORECASE)
_MOST = 5.0  # of a drive: exp(-5) of a score is none


@dataclass(frozen=True, slots=True)
class AddOn:
    """A treatment beside the drug without a mechanism in the chain: a drive of its own, drawn for each world because nobody knows it.

    kind : one of `KINDS`. from_h, to_h : when it acts. onset_h : time constant with which it comes and fades. mean, sd : of its full drive L between worlds
    (ln 2 halves a score). synergy : further share of the drug's own drive while it acts.
    """

    kind: str
    from_h: float
    to_h: float
    onset_h: float
    mean: float
    sd: float
    synergy_mean: float = 0.0
    synergy_sd: float = 0.0

    @property
    def known(self) -> str:
        """What is assumed of it, in a sentence."""
        end = "the end" if self.to_h >= LONGEST_H else f"day {self.to_h / 24:g}"
        return (
            f"{self.kind} from day {self.from_h / 24:g} to {end}: its effect beside ketamine is not known; assumed a drive of {self.mean:g} (SD {self.sd:g}; 0.69 "
            f"halves a score), coming and fading with {self.onset_h / 24:g} days, and {100 * self.synergy_mean:g} % (SD {100 * self.synergy_sd:g} %) of the drug's own"
        )


def usual(kind: str) -> AddOn:
    """The add-on as assumed where nobody states anything else."""
    key = kind.replace("-", "_").replace(" ", "_")
    drive, synergy = value(f"{key}_drive"), value(f"{key}_synergy")
    return AddOn(
        kind,
        0.0,
        LONGEST_H,
        value(f"{key}_onset").value,
        drive.value,
        drive.uncertain.sd if drive.uncertain else 0.0,
        synergy.value,
        synergy.uncertain.sd if synergy.uncertain else 0.0,
    )


def is_add_on(words: str) -> bool:
    """Whether the words name an add-on, not a dose."""
    return _BEGINS.fullmatch(words) is not None


def add_on(words: str) -> AddOn:
    """The add-on of words such as "psychotherapy from 1 d to 28 d" (onset 14 d, effect 0.1 sd 0.2, synergy 0.1). Raises UsageError for others."""
    found = _BEGINS.fullmatch(words)
    if not found:
        raise UsageError(
            f"'{words}' is no treatment beside the drug", where="--with", allowed=", ".join(KINDS), fix=EXAMPLE
        )
    plain, rest = usual(found.group(1).lower()), found.group(2)
    said: dict[str, float] = {}
    at = 0
    while at < len(rest):
        part = _PART.match(rest, at)
        if not part:
            word = rest[at:].split()[0]
            close = nearest(word, ("from", "to", "onset", "effect", "sd", "synergy"))
            raise UsageError(
                f"cannot read '{rest[at:]}' of the {plain.kind}",
                where=f'--with "{words}"',
                allowed="from TIME, to TIME, onset TIME, effect NUMBER, sd NUMBER, synergy SHARE",
                fix=f"{close[0]} ...?" if close else EXAMPLE,
            )
        key = part.group(1) or part.group(4)
        if key in said:
            raise UsageError(f"'{key}' is said twice", where=f'--with "{words}"', fix=EXAMPLE)
        said[key] = float(part.group(2)) * _UNITS[part.group(3)] if part.group(1) else float(part.group(5))
        at = part.end()
    made = AddOn(
        plain.kind,
        said.get("from", plain.from_h),
        said.get("to", plain.to_h),
        said.get("onset", plain.onset_h),
        said.get("effect", plain.mean),
        said.get("sd", 0.0 if "effect" in said else plain.sd),
        said.get("synergy", plain.synergy_mean),
        0.0 if "synergy" in said else plain.synergy_sd,
    )
    problem = (
        "it ends before it begins"
        if made.to_h <= made.from_h
        else "it begins before the first dose"
        if made.from_h < 0
        else "the onset is a time above 0"
        if not 0 < made.onset_h <= LONGEST_H
        else f"a drive lies between {-_MOST:g} and {_MOST:g}, its SD from 0 on"
        if abs(made.mean) > _MOST or not 0 <= made.sd <= _MOST or abs(made.synergy_mean) > _MOST
        else ""
    )
    if problem:
        raise UsageError(
            problem, where=f'--with "{words}"', allowed="from 0 h on, effect 0.69 halves a score", fix=EXAMPLE
        )
    return made


def add_on_course(times: ArrayLike, from_h: float, to_h: float, onset_h: float) -> Array:
    """Share of its full drive at each time (T,), h: 1 - exp(-(t - from)/onset) from `from_h` to `to_h`, then what was reached fades with the same constant."""
    t = np.asarray(times, dtype=np.float64)
    inside = np.clip(t - from_h, 0.0, to_h - from_h)
    return np.asarray(-np.expm1(-inside / onset_h) * np.exp(-np.maximum(t - to_h, 0.0) / onset_h))


def add_on_drive(
    add_ons: Sequence[AddOn], z: Mapping[str, tuple[ArrayLike, ArrayLike]], times_h: ArrayLike, drug: ArrayLike
) -> Array:
    """Drive of all add-ons on mood, beside that of an SSRI, (P, T).

    d(t) = [a + s Ld(t)] (1 - exp(-(t - t0) / onset)) from t0 to t1, a = mean + sd z_a, s = synergy mean + synergy sd z_s; after t1 what was reached fades
    with the same constant. times_h (T,), ascending or not; drug Ld (P, T) the drug's own drive; z : kind -> (z_a, z_s), standard normal numbers, each a
    scalar or (P,): 0 is the centre of what is assumed. Dimensionless, as every drive.
    """
    t = np.asarray(times_h, dtype=np.float64)
    own = np.atleast_2d(np.asarray(drug, dtype=np.float64))
    total = np.zeros((1, t.size))
    for one in add_ons:
        first, second = (np.asarray(x, dtype=np.float64).reshape(-1, 1) for x in z[one.kind])
        size, share = one.mean + one.sd * first, one.synergy_mean + one.synergy_sd * second
        total = total + (size + share * own) * add_on_course(t, one.from_h, one.to_h, one.onset_h)
    return np.asarray(total)
