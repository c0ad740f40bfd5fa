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
    ("xyzzy iv 5 mg", "unknown drug", "xyzzy", ""),
    ("ketamine nsal 50 mg", "unknown route", "nsal", "ketamine nasal 50 mg"),
    ("ketamine film 50 mg", "no data by the film route", "film", ""),
    ("naltrexone iv 5 mg", "no data by the iv route", "iv", ""),
    ("ketamine 0.5 mg/kg iv over 40 min", "right after the drug", "iv", IV),
    ("ketamine", "by which route", "ketamine", ""),
    ("ketamine iv", "how much", "", ""),
    ("ketamine iv over 40 min", "how much", "over", ""),
    ("ketamine iv over 40 min 0.5 mg/kg", "before over", "over 40 min", IV),
    ("ketamine iv much mg", "not a number", "much mg", ""),
    ("ketamine iv -0.5 mg/kg over 40 min", "negative", "-0.5", IV),
    ("ketamine iv 0 mg/kg over 40 min", "not a valid dose", "0", "placebo iv over 40 min"),
    ("naltrexone oral 0 mg", "not a valid dose", "0", ""),
    ("ketamine iv 500 mg/kg over 40 min", "beyond", "500 mg/kg", ""),
    ("esketamine nasal 8400 mg", "beyond", "8400 mg", ""),
    ("ketamine iv 0,5 mg/kg over 40 min", "decimal point", "0,5", IV),
    ("ketamine iv 500 mcg/kg over 40 min", "not a unit", "mcg/kg", IV),
    ("ketamine iv 0.5 mg/kgs over 40 min", "not a unit", "mg/kgs", IV),
    ("ketamine iv 0.5 mgkg over 40 min", "not a unit", "mgkg", IV),
    ("buprenorphine sublingual 2000 mcg", "not a unit", "mcg", "buprenorphine sublingual 2000 ug"),
    ("ketamine iv 0.5 over 40 min", "no unit", "0.5", ""),
    ("grapefruit juice oral 200 mg", "not a unit of grapefruit", "mg", "grapefruit juice oral 200 mL"),
    ("rapamycin oral 6 mg HCl", "hydrochloride", "HCl", "rapamycin oral 6 mg"),
    ("placebo iv 5 mg over 40 min", "no amount", "5 mg", "placebo iv over 40 min"),
    ("ketamine iv 0.5 mg/kg over 40", "no unit", "40", ""),
    ("ketamine iv 0.5 mg/kg over 40 m", "minutes or months", "m", ""),
    ("ketamine iv 0.5 mg/kg over 40 minuts", "not a unit of time", "minuts", IV),
    ("ketamine iv 0.5 mg/kg over", "over how long", "over", ""),
    ("ketamine iv 0.5 mg/kg over 0 min", "no length", "0 min", ""),
    ("ketamine iv 0.5 mg/kg over -40 min", "less than nothing", "-40 min", IV),
    (f"{NASAL} over 40 min", "does not run over", "over 40 min", ""),
    ("ketamine oral 1 mg/kg over 5 min", "does not run over", "over 5 min", ""),
    ("ketamine iv infusion 0.5 mg/kg", "over how long", "infusion", ""),
    ("ketamine iv bolus 0.5 mg/kg over 40 min", "bolus does not run", "over 40 min", ""),
    ("ketamine oral bolus 50 mg", "not given as bolus", "bolus", "ketamine oral 50 mg"),
    (f"{IV} somehow", "not a repeat", "somehow", ""),
    ("ketamine iv 1e400 mg", "not a unit", "e", ""),
    ("ketamine iv 0.00000000000000000000000000001 mg", "too long", "0.00000000000000000000000000001", ""),
    ("ketmine iv 0.5 mg/kgs over 40 minuts", "unknown drug", "ketmine", IV),
    (f"{IV} with naltrexon oral 50 mg", "unknown drug", "naltrexon", f"{IV} with naltrexone oral 50 mg"),
]
REPEATS = [
    (IV, "twice weakly x 6", "not a repeat", "weakly", "twice weekly x 6"),
    (IV, "sometimes", "not a repeat", "sometimes", ""),
    (IV, "twice weekly x", "how many", "x", ""),
    (IV, "twice weekly x six", "how many", "six", "twice weekly x 6"),
    (IV, "twice x 6", "lacks daily or weekly", "x", ""),
    (IV, "x 6", "how often", "x", ""),
    (IV, "6x", "how often", "6", ""),
    (IV, "every x 3", "how often", "x", ""),
    (IV, "every 3.5 x 8", "no unit", "3.5", ""),
    (IV, "every 0 d x 8", "longer than nothing", "0 d", ""),
    (IV, "3.5 d x 8", "begins with every", "3.5", "every 3.5 d x 8"),
    (IV, "twice weekly x 0", "not a valid count", "0", ""),
    (IV, "twice weekly x -3", "not a valid count", "-3", "twice weekly x 3"),
    (IV, "twice weekly x 2.5", "not a valid count", "2.5", ""),
    (IV, "daily x 1000000", "more than any course", "1000000", ""),
    (IV, "twice weekly 6", "written x N", "6", "twice weekly x 6"),
    (IV, "biweekly x 3", "can mean", "biweekly", ""),
    (IV, "five times weekly x 3", "no fixed days", "five times weekly", ""),
    (IV, "days 1, 4, 8", "t = 0", "days 1, 4, 8", "at 0, 3, 7 d"),
    (IV, "at -3, 0, 7 d", "earlier times belong to co-medication", "at -3, 0, 7 d", ""),
    (IV, "at 0, 3, 7", "no unit", "7", ""),
    (IV, "at 0, 7, 3 d", "not in order", "at 0, 7, 3 d", "at 0, 3, 7 d"),
    (IV, "at 0, 3, 3 d", "twice", "at 0, 3, 3 d", ""),
    (IV, "twice weekly x 8 weekly x 4", "begins with then", "weekly", "twice weekly x 8, then weekly x 4"),
    (IV, "weekly, then daily x 4", "without end", "weekly", ""),
    (IV, "weekly x 4, then once", "given once", "once", ""),
    (IV, "weekly x 4, then at 3 d", "before the one before it", "at 3 d", ""),
    (IV, "weekly x 4, then esketamine nasal 84 mg", "no time of its own", "esketamine nasal 84 mg", ""),
    (IV, "weekly x 4 from -3 d", "no meaning", "from -3 d", ""),
    (IV, "weekly from -3 d x 4", "start is known", "from -3 d", ""),
    (IV, "weekly x 2, then 5000 mg/kg weekly x 2", "beyond", "5000 mg/kg", ""),
    (IV, "1 mg/kg weekly x 4", "given nowhere", "1 mg/kg weekly x 4", ""),
    (IV, "0.5, 1, 0.5 mg/kg weekly x 2", "3 amounts for 2", "2", ""),
    (IV, "every 20 min x 3", "still running", "every 20 min x 3", ""),
    (NASAL, "every 5 min x 3", "devices", "every 5 min x 3", ""),
    (NASAL, "every 5 min", "devices", "every 5 min", ""),
    (NASAL, "at 0, 10 min", "devices", "at 0, 10 min", ""),
    (
        IV,
        "at 0, 37 h, then every 5 h 20 min x 2, then daily x 2",
        "still running",
        "at 0, 37 h, then every 5 h 20 min x 2, then daily x 2",
        "",
    ),
    (
        NASAL,
        "at 0, 3 d, then at 4321, 4330 min, then weekly x 2",
        "devices",
        "at 0, 3 d, then at 4321, 4330 min, then weekly x 2",
        "",
    ),
    ("esketamine nasal 1 mg/kg", "every 10 min x 3", "devices", "every 10 min x 3", ""),
]
BESIDE = [
    (IV, "naltrexon oral 50 mg at -45 min", "unknown drug", "naltrexon", "naltrexone oral 50 mg at -45 min"),
    (IV, "naltrexone oral 50 mg 45 min before", "signed offset", "45 min before", "naltrexone oral 50 mg at -45 min"),
    (IV, "naltrexone oral 50 mg at -45", "no unit", "-45", ""),
    (IV, "naltrexone oral 50 mg from -3 d", "how often", "from -3 d", ""),
    (IV, "naltrexone oral 50 mg from -3 d at 0 d", "two starts", "from -3 d", ""),
    (IV, "naltrexone oral 50 mg daily from -4 d to -5 d", "no dose falls", "-5 d", ""),
    (IV, "naltrexone oral 50 mg at -45 min foo", "no meaning", "foo", ""),
    (NASAL, "esketamine nasal 28 mg at 5 min", "devices", "at 5 min", ""),
    (NASAL, "esketamine nasal 28 mg at -1 min", "devices", "at -1 min", ""),
    (NASAL, "esketamine nasal 28 mg every 1 min x 3", "devices", "every 1 min x 3", ""),
]


