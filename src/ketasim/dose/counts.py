"""How many doses: x N | x DURATION | for DURATION | to TIME | N times."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

from .course import MOST_DOSES, Course
from .patterns import NUMBER_WORDS, TOLERANCE_H, Pattern
from .quantities import duration_text, exact, only_number, read_duration, time_unit
from .text import Cursor, Token

COUNT_SIGNS = ("x", "×")


def read_count(cursor: Cursor, pattern: Pattern, course: Course) -> int | None:
    """x N | x DURATION | for DURATION | to TIME | N times; None if nothing is said (until the end of the run)."""
    word = cursor.peek()
    if word.low in COUNT_SIGNS:
        cursor.next()
        number = cursor.peek()
        if number.kind != "number":
            said = NUMBER_WORDS.get(number.low)
            spelled = None if said is None else str(said)
            raise cursor.fault(
                "x how many doses?", word if said is None else number, "x N, a whole number", instead=spelled
            )
        only_number(cursor)
        if time_unit(cursor.peek(1)):
            return _count_for(cursor, pattern, course)
        return _whole(cursor, cursor.next())
    if word.low == "for":
        cursor.next()
        if cursor.peek().kind == "number" and cursor.peek(1).low in ("doses", "times"):
            count = _whole(cursor, cursor.next())
            cursor.next()
            return count
        return _count_for(cursor, pattern, course)
    if word.low in ("to", "until"):
        cursor.next()
        end_h, span = read_duration(cursor)
        return _count(cursor, pattern, course, lambda time, _: time <= end_h + TOLERANCE_H, span)
    if word.kind == "number" and cursor.peek(1).low in ("times", "doses"):
        count = _whole(cursor, cursor.next())
        cursor.next()
        return count
    if word.kind == "number":
        rest = cursor.peek(1)
        span = (word.start, rest.end if rest.low == "x" else word.end)
        raise cursor.fault("a count is written x N", span, "x N (counts doses)", instead=f"x {word.text.lstrip('+-')}")
    return None


def _whole(cursor: Cursor, number: Token) -> int:
    value = exact(number.text)
    if value.denominator != 1 or value < 1:
        instead = str(-value) if value.denominator == 1 and value < 0 else None
        raise cursor.fault(
            f"{number.text} is not a valid count of doses", number, "a whole number from 1 up", instead=instead
        )
    if value > MOST_DOSES:
        raise cursor.fault(f"{number.text} doses are more than any course", number, f"up to {MOST_DOSES}")
    return int(value)


def _count_for(cursor: Cursor, pattern: Pattern, course: Course) -> int:
    """for DURATION, counted from the block's first dose; a dose exactly at the end is not in it."""
    hours, span = read_duration(cursor)
    return _count(cursor, pattern, course, lambda time, first: time < first + hours - TOLERANCE_H, span)


def _count(
    cursor: Cursor,
    pattern: Pattern,
    course: Course,
    within: Callable[[float, float], bool],
    span: tuple[int, int],
) -> int:
    last = max((time for time, _, _ in course.times()), default=None) if course.blocks else None
    times = pattern.times(course.start_h, last)
    first = next(times)
    if not within(first, first):
        raise cursor.fault(
            "no dose falls into that time",
            span,
            f"an end after the first dose at {duration_text(first)}",
        )
    count = 1
    for _ in takewhile(lambda time: within(time, first), times):
        count += 1
        if count > MOST_DOSES:
            raise cursor.fault("that is more doses than any course", span, f"up to {MOST_DOSES} doses")
    return count
