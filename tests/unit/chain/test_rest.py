"""Undosed, nothing moves: in the whole chain and in every variant; a state that starts off its rest is named with its place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ketasim.chain import compose
from ketasim.chain.lint import _cases, _example_compound, all_unrest
from ketasim.chain.registry import registry
from ketasim.chain.rest import unrest

CASES = {label: (parts, choice) for label, parts, choice, gate in _cases(registry()) if gate}


@pytest.mark.parametrize("label", CASES)
def test_every_variant_of_the_chain_rests_without_a_dose(label: str) -> None:
    parts, choice = CASES[label]
    assert unrest(compose(parts, choice, _example_compound()), label) == []


def test_one_stage_checks_its_own_variants() -> None:
    assert all_unrest("mood") == []


def test_a_state_off_its_rest_is_named_with_place_and_remedy() -> None:
    """bdnf-like state x' = k (1 - x): at rest at 1, so a start of 0.5 moves; one of 1 does not."""
    model = compose(())
    assert unrest(model, "no part") == []
    text = model.antimony.replace("\nend", "\n  off_rest = 0.5; off_rest' = 0.1 * (1 - off_rest);\nend")
    assert text != model.antimony
    (found,) = unrest(replace(model, antimony=text, states=(*model.states, "off_rest")), "no part")
    assert "off_rest moves from 0.5 to 1" in found.what and "rate is 0" in found.fix


def test_a_chain_that_never_settles_is_said() -> None:
    model = compose(())
    text = model.antimony.replace("\nend", "\n  filling = 0; filling' = 1;\nend")
    (found,) = unrest(replace(model, antimony=text, states=(*model.states, "filling")), "no part")
    assert "does not come to rest" in found.what
