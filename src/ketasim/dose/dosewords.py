"""DRUG ROUTE AMOUNT [HCl] [over DURATION]: one single dose in words, read against the drug catalogue."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from ketasim.core import Drug, Route, UsageError, drugs
from ketasim.core.drug_types import reference_weight
from ketasim.core.errors import slips

from .course import Dose
from .patterns import starts_pattern
from .quantities import (
    HOURS,
    MASS_MISTAKES,
    MASS_WORDS,
    RATE_MASSES,
    TIME_WORDS,
    Amount,
    ask_about_commas,
    duration_text,
    exact,
    fraction_text,
    read_duration,
    read_exactly,
    time_unit,
)
from .text import Cursor, Fault, Token
from .vocabulary import SALT_WORDS, Head, Vocabulary, formulation_of, read_head, route_of

SHORTEST_INFUSION_H = Fraction(1, 3600)  # shorter ones are a push: into a vein a bolus, elsewhere an injection
LONGEST_INFUSION_H = Fraction(366 * 24)


def read_dose(
    text: str, known: Vocabulary, start: int = 0, end: int | None = None
) -> tuple[Cursor, Dose, tuple[Amount, ...]]:
    """The dose at `text[start:end]`: a cursor behind it, the dose, and the amounts if several were listed."""
    head = read_head(text, known, start, len(text) if end is None else end)
    cursor = Cursor(text, head.end)
    formulation = read_formulation(cursor, head.way)
    kind = _read_kind(cursor, head)
    formulation = read_formulation(cursor, head.way, formulation)
    amounts, written = _read_amounts_of_dose(cursor, head)
    if not isinstance(amounts, Rate):
        formulation = read_formulation(cursor, head.way, formulation)
    if isinstance(amounts, Rate):
        whole, hours = read_rate(cursor, head.way, amounts)
        amounts, form = (whole,), "infusion"
        if kind is not None and kind.low not in ("infusion", "drip"):
            raise cursor.fault(f"a rate is an infusion, not a {kind.low}", kind, "the route alone", instead="")
    else:
        form, hours = _read_form(cursor, head, kind)
    amount = amounts[0] if amounts else None
    dose = Dose(head.entry.name, head.way.name, amount, hours, form, formulation, entry=head.entry)
    for each in amounts:
        judge(cursor, replace(dose, amount=each), written)
    return cursor, dose, amounts if len(amounts) > 1 else ()


# amount ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rate:
    """An amount per hour: `value` of `unit` ("mg", "mg/kg"), of the salt if `salt`, as written in `span`."""

    value: Fraction
    unit: str
    salt: bool
    span: tuple[int, int]


def _read_amounts_of_dose(cursor: Cursor, head: Head) -> tuple[tuple[Amount, ...] | Rate, tuple[int, int]]:
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
    if cursor.at("over"):
        cursor.next()
        _, span = read_duration(cursor)
        if cursor.peek().kind == "number":
            amount = cursor.next()
            end = _unit_words(cursor)[1]
            words = cursor.text[here.start : span[1]]
            raise cursor.fault(
                "the amount comes before over",
                (here.start, span[1]),
                "DRUG ROUTE AMOUNT [over DURATION]",
                whole=f"{cursor.text[: here.start].rstrip()} {cursor.text[amount.start : end]} {words}{cursor.text[end:]}",
            )
    if here.kind == "word" and cursor.peek(1).low in (*MASS_WORDS, *(unit.lower() for unit in entry.units)):
        span = (here.start, cursor.peek(1).end)
        allowed = f"an amount in {', '.join(units_of(entry))}"
        raise cursor.fault(f"'{here.text}' is not a number", span, allowed)
    other = route_of(here.text) if here.kind == "word" else None
    if other and other != head.way.name:
        raise cursor.fault(f"two routes are written: {head.way.name} and {here.text}", here, "one of them")
    raise Fault(
        f"how much {entry.name}? No amount is written",
        cursor.text,
        (here.start, here.end) if here.kind != "end" else (head.end, head.end + 1),
        f"an amount in {', '.join(units_of(entry))}{_studied(head.way)}",
    )


def _studied(way: Route) -> str:
    """What has been studied, for a message that asks how much."""
    if not way.studied:
        return ""
    return " (studied: " + "; ".join(f"{low:g} to {high:g} {unit}" for unit, (low, high) in way.studied.items()) + ")"


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
) -> tuple[tuple[Amount, ...] | Rate, tuple[int, int]]:
    """NUMBER {, NUMBER} UNIT [HCl | base]: the amounts, or one amount per hour (NUMBER UNIT/h), and their span."""
    ask_about_commas(cursor, many=True, nothing=False)
    numbers = [cursor.next()]
    while cursor.peek().kind == "comma" and cursor.peek(1).kind == "number":
        cursor.next()
        numbers.append(cursor.next())
    if re.fullmatch(r"\d{3}", cursor.peek().text) and re.fullmatch(r"[1-9]\d{0,2}", numbers[-1].text):
        span = (numbers[-1].start, cursor.peek().end)
        raise cursor.fault(
            "a number is written without spaces", span, "1000", instead=numbers[-1].text + cursor.peek().text
        )
    unit, factor, end, per_hour = _read_unit(cursor, numbers, entry, way)
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
            raise _no_amount(cursor, number, entry, way, span)
        if per_hour is not None:
            if len(numbers) > 1:
                raise cursor.fault("several rates at once", span, "one rate and its time; then a further block")
            return Rate(value * per_hour, unit, salt, span), span
        amounts.append(Amount(float(value), unit, salt))
    return tuple(amounts), span


def _no_amount(cursor: Cursor, number: Token, entry: Drug, way: Route, span: tuple[int, int]) -> Fault:
    negative = exact(number.text) < 0
    what = f"a dose cannot be negative: {number.text}" if negative else "a dose of 0 is not a valid dose"
    allowed = "an amount above zero" + ("" if negative else "; for no drug at all: placebo " + way.name)
    placebo = drugs().get("placebo")
    if negative:
        return cursor.fault(what, number, allowed, instead=number.text.lstrip("-"))
    if not entry.is_main or placebo is None or way.name not in placebo.routes:
        return cursor.fault(what, number, allowed)
    return cursor.fault(what, number, allowed, whole=f"placebo {way.name}{cursor.text[span[1] :]}")


def _unit_words(cursor: Cursor) -> tuple[str, int, int]:
    """The unit as one text ("mg / kg per hour" is "mg/kg/h"), its end, and how many tokens it takes."""
    word = cursor.peek()
    text, end, width = word.low, word.end, 1
    while word.kind == "word":
        behind, over = cursor.peek(width), cursor.peek(width + 1)
        denominator = ("kg", "kilogram", *TIME_WORDS)
        if behind.low in ("/", "per") and over.low in denominator:
            text, end, width = f"{text}/{over.low}", over.end, width + 2
        elif behind.low.startswith("/") and behind.low[1:].split("/")[0] in denominator:
            text, end, width = text + behind.low, behind.end, width + 1
        else:
            break
    return text.replace("/kilogram", "/kg"), end, width


def _per_hour(text: str) -> tuple[str, Fraction] | None:
    """The mass of a rate and how many of its time are in an hour: "ug/kg/min" is ("ug/kg", 60)."""
    mass, _, time = text.rpartition("/")
    return (mass, 1 / HOURS[TIME_WORDS[time]]) if mass and time in TIME_WORDS else None


def _read_unit(
    cursor: Cursor, numbers: list[Token], entry: Drug, way: Route
) -> tuple[str, Fraction, int, Fraction | None]:
    """The unit kept, the factor into it, the end of the unit's words, and for a rate its times per hour."""
    number = numbers[-1]
    word = cursor.peek()
    own = {unit.lower(): unit for unit in entry.units}
    text, end, width = _unit_words(cursor)
    span = (word.start, end)
    rate = _per_hour(text)
    if rate is not None:
        mass, per_hour = rate
        if mass in RATE_MASSES and RATE_MASSES[mass][0] in entry.units:
            cursor.place += width
            return *RATE_MASSES[mass], end, per_hour
        if mass in ("mcg", "mcg/kg"):
            instead = cursor.text[span[0] : span[1]].lower().replace("mcg", "ug", 1)
            raise cursor.fault("'mcg' is not a unit here", span, "mg/h, mg/kg/h, ug/kg/min", instead=instead)
    allowed = ", ".join(units_of(entry))
    if word.kind == "word" and text in MASS_WORDS and MASS_WORDS[text][0] in entry.units:
        cursor.place += width
        return *MASS_WORDS[text], end, None
    if word.kind == "word" and text in own and own[text] not in MASS_WORDS:
        cursor.place += width
        return own[text], Fraction(1), end, None
    if word.kind != "word" or text in _NO_UNITS or time_unit(word) or starts_pattern(cursor):
        choices = units_of(entry)
        raise cursor.fault(
            f"the amount {number.text} has no unit",
            number,
            " or ".join(f"{number.text} {unit}" for unit in choices) + ("?" if len(choices) > 1 else ""),
            instead=f"{number.text} {choices[0]}" if len(choices) == 1 else None,
        )
    if text in MASS_MISTAKES:
        unit, factor = MASS_MISTAKES[text]
        corrected = ", ".join(fraction_text(exact(n.text) * factor) for n in numbers)
        raise cursor.fault(
            f"'{cursor.text[span[0] : span[1]]}' is not a unit here",
            span,
            allowed,
            whole=f"{cursor.text[: numbers[0].start]}{corrected} {unit}{cursor.text[end:]}"
            if all(_studied_amount(entry, way, exact(n.text) * factor, unit) for n in numbers)
            else "",
        )
    if text in _VOLUMES:  # never answered with a mass that looks alike
        raise cursor.fault(f"'{word.text}' says no amount without a concentration", span, f"an amount in {allowed}")
    raise cursor.fault(
        f"'{cursor.text[span[0] : span[1]]}' is not a unit of {entry.name}",
        span,
        allowed,
        instead=_unit_meant(text, (*units_of(entry), *_rates_of(entry))),
    )


