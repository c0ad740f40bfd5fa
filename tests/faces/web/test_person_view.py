"""One person in the page: the forecast of the command line, what each entry changed, refusals with their reason; nothing stays anywhere."""

from __future__ import annotations

import json
import re
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ketasim.person.forecast import forecast
from ketasim.person.steps import course_by_observation
from ketasim.report.directive import forbidden

from .conftest import ARTEFACTS, until
from .test_page import AXE, FORBIDDEN
from .test_server import ask

pytestmark = pytest.mark.xdist_group("web")

NASAL = "esketamine nasal 56 mg weekly x 4"
FILE = """age = 44
weight_kg = 71.5

[[dose]]
day = 0
words = "ketamine iv 0.5 mg/kg over 40 min"

[[score]]
scale = "MADRS"
day = 0
total = 33

[[score]]
scale = "MADRS"
day = 1
total = 21
"""
STRANGE = FILE + '\n[[level]]\nanalyte = "ketamine"\nday = 0.03\nvalue = 90000\nunit = "ng/mL"\n'


def fetched(address: str, question: dict[str, Any]) -> dict[str, Any]:
    """The task of a forecast when it has ended."""
    status, answer, headers = ask(address, "api/forecast", question)
    assert status == 200, answer
    assert headers["cache-control"] == "no-store"
    number = json.loads(answer)["number"]
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        task = json.loads(ask(address, f"api/forecast/{number}")[1])
        if task["state"] not in ("waiting", "running"):
            return dict(task)
        time.sleep(0.1)
    raise AssertionError("the forecast never ended")


def test_the_server_forecasts_what_the_package_forecasts_and_hands_it_out_once(address: str, tmp_path: Path) -> None:
    task = fetched(address, {"person": FILE, "options": ["stop", NASAL], "days": 14})
    file = tmp_path / "person.toml"
    file.write_text(FILE, encoding="utf-8")
    expected = forecast(file, ["stop", NASAL], days=14)
    found = task["result"]["forecast"]
    assert found.pop("crisis").startswith("In a crisis")
    assert found == json.loads(json.dumps(expected))
    assert task["result"]["course"] == json.loads(json.dumps(course_by_observation(file, ["stop", NASAL], days=14)))
    assert "Options stand side by side" in task["text"]
    assert ask(address, f"api/forecast/{task['number']}")[0] == 422  # forgotten


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"person": "age = = 3"}, "TOML"),
        ({"person": FILE.replace("total = 21", "total = 99").replace("age = 44", "aeg = 44")}, "line 1"),
        ({"person": FILE.replace("total = 21", "total = 99").replace("age = 44", "aeg = 44")}, "line 16"),
        ({"person": FILE, "options": ["ketamin iv 0.5 mg/kg"]}, "ketamine"),
        ({"person": FILE, "options": ["ketamine oral 1 mg every 1 min x 5000"]}, "600"),
        ({"person": FILE, "options": ["stop"] * 7}, "6"),
        ({"person": FILE, "days": 500}, "120"),
    ],
)
def test_what_cannot_be_read_is_told_at_once_with_its_line(address: str, question: Any, words: str) -> None:
    status, answer, _ = ask(address, "api/forecast", question)
    assert status == 422
    assert words in " ".join(json.loads(answer).values())


def _through(opened: Any, text: str, options: list[str], **how: Any) -> Any:
    watched = opened("person", **how)
    page = watched.page
    page.get_by_role("button", name="I understand").click()
    page.locator("#person-text").fill(text)
    for i, words in enumerate(options):
        if i >= 2:
            page.get_by_role("button", name="Another option").click()
        page.get_by_role("textbox", name=f"Option {chr(65 + i)}").fill(words)
    return watched


