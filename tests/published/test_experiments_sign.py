"""Virtual experiments as tests of sign: what was found when one link of the chain was cut or weakened.

Nothing here sets an output: every experiment acts through a dose and its level, a genotype, or a state of the model. The
effects on mood are stated on the drug part (`mood_drive`) where the setting also gives expectancy, and in points where a
person would see it. Records: research/mechanism.md sections 1 and 5.
"""

from __future__ import annotations

import numpy as np
import pytest
from virtual import HOURS, Course, Dose, ketamine, simulate

from ketasim.core import value

HALF = ketamine(0.5)
NALTREXONE = Dose("naltrexone", 50, "oral", -0.75)
VARIED = (
    "naltrexone_mu_affinity",
    "bdnf_availability",
    "val66met_secretion",
    "rapamycin_brain_share",
    "rapamycin_spine_protection",
    "interneuron_nmda_presence",
)


def course(*doses: Dose, changed: dict[str, float] | None = None, **options: object) -> Course:
    """One typical person; always the same parameters vary, so that each set of drugs is compiled once."""
    first = min([0.0, *(dose.at for dose in doses)])
    hours = (first, *HOURS) if first < 0 else HOURS
    parameters = {name: value(name).value for name in VARIED if _used(name, doses)} | (changed or {})
    return simulate(doses, hours, changed=parameters, **options)  # type: ignore[arg-type]


def _used(name: str, doses: tuple[Dose, ...]) -> bool:
    drugs = {dose.drug for dose in doses}
    if name.startswith("naltrexone"):
        return "naltrexone" in drugs
    return "rapamycin" in drugs if name.startswith("rapamycin") else True


@pytest.fixture(scope="module")
def alone() -> Course:
    return course(HALF)


def kept(test: Course, reference: Course, hour: float = 24.0) -> float:
    """Share of the drug part of mood that is left."""
    return test.at("mood_drive", hour) / reference.at("mood_drive", hour)


def test_no_dose_no_change() -> None:
    nothing = course()
    assert np.abs(nothing.effect).max() == pytest.approx(0, abs=1e-9)
    for name in ("mood_drive", "ideation_drive", "spines", "cadss"):
        assert nothing.peak(name) == 0
    assert (nothing.curves["glutamate"] == 1).all() and (nothing.curves["bdnf"] == 1).all()


def test_course_of_half_a_milligram(alone: Course) -> None:
    """Issue 2: at most -2 by 4 h; lowest between 18 and 48 h, -6 to -12; day 7 25-60 %; day 11 under 35 %."""
    assert alone.at("effect", 4) <= -2
    lowest = alone.effect.min()
    assert 18 <= alone.times[alone.effect.argmin()] <= 48
    assert -12 <= lowest <= -6
    assert 0.25 <= alone.at("effect", 168) / lowest <= 0.60
    assert alone.at("effect", 264) / lowest < 0.35


def test_effect_rises_with_dose(alone: Course) -> None:
    tenth, fifth, whole = (course(ketamine(dose)) for dose in (0.1, 0.2, 1.0))
    for hour in (2.0, 24.0, 72.0, 168.0):
        assert (
            0
            > tenth.at("effect", hour)
            > fifth.at("effect", hour)
            > alone.at("effect", hour)
            > whole.at("effect", hour)
        )
        assert tenth.at("mood_drive", hour) < fifth.at("mood_drive", hour) < alone.at("mood_drive", hour)


@pytest.mark.parametrize("days", [(0, 2, 4, 7, 9, 11), (0, 3, 7, 10, 14, 17)], ids=["three a week", "twice a week"])
def test_six_infusions_hold_the_effect(alone: Course, days: tuple[int, ...]) -> None:
    """A single infusion loses more than half of its largest effect by then; six never do, and end deeper than one ever reaches."""
    starts = [24.0 * day for day in days]
    last = starts[-1]
    hours = sorted({*np.arange(0, last + 25, 6.0), *(s + h for s in starts for h in (0.5, 2 / 3, 0.75, 1, 2, 4))})
    six = simulate([ketamine(0.5, at=start) for start in starts], hours)
    one = simulate([HALF], hours)
    held = (six.times >= 24) & (six.times <= last + 24)
    assert six.effect[held].max() < 0.5 * one.effect.min()
    assert six.at("effect", last + 24) < one.effect.min()
    assert one.at("effect", last + 24) > 0.5 * one.effect.min()


