"""Events, devices, ledger, preview and warnings."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import drugs
from ketasim.dose import dose, parse

IV = "ketamine iv 0.5 mg/kg over 40 min"


@pytest.mark.parametrize(
    ("amount", "held"),
    [
        ("28 mg", [28]),
        ("56 mg", [28, 28]),
        ("84 mg", [28, 28, 28]),
        ("50 mg", [28, 22]),
        ("14 mg", [14]),
        ("84.5 mg", [28, 28, 28, 0.5]),
    ],
)
def test_nasal_doses_are_devices_five_minutes_apart(amount, held):
    events = dose(f"esketamine nasal {amount}").events()
    assert [float(event.base()) for event in events] == pytest.approx(held)
    assert [event.time_h * 60 for event in events] == pytest.approx([5 * k for k in range(len(held))])
    assert [event.device for event in events] == list(range(len(held)))
    assert {event.dose_index for event in events} == {0}


def test_devices_of_mg_per_kg_differ_between_people():
    weights = np.array([50.0, 70.0, 100.0])
    events = dose("esketamine nasal 0.8 mg/kg").events(weights=weights)  # 40, 56, 80 mg
    held = np.array([event.base(weights) for event in events])
    np.testing.assert_allclose(held, [[28, 28, 28], [12, 28, 28], [0, 0, 24]], atol=1e-12)


def test_the_first_spray_of_a_new_session_is_a_first_spray():
    events = dose("esketamine nasal 56 mg").at("0 d", "3 d").events()
    assert [event.device for event in events] == [0, 1, 0, 1]


def test_a_dose_right_behind_the_last_device_continues_the_session():
    one = dose("esketamine nasal 84 mg").events()
    three = dose("esketamine nasal 28 mg").every("5 min", times=3).events()
    assert [event.device for event in three] == [event.device for event in one] == [0, 1, 2]
    assert [event.time_h for event in three] == pytest.approx([event.time_h for event in one])
    assert [event.device for event in dose("esketamine nasal 28 mg").every("2 h", times=3).events()] == [0, 0, 0]


def test_an_infusion_beside_the_main_one_runs_at_the_same_time():
    # a loading and a slow infusion: different lines may overlap, and their rates add up
    regimen = parse("ketamine iv 0.27 mg/kg over 10 min", with_="ketamine iv 0.27 mg/kg over 20 min at 5 min")
    assert [(event.main, round(event.time_h * 60), round(event.duration_h * 60)) for event in regimen.events()] == [
        (True, 0, 10),
        (False, 5, 20),
    ]


def test_order_at_equal_times_is_main_first_then_as_written():
    regimen = parse(IV, with_=["naltrexone oral 50 mg", "midazolam iv 0.02 mg/kg"])
    assert [event.drug for event in regimen.events()] == ["ketamine", "naltrexone", "midazolam"]


def test_mg_per_kg_resolves_per_person():
    weights = np.array([55.0, 70.0, 110.0])
    event = dose(IV).events()[0]
    np.testing.assert_allclose(event.base(weights), 0.5 * weights, rtol=1e-15)
    np.testing.assert_allclose(event.micromoles(weights), 500.0 * weights / drugs()["ketamine"].molar_mass, rtol=1e-14)


def test_preparations_without_a_molar_mass_count_in_their_own_unit():
    row = parse("grapefruit juice oral 300 mL once").ledger()[0]
    assert (row.asked_mg, row.unit) == (300.0, "mL")
    assert float(parse("grapefruit juice oral 300 mL once").events()[0].micromoles()) == 1.5  # glasses of 200 mL


def test_nothing_starts_after_the_end_and_the_warning_counts_it():
    regimen = parse(IV, "twice weekly x 6", "naltrexone oral 50 mg at -45 min")
    doses = regimen.doses(10 * 24.0)  # the dose on day 10 starts at the end: outside
    assert [row.time_h / 24 for row in doses if row.main] == [0, 3, 7]
    assert sum(not row.main for row in doses) == 3  # the naltrexone of a dose that is not given is not given either
    assert any("3 of 6 doses of the main drug" in str(warning) for warning in regimen.warnings(10 * 24.0))
    assert regimen.warnings(28 * 24.0) == ()


def test_a_dose_beyond_any_studied_range_runs_with_a_plain_warning():
    (warning,) = dose("ketamine iv 3 mg/kg over 40 min").warnings()
    assert warning.kind == "studied" and "beyond the studied range" in str(warning)
    assert any("duration" in str(w) for w in dose("ketamine iv 0.5 mg/kg over 200 h").warnings())
    assert any("assumed" in str(w) for w in dose("ketamine sc 0.5 mg/kg").warnings())
    assert dose(IV).warnings() == ()


def test_the_preview_shows_every_dose():
    text = parse("esketamine nasal 50 mg", "twice weekly x 3", "naltrexone oral 50 mg HCl at -45 min").preview()
    assert text.splitlines() == [
        "esketamine nasal 50 mg twice weekly x 3 with naltrexone oral 50 mg HCl at -45 min",
        "dose  day  time     t, h  drug        route  asked      mg base   umol  given as",
        "   1   -1  23:15   -0.75  naltrexone  oral   50 mg HCl    45.18  132.3  at once",
        "   2    0  00:00       0  esketamine  nasal  50 mg           50  210.3  28 + 22 mg, 5 min apart",
        "   3    2  23:15   71.25  naltrexone  oral   50 mg HCl    45.18  132.3  at once",
        "   4    3  00:00      72  esketamine  nasal  50 mg           50  210.3  28 + 22 mg, 5 min apart",
        "   5    6  23:15  167.25  naltrexone  oral   50 mg HCl    45.18  132.3  at once",
        "   6    7  00:00     168  esketamine  nasal  50 mg           50  210.3  28 + 22 mg, 5 min apart",
    ]
    assert "over 40 min" in dose(IV).preview(weight=82.5) and "41.25" in dose(IV).preview(weight=82.5)
    assert "note: " in dose("ketamine iv 3 mg/kg").preview(weight=70)
