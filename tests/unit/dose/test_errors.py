"""Bad words: each error says what, points at the word, says what is allowed, and offers a line that works."""

from __future__ import annotations

import pytest

from ketasim.core import UsageError
from ketasim.dose import dose, parse

IV = "ketamine iv 0.5 mg/kg over 40 min"
NASAL = "esketamine nasal 84 mg"

# words, what the message says, the word under the caret, the corrected line
DOSES = [
    ("ketmine iv 0.5 mg/kg over 40 min", "unknown drug", "ketmine", IV),
    ("xyzzy iv 5 mg", "unknown drug", "xyzzy", IV),
    ("ketamine nsal 50 mg", "unknown route", "nsal", "ketamine nasal 50 mg"),
    ("ketamine film 50 mg", "no data by the film route", "film", "ketamine iv 50 mg"),
    ("naltrexone iv 5 mg", "no data by the iv route", "iv", "naltrexone oral 5 mg"),
    ("ketamine 0.5 mg/kg iv over 40 min", "right after the drug", "iv", IV),
    ("ketamine", "by which route", "ketamine", "ketamine iv 0.5 mg/kg"),
    ("ketamine iv", "how much", "", "ketamine iv 0.5 mg/kg"),
    ("ketamine iv over 40 min", "how much", "over", IV),
    ("ketamine iv over 40 min 0.5 mg/kg", "before over", "over 40 min", IV),
    ("ketamine iv much mg", "not a number", "much mg", "ketamine iv 0.5 mg/kg"),
    ("ketamine iv -0.5 mg/kg over 40 min", "negative", "-0.5", IV),
    ("ketamine iv 0 mg/kg over 40 min", "nothing", "0", "placebo iv"),
    ("naltrexone oral 0 mg", "nothing", "0", "naltrexone oral 20 mg"),
    ("ketamine iv 500 mg/kg over 40 min", "beyond", "500 mg/kg", "ketamine iv 1 mg/kg over 40 min"),
    ("esketamine nasal 8400 mg", "beyond", "8400 mg", "esketamine nasal 112 mg"),
    ("ketamine iv 0,5 mg/kg over 40 min", "decimal point", "0,5", IV),
    ("ketamine iv 500 mcg/kg over 40 min", "not a unit", "mcg/kg", IV),
    ("ketamine iv 0.5 mg/kgs over 40 min", "not a unit", "mg/kgs", IV),
    ("ketamine iv 0.5 mgkg over 40 min", "not a unit", "mgkg", IV),
    ("buprenorphine sublingual 2000 mcg", "not a unit", "mcg", "buprenorphine sublingual 2000 ug"),
    ("ketamine iv 0.5 over 40 min", "no unit", "0.5", IV),
    ("grapefruit juice oral 200 mg", "not a unit of grapefruit", "mg", "grapefruit juice oral 200 mL"),
    ("rapamycin oral 6 mg HCl", "hydrochloride", "HCl", "rapamycin oral 6 mg"),
    ("placebo iv 5 mg over 40 min", "no amount", "5 mg", "placebo iv over 40 min"),
    ("ketamine iv 20 mg/h over 2 h", "rate", "mg/h", "ketamine iv 40 mg over 2 h"),
    ("ketamine iv 0.5 mg/kg over 40", "no unit", "40", IV),
    ("ketamine iv 0.5 mg/kg over 40 m", "not a unit of time", "m", IV),
    ("ketamine iv 0.5 mg/kg over 40 minuts", "not a unit of time", "minuts", IV),
    ("ketamine iv 0.5 mg/kg over", "over how long", "over", IV),
    ("ketamine iv 0.5 mg/kg over 0 min", "no length", "0 min", IV),
    ("ketamine iv 0.5 mg/kg over -40 min", "less than nothing", "-40 min", IV),
    ("esketamine nasal 84 mg over 40 min", "does not run over", "over 40 min", NASAL),
    ("ketamine oral 1 mg/kg over 5 min", "does not run over", "over 5 min", "ketamine oral 1 mg/kg"),
    ("ketamine iv infusion 0.5 mg/kg", "over how long", "infusion", "ketamine iv infusion 0.5 mg/kg over 40 min"),
    ("ketamine iv bolus 0.5 mg/kg over 40 min", "bolus does not run", "over 40 min", "ketamine iv bolus 0.5 mg/kg"),
    ("ketamine oral bolus 50 mg", "not given as bolus", "bolus", "ketamine oral 50 mg"),
    (f"{IV} somehow", "not a repeat", "somehow", f"{IV} twice weekly x 6"),
    ("ketamine iv 1e400 mg", "not a unit", "e", None),
    ("ketamine iv 0.00000000000000000000000000001 mg", "too long", "0.00000000000000000000000000001", IV),
    # two mistakes: the caret is under the first, the line mends both
    ("ketmine iv 0.5 mg/kgs over 40 minuts", "unknown drug", "ketmine", IV),
    # inside a whole line
    (f"{IV} with naltrexon oral 50 mg", "unknown drug", "naltrexon", f"{IV} with naltrexone oral 50 mg"),
]
REPEATS = [
    (IV, "twice weakly x 6", "not a repeat", "weakly", "twice weekly x 6"),
    (IV, "sometimes", "not a repeat", "sometimes", "twice weekly x 6"),
    (IV, "twice weekly x", "how many", "x", "twice weekly x 6"),
    (IV, "twice weekly x six", "how many", "x", None),
    (IV, "twice x 6", "lacks daily or weekly", "x", "twice weekly x 6"),
    (IV, "x 6", "how often", "x", "twice weekly x 6"),
    (IV, "6x", "how often", "6", "twice weekly x 6"),
    (IV, "every x 3", "how often", "x", "every 3.5 d x 3"),
    (IV, "every 3.5 x 8", "no unit", "3.5", "every 3.5 d x 8"),
    (IV, "every 0 d x 8", "longer than nothing", "0 d", "every 3.5 d x 8"),
    (IV, "3.5 d x 8", "begins with every", "3.5", "every 3.5 d x 8"),
    (IV, "twice weekly x 0", "no count", "0", "twice weekly x 1"),
    (IV, "twice weekly x -3", "no count", "-3", "twice weekly x 3"),
    (IV, "twice weekly x 2.5", "no count", "2.5", "twice weekly x 2"),
    (IV, "daily x 1000000", "more than any course", "1000000", "daily x 6"),
    (IV, "twice weekly 6", "written x N", "6", "twice weekly x 6"),
    (IV, "biweekly x 3", "can mean", "biweekly", "every two weeks x 3"),
    (IV, "five times weekly x 3", "no fixed days", "five times weekly", "three times weekly x 3"),
    (IV, "days 1, 4, 8", "t = 0", "days 1, 4, 8", "at 0, 3, 7 d"),
    (IV, "at -3, 0, 7 d", "earlier times belong to co-medication", "at -3, 0, 7 d", "at 0, 7 d"),
    (IV, "at 0, 3, 7", "no unit", "7", "at 0, 3, 7 d"),
    (IV, "at 0, 7, 3 d", "not in order", "at 0, 7, 3 d", "at 0, 3, 7 d"),
    (IV, "at 0, 3, 3 d", "twice", "at 0, 3, 3 d", "at 0, 3 d"),
    (IV, "twice weekly x 8 weekly x 4", "begins with then", "weekly", "twice weekly x 8, then weekly x 4"),
    (IV, "weekly, then daily x 4", "without end", "weekly", "weekly x 6, then daily x 4"),
    (IV, "weekly x 4, then once", "given once", "once", "weekly x 4, then at 22 d"),
    (IV, "weekly x 4, then at 3 d", "before the one before it", "at 3 d", "weekly x 4, then at 22 d"),
    (
        IV,
        "weekly x 4, then esketamine nasal 84 mg",
        "no time of its own",
        "esketamine nasal 84 mg",
        "weekly x 4, then esketamine nasal 84 mg weekly x 4",
    ),
    (IV, "weekly x 4 from -3 d", "no meaning", "from -3 d", "weekly x 4"),
    (IV, "weekly from -3 d x 4", "start is known", "from -3 d", "weekly x 4"),
    (IV, "weekly x 2, then 5000 mg/kg weekly x 2", "beyond", "5000 mg/kg", "weekly x 2, then 1 mg/kg weekly x 2"),
    (IV, "1 mg/kg weekly x 4", "given nowhere", "1 mg/kg weekly x 4", "weekly x 4"),
    (IV, "0.5, 1, 0.5 mg/kg weekly x 2", "3 amounts for 2", "2", "0.5, 1, 0.5 mg/kg weekly x 3"),
    (IV, "every 20 min x 3", "still running", "every 20 min x 3", "every 40 min x 3"),
    (NASAL, "every 5 min x 3", "devices", "every 5 min x 3", "every 15 min x 3"),
    (NASAL, "every 5 min", "devices", "every 5 min", "every 15 min"),
    (NASAL, "at 0, 10 min", "devices", "at 0, 10 min", "at 0, 15 min"),
    (
        IV,
        "at 0, 37 h, then every 5 h 20 min x 2, then daily x 2",
        "still running",
        "at 0, 37 h, then every 5 h 20 min x 2, then daily x 2",
        "at 0, 37 h, then every 320 min x 2, then every 24 h x 2",
    ),
    (
        NASAL,
        "at 0, 3 d, then at 4321, 4330 min, then weekly x 2",
        "devices",
        "at 0, 3 d, then at 4321, 4330 min, then weekly x 2",
        "at 0, 3 d, then at 72.25, 72.5 h, then weekly x 2",
    ),
    ("esketamine nasal 1 mg/kg", "every 10 min x 3", "devices", "every 10 min x 3", "every 15 min x 3"),
]
BESIDE = [
    (IV, "naltrexon oral 50 mg at -45 min", "unknown drug", "naltrexon", "naltrexone oral 50 mg at -45 min"),
    (IV, "naltrexone oral 50 mg 45 min before", "signed offset", "45 min before", "naltrexone oral 50 mg at -45 min"),
    (IV, "naltrexone oral 50 mg at -45", "no unit", "-45", "naltrexone oral 50 mg at -45 min"),
    (IV, "naltrexone oral 50 mg from -3 d", "how often", "from -3 d", "naltrexone oral 50 mg daily from -3 d"),
    (IV, "naltrexone oral 50 mg from -3 d at 0 d", "two starts", "from -3 d", "naltrexone oral 50 mg at 0 d"),
    (
        IV,
        "naltrexone oral 50 mg daily from -4 d to -5 d",
        "no dose falls",
        "-5 d",
        "naltrexone oral 50 mg daily from -4 d to -3 d",
    ),
    (IV, "naltrexone oral 50 mg at -45 min foo", "no meaning", "foo", "naltrexone oral 50 mg at -45 min"),
    (NASAL, "esketamine nasal 28 mg at 5 min", "devices", "at 5 min", "esketamine nasal 28 mg at 15 min"),
    (NASAL, "esketamine nasal 28 mg at -1 min", "devices", "at -1 min", "esketamine nasal 28 mg at -5 min"),
    (NASAL, "esketamine nasal 28 mg every 1 min x 3", "devices", "every 1 min x 3", None),
]