def test_prior_to_posterior_and_options_side_by_side(opened: Any, address: str) -> None:
    play = pytest.importorskip("playwright.sync_api")
    watched = _through(opened, FILE, ["stop", NASAL, "ketamine oral 800 mg"], width=390, theme="dark")
    page = watched.page
    page.get_by_role("button", name="Forecast", exact=True).click()
    page.get_by_role("heading", name="Ways to go on").wait_for(timeout=120_000)
    expected = forecast(tomllib.loads(FILE), ["stop", NASAL, "ketamine oral 800 mg"])

    cards = page.locator("article")
    play.expect(cards).to_have_count(3)
    spray, beyond = cards.nth(1).inner_text(), cards.nth(2)
    option = expected["options"][1]
    for share in (option["response"]["probability"], option["response"]["placebo"]):
        assert f"{round(100 * share)} in 100" in spray
    assert f"with placebo {round(100 * option['remission']['placebo'])} in 100" in spray
    assert "Detached feeling" in spray and "Pressure over" in spray  # no benefit without its harm
    assert "Not known what it does to mood" in beyond.inner_text() and "in 100" in beyond.inner_text()  # harm stands
    assert "halved" not in beyond.inner_text() and beyond.locator("pattern").count() == 1

    last = page.get_by_role("button", name="after MADRS 21 on day 1")
    play.expect(last).to_have_attribute("aria-pressed", "true")
    figure = page.locator("figure.fan").first
    play.expect(figure.locator("circle")).to_have_count(2)
    after = figure.locator("svg").get_attribute("aria-label")
    page.get_by_role("button", name="before any score").click()
    play.expect(figure.locator("circle")).to_have_count(1)  # what had not been rated is not there
    assert figure.locator("svg").get_attribute("aria-label") != after
    text = page.inner_text("main")
    assert re.search(r"[01] of 1 lay inside their 80 % interval", text)
    shift = expected["learned"][0]["shift_points"]
    assert f"{abs(shift):.1f} points" in page.locator("table").first.inner_text()
    assert not FORBIDDEN.findall(text) and forbidden(text) == []

    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / "person-forecast-390-dark.png", full_page=True)
    if AXE.exists():
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert page.evaluate("async () => (await axe.run(document)).violations.map(v => v.id)") == []
    assert page.evaluate("localStorage.length + sessionStorage.length") <= 2  # colours and country, nothing of a person
    assert "21" not in page.evaluate("JSON.stringify({...localStorage, ...sessionStorage}) + location.hash")
    assert watched.wrong == []

    page.get_by_role("button", name="Forget everything").click()
    play.expect(page.locator("article")).to_have_count(0)
    assert page.input_value("#person-text") == ""


def test_a_forecast_that_is_refused_says_why(opened: Any) -> None:
    page = _through(opened, STRANGE, ["stop"]).page
    page.get_by_role("button", name="Forecast", exact=True).click()
    page.get_by_role("heading", name="No forecast").wait_for(timeout=120_000)
    said = page.inner_text("main")
    assert "90000" in said or "SD from what could be expected" in said
    assert page.locator("article").count() == 0


def test_when_the_data_changed_little_the_page_says_so(opened: Any) -> None:
    play = pytest.importorskip("playwright.sync_api")
    page = _through(opened, FILE.replace("day = 1\ntotal = 21", 'day = 1\ntotal = "<60"'), ["stop"]).page
    page.get_by_role("button", name="Forecast", exact=True).click()
    play.expect(page.get_by_text("The entries changed little")).to_be_visible(timeout=120_000)


def test_entries_can_be_added_without_knowing_the_file(opened: Any) -> None:
    play = pytest.importorskip("playwright.sync_api")
    page = _through(opened, "age = 44\n", ["stop"]).page
    page.get_by_role("button", name="Add score").click()
    play.expect(page.get_by_role("alert")).to_contain_text("day and a total")
    scores = page.get_by_role("group", name="Add a score")
    scores.get_by_label("Day").fill("0")
    scores.get_by_label("Total").fill("33")
    page.get_by_role("button", name="Add score").click()
    doses = page.get_by_role("group", name="Add a dose that was given")
    doses.get_by_label("Day").fill("0")
    doses.get_by_label("In words").fill("ketamine iv 0.5 mg/kg over 40 min")
    page.get_by_role("button", name="Add dose").click()
    play.expect(doses.get_by_label("Day")).to_have_value("")
    assert tomllib.loads(page.input_value("#person-text")) == {
        "age": 44,
        "score": [{"scale": "MADRS", "day": 0, "total": 33}],
        "dose": [{"day": 0, "words": "ketamine iv 0.5 mg/kg over 40 min"}],
    }


def test_a_forecast_can_be_called_off(opened: Any) -> None:
    play = pytest.importorskip("playwright.sync_api")
    page = _through(opened, FILE, ["stop", NASAL]).page
    page.route(
        "**/api/forecast/*",
        lambda route: route.fulfill(json=RUNNING) if route.request.method == "GET" else route.continue_(),
    )
    page.get_by_role("button", name="Forecast", exact=True).click()
    page.get_by_role("button", name="Cancel").click(timeout=20_000)
    play.expect(page.get_by_text("Called off.")).to_be_visible()
    until(page, "document.querySelectorAll('article').length === 0")


RUNNING = {"number": "x", "state": "running", "share": 0.3, "ahead": 0, "text": "", "result": None, "problem": None}
