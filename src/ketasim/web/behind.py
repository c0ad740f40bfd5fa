"""Two processes. One holds the address, tells whoever has to wait, and computes nothing; the one behind it does the work.

The second is `web.second`. Threads that compute share one interpreter with the loop that answers: under load the loop waits for its turn at every step, and nobody is told
anything for seconds. So the queue stands in a process of its own, and what has come to its turn is handed on, as it was asked, to the same
application in a second process on a port of 127.0.0.1 that only this machine reaches. It ends with the first one; if it dies it is started anew.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass

from .jobs import Busy

ADDRESS = "127.0.0.1"
HEADERS_ON = (b"content-type", b"x-ketasim-page")  # of a question, handed on
HEADERS_BACK = ("content-type", "cache-control", "retry-after")  # of an answer; the rest is made anew
RESTART_S = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it came: what is handed on is this, not what was understood of it."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


ASKED: ContextVar[Asked | None] = ContextVar("asked", default=None)


class Handed(Exception):
    """The answer of the process behind, to be given back as it is."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(f"answered {status}")
        self.status, self.headers, self.body = status, headers, body


class Behind:
    """The second process, started at once and again whenever it has died."""

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "ketasim.web.second")) -> None:
        self.command, self.lock, self.closed = command, threading.Lock(), False
        self._start()

    def _start(self) -> None:
        apart = {"start_new_session": True} if os.name == "posix" else {}  # Ctrl+C is for the first one
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **apart,  # type: ignore[call-overload]
        )
        self.port: Future[int] = Future()
        threading.Thread(target=_read_port, args=(self.process, self.port), daemon=True).start()

    async def hand(self, asked: Asked | None = None) -> None:
        """Asks what is asked now; raises Handed with the answer, or Busy where the process has to be started anew."""
        question = asked or ASKED.get()
        assert question is not None, "only what came through the guard is handed on"
        process = self.process
        try:
            port = await asyncio.shield(asyncio.wrap_future(self.port))
            status, headers, body = await _ask(port, question)
        except (OSError, EOFError, ValueError) as error:
            await asyncio.to_thread(self._again, process)
            raise Busy(0, 1.0) from error
        raise Handed(status, headers, body)

    def _again(self, process: subprocess.Popen[str]) -> None:
        """A new process, if that one has died and nobody has started another."""
        try:
            process.wait(RESTART_S)
        except subprocess.TimeoutExpired:
            return  # it lives: whoever asked will ask again
        with self.lock:
            if self.process is process and not self.closed:
                _let_go(process)
                self._start()

    def close(self) -> None:
        """End it."""
        with self.lock:
            self.closed = True
            _let_go(self.process)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _let_go(process: subprocess.Popen[str]) -> None:
    """Close the other end of its input: it ends by that."""
    if process.stdin is not None:
        process.stdin.close()


def _read_port(process: subprocess.Popen[str], port: Future[int]) -> None:
    assert process.stdout is not None
    with process.stdout as told:
        line = told.readline().strip()
    if line.isdigit():
        port.set_result(int(line))
    else:
        port.set_exception(EOFError("the process that does the work did not start"))


async def _ask(port: int, question: Asked) -> tuple[int, dict[str, str], bytes]:
    """One question over a connection of its own, which ends with the answer."""
    reader, writer = await asyncio.open_connection(ADDRESS, port)
    try:
        head = [f"{question.method} {question.target} HTTP/1.1", f"host: {ADDRESS}:{port}", "connection: close"]
        head += [f"{k.decode('latin-1')}: {v.decode('latin-1')}" for k, v in question.headers]
        head += [f"content-length: {len(question.body)}"]
        writer.write(("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + question.body)
        return _read(await reader.read())
    finally:
        writer.close()


def _read(whole: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body. Raises EOFError for an answer that breaks off."""
    top, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    given = {name.strip().lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
    if not first or len(body) != int(given.get("content-length", len(body))):
        raise EOFError("the answer broke off")
    return int(first.split(" ", 2)[1]), {k: given[k] for k in HEADERS_BACK if k in given}, body
