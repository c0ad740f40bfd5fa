"""The page in a real browser: what it asks for, what it shows, by keyboard, on a phone, read by axe, exported."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ketasim.report.directive import forbidden

from .conftest import ARTEFACTS, PATIENCE_S, READY, TABS, eventually, opening, ready, until
from .test_server import ask

pytestmark = pytest.mark.xdist_group("web")

VIEWS = tuple(READY)
PLACES = (*VIEWS, *TABS)
WIDTHS = {390: "a phone", 720: "200 % zoom of 1440", 1440: "a desk"}
QUOTED = "Without the trip there is no benefit."  # one popular claim is quoted in its own words; everything else is the page's own
AXE = Path(__file__).resolve().parents[3] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
# words of prose: a name of a record such as LT-YALE-SAFE is none
FORBIDDEN = re.compile(
    r"(?<![-\w])(cures?|cured|safe|safely|optimal|optimum|recommend\w*|trip)(?![-\w])", re.IGNORECASE
)
NOTICE = "Research and teaching only"
DRAWN = ("follow", "compare", "bench")  # the views with curves
EXPORTED = {  # what stands in the file, besides the curves
    "guide": ("What is not known", "How many"),
    "follow": ("The session", "The first week", "The course"),
    "compare": ("Common routes side by side", "Bioavailability"),
    "bench": ("Hypotheses side by side",),
    "trial": ("A design is a file.",),
    "person": ("Research and teaching data only", "It decides nothing"),
    "evidence": (),
}
SMALLEST = """Math.min(...[...document.querySelectorAll('main *')]
  .filter(e => e.childNodes.length && e.innerText && !e.closest('svg')).map(e => parseFloat(getComputedStyle(e).fontSize)))"""
# words that end behind the edge of their box, or beside the window, with nothing to scroll them by
CUT = """[...document.querySelectorAll('main *, header *, footer *')].filter(e => {
  const [style, box] = [getComputedStyle(e), e.getBoundingClientRect()];
  const words = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  if (!words || !box.width || style.visibility === 'hidden' || e.closest('.hidden, .scroll, pre, svg, select, textarea')) return false;
  return box.right > innerWidth + 1 || (['hidden', 'clip'].includes(style.overflowX) && e.scrollWidth > e.clientWidth + 1);
}).map(e => `${e.tagName} ${e.textContent.trim().slice(0, 60)}`)"""
INSIDE = """svg => { const box = svg.viewBox.baseVal; return [...svg.querySelectorAll('text')].every(t => { const b = t.getBBox();
  return b.x >= -1 && b.y >= -1 && b.x + b.width <= box.width + 1 && b.y + b.height <= box.height + 2; }); }"""
COURSE = (
    "follow?drug=ketamine&route=iv&amount=0.5&unit=mg/kg&minutes=40&repeat=twice weekly x 8&people=100&days=28&seed=1"
)


class Shown(NamedTuple):
    """A view as it opens, kept for all tests that only look at it."""

    view: str
    theme: str
    watched: Any


@pytest.fixture(
    scope="module",
    params=[(view, theme) for view in PLACES for theme in ("light", "dark")],
    ids=lambda look: "-".join(look),
)
def shown(request: pytest.FixtureRequest, chromium: Any, address: str) -> Iterator[Shown]:
    """Opened once for the next four tests, which leave it as it is: a page costs two seconds of processor time, a look at it a fraction."""
    view, theme = request.param
    with opening(chromium, address) as open_view:
        yield Shown(view, theme, open_view(view, theme=theme))


def test_nothing_is_asked_of_another_machine_and_nothing_goes_wrong(shown: Shown, address: str) -> None:
    asked = shown.watched.asked
    assert asked and all(url.startswith((address, "data:", "blob:")) for url in asked)
    assert shown.watched.wrong == []


def test_words(shown: Shown) -> None:
    text = shown.watched.page.inner_text("body")
    assert NOTICE in text
    own = text.replace(QUOTED, "")
    assert not FORBIDDEN.findall(own)
    assert forbidden(own) == []
    assert "In a crisis" in text


def test_it_fits_and_is_kept_as_a_picture(shown: Shown) -> None:
    page = shown.watched.page
    assert page.evaluate("document.documentElement.dataset.theme") == shown.theme
    ARTEFACTS.mkdir(exist_ok=True)
    name = re.sub(r"\W+", "-", shown.view)
    for width in sorted(WIDTHS, reverse=True):
        page.set_viewport_size({"width": width, "height": 900})
        eventually(
            page, lambda: page.evaluate("document.documentElement.scrollWidth - innerWidth"), lambda far: far <= 0
        )
        assert page.evaluate(SMALLEST) >= 13, width
        assert page.evaluate(CUT) == [], width
        page.screenshot(path=ARTEFACTS / f"{name}-{width}-{shown.theme}.png", full_page=True)


def test_axe_finds_nothing(shown: Shown) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not there: npm install in frontend/")
    page = shown.watched.page
    page.set_viewport_size({"width": max(WIDTHS), "height": 900})
    for menu in page.query_selector_all("main details > summary"):
        if menu.is_visible():
            menu.evaluate("node => { node.parentElement.open = true }")
    ready(page, shown.view)
    assert violations(page) == []
    assert shown.watched.wrong == []


def violations(page: Any) -> list[Any]:
    """What axe finds. Its text comes from the debugger, so that the page's own policy stays as it is."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(
        "async () => (await axe.run(document, {resultTypes: ['violations']})).violations.map(v => [v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 160))])"
    )


