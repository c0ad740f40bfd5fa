"""Repeats: named patterns counted from day 0 of the line, and literal intervals counted from the last dose.

Twice weekly is days 0, 3, 7, 10, ...; three times weekly 0, 2, 4, 7, ...; monthly is every 28 days, so that visits stay
on their weekday. `every 3.5 d` is literal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ketasim.core import misspelt

from .quantities import DURATION_ALLOWED, HOURS, bad_time_unit, duration_text, exact, only_number, smaller, time_unit
from .text import Cursor, Fault, Token

DAY = 24.0
WEEK = 168.0
TOLERANCE_H = 1e-9  # times nearer than this are the same time

NUMBER_WORDS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
}
ALLOWED = (
    "daily (qd, od), twice daily (bid), three times daily (tid), four times daily (qid), every other day (qod), weekly, "
    "twice weekly, three times weekly, every two weeks, monthly, every 3.5 d, every 12 h (q12h); then x N (counts doses); "
    "or a list: at 0, 3, 7 d"
)
_VOCABULARY = (
    "daily",
    "weekly",
    "monthly",
    "fortnightly",
    "twice",
    "thrice",
    "three",
    "times",
    "every",
    "once",
    "other",
    "weeks",
    "days",
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A repeating set of times: `offsets_h` within each `period_h`; literal intervals count from the last dose."""

    words: str
    period_h: float
    offsets_h: tuple[float, ...] = (0.0,)
    literal: bool = False

    def times(self, anchor_h: float, after_h: float | None) -> Iterator[float]:
        """Dose times without end.

        A named pattern gives anchor + period * k + offset, leaving out what is not later than `after_h`; a literal
        interval starts at the anchor, or one interval after `after_h`. Times in h.
        """
        if self.literal:
            start = anchor_h if after_h is None else after_h + self.period_h
            step = 0
            while True:
                yield start + step * self.period_h
                step += 1
        cycle = 0
        if after_h is not None:
            cycle = max(0, int((after_h - anchor_h) // self.period_h) - 1)
        while True:
            for offset in self.offsets_h:
                time = anchor_h + cycle * self.period_h + offset
                if after_h is None or time > after_h + TOLERANCE_H:
                    yield time
            cycle += 1

    @property
    def shortest_gap_h(self) -> float:
        """The shortest time between two doses of the pattern."""
        ends = (*self.offsets_h[1:], self.offsets_h[0] + self.period_h)
        return min(end - start for start, end in zip(self.offsets_h, ends, strict=True))

    def __str__(self) -> str:
        return self.words


DAILY = Pattern("daily", DAY)
WEEKLY = Pattern("weekly", WEEK)
PER_DAY = {
    1: DAILY,
    2: Pattern("twice daily", DAY, (0.0, 12.0)),
    3: Pattern("three times daily", DAY, (0.0, 8.0, 16.0)),
    4: Pattern("four times daily", DAY, (0.0, 6.0, 12.0, 18.0)),
}
PER_WEEK = {
    1: WEEKLY,
    2: Pattern("twice weekly", WEEK, (0.0, 3 * DAY)),
    3: Pattern("three times weekly", WEEK, (0.0, 2 * DAY, 4 * DAY)),
}
OTHER_DAY = Pattern("every other day", 2 * DAY)
MONTHLY = Pattern("monthly", 4 * WEEK)


SHORT = {
    "qd": DAILY,
    "od": DAILY,
    "bid": PER_DAY[2],
    "bd": PER_DAY[2],
    "tid": PER_DAY[3],
    "tds": PER_DAY[3],
    "qid": PER_DAY[4],
    "qds": PER_DAY[4],
    "qod": OTHER_DAY,
    "tiw": PER_WEEK[3],
    "qw": WEEKLY,
}
# Abbreviations with two readings, or with none that says when: asked about.
ASKED = {
    "biweekly": "twice weekly or every two weeks",
    "bimonthly": "twice monthly or every two months",
    "biw": "twice weekly or every two weeks",
    "prn": "as needed; the words say when: daily x 5, or at 0, 3, 7 d",
    "qhs": "at bedtime; the words say daily, or at 0, 24, 48 h",
}


def _short(token: Token) -> str:
    """A prescriber's abbreviation without its points, or a hyphenated "twice-daily" as its first word."""
    return token.low.replace(".", "")


def every_weeks(count: int) -> Pattern:
    """Every `count` weeks, on the weekday of day 0."""
    if count == 1:
        return WEEKLY
    return Pattern("every two weeks" if count == 2 else f"every {count} weeks", count * WEEK)


def every(hours: float) -> Pattern:
    """A literal interval."""
    return Pattern(f"every {duration_text(hours)}", hours, literal=True)


def starts_pattern(cursor: Cursor) -> bool:
    """True if the next words begin a named pattern or an interval."""
    word = cursor.peek()
    if word.kind == "number":
        return cursor.peek(1).low in ("times", "time", "doses") or _times_sign(cursor)
    if word.low == "once":
        return cursor.peek(1).low in ("daily", "weekly", "a", "per", "every")
    if word.low == "q" and cursor.peek(1).kind == "number":
        return True
    return word.low in _FIRST_WORDS or _short(word) in SHORT or _short(word) in ASKED or word.low in _HYPHENED


def _times_sign(cursor: Cursor) -> bool:
    """True for "2x daily", "3 x a week": a number of times within a day or week, not a count of doses."""
    return cursor.peek(1).low in ("x", "×") and cursor.peek(2).low in ("daily", "weekly", "a", "per", "every")


_FIRST_WORDS = {
    "daily",
    "weekly",
    "monthly",
    "fortnightly",
    "twice",
    "thrice",
    "every",
    "each",
    "hourly",
    "nightly",
} | set(NUMBER_WORDS)
_HYPHENED = {
    f"{times}-{unit}": table[count]
    for count, times in ((1, "once"), (2, "twice"), (3, "thrice"))
    for unit, table in (("daily", PER_DAY), ("weekly", PER_WEEK))
}


def _small_number(token: Token) -> int | None:
    if token.kind == "number":
        value = exact(token.text)
        return int(value) if value.denominator == 1 else None
    return NUMBER_WORDS.get(token.low)


def read_pattern(cursor: Cursor) -> Pattern:
    """The next words as a pattern; a `Fault` under the word that does not fit."""
    first = cursor.peek()
    if _short(first) in ASKED:
        raise cursor.fault(f"'{first.text}' can mean {ASKED[_short(first)]}", first, ALLOWED)
    known = SHORT.get(_short(first)) or _HYPHENED.get(first.low)
    if known is not None:
        cursor.next()
        return known
    if first.low == "q" and cursor.peek(1).kind == "number":
        cursor.next()
        return _every(cursor)
    if cursor.take("hourly"):
        return every(1.0)
    if cursor.take("daily") or cursor.take("nightly"):
        return DAILY
    if cursor.take("weekly"):
        return WEEKLY
    if cursor.take("fortnightly"):
        return every_weeks(2)
    if cursor.take("monthly"):
        return MONTHLY
    if first.low in ("every", "each"):
        cursor.next()
        return _every(cursor)
    times = {"once": 1, "twice": 2, "thrice": 3}.get(first.low)
    if times is not None:
        cursor.next()
        return _times(cursor, times, first)
    number = _small_number(first)
    if number is not None and (cursor.peek(1).low in ("times", "time") or _times_sign(cursor)):
        cursor.place += 2
        return _times(cursor, number, first)
    raise unknown_word(cursor)


def unknown_word(cursor: Cursor) -> Fault:
    """The fault for a word no repeat begins with, with the nearest one that would do."""
    word = cursor.peek()
    if word.kind == "end":
        return cursor.fault("a repeat is missing here", word, ALLOWED)
    spoken = (*_VOCABULARY, "over", "with")  # behind an amount these may stand too
    near = misspelt(word.low, {known: known for known in spoken}) if word.kind == "word" else []
    return cursor.fault(f"'{word.text}' is not a repeat", word, ALLOWED, instead=near[0] if len(near) == 1 else None)


def _times(cursor: Cursor, count: int, first: Token) -> Pattern:
    """The rest after once, twice, N times: daily, weekly, a day, per week, every day."""
    word = cursor.peek()
    span = (first.start, word.end)
    if cursor.take("daily") or cursor.take("a", "day") or cursor.take("per", "day") or cursor.take("every", "day"):
        table, unit = PER_DAY, "daily"
    elif (
        cursor.take("weekly") or cursor.take("a", "week") or cursor.take("per", "week") or cursor.take("every", "week")
    ):
        table, unit = PER_WEEK, "weekly"
    else:
        near = misspelt(word.low, {"daily": "daily", "weekly": "weekly"}) if word.kind == "word" else []
        if len(near) == 1:
            raise cursor.fault(f"'{word.text}' is not a repeat", word, ALLOWED, instead=near[0])
        where = word if word.kind == "word" else (first.start, first.end)
        raise cursor.fault(
            f"'{cursor.text[first.start : word.end].strip()}' lacks daily or weekly",
            where,
            ALLOWED,
        )
    if count not in table:
        fixed = "hours" if unit == "daily" else "days"
        raise cursor.fault(f"{count} times {unit} has no fixed {fixed}", span, f"a list, or {ALLOWED}")
    return table[count]


def _every(cursor: Cursor) -> Pattern:
    """The rest after every: other day, day, week, two weeks, fortnight, month, or a duration."""
    word = cursor.peek()
    singles = {"day": DAILY, "week": WEEKLY, "fortnight": every_weeks(2), "month": MONTHLY}
    if cursor.take("other", "day") or cursor.take("second", "day"):
        return OTHER_DAY
    if cursor.take("other", "week") or cursor.take("second", "week"):
        return every_weeks(2)
    if word.low in singles:
        cursor.next()
        return singles[word.low]
    number = _small_number(word)
    if number is not None and cursor.peek(1).low in ("weeks", "week", "wk", "wks", "w"):
        if number < 1:
            raise _no_interval(cursor, word)
        cursor.place += 2
        return every_weeks(number)
    if word.kind != "number" and number is not None:
        unit = time_unit(cursor.peek(1))
        if unit is None:
            cursor.next()
            raise bad_time_unit(cursor, word)
        cursor.place += 2
        return every(float(number * HOURS[unit]))
    if word.kind != "number":
        spoken = ("day", "week", "month", "fortnight", "other", *NUMBER_WORDS)
        near = misspelt(word.low, {known: known for known in spoken}) if word.kind == "word" else []
        if len(near) == 1:
            raise cursor.fault(f"'{word.text}' is not an interval", word, ALLOWED, instead=near[0])
        raise cursor.fault("how often? 'every' needs an interval", word, DURATION_ALLOWED)
    return _interval(cursor)


def _interval(cursor: Cursor) -> Pattern:
    start = cursor.peek()
    only_number(cursor)
    total = exact("0")
    end = start.end
    last = ""
    while cursor.peek().kind == "number" and (not last or smaller(cursor.peek(1), last)):
        number = cursor.peek()
        unit = time_unit(cursor.peek(1))
        if unit is None:
            cursor.next()
            if cursor.peek().low in ("x", "then") or cursor.peek().kind in ("times", "comma", "end"):
                raise cursor.fault(
                    f"the interval {number.text} has no unit",
                    number,
                    DURATION_ALLOWED,
                )
            raise bad_time_unit(cursor, number)
        total += exact(number.text) * HOURS[unit]
        last = unit
        end = cursor.peek(1).end
        cursor.place += 2
    if total <= 0:
        raise _no_interval(cursor, start, end)
    return every(float(total))


def _no_interval(cursor: Cursor, word: Token, end: int | None = None) -> Fault:
    return cursor.fault(
        f"an interval must be longer than nothing, not {word.text}", (word.start, end or word.end), DURATION_ALLOWED
    )
