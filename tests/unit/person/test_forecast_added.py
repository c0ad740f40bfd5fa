"""Options with something beside the drug: words, size drawn for everybody alike, honest about what nobody knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ketasim.core import UsageError, values
from ketasim.person.add_ons import NAMES, Added, split_added
from ketasim.person.forecast import forecast
from ketasim.person.options import STOP, read_option
from ketasim.ratings.add_ons import add_on_course
from ketasim.report.forecast_text import forecast_text

pytestmark = pytest.mark.xdist_group("forecast")

IV = "ketamine iv 0.5 mg/kg over 40 min"
PLAIN, WITH, TABLET = (
    f"{IV}, twice weekly x 4",
    f"{IV}, twice weekly x 4 with psychotherapy",
    f"{IV} twice weekly x 4 with escitalopram oral 10 mg daily",
)
UNKNOWN = f"{IV} twice weekly x 4 with an anti-inflammatory drug from 2 d to 20 d"


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    who = {"age": 44, "weight_kg": 70, "score": [{"scale": "MADRS", "day": 0, "total": 34}]}
    return forecast(who, ("stop with psychotherapy", PLAIN, WITH, UNKNOWN, TABLET))


@pytest.mark.parametrize(
    ("words", "rest", "added"),
    [
        (WITH, f"{IV}, twice weekly x 4", (Added("psychotherapy"),)),
        (UNKNOWN, f"{IV} twice weekly x 4", (Added("anti-inflammatory", 2.0, 20.0),)),
        (f"{IV} with CBT from day 1, with exercise", IV, (Added("psychotherapy", 1.0), Added("lifestyle"))),
        (TABLET, TABLET, ()),
        ("stop with lifestyle support to 28 days", "stop", (Added("lifestyle", 0.0, 28.0),)),
    ],
)
def test_words(words: str, rest: str, added: tuple[Added, ...]) -> None:
    assert split_added(words) == (rest, added)


def test_words_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="ends before it begins"):
        split_added(f"{IV} with psychotherapy from 9 d to 3 d")
    with pytest.raises(UsageError, match="added twice"):
        split_added(f"{IV} with psychotherapy with cbt")
    with pytest.raises(UsageError, match="hypnosis"):
        read_option(f"{IV} with hypnosis")
    option = read_option("no further dose with psychotherapy")
    assert option.regimen is None and option.words == f"{STOP} with psychotherapy"


def test_course_by_hand() -> None:
    """1 - exp(-(t - from)/onset) up to `to`, then what was reached times exp(-(t - to)/onset)."""
    found = add_on_course([0.0, 24.0, 48.0, 96.0], 24.0, 72.0, 48.0)
    reached = 1 - np.exp(-1.0)
    assert found == pytest.approx([0.0, 0.0, 1 - np.exp(-0.5), reached * np.exp(-0.5)])


def test_the_size_follows_the_only_trial() -> None:
    """wilkinson_2021_cbt_02: d -0.65 (-1.82 to 0.55), normal on d: SE 2.37/3.92; the same factor takes both to the drive."""
    size = values("add_ons")["psychotherapy_drive"]
    assert size.uncertain is not None
    assert size.value / size.uncertain.sd == pytest.approx(0.65 / ((1.82 + 0.55) / 3.92), rel=0.03)
    assert all(f"{kind.replace('-', '_')}_drive" in values("add_ons") for kind in NAMES)


def test_everybody_has_one_size_under_every_option() -> None:
    members = np.arange(500)
    one = Added("psychotherapy").drive(np.array([700.0]), 24.0, members)
    later = Added("psychotherapy").drive(np.array([724.0]), 48.0, members)
    assert one == pytest.approx(later)
    size = values("add_ons")["psychotherapy_drive"]
    full = Added("psychotherapy").drive(np.array([1e6]), 0.0, members)[:, 0]
    assert full.mean() == pytest.approx(size.value, abs=4 * 0.36 / np.sqrt(500))
    assert full.std() == pytest.approx(0.36, rel=0.1)
    assert Added("psychotherapy", 5.0).drive(np.array([24.0 + 5 * 24.0]), 24.0, members) == pytest.approx(0.0)


def test_what_is_added_stands_in_benefit_and_placebo_alike(found: dict[str, Any]) -> None:
    alone, plain, with_it, _, tablet = found["options"]
    assert [one["kind"] for one in with_it["added"]] == ["psychotherapy"] and plain["added"] == []
    for key in ("response", "remission"):
        assert with_it[key]["probability"] > plain[key]["probability"] + 0.01
        assert with_it[key]["placebo"] > plain[key]["placebo"] + 0.01  # the same beside placebo
    assert alone["response"]["placebo"] is None and alone["harm"]["sessions"] == 0
    assert with_it["harm"]["dissociation"] == plain["harm"]["dissociation"]
    # a tablet acts through the chain and stays beside placebo too
    assert tablet["added"] == [] and tablet["response"]["placebo"] > plain["response"]["placebo"]


def test_nothing_known_widens_and_does_not_shift(found: dict[str, Any]) -> None:
    plain, unknown = found["options"][1], found["options"][3]
    course = [one["outputs"]["madrs"] for one in (plain, unknown)]
    middle = [c["median"][2] for c in course]
    assert middle[0] == pytest.approx(middle[1], abs=0.6)
    assert unknown["added"][0]["drive"] == 0.0 and unknown["added"][0]["basis"] == "assumed"
    assert (unknown["added"][0]["from_day"], unknown["added"][0]["to_day"]) == (2.0, 20.0)


def test_the_text_names_the_trial_and_its_doubt(found: dict[str, Any]) -> None:
    text = forecast_text(found | {"crisis": "", "notice": ""})
    assert "One trial of 28 responders" in text and "wilkinson_2021_cbt_02" in text
    assert "no trial of one in the evidence" in text
    assert text.count("Psychotherapy (drive") == 1
