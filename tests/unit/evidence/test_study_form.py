"""The words of round 2: declared fields, extra columns, criteria, pooled arms, studies of one's own."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import pytest

import ketasim.evidence
from ketasim.core import KetasimError
from ketasim.evidence.published.criteria import Condition, criterion
from ketasim.evidence.published.studies import COLUMNS, lint_studies, own_studies, read_study, rule_role, studies

HEAD = """\
citation = "Own data"
group = "other route"
design = "parallel"
blinding = "double-blind"
rater = "clinician"
population = "adults, bipolar disorder excluded; withdrawal of drugs before"
n = 40
note = "unpublished"
baseline = { scale = "MADRS", mean = 33, sd = 5 }
"""
ARMS = """
[arms.low]
words = "ketamine iv 0.2 mg/kg over 40 min"
n = 10

[arms.high]
words = "ketamine iv 0.5 mg/kg over 40 min"
n = 20

[arms.saline]
words = "placebo iv"
n = 10
"""
ROW = {
    "record": "a",
    "arm": "high",
    "endpoint": "madrs",
    "scale": "MADRS",
    "statistic": "change_mean",
    "time_h": "24",
    "value": "-10",
    "unit": "points",
    "n": "20",
    "provenance": "seen",
    "use": "predict",
}


def own(tmp_path: Path, head: str = HEAD, arms: str = ARMS, *rows: dict[str, str], extra: tuple[str, ...] = ()) -> Path:
    place = tmp_path / "Clinic2026"
    place.mkdir(parents=True)
    (place / "study.toml").write_text(head + arms, encoding="utf-8")
    header = (*COLUMNS, *extra)
    lines = [",".join((ROW | row).get(name, "") for name in header) for row in rows or ({},)]
    (place / "data.csv").write_text("\n".join([",".join(header), *lines]) + "\n", encoding="utf-8")
    return place


def told(place: Path) -> list[str]:
    return [str(p) for p in read_study(place, own=True)[1]]


def test_no_code_that_predicts_or_scores_reads_free_text() -> None:
    """Sentences are for people: no module of the arms, the comparison, the fit or the weighing asks for one."""
    root = Path(ketasim.evidence.__file__).parent
    sentences = {"note", "design_text", "population", "citation", "place"}
    for room in ("arms", "compare", "fit", "weigh"):
        for path in (root / room).rglob("*.py"):
            if (
                path.name == "design_files.py"
            ):  # writes the title of a design from the population: nothing is predicted from it
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and node.attr in sentences:
                    base = ast.unparse(node.value)
                    assert base.split(".")[-1] not in ("row", "r", "study", "self.study"), (
                        f"{path.name}:{node.lineno} {base}.{node.attr}"
                    )


@pytest.mark.parametrize(
    ("text", "conditions", "joined"),
    [
        (">4", [Condition("", "level", ">", 4.0)], ""),
        ("level<=10", [Condition("", "level", "<=", 10.0)], ""),
        ("fall>=50%", [Condition("", "fall", ">=", 50.0, True)], ""),
        ("PHQ-9 fall>=6", [Condition("PHQ-9", "fall", ">=", 6.0)], ""),
        ("MADRS item 10 level<=1", [Condition("MADRS item 10", "level", "<=", 1.0)], ""),
        (
            "sbp level>=165 or dbp level>=100",
            [Condition("sbp", "level", ">=", 165.0), Condition("dbp", "level", ">=", 100.0)],
            "or",
        ),
        (
            "fall>=50% and level<=10",
            [Condition("", "fall", ">=", 50.0, True), Condition("", "level", "<=", 10.0)],
            "and",
        ),
    ],
)
def test_criteria_are_read(text: str, conditions: list[Condition], joined: str) -> None:
    found = criterion(text)
    assert found is not None
    assert list(found.conditions) == conditions and found.joined == joined


@pytest.mark.parametrize("text", ["", "above 4", "level<=10%", "fall 50", "fall>=50% and", ">=x"])
def test_what_is_no_criterion(text: str) -> None:
    assert criterion(text) is None


def test_a_study_of_ones_own_needs_no_role_and_no_record_of_ours(tmp_path: Path) -> None:
    """Role by the rule of round 1 (sha256 of the id), or as the file says."""
    place = own(tmp_path)
    study, problems = read_study(place, own=True)
    assert problems == [] and study is not None
    assert study.role == rule_role("Clinic2026")
    assert rule_role("Clinic2026") == (
        "validate" if int(hashlib.sha256(b"Clinic2026").hexdigest()[0], 16) < 8 else "fit"
    )
    said = own(tmp_path / "said", 'role = "validate"\n' + HEAD)
    assert own_studies(said.parent)["Clinic2026"].role == "validate"
    assert own_studies(said)["Clinic2026"].role == "validate"
    wrong = own(tmp_path / "wrong", 'role = "test"\n' + HEAD)
    assert any("role 'test' is not known" in line for line in told(wrong))


def test_the_package_takes_no_role_from_a_file_and_a_user_no_name_of_ours(tmp_path: Path) -> None:
    place = own(tmp_path, 'role = "fit"\n' + HEAD)
    assert any("unknown field 'role'" in str(p) for p in read_study(place)[1])
    ours = own(tmp_path / "b").rename(tmp_path / "Singh2016")
    assert any("is a study of the package" in line for line in told(ours))


def test_an_empty_directory_teaches(tmp_path: Path) -> None:
    with pytest.raises(KetasimError, match="no study in") as error:
        own_studies(tmp_path)
    assert error.value.fix == "--studies my_studies"


def test_arms_are_pooled_with_a_plus(tmp_path: Path) -> None:
    place = own(tmp_path, HEAD, ARMS, {"arm": "low+high", "versus": "saline", "statistic": "difference"})
    study, problems = read_study(place, own=True)
    assert problems == [] and study is not None
    assert study.rows[0].arm_keys == ("low", "high") and study.rows[0].versus_keys == ("saline",)
    wrong = own(tmp_path / "b", HEAD, ARMS, {"arm": "low+higher"})
    assert any("arm 'higher' is not an arm" in line for line in told(wrong))


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ('estimand = "itt"', "estimand 'itt' is not known"),
        ('background = "ssri"', "background 'ssri' is not known"),
        ('region = "mars"', "region 'mars' is not known"),
        ('raters = "central"', "raters 'central' is not known"),
        ('population_flags = ["depressed"]', "population_flags 'depressed' is not known"),
        ("percent_women = 140", "percent_women = 140"),
        ("pooled_trials = 3", "a design that pools nothing"),
        ('ideation_baseline = { scale = "SSI", mean = 50 }', "lies outside SSI"),
        ('ideation_baseline = { scale = "SSI", at_least = 40 }', "at_least = 40 of ideation_baseline lies outside SSI"),
        ('ideation_baseline = { scale = "SSI", mean = 14, at_least = 4 }', "at_least changes nothing"),
        ('ideation_baseline = { scale = "SSI", share_at_zero = 0.1 }', "share_at_zero"),
        ("cuts = { remission = { MADDRS = 12 } }", "scale 'MADDRS' is not known"),
        ("cuts = { response = { MADRS = 12 } }", "response is one number"),
    ],
)
def test_wrong_fields_of_a_study(tmp_path: Path, field: str, what: str) -> None:
    assert any(what in line for line in told(own(tmp_path, field + "\n" + HEAD)))


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ('setting = "saline"\nmidazolam_dose = 0.045', "a dose of midazolam"),
        ('setting = "midazolam"\nmidazolam_dose = 4.5', "4.5 mg/kg of midazolam"),
        ("dropout = [{ by_h = 672 }]", "dropout needs a time and a number"),
        ("dropout = [{ by_h = 672, n = 50 }]", "more people dropped out than started"),
        ('formulation = "depot"', "formulation 'depot' is not known"),
        ('no_words = "formulation"', "no_words is said although there are words"),
        ('baseline_scale = "MADDRS"', "baseline_scale 'MADDRS' is not known"),
        ("new_antidepressant = true", 'background = "new_oral_ad"'),
    ],
)
def test_wrong_fields_of_an_arm(tmp_path: Path, field: str, what: str) -> None:
    arms = ARMS.replace("n = 20\n", f"n = 20\n{field}\n")
    assert any(what in line for line in told(own(tmp_path, HEAD, arms)))


def test_a_formulation_without_words_is_a_declared_reason(tmp_path: Path) -> None:
    """Not an unrelated regimen as remedy: the reason is said and the rows are listed as not predicted."""
    arms = ARMS.replace('words = "ketamine iv 0.5 mg/kg over 40 min"', 'words = "ketamine sublingual lozenge 40 mg"')
    assert any('no_words = "formulation"' in line for line in told(own(tmp_path, HEAD, arms)))
    mended = arms.replace(
        '"ketamine sublingual lozenge 40 mg"', '""\nno_words = "formulation"\nformulation = "lozenge"'
    )
    place = own(tmp_path / "b", HEAD, mended)
    assert told(place) == []
    study = own_studies(place)["Clinic2026"]
    from ketasim.evidence.compare.predict import gather

    found = gather([study])
    assert not found.blocks and "formulation" in found.skipped[0].why


@pytest.mark.parametrize(
    ("row", "extra", "what"),
    [
        ({"cut": "at least half"}, ("cut",), "is not a valid criterion"),
        ({"among": "everybody"}, ("among",), "among 'everybody' is not known"),
        ({"estimand": "itt"}, ("estimand",), "estimand 'itt' is not known"),
        ({"from_h": "48"}, ("from_h",), "begins at 48 h after its end"),
        ({"statistic": "mean_over_visits"}, (), "a mean over visits needs its window"),
        (
            {"statistic": "odds_ratio", "versus": "saline", "value": "2", "unit": "ratio"},
            (),
            "a odds_ratio of which shares?",
        ),
        (
            {"statistic": "difference", "versus": "saline", "value": "0.2", "unit": "fraction", "of": "responses"},
            ("of",),
            "of 'responses' is not known",
        ),
        ({"over": "plasma.ketamine"}, ("over",), "denominator of a ratio"),
        ({"n_versus": "0"}, ("n_versus",), "n_versus is not above 0"),
    ],
)
def test_wrong_extra_columns(tmp_path: Path, row: dict[str, str], extra: tuple[str, ...], what: str) -> None:
    assert any(what in line for line in told(own(tmp_path, HEAD, ARMS, row, extra=extra)))


def test_an_unknown_column_and_one_that_stands_twice(tmp_path: Path) -> None:
    assert any("column 'colour' is not known" in line for line in told(own(tmp_path, extra=("colour",))))
    assert any("stands twice" in line for line in told(own(tmp_path / "b", extra=("cut", "cut"))))


@pytest.mark.parametrize("unit", ["nmol/mL", "nmol/L", "umol/L", "ug/L", "ng/mL"])
def test_molar_units_are_words(tmp_path: Path, unit: str) -> None:
    row = {"endpoint": "plasma.s_norketamine", "scale": "", "statistic": "cmax", "value": "0.5", "unit": unit}
    area = row | {"statistic": "auc", "unit": unit.replace("/", "*h/")}
    assert told(own(tmp_path, HEAD, ARMS, row, area)) == []


def test_rows_that_differ_in_an_extra_column_are_not_the_same_number(tmp_path: Path) -> None:
    share = {"statistic": "response", "value": "0.5", "unit": "fraction"}
    place = own(
        tmp_path, HEAD, ARMS, share | {"estimand": "nri"}, share | {"estimand": "observed"}, extra=("estimand",)
    )
    assert lint_studies([place], own=True) == []
    place = own(tmp_path / "b", HEAD, ARMS, share, share)
    assert any("the same number stands in" in str(p) for p in lint_studies([place], own=True))


def test_the_patients_of_transform_1_and_2_are_one_family() -> None:
    names = [study.id for study in studies().values() if study.people_key == "TRANSFORM-1-2"]
    assert sorted(names) == [
        "Fedgchin2019",
        "Jones2022",
        "PHQTransform2024",
        "Popova2019",
        "Turkoz2021",
        "TurkozMeaningful2021",
    ]
    assert {study.cluster_key for study in studies().values() if study.family == "TRANSFORM-1-2"} == {
        "esketamine_nasal_trd"
    }


def test_families_lie_within_one_cluster() -> None:
    clusters: dict[str, set[str]] = {}
    for study in studies().values():
        clusters.setdefault(study.people_key, set()).add(study.cluster_key)
    assert all(len(found) == 1 for found in clusters.values())
