"""Populations to Parquet in blocks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest

from ketasim.core import UsageError
from ketasim.engine import Jump, Schedule, compile_model, stream

TEXT = "A = 1; k = 0.5; rate = 0; A' = rate - k*A; B := 2*A;"


def problem(count: int) -> tuple[np.ndarray, list[Schedule], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    table = np.exp(0.3 * rng.normal(size=(count, 1)))
    which = np.arange(count) % 2
    many = int((which == 1).sum())
    schedules = [
        Schedule(np.array([0.0, 5.0]), np.array([[1.0]])),
        Schedule(
            np.array([0.0, 2.0, 5.0]), rng.uniform(size=(many, 2, 1)), (Jump(1, "A", add=rng.uniform(size=many)),)
        ),
    ]
    return table, schedules, which, np.array([0.0, 1.0, 2.0, 5.0])


def test_files_hold_what_simulate_gives(tmp_path: Path) -> None:
    model = compile_model(TEXT, ("k",), ("A", "B"), ("rate",))
    table, schedules, which, times = problem(101)
    table[7] = np.nan
    seen: list[tuple[int, int]] = []
    done = stream(
        model,
        tmp_path / "out",
        table,
        schedules,
        which,
        times,
        people_per_block=30,
        rtol=1e-9,
        atol=1e-12,
        progress=lambda n, total: seen.append((n, total)),
    )
    assert done.people == 101 and done.failed == 1 and seen[-1] == (101, 101) and len(seen) == 4
    whole = model.simulate(table, schedules, which, times, rtol=1e-9, atol=1e-12)
    parts = [parquet.read_table(path) for path in done.files if path.name.startswith("values")]
    stored = np.concatenate([np.column_stack([p["A"].to_numpy(), p["B"].to_numpy()]) for p in parts]).reshape(101, 4, 2)
    assert np.allclose(stored, whole.values, rtol=1e-7, equal_nan=True)
    people = [parquet.read_table(path) for path in done.files if path.name.startswith("people")]
    status = np.concatenate([p["status"].to_numpy() for p in people])
    assert np.flatnonzero(status).tolist() == [7] and np.isnan(stored[7]).all()
    assert parts[1]["person"][0].as_py() == 32  # 30 rounded up to whole registers


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    model = compile_model(TEXT, ("k",), ("A",), ("rate",))
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match="not empty"):
        stream(model, tmp_path, *problem(3))


INTERRUPTED = f"""
import signal, sys, time, numpy as np
from ketasim.engine import Schedule, compile_model, stream
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a shell is born deaf to it
model = compile_model({TEXT!r}, ("k",), ("A", "B"), ("rate",))
schedule = Schedule(np.array([0.0, 5.0]), np.array([[1.0]]))
def progress(done, total):
    print(done, flush=True)
    time.sleep(0.05)
stream(model, sys.argv[1], np.ones((100000, 1)), [schedule], np.zeros(100000, int), np.linspace(0, 5, 50),
       people_per_block=100, progress=progress)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_interruption_leaves_valid_files(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ,
    )
    assert process.stdout is not None
    for _ in range(5):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode != 0
    files = sorted((tmp_path / "out").iterdir())
    assert 4 <= len(files) < 1000 and all(path.suffix == ".parquet" for path in files)
    for path in files:
        assert parquet.read_table(path).num_rows in (100, 104, 5000, 5200)
