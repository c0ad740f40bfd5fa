"""The SBML test suite, where a copy of it is at hand: KETASIM_SBML_SUITE=<folder with cases/semantic>.

Every case is either refused by name (events, delays, algebraic rules, ...) or agrees within the tolerance of the case.
"""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.engine import Options, Schedule, compile_model

SUITE = os.environ.get("KETASIM_SBML_SUITE", "")
REFUSALS = ("events", "package", "algebraic", "'delay'", "fast reactions", "constraints")


def settings(path: Path) -> dict[str, str]:
    return {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in path.read_text().splitlines()) if v}


def listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def check(case: Path) -> str:
    """`passed`, `refused`, or what is wrong."""
    number = case.name
    files = [case / f"{number}-sbml-l3v{v}.xml" for v in (2, 1)]
    path = next((f for f in files if f.exists()), None)
    wanted = settings(case / f"{number}-settings.txt")
    if path is None or not wanted.get("duration"):
        return "refused"
    text = path.read_text(encoding="utf-8")
    species = set(re.findall(r'<species [^>]*?\bid="(\w+)"', text))
    names = listed(wanted["variables"])
    if "Time" in names:  # cannot be told from the time column of the results
        return "refused"
    amounts, concentrations = listed(wanted.get("amount", "")), listed(wanted.get("concentration", ""))
    outputs = [
        f"amount({n})"
        if n in amounts and n in species
        else f"concentration({n})"
        if n in concentrations and n in species
        else n
        for n in names
    ]
    try:
        model = compile_model(text, (), outputs, options=Options(width=1))
    except UsageError as error:
        return "refused" if any(word in str(error) for word in REFUSALS) else f"{number}: {error}"
    start, length = float(wanted["start"]), float(wanted["duration"])
    times = np.linspace(start, start + length, int(wanted["steps"]) + 1)
    plan = [Schedule(np.array([min(0.0, start), start + length]), np.zeros((1, 0)))]
    result = model.simulate(np.zeros((1, 0)), plan, [0], times, rtol=1e-10, atol=1e-14, keep_nonfinite=True)
    if result.status[0]:
        return f"{number}: {result.reasons[0]}"
    rows = [row for row in csv.reader((case / f"{number}-results.csv").open()) if row]
    exact = np.array([[float(x) if x.strip() else np.nan for x in row] for row in rows[1:]])
    columns = [[h.strip() for h in rows[0]].index(n) for n in names]
    exact, found = exact[:, columns], result.values[0]
    with np.errstate(invalid="ignore"):
        near = np.abs(exact - found) <= float(wanted["absolute"]) + float(wanted["relative"]) * np.abs(exact)
    near |= (np.isnan(exact) & np.isnan(found)) | (exact == found)
    return "passed" if near.all() else f"{number}: differs"


@pytest.mark.skipif(not SUITE, reason="KETASIM_SBML_SUITE does not name a copy of the SBML test suite")
def test_every_case_passes_or_is_refused_by_name() -> None:
    found = [check(case) for case in sorted((Path(SUITE) / "cases" / "semantic").glob("[0-9]*")) if case.is_dir()]
    wrong = [f for f in found if f not in ("passed", "refused")]
    assert not wrong
    assert found.count("passed") > 900
