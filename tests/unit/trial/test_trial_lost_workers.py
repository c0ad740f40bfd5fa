"""A chunk whose worker is lost: a scheduler gives it up after a few losses, the command asks anew, and stops at a bound. Without dask, by a stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from ketasim.trial import chunks
from ketasim.trial.read import design_from_text
from ketasim.trial.simulate import Trial

DESIGN = design_from_text("""
visits = ["24 h"]
[arms.saline]
words = "placebo iv"
[arms.ketamine]
words = "ketamine iv 0.5 mg/kg over 40 min"
""")


class KilledWorker(Exception):
    """As in dask.distributed."""


class Future:
    def __init__(self, key: str, error: Exception | None) -> None:
        self.key, self.error, self.status = key, error, "error" if error else "finished"

    def exception(self) -> Exception | None:
        return self.error

    def result(self) -> str:
        if self.error:
            raise self.error
        return f"chunk of {self.key}"


class Completed:
    def __init__(self, futures: list[Future]) -> None:
        self.waiting = list(futures)

    def add(self, future: Future) -> None:
        self.waiting.append(future)

    def __iter__(self) -> Iterator[Future]:
        while self.waiting:
            yield self.waiting.pop(0)


def cluster(losses: dict[int, int], other: Exception | None = None) -> SimpleNamespace:
    """A module in the place of dask.distributed: the job of world w loses its workers losses[w] times."""
    keys: list[str] = []

    class Client:
        def __init__(self, address: str, timeout: str) -> None:
            self.left = dict(losses)

        def __enter__(self) -> Client:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def submit(self, _: object, job: chunks.Job, key: str, pure: bool) -> Future:
            assert key not in keys, "a key that failed is answered with its old failure"
            keys.append(key)
            world = job.world.index
            if self.left.get(world, 0):
                self.left[world] -= 1
                return Future(key, other or KilledWorker(key))
            return Future(key, None)

    return SimpleNamespace(Client=Client, as_completed=Completed, KilledWorker=KilledWorker, keys=keys)


def made(monkeypatch: pytest.MonkeyPatch, module: SimpleNamespace) -> list[int]:
    monkeypatch.setattr(chunks, "import_module", lambda name: module)
    jobs = Trial(DESIGN, seed=1, count=3).jobs(6, 40)
    return [job.world.index for job, _ in chunks._on_cluster(jobs, "tcp://here")]


def test_a_chunk_that_lost_many_workers_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    module = cluster({1: 20})
    assert sorted(made(monkeypatch, module)) == [0, 1, 2]
    assert len(module.keys) == 23


def test_there_is_an_end_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    module = cluster({1: 10_000})
    with pytest.raises(KilledWorker):
        made(monkeypatch, module)
    assert len(module.keys) == 3 + chunks.RETRIES


def test_an_error_of_the_chunk_itself_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    module = cluster({1: 1}, other=ValueError("of the chunk"))
    with pytest.raises(ValueError, match="of the chunk"):
        made(monkeypatch, module)
    assert len(module.keys) == 3