def taught(error: UsageError, text: str, what: str, under: str, fix: str | None) -> None:
    assert what in error.what
    line, caret = error.where.rsplit("\n", 1)
    assert line == text
    assert text[caret.index("^") : caret.rindex("^") + 1] == under
    assert error.allowed
    assert error.fix
    if fix is not None:
        assert error.fix == fix


@pytest.mark.parametrize(("text", "what", "under", "fix"), DOSES)
def test_dose_words(text, what, under, fix):
    with pytest.raises(UsageError) as caught:
        parse(text)
    taught(caught.value, text, what, under, fix)
    parse(caught.value.fix)


@pytest.mark.parametrize(("first", "text", "what", "under", "fix"), REPEATS)
def test_repeat_words(first, text, what, under, fix):
    with pytest.raises(UsageError) as caught:
        parse(first, text)
    taught(caught.value, text, what, under, fix)
    parse(first, caught.value.fix)


@pytest.mark.parametrize(("first", "text", "what", "under", "fix"), BESIDE)
def test_with_words(first, text, what, under, fix):
    with pytest.raises(UsageError) as caught:
        parse(first, with_=[text])
    taught(caught.value, text, what, under, fix)
    parse(first, with_=[caught.value.fix])


def test_the_message_is_one_readable_text():
    with pytest.raises(UsageError) as caught:
        parse("ketamine iv 0.5 mg/kgs over 40 min")
    assert str(caught.value).splitlines() == [
        "'mg/kgs' is not a unit here",
        "  where: ketamine iv 0.5 mg/kgs over 40 min",
        "                         ^^^^^^",
        "  allowed: mg, mg/kg, ug, g",
        "  try: ketamine iv 0.5 mg/kg over 40 min",
    ]