def taught(error: UsageError, text: str, what: str, under: str, fix: str) -> None:
    assert what in error.what
    line, caret = error.where.rsplit("\n", 1)
    assert line == text
    assert text[caret.index("^") : caret.rindex("^") + 1] == under
    assert error.allowed
    assert error.fix == fix


@pytest.mark.parametrize(("text", "what", "under", "fix"), DOSES)
def test_dose_words(text, what, under, fix):
    with pytest.raises(UsageError) as caught:
        parse(text)
    taught(caught.value, text, what, under, fix)
    if fix:
        parse(caught.value.fix)


@pytest.mark.parametrize(("first", "text", "what", "under", "fix"), REPEATS)
def test_repeat_words(first, text, what, under, fix):
    with pytest.raises(UsageError) as caught:
        parse(first, text)
    taught(caught.value, text, what, under, fix)
    if fix:
        parse(first, caught.value.fix)


@pytest.mark.parametrize(("first", "text", "what", "under", "fix"), BESIDE)
def test_with_words(first, text, what, under, fix):
    with pytest.raises(UsageError) as caught:
        parse(first, with_=[text])
    taught(caught.value, text, what, under, fix)
    if fix:
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
    assert not caught.value.fix and "apart" in caught.value.allowed  # another spacing would be another regimen
    with pytest.raises(UsageError, match="devices") as caught:
        dose(NASAL).every("1 d", times=2).then("at 1450 min, 3 d")
    assert not caught.value.fix and "apart" in caught.value.allowed


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


