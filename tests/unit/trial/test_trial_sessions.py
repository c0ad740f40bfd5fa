"""In a trial: sessions of one person differ, genotype and metaboliser status act inside the chain, and nobody changes with the cohort."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ketasim.core import UsageError, values
from ketasim.people import chain_parameters
from ketasim.people.table_one import read_table
from ketasim.stages.plasma.routing import routing_values
from ketasim.trial.covariate_effects import CHAIN_EFFECTS, chain_numbers, effects
from ketasim.trial.pool import make_pool
from ketasim.trial.read import design_from_text
from ketasim.trial.worlds import worlds

DESIGN = """
visits = ["1 d", "8 d"]
[arms.saline]
words = "placebo iv"
repeat = "weekly x 2"
[arms.ketamine]
words = "ketamine iv 0.5 mg/kg over 40 min"
repeat = "weekly x 2"
[people]
baseline = { mean = 33, sd = 5 }
met_carrier = { share = 0.36 }
cyp2b6_slow = { share = 0.5 }
"""


def test_sessions_differ_in_a_trial_where_it_is_asked_for() -> None:
    usual = design_from_text(DESIGN)
    world = worlds(1)[0]
    one, other = (make_pool(replace(usual, occasions=word), world, 1, 32) for word in ("sourced", "all"))
    assert usual.occasions == "sourced"
    assert other.felt[1, :, 0] == pytest.approx(one.felt[1, :, 0], rel=1e-9)  # the first session
    assert (np.abs(other.felt[1, :, 1] - one.felt[1, :, 1]) > 1e-3).mean() > 0.3  # the strongest of two
    assert np.array_equal(one.felt[0], other.felt[0])
    with pytest.raises(UsageError, match="occasions"):
        design_from_text('occasions = "some"\n' + DESIGN)


def test_carriers_secrete_less_and_two_alleles_follow_hardy_and_weinberg() -> None:
    """Share 0.36 of carriers: q = 0.2, so 0.04 of all have two; the numbers are those of the knowledge, and no effect is put on mood itself."""
    people = read_table({"met_carrier": {"share": 0.36}}).cohort(20_000, seed=4)
    found = chain_parameters(people, values("plasticity"), {})["val66met_secretion"]
    one, two = (values("plasticity")[f"val66met_secretion_{name}"].value for name in ("val_met", "met_met"))
    for number, share in ((1.0, 0.64), (one, 0.32), (two, 0.04)):
        assert (found == number).mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 20_000))
    assert not {"met_carrier", "cyp2b6_slow", "cyp3a4_slow"} & set(effects())
    few = read_table({"met_carrier": {"share": 0.36}}).cohort(50, seed=4)
    assert np.array_equal(chain_parameters(few, values("plasticity"), {})["val66met_secretion"], found[:50])


def test_metaboliser_status_is_a_distribution_around_zero_and_acts_on_the_enzyme() -> None:
    people = read_table({"cyp2b6_slow": {"share": 0.5}, "cyp3a4_slow": {"share": 0.3}}).cohort(400, seed=4)
    plain = chain_parameters(people, routing_values(), {})
    slow = people.quantities["cyp2b6_slow"] > 0.5
    changed = chain_parameters(people, routing_values(), {"cyp2b6_slow_effect": np.log(0.5)})
    ratio = changed["cyp2b6_clearance"] / values("plasma")["cyp2b6_clearance"].value
    assert ratio[slow] == pytest.approx(0.5) and ratio[~slow] == pytest.approx(1.0)
    assert "cyp2b6_clearance" not in plain and "cyp3a4_clearance" not in changed  # as shipped, for everybody
    drawn = np.array([chain_numbers(w, 1)["cyp2b6_slow_effect"] for w in worlds(48)])
    sd = values("people")["cyp2b6_slow_effect"].uncertain.sd
    assert values("people")["cyp2b6_slow_effect"].value == 0.0 and abs(drawn.mean()) < 3 * sd / np.sqrt(48)
    assert drawn.std() == pytest.approx(sd, rel=0.35) and len(set(drawn)) == 48


def test_status_reaches_mood_through_the_chain() -> None:
    """Nothing differs between carriers and others but the chain: with secretion of carriers set to that of val/val the pool is another one
    for carriers, and within the tolerance of the integration the same for others."""
    design = design_from_text(DESIGN)
    world = worlds(1)[0]
    one = make_pool(design, world, 1, 24)
    whole = {key: 1.0 for stage, key in CHAIN_EFFECTS if stage == "plasticity"}
    other = make_pool(design, replace(world, replaced=dict(world.replaced) | whole), 1, 24)
    carrier = read_table(design.people).cohort(24, seed=1).quantities["met_carrier"] > 0.5
    moved = np.abs(one.mood[1, :, 0] - other.mood[1, :, 0])
    assert (moved[carrier] > 1e-3).all() and (moved[~carrier] < 1e-6).all() and 3 < carrier.sum() < 20
