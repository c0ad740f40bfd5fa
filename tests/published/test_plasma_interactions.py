"""Enzyme-changing drugs: one constant each, acting on named enzymes; the size of the change is a result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ketasim.core import drug, values
from ketasim.engine import compile_model
from ketasim.evidence.kinetics.plasma_arms import Bench, arm, composition, statistic
from ketasim.forward import Given, schedule
from ketasim.stages.plasma.stage import PERPETRATORS, administrations

P = {key: item.value for key, item in values("plasma").items()}
CONSTANTS = {
    "oral_clarithromycin": "clarithromycin_inactivation",
    "oral_grapefruit": "grapefruit_juice_inactivation",
    "oral_itraconazole": "itraconazole_inhibition",
    "oral_ticlopidine": "ticlopidine_inactivation",
    "oral_st_johns_wort": "st_johns_wort_induction",
    "iv_2h_rifampicin": "rifampicin_induction",
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_without_its_constant_a_drug_does_nothing_and_more_of_it_does_more(name: str) -> None:
    bench = Bench((CONSTANTS[name],))
    reference = "iv_2h" if name.startswith("iv") else "oral"
    control = statistic("auc", Bench().curves(arm(reference)), "ketamine")[0]
    full = P[CONSTANTS[name]]
    areas = (
        statistic("auc", bench.curves(arm(name), np.array([[0.0], [full / 4], [full], [4 * full]])), "ketamine")
        / control
    )
    assert areas[0] == pytest.approx(1.0, abs=5e-4)  # the trapezoid grids differ by the times of the other drug
    steps = np.diff(areas)
    assert (steps < 0).all() if "induction" in CONSTANTS[name] else (steps > 0).all()


def test_each_drug_has_one_constant_and_no_exposure_ratio_is_stored() -> None:
    for name in PERPETRATORS:
        own = [key for key in P if key.startswith(name + "_")]
        assert len(own) == 4, own  # loss rate, the two that define level 1, and the one constant
    assert not [key for key in P if "auc" in key or "exposure" in key or key.endswith("_fold")]


def activities(events: list[Given], until: float, times: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    parts = tuple(sorted({part for event in events for part in event.administration.parts}))
    made = composition(parts)
    model = compile_model(made.antimony, outputs=names, inputs=made.inputs)
    plan = schedule(events, {}, made.inputs, 0.0, until)
    return model.simulate(np.zeros((1, 0)), [plan], [0], times, rtol=1e-9, atol=1e-12).values[0]


def course(name: str, amount: float, unit: str, every: float, count: int) -> list[Given]:
    umol = drug(name).micromoles(amount, unit)
    (part,) = drug(name).parts
    return [Given(i * every, umol, administrations(part, "oral")) for i in range(count)]


def test_the_standard_course_has_level_one_on_average() -> None:
    for name, amount, unit, every in (
        ("clarithromycin", 500, "mg", 12),
        ("itraconazole", 200, "mg", 24),
        ("rifampicin", 600, "mg", 24),
        ("grapefruit juice", 200, "mL", 8),
        ("st john's wort", 300, "mg", 8),
        ("ticlopidine", 250, "mg", 12),
    ):
        (part,) = drug(name).parts
        periods = 400 if name == "ticlopidine" else 60
        times = np.linspace((periods - 2) * every, (periods - 1) * every, 4001)[1:]
        level = activities(course(name, amount, unit, every, periods), periods * every, times, (f"{part}_level",))[:, 0]
        assert level.mean() == pytest.approx(1.0, rel=2e-3), name


def test_enzymes_recover_with_their_turnover() -> None:
    """After the inactivator is gone: 1 - E falls with exp(-turnover t)."""
    times = np.array([150.0, 200.0, 250.0])
    found = activities(
        course("clarithromycin", 500, "mg", 12, 4), 251.0, times, ("cyp3a4_gut", "cyp3a4_liver", "cyp2b6_liver")
    )
    for column, name in ((0, "cyp3a4_gut_turnover"), (1, "cyp3a4_liver_turnover")):
        missing = 1.0 - found[:, column]
        assert (missing > 0).all()
        assert np.log(missing[0] / missing[2]) / 100.0 == pytest.approx(P[name], rel=1e-3)
    assert found[:, 2] == pytest.approx(1.0, abs=1e-12)  # CYP2B6 is not touched


def test_juice_acts_in_the_gut_wall_only() -> None:
    found = activities(
        course("grapefruit juice", 200, "mL", 8, 15), 121.0, np.array([112.0]), ("cyp3a4_gut", "cyp3a4_liver")
    )[0]
    assert found[0] < 0.4 and found[1] == pytest.approx(1.0, abs=1e-12)


def test_oral_suffers_more_than_intravenous_from_any_inhibitor() -> None:
    """A gut wall is passed by one of the two only, and CL of a half-extracted drug answers less than its CLint."""
    bench = Bench()
    oral = [statistic("auc", bench.curves(arm(name)), "ketamine")[0] for name in ("oral", "oral_clarithromycin")]
    one = arm("oral_clarithromycin")
    venous = [event for event in one.events if "s_ketamine" not in event.administration.parts]
    dose = Given(0.0, one.given, administrations("s_ketamine", "iv", 0.5))
    with_drug = statistic("auc", bench.curves(replace(one, events=(*venous, dose))), "ketamine")[0]
    alone = statistic("auc", bench.curves(replace(one, events=(dose,))), "ketamine")[0]
    assert 1.02 < with_drug / alone < 1.5 < oral[1] / oral[0]
