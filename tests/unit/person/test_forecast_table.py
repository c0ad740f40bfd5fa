"""Many people from a table: quantiles, scores of the forecast, every problem with its line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.person.batch import crps, forecast_table, quantile
from ketasim.person.forecast import forecast
from ketasim.person.table import TableError, table_of

pytestmark = pytest.mark.xdist_group("forecast")

IV = "ketamine iv 0.5 mg/kg over 40 min"
HEAD = "person,day,treatment,scale,score,role"
GOOD = f"""{HEAD}
A,0,{IV},MADRS,34,observed
A,1,{IV},MADRS,18,observed
A,7,{IV},MADRS,20,target
A,7,{IV},QIDS,,target
B,0,placebo iv,MADRS,30,observed
B,2,placebo iv,MADRS,<12,observed
B,7,placebo iv,MADRS,,target
C,0,,MADRS,30,observed
C,7,,MADRS,,target
"""
SHARES = ("0.025", "0.1", "0.25", "0.5", "0.75", "0.9", "0.975")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    file = tmp_path_factory.mktemp("table") / "people.csv"
    file.write_text(GOOD)
    return list(csv.DictReader(io.StringIO(forecast_table(file))))


def test_one_row_a_target_with_rising_quantiles(rows: list[dict[str, str]]) -> None:
    assert [(r["person"], r["scale"]) for r in rows] == [
        ("A", "MADRS"),
        ("A", "QIDS-SR16"),
        ("B", "MADRS"),
        ("C", "MADRS"),
    ]
    for row in rows:
        numbers = [float(row[q]) for q in SHARES]
        assert numbers == sorted(numbers) and numbers[0] >= 0 and numbers[-1] <= 60
        assert row["status"] in ("ok", "refined")


def test_place_and_score_where_the_target_is_known(rows: list[dict[str, str]]) -> None:
    assert 0 < float(rows[0]["pit"]) < 1 and float(rows[0]["crps"]) > 0
    assert rows[2]["pit"] == "" and rows[2]["crps"] == ""


def test_what_was_observed_counts(rows: list[dict[str, str]]) -> None:
    assert float(rows[2]["0.5"]) < float(rows[3]["0.5"])  # placebo, below 12 on day 2, against nothing known


def test_the_table_says_what_the_single_forecast_says(tmp_path: Path) -> None:
    """Two ways to day 8: a table row, and the first look of a single forecast (day 7 is its last entry)."""
    file = tmp_path / "one.csv"
    file.write_text(
        f"{HEAD},weight_kg,age\nA,0,{IV},MADRS,34,observed,80,45\nA,7,{IV},MADRS,18,observed,80,45\nA,9,{IV},MADRS,,target,80,45\n"
    )
    row = next(csv.DictReader(io.StringIO(forecast_table(file))))
    person = {
        "age": 45,
        "weight_kg": 80,
        "dose": [{"day": 0, "words": IV}],
        "score": [{"scale": "MADRS", "day": d, "total": t} for d, t in ((0, 34), (7, 18))],
    }
    course = forecast(person, "stop")["options"][0]["outputs"]["madrs"]
    assert course["days"][0] == 1.0
    for share, name in (("0.1", "low80"), ("0.5", "median"), ("0.9", "high80")):
        assert float(row[share]) == pytest.approx(course[name][0], abs=1.0)


def test_more_people_change_nobody(tmp_path: Path) -> None:
    lines = GOOD.splitlines()
    alone = tmp_path / "alone.csv"
    alone.write_text("\n".join(line for line in lines if line[0] in "pA") + "\n")
    both = tmp_path / "both.csv"
    both.write_text(GOOD)
    first = [line for line in forecast_table(alone).splitlines() if line.startswith("A,")]
    again = [line for line in forecast_table(both).splitlines() if line.startswith("A,")]
    assert first == again and len(first) == 2


def test_doses_may_stand_on_lines_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "doses.csv"
    file.write_text(f"{HEAD}\nA,0,{IV},,,dose\nA,3,{IV},,,dose\nA,0,,MADRS,34,observed\nA,4,,MADRS,,target\n")
    named = tmp_path / "named.csv"
    named.write_text(f"{HEAD}\nA,0,{IV} twice weekly x 2,MADRS,34,observed\nA,4,{IV} twice weekly x 2,MADRS,,target\n")
    one, other = (next(csv.DictReader(io.StringIO(forecast_table(f)))) for f in (file, named))
    assert [float(one[q]) for q in SHARES] == pytest.approx([float(other[q]) for q in SHARES], abs=0.02)


@pytest.mark.parametrize(
    ("line", "words", "fix"),
    [
        (f"A,1,{IV},MADRS,75,observed", "MADRS 75 is outside 0 to 60", "correct the total"),
        (f"A,1,{IV},MADRAS,20,observed", "unknown scale 'MADRAS'", "MADRS"),
        (f"A,1,{IV},CADSS,20,observed", "has no part in the forecast of a table", "known are MADRS"),
        ("A,1,ketamin iv 0.5 mg/kg,MADRS,20,observed", "unknown drug", "ketamine"),
        (f"A,one,{IV},MADRS,20,observed", "day is a number", "1"),
        (f'A,1,{IV},MADRS,"20,5",observed', "score is a number", "20.5"),
        (f"A,1,{IV},MADRS,20,observd", "unknown role 'observd'", "observed"),
        (f"A,-3,{IV},MADRS,20,target", "a target before the first dose", "observed"),
        (f"A,1,{IV} twice weekly x 2,MADRS,20,observed", "two treatments", "one treatment a person"),
        ("A,1", "2 cells where the head has 6", "one cell a column"),
        (f",1,{IV},MADRS,20,observed", "no person is named", "a name"),
    ],
)
def test_every_problem_has_line_and_remedy(line: str, words: str, fix: str) -> None:
    with pytest.raises(TableError) as error:
        table_of(f"{HEAD}\nA,0,{IV},MADRS,34,observed\n{line}\nB,0,{IV},MADRS,99,observed\n")
    text = str(error.value)
    assert words in text and "line 3" in text and fix in text
    assert "line 4" in text  # and the next one is listed too
    assert len(error.value.problems) >= 2


def test_a_missing_column_is_named() -> None:
    with pytest.raises(UsageError, match="no column 'treatment'"):
        table_of("person,day,treat,scale,score,role\n")


def test_two_totals_at_a_time_are_flagged() -> None:
    _, doubts = table_of(
        f"{HEAD}\nA,0,{IV},MADRS,34,observed\nA,1,{IV},MADRS,20,observed\nA,1,{IV},MADRS,22,observed\n"
    )
    assert "two MADRS totals of A at a time" in doubts[0]


def test_crps_of_a_normal() -> None:
    """Closed form (Gneiting and Raftery 2007): sigma [z (2 Phi(z) - 1) + 2 phi(z) - 1/sqrt(pi)]."""
    from scipy.stats import norm

    grid = np.linspace(-40, 100, 4001)
    for y in (20.0, 31.3, 55.0):
        z = (y - 30.0) / 7.0
        exact = 7.0 * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
        assert crps(y, grid, norm.cdf(grid, 30.0, 7.0)) == pytest.approx(exact, abs=1e-3)


def test_quantile_at_the_end_of_the_scale() -> None:
    assert quantile(0.1, np.array([0.0, 1.0]), np.array([0.3, 1.0])) == 0.0
