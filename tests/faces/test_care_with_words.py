"""Care with words: warnings first, a benefit only beside placebo, drug part and harm, nothing where nothing is known, help in a crisis."""

import re

import pytest

from ketasim.chain.hypothesis import default_hypothesis, hypotheses
from ketasim.report.care import anaesthetic, long_use, not_known
from ketasim.report.crisis import country, crisis_lines, crisis_text
from ketasim.report.parts import masked, over_hypotheses, parts, under_placebo
from ketasim.scenario.plan import scenario
from ketasim.scenario.run import run

GOOD = "ketamine iv 0.5 mg/kg over 40 min"
NALTREXONE = ("--with", "naltrexone oral 50 mg at -45 min")
QUICK = ("--people", "2")
BENEFIT = re.compile(r"beyond placebo|respond|remission|MADRS -|madrs\.|by the drug")


def sentences(text: str) -> str:
    """The story without the line that names the output columns."""
    return text.split("Approval")[0]


# what is said of a benefit ------------------------------------------------------------------------------------------


def test_beyond_placebo_is_split_and_the_parts_add_up() -> None:
    result = run(GOOD, people=0)
    split = parts(result, masked(result), "24 h")
    effect = result.summary["mood"]["24 h"]["madrs.effect"]["typical"]
    told = run(GOOD, people=0, masked=True).summary["mood"]["24 h"]["madrs.effect"]["typical"]
    assert split.drug == told and split.drug + split.belief == pytest.approx(effect, abs=1e-12)
    assert split.drug < -1 and split.belief < -1 and split.low < split.drug < split.high


def test_a_drug_that_does_nothing_is_belief_alone(ketasim) -> None:
    text = ketasim("run", GOOD, *QUICK, "--hypothesis", "expectancy-only").out
    assert re.search(r"24 h: .*beyond placebo -\d.*: 0\.0 by the drug \(masked\) and -\d\S* by noticing it", text), text
    assert "by the drug alone not within the run" in text


def test_every_benefit_stands_beside_placebo_and_harm(ketasim) -> None:
    text = ketasim("run", GOOD, "--people", "20").out
    for look in ("24 h", "7 d"):
        line = next(line for line in text.splitlines() if line.strip().startswith(f"{look}: MADRS"))
        assert "under placebo" in line and "by the drug (masked)" in line and "by noticing it" in line
    assert text.count("under placebo about") + text.count("under placebo fewer") == 2
    assert "CADSS points, systolic pressure up by" in text and "sedation down to" in text
    assert "90 % credible interval" in text and "how sure" not in text
    assert "Spravato REMS" in text and "at least 2 h" in text


def test_the_placebo_figure_is_that_of_the_same_people() -> None:
    result = run(GOOD, people=30, draws=0, repeat="twice weekly x 3")
    other = under_placebo(result)
    assert list(other.people.person) == list(result.people.person)
    for look in ("24 h", "7 d"):
        here, there = result.summary["mood"][look], other.summary["mood"][look]
        own = here["madrs.change"]["typical"] - here["madrs.effect"]["typical"]
        assert there["madrs.change"]["typical"] == pytest.approx(own, abs=1e-6)
        assert there["response"]["share"] < here["response"]["share"]


def test_compare_splits_too(ketasim) -> None:
    text = ketasim("compare", GOOD, "esketamine nasal 84 mg", *QUICK).out
    assert text.count("of it by the drug (masked)") == text.count("of it by noticing it (expectancy)") == 2
    assert text.count("the same under placebo") == 2
    assert "different settings" in text
    assert (
        "different settings" not in ketasim("compare", GOOD, "esketamine nasal 84 mg", *QUICK, "--setting", "open").out
    )


def test_a_cut_duration_is_marked(ketasim) -> None:
    row = next(
        line
        for line in ketasim("compare", GOOD, "placebo iv", *QUICK).out.splitlines()
        if "2 MADRS points or more" in line
    )
    assert ">= 6.99" in row
    whole = next(
        line
        for line in ketasim("compare", GOOD, "--people", "0", "--days", "28").out.splitlines()
        if "2 MADRS points or more" in line
    )
    assert ">=" not in whole


# what is not known -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("ketamine im 0.5 mg/kg", "no controlled trial"),
        ("ketamine sublingual 50 mg", "no controlled trial"),
        ("esketamine iv 0.4 mg/kg over 40 min", "no controlled trial"),
        ("ketamine oral 600 mg", "beyond the studied range"),
        ("ketamine nasal 200 mg", "beyond the studied range"),
        ("ketamine iv 0.05 mg/kg over 40 min", "below the studied range"),
        ("ketamine iv 1.5 mg/kg over 10 h", "beyond the studied range"),
        ("ketamine iv 5 mg/kg over 40 min", "anaesthetises"),
    ],
)
def test_no_benefit_where_nothing_is_known(ketasim, words: str, why: str) -> None:
    assert why in not_known(scenario(words))
    text = ketasim("run", words, *QUICK).out
    assert "is not known" in text and why in text and not BENEFIT.search(text), text
    beside = ketasim("compare", GOOD, words, *QUICK).out
    effect = next(line for line in beside.splitlines() if "MADRS effect beyond placebo at 24 h" in line)
    assert effect.rstrip().endswith("not known")
    assert not any("B - A" in line and "MADRS" in line for line in beside.splitlines())


