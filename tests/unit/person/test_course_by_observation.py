"""The course as it is believed entry by entry: the same belief as the forecast's, and each score held against what the earlier ones gave."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.person.forecast import forecast
from ketasim.person.steps import NAMES, course_by_observation

pytestmark = pytest.mark.xdist_group("forecast")

IV = "ketamine iv 0.5 mg/kg over 40 min"


def person(scores: dict[float, Any]) -> dict[str, Any]:
    listed = [{"scale": "MADRS", "day": day, "total": total} for day, total in scores.items()]
    return {"age": 44, "weight_kg": 82, "dose": [{"day": d, "words": IV} for d in (0, 3, 7)], "score": listed}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return course_by_observation(person({0: 34, 1: 24, 7: 20}), days=14)


def test_prior_first_then_one_step_an_entry(found: dict[str, Any]) -> None:
    assert [step["observation"] for step in found["steps"]] == ["", "MADRS 24 on day 1", "MADRS 20 on day 7"]
    assert found["baseline"] == 34 and found["doses"] == [0.0, 3.0, 7.0] and found["start_day"] == 8.0
    assert found["days"][-1] == pytest.approx(22.0) and {1.0, 7.0} <= set(found["days"])
    for step in found["steps"]:
        table = np.array([step[name] for name in NAMES])
        assert table.shape == (5, len(found["days"])) and (np.diff(table, axis=0) >= 0).all()
        assert table.min() >= 0 and table.max() <= 60
    json.dumps(found, allow_nan=False)


def test_the_last_step_is_the_forecast_without_a_further_dose(found: dict[str, Any]) -> None:
    ahead = forecast(person({0: 34, 1: 24, 7: 20}), "stop", days=14)["options"][0]["outputs"]["madrs"]
    at_end = {name: found["steps"][-1][name][-1] for name in NAMES}
    assert at_end == pytest.approx({name: ahead[name][-1] for name in NAMES}, abs=1e-3)


def test_a_score_pulls_the_course_towards_itself(found: dict[str, Any]) -> None:
    low = course_by_observation(person({0: 34, 1: 6}), days=14)
    high = course_by_observation(person({0: 34, 1: 33}), days=14)
    at = low["days"].index(1.0)
    assert low["steps"][0]["median"][at] == pytest.approx(high["steps"][0]["median"][at])  # nobody has been rated yet
    assert low["steps"][1]["median"][at] < low["steps"][0]["median"][at] < high["steps"][1]["median"][at]


def test_each_score_is_held_against_the_earlier_ones(found: dict[str, Any]) -> None:
    first = found["scores"][0]
    at = found["days"].index(1.0)
    prior = found["steps"][0]
    assert first["total"] == first["madrs"] == 24 and first["day"] == 1.0
    # the prior of a total on the scale of the course is the course itself, read more finely
    assert first["expected"]["median"] == pytest.approx(prior["median"][at], abs=0.2)
    assert first["expected"]["low80"] == pytest.approx(prior["low80"][at], abs=0.5)
    assert first["inside"] == (first["expected"]["low80"] < 24.5 and first["expected"]["high80"] > 23.5)
    surprise = course_by_observation(person({0: 34, 1: 24, 7: 58}), days=7)["scores"][-1]
    assert surprise["inside"] is False


def test_nobody_in_the_model_could_be_this_person() -> None:
    strange = {
        "dose": [{"day": 0, "words": IV}],
        "level": [{"analyte": "ketamine", "day": 0.03, "value": 90000, "unit": "ng/mL"}],
    }
    found = course_by_observation(strange, days=7)
    assert found["steps"][1]["reason"] and found["steps"][1]["median"] is None
    assert found["steps"][0]["median"]


def test_the_length_is_limited() -> None:
    with pytest.raises(UsageError, match="400 days"):
        course_by_observation(person({0: 34}), days=400)