def _studied_amount(entry: Drug, way: Route, value: Fraction, unit: str) -> bool:
    """True unless the amount is far from every dose studied: then the unit itself may be the slip."""
    kept, factor = MASS_WORDS[unit]
    known = kept if kept in way.studied else next(iter(way.studied), None)
    if known is None:
        return True
    kilograms = {"mg": 1.0, "mg/kg": reference_weight()}  # mg beside mg/kg: at the catalogue's reference weight
    size = float(value * factor) * kilograms.get(kept, 1.0) / kilograms.get(known, 1.0)
    low, high = way.studied[known]
    return low / 2 <= size <= 2 * high


_NO_UNITS = ("over", "x", "at", "once", "then", "with", "for", "from", "to", "until", "days", "bolus", *SALT_WORDS)


_VOLUMES = ("ml", "l", "cc", "µl", "μl", "ul", "drops", "tablets", "tablet", "vial", "vials", "%", "ml/kg", "ml/h")


def _rates_of(entry: Drug) -> tuple[str, ...]:
    """The rates in which this drug may be written, for a misspelt one."""
    masses = [mass for mass, (kept, _) in RATE_MASSES.items() if kept in entry.units and mass.isascii()]
    return tuple(f"{mass}/{time}" for mass in masses for time in ("h", "min"))


