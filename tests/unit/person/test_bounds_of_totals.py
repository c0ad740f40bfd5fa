"""Bounds of totals and levels: "<5" is 4 or less, "<=5" is 5 or less; in a person file, a table, and what a forecast makes of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ketasim.people import Traits
from ketasim.person.batch import forecast_table
from ketasim.person.case import case_of
from ketasim.person.file import PersonFileError, person_of, read_person
from ketasim.person.given import Given
from ketasim.person.moments import total_interval
from ketasim.person.observed import Baseline, Observation, learn
from ketasim.person.pool import Pool, Seen, integrate
from ketasim.person.steps import course_by_observation
from ketasim.person.table import TableError, table_of

DOSE = [{"day": 0, "words": "ketamine iv 0.5 mg/kg over 40 min"}]
BEFORE = {"scale": "MADRS", "day": 0, "total": 34}
HEAD = "person,day,treatment,scale,score,role\n"


def person(total: object, scale: str = "MADRS") -> Any:
    return person_of({"dose": DOSE, "score": [BEFORE, {"scale": scale, "day": 1, "total": total}]})


@pytest.mark.parametrize(
    ("total", "low", "high"),
    [
        ("<5", -math.inf, 4.5),
        ("<=5", -math.inf, 5.5),
        (">5", 5.5, math.inf),
        (">=5", 4.5, math.inf),
        ("\u22655", 4.5, math.inf),
        (" <= 5 ", -math.inf, 5.5),
        (">0", 0.5, math.inf),
        ("<1", -math.inf, 0.5),
        ("<60", -math.inf, 59.5),
        ("<=60", -math.inf, 60.5),
        (">59", 59.5, math.inf),
        (5, 4.5, 5.5),
    ],
)
def test_a_total_stands_for_the_whole_numbers_that_its_bound_allows(total: object, low: float, high: float) -> None:
    (found,) = case_of(person(total)).observations
    assert (found.low, found.high) == (low, high)


@pytest.mark.parametrize(("sign", "most"), [("<", 4), ("<=", 5), (">", 6), (">=", 5), ("", 5)])
def test_intervals_of_bounds_hold_exactly_the_whole_totals_that_meet_them(sign: str, most: int) -> None:
    low, high = total_interval(5, sign)
    inside = [n for n in range(61) if low < n < high]
    meets = {"<": range(5), "<=": range(6), ">": range(6, 61), ">=": range(5, 61), "": range(5, 6)}[sign]
    assert inside == list(meets) and most in inside
    # a bound between two whole totals: "<4.5" and "<=4.5" are both 4 or less
    low, high = total_interval(4.5, sign or "<")
    assert [n for n in range(61) if low < n < high] == list(range(5) if sign in ("<", "<=", "") else range(5, 61))


@pytest.mark.parametrize(
    ("scale", "total", "says"),
    [
        ("MADRS", ">60", "no MADRS total lies above 60"),
        ("MADRS", "<0", "no MADRS total lies below 0"),
        ("QIDS", ">27", "no QIDS-SR16 total lies above 27"),
        ("CADSS", "<0", "no CADSS total lies below 0"),
    ],
)
def test_a_bound_that_no_total_meets_is_a_problem_with_its_remedy(scale: str, total: str, says: str) -> None:
    with pytest.raises(PersonFileError) as caught:
        person(total, scale)
    (problem,) = caught.value.problems
    assert says in problem.what and ("<=0" in problem.fix or ">=" in problem.fix)


@pytest.mark.parametrize("total", ["=5", "<>5", "=<5", "<5>", "<<5", "< ", "<-1", "5"])
def test_what_is_no_bound_is_no_number(total: str) -> None:
    with pytest.raises(PersonFileError, match="the total is a number"):
        person(total)


def test_a_table_reads_bounds_as_a_person_file_does() -> None:
    signs = ("<5", "<=5", ">5", ">=5", "5")
    lines = "".join(f"a,{day},,MADRS,{sign},observed\n" for day, sign in enumerate(signs, start=1))
    (one,), doubts = table_of(HEAD + "a,0,ketamine iv 0.5 mg/kg over 40 min,MADRS,34,observed\n" + lines)
    assert [(row.censor, row.total) for row in one.rows[1:]] == [("<", 5), ("<=", 5), (">", 5), (">=", 5), ("", 5)]
    assert not doubts
    bad = "a,1,,MADRS,>60,observed\na,2,,MADRS,<0,observed\na,3,,MADRS,=5,observed\na,4,,MADRS,<>5,observed\n"
    with pytest.raises(TableError) as caught:
        table_of(HEAD + bad)
    assert [problem.where for problem in caught.value.problems] == [f"the table, line {n}" for n in (2, 3, 4, 5)]
    _, doubts = table_of(HEAD + "a,0,ketamine iv 0.5 mg/kg over 40 min,MADRS,>30,observed\na,7,,MADRS,,target\n")
    assert doubts == ("the table, line 2: the baseline >30 of a is a bound and is not used",)


def test_a_bound_among_the_targets_stays_one(tmp_path: Any) -> None:
    """A target row that holds a bound is printed with it, and has neither PIT nor CRPS."""
    file = tmp_path / "people.csv"
    file.write_text(HEAD + "a,0,ketamine iv 0.5 mg/kg over 40 min,MADRS,34,observed\na,7,,MADRS,<=9,target\n")
    head, row = (line.split(",") for line in forecast_table(file).splitlines())
    found = dict(zip(head, row, strict=True))
    assert found["score"] == "<=9" and found["pit"] == found["crps"] == ""


def test_bounds_and_their_opposites_add_up_to_one() -> None:
    """For every member: P(<5) + P(>=5) = 1, P(<=5) = P(<5) + P(5), and >0 excludes 0."""
    pool = Pool.of(Traits(weight=70.0, age=45.0), 8, 4)
    way = Given((), 48.0)
    times = np.array([24.0])
    seen = Seen(pool, integrate(pool, [way], way.grid(times)), 0, "saline")

    def chance(total: float, sign: str) -> np.ndarray:
        low, high = total_interval(total, sign)
        one = Observation("mood", "MADRS", 24.0, low, high, "")
        return np.exp(learn(seen, [one], Baseline({"MADRS": 34.0})).table[0])

    np.testing.assert_allclose(chance(25, "<") + chance(25, ">="), 1.0, rtol=1e-9)
    np.testing.assert_allclose(chance(25, "<") + chance(25, ""), chance(25, "<="), rtol=1e-9)
    np.testing.assert_allclose(chance(0, ">") + chance(0, ""), 1.0, rtol=1e-9)
    none = chance(0, "") > 1e-15  # members to whom a total of 0 is more than rounding
    assert none.sum() > 8 and (chance(0, ">")[none] < 1.0).all()
    assert (chance(0, ">=") == 1.0).all() and (chance(60, "<=") == 1.0).all()
    assert (chance(30, "<") < chance(30, "<=")).all()


def test_levels_are_continuous() -> None:
    """A level has no half step: "<5" and "<=5" are the same; nothing lies below 0."""

    def level(value: object) -> Any:
        entry = {"analyte": "ketamine", "day": 0, "minutes": 120, "value": value, "unit": "ng/mL"}
        return person_of({"dose": DOSE, "score": [BEFORE], "level": [entry]})

    ends = {sign: case_of(level(sign)).observations[0] for sign in ("<5", "<=5", ">5", ">=5", ">0")}
    assert (ends["<5"].low, ends["<5"].high) == (ends["<=5"].low, ends["<=5"].high) == (0.0, 5.0)
    assert (ends[">5"].low, ends[">5"].high) == (ends[">=5"].low, ends[">=5"].high) == (5.0, math.inf)
    assert (ends[">0"].low, ends[">0"].high) == (0.0, math.inf)
    with pytest.raises(PersonFileError, match="no level lies below 0"):
        level("<0")


def test_a_total_at_the_end_of_its_scale_is_shown_as_it_is() -> None:
    """The course by observation shows the total that was given, also 0, not the middle of what rounds to it."""
    found = course_by_observation(
        {"dose": DOSE, "score": [BEFORE, {"scale": "MADRS", "day": 1, "total": 0}]}, ["stop"], days=7
    )
    assert [row["total"] for row in found["scores"]] == [0.0]


def test_every_problem_of_a_line_of_a_table_is_listed() -> None:
    """Unknown words do not hide an unknown scale on the same line; a weight in pounds is asked about."""
    head = HEAD.replace("role", "role,weight_kg")
    with pytest.raises(TableError) as caught:
        table_of(head + "a,03/15/2026,ketamin iv 0.5 mg/kg over 40 min,HAMX,20,observed,\n")
    assert [word in " ".join(p.what for p in caught.value.problems) for word in ("day is", "ketamin", "HAMX")] == [
        True
    ] * 3
    _, doubts = table_of(head + "a,0,ketamine iv 0.5 mg/kg over 40 min,MADRS,34,observed,180\na,7,,MADRS,,target,180\n")
    assert len(doubts) == 1 and "pounds suspected (81.6 kg if so)" in doubts[0]


@pytest.mark.parametrize(
    ("line", "remedy"),
    [("date = 03/15/2026", "date = 2026-03-15"), ("start = 15.03.2026", "start = 2026-03-15")],
)
def test_a_date_without_quotes_in_another_form_is_answered_with_the_line_that_works(
    line: str, remedy: str, tmp_path: Any
) -> None:
    file = tmp_path / "person.toml"
    file.write_text(f"age = 44\n{line}\n")
    with pytest.raises(PersonFileError) as caught:
        read_person(file)
    (problem,) = caught.value.problems
    assert problem.where.endswith("line 2") and problem.fix == remedy
