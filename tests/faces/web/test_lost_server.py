"""A server that is killed and started anew on the same port is found again by the page that stayed open; a busy one is waited for, and it is said."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest

from .conftest import ready, uvicorn
from .test_drag import DRAG
from .test_page import COURSE

pytestmark = pytest.mark.xdist_group("web")


class Server:
    """A server of its own, to be stopped hard and started again where it was."""

    def __init__(self) -> None:
        self.port = 0
        self.start()

    def start(self) -> None:
        from ketasim.web.app import create_app

        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        listening.listen(64)
        self.port = listening.getsockname()[1]
        self.server = uvicorn.Server(uvicorn.Config(create_app(), log_level="error"))
        self.listening = listening
        self.thread = threading.Thread(target=lambda: self.server.run(sockets=[listening]), daemon=True)
        self.thread.start()
        deadline = time.monotonic() + 60
        while not self.server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self.server.started

    def kill(self) -> None:
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(30)
        self.listening.close()


def test_a_killed_and_restarted_server_is_found_again_by_the_open_page(chromium: Any) -> None:
    play = pytest.importorskip("playwright.sync_api")
    server = Server()
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    try:
        page.goto(f"http://127.0.0.1:{server.port}/#/{COURSE.replace('people=100', 'people=5')}")
        ready(page, "follow")
        server.kill()
        page.evaluate(DRAG, [0.61])
        lost = page.get_by_role("alert").filter(has_text="does not answer")
        play.expect(lost).to_be_visible(timeout=60_000)
        assert "ketasim serve" in lost.inner_text()
        server.start()
        play.expect(lost).to_have_count(0, timeout=60_000)
        play.expect(page.locator("p.caption")).to_contain_text("0.61 mg/kg", timeout=60_000)
        ready(page, "follow")
        page.evaluate(DRAG, [0.42])  # and it goes on as before
        play.expect(page.locator("p.caption")).to_contain_text("0.42 mg/kg", timeout=60_000)
    finally:
        context.close()
        server.kill()


def test_a_page_that_waits_its_turn_says_so(opened: Any) -> None:
    play = pytest.importorskip("playwright.sync_api")
    page = opened("person").page
    page.get_by_role("button", name="I understand").click()
    page.locator("#person-text").fill("age = 44\n")
    page.route(
        "**/api/screen",
        lambda route: route.fulfill(status=429, body='{"what": "busy", "where": "", "allowed": "", "try": ""}'),
    )
    page.get_by_role("button", name="Show the rules").click()
    told = page.get_by_role("status").filter(has_text="Waiting for a free worker")
    play.expect(told).to_be_visible()
    page.unroute("**/api/screen")
    play.expect(page.get_by_role("heading", name="What is watched")).to_be_visible(timeout=60_000)
    play.expect(told).to_have_count(0)


def test_every_page_has_a_number_of_its_own_for_the_queue(opened: Any) -> None:
    numbers = []
    for _ in range(2):
        watched = opened("evidence", wait=False)
        with watched.page.expect_request("**/api/**") as asked:
            watched.page.reload()
        numbers.append(asked.value.headers["x-ketasim-page"])
    assert all(4 < len(number) <= 40 for number in numbers) and len(set(numbers)) == 2
