"""Receptors: competition in closed form, opioid activities, slow mu blockade by naltrexone against PET."""

from __future__ import annotations

import numpy as np
import pytest
from one_stage import run

from ketasim.core import value

HOUR = (0.0, 1.0)
BATH = ("bath", "competition")
RACEMATE = ("s_ketamine", "r_ketamine")


def v(key: str) -> float:
    return value(key).value


def bath(level: float, **options: object) -> dict[str, np.ndarray]:
    """Racemate at a constant free level (umol/L)."""
    held = [(f"{side}_bath_level", 0.0, 1.0, level / 2) for side in ("s", "r")]
    return run("receptors", HOUR, held, parts=RACEMATE, variants=BATH, **options)  # type: ignore[arg-type]


def plasma(
    hours: object, imposed: list[tuple[str, float, float, float]], *parts: str, **options: object
) -> dict[str, np.ndarray]:
    return run("receptors", hours, imposed, parts=parts, **options)  # type: ignore[arg-type]


def test_undosed_activities_are_one_and_nothing_is_bound() -> None:
    rest = run(
        "receptors", HOUR, parts=(*RACEMATE, "naltrexone", "buprenorphine", "memantine", "compound", "midazolam")
    )
    for name in ("mu_activity", "kappa_activity", "delta_activity"):
        assert rest[name] == pytest.approx(1, abs=1e-12)
    for name in (
        "nmda_occupancy",
        "nmda_block_interneuron",
        "mu_antagonist_occupancy",
        "trkb_direct",
        "gaba_potentiation",
    ):
        assert (rest[name] == 0).all()


@pytest.mark.parametrize("level", [0.05, 0.5, 5.0])
def test_competition_in_closed_form(level: float) -> None:
    """Gaddum: occupancy = sum(C/Ki)/(1 + sum(C/Ki)); ketamine is the yardstick of all shares."""
    load = level / 2 / v("s_ketamine_nmda_affinity") + level / 2 / v("r_ketamine_nmda_affinity")
    seen = bath(level)
    assert seen["nmda_occupancy"][-1] == pytest.approx(load / (1 + load), rel=1e-9)
    assert seen["nmda_block_interneuron"][-1] == pytest.approx(load / (1 + load), rel=1e-9)
    assert seen["nmda_block_trapping"][-1] == pytest.approx(v("ketamine_trapping_share") * load / (1 + load), rel=1e-9)


def test_mu_activity_in_closed_form() -> None:
    s, r, tone = 2.0 / v("s_ketamine_mu_affinity"), 2.0 / v("r_ketamine_mu_affinity"), v("mu_tone")
    expected = (tone + v("ketamine_mu_efficacy") * (s + r)) / (1 + tone + s + r) / (tone / (1 + tone))
    assert bath(4.0)["mu_activity"][-1] == pytest.approx(expected, rel=1e-9)


def test_only_the_nmda_site_is_well_occupied() -> None:
    """RP084: at the clinical peak (free S 0.30, R 0.33 uM) NMDA about one half, mu and TrkB a few per cent."""
    seen = bath(0.63)
    assert 0.45 < seen["nmda_occupancy"][-1] < 0.65
    assert seen["trkb_direct"][-1] < 0.06
    assert abs(seen["mu_activity"][-1] - 1) < 0.05


def test_blockers_share_one_site() -> None:
    """Memantine on top raises occupancy, but takes block away from interneurons and from rest."""
    ketamine = [(f"{side}_ketamine_arterial", 0.0, 40.0, 0.6) for side in ("s", "r")]
    hours = (0.0, 40.0)
    plain = plasma(hours, ketamine, *RACEMATE)
    both = plasma(hours, [*ketamine, ("memantine", 0.0, 40.0, 0.8)], *RACEMATE, "memantine")
    lone = plasma(hours, [("memantine", 0.0, 40.0, 0.8)], "memantine")
    load = v("memantine_unbound_fraction") * 0.8 / v("memantine_nmda_affinity")
    assert lone["nmda_occupancy"][-1] == pytest.approx(load / (1 + load), rel=1e-6)
    assert (
        plain["nmda_occupancy"][-1]
        < both["nmda_occupancy"][-1]
        < plain["nmda_occupancy"][-1] + lone["nmda_occupancy"][-1]
    )
    for name, share in (
        ("nmda_block_interneuron", "memantine_interneuron_share"),
        ("nmda_block_rest", "memantine_rest_share"),
    ):
        assert lone[name][-1] == pytest.approx(v(share) * lone["nmda_occupancy"][-1], rel=1e-9)
        assert both[name][-1] < plain[name][-1]


def test_the_brain_follows_with_its_half_life() -> None:
    """PK-CNS-05, PK-CNS-06: 6.1 and 8.3 min; the free level is approached, nothing else."""
    half = np.log(2) / v("brain_equilibration_rate")
    assert 6.1 / 60 <= half <= 8.3 / 60
    rise = plasma((0.0, half, 20.0), [("s_ketamine_arterial", 0.0, 20.0, 1.0)], *RACEMATE)["s_ketamine_brain"]
    assert rise[2] == pytest.approx(v("ketamine_unbound_fraction"), rel=1e-6)
    assert rise[1] == pytest.approx(rise[2] / 2, rel=1e-5)


