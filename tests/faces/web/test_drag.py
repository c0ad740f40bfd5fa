"""A drag of the slider: whatever order answers come in, what stands at the end is the last move, with its band; a refusal on the way is forgotten."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import eventually, ready, until
from .test_page import COURSE, _two
from .test_server import ask

pytestmark = pytest.mark.xdist_group("web")

DRAG = """async (ends) => {
  const slider = document.querySelector('#dose');
  for (const amount of ends) {
    slider.value = amount;
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    await new Promise(r => setTimeout(r, 17));
  }
}"""


def test_after_a_drag_the_last_move_stands_with_its_band(opened: Any, address: str) -> None:
    watched = opened(COURSE.replace("people=100", "people=40"))
    page = watched.page
    for last in (0.33, 0.87):
        page.evaluate(DRAG, [0.2 + 0.01 * k for k in range(25)] + [last])
        ready(page, "follow")
        question = {
            "scenario": f"ketamine iv {last} mg/kg over 40 min",
            "repeat": "twice weekly x 8",
            "people": 40,
            "days": 28,
            "at": [2 / 3, 24],
        }
        found = json.loads(ask(address, "api/run", question)[1])["outputs"]["cadss"]
        k = min(range(2), key=lambda i: abs(found["time_h"][i] - 2 / 3))
        # beside it, in grey, the course before this one; this one is the line that is called typical
        rows = page.locator("figure", has_text="Detached feeling").locator("ul.legend li")
        eventually(page, lambda: [row.split("\n")[0] for row in rows.all_inner_texts()], ["before", "typical"])  # noqa: B023
        page.get_by_role("button", name="Go to 40 min").click()
        interval = f"{_two(found['typical'][k])} ({_two(found['low'][k])} to {_two(found['high'][k])})"
        eventually(page, rows.nth(1).locator(".value").inner_text, interval)
        assert f"ketamine iv {last} mg/kg" in page.locator("p.caption").inner_text()
    assert watched.wrong == []


def test_moves_while_the_server_refuses_end_with_an_answer(opened: Any) -> None:
    watched = opened("follow?people=5&days=7")
    page = watched.page
    page.route(
        "**/api/curves",
        lambda route: route.fulfill(status=429, body='{"what": "busy", "where": "", "allowed": "", "try": ""}'),
    )
    page.evaluate(DRAG, [0.3, 0.4, 0.45])
    page.get_by_role("status").filter(has_text="busy with other runs").wait_for()
    page.unroute("**/api/curves")
    until(page, "document.querySelector('p.caption').textContent.includes('0.45 mg/kg')")
    ready(page, "follow")
    page.get_by_role("status").filter(has_text="busy with other runs").wait_for(state="hidden")