def _unit_meant(text: str, units: tuple[str, ...]) -> str | None:
    """The one unit that is a single typing error away, or None."""
    near = [unit for unit in units if slips(text, unit.lower(), 1) <= 1]
    return near[0] if len(near) == 1 and near[0] != "g" else None


def read_rate(cursor: Cursor, way: Route, rate: Rate) -> tuple[Amount, float]:
    """over or for DURATION behind a rate: the whole amount, rate x time, and the hours."""
    if "infusion" not in way.forms:
        daily = "; so much a day: an amount and daily"
        raise cursor.fault(f"{way.drug} by the {way.name} route has no rate", rate.span, f"the whole amount{daily}")
    if not (cursor.at("over") or cursor.at("for")):
        raise cursor.fault("a rate for how long?", rate.span, "a rate and its time: 0.5 mg/kg/h for 2 h")
    hours = _read_time(cursor, way)
    return Amount(float(rate.value * hours), rate.unit, rate.salt), float(hours)


def judge(cursor: Cursor, dose: Dose, span: tuple[int, int]) -> None:
    """A fault if the dose is beyond the catalogue's limit for a typing error."""
    if dose.amount is None:
        return
    amount = dose.amount
    try:
        dose.entry.judge(
            dose.route,
            amount.value,
            amount.unit,
            weight=reference_weight(),
            salt=amount.salt,
            formulation=dose.formulation,
        )
    except UsageError as error:
        raise cursor.fault(error.what, span, error.allowed) from None


