"""The entries of a person file: doses, scores, levels, pressures, medication, and when each of them was."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Protocol

from ketasim.core.errors import KetasimError, Problem, nearest

from .fields import drug_classes, fields, scale_names, scales
from .records import GivenDose, Level, Medication, Pressure, Score

LONGEST_BASELINE = 30.0  # days before the first dose within which a score counts as the baseline
LONGEST_COURSE = 3650.0  # days; later is a slip of the date
PHQ9_ITEMS = 9
SAME_TIME = 0.5 / 24  # days: two totals of one scale this near were taken at a time
RATERS = {"clinician": "clinician", "rater": "clinician", "site": "clinician", "self": "self", "patient": "self"}
MISSING = ("missing", "na", "n/a", "nan", "not done", "?", "unknown", "")
# ng/mL per unit; the molar ones need the molar mass of the substance (g/mol = ng per nmol).
MASS_UNITS = {"ng/ml": 1.0, "ug/l": 1.0, "µg/l": 1.0, "mcg/l": 1.0, "ug/ml": 1000.0, "mg/l": 1000.0, "pg/ml": 0.001}
MOLAR_UNITS = {"nmol/l": 0.001, "nm": 0.001, "umol/l": 1.0, "µmol/l": 1.0, "um": 1.0}
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One table of a list, and where it stands."""

    path: Path
    table: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Begin:
    """The first dose: its date (None if only days are used), and whether there is a dose at all."""

    date: datetime | None
    dosed: bool


class Reader(Protocol):
    """What reads the file: knows where an entry stands and collects the problems."""

    notes: list[str]
    lines: Mapping[Path, int]
    table: Mapping[str, Any]

    def place(self, path: Path) -> str: ...

    def problem(self, path: Path, what: str, fix: str = "") -> None: ...


def _line(reader: Reader, entry: Entry) -> int:
    return reader.lines.get(entry.path, 0)


def _moment(reader: Reader, entry: Entry, example: str) -> datetime | float | None:
    """The date (with time) or the day that an entry says; a problem if it says neither or what cannot be read."""
    day, when = entry.table.get("day"), entry.table.get("date")
    clock = entry.table.get("time")
    if day is not None and when is not None:
        reader.problem(entry.path, "the entry has both a day and a date", "keep one of the two")
        return None
    if day is not None:
        if isinstance(day, int | float) and not isinstance(day, bool) and math.isfinite(day):
            return float(day)
        reader.problem((*entry.path, "day"), f"day is a number of days from the first dose, not {day!r}", "day = 1")
        return None
    if when is None:
        reader.problem(entry.path, "the entry has neither a date nor a day", example)
        return None
    found = _date(when)
    if found is None:
        reader.problem((*entry.path, "date"), f"the date {when!r} cannot be read", _date_remedy(when))
        return None
    if clock is not None:
        hours = _clock(clock)
        if hours is None:
            reader.problem((*entry.path, "time"), f"the time {clock!r} cannot be read", "time = 09:30:00")
            return None
        found = datetime.combine(found.date(), hours)
    return found