def test_the_numbers_are_those_of_the_command_line(opened: Any, address: str) -> None:
    page = opened(COURSE.replace("days=28", "days=14")).page
    cli = (
        page.inner_text("details pre >> nth=0")
        if page.locator("details pre").first.is_visible()
        else page.locator("details pre").first.text_content()
    )
    at = re.search(r'--at "([^"]+)"', cli).group(1)
    question = {
        "scenario": "ketamine iv 0.5 mg/kg over 40 min",
        "repeat": "twice weekly x 8",
        "people": 100,
        "days": 14,
        "seed": 1,
        "at": at,
    }
    run = json.loads(ask(address, "api/run", question)[1])
    page.get_by_role("button", name="Go to 24 h").click()
    eventually(page, page.locator(".scrubber output").inner_text, "24 h")
    rows = dict(
        item.split("\n")
        for item in page.locator("figure", has_text="Depression score").locator("ul.legend li").all_inner_texts()
        if "\n" in item
    )
    madrs = run["outputs"]["madrs"]
    k = min(range(len(madrs["time_h"])), key=lambda i: abs(madrs["time_h"][i] - 24))
    assert rows["this scenario"] == f"{_two(madrs['typical'][k])} ({_two(madrs['low'][k])} to {_two(madrs['high'][k])})"
    change = run["outputs"]["madrs.change"]["typical"][k]
    eventually(page, page.locator("ol li", has_text="Mood").inner_text, lambda said: _two(change) in said)


def _two(x: float) -> str:
    """Two significant digits, as the page writes them."""
    places = max(0, 1 - int(f"{abs(x):e}".partition("e")[2]))
    return f"{x:.{places}f}".replace("-", "\u2212")


def test_every_mood_curve_has_a_band(opened: Any) -> None:
    page = opened(COURSE).page
    until(
        page,
        "[...document.querySelectorAll('figure')].find(f => f.textContent.includes('Depression'))?.querySelectorAll('ul.legend li').length === 2",
    )
    values = page.locator("figure", has_text="Depression score").locator("ul.legend .value").all_inner_texts()
    assert len(values) == 2 and all(" to " in value for value in values)


def test_each_number_of_the_chain_opens_its_source(opened: Any) -> None:
    page = opened("follow").page
    for button in page.locator("ol button").all():
        button.click()
        dialog = page.locator("dialog[open]")
        dialog.locator("pre, table").first.wait_for()
        eventually(page, dialog.inner_text, lambda said: len(said) > 80)
        page.keyboard.press("Escape")
        dialog.wait_for(state="detached")


def test_every_move_of_the_slider_ends_in_its_own_chart(opened: Any) -> None:
    """Ten single moves, then forty in a second: the chart is drawn anew, and the last one drawn is that of the last dose, complete."""
    watched = opened(COURSE)
    page = watched.page
    drawn = "+document.querySelector('figure .plot').dataset.drawn"
    move = """dose => { const slider = document.querySelector('#dose'); slider.value = dose;
        slider.dispatchEvent(new Event('input', {bubbles: true})); }"""
    for k in range(10):
        before = page.evaluate(drawn)
        page.evaluate(move, 0.2 + 0.05 * k)
        until(page, f"{drawn} > {before}")
    before = page.evaluate(drawn)
    for k in range(40):
        page.evaluate(move, 0.2 + 0.01 * k)
        page.wait_for_timeout(25)
    until(page, f"{drawn} > {before}")
    ready(page, "follow")
    eventually(page, page.locator("p.caption").inner_text, lambda said: "ketamine iv 0.59 mg/kg" in said)
    assert watched.wrong == []


