"""The credibility table: risk follows from its rule, evidence is counted, nothing is typed in, the page names every question and limit."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ketasim.decide.credibility import assessments, numbers, risk_of, to_dict
from ketasim.evidence.published.studies import studies
from ketasim.exchange.capabilities import ANSWERS
from ketasim.exchange.capabilities import to_dict as capabilities
from ketasim.exchange.credibility_page import main, page
from ketasim.exchange.cure import checklist

PAGE = Path(__file__).resolve().parents[3] / "docs" / "credibility.md"


@pytest.mark.parametrize(
    ("influence", "consequence", "risk"),
    [("low", "low", "low"), ("low", "high", "high"), ("high", "low", "high"), ("medium", "low", "medium")],
)
def test_model_risk_is_the_higher_of_influence_and_consequence(influence: str, consequence: str, risk: str) -> None:
    assert risk_of(influence, consequence) == risk


def test_every_group_of_a_question_exists_and_the_counts_are_those_of_the_studies() -> None:
    for one in assessments():
        known = {s.group for s in studies().values()}
        assert known.issuperset(one.groups), one.name
        assert one.fit[0] > 0, one.name
        own = [s for s in studies().values() if s.group in one.groups and s.role == "validate"]
        assert one.validate == (len(own), sum(len(s.predicted) for s in own))
        assert one.limits


STALE = "python -m ketasim.exchange.credibility_page --write docs/credibility.md"


@pytest.fixture(scope="module")
def text() -> str:
    return page()


def words(text: str) -> str:
    """Without the digits: numbers move with the evidence; the slow test holds them."""
    return re.sub(r"\d[\d.,]*", "#", text)


def test_the_written_page_says_what_the_page_says_now(text: str) -> None:
    """Questions, risks, limits, the items of the checklist and their answers."""
    assert words(PAGE.read_text(encoding="utf-8")) == words(text), STALE


@pytest.mark.slow
def test_the_written_page_is_current_to_the_digit(text: str) -> None:
    assert PAGE.read_text(encoding="utf-8") == text, STALE


def test_the_page_names_every_question_and_every_item_of_the_checklist(text: str) -> None:
    for one in assessments():
        assert one.question in text
        assert all(limit in text for limit in one.limits) and all(figure in text for figure in one.figures)
    for item in checklist():
        assert f"| {item.part} | {item.asks} | **{ANSWERS[item.held]}** | {item.found} |" in text
    assert any("within 1.5-fold" in figure for figure in assessments()[0].figures)
    assert str(sum(numbers().values())) in text
    assert len(to_dict()["questions"]) == len(assessments())


def test_for_machines_it_is_the_capability_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(json.dumps(capabilities())) and found["cure"] and found["questions"]
