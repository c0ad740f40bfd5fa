"""Screening: every rule fires, is silent and is unknown; its sources; the logic; nothing clears but silence."""

from __future__ import annotations

import itertools
import random
import tomllib
from datetime import date
from pathlib import Path

import pytest

from ketasim.core import KetasimError
from ketasim.person.fields import class_facts, fields
from ketasim.person.file import person_of
from ketasim.person.monitoring import PHASES, plan, steps
from ketasim.person.rules import BLOCKING, GRADES, Condition, condition, rule_sources, rules
from ketasim.person.screening import screen

EXAMPLES = tomllib.loads((Path(__file__).parent / "screen_rule_examples.toml").read_text("utf-8"))
TODAY = date(2026, 11, 28)
# The answers that carry no risk, one a fact, written by hand: the person whom nothing stops.
CALM = {
    "age": 44,
    "sex": "male",
    "sbp": 122,
    "dbp": 76,
    "liver_impairment": "none",
    "medication": ["sertraline"],
    "hours_since_alcohol_or_drugs": 200,
    "hours_since_food": 4,
    "minutes_since_liquid": 60,
    "minutes_since_nasal_spray": 100000,
    "sessions_so_far": 0,
    "doses_a_week": 2,
    **dict.fromkeys(("escort", "supervised", "resuscitation_at_hand", "urine_baseline", "rems_enrolled"), True),
    **dict.fromkeys(
        (
            "active_suicidal_intent",
            "aneurysm",
            "arteriovenous_malformation",
            "intracerebral_haemorrhage",
            "ketamine_hypersensitivity",
            "pressure_rise_dangerous",
            "cardiovascular_event",
            "stroke_or_tia",
            "unstable_heart_disease",
            "uncontrolled_hypertension",
            "hypertensive_encephalopathy",
            "raised_intracranial_pressure",
            "eye_pressure_risk",
            "seizure_disorder",
            "hyperthyroidism",
            "slow_or_fast_heartbeat",
            "respiratory_insufficiency",
            "porphyria",
            "dialysis",
            "psychosis",
            "psychosis_history",
            "bipolar",
            "mania",
            "dementia_or_delirium",
            "substance_use_disorder",
            "substance_use_history",
            "ketamine_misuse",
            "urinary_symptoms",
            "impaired_cognition",
            "drives_before_next_day",
            "compounded",
        ),
        False,
    ),
}
# One risk a fact: what the careful person would call the wrong answer. Written by hand.
RISKY = {
    "sbp": 180,
    "dbp": 100,
    "liver_impairment": "severe",
    "hours_since_alcohol_or_drugs": 1,
    "hours_since_food": 0,
    "minutes_since_liquid": 5,
    "minutes_since_nasal_spray": 10,
    "doses_a_week": 5,
    "escort": False,
    "supervised": False,
    "resuscitation_at_hand": False,
    "urine_baseline": False,
    "rems_enrolled": False,
    **{key: True for key, value in CALM.items() if value is False},
}


def state(rule_id: str, person: dict[str, object]) -> str:
    found = screen(person, today=TODAY)
    return next(finding.state for finding in found.findings if finding.rule.id == rule_id)


def test_there_is_one_example_a_rule() -> None:
    assert set(EXAMPLES) == set(rules())
    assert len(rules()) >= 40


@pytest.mark.parametrize("rule_id", EXAMPLES)
@pytest.mark.parametrize("wanted", ["fires", "silent", "unknown"])
def test_every_rule_fires_is_silent_and_is_unknown(rule_id: str, wanted: str) -> None:
    assert state(rule_id, EXAMPLES[rule_id][wanted]) == wanted


@pytest.mark.parametrize("rule_id", EXAMPLES)
def test_every_rule_shows_where_it_comes_from(rule_id: str) -> None:
    rule = rules()[rule_id]
    assert rule.grade in GRADES
    assert rule.why.endswith(".")
    assert rule.places
    for source, place in rule.places:
        assert place
        assert source.title in rule.source
        assert source.seen
        if source.key == "memory":
            assert rule.second_hand, "a rule from memory says so"
        else:
            assert source.retrieved


def test_absolute_rules_rest_on_a_text_that_was_read() -> None:
    for rule in rules().values():
        if rule.grade == "absolute":
            assert not rule.second_hand
            assert all(source.key not in ("memory", "design") for source, _ in rule.places)


def test_every_source_is_used_and_has_an_address_or_says_why_not() -> None:
    used = {s.key for rule in rules().values() for s, _ in rule.places} | {s.key for p in steps() for s, _ in p.places}
    assert used == set(rule_sources())
    for source in rule_sources().values():
        assert source.url or source.key == "memory"


def test_age_of_a_source() -> None:
    sources = rule_sources()
    assert sources["fda_compounded"].age_years(date(2026, 10, 10)) == pytest.approx(3.0, abs=0.01)
    assert sources["us_label"].age_years(date(2026, 3, 15)) == pytest.approx(7.0, abs=0.01)
    assert sources["memory"].age_years(TODAY) is None
    old = next(f for f in screen({"age": 44}, today=TODAY).findings if f.rule.id == "R-DEL-BP").to_dict(TODAY)
    assert {s["title"][:12]: s["old"] for s in old["sources"][:2]} == {"J&J Medical ": False, "Spravato (es": True}


