"""A run of the whole chain: same seed same people, bands, placebo, settings, experiments' handles."""

import json

import numpy as np
import pytest

from ketasim.core import UsageError, output_register, sources, value
from ketasim.scenario.plan import Held, Sudden, scenario
from ketasim.scenario.result import Course, plain
from ketasim.scenario.run import run

KETAMINE = "ketamine iv 0.5 mg/kg over 40 min"


@pytest.fixture(scope="module")
def ten():
    return run(KETAMINE, people=10, seed=7)


def test_same_seed_same_numbers(ten) -> None:
    again = run(KETAMINE, people=10, seed=7)
    assert all(np.array_equal(ten.values[name], again.values[name]) for name in ten.values)


def test_more_people_change_nobody(ten) -> None:
    more = run(KETAMINE, people=25, seed=7)
    for name, rows in ten.values.items():
        scale = np.maximum(np.abs(rows).max(), 1e-12)
        assert np.abs(more.values[name][:11] - rows).max() <= 1e-4 * scale, name


def test_typical_is_the_same_whoever_else_is_there(ten) -> None:
    alone = run(KETAMINE, people=0)
    other = run(KETAMINE, people=3, seed=99)
    for name in ("plasma.ketamine", "nmda.occupancy", "madrs.effect", "cadss"):
        assert alone[name].typical == pytest.approx(ten[name].typical, rel=1e-4, abs=1e-6)
        assert other[name].typical == pytest.approx(ten[name].typical, rel=1e-4, abs=1e-6)


def test_before_the_dose_everything_rests(ten) -> None:
    resting = {"glutamate": 1.0, "bdnf": 1.0, "mu.activity": 1.0, "sedation": 5.0, "madrs": 33.0, "sbp": 122.0}
    for name, course in ten.outputs.items():
        expected = resting.get(
            name,
            {
                "kappa.activity": 1.0,
                "delta.activity": 1.0,
                "dbp": 76.0,
                "heart_rate": 72.0,
                "ideation": value("observation.ideation_baseline").value,
            }.get(name, 0.0),
        )
        assert course.typical[0] == pytest.approx(expected, abs=1e-9), name


def test_arterial_stands_above_venous_while_it_runs_and_norketamine_lags_in_the_arm(ten) -> None:
    venous, arterial = ten.fine("plasma.ketamine"), ten.fine("arterial.ketamine")
    at_end = int(np.argmin(np.abs(venous.time_h - 2 / 3)))
    assert arterial.typical[at_end] > 1.4 * venous.typical[at_end]
    assert arterial.typical[-1] == pytest.approx(venous.typical[-1])
    early, late = ten.fine("arterial.norketamine"), ten.fine("plasma.norketamine")
    assert early.typical[at_end] > 1.2 * late.typical[at_end]
    assert early.typical.argmax() < late.typical.argmax()
    assert ten["arterial.hnk"].typical == pytest.approx(ten["plasma.hnk"].typical)


def test_racemate_is_the_sum_of_its_halves(ten) -> None:
    total = ten["plasma.s_ketamine"].typical + ten["plasma.r_ketamine"].typical
    assert ten["plasma.ketamine"].typical == pytest.approx(total, rel=1e-12)


def test_change_effect_and_score_belong_together(ten) -> None:
    assert ten["madrs"].people - ten["madrs.change"].people == pytest.approx(
        np.repeat(ten.people.madrs[:, None], 10, axis=1)
    )
    placebo = run("placebo iv", people=10, seed=7)
    expected = ten["madrs.change"].people - placebo["madrs.change"].people
    assert ten["madrs.effect"].people == pytest.approx(expected, abs=1e-9)


def test_placebo_has_no_effect_and_no_dose_no_drug() -> None:
    placebo = run("placebo iv", people=5)
    assert np.abs(placebo["madrs.effect"].people).max() == 0
    assert np.abs(placebo["plasma.ketamine"].people).max() == 0
    assert placebo["madrs.change"].typical[-1] < 0


def test_ranges_of_the_scales_hold(ten) -> None:
    for name, entry in output_register().items():
        if name in ten.grid_values:
            rows = ten.grid_values[name]
            assert entry.low is None or rows.min() >= entry.low, name
            assert entry.high is None or rows.max() <= entry.high, name


def test_band_brackets_the_median(ten) -> None:
    for course in ten.outputs.values():
        assert np.all(course.low <= course.median) and np.all(course.median <= course.high)


def test_equal_doses_show_equal_peaks() -> None:
    result = run(KETAMINE, repeat="weekly x 4", people=0)
    course = result.fine("plasma.ketamine")
    peaks = [course.typical[(course.time_h > 168 * k) & (course.time_h < 168 * k + 6)].max() for k in range(4)]
    assert peaks == pytest.approx([peaks[0]] * 4, rel=2e-3)


def test_masked_means_nobody_can_tell() -> None:
    seen, masked = run(KETAMINE, people=0), run(KETAMINE, people=0, masked=True)
    assert abs(masked["madrs.effect"].typical[-2]) < abs(seen["madrs.effect"].typical[-2])
    assert masked["cadss"].typical == pytest.approx(seen["cadss"].typical)


def test_midazolam_is_the_placebo_of_its_setting() -> None:
    result = run("midazolam iv 0.045 mg/kg over 40 min", setting="midazolam", people=4)
    assert np.abs(result["madrs.effect"].people).max() < 1e-9
    assert result["madrs.change"].typical[5] < run("placebo iv", people=0)["madrs.change"].typical[5] - 1


