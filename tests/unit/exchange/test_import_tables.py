"""NONMEM-style tables: every rule of theirs that we follow, every doubt named, doses in = doses out, the regimen simulated at once."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from ketasim.core import KetasimError, UsageError
from ketasim.exchange.dosing_table import SS_DOSES, parse_table
from ketasim.exchange.export import TARGETS, prepared
from ketasim.exchange.imported import import_table

ORAL = (
    "ID,TIME,AMT,EVID,DV,WT\n"
    + "".join(  # the shape of the theophylline table: one oral dose, levels after it, weights
        f"{who},0,{4 * weight},1,.,{weight}\n"
        + "".join(f"{who},{t},.,0,{dv},{weight}\n" for t, dv in ((0.5, 30), (2, 41), (8, 9)))
        for who, weight in ((1, 79.6), (2, 54.6))
    )
)
REPEATED = (  # the shape of the warfarin table: DVID, MDV, several doses by ADDL
    "ID TIME AMT RATE II ADDL EVID MDV DVID DV\n"
    "1 0 28 42 84 5 1 1 . .\n1 1 . . . . 0 0 1 80\n1 1 . . . . 0 0 2 40\n1 24 . . . . 0 1 1 .\n1 430 . . . . 0 0 1 20\n"
)


def told(table: str, **options) -> str:
    with pytest.raises(KetasimError) as caught:
        parse_table(table, **options)
    return str(caught.value)


def table_file(folder: Path, text: str) -> Path:
    place = folder / "table.csv"
    place.write_text(text, encoding="utf-8")
    return place


# what NONMEM means --------------------------------------------------------------------------------------------------


def test_addl_is_unrolled_from_the_dose_on_and_counted() -> None:
    table = parse_table(REPEATED)
    (person,) = table.subjects
    assert [dose.time_h for dose in person.doses] == [0, 84, 168, 252, 336, 420]
    assert all(dose.duration_h == pytest.approx(28 / 42) for dose in person.doses)
    assert table.asked_doses == table.given_doses == 6 and table.asked == table.given == 6 * 28
    assert [o.value for o in person.observations] == [80, 40, 20]  # MDV 1 is no observation
    assert [o.what for o in person.observations] == ["1", "2", "1"]


def test_steady_state_is_led_in_and_the_lead_in_is_no_dose_of_the_ledger() -> None:
    table = parse_table("ID,TIME,AMT,II,SS,ADDL,EVID\n1,5,10,12,1,2,1\n")
    times = [dose.time_h for dose in table.subjects[0].doses]
    assert len(times) == SS_DOSES + 3 and np.allclose(np.diff(times), 12.0) and times[-3] == 5.0
    assert table.given_doses == 3 and table.given == 30.0
    assert "steady state" in " ".join(table.repairs)


def test_a_dose_without_evid_is_a_row_with_an_amount() -> None:
    table = parse_table("TIME,AMT,DV\n0,10,.\n1,.,5\n")
    assert table.given_doses == 1 and len(table.subjects[0].observations) == 1
    assert any("EVID is missing" in r for r in table.repairs) and any("no column ID" in r for r in table.repairs)


def test_rows_are_sorted_and_joined_with_a_line_each() -> None:
    table = parse_table("ID,TIME,AMT,EVID\n1,24,10,1\n1,0,10,1\n2,0,5,1\n1,48,10,1\n")
    assert [dose.time_h for dose in table.subjects[0].doses] == [0, 24, 48]
    assert any("sorted (row 3)" in r for r in table.repairs)
    assert any("stand apart" in r and "row 5" in r for r in table.repairs)


@pytest.mark.parametrize("mark", [",", ";", "\t", " "])
def test_any_usual_delimiter_and_missing_mark(mark: str) -> None:
    text = "ID,TIME,AMT,EVID,DV\n1,0,10,1,.\n1,1,.,0,5\n".replace(",", mark)
    assert parse_table(text).given == 10
    if mark != " ":
        assert parse_table(text.replace(".", "NA").replace(f"{mark}NA", mark + "NA")).given == 10


def test_rows_marked_c_are_left_out_and_columns_that_nothing_reads_are_named() -> None:
    """A first column C is NONMEM's IGNORE=C; where it is the only name of a person it is the ID."""
    table = parse_table("C,ID,TIME,AMT,EVID,DV,BQL,SITE\n.,1,0,10,1,.,0,3\nC,1,1,.,0,99,0,3\n.,1,2,.,0,4,0,3\n")
    assert [o.value for o in table.subjects[0].observations] == [4] and table.given == 10
    assert "rows marked C left out, as IGNORE=C does (row 3)" in table.repairs
    assert "columns that are not read: BQL, SITE" in table.repairs
    assert [p.name for p in parse_table("C,TIME,AMT,EVID\nc,0,10,1\nd,0,10,1\n").subjects] == ["c", "d"]
    assert "every row is marked C" in told("C,ID,TIME,AMT,EVID\nC,1,0,10,1\n")