def test_the_first_chart_comes_before_the_rest(opened: Any) -> None:
    """A chart stands on the page without any question but the first (how soon: `benchmarks/web_slider.py`)."""
    page = opened("follow", wait=False).page
    page.wait_for_selector(".windows canvas")


def test_by_keyboard_alone(opened: Any) -> None:
    """Tab reaches every control in reading order; arrows move the slider, the scrubber and the read-out of a chart."""
    page = opened("follow").page
    page.keyboard.press("Tab")
    assert "content" in page.evaluate("document.activeElement.textContent")
    seen = []
    for _ in range(140):
        page.keyboard.press("Tab")
        what = page.evaluate(
            "(e => e.id || e.getAttribute('aria-label') || e.textContent.trim().slice(0, 30) || e.type)(document.activeElement)"
        )
        seen.append(what)
        if what == "dose":
            before = page.input_value("#dose-number")
            page.keyboard.press("ArrowRight")
            eventually(page, lambda: page.input_value("#dose-number"), lambda now: now != before)  # noqa: B023
        if what == "Time after the dose":
            page.keyboard.press("End")
            eventually(page, page.locator(".scrubber output").inner_text, lambda said: "28 d" in said)
        if what.startswith("Read Detached"):
            page.keyboard.press("Home")
            page.keyboard.press("ArrowRight")
            until(page, "document.activeElement.getAttribute('aria-valuetext')?.includes('typical')")
            break
    assert {"Follow a dose", "Compare routes", "Evidence", "dose", "Play", "Time after the dose"} <= set(seen), seen
    assert seen[-1].startswith("Read Detached"), seen
    outline = page.evaluate("getComputedStyle(document.querySelector('nav a')).outlineStyle")
    assert outline is not None


def test_the_address_holds_the_scenario(opened: Any) -> None:
    page = opened(
        "follow?drug=esketamine&route=nasal&amount=56&unit=mg&repeat=weekly x 4&with=naltrexone oral 50 mg at -45 min&people=20&days=21&seed=5"
    ).page
    code = page.locator("details pre").first.text_content()
    for part in (
        '"esketamine nasal 56 mg"',
        '--repeat "weekly x 4"',
        "naltrexone oral 50 mg",
        "--people 20 --days 21 --seed 5",
    ):
        assert part in code
    page.locator("#dose-number").fill("84")
    until(page, "location.hash.includes('amount=84')")
    page.reload()
    ready(page, "follow")
    assert '"esketamine nasal 84 mg"' in page.locator("details pre").first.text_content()


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("drug=aspirin", "allowed: "),
        ("drug=ketamine&amount=-3", "0.001"),
        ("drug=ketamine&amount=lots", "a number"),
        ("people=5000", "1000"),
        ("days=0", "120"),
        ("seed=x", "whole number"),
        ("setting=moon", "saline"),
        ("route=ear", "iv"),
        ("unit=kg", "mg/kg"),
    ],
)
def test_a_bad_address_says_what_is_allowed_and_the_page_works(opened: Any, query: str, says: str) -> None:
    watched = opened(
        f"follow?{query}&days=7&people=5" if "days" not in query and "people" not in query else f"follow?{query}"
    )
    problems = watched.page.locator("main > .problem")
    eventually(watched.page, problems.all_inner_texts, lambda said: says in " ".join(said), says)
    assert watched.wrong == []


def test_a_view_that_does_not_exist_is_named(opened: Any) -> None:
    page = opened("nowhere", wait=False).page
    ready(page, "guide")
    views = "guide, follow, compare, bench, trial, person, evidence"
    eventually(page, page.locator("main > .problem").inner_text, lambda said: views in said)


