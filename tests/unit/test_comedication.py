"""Co-medication in plasma: published levels, mass balance, closed forms, receptor occupancy through the level."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.linalg import expm

from ketasim.chain.compose import compose
from ketasim.core import UsageError, all_values, drug, drugs, knowledge_path, read_drug, read_toml, value
from ketasim.core import values as values_of
from ketasim.core.compounds import compound_example, compound_fields
from ketasim.engine import compile_model
from ketasim.evidence.kinetics.fit_naltrexone import naltrexone_fit
from ketasim.forward import Given, schedule
from ketasim.stages.plasma import comedication
from ketasim.stages.plasma.stage import STAGE, administrations


def numbers(extra=()):
    return {v.key: np.array([v.value]) for v in (*all_values(), *extra)}


def simulate(doses, outputs, times, whole_chain=False, values=None, compound=None):
    """Courses (T, outputs) of doses (drug, route, mg, at, over, salt) in the typical person; outputs None = all states."""
    events = []
    for name, route, mg, at, over, salt in doses:
        entry = compound or drug(name)
        for part, umol in entry.part_amounts(mg, salt=salt).items():
            events.append(Given(at, umol, administrations(part, route, over, amount=umol)))
    parts = tuple(sorted({part for event in events for part in event.administration.parts}))
    made = compose(parts, values=values, stages=None if whole_chain else [STAGE])
    outputs = made.states if outputs is None else outputs
    plan = schedule(events, numbers((values or {}).values()), made.inputs, 0.0, float(max(times)))
    model = compile_model(made.antimony, outputs=outputs, inputs=made.inputs)
    result = model.simulate(
        np.zeros((1, 0)), [plan], np.zeros(1, dtype=int), np.asarray(times, dtype=float), rtol=1e-9, atol=1e-13
    )
    assert result.status[0] == 0
    return result.values[0]


def mass(name):
    return drug(name).molar_mass


ORAL = ("naltrexone", "diazepam", "lorazepam", "lamotrigine", "memantine", "rapamycin", "morphine", "ssri", "hnk")
VEIN = ("midazolam", "morphine", "nbqx", "buprenorphine", "hnk")


@pytest.mark.parametrize(
    ("name", "route"), [*((n, "oral") for n in ORAL), *((n, "iv") for n in VEIN), ("buprenorphine", "sublingual")]
)
def test_every_micromole_is_somewhere(name, route):
    over = 0.5 if route == "iv" else 0.0
    given = sum(drug(name).part_amounts(7.0).values())
    states = simulate([(name, route, 7.0, 0.0, over, False)], None, [0.0, 0.6, 1.0, 5.0, 30.0, 200.0])
    assert np.abs(states[1:].sum(axis=1) / given - 1).max() < 1e-6
    assert states.min() > -1e-9 * given


@pytest.mark.parametrize("entry", drugs().values(), ids=lambda d: d.name)
def test_every_dose_of_the_catalogue_can_be_routed(entry):
    for route in entry.routes:
        for part in entry.parts:
            what = administrations(part, route, duration=0.5 if route == "iv" else 0.0, amount=10.0)
            assert what.total(numbers()) == pytest.approx(1.0)
            compose(what.parts, stages=[STAGE])


# Published levels of naltrexone, 50 mg of the hydrochloride: what the fit was given, and how near it comes.
NALTREXONE = {
    "naltrexone_cmax": 0.10,
    "naltrexone_tmax": 0.25,  # known misfit: an early peak and 5 % available pull against one hour
    "naltrexone_half_life": 0.05,
    "naltrexol_cmax": 0.10,
    "naltrexol_tmax": 0.10,
    "naltrexol_half_life": 0.05,
}


@cache
def naltrexone_predictions():
    fit = naltrexone_fit()
    return fit.predicted(fit.stored)


@pytest.mark.parametrize(("name", "within"), NALTREXONE.items())
def test_published_naltrexone_levels(name, within):
    observed = naltrexone_fit().settings["targets"][name]["value"]
    assert naltrexone_predictions()[name] == pytest.approx(observed, rel=within)


def test_stored_naltrexone_values_are_the_optimum_of_their_fit():
    fit = naltrexone_fit()
    best, _ = fit.optimum()
    assert np.abs(fit.stored / np.array([best[name] for name in fit.names]) - 1).max() < 0.01


def test_naltrexone_clearances_are_the_measured_ones():
    """Systemic clearance from the model's own area: CL = F D / AUC (94 L/h, PK-NTX-09)."""
    times = np.unique([*np.arange(0, 8, 0.01), *np.arange(8, 90, 0.1), 90.0])
    levels = simulate([("naltrexone", "oral", 50, 0, 0, True)], ("naltrexone", "urine_naltrexone"), times)
    dose = sum(drug("naltrexone").part_amounts(50, salt=True).values())
    area = np.trapezoid(levels[:, 0], times)
    assert value("naltrexone_availability").value * dose / area == pytest.approx(94.0, rel=0.005)
    assert levels[-1, 1] / area == pytest.approx(127 * 0.06, rel=0.005)