# formulation ----------------------------------------------------------------------------------------------------


def read_formulation(cursor: Cursor, way: Route, known: str = "") -> str:
    """The formulation here ("extended-release", "prolonged release tablet"), else `known`; a fault for one without kinetics of its own."""
    first, second = cursor.peek(), cursor.peek(1)
    width = 0
    if first.kind == "word":
        joined = f"{first.text} {second.text}" if second.kind == "word" else ""
        width = 1 if formulation_of(first.text) else 2 if joined and formulation_of(joined) else 0
    if not width:
        return known
    span = (first.start, cursor.peek(width - 1).end)
    written = cursor.text[span[0] : span[1]]
    name = formulation_of(written)
    if known:
        raise cursor.fault("the formulation is written twice", span, "one of them", instead="")
    if name not in way.formulations:
        choices = ("the plain form (no word)", *way.formulations)
        raise cursor.fault(
            f"the formulation '{written}' of {way.drug} by the {way.name} route is not computed: no absorption data for it in the evidence",
            span,
            ", ".join(choices),
        )
    cursor.place += width
    cursor.take("tablet")
    return name


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
            raise cursor.fault("a bolus does not run over a time", (over.start, span[1]), "bolus, or over; not both")
        return "infusion", read_over(cursor, way)
    if kind is not None and kind.low in ("infusion", "drip"):
        raise cursor.fault(
            f"a{'n' if kind.low == 'infusion' else ''} {kind.low} over how long?", kind, "over DURATION: over 40 min"
        )
    for form in ("bolus", "devices", "single"):
        if form in way.forms:
            return form, (way.bolus_duration or 0.0) if form == "bolus" else 0.0
    if not way.default_duration:
        here = cursor.peek()
        raise cursor.fault(
            f"{way.drug} {way.name} is an infusion: over how long?", here, "over DURATION: over 40 min, over 2 h"
        )
    return "infusion", way.default_duration


def read_over(cursor: Cursor, way: Route) -> float:
    """over DURATION, where the route takes an infusion: hours."""
    return float(_read_time(cursor, way))


def _read_time(cursor: Cursor, way: Route) -> Fraction:
    """The time of an infusion behind over (behind a rate: or for), exactly."""
    word = cursor.next()
    if cursor.peek().kind != "number":
        raise cursor.fault(f"{word.text} how long?", word, "over DURATION: over 40 min")
    hours, span = read_exactly(cursor)
    if "infusion" not in way.forms:
        reason = "sprays come one after the other by themselves" if "devices" in way.forms else "it is given at once"
        raise cursor.fault(
            f"{way.drug} by the {way.name} route does not run over a time: {reason}",
            (word.start, span[1]),
            "no 'over', or a route that takes an infusion: iv" + (", sc" if way.name != "sc" else ""),
        )
    if hours <= 0:
        what = "an infusion of no length" if hours == 0 else "an infusion cannot last less than nothing"
        instead = duration_text(float(-hours)) if hours < 0 else None
        raise cursor.fault(what, span, "over 40 min; without over: at once", instead=instead)
    if not SHORTEST_INFUSION_H <= hours <= LONGEST_INFUSION_H:
        what = "an infusion cannot be that " + ("short" if hours < SHORTEST_INFUSION_H else "long")
        raise cursor.fault(what, span, "1 s to 366 d; intravenous without over: a bolus")
    return hours
