"""A trial on one worker, on four and here: the same files to the bit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ketasim.trial.read import design_from_text
from ketasim.trial.simulate import Trial

distributed = pytest.importorskip("dask.distributed")

DESIGN = design_from_text("""
setting = "saline"
visits = ["24 h", "7 d"]
n = 40
hypotheses = ["opioid-gate"]
[arms.saline]
words = "placebo iv"
[arms.ketamine]
words = "ketamine iv 0.5 mg/kg over 40 min"
""")


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.parquet"))}


def here(folder: Path, worlds: int) -> dict[str, str]:
    Trial(DESIGN, seed=2, count=worlds, people=32).run([40], 2 * worlds, folder=folder)
    return hashes(folder)


def test_one_worker_and_four_give_the_bits_that_are_made_here(tmp_path: Path) -> None:
    expected = here(tmp_path / "here", 6)
    assert len(expected) == 6
    for workers in (1, 4):
        with distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster:
            place = tmp_path / str(workers)
            Trial(DESIGN, seed=2, count=6, people=32).run([40], 12, folder=place, scheduler=cluster.scheduler_address)
        assert hashes(place) == expected