# commas ---------------------------------------------------------------------------------------------------------

# A decimal comma, a thousands separator or a list: (words, readings asked about, the line offered where there is one reading)
COMMAS = [
    ("ketamine iv 1,000 ug over 40 min", ("1.000", "1000"), ""),
    ("ketamine iv 1,5 mg/kg over 40 min", ("1.5", "1, 5"), ""),
    ("ketamine iv 12,500 ug over 40 min", ("12.500", "12500", "12, 500"), ""),
    ("ketamine iv 1.000,5 ug over 40 min", ("1000.5",), ""),
    ("ketamine iv 1,000,000 ug over 40 min", ("1000000",), "ketamine iv 1000000 ug over 40 min"),
    ("ketamine iv 0,5 mg/kg over 40 min", ("0.5",), IV),
    ("ketamine iv 0,500 mg/kg over 40 min", ("0.500",), "ketamine iv 0.500 mg/kg over 40 min"),
    ("ketamine iv 0.5 mg/kg over 0,5 h", ("0.5",), "ketamine iv 0.5 mg/kg over 0.5 h"),
    ("ketamine iv 0.5 mg/kg over 2,400 s", ("2.400", "2400"), ""),
    ("ketamine iv 1 000 ug over 40 min", ("1000",), "ketamine iv 1000 ug over 40 min"),
    ("ketamine iv 0,5 mg/kg/h for 1 h", ("0.5",), "ketamine iv 0.5 mg/kg/h for 1 h"),
    ("esketamine nasal 56,84 mg weekly", ("56.84", "56, 84"), ""),
    (f"{IV} every 3,5 d x 4", ("3.5",), f"{IV} every 3.5 d x 4"),
    (f"{IV} daily x 1,5", ("1.5",), ""),
    (f"{IV} at 0,3 d", ("0.3", "0, 3"), ""),
    (f"{IV} at 0,5, 1,5 d", ("0.5", "0, 5"), ""),
    (f"{IV} days 0,7", ("0.7", "0, 7"), ""),
    (f"{IV} at 24,168,336 h", ("24168336", "24, 168, 336"), ""),
    (f"{IV} with naltrexone oral 50 mg at -0,75 h", ("-0.75",), f"{IV} with naltrexone oral 50 mg at -0.75 h"),
    (f"{IV} with naltrexone oral 50 mg at -1,5 h", ("-1.5", "-1, 5"), ""),
    (f"{IV} with naltrexone oral 50 mg daily from -1,5 d x 2", ("-1.5",), None),
]


