"""The file of the ledger: every problem is named at once, and what is shipped has none."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ketasim.core import KetasimError
from ketasim.decide import claims, claims_file
from ketasim.decide.records import VERDICTS

SOUND: dict[str, Any] = {
    "scenarios": {"iv": {"words": "ketamine iv 0.5 mg/kg over 40 min"}},
    "works": {
        "group": "one",
        "claim": "It works.",
        "verdict": "supported",
        "why": "It does.",
        "evidence": [{"says": "45 % of many.", "records": ["wilkinson_2019_ipd_midazolam_vs_saline_03"]}],
        "predicts": [
            {
                "label": "24 h",
                "says": "effect at 24 h",
                "scenario": "iv",
                "measure": "at",
                "output": "madrs.effect",
                "look": "24 h",
                "unit": "points",
                "high": -2.0,
                "rests_on": "the claim",
            }
        ],
    },
}


def problems(**changes: Any) -> list[str]:
    """Problems of the sound file with the claim's entries replaced; a None takes one away."""
    table = copy.deepcopy(SOUND)
    table["works"] |= changes
    table["works"] = {key: entry for key, entry in table["works"].items() if entry is not None}
    return [str(problem) for problem in claims_file.read_book(table).problems]


def predicts(**changes: Any) -> list[str]:
    entry = SOUND["works"]["predicts"][0] | changes
    return problems(predicts=[{key: value for key, value in entry.items() if value is not None}])


def test_a_sound_file_has_no_problem() -> None:
    book = claims_file.read_book(SOUND)
    assert not book.problems and [c.name for c in book.claims] == ["works"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"verdict": "maybe"}, "unknown verdict 'maybe'"),
        ({"verdict": None}, "'verdict' is missing"),
        ({"why": None}, "'why' is missing"),
        ({"predicts": None}, "neither a prediction nor a reason"),
        (
            {"evidence": [{"says": "So it is.", "records": ["wilkinson_2019_x"]}]},
            "no study has the record wilkinson_2019_x",
        ),
        ({"evidence": [{"says": "So it is."}]}, "no record is named"),
        ({"evidence": [{"says": "I recall.", "records": ["phillips_2019_07"]}]}, "records from memory carry none"),
        ({"evidence": [{"says": "On the box.", "sources": ["NoSuchLabel"]}]}, "unknown source 'NoSuchLabel'"),
        ({"opinion": "good"}, "unknown entry 'opinion'"),
        ({"claim": "x" * 200}, "longer than"),
    ],
)
def test_every_problem_of_a_claim_is_named(changes: dict[str, Any], word: str) -> None:
    assert any(word in text and "[works]" in text for text in problems(**changes))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"output": "madrs.efect"}, "unknown output 'madrs.efect'"),
        ({"scenario": "im"}, "unknown scenario 'im'"),
        ({"scenario": "slice/one"}, "unknown scenario 'slice/one'"),
        ({"measure": "guess"}, "unknown measure 'guess'"),
        ({"look": None}, "needs a time"),
        ({"look": "soon"}, "cannot read the time 'soon'"),
        ({"high": None}, "no interval"),
        ({"low": 3.0}, "is empty"),
        ({"who": "mode"}, "unknown statistic 'mode'"),
        ({"unit": "furlong"}, "unknown unit 'furlong'"),
        ({"base": "end"}, "neither a number nor 'start'"),
        ({"versus": {"look": "7 d"}}, "unknown combination ''"),
        ({"how": "ratio"}, "'how' without 'versus'"),
        ({"records": ["phillips_2019_07"]}, "from memory"),
        ({"measure": "response"}, "is about the MADRS"),
        ({"rests_on": None}, "'rests_on' is missing"),
        ({"rests_on": "sign: less", "low": -1e3}, "a sign gives one bound"),
    ],
)
def test_every_problem_of_a_prediction_is_named(changes: dict[str, Any], word: str) -> None:
    assert any(word in text for text in predicts(**changes))


