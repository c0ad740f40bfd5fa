"""DRUG ROUTE AMOUNT [HCl] [over DURATION]: one single dose in words, read against the drug catalogue."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from fractions import Fraction

from ketasim.core import Drug, Route, UsageError, drugs, nearest
from ketasim.core.drug_types import reference_weight

from .course import Dose
from .quantities import (
    MASS_MISTAKES,
    MASS_WORDS,
    MOST_HOURS,
    Amount,
    duration_text,
    exact,
    fraction_text,
    number_text,
    read_duration,
    time_unit,
)
from .text import Cursor, Fault, Token
from .vocabulary import SALT_WORDS, Head, Vocabulary, read_head


def read_dose(
    text: str, known: Vocabulary, start: int = 0, end: int | None = None
) -> tuple[Cursor, Dose, tuple[Amount, ...]]:
    """The dose at `text[start:end]`: a cursor behind it, the dose, and the amounts if several were listed."""
    head = read_head(text, known, start, len(text) if end is None else end)
    cursor = Cursor(text, head.end)
    kind = _read_kind(cursor, head)
    amounts, written = _read_amounts_of_dose(cursor, head)
    amount = amounts[0] if amounts else None
    form, hours = _read_form(cursor, head, kind)
    dose = Dose(head.entry.name, head.way.name, amount, hours, form, entry=head.entry)
    for each in amounts:
        judge(cursor, replace(dose, amount=each), written)
    return cursor, dose, amounts if len(amounts) > 1 else ()


# amount ---------------------------------------------------------------------------------------------------------


def _read_amounts_of_dose(cursor: Cursor, head: Head) -> tuple[tuple[Amount, ...], tuple[int, int]]:
    entry = head.entry
    here = cursor.peek()
    if entry.role == "placebo":
        if here.kind == "number" and cursor.peek(1).low in (*MASS_WORDS, "ml"):
            span = (here.start, cursor.peek(1).end)
            raise cursor.fault("placebo has no amount", span, "placebo ROUTE [over DURATION]", instead="")
        return (), (here.start, here.end)
    if here.kind == "number" and cursor.peek(1).low not in ("times", "time"):
        return read_amounts(cursor, entry, head.way, head.salt)
    if entry.default_amount is not None:
        return (Amount(*entry.default_amount, head.salt),), (head.end, head.end)
    example = str(example_amount(entry, head.way))
    if cursor.at("over"):
        cursor.next()
        _, span = read_duration(cursor)
        if cursor.peek().kind == "number":
            rest = cursor.text[cursor.peek().start :]
            words = cursor.text[here.start : span[1]]
            raise cursor.fault(
                "the amount comes before over",
                (here.start, span[1]),
                "DRUG ROUTE AMOUNT [over DURATION]",
                whole=f"{cursor.text[: here.start].rstrip()} {rest} {words}",
            )
    if here.kind == "word" and cursor.peek(1).low in (*MASS_WORDS, *(unit.lower() for unit in entry.units)):
        span = (here.start, cursor.peek(1).end)
        allowed = f"an amount in {', '.join(units_of(entry))}"
        raise cursor.fault(f"'{here.text}' is not a number", span, allowed, instead=example)
    raise Fault(
        f"how much {entry.name}? No amount is written",
        cursor.text,
        (here.start, here.end) if here.kind != "end" else (head.end, head.end + 1),
        f"an amount in {', '.join(units_of(entry))}",
        f"{cursor.text[: head.end]} {example}{cursor.text[head.end :]}",
    )


def starts_amount(cursor: Cursor) -> bool:
    """True if the next words are an amount: a number that no word of a repeat follows."""
    ahead = 0
    while cursor.peek(ahead).kind == "number" and cursor.peek(ahead + 1).kind == "comma":
        ahead += 2
    word = cursor.peek(ahead + 1)
    followers = ("times", "time", "doses", "x", "×", "and")
    return cursor.peek(ahead).kind == "number" and word.low not in followers and time_unit(word) is None


def units_of(entry: Drug) -> tuple[str, ...]:
    """The units in which amounts of this drug may be written."""
    mass = [word for word, (kept, _) in MASS_WORDS.items() if kept in entry.units and word.isascii()]
    return tuple(sorted(mass, key=("mg", "mg/kg", "ug", "g").index)) + tuple(
        u for u in entry.units if u not in ("mg", "mg/kg")
    )


def read_amounts(
    cursor: Cursor, entry: Drug, way: Route, salt: bool = False
) -> tuple[tuple[Amount, ...], tuple[int, int]]:
    """NUMBER {, NUMBER} UNIT [HCl | base]: the amounts, and their span."""
    numbers = [cursor.next()]
    while cursor.peek().kind == "comma" and cursor.peek(1).kind == "number":
        comma, number = cursor.next(), cursor.next()
        if numbers[-1].end == comma.start and number.start == comma.end:
            span = (numbers[-1].start, number.end)
            raise cursor.fault(
                "a decimal point is written as a point",
                span,
                "0.5, not 0,5",
                instead=f"{numbers[-1].text}.{number.text}",
            )
        numbers.append(number)
    unit, factor, end = _read_unit(cursor, numbers, entry, way)
    word = cursor.peek()
    if word.low in SALT_WORDS:
        end = cursor.next().end
        salt = True
    elif cursor.at("free", "base"):
        cursor.place += 2
        end = cursor.tokens[cursor.place - 1].end
        salt = False
    elif cursor.take("base"):
        end, salt = word.end, False
    if salt and (entry.salt_molar_mass is None or entry.molar_mass is None):
        at = word if word.low in SALT_WORDS else numbers[0]
        raise cursor.fault(f"no hydrochloride of {entry.name} is known", at, "the amount without HCl", instead="")
    span = (numbers[0].start, end)
    amounts = []
    for number in numbers:
        value = exact(number.text) * factor
        if value <= 0:
            raise _no_amount(cursor, number, entry, way)
        amounts.append(Amount(float(value), unit, salt))
    return tuple(amounts), span


def _no_amount(cursor: Cursor, number: Token, entry: Drug, way: Route) -> Fault:
    negative = exact(number.text) < 0
    what = f"a dose cannot be negative: {number.text}" if negative else "a dose of nothing is no dose"
    allowed = "an amount above zero" + ("" if negative else "; for no drug at all: placebo " + way.name)
    placebo = drugs().get("placebo")
    if negative or not entry.is_main or placebo is None or way.name not in placebo.routes:
        instead = number.text.lstrip("-") if negative else number_text(example_amount(entry, way).value)
        return cursor.fault(what, number, allowed, instead=instead)
    return cursor.fault(what, number, allowed, whole=f"placebo {way.name}")


def _read_unit(cursor: Cursor, numbers: list[Token], entry: Drug, way: Route) -> tuple[str, Fraction, int]:
    """The unit kept, the factor into it, and the end of the unit's words."""
    number = numbers[-1]
    word = cursor.peek()
    own = {unit.lower(): unit for unit in entry.units}
    text, end = word.low, word.end
    if word.kind == "word" and cursor.peek(1).low in ("/", "per") and cursor.peek(2).low in ("kg", "kilogram"):
        text, end = f"{text}/kg", cursor.peek(2).end
        width = 3
    elif word.kind == "word" and cursor.peek(1).low == "/kg":
        text, end = f"{text}/kg", cursor.peek(1).end
        width = 2
    else:
        width = 1
    span = (word.start, end)
    allowed = ", ".join(units_of(entry))
    if word.kind == "word" and text in MASS_WORDS and MASS_WORDS[text][0] in entry.units:
        cursor.place += width
        return *MASS_WORDS[text], end
    if word.kind == "word" and text in own and own[text] not in MASS_WORDS:
        cursor.place += width
        return own[text], Fraction(1), end
    if word.kind != "word" or text in ("over", "hcl", "x", "at", "once", "then", "with", *SALT_WORDS):
        unit = example_amount(entry, way).unit
        raise cursor.fault(f"the amount {number.text} has no unit", number, allowed, instead=f"{number.text} {unit}")
    if text in MASS_MISTAKES:
        unit, factor = MASS_MISTAKES[text]
        corrected = ", ".join(fraction_text(exact(n.text) * factor) for n in numbers)
        raise cursor.fault(
            f"'{cursor.text[span[0] : span[1]]}' is not a unit here",
            span,
            allowed,
            whole=f"{cursor.text[: numbers[0].start]}{corrected} {unit}{cursor.text[end:]}",
        )
    if re.fullmatch(r"(mg|ug|g|mg/kg|ug/kg|mcg|mcg/kg)/(h|hr|hour|min|minute)", text):
        raise _rate(cursor, number, text, span, allowed)
    near = nearest(text, units_of(entry), 1)
    instead = near[0] if near else example_amount(entry, way).unit
    raise cursor.fault(
        f"'{cursor.text[span[0] : span[1]]}' is not a unit of {entry.name}", span, allowed, instead=instead
    )