def test_naltrexone_holds_mu_receptors_for_days():
    """RP040: 94.9 (SD 4.9) % of mu on 50 mg a day; RP042: 92 and 98 % within 8 h; PK-NTX-14: 70-80 % left after 48 h."""
    times = [4.0, 8.0, 48.0, 96.0]
    single = simulate(
        [("naltrexone", "oral", 50, 0, 0, True)], ("mu_antagonist_occupancy", "delta_antagonist_occupancy"), times, True
    )
    assert 0.90 < single[0, 0] < 0.99
    assert 0.65 < single[2, 0] < 0.85
    half_life = 48.0 * np.log(2) / np.log(single[2, 0] / single[3, 0])
    assert 60 < half_life < 115
    daily = simulate(
        [("naltrexone", "oral", 50, 24.0 * day, 0, True) for day in range(8)],
        ("mu_antagonist_occupancy",),
        [172.0],
        True,
    )
    assert abs(daily[0, 0] - 0.949) < 0.049
    assert single[0, 1] < 0.5


# Midazolam into a vein, PK-MDZ-01..03
def test_midazolam_clearance_and_half_life():
    times = np.arange(0, 30.01, 0.01)
    level = simulate([("midazolam", "iv", 7.0, 0, 1 / 60, False)], ("midazolam",), times)[:, 0] * mass("midazolam")
    clearance = 7000.0 / np.trapezoid(level, times)
    assert clearance == pytest.approx(4.4 * 60 / 1000 * 70, rel=0.02)
    assert clearance == pytest.approx(283 * 60 / 1000, rel=0.15)  # PK-MDZ-05, the other study
    half_life = np.log(2) * 4 / np.log(level[200] / level[600])
    assert half_life == pytest.approx(2.9, rel=0.02)


def bjornsson(dose, times):
    """Table 3 of Bjornsson 2023 in mg and L, by matrix exponentials: an independent calculation, ng/mL."""
    cl, vc, q2, v2, q3, v3 = 52.1, 64.3, 186.0, 130.0, 60.3, 1580.0
    reaching = 0.14 * (dose / 16) ** -0.371 * dose
    rates = np.zeros((6, 6))  # quick, slow, central, two peripheral, and the zero-order source
    rates[0, 0], rates[2, 0], rates[1, 1], rates[2, 1] = -1.72, 1.72, -0.0875, 0.0875
    rates[2, 2:5] = -(cl + q2 + q3) / vc, q2 / v2, q3 / v3
    rates[3, 2], rates[3, 3], rates[4, 2], rates[4, 4] = q2 / vc, -q2 / v2, q3 / vc, -q3 / v3
    found = []
    for time in times:
        state = np.array([0, reaching * (1 - 0.759), 0, 0, 0, reaching * 0.759 / 0.419])
        now = 0.0
        for edge, on in ((0.171, 0.0), (0.171 + 0.419, 1.0), (1e9, 0.0)):
            stop = min(time, edge)
            rates[0, 5] = on
            state = expm(rates * max(0.0, stop - now)) @ state
            now = max(now, stop)
        found.append(1000 * state[2] / vc)
    return np.array(found)


