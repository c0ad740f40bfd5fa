"""The text for an emergency comes before a forecast as before a screening, and a bound of suicidal thoughts counts by what it may be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ketasim.person.file import person_of
from ketasim.person.forecast import forecast
from ketasim.person.screening import emergency_first, screen
from ketasim.report.crisis import EMERGENCY

LINES = 'age = 44\n[[score]]\nscale = "MADRS"\nday = 0\ntotal = 44\n'
ITEM = '[[score]]\nscale = "MADRS item 10"\nday = 0\ntotal = {}\n'


def thoughts(*totals: object) -> Any:
    return person_of({"score": [{"scale": "IDEATION", "day": -i, "total": t} for i, t in enumerate(reversed(totals))]})


@pytest.mark.parametrize(
    ("totals", "first"),
    [
        ((5,), True),
        ((4,), False),
        ((">4",), True),
        ((">=5",), True),
        (("<5",), False),
        (("<=5",), False),
        ((">3",), True),
        ((">=3",), True),
        ((6, 2), False),
        ((2, 6), True),
        ((2, "missing"), False),
    ],
)
def test_a_total_or_bound_of_suicidal_thoughts(totals: tuple[object, ...], first: bool) -> None:
    who = thoughts(*totals)
    assert emergency_first(who) is first and screen(who).emergency is first


def test_of_two_totals_at_a_time_each_counts() -> None:
    for pair in ((6, 1), (1, 6)):
        who = person_of({"score": [{"scale": "IDEATION", "day": 0, "total": total} for total in pair]})
        assert emergency_first(who) and screen(who).emergency


def test_intent_comes_first_and_an_unknown_or_a_no_does_not() -> None:
    assert emergency_first(person_of({"active_suicidal_intent": True}))
    assert not emergency_first(person_of({"active_suicidal_intent": False}))
    assert not emergency_first(person_of({"age": 44}))


def test_a_forecast_begins_with_the_emergency(tmp_path: Path, ketasim: Callable[..., Any]) -> None:
    file = tmp_path / "person.toml"
    file.write_text(LINES + ITEM.format(6))
    told = ketasim("forecast", str(file))
    assert told.code == 0 and told.out.startswith(EMERGENCY)
    assert "In a crisis" in told.out.splitlines()[1]
    assert ketasim("forecast", str(file), "--json").out.startswith('{\n  "crisis"')
    file.write_text(LINES + ITEM.format(2))
    told = ketasim("forecast", str(file))
    assert EMERGENCY not in told.out and "In a crisis" in told.out


def test_a_refused_forecast_still_says_where_help_is(tmp_path: Path, ketasim: Callable[..., Any]) -> None:
    """A level in the wrong unit: no forecast, with the line of the entry; the emergency is said all the same."""
    file = tmp_path / "person.toml"
    level = '[[level]]\nanalyte = "ketamine"\nday = 0\nminutes = 40\nvalue = 170\nunit = "umol/L"\n'
    dose = '[[dose]]\nday = 0\nwords = "ketamine iv 0.5 mg/kg over 40 min"\n'
    file.write_text(LINES + ITEM.format(6) + dose + level)
    told = ketasim("forecast", str(file))
    assert told.code == 1 and told.out.startswith(EMERGENCY) and "In a crisis" in told.out
    assert "(line 13)" in told.err and "another unit" in told.err


def test_forecast_of_a_mapping_says_whether_it_is_an_emergency() -> None:
    assert forecast({"active_suicidal_intent": True})["emergency"] is True
