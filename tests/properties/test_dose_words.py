"""Properties of the regimen words: round trip, exact sums, faults that always teach, never anything else."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ketasim.core import UsageError, drugs
from ketasim.dose import Window, build_schedule, dose, output_times, parse

SETTINGS = settings(max_examples=150, deadline=None)
ABSOLUTE = [
    (name, route, way)
    for name, entry in sorted(drugs().items())
    for route, way in entry.routes.items()
    if way.studied and entry.role == "main"
]


@st.composite
def doses(draw):
    """One dose in words, inside the studied range, in one of its spellings."""
    name, route, way = draw(st.sampled_from(ABSOLUTE))
    unit = draw(st.sampled_from(sorted(way.studied)))
    low, high = way.studied[unit]
    value = draw(st.floats(low, high).map(lambda x: float(f"{x:.4g}")))
    text = repr(value)
    if unit == "mg" and draw(st.booleans()):
        text, unit = repr(value * 1000), "ug"
    gap = draw(st.sampled_from([" ", ""]))
    words = f"{name} {route} {text}{gap}{unit}"
    if drugs()[name].salt_molar_mass and draw(st.booleans()):
        words += " HCl"
    if "infusion" in way.forms and (draw(st.booleans()) or "bolus" not in way.forms):
        words += " over " + draw(st.sampled_from(["40 min", "0.67 h", "1 h 30 min", "2400 s", "20min", "33.3 min"]))
    return words


PATTERNS = st.sampled_from(
    [
        "daily",
        "twice daily",
        "weekly",
        "twice weekly",
        "three times weekly",
        "every two weeks",
        "monthly",
        "every other day",
        "every 3.5 d",
        "every 36 h",
        "every 3 weeks",
        "every 5 h 20 min",
    ]
)
COUNTS = st.integers(1, 12)


@st.composite
def repeats(draw):
    """Repeats in words: a pattern or a list, and up to two further blocks."""
    if draw(st.booleans()):
        first = f"{draw(PATTERNS)} x {draw(COUNTS)}"
    else:
        gaps = draw(st.lists(st.integers(3, 200), min_size=1, max_size=5))
        first = "at " + ", ".join(str(x) for x in np.cumsum([0, *gaps])) + " h"
    blocks = [first, *(f"{draw(PATTERNS)} x {draw(COUNTS)}" for _ in range(draw(st.integers(0, 2))))]
    if draw(st.booleans()):
        blocks[-1] = blocks[-1].split(" x ")[0]
    return ", then ".join(blocks)


CO = st.sampled_from(
    [
        "naltrexone oral 50 mg at -45 min",
        "naltrexone oral 50 mg HCl at -1.5, 2 h once",
        "ssri oral daily",
        "ssri oral 20 mg daily from -7 d x 9",
        "clarithromycin oral 500 mg twice daily from -4 d to 1 d",
        "midazolam iv 0.02 mg/kg over 7 min at 3 h",
        "lorazepam oral 2 mg once",
        "grapefruit juice oral",
        "memantine oral 10 mg from -3 d daily x 4, then weekly x 2",
    ]
)
REGIMENS = st.builds(
    lambda d, r, co: (d, r, co), doses(), st.one_of(st.just(""), repeats()), st.lists(CO, max_size=2, unique=True)
)


def read(words):
    """The regimen, leaving out the few chains whose blocks meet within one infusion (a fault of its own)."""
    try:
        return parse(*words)
    except UsageError as error:
        assume("too early" not in error.what)
        raise


@SETTINGS
@given(REGIMENS)
def test_the_canonical_line_reads_back_as_the_same_regimen(words):
    regimen = read(words)
    line = str(regimen)
    again = parse(line)
    assert again == regimen
    assert str(again) == line
    assert parse(regimen.words, regimen.repeat_words, regimen.with_words) == regimen
    horizon = 24.0 * 90
    assert again.doses(horizon) == regimen.doses(horizon)


@SETTINGS
@given(REGIMENS, st.floats(1.0, 2000.0))
def test_doses_are_ordered_start_at_zero_and_end_before_the_horizon(words, horizon):
    regimen = read(words)
    rows = regimen.doses(horizon)
    times = [row.time_h for row in rows]
    mains = [row.time_h for row in rows if row.main]
    assert times == sorted(times)
    assert mains[0] == 0.0
    assert all(later > earlier for earlier, later in pairwise(mains))
    assert all(time < horizon for time in times)
    assert [row.index for row in rows] == list(range(len(rows)))


@SETTINGS
@given(PATTERNS, COUNTS, PATTERNS, COUNTS)
def test_counts_count_doses(first, n, second, m):
    regimen = parse("ketamine iv 0.5 mg/kg over 40 min", f"{first} x {n}, then {second} x {m}")
    assert len(regimen.doses()) == n + m


@SETTINGS
@given(st.floats(0.01, 2.0), st.lists(st.floats(40.0, 150.0), min_size=1, max_size=5), st.booleans())
def test_devices_hold_exactly_the_dose(per_kg, weights, salt):
    weights = np.array(weights)
    words = f"esketamine nasal {per_kg!r} mg/kg" + (" HCl" if salt else "")
    regimen = dose(words)
    events = regimen.events(weights=weights)
    held = np.array([event.base(weights) for event in events])
    entry = drugs()["esketamine"]
    share = entry.molar_mass / entry.salt_molar_mass if salt else 1.0
    np.testing.assert_allclose(held.sum(axis=0), per_kg * weights * share, rtol=1e-12)
    assert held.max() <= 28.0 + 1e-9
    assert len(events) == max(1, math.ceil(per_kg * weights.max() * share / 28.0 - 1e-9))
    asked = [row.asked_mg for row in regimen.ledger(weight=float(weights[0]))]
    assert asked == pytest.approx([held[:, 0].sum()], rel=1e-12)


@SETTINGS
@given(
    st.lists(
        st.tuples(st.floats(-50, 100), st.floats(1e-3, 60), st.floats(0, 1e4), st.sampled_from("ab")), max_size=12
    ),
    st.lists(st.floats(-50, 100), max_size=5),
)
def test_a_schedule_gives_what_its_windows_hold(items, cuts):
    windows = [Window(start, start + length, name, np.array([rate, 2 * rate])) for start, length, rate, name in items]
    schedule = build_schedule(windows, [], ("a", "b"), 200.0, cuts=cuts)
    assert np.all(np.diff(schedule.boundaries) > 1e-9)
    assert schedule.boundaries[0] == min([0.0, *(start for start, *_ in items)])
    lengths = np.diff(schedule.boundaries)
    for column, name in enumerate("ab"):
        wanted = sum(rate * ((start + length) - start) for start, length, rate, each in items if each == name)
        inputs = schedule.inputs[0] if schedule.inputs.ndim == 3 else schedule.inputs
        assert float(inputs[:, column] @ lengths) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(REGIMENS, st.floats(24.0, 1500.0), st.lists(st.floats(0.0, 24.0), max_size=4))
def test_output_times_are_ascending_and_hold_what_is_asked(words, horizon, at):
    events = read(words).events(horizon, weights=70.0)
    times = output_times(events, horizon, at=at)
    assert np.all(np.diff(times) > 0)
    assert times[-1] == horizon
    assert set(at) <= set(times.tolist())


WORDS = [
    "ketamine",
    "ketmine",
    "esketamine",
    "hnk",
    "placebo",
    "ssri",
    "naltrexone",
    "iv",
    "nasal",
    "oral",
    "nsal",
    "film",
    "0.5",
    "84",
    "-3",
    "0",
    "1e9",
    "0,5",
    "mg",
    "mg/kg",
    "mg/kgs",
    "mcg",
    "ug",
    "g",
    "over",
    "40",
    "min",
    "40min",
    "h",
    "d",
    "x",
    "x6",
    "×",
    "then",
    ",",
    ";",
    "with",
    "at",
    "from",
    "to",
    "for",
    "until",
    "once",
    "twice",
    "thrice",
    "three",
    "times",
    "daily",
    "weekly",
    "weekli",
    "every",
    "other",
    "two",
    "weeks",
    "monthly",
    "fortnightly",
    "days",
    "and",
    "HCl",
    "base",
    "bolus",
    "infusion",
    "before",
    "and/or",
    "(",
    ")",
    "%",
    "'",
    "nan",
    "inf",
    "−45",
    "—",
    "é",
    "\t",
]
NOISE = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)


def teaches(text, read):
    """Read the text; if it is refused, the refusal must point into it, and the line it offers, if any, must work."""
    try:
        read(text)
    except UsageError as error:
        assert error.what and (error.fix or error.allowed)
        if "\n" in error.where:
            line, caret = error.where.rsplit("\n", 1)
            assert caret.strip("^ ") == "" and "^" in caret
            assert len(caret) <= len(line) + 1
        if error.fix:
            read(error.fix)


@settings(max_examples=400, deadline=None)
@given(NOISE)
def test_any_line_is_read_or_teaches(text):
    teaches(text, parse)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["ketamine iv 0.5 mg/kg over 40 min", "esketamine nasal 84 mg"]), NOISE)
def test_any_repeat_is_read_or_teaches(first, text):
    assume(text.strip())
    teaches(text, lambda words: parse(first, words))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["ketamine iv 0.5 mg/kg over 40 min", "esketamine nasal 84 mg"]), NOISE)
def test_any_co_medication_is_read_or_teaches(first, text):
    teaches(text, lambda words: parse(first, with_=[words]))


@settings(max_examples=300, deadline=None)
@given(REGIMENS, st.integers(0, 200), st.sampled_from(["", "x", " ", "0", "-", ",", "z", "é"]))
def test_one_slip_of_the_pen_is_read_or_teaches(words, place, slip):
    line = str(read(words))
    place = place % len(line)
    teaches(line[:place] + slip + line[place + 1 :], parse)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_teaches(text):
    teaches(text, parse)
