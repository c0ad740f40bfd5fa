"""The JSON of `ketasim trial`, field by field, as it was promised to those who read it by machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ketasim import trial as in_python
from ketasim.trial.library import library

TEXT = """
title = "Two sizes"
setting = "saline"
visits = ["24 h", "7 d"]
n = 30
hypotheses = ["disinhibition"]
[arms.saline]
words = "placebo iv"
[arms.ketamine]
words = "ketamine iv 0.5 mg/kg over 40 min"
[endpoint]
at = "24 h"
"""
ONE_ARM = TEXT.replace('[arms.saline]\nwords = "placebo iv"\n', "")
TOP = {"design", "seed", "version", "sims", "analysis", "estimand", "power", "arms", "contrast", "replay"}
POWER = {"n", "power", "mc_se", "low", "high"}
VISIT = {"day", "n", "mean_change", "sd_change", "response", "remission", "dropout"}
OPTIONS = ("--sims", "16", "--seed", "1", "--json")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shapes") / "two.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def number(x: object) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool)


def as_promised(found: dict[str, Any], sizes: list[int]) -> None:
    assert set(found) >= TOP
    assert found["seed"] == 1 and isinstance(found["version"], str) and isinstance(found["sims"], int)
    assert isinstance(found["analysis"], str) and isinstance(found["estimand"], str) and found["estimand"]
    assert [p["n"] for p in found["power"]] == sizes
    for p in found["power"]:
        assert set(p) >= POWER and all(number(p[key]) for key in POWER)
        assert 0.0 <= p["low"] <= p["high"] <= 1.0 and 0.0 <= p["power"] <= 1.0 and p["mc_se"] >= 0.0
    for arm in found["arms"]:
        assert set(arm) >= {"arm", "n", "visits"} and isinstance(arm["arm"], str) and number(arm["n"])
        for visit in arm["visits"]:
            assert set(visit) >= VISIT and all(number(visit[key]) for key in VISIT), visit
            assert all(0.0 <= visit[key] <= 1.0 for key in ("response", "remission", "dropout"))


def test_the_list(ketasim: Any) -> None:
    done = ketasim("trial", "--list", "--json")
    rows = json.loads(done.out)
    assert done.code == 0 and [row["id"] for row in rows] and {row["id"] for row in rows} == set(library())
    assert all(set(row) == {"id", "study", "title"} for row in rows)
    assert all(isinstance(word, str) and word for row in rows for word in row.values())


def test_a_trial_of_two_sizes(ketasim: Any, place: Path) -> None:
    done = ketasim("trial", str(place), "--n", "20,30", *OPTIONS)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    as_promised(found, [20, 30])
    assert found["sims"] == 16 and found["replay"] is None and found["null"] is False
    assert [arm["arm"] for arm in found["arms"]] == ["saline", "ketamine"]
    assert sum(arm["n"] for arm in found["arms"]) == pytest.approx(30.0)  # of the largest size; n is randomised in all
    assert all([visit["day"] for visit in arm["visits"]] == [1.0, 7.0] for arm in found["arms"])
    contrast = found["contrast"]
    assert all(number(contrast[key]) for key in ("mean", "low", "high"))
    assert contrast["low"] <= contrast["mean"] <= contrast["high"]
    assert (contrast["endpoint"], contrast["day"]) == ("change", 1.0)
    assert (contrast["arm"], contrast["comparator"]) == ("ketamine", "saline")
    for words in ("Population: ", "Variable: ", "Intercurrent events: ", "Summary: "):
        assert words in found["estimand"]
    made = in_python(str(place), (20, 30), 16, seed=1).to_dict()
    assert json.loads(json.dumps(made)) == found


def test_a_design_that_ships_is_beside_what_was_published(ketasim: Any) -> None:
    done = ketasim("trial", "Lii2023", "--n", "30,40", "--sims", "8", "--seed", "1", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    as_promised(found, [30, 40])
    assert set(found["replay"]) >= {"published", "pit"}
    assert number(found["replay"]["published"]) and 0.0 <= found["replay"]["pit"] <= 1.0


def test_one_arm_has_no_power(ketasim: Any, place: Path) -> None:
    one = place.with_name("one.toml")
    one.write_text(ONE_ARM, encoding="utf-8")
    found = json.loads(ketasim("trial", str(one), "--n", "20,30", *OPTIONS).out)
    as_promised(found, [])
    assert found["contrast"] is None and [arm["arm"] for arm in found["arms"]] == ["ketamine"]


def test_under_the_null_every_arm_gets_the_placebo(ketasim: Any, place: Path) -> None:
    """No effect, nothing felt, no adverse effect of a drug: the arms differ by chance alone."""
    done = json.loads(ketasim("trial", str(place), "--n", "20,30", "--null", *OPTIONS).out)
    as_promised(done, [20, 30])
    assert done["null"] is True
    placebo, other = done["arms"]
    assert placebo["harm"] == other["harm"] and other["harm"]["cadss_peak"] == 0.0
    assert done["contrast"]["arm"] == "ketamine" and done["bias"] == {}
