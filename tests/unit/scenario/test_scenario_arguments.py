"""What is given from Python: numpy's numbers everywhere, anything that is no number or text refused with its name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ketasim.core import UsageError, drug
from ketasim.dose import dose, parse
from ketasim.scenario.plan import Scenario, scenario

B = "ketamine iv 0.5 mg/kg over 40 min"
NO_WORDS: list[Any] = [None, 5, 0.5, True, [], [B], b"ketamine iv 5 mg", {}, object(), np.array([1.0])]


@pytest.mark.parametrize("words", NO_WORDS)
def test_words_are_a_text(words: Any) -> None:
    for read in (parse, dose, scenario, Scenario, lambda item: parse(B, item), lambda item: dose(B).repeat(item)):
        with pytest.raises(UsageError, match="a text"):
            read(words)
    with pytest.raises(UsageError, match="a text"):
        dose(B).then(words)
    with pytest.raises(UsageError, match="a text"):
        dose(B).with_(words)
    if isinstance(words, bytes | int | float | bool):
        for read in (lambda item: parse(B, with_=item), lambda item: scenario(B, with_=item)):
            with pytest.raises(UsageError, match="with_"):
                read(words)


def test_several_co_medications_in_any_list() -> None:
    words = ["naltrexone oral 50 mg at -45 min", "ssri oral daily"]
    for given in (words, tuple(words), iter(words), np.array(words)):
        assert scenario(B, with_=given).with_ == tuple(words)
    assert scenario(B, with_=words[0]).with_ == (words[0],)
    assert scenario(B, with_=None).with_ == scenario(B, with_="").with_ == ()


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("people", np.int64(5), 5),
        ("people", np.int8(5), 5),
        ("people", np.float64(5.0), 5),
        ("people", np.array(5), 5),
        ("seed", np.uint32(7), 7),
        ("draws", np.int32(0), 0),
        ("days", np.float32(2.5), 2.5),
        ("days", np.int64(3), 3.0),
        ("at", 24, (24.0,)),
        ("at", np.float64(24), (24.0,)),
        ("at", np.array([0, 24]), (0.0, 24.0)),
        ("at", [np.int64(0), 24.0], (0.0, 24.0)),
        ("at", ("40 min", 2, "1 d"), (2 / 3, 2.0, 24.0)),
        ("at", range(3), (0.0, 1.0, 2.0)),
    ],
)
def test_numbers_of_any_kind_become_plain_ones(name: str, given: Any, kept: Any) -> None:
    found = getattr(scenario(B, **{name: given}), name)
    assert found == kept and type(found) is type(kept)
    assert not isinstance(found, tuple) or all(type(item) is float for item in found)


@pytest.mark.parametrize("trait", ["weight", "age", "baseline"])
def test_traits_take_numpy_numbers(trait: str) -> None:
    for number in (np.float64(50), np.int64(50), np.float32(50), 50):
        found = getattr(scenario(B, **{trait: number}).traits, trait)
        assert found == 50.0 and type(found) is float


@pytest.mark.parametrize(
    "options",
    [
        *(
            {name: given}
            for name in ("people", "seed", "draws")
            for given in (1.5, True, "10", None, [1], np.nan, np.bool_(True))
        ),
        *(
            {name: given}
            for name in ("weight", "age", "baseline")
            for given in ("70", [60, 70], np.array([60.0, 70.0]), True)
        ),
        *({"days": given} for given in ("28", [1], True, b"1")),
        *({"at": given} for given in ([None], [True], [[1.0]], b"24", {"a": 1}, np.array([[1.0, 2.0]]), ["soon"])),
        *(
            {"values": given}
            for given in ([1], 5, "clearance=5", {"..": "80"}, {"clearance": [1]}, {"clearance": True}, {5: 1.0})
        ),
        *({"values": {"clearance": given}} for given in (np.nan, np.inf, None)),
        *({"variants": given} for given in (5, ["circuit"], {"circuit": 5}, {"circuit": [5]})),
        *({"compound": given} for given in (5, b"x", [5], {"a": 1}.values())),
        {"draws": -1},
        {"setting": 5},
        {"repeat": 5},
        {"genotype": 5},
        {"sex": 1},
    ],
)
def test_what_is_no_number_or_text_is_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        scenario(B, **options)
    assert next(iter(options)).removesuffix("s") in str(caught.value)


def test_values_keep_numpy_numbers_as_floats() -> None:
    asked = scenario(B, values={"clearance": np.float64(50), "central_volume": np.int64(80)})
    assert asked.values == {"clearance": 50.0, "central_volume": 80.0}
    assert all(type(number) is float for number in asked.values.values())


def test_a_changed_scenario_is_judged_too() -> None:
    with pytest.raises(UsageError, match="people is a whole number"):
        scenario(B).but(people=1.5)


def test_compounds_are_drugs() -> None:
    assert parse(B, compounds=[drug("ketamine")]) == parse(B)
    for given in (5, "file.toml", [5], [None]):
        with pytest.raises(UsageError, match="a compound is a Drug"):
            parse(B, compounds=given)  # type: ignore[arg-type]


# length of the run ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "days", "at", "doses"),
    [
        ("ketamine oral 50 mg daily", 3, "1h, 145h", 3),
        ("ketamine oral 50 mg daily x 30", 3, "1h, 145h", 3),
        ("ketamine oral 50 mg q12h", 2, "145 h", 4),
        ("ketamine oral 50 mg at 0, 1, 2, 5 d", 3, "7 d", 3),
        ("ketamine oral 50 mg daily x 2, then twice daily", 3, "7 d", 5),  # 0, 1, 1.5, 2, 2.5 d
        ("esketamine nasal 56, 56, 84 mg twice weekly x 8", 8, "30 d", 3),
        ("ketamine oral 50 mg weekly with ssri oral daily", 10, "30 d", 2 + 10),
        ("ketamine oral 50 mg weekly with naltrexone oral 50 mg at -45 min", 10, "30 d", 2 + 2),
        ("ketamine oral 50 mg daily with naltrexone oral 50 mg at 2, 30 h", 3, "30 d", 3 + 3 + 2),
        ("ketamine oral 50 mg with ssri oral daily from 20 d", 3, "30 d", 1),
        ("ketamine oral 50 mg daily", 3, "1h, 72h", 3),
    ],
)
def test_later_times_never_add_doses(words: str, days: float, at: str, doses: int) -> None:
    """--at says when to look; the doses of a run of `days` days are the same whatever is asked."""
    asked, without = scenario(words, days=days, at=at), scenario(words, days=days)
    assert len(asked.regimen.doses(asked.end_h)) == doses
    given = [(row.time_h, row.dose) for row in asked.regimen.doses(asked.end_h)]
    assert given == [(row.time_h, row.dose) for row in without.regimen.doses(without.end_h)]
    assert asked.end_h >= max(asked.times_h)
    assert parse(str(asked.regimen)) == asked.regimen


def test_times_are_asked_about_where_a_comma_may_be_a_decimal_one() -> None:
    for words, fix in [("0,5", ""), ("24,168", ""), ("0,5 h, 1,5 h", ""), ("-0,75 h", '--at "-0.75 h"'), ("1,000", "")]:
        with pytest.raises(UsageError) as caught:
            scenario(B, at=words)
        assert caught.value.fix == fix, words
    for words, hours in [
        ("0,3,7", (0, 3, 7)),
        ("0,0.67,2", (0, 0.67, 2)),
        ("24, 168", (24, 168)),
        ("1h,145h", (1, 145)),
        ("0;24", (0, 24)),
    ]:
        assert scenario(B, at=words).at == hours
