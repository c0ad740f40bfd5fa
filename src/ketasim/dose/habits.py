"""What people write by habit and the grammar does not read: named for what it is, with the same dose in words it reads where that is certain.

Looked at only for a line that was refused, and only where it was refused; the corrected line is offered only if it is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

_NUMBER = r"(?<![\w.])\d+(?:\.\d+)?"
_MASS = r"(?:mg/kg|mg|ug|µg|μg|mcg|g)\b(?!/)"
_PARTS = {"½": Fraction(1, 2), "¼": Fraction(1, 4), "¾": Fraction(3, 4)}
_LIST = "each time with a comma behind it: at 0, 3, 7 d"


@dataclass(frozen=True, slots=True)
class Habit:
    """What is wrong in `span`, what is allowed, and what the same is in words that are read (None: nobody knows what was meant)."""

    what: str
    span: tuple[int, int]
    allowed: str
    instead: str | None = None


def _decimal(found: re.Match[str]) -> str:
    """1½ as 1.5."""
    return f"{float(Fraction(found[1] or 0) + _PARTS[found[2]]):g}"


def _joined(found: re.Match[str]) -> str:
    return re.sub(r"['’_]", "", found[0])


def _listed(found: re.Match[str]) -> str:
    return f"{found[1]} {', '.join(found[2].split())}"


def _several(found: re.Match[str]) -> str:
    """What 3 x 28 mg may be."""
    whole = float(Fraction(found[1]) * Fraction(found[2]))
    return f"{whole:g} {found[3]} at once, or {found[2]} {found[3]} and a repeat (daily x {found[1]})?"


Text = str | Callable[[re.Match[str]], str]
# pattern, what is wrong with it, what is allowed, what it is in words that are read
_HABITS: tuple[tuple[str, str, Text, Text | None], ...] = (
    (rf"(\d+) ?[x×] ?({_NUMBER}) *({_MASS})", "'{}' is not one amount", _several, None),
    (rf"{_NUMBER} *(?:-|to) *{_NUMBER}(?= *[a-zA-Zµμ])", "'{}' is a range, and a run has one number", "one number; each end of the range in a run of its own", None),
    (r"(\d*)([½¼¾])", "'{}' is written as a decimal number", _decimal, _decimal),
    (r"(?<![\w.])[1-9]\d{0,2}(?:['’_]\d{3})+(?![\w.])", "a number is written without separators: '{}'", _joined, _joined),
    (r"(?:~|≈|\b(?:about|approx|approximately|around|circa)\b) *(?=\d)", "'{}' is no part of an amount or a time", "one number", ""),
    (r"\bmg *[·⋅*.]? *kg *(?:\^?-1|⁻¹)", "'{}' is written mg/kg", "mg/kg", "mg/kg"),
    (r"@ *", "'{}' is written at", "at 0, 3, 7 d", "at"),
    (r"(?:\+|&|\b(?:and|plus)\b)(?= *[a-zA-Z])", "a drug beside the main one begins with with, not '{}'", "with DRUG ROUTE AMOUNT", "with"),
    (r"\b(\d+ ?x|once|twice|thrice|\d+ times) ?/ ?(day|week)\b", "'{}' is written with a or per", r"\1 a \2", r"\1 a \2"),
    (rf"\b(at|days?) ({_NUMBER}(?: +\d{{1,2}}(?:\.\d+)?(?![\w.]))+)(?= *(?:d|h|min|days|hours|weeks)?\b)", "the times of a list have commas between them", _LIST, _listed),
    (rf"\bover {_NUMBER} *[a-z]+ +over {_NUMBER} *[a-z]+", "two durations are written", "one of them", None),
)  # fmt: skip


def habit(text: str, span: tuple[int, int]) -> Habit | None:
    """The habit at `text[span]`, or None. text : the refused line; span : where it was refused."""
    for pattern, what, allowed, instead in _HABITS:
        for found in re.finditer(pattern, text, re.IGNORECASE):
            if found.end() < span[0] or found.start() > span[1]:
                continue
            said = [found.expand(x) if isinstance(x, str) else x(found) for x in (allowed, instead) if x is not None]
            written = found[0].strip()
            return Habit(what.format(written), (found.start(), found.start() + len(found[0].rstrip())), *said)
    return None
