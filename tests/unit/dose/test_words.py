"""The regimen words: what each form means, dose by dose, against tables written by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ketasim.core import drugs
from ketasim.core.compounds import compound_example
from ketasim.core.drugs import read_drug
from ketasim.dose import dose, parse

IV = "ketamine iv 0.5 mg/kg over 40 min"
NASAL = "esketamine nasal 84 mg"


def days(regimen, horizon_days=None):
    """Main dose times in days."""
    horizon = None if horizon_days is None else 24.0 * horizon_days
    return [round(row.time_h / 24, 9) for row in regimen.doses(horizon) if row.main]


def beside(regimen, horizon_h=None):
    """Co-medication times in hours."""
    return [round(row.time_h, 9) for row in regimen.doses(horizon_h) if not row.main]


@pytest.mark.parametrize(
    ("words", "drug", "route", "amount", "form", "minutes"),
    [
        ("ketamine iv 0.5 mg/kg over 40 min", "ketamine", "iv", (0.5, "mg/kg"), "infusion", 40),
        ("KETAMINE IV 0.5mg/kg over 40min", "ketamine", "iv", (0.5, "mg/kg"), "infusion", 40),
        ("racemic ketamine intravenous 0.5 mg / kg over 0.67 h", "ketamine", "iv", (0.5, "mg/kg"), "infusion", 40.2),
        ("ketamine iv 35 mg over 1 h 30 min", "ketamine", "iv", (35, "mg"), "infusion", 90),
        ("ketamine iv 35 mg over 1h30min", "ketamine", "iv", (35, "mg"), "infusion", 90),
        ("ketamine iv 0.035 g over 2400 s", "ketamine", "iv", (35, "mg"), "infusion", 40),
        ("esketamine iv 28000 ug over 40 min", "esketamine", "iv", (28, "mg"), "infusion", 40),
        ("ketamine iv 0.3 mg/kg", "ketamine", "iv", (0.3, "mg/kg"), "bolus", 1),
        ("ketamine iv bolus 0.3 mg/kg", "ketamine", "iv", (0.3, "mg/kg"), "bolus", 1),
        ("ketamine iv 0.3 mg/kg bolus", "ketamine", "iv", (0.3, "mg/kg"), "bolus", 1),
        ("ketamine iv infusion 0.5 mg/kg over 40 min", "ketamine", "iv", (0.5, "mg/kg"), "infusion", 40),
        ("spravato nasal spray 84 mg", "esketamine", "nasal", (84, "mg"), "devices", 0),
        ("S-ketamine oral film 50 mg", "esketamine", "film", (50, "mg"), "single", 0),
        ("ketamine buccal 25 mg", "ketamine", "sublingual", (25, "mg"), "single", 0),
        ("ketamine sc 0.5 mg/kg", "ketamine", "sc", (0.5, "mg/kg"), "single", 0),
        ("ketamine sc 0.5 mg/kg over 60 min", "ketamine", "sc", (0.5, "mg/kg"), "infusion", 60),
        ("ketamine i.m. 0.5 mg/kg", "ketamine", "im", (0.5, "mg/kg"), "single", 0),
        ("ketamine by mouth 50 mg", "ketamine", "oral", (50, "mg"), "single", 0),
        ("(2R,6R)-HNK iv 1 mg/kg over 40 min", "hnk", "iv", (1, "mg/kg"), "infusion", 40),
        ("hnk iv 1 mg/kg", "hnk", "iv", (1, "mg/kg"), "infusion", 40),  # no bolus: the catalogue's duration
        ("midazolam iv 0.045 mg/kg over 40 min", "midazolam", "iv", (0.045, "mg/kg"), "infusion", 40),
        ("grapefruit juice oral 200 mL at 0 d", "grapefruit juice", "oral", (200, "mL"), "single", 0),
    ],
)
def test_single_doses(words, drug, route, amount, form, minutes):
    given = parse(words).main.blocks[0].dose
    assert (given.drug, given.route, given.form) == (drug, route, form)
    assert (given.amount.value, given.amount.unit) == amount
    assert given.duration_h * 60 == pytest.approx(minutes, rel=1e-12)


@pytest.mark.parametrize(
    ("rate", "whole"),
    [
        ("0.5 mg/kg/h for 2 h", "1 mg/kg over 2 h"),
        ("0.5 mg/kg/h over 40 min", "0.3333333333333333 mg/kg over 40 min"),
        ("10 ug/kg/min over 40 min", "0.4 mg/kg over 40 min"),
        ("10 µg/kg/min over 40 min", "0.4 mg/kg over 40 min"),
        ("10 ug / kg / min for 40 min", "0.4 mg/kg over 40 min"),
        ("0.5 mg/kg per hour for 100 min", "0.8333333333333334 mg/kg over 100 min"),
        ("20 mg/h over 90 min", "30 mg over 90 min"),
        ("20 mg/hr over 1 h 30 min", "30 mg over 90 min"),
        ("20 mg/hour HCl over 90 min", "30 mg HCl over 90 min"),
        ("1 mg/min over 30 min", "30 mg over 30 min"),
        ("500 ug/min over 60 min", "30 mg over 60 min"),
        ("0.01 mg/s over 50 min", "30 mg over 50 min"),
        ("24 mg/d over 12 h", "12 mg over 12 h"),
        ("infusion 20 mg/h over 90 min", "30 mg over 90 min"),
    ],
)
@pytest.mark.parametrize("behind", ["", " twice weekly x 2", " bid x 2 with naltrexone oral 50 mg at -45 min"])
def test_a_rate_and_its_time_are_the_whole_amount(rate, whole, behind):
    """amount = rate x time, exactly: 10 ug/kg/min x 40 min = 400 ug/kg."""
    regimen = parse(f"ketamine iv {rate}{behind}")
    assert regimen == parse(f"ketamine iv {whole}{behind}")
    assert parse(str(regimen)) == regimen


def test_a_block_may_change_the_rate():
    regimen = parse("ketamine iv 0.5 mg/kg/h for 1 h weekly x 2, then 5 ug/kg/min over 80 min weekly x 1")
    assert [row.asked_mg for row in regimen.ledger(weight=70.0)] == pytest.approx([35, 35, 28])
    assert [row.duration_h for row in regimen.ledger(weight=70.0)] == pytest.approx([1, 1, 4 / 3])
    assert [row.rate for row in regimen.ledger(weight=70.0)] == pytest.approx([35, 35, 21])


def test_placebo_has_no_amount_and_gives_nothing():
    regimen = parse("placebo iv over 40 min twice weekly x 3")
    assert days(regimen) == [0, 3, 7]
    assert [float(event.base()) for event in regimen.events()] == [0.0, 0.0, 0.0]
    assert str(parse("saline iv over 40 min")) == "placebo iv over 40 min"


def test_free_base_unless_hcl_is_written():
    catalogue = drugs()["ketamine"]
    base = parse("ketamine iv 50 mg over 40 min").ledger()[0].asked_mg
    salt = parse("ketamine iv 50 mg HCl over 40 min").ledger()[0].asked_mg
    assert base == 50.0
    assert salt == pytest.approx(50.0 * catalogue.molar_mass / catalogue.salt_molar_mass, rel=1e-14)
    assert parse("ketamine HCl iv 50 mg over 40 min") == parse("ketamine iv 50 mg HCl over 40 min")
    assert parse("ketamine iv 50 mg free base over 40 min") == parse("ketamine iv 50 mg over 40 min")
    # 28 mg of esketamine base is 32.3 mg of the hydrochloride (PK-FACT-06)
    assert parse("esketamine iv 32.3 mg HCl over 40 min").ledger()[0].asked_mg == pytest.approx(28.0, rel=2e-3)


def test_salt_gives_the_same_moles_by_either_molar_mass():
    event = parse("naltrexone oral 50 mg HCl").events()[0]
    assert float(event.micromoles()) == pytest.approx(
        drugs()["naltrexone"].micromoles(50.0, "mg", salt=True), rel=1e-14
    )


def test_racemate_splits_into_halves():
    parts = parse("ketamine iv 0.5 mg/kg over 40 min").events()[0].parts(70.0)
    assert float(parts["s_ketamine"]) == float(parts["r_ketamine"]) == pytest.approx(1000 * 17.5 / 237.73)


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [
        ("twice weekly x 6", [0, 3, 7, 10, 14, 17]),
        ("twice a week x6", [0, 3, 7, 10, 14, 17]),
        ("2 times weekly × 6", [0, 3, 7, 10, 14, 17]),
        ("three times weekly x 6", [0, 2, 4, 7, 9, 11]),
        ("thrice weekly x 6", [0, 2, 4, 7, 9, 11]),
        ("3 times per week 6 times", [0, 2, 4, 7, 9, 11]),
        ("weekly x 4", [0, 7, 14, 21]),
        ("once weekly x 4", [0, 7, 14, 21]),
        ("every week x 4", [0, 7, 14, 21]),
        ("every two weeks x 3", [0, 14, 28]),
        ("every 2 weeks x 3", [0, 14, 28]),
        ("every other week x 3", [0, 14, 28]),
        ("fortnightly x 3", [0, 14, 28]),
        ("every 3 weeks x 3", [0, 21, 42]),
        ("monthly x 3", [0, 28, 56]),
        ("daily x 3", [0, 1, 2]),
        ("every other day x 3", [0, 2, 4]),
        ("twice daily x 4", [0, 0.5, 1, 1.5]),
        ("three times daily x 4", [0, 1 / 3, 2 / 3, 1]),
        ("every 3.5 d x 8", [0, 3.5, 7, 10.5, 14, 17.5, 21, 24.5]),
        ("every 36 h x 3", [0, 1.5, 3]),
        ("every two days x 3", [0, 2, 4]),
        ("every 1 d 12 h x 3", [0, 1.5, 3]),
        ("at 0, 3, 7 d", [0, 3, 7]),
        ("at 0 d, 36 h, 3 d", [0, 1.5, 3]),
        ("0, 3 and 7 d", [0, 3, 7]),
        ("days 0, 3, 7", [0, 3, 7]),
        ("on days 0, 3 and 7", [0, 3, 7]),
        ("twice weekly for 4 weeks", [0, 3, 7, 10, 14, 17, 21, 24]),
        ("twice weekly x 4 weeks", [0, 3, 7, 10, 14, 17, 21, 24]),
        ("daily to 2 d", [0, 1, 2]),
        ("daily for 2 d", [0, 1]),
        ("once", [0]),
        # prescribers' abbreviations
        ("qd x 3", [0, 1, 2]),
        ("od x 3", [0, 1, 2]),
        ("once daily x 3", [0, 1, 2]),
        ("nightly x 3", [0, 1, 2]),
        ("bid x 4", [0, 0.5, 1, 1.5]),
        ("BID x 4", [0, 0.5, 1, 1.5]),
        ("b.i.d. x 4", [0, 0.5, 1, 1.5]),
        ("bd x 4", [0, 0.5, 1, 1.5]),
        ("twice-daily x 4", [0, 0.5, 1, 1.5]),
        ("2x daily x 4", [0, 0.5, 1, 1.5]),
        ("tid x 4", [0, 1 / 3, 2 / 3, 1]),
        ("t.i.d. x 4", [0, 1 / 3, 2 / 3, 1]),
        ("tds x 4", [0, 1 / 3, 2 / 3, 1]),
        ("qid x 5", [0, 0.25, 0.5, 0.75, 1]),
        ("qod x 3", [0, 2, 4]),
        ("tiw x 4", [0, 2, 4, 7]),
        ("3x a week x 4", [0, 2, 4, 7]),
        ("qw x 2", [0, 7]),
        ("q1w x 2", [0, 7]),
        ("q2w x 3", [0, 14, 28]),
        ("q4w x 2", [0, 28]),
        ("q12h x 4", [0, 0.5, 1, 1.5]),
        ("q 12 h x 4", [0, 0.5, 1, 1.5]),
        ("every 12 hours x 4", [0, 0.5, 1, 1.5]),
        ("q8h x 4", [0, 1 / 3, 2 / 3, 1]),
        ("q3d x 3", [0, 3, 6]),
        ("hourly x 3", [0, 1 / 24, 2 / 24]),
        ("q12h for 1 d", [0, 0.5]),
    ],
)
def test_repeats(repeat, expected):
    assert days(parse(IV, repeat)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [
        # named patterns are counted from day 0 and take up at their first day after the last dose
        ("twice weekly x 8, then weekly x 4", [0, 3, 7, 10, 14, 17, 21, 24, 28, 35, 42, 49]),
        (
            "twice weekly x 8 then weekly x 4, then every two weeks x 2",
            [0, 3, 7, 10, 14, 17, 21, 24, 28, 35, 42, 49, 56, 70],
        ),
        ("three times weekly x 6, then weekly x 2", [0, 2, 4, 7, 9, 11, 14, 21]),
        ("daily x 3, then twice weekly x 2", [0, 1, 2, 3, 7]),
        ("weekly x 4, then twice weekly x 3", [0, 7, 14, 21, 24, 28, 31]),
        # a literal interval is counted from the last dose
        ("weekly x 2, then every 10 d x 2", [0, 7, 17, 27]),
        ("every 3.5 d x 4, then weekly x 2", [0, 3.5, 7, 10.5, 14, 21]),
        # a list is counted from day 0
        ("twice weekly x 4, then at 21, 30 d", [0, 3, 7, 10, 21, 30]),
        ("at 0, 3, 7 d, then weekly x 2", [0, 3, 7, 14, 21]),
        ("once, then daily x 2", [0, 1, 2]),
    ],
)
def test_chains(repeat, expected):
    assert days(parse(IV, repeat)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [
        ("twice weekly x 2, then 56 mg weekly x 2", [84, 84, 56, 56]),
        ("84, 56, 28 mg weekly", [84, 56, 28]),
        ("84, 56 mg weekly x 4", [84, 56, 56, 56]),
        ("84, 56 mg at 0, 3, 7 d", [84, 56, 56]),
        ("56 mg once, then 84 mg twice weekly x 2", [56, 84, 84]),
        ("weekly x 2, then 56 mg weekly x 2, then every two weeks x 1", [84, 84, 56, 56, 56]),
    ],
)
def test_amounts_change_along_a_course(repeat, expected):
    assert [row.asked_mg for row in parse(NASAL, repeat).ledger()] == expected


def test_blocks_may_change_duration_and_drug():
    regimen = parse(f"{IV} weekly x 2, then 1 mg/kg over 60 min weekly x 1, then esketamine nasal 56 mg weekly x 2")
    assert [(row.drug, row.asked_mg) for row in regimen.ledger(weight=80)] == [
        ("ketamine", 40),
        ("ketamine", 40),
        ("ketamine", 80),
        ("esketamine", 56),
        ("esketamine", 56),
    ]
    assert [event.duration_h for event in regimen.events()[:3]] == pytest.approx([2 / 3, 2 / 3, 1])
    assert days(regimen) == [0, 7, 14, 21, 28]


@pytest.mark.parametrize(
    ("repeat", "co", "expected"),
    [
        ("", "naltrexone oral 50 mg at -45 min", [-0.75]),
        ("", "naltrexone oral 50 mg", [0.0]),
        ("weekly x 3", "naltrexone oral 50 mg at -45 min", [-0.75, 167.25, 335.25]),
        ("weekly x 3", "naltrexone oral 50 mg at -45 min once", [-0.75]),
        ("weekly x 3", "naltrexone oral 50 mg once at -45 min", [-0.75]),
        ("weekly x 3", "naltrexone oral 50 mg once", [0.0]),
        ("weekly x 2", "naltrexone oral 50 mg at -2, 1 h", [-2, 1, 166, 169]),
        ("weekly x 2", "naltrexone oral 50 mg at -2, 1 h once", [-2, 1]),
        ("weekly x 2", "naltrexone oral 50 mg at −45 min", [-0.75, 167.25]),
        ("", "clarithromycin oral 500 mg twice daily from -1 d to 1 d", [-24, -12, 0, 12, 24]),
        ("", "clarithromycin oral 500 mg twice daily from -1 d for 1 d", [-24, -12]),
        ("", "clarithromycin oral 500 mg from -1 d twice daily x 3", [-24, -12, 0]),
        ("", "clarithromycin oral 500 mg daily from -3 d x 6", [-72, -48, -24, 0, 24, 48]),
        ("", "clarithromycin oral 500 mg daily from -3 d x 2, then every other day x 2", [-72, -48, -24, 24]),
        ("", "ssri oral 10 mg once from -1 d, then 20 mg daily x 2", [-24, 0, 24]),
        ("", "st john's wort oral from -14 d", [-336 + 8 * k for k in range(42)]),
        ("", "grapefruit juice oral", [8.0 * k for k in range(15)]),
    ],
)
def test_co_medication(repeat, co, expected):
    regimen = parse(IV, repeat, co)
    assert beside(regimen) == pytest.approx(expected)
    assert regimen.start_h() == pytest.approx(min(0.0, *expected, 0.0))
    assert parse(str(regimen)) == regimen


def test_without_a_count_a_repeat_goes_on_to_the_end():
    regimen = parse("ssri oral daily")
    assert days(regimen, horizon_days=28) == list(range(28))
    assert parse("ssri oral") == regimen
    assert regimen.ledger(horizon_h=48)[0].asked_mg == drugs()["ssri"].default_amount[0]
    with_main = parse(IV, "twice weekly", ["ssri oral daily", "naltrexone oral 50 mg at -1 h"])
    assert days(with_main, 10) == [0, 3, 7]
    assert sum(row.dose.drug == "naltrexone" for row in with_main.doses(240.0)) == 3
    assert with_main.endless


def test_one_line_holds_the_whole_regimen():
    line = f"{IV} twice weekly x 2 with naltrexone oral 50 mg at -45 min with ssri oral daily"
    assert parse(line) == parse(IV, "twice weekly x 2", ["naltrexone oral 50 mg at -45 min", "ssri oral daily"])
    regimen = parse(line)
    assert (regimen.words, regimen.repeat_words) == (IV, "twice weekly x 2")
    assert regimen.with_words == ("naltrexone oral 50 mg at -45 min", "ssri oral 10 mg daily")
    assert parse(regimen.words, regimen.repeat_words, regimen.with_words) == regimen


@pytest.mark.parametrize(
    ("line", "canonical"),
    [
        (f"{IV} at 0 h, 1 h 30 min", f"{IV} at 0, 90 min"),
        (f"{IV} at 0 min, 1 h, 2 h and 3 d", f"{IV} at 0, 1, 2, 72 h"),
        (f"{IV} days 0, 3, 7 d", f"{IV} at 0, 3, 7 d"),
        (
            f"{IV} weekly x 2, then 1, 0.5 mg/kg over 60 min weekly x 3",
            f"{IV} weekly x 2, then 1, 0.5 mg/kg over 60 min weekly x 3",
        ),
        (f"{IV} weekly x 2, then over 60 min weekly x 3", f"{IV} weekly x 2, then 0.5 mg/kg over 60 min weekly x 3"),
        (
            f"{IV} weekly x 2, then ketamine iv 20, 30 mg weekly x 3",
            f"{IV} weekly x 2, then ketamine iv 20 mg 20, 30 mg weekly x 3",
        ),
        (
            "placebo iv over 40 min weekly x 2, then over 60 min weekly x 1",
            "placebo iv over 40 min weekly x 2, then over 60 min weekly x 1",
        ),
        (
            "placebo iv weekly x 1, then ketamine iv 50 mg HCl over 1 h weekly x 1",
            "placebo iv weekly x 1, then ketamine iv 50 mg HCl over 60 min weekly x 1",
        ),
        (f"{NASAL} 84, 56, 56, 56 mg weekly", f"{NASAL} 84, 56 mg weekly x 4"),
        (f"{NASAL} 84, 84 mg weekly", f"{NASAL} weekly x 2"),
        (f"{NASAL} daily for 3 doses", f"{NASAL} daily x 3"),
        (f"{NASAL} four times daily x 2", f"{NASAL} four times daily x 2"),
        (f"{NASAL} every fortnight x 2 weeks", f"{NASAL} every two weeks x 1"),
        (f"{NASAL} with ssri oral from -7 d", f"{NASAL} with ssri oral 10 mg daily from -7 d"),
        (
            f"{NASAL} with st john's wort oral from -14 d x 6",
            f"{NASAL} with st john's wort oral 300 mg three times daily from -14 d x 6",
        ),
        (f"{NASAL}, weekly x 2; with naltrexone oral 50 mg", f"{NASAL} weekly x 2 with naltrexone oral 50 mg at 0 min"),
        ("rapamycin oral 0.1 g", "rapamycin oral 100 mg"),
    ],
)
def test_canonical_lines(line, canonical):
    regimen = parse(line)
    assert str(regimen) == canonical
    assert parse(canonical) == regimen


def test_verbs_build_the_same_values_as_words():
    start = dose(IV)
    assert start.every("3.5 d", times=8) == parse(IV, "every 3.5 d x 8")
    assert start.every("two weeks", times=3) == parse(IV, "every two weeks x 3")
    assert start.repeat("twice weekly x 8").then("weekly x 4") == parse(IV, "twice weekly x 8, then weekly x 4")
    assert start.at("0 d", "3 d", "7 d") == start.at("0, 3, 7 d") == parse(IV, "at 0, 3, 7 d")
    long = start.repeat("twice weekly x 8").then("weekly x 4, then every two weeks x 2")
    assert long == parse(IV, "twice weekly x 8, then weekly x 4, then every two weeks x 2")
    both = start.repeat("weekly x 2").then(dose(NASAL).repeat("weekly x 2"))
    assert both == parse(f"{IV} weekly x 2, then {NASAL} weekly x 2")
    naltrexone = dose("naltrexone oral 50 mg")
    assert start.with_(naltrexone, at="-45 min") == start.with_("naltrexone oral 50 mg at -45 min")
    assert start.with_(naltrexone, at="-45 min", once=True) == start.with_("naltrexone oral 50 mg at -45 min once")
    assert start == parse(IV) and start.main.single  # verbs left it as it was
    assert hash(start.every("3.5 d", times=8)) == hash(parse(IV, "every 3.5 d x 8"))


def test_a_compound_of_the_users_own_is_a_word(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(compound_example())
    entry = read_drug(path)
    route, way = next(iter(entry.routes.items()))
    unit = next(iter(way.studied), entry.units[0])
    amount = way.studied[unit][1] if way.studied else 10
    regimen = parse(f"{entry.name} {route} {amount} {unit}", "weekly x 2", compounds=[entry])
    assert [row.dose.drug for row in regimen.doses()] == [entry.name] * 2
    assert regimen.then("weekly x 1").with_("naltrexone oral 50 mg").drugs()[0] is entry
    assert list(regimen.events(weights=70.0)[0].parts(70.0)) == ["compound"]
    beside_it = parse(IV, with_=f"{entry.name} {route} {amount} {unit} at 1 h", compounds=[entry])
    assert beside_it.drugs()[1] is entry


@pytest.mark.parametrize("name", sorted(drugs()))
def test_every_drug_of_the_catalogue_can_be_given_by_each_route(name):
    entry = drugs()[name]
    for route, way in entry.routes.items():
        unit = next(iter(way.studied), None)
        amount = "" if unit is None else f" {way.studied[unit][1]:g} {unit}"
        for word in (entry.name, *entry.aliases):
            regimen = parse(f"{word} {route}{amount}")
            assert regimen.main.blocks[0].dose.drug == name, word
            assert regimen.main.blocks[0].dose.route == route
            assert parse(str(regimen)) == regimen


def test_the_documented_lines_mean_what_the_page_says():
    page = Path(__file__).parents[3] / "docs" / "regimen-words.md"
    rows = re.findall(r"^\| `([^`]+)` \| .*?\| *(?:`([^`]*)`)? *\|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 15
    for line, times in rows:
        regimen = parse(line)
        given = ", ".join(f"{row.time_h / 24:.4g}" for row in regimen.doses(24.0 * 400)[:14])
        assert not times or given == times, line
