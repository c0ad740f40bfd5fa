"""The regimen words: DRUG ROUTE AMOUNT [HCl] [over DURATION] [REPEAT] [with CO-MEDICATION ...].

Hand-written recursive descent. Every function moves a `Cursor` forward and raises a `Fault` that points at the word it
cannot use and offers a candidate; `read_or_teach` turns it into a `UsageError` with a corrected line that parses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ketasim.core import UsageError

from .course import Block, CoMedication, Course, Dose
from .dosewords import read_dose
from .expand import first_clash
from .quantities import Amount, read_duration, times_text
from .repeats import read_chain, read_next, read_repeats
from .text import Cursor, Fault, normal, read_or_teach
from .vocabulary import Vocabulary

_WITH = re.compile(r"(?:^|[\s,;]+)with\s+", re.IGNORECASE)
type Beside = tuple[CoMedication, ...]
_COUNTERS = ("x", "×", "for", "to", "until")


def read_words(text: str, repeat: str, with_: Sequence[str], known: Vocabulary) -> tuple[Course, Beside]:
    """The main course and the co-medication of a scenario in words; see `regimen.parse`."""
    main, beside = read_or_teach(text, lambda line: _read_line(line, known))
    if repeat.strip():
        first = main.blocks[0].at(0)
        if main.blocks[0].pattern is not None or main.blocks[0].times_h:
            raise UsageError(
                "the repeats are written twice",
                where=f"{main} --repeat {repeat}",
                allowed="repeats behind the dose or in --repeat, not both",
            )
        main = read_or_teach(repeat, lambda line: _repeated(first, line, known))
        inline, beside = beside, ()
        for co in inline:  # read again, since the main drug now has more doses that they may run into
            beside = (*beside, read_beside(str(co), main, beside, known))
    for words in with_:
        beside = (*beside, read_beside(words, main, beside, known))
    return main, beside


def repeated(main: Course, words: str, known: Vocabulary) -> Course:
    """The course with its last block, which must be a single dose, repeated as the words say."""
    last = main.blocks[-1]
    if last.pattern is not None or last.times_h:
        raise UsageError(
            "the dose is repeated already",
            where=str(main),
            allowed=f'a further block: .then("{words}")',
        )
    return read_or_teach(words, lambda line: _repeated(last.dose, line, known))


def continued(main: Course, words: str, known: Vocabulary) -> Course:
    """The course with further blocks in words ("weekly x 4", "84 mg weekly x 4, then every two weeks x 3")."""

    def read(line: str) -> Course:
        cursor = Cursor(line)
        cursor.take("then")
        return read_chain(cursor, read_next(cursor, main, known), known)

    return read_or_teach(words, read)


# the line -------------------------------------------------------------------------------------------------------


def _read_line(text: str, known: Vocabulary) -> tuple[Course, Beside]:
    """Main words and inline co-medication; faults point into the whole line."""
    cuts = list(_WITH.finditer(text))
    starts = [0, *(cut.end() for cut in cuts)]
    ends = [*(cut.start() for cut in cuts), len(text)]
    main: Course | None = None
    beside: Beside = ()
    for start, end in zip(starts, ends, strict=True):
        part = text[start:end].rstrip(" ,;")
        try:
            if main is None:
                main = _read_main(part, known)
            else:
                beside = (*beside, _read_with(part, main, beside, known))
        except Fault as fault:
            span = (fault.span[0] + start, fault.span[1] + start)
            candidate = f"{text[:start]}{fault.candidate}{text[end:]}" if fault.candidate else ""
            raise Fault(fault.what, text, span, fault.allowed, candidate) from None
    assert main is not None
    return main, beside


def _read_main(text: str, known: Vocabulary) -> Course:
    cursor, first, amounts = read_dose(text, known)
    cursor.take(",")
    if not cursor.done() or amounts:
        return _main_course(cursor, first, known, amounts)
    if first.entry.default_repeat:
        return _repeated(first, first.entry.default_repeat, known)
    return Course((Block(first),))


def _repeated(first: Dose, text: str, known: Vocabulary) -> Course:
    """A first dose repeated in the words of --repeat."""
    return _main_course(Cursor(text), first, known, ())


def _main_course(cursor: Cursor, first: Dose, known: Vocabulary, amounts: tuple[Amount, ...]) -> Course:
    """The main course behind its first dose, if it starts at 0, uses that dose, and no dose runs into the next."""
    begin = cursor.peek().start
    course = read_repeats(cursor, first, known, amounts).course
    span = (begin, len(cursor.text))
    block = course.blocks[0]
    if block.times_h and block.times_h[0] != 0.0:
        shifted = times_text([time - block.times_h[0] for time in block.times_h])
        raise cursor.fault(
            "the first dose of the main drug is t = 0",
            span,
            "a list that starts at 0",
            whole=f"{cursor.text[:begin]}at {shifted}",
        )
    given = [each.at(i) for each in course.blocks for i in range(max(1, len(each.amounts)))]
    if first.amount is not None and not any((dose.drug, dose.amount) == (first.drug, first.amount) for dose in given):
        raise cursor.fault(
            f"{first.amount} of {first.drug} is written first and given nowhere",
            span,
            f"one of them: {first.amount} in the repeats too, or the amount of the repeats first",
        )
    clash = first_clash(course)
    if clash is not None:
        raise cursor.fault(clash.what, span, clash.allowed)
    return course


# co-medication --------------------------------------------------------------------------------------------------


def read_beside(text: str, main: Course, others: Beside, known: Vocabulary) -> CoMedication:
    """One co-medication in the words of --with, that fits beside the main course and the others."""
    words = _WITH.sub("", normal(text), count=1) if _WITH.match(text) else text
    return read_or_teach(words, lambda line: _read_with(line, main, others, known))


def _read_with(text: str, main: Course, others: Beside, known: Vocabulary) -> CoMedication:
    """One co-medication that fits beside the main course and the others."""
    cursor, first, amounts = read_dose(text, known)
    cursor.take(",")
    begin = cursor.peek().start
    co = _placed(cursor, first, amounts, known)
    clash = first_clash(main, (*others, co))
    if clash is None:
        return co
    span = (begin, len(text)) if begin < len(text) else (0, len(text))
    raise Fault(clash.what, text, span, clash.allowed)


def _placed(cursor: Cursor, first: Dose, amounts: tuple[Amount, ...], known: Vocabulary) -> CoMedication:
    """The times of one co-medication: at OFFSETS [once] | [from TIME] REPEAT | nothing (with each main dose)."""
    default = first.entry.default_repeat
    if cursor.done() and not amounts:
        if not default:
            return CoMedication(Course((Block(first),)), (0.0,))
        return CoMedication(read_repeats(Cursor(default), first, known, beside=True).course)
    _teach_before(cursor)
    once_first = cursor.at("once") and (cursor.peek(1).kind == "end" or cursor.peek(1).low == "at")
    if once_first:
        cursor.next()
        if cursor.done():
            return CoMedication(Course((Block(first),)))
    start_h: float | None = None
    if cursor.at("from"):
        word = cursor.next()
        start_h, span = read_duration(cursor)
        if cursor.peek().low == "at":
            raise cursor.fault("from and at are two starts", (word.start, span[1]), "one of them")
        if cursor.done() or cursor.peek().low in _COUNTERS:
            _insert_default(cursor, default, word.start)
    read = read_repeats(cursor, first, known, amounts, start_h, beside=True)
    course, block = read.course, read.course.blocks[0]
    once = once_first or read.once
    if len(course.blocks) > 1 or not block.times_h or block.amounts:
        return CoMedication(course)
    if not once:
        return CoMedication(Course((Block(first),)), block.times_h)
    if len(block.times_h) == 1:
        return CoMedication(Course((Block(first),), block.times_h[0]))
    return CoMedication(course)


def _insert_default(cursor: Cursor, default: str, from_start: int) -> None:
    """`st john's wort oral from -14 d`: the catalogue's own repeat stands in for the missing one."""
    rest = cursor.text[cursor.peek().start :]
    if not default:
        raise cursor.fault(
            "how often? A start alone is no repeat",
            (from_start, len(cursor.text)),
            "daily from -3 d x 6; twice daily from -4 d to 1 d; at -45 min",
        )
    words = re.split(r"\s(?:x|for)\s", default)[0] if rest else default
    behind = Cursor(f"{words} {rest}".strip())
    cursor.text, cursor.tokens, cursor.place = behind.text, behind.tokens, 0


def _teach_before(cursor: Cursor) -> None:
    """`45 min before` is understood, and answered with the form the grammar knows."""
    number, unit, word = cursor.peek(), cursor.peek(1), cursor.peek(2)
    if number.kind != "number" or word.low not in ("before", "after"):
        return
    sign = "-" if word.low == "before" else ""
    raise cursor.fault(
        f"'{word.text}' is written as a signed offset",
        (number.start, len(cursor.text)),
        "at -45 min (before each main dose), at 30 min (after it)",
        instead=f"at {sign}{number.text.lstrip('+-')} {unit.text}",
    )