@pytest.mark.parametrize("dose", [2.0, 16.0, 32.0])
def test_buprenorphine_is_the_published_model(dose):
    times = np.array([0.1, 0.3, 0.59, 1.0, 2.0, 4.0, 12.0, 24.0, 72.0])
    level = simulate([("buprenorphine", "sublingual", dose, 0, 0, False)], ("buprenorphine",), times)[:, 0] * mass(
        "buprenorphine"
    )
    assert level == pytest.approx(bjornsson(dose, times), rel=1e-5)


def test_buprenorphine_against_levels_beside_the_scans():
    """RP045 notes peaks of 0.5-1, 5-6 and 13-14 ng/mL on 2, 16 and 32 mg a day.

    Known misfit: the published model has the available share fall with the dose, so 2 mg is twice too high and 32 mg
    a fifth too low; 16 mg agrees.
    """
    times = 168.0 + np.arange(0, 6, 0.1)
    peaks = {}
    for dose in (2, 16, 32):
        course = [("buprenorphine", "sublingual", dose, 24.0 * day, 0, False) for day in range(8)]
        peaks[dose] = simulate(course, ("buprenorphine",), times)[:, 0].max() * mass("buprenorphine")
    assert peaks[16] == pytest.approx(5.5, rel=0.3)
    assert peaks[32] == pytest.approx(13.5, rel=0.3)
    assert 1.0 < peaks[2] < 2.5
    assert peaks[2] < peaks[16] < peaks[32]


def test_buprenorphine_share_needs_the_size_of_the_dose():
    with pytest.raises(UsageError, match="depends on the size of the dose"):
        administrations("buprenorphine", "sublingual")
    typical = {name: item[0] for name, item in numbers().items()}
    sixteen = drug("buprenorphine").micromoles(16.0)
    assert comedication.buprenorphine_availability(sixteen, typical) == pytest.approx(0.14, rel=1e-3)
    assert comedication.buprenorphine_availability(sixteen / 8, typical) == pytest.approx(0.14 * 8**0.371, rel=1e-3)


# Half-life and peak time as printed by the labels; the model's are read from its own curve.
LABELS = {
    "diazepam": ("benzodiazepine", 10.0, (20, 100), (1.0, 1.6)),
    "lamotrigine": ("lamotrigine", 300.0, (32.0, 33.6), (1.9, 2.5)),
    "memantine": ("memantine", 20.0, (60, 80), (3, 7)),
    "rapamycin": ("rapamycin", 6.0, (46, 78), (1, 3)),
    "ssri": ("ssri", 10.0, (27, 32), (4.5, 5.5)),
}


@pytest.mark.parametrize(("name", "label"), LABELS.items())
def test_half_lives_and_peak_times_of_the_labels(name, label):
    output, dose, half_life, peak = label
    times = np.unique([*np.arange(0, 12, 0.05), 48.0, 96.0])
    level = simulate([(name, "oral", dose, 0, 0, False)], (output,), times)[:, 0]
    assert half_life[0] <= 48 * np.log(2) / np.log(level[-2] / level[-1]) <= half_life[1]
    assert peak[0] <= times[level.argmax()] <= peak[1]


def test_ssri_exposure_is_one_at_steady_state():
    course = [("ssri", "oral", 10.0, 24.0 * day, 0, False) for day in range(30)]
    times = 29 * 24 + np.arange(0, 24.01, 0.25)
    level = simulate(course, ("ssri",), times)[:, 0]
    assert np.trapezoid(level, times) / 24 == pytest.approx(1.0, abs=0.005)
    assert drug("ssri").default_amount == (10.0, "mg")


def test_lorazepam_counts_as_ten_times_diazepam():
    times = np.arange(0, 24, 1.0)
    one = simulate([("lorazepam", "oral", 1.0, 0, 0, False)], ("benzodiazepine",), times)
    ten = simulate([("diazepam", "oral", 10.0, 0, 0, False)], ("benzodiazepine",), times)
    assert one == pytest.approx(ten, rel=1e-3)


