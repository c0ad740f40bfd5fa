"""What is asked for: times, horizons, and words that cannot be carried out."""

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.scenario.plan import Scenario, read_times, scenario

KETAMINE = "ketamine iv 0.5 mg/kg over 40 min"


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("0,0.67,2,24,168", (0.0, 0.67, 2.0, 24.0, 168.0)),
        ("40 min,24 h,7 d", (40 / 60, 24.0, 168.0)),
        ("40min, 24h ,7d", (40 / 60, 24.0, 168.0)),
        ("-45 min", (-0.75,)),
        ("1e1", (10.0,)),
        ("2 days; 3 hours", (48.0, 3.0)),
    ],
)
def test_times_are_read(text: str, hours: tuple[float, ...]) -> None:
    assert read_times(text) == pytest.approx(hours, rel=1e-12)


@pytest.mark.parametrize("text", ["", "1,,2", "two", "3 weeks", "1 h 30 min", "nan", "inf", "1e9"])
def test_bad_times_teach(text: str) -> None:
    with pytest.raises(UsageError, match="--at"):
        read_times(text)


def test_output_times_are_those_asked_for_each_once_ascending() -> None:
    asked = scenario(KETAMINE, at="24,2,24,0")
    assert asked.times_h.tolist() == [0.0, 2.0, 24.0]


@pytest.mark.parametrize(
    ("options", "days"),
    [
        ({}, 7.0),
        ({"repeat": "twice weekly x 6"}, 24.0),
        ({"days": 28}, 28.0),
        ({"days": 1, "at": "48"}, 2.0),
        ({"repeat": "weekly"}, 56.0),
    ],
)
def test_the_run_ends_a_week_after_the_last_dose_or_where_asked(options: dict, days: float) -> None:
    assert scenario(KETAMINE, **options).end_h == pytest.approx(24 * days)


def test_default_times_never_pass_the_end() -> None:
    asked = scenario(KETAMINE, days=2)
    assert asked.times_h[-1] == 48.0 and np.all(np.diff(asked.times_h) > 0)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"setting": "home"}, ("unknown setting", "--setting saline")),
        ({"days": 0}, ("0 days", "--days 28")),
        ({"days": float("nan")}, ("nan days",)),
        ({"wieght": 70}, ("unknown option 'wieght'", "weight")),
        ({"compound": "/nowhere/compound.toml"}, ("/nowhere/compound.toml",)),
    ],
)
def test_bad_options_teach(options: dict, parts: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        scenario(KETAMINE, **options)
    assert all(part in str(caught.value) for part in parts)


def test_a_scenario_is_a_frozen_value() -> None:
    asked = scenario(KETAMINE)
    with pytest.raises(AttributeError):
        asked.setting = "open"  # type: ignore[misc]
    other = asked.but(setting="open")
    assert (asked.setting, other.setting, isinstance(other, Scenario)) == ("saline", "open", True)
