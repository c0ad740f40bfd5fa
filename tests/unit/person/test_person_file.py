"""person.toml: what it may say, and every problem at once with its line and the remedy."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from ketasim.core import KetasimError
from ketasim.person.fields import diazepam_factors, drug_classes, fields, scales
from ketasim.person.file import PersonFileError, person_of, read_person
from ketasim.person.lines import lines_of

DOSE = 'words = "ketamine iv 0.5 mg/kg over 40 min"'
WHOLE = f"""
age = 44                       # years
sex = "female"
weight_kg = 71.5
height_cm = 168
pregnant = false
medication = ["Sertraline", {{ name = "lorazepam", mg_per_day = 0.5 }}]

[history]
aneurysm = "no"
stroke_or_tia = "unknown"

[[dose]]
date = 2026-03-02T09:00:00
{DOSE}

[[dose]]
date = 2026-03-05T09:00:00
{DOSE}

[[score]]
scale = "madrs"
date = 2026-03-01T09:00:00
total = 34
baseline = true

[[score]]
scale = "PHQ-9"
day = 1
total = "<5"

[[score]]
scale = "MADRS"
date = 2026-03-09
time = 09:00:00
total = "missing"

[[level]]
analyte = "ketamine"
date = 2026-03-02T09:40:00
value = 0.5
unit = "umol/L"

[[blood_pressure]]
date = 2026-03-02T08:50:00
sbp = 128
dbp = 80
heart_rate = 70

[[blood_pressure]]
date = 2026-03-02T09:00:00
minutes = 40
sbp = 151
dbp = 92
"""


def file_of(folder: Path, text: str) -> Path:
    path = folder / "person.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[tuple[int, str, str]]:
    """(line, what, remedy) of each problem."""
    with pytest.raises(PersonFileError) as caught:
        read_person(file_of(folder, text))
    return [(int(p.where.rpartition("line ")[2]), p.what, p.fix) for p in caught.value.problems]


def test_a_whole_file(tmp_path: Path) -> None:
    person = read_person(file_of(tmp_path, WHOLE))
    assert person.facts["age"] == 44
    assert person.facts["aneurysm"] is False
    assert person.facts["pregnant"] is False
    assert "stroke_or_tia" not in person.facts
    assert person.facts["benzodiazepine"] is True
    assert person.facts["diazepam_mg_per_day"] == 5  # 10 mg of diazepam per mg of lorazepam
    assert person.facts["opioid"] is False
    assert person.first_dose == datetime(2026, 3, 2, 9)
    assert [dose.day for dose in person.doses] == [0, 3]
    assert [(s.scale, s.day, s.total, s.censor, s.rater, s.baseline) for s in person.scores] == [
        ("MADRS", -1, 34, "", "clinician", True),
        ("PHQ-9", 1, 5, "<", "self", False),
        ("MADRS", 7, None, "", "clinician", False),
    ]
    (level,) = person.levels
    assert level.analyte == "plasma.ketamine"
    assert level.value == pytest.approx(0.5 * 237.73)  # umol/L times g/mol is ug/L
    assert level.time_h == pytest.approx(40 / 60)
    assert [(p.sbp, p.before) for p in person.pressures] == [(128, True), (151, False)]
    assert person.pressures[1].time_h == pytest.approx(40 / 60)
    assert person.facts["sbp"] == 128  # the last reading before a dose
    assert not person.suspected


def test_the_issue_list_all_at_once(tmp_path: Path) -> None:
    """A date before the first dose, MADRS 75, an unknown scale, pounds: all listed with line and remedy."""
    text = f"""weight_kg = 165