@pytest.mark.parametrize(
    "words",
    [
        GOOD,
        "ketamine iv 1 mg/kg over 40 min",
        "esketamine nasal 84 mg",
        "ketamine oral 300 mg",
        "ketamine nasal 50 mg",
        "placebo iv",
    ],
)
def test_what_trials_have_studied_is_told(words: str) -> None:
    assert not_known(scenario(words)) == "" and anaesthetic(scenario(words)) == ""


def test_every_controlled_record_exists() -> None:
    from ketasim.core.drugs import drugs
    from ketasim.report.lint import _records

    named = {record for entry in drugs().values() for way in entry.routes.values() for record in way.controlled}
    assert len(named) > 5 and named <= _records()


# anaesthesia, warnings, long use -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "repeat", "is_one"),
    [
        ("ketamine iv 1 mg/kg", "", True),  # pushed within a minute: the label's lowest
        ("ketamine iv 1 mg/kg over 40 min", "", False),  # a depression trial's dose
        ("ketamine iv 5 mg/kg over 40 min", "", True),
        ("ketamine iv 5 mg/kg over 24 h", "", False),
        ("ketamine iv 24 mg/kg over 10 h", "", True),
        ("ketamine iv 0.5 mg/kg over 10 min", "every 20 min x 3", True),  # 1.5 mg/kg within an hour
        ("ketamine im 6.5 mg/kg", "", True),
        ("ketamine im 1 mg/kg", "", False),
        ("esketamine nasal 84 mg", "", False),
    ],
)
def test_what_anaesthetises(words: str, repeat: str, is_one: bool) -> None:
    try:
        asked = scenario(words, repeat=repeat)
        asked.regimen  # noqa: B018
    except Exception:
        pytest.skip("refused as a dose before it can be called one")
    assert bool(anaesthetic(asked)) is is_one


def test_anaesthesia_is_said_before_anything_else(ketasim) -> None:
    text = ketasim("run", "ketamine iv 5 mg/kg over 40 min", *QUICK).out
    first = text.index("ANAESTHESIA")
    assert first < text.index("Doses") and "Airway and breathing are not modelled" in text
    assert "1-4.5 mg/kg" in text and "Ketalar" in text
    assert "CADSS points" not in text and "mmHg" not in text
    beside = ketasim("compare", GOOD, "ketamine iv 5 mg/kg over 40 min", *QUICK).out
    assert beside.index("ANAESTHESIA") < beside.index("Onset")


def test_warnings_stand_before_the_story(ketasim) -> None:
    text = ketasim("run", "ketamine iv 1.5 mg/kg over 40 min", *QUICK).out
    assert text.index("Warnings") < text.index("Doses") and "Know this" not in text


def test_frequent_or_long_use_names_its_harms(ketasim) -> None:
    assert long_use(scenario(GOOD)) == "" == long_use(scenario(GOOD, repeat="twice weekly x 6"))
    assert long_use(scenario(GOOD, repeat="weekly x 6")) and long_use(scenario(GOOD, repeat="daily x 5"))
    text = ketasim("run", GOOD, "--repeat", "daily x 28", "--people", "0").out
    for harm in ("bladder", "dependence", "tolerance"):
        assert harm in text.split("Doses")[0]


def test_a_peak_is_counted_from_its_own_dose(ketasim) -> None:
    text = ketasim("run", GOOD, "--people", "0", "--days", "1", *NALTREXONE).out
    line = next(line for line in text.splitlines() if "naltrexone peaks" in line)
    found = re.search(r"(\d+) min after the dose of naltrexone", line)
    assert found and int(found.group(1)) > 45, line  # it peaks after the start of the infusion
    repeated = ketasim("run", GOOD, "--people", "0", "--repeat", "twice weekly x 3").out
    assert re.search(r"min after dose \d of 3 \(at ", repeated), repeated


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (GOOD, ["ketamine, S and R together", "naltrexone"]),
        ("esketamine nasal 84 mg", ["S-ketamine (esketamine)", "naltrexone"]),
        ("placebo iv", ["naltrexone"]),
    ],
)
def test_the_story_names_the_drugs_that_were_given(ketasim, words: str, names: list[str]) -> None:
    text = ketasim("run", words, "--people", "0", "--days", "1", "--hypothesis", "opioid-gate", *NALTREXONE).out
    assert re.findall(r"Blood: (.*?) peaks", text) == names


