"""Design files: everything that is wrong is said at once with its line, whatever is written; nothing hangs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.core import UsageError
from ketasim.trial.read import design_from_text

GOOD = """
title = "Two arms"
setting = "nasal-placebo"
visits = ["24 h", "7 d", "28 d"]
n = 120
[arms.placebo]
words = "placebo nasal"
repeat = "twice weekly x 8"
[arms.esketamine]
words = "esketamine nasal 84 mg"
repeat = "twice weekly x 8"
"""


def problems(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        design_from_text(text)
    return str(caught.value)


def test_a_design_says_what_it_is() -> None:
    d = design_from_text(GOOD)
    assert d.names == ("placebo", "esketamine") and d.comparator == "placebo"
    assert d.visits_h == (24.0, 168.0, 672.0) and d.endpoint.at_h == 672.0 and d.endpoint.arm == "esketamine"
    assert d.analysis.method == "mmrm" and d.scale == "MADRS"


BAD = """
title = "Nearly everything wrong"
setting = "nasal-placebo"
scale = "MADSR"
visits = ["7 d", "24 h", "28 d"]
missing = 1.4
duration_months = 12
[arms.placebo]
words = ""
[arms.esketamine]
words = "esketamine nasal 84 mg"
ratio = 1.5
[randomisation]
strata = ["site"]
[endpoint]
measure = "change"
at = "10 d"
[[rules]]
at = ["7 d"]
when = "crp > 3"
then = "stop"
[colour]
red = 1
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (4, "unknown scale 'MADSR'"),
        (5, "visits out of order: 24 h"),
        (6, "a probability cannot be 1.4"),
        (7, "a duration without accrual"),
        (9, "the arm 'placebo' has no doses"),
        (12, "a ratio of 1.5 cannot fill whole blocks"),
        (17, "read at day 10, where no visit is"),
        (20, "asks for 'crp', which is not measured"),
        (22, "unknown field 'colour'"),
    ],
)
def test_every_problem_is_listed_with_its_line(line: int, words: str) -> None:
    told = problems(BAD)
    assert re.search(rf"design\.toml:{line}: .*{re.escape(words)}", told), told


def test_the_count_is_that_of_the_list() -> None:
    told = problems(BAD)
    assert int(told.split()[0]) == len(re.findall(r"design\.toml:\d+: ", told))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("esketamine nasal 84 mg", "esketamin nasal 84 mg", "esketamin"),
        ("n = 120", "n = 3", "too few for 2 arms"),
        ("n = 120", 'n = "many"', "n is a number"),
        ('visits = ["24 h", "7 d", "28 d"]', 'visits = ["24 h", "seven d"]', "cannot read the time"),
        ('visits = ["24 h", "7 d", "28 d"]', 'visits = ["24"]', "has no unit"),
        ("n = 120", 'n = 120\nhypotheses = ["opiod-gate"]', "unknown entry 'opiod-gate'"),
        (
            "n = 120",
            "n = 120\n[people]\nage = { mean = 45, sd = 40, min = 18, max = 64 }",
            "an SD of 40 around 45 is impossible",
        ),
        ("n = 120", "n = 120\n[dropout]\nper_week = -1", "a hazard per week cannot be -1"),
        ("n = 120", 'n = 120\ndesign = "crossover"', "a crossover says when the second period begins"),
        ("n = 120", 'n = 120\ndesign = "withdrawal"', "who is randomised and when"),
        ("n = 120", 'n = 120\n[endpoint]\nmeasure = "relapse"', "stable people are randomised"),
        ("n = 120", "n = 120\n[analysis]\nalpha = 0", "the level is between 0 and 1"),
    ],
)
def test_single_mistakes(old: str, new: str, words: str) -> None:
    # tables come after the top keys in TOML: put a new table at the end
    head, _, table = new.partition("\n[")
    text = GOOD.replace(old, head) + (f"[{table}\n" if table else "")
    assert words in problems(text)


NAMES = st.sampled_from(
    [
        "title",
        "design",
        "setting",
        "scale",
        "n",
        "visits",
        "missing",
        "comparator",
        "hypotheses",
        "duration_months",
        "x",
        "measured",
    ]
)
VALUES = st.one_of(
    st.integers(-3, 10**9),
    st.floats(allow_nan=True, allow_infinity=True),
    st.booleans(),
    st.sampled_from(["", "crossover", "MADRS", "saline", "24 h", "-1 d", "withdrawal", "placebo"]),
    st.lists(st.one_of(st.sampled_from(["24 h", "7 d", "7", "x d", ""]), st.integers(-1, 90)), max_size=4),
)


def written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(written(v) for v in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


@settings(max_examples=150)
@given(
    st.dictionaries(NAMES, VALUES, max_size=5),
    st.dictionaries(st.sampled_from(["ratio", "words", "repeat", "with", "add_on"]), VALUES, max_size=3),
    st.dictionaries(st.sampled_from(["block", "strata"]), VALUES, max_size=2),
)
def test_whatever_is_written_is_a_design_or_a_list_of_problems(top: dict, arm: dict, randomisation: dict) -> None:
    own = {"visits": ["24 h"]} | top
    arm_keys = {"words": "ketamine iv 0.5 mg/kg over 40 min"} | arm
    text = "\n".join(f"{k} = {written(v)}" for k, v in own.items())
    text += "\n[arms.a]\n" + "\n".join(f"{k} = {written(v)}" for k, v in arm_keys.items())
    text += '\n[arms.b]\nwords = "placebo iv"\n[randomisation]\n' + "\n".join(
        f"{k} = {written(v)}" for k, v in randomisation.items()
    )
    try:
        design = design_from_text(text)
    except UsageError as error:
        assert "problem" in str(error) or "not valid TOML" in str(error)
    else:
        assert design.visits_h == tuple(sorted(design.visits_h))
