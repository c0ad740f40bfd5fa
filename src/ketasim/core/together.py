"""Pieces of work side by side: on the processors that there are, in threads that end with the work."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable
from threading import Thread
from typing import Any


def processors() -> int:
    """Processors this process may use."""
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def together(*works: Callable[[], Any], worth: bool = True) -> list[Any]:
    """What each piece of work returns, in their order.

    The first is done by the caller, every other in a thread of its own with the caller's context (numpy's error state, what is in force in a
    comparison). One after the other where there is one processor, or where it is not `worth` a thread (a tenth of a millisecond). The pieces
    must not wait for one another.

    Everything has ended when this returns or raises, so that arrays of the caller outlive those who write into them. The error of the first
    piece that failed, in their order, is raised.
    """
    if len(works) < 2 or not worth or processors() < 2:
        return [work() for work in works]
    found: list[Any] = [None] * len(works)
    failed: dict[int, BaseException] = {}

    def do(place: int, context: contextvars.Context) -> None:
        try:
            found[place] = context.run(works[place])
        except BaseException as error:  # raised in the caller's thread
            failed[place] = error

    threads = [
        Thread(target=do, args=(place, contextvars.copy_context()), daemon=True) for place in range(1, len(works))
    ]
    started: list[Thread] = []
    try:
        for thread in threads:
            thread.start()
            started.append(thread)
        found[0] = works[0]()
    finally:
        _end(started)
    for place in sorted(failed):
        raise failed[place]
    return found


def _end(threads: list[Thread]) -> None:
    """Wait for all of them, whoever presses Ctrl-C meanwhile; that is raised afterwards."""
    interrupted: KeyboardInterrupt | None = None
    for thread in threads:
        while thread.is_alive():
            try:
                thread.join()
            except KeyboardInterrupt as error:
                interrupted = error
    if interrupted is not None:
        raise interrupted
