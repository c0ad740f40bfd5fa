"""Trials and runs on one worker, on four and here: the same files to the bit; workers and commands that are killed do not change them."""

from __future__ import annotations

import gc
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ketasim.scenario import stream
from ketasim.scenario.plan import scenario
from ketasim.scenario.stream import stream_people
from ketasim.trial import chunks
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


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """What dask leaves open is collected here, not in the middle of another test, where its warning would be an error."""
    yield
    gc.collect()


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.parquet"))}


def here(folder: Path, worlds: int) -> dict[str, str]:
    Trial(DESIGN, seed=2, count=worlds, people=32).run([40], 2 * worlds, folder=folder)
    return hashes(folder)


def cluster(workers: int) -> Any:
    """Workers in this process, one thread each."""
    return distributed.LocalCluster(n_workers=workers, threads_per_worker=1, processes=False, dashboard_address=":0")


def test_one_worker_and_four_give_the_bits_that_are_made_here(
    ketasim: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Python on four, by the commands on one."""
    monkeypatch.setattr(stream, "BLOCK", 4)
    asked = scenario(WORDS, people=14, days=1, at="24 h", seed=4)
    trials, people = here(tmp_path / "here", 4), stream_people(asked, tmp_path / "people")
    runs = hashes(tmp_path / "people")
    assert len(trials) == len(runs) == 4
    four, one = tmp_path / "four", tmp_path / "one"
    with cluster(4) as there:
        address = there.scheduler_address
        Trial(DESIGN, seed=2, count=4, people=32).run([40], 8, folder=four / "trial", scheduler=address)
        done = stream_people(asked, four / "people", scheduler=address)
    assert (done.people, done.rows, done.failed, done.reused) == (14, people.rows, people.failed, 0)
    file = tmp_path / "design.toml"
    file.write_text(TEXT, encoding="utf-8")
    trial = ("trial", str(file), "--sims", "8", "--seed", "2", "--json", "--parquet")
    run = ("run", WORDS, "--people", "14", "--days", "1", "--at", "24 h", "--seed", "4", "--json", "--parquet")
    said = ketasim(*trial, str(tmp_path / "by command"))
    with cluster(1) as there:
        on_it = ("--scheduler", there.scheduler_address)
        by_cluster = ketasim(*trial, str(one / "trial"), *on_it)
        assert ketasim(*run, str(one / "people"), *on_it).code == 0
    assert said.code == 0 and by_cluster.out == said.out
    assert hashes(four / "trial") == trials
    assert hashes(one / "trial") == hashes(tmp_path / "by command") != {}
    for place in (four, one):
        assert hashes(place / "people") == runs
        assert (place / "people" / "_run.json").read_bytes() == (tmp_path / "people" / "_run.json").read_bytes()


def test_a_cluster_makes_people_for_a_folder(ketasim: Callable[..., Any]) -> None:
    done = ketasim("run", WORDS, "--people", "4", "--scheduler", "tcp://127.0.0.1:1")
    assert done.code == 2 and "--parquet people --scheduler tcp://127.0.0.1:1" in done.err


class Workers:
    """Worker processes as `dask worker` starts them, without a nanny (it gives up where a worker dies while it starts): who ends is replaced here."""

    def __init__(self, address: str, count: int) -> None:
        self.address = address
        self.running = [self.new() for _ in range(count)]
        self.over = threading.Event()

    def keep(self) -> threading.Thread:
        """Replace whoever ends, until `end`."""

        def watch() -> None:
            while not self.over.wait(0.1):
                self.running = [self.new() if one.poll() is not None else one for one in self.running]

        thread = threading.Thread(target=watch)
        thread.start()
        return thread

    def new(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "distributed.cli.dask_worker", self.address, "--no-nanny", "--no-dashboard"]
        place = os.pathsep.join((str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")))
        return subprocess.Popen(
            [*command, "--nthreads", "1"],
            env=os.environ | {"PYTHONPATH": place},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self, place: int) -> None:
        victim = self.running[place]
        victim.kill()
        victim.wait()
        self.running[place] = self.new()

    def end(self) -> None:
        self.over.set()
        for worker in self.running:
            worker.kill()
            worker.wait()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_workers_killed_twenty_times_leave_the_same_bits(tmp_path: Path) -> None:
    """Two worker processes; after each of the first 20 chunks one of them, drawn at random, is killed at a random moment of the next second: with it goes what
    it was making and what it had made and not handed over."""
    worlds = 26
    expected = here(tmp_path / "here", worlds)
    rng, killed = random.Random(11), []

    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as there:
        workers = Workers(there.scheduler_address, 2)

        def kill(share: float) -> None:
            if len(killed) < KILLS and share < 0.85:
                time.sleep(rng.random())
                killed.append(rng.randrange(2))
                workers.kill(killed[-1])

        place = tmp_path / "cluster"
        try:
            trial = Trial(DESIGN, seed=2, count=worlds, people=32)
            trial.run([40], 2 * worlds, kill, folder=place, scheduler=there.scheduler_address)
        finally:
            workers.end()
    assert len(killed) == KILLS and set(killed) == {0, 1}
    assert hashes(place) == expected


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_command_killed_on_a_cluster_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """SIGKILL of the whole command while workers are busy for it, the workers too, and the same command again with new ones."""
    design = tmp_path / "design.toml"
    design.write_text(TEXT, encoding="utf-8")
    words = [
        sys.executable,
        "-m",
        "ketasim",
        "trial",
        str(design),
        "--sims",
        "24",
        "--seed",
        "2",
        "--json",
        "--parquet",
    ]

    def command(place: Path, *more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*words, str(place), *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    assert command(tmp_path / "here").wait() == 0
    expected, place = hashes(tmp_path / "here"), tmp_path / "cluster"
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as there:
        asked = ("--scheduler", there.scheduler_address)
        for _ in range(2):
            workers, before = Workers(there.scheduler_address, 2), len(hashes(place))
            try:
                running = command(place, *asked)
                while len(hashes(place)) < min(before + 2, len(expected)):
                    assert running.poll() is None or len(hashes(place)) == len(expected)
                    time.sleep(0.02)
                running.kill()
                assert running.wait() == -signal.SIGKILL
            finally:
                workers.end()
            assert 0 < len(hashes(place)) < len(expected)
        workers = Workers(there.scheduler_address, 2)
        try:
            assert command(place, *asked).wait() == 0
        finally:
            workers.end()
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
def test_a_chunk_that_loses_more_workers_than_the_scheduler_forgives_is_asked_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler gives a task up after its fourth lost worker."""
    deaths = tmp_path / "deaths"
    deaths.mkdir()
    monkeypatch.setenv("KETASIM_TEST_DEATHS", str(deaths))
    expected = here(tmp_path / "here", 1)
    monkeypatch.setattr(chunks, "make_chunk", deadly)
    place = tmp_path / "cluster"
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as there:
        workers = Workers(there.scheduler_address, 1)
        watch = workers.keep()
        try:
            Trial(DESIGN, seed=2, count=1, people=32).run([40], 2, folder=place, scheduler=there.scheduler_address)
        finally:
            workers.over.set()
            watch.join()
            workers.end()
    assert len(list(deaths.iterdir())) == 5 and hashes(place) == expected