def test_hypotheses_stand_side_by_side_and_those_that_are_missing_are_named(opened: Any) -> None:
    from ketasim.evidence.weigh.weighing import weigh

    known = weigh()
    page = opened("bench").page
    until(page, "document.querySelectorAll('section.card .cards > li').length > 0")
    section = page.locator("section.card", has_text="Hypotheses side by side")
    assert eventually(page, section.locator(".cards > li").count, len(known.rows)) > 1
    said = section.inner_text()
    assert all(row.entry.title in said for row in known.rows)
    assert all(name in said for name in known.not_weighed)


def test_bad_input_in_a_control_teaches_and_the_page_works(opened: Any) -> None:
    watched = opened("follow?people=5&days=7")
    page = watched.page
    page.locator("#dose-number").fill("-4")
    eventually(page, page.locator(".wrong").inner_text, lambda said: "0.001" in said)
    page.locator("#dose-number").fill("0.7")
    page.locator("label", has_text="Schedule").locator("select").first.select_option("own")
    page.get_by_label("Custom schedule").fill("now and then")
    page.keyboard.press("Enter")
    page.get_by_role("alert").filter(has_text="Allowed").first.wait_for()
    page.get_by_label("Custom schedule").fill("every 3 d x 2")
    page.keyboard.press("Enter")
    until(page, "!document.querySelector('form .problem')")
    ready(page, "follow")
    code = page.locator("details pre").first
    eventually(page, code.text_content, lambda text: '--repeat "every 3 d x 2"' in text)
    assert watched.wrong == []


def test_bad_arms_teach(opened: Any) -> None:
    page = opened("compare?arm=ketamine iv a lot", wait=False).page
    page.get_by_role("alert").filter(has_text="how much ketamine").first.wait_for()
    page.locator("#arm-0").fill("ketamine iv 0.3 mg/kg over 40 min")
    page.get_by_role("button", name="Compare", exact=True).click()
    ready(page, "compare")


def test_a_chart_is_saved_as_png_svg_and_csv(opened: Any) -> None:
    page = opened("follow?people=5&days=7").page
    figure = page.locator("figure").first
    figure.locator(".menu summary").click()
    for kind, begins in (("PNG", b"\x89PNG"), ("SVG", b"<svg"), ("CSV", b"# In the blood")):
        with page.expect_download() as told:
            figure.get_by_role("button", name=kind).click()
        content = Path(told.value.path()).read_bytes()
        assert content.startswith(begins)
        if kind != "PNG":
            # the lines of a drawing are broken where they are full, each in an element of its own
            said = re.sub(r"\s+", " ", re.sub(r"</?(svg|text|g|tspan)\b[^>]*>", " ", content.decode()))
            assert all(words in said for words in (NOTICE, "seed 1", "5 people", "In a crisis"))
            assert forbidden(said) == [] and not FORBIDDEN.findall(said)
    figure.get_by_role("button", name="Table").click()
    eventually(page, figure.locator("tbody tr").count, lambda rows: rows >= 4)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_exported_as_one_file_that_opens_from_disk(
    opened: Any, chromium: Any, tmp_path: Path, view: str
) -> None:
    page = opened(view).page
    with page.expect_download() as told:
        page.get_by_role("button", name="Export page").click()
    file = tmp_path / "page.html"
    told.value.save_as(file)
    context = chromium.new_context(offline=True)
    context.set_default_timeout(1000 * PATIENCE_S)
    try:
        copy = context.new_page()
        asked: list[str] = []
        copy.on("request", lambda request: asked.append(request.url))
        copy.goto(file.as_uri())
        assert all(url.startswith("file:") for url in asked)
        assert (
            NOTICE in copy.inner_text("body")
            and copy.locator("h1").count() == 1
            and copy.locator("script").count() == 0
        )
        said = copy.inner_text("body")
        for words in (*EXPORTED[view], "In a crisis"):
            assert words in said
        own = re.sub(r"near\s+you\b", "near you", said.replace(QUOTED, ""))  # drawings break the line on help anywhere
        assert not FORBIDDEN.findall(own) and forbidden(own) == []
        if view in DRAWN:
            assert copy.locator("figure svg polyline").count() >= 1
            for drawing in copy.locator("figure svg:has(polyline)").all():
                assert NOTICE in " ".join(drawing.locator("text").all_text_contents()).replace("  ", " ")
                assert drawing.evaluate(INSIDE), "a word is cut off"
    finally:
        context.close()


COURSES = "**/api/experiment/courses"