def test_effect_is_counted_against_placebo_beside_the_same_co_medication() -> None:
    both = run(KETAMINE, with_="ssri oral daily", days=28, people=0)
    alone = run(KETAMINE, days=28, people=0)
    own = run("ssri oral daily", days=28, people=0)["madrs.effect"].typical[-1]
    # the SSRI is in both arms of the comparison: it may take room from the effect of ketamine (a ceiling), not add its own
    bent = both["madrs.effect"].typical[-1] - alone["madrs.effect"].typical[-1]
    assert 0 <= bent < 0.2 * abs(own)
    assert both["madrs.change"].typical[-1] < alone["madrs.change"].typical[-1] - 1


def test_weight_follows_the_size_model_by_the_kilogram_and_by_the_spray() -> None:
    """Linear kinetics with CL as W^0.75 and V as W: area per kg as W^0.25, of a fixed dose as W^-0.75 (a fast spray of it alike)."""

    def area(words: str, weight: float, **options: object) -> float:
        seen = run(words, people=0, weight=weight, days=2, **options).fine("plasma.ketamine")
        return float(np.trapezoid(seen.typical, seen.time_h))

    assert area(KETAMINE, 120) / area(KETAMINE, 60) == pytest.approx(2**0.25, rel=0.02)
    spray = "esketamine nasal 56 mg"
    assert area(spray, 120) / area(spray, 60) == pytest.approx(2**-0.75, rel=0.03)
    none = {"values": {"clearance_weight_exponent": 0.0, "volume_weight_exponent": 0.0}}
    assert area(KETAMINE, 120, **none) / area(KETAMINE, 60, **none) == pytest.approx(2.0, rel=1e-4)
    assert area(spray, 120, **none) == pytest.approx(area(spray, 60, **none), rel=1e-6)


def test_a_replaced_value_acts() -> None:
    result = run(KETAMINE, people=0, values={"bdnf_availability": 0.0})
    assert result["spines"].typical.max() == 0
    assert result.scenario.settings()["values"] == {"bdnf_availability": 0.0}


def test_unknown_values_states_and_inputs_teach() -> None:
    for options, part in (
        ({"values": {"central_volum": 1.0}}, "central_volume"),
        ({"values": {"naltrexone_mu_affinity": 1.0}}, "no part in this scenario"),
        ({"sudden": [Sudden(1.0, "spines_neww", 0.0)]}, "spines_new"),
        ({"held": [Held("s_bath", 1.0, 0.0, 1.0)]}, "unknown input"),
        ({"variants": {"circuit": "surge"}}, "unknown variant"),
    ):
        with pytest.raises(UsageError, match=part):
            run(KETAMINE, people=0, **options)


def test_a_failed_person_is_a_status_not_a_zero() -> None:
    result = run(KETAMINE, people=3, values={"central_volume": 0.0})
    assert result.ok == 0 and len(result.failures) == 4 and result.nobody
    assert {f.person for f in result.failures} == {-1, 0, 1, 2}
    found = result.to_dict()
    assert found["outputs"]["madrs"]["typical"][0] is None
    assert found["outputs"]["madrs"]["low"] is None
    assert found["status"]["failed"][0]["reason"]
    json.loads(result.to_json())


def test_bands_leave_failed_people_out() -> None:
    rows = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]])
    course = Course("x", "1", "", np.array([0.0, 1.0]), np.zeros(2), rows)
    assert course.count == 2
    assert course.median.tolist() == [3.0, 4.0]


def test_every_number_of_a_run_has_a_source_that_can_be_cited(ten) -> None:
    assert {v.source for v in ten.record.values.values()} <= set(sources())
    text = ten.cite()
    assert "Perez-Ruixo" in text and "numbers entered" in text and "seed 7" in text


def test_as_xarray_with_units(ten) -> None:
    data = ten.to_xarray()
    assert dict(data.sizes) == {"person": 10, "time": 10}
    assert data["plasma.ketamine"].attrs["units"] == "ng/mL" and data["plasma.ketamine"].attrs["site"] == "venous"
    assert data["madrs.effect.typical"].values == pytest.approx(ten["madrs.effect"].typical)
    assert data.time.attrs["units"] == "h" and data.attrs["seed"] == 7


def test_names_and_aliases(ten) -> None:
    assert ten["dissociation"].name == "cadss"
    with pytest.raises(UsageError, match=r"madrs\.effect"):
        ten["madrs.efect"]
    with pytest.raises(UsageError, match="output of this run"):
        ten["plasma.naltrexone"]


def test_plain_data_has_no_nan() -> None:
    assert plain({"a": np.array([1.0, np.nan]), "b": (np.float64(np.inf), np.int64(3))}) == {
        "a": [1.0, None],
        "b": [None, 3],
    }


def test_a_compound_of_the_users_own_runs() -> None:
    from ketasim.core import knowledge_path

    asked = scenario("placebo iv", compound=knowledge_path() / "compound_example.toml", people=0)
    drug = asked.compounds[0]
    route = next(iter(drug.routes))
    amount = next(iter(drug.routes[route].studied.items()), ("mg", (10.0, 10.0)))
    result = run(f"{drug.name} {route} {amount[1][1]:g} {amount[0]}", compound=drug, people=2, days=1)
    assert result["plasma.compound"].typical.max() > 0
    assert result.ledger[0].given_mg == pytest.approx(result.ledger[0].asked_mg, rel=1e-6)