def test_ssri_alone_is_slow() -> None:
    """Half of the six-week effect after more than ten days (issue 2), nothing in the first."""
    days = np.arange(0, 43)
    ssri = simulate([Dose("ssri", 10, "oral", 24.0 * day) for day in days[:-1]], 24.0 * days, sessions=[0.0])
    half = ssri.effect[-1] / 2
    assert ssri.effect[-1] < -1
    assert days[np.argmax(ssri.effect < half)] > 10
    assert ssri.effect[1] > -0.2


def test_ampa_block_abolishes(alone: Course) -> None:
    """IN006, PL011: without AMPA receptors while the surge lasts, next to nothing is left; the surge itself is untouched."""
    blocked = course(Dose("nbqx", 1400, "iv", -0.25, 8.0), HALF)
    assert kept(blocked, alone, 4) < 0.05 and kept(blocked, alone) < 0.05
    assert blocked.peak("glutamate_surge") == pytest.approx(alone.peak("glutamate_surge"), rel=1e-4)


def test_bdnf_knock_out_abolishes(alone: Course) -> None:
    """PL010, PL012: no BDNF, no effect at 24 h."""
    gone, antibody = (course(HALF, changed={"bdnf_availability": left}) for left in (0.0, 0.1))
    assert kept(gone, alone) == pytest.approx(0, abs=1e-9)
    assert kept(antibody, alone) < 0.2


def test_met_alleles_weaken(alone: Course) -> None:
    """PL017-PL019: val/val > val/met > met/met, from the first hours on."""
    carrier, met = (
        course(HALF, changed={"val66met_secretion": value(f"val66met_secretion_{name}").value})
        for name in ("val_met", "met_met")
    )
    for hour in (4.0, 24.0, 168.0):
        assert met.at("effect", hour) > carrier.at("effect", hour) > alone.at("effect", hour)
    assert kept(met, alone) < 0.75


def test_spine_ablation_costs_the_late_effect_only(alone: Course) -> None:
    """PL020-PL025: spines ablated at 24 h; the first 24 h are unchanged, 48 h and later are weaker."""
    ablated = course(HALF, removed=[(24.0, "spines_new"), (24.0, "spines_consolidated")])
    before = alone.times <= 24
    assert ablated.effect[before] == pytest.approx(alone.effect[before], abs=1e-6)
    for hour in (48.0, 72.0, 168.0):
        assert kept(ablated, alone, hour) < 0.7
        assert ablated.at("effect", hour) > alone.at("effect", hour) + 0.5


def test_behaviour_has_two_fifths_of_a_day_after_four_hours(alone: Course) -> None:
    assert alone.at("mood_drive", 4) > 0.4 * alone.at("mood_drive", 24)


def test_behaviour_comes_before_spines(alone: Course) -> None:
    """PL020-PL022: an effect at 3-6 h while spines have hardly moved; most spines appear between 6 and 24 h."""
    assert alone.at("mood_drive", 4) / alone.at("mood_drive", 24) > 3 * alone.at("spines", 4) / alone.at("spines", 24)
    assert alone.at("spines", 4) < 0.1 * alone.at("spines", 24)
    assert alone.at("spines", 24) - alone.at("spines", 12) > 3 * (alone.at("spines", 6) - alone.at("spines", 3))


