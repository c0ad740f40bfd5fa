"""The JSON of `screen` and `forecast` and the CSV of the batch form, field by field as issue 14 asks for them."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("forecast")

IV = "ketamine iv 0.5 mg/kg over 40 min"
PERSON = f"""age = 44
weight_kg = 82
aneurysm = false
[[blood_pressure]]
day = 0
sbp = 128
dbp = 80
[[dose]]
day = 0
words = "{IV}"
[[score]]
scale = "MADRS"
day = 0
total = 34
[[score]]
scale = "MADRS"
day = 1
total = 20
"""
GRADES = ("absolute", "stop_and_refer", "delay", "caution", "note")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "person.toml"
    place.write_text(PERSON)
    return place


def test_screen(ketasim: Any, file: Path) -> None:
    answer = ketasim("screen", str(file), "--json")
    assert answer.code == 0
    found = json.loads(answer.out)
    assert found["verdict"] in ("not cleared", "cleared") and found["verdict"] == "not cleared"  # most is not said
    assert len(found["rules"]) >= 25
    for rule in found["rules"]:
        for key in ("id", "state", "grade", "jurisdiction", "source"):
            assert isinstance(rule[key], str) and rule[key], (rule["id"], key)
        assert rule["state"] in ("fires", "silent", "unknown") and rule["grade"] in GRADES
        assert {part.strip() for part in rule["jurisdiction"].split(",")} <= {"US", "EU", "UK", "any"}
    assert isinstance(found["monitoring"], list) and found["monitoring"]
    assert {step["phase"] for step in found["monitoring"]} == {"before", "during", "discharge", "course"}
    assert isinstance(found["missing"], list) and "arteriovenous_malformation" in found["missing"]
    assert "aneurysm" not in found["missing"]


def test_forecast(ketasim: Any, file: Path) -> None:
    options = ("stop", f"{IV} weekly x 4")
    answer = ketasim("forecast", str(file), "--option", options[0], "--option", options[1], "--json")
    assert answer.code == 0
    found = json.loads(answer.out)
    assert isinstance(found["options"], list) and len(found["options"]) == 2
    assert found["options"][1]["words"] == options[1]
    for option in found["options"]:
        assert isinstance(option["words"], str)
        course = option["outputs"]["madrs"]
        assert len(course["days"]) == len(course["median"]) == len(course["low"]) == len(course["high"])
        assert all(
            low <= middle <= high
            for low, middle, high in zip(course["low"], course["median"], course["high"], strict=True)
        )
        for key in ("response", "remission"):
            assert 0.0 <= option[key]["probability"] <= 1.0 and option[key]["rule"]
        assert option["relapse"]["probability"] is None or 0.0 <= option["relapse"]["probability"] <= 1.0
        assert option["relapse"]["rule"]
        assert option["harm"]["sessions"] >= 0
    harm = found["options"][1]["harm"]
    assert harm["sessions"] == 4
    assert 0.0 <= harm["pressure_above_limits"]["any_session"] <= 1.0  # time above pressure limits, dissociation
    assert harm["sbp"]["minutes_above"]["high"] >= 0.0 and 0.0 <= harm["dissociation"]["share_above"] <= 1.0
    assert isinstance(found["learned"], list) and found["learned"][0]["observation"] == "MADRS 20 on day 1"
    assert all("shift_points" in one and "width80_factor" in one for one in found["learned"])
    assert isinstance(found["pareto_k"], float) and math.isfinite(found["pareto_k"])
    assert found["status"]["ok"] is True and found["status"]["method"] in ("importance", "refined")


def test_the_batch_form(ketasim: Any, tmp_path: Path) -> None:
    place = tmp_path / "people.csv"
    place.write_text(
        f"person,day,treatment,scale,score,role\nA,0,{IV},MADRS,34,observed\nA,1,{IV},MADRS,20,observed\nA,7,{IV},MADRS,,target\nA,14,{IV},MADRS,12,target\n"
    )
    answer = ketasim("forecast", "--table", str(place))
    assert answer.code == 0
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    assert [row["day"] for row in rows] == ["7", "14"]  # a line for each target row and no other
    for row in rows:
        quantiles = [float(row[name]) for name in ("0.025", "0.1", "0.25", "0.5", "0.75", "0.9", "0.975")]
        assert quantiles == sorted(quantiles) and quantiles[0] >= 0.0 and quantiles[-1] <= 60.0
    assert rows[0]["pit"] == "" and 0.0 <= float(rows[1]["pit"]) <= 1.0


BAD = """age = 44
weight_kg = 180
[[dose]]
day = 0
words = "ketamine iv 0.5 mg/kg over 40 min"
[[score]]
scale = "MADRS"
day = 1
total = 75
[[score]]
scale = "MADRAS"
day = 2
total = 20
[[score]]
scale = "MADRS"
date = 2026-03-02
total = 20
[[level]]
analyte = "ketamine"
day = -3
value = 120
unit = "ng/mL"
"""


@pytest.mark.parametrize("command", ["screen", "forecast"])
def test_everything_wrong_is_listed_with_line_and_remedy(ketasim: Any, tmp_path: Path, command: str) -> None:
    place = tmp_path / "person.toml"
    place.write_text(BAD)
    answer = ketasim(command, str(place))
    assert answer.code == 2 and answer.out == ""
    for line, words in ((9, "MADRS 75"), (11, "MADRAS"), (20, "before the first dose")):
        told = next((part for part in answer.err.splitlines() if f"line {line}:" in part), "")
        assert words in told, (line, answer.err)
    assert answer.err.count("try:") >= 3


def test_pounds_are_asked_about_and_used_as_written(ketasim: Any, tmp_path: Path) -> None:
    place = tmp_path / "person.toml"
    place.write_text("age = 44\nweight_kg = 180\nheight_cm = 165\n")
    answer = ketasim("screen", str(place))
    assert answer.code == 0 and "line 2" in answer.out and "pounds" in answer.out and "180" in answer.out
    assert json.loads(ketasim("screen", str(place), "--json").out)["verdict"] == "not cleared"
