"""The process that does the work: questions handed on as they came, told at once where it is busy, started anew where it died. A small stand-in plays it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest
from ask_app import in_a_loop

from ketasim.web.behind import ASKED, Asked, Behind, Handed, _read
from ketasim.web.jobs import Busy, Jobs

# tells its port, answers with what it was asked, never answers /slow, breaks off at /half; ends with its input, as the real one
STAND_IN = """
import json, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/slow": threading.Event().wait(60)
        found = json.dumps({"method": self.command, "target": self.path, "body": body.decode(), "page": self.headers["x-ketasim-page"], "pid": os.getpid()}).encode()
        self.send_response(422)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(found) + (self.path == "/half")))
        self.end_headers()
        self.wfile.write(found)
    do_GET = do_DELETE = do_POST
    def log_message(self, *_): pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
server.daemon_threads = True
print(server.server_port, flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.serve_forever()
"""
COMMAND = (sys.executable, "-c", STAND_IN)


def asked(target: str, method: str = "POST", body: bytes = b"") -> Asked:
    return Asked(method, target, ((b"content-type", b"application/json"), (b"x-ketasim-page", b"page7")), body)


def with_one(scene: Callable[[Behind], Any], command: tuple[str, ...] = COMMAND) -> Any:
    async def whole() -> Any:
        behind = Behind(command)
        try:
            return await scene(behind)
        finally:
            await asyncio.to_thread(behind.close)

    return in_a_loop(whole)


async def answer(behind: Behind, question: Asked) -> Handed:
    with pytest.raises(Handed) as found:
        await behind.hand(question)
    return found.value


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_a_question_is_handed_on_as_it_came(method: str) -> None:
    body = b'{"scenario": "ketamine iv 0.5 mg/kg"}' if method == "POST" else b""
    found = with_one(lambda behind: answer(behind, asked("/api/run?x=%2F", method, body)))
    said = json.loads(found.body)
    assert (said["method"], said["target"], said["body"], said["page"]) == (
        method,
        "/api/run?x=%2F",
        body.decode(),
        "page7",
    )
    assert found.status == 422 and found.headers == {"content-type": "application/json"}


def test_who_finds_every_worker_taken_is_told_without_one() -> None:
    async def scene(behind: Behind) -> str:
        jobs = Jobs(1, 4, "t", 0.05, behind.hand)
        ASKED.set(asked("/slow"))
        first = asyncio.ensure_future(jobs.run(lambda: None))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await jobs.run(lambda: None)
        state = "still working" if not first.done() else "over"
        first.cancel()
        return state

    assert with_one(scene) == "still working"


def test_one_that_died_is_started_anew_and_the_asker_told_to_ask_again() -> None:
    async def scene(behind: Behind) -> tuple[int, int]:
        before = json.loads((await answer(behind, asked("/"))).body)["pid"]
        os.kill(before, signal.SIGKILL)
        with pytest.raises(Busy):
            await behind.hand(asked("/"))
        return before, json.loads((await answer(behind, asked("/"))).body)["pid"]

    before, after = with_one(scene)
    assert before != after


def test_an_answer_that_breaks_off_is_no_answer() -> None:
    async def scene(behind: Behind) -> None:
        with pytest.raises(Busy):
            await behind.hand(asked("/half"))

    with_one(scene)
    with pytest.raises(EOFError):
        _read(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfour")
    with pytest.raises(EOFError):
        _read(b"")


def test_one_that_does_not_start_is_told() -> None:
    async def scene(behind: Behind) -> None:
        with pytest.raises(Busy):
            await behind.hand(asked("/"))

    with_one(scene, (sys.executable, "-c", "print('no')"))


def test_it_ends_with_the_first() -> None:
    behind = Behind(COMMAND)
    process = behind.process
    behind.close()
    assert process.returncode == 0