def test_naltrexone_lowers_mood_and_glutamate_not_dissociation(alone: Course) -> None:
    """IN001, GC007, GC008 and the human zero on dissociation; through its level and mu receptors only."""
    held = course(NALTREXONE, HALF)
    assert held.at("mu_antagonist_occupancy", 2) > 0.85
    assert kept(held, alone) < 0.8
    assert held.at("effect", 24) > alone.at("effect", 24) + 1
    assert held.peak("glutamate") - 1 < 0.8 * (alone.peak("glutamate") - 1)
    assert held.peak("cadss") == pytest.approx(alone.peak("cadss"), rel=1e-3)


def test_naltrexone_share_of_the_open_fall() -> None:
    """GC009: 28 % of the open fall at day 1 (press estimate); the prototype's standard error was 12."""
    without, with_it = simulate([HALF], where="open"), simulate([NALTREXONE, HALF], (-0.75, *HOURS), where="open")
    assert 100 * (1 - with_it.at("change", 24) / without.at("change", 24)) == pytest.approx(28, abs=2 * 12)


def test_naltrexone_acts_through_its_affinity(alone: Course) -> None:
    """A thousand times weaker binding and nothing is left of it."""
    weak = course(NALTREXONE, HALF, changed={"naltrexone_mu_affinity": 1000 * value("naltrexone_mu_affinity").value})
    assert weak.effect[1:] == pytest.approx(alone.effect, abs=0.05)
    assert weak.peak("glutamate") == pytest.approx(alone.peak("glutamate"), rel=0.01)


def test_buprenorphine_lowers_it_less_than_naltrexone(alone: Course) -> None:
    """A model assumption (IN022: no controlled data): a partial agonist keeps part of the tone that it displaces."""
    naltrexone = course(NALTREXONE, HALF)
    low, high = (course(Dose("buprenorphine", mg, "sublingual", -2), HALF) for mg in (2, 16))
    assert 1 > kept(low, alone) > kept(high, alone) > kept(naltrexone, alone) + 0.1


def test_morphine_alone_does_nothing() -> None:
    """IN005: an opioid is not enough; the gate opens no wider than open."""
    assert course(Dose("morphine", 10, "iv", 0, 0.1)).peak("mood_drive") == pytest.approx(0, abs=1e-9)


def test_rapamycin_in_man_prolongs(alone: Course) -> None:
    """IN007: 6 mg two hours before: no block at 24 h, more left later."""
    with_it = course(Dose("rapamycin", 6, "oral", -2), HALF)
    assert kept(with_it, alone) > 0.9
    for hour in (168.0, 264.0, 336.0):
        assert kept(with_it, alone, hour) > 1.05
        assert with_it.at("effect", hour) < alone.at("effect", hour)


def test_rapamycin_in_the_rat_brain_blocks_spines(alone: Course) -> None:
    """PL001: in the ventricle all of it reaches the synthesis; the fast effect stays, the sustained one goes."""
    local = {"rapamycin_brain_share": 1.0, "rapamycin_spine_protection": 0.0}
    blocked = course(Dose("rapamycin", 60, "oral", -2), HALF, changed=local)
    assert blocked.at("spines", 24) < 0.2 * alone.at("spines", 24)
    assert kept(blocked, alone, 4) > 0.9
    assert kept(blocked, alone, 72) < 0.5


@pytest.fixture(scope="module")
def memantine() -> Course:
    """20 mg a day by mouth for three weeks."""
    hours = tuple(np.arange(0, 22 * 24.0, 12.0))
    return simulate([Dose("memantine", 20, "oral", 24.0 * day) for day in range(21)], hours, sessions=[0.0])


def test_memantine_does_little(alone: Course, memantine: Course) -> None:
    """IN012, PL040, GC024: 20 mg a day occupies for weeks (as much as 0.1 mg/kg of ketamine or more) and lifts mood hardly."""
    assert memantine.peak("nmda_occupancy") > 0.25
    assert memantine.peak("mood_drive") < 0.35 * alone.peak("mood_drive")
    assert memantine.peak("glutamate_surge") < 0.1 * alone.peak("glutamate_surge")


