"""The competing pathways, each alone on the same chain: they start level, and part where the experiments say they should.

Sizes are starting points for the weighing of hypotheses, not results; the signs are what each pathway stands for.
"""

from __future__ import annotations

import pytest
from virtual import HOURS, WEIGHT, Course, Dose, ketamine, simulate

DEFAULT: dict[str, tuple[str, ...]] = {}
UNGATED = {"circuit": ("disinhibition",)}
REST = {"circuit": ("rest_block",)}
HNK = {"circuit": ("hnk",)}
TRKB = {"circuit": ("none",), "plasticity": ("synapses", "trkb")}
HABENULA = {"circuit": ("habenula",)}
KAPPA_NEEDED = {"circuit": ("disinhibition", "kappa_gate")}
KAPPA_OPPOSED = {"circuit": ("disinhibition", "kappa_relief")}
MIXTURE = {
    "circuit": ("disinhibition", "opioid_gate", "rest_block", "hnk", "habenula"),
    "plasticity": ("synapses", "trkb"),
}
EXPECTANCY = {"mood": ("none",)}
HALF = ketamine(0.5)
S_KETAMINE = Dose("esketamine", 0.5 * WEIGHT, "iv", 0.0, 2 / 3)
R_KETAMINE = Dose("arketamine", 0.5 * WEIGHT, "iv", 0.0, 2 / 3)
NALTREXONE = Dose("naltrexone", 50, "oral", -0.75)
MEMANTINE = [Dose("memantine", 20, "oral", 24.0 * day) for day in range(14)]


def course(variants: dict[str, tuple[str, ...]], *doses: Dose) -> Course:
    first = min([0.0, *(dose.at for dose in doses)])
    return simulate(doses, (first, *HOURS) if first < 0 else HOURS, variants=variants)


def day_one(variants: dict[str, tuple[str, ...]], *doses: Dose) -> float:
    """Drug part of mood at 24 h."""
    return course(variants, *doses).at("mood_drive", 24)


@pytest.mark.parametrize(
    "variants",
    [UNGATED, REST, HNK, TRKB],
    ids=["disinhibition", "rest", "hnk", "trkb"],
)
def test_pathways_start_level(variants: dict[str, tuple[str, ...]]) -> None:
    assert day_one(variants, HALF) == pytest.approx(day_one(DEFAULT, HALF), rel=0.06)


def test_naltrexone_touches_only_what_is_gated() -> None:
    for variants in (UNGATED, REST, HNK, TRKB, HABENULA):
        assert day_one(variants, NALTREXONE, HALF) == pytest.approx(day_one(variants, HALF), rel=1e-3)
    assert day_one(DEFAULT, NALTREXONE, HALF) < 0.8 * day_one(DEFAULT, HALF)
    assert day_one(KAPPA_NEEDED, NALTREXONE, HALF) < 0.9 * day_one(KAPPA_NEEDED, HALF)
    assert day_one(KAPPA_OPPOSED, NALTREXONE, HALF) > day_one(KAPPA_OPPOSED, HALF)


def test_enantiomers_part_the_families() -> None:
    """Occupancy puts S above R; the metabolite pathway has nothing from S; TrkB binds both alike."""
    for variants in (DEFAULT, REST):
        assert day_one(variants, R_KETAMINE) < 0.6 * day_one(variants, S_KETAMINE)
    assert day_one(HNK, S_KETAMINE) == pytest.approx(0, abs=1e-9)
    assert day_one(HNK, R_KETAMINE) > day_one(HNK, HALF)
    assert day_one(TRKB, R_KETAMINE) == pytest.approx(day_one(TRKB, S_KETAMINE), rel=0.2)


def test_benzodiazepine_touches_only_the_surge() -> None:
    diazepam = Dose("diazepam", 20, "oral", -1)
    assert day_one(DEFAULT, diazepam, HALF) < 0.85 * day_one(DEFAULT, HALF)
    for variants in (REST, HNK, TRKB):
        assert day_one(variants, diazepam, HALF) == pytest.approx(day_one(variants, HALF), rel=1e-3)


def test_memantine_does_little_in_the_families_that_claim_to_explain_it() -> None:
    """The habenula is the exception (trapping is partial, occupancy lasts): evidence against it (GC024), not a free pass."""
    for variants in (DEFAULT, REST, HNK, TRKB):
        assert course(variants, *MEMANTINE).peak("mood_drive") < 0.35 * course(variants, HALF).peak("mood_drive")
    assert course(HABENULA, *MEMANTINE).peak("mood_drive") > 0.35 * course(HABENULA, HALF).at("mood_drive", 4)


def test_habenula_alone_cannot_give_a_week() -> None:
    """GC022: quick, but gone with the trapped block."""
    seen = course(HABENULA, HALF)
    assert seen.at("mood_drive", 1) > 0.1 and seen.at("mood_drive", 72) < 0.01


def test_expectancy_only_is_what_the_setting_gives() -> None:
    seen, full = course(EXPECTANCY, HALF), course(DEFAULT, HALF)
    assert seen.peak("mood_drive") == 0
    assert 0 > seen.at("effect", 24) > full.at("effect", 24) + 1
    assert seen.peak("cadss") == pytest.approx(full.peak("cadss"))


def test_all_pathways_at_once_compose() -> None:
    assert day_one(MIXTURE, HALF) > day_one(DEFAULT, HALF)


def test_pure_hnk_works_only_where_its_pathway_is_on() -> None:
    """HN006, HN007: no block, no dissociation, an effect if the pathway exists."""
    dose = Dose("hnk", WEIGHT, "iv", 0.0, 2 / 3)
    on, off = course(HNK, dose), course(DEFAULT, dose)
    assert on.at("mood_drive", 24) > 0.1
    assert off.peak("mood_drive") < 0.05 * on.peak("mood_drive")
    assert max(on.peak("cadss"), off.peak("cadss")) < 0.5
