"""Treatments beside the drug: words, the drive by hand, the same in a run and in a trial, unknown effects as a spread that takes no side."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.ratings.add_ons import KINDS, AddOn, add_on, add_on_drive, is_add_on, usual
from ketasim.scenario.plan import scenario
from ketasim.scenario.run import run
from ketasim.trial.read import design_from_text
from ketasim.trial.simulate import Trial

pytestmark = pytest.mark.xdist_group("trial")
DOSE = "ketamine iv 0.5 mg/kg over 40 min"
OPTIONS = {"people": 2, "days": 14, "at": "24 h, 7 d, 14 d"}


def test_words_say_when_and_how_much() -> None:
    found = add_on("psychotherapy from 1 d to 2 weeks onset 48 h effect 0.3 sd 0.1 synergy -0.2")
    assert found == AddOn("psychotherapy", 24.0, 336.0, 48.0, 0.3, 0.1, -0.2, 0.0)
    assert add_on("new oral antidepressant").kind == "oral antidepressant" and is_add_on("Lifestyle from 1 d")
    assert not is_add_on("ssri oral daily") and not is_add_on("psychotherapist")


@pytest.mark.parametrize("kind", KINDS)
def test_what_nobody_knows_is_centred_on_zero_with_a_spread(kind: str) -> None:
    """Psychotherapy has one trial, whose interval holds no effect and harm; the others none."""
    found = usual(kind)
    assert found.synergy_mean == 0.0 and found.sd > 0 and found.synergy_sd > 0
    assert found.mean == 0.0 if kind != "psychotherapy" else 0 < found.mean < 1.96 * found.sd
    assert "is not known" in found.known


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("psychotherapy frm 1 d", "from ...?"),
        ("psychotherapy from 1 d from 2 d", "'from' is said twice"),
        ("psychotherapy from 7 d to 1 d", "it ends before it begins"),
        ("psychotherapy from -7 d", "begins before the first dose"),
        ("lifestyle onset 0 d", "a time above 0"),
        ("lifestyle effect 9", "a drive lies between"),
        ("lifestyle from 1 d and so on", "cannot read 'and so on'"),
    ],
)
def test_words_that_cannot_be_meant_are_told(words: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        scenario(DOSE, with_=words).add_ons  # noqa: B018
    assert told in str(caught.value)


def test_the_drive_by_hand() -> None:
    """a = 0.3 from 24 h with 48 h: at 72 h 0.3 (1 - 1/e); ended at 120 h it fades: at 168 h 0.3 (1 - e^-2) e^-1; synergy 0.5 of a drug drive of 0.4."""
    one = AddOn("lifestyle", 24.0, 120.0, 48.0, 0.3, 0.0, 0.5, 0.0)
    z = {"lifestyle": (0.0, 0.0)}
    found = add_on_drive([one], z, [0.0, 24.0, 72.0, 168.0], np.zeros((1, 4)))
    e = np.exp(-1.0)
    assert found[0] == pytest.approx([0.0, 0.0, 0.3 * (1 - e), 0.3 * (1 - e**2) * e])
    both = add_on_drive([one], z, [72.0], np.full((3, 1), 0.4))
    assert both[:, 0] == pytest.approx([(0.3 + 0.2) * (1 - e)] * 3)
    drawn = add_on_drive(
        [AddOn("lifestyle", 0.0, 1e9, 1e-3, 0.1, 0.2)], {"lifestyle": ([-1.0, 2.0], [0, 0])}, [24.0], [[0.0]]
    )
    assert drawn[:, 0] == pytest.approx([-0.1, 0.5])


def test_an_unknown_effect_moves_nobody_and_widens_the_band() -> None:
    plain = run(DOSE, draws=24, **OPTIONS)
    beside = run(DOSE, draws=24, with_="lifestyle from 1 d", **OPTIONS)
    np.testing.assert_allclose(beside.values["madrs"], plain.values["madrs"], rtol=1e-12)
    spread = [r.model_values["madrs"].std(axis=0) for r in (plain, beside)]
    assert spread[1][2] > spread[0][2] and spread[1][0] == pytest.approx(spread[0][0], rel=1e-9)  # from day 1 on alone
    assert any("assumption: lifestyle" in warning and "is not known" in warning for warning in beside.warnings)
    assert "with lifestyle" in beside.scenario.title and "lifestyle_drive" in beside.record.values
    assert "lifestyle_drive" not in plain.record.values


def test_a_stated_effect_acts_under_placebo_too() -> None:
    plain = run(DOSE, draws=0, **OPTIONS)
    beside = run(DOSE, draws=0, with_="lifestyle onset 24 h effect 0.4", **OPTIONS)
    assert (beside.values["madrs"][:, 2] < plain.values["madrs"][:, 2] - 1.0).all()
    placebo = [r.values["madrs"] - r.values["madrs.effect"] for r in (plain, beside)]
    assert (placebo[1][:, 2] < placebo[0][:, 2] - 1.0).all()
    more = run(DOSE, draws=0, with_="lifestyle onset 24 h effect 0 synergy 0.5", **OPTIONS)
    assert (more.values["madrs.effect"][:, 2] < plain.values["madrs.effect"][:, 2]).all()
    same = more.values["madrs"] - more.values["madrs.effect"]
    np.testing.assert_allclose(same, placebo[0], rtol=1e-9)  # the further share is of the drug's own drive


DESIGN = """
title = "Add-ons"
setting = "open"
visits = ["24 h", "14 d"]
n = 20
hypotheses = ["disinhibition"]
comparator = "alone"
[arms.alone]
words = "ketamine iv 0.5 mg/kg over 40 min"
[arms.with]
words = "ketamine iv 0.5 mg/kg over 40 min"
"""


def test_words_and_table_of_a_design_are_the_same_add_on() -> None:
    words = design_from_text(
        DESIGN + 'with = ["psychotherapy from 1 d to 14 d onset 7 d effect 0.3 sd 0.1 synergy 0.2"]\n'
    )
    table = design_from_text(
        DESIGN
        + '[[arms.with.add_on]]\nkind = "psychotherapy"\nfrom = "1 d"\nto = "14 d"\nonset = "7 d"\nmean = 0.3\nsd = 0.1\nsynergy_mean = 0.2\n'
    )
    pools = [Trial(design, 2, count=1, people=8).pool(0) for design in (words, table)]
    np.testing.assert_array_equal(pools[0].ssri, pools[1].ssri)
    assert (pools[0].ssri[1, :, 1] != pools[0].ssri[0, :, 1]).all() and (pools[0].ssri[:, :, 0] == 0).all()
    result = Trial(words, 2, count=1, people=8).run([20], 2)
    assert any("psychotherapy from day 1 to day 14" in note and "is not known" in note for note in result.notes)
    with pytest.raises(UsageError, match="frm"):
        design_from_text(DESIGN + 'with = ["psychotherapy frm 1 d"]\n')
