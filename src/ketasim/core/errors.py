"""Errors that teach: what went wrong, where, what is allowed, and the line that fixes it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LISTED = 24  # more names than this are too many to read in a message
LIKE, ALIKE = 0.75, 0.6  # shares of letters in common from which two names are near: alone, and beside a word in common
SHORT = 3  # letters: a shorter word is contained in too much


class KetasimError(Exception):
    """Base of every error Ketasim raises on purpose.

    Parameters
    ----------
    what : one sentence, what is wrong.
    where : the place (file and line, option, word), empty if it is obvious.
    allowed : what would be accepted.
    fix : the corrected line, ready to paste.
    """

    def __init__(self, what: str, where: str = "", allowed: str = "", fix: str = "") -> None:
        self.what, self.where, self.allowed, self.fix = what, where, allowed, fix
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.what]
        for label, text in (("where", self.where), ("allowed", self.allowed), ("try", self.fix)):
            if text:
                lines.append(f"  {label}: " + text.replace("\n", "\n" + " " * (len(label) + 4)))
        return "\n".join(lines)


class UsageError(KetasimError):
    """The request itself cannot be understood or carried out (exit code 2)."""


class CheckFailed(KetasimError):
    """A check ran and did not pass (exit code 1)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file or a model, where all of them are listed at once instead of raising the first.

    where : file and line, or the entry. what : one sentence. fix : what to write instead, empty if nothing is known.
    """

    where: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        fix = self.fix.replace("\n", "\n" + " " * 9)  # under its first line
        return f"{self.where}: {self.what}" + (f"\n    try: {fix}" if fix else "")


def nearest(name: str, choices: Iterable[str], count: int = 3) -> list[str]:
    """The known names most like `name`, best first; empty when nothing is near: a remedy that is not close is none.

    Case is ignored; names that begin with the asked one come first, then the most similar. Near is a name that is a slip or two away
    (`few_slips`), that differs in keys pressed twice, that has most of its letters (`LIKE`), that has many of them and a whole word of the asked one (`ALIKE`), that has
    its words in another order, or that contains the asked one (from three letters on; shorter ones must begin it).
    """
    known = {choice.lower(): choice for choice in choices}
    asked = name.lower().strip()
    if not asked:
        return []
    words = _words(asked)
    likeness = {low: difflib.SequenceMatcher(None, asked, low).ratio() for low in known}
    near = [
        low
        for low in known
        if likeness[low] >= LIKE
        or (words and words == _words(low))
        or (likeness[low] >= ALIKE and words & _words(low))
        or few_slips(asked, low)
        or _once(asked) == _once(low)
        or low.startswith(asked)
        or (len(asked) >= SHORT and asked in low)
    ]
    near.sort(key=lambda low: (not low.startswith(asked), -likeness[low]))
    return [known[low] for low in near[:count]]


def _once(name: str) -> str:
    """The name with every run of one letter as a single one: a key pressed twice."""
    return re.sub(r"(.)\1+", r"\1", name)


def _words(name: str) -> set[str]:
    """The words of a name that are long enough to mean something."""
    return {word for word in re.split(r"[^a-z0-9]+", name) if len(word) > SHORT}


def few_slips(asked: str, known: str) -> bool:
    """True if `known` may have been meant: a word of 3 to 7 letters may hold one slip, a longer one two, a shorter one none."""
    return slips(asked, known) <= (2 if len(known) >= 8 else 1 if len(known) >= SHORT else 0)


def slips(one: str, other: str, most: int = 3) -> int:
    """How many slips of the pen turn one word into the other: a letter left out, added, replaced, or two neighbours swapped.

    The distance of optimal string alignment; counting stops at `most` + 1.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return min(last[-1], most + 1)


def misspelt(word: str, known: Mapping[str, str]) -> list[str]:
    """The words of which `word` is a misspelling, nearest first; exactly one only if no other meaning is nearly as near.

    known : word -> what it means (two words of one meaning are no rivals). A word of 3 to 7 letters may hold one slip, a
    longer one two, a shorter one none. A rival is a word of another meaning less than twice as many slips away: it may
    have been meant as well, and is listed.
    """
    asked = word.lower()
    reach = {low: slips(asked, low.lower()) for low in known}
    near = [low for low in known if few_slips(asked, low.lower())]
    if not near:
        return []
    best = min(near, key=lambda low: reach[low])
    rivals: dict[str, str] = {known[best]: best}
    for low in sorted(known, key=lambda low: reach[low]):
        if reach[low] < 2 * max(1, reach[best]):
            rivals.setdefault(known[low], low)
    return list(rivals.values())


def unknown_name(kind: str, name: str, choices: Iterable[str], where: str = "", fix: str = "") -> UsageError:
    """A `UsageError` for a name nobody knows, with the nearest known ones."""
    known = list(choices)
    near = nearest(name, known)
    listed = sorted(known)
    if near:
        allowed = "did you mean " + ", ".join(near) + "?"
    elif len(listed) <= LISTED:
        allowed = "one of " + ", ".join(listed)
    else:
        allowed = f"one of {len(listed)} names, such as " + ", ".join(listed[:: len(listed) // 6][:6])
    return UsageError(f"unknown {kind} '{name}'", where=where, allowed=allowed, fix=fix)
