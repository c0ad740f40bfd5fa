"""Who reads changes words and what stands open, never a number; what cannot be told apart stands as groups; the classic table."""

from __future__ import annotations

import csv
import json
import re
from typing import Any

import pytest

from .conftest import READY, eventually, ready, until
from .test_page import AXE, FORBIDDEN, violations
from .test_server import ask

pytestmark = pytest.mark.xdist_group("web")

ROLES = ("learn", "research", "clinic")
SMALL = "drug=ketamine&route=iv&amount=0.5&unit=mg/kg&minutes=40&people=20&days=14&seed=3"
QUOTED = "Without the trip there is no benefit."  # a popular claim in its own words, with a verdict beside it


def numbers(page: Any) -> tuple[list[str], list[str]]:
    """The values of the chain, and of every chart but the one that the reader chooses (the second)."""
    chain = page.locator("ol button.value").all_inner_texts()
    charts = page.locator(".windows figure").all()
    return chain, [
        text for i, chart in enumerate(charts) if i != 1 for text in chart.locator("ul.legend .value").all_inner_texts()
    ]


def settled(page: Any) -> None:
    """The score with placebo beside it; the effect with the SSRI, the drug itself and what is noticed; what stands beside the course."""
    lines = "[...document.querySelectorAll('.windows figure')].at({}).querySelectorAll('ul.legend li').length === {}"
    until(page, lines.format(-2, 2))
    until(page, lines.format(-1, 3))
    page.locator("#harm").wait_for()


def test_the_role_changes_words_and_never_numbers(opened: Any) -> None:
    seen, titles = [], []
    for role in ROLES:
        page = opened(f"follow?{SMALL}&role={role}").page
        settled(page)
        page.get_by_role("button", name="Go to 2 h").click()  # a moment that every window holds
        eventually(page, page.locator(".scrubber output").inner_text, "2 h")
        seen.append(numbers(page))
        titles.append([*page.locator(".windows h3").all_inner_texts(), page.inner_text(".sentence")])
    assert seen[0] == seen[1] == seen[2]
    assert (
        len(seen[0][0]) == 6
        and len(seen[0][1]) == 4 + 2 + 1 + 2 + 3
        and all(re.search(r"\d", text) for text in seen[0][1])
    )
    assert titles[0] != titles[1] != titles[2] != titles[0]


def test_the_role_says_what_stands_open(opened: Any) -> None:
    learn, research, clinic = (opened(f"follow?{SMALL}&role={role}").page for role in ROLES)
    assert not learn.locator("pre").first.is_visible() and research.locator("pre").first.is_visible()
    assert not learn.get_by_label("seed").is_visible() and research.get_by_label("seed").is_visible()
    for page in (learn, research, clinic):  # status, supervision and harm stand beside a dose whoever reads
        harm = page.get_by_role("region", name="Approval, supervision and harm")
        harm.wait_for()
        eventually(page, harm.inner_text, lambda said: "Given under supervision" in said)
        eventually(page, harm.locator(".hundred").count, lambda drawn: drawn >= 4)
    assert "Systolic" in clinic.locator(".windows h3").nth(1).inner_text()


def test_the_role_goes_into_the_address_and_along_to_other_views(opened: Any) -> None:
    page = opened(f"follow?{SMALL}").page
    page.get_by_role("button", name="Clinic-education").click()
    until(page, "location.hash.includes('role=clinic') && location.hash.includes('seed=3')")
    page.get_by_role("link", name="Compare routes").first.click()
    ready(page, "compare")
    until(page, "location.hash.startsWith('#/compare') && location.hash.includes('role=clinic')")
    page.reload()
    ready(page, "compare")
    page.locator("button[aria-pressed=true]", has_text="Clinic-education").wait_for()
    page.get_by_role("button", name="Learn", exact=True).click()
    until(page, "!location.hash.includes('role=')")


