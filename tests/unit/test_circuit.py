"""Circuit: inverted U, refractoriness, adaptation, gates and brakes, the other pathways."""

from __future__ import annotations

import numpy as np
import pytest
from one_stage import run

from ketasim.core import value

DEFAULT = ("disinhibition", "opioid_gate")
BLOCKS = ("nmda_occupancy", "nmda_block_interneuron")


def v(key: str) -> float:
    return value(key).value


def blocked(level: float, hours: object = (0.0, 1.0), until: float = 1.0, **more: float) -> dict[str, np.ndarray]:
    """Ketamine-like block of `level` (all of it on interneurons), other ports as given."""
    held = [(name, 0.0, until, level) for name in BLOCKS] + [(name, 0.0, until, x) for name, x in more.items()]
    return run("circuit", hours, held, variants=DEFAULT)


def test_nothing_without_block() -> None:
    rest = run("circuit", (0.0, 24.0), ports=BLOCKS, variants=DEFAULT)
    assert (rest["glutamate"] == 1).all() and (rest["surge_drive"] == 0).all()


def test_inverted_u() -> None:
    """GC001-GC003, GC030, GC031: rising up to about 70 % block, falling to nothing at full block."""
    levels = np.array([0.05, 0.1, 0.2, 0.3, 0.5, 0.65, 0.8, 0.9, 0.95, 0.99])
    surge = np.array([blocked(level)["glutamate_surge"][-1] for level in levels])
    top = surge.argmax()
    assert 0.5 <= levels[top] <= 0.75
    assert (np.diff(surge[: top + 1]) > 0).all() and (np.diff(surge[top:]) < 0).all()
    assert surge[-1] < 0.05 * surge[top]
    assert blocked(0.99)["glutamate"][-1] < 1 < blocked(0.5)["glutamate"][-1]


def test_half_block_gives_half_a_surge_at_once() -> None:
    """Without time to adapt, and far from the falling limb, half of the drive at the half block."""
    half = v("surge_half_block")
    free = run(
        "circuit",
        (0.0, 3.0),
        [(name, 0.0, 3.0, half) for name in BLOCKS],
        variants=DEFAULT,
        changed={"adaptation_rate": 0.0},
    )
    assert free["glutamate_surge"][-1] == pytest.approx(0.5, abs=0.005)


def test_surge_is_over_after_the_block() -> None:
    """GC011: nothing left three hours later."""
    seen = blocked(0.5, hours=(0.0, 1.0, 4.0), until=1.0)
    assert seen["glutamate_surge"][1] > 0.5 and seen["glutamate_surge"][2] < 1e-4


def test_deep_block_leaves_the_circuit_refractory() -> None:
    """A quarter of an hour near full block, then back through the window: no surge; from a moderate block: a full one."""

    def falling(deep: float) -> float:
        held = [(name, 0.0, 0.3, deep) for name in BLOCKS] + [(name, 0.3, 2.0, 0.5) for name in BLOCKS]
        return float(run("circuit", (0.0, 2.0), held, variants=DEFAULT)["glutamate_surge"][-1])

    assert falling(0.95) < 0.2 * falling(0.5)


def test_a_block_that_stays_is_no_longer_news() -> None:
    """GC024: occupancy for days is not a rapid antidepressant."""
    seen = blocked(0.3, hours=(0.0, 2.0, 48.0, 240.0), until=240.0)["glutamate_surge"]
    assert seen[1] > 0.4 and seen[2] < 0.3 * seen[1] and seen[3] < 0.01


def test_fall_below_the_adapted_block_gives_no_surge() -> None:
    held = [(name, 0.0, 100.0, 0.5) for name in BLOCKS] + [(name, 100.0, 110.0, 0.2) for name in BLOCKS]
    assert run("circuit", (0.0, 110.0), held, variants=DEFAULT)["glutamate_surge"][-1] < 1e-3


@pytest.mark.parametrize("activity", [0.0, 0.4, 1.0, 2.5])
def test_opioid_gate_in_closed_form(activity: float) -> None:
    """Linear below the undosed tone, no wider than open above it."""
    gate = 1 - v("opioid_gate_weight") * (1 - min(1.0, activity))
    # an imposed activity of 0 needs the port to be there, at 0
    held = [(name, 0.0, 1.0, 0.5) for name in BLOCKS] + [("mu_activity", 0.0, 1.0, activity)]
    closed = run("circuit", (0.0, 1.0), held, variants=DEFAULT)["glutamate_surge"][-1]
    assert closed == pytest.approx(gate * blocked(0.5)["glutamate_surge"][-1], rel=1e-6)


