"""Amounts and durations: read exactly, kept in mg and hours, printed so that the same value is read again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ketasim.core import UsageError, misspelt
from ketasim.core.arrays import Array

from .text import Cursor, Token

# Definitions, not parameters: hours in a unit of time.
HOURS: dict[str, Fraction] = {
    "s": Fraction(1, 3600),
    "min": Fraction(1, 60),
    "h": Fraction(1),
    "d": Fraction(24),
    "weeks": Fraction(168),
}
TIME_WORDS: dict[str, str] = {
    word: unit
    for unit, words in {
        "s": ("s", "sec", "secs", "second", "seconds"),
        "min": ("min", "mins", "minute", "minutes"),
        "h": ("h", "hr", "hrs", "hour", "hours"),
        "d": ("d", "day", "days"),
        "weeks": ("week", "weeks", "wk", "wks"),
    }.items()
    for word in words
}
# Mass units and the unit they are kept in: word -> (kept unit, kept units per unit).
MASS_WORDS: dict[str, tuple[str, Fraction]] = {
    "mg": ("mg", Fraction(1)),
    "g": ("mg", Fraction(1000)),
    "ug": ("mg", Fraction(1, 1000)),
    "µg": ("mg", Fraction(1, 1000)),
    "μg": ("mg", Fraction(1, 1000)),
    "mg/kg": ("mg/kg", Fraction(1)),
}
MASS_ALLOWED = ("mg", "mg/kg", "ug", "g")
# Ways of writing a mass that are refused because they are misread in practice: word -> (unit to write, factor).
MASS_MISTAKES: dict[str, tuple[str, Fraction]] = {
    "mcg": ("ug", Fraction(1)),
    "mcg/kg": ("mg/kg", Fraction(1, 1000)),
    "ug/kg": ("mg/kg", Fraction(1, 1000)),
    "µg/kg": ("mg/kg", Fraction(1, 1000)),
    "μg/kg": ("mg/kg", Fraction(1, 1000)),
    "mgs": ("mg", Fraction(1)),
    "milligram": ("mg", Fraction(1)),
    "milligrams": ("mg", Fraction(1)),
    "microgram": ("ug", Fraction(1)),
    "micrograms": ("ug", Fraction(1)),
    "gram": ("g", Fraction(1)),
    "grams": ("g", Fraction(1)),
    "mgkg": ("mg/kg", Fraction(1)),
    "mg/kilogram": ("mg/kg", Fraction(1)),
    "mg/kgs": ("mg/kg", Fraction(1)),
    "mgs/kg": ("mg/kg", Fraction(1)),
}
# Masses a rate may be written in, and what they are kept in.
RATE_MASSES: dict[str, tuple[str, Fraction]] = {
    **MASS_WORDS,
    "ug/kg": ("mg/kg", Fraction(1, 1000)),
    "µg/kg": ("mg/kg", Fraction(1, 1000)),
    "μg/kg": ("mg/kg", Fraction(1, 1000)),
}
DURATION_ALLOWED = "a number and a unit: 40 min, 0.67 h, 1 h 30 min, 3.5 d (units s, min, h, d, weeks)"
MOST_HOURS = 24.0 * 365.0 * 20.0  # twenty years: beyond it a time is a typing error, not a plan


def number_text(value: float) -> str:
    """The shortest text that is read back as exactly this number."""
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def exact(text: str) -> Fraction:
    """The number as written, exactly."""
    return Fraction(text)


def fraction_text(value: Fraction) -> str:
    """A number for a corrected line."""
    return number_text(float(value))


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of a drug: `value` in `unit` ("mg", "mg/kg" or a unit of the preparation), of the salt if `salt`."""

    value: float
    unit: str
    salt: bool = False

    @property
    def per_kg(self) -> bool:
        """True if the amount is per kilogram of body weight."""
        return self.unit.endswith("/kg")

    @property
    def absolute_unit(self) -> str:
        """The unit once the weight is known."""
        return self.unit.removesuffix("/kg")

    def absolute(self, weight: float | Array | None) -> Array:
        """The amount in `absolute_unit`, one number per weight given (kg): value, or value times weight.

        Raises `UsageError` for mg/kg without a weight, or a weight that is not a positive number.
        """
        if not self.per_kg:
            return np.full(np.shape(weight) if weight is not None else (), self.value)
        if weight is None:
            raise UsageError(
                f"{self} needs a body weight",
                where=str(self),
                allowed=f"a weight in kg, or an amount in {self.absolute_unit}",
                fix="weight=70",
            )
        kilograms = np.asarray(weight, dtype=float)
        if not np.all(np.isfinite(kilograms) & (kilograms > 0)):
            raise UsageError(
                "a body weight must be a number of kg above zero", where=f"weight={weight}", fix="weight=70"
            )
        return np.asarray(self.value * kilograms, dtype=float)

    def __str__(self) -> str:
        return f"{number_text(self.value)} {self.unit}" + (" HCl" if self.salt else "")