def test_an_unknown_role_or_band_says_what_is_allowed(opened: Any) -> None:
    watched = opened("follow?role=patient&bands=none&people=3&days=5")
    wanted = ("learn, research, clinic", "both, people, model")
    problems = watched.page.locator("main > .problem")
    eventually(watched.page, problems.all_inner_texts, lambda said: all(text in " ".join(said) for text in wanted))
    assert watched.wrong == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("view", [*READY, "evidence?tab=numbers"])
def test_words_and_axe_in_every_role(opened: Any, view: str, role: str) -> None:
    """Axe for the roles that test_page does not open, and before anything is opened by hand."""
    page = opened(f"{view}{'&' if '?' in view else '?'}role={role}").page
    if role != ROLES[0] and AXE.exists():
        assert violations(page) == []
    for shut in page.query_selector_all("main details:not([open]):not(.claim):not(.menu) > summary"):
        shut.evaluate("node => { node.parentElement.open = true }")
    ready(page, view.partition("?")[0])
    assert not FORBIDDEN.findall(page.inner_text("body").replace(QUOTED, ""))


def test_what_the_server_says_of_itself_has_no_such_word(address: str) -> None:
    for path in ("api/claims", "api/experiments", "api/drugs", "api/outputs"):
        said = json.dumps(
            [
                {k: v for k, v in entry.items() if k not in ("name", "evidence", "shown", "records")}
                for entry in json.loads(ask(address, path)[1])
            ]
        )
        assert not FORBIDDEN.findall(said.replace(QUOTED, "")), path


@pytest.mark.parametrize(
    ("bands", "says"),
    [("both", "dotted and paler"), ("people", "5th to 95th percentile of 20 people"), ("model", "over the posterior")],
)
def test_bands_of_people_and_of_the_model_are_drawn_apart(opened: Any, bands: str, says: str) -> None:
    """With either kind chosen each mood curve keeps a band: two columns of the table of its chart hold an interval."""
    page = opened(f"follow?{SMALL}&bands={bands}").page
    settled(page)
    eventually(page, page.locator("p.caption").inner_text, lambda said: says in said)
    mood = page.locator("figure", has_text="Depression score")
    mood.locator(".menu summary").click()
    with page.expect_download() as told:
        mood.get_by_role("button", name="CSV").click()
    with open(told.value.path(), encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file.readlines()[2:]))
    lines = {row[1]: row for row in rows}
    assert set(lines) == {"placebo, same setting", "this scenario"}
    for name, row in lines.items():
        assert (row[4] != "") == (bands != "model"), name
        assert (row[6] != "") == (bands == "model" or (bands == "both" and "scenario" in name)), name


def test_what_cannot_be_told_apart_stands_as_groups(opened: Any) -> None:
    from ketasim.evidence.weigh.weighing import weigh

    known = weigh()
    titles = {row.entry.id: row.entry.title for row in known.rows}
    page = opened("bench").page
    until(page, "document.querySelectorAll('section.card .cards > li').length > 0")
    section = page.locator("section.card", has_text="Hypotheses side by side")
    many = [group for group in known.groups if len(group) > 1]
    findings = eventually(
        page, section.locator(".finding").all_inner_texts, lambda said: len(said) == max(len(many), 1)
    )
    for group in many:
        assert any(f"{len(group)} of the {len(known.rows)}" in text or f"all {len(group)}" in text for text in findings)
        assert any(all(titles[name] in text for name in group) for text in findings)
    assert max(map(len, findings)) < 800, "a sentence, not a wall"
    pairs = section.get_by_role("region", name="Pairs, table")
    assert not pairs.is_visible()
    section.locator("summary", has_text="pairs one by one").click()
    eventually(page, pairs.locator("tbody tr").count, len(known.pairs))


