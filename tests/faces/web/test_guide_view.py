"""The guide on the screen: first page of whoever reads to learn, every number opens its source, help in a crisis by country, a trial as a job."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from .conftest import eventually, ready
from .test_server import ask

pytestmark = pytest.mark.xdist_group("web")

WORDS = "ketamine iv 0.5 mg/kg over 40 min"


def test_the_guide_is_the_first_page_of_whoever_reads_to_learn(opened: Any) -> None:
    page = opened("", wait=False).page
    ready(page, "guide")
    assert page.locator("nav a[aria-current=page]").inner_text() == "Guide"
    assert page.locator("article.guide section").first.inner_text().count("What is not known") == 1


def test_the_words_on_the_screen_are_those_of_the_api_and_every_number_opens_its_source(
    opened: Any, address: str
) -> None:
    guide = json.loads(ask(address, "api/guide")[1])
    page = opened("guide").page
    better = guide["numbers"]["better"]
    page.locator("section.first button.figure", has_text=better["text"]).first.click()
    wanted = [better["source"], better["command"], better["range"]]
    eventually(page, page.locator("dialog[open]").inner_text, lambda said: all(text in said for text in wanted))
    for number in guide["numbers"].values():
        assert number["source"] and number["command"].startswith("ketasim ")


def test_the_line_on_help_follows_the_country_and_stands_in_the_footer(opened: Any) -> None:
    page = opened("guide").page
    page.locator("#country-top").select_option("GB")
    eventually(page, page.locator(".crisis").first.inner_text, lambda said: "116 123" in said)
    eventually(page, page.locator("footer .crisis").inner_text, lambda said: "116 123" in said)
    page.locator("#country-top").select_option("")
    words = "emergency number of the place"
    eventually(page, page.locator("footer .crisis").inner_text, lambda said: words in said)


def test_the_stored_first_picture_is_packed_like_an_answer(address: str) -> None:
    status, answer, _ = ask(address, "api/first")
    assert status in (200, 204) and (status == 204 or len(answer) > 10_000)


def test_what_stands_beside_a_course(address: str) -> None:
    found = json.loads(ask(address, "api/care", {"scenario": WORDS, "people": 8, "days": 8})[1])
    run = json.loads(ask(address, "api/run", {"scenario": WORDS, "people": 8, "days": 8})[1])
    alone = json.loads(ask(address, "api/run", {"scenario": WORDS, "people": 0, "days": 8, "masked": True})[1])
    day = found["looks"][0]
    assert day["drug"] == alone["summary"]["mood"]["24 h"]["madrs.effect"]["typical"]
    whole = run["summary"]["mood"]["24 h"]["madrs.effect"]["typical"]
    assert day["drug"] + day["belief"] == pytest.approx(whole, rel=1e-6)  # steps follow who is integrated together
    assert found["monitoring"] and found["harm"]["acute"] and found["reported"] and not found["not_known"]
    too_much = json.loads(
        ask(address, "api/care", {"scenario": "ketamine iv 5 mg/kg over 40 min", "people": 0, "days": 8})[1]
    )
    assert too_much["anaesthetic"] and too_much["not_known"] and not too_much["looks"]


def test_a_trial_is_a_job_that_can_be_called_off(address: str) -> None:
    design = json.loads(ask(address, "api/designs")[1])[0]
    job = json.loads(ask(address, "api/trial", {"design": design["text"], "sims": 400})[1])
    status, _, _ = _delete(address, f"api/trial/{job['number']}")
    assert status == 200
    for _ in range(3000):
        state = json.loads(ask(address, f"api/trial/{job['number']}")[1])["state"]
        if state not in ("waiting", "running"):
            break
        time.sleep(0.1)
    assert state == "cancelled"
    assert ask(address, "api/trial/999999")[0] == 422
    assert ask(address, "api/trial", {"design": "arms = 3", "sims": 4})[0] == 422


def _delete(address: str, path: str) -> Any:
    import urllib.request

    with urllib.request.urlopen(urllib.request.Request(address + path, method="DELETE"), timeout=30) as answer:
        return answer.status, answer.read(), answer.headers


def test_a_person_is_answered_and_not_kept(address: str) -> None:
    status, answer, headers = ask(address, "api/screen", {"person": "age = 44\naneurysm = true\n"})
    found = json.loads(answer)
    assert status == 200 and headers["cache-control"] == "no-store"
    assert any(rule["state"] == "fires" for rule in found["rules"])
    assert ask(address, "api/screen", {"person": "age = = 3"})[0] == 422