# what is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("ID,TIME,AMT,EVID\n1,0,.,1\n", "there is no amount"),
        ("ID,TIME,AMT,EVID\n1,0,0,1\n", "there is no amount"),
        ("ID,TIME,AMT,EVID\n1,0,5,0\n", "is no dose, and AMT is 5"),
        ("ID,TIME,AMT,EVID\n1,0,-5,1\n", "AMT is -5"),
        ("ID,TIME,AMT,EVID,ADDL\n1,0,5,1,3\n", "needs an interval"),
        ("ID,TIME,AMT,EVID,ADDL,II\n1,0,5,1,2.5,24\n", "ADDL is 2.5"),
        ("ID,TIME,AMT,EVID,ADDL,II\n1,0,5,1,1e9,24\n", "ADDL is 1e+09"),
        ("ID,TIME,AMT,EVID,RATE\n1,0,5,1,-2\n", "modelled rate"),
        ("ID,TIME,AMT,EVID,RATE,DUR\n1,0,5,1,5,3\n", "AMT / RATE is 1 h and DUR 3 h"),
        ("ID,TIME,AMT,EVID,RATE,II,ADDL\n1,0,48,1,1,24,2\n", "overlap"),
        ("ID,TIME,AMT,EVID\n1,0,5,1\n1,4,0,3\n", "after a dose cannot be carried out"),
        ("ID,TIME,AMT,EVID\n1,0,5,7\n", "EVID is 7"),
        ("ID,TIME,AMT,EVID,SS,II\n1,0,5,1,0,0\n1,9,5,1,1,12\n", "empties the body first"),
        ("ID,TIME,AMT,EVID\n1,8:30,5,1\n", "not a clock time"),
        ("ID;TIME;AMT;EVID\n1;0,5;5;1\n", "a decimal point"),
        ("ID,DATE,TIME,AMT\n1,1/2/24,0,5\n", "calendar dates"),
        ("ID,AMT,EVID\n1,5,1\n", "no column TIME"),
        ("ID,TIME,TIME,AMT\n1,0,0,5\n", "two columns"),
        ("ID,TIME,AMT,EVID\n1,0,=1+1,1\n", "AMT is '=1+1'"),
        ("ID,TIME,AMT,EVID\n1,0,5\n", "3 cells, the header 4"),
        ("ID,TIME,AMT,EVID\n.,0,5,1\n", "no ID"),
        ("ID,TIME,AMT,EVID\n1,1e999,5,1\n", "finite"),
        ("ID,TIME,AMT,EVID\n", "no rows"),
        ("", "no rows"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_by_row(rows: str, words: str) -> None:
    assert words in told(rows)


def test_a_dose_that_stands_there_twice_is_asked_about() -> None:
    twice = "ID,TIME,AMT,EVID\n1,0,5,1\n1,0,5,1\n"
    assert "stands there twice" in told(twice)
    assert parse_table(twice, duplicates="keep").given == 10  # what NONMEM gives
    once = parse_table(twice, duplicates="drop")
    assert once.given == 5 and any("one given" in r for r in once.repairs)
    assert (
        parse_table("ID,TIME,AMT,EVID,CMT\n1,0,5,1,a\n1,0,5,1,b\n").given == 10
    )  # two doses that differ are two doses


# the regimen --------------------------------------------------------------------------------------------------------


def test_the_oral_table_is_simulated_with_the_weights_of_its_people(tmp_path: Path) -> None:
    found = import_table(table_file(tmp_path, ORAL), drug_name="ketamine", route="oral")
    assert [p.scenario.traits.weight for p in found.people] == [79.6, 54.6]
    assert [p.scenario.words for p in found.people] == [
        "ketamine oral 318.4 mg at 0 h",
        "ketamine oral 218.4 mg at 0 h",
    ]
    assert len(found.compared) == 6 and all(
        row.predicted > 0 and row.output == "plasma.ketamine" for row in found.compared
    )


def test_the_prediction_is_that_of_a_run_of_the_same_words(tmp_path: Path) -> None:
    import ketasim

    text = "ID,TIME,AMT,RATE,EVID,DV\n1,10,35,52.5,1,.\n1,11,.,.,0,90\n1,34,.,.,0,3\n"
    found = import_table(table_file(tmp_path, text), drug_name="ketamine", route="iv")
    own = ketasim.run("ketamine iv 35 mg over 40 min", at="1, 24 h", people=0, draws=0)
    assert [row.predicted for row in found.compared] == pytest.approx(own["plasma.ketamine"].typical, rel=1e-4)
    assert found.people[0].moved_h == 10.0 and [row.time_h for row in found.compared] == [1.0, 24.0]


def test_dvid_says_what_was_measured_or_is_asked_about(tmp_path: Path) -> None:
    place = table_file(tmp_path, REPEATED)
    with pytest.raises(UsageError, match="DV has 2 kinds"):
        import_table(place, drug_name="ketamine", route="iv")
    found = import_table(
        place, drug_name="ketamine", route="iv", outputs={"1": "plasma.ketamine", "2": "plasma.norketamine"}
    )
    assert [row.output for row in found.compared] == ["plasma.ketamine", "plasma.norketamine", "plasma.ketamine"]
    assert found.people[0].scenario.words == "ketamine iv 28 mg over 40 min every 84 h x 6"


def test_a_table_of_another_drug_is_counted_and_not_simulated(tmp_path: Path) -> None:
    found = import_table(table_file(tmp_path, ORAL))
    assert found.people == () and found.table.given_doses == 2 and "nothing was simulated" in found.notes[0]
    with pytest.raises(UsageError, match="unknown drug"):
        import_table(table_file(tmp_path, ORAL), drug_name="theophylline", route="oral")


def test_several_drugs_routes_and_amounts_become_one_regimen(tmp_path: Path) -> None:
    text = (
        "ID,TIME,AMT,DUR,EVID,DRUG,ROUTE\n1,-0.75,50,0,1,naltrexone,oral\n1,0,56,0,1,esketamine,nasal\n"
        "1,72,84,0,1,esketamine,nasal\n1,100,35,0.6666666667,1,ketamine,iv\n"
    )
    found = import_table(table_file(tmp_path, text))
    assert found.table.given == pytest.approx(50 + 56 + 84 + 35)
    asked = found.people[0].scenario
    given = [(r.drug, r.route, r.asked_mg) for r in asked.regimen.ledger(70.0, asked.end_h)]
    assert given == [
        ("naltrexone", "oral", 50.0),
        ("esketamine", "nasal", 56.0),
        ("esketamine", "nasal", 84.0),
        ("ketamine", "iv", 35.0),
    ]


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("esketamine nasal 84 mg", {"repeat": "twice weekly x 4"}),
        ("ketamine iv 0.5 mg/kg over 40 min", {"repeat": "weekly x 2", "with_": "esketamine nasal 56 mg at 30 h once"}),
    ],
)
def test_the_exported_table_comes_back_with_its_doses_and_levels(words: str, options, tmp_path: Path) -> None:
    """Own nasal and infusion sets, there and back: every dose, and the typical person's levels to the accuracy of the integration."""
    made = prepared(words, TARGETS["adppk"], people=0, at="1, 24, 100 h", weight=82.0, age=45.0, **options)
    found = import_table(table_file(tmp_path, made.content.decode()))
    assert found.table.asked_doses == found.table.given_doses > 1 and len(found.people) == 1
    ratios = [row.predicted / row.observed for row in found.compared if row.observed > 1e-3]
    assert len(ratios) > 10 and np.allclose(ratios, 1.0, atol=2e-4)


def test_the_command_tells_repairs_ledger_and_comparison(ketasim, tmp_path: Path) -> None:
    place = str(table_file(tmp_path, ORAL))
    answer = ketasim("import", place, "--drug", "ketamine", "--route", "oral")
    assert answer.code == 0 and "2 doses of 536.8 mg in all asked" in answer.out and "within twofold" in answer.out
    plain = json.loads(ketasim("import", place, "--drug", "ketamine", "--route", "oral", "--json").out)
    assert plain["ledger"]["given_doses"] == 2 and len(plain["observations"]) == 6
    rows = ketasim("import", place, "--drug", "ketamine", "--route", "oral", "--csv").out
    assert len(list(io.StringIO(rows))) == 7
    assert ketasim("import", place, "--drug", "ketamine").code == 2
    assert ketasim("import", str(tmp_path / "none.csv")).code == 2
