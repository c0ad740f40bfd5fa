"""What the server says it answers is what it answers; the page's choices are words that the program reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter

import ketasim
from ketasim.core import UsageError
from ketasim.core.drugs import drugs
from ketasim.decide.next_study import next_study
from ketasim.dose import parse
from ketasim.scenario.result import plain
from ketasim.web import answers, facts, long_answers, shipped
from ketasim.web.persons import EXAMPLE, PersonQuestion, screened
from ketasim.web.questions import refuse_the_endless
from ketasim.web.schema import schema
from ketasim.web.trials import designs

WORDS = "ketamine iv 0.5 mg/kg over 40 min"
OPENAPI = Path(__file__).resolve().parents[3] / "frontend" / "openapi.json"


@pytest.mark.parametrize(
    ("made", "model"),
    [
        (facts.catalogue, answers.Catalogue),
        (facts.drug_list, list[answers.Drug]),
        (facts.output_list, list[answers.Output]),
        (facts.value_list, list[answers.ValueEntry]),
        (shipped.guide_now, answers.Guide),
        (lambda: screened(PersonQuestion(person=EXAMPLE)), answers.Screened),
        (shipped.forward_now, answers.Forward),
        (designs, list[answers.DesignFile]),
        (facts.experiment_list, list[answers.ExperimentCard]),
        (lambda: facts.shown("central_volume"), answers.Shown),
        (lambda: facts.shown("Abdallah2020"), answers.Shown),
        (facts.claim_list, list[long_answers.Claim]),
        (lambda: facts.claim_played(facts.claim_list()[0]["name"], 2, 1), long_answers.PlayedClaim),
        (lambda: facts.weighed({}, True, ()), long_answers.Weighed),
    ],
)
def test_every_field_that_is_answered_is_described_and_the_reverse(made, model) -> None:
    text = json.dumps(made())
    found = TypeAdapter(model).validate_json(text, strict=True)
    again = TypeAdapter(model).dump_json(found, by_alias=True)
    assert json.loads(again) == json.loads(text)


@pytest.mark.parametrize("people", [0, 3])
def test_a_run_is_what_the_schema_says(people: int) -> None:
    text = ketasim.run(
        "ketamine iv 0.5 mg/kg over 40 min", with_=["naltrexone oral 50 mg at -45 min"], people=people
    ).to_json()
    found = answers.Run.model_validate_json(text)
    assert set(json.loads(text)) == set(answers.Run.model_fields)
    assert found.people == people and found.ledger[0].drug


def test_the_schema_behind_the_types_of_the_page_is_current() -> None:
    assert OPENAPI.read_text(encoding="utf-8") == schema(), (
        "python -m ketasim.web.schema > frontend/openapi.json; npm run types in frontend/"
    )


def test_a_start_is_a_dose_that_was_studied() -> None:
    for words, amount in facts.page_choices()["start"].items():
        drug, route = words.split()
        low, high = next(iter(drugs()[drug].routes[route].studied.values()))
        assert low <= amount <= high, words


def test_everything_the_page_offers_is_understood() -> None:
    choices = facts.page_choices()
    main = "ketamine iv 0.5 mg/kg over 40 min"
    for item in choices["added"]:
        assert parse(main, with_=[item["words"]]).doses(24.0)
    counts = [len(parse(main, repeat=item["words"]).doses(24.0 * 60)) for item in choices["repeats"]]
    assert counts == [1, 8, 6, 4]


@pytest.mark.parametrize(("days", "doses"), [(121.0, 1), (3.0, 601)])
def test_what_is_too_long_for_the_page_is_not_answered_with_another_regimen(days: float, doses: int) -> None:
    with pytest.raises(UsageError) as refused:
        refuse_the_endless(days, doses)
    assert refused.value.fix == "" and "ketasim run" in refused.value.allowed
    refuse_the_endless(120.0, 600)


GIVEN = {  # one object of each long answer, as the commands print it
    "compare": lambda: json.loads(ketasim.compare(WORDS, "placebo iv over 40 min", people=2, draws=0).to_json()),
    "experiment": lambda: json.loads(ketasim.experiment("naltrexone", hypotheses=True).to_json()),
    "next-study": lambda: plain(
        next_study("opioid-gate", "expectancy-only", budget=40, only=["midazolam-glx"], draws=2, outer=50).to_dict()
    ),
    "courses": lambda: {
        arm: found.fine("madrs.effect").to_dict() for arm, found in ketasim.experiment("naltrexone").results.items()
    },
}
MODELS = {
    "compare": long_answers.Compared,
    "experiment": long_answers.Carried,
    "next-study": long_answers.NextStudy,
    "courses": long_answers.Courses,
}


@pytest.mark.parametrize("name", GIVEN)
def test_the_long_answers_are_what_the_schema_says(name: str) -> None:
    made = GIVEN[name]()
    found = TypeAdapter(MODELS[name]).validate_python(made)
    again = json.loads(TypeAdapter(MODELS[name]).dump_json(found, by_alias=True))
    assert again == json.loads(json.dumps(made))


PACKED = ("/api/curves", "/api/first")  # answered as packed numbers


def test_every_address_of_the_server_says_what_it_answers() -> None:
    """Nothing is answered as any object at all: a page that is typed from the schema would know nothing of it."""
    paths = json.loads(schema())["paths"]
    loose = []
    for path, methods in paths.items():
        for method, about in methods.items():
            content = about["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
            entry = content.get("items", content)
            if not ({"$ref", "additionalProperties"} & set(entry)) or entry.get("additionalProperties") is True:
                loose.append((method, path, content))
    assert [path for _, path, _ in loose if path not in PACKED] == []