height_cm = 160
[[dose]]
date = 2026-03-02
{DOSE}
[[score]]
scale = "MADRS"
date = 2025-03-03
total = 20
[[score]]
scale = "MADRS"
date = 2026-03-03
total = 75
[[score]]
scale = "MADRSS"
date = 2026-03-04
total = 12
agee = 3
"""
    found = problems(tmp_path, text)
    assert [line for line, _, _ in found] == [1, 8, 13, 15, 18]
    assert "pounds" in found[0][1]
    assert "74.8" in found[0][2]
    assert "before the first dose" in found[1][1]
    assert "MADRS 75" in found[2][1]
    assert "unknown scale" in found[3][1]
    assert 'scale = "MADRS"' in found[3][2]
    assert "unknown key 'agee'" in found[4][1]
    assert all(fix for _, _, fix in found)


@pytest.mark.parametrize(
    ("line", "what", "fix"),
    [
        ("age = 200", "outside", "years"),
        ('age = "44"', "without quotation marks", "age = 44"),
        ('weight_kg = "154 lb"', "number", "weight_kg = 69.9"),
        ("weight_lb = 154", "unknown unit", "weight_kg = 69.9"),
        ("weight = 70", "no unit", "weight_kg = 70"),
        ("height_cm = 1.72", "outside", "height_cm = 172"),
        ("aneurism = true", "unknown key", "leave"),
        ('sex = "femal"', "sex is", 'sex = "female"'),
        ('aneurysm = "maybe"', "aneurysm is", "aneurysm = false"),
        ("sbp = 70\ndbp = 300", "outside", "mmHg"),
        ('route = "nasel"', "nasel", "nasal"),
        ('jurisdiction = "Mars"', "jurisdiction", "EU"),
        ("cardiovascular_event = false\nmonths_since_cardiovascular_event = 3", "contradicts", "leave"),
        ("age = 44\nage_years = 45", "twice", "keep one"),
        ("confirmed = 3", "list of keys", "confirmed"),
    ],
)
def test_a_fact_that_cannot_be_read(tmp_path: Path, line: str, what: str, fix: str) -> None:
    ((number, said, remedy),) = problems(tmp_path, line)
    assert what in said
    assert fix.removesuffix("s") in remedy
    assert number == line.count("\n") + 1


@pytest.mark.parametrize(
    ("entry", "what", "fix"),
    [
        ('[[score]]\nscale = "MADRS"\ntotal = 3', "neither a date nor a day", "date ="),
        ('[[score]]\nscale = "MADRS"\nday = 1\ndate = 2026-03-03\ntotal = 3', "both", "one"),
        (
            '[[score]]\nscale = "MADRS"\ndate = "03/04/2026"\ntotal = 3',
            "cannot be read",
            "2026-04-03 or date = 2026-03-04",
        ),
        ('[[score]]\nscale = "MADRS"\ndate = "2026-02-30"\ntotal = 3', "cannot be read", "year-month-day"),
        ('[[score]]\nscale = "MADRS"\nday = 1', "no total", "missing"),
        ("[[score]]\nday = 1\ntotal = 3", "no scale", "MADRS"),
        ('[[score]]\nscale = "MADRS"\nday = 1\ntotal = 3\nrater = "robot"', "rater", "self"),
        ('[[score]]\nscale = "MADRS"\nday = 1\ntotal = 3\nraterr = "self"', "rater", "rater"),
        ('[[score]]\nscale = "MADRS"\nday = 3\ntotal = 3\nbaseline = true', "after the first dose", "baseline = false"),
        ('[[score]]\nscale = "MADRS"\nday = 90000\ntotal = 3', "years after", "date"),
        ('[[level]]\nanalyte = "ketamine"\nday = 0.1\nvalue = 3', "no unit", "ng/mL"),
        ('[[level]]\nanalyte = "ketamine"\nday = 0.1\nvalue = 3\nunit = "ng/dl"', "unknown unit", "ng/mL"),
        ('[[level]]\nanalyte = "ketamin"\nday = 0.1\nvalue = 3\nunit = "ng/mL"', "unknown analyte", "ketamine"),
        ('[[level]]\nanalyte = "ketamine"\nday = 0.1\nvalue = -3\nunit = "ng/mL"', "cannot be", "<1"),
        ('[[level]]\nanalyte = "ketamine"\nday = -1\nvalue = 3\nunit = "ng/mL"', "before the first dose", "date"),
        ("[[blood_pressure]]\nday = 0\nsbp = 80\ndbp = 120", "not below", "sbp = 120, dbp = 80"),
        ("[[blood_pressure]]\nday = 0", "neither sbp nor dbp", "sbp = 128"),
        ('[[dose]]\nday = 3\nwords = "ketamin iv 0.5 mg/kg over 40 min"', "ketamin", "ketamine iv"),
        ("[[dose]]\nday = 3", "no words", "words ="),
        (f"[[dose]]\ndate = 2026-03-03\n{DOSE}", "some doses have a date", "one of the two"),
        ("[[medication]]\nmg_per_day = 1", "no name", "name ="),
        ('[[medication]]\nname = "lorazepam"\nmg_per_day = -1', "number", "mg_per_day"),
    ],
)
def test_an_entry_that_cannot_be_read(tmp_path: Path, entry: str, what: str, fix: str) -> None:
    ((number, said, remedy),) = problems(tmp_path, f"[[dose]]\nday = 0\n{DOSE}\n{entry}\n")
    assert what in said
    assert fix in remedy
    assert number == 0 or number >= 4 or "doses" in said


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("age = 44,5", "age = 44.5"),
        ("sex = female", 'sex = "female"'),
        ("aneurysm = yes", "aneurysm = true"),
        ("aneurysm = No", "aneurysm = false"),
    ],
)
def test_toml_that_cannot_be_read_is_answered_with_the_line(tmp_path: Path, line: str, fix: str) -> None:
    ((number, said, remedy),) = problems(tmp_path, f"weight_kg = 70\n{line}\n")
    assert number == 2
    assert "TOML" in said
    assert remedy == fix


def test_a_slip_is_used_as_written_and_listed(tmp_path: Path) -> None:
    """160 kg may be right; 165 kg at 160 cm may be pounds. Neither is changed."""
    heavy = person_of({"weight_kg": 160})
    assert heavy.facts["weight_kg"] == 160
    assert "pounds" in heavy.suspected[0].what
    assert not person_of({"weight_kg": 160, "confirmed": ["weight_kg"]}).suspected
    assert not person_of({"weight_kg": 160, "height_cm": 190}).suspected  # body mass index 44
    assert person_of({"weight_kg": 165, "height_cm": 160}).suspected  # 64; as pounds 29
    assert person_of({"weight_kg": 30, "height_cm": 180}).suspected
    assert not person_of({"weight_kg": 70}).suspected
    twice = f"""[[dose]]