def _texts(hours: float, unit: str) -> str | None:
    """`hours` in `unit` if twelve digits say it exactly."""
    text = f"{float(Fraction(hours) / HOURS[unit]):.12g}"
    return f"{text} {unit}" if float(exact(text) * HOURS[unit]) == hours else None


@lru_cache(maxsize=256)
def duration_text(hours: float) -> str:
    """A duration in the unit people would use, read back as exactly the same number of hours."""
    size = abs(hours)
    if size < 2.0:
        order = ("min", "h", "s")
    elif size < 48.0:
        order = ("h", "min", "d")
    else:
        order = ("d", "h", "min")
    texts = [text for unit in order if (text := _texts(hours, unit))]
    short = [text for text in texts if len(text) <= 9]
    return (short or texts or [f"{number_text(hours)} h"])[0]


def shown(hours: float) -> str:
    """A time for the eye, to six digits, in the unit people would use."""
    size = abs(hours)
    unit = "min" if size < 2.0 else "h" if size < 48.0 else "d"
    return f"{float(Fraction(hours) / HOURS[unit]):.6g} {unit}"


def times_text(hours: Sequence[float]) -> str:
    """A list of times with one unit for all where possible: "0, 3, 7 d"."""
    if len(hours) == 1:
        return duration_text(hours[0])
    largest = max(abs(time) for time in hours)
    order = ("d", "h", "min") if largest >= 48.0 else ("h", "min", "d") if largest >= 2.0 else ("min", "h", "s")
    for unit in order:
        texts = [_texts(time, unit) for time in hours]
        if all(text is not None and len(text) <= 11 for text in texts):
            return ", ".join(str(text).rsplit(" ", 1)[0] for text in texts) + f" {unit}"
    return ", ".join(duration_text(time) for time in hours)


def time_unit(token: Token) -> str | None:
    """The unit of time a word stands for."""
    return TIME_WORDS.get(token.low) if token.kind == "word" else None


def smaller(token: Token, unit: str) -> bool:
    """True for a unit of time smaller than `unit`: the parts of one duration go down, as in 1 h 30 min."""
    kept = time_unit(token)
    return kept is not None and HOURS[kept] < HOURS[unit]


def bad_time_unit(cursor: Cursor, number: Token) -> Exception:
    """The fault for a duration whose unit is missing or unknown; a corrected line only for a misspelt unit."""
    unit = cursor.peek()
    if unit.kind != "word" or unit.low in ("x", "then", "over", "once", "at", "every", "from", "to", "with"):
        return cursor.fault(f"the time {number.text} has no unit", number, DURATION_ALLOWED)
    near = misspelt(unit.low, {word: kept for word, kept in TIME_WORDS.items() if len(word) > 1})
    instead = TIME_WORDS[near[0]] if len(near) == 1 else None
    if unit.low == "m":
        return cursor.fault("'m' may be minutes or months", unit, DURATION_ALLOWED)
    return cursor.fault(f"'{unit.text}' is not a unit of time", unit, DURATION_ALLOWED, instead=instead)


_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")
_POINTS_OF_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+,\d+")


def comma_readings(numbers: str, many: bool, alone: bool = True) -> tuple[str, ...]:
    """What numbers joined by commas without a space may mean ("1,000": 1.000, 1000, or 1 and 000); none if only a list.

    many : a list of numbers may stand here. alone : the list has no further part, separated by a space. A list is taken
    for one only where neither a decimal comma nor a thousands separator can have been meant: "0,0.67,2", "0,3,7".
    """
    parts = numbers.split(",")
    listed = ", ".join(parts)
    found: list[str] = []
    if _POINTS_OF_THOUSANDS.fullmatch(numbers):
        found.append(numbers.replace(".", "").replace(",", "."))
    elif many and any("." in part for part in parts):
        return ()
    if len(parts) == 2 and "." not in numbers:
        found.append(".".join(parts))
    if _THOUSANDS.fullmatch(numbers):
        found.append("".join(parts))
    elif len(parts) > 2 and many and alone and "." not in numbers:
        return ()
    if many and not re.fullmatch(r"[+-]0", parts[0]):  # zero has no sign: -0,75 is a decimal comma
        found.append(listed)
    return tuple(found)


