"""Asks the server's application without a network: one request, its status and its answer; runs a coroutine in a test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ketasim.web.app import create_app


def in_a_loop[T](scene: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What the coroutine returns, run in a thread of its own: this thread has a running loop already once a browser was driven in the process."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(scene())).result()


def ask(path: str, body: Any = None) -> tuple[int, Any]:
    """(status, JSON) of a GET, or of a POST of `body`. What the server raises after its answer (for the log) is dropped."""
    content = b"" if body is None else json.dumps(body).encode()
    scope = {
        "type": "http",
        "method": "GET" if body is None else "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "http_version": "1.1",
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def once() -> None:
        await create_app()(scope, receive, send)

    try:
        in_a_loop(once)
    except Exception:
        if not sent:
            raise
    answer = b"".join(message.get("body", b"") for message in sent[1:])
    return int(sent[0]["status"]), json.loads(answer)