@pytest.mark.xfail(
    strict=True, reason="24 % of the largest effect of an infusion where a fifth is asked (docs/decisions/evidence.md)"
)
def test_memantine_lifts_mood_by_less_than_a_fifth_of_an_infusion(alone: Course, memantine: Course) -> None:
    assert memantine.effect.min() > 0.2 * alone.effect.min()


def test_lanicemine_does_less_than_ketamine_at_equal_occupancy(alone: Course) -> None:
    """Low trapping: at the same peak of bound channel it drives less (its size is an assumption, see the value's note)."""
    ki, load = value("lanicemine_nmda_affinity").value, alone.peak("nmda_occupancy")
    level = ki * load / (1 - load)
    low_trapping = simulate([], extra_parts=("lanicemine",), imposed=[("lanicemine_level", 0.0, 1.0, level)])
    assert low_trapping.peak("nmda_occupancy") == pytest.approx(load, rel=1e-6)
    assert low_trapping.peak("nmda_block_interneuron") < 0.5 * load
    assert 0 < kept(low_trapping, alone) < 0.5


def test_benzodiazepine_weakens(alone: Course) -> None:
    """IN008, IN009: attenuation grows with the dose; about 8 mg diazepam equivalents is where it begins to be seen."""
    five, ten, thirty = (course(Dose("diazepam", mg, "oral", -1), HALF) for mg in (5, 10, 30))
    assert 1 > kept(five, alone) > kept(ten, alone) > kept(thirty, alone)
    assert kept(thirty, alone) < 0.75
    assert thirty.at("effect", 24) > alone.at("effect", 24) + 1


def test_knock_down_on_interneurons_blocks(alone: Course) -> None:
    """GC033: GluN2B on interneurons is the trigger of the default chain."""
    assert course(HALF, changed={"interneuron_nmda_presence": 0.0}).peak("mood_drive") == pytest.approx(0, abs=1e-9)


def test_slice_ten_micromolar_suppresses_what_one_raises() -> None:
    """GC030, GC031: a constant bath of racemate; 1 uM disinhibits, 10 uM suppresses."""
    surge, glutamate = {}, {}
    for level in (0.1, 1.0, 10.0, 30.0):
        bath = [(f"{side}_bath_level", 0.0, 3.0, level / 2) for side in ("s", "r")]
        run = simulate([], (0.0, 0.5, 1.0, 2.0), imposed=bath, variants={"receptors": ("bath", "competition")})
        surge[level], glutamate[level] = run.at("glutamate_surge", 2.0), run.at("glutamate", 2.0)
    assert surge[1.0] > surge[0.1] > 0
    assert surge[1.0] > 0.5 and surge[10.0] < 0.05 * surge[1.0] and surge[30.0] < 0.05 * surge[1.0]
    assert glutamate[1.0] > 1 > glutamate[10.0]


@pytest.mark.parametrize(("mg_per_kg", "hours"), [(2.0, 1 / 60), (3.0, 1 / 60), (4.5, 2 / 3), (6.0, 2.0)])
def test_anaesthetic_dose_gives_no_late_rebound(alone: Course, mg_per_kg: float, hours: float) -> None:
    """GC001-GC003: while the level falls back through the window, the surge stays away."""
    deep = course(ketamine(mg_per_kg, hours=hours))
    later = deep.times > hours + 0.75
    assert deep.curves["glutamate_surge"][later].max() < 0.25 * alone.peak("glutamate_surge")
    assert kept(deep, alone) < 0.65


DEEP = [
    (2.0, 1 / 60),
    (3.0, 1 / 60),
    (4.5, 2 / 3),
    (6.0, 2.0),
]


@pytest.mark.parametrize(("mg_per_kg", "hours"), DEEP)
def test_mood_does_not_fall_again_after_an_anaesthetic_dose(mg_per_kg: float, hours: float) -> None:
    """GC001-GC003: nor does mood fall again while the level passes through the window."""
    deep = course(ketamine(mg_per_kg, hours=hours))
    early = deep.effect[deep.times <= 4].min()
    assert deep.effect[deep.times > 4].min() > early - 0.1