def ask_about_commas(cursor: Cursor, many: bool, nothing: bool = True) -> None:
    """A fault if the numbers that come next are joined by commas that may be decimal commas or thousands separators.

    many : several numbers may stand here; nothing : one of them may be 0 (a time; not an amount). The corrected line is
    offered only where there is one reading.
    """
    ahead = 0
    groups: list[tuple[int, int]] = []
    while cursor.peek(ahead).kind == "number":
        start = end = cursor.peek(ahead)
        while (
            cursor.peek(ahead + 1).text == ","
            and cursor.peek(ahead + 2).kind == "number"
            and cursor.peek(ahead + 1).start == cursor.peek(ahead).end
            and cursor.peek(ahead + 2).start == cursor.peek(ahead + 1).end
        ):
            ahead += 2
            end = cursor.peek(ahead)
        groups.append((start.start, end.end))
        if time_unit(cursor.peek(ahead + 1)):
            ahead += 1
        if not (many and cursor.peek(ahead + 1).kind == "comma"):
            break
        ahead += 2
    for span in groups:
        numbers = cursor.text[slice(*span)]
        if "," not in numbers:
            continue
        readings = comma_readings(numbers, many, len(groups) == 1)
        if many and not nothing and any(exact(part) == 0 for part in numbers.split(",")):
            readings = tuple(reading for reading in readings if ", " not in reading)
        if readings or not many:
            instead = readings[0] if len(readings) == 1 else None
            meant = " or ".join(readings) + ("" if instead else "?") if readings else "one number"
            raise cursor.fault(
                "a decimal point is written as a point"
                if instead
                else f"'{numbers}' can be read in more than one way: which is meant?",
                span,
                meant,
                instead=instead,
            )


def only_number(cursor: Cursor) -> None:
    """A fault if the number that comes next is written with a decimal comma or thousands separators."""
    ask_about_commas(cursor, many=False)


def read_duration(cursor: Cursor) -> tuple[float, tuple[int, int]]:
    """NUMBER UNIT, repeated ("1 h 30 min"): hours and the span of the words. The sign is the caller's business."""
    hours, span = read_exactly(cursor)
    return float(hours), span


def read_exactly(cursor: Cursor) -> tuple[Fraction, tuple[int, int]]:
    """The same, without rounding: 40 min is 2/3 h."""
    first = cursor.peek()
    if first.kind != "number":
        raise cursor.fault("a duration is missing here", first, DURATION_ALLOWED)
    only_number(cursor)
    total = Fraction(0)
    end = first.end
    negative = first.text.startswith("-")
    last = ""
    while cursor.peek().kind == "number" and (end == first.end or smaller(cursor.peek(1), last)):
        number = cursor.next()
        unit = time_unit(cursor.peek())
        if unit is None:
            raise bad_time_unit(cursor, number)
        end, last = cursor.next().end, unit
        part = exact(number.text) * HOURS[unit]
        total += -part if negative and number is not first else part
    if abs(total) > MOST_HOURS:
        raise cursor.fault("that is more than twenty years", (first.start, end), DURATION_ALLOWED)
    return total, (first.start, end)


def read_times(cursor: Cursor) -> tuple[list[float], tuple[int, int]]:
    """NUMBER [UNIT] {, NUMBER [UNIT]}: a number without unit takes the next unit written ("0, 3, 7 d")."""
    ask_about_commas(cursor, many=True)
    start = cursor.peek().start
    end = start
    waiting: list[tuple[int, Fraction, Token]] = []
    times: list[float] = []
    while True:
        number = cursor.peek()
        if number.kind != "number":
            raise cursor.fault("a time is missing here", number, DURATION_ALLOWED)
        cursor.next()
        end = number.end
        value = exact(number.text)
        unit = time_unit(cursor.peek())
        times.append(0.0)
        waiting.append((len(times) - 1, value, number))
        if unit is not None:
            end = cursor.next().end
            for index, amount, _ in waiting:
                times[index] = float(amount * HOURS[unit])
            waiting.clear()
            last = unit
            while cursor.peek().kind == "number" and smaller(cursor.peek(1), last):  # "1 h 30 min" is one time
                following = last = time_unit(cursor.peek(1)) or ""
                part = exact(cursor.next().text) * HOURS[following]
                end = cursor.next().end
                whole = value * HOURS[unit] + (-part if value < 0 else part)
                times[-1] = float(whole)
                value, unit = whole, "h"
        if cursor.peek().kind == "comma" and cursor.peek(1).kind == "number":
            cursor.next()
        elif cursor.peek().kind == "comma" and cursor.peek(1).low == "and" and cursor.peek(2).kind == "number":
            cursor.place += 2
        elif cursor.at("and") and cursor.peek(1).kind == "number":
            cursor.next()
        else:
            break
    unsaid = [(value, number) for _, value, number in waiting if value != 0]
    if unsaid:
        _, number = unsaid[-1]
        word = cursor.peek()
        if word.kind == "word" and misspelt(word.low, {w: kept for w, kept in TIME_WORDS.items() if len(w) > 2}):
            raise bad_time_unit(cursor, number)
        raise cursor.fault(f"the time {number.text} has no unit", number, DURATION_ALLOWED)
    if any(abs(time) > MOST_HOURS for time in times):
        raise cursor.fault("that is more than twenty years", (start, end), DURATION_ALLOWED)
    return times, (start, end)
