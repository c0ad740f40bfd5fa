"""Options with something beside the drug: words, size drawn for everybody alike, honest about what nobody knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ketasim.core import UsageError, values
from ketasim.person.add_ons import added_drive
from ketasim.person.forecast import forecast
from ketasim.person.options import STOP, read_option
from ketasim.ratings.add_ons import KINDS, AddOn, add_on, add_on_course, split_add_ons, usual
from ketasim.report.forecast_text import forecast_text
from ketasim.scenario.plan import scenario

pytestmark = pytest.mark.xdist_group("forecast")

IV = "ketamine iv 0.5 mg/kg over 40 min"
PLAIN, WITH, TABLET = (
    f"{IV}, twice weekly x 4",
    f"{IV}, twice weekly x 4 with psychotherapy",
    f"{IV} twice weekly x 4 with escitalopram oral 10 mg daily",
)
UNKNOWN = f"{IV} twice weekly x 4 with an anti-inflammatory drug from 2 d to 20 d"


def timed(kind: str, from_day: float, to_day: float | None = None) -> AddOn:
    known = usual(kind)
    return replace(known, from_h=24.0 * from_day, to_h=known.to_h if to_day is None else 24.0 * to_day)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    who = {"age": 44, "weight_kg": 70, "score": [{"scale": "MADRS", "day": 0, "total": 34}]}
    return forecast(who, ("stop with psychotherapy", PLAIN, WITH, UNKNOWN, TABLET))


@pytest.mark.parametrize(
    ("words", "rest", "added"),
    [
        (WITH, f"{IV}, twice weekly x 4", (usual("psychotherapy"),)),
        (UNKNOWN, f"{IV} twice weekly x 4", (timed("anti-inflammatory", 2.0, 20.0),)),
        (f"{IV} with CBT from day 1, with exercise", IV, (timed("psychotherapy", 1.0), usual("lifestyle"))),
        (TABLET, TABLET, ()),
        (f"{TABLET} with lifestyle", TABLET, (usual("lifestyle"),)),
        (
            f"{IV} with cbt with escitalopram oral 10 mg daily",
            f"{IV} with escitalopram oral 10 mg daily",
            (usual("psychotherapy"),),
        ),
        ("stop with lifestyle support to 28 days", "stop", (timed("lifestyle", 0.0, 28.0),)),
        (
            f"{IV} with psychotherapy effect 0.2 sd 0.1 synergy 0.5",
            IV,
            (replace(usual("psychotherapy"), mean=0.2, sd=0.1, synergy_mean=0.5, synergy_sd=0.0),),
        ),
    ],
)
def test_words(words: str, rest: str, added: tuple[AddOn, ...]) -> None:
    assert split_add_ons(words, "--option") == (rest, added)


@pytest.mark.parametrize("kind", KINDS)
def test_one_meaning_in_a_run_in_a_trial_and_in_an_option(kind: str) -> None:
    words = f"{kind} from 1 d to 2 weeks effect 0.2 sd 0.1"
    assert read_option(f"{IV} with {words}").added == scenario(IV, with_=words).add_ons == (add_on(words),)


def test_words_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="ends before it begins") as error:
        read_option(f"{IV} with psychotherapy from 9 d to 3 d")
    assert "--option" in str(error.value)
    with pytest.raises(UsageError, match="added twice"):
        read_option(f"{IV} with psychotherapy with cbt")
    with pytest.raises(UsageError, match="added twice"):
        scenario(IV, with_=("psychotherapy", "cbt")).add_ons  # noqa: B018
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
    assert all(f"{kind.replace('-', '_').replace(' ', '_')}_drive" in values("add_ons") for kind in KINDS)


def test_everybody_has_one_size_under_every_option() -> None:
    members, none = np.arange(500), np.zeros((500, 1))
    therapy = (usual("psychotherapy"),)
    one = added_drive(therapy, 24.0, np.array([700.0]), none, members)
    later = added_drive(therapy, 48.0, np.array([724.0]), none, members)
    assert one == pytest.approx(later)
    size, synergy = values("add_ons")["psychotherapy_drive"], values("add_ons")["psychotherapy_synergy"]
    assert size.uncertain is not None and synergy.uncertain is not None
    full = added_drive(therapy, 0.0, np.array([2e4]), none, members)[:, 0]
    assert full.mean() == pytest.approx(size.value, abs=4 * size.uncertain.sd / np.sqrt(500))
    assert full.std() == pytest.approx(size.uncertain.sd, rel=0.1)
    assert added_drive(
        (timed("psychotherapy", 5.0),), 24.0, np.array([24.0 + 5 * 24.0]), none, members
    ) == pytest.approx(0.0)
    # beside a drug that drives 1: the share of it that nobody knows is added, a number of its own
    share = added_drive(therapy, 0.0, np.array([2e4]), none + 1.0, members)[:, 0] - full
    assert share.mean() == pytest.approx(synergy.value, abs=4 * synergy.uncertain.sd / np.sqrt(500))
    assert share.std() == pytest.approx(synergy.uncertain.sd, rel=0.1)
    assert abs(np.corrcoef(share, full)[0, 1]) < 0.15


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