def _rate(cursor: Cursor, number: Token, text: str, span: tuple[int, int], allowed: str) -> Fault:
    """A rate (20 mg/h over 2 h) is answered with the whole amount."""
    mass, _, time = text.rpartition("/")
    probe = Cursor(cursor.text, span[1])
    candidate = replaced_unit = cursor.text[: span[0]] + mass + cursor.text[span[1] :]
    if probe.take("over") and probe.peek().kind == "number" and time_unit(probe.peek(1)):
        hours, _ = read_duration(probe)
        per = 1.0 if time.startswith("h") else 60.0
        total = number_text(round(float(exact(number.text)) * hours * per, 9))
        candidate = f"{cursor.text[: number.start]}{total} {mass}{cursor.text[span[1] :]}"
    what = f"'{text}' is a rate; the words take the whole amount and the time it runs over"
    return cursor.fault(what, span, allowed, whole=candidate or replaced_unit)


def example_amount(entry: Drug, way: Route) -> Amount:
    """An amount inside the studied range, for corrected lines: a round one (1, 2 or 5) near the middle on a log scale."""
    for unit, (low, high) in way.studied.items():
        if unit in entry.units:
            middle = math.sqrt(low * high) if low > 0 else high
            power = 10.0 ** math.floor(math.log10(middle))
            rounds = [float(f"{digit * power:.3g}") for digit in (1, 2, 5, 10)]
            if way.device_mass is not None:
                rounds = [max(1, round(middle / way.device_mass)) * way.device_mass]
            inside = [value for value in rounds if low <= value <= high] or [float(f"{middle:.2g}")]
            nearest_first = sorted(inside, key=lambda value: (round(abs(math.log(value / middle)), 1), -value))
            return Amount(nearest_first[0], unit)
    if entry.default_amount is not None:
        return Amount(*entry.default_amount)
    return Amount(1.0, entry.units[0])


