"""Work on a dask.distributed cluster: pieces as they are done, and done again where a worker was lost. No scheduler of our own.

A worker that dies takes with it what it was making and what it had made and not yet handed over. The scheduler gives such a piece to another worker,
but gives it up (`KilledWorker`) after a few lost workers, whatever the client allows; it is then asked for anew under another name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from itertools import islice
from typing import Any
from uuid import uuid4

from .errors import KetasimError, UsageError

RETRIES = 100  # of a piece whose workers were lost: beyond it the piece itself is what kills them
ANSWERS = 20.0  # s within which a scheduler must answer the first call
PATIENCE, LEFT_ALONE = 20.0, 300.0  # s: between looks whether anybody works, and without any worker before it is told
HANDED_OUT = 256  # pieces that are with the scheduler at a time, so that results do not heap up in the workers


def on_cluster[Job, Made](
    jobs: Sequence[tuple[str, Job]], make: Callable[[Job], Made], address: str
) -> Iterator[tuple[Job, Made]]:
    """(job, make(job)) in the order in which workers finish them; what has been handed over is forgotten by the cluster.

    jobs : with a name each, unique in this call. address : of the scheduler. Raises UsageError without dask.distributed or where no scheduler answers, KetasimError
    if the scheduler goes away, if there is no worker for `LEFT_ALONE` s, or if a piece has lost its workers `RETRIES` times; an error of `make` itself as it is.
    """
    distributed = _distributed(address)
    try:
        client = distributed.Client(address, timeout=ANSWERS)
    except (OSError, TimeoutError, ValueError) as error:
        raise UsageError(
            f"no scheduler answers at {address}",
            where=f"--scheduler {address}",
            allowed="the address that `dask scheduler` prints",
            fix="--scheduler tcp://127.0.0.1:8786",
        ) from error
    with client:
        call = uuid4().hex[:8]  # another call's failures are not answers to this one
        waiting = iter(jobs)
        running: dict[Any, tuple[str, Job]] = {}
        lost: Counter[str] = Counter()
        alone = 0.0

        def ask(name: str, job: Job) -> None:
            future = client.submit(make, job, key=f"ketasim-{name}-{call}-{lost[name]}", pure=False)
            running[future] = (name, job)

        for name, job in islice(waiting, HANDED_OUT):
            ask(name, job)
        while running:
            try:
                done = distributed.wait(list(running), timeout=PATIENCE, return_when="FIRST_COMPLETED").done
            except TimeoutError:  # nothing came: work that takes long, or nobody who does it
                alone = 0.0 if client.nthreads() else alone + PATIENCE
                if alone >= LEFT_ALONE:
                    raise _alone(address) from None
                continue
            except distributed.CancelledError as error:
                raise _gone(address) from error
            alone = 0.0
            for future in done:
                try:
                    made = future.result(timeout=PATIENCE)
                except TimeoutError:  # lost between its end and now: made again, asked for later
                    continue
                except distributed.CancelledError as error:
                    raise _gone(address) from error
                except distributed.KilledWorker as error:
                    name, job = running.pop(future)
                    lost[name] += 1
                    if lost[name] > RETRIES:
                        raise _deadly(lost[name], address) from error
                    ask(name, job)
                    continue
                _, job = running.pop(future)
                future.release()
                for following in islice(waiting, 1):
                    ask(*following)
                yield job, made


def _alone(address: str) -> KetasimError:
    return KetasimError(
        f"no worker has been there for {LEFT_ALONE / 60:g} minutes",
        where=f"--scheduler {address}",
        allowed="one worker or more; `dask worker` itself gives up where its worker dies while it starts",
        fix=f"dask worker {address} --nworkers 2 --nthreads 1, then the same command with the same --parquet folder",
    )


def _gone(address: str) -> KetasimError:
    return KetasimError(
        "the scheduler has gone away",
        where=f"--scheduler {address}",
        allowed="a scheduler that stays to the end; files that are written are kept",
        fix="start it again, then the same command with the same --parquet folder",
    )


def _deadly(times: int, address: str) -> KetasimError:
    return KetasimError(
        f"a piece of work has lost its workers {times} times: it is likely what ends them",
        where=f"--scheduler {address}",
        allowed="workers with memory for one piece each, about 1 GB",
        fix=f"dask worker {address} --nworkers 2 --nthreads 1 --memory-limit 2GB",
    )


def _distributed(address: str) -> Any:
    try:
        return import_module("dask.distributed")
    except ImportError as error:
        raise UsageError(
            "a cluster needs dask.distributed", where=f"--scheduler {address}", fix='pip install "ketasim[cluster]"'
        ) from error
