"""The exported R text in R itself, integrated by deSolve: Ketasim's courses within 1e-6, 20 regimens of every route."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_exported_models import BOUND, REGIMENS, moments, worst

from ketasim.exchange.functions import r_text
from ketasim.exchange.typical import Plain, plain
from ketasim.scenario.plan import scenario

RUN = """
source("model.R")
times <- scan("times.txt", quiet = TRUE)
found <- simulate(times, rtol = 1e-10, atol = 1e-13)
table <- do.call(rbind, found)
write.csv(format(as.data.frame(table, check.names = FALSE), digits = 17, trim = TRUE), "found.csv", row.names = FALSE)
"""


def in_r(model: Plain, times: np.ndarray, folder: Path) -> dict[str, np.ndarray]:
    """What R makes of the text. Skips where there is no R or no deSolve."""
    program = shutil.which("Rscript")
    if program is None:
        pytest.skip("no R on this machine")
    there = subprocess.run([program, "-e", "library(deSolve)"], capture_output=True, check=False)
    if there.returncode:
        pytest.skip('install.packages("deSolve"), or the system\'s r-cran-desolve')
    (folder / "model.R").write_text(r_text(model), encoding="utf-8")
    (folder / "times.txt").write_text("\n".join(repr(float(t)) for t in times), encoding="utf-8")
    (folder / "run.R").write_text(RUN, encoding="utf-8")
    done = subprocess.run([program, "run.R"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    head, *rows = csv.reader((folder / "found.csv").read_text(encoding="utf-8").splitlines())
    table = np.array([[float(cell) for cell in row] for row in rows])
    return {name: table[:, head.index(name)] for name in model.outputs}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("words", "options"), REGIMENS, ids=[str(i) for i in range(len(REGIMENS))])
def test_r_gives_the_same_courses(
    words: str, options: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`-s` prints the error of every regimen."""
    model = plain(scenario(words, **options))
    times = moments(model)
    error, name = worst(model, in_r(model, times, tmp_path), times)
    with capsys.disabled():
        print(f"R, deSolve {error:.1e} {name} {words}")
    assert error < BOUND, (name, error)
