"""The credibility table: risk follows from its rule, evidence is counted, nothing is typed in, the page names every question and limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from ketasim.decide.credibility import assessments, numbers, risk_of, to_dict
from ketasim.evidence.published.studies import studies
from ketasim.report.credibility_page import page

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


def test_the_page_names_every_question_with_its_figures_and_is_written_anew() -> None:
    text = page()
    written = PAGE.read_text(encoding="utf-8")
    for one in assessments():
        assert one.question in text and one.question in written
        assert all(limit in text for limit in one.limits) and all(figure in text for figure in one.figures)
    assert any("within 1.5-fold" in figure for figure in assessments()[0].figures)
    assert str(sum(numbers().values())) in text
    assert len(to_dict()["questions"]) == len(assessments())
