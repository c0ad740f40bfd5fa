"""A bounded queue that is fair between clients: short runs for the sliders, long ones apart; nobody waits over a second without being told."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

CLIENT: ContextVar[str] = ContextVar("client", default="")
"""Who asks: the page names itself by a number of its own; whoever gives none shares one place in the line."""


class Busy(Exception):
    """The queue is full, or the time that an asker may wait has gone by without a free worker."""

    def __init__(self, waiting: int, retry_s: float) -> None:
        super().__init__(f"the machine is busy: {waiting} runs are waiting")
        self.retry_s = retry_s


class Jobs:
    """Threads (the engine releases the interpreter's lock) behind a queue that refuses rather than grows.

    A free worker goes to the client that was served longest ago. Where the queue is full, a client with fewer waiting runs than another takes the
    place of the newest run of that other, who is told to ask again.

    behind : where the work is done instead, if that is another process (`web.behind`); what is asked is handed on to it.
    """

    def __init__(
        self,
        workers: int,
        most_waiting: int,
        name: str,
        patience_s: float,
        behind: Callable[[], Awaitable[Any]] | None = None,
    ) -> None:
        self.behind = behind
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix=f"ketasim-{name}")
        self.most_waiting, self.patience_s = most_waiting, patience_s
        self.free = workers
        self.lines: OrderedDict[str, deque[asyncio.Future[None]]] = (
            OrderedDict()
        )  # by client, the next to be served first

    @property
    def waiting(self) -> int:
        """Runs in the queue."""
        return sum(len(line) for line in self.lines.values())

    async def run(self, work: Callable[[], Any]) -> Any:
        """`work` in a thread; raises Busy if too many wait, or if none of the workers is free in time."""
        if self.free and not self.lines:
            self.free -= 1
        else:
            await self._wait(CLIENT.get())
        try:
            done: asyncio.Future[Any]
            if self.behind is not None:
                done = asyncio.ensure_future(self.behind())
            else:
                done = asyncio.get_running_loop().run_in_executor(self.pool, work)
        except BaseException:
            self._release()
            raise
        done.add_done_callback(self._ended)  # also when the asker has gone away
        return await asyncio.shield(done)

    def _ended(self, done: asyncio.Future[Any]) -> None:
        if not done.cancelled():
            done.exception()  # looked at, or one whose asker has gone would be reported as forgotten
        self._release()

    async def _wait(self, client: str) -> None:
        """Until a worker is this client's; the worker counts as taken then."""
        if self.waiting >= self.most_waiting:
            self._make_room(client)
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lines.setdefault(client, deque()).append(ticket)
        try:
            async with asyncio.timeout(self.patience_s):
                await ticket
        except TimeoutError:
            self._leave(client, ticket)
            raise Busy(self.waiting, 1.0) from None
        except BaseException:
            self._leave(client, ticket)
            raise

    def _leave(self, client: str, ticket: asyncio.Future[None]) -> None:
        """The asker goes away: out of the line, or, if a worker was given at the same moment, back with it."""
        line = self.lines.get(client)
        if line is not None and ticket in line:
            line.remove(ticket)
            if not line:
                del self.lines[client]
        elif ticket.done() and not ticket.cancelled() and ticket.exception() is None:
            self._release()

    def _make_room(self, client: str) -> None:
        """Raises Busy unless another client holds more of the line than this one would."""
        longest = max(self.lines, key=lambda name: len(self.lines[name]))
        if len(self.lines[longest]) <= len(self.lines.get(client, ())) + 1:
            raise Busy(self.waiting, 0.5)
        newest = self.lines[longest].pop()
        if not newest.done():
            newest.set_exception(Busy(self.waiting, 0.5))

    def _release(self) -> None:
        """A worker is free: to the next client that waits."""
        while self.lines:
            client, line = next(iter(self.lines.items()))
            ticket = line.popleft()
            del self.lines[client]
            if line:
                self.lines[client] = line  # behind everybody else
            if not ticket.done():
                ticket.set_result(None)
                return
        self.free += 1

    def close(self) -> None:
        """Let running work end, start no more."""
        self.pool.shutdown(wait=False, cancel_futures=True)