def test_hnk_as_a_drug_is_the_metabolite():
    """(2R,6R)-HNK given alone enters the same spaces as HNK formed from R-ketamine; by mouth half is available."""
    times = np.arange(0, 24.01, 0.02)
    vein = simulate([("hnk", "iv", 35.0, 0, 40 / 60, False)], ("r_hnk",), times)[:, 0]
    mouth = simulate([("hnk", "oral", 35.0, 0, 0, False)], ("r_hnk",), times)[:, 0]
    # PK-HNK-01: proportional to the dose
    double = simulate([("hnk", "iv", 70.0, 0, 40 / 60, False)], ("r_hnk",), times)[:, 0]
    assert double == pytest.approx(2 * vein, rel=1e-6)
    share = value("hnk_oral_availability").value
    assert np.trapezoid(mouth, times) / np.trapezoid(vein, times) == pytest.approx(share, rel=0.02)
    both = simulate(
        [("ketamine", "iv", 35.0, 0, 40 / 60, False), ("hnk", "iv", 35.0, 0, 40 / 60, False)], ("r_hnk",), times
    )[:, 0]
    formed = simulate([("ketamine", "iv", 35.0, 0, 40 / 60, False)], ("r_hnk",), times)[:, 0]
    assert both == pytest.approx(vein + formed, rel=1e-5, abs=1e-9)


def test_a_compound_of_ones_own_follows_its_file(tmp_path):
    """Infusion into two spaces against the closed form; the arterial excess is rate over front-end flow."""
    path = tmp_path / "mine.toml"
    path.write_text(compound_example(), encoding="utf-8")
    mine = read_drug(path)
    times = np.array([0.25, 0.5, 1.0, 4.0, 12.0])
    got = simulate(
        [("", "iv", 40.0, 0, 0.5, False)],
        ("compound_venous", "compound_arterial"),
        times,
        values=mine.values,
        compound=mine,
    )
    rates = np.array([[-(60 + 30) / 130, 30 / 200, 1.0], [30 / 130, -30 / 200, 0.0], [0, 0, 0]])
    infused = mine.micromoles(40.0) / 0.5
    for time, (venous, arterial) in zip(times, got, strict=True):
        state = expm(rates * min(time, 0.5)) @ np.array([0, 0, infused])
        state[2] = 0
        state = expm(rates * max(0.0, time - 0.5)) @ state
        assert venous == pytest.approx(state[0] / 130, rel=1e-6)
        entering = infused if time <= 0.5 else 0.0
        assert arterial - venous == pytest.approx(entering / value("front_end_flow").value, abs=1e-9)
    swallowed = simulate([("", "oral", 40.0, 0, 0, False)], None, [50.0], values=mine.values, compound=mine)
    assert swallowed.sum() == pytest.approx(mine.micromoles(40.0), rel=1e-6)
    compose(("compound",), values=mine.values)


def test_every_number_a_compound_file_may_hold_is_a_parameter_of_the_chain():
    known = {v.key for v in all_values()}
    for section in ("pk", "affinity"):
        assert {field.parameter for field in compound_fields(section).values() if field.parameter} <= known
    made = compose(("compound",))
    used = {f.parameter for s in ("pk", "affinity") for f in compound_fields(s).values() if f.parameter}
    assert used <= set(made.parameters)


def test_an_absent_drug_changes_nothing():
    """A dose of zero of every co-medication leaves every port of the plasma stage at its null."""
    parts = [p for p in comedication.ROUTINGS if p != "compound"]
    made = compose(tuple(parts), stages=[STAGE])
    assert set(made.parameters) >= {"naltrexone_availability", "memantine_clearance"}
    events = [Given(0.0, 0.0, administrations(part, "oral")) for part in parts if "oral" in comedication.ROUTINGS[part]]
    plan = schedule(events, numbers(), made.inputs, 0.0, 5.0)
    outputs = tuple(port.name for port in comedication.PORTS if port.name in made.outputs)
    model = compile_model(made.antimony, outputs=outputs, inputs=made.inputs)
    result = model.simulate(np.zeros((1, 0)), [plan], np.zeros(1, dtype=int), np.array([5.0]), rtol=1e-8, atol=1e-12)
    assert np.abs(result.values).max() == 0


def test_nothing_here_was_fitted_to_a_study_kept_for_validation():
    studies = read_toml(knowledge_path() / "studies" / "roles.toml")["studies"].values()
    kept = {record for study in studies if study["role"] == "validate" for record in study["records"]}
    cited = {record for item in values_of("comedication").values() for record in item.records}
    cited |= {target["record"] for target in naltrexone_fit().settings["targets"].values()}
    assert cited and not cited & kept