def judge(cursor: Cursor, dose: Dose, span: tuple[int, int]) -> None:
    """A fault if the dose is beyond the catalogue's limit for a slip of the pen."""
    if dose.amount is None:
        return
    amount = dose.amount
    try:
        dose.entry.judge(dose.route, amount.value, amount.unit, weight=reference_weight(), salt=amount.salt)
    except UsageError as error:
        studied = dose.way.studied.get(amount.unit)
        instead = Amount(studied[1], amount.unit) if studied else example_amount(dose.entry, dose.way)
        raise cursor.fault(error.what, span, error.allowed, instead=str(instead)) from None


# over -----------------------------------------------------------------------------------------------------------


def _read_kind(cursor: Cursor, head: Head) -> Token | None:
    """A word behind the route that says how it is given ("iv bolus", "iv infusion", "nasal spray", "oral tablet")."""
    word = cursor.peek()
    kinds = {
        "bolus": "bolus",
        "infusion": "infusion",
        "drip": "infusion",
        "spray": "devices",
        "tablet": "single",
    }
    form = kinds.get(word.low)
    if form is None:
        return None
    known = form in head.way.forms or (form == "devices" and head.way.name == "nasal")
    if not known or (form == "single" and head.way.name != "oral"):
        raise cursor.fault(
            f"{head.entry.name} {head.way.name} is not given as {word.text}",
            word,
            "the route alone",
            instead="",
        )
    return cursor.next()


def _read_form(cursor: Cursor, head: Head, kind: Token | None) -> tuple[str, float]:
    """How the dose is given, and for how long (h): over DURATION, else at once where the route allows it."""
    way = head.way
    if cursor.at("bolus") and "bolus" in way.forms:
        kind = cursor.next()
    if cursor.at("over"):
        if kind is not None and kind.low == "bolus":
            over = cursor.next()
            _, span = read_duration(cursor)
            raise cursor.fault("a bolus does not run over a time", (over.start, span[1]), "bolus, or over", instead="")
        return "infusion", read_over(cursor, way)
    if kind is not None and kind.low in ("infusion", "drip"):
        end = cursor.tokens[cursor.place - 1].end
        example = duration_text(way.default_duration or 1.0)
        raise cursor.fault(
            f"a{'n' if kind.low == 'infusion' else ''} {kind.low} over how long?",
            kind,
            "over 40 min",
            whole=f"{cursor.text[:end]} over {example}{cursor.text[end:]}",
        )
    for form in ("bolus", "devices", "single"):
        if form in way.forms:
            return form, (way.bolus_duration or 0.0) if form == "bolus" else 0.0
    return "infusion", way.default_duration or 0.0


def read_over(cursor: Cursor, way: Route) -> float:
    """over DURATION, where the route takes an infusion: hours."""
    word = cursor.next()
    if cursor.peek().kind != "number":
        example = duration_text(way.default_duration or 1.0)
        raise cursor.fault("over how long?", word, "over 40 min", instead=f"over {example}")
    hours, span = read_duration(cursor)
    if "infusion" not in way.forms:
        reason = "sprays come one after the other by themselves" if "devices" in way.forms else "it is given at once"
        raise cursor.fault(
            f"{way.drug} by the {way.name} route does not run over a time: {reason}",
            (word.start, span[1]),
            "'over' with a drip: iv" + (", sc" if way.name == "sc" else ""),
            instead="",
        )
    if hours <= 0 or hours > MOST_HOURS:
        what = "an infusion of no length" if hours == 0 else "an infusion cannot last less than nothing"
        instead = duration_text(-hours) if hours < 0 else duration_text(way.default_duration or 1.0)
        raise cursor.fault(what, span, "over 40 min; without over: at once", instead=instead)
    return hours
