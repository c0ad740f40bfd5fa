"""Every micromole given is somewhere at every time: all routes, all metabolites, several doses at once, random people."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import drug, values
from ketasim.engine import compile_model
from ketasim.evidence.kinetics.plasma_arms import composition
from ketasim.forward import Given, schedule
from ketasim.stages.plasma.stage import administrations

TIMES = np.unique(np.concatenate([np.linspace(0, 4, 81), np.linspace(4, 48, 45), [0.53, 0.32, 0.2183, 0.4983, 1.53]]))
VARIED = (
    "central_volume",
    "metabolic_capacity",
    "gut_clearance_ratio",
    "nasal_fraction",
    "nasal_absorption",
    "mucosal_fraction",
    "oral_absorption",
    "norketamine_clearance",
    "hnk_fraction",
    "dhnk_fraction",
    "hnk_volume",
    "intramuscular_fraction",
)


def doses(route: str) -> list[Given]:
    """A racemic dose by one route at 0 h and another at 1 h, after a week of an inhibitor and an inducer."""
    events = []
    for when, milligrams, device in ((0.0, 28.0, 0), (1.0, 56.0, 1)):
        for part, amount in drug("ketamine").part_amounts(milligrams).items():
            over = 0.6667 if route == "iv" else 0.0
            events.append(Given(when, amount, administrations(part, route, over, device)))
    for name in ("rifampicin", "ticlopidine"):
        for day in range(3):
            events.append(Given(-24.0 * day, drug(name).micromoles(300.0), administrations(name, "oral")))
    return events


def given(events: list[Given], parts: tuple[str, ...], at: float, numbers: dict[str, np.ndarray]) -> np.ndarray:
    """Amount that has entered by `at` (just before a jump at that time), per person."""
    people = len(next(iter(numbers.values())))
    total = np.zeros(people)
    for event in events:
        if not set(event.administration.parts) & set(parts):
            continue
        for window in event.administration.windows:
            share = (at - event.time_h - window.start) / window.duration
            total += np.clip(share, 0.0, 1.0) * np.asarray(window.share(numbers)) * event.amount
        for item in event.administration.deposits:
            total += (event.time_h + item.at < at - 1e-12) * np.asarray(item.share(numbers)) * event.amount
    return total


@pytest.mark.parametrize("route", ["iv", "nasal", "oral", "sublingual", "film", "im", "sc"])
def test_all_that_was_given_is_somewhere(route: str) -> None:
    events = doses(route)
    parts = tuple(sorted({part for event in events for part in event.administration.parts}))
    made = composition(parts)
    table = values("plasma")
    random = np.random.default_rng(7)
    people = 6
    numbers = {key: np.full(people, item.value) for key, item in table.items()}
    for name in VARIED:
        spread = np.exp(0.4 * random.standard_normal(people))
        drawn = table[name].value * spread
        numbers[name] = (
            np.minimum(drawn, 0.8) if table[name].unit == "dimensionless" and table[name].value < 1 else drawn
        )
    numbers["hnk_fraction"] = np.minimum(numbers["hnk_fraction"], 0.95 - numbers["dhnk_fraction"])
    names = [name for name in VARIED if name in made.parameters]
    states = [state for state in made.states if made.units[state] == "umol"]
    model = compile_model(made.antimony, parameters=names, outputs=states, inputs=made.inputs)
    start = min(0.0, *(event.time_h for event in events))
    plan = schedule(events, numbers, made.inputs, start, 48.0)
    result = model.simulate(
        np.column_stack([numbers[name] for name in names]),
        [plan],
        np.zeros(people, dtype=int),
        TIMES,
        rtol=1e-8,
        atol=1e-9,
    )
    assert not result.status.any()
    for prefix, owners in (
        ("s_", ("s_ketamine",)),
        ("r_", ("r_ketamine",)),
        ("rifampicin_", ("rifampicin",)),
        ("ticlopidine_", ("ticlopidine",)),
    ):
        columns = [i for i, state in enumerate(states) if state.startswith(prefix)]
        found = result.values[:, :, columns].sum(axis=2)
        expected = np.column_stack([given(events, owners, at, numbers) for at in TIMES])
        whole = given(events, owners, 49.0, numbers)[:, None]
        assert np.max(np.abs(found - expected) / whole) < 1e-6, (route, prefix)
        assert result.values[:, :, columns].min() > -1e-6 * whole.max(), "no amount is negative"
    for metabolite in (
        "s_norketamine_central",
        "r_hnk_central",
        "s_dhnk_central",
        "r_eliminated_hnk",
        "s_other_norketamine",
    ):
        assert result.values[:, -1, states.index(metabolite)].min() > 0.0, metabolite


@pytest.mark.parametrize("route", ["iv", "nasal", "oral", "sublingual", "film", "im", "sc"])
@pytest.mark.parametrize("part", ["s_ketamine", "r_ketamine"])
def test_the_shares_of_a_dose_add_up_to_one(part: str, route: str) -> None:
    numbers = {key: item.value for key, item in values("plasma").items()}
    for device in (0, 1, 2):
        duration = 0.5 if route in ("iv", "sc") else 0.0  # the others are given at once
        assert administrations(part, route, duration, device).total(numbers) == pytest.approx(1.0, abs=1e-15)