def test_the_classic_table_has_the_numbers_of_the_package(opened: Any) -> None:
    import ketasim

    arms = ["ketamine iv 0.5 mg/kg over 40 min", "esketamine nasal 84 mg"]
    found = ketasim.compare(*arms, people=100, days=28)
    page = opened("compare?" + "&".join(f"arm={arm}" for arm in arms)).page
    table = page.get_by_role("region", name="Common routes, table")
    said = {row.split("\t")[0]: row for row in table.inner_text().splitlines() if row.strip()}
    share = next(row for row in found.rows if row.name == "bioavailability").arms[1]
    assert (
        f"{100 * share['typical']:.0f} ({100 * share['low']:.0f} to {100 * share['high']:.0f}) %" in table.inner_text()
    )
    duration = next(row for row in found.rows if row.name == "duration").arms[0]
    assert f"{duration['typical']:.0f} (" in table.inner_text()
    for word in ("Onset", "Time with an effect", "Bioavailability", "Approval", "Monitoring"):
        assert any(line.startswith(word) for line in said), word
    assert "REMS" in table.inner_text() and "by definition" in table.inner_text()


@pytest.mark.parametrize(
    ("address_", "says"),
    [
        ("evidence?tab=zzz", "numbers, claims, check"),
        ("evidence?tab=numbers&grade=Z", "A, B, C, D"),
        ("evidence?tab=numbers&stage=moon", "plasma"),
        ("compare?setting=moon", "saline"),
        ("compare?" + "&".join(["arm=placebo iv"] * 9), "up to 6"),
        ("compare?arm= ", "DRUG ROUTE AMOUNT"),
        ("bench?experiment=nothing", "ampa-block"),
        ("compare?drug=ketamine", "arm, setting"),
        ("guide?at=nowhere", "risks"),
        ("person?age=44", "allowed: role"),
        ("trial?design=Nope", "allowed: role"),
        ("evidence?tab=if&number=plasma.nothing", "nothing is not an uncertain number"),
        ("follow?people=3&days=7&drug=ketamine&drug=placebo", "stands 2 times"),
        ("follow?people=3&days=7&mechanism=sigma_one", "--parts FOLDER"),
    ],
)
def test_a_bad_address_of_every_view_says_what_is_allowed(opened: Any, address_: str, says: str) -> None:
    watched = opened(address_, wait=False)
    watched.page.get_by_role("alert").filter(has_text=says).first.wait_for()
    assert watched.wrong == []


def test_people_of_a_hundred_are_those_of_the_summary(opened: Any, address: str) -> None:
    """Response and remission after 24 h and 7 d, beside placebo in the same setting and the same people; the drawing has as many people.

    They are counts of simulated people: no interval stands with them, because it would hold nothing of how far the model may be off.
    """
    page = opened(f"follow?{SMALL}").page
    section = page.locator("section", has=page.locator("#w4"))
    section.locator(".hundred").nth(7).wait_for()
    assert "How far the model itself may be off is not in these counts" in section.inner_text()
    said = eventually(page, section.locator(".hundred p").all_inner_texts, lambda found: len(found) == 8)
    arms = {"this scenario": "ketamine iv 0.5 mg/kg over 40 min", "placebo": "placebo iv"}
    runs = {
        name: json.loads(ask(address, "api/run", {"scenario": words, "people": 20, "days": 14, "seed": 3})[1])
        for name, words in arms.items()
    }
    drawn = iter(enumerate(said))
    for when in ("24 h", "7 d"):
        for kind in ("response", "remission"):
            for name, run in runs.items():
                k, text = next(drawn)
                share = run["summary"]["mood"][when][kind]["share"]
                people = int(100 * share + 0.5)
                assert text == f"{people} in 100 {kind}, {name}"
                drawing = section.locator(".hundred svg").nth(k)
                assert drawing.evaluate("svg => svg.children.length") == 100
                filled = "svg => [...svg.children].filter(c => c.style.fill !== 'none').length"
                assert drawing.evaluate(filled) == people
                edged = "svg => [...svg.children].filter(c => !c.style.stroke.includes('edge')).length"
                assert drawing.evaluate(edged) == people
                assert f"{people} in 100" in drawing.get_attribute("aria-label")