def test_an_interval_never_rests_on_a_study_kept_for_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machinery of roles stays although everything of the package is `fit` in round 2."""
    assert not predicts(records=["murrough_2013_01"])
    kept = dict(claims_file.known_records()) | {"murrough_2013_01": "validate"}
    monkeypatch.setattr(claims_file, "known_records", lambda: kept)
    assert any("kept for validation" in text for text in predicts(records=["murrough_2013_01"]))


def test_all_problems_at_once_and_a_ledger_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    table = copy.deepcopy(SOUND)
    table["works"]["verdict"] = "maybe"
    table["works"]["predicts"][0]["output"] = "mood.madness"
    table["scenarios"]["spare"] = {"words": "ketamin iv 0.5 mg/kg"}
    book = claims_file.read_book(table)
    assert len(book.problems) == 4  # verdict, output, unused scenario, words that cannot be read
    monkeypatch.setattr(claims, "book", lambda: book)
    assert claims.lint_claims() == list(book.problems)
    with pytest.raises(KetasimError, match="maybe"):
        claims.ledger()


def test_the_shipped_ledger_is_sound() -> None:
    assert claims.lint_claims() == []


def test_the_ledger_holds_every_claim_of_the_design() -> None:
    names = {c.name for c in claims.ledger()}
    design = {
        "relief-in-hours",
        "lasts-a-week",
        "ssri-weeks",
        "sixty-to-seventy-percent",
        "forty-four-after-six",
        "suicidal-thoughts-at-once",
        "nmda-glutamate-surge",
        "spines-before-behaviour",
        "removing-spines",
        "raises-bdnf",
        "no-bdnf-no-effect",
        "naltrexone-reduces",
        "naltrexone-no-effect",
        "buprenorphine-spares",
        "binds-opioid-receptors",
        "hnk-without-dissociation",
        "iv-complete",
        "nasal-forty-five",
        "nasal-two-to-six-hours",
        "nasal-less-to-the-brain",
        "s-dissociates-more",
        "r-stronger-in-animals",
        "spravato-approved",
        "iv-off-label",
        "acute-effects-pass",
        "dangerous-conditions",
        "harms-bladder",
        "harms-memory",
        "brings-dependence",
        "clinic-risk-low",
        "low-crp",
        "high-bdnf",
        "slow-wave-sleep",
        "circadian-rhythm",
        "substance-use-worse",
        "therapy-window",
        "anti-inflammatory-add-on",
        "biomarkers-personalise",
        "iv-more-predictable",
        "repairs-the-brain",
        "chemical-imbalance",
        "no-large-r-trial",
        "no-large-hnk-trial",
        "first-naltrexone-trial-2023",
        "spravato-insured",
        "not-from-online",
    }
    assert design <= names


def test_what_the_evidence_contradicts_is_said_plainly() -> None:
    for name in ("spines-before-behaviour", "alcohol-in-the-family", "first-naltrexone-trial-2023", "any-nmda-blocker"):
        assert claims.claim(name).verdict == "not supported"
    assert "FOUR" in claims.claim("forty-four-after-six").why
    assert {c.verdict for c in claims.ledger()} == set(VERDICTS)


def test_a_misspelt_claim_teaches() -> None:
    with pytest.raises(KetasimError, match="relief-in-hours"):
        claims.claim("relief-in-hour")


def test_an_arm_with_a_jump_is_carried_out_as_it_stands() -> None:
    """What is added to a state was dropped without a word where the ledger looks at an arm of an experiment."""
    jump = {"at": "24 h", "state": "spines_new", "scale": 0.5, "add": 0.2}
    (sudden,) = claims_file.build("arm", {"words": "ketamine iv 0.5 mg/kg over 40 min", "jumps": [jump]}).sudden
    assert (sudden.time_h, sudden.state, sudden.scale, sudden.add) == (24.0, "spines_new", 0.5, 0.2)
