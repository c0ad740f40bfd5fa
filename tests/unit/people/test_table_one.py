"""People from a printed Table 1: they have the printed numbers, and a table that nobody could have is refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.people.marginal import from_moments, latent_correlation
from ketasim.people.table_one import read_table, table_problems

TABLE = {
    "n": 227,
    "baseline": {"mean": 37.3, "sd": 5.7, "min": 28},
    "age": {"mean": 45.7, "sd": 11.9, "min": 18, "max": 64},
    "women": {"count": 138, "of": 223},
    "crp": {"mean": 3.1, "sd": 5.0},
    "correlations": [["age", "baseline", 0.3], ["women", "crp", 0.2]],
}


def test_the_people_have_the_printed_numbers() -> None:
    people = read_table(TABLE).cohort(40_000, seed=3)
    for name in ("baseline", "age", "crp"):
        rows, printed = people.quantities[name], TABLE[name]
        error = printed["sd"] / np.sqrt(40_000)
        assert abs(rows.mean() - printed["mean"]) < 4 * error
        # the SD of a skewed quantity has a wide sampling error: 4 of its standard errors from the fourth moment
        fourth = ((rows - rows.mean()) ** 4).mean() / rows.var() ** 2
        assert abs(rows.std() / printed["sd"] - 1) < 4 * np.sqrt((fourth - 1) / 4 / 40_000)
        assert rows.min() >= printed.get("min", 0)
    assert people.age.max() <= 64
    assert abs(people.women.mean() - 138 / 223) < 4 * np.sqrt(0.25 / 40_000)
    assert abs(np.corrcoef(people.age, people.madrs)[0, 1] - 0.3) < 0.02
    assert abs(np.corrcoef(people.quantities["women"], people.quantities["crp"])[0, 1] - 0.2) < 0.03


def test_truncation_is_kept_and_the_printed_moments_are_those_inside() -> None:
    cut = from_moments(37.3, 5.7, 28.0, 60.0)
    share = (np.arange(200_000) + 0.5) / 200_000
    from scipy.special import ndtri

    rows = cut(ndtri(share))
    assert rows.min() >= 28.0
    assert rows.mean() == pytest.approx(37.3, abs=2e-3)
    assert rows.std() == pytest.approx(5.7, abs=2e-3)


def test_a_wide_spread_within_a_range_is_met_by_a_beta_law() -> None:
    """Uniform on 0 to 1 has SD 1/sqrt(12); no cut normal is wider, a beta law is."""
    law = from_moments(0.5, 0.4, 0.0, 1.0)
    share = (np.arange(200_000) + 0.5) / 200_000
    from scipy.special import ndtri

    assert law.kind == "beta"
    assert law(ndtri(share)).std() == pytest.approx(0.4, abs=1e-3)


def test_latent_correlation_of_two_normals_is_the_correlation() -> None:
    one, other = from_moments(0.0, 1.0), from_moments(10.0, 2.0)
    assert latent_correlation(one, other, 0.4) == pytest.approx(0.4, abs=5e-3)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"age": {"mean": 45, "sd": 40, "min": 18, "max": 64}}, "at most 22.6"),  # sqrt(27 * 19)
        ({"age": {"mean": 70, "sd": 5, "min": 18, "max": 64}}, "does not lie between"),
        ({"age": {"mean": 45, "sd": -3}}, "negative"),
        ({"women": {"count": 120, "of": 100}}, "no count"),
        ({"women": {"count": 10.5, "of": 100}}, "no count"),
        ({"women": {"share": 1.2}}, "0 to 1"),
        ({"women": {"count": 10}}, "of how many"),
        ({"wieght": {"mean": 70, "sd": 10}}, "unknown line"),
        ({"weight": {"median": 70, "q1": 80, "q3": 90}}, "out of order"),
        (
            {"age": {"mean": 45, "sd": 5}, "weight": {"mean": 80, "sd": 15}, "correlations": [["age", "weight", 1.4]]},
            "no correlation",
        ),
        (
            {"women": {"share": 0.02}, "age": {"mean": 45, "sd": 5}, "correlations": [["women", "age", 0.8]]},
            "beyond what these two can have",
        ),
        (
            {
                "age": {"mean": 45, "sd": 5},
                "weight": {"mean": 80, "sd": 10},
                "baseline": {"mean": 33, "sd": 4},
                "correlations": [["age", "weight", 0.9], ["weight", "baseline", 0.9], ["age", "baseline", -0.9]],
            },
            "contradict each other",
        ),
    ],
)
def test_impossible_tables_are_refused_with_the_reason(line: dict, words: str) -> None:
    assert any(words in f"{p.what} {p.fix}" for p in table_problems(line)), [str(p) for p in table_problems(line)]
    with pytest.raises(UsageError):
        read_table(line)


def test_more_people_and_another_line_change_nobody() -> None:
    few, many = read_table(TABLE).cohort(50, seed=5), read_table(TABLE).cohort(500, seed=5)
    assert np.array_equal(few.age, many.age[:50])
    wider = {k: v for k, v in TABLE.items() if k != "correlations"}
    plain = read_table(wider).cohort(50, seed=5)
    more = read_table(wider | {"weight": {"mean": 80, "sd": 15}}).cohort(50, seed=5)
    assert np.array_equal(plain.age, more.age)
