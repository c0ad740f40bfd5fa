"""The comparison of hypotheses in words: every figure of the answer, the groups by name, no claim where nothing is told apart."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ketasim.chain.hypothesis import hypothesis
from ketasim.core.records import NOTICE
from ketasim.evidence.weigh.weighing import GroupSwing, Pair, Row, Swing, Weighing
from ketasim.report.weigh_text import weigh_text

STUDIES = ("Alpha2001", "Beta2002", "Gamma2003")
GROUPS = {"Alpha2001": "single IV", "Beta2002": "single IV", "Gamma2003": "animal"}


def row(name: str, evidence: float, weight: float, scores: tuple[float, ...], effective: float = 30.0) -> Row:
    by_study = dict(zip(STUDIES, scores, strict=True))
    by_group = {g: sum(x for n, x in by_study.items() if GROUPS[n] == g) for g in ("single IV", "animal")}
    return Row(
        hypothesis(name), 0.25, evidence, 0.3, effective, weight, weight, -4.0, 0.5, sum(scores), by_group, by_study
    )


ROWS = (
    row("opioid-gate", -10.0, 0.7, (-3.0, -3.0, -3.0)),
    row("disinhibition", -11.0, 0.25, (-3.5, -3.5, -3.0)),
    row("hnk-ampa", -14.0, 0.046, (-4.0, -4.0, -5.0)),
    row("expectancy-only", -19.0, 0.004, (-5.0, -9.0, -4.0), effective=3.0),
)
NAMES = tuple(r.entry.id for r in ROWS)


def answer(groups: tuple[tuple[str, ...], ...]) -> Weighing:
    pairs = tuple(
        Pair(a, b, 1.0, 10.0 if any(a in g and b in g for g in groups) else 0.01)
        for i, a in enumerate(NAMES)
        for b in NAMES[i + 1 :]
    )
    swings = tuple(
        Swing(s, GROUPS[s], "opioid-gate", 0.7, after, -1.0, {})
        for s, after in zip(STUDIES, (0.2, 0.5, 0.69), strict=True)
    )
    return Weighing(ROWS, swings, pairs, groups, STUDIES, GROUPS, True, (), ("Later2010",), ())


APART = answer(tuple((n,) for n in NAMES))


def line_of(text: str, start: str) -> str:
    return next(line.strip() for line in text.splitlines() if line.strip().startswith(start))


def test_every_hypothesis_has_its_line_best_first() -> None:
    text = weigh_text(APART)
    assert NOTICE in text
    places = [text.index(f"\n  {name}") for name in NAMES]
    assert places == sorted(places)
    assert re.search(r"opioid-gate\s+\d+\s+-10\.0 \+-0\.3\s+0\.25\s+0\.70\s+0\.70\s+-9\.0", text)
    assert "<0.01" in line_of(text, "expectancy-only")  # a weight that rounds to nothing is not nothing


def test_a_rough_figure_is_marked_and_the_mark_explained() -> None:
    text = weigh_text(APART)
    assert "-19.0 +-0.3?" in text and "-10.0 +-0.3?" not in text and "fewer than 8 effective draws" in text
    sure = replace(APART, rows=tuple(replace(r, effective=30.0) for r in ROWS))
    assert "?" not in weigh_text(sure) and "effective draws" not in weigh_text(sure)


def test_groups_show_the_distance_to_the_best_of_each() -> None:
    lines = weigh_text(APART).splitlines()
    head = next(i for i, line in enumerate(lines) if line.split()[:1] == ["hypothesis"] and "animal" in line)
    table = {line.split()[0]: line.split()[1:] for line in lines[head + 1 : head + 5]}
    assert table["opioid-gate"] == ["0.0", "0.0"] and table["disinhibition"] == ["-1.0", "0.0"]
    assert table["hnk-ampa"] == ["-2.0", "-2.0"] and table["expectancy-only"] == ["-8.0", "-1.0"]


def test_the_fit_of_every_study_comes_when_asked() -> None:
    short, long = weigh_text(APART), weigh_text(APART, every_study=True)
    assert len(long) > len(short)
    assert line_of(long, "Beta2002").split() == ["Beta2002", "0.0", "-0.5", "-1.0", "-6.0"]


def test_what_is_not_apart_is_named_together_and_no_winner_is_called() -> None:
    group = ("opioid-gate", "disinhibition", "hnk-ampa")
    text = weigh_text(answer((group, ("expectancy-only",))))
    assert ", ".join(group) in text
    assert not re.search(r"\b(wins|best explanation|is true|proves|proven|established)\b", text)
    assert "every pair" not in text.split(", ".join(group))[1].lower()
    wide = weigh_text(answer((NAMES,)))
    assert "next-study" in wide and "next-study" not in text


def test_all_apart_says_so_without_naming_a_group() -> None:
    tail = weigh_text(APART).split("Most influential studies")[1]
    assert "every pair" in tail.lower() and ", ".join(NAMES[:2]) not in tail


def test_swings_and_what_speaks_against_expectancy_are_named() -> None:
    text = weigh_text(APART)
    assert "without Alpha2001 (single IV): opioid-gate 0.70 -> 0.20" in text
    tail = text[text.rindex("expectancy-only") :]
    assert tail.index("Beta2002 (-6.0)") < tail.index("Alpha2001 (-2.0)") < tail.index("Gamma2003 (-1.0)")


def test_every_group_has_its_line_with_every_sentence_that_changes_without_it() -> None:
    a, b, c, d = NAMES
    weights = {a: 0.1, b: 0.8, c: 0.1, d: 0.0}
    swings = (
        GroupSwing("single IV", STUDIES[:2], a, b, weights, 3.0, ((a, b), (b, c)), ((a, d),), ((a, b),)),
        GroupSwing("animal", STUDIES[2:], a, a, {a: 0.6, b: 0.4, c: 0.0, d: 0.0}, 30.0, (), (), ()),
    )
    text = weigh_text(replace(APART, group_swings=swings))
    line = line_of(text, "without single IV")
    assert line == (
        f"without single IV (2 studies)?: first: {b} 0.80 in place of {a} 0.70 -> 0.10; no longer told apart: {b} from {a}, {c}; "
        f"told apart only then: {a} from {d}"
    )
    assert line_of(text, "without animal") == f"without animal (1 study): first: {a} 0.60; nothing else changes"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"animals": False}, "animal"),
        ({"without": ("Delta2004",)}, "without Delta2004"),
        ({"not_weighed": ("kappa-gate",)}, "python -m ketasim.evidence.weigh.weigh_fit kappa-gate"),
    ],
)
def test_what_was_left_out_is_said(change: dict, says: str) -> None:
    assert says in weigh_text(replace(APART, **change))
    assert weigh_text(replace(APART, **change)) != weigh_text(APART)
