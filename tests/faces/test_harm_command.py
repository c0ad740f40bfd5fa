"""`ketasim harm`: words, JSON, mistakes."""

import json

WORDS = "esketamine nasal 84 mg twice weekly x 8, then weekly x 4"


def test_the_words(ketasim) -> None:
    answer = ketasim("harm", WORDS, "--people", "20")
    assert answer.code == 0
    assert "12 sessions over 1.6 months, at most 2 in seven days: 1,008 mg of esketamine" in answer.out
    assert "Session 1, among 20 simulated people" in answer.out
    assert "Session 12" in answer.out
    for organ in ("BLADDER", "COGNITION", "DEPENDENCE", "LIVER"):
        assert organ in answer.out
    assert answer.out.count("cannot be said:") == 4
    assert "12 sessions against 8 (beyond)" in answer.out
    assert "BLAD-COT" in answer.out
    assert "No rate is carried over to the plan" in answer.out
    assert "theirs is the one to go by" in answer.out
    assert "a licensed prescriber decides" in answer.out


def test_the_json(ketasim) -> None:
    found = json.loads(ketasim("harm", WORDS, "--people", "10", "--json").out)
    assert found["plan"]["sessions"] == 12
    assert found["plan"]["total_mg"] == 1008
    assert [session["session"] for session in found["acute"]] == [1, 12]
    assert {row["organ"] for row in found["long_term"]} == {"bladder", "cognition", "dependence", "liver"}
    assert set(found["cannot_be_said"]) >= {"bladder", "cognition", "dependence", "liver"}


def test_without_people_only_the_long_term(ketasim) -> None:
    answer = ketasim("harm", "ketamine iv 0.5 mg/kg over 40 min twice weekly x 6", "--people", "0", "--weight", "80")
    assert answer.code == 0
    assert "240 mg of ketamine (iv) (free base, 80 kg)" in answer.out
    assert "simulated people" not in answer.out


def test_a_course_without_an_end_says_where_it_was_cut(ketasim) -> None:
    """Daily for the ten days of --days: ten doses, days 0 to 9."""
    answer = ketasim("harm", "ketamine oral 50 mg daily", "--days", "10", "--people", "0")
    assert "10 sessions over 0.3 months, at most 7 in seven days: 500 mg of ketamine (oral)" in answer.out
    assert "no end: counted up to day 10" in answer.out


def test_mistakes(ketasim) -> None:
    assert ketasim("harm", "ketamin iv 0.5 mg/kg over 40 min").code == 2
    answer = ketasim("harm", "placebo iv over 40 min")
    assert answer.code == 2
    assert "no ketamine is given" in answer.err


def test_nausea_and_dizziness_stand_beside_what_was_reported(ketasim) -> None:
    """A share at one minute is far below the share that reports an effect once in a course: the label's figures (LBL-AE-NAU, LBL-AE-DIZ) stand beside."""
    answer = ketasim("harm", "esketamine nasal 84 mg", "--people", "20")
    assert "nausea 28 % (98 of 346); placebo 9 % (LBL-AE-NAU)" in answer.out
    assert "dizziness 29 % (101 of 346); placebo 8 % (LBL-AE-DIZ)" in answer.out
    found = json.loads(ketasim("harm", "esketamine nasal 84 mg", "--people", "20", "--json").out)
    assert [entry["what"] for entry in found["acute_reported"]] == ["nausea", "dizziness"]
