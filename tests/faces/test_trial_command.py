"""`ketasim trial`: list, JSON, plain sentences, report, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ketasim.evidence.compare.design_files import design_text, files, folder, is_trial, not_written, published
from ketasim.evidence.compare.replay import replay
from ketasim.evidence.published.studies import studies
from ketasim.trial.library import find_design
from ketasim.trial.simulate import trial

DESIGN = """
title = "Small <trial>"
setting = "saline"
visits = ["24 h"]
n = 20
hypotheses = ["disinhibition"]
[arms.saline]
words = "placebo iv"
[arms.ketamine]
words = "ketamine iv 0.5 mg/kg over 40 min"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trial") / "design.toml"
    path.write_text(DESIGN, encoding="utf-8")
    return path


def test_the_list_is_as_agreed(ketasim) -> None:
    done = ketasim("trial", "--list", "--json")
    rows = json.loads(done.out)
    assert done.code == 0 and len(rows) >= 40
    assert all(set(row) == {"id", "study", "title"} for row in rows)
    assert "Popova2019" in {row["id"] for row in rows}


def test_json_from_a_file_with_a_report(ketasim, place: Path) -> None:
    page = place.with_suffix(".html")
    done = ketasim("trial", str(place), "--n", "20,30", "--sims", "8", "--json", "--report", str(page))
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert [p["n"] for p in found["power"]] == [20, 30] and found["replay"] is None
    text = page.read_text(encoding="utf-8")
    assert (
        "Small &lt;trial&gt;" in text
        and "<svg" in text
        and "<script" not in text
        and "http" not in text.split("</svg>")[1].split("<h2>Assumptions")[0]
    )
    assert "In a crisis" in text or "emergency" in text
    for words in (
        "<td>intercurrent events</td><td>hypothetical",
        "By hypothesis".lower(),
        "<b>ketamine</b><br>allocated",
        "left before the last visit 0",
        "people before inclusion are not simulated",
        "<td>primary endpoint</td><td>change of MADRS, 24 h, ketamine against saline</td>",
    ):
        assert words in text, words
    assert found["one_trial"]["flow"]["randomised"] == 30 and len(found["one_trial"]["people"]) == 30


def test_a_design_of_one_arm_has_no_power(ketasim, place: Path) -> None:
    one = place.with_name("one.toml")
    one.write_text(DESIGN.replace('[arms.saline]\nwords = "placebo iv"\n', ""), encoding="utf-8")
    found = json.loads(ketasim("trial", str(one), "--sims", "4", "--json").out)
    assert found["power"] == [] and found["contrast"] is None and len(found["arms"]) == 1


def test_plain_sentences_say_harm_and_help(ketasim, place: Path) -> None:
    done = ketasim("trial", str(place), "--sims", "8")
    assert done.code == 0
    for words in ("CADSS peak", "crisis", "Monte Carlo SE", "Not medical advice", "nobody leaves", "Estimand."):
        assert words in done.out, words


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("trial",), "no design is given"),
        (("trial", "Popova2091"), "Popova2019"),
        (("trial", "no.toml"), "there is no file"),
        (("trial", "Popova2019", "--n", "few"), "no number of people"),
        (("trial", "Popova2019", "--sims", "0"), "0 replicates"),
    ],
)
def test_wrong_use_ends_with_2(ketasim, words: tuple[str, ...], told: str) -> None:
    done = ketasim(*words)
    assert done.code == 2 and told in done.err and "Traceback" not in done.err


def test_the_designs_that_ship_are_those_of_the_studies() -> None:
    there = {path.name: path.read_text(encoding="utf-8") for path in folder().glob("*.toml")}
    assert there == files()  # python -m ketasim.evidence.compare.design_files


def test_every_trial_has_a_design_or_a_reason() -> None:
    for study in studies().values():
        if is_trial(study):
            assert not_written(study) or 'title = "' in design_text(study)


def test_a_published_difference_lies_among_the_simulated_ones() -> None:
    design = find_design("Lii2023")
    found = replay(trial(design, design.n, 24, worlds=6))
    stated = published(studies()["Lii2023"])
    assert found is not None and stated is not None
    assert found["published"] == stated.value and 0.0 <= found["pit"] <= 1.0
    # by hand: share of simulated differences below the published one, over the hypotheses
    assert set(found["pit_by_hypothesis"]) and found["replicates"] == 24


def test_a_comparison_that_was_not_published_is_not_replayed() -> None:
    from dataclasses import replace

    design = find_design("Lii2023")
    other = replace(
        design,
        endpoint=replace(design.endpoint, measure="response"),
        analysis=replace(design.analysis, method="proportions"),
    )
    assert replay(trial(other, design.n, 4, worlds=1)) is None