def test_nothing_is_written_twice_or_left_out():
    with pytest.raises(UsageError, match="written twice"):
        parse(f"{IV} weekly x 2", "weekly x 3")
    with pytest.raises(UsageError, match="repeated already"):
        dose(IV).every("3.5 d", times=2).every("3.5 d", times=2)
    with pytest.raises(UsageError, match="without end"):
        dose(IV).repeat("weekly").then("daily x 2")
    with pytest.raises(UsageError, match="no time of its own"):
        dose(IV).then(dose(NASAL))
    with pytest.raises(UsageError, match="no dose is written"):
        parse("")
    with pytest.raises(UsageError, match="too long"):
        parse("ketamine " * 1000)


def test_verbs_refuse_what_words_refuse():
    with pytest.raises(UsageError, match="devices"):
        dose(NASAL).with_("esketamine nasal 28 mg at 5 min")
    with pytest.raises(UsageError, match="devices"):
        dose(NASAL).with_("placebo iv").every("5 min", times=2)
    with pytest.raises(UsageError, match="devices"):  # the clash appears only once the main drug repeats
        dose(NASAL).with_("esketamine nasal 28 mg at 30 min").every("25 min", times=2)
    with pytest.raises(UsageError, match="devices") as caught:
        parse(f"{NASAL} with esketamine nasal 28 mg at 30 min", "every 25 min x 2")
    assert caught.value.fix == "esketamine nasal 28 mg at 15 min"
    with pytest.raises(UsageError, match="devices") as caught:
        dose(NASAL).every("1 d", times=2).then("at 1450 min, 3 d")
    assert caught.value.fix == "every 24 h x 2, then at 24.25, 72 h"
    dose(NASAL).repeat(caught.value.fix)


def test_a_weight_is_asked_for_where_it_is_needed():
    regimen = dose(IV)
    for ask in (regimen.preview, regimen.ledger, lambda: regimen.events()[0].base(None)):
        with pytest.raises(UsageError, match="needs a body weight"):
            ask()
    for weight in (0.0, -70.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="above zero"):
            regimen.ledger(weight=weight)
    with pytest.raises(UsageError, match="needs a body weight"):
        dose("esketamine nasal 1 mg/kg").events()


def test_devices_of_a_heavy_person_may_clash_where_those_of_the_reference_do_not():
    regimen = dose("esketamine nasal 1 mg/kg").every("15 min", times=2)
    assert len(regimen.events(weights=70.0)) == 6
    with pytest.raises(UsageError, match="devices"):
        regimen.events(weights=90.0)


def test_a_repeat_without_end_needs_an_end():
    with pytest.raises(UsageError, match="until the end of the run"):
        parse("ssri oral daily").doses()
    with pytest.raises(UsageError, match="doses in one line"):
        parse("ssri oral every 1 min").doses(24.0 * 365)
