"""Nothing typed in: change a published outcome value, its errors, its note, and every sentence of its study, and no prediction moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from ketasim.core import KetasimError, stream
from ketasim.evidence.arms.context import Context
from ketasim.evidence.arms.numbers import Numbers
from ketasim.evidence.arms.quantities import predict_row
from ketasim.evidence.compare.baseline import Pool
from ketasim.evidence.compare.predict import all_evidence
from ketasim.evidence.compare.rival import Rival
from ketasim.evidence.published.studies import studies
from ketasim.evidence.published.study import Row, Study

SENTENCE = "withdrawal of bipolar responders in remission, pooled meta-analysis of nine trials, percent respon remission share fraction"


def other(row: Row, factor: float) -> Row:
    """The same question with another answer: value, errors and note changed, nothing that says what is asked."""
    return replace(
        row,
        value=row.value * factor + (factor - 1.0),
        low=row.low * factor,
        high=row.high * factor + 1.0,
        se=row.se * factor,
        sd=row.sd * factor,
        note=SENTENCE,
    )


def retold(study: Study, seed: int) -> Study:
    """A study with all its published outcomes and sentences replaced."""
    factors = 0.3 + 3.0 * stream(seed, f"retold {study.id}", len(study.rows))
    rows = tuple(other(row, float(f)) for row, f in zip(study.rows, factors, strict=True))
    return replace(
        study, rows=rows, note=SENTENCE, design_text=SENTENCE, population=SENTENCE, place=SENTENCE, citation=SENTENCE
    )


def predictions(study: Study, shared: dict[str, Mapping[str, np.ndarray]]) -> list[float | str]:
    context = Context(study, Numbers(), shared=shared)
    found: list[float | str] = []
    for row in study.predicted:
        try:
            found.append(predict_row(context, row))
        except KetasimError as error:
            found.append(error.what)
    return found


def test_no_published_value_or_sentence_moves_a_prediction() -> None:
    """All studies, every row at once: among them |value| <= 1, which used to make a difference one of shares."""
    before: dict[str, Mapping[str, np.ndarray]] = {}
    after: dict[str, Mapping[str, np.ndarray]] = {}
    for study in studies().values():
        assert predictions(study, before) == predictions(retold(study, 7), after), study.id


@pytest.mark.parametrize("name", ["Wilkinson2019", "Daly2018", "Murrough2013", "SpravatoUSLabel"])
def test_baseline_and_rival_never_see_the_number_they_predict(name: str) -> None:
    """The study's own values changed: what is predicted for it stays, what is predicted for others moves."""
    evidence = all_evidence()
    at = next(i for i, block in enumerate(evidence.blocks) if block.study.id == name)
    mine = evidence.blocks[at]
    changed = replace(mine, rows=tuple(replace(r, y=r.y + 1.0) for r in mine.rows))
    blocks = [changed if i == at else block for i, block in enumerate(evidence.blocks)]
    first, second = Pool(evidence.blocks), Pool(blocks)
    for old, new in zip(mine.rows, changed.rows, strict=True):
        a, b = first.predict(mine.study_of(old), old), second.predict(mine.study_of(new), new)
        assert a == b
    moved = [
        first.predict(block.study_of(r), r) != second.predict(block.study_of(r), r)
        for block in evidence.blocks
        for r in block.rows
        if block.study.id != name
    ]
    assert any(moved)
    one, two = Rival(evidence.blocks), Rival(blocks)
    for name_of, regression in one.classes.items():
        two.classes[name_of].sds = regression.sds  # the spreads are estimated on all studies of a class
    for old, new in zip(mine.rows, changed.rows, strict=True):
        a, b = one.predict(mine.study_of(old), old), two.predict(mine.study_of(new), new)
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert b.mean == pytest.approx(a.mean, rel=1e-8, abs=1e-8) and b.sd == pytest.approx(a.sd, rel=1e-8)
