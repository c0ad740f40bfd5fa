"""The units inside the chain: one per dimension, and how they are written in value files, in models and in SBML.

Allowed are products of eight words: h, umol, L, kg, point, mmHg, bpm and dimensionless. Anything else (minutes,
milligrams, ng/mL, percent) is converted before it enters a value file. With one unit per dimension a scale can no
longer hide in a quotient of two equal dimensions, which even libSBML's strict check does not see.

Scale points and heart beats have no SI unit. They borrow base units of SBML that nothing else here uses, so that the
strict check keeps them apart from pure numbers and from each other: a point is a `candela`, a beat an `item` (bpm =
item per 60 s; not convertible to 1/h by accident). mmHg is a pressure, 133.322 Pa (NIST SP 811, appendix B).
"""

from __future__ import annotations

import re
from functools import lru_cache

from ketasim.core import KetasimError

Dimension = tuple[int, ...]
"""Exponents of BASES, in that order."""

BASES = ("umol", "L", "h", "kg", "point", "mmHg", "bpm")
_WORDS = ("umol", "litre", "hour", "kg", "point", "mmHg", "bpm")
_SI = {
    "umol": "1e-6 mole",
    "litre": "",
    "hour": "3600 second",
    "kg": "kilogram",
    "point": "candela",
    "mmHg": "133.322 pascal",
    "bpm": "item / (60 second)",
}
NONE: Dimension = (0,) * len(BASES)
_MOLAR: Dimension = (1, -1, 0, 0, 0, 0, 0)
_ALIASES = {"hour": "h", "litre": "L", "l": "L"}
_TOKEN = re.compile(r"\s*(?:([A-Za-zµμ%]+)|(\d+)|(\^\s*-?\d+)|([*/·().]))")


def _power(dimension: Dimension, exponent: int) -> Dimension:
    return tuple(n * exponent for n in dimension)


def _times(first: Dimension, second: Dimension) -> Dimension:
    return tuple(a + b for a, b in zip(first, second, strict=True))


def _word(word: str, whole: str) -> Dimension:
    base = _ALIASES.get(word, word)
    if base in BASES:
        return tuple(int(base == name) for name in BASES)
    if base == "uM":
        return _MOLAR
    if base == "dimensionless":
        return NONE
    raise KetasimError(
        f"'{word}' is not a unit of the chain" + (f", in '{whole}'" if whole != word else ""),
        allowed="products of h, umol, L, kg, point, mmHg, bpm, dimensionless, such as L/h or 1/(umol/L)/h",
        fix="convert the number and keep the original in `printed`",
    )


@lru_cache(maxsize=4096)
def parse(unit: str) -> Dimension:
    """Dimension of a unit as value files and ports write it: `L/h`, `1/(umol/L)/h`, `umol/h/kg`, `h^2`."""
    position, tokens = 0, []
    while position < len(unit.rstrip()):
        match = _TOKEN.match(unit, position)
        if not match:
            raise KetasimError(f"cannot read the unit '{unit}'", fix="write it like L/h, umol/L or 1/(umol/L)/h")
        tokens.append(match)
        position = match.end()

    def product(index: int, depth: int) -> tuple[Dimension, int]:
        total, sign, expect = NONE, 1, True
        while index < len(tokens):
            name, number, _, symbol = tokens[index].groups()
            if symbol == ")":
                if not depth or expect:
                    break
                return total, index + 1
            if not expect:
                if symbol not in ("*", "·", ".", "/"):
                    break
                sign, expect, index = (-1 if symbol == "/" else 1), True, index + 1
                continue
            if name:
                factor, index = _word(name, unit), index + 1
            elif number == "1":
                factor, index = NONE, index + 1
            elif symbol == "(":
                factor, index = product(index + 1, depth + 1)
            else:
                break
            if index < len(tokens) and tokens[index].group(3):
                factor, index = _power(factor, int(tokens[index].group(3)[1:])), index + 1
            total, expect = _times(total, _power(factor, sign)), False
        else:
            if not expect and not depth:
                return total, index
        raise KetasimError(f"cannot read the unit '{unit}'", fix="write it like L/h, umol/L or 1/(umol/L)/h")

    return product(0, 0)[0]


@lru_cache(maxsize=4096)
def parse_word(word: str) -> Dimension:
    """Dimension of a unit as models write it: `umol_per_hour`, `per_uM_hour`, `dimensionless`."""
    total, sign = NONE, 1
    pieces = word.split("_")
    for place, piece in enumerate(pieces):
        if piece == "per" and sign == 1 and place + 1 < len(pieces):
            sign = -1
        elif piece in ("h", "L"):
            raise KetasimError(f"unknown unit word '{word}'", fix=word.replace("_h", "_hour").replace("L", "litre"))
        else:
            total = _times(total, _power(_word(piece, word), sign))
    return total


@lru_cache(maxsize=4096)
def word(dimension: Dimension) -> str:
    """The word models use for a dimension: the inverse of `parse_word`, always the same spelling."""
    above, below = _factors(dimension)
    if not below:
        return "_".join(above) or "dimensionless"
    return "_".join([*above, "per", *below])


@lru_cache(maxsize=4096)
def symbol(dimension: Dimension) -> str:
    """The unit for people: `L/h`, `umol/L`, `1/(umol/L*h)`; read back by `parse`."""
    short = {"uM": "umol/L", "hour": "h", "litre": "L"}
    above, below = ([short.get(w, w) for w in side] for side in _factors(dimension))
    if not below:
        return "*".join(above) or "dimensionless"
    if len(below) == 1 and "/" not in below[0]:
        return ("*".join(above) or "1") + "/" + below[0]
    return ("*".join(above) or "1") + "/(" + "*".join(below) + ")"


def _factors(dimension: Dimension) -> tuple[list[str], list[str]]:
    """Words above and below the line; an amount and a volume that oppose each other are written as uM."""
    exponents = list(dimension)
    molar = min(abs(exponents[0]), abs(exponents[1])) if exponents[0] * exponents[1] < 0 else 0
    if exponents[0] < 0:
        molar = -molar
    exponents[0] -= molar
    exponents[1] += molar
    above, below = ["uM"] * max(molar, 0), ["uM"] * max(-molar, 0)
    for name, exponent in zip(_WORDS, exponents, strict=True):
        above += [name] * max(exponent, 0)
        below += [name] * max(-exponent, 0)
    return above, below


def definitions(dimensions: set[Dimension]) -> list[str]:
    """Antimony lines that define every unit word needed for `dimensions`, bases first, without repetition."""
    used = {w for d in dimensions for side in _factors(d) for w in side} | {"hour", "umol"}
    lines = [f"unit {name} = {_SI[name]};" for name in _WORDS if name in used and _SI[name]]
    lines.append("unit uM = 1e-6 mole / litre;")
    known = {*_WORDS, "uM", "dimensionless"}
    for dimension in sorted(dimensions, key=lambda d: (len(word(d)), word(d))):
        name = word(dimension)
        if name in known:
            continue
        known.add(name)
        above, below = _factors(dimension)
        over = " * ".join(above) or "1"
        under = " * ".join(below) if len(below) < 2 else f"({' * '.join(below)})"
        lines.append(f"unit {name} = {over} / {under};" if below else f"unit {name} = {over};")
    lines += ["unit time_unit = hour;", "unit substance = umol;", "unit extent = umol;", "unit volume = litre;"]
    return lines