# the hypothesis ------------------------------------------------------------------------------------------------------


def test_the_hypothesis_is_named_where_it_decides(ketasim) -> None:
    result = run(GOOD, with_=("naltrexone oral 50 mg at -45 min",), people=0, draws=0, days=2)
    found = over_hypotheses(result)
    assert set(found.effects) == set(hypotheses()) and found.default == default_hypothesis().id
    assert max(found.effects.values()) - min(found.effects.values()) > 1
    text = ketasim("run", GOOD, "--people", "0", "--days", "2", *NALTREXONE).out
    assert f"under the working default, {found.default}" in text and f"{len(hypotheses())} shipped hypotheses" in text
    assert over_hypotheses(run(GOOD, people=0, draws=0, days=2)) is None
    chosen = ketasim("run", GOOD, "--people", "0", "--days", "2", *NALTREXONE, "--hypothesis", "disinhibition").out
    assert "shipped hypotheses" not in chosen


@pytest.mark.parametrize("name", sorted(hypotheses()))
def test_show_explains_a_hypothesis(ketasim, name: str) -> None:
    text = ketasim("show", name).out
    entry = hypotheses()[name]
    assert text.startswith(f"{name}: {entry.title}") and "refuted by:" in text and "predicts:" in text
    assert all(f"{stage}: " in text for stage in entry.variants)
    assert name in ketasim("show", "hypotheses").out


def test_what_was_not_varied_is_said_in_claims() -> None:
    import dataclasses

    from ketasim.decide.claims import Found, ledger
    from ketasim.report.claims_text import _sentence

    prediction = next(p for c in ledger() for p in c.predictions if p.unit == "share")
    names = {f.name for f in dataclasses.fields(Found)}
    base = {"prediction": prediction, "value": 0.54, "low": None, "high": None, "people": 200, "band": ""}
    same = Found(**{k: v for k, v in (base | {"model_low": 0.54, "model_high": 0.54}).items() if k in names})
    apart = Found(**{k: v for k, v in (base | {"model_low": 0.5, "model_high": 0.6}).items() if k in names})
    assert "90 % credible interval: not varied." in _sentence(same) and "54 to 54" not in _sentence(same)
    assert "90 % credible interval: 50 to 60 %." in _sentence(apart)


# help in a crisis -------------------------------------------------------------------------------------------------------


def test_every_number_has_a_source_and_a_date() -> None:
    for line in crisis_lines():
        assert re.search(r"\w+\.\w+/", line.source) and re.fullmatch(r"20\d\d-\d\d-\d\d", line.checked), line
        assert line.emergency or line.helpline


@pytest.mark.parametrize(
    ("environment", "expected", "part"),
    [
        ({"LANG": "en_GB.UTF-8"}, "GB", "116 123"),
        ({"LANG": "en_US.UTF-8"}, "US", "988"),
        ({"LANG": "de_DE@euro"}, "DE", "112"),
        ({"LANG": "en_AU"}, "AU", "13 11 14"),
        ({"LC_ALL": "fr_CA.UTF-8", "LANG": "en_US.UTF-8"}, "CA", "Suicide Crisis Helpline"),
        ({"LANG": "C.UTF-8"}, "", "emergency number of the place"),
        ({"LANG": "pt_BR.UTF-8"}, "BR", "emergency number of the place"),
        ({}, "", "emergency number of the place"),
    ],
)
def test_the_line_follows_the_locale(environment: dict[str, str], expected: str, part: str) -> None:
    assert country(environment) == expected
    text = crisis_text(environment)
    assert part in text and "emergency number of the place" in text and "\n" not in text
    if expected in ("", "BR"):
        assert not re.search(r"\d", text)


@pytest.mark.parametrize(
    "words",
    [
        ("run", GOOD, *QUICK),
        ("run", "ketamine im 0.5 mg/kg", *QUICK),
        ("compare", GOOD, "placebo iv", *QUICK),
        ("experiment", "spine-ablation"),
    ],
    ids=lambda words: f"{words[0]} {words[1]}",
)
def test_help_stands_wherever_mood_is_shown(ketasim, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    answer = ketasim(*words)
    assert answer.out.count("In a crisis:") == 1 and "116 123" in answer.out


def test_help_stands_in_the_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    from ketasim.decide.claims import claim, evaluate_all
    from ketasim.report.claims_text import claim_text, claims_page, claims_text

    monkeypatch.setenv("LC_ALL", "en_AU.UTF-8")
    found = evaluate_all((claim("nasal-two-to-six-hours"),))
    for text in (claims_text(found), claim_text(found[0])):
        assert "In a crisis:" in text and "13 11 14" in " ".join(text.split())
    assert "In a crisis:" in claims_page(found) and "13 11 14" not in claims_page(found)  # a page has no locale