# Strong Kleene tables (Kleene 1952): T, F and U for True, False and None.
AND = {"TT": True, "TF": False, "TU": None, "FF": False, "FU": False, "UU": None}
OR = {"TT": True, "TF": True, "TU": True, "FF": False, "FU": None, "UU": None}
LETTER = {"T": {"stroke_or_tia": True}, "F": {"stroke_or_tia": False}, "U": {}}


@pytest.mark.parametrize("pair", list(itertools.product("TFU", repeat=2)))
def test_kleene_tables(pair: tuple[str, str]) -> None:
    key = "".join(sorted(pair, key="TFU".index))
    facts = {
        name: value
        for name, value in zip(("mania", "dialysis"), ({"T": True, "F": False}.get(p) for p in pair), strict=True)
        if value is not None
    }
    parts = [{"fact": name, "is": True} for name in ("mania", "dialysis")]
    assert condition({"all": parts}, "").decide(facts) is AND[key]
    assert condition({"any": parts}, "").decide(facts) is OR[key]
    negated = condition({"not": parts[0]}, "").decide(facts)
    assert negated is {"T": False, "F": True, "U": None}[pair[0]]


def test_what_is_missing_is_what_would_decide() -> None:
    rule = rules()["R-ABS-CV6W"]
    assert rule.when.missing({"cardiovascular_event": True}) == ("months_since_cardiovascular_event",)
    assert rule.when.missing({"cardiovascular_event": False}) == ()
    assert set(rule.when.missing({})) == {"cardiovascular_event", "months_since_cardiovascular_event"}


@pytest.mark.parametrize(
    "table",
    [
        {"fact": "aneurism", "is": True},
        {"fact": "sbp", "is": True},
        {"fact": "aneurysm", "above": 1},
        {"fact": "liver_impairment", "is": "terrible"},
        {"fact": "sbp", "above": 1, "below": 2},
        {"fact": "sbp"},
    ],
)
def test_a_condition_that_cannot_be_read_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(KetasimError):
        condition(table, "test")


def test_the_calm_person_is_cleared_and_no_fact_is_forgotten() -> None:
    found = screen(CALM, today=TODAY)
    assert found.verdict == "cleared"
    assert "licensed prescriber" in found.words
    assert all(f.state == "silent" for f in found.findings if f.rule.grade in BLOCKING)


@pytest.mark.parametrize("fact", [key for key in CALM if key not in ("age", "sex", "medication", "sessions_so_far")])
def test_one_risk_or_one_unknown_takes_the_clearance_away(fact: str) -> None:
    rest = {key: value for key, value in CALM.items() if key != fact}
    if (
        fact == "resuscitation_at_hand"
    ):  # asked only of people with an unstable heart or lung disease, who are not cleared anyway
        assert screen({**rest, "unstable_heart_disease": True}, today=TODAY).missing[fact] == ["R-STOP-RESUS"]
        return
    assert screen({**CALM, fact: RISKY[fact]}, today=TODAY).verdict == "not cleared"
    assert screen(rest, today=TODAY).verdict == "not cleared"


def test_an_unknown_absolute_is_not_cleared_whatever_else_is_said() -> None:
    for rule in rules().values():
        if rule.grade != "absolute":
            continue
        facts = {key: value for key, value in CALM.items() if key not in rule.when.facts()}
        if "sex" in rule.when.facts():
            facts["sex"] = "female"
        found = screen(facts, today=TODAY)
        assert found.verdict == "not cleared", rule.id
        assert rule.id in {f.rule.id for f in found.findings if f.state == "unknown"}


def random_person(draw: random.Random) -> dict[str, object]:
    """Mostly calm, with a few risks and unknowns: people near the border of being cleared."""
    person = dict(CALM)
    for key in draw.sample(list(RISKY), draw.choice((0, 0, 1, 2, 5))):
        person[key] = RISKY[key]
    for key in draw.sample(list(CALM), draw.choice((0, 0, 1, 3))):
        person.pop(key, None)
    if draw.random() < 0.3:
        person["medication"] = draw.choice((["tramadol"], ["unheard of"], [], ["lorazepam"], ["lamotrigine"]))
    return person


PLACES = ["", "US", "EU", "UK"]


@pytest.mark.parametrize("place", PLACES)
def test_no_added_risk_and_no_unknown_ever_clears_anyone(place: str) -> None:
    nobody_is_cleared_by_risk_or_silence(place, 400)


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_over_ten_thousand_people(place: str) -> None:
    nobody_is_cleared_by_risk_or_silence(place, 2500)