def test_an_export_waits_for_what_the_view_has_asked_for(opened: Any) -> None:
    """The curves of the experiment are held back: no file until they are drawn, said on the button; a second press, or another view, calls it off."""
    watched = opened("bench", wait=False)
    page, held, files, holding = watched.page, [], [], [True]

    def hold(route: Any) -> None:
        if holding:
            held.append(route)
        else:
            route.continue_()

    page.route(COURSES, hold)
    page.on("download", lambda file: files.append(file))
    page.reload()
    page.wait_for_selector(".result[aria-busy=true] canvas")
    export, stop = (page.get_by_role("button", name=name) for name in ("Export page", "Waiting to export; stop"))
    export.click()
    page.get_by_role("status").filter(has_text="written when what this view asked for is drawn").wait_for(
        state="attached"
    )
    stop.click()
    page.get_by_role("status").filter(has_text="No file is written").wait_for(state="attached")
    export.click()
    stop.wait_for()
    eventually(page, lambda: len(held), lambda count: count >= 1)
    assert not files and page.locator("[data-quiet=false]").count() == 1
    with page.expect_download() as told:
        holding.clear()  # what it asks for from now on is answered at once
        while held:
            held.pop().continue_()
    assert "<polyline" in Path(told.value.path()).read_text(encoding="utf-8")
    export.wait_for()
    holding.append(True)
    page.reload()
    eventually(page, lambda: len(held), lambda count: count >= 1)
    export.click()
    stop.wait_for()
    page.get_by_role("link", name="Evidence").first.click()
    page.get_by_role("status").filter(has_text="another view was opened").wait_for(state="attached")
    holding.clear()
    while held:
        held.pop().continue_()
    ready(page, "evidence")
    assert len(files) == 1 and watched.wrong == []


def test_the_people_of_the_guide_stand_in_its_export(opened: Any, chromium: Any, tmp_path: Path) -> None:
    """The guide draws people instead of curves: as many stand in the file as on the screen, a hundred in each figure."""
    page = opened("guide").page
    figures = page.locator(".hundred svg").count()
    with page.expect_download() as told:
        page.get_by_role("button", name="Export page").click()
    file = tmp_path / "guide.html"
    told.value.save_as(file)
    context = chromium.new_context(offline=True)
    context.set_default_timeout(1000 * PATIENCE_S)
    try:
        copy = context.new_page()
        copy.goto(file.as_uri())
        assert figures >= 1 and copy.locator(".hundred svg").count() == figures
        assert copy.locator(".hundred svg circle").count() == 100 * figures
        assert "fill: var(" in copy.locator(".hundred svg circle").first.get_attribute("style")
        assert copy.locator(".hundred svg circle").first.evaluate("c => getComputedStyle(c).fill !== 'rgb(0, 0, 0)'")
    finally:
        context.close()


# every word that the button has shown, from the first on: a play may be over before anybody looks
WORDS_OF_THE_BUTTON = """window.shown = [];
  new MutationObserver(() => { const now = document.querySelector('.scrubber button')?.textContent;
    if (now && now !== shown.at(-1)) shown.push(now); }).observe(document, {subtree: true, childList: true, characterData: true});"""


def test_the_first_visit_plays_once_unless_motion_is_unwanted(opened: Any) -> None:
    page = opened("", wait=False, motion="no-preference").page
    page.context.add_init_script(WORDS_OF_THE_BUTTON)
    page.goto(page.url.partition("#")[0] + "?#/follow")
    eventually(page, lambda: page.evaluate("shown")[-2:], ["Stop", "Play"])
    # it rests where the effect stands
    eventually(page, page.locator(".scrubber output").inner_text, "24 h")
    page.evaluate("shown.splice(0)")
    page.get_by_role("button", name="Play", exact=True).click()
    eventually(page, lambda: page.evaluate("shown")[-2:], ["Stop", "Play"])
    # whoever plays it sees the whole course
    eventually(page, page.locator(".scrubber output").inner_text, "28 d")
    still = opened("", wait=False, motion="reduce").page
    still.context.add_init_script(WORDS_OF_THE_BUTTON)
    still.goto(still.url.partition("#")[0] + "?#/follow")
    ready(still, "follow")
    eventually(still, still.locator(".scrubber output").inner_text, "24 h")
    assert still.evaluate("shown") == ["Play"]
