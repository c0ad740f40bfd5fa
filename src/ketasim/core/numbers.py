"""Numbers given from Python: integers, floats and numpy's scalars everywhere; texts, lists and truth values nowhere."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from .errors import UsageError


def real(name: str, number: Any, fix: str = "", finite: bool = True) -> float:
    """`number` as a float (finite : whether NaN and infinities are refused here; else by a range of the caller's).

    Raises `UsageError` for a text ("70"), a list, an array of several, a truth value, NaN or an infinity.
    """
    item = number.item() if getattr(number, "shape", None) == () and hasattr(number, "item") else number
    if isinstance(item, bool) or not isinstance(item, Real):
        raise UsageError(
            f"{name} is one number, not {_shown(number)}",
            where=name,
            allowed="a number (int, float, numpy scalar)",
            fix=fix,
        )
    if finite and not math.isfinite(item):
        raise UsageError(f"{name} is not a finite number: {number}", where=name, allowed="a finite number", fix=fix)
    return float(item)


def whole(name: str, number: Any, fix: str = "") -> int:
    """`number` as an int; a float only where nothing is lost (5.0).

    Raises `UsageError` for 1.5, True, "10", a list.
    """
    item = number.item() if getattr(number, "shape", None) == () and hasattr(number, "item") else number
    if isinstance(item, Integral) and not isinstance(item, bool):
        return int(item)
    value = real(name, number, fix)
    if not value.is_integer():
        raise UsageError(f"{name} is a whole number, not {value:g}", where=name, allowed="a whole number", fix=fix)
    return int(value)


def text(name: str, item: Any, fix: str = "") -> str:
    """`item` as a str. Raises `UsageError` for anything else (None, 5, a list, bytes)."""
    if not isinstance(item, str):
        raise UsageError(f"{name} is a text, not {_shown(item)}", where=name, allowed="a text (str)", fix=fix)
    return str(item)


def _shown(item: Any) -> str:
    shown = repr(item)
    return f"{shown[:40]}{'...' if len(shown) > 40 else ''} ({type(item).__name__})"
