"""Treatments beside the drug that the chain has no mechanism for: psychotherapy in the window, lifestyle support, anti-inflammatory, another tablet.

What they do beside ketamine is not known well enough for a number, so it is a distribution (`knowledge/values/add_ons.toml`; around zero where there is no trial) unless
somebody states another one. One drive for `run --with`, the arms of a trial and whoever else asks (`add_on_drive`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError, nearest, value
from ketasim.core.arrays import Array

NAMES = {  # the words of each kind; the longest that fits is taken
    "psychotherapy": ("psychotherapy", "cognitive behavioural therapy", "cognitive therapy", "cbt"),
    "anti-inflammatory": (
        "anti-inflammatory",
        "anti-inflammatory drug",
        "antiinflammatory",
        "celecoxib",
        "minocycline",
    ),
    "lifestyle": ("lifestyle", "lifestyle support", "exercise"),
    "oral antidepressant": ("oral antidepressant", "new oral antidepressant"),
}
KINDS = tuple(NAMES)
LONGEST_H = 3 * 366 * 24.0
EXAMPLES = {
    "--with": '--with "psychotherapy from 1 d to 28 d"',
    "--option": '--option "ketamine iv 0.5 mg/kg over 40 min twice weekly x 4 with psychotherapy from 1 d to 28 d"',
    "with": 'with = ["psychotherapy from 1 d to 28 d"]',
}
_UNITS = {"min": 1 / 60, "h": 1.0, "d": 24.0, "day": 24.0, "days": 24.0, "week": 168.0, "weeks": 168.0}
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_PART = re.compile(
    rf"(?:(from|to|onset)\s+(?:({_NUMBER})\s*(min|h|days?|d|weeks?)|day\s+({_NUMBER}))|(effect|sd|synergy)\s+({_NUMBER}))(?:\s+|$)",
    re.IGNORECASE,
)
_KIND_OF = {word: kind for kind, words in NAMES.items() for word in words}
_WORDS = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in sorted(_KIND_OF, key=len, reverse=True))
_BEGINS = re.compile(rf"\s*(?:an?\s+)?({_WORDS})\b\s*(.*?)[\s,;]*", re.IGNORECASE | re.DOTALL)
_WITH = re.compile(r"[\s,;]*\bwith\b\s*", re.IGNORECASE)
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

    def after(self, hours: float) -> AddOn:
        """The same, its times counted from `hours` (h) on another axis."""
        return replace(self, from_h=self.from_h + hours, to_h=self.to_h + hours)

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


def add_on(words: str, where: str = "--with") -> AddOn:
    """The add-on of words such as "psychotherapy from 1 d to 28 d" (onset 14 d, effect 0.1 sd 0.2, synergy 0.1); times count from the first dose of the regimen.

    where : where the words stand (a key of `EXAMPLES`), for the message. Raises UsageError for other words.
    """
    place = f'{where} "{words}"'
    found = _BEGINS.fullmatch(words)
    if not found:
        raise UsageError(
            f"'{words}' is no treatment beside the drug", where=where, allowed=", ".join(KINDS), fix=EXAMPLES[where]
        )
    plain, rest = usual(_KIND_OF[" ".join(found.group(1).lower().split())]), found.group(2)
    said: dict[str, float] = {}
    at = 0
    while at < len(rest):
        part = _PART.match(rest, at)
        if not part:
            word = rest[at:].split()[0]
            close = nearest(word, ("from", "to", "onset", "effect", "sd", "synergy"))
            raise UsageError(
                f"cannot read '{rest[at:]}' of the {plain.kind}",
                where=place,
                allowed="from TIME, to TIME, onset TIME (a number with min, h, d or weeks), effect NUMBER, sd NUMBER, synergy SHARE",
                fix=f"{close[0]} ...?" if close and close[0] != word else EXAMPLES[where],
            )
        key = (part.group(1) or part.group(5)).lower()
        if key in said:
            raise UsageError(f"'{key}' is said twice", where=place, fix=EXAMPLES[where])
        said[key] = _hours(part) if part.group(1) else float(part.group(6))
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
            f"{made.kind}: {problem}",
            where=place,
            allowed="from 0 h on, effect 0.69 halves a score",
            fix=EXAMPLES[where],
        )
    return made


def _hours(part: re.Match[str]) -> float:
    """The time of a part, h: "36 h", "2 d", "2 weeks", "day 2"."""
    return float(part.group(4)) * 24.0 if part.group(4) else float(part.group(2)) * _UNITS[part.group(3).lower()]


def add_ons(every: Sequence[str], where: str = "--with") -> tuple[AddOn, ...]:
    """The add-ons among several words, in order; the others (drugs given beside) are left out. Raises UsageError for a kind that is named twice."""
    found = tuple(add_on(words, where) for words in every if is_add_on(words))
    for i, one in enumerate(found):
        if any(one.kind == other.kind for other in found[:i]):
            raise UsageError(f"{one.kind} is added twice", where=where, allowed="once", fix=EXAMPLES[where])
    return found


def split_add_ons(words: str, where: str = "--with") -> tuple[str, tuple[AddOn, ...]]:
    """The words of a regimen without what is added to it by "with", and that: "ketamine iv 0.5 mg/kg over 40 min weekly x 4 with psychotherapy from 1 d".

    "with" and a drug ("with escitalopram oral 10 mg daily") stays in the regimen. Raises UsageError as `add_on`.
    """
    regimen, *beside = _WITH.split(words)
    if not any(is_add_on(part) for part in beside):
        return words, ()
    rest = [regimen, *(part for part in beside if not is_add_on(part))]
    return " with ".join(part.strip(" ,;") for part in rest), add_ons(beside, where)


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
