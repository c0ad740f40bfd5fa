"""The doses and scores of a person file, and what among them looks like a slip."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from ketasim.core.errors import KetasimError, Problem, nearest

from .fields import scale_names, scales
from .moments import (
    MINUTES_A_DAY,
    MISSING,
    Begin,
    Entry,
    Reader,
    date_of,
    day_of,
    impossible_bound,
    line_in,
    minutes_of,
    moment_of,
    number_of,
    refuse_unknown_keys,
)
from .records import GivenDose, Score

LONGEST_BASELINE = 30.0  # days before the first dose within which a score counts as the baseline
LONGEST_COURSE = 3650.0  # days; later is a slip of the date
PHQ9_ITEMS = 9
SAME_TIME = 0.5 / 24  # days: two totals of one scale this near were taken at a time
RATERS = {"clinician": "clinician", "rater": "clinician", "site": "clinician", "self": "self", "patient": "self"}


def read_doses(reader: Reader, entries: Sequence[Entry]) -> tuple[Begin, tuple[GivenDose, ...]]:
    """The doses that were given, and when the first of them was (or, without any, the planned `start`)."""
    example = 'date = 2026-03-14, words = "ketamine iv 0.5 mg/kg over 40 min"'
    found: list[tuple[Entry, datetime | float, str]] = []
    for entry in entries:
        refuse_unknown_keys(reader, entry, ("day", "date", "time", "words", "dose", "note"))
        words = _words(reader, entry, example)
        moment = moment_of(reader, entry, example)
        if words and moment is not None:
            found.append((entry, moment, words))
    dates = [moment for _, moment, _ in found if isinstance(moment, datetime)]
    days = [moment for _, moment, _ in found if isinstance(moment, float)]
    if dates and days:
        reader.problem(("dose",), "some doses have a date and others a day", "use one of the two for every dose")
        return Begin(min(dates), True), ()
    if not entries:
        planned = date_of(reader.table["start"]) if "start" in reader.table else None
        if "start" in reader.table and planned is None:
            reader.problem(("start",), "start is the date of the first dose that is planned", "start = 2026-03-14")
        return Begin(planned, False), ()
    begin = Begin(min(dates) if dates else None, True)
    first = min(days, default=0.0)
    if days and first != 0:
        reader.problem(("dose",), f"the first dose is on day {first:g}; days count from the first dose", "day = 0")
    given = [
        GivenDose(
            (moment - min(dates)).total_seconds() / 86400 if isinstance(moment, datetime) else moment,
            line_in(reader, entry),
            words,
        )
        for entry, moment, words in found
    ]
    for one, other in zip(given, sorted(given, key=lambda dose: dose.day), strict=True):
        if one is not other:
            reader.notes.append(
                "the doses stand in another order than their dates; they are used in the order of dates"
            )
            break
    return begin, tuple(sorted(given, key=lambda dose: dose.day))


def _words(reader: Reader, entry: Entry, example: str) -> str:
    from ketasim.dose import parse

    words = entry.table.get("words", entry.table.get("dose"))
    if not isinstance(words, str):
        reader.problem(entry.path, "the dose has no words", example)
        return ""
    try:
        return str(parse(words))
    except KetasimError as error:
        fix = error.fix or error.allowed
        reader.problem((*entry.path, "words"), error.what, f'words = "{fix}"' if error.fix else fix)
        return ""


def read_scores(reader: Reader, entries: Sequence[Entry], begin: Begin) -> tuple[Score, ...]:
    """The totals of rating scales."""
    example = 'scale = "MADRS", date = 2026-03-15, total = 21'
    found: list[Score] = []
    for entry in entries:
        refuse_unknown_keys(
            reader, entry, ("scale", "day", "date", "time", "minutes", "total", "items", "rater", "baseline", "note")
        )
        scale = scale_names().get(str(entry.table.get("scale", "")).strip().lower())
        if scale is None:
            asked = entry.table.get("scale")
            near = nearest(str(asked), scale_names(), 2) if asked else []
            what = f"unknown scale {asked!r}" if asked else "the score names no scale"
            remedy = "one of " + ", ".join(scales())
            if near:
                remedy = f'scale = "{scale_names()[near[0]]}"; known are ' + ", ".join(scales())
            reader.problem((*entry.path, "scale"), what, remedy)
        total, censor, sound = _total(reader, entry, scale)
        moment = moment_of(reader, entry, example)
        before = entry.table.get("baseline", False)
        if not isinstance(before, bool):
            reader.problem((*entry.path, "baseline"), f"baseline is true or false, not {before!r}", "baseline = true")
            continue
        if not begin.dosed and begin.date is None and isinstance(moment, datetime):
            day: float | None = 0.0  # no dose yet: whatever was rated is a baseline
        else:
            day = day_of(reader, entry, moment, begin)
        day = None if day is None else day + minutes_of(reader, entry) / MINUTES_A_DAY
        rater = _rater(reader, entry, scale)
        if day is not None:
            _score_day(reader, entry, day, before, begin)
        if scale is not None and day is not None and sound:
            found.append(Score(day, line_in(reader, entry), scale, total, rater, censor, before or day <= 0))
    return tuple(sorted(found, key=lambda score: score.day))


def _score_day(reader: Reader, entry: Entry, day: float, before: bool, begin: Begin) -> None:
    """Whether a score may lie on this day; one before the first dose is a baseline, if it is recent."""
    path = (*entry.path, "date" if "date" in entry.table else "day")
    if day > 0 and before:
        reader.problem(path, f"the score is a baseline on day {day:g}, after the first dose", "baseline = false")
    elif begin.dosed and day < -LONGEST_BASELINE:
        what = f"the score is dated {-day:.0f} days before the first dose"
        reader.problem(path, what, f"correct the date; a baseline is at most {LONGEST_BASELINE:g} days old")
    elif begin.dosed and day < 0 and not before:
        what = f"the score of line {line_in(reader, entry)}" if line_in(reader, entry) else "a score"
        reader.notes.append(f"{what} is dated {-day:.1f} days before the first dose: counted as a baseline")
    elif day > LONGEST_COURSE:
        what = f"the score is dated {day / 365.25:.1f} years after the first dose"
        reader.problem(path, what, "correct the date")


def _rater(reader: Reader, entry: Entry, scale: str | None) -> str:
    usual = scales()[scale].rater if scale else "clinician"
    rater = entry.table.get("rater")
    if rater is None:
        return usual
    if not isinstance(rater, str) or rater.strip().lower() not in RATERS:
        reader.problem((*entry.path, "rater"), f"unknown rater {rater!r}", 'rater = "clinician" or rater = "self"')
        return usual
    return RATERS[rater.strip().lower()]


def _total(reader: Reader, entry: Entry, scale: str | None) -> tuple[float | None, str, bool]:
    """(total or None if missing, censor, whether it can be used)."""
    value = entry.table.get("total")
    path = (*entry.path, "total")
    if "items" in entry.table:
        return _items(reader, entry, scale)
    if value is None and "total" not in entry.table:
        reader.problem(entry.path, "the score has no total", 'total = 21, or total = "missing"')
        return None, "", False
    if isinstance(value, str) and value.strip().lower() in MISSING:
        return None, "", True
    number, censor = number_of(value)
    if number is None:
        reader.problem(
            path, f"the total is a number, not {value!r}", 'total = 21, or total = "missing", or total = "<5"'
        )
        return None, "", False
    if scale is None:
        return number, censor, True
    known = scales()[scale]
    if not known.low <= number <= known.high:
        reader.problem(
            path,
            f"{scale} {number:g} is outside {known.low:g} to {known.high:g}",
            _scale_remedy(known.name, number),
        )
        return None, "", False
    what, remedy = impossible_bound(known.name, known.low, known.high, number, censor)
    if what:
        reader.problem(path, what, f"total = {remedy}")
        return None, "", False
    return number, censor, True


def _items(reader: Reader, entry: Entry, scale: str | None) -> tuple[float | None, str, bool]:
    """The total of the nine answers of a PHQ-9, 0 to 3 each; other scales enter as totals."""
    path = (*entry.path, "items")
    answers = entry.table["items"]
    if scale is not None and scale != "PHQ-9":
        reader.problem(path, f"{scale} is entered as a total, not by its items", "total = 21")
        return None, "", False
    sound = isinstance(answers, list) and len(answers) == PHQ9_ITEMS
    if not sound or any(isinstance(a, bool) or not isinstance(a, int) or not 0 <= a <= 3 for a in answers):
        reader.problem(path, "the PHQ-9 has nine answers from 0 to 3", "items = [1, 2, 0, 3, 1, 0, 2, 0, 0]")
        return None, "", False
    total = float(sum(answers))
    if "total" in entry.table and entry.table["total"] != total:
        reader.problem(
            path, f"the items add up to {total:g}, the total says {entry.table['total']}", "keep one of the two"
        )
        return None, "", False
    if answers[-1] > 0:
        reader.notes.append("PHQ-9, last item above 0: thoughts of death or self-harm; ask about intent today")
    return total, "", True


def _scale_remedy(scale: str, number: float) -> str:
    fits = [other.name for other in scales().values() if other.name != scale and other.low <= number <= other.high]
    line = f"correct the total ({scale} ends at {scales()[scale].high:g})"
    return line + (f", or the scale ({', '.join(fits)} could hold it)" if fits else "")


def suspected(reader: Reader, doses: Sequence[GivenDose], scores: Sequence[Score], begin: Begin) -> list[Problem]:
    """Entries that look like a slip: two totals at a time, the same dose twice, a gap of years."""
    found: list[Problem] = []
    seen: list[Score] = []
    for score in scores:
        for other in seen:
            if other.scale == score.scale and other.rater == score.rater and abs(other.day - score.day) <= SAME_TIME:
                where = _where(reader, score.line)
                what = f"two {score.scale} totals at a time (day {score.day:g}: {_shown(other)} and {_shown(score)})"
                found.append(Problem(where, what + "; both are used as written", "keep one, or give each its time"))
                break
        seen.append(score)
    for one, two in pairwise(doses):
        if two.day - one.day <= SAME_TIME:
            where = _where(reader, two.line)
            found.append(Problem(where, f"two doses at a time (day {two.day:g})", "keep one, or give each its time"))
    late = [s for s in scores if doses and s.day - doses[-1].day > 730 and s.day <= LONGEST_COURSE]
    for score in late:
        years = (score.day - doses[-1].day) / 365.25
        where = _where(reader, score.line)
        found.append(Problem(where, f"the score is {years:.1f} years after the last dose", "is the year right?"))
    now = datetime.now() + timedelta(days=1)
    if begin.date is not None and begin.dosed:
        for thing in (*doses, *scores):
            if begin.date + timedelta(days=thing.day) > now:
                where = _where(reader, thing.line)
                found.append(Problem(where, "the date lies in the future", "is the year right?"))
    return found


def _where(reader: Reader, line: int) -> str:
    name = reader.place(()).split(",")[0] if line else ""
    return f"{name}, line {line}".removeprefix(", ") if line else "the entries"


def _shown(score: Score) -> str:
    return "missing" if score.total is None else f"{score.censor}{score.total:g}"
