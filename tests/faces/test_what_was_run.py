"""Two results can be told apart from their text, their table or their caption alone; a table is read by pandas as it is."""

import io
import json
from pathlib import Path

import pandas
import pytest

from ketasim.core.compounds import compound_example
from ketasim.core.records import numbers_hash
from ketasim.core.values import values
from ketasim.scenario.plan import scenario
from ketasim.scenario.run import run

GOOD = "ketamine iv 0.5 mg/kg over 40 min"
QUICK = ("--people", "2", "--days", "1")
CHANGES = {
    "set": (("--set", "central_volume=90"), "central_volume = 90"),
    "variant": (("--variant", "circuit=disinhibition,rest_block"), "circuit: disinhibition + rest_block"),
    "hypothesis": (("--hypothesis", "expectancy-only"), "hypothesis expectancy-only"),
    "genotype": (("--genotype", "met/met"), "genotype met/met"),
    "weight": (("--weight", "90"), "weight 90 kg"),
    "ethnicity": (("--ethnicity", "japanese"), "ethnicity japanese"),
    "baseline": (("--baseline", "28"), "baseline 28 MADRS points"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_stands_in_text_and_table(ketasim, name: str) -> None:
    options, phrase = CHANGES[name]
    text = ketasim("run", GOOD, *QUICK, *options).out
    assert f"Changed: {phrase}" in text, text
    table = pandas.read_csv(io.StringIO(ketasim("run", GOOD, *QUICK, *options, "--csv").out))
    assert set(table["changed"]) == {phrase}
    assert "Changed:" not in ketasim("run", GOOD, *QUICK).out


def test_setting_and_masking_stand_in_text_and_table(ketasim) -> None:
    answer = ketasim("run", GOOD, *QUICK, "--setting", "midazolam", "--masked").out
    assert "Setting: midazolam (" in answer and "masked" in answer.split("Hypothesis")[0]
    table = pandas.read_csv(
        io.StringIO(ketasim("run", GOOD, *QUICK, "--setting", "midazolam", "--masked", "--csv").out)
    )
    assert set(table["setting"]) == {"midazolam"} and set(table["masked"]) == {"yes"}


def test_pandas_reads_the_table_without_being_told_of_comments(ketasim) -> None:
    table = pandas.read_csv(io.StringIO(ketasim("run", GOOD, *QUICK, "--seed", "7", "--csv").out))
    assert table["time_h"].dtype.kind == "f" and table["typical"].dtype.kind == "f"
    assert set(table["seed"]) == {7} and len(set(table["scenario"])) == len(set(table["numbers"])) == 1
    arms = pandas.read_csv(io.StringIO(ketasim("compare", GOOD, "placebo iv", *QUICK, "--csv").out))
    assert arms["typical"].dtype.kind == "f" and set(arms["seed"]) == {1} and len(set(arms["arm"])) == 2


def test_what_was_not_varied_has_no_interval_in_the_table() -> None:
    """Without draws nothing is varied: no band at all. With draws levels and mood vary, and a level that is zero has no width that would look like certainty."""
    from ketasim.report.tables import result_csv

    bare = pandas.read_csv(io.StringIO(result_csv(run(GOOD, people=0, days=1, draws=0))))
    assert bare["model_low"].isna().all() and bare["model_high"].isna().all()
    table = pandas.read_csv(io.StringIO(result_csv(run(GOOD, people=0, days=1))))
    for name in ("plasma.ketamine", "madrs.effect"):
        later = table[(table["output"] == name) & (table["time_h"] > 1)]
        assert (later["model_low"] < later["model_high"]).all()


def test_captions_tell_runs_apart() -> None:
    plain, changed = (run(GOOD, people=0, draws=0, days=1, values=v) for v in ({}, {"central_volume": 90}))
    assert "central_volume = 90" in changed.caption() and "central_volume" not in plain.caption()
    assert "seed 1" in plain.caption() and "Setting saline" in plain.caption()
    assert plain.caption() != changed.caption()


def test_the_record_covers_numbers_and_the_model_does_not() -> None:
    plain, changed, same = (
        run(GOOD, people=0, draws=0, days=1, values=v).record
        for v in ({}, {"central_volume": 90}, {"central_volume": values("plasma")["central_volume"].value})
    )
    assert plain.model == changed.model and plain.numbers != changed.numbers
    assert plain.numbers == same.numbers and plain.numbers in plain.cite()


def test_a_hash_of_numbers_knows_no_order_and_every_digit() -> None:
    used = values("plasma")
    backwards = dict(reversed(list(used.items())))
    assert numbers_hash(used, {}) == numbers_hash(backwards, {})
    key = next(iter(used))
    assert numbers_hash(used, {key: used[key].value * (1 + 1e-15)}) != numbers_hash(used, {})
    assert numbers_hash({}, {"a": 1.0, "b": 2.0}) != numbers_hash({}, {"a": 2.0, "b": 1.0})


def test_json_says_at_draws_and_the_numbers_of_a_compound(ketasim, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(compound_example(), encoding="utf-8")
    words = ("run", "my compound iv 4 mg", "--compound", str(file), "--people", "0", "--at", "0, 2, 24", "--json")
    found = json.loads(ketasim(*words).out)
    assert found["scenario"]["at"] == [0.0, 2.0, 24.0] and found["scenario"]["draws"] == 64
    numbers = found["scenario"]["compound_values"]["my compound"]
    assert numbers and all(isinstance(entry["value"], float) and "unit" in entry for entry in numbers.values())
    file.write_text(compound_example().replace("value = 60,", "value = 61,"), encoding="utf-8")
    assert json.loads(ketasim(*words).out)["numbers"] != found["numbers"]


def test_runs_with_one_seed_say_that_they_share_their_people(ketasim) -> None:
    assert "share their people" in ketasim("run", GOOD, *QUICK).out
    assert "--seed random" in ketasim("compare", GOOD, "placebo iv", *QUICK).out
    assert "share their people" not in ketasim("run", GOOD, "--people", "0", "--days", "1").out


@pytest.mark.parametrize(
    ("words", "setting"),
    [(GOOD, "saline"), ("esketamine nasal 84 mg", "nasal-placebo"), ("ketamine oral 100 mg", "saline")],
)
def test_the_default_setting_follows_the_route_and_is_said(ketasim, words: str, setting: str) -> None:
    assert scenario(words).setting == setting
    assert f"Setting: {setting} (" in ketasim("run", words, *QUICK).out
    assert scenario(words, setting="open").setting == "open"
    assert scenario(words).but(setting="saline").setting == "saline"
