"""Numbers in words: two or three significant digits, hours as people say them, natural frequencies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

DASH = "-"
MINUTE_LIMIT = 90
DAY = 24 * 60


def number(value: float | None, digits: int = 3) -> str:
    """A number with that many significant digits and no exponent where it can be avoided; "-" if there is none."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0 or abs(value) < 1e-9:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    if places > 6:
        return f"{value:.{digits - 1}e}"
    text = f"{round(value, places):.{max(places, 0)}f}"
    return "0" if text.strip("-0.") == "" else text


def points(value: float | None) -> str:
    """Points of a scale: one decimal."""
    return DASH if value is None or not math.isfinite(value) else f"{value:.1f}"


def percent(value: float | None) -> str:
    """A share as a whole percentage."""
    return DASH if value is None or not math.isfinite(value) else f"{100 * value:.0f} %"


def clock(hours: float | None) -> str:
    """A time as people say it: 40 min, 2 h 40 min, 36 h, 7 d."""
    if hours is None or not math.isfinite(hours):
        return DASH
    sign, minutes = "-" if hours < 0 else "", round(abs(hours) * 60)
    if minutes < MINUTE_LIMIT and minutes != 60:
        return f"{sign}{minutes} min"
    if minutes < DAY:
        whole, rest = divmod(minutes, 60)
        return f"{sign}{whole} h {rest} min" if rest else f"{sign}{whole} h"
    if minutes <= 2 * DAY or (minutes < 3 * DAY and minutes % DAY):
        return f"{sign}{minutes / 60:.3g} h"
    return f"{sign}{number(minutes / DAY)} d" if minutes % DAY else f"{sign}{minutes // DAY} d"


def mass(value: float) -> str:
    """An amount, up to four significant digits, no trailing zeros."""
    return f"{value:.4g}"


def between(found: Mapping[str, Any], form: Any = number) -> str:
    """ " (low to high)" between people; nothing without people."""
    if found.get("low") is None:
        return ""
    return f" ({form(found['low'])} to {form(found['high'])})"


MOST = 0.5  # of the people: a moment that fewer reach is nobody's typical moment


def not_by_most(found: Mapping[str, Any], people: int) -> str:
    """ "not reached by most (48 of 100)" for a moment (an onset) that under half of the people reach; empty where most reach it or nobody was drawn.

    found : a moment of the summary, with `share_reached`. The typical person's own moment would lie beyond the middle of the people.
    """
    share = found.get("share_reached")
    if share is None or not people or share >= MOST:
        return ""
    return f"not reached by most ({round(share * people)} of {people})"


def at_least(text: str, cut: bool) -> str:
    """ ">= 7" for a length that the end of the run cut off."""
    return f">= {text}" if cut else text


def in_ten(share: float | None) -> str:
    """A share as a natural frequency: "about 5 in 10"."""
    if share is None or not math.isfinite(share):
        return DASH
    if share < 0.05:
        return "fewer than 1 in 20"
    if share > 0.95:
        return "more than 19 in 20"
    return f"about {max(1, min(9, round(10 * share)))} in 10"


def table(head: list[str], rows: list[list[str]], left: int = 1) -> list[str]:
    """Lines of a plain table; the first `left` columns to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = [cell.ljust(widths[i]) if i < left else cell.rjust(widths[i]) for i, cell in enumerate(row)]
        lines.append("  ".join(cells).rstrip())
    return lines
