"""A trial on one worker, on four and here: the same files to the bit; workers killed at random do not change them."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from pathlib import Path

import pytest

from ketasim.trial import chunks
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
KILLS = 20


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


def alive(cluster: object) -> list[int]:
    """Processes of the workers that are there, once all are."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        pids = [worker.pid for worker in cluster.workers.values()]  # type: ignore[attr-defined]
        if all(pids):
            return pids
        time.sleep(0.1)
    raise AssertionError("the workers do not come back")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("default")
def test_workers_killed_twenty_times_leave_the_same_bits(tmp_path: Path) -> None:
    """Two worker processes; after each of the first 20 chunks one of them, drawn at random, is killed at a random moment of the next."""
    expected = here(tmp_path / "here", 28)
    rng, killed = random.Random(11), []

    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:

        def kill(share: float) -> None:
            if share < 0.85 and len(killed) < KILLS:
                time.sleep(rng.random())
                victim = rng.choice(alive(cluster))
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)

        place = tmp_path / "cluster"
        Trial(DESIGN, seed=2, count=28, people=32).run(
            [40], 56, kill, folder=place, scheduler=cluster.scheduler_address
        )
    assert len(killed) == KILLS and len(set(killed)) > 10
    assert hashes(place) == expected


def deadly(job: chunks.Job) -> chunks.Chunk:
    """The chunk, after having killed five workers that began it."""
    place = Path(os.environ["KETASIM_TEST_DEATHS"])
    if len(list(place.iterdir())) < 5:
        (place / str(os.getpid())).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return chunks.make_chunk(job)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("default")
def test_a_chunk_that_loses_more_workers_than_the_scheduler_forgives_is_asked_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler gives a task up after its fourth lost worker."""
    deaths = tmp_path / "deaths"
    deaths.mkdir()
    monkeypatch.setenv("KETASIM_TEST_DEATHS", str(deaths))
    expected = here(tmp_path / "here", 1)
    monkeypatch.setattr(chunks, "make_chunk", deadly)
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        place = tmp_path / "cluster"
        Trial(DESIGN, seed=2, count=1, people=32).run([40], 2, folder=place, scheduler=cluster.scheduler_address)
    assert len(list(deaths.iterdir())) == 5 and hashes(place) == expected
