"""The trial designer: controls over the lines of one file, the file that the command line runs, one simulated trial with its flow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ketasim.report.directive import forbidden
from ketasim.trial import one_trial
from ketasim.trial.library import library
from ketasim.trial.read import design_from_text
from ketasim.trial.simulate import trial

from .conftest import ARTEFACTS, until
from .test_page import AXE, FORBIDDEN
from .test_server import ask

pytestmark = pytest.mark.xdist_group("web")

SMALL = """# a comment that stays
title = "small"   # and this one
setting = "saline"
n = 24
visits = ["24 h", "7 d"]

[arms.ketamine]
words = "ketamine iv 0.5 mg/kg over 40 min"

[arms.placebo]
words = 'placebo iv'

[endpoint]
at = "24 h"

[analysis]
method = "t-test"

[dropout]
per_week = 0.5
"""


def file(text: str) -> dict[str, Any]:
    return {"name": "mine.toml", "mimeType": "text/plain", "buffer": text.encode()}


def load(page: Any, text: str) -> None:
    """Upload a design and wait until it stands in the form."""
    page.locator("input[type=file]").set_input_files(file(text))
    until(page, f"document.querySelector('textarea').value === {json.dumps(text.replace(chr(13), ''))}")


def field(page: Any, group: str, label: str) -> Any:
    inside = page.get_by_role("group", name=group, exact=True)
    return inside.get_by_role("textbox", name=label, exact=True).or_(
        inside.get_by_role("combobox", name=label, exact=True)
    )


def written(page: Any) -> str:
    return str(page.input_value("textarea"))


@pytest.mark.parametrize("text", [SMALL, SMALL.replace("\n", "\r\n"), SMALL.rstrip() + "  # no end of line"])
def test_what_is_uploaded_is_downloaded_to_the_last_byte(opened: Any, tmp_path: Path, text: str) -> None:
    page = opened("trial").page
    load(page, text)
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download design.toml").click()
    taken.value.save_as(tmp_path / "design.toml")
    assert (tmp_path / "design.toml").read_bytes() == text.encode()


def test_a_control_changes_its_own_line_and_nothing_else(opened: Any) -> None:
    play = pytest.importorskip("playwright.sync_api")
    page = opened("trial").page
    load(page, SMALL)
    play.expect(field(page, "The trial", "Title")).to_have_value("small")
    expected = SMALL
    for group, label, value, old, new in [
        ("The trial", "Title", "bigger", '"small"', '"bigger"'),
        ("The trial", "People randomised", "60", "n = 24", "n = 60"),
        ("Who leaves, who is missing, who guesses", "Leave per week, hazard", "0.1", "= 0.5", "= 0.1"),
        (
            "Arm placebo",
            "Dose",
            "midazolam iv 0.045 mg/kg over 40 min",
            "'placebo iv'",
            '"midazolam iv 0.045 mg/kg over 40 min"',
        ),
    ]:
        field(page, group, label).fill(value)
        expected = expected.replace(old, new)
        assert written(page) == expected
    visits = field(page, "The trial", "Visits, after the first dose")
    visits.fill("24 h, 14 d, 28 d")
    visits.blur()
    expected = expected.replace('["24 h", "7 d"]', '["24 h", "14 d", "28 d"]')
    assert written(page) == expected
    field(page, "Endpoint and analysis", "Visit").select_option("28 d")
    field(page, "Endpoint and analysis", "Method").select_option("mmrm")
    expected = expected.replace('at = "24 h"', 'at = "28 d"').replace('"t-test"', '"mmrm"')
    assert written(page) == expected
    page.get_by_role("button", name="Another arm").click()
    name = field(page, "Arm arm3", "Name")
    name.fill("third")
    name.blur()
    field(page, "Arms", "Control").select_option("third")
    found = design_from_text(written(page))
    assert [arm.name for arm in found.arms] == ["ketamine", "placebo", "third"] and found.comparator == "third"
    assert found.visits_h == (24.0, 336.0, 672.0) and found.n == 60 and found.endpoint.at_h == 672.0
    assert found.dropout.per_week == 0.1 and found.analysis.method == "mmrm"
    assert written(page).startswith("# a comment that stays\n") and "# and this one" in written(page)


def test_every_problem_of_a_design_stands_beside_the_form_with_its_line(opened: Any) -> None:
    play = pytest.importorskip("playwright.sync_api")
    page = opened("trial").page
    load(page, SMALL)
    field(page, "The trial", "People randomised").fill("many")
    field(page, "Arm placebo", "Dose").fill("plazebo iv")
    alert = page.get_by_role("alert")
    play.expect(alert).to_contain_text("2 problems", timeout=20_000)
    play.expect(alert).to_contain_text("design.toml:4: n is a number")
    play.expect(alert).to_contain_text("design.toml:11: unknown drug")
    field(page, "The trial", "People randomised").fill("24")
    field(page, "Arm placebo", "Dose").fill("placebo iv")
    play.expect(alert).to_have_count(0, timeout=20_000)


def test_a_run_is_that_of_the_package_and_one_trial_stands_with_its_flow(opened: Any) -> None:
    play = pytest.importorskip("playwright.sync_api")
    watched = opened("trial", width=390, theme="dark")
    page = watched.page
    load(page, SMALL)
    page.get_by_label("Simulated trials").fill("4")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("heading", name="One simulated trial").wait_for(timeout=180_000)
    expected = trial(design_from_text(SMALL), sims=4, seed=1)
    assert f"{round(100 * expected.power[0].power)} in 100" in page.inner_text("main")
    assert "ketasim trial design.toml --sims 4 --seed 1" in page.inner_text("main")
    flow = page.get_by_role("group", name="Flow of people in this trial")
    for number in (0, 1):
        found = one_trial(design_from_text(SMALL), seed=1, number=number)
        play.expect(page.get_by_text(f"trial number {number + 1}.")).to_be_visible(timeout=180_000)
        for arm in found.flow.arms:
            said = flow.get_by_role("list", name=f"Arm {arm.arm}").inner_text()
            assert f"{arm.allocated} allocated" in said and f"{arm.left} left" in said
            assert f"{arm.seen_at_endpoint} seen" in said and f"{arm.analysed} analysed" in said
        drawn = [page.locator("figure").nth(i).locator("g path").count() for i in range(2)]
        assert drawn == [arm.allocated for arm in found.flow.arms]
        if number == 0:
            page.get_by_role("button", name="Another trial").click()
    text = page.inner_text("main")
    assert not FORBIDDEN.findall(text) and forbidden(text) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / "trial-run-390-dark.png", full_page=True)
    if AXE.exists():
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert page.evaluate("async () => (await axe.run(document)).violations.map(v => v.id)") == []
    field(page, "The trial", "People randomised").fill("30")
    play.expect(page.get_by_text("as it was when Run was pressed")).to_be_visible()
    assert watched.wrong == []


def test_a_run_can_be_called_off_and_another_asked(opened: Any) -> None:
    play = pytest.importorskip("playwright.sync_api")
    page = opened("trial").page
    load(page, SMALL)
    running = {
        "number": "x",
        "state": "running",
        "share": 0.25,
        "ahead": 0,
        "text": "",
        "result": None,
        "problem": None,
    }
    page.route("**/api/trial", lambda route: route.fulfill(json=running))
    page.route("**/api/trial/x", lambda route: route.fulfill(json=running))
    page.get_by_role("button", name="Run", exact=True).click()
    play.expect(page.get_by_text("Simulated: 25 %")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    play.expect(page.get_by_text("Called off.")).to_be_visible()
    play.expect(page.get_by_role("button", name="Run", exact=True)).to_be_enabled()


def test_the_form_offers_what_the_file_may_hold(address: str) -> None:
    words = json.loads(ask(address, "api/design-words")[1])
    for measure, methods in words["methods"].items():
        for method in methods:
            text = SMALL.replace('method = "t-test"', f'method = "{method}"')
            text = text.replace('at = "24 h"', f'at = "24 h"\nmeasure = "{measure}"')
            if measure == "relapse":
                continue  # of withdrawal designs
            status, answer, _ = ask(address, "api/design", {"design": text})
            found = json.loads(answer)
            assert status == 200 and (found["measure"], found["method"]) == (measure, method), answer
    assert ask(address, "api/one-trial", {"design": SMALL, "replicate": -1})[0] == 422


def test_every_design_of_the_library_is_understood_as_the_program_reads_it(address: str) -> None:
    for design in json.loads(ask(address, "api/designs")[1])[::6]:
        found = json.loads(ask(address, "api/design", {"design": design["text"]})[1])
        read = design_from_text(library()[design["id"]].read_text(encoding="utf-8"))
        assert [arm["name"] for arm in found["arms"]] == [arm.name for arm in read.arms]
        assert found["comparator"] == read.comparator and found["n"] == read.n
        assert found["at_day"] == pytest.approx(read.endpoint.at_h / 24.0)


def test_a_comparator_that_is_felt_has_its_dose_too() -> None:
    """An arm of midazolam gets one dose; what is given beside an arm is not counted as its own."""
    from ketasim.web.trials import _doses

    text = SMALL.replace(
        "'placebo iv'", '"midazolam iv 0.045 mg/kg over 40 min"\nwith = ["diazepam oral 10 mg at -1 h"]'
    )
    design = design_from_text(text)
    assert [_doses(design, arm) for arm in design.arms] == [[0.0], [0.0]]