@pytest.mark.parametrize(("words", "readings", "fix"), COMMAS)
def test_a_comma_inside_a_number_is_asked_about(words: str, readings: tuple[str, ...], fix: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert [reading for reading in readings if reading not in caught.value.allowed + caught.value.fix] == []
    if fix is not None:
        assert caught.value.fix == fix if len(readings) == 1 and fix else not caught.value.fix
    if caught.value.fix:
        parse(caught.value.fix)


@pytest.mark.parametrize("part", ["repeat", "with_"])
def test_a_comma_is_asked_about_in_every_option(part: str) -> None:
    words = {"repeat": "at 0,5 d", "with_": "naltrexone oral 50 mg at -0,75 h"}[part]
    with pytest.raises(UsageError):
        parse(IV, **{part: words})


@pytest.mark.parametrize(
    ("written", "meant"),
    [("at 0,3,7 d", "at 0, 3, 7 d"), ("at 0,0.5,2 d", "at 0, 0.5, 2 d"), ("at 0 h,3 h", "at 0, 3 h")],
)
def test_a_comma_that_can_only_part_a_list_is_read(written: str, meant: str) -> None:
    assert parse(f"{IV} {written}") == parse(f"{IV} {meant}")


# another drug ---------------------------------------------------------------------------------------------------

UNKNOWN = ["clopidogrel", "sertraline", "alprazolam", "ketoconazole", "azithromycin", "rifabutin", "naloxone", "xyzzy"]


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_drug_never_gives_its_dose_to_another(name: str) -> None:
    for words in (f"{name} oral 75 mg daily", f"{IV} with {name} oral 75 mg daily"):
        with pytest.raises(UsageError, match=f"unknown drug '{name}'") as caught:
            parse(words)
        assert caught.value.fix == ""
        assert "75 mg" not in caught.value.allowed and "--compound" in caught.value.allowed


def test_an_unknown_drug_is_answered_with_its_class() -> None:
    for name, alike in [("clopidogrel", "ticlopidine"), ("sertraline", "ssri"), ("alprazolam", "midazolam")]:
        with pytest.raises(UsageError) as caught:
            parse(f"{name} oral 75 mg")
        assert alike in caught.value.allowed and "another drug" in caught.value.allowed


def test_two_drugs_that_are_equally_near_are_asked_about() -> None:
    with pytest.raises(UsageError) as caught:
        parse("eketamine iv 0.5 mg/kg over 40 min")
    assert caught.value.fix == ""
    assert "ketamine" in caught.value.allowed and "s-ketamine" in caught.value.allowed


# durations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "over",
    [
        "0 min",
        "0 h",
        "-40 min",
        "40",
        "1e-9 s",
        "0.5 s",
        "400 d",
        "30 y",
        "1e30 h",
        "nan min",
        "forty min",
        "40 min min",
    ],
)
@pytest.mark.parametrize(
    "drug", ["ketamine iv 0.5 mg/kg", "ketamine sc 0.5 mg/kg", "placebo iv", "ketamine iv 0.5 mg/kg/h"]
)
def test_a_duration_that_cannot_be_is_refused(drug: str, over: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(f"{drug} over {over}")
    assert caught.value.fix in ("", f"{drug} over 40 min")


@pytest.mark.parametrize("route", ["nasal", "oral", "sublingual", "im"])
@pytest.mark.parametrize("how", ["50 mg over 40 min", "50 mg/h for 1 h", "50 mg/h over 1 h", "50 mg/d"])
def test_a_route_without_infusion_takes_no_duration_and_no_rate(route: str, how: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(f"ketamine {route} {how}")
    assert caught.value.fix == ""
