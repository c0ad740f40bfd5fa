"""What is made before anybody asks is that of this model; anything else is made anew, never shown."""

from __future__ import annotations

import json

import pytest

from ketasim.decide.forward import fingerprint
from ketasim.report.guide import guide
from ketasim.scenario.run import record_of, run
from ketasim.web import shipped
from ketasim.web.packed import pack

DUE = "python -m ketasim.web.shipped"


def test_what_is_stored_is_that_of_this_model_and_text() -> None:
    assert json.loads(shipped.HEAD.read_text(encoding="utf-8")) == shipped.made_with(), DUE


def test_the_stored_guide_is_what_would_be_made_now() -> None:
    stored = json.loads(shipped.GUIDE.read_text(encoding="utf-8"))
    made = guide()
    assert {n: x["text"] for n, x in stored["numbers"].items()} == {n: x["text"] for n, x in made["numbers"].items()}, (
        DUE
    )
    assert stored["sections"] == made["sections"], DUE


def test_the_stored_picture_is_what_the_slider_would_get() -> None:
    asked = shipped.first_scenario()
    assert shipped.FIRST.read_bytes() == pack(run(asked), list(shipped.FIRST_OUTPUTS)), DUE


def test_the_forward_predictions_are_those_of_the_dated_page_and_their_hash_holds() -> None:
    found = shipped.forward_now()
    assert found == shipped.forward_page(), DUE
    assert fingerprint(found["predictions"]) == found["sha256"]


def test_a_record_without_a_run_is_that_of_the_run() -> None:
    asked = shipped.first_scenario().but(people=0)
    assert record_of(asked).numbers == run(asked).record.numbers and record_of(asked).model == run(asked).record.model


def test_what_another_model_made_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "current", lambda: False)
    shipped.guide_now.cache_clear()
    assert shipped.first_now() is None
    assert shipped.guide_now()["stored"] is False
    shipped.guide_now.cache_clear()
