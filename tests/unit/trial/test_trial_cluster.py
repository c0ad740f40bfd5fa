"""Trials and runs on one worker, on four and here: the same files to the bit; workers and commands that are killed do not change them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from ketasim.scenario import stream
from ketasim.scenario.plan import scenario
from ketasim.scenario.stream import stream_people
from ketasim.trial.read import design_from_text
from ketasim.trial.simulate import Trial

distributed = pytest.importorskip("dask.distributed")
pytestmark = pytest.mark.filterwarnings("default")  # those of dask are its own

TEXT = """
setting = "saline"
visits = ["24 h", "7 d"]
n = 40
hypotheses = ["opioid-gate"]
[arms.saline]
words = "placebo iv"
[arms.ketamine]
words = "ketamine iv 0.5 mg/kg over 40 min"
"""
DESIGN = design_from_text(TEXT)
WORDS = "ketamine iv 0.5 mg/kg over 40 min"
KILLS = 20


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.parquet"))}


def here(folder: Path, worlds: int) -> dict[str, str]:
    Trial(DESIGN, seed=2, count=worlds, people=32).run([40], 2 * worlds, folder=folder)
    return hashes(folder)


def cluster(workers: int) -> object:
    """Workers in this process, one thread each."""
    return distributed.LocalCluster(n_workers=workers, threads_per_worker=1, processes=False, dashboard_address=None)


def test_one_worker_and_four_give_the_bits_that_are_made_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BLOCK", 4)
    asked = scenario(WORDS, people=14, days=1, at="24 h", seed=4)
    trials, people = here(tmp_path / "here", 4), stream_people(asked, tmp_path / "people")
    runs = hashes(tmp_path / "people")
    assert len(trials) == len(runs) == 4
    for workers in (1, 4):
        with cluster(workers) as there:  # type: ignore[attr-defined]
            address, place = there.scheduler_address, tmp_path / str(workers)
            Trial(DESIGN, seed=2, count=4, people=32).run([40], 8, folder=place / "trial", scheduler=address)
            done = stream_people(asked, place / "people", scheduler=address)
        assert hashes(place / "trial") == trials and hashes(place / "people") == runs
        assert (done.people, done.rows, done.failed, done.reused) == (14, people.rows, people.failed, 0)
        assert (place / "people" / "_run.json").read_bytes() == (tmp_path / "people" / "_run.json").read_bytes()


class Workers:
    """Worker processes as `dask worker` starts them, without a nanny: whoever is killed is replaced by the test."""

    def __init__(self, address: str, count: int) -> None:
        self.address = address
        self.running = [self.new() for _ in range(count)]

    def new(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "distributed.cli.dask_worker", self.address, "--no-nanny", "--no-dashboard"]
        return subprocess.Popen([*command, "--nthreads", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self, place: int) -> None:
        victim = self.running[place]
        victim.kill()
        victim.wait()
        self.running[place] = self.new()

    def end(self) -> None:
        for worker in self.running:
            worker.kill()
            worker.wait()
