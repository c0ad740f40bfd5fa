"""Hypotheses as files: what they pick, what is free, and the errors that teach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ketasim.chain import DEFAULT_PARTS, compose
from ketasim.chain.hypothesis import (
    SHARED,
    default_hypothesis,
    hypotheses,
    hypothesis,
    lint_hypotheses,
    read_hypothesis,
    union_variants,
)
from ketasim.core import KetasimError, UsageError, knowledge_path, read_toml
from ketasim.scenario.plan import scenario
from ketasim.scenario.run import run

FOLDER = knowledge_path() / "hypotheses"


def test_the_list_is_complete_and_clean() -> None:
    asked = {
        "expectancy-only",
        "disinhibition",
        "block-at-rest",
        "opioid-gate",
        "kappa-gate",
        "kappa-relief",
        "hnk-ampa",
        "direct-trkb",
        "lateral-habenula",
    }
    assert asked <= set(hypotheses())
    assert lint_hypotheses() == []
    assert default_hypothesis().id == "opioid-gate"
    for entry in hypotheses().values():
        assert entry.predicts and entry.refuted_by and entry.records


def test_an_unknown_name_teaches() -> None:
    with pytest.raises(UsageError, match="opioid-gate"):
        hypothesis("opiod-gate")


def test_two_hypotheses_with_the_same_equations_are_an_error() -> None:
    twin = replace(hypothesis("disinhibition"), id="twin", default=False)
    found = [str(p) for p in lint_hypotheses([*hypotheses().values(), twin])]
    assert len(found) == 1 and "disinhibition" in found[0] and "twin" in found[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"variants": {"circuit": ["disinhibitoin"]}}, "disinhibition"),
        ({"free": {"opioid_gate_wieght": {}}}, "opioid_gate_weight"),
        ({"free": {"surge_half_block": {"sd": 2.0}}}, "without a reason"),
        ({"free": {"bdnf_release": {}}}, "no prior"),
        ({"sources": ["Nobody1900"]}, "unknown source"),
    ],
)
def test_a_wrong_file_teaches(change: dict, says: str) -> None:
    table = read_toml(FOLDER / "disinhibition.toml") | change
    with pytest.raises(KetasimError, match=says):
        read_hypothesis("disinhibition", table, read_toml(FOLDER / f"{SHARED}.toml"))


def test_a_free_value_without_part_in_the_equations_is_found() -> None:
    gate = hypothesis("opioid-gate")
    wrong = replace(gate, free=(*gate.free, hypothesis("hnk-ampa").free[-2]))
    assert any("hnk_half_effect" in str(p) for p in lint_hypotheses([wrong]))


def test_priors_are_what_they_say() -> None:
    prior = {p.key: p for p in hypothesis("opioid-gate").free}["opioid_gate_weight"]
    assert prior.natural(0.0) == pytest.approx(0.5)
    z = np.random.default_rng(1).normal(size=20000)
    inside = prior.natural(z)
    assert 0.1 < np.quantile(inside, 0.1) < 0.2 and inside.min() > 0 and inside.max() < 1


@pytest.mark.parametrize("name", sorted(hypotheses()))
def test_one_model_with_switches_does_what_the_variants_do(name: str) -> None:
    entry = hypothesis(name)
    known = compose(DEFAULT_PARTS, dict(entry.variants)).parameters
    own = {key: number for key, number in entry.numbers().items() if key in known}
    options = {"people": 0, "at": [2.0, 24.0, 168.0], "masked": True}
    words = "ketamine iv 0.5 mg/kg over 40 min"
    apart = run(scenario(words, variants=dict(entry.variants), values=own, **options))["madrs.effect"].typical
    joint = run(scenario(words, variants=union_variants(), values=entry.switched_off() | own, **options))[
        "madrs.effect"
    ].typical
    np.testing.assert_allclose(joint, apart, atol=2e-4)
    assert bool(np.abs(apart).max() > 1.0) is entry.drug_effect, apart
