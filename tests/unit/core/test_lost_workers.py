"""A piece whose worker is lost: a scheduler gives it up after a few losses, the command asks anew, and stops at a bound. Without dask, by a stand-in."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ketasim.core import KetasimError, cluster
from ketasim.core.cluster import HANDED_OUT, LEFT_ALONE, PATIENCE, RETRIES, on_cluster


class KilledWorker(Exception):
    """As in dask.distributed."""


class Future:
    def __init__(self, key: str, error: Exception | None) -> None:
        self.key, self.error, self.released = key, error, False

    def release(self) -> None:
        self.released = True

    def result(self, timeout: float) -> str:
        if self.error:
            raise self.error
        return f"result of {self.key}"


class CancelledError(Exception):
    """As in dask.distributed."""


def scheduler(losses: dict[int, int], other: Exception | None = None, silence: int = 0) -> SimpleNamespace:
    """A module in the place of dask.distributed: piece k loses its workers losses[k] times, or ends with another error. silence : looks at which nothing
    has come yet, and nobody is there to work."""
    keys: list[str] = []
    futures: list[Future] = []
    looks = [0]

    class Client:
        def __init__(self, address: str, timeout: str) -> None:
            self.left = dict(losses)

        def __enter__(self) -> Client:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def submit(self, make: object, job: int, key: str, pure: bool) -> Future:
            assert key not in keys, "a key that failed is answered with its old failure"
            keys.append(key)
            if self.left.get(job, 0):
                self.left[job] -= 1
                futures.append(Future(key, other or KilledWorker(key)))
            else:
                futures.append(Future(key, None))
            return futures[-1]

        def nthreads(self) -> dict[str, int]:
            return {}

    def wait(running: list[Future], timeout: float, return_when: str) -> SimpleNamespace:
        looks[0] += 1
        if looks[0] <= silence:
            raise TimeoutError
        return SimpleNamespace(done=running[:1])

    module = SimpleNamespace(Client=Client, wait=wait, KilledWorker=KilledWorker, CancelledError=CancelledError)
    return SimpleNamespace(module=module, keys=keys, futures=futures)


def made(monkeypatch: pytest.MonkeyPatch, there: SimpleNamespace, count: int = 3) -> list[int]:
    monkeypatch.setattr(cluster, "import_module", lambda name: there.module)
    return [job for job, _ in on_cluster([(f"piece-{k}", k) for k in range(count)], str, "tcp://here")]


def test_a_piece_that_lost_many_workers_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    there = scheduler({1: 20})
    assert sorted(made(monkeypatch, there)) == [0, 1, 2]
    assert len(there.keys) == 23


def test_there_is_an_end_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    there = scheduler({1: 10_000})
    with pytest.raises(KetasimError, match="has lost its workers 101 times") as told:
        made(monkeypatch, there)
    assert len(there.keys) == 3 + RETRIES and "dask worker" in told.value.fix


def test_an_error_of_the_piece_itself_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    there = scheduler({1: 1}, other=ValueError("of the piece"))
    with pytest.raises(ValueError, match="of the piece"):
        made(monkeypatch, there)
    assert len(there.keys) == 3


def test_a_scheduler_that_goes_away_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    there = scheduler({2: 1}, other=CancelledError())
    with pytest.raises(KetasimError, match="the scheduler has gone away"):
        made(monkeypatch, there)


def test_a_cluster_without_workers_is_told_and_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `dask worker` whose worker dies while it starts gives up: nobody is left, and the scheduler waits for ever."""
    with pytest.raises(KetasimError, match="no worker has been there for 5 minutes"):
        made(monkeypatch, scheduler({}, silence=10_000))
    assert sorted(made(monkeypatch, scheduler({}, silence=int(LEFT_ALONE / PATIENCE) - 1))) == [0, 1, 2]


def test_what_is_made_but_lost_before_it_came_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    there = scheduler({})
    asked: list[float] = []

    def late(self: Future, timeout: float) -> str:
        asked.append(timeout)
        if len(asked) < 3:
            raise TimeoutError
        return "at last"

    monkeypatch.setattr(Future, "result", late)
    assert made(monkeypatch, there, 1) == [0] and len(asked) == 3 and len(there.keys) == 1


def test_what_is_handed_over_is_forgotten_and_only_so_much_is_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory of the cluster does not grow with the pieces: results are released, and the next piece follows one that came back."""
    there = scheduler({})
    monkeypatch.setattr(cluster, "import_module", lambda name: there.module)
    jobs = [(f"piece-{k}", k) for k in range(3 * HANDED_OUT)]
    for number, _ in enumerate(on_cluster(jobs, str, "tcp://here"), start=1):
        assert len(there.keys) - number <= HANDED_OUT
    assert len(there.keys) == len(jobs) and all(future.released for future in there.futures)
