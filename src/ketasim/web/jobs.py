"""A bounded queue: short runs for the sliders, long ones apart; no slider waits over a second without being told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Busy(Exception):
    """The queue is full, or the time that an asker may wait has gone by without a free worker."""

    def __init__(self, waiting: int, retry_s: float) -> None:
        super().__init__(f"the machine is busy: {waiting} runs are waiting")
        self.retry_s = retry_s


class Jobs:
    """Threads (the engine releases the interpreter's lock) behind a queue that refuses rather than grows."""

    def __init__(self, workers: int, most_waiting: int, name: str, patience_s: float) -> None:
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix=f"ketasim-{name}")
        self.workers, self.most_waiting, self.patience_s = workers, most_waiting, patience_s
        self.waiting = 0
        self._free: asyncio.Semaphore | None = None

    async def run(self, work: Callable[[], Any]) -> Any:
        """`work` in a thread; raises Busy if too many wait, or if none of the workers is free in time."""
        if self._free is None:
            self._free = asyncio.Semaphore(self.workers)
        if self.waiting >= self.most_waiting:
            raise Busy(self.waiting, 0.5)
        self.waiting += 1
        try:
            await asyncio.wait_for(self._free.acquire(), self.patience_s)
        except TimeoutError:
            raise Busy(self.waiting, 1.0) from None
        finally:
            self.waiting -= 1
        done = asyncio.get_running_loop().run_in_executor(self.pool, work)
        done.add_done_callback(lambda _: self._release())  # also when the asker has gone away
        return await asyncio.shield(done)

    def _release(self) -> None:
        if self._free is not None:
            self._free.release()

    def close(self) -> None:
        """Let running work end, start no more."""
        self.pool.shutdown(wait=False, cancel_futures=True)
