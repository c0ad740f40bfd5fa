"""A server on a free port of 127.0.0.1, and Debian's Chromium (or any other) driven by playwright; skipped with the reason if absent."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the web app's packages are not installed")
uvicorn = pytest.importorskip("uvicorn", reason="the web app's packages are not installed")

from ketasim.web.app import STATIC, create_app  # noqa: E402

ARTEFACTS = Path(__file__).resolve().parents[3] / "test-artefacts"
PATIENCE_S = 180.0  # for what comes in a second on an idle machine; under a load of 18 a view took 57 s
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Where the server answers, with a slash at the end."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    server = uvicorn.Server(uvicorn.Config(create_app(), log_level="error"))
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
    thread.start()
    deadline = time.monotonic() + PATIENCE_S
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started, "the server did not start"
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    server.should_exit = True
    thread.join(5)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless browser; the reason why not, where there is none."""
    play = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install playwright)")
    if not (STATIC / "index.html").exists():
        pytest.skip("the page is not built: python hatch_build.py")
    found = os.environ.get("KETASIM_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with play.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


class Watched:
    """A page with what it asked for, what went wrong in it, and its console."""

    def __init__(self, page: Any) -> None:
        self.page, self.asked, self.wrong = page, [], []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", self._said)

    def _said(self, message: Any) -> None:
        # a refused question (422) and a busy moment (429) are answers that the page deals with
        if message.type == "error" and not ("status of 422" in message.text or "status of 429" in message.text):
            self.wrong.append(message.text)


@contextmanager
def opening(chromium: Any, address: str) -> Iterator[Callable[..., Watched]]:
    """A function that opens a view and waits until its curves are drawn; what it opened is closed at the end."""
    contexts = []

    def open_view(
        view: str = "follow",
        width: int = 1440,
        height: int = 900,
        theme: str = "light",
        motion: str = "reduce",
        wait: bool = True,
    ) -> Watched:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            reduced_motion=motion,
            accept_downloads=True,
        )
        contexts.append(context)
        context.set_default_timeout(1000 * PATIENCE_S)
        watched = Watched(context.new_page())
        watched.page.goto(f"{address}#/{view}")
        if wait:
            ready(watched.page, view)
        return watched

    yield open_view
    for context in contexts:
        context.close()


@pytest.fixture
def opened(chromium: Any, address: str) -> Iterator[Any]:
    """A function that opens a view, for a test that does something with it."""
    with opening(chromium, address) as open_view:
        yield open_view


READY = {
    "guide": "article.guide section.card figure",
    "trial": "textarea",
    "person": ".gate button",
    "follow": "main .main[aria-busy=false] .windows canvas",
    "compare": ".charts[aria-busy=false] canvas",
    "bench": ".result[aria-busy=false] canvas",
    "evidence": ".claim, tbody tr",
}


TABS = {  # what a view holds beside what it opens with
    "evidence?tab=numbers": "tbody tr",
    "evidence?tab=check": "section h2",
    "evidence?tab=forward": "tbody tr",
    "evidence?tab=if": "input[type=range]",
    "evidence?tab=search&search=naltrexone": "main h3",
}


def ready(page: Any, view: str) -> None:
    """Wait until the view has drawn what it was asked for, and nothing that it has asked is still on its way."""
    page.wait_for_selector(TABS.get(view) or READY[view.partition("?")[0]])
    page.wait_for_selector("[data-quiet=true]")


def until(page: Any, condition: str) -> None:
    """Wait until an expression is true. From outside: the page's own policy forbids text that becomes code inside it."""
    eventually(page, lambda: page.evaluate(condition), bool, condition)


def eventually(page: Any, read: Callable[[], Any], right: Any, what: str = "") -> Any:
    """What was read, when it is right: equal to `right`, or what the function `right` says yes to.

    Whatever is read after an action is read by this: the page may not have drawn it yet.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = read()
        if right(found) if callable(right) else found == right:
            return found
        assert time.monotonic() < deadline, f"never right: {what or right}; the last that was read: {found!r}"
        page.wait_for_timeout(40)