def test_norketamine_adds_little() -> None:
    seen = plasma(HOUR, [("s_norketamine_arterial", 0.0, 1.0, 0.35)], *RACEMATE)
    assert 0 < seen["nmda_occupancy"][-1] < 0.05


def test_buprenorphine_occupancy_at_the_levels_of_the_pet_study() -> None:
    """RP045: 41, 80, 84 % (SEM 8, 2, 2) at plasma peaks of 0.5-1, 5-6 and 13-14 ng/mL."""
    for level, observed in ((0.75, 0.41), (5.5, 0.80), (13.5, 0.84)):
        molar = level / 467.6
        seen = plasma(HOUR, [("buprenorphine", 0.0, 1.0, molar)], "buprenorphine")
        assert seen["mu_antagonist_occupancy"][-1] == pytest.approx(observed, abs=0.16)
        assert v("buprenorphine_mu_efficacy") < seen["mu_activity"][-1] < 1
        assert seen["kappa_activity"][-1] < seen["mu_activity"][-1]


def test_naltrexone_equilibrium_and_half_life_of_blockade() -> None:
    """On-rate = off-rate/Ki; after it is gone the blockade falls with 72-108 h (RP044)."""
    free = 0.001
    level = free / v("naltrexone_unbound_fraction")
    hours = (0.0, 400.0, 400.0 + 72.0, 400.0 + 108.0)
    seen = plasma(hours, [("naltrexone", 0.0, 400.0, level)], "naltrexone")["mu_antagonist_occupancy"]
    assert seen[1] == pytest.approx(free / (free + v("naltrexone_mu_affinity")), rel=1e-4)
    assert seen[2] > seen[1] / 2 > seen[3]


def test_a_thousandfold_ki_removes_naltrexone() -> None:
    level, weak = [("naltrexone", 0.0, 2.0, 0.03)], {"naltrexone_mu_affinity": 1000 * v("naltrexone_mu_affinity")}
    strong = plasma((0.0, 2.0), level, "naltrexone")
    assert strong["mu_antagonist_occupancy"][-1] > 0.8
    assert plasma((0.0, 2.0), level, "naltrexone", changed=weak)["mu_antagonist_occupancy"][-1] < 0.005


def test_naltrexol_counts_by_its_potency_in_the_brain() -> None:
    """Ko 2006: a hundredth of naltrexone."""
    one = plasma((0.0, 1.0), [("naltrexone", 0.0, 1.0, 0.01)], "naltrexone")
    other = plasma((0.0, 1.0), [("naltrexol", 0.0, 1.0, 0.01 / v("naltrexol_relative_potency"))], "naltrexone")
    assert other["mu_antagonist_occupancy"][-1] == pytest.approx(one["mu_antagonist_occupancy"][-1], rel=1e-9)


def test_opioid_agonist_raises_mu_activity_only() -> None:
    seen = plasma(HOUR, [("morphine", 0.0, 1.0, 0.1)], "morphine")
    assert seen["mu_activity"][-1] > 1 and seen["kappa_activity"][-1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("drug", "output", "half"),
    [
        ("benzodiazepine", "gaba_potentiation", "benzodiazepine_half_effect"),
        ("midazolam", "gaba_potentiation", "midazolam_half_effect"),
        ("rapamycin", "mtor_inhibition", "rapamycin_half_effect"),
        ("nbqx", "ampa_block", "nbqx_half_effect"),
    ],
)
def test_half_effect_is_half(drug: str, output: str, half: str) -> None:
    assert plasma(HOUR, [(drug, 0.0, 1.0, v(half))], drug)[output][-1] == pytest.approx(0.5)


def test_lamotrigine_counts_its_free_level() -> None:
    level = v("lamotrigine_half_effect") / v("lamotrigine_unbound_fraction")
    assert plasma(HOUR, [("lamotrigine", 0.0, 1.0, level)], "lamotrigine")["release_inhibition"][-1] == pytest.approx(
        0.5
    )


def test_a_compound_that_binds_nowhere_does_nothing() -> None:
    seen = plasma(HOUR, [("compound_arterial", 0.0, 1.0, 1.0)], "compound")
    assert seen["nmda_occupancy"][-1] < 1e-5
    assert seen["mu_activity"][-1] == pytest.approx(1, abs=1e-5)


def test_a_compound_takes_its_affinities_from_its_values() -> None:
    numbers = {"compound_nmda_ki": 0.5, "compound_mu_ki": 1.0, "compound_mu_efficacy": 1.0}
    seen = plasma((0.0, 5.0), [("compound_arterial", 0.0, 5.0, 0.5)], "compound", changed=numbers)
    assert seen["nmda_occupancy"][-1] == pytest.approx(0.5, abs=1e-3)
    assert seen["mu_activity"][-1] > 1


def test_hydroxynorketamine_pathway_sees_only_the_r_series_by_default() -> None:
    seen = plasma(HOUR, [("s_hnk", 0.0, 1.0, 1.0), ("r_hnk", 0.0, 1.0, 0.5)], *RACEMATE)
    assert seen["hnk_brain"][-1] == pytest.approx(0.5 * v("hnk_unbound_fraction"))