@pytest.mark.parametrize(
    ("port", "weight"), [("gaba_potentiation", "gaba_surge_weight"), ("release_inhibition", "release_surge_weight")]
)
def test_brakes_scale_the_surge(port: str, weight: str) -> None:
    braked = blocked(0.5, **{port: 0.5})["glutamate_surge"][-1]
    assert braked == pytest.approx((1 - 0.5 * v(weight)) * blocked(0.5)["glutamate_surge"][-1], rel=1e-6)


def test_kappa_in_both_signs() -> None:
    """Needed (gate) or opposed (relief): the same loss of kappa tone closes the one and opens the other."""
    held = [(name, 0.0, 1.0, 0.5) for name in BLOCKS] + [("kappa_activity", 0.0, 1.0, 0.2)]
    needed = run("circuit", (0.0, 1.0), held, variants=("disinhibition", "kappa_gate"))
    opposed = run("circuit", (0.0, 1.0), held, variants=("disinhibition", "kappa_relief"))
    assert needed["glutamate_surge"][-1] == pytest.approx(
        (1 - 0.8 * v("kappa_gate_weight")) * opposed["glutamate_surge"][-1], rel=1e-6
    )
    assert opposed["kappa_relief"][-1] == pytest.approx(0.8)


def test_rest_block_is_monotone_and_needs_no_surge() -> None:
    drives = []
    for level in (0.1, 0.5, 0.9, 0.99):
        seen = run("circuit", (0.0, 1.0), [("nmda_block_rest", 0.0, 1.0, level)], variants=("rest_block",))
        drives.append(seen["rest_drive"][-1])
        assert "glutamate_surge" not in seen
    assert (np.diff(drives) > 0).all()
    quick = run(
        "circuit",
        (0.0, 1.0),
        [("nmda_block_rest", 0.0, 1.0, v("rest_half_block"))],
        variants=("rest_block",),
        changed={"adaptation_rate": 0.0},
    )
    assert quick["rest_block"][-1] == pytest.approx(0.5)


def test_block_at_rest_that_stays_is_no_longer_news() -> None:
    seen = run("circuit", (0.0, 1.0, 240.0), [("nmda_block_rest", 0.0, 240.0, 0.4)], variants=("rest_block",))[
        "rest_block"
    ]
    assert seen[1] > 0.6 and seen[2] < 0.01


def test_a_kinase_inhibitor_needs_no_block() -> None:
    """PL010: inhibitors of the eEF2 kinase act alone."""
    seen = run(
        "circuit", (0.0, 1.0), ports=("nmda_block_rest",), variants=("rest_block",), changed={"eef2k_inhibition": 1.0}
    )
    assert seen["rest_drive"][-1] == pytest.approx(v("rest_block_weight"))


def test_hnk_pathway_in_closed_form() -> None:
    seen = run("circuit", (0.0, 1.0), [("hnk_brain", 0.0, 1.0, v("hnk_half_effect"))], variants=("hnk",))
    assert seen["hnk_drive"][-1] == pytest.approx(0.5 * v("hnk_weight"))


def test_habenula_holds_what_was_trapped() -> None:
    """GC021: in within minutes, out with a half-life of 6-24 h."""
    seen = run(
        "circuit",
        (0.0, 1.0, 11.0, 72.0),
        [("nmda_block_trapping", 0.0, 1.0, 0.6)],
        variants=("habenula",),
        outputs=("trapped_block",),
    )
    assert seen["trapped_block"][1] > 0.55
    assert seen["trapped_block"][2] == pytest.approx(seen["trapped_block"][1] / 2, rel=0.02)
    assert seen["habenula"][1] > 0.8 > 0.5 > seen["habenula"][2] and seen["habenula"][3] < 0.01


def test_knock_down_on_interneurons_or_principal_cells() -> None:
    """GC033: interneurons are the trigger of disinhibition, principal cells that of block at rest."""
    held = [(name, 0.0, 1.0, 0.5) for name in (*BLOCKS, "nmda_block_rest")]
    both = ("disinhibition", "opioid_gate", "rest_block")
    on_inter = run("circuit", (0.0, 1.0), held, variants=both, changed={"interneuron_nmda_presence": 0.0})
    on_principal = run("circuit", (0.0, 1.0), held, variants=both, changed={"principal_nmda_presence": 0.0})
    assert on_inter["surge_drive"][-1] == 0 < on_inter["rest_drive"][-1]
    assert on_principal["rest_drive"][-1] == 0 < on_principal["surge_drive"][-1]