def _date(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?", value.strip()):
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    return None


def _clock(value: object) -> time | None:
    if isinstance(value, time):
        return value
    if isinstance(value, str):
        try:
            return time.fromisoformat(value.strip())
        except ValueError:
            return None
    return None


def _date_remedy(value: object) -> str:
    found = re.fullmatch(r"\s*(\d{1,2})[./-](\d{1,2})[./-](\d{4})\s*", str(value))
    if not found:
        return "date = 2026-03-14 (year-month-day)"
    one, two, year = (int(part) for part in found.groups())
    readings = [(year, month, day) for month, day in ((two, one), (one, two)) if month <= 12 and day <= 31]
    lines = dict.fromkeys(f"date = {y}-{m:02d}-{d:02d}" for y, m, d in readings)
    return " or ".join(lines) or "date = 2026-03-14 (year-month-day)"


def _day(reader: Reader, entry: Entry, moment: datetime | float | None, begin: Begin) -> float | None:
    if moment is None or isinstance(moment, float):
        return moment
    if begin.date is None:
        what = "the doses have days and this entry has a date" if begin.dosed else "there is no dose to count days from"
        reader.problem(entry.path, what, "use days everywhere, or give the first dose a date")
        return None
    return (moment - begin.date).total_seconds() / 86400


def _unknown_keys(reader: Reader, entry: Entry, known: Sequence[str]) -> None:
    for key in entry.table:
        if key not in known:
            near = nearest(key, known, 2)
            what = f"unknown key '{key}'" + (f"; did you mean {', '.join(near)}?" if near else "")
            reader.problem((*entry.path, key), what, "one of " + ", ".join(known))


def read_doses(reader: Reader, entries: Sequence[Entry]) -> tuple[Begin, tuple[GivenDose, ...]]:
    """The doses that were given, and when the first of them was (or, without any, the planned `start`)."""
    example = 'date = 2026-03-14, words = "ketamine iv 0.5 mg/kg over 40 min"'
    found: list[tuple[Entry, datetime | float, str]] = []
    for entry in entries:
        _unknown_keys(reader, entry, ("day", "date", "time", "words", "dose", "note"))
        words = _words(reader, entry, example)
        moment = _moment(reader, entry, example)
        if words and moment is not None:
            found.append((entry, moment, words))
    dates = [moment for _, moment, _ in found if isinstance(moment, datetime)]
    days = [moment for _, moment, _ in found if isinstance(moment, float)]
    if dates and days:
        reader.problem(("dose",), "some doses have a date and others a day", "use one of the two for every dose")
        return Begin(min(dates), True), ()
    if not entries:
        planned = _date(reader.table["start"]) if "start" in reader.table else None
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
            _line(reader, entry),
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
        _unknown_keys(reader, entry, ("scale", "day", "date", "time", "total", "items", "rater", "baseline", "note"))
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
        moment = _moment(reader, entry, example)
        before = entry.table.get("baseline", False)
        if not isinstance(before, bool):
            reader.problem((*entry.path, "baseline"), f"baseline is true or false, not {before!r}", "baseline = true")
            continue
        if not begin.dosed and begin.date is None and isinstance(moment, datetime):
            day: float | None = 0.0  # no dose yet: whatever was rated is a baseline
        else:
            day = _day(reader, entry, moment, begin)
        rater = _rater(reader, entry, scale)
        if day is not None:
            _score_day(reader, entry, day, before, begin)
        if scale is not None and day is not None and sound:
            found.append(Score(day, _line(reader, entry), scale, total, rater, censor, before or day <= 0))
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
        what = f"the score of line {_line(reader, entry)}" if _line(reader, entry) else "a score"
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
    number, censor = _number(value)
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


def _number(value: object) -> tuple[float | None, str]:
    """A number, or a bound such as "<5"."""
    if isinstance(value, bool):
        return None, ""
    if isinstance(value, int | float):
        return (float(value), "") if math.isfinite(value) else (None, "")
    found = re.fullmatch(r"\s*([<>])\s*=?\s*(\d+(?:\.\d+)?)\s*", str(value)) if isinstance(value, str) else None
    return (float(found.group(2)), found.group(1)) if found else (None, "")


def read_levels(reader: Reader, entries: Sequence[Entry], begin: Begin) -> tuple[Level, ...]:
    """Measured concentrations, in ng/mL."""
    example = 'analyte = "ketamine", date = 2026-03-14T09:40:00, value = 120, unit = "ng/mL"'
    found: list[Level] = []
    for entry in entries:
        _unknown_keys(reader, entry, ("analyte", "drug", "day", "date", "time", "value", "unit", "note"))
        analyte, mass = _analyte(reader, entry)
        factor = _unit(reader, entry, mass)
        day = _day(reader, entry, _moment(reader, entry, example), begin)
        value, censor = _number(entry.table.get("value"))
        missing = str(entry.table.get("value", "")).strip().lower() in MISSING and "value" in entry.table
        if value is None and not missing:
            what = f"the level is a number, not {entry.table.get('value')!r}"
            reader.problem(
                (*entry.path, "value"), what, 'value = 120, value = "<1" (below the limit) or value = "missing"'
            )
        elif value is not None and value < 0:
            reader.problem(
                (*entry.path, "value"), f"a level of {value:g} cannot be", 'value = "<1" if it was below the limit'
            )
        if begin.dosed and day is not None and day < 0 and value:
            what = f"the level is dated {-day:.1f} days before the first dose"
            reader.problem((*entry.path, "date"), what, "correct the date, or leave the entry out")
        if analyte and factor is not None and day is not None and (missing or (value is not None and value >= 0)):
            found.append(Level(day, _line(reader, entry), analyte, None if value is None else value * factor, censor))
    return tuple(sorted(found, key=lambda level: level.day))


def _analyte(reader: Reader, entry: Entry) -> tuple[str, str]:
    """(output name, its molar mass as the register names it)."""
    from ketasim.core.names import output_register

    asked = str(entry.table.get("analyte", entry.table.get("drug", ""))).strip().lower()
    known: dict[str, str] = {}
    for output in output_register().values():
        if output.name.startswith("plasma."):
            for word in (output.name, output.name.removeprefix("plasma."), *output.aliases):
                known[word.lower()] = output.name
    if asked not in known:
        near = nearest(asked, known, 2) if asked else []
        remedy = f'analyte = "{near[0]}"' if near else 'analyte = "ketamine"'
        reader.problem((*entry.path, "analyte"), f"unknown analyte '{asked}'" if asked else "no analyte", remedy)
        return "", ""
    return known[asked], output_register()[known[asked]].molar_mass


def _unit(reader: Reader, entry: Entry, mass: str) -> float | None:
    unit = entry.table.get("unit")
    known = "ng/mL, ug/L, ug/mL, mg/L, nmol/L or umol/L"
    if not isinstance(unit, str):
        reader.problem(entry.path, "the level has no unit", f'unit = "ng/mL"; known are {known}')
        return None
    word = unit.strip().lower().replace(" ", "")
    if word in MASS_UNITS:
        return MASS_UNITS[word]
    if word in MOLAR_UNITS:
        return MOLAR_UNITS[word] * _molar_mass(mass) if mass else None
    near = nearest(unit, ["ng/mL", "ug/L", "ug/mL", "mg/L", "nmol/L", "umol/L"], 1)
    reader.problem(
        (*entry.path, "unit"), f"unknown unit '{unit}'", f'unit = "{(near or ["ng/mL"])[0]}"; known are {known}'
    )
    return None


def _molar_mass(name: str) -> float:
    """g/mol of the substance that the register names ("drug:ketamine", "molar_mass_norketamine")."""
    from ketasim.core.drugs import drug
    from ketasim.core.values import values

    if name.startswith("drug:"):
        return float(drug(name.removeprefix("drug:")).molar_mass or math.nan)
    return float(values("substances")[name].value)


def read_pressures(reader: Reader, entries: Sequence[Entry], begin: Begin) -> tuple[Pressure, ...]:
    """Blood pressures; those without a minute after a dose are taken at rest before it."""
    example = "date = 2026-03-14T09:00:00, sbp = 128, dbp = 80"
    found: list[Pressure] = []
    known = (
        "day",
        "date",
        "time",
        "sbp",
        "dbp",
        "systolic",
        "diastolic",
        "heart_rate",
        "pulse",
        "minutes",
        "when",
        "note",
    )
    for entry in entries:
        _unknown_keys(reader, entry, known)
        numbers = pressure_of(reader, entry)
        when = entry.table.get("when", "before" if "minutes" not in entry.table else "after")
        minutes = entry.table.get("minutes", 0)
        if when not in ("before", "after"):
            reader.problem((*entry.path, "when"), f"when is before or after the dose, not {when!r}", 'when = "before"')
        if isinstance(minutes, bool) or not isinstance(minutes, int | float):
            what = f"minutes after the dose is a number, not {minutes!r}"
            reader.problem((*entry.path, "minutes"), what, "minutes = 40")
            continue
        if "day" not in entry.table and "date" not in entry.table and not begin.dosed:
            day: float | None = 0.0
        else:
            moment = _moment(reader, entry, example)
            day = 0.0 if not begin.dosed and begin.date is None else _day(reader, entry, moment, begin)
        if day is not None and numbers is not None:
            at = day + float(minutes) / 1440
            found.append(Pressure(at, _line(reader, entry), numbers[0], numbers[1], numbers[2], when == "before"))
    return tuple(sorted(found, key=lambda reading: reading.day))


def pressure_of(reader: Reader, entry: Entry) -> tuple[float | None, float | None, float | None] | None:
    """(sbp, dbp, heart rate) of one reading, or None with the problems listed."""
    found: list[float | None] = []
    sound = True
    for name, other in (("sbp", "systolic"), ("dbp", "diastolic"), ("heart_rate", "pulse")):
        value = entry.table.get(name, entry.table.get(other))
        field = fields()[name]
        if value is None:
            found.append(None)
        elif isinstance(value, bool) or not isinstance(value, int | float) or not field.low <= value <= field.high:
            reader.problem((*entry.path, name), f"{name} = {value!r} is not {field.allowed}", f"{name} in {field.unit}")
            sound = False
        else:
            found.append(float(value))
    if sound and found[0] is None and found[1] is None:
        reader.problem(entry.path, "the reading has neither sbp nor dbp", "sbp = 128, dbp = 80")
        return None
    if sound and found[0] is not None and found[1] is not None and found[1] >= found[0]:
        what = f"dbp {found[1]:g} is not below sbp {found[0]:g}"
        reader.problem(entry.path, what, f"sbp = {found[1]:g}, dbp = {found[0]:g}, if they were exchanged")
        return None
    return (found[0], found[1], found[2]) if sound else None


def read_medication(reader: Reader, entries: Sequence[Entry]) -> tuple[Medication, ...]:
    """The drugs taken beside."""
    found: list[Medication] = []
    for entry in entries:
        _unknown_keys(reader, entry, ("name", "drug", "mg_per_day", "words", "from_day", "to_day", "note"))
        name = entry.table.get("name", entry.table.get("drug"))
        words = entry.table.get("words", "")
        if not isinstance(words, str):
            reader.problem((*entry.path, "words"), "words are a text", 'words = "lorazepam oral 1 mg daily"')
            words = ""
        if name is None and words.strip():
            name = words.split()[0]
        if not isinstance(name, str) or not name.strip():
            reader.problem(entry.path, "the medication has no name", 'name = "lorazepam", mg_per_day = 1')
            continue
        numbers: list[float | None] = []
        for key in ("mg_per_day", "from_day", "to_day"):
            value = entry.table.get(key)
            bad = value is not None and (isinstance(value, bool) or not isinstance(value, int | float))
            if bad or (key == "mg_per_day" and value is not None and value < 0):
                reader.problem((*entry.path, key), f"{key} is a number, not {value!r}", f"{key} = 1")
                value = None
            numbers.append(None if value is None else float(value))
        amount, begins, ends = numbers
        found.append(Medication(_drug_name(name), amount, words.strip(), begins, ends, _line(reader, entry)))
    return tuple(found)


def _drug_name(name: str) -> str:
    """The name in small letters; a trade name or alias of the catalogue becomes the drug's."""
    word = " ".join(name.strip().lower().split())
    if word in drug_classes():
        return word
    from ketasim.core.drugs import drugs

    for drug in drugs().values():
        if word in (drug.name, *drug.aliases):
            return drug.name if drug.name in drug_classes() else word
    return word


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
