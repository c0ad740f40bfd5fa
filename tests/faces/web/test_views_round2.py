"""Kept curves, published points, words on tap, search, numbers that matter, arms by controls: in the browser, waiting for what is looked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .test_server import ask

pytestmark = pytest.mark.xdist_group("web")
SHORT = "follow?people=5&days=7&setting=midazolam"
ARMS = "compare?arm=ketamine iv 0.5 mg/kg over 40 min; setting midazolam&arm=ketamine oral 150 mg"


def test_published_points_stand_on_the_course_with_their_source(opened: Any) -> None:
    from playwright.sync_api import expect

    page = opened(SHORT).page
    page.get_by_label("Published points").check()
    score = page.locator("figure", has_text="Depression score")
    expect(score.get_by_text("published points: from where")).to_be_visible(timeout=30_000)
    score.get_by_text("published points: from where").click()
    expect(score.locator(".seen")).to_contain_text("Murrough2013, ketamine, 24 h")
    score.locator(".menu summary").click()
    with page.expect_download() as told:
        score.get_by_role("button", name="CSV").click()
    text = Path(told.value.path()).read_text(encoding="utf-8")
    assert "observed: Murrough2013" in text and "In a crisis" in text.splitlines()[0]
    assert "Research and teaching only" in text.splitlines()[0]
    page.get_by_label("Published points").uncheck()
    expect(score.locator(".seen")).to_have_count(0)


def test_the_api_gives_the_points_of_the_package(address: str) -> None:
    from ketasim.evidence.published.observed import observed
    from ketasim.scenario.plan import scenario

    words = "ketamine iv 0.5 mg/kg over 40 min"
    body = {"scenario": words, "setting": "midazolam", "days": 28, "people": 0}
    found = json.loads(ask(address, "api/observed", body)[1])
    known = observed(scenario(words, setting="midazolam", days=28, people=0))
    assert [(p["study"], p["output"], p["value"]) for p in found] == [(p.study, p.output, p.value) for p in known]
    assert len(found) > 2


def test_a_curve_can_be_kept_and_let_go(opened: Any) -> None:
    from playwright.sync_api import expect

    page = opened(SHORT).page
    legend = page.locator("figure", has_text="Depression score").locator("ul.legend")
    page.get_by_role("button", name="Keep this curve").click()
    kept = page.get_by_role("list", name="Kept curves")
    expect(kept).to_contain_text("0.5 mg/kg")
    page.locator("#dose-number").fill("0.8")
    expect(legend).to_contain_text("kept A", timeout=30_000)
    kept.get_by_role("button", name="Let go").click()
    expect(kept).to_have_count(0)
    expect(legend).not_to_contain_text("kept A")


def test_what_was_never_measured_says_so_and_words_are_explained_on_tap(opened: Any) -> None:
    from playwright.sync_api import expect

    page = opened("follow?people=5&days=7").page
    expect(page.locator("ol li", has_text="Receptors").first).to_contain_text("computed, never measured in people")
    figure = page.locator("figure", has_text="Lost synapses regrown")
    expect(figure.locator("p.mark")).to_have_text("Computed, never measured in people.")
    words = figure.locator("details.words summary")
    words.focus()
    page.keyboard.press("Enter")
    expect(figure.locator("details.words dl")).to_contain_text("Points at which nerve cells meet")


def test_the_drawer_names_the_numbers_that_matter(opened: Any, address: str) -> None:
    from playwright.sync_api import expect

    first = json.loads(ask(address, "api/matters")[1])["outputs"]["cadss"]
    page = opened("follow?people=5&days=7").page
    page.locator("figure", has_text="Detached feeling").locator("h3 button").click()
    dialog = page.locator("dialog[open]")
    for number in first:
        expect(dialog).to_contain_text(number["label"], timeout=60_000)
    dialog.get_by_role("link", name="What if it is wrong?").first.click()
    expect(page.get_by_role("slider", name="what if it were")).to_be_visible(timeout=60_000)


def test_one_search_over_words_claims_studies_and_numbers(opened: Any) -> None:
    from playwright.sync_api import expect

    page = opened("evidence?tab=search", wait=False).page
    box = page.get_by_role("searchbox")
    box.fill("naltrexone")
    main = page.locator("main")
    for head in ("Claims", "Studies", "Numbers"):
        expect(main.get_by_role("heading", name=head, exact=True)).to_be_visible(timeout=30_000)
    box.fill("remission")
    expect(main.get_by_role("heading", name="Words", exact=True)).to_be_visible()
    box.fill("zzzyx")
    expect(main.get_by_role("status")).to_contain_text("does not mean that nothing is known")


def test_an_arm_is_changed_by_controls_and_old_pictures_are_told(opened: Any) -> None:
    from playwright.sync_api import expect

    page = opened(ARMS).page
    expect(page.locator(".arm > details > summary").first).to_contain_text("setting midazolam")
    page.locator(".arm > details > summary").nth(1).click()
    page.locator(".arm").nth(1).get_by_label("Route").select_option("iv")
    expect(page.get_by_text("of the arms as they were compared")).to_be_visible()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text("of the arms as they were compared")).to_have_count(0, timeout=120_000)
    assert 'setting="midazolam"' in page.locator("details pre").nth(1).text_content()


@pytest.mark.parametrize("place", ["evidence?tab=claims&claim=prevents-suicide", "evidence?tab=search&search=suicid"])
def test_help_stands_beside_what_is_said_of_suicide(opened: Any, place: str) -> None:
    """Not only at the foot of a page of several screens."""
    page = opened(place, wait=False).page
    beside = page.locator("main .crisis:visible")
    beside.first.wait_for()
    assert "call the emergency number" in beside.first.inner_text()