day = 0
{DOSE}
[[score]]
scale = "MADRS"
day = 1
total = 20
[[score]]
scale = "MADRS"
day = 1
total = 31
"""
    person = read_person(file_of(tmp_path, twice))
    assert [score.total for score in person.scores] == [20, 31]
    (problem,) = person.suspected
    assert "20 and 31" in problem.what
    assert problem.where.endswith("line 8")


def test_a_date_in_the_future_is_asked_about() -> None:
    person = person_of(
        {"dose": [{"date": "2062-01-01", "words": "ketamine iv 0.5 mg/kg over 40 min"}]},
    )
    assert "future" in person.suspected[0].what


def test_a_baseline_before_the_first_dose_is_read_and_said() -> None:
    person = person_of(
        {
            "dose": [{"day": 0, "words": "ketamine iv 0.5 mg/kg over 40 min"}],
            "score": [{"scale": "MADRS", "day": -2, "total": 30}],
        }
    )
    assert person.scores[0].baseline
    assert "baseline" in person.notes[0]


def test_no_dose_yet() -> None:
    person = person_of({"score": [{"scale": "QIDS", "date": "2026-03-01", "total": 17}]})
    assert person.scores[0].baseline
    assert person.first_dose is None
    planned = person_of({"start": "2026-03-05", "score": [{"scale": "QIDS", "date": "2026-03-01", "total": 17}]})
    assert planned.scores[0].day == -4


def test_an_unknown_drug_decides_nothing() -> None:
    person = person_of({"medication": ["zzzolam"]})
    assert "opioid" not in person.facts
    assert "zzzolam" in person.notes[0]
    known = person_of({"medication": ["zzzolam", "tramadol"], "maoi": False})
    assert known.facts["opioid"] is True
    assert known.facts["maoi"] is False
    assert "benzodiazepine" not in known.facts
    assert person_of({"medication": []}).facts["opioid"] is False
    assert person_of({}).medication is None


def test_the_amount_of_diazepam_is_known_only_where_a_factor_has_a_source() -> None:
    assert person_of({"medication": [{"name": "lorazepam", "mg_per_day": 1.0}]}).facts["diazepam_mg_per_day"] == 10
    assert "diazepam_mg_per_day" not in person_of({"medication": [{"name": "alprazolam", "mg_per_day": 1}]}).facts
    assert "diazepam_mg_per_day" not in person_of({"medication": ["diazepam"]}).facts
    assert set(diazepam_factors()) <= set(drug_classes())


def test_the_items_of_the_phq9_and_of_no_other_scale() -> None:
    entry = {"scale": "PHQ-9", "day": 0, "items": [1, 2, 0, 3, 1, 0, 2, 0, 1]}
    person = person_of({"score": [entry]})
    assert person.scores[0].total == 10
    assert "intent" in person.notes[0]
    for wrong in (
        {**entry, "items": [1, 2, 3]},
        {**entry, "items": [4] * 9},
        {**entry, "total": 11},
        {"scale": "MADRS", "day": 0, "items": [1] * 10},
    ):
        with pytest.raises(PersonFileError):
            person_of({"score": [wrong]})


def test_short_ways_of_writing() -> None:
    person = person_of(
        {"history": ["aneurysm", "Bladder symptoms"], "blood_pressure": "152/91 mmHg", "pregnancy": "no"}
    )
    assert person.facts["aneurysm"] is True
    assert person.facts["urinary_symptoms"] is True
    assert (person.facts["sbp"], person.facts["dbp"], person.facts["pregnant"]) == (152, 91, False)
    assert "stroke_or_tia" not in person.facts  # not on the list is unknown, not no
    for wrong in ({"blood_pressure": "high"}, {"history": ["aneurism"]}, {"history": [3]}, {"history": ["age"]}):
        with pytest.raises(PersonFileError):
            person_of(wrong)


def test_trade_names_of_the_catalogue() -> None:
    assert person_of({"medication": ["Ativan"]}).facts["benzodiazepine"] is True


def test_lines_of_toml() -> None:
    text = 'age = 4\n[history]\n"mania" = true\n[[score]]\ntotal = 3\n[[score]]\n# total = 9\ntotal = 4\nlist = [\n {a = 1},\n {a = 2},\n]\n'
    found = lines_of(text)
    assert found[("age",)] == 1
    assert found[("history", "mania")] == 3
    assert found[("score", 0, "total")] == 5
    assert found[("score", 1, "total")] == 8
    assert found[("score", 1, "list", 1, "a")] == 11


def test_every_field_has_a_label_and_an_example_that_reads() -> None:
    for name, field in fields().items():
        assert field.label
        assert name == name.lower()
        person_of({name: _value(field.example())})


def _value(line: str) -> object:
    import tomllib

    return next(iter(tomllib.loads(line).values()))


def test_ends_of_the_scales() -> None:
    """Definitions of the scales: MADRS 10 items of 0-6, HAM-D17 0-52, QIDS 9 domains of 0-3, PHQ-9 9 items of 0-3, CADSS 23 of 0-4."""
    ends = {name: (scale.low, scale.high) for name, scale in scales().items()}
    assert ends["MADRS"] == (0, 10 * 6)
    assert ends["HAM-D17"] == (0, 52)
    assert ends["QIDS-SR16"] == (0, 9 * 3)
    assert ends["PHQ-9"] == (0, 9 * 3)
    assert ends["CADSS"] == (0, 23 * 4)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(KetasimError):
        read_person(tmp_path / "nobody.toml")
    with pytest.raises(KetasimError):
        read_person(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "[score]\ntotal = 3",
        "score = 3",
        "medication = 4",
        "[history]\n[history.aneurysm]\nx = 1",
        "dose = [1, 2]",
        "[a.b.c]\nd = 1",
    ],
)
def test_odd_shapes_are_problems_not_crashes(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text)


def test_minutes_after_the_dose_of_a_day() -> None:
    """Levels, scores and pressures may say how many minutes after the dose they were taken; one on day 0 is then no baseline."""
    who = person_of(
        {
            "dose": [{"day": 0, "words": "ketamine iv 0.5 mg/kg over 40 min"}],
            "level": [{"analyte": "ketamine", "day": 0, "minutes": 40, "value": 120, "unit": "ng/mL"}],
            "score": [
                {"scale": "CADSS", "day": 0, "minutes": 45, "total": 12},
                {"scale": "MADRS", "day": 0, "total": 31},
            ],
            "blood_pressure": [{"day": 0, "minutes": 40, "sbp": 150, "dbp": 90}],
        }
    )
    assert who.levels[0].time_h == pytest.approx(40 / 60)
    felt = next(score for score in who.scores if score.scale == "CADSS")
    assert felt.time_h == pytest.approx(0.75) and not felt.baseline
    assert next(score for score in who.scores if score.scale == "MADRS").baseline
    assert who.pressures[0].time_h == pytest.approx(40 / 60)
    with pytest.raises(PersonFileError, match="minutes after the dose is a number"):
        person_of({"level": [{"analyte": "ketamine", "day": 0, "minutes": -3, "value": 1, "unit": "ng/mL"}]})
