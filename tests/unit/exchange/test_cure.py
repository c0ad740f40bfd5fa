"""The CURE checklist is computed: what is made wrong turns an answer to no."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ketasim.exchange import cure
from ketasim.exchange.capabilities import capabilities_text, to_dict


def test_every_part_has_items_and_each_says_what_was_found(ketasim) -> None:
    answer = ketasim("capabilities", "--json")
    found = json.loads(answer.out)
    assert answer.code == 0 and {i["part"] for i in found["cure"]} == set(cure.PARTS)
    assert all(i["found"] and i["asks"].endswith("?") and i["held"] in (True, False, None) for i in found["cure"])
    text = capabilities_text(found)
    assert all(i["found"] in text for i in found["cure"]) and all(q["question"] in text for q in found["questions"])
    assert "scorecard" not in found


def test_what_is_made_wrong_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = list(cure.all_values())
    known = {key: one for key, one in cure.sources().items() if key != numbers[0].source}
    monkeypatch.setattr(cure, "sources", lambda: known)
    left = sum(v.source in known for v in numbers)
    assert cure._traced().held is False and f"{left} of {len(numbers)} numbers" in cure._traced().found
    assumed = [replace(v, basis="assumed") for v in numbers]
    monkeypatch.setattr(cure, "all_values", lambda: assumed)
    assert cure._measured().held is False
    for about, held in (
        ({"draws": 800, "bulk_ess_least": 900.0, "tail_ess_least": 100.0, "nested_rhat_most": 1.01}, False),
        ({"draws": 800, "bulk_ess_least": 900.0, "tail_ess_least": 500.0, "nested_rhat_most": 1.2}, False),
        ({"draws": 800, "bulk_ess_least": 900.0, "tail_ess_least": 500.0, "nested_rhat_most": 1.01}, True),
    ):
        monkeypatch.setattr(cure, "read_toml", lambda place, about=about: {"about": about})
        assert cure._converged().held is held
    monkeypatch.setattr(cure, "TARGETS", {"sbml": 1})
    assert cure._formats().held is False
    turns = iter(("one", "two"))
    monkeypatch.setattr(cure, "run", lambda asked: SimpleNamespace(to_json=lambda: next(turns)))
    assert cure._same_again().held is False


def test_the_scorecard_comes_with_it_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    import ketasim.evidence.fit.check as check

    card = SimpleNamespace(to_json=lambda: json.dumps({"summary": {"rows": 3}}))
    monkeypatch.setattr(check, "card_of", lambda: card)
    found = to_dict(scorecard=True)
    assert found["scorecard"] == {"rows": 3} and "Scorecard" in capabilities_text(found)