def nobody_is_cleared_by_risk_or_silence(place: str, people: int) -> None:
    """Put a risk in, or take an answer away: whoever was not cleared is not cleared then. Random people near the border and far from it."""
    draw = random.Random(f"screening {place}")
    cleared = 0
    for _ in range(people):
        person = random_person(draw)
        route = draw.choice(("", "nasal", "iv", "oral"))
        before = decided(person, route, place)
        cleared += before
        risk = draw.choice(list(RISKY))
        assert before or not decided({**person, risk: RISKY[risk]}, route, place), (person, risk)
        gone = draw.choice(list(CALM))
        less = {key: value for key, value in person.items() if key != gone}
        assert before or not decided(less, route, place), (person, gone)
    assert 0.04 < cleared / people < 0.96  # the border is crossed often enough to be tested


def decided(person: dict[str, object], route: str, place: str) -> bool:
    """Cleared or not, by the rules alone (the whole screening is the same and slower)."""
    facts = person_of(person).facts
    scope = [rule for rule in rules().values() if rule.in_scope(route, place, "")]
    return all(rule.when.decide(facts) is False for rule in scope if rule.grade in BLOCKING)


def test_the_short_way_of_the_property_test_is_the_verdict() -> None:
    draw = random.Random(5)
    for _ in range(60):
        person = random_person(draw)
        route, place = draw.choice(("", "nasal", "iv")), draw.choice(("", "US", "EU"))
        assert decided(person, route, place) == screen(person, route, place, today=TODAY).cleared


def test_three_values_are_monotone() -> None:
    """More knowledge never turns one decided answer into the other: fires stays fires, silent stays silent."""
    draw = random.Random(11)
    for _ in range(300):
        facts = dict(person_of(random_person(draw)).facts)
        less = {key: value for key, value in facts.items() if draw.random() < 0.6}
        for rule in rules().values():
            known, before = rule.when.decide(facts), rule.when.decide(less)
            assert before is None or before == known, rule.id


def test_an_emergency_is_one_whatever_else() -> None:
    found = screen({**CALM, "active_suicidal_intent": True}, today=TODAY)
    assert found.emergency
    assert found.findings[0].rule.id == "R-EMERGENCY"
    assert found.verdict == "not cleared"
    item = {**CALM, "score": [{"scale": "IDEATION", "day": 0, "total": 5}]}
    assert screen(item, today=TODAY).emergency
    assert screen(item, today=TODAY).verdict == "not cleared"
    low = {**CALM, "score": [{"scale": "IDEATION", "day": 0, "total": 1}]}
    assert screen(low, today=TODAY).verdict == "cleared"


def test_scope() -> None:
    us = {f.rule.id for f in screen(CALM, "nasal", "US", "esketamine", TODAY).findings}
    assert "R-REMS-ENROL" in us
    assert not us & {"R-ABS-CV6W", "R-HI-6WK", "R-STOP-IV3", "R-CAU-THEO", "R-DEL-BP-EU"}
    infusion = {f.rule.id for f in screen(CALM, "iv", "EU", "ketamine", TODAY).findings}
    assert not infusion & {"R-REMS-ENROL", "R-DEL-FOOD", "R-ABS-CV6W"}
    assert {"R-HI-6WK", "R-CAU-THEO"} <= infusion
    assert len(screen(CALM, today=TODAY).findings) == len(rules())


def test_a_route_or_place_that_nobody_knows() -> None:
    for words in ({"route": "nasel"}, {"jurisdiction": "Mars"}, {"drug": "naltrexone"}):
        with pytest.raises(KetasimError):
            screen(CALM, **words)  # type: ignore[arg-type]


def test_every_class_of_a_medication_list_is_a_fact() -> None:
    assert set(class_facts()) <= set(fields())
    for fact in class_facts():
        assert any(fact in rule.when.facts() for rule in rules().values()), fact


@pytest.mark.parametrize("route", ["nasal", "iv", "im", "sc", "oral", "sublingual", "film"])
def test_every_route_has_a_plan_for_every_phase(route: str) -> None:
    for place in ("US", "EU", "UK", ""):
        found = plan(route, place)
        assert [phase for phase in PHASES if any(step.phase == phase for step in found)] == list(PHASES)
        assert all(step.source for step in found)


def test_the_rems_asks_for_two_hours() -> None:
    steps_us = {step.id: step for step in plan("nasal", "US", "esketamine")}
    assert steps_us["M-NASAL-DISCHARGE"].from_min == 120
    assert not any(step.id == "M-NASAL-DISCHARGE" for step in plan("nasal", "EU", "esketamine"))


def test_json() -> None:
    found = screen({"age": 44, "aneurysm": True}, today=TODAY).to_dict()
    assert found["verdict"] == "not cleared"
    entry = next(rule for rule in found["rules"] if rule["id"] == "R-ABS-ANEUR")
    assert entry["state"] == "fires"
    assert entry["grade"] == "absolute"
    assert entry["jurisdiction"] == "any"
    assert "section 4.3" in entry["source"]
    assert "intracerebral_haemorrhage" in found["missing"]
    assert {rule["state"] for rule in found["rules"]} == {"fires", "silent", "unknown"}
    assert found["monitoring"]
    assert isinstance(Condition("is"), Condition)
