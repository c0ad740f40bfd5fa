"""What is let in and what goes out: this machine's own name only, bounded bodies, and headers that forbid everything foreign."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote, urlsplit

from .behind import ASKED, HEADERS_ON, Asked
from .jobs import CLIENT

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OWN_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
PAGE, LONGEST_PAGE = b"x-ketasim-page", 40
LARGEST_BODY = 65_536
LONGEST_ADDRESS = 8_192
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Guard:
    """Wraps the app. A page of another site cannot reach it: its Origin is foreign, and a renamed host is refused too."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in given),
                ]
            await send(message)

        refusal = self._refusal(scope)
        if refusal:
            await _answer(with_headers, *refusal)
            return
        CLIENT.set(_page(scope))
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            if len(body) > LARGEST_BODY:
                await _answer(with_headers, 413, "the request is too large", f"up to {LARGEST_BODY} bytes")
                return
            if not message.get("more_body"):
                break
        ASKED.set(_question(scope, bytes(body)))
        whole = {"type": "http.request", "body": bytes(body), "more_body": False}
        first = True

        async def replay() -> MutableMapping[str, Any]:
            nonlocal first
            if first:
                first = False
                return whole
            return await receive()

        await self.app(scope, replay, with_headers)

    def _refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if _name(headers.get(b"host", "")) not in OWN_NAMES:
            return 403, "this host name is not served", "127.0.0.1 or localhost"
        origin = headers.get(b"origin")
        if origin is not None and origin != f"http://{headers[b'host']}":
            return 403, "a page of another origin may not ask", "the page that this server itself serves"
        if headers.get(b"sec-fetch-site", "none") not in ("none", "same-origin"):
            return 403, "a page of another origin may not ask", "the page that this server itself serves"
        if len(scope.get("raw_path", b"")) + len(scope.get("query_string", b"")) > LONGEST_ADDRESS:
            return 414, "the address is too long", f"up to {LONGEST_ADDRESS} bytes"
        return None


def _question(scope: Scope, body: bytes) -> Asked:
    """The question as it came, for the process behind; its target is in ASCII, as a request line has it."""
    target = bytes(scope.get("raw_path") or quote(scope["path"]).encode())
    if scope.get("query_string"):
        target += b"?" + scope["query_string"]
    headers = tuple((name.lower(), value) for name, value in scope["headers"] if name.lower() in HEADERS_ON)
    return Asked(scope["method"], target.decode("latin-1"), headers, body)


def _page(scope: Scope) -> str:
    """The number that a page gives itself, for a fair queue; empty for whoever gives none."""
    given = next((value for name, value in scope["headers"] if name.lower() == PAGE), b"")
    return str(given[:LONGEST_PAGE].decode("latin-1"))


def _name(host: str) -> str:
    """The host name without its port."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return ""
    if "@" in host or "/" in host:
        return ""
    name = parts.hostname or ""
    return f"[{name}]" if ":" in name else name


async def _answer(send: Send, status: int, what: str, allowed: str) -> None:
    body = json.dumps({"what": what, "where": "", "allowed": allowed, "try": ""}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
