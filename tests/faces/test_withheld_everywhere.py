"""What is withheld in the sentences is marked in every other face: JSON, CSV, figure, Python; and nothing else is."""

import csv
import io
import json
import pickle

import matplotlib.figure
import pytest

from ketasim.report.compare_text import compare_csv
from ketasim.report.figures import draw, draw_comparison
from ketasim.report.tables import result_csv
from ketasim.scenario.care import OF_MOOD, OF_THE_BODY
from ketasim.scenario.compare import compare
from ketasim.scenario.run import run

pytestmark = pytest.mark.xdist_group("withheld")

KNOWN = "ketamine iv 0.5 mg/kg over 40 min"
WITHOUT_A_TRIAL = "ketamine sc 0.5 mg/kg"
BEYOND = "ketamine iv 1.2 mg/kg over 100 min"
ANAESTHETIC = "ketamine iv 2 mg/kg bolus"
WITHHELD = {
    KNOWN: (),
    "placebo iv over 40 min": (),
    WITHOUT_A_TRIAL: OF_MOOD,
    BEYOND: OF_MOOD,
    ANAESTHETIC: (*OF_MOOD, *OF_THE_BODY),
}


@pytest.fixture(scope="module", params=WITHHELD, ids=str)
def case(request):
    return run(request.param, people=2, draws=0), WITHHELD[request.param]


def test_python_says_which_and_why(case) -> None:
    result, names = case
    assert set(result.withheld) == set(names)
    for name, course in result.outputs.items():
        assert bool(course.caution) is (name in names) is bool(result.fine(name).caution), name
    assert ("withheld" in repr(result)) is bool(names) is ("(withheld)" in result._repr_html_())
    assert pickle.loads(pickle.dumps(result)).withheld == result.withheld


def test_json_says_which_and_why(case) -> None:
    result, names = case
    found = json.loads(result.to_json())
    assert set(found["withheld"]) == set(names)
    for name, course in found["outputs"].items():
        assert bool(course["caution"]) is (name in names), name


def test_every_row_of_the_table_says_it(case) -> None:
    result, names = case
    rows = list(csv.DictReader(io.StringIO(result_csv(result))))
    assert {row["output"] for row in rows if row["caution"]} == set(names)
    assert all(row["caution"] for row in rows if row["output"] in names)


def test_the_figure_says_it_on_the_panel_and_below(case) -> None:
    result, names = case
    figure: matplotlib.figure.Figure = draw(result)
    panels = {a.get_title("left"): "".join(t.get_text() for t in a.texts).replace("\n", " ") for a in figure.axes}
    for start, name in (("MADRS", "madrs.change"), ("Dissociation", "cadss"), ("Blood pressure", "sbp"), ("Drug", "")):
        note = next(text for title, text in panels.items() if title.startswith(start))
        assert ("no prediction" in note) is (name in names), start
    assert ("WITHHELD" in result.caption()) is bool(names)
    assert ("WITHHELD" in figure.get_supxlabel()) is bool(names)


def test_arms_say_whose_numbers_are_withheld() -> None:
    found = compare(KNOWN, WITHOUT_A_TRIAL, people=2, draws=0)
    rows = list(csv.DictReader(io.StringIO(compare_csv(found))))
    marked = {(row["quantity"].partition("@")[0], row["arm"]) for row in rows if row["caution"]}
    assert {arm for _, arm in marked} == {found.arms[1]}
    assert {"madrs.effect", "response", "onset"} <= {quantity for quantity, _ in marked}
    assert not any(quantity.startswith(("plasma", "cadss", "nmda", "sbp")) for quantity, _ in marked)
    figure = draw_comparison(found)
    notes = {a.get_title("left")[:5]: "".join(t.get_text() for t in a.texts) for a in figure.axes}
    assert "Withheld (B)" in notes["MADRS"] and "Withheld" not in notes["Disso"]
    assert "B: WITHHELD" in figure.get_supxlabel().replace("\n", " ")
    assert json.loads(found.to_json())["runs"][1]["withheld"] and not json.loads(found.to_json())["runs"][0]["withheld"]


def test_many_doses_are_judged_in_little_time_and_alike() -> None:
    """Doses that only together reach the anaesthetic range within an hour are found among many others."""
    many = run("ketamine oral 50 mg", repeat="every 6 h x 400", people=0, draws=0, days=1)
    assert not many.withheld
    together = run("ketamine iv 0.6 mg/kg bolus", repeat="every 20 min x 3", people=0, draws=0, days=1)
    assert set(OF_THE_BODY) <= set(together.withheld)
