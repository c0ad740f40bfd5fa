"""What the drug itself does stands beside every comparison with its interval; a way that nobody has tested says so where it comes out above the infusion."""

import csv
import io
from dataclasses import replace

import pytest

from ketasim.core.frozen import FrozenMapping
from ketasim.report.compare_text import compare_csv, compare_text
from ketasim.scenario.compare import Comparison, _untested, compare
from ketasim.scenario.result import Result
from ketasim.scenario.run import run

INFUSION, UNDER_THE_SKIN = "ketamine iv 0.5 mg/kg over 40 min", "ketamine sc 0.5 mg/kg"


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compare(INFUSION, UNDER_THE_SKIN, people=0, draws=12)


def test_the_drug_alone_is_what_a_masked_run_gives_with_its_interval(found: Comparison) -> None:
    row = next(r for r in found.rows if r.name == "masked_effect@24 h")
    alone = run(INFUSION, people=0, draws=12, masked=True).summary["mood"]["24 h"]["madrs.effect"]
    assert row.arms[0]["typical"] == pytest.approx(alone["typical"])
    assert (row.arms[0]["model_low"], row.arms[0]["model_high"]) == (alone["model_low"], alone["model_high"])
    assert row.arms[0]["model_low"] < row.arms[0]["model_high"]
    whole = next(r for r in found.rows if r.name == "madrs.effect@24 h").arms[0]["typical"]
    assert row.arms[0]["typical"] > whole  # what is noticed adds to a fall of points


def test_every_face_has_it(found: Comparison) -> None:
    json = found.to_dict()
    row = next(r for r in json["rows"] if r["name"] == "masked_effect@24 h")
    assert row["arms"][0]["model_low"] is not None
    line = next(line for line in compare_text(found).splitlines() if "by the drug (masked)" in line)
    assert "(model " in line
    table = list(csv.DictReader(io.StringIO(compare_csv(found))))
    one = next(r for r in table if r["quantity"] == "masked_effect@24 h" and r["arm"] == found.arms[0])
    assert float(one["model_low"]) == pytest.approx(row["arms"][0]["model_low"])
    assert next(r for r in table if r["quantity"] == "masked_effect@24 h" and r["arm"] == found.arms[1])["caution"]


def with_effect(result: Result, points: float) -> Result:
    """The same run as if the drug itself did so many points at 24 h."""
    mood = dict(result.summary["mood"])
    mood["24 h"] = dict(mood["24 h"]) | {"madrs.effect": dict(mood["24 h"]["madrs.effect"]) | {"typical": points}}
    return replace(result, summary=FrozenMapping(dict(result.summary) | {"mood": mood}))


def test_an_untested_way_says_so_only_where_it_comes_out_above_the_infusion(found: Comparison) -> None:
    infusion, other = found.masked
    above, below = with_effect(other, -60.0), with_effect(other, 0.0)
    first, second, third = _untested([infusion, above, below])
    assert first == third == ""
    assert second.startswith("nobody has tested it") and "sc route" in second
    assert _untested([with_effect(infusion, -60.0)]) == ("",)  # above, but known


def test_what_is_said_of_it_stands_in_every_face(found: Comparison) -> None:
    said = "nobody has tested it: the model puts it above"
    told = replace(found, untested=("", said))
    assert said in compare_text(told)
    assert told.to_dict()["untested"] == ["", said]
    rows = list(csv.DictReader(io.StringIO(compare_csv(told))))
    cautions = [r["caution"] for r in rows if r["quantity"].startswith("madrs.effect") and r["arm"] == found.arms[1]]
    assert cautions and all(said in text for text in cautions)
    assert not any(said in r["caution"] for r in rows if r["arm"] == found.arms[0])
