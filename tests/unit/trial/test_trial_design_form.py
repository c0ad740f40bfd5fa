"""The page that describes a design file names every field that is read, and no word of a choice is missing from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ketasim.core import UsageError
from ketasim.people.occasions import WHICH
from ketasim.ratings.scales import SCALES
from ketasim.ratings.setting import SETTINGS
from ketasim.trial import plan
from ketasim.trial.analyse.imputation import STRATEGIES
from ketasim.trial.analyse.sequential import KINDS as SPENDINGS
from ketasim.trial.design import KINDS
from ketasim.trial.read import design_from_text
from ketasim.trial.rules import EXTRA

PAGE = (Path(__file__).parents[3] / "docs" / "trial-design-form.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`]*)`", PAGE))))
TABLES = ("endpoint", "analysis", "reestimation", "dropout", "sites", "randomisation", "accrual", "crossover")


def allowed(table: str) -> set[str]:
    """The fields of a table, as the reader names them when it meets one that it does not know."""
    text = f'visits = ["24 h"]\n[arms.a]\nwords = "placebo iv"\n[{table}]\ncolour = 1\n' if table else "colour = 1\n"
    text = text.replace("[withdrawal]", '[withdrawal]\nstable = "score < 3"').replace(
        "[[rules]]", '[[rules]]\nat = "24 h"'
    )
    with pytest.raises(UsageError) as told:
        design_from_text(text)
    found = re.search(r"unknown field 'colour'; allowed: ([^\n]*)", str(told.value))
    assert found, told.value
    return set(found[1].split(", "))


@pytest.mark.parametrize("table", ["", *TABLES, "withdrawal", "[rules]", "arms.b", "[arms.a.add_on]"])
def test_every_field_stands_in_the_page(table: str) -> None:
    fields = allowed(table)
    assert fields and not fields - NAMED, fields - NAMED


def test_every_choice_stands_in_the_page() -> None:
    methods = {method for methods in plan.METHODS.values() for method in methods}
    words = {
        *KINDS,
        *SETTINGS,
        *WHICH,
        *EXTRA,
        *plan.MEASURES,
        *methods,
        *plan.FREEDOMS,
        *plan.COVARIATES,
        *plan.STRATA,
    }
    words |= {*STRATEGIES, *SPENDINGS, "failure", "blinded", "promising"}
    assert not words - NAMED, words - NAMED
    assert not {scale for scale in SCALES if scale not in PAGE}


def test_every_method_of_strata_stands_in_its_row() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `strata` |"))
    assert set(re.findall(r"`([\w-]+)`", row.split("|")[2])) == set(plan.OF_STRATA)
