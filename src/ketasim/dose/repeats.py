"""The words of repeats: PATTERN [x N | for DURATION | to TIME], lists of times, and blocks chained by then."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ketasim.core import UsageError, misspelt

from .counts import COUNT_SIGNS, read_count
from .course import Block, Course, Dose, sound
from .dosewords import Rate, judge, read_amounts, read_dose, read_formulation, read_over, read_rate, starts_amount
from .patterns import ALLOWED, Pattern, read_pattern, starts_pattern
from .quantities import (
    DURATION_ALLOWED,
    Amount,
    ask_about_commas,
    exact,
    read_duration,
    read_times,
    time_unit,
    times_text,
)
from .text import Cursor, Fault
from .vocabulary import Vocabulary, route_of

_LIST_WORDS = ("at", "on", "days", "day", "hours")


@dataclass(frozen=True, slots=True)
class Repeats:
    """What was read: the course, and whether `once` stood behind a list of times."""

    course: Course
    once: bool = False


def starts_repeat(cursor: Cursor) -> bool:
    """True if the next words begin a repeat."""
    word = cursor.peek()
    return starts_pattern(cursor) or word.low in (*_LIST_WORDS, "once", "from", *COUNT_SIGNS)


def read_repeats(
    cursor: Cursor,
    first: Dose,
    known: Vocabulary,
    amounts: tuple[Amount, ...] = (),
    start_h: float | None = None,
    beside: bool = False,
) -> Repeats:
    """All blocks up to the end of the line.

    first : the dose that is repeated; amounts : its amounts if the dose words listed several.
    start_h : the start read already (co-medication); beside : True where from, negative times and once have a meaning.
    """
    course = Course((), start_h or 0.0)
    if not amounts and starts_amount(cursor):
        begin = cursor.peek().start
        amounts, first = _read_override(cursor, first)
        if cursor.done():
            span = (begin, cursor.peek().end)
            raise cursor.fault(
                "two amounts are written and no repeat", span, "one of them, or a repeat behind the second"
            )
    elif amounts:
        first = replace(first, amount=amounts[0])
    course, once = _read_block(cursor, course, first, amounts, beside, start_h is not None)
    return Repeats(read_chain(cursor, course, known), once)


def read_chain(cursor: Cursor, course: Course, known: Vocabulary) -> Course:
    """{, then BLOCK} behind a course, to the end of the line."""
    while not cursor.done():
        before = cursor.place
        cursor.take(",")
        if not cursor.take("then"):
            cursor.place = before
            raise _left_over(cursor)
        course = read_next(cursor, course, known)
    return course


def read_next(cursor: Cursor, course: Course, known: Vocabulary) -> Course:
    """One block that follows a course: [DOSE | AMOUNT [over DURATION]] PATTERN [x N] or at TIMES."""
    last = course.blocks[-1]
    if last.count is None:
        said = [t for t in cursor.tokens[: cursor.place] if t.low != "then" and t.kind != "comma"]
        span = (0, said[-1].end if said else cursor.peek().end)
        raise cursor.fault(
            "a block without end cannot be followed by another",
            span,
            "a count: x N",
        )
    dose = last.last
    amounts: tuple[Amount, ...] = ()
    start = cursor.peek()
    if starts_amount(cursor):
        amounts, dose = _read_override(cursor, dose)
    elif cursor.at("over"):
        dose = replace(dose, duration_h=read_over(cursor, dose.way), form="infusion")
    elif not starts_repeat(cursor) and _names_dose(cursor, known):
        behind, dose, amounts = read_dose(cursor.text, known, start.start, _end_of_block(cursor))
        cursor.tokens, cursor.place = behind.tokens, behind.place
        if starts_amount(cursor):
            amounts, dose = _read_override(cursor, dose)
        if cursor.done() or cursor.at("then") or cursor.peek().kind == "comma":
            end = cursor.peek().start
            raise cursor.fault(
                "when is the next dose? It follows others and has no time of its own",
                (start.start, end),
                "a repeat (weekly x 4) or times (at 7 d)",
            )
    word = cursor.peek()
    if cursor.at("once"):
        raise cursor.fault(
            "when is it given once? Later blocks need a time",
            word,
            "a day, such as at 21 d",
        )
    return _read_block(cursor, course, dose, amounts, beside=False, started=True)[0]


def _end_of_block(cursor: Cursor) -> int:
    for token in cursor.tokens[cursor.place :]:
        if token.low == "then":
            return token.start
    return len(cursor.text)


def _names_dose(cursor: Cursor, known: Vocabulary) -> bool:
    """True if the block begins with a drug or has a route in it."""
    words = cursor.text[cursor.peek().start : _end_of_block(cursor)].split()
    return any(known.drug(" ".join(words[:n])) for n in range(1, 5)) or any(
        route_of(word.strip(",")) for word in words if word.lower() != "in"
    )


def _read_override(cursor: Cursor, dose: Dose) -> tuple[tuple[Amount, ...], Dose]:
    """AMOUNTS [over DURATION] before a pattern: what changes about the dose."""
    if dose.amount is None:
        raise cursor.fault(f"{dose.drug} has no amount", cursor.peek(), ALLOWED, instead="")
    amounts, span = read_amounts(cursor, dose.entry, dose.way)
    if isinstance(amounts, Rate):
        whole, hours = read_rate(cursor, dose.way, amounts)
        amounts, dose = (whole,), replace(dose, duration_h=hours, form="infusion")
    else:
        dose = replace(dose, formulation=read_formulation(cursor, dose.way) or dose.formulation)
        if cursor.at("over"):
            dose = replace(dose, duration_h=read_over(cursor, dose.way), form="infusion")
    dose = replace(dose, amount=amounts[0])
    for amount in amounts:
        judge(cursor, replace(dose, amount=amount), span)
    return (amounts if len(amounts) > 1 else ()), dose


# one block ------------------------------------------------------------------------------------------------------


def _read_block(
    cursor: Cursor, course: Course, dose: Dose, amounts: tuple[Amount, ...], beside: bool, started: bool
) -> tuple[Course, bool]:
    """The course with one more block read from the words of its times."""
    first = not course.blocks
    here = cursor.peek()
    once = False
    if cursor.peek().low in _LIST_WORDS or _bare_list(cursor):
        block = _read_list(cursor, dose, amounts, beside)
        once = cursor.take("once")
        start_h = course.start_h
    elif first and cursor.at("once") and not starts_pattern(cursor):
        cursor.next()
        if amounts:
            raise cursor.fault(
                "once is one dose, and several amounts are written",
                here,
                "a repeat (weekly x 3), or one amount",
            )
        block, start_h = Block(dose), course.start_h
        if beside and not started and cursor.at("from"):
            start_h = _read_start(cursor)
    else:
        pattern = _pattern(cursor)
        start_h = course.start_h
        if cursor.at("from"):
            if not beside or started or not first:
                raise _no_from(cursor)
            start_h = _read_start(cursor)
        count = read_count(cursor, pattern, replace(course, start_h=start_h))
        block = Block(dose, pattern, *_counted(cursor, count, amounts))
    grown = replace(course, blocks=(*course.blocks, block), start_h=start_h)
    try:
        return sound(grown), once
    except UsageError as error:
        raise cursor.fault(error.what, (here.start, cursor.tokens[cursor.place - 1].end), error.allowed) from None


def _pattern(cursor: Cursor) -> Pattern:
    word = cursor.peek()
    if word.low in COUNT_SIGNS or word.low == "for":
        raise cursor.fault("how often? A count alone is no repeat", word, ALLOWED)
    if word.kind == "number" and time_unit(cursor.peek(1)):
        raise cursor.fault("an interval begins with every", word, ALLOWED, instead=f"every {word.text}")
    if word.kind == "number" and cursor.peek(1).low in COUNT_SIGNS and not starts_pattern(cursor):
        raise cursor.fault("how often? A count alone is no repeat", word, ALLOWED)
    return read_pattern(cursor)


def _no_from(cursor: Cursor) -> Fault:
    token = cursor.peek()
    probe = Cursor(cursor.text, token.end)
    try:
        _, (_, end) = read_duration(probe)
    except Fault:
        end = token.end
    return cursor.fault(
        "'from' says when co-medication starts; here the start is known already",
        (token.start, end),
        "repeats without from",
    )


def _read_start(cursor: Cursor) -> float:
    cursor.next()
    return read_duration(cursor)[0]


def _read_list(cursor: Cursor, dose: Dose, amounts: tuple[Amount, ...], beside: bool) -> Block:
    """at 0, 3, 7 d | on days 0, 3, 7 | day 0, 3, 7."""
    begin = cursor.peek()
    if begin.kind == "word":
        cursor.next()
    unit = "d" if begin.low in ("days", "day") else "h" if begin.low == "hours" else ""
    if begin.low in ("on", "at") and cursor.peek().low in ("day", "days", "hours"):
        unit = "h" if cursor.next().low == "hours" else "d"
    if unit:
        times, end = _read_numbers(cursor, unit)
    else:
        times, (_, end) = read_times(cursor)
    span = (begin.start, end)
    ordered = sorted(set(times))
    if times != ordered:
        twice = len(ordered) < len(times)
        what = "a time is listed twice" if twice else "the times are not in order"
        instead = None if twice or amounts else f"at {times_text(ordered)}"
        raise cursor.fault(what, span, "each time once, ascending", instead=instead)
    if not beside and times[0] < 0:
        raise cursor.fault(
            "the main drug starts at t = 0; earlier times belong to co-medication", span, "a list that starts at 0"
        )
    if len(amounts) > len(times):
        raise cursor.fault(
            f"{len(amounts)} amounts for {len(times)} times",
            span,
            "one amount per time, or fewer (the last one stays)",
        )
    return Block(dose, None, len(times), tuple(times), _trimmed(amounts))


def _bare_list(cursor: Cursor) -> bool:
    """True for a list of times without at: "0, 3, 7 d"."""
    behind = 2 if time_unit(cursor.peek(1)) else 1
    return (
        cursor.peek().kind == "number"
        and cursor.peek(behind).kind == "comma"
        and cursor.peek(behind + 1).kind == "number"
    )


def _read_numbers(cursor: Cursor, unit: str) -> tuple[list[float], int]:
    """The numbers behind "days": the unit is said already, and may be said again."""
    ask_about_commas(cursor, many=True)
    first = cursor.peek()
    hours = {"d": 24, "h": 1}[unit]
    times = []
    while True:
        number = cursor.peek()
        if number.kind != "number":
            raise cursor.fault("a day number is missing here", number, "days 0, 3, 7")
        cursor.next()
        times.append(float(exact(number.text) * hours))
        end = number.end
        if cursor.peek().kind == "comma" and cursor.peek(1).kind == "number":
            cursor.next()
        elif not (cursor.at("and") and cursor.peek(1).kind == "number"):
            break
        else:
            cursor.next()
    if first.kind == "number" and time_unit(cursor.peek()) == unit:
        end = cursor.next().end
    return times, end


def _trimmed(amounts: tuple[Amount, ...]) -> tuple[Amount, ...]:
    """Amounts without equal ones at the end (the last one stays anyway); empty if all are equal."""
    kept = list(amounts)
    while len(kept) > 1 and kept[-1] == kept[-2]:
        kept.pop()
    return tuple(kept) if len(kept) > 1 else ()


def _counted(
    cursor: Cursor, count: int | None, amounts: tuple[Amount, ...]
) -> tuple[int | None, tuple[float, ...], tuple[Amount, ...]]:
    """Count, times and amounts of a pattern's block: a list of amounts alone says how many doses there are."""
    if not amounts:
        return count, (), ()
    if count is None:
        return len(amounts), (), _trimmed(amounts)
    if count < len(amounts):
        end = cursor.tokens[cursor.place - 1]
        raise cursor.fault(
            f"{len(amounts)} amounts for {count} doses",
            end,
            f"x {len(amounts)} or more",
        )
    return count, (), _trimmed(amounts)


def _left_over(cursor: Cursor) -> Fault:
    """The fault for words behind a block that belong to nothing."""
    word = cursor.peek()
    end = cursor.tokens[-1].start
    if word.kind == "comma" and cursor.peek(1).kind != "end":
        word = cursor.peek(1)
    spoken = ("then", "with", "once", "over")
    near = misspelt(word.low, {known: known for known in spoken}) if word.kind == "word" else []
    if starts_pattern(Cursor(cursor.text, word.start)) or starts_amount(Cursor(cursor.text, word.start)):
        return cursor.fault(
            "a further block begins with then", word, "..., then weekly x 4", instead=f", then {word.text}"
        )
    if len(near) == 1:
        return cursor.fault(f"'{word.text}' has no meaning here", word, "then, with, or the end", instead=near[0])
    return cursor.fault(
        f"'{cursor.text[word.start : end].strip()}' has no meaning here",
        (word.start, end),
        f"the end of the line, or ', then ...'; times are {DURATION_ALLOWED}",
    )
