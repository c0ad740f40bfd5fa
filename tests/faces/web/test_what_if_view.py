"""What if a number is wrong, on the page: the slider, the change beside it, by keyboard; numbers are those of the package."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ketasim.scenario.what_if import what_if

from .test_server import ask

pytestmark = pytest.mark.xdist_group("web")
WORDS = "ketamine iv 0.5 mg/kg over 40 min"


def test_the_answer_is_that_of_the_package(address: str) -> None:
    status, body = ask(address, "api/what-if", {"scenario": WORDS, "name": "mood_late_size", "to": 1.0})[:2]
    assert status == 200
    assert json.loads(body) == json.loads(json.dumps(what_if(WORDS, "mood_late_size", 1.0).to_dict()))
    listed = json.loads(ask(address, "api/uncertain", {"scenario": WORDS})[1])
    assert any(entry["name"] == "mood_late_size" and entry["fitted"] for entry in listed)


@pytest.mark.parametrize(
    "body, word",
    [
        ({"scenario": WORDS, "name": "mood_late_size", "to": 1e9}, "cannot be tried"),
        ({"scenario": WORDS, "name": "nothing_like_it"}, "unknown value"),
        ({"scenario": "ketamin", "name": "mood_late_size"}, "ketamin"),
    ],
)
def test_what_cannot_be_tried_is_refused(address: str, body: dict[str, Any], word: str) -> None:
    status, text = ask(address, "api/what-if", body)[:2]
    assert status == 422 and word in text.decode()


def test_the_slider_moves_the_headline_by_keyboard(opened: Any) -> None:
    from playwright.sync_api import expect

    page = opened("evidence?tab=if&number=mood_late_size", wait=False).page
    slider = page.get_by_role("slider", name="what if it were")
    expect(slider).to_be_visible(timeout=60_000)
    says = page.locator(".says")
    expect(says).to_contain_text("as it ships")
    slider.focus()
    page.keyboard.press("End")
    expect(says).to_contain_text("mood beyond placebo at 24 h would be")
    expect(page.locator(".three svg")).to_have_count(3)
    page.get_by_text("Table", exact=True).click()
    expect(page.get_by_role("row", name="(slider)")).to_be_visible()
    shown = float(page.get_by_role("row", name="(slider)").locator("td").first.inner_text().replace("\u2212", "-"))
    found = what_if(WORDS, "mood_late_size")
    last = found.curve["effect_24h"][-1]
    assert last is not None and shown == pytest.approx(float(f"{last:.2g}"))  # two digits, as the page prints points
    page.get_by_role("button", name="As it ships").click()
    expect(says).to_contain_text("as it ships")


def test_a_number_of_the_list_opens_it(opened: Any) -> None:
    from playwright.sync_api import expect

    page = opened("evidence?tab=numbers&search=mood_late_size").page
    page.locator("button.if").first.click()
    expect(page.get_by_role("slider", name="what if it were")).to_be_visible(timeout=60_000)
    assert "number=mood_late_size" in page.url


@pytest.mark.parametrize("width", [390, 1440])
def test_it_fits(opened: Any, width: int) -> None:
    page = opened("evidence?tab=if", width=width, wait=False).page
    page.wait_for_selector(".three svg", timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
