"""The claims ledger against the model: every prediction is computed anew and must lie where its verdict needs it."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from ketasim.decide import claims
from ketasim.decide.claims import Evaluated
from ketasim.report.claims_text import claim_text, claims_page, claims_text

pytestmark = pytest.mark.xdist_group("claims")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "claims.md"
LEDGER = claims.ledger()
TWO_DIGITS = 0.06  # relative: two significant digits, rounded on either side
MINUTES = 6.0


@pytest.fixture(scope="module")
def found() -> dict[str, Evaluated]:
    return {one.claim.name: one for one in claims.evaluate_all()}


@pytest.mark.parametrize("name", [c.name for c in LEDGER if c.predictions])
def test_the_verdict_stands(found: dict[str, Evaluated], name: str) -> None:
    for one in found[name].found:
        p = one.prediction
        reason = "now inside: take the misfit back" if p.misfit else "outside: the verdict must change"
        assert one.stands, f"{p.says}: {one.value:.3g}, verdict rests on {p.low} to {p.high} ({p.rests_on}); {reason}"


def test_bands_hold_what_they_say(found: dict[str, Evaluated]) -> None:
    for one in found.values():
        for f in one.found:
            assert f.low is not None and f.high is not None, f.prediction.says
            assert f.low <= f.high
            if f.band == "sample":
                assert f.low <= f.value <= f.high


def test_misfits_are_few_and_explained(found: dict[str, Evaluated]) -> None:
    predictions = [f.prediction for one in found.values() for f in one.found]
    misfits = [p for p in predictions if p.misfit]
    assert len(misfits) <= 0.1 * len(predictions)
    assert all(len(p.misfit) > 40 for p in misfits)


def test_a_prediction_that_moves_out_takes_the_verdict_with_it() -> None:
    one = claims.claim("nasal-forty-five")
    narrow = dataclasses.replace(one.predictions[0], low=0.50, high=0.58)
    fallen = claims.evaluate(dataclasses.replace(one, predictions=(narrow,)))
    assert not fallen.stands
    assert "no longer stands" in claim_text(fallen)
    assert "CHANGED" in claims_text([fallen])


def test_same_seed_same_numbers_and_people_matter() -> None:
    one = claims.claim("nasal-forty-five")
    again = claims.evaluate(one)
    assert again == claims.evaluate(one)
    other = claims.evaluate(one, people=60, seed=2)
    assert other.found[0].value == pytest.approx(again.found[0].value, rel=1e-4)  # the typical person is the same
    assert other.found[0].low != again.found[0].low


def test_nothing_is_simulated_twice(found: dict[str, Evaluated], monkeypatch: pytest.MonkeyPatch) -> None:
    def again(*_: object, **__: object) -> None:
        raise AssertionError("simulated a second time")

    monkeypatch.setattr(claims, "run", again)
    assert [one.found for one in claims.evaluate_all()] == [one.found for one in found.values()]


def test_every_line_of_the_table_has_a_claim(found: dict[str, Evaluated]) -> None:
    text = claims_text(list(found.values()))
    for name, one in found.items():
        line = next(line for line in text.splitlines() if line.startswith(f"  {name} "))
        assert one.claim.claim in line and one.claim.verdict in line
    narrow = claims_text(list(found.values()), width=100)
    assert all(len(line) <= 120 for line in narrow.splitlines())
    assert all(f"[{name}]" in narrow for name in found)


def test_the_full_record_names_evidence_interval_and_reason(found: dict[str, Evaluated]) -> None:
    text = claim_text(found["naltrexone-reduces"])
    for word in ("jelen_2025_01", "Williams2018", "SUPPORTED WITH LIMITS", "The verdict needs", "inside"):
        assert word in text
    assert "Of these from memory, not counted: PL023" in claim_text(found["removing-spines"]).replace("\n    ", " ")
    assert "Outside the model: prices" in claim_text(found["spravato-insured"])


def test_json_is_valid_and_complete(found: dict[str, Evaluated]) -> None:
    for one in found.values():
        plain = json.loads(json.dumps(one.to_dict(), allow_nan=False))
        assert plain["verdict"] in claims.VERDICTS and plain["stands"] is True
        assert plain["predictions"] or plain["outside_the_model"]
        for prediction in plain["predictions"]:
            assert {"value", "low", "high", "model_low", "model_high", "needs"} <= set(prediction)


def test_the_page_is_current(found: dict[str, Evaluated]) -> None:
    fresh, stored = claims_page(list(found.values())), PAGE.read_text(encoding="utf-8")
    remedy = "write it anew: python -m ketasim.report.claims_page"
    number = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
    assert re.split(number, fresh) == re.split(number, stored), remedy
    after = re.split(number, fresh)[1:]
    for new, old, unit in zip(re.findall(number, fresh), re.findall(number, stored), after, strict=True):
        a, b = float(new), float(old)
        near = abs(a - b) <= TWO_DIGITS * max(abs(a), abs(b)) or (unit.startswith(" min") and abs(a - b) <= MINUTES)
        assert near, f"{new} against {old}{unit[:20]}; {remedy}"
