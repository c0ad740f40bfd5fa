"""People: same seed, same people; adding people changes nobody; the typical person has no random effect."""

import numpy as np
import pytest

from ketasim.core import Spread, UsageError, Value, values
from ketasim.people import TYPICAL, Traits, chain_parameters, draw_people, spread_values, typical

BASE = dict(stage="plasma", unit="L", source="X", place="x", basis="measured", grade="A")
PLASMA = dict(values("plasma"))


def number(value: float, between: Spread | None, **extra: object) -> Value:
    return Value(key="volume", value=value, between=between, **BASE, **extra)  # type: ignore[arg-type]


def test_typical_person_is_the_convention() -> None:
    person = typical()
    assert (person.weight[0], person.age[0], person.madrs[0]) == (70.0, 45.0, 33.0)
    assert person.effect("anything")[0] == 0.0


def test_same_seed_same_people_and_more_people_change_nobody() -> None:
    few, many = draw_people(5, seed=3), draw_people(50, seed=3)
    for trait in ("weight", "age", "madrs", "women"):
        assert np.array_equal(getattr(few, trait), getattr(many, trait)[:5])
    a = chain_parameters(few, PLASMA, {})
    b = chain_parameters(many, PLASMA, {})
    assert a.keys() == b.keys()
    assert all(np.array_equal(a[key], b[key][:5]) for key in a)


def test_another_seed_gives_other_people() -> None:
    assert not np.array_equal(draw_people(5, seed=3).weight, draw_people(5, seed=4).weight)


def test_typical_comes_first_and_leaves_the_others_alone() -> None:
    both = draw_people(4, seed=2, with_typical=True)
    assert both.person[0] == TYPICAL and both.weight[0] == 70.0
    assert np.array_equal(both.weight[1:], draw_people(4, seed=2).weight)
    parameters = chain_parameters(both, PLASMA, {})
    assert all(array[0] == pytest.approx(PLASMA[key].value, rel=1e-12) for key, array in parameters.items())


def test_population_has_the_published_age_weight_and_sex() -> None:
    people = draw_people(20_000, seed=11)
    assert people.age.mean() == pytest.approx(46.3, abs=0.4)
    assert people.age.std() == pytest.approx(11.1, abs=0.4)
    assert people.women.mean() == pytest.approx(0.663, abs=0.015)
    assert np.median(people.weight) == pytest.approx(81.4, abs=0.8)
    assert people.madrs.std() == pytest.approx(5.2, abs=0.2)


@pytest.mark.parametrize(
    ("spread", "value", "median", "upper"),
    [
        (Spread("lognormal", 0.3), 10.0, 10.0, 10.0 * np.exp(0.3)),
        (Spread("normal", 2.0), 10.0, 10.0, 12.0),
        (Spread("logitnormal", 1.0), 0.5, 0.5, 1 / (1 + np.exp(-1))),
    ],
)
def test_spread_in_closed_form(spread: Spread, value: float, median: float, upper: float) -> None:
    assert spread_values(number(value, spread), np.array([0.0, 1.0])) == pytest.approx([median, upper])


def test_loguniform_runs_between_its_ends_and_zero_is_the_value() -> None:
    v = number(0.7, Spread("loguniform", low=0.2, high=1.0))
    drawn = spread_values(v, np.array([-9.0, 0.0, 9.0]))
    assert drawn == pytest.approx([0.2, 0.7, 1.0], rel=1e-6)


def test_bounds_hold_the_tails() -> None:
    v = number(1.0, Spread("normal", 1.0), bounds=(0.0, 2.0))
    assert spread_values(v, np.array([-5.0, 5.0])).tolist() == [0.0, 2.0]


def test_enantiomers_share_their_random_effect() -> None:
    people = draw_people(10, seed=1)
    assert np.array_equal(people.effect("s_enantiomer_clearance"), people.effect("r_enantiomer_clearance"))
    assert not np.array_equal(people.effect("central_volume"), people.effect("shallow_volume"))


def test_old_age_slows_the_liver_as_published() -> None:
    old = typical(Traits(age=75))
    flow = chain_parameters(old, PLASMA, {})["hepatic_flow"][0]
    assert flow == pytest.approx(PLASMA["hepatic_flow"].value - 2.19 * 15)
    young = chain_parameters(typical(Traits(age=50)), PLASMA, {})
    assert young["hepatic_flow"][0] == PLASMA["hepatic_flow"].value


def test_clearance_and_volume_grow_with_weight_and_no_effect_is_an_option() -> None:
    heavy = typical(Traits(weight=140))
    scaled = chain_parameters(heavy, PLASMA, {})
    assert scaled["central_volume"][0] == pytest.approx(2.0 * PLASMA["central_volume"].value)
    assert scaled["rapid_volume"][0] == pytest.approx(2.0 * PLASMA["rapid_volume"].value)
    assert scaled["hepatic_flow"][0] == pytest.approx(2.0**0.75 * PLASMA["hepatic_flow"].value)
    none = chain_parameters(heavy, PLASMA, {"clearance_weight_exponent": 0.0, "volume_weight_exponent": 0.0})
    assert none["central_volume"][0] == PLASMA["central_volume"].value
    same = chain_parameters(typical(Traits(weight=70)), PLASMA, {})
    assert same["central_volume"][0] == PLASMA["central_volume"].value


def test_ethnicity_acts_only_when_asked_for() -> None:
    plain = chain_parameters(typical(), PLASMA, {})
    japanese = chain_parameters(typical(Traits(ethnicity="japanese")), PLASMA, {})
    assert "other_clearance" not in plain
    assert japanese["other_clearance"][0] == pytest.approx(0.36 * PLASMA["other_clearance"].value)
    assert japanese["nasal_fraction"][0] == pytest.approx(1.34 * PLASMA["nasal_fraction"].value)


def test_an_override_moves_the_middle_and_keeps_the_spread() -> None:
    people = draw_people(6, seed=5)
    plain = chain_parameters(people, PLASMA, {})["central_volume"]
    moved = chain_parameters(people, PLASMA, {"central_volume": 2 * PLASMA["central_volume"].value})["central_volume"]
    assert moved == pytest.approx(2 * plain)


@pytest.mark.parametrize(
    ("traits", "parts"),
    [
        ({"weight": 0.0}, ("weight 0", "30 to 250 kg", "--weight 70")),
        ({"weight": -70.0}, ("weight -70", "30 to 250 kg")),
        ({"age": 12.0}, ("age 12", "18 to 100 years")),
        ({"baseline": 80.0}, ("baseline 80", "1 to 59 points")),
        ({"sex": "wman"}, ("unknown sex", "woman")),
        ({"genotype": "met"}, ("unknown genotype", "met/met")),
        ({"ethnicity": "japan"}, ("unknown ethnicity", "japanese")),
    ],
)
def test_absurd_traits_teach(traits: dict, parts: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        Traits(**traits)
    assert all(part in str(caught.value) for part in parts)


@pytest.mark.parametrize(("count", "seed"), [(-1, 1), (10**7, 1), (5, -1)])
def test_absurd_cohorts_teach(count: int, seed: int) -> None:
    with pytest.raises(UsageError, match=r"--people|--seed"):
        draw_people(count, seed)
