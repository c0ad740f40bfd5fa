"""The drug catalogue: complete, consistent, in moles, with errors that teach; a compound of one's own."""

from __future__ import annotations

import re

import pytest

from ketasim.core import UsageError, drug, drugs, knowledge_path, read_drug, read_toml, route_name, sources
from ketasim.core.compounds import compound_example
from ketasim.core.drugs import catalogue_parts

# IUPAC 2021 abridged standard atomic weights, g/mol.
ATOMS = {"H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999, "F": 18.998, "S": 32.06, "Cl": 35.45}
ALIASES = {
    "racemic ketamine": "ketamine",
    "rac-ketamine": "ketamine",
    "S-Ketamine": "esketamine",
    "SPRAVATO": "esketamine",
    "r-ketamine": "arketamine",
    "(2R,6R)-HNK": "hnk",
    "2r6r-hnk": "hnk",
    "rifampin": "rifampicin",
    "sirolimus": "rapamycin",
    "benzodiazepine": "diazepam",
    "St. John’s wort": "st john's wort",
    "ssri": "ssri",
    "placebo": "placebo",
}
ASKED_FOR = (
    "ketamine esketamine arketamine hnk naltrexone buprenorphine midazolam clarithromycin itraconazole ticlopidine",
    "rifampicin diazepam lorazepam lamotrigine memantine rapamycin ssri placebo",
)


def formula_mass(formula: str) -> float:
    return sum(ATOMS[atom] * int(count or 1) for atom, count in re.findall(r"(Cl|[A-Z])(\d*)", formula))


def test_everything_asked_for_is_there():
    asked = {word for line in ASKED_FOR for word in line.split()} | {"grapefruit juice", "st john's wort"}
    assert asked <= set(drugs())


@pytest.mark.parametrize(("word", "name"), ALIASES.items())
def test_aliases_resolve(word, name):
    assert drug(word).name == name


@pytest.mark.parametrize("name", [d.name for d in drugs().values() if d.formula])
def test_molar_masses_follow_from_the_formulas(name):
    entry = drug(name)
    assert entry.molar_mass == pytest.approx(formula_mass(entry.formula), abs=0.03)
    if entry.salt_molar_mass:
        assert entry.salt_molar_mass == pytest.approx(entry.molar_mass + formula_mass("HCl"), abs=0.03)


def test_amounts_become_moles_at_the_edge():
    racemate, spray = drug("ketamine"), drug("spravato")
    assert racemate.part_amounts(35.0) == pytest.approx({"s_ketamine": 73.61, "r_ketamine": 73.61}, rel=1e-3)
    # PK-FACT-06: a device holds 28 mg of base, printed as 32.3 mg of the hydrochloride.
    assert spray.micromoles(32.3, salt=True) == pytest.approx(spray.micromoles(28.0), rel=1e-3)
    # 1 mg of lorazepam counts as 10 mg of diazepam.
    assert drug("lorazepam").part_amounts(1.0) == pytest.approx(drug("diazepam").part_amounts(10.0), rel=1e-3)
    assert drug("grapefruit").part_amounts(200.0, "mL") == {"grapefruit_juice": 1.0}
    assert drug("placebo").part_amounts(0.0) == {}
    with pytest.raises(UsageError, match="no HCl salt of diazepam"):
        drug("diazepam").micromoles(5.0, salt=True)


def test_nasal_devices_are_those_of_the_label():
    nasal = drug("esketamine").route("intranasal")
    assert nasal.forms == ("devices",)
    assert (nasal.device_mass, nasal.device_spacing) == (28, pytest.approx(5 / 60))
    iv = drug("ketamine").route("IV")
    assert iv.default_duration == pytest.approx(40 / 60)
    assert "off label" in {a.status for a in iv.approval if a.use == "depression"}
    assert {a.status for a in nasal.approval if a.jurisdiction == "US"} == {"approved with restrictions"}


def test_misspelt_names_and_missing_routes_teach():
    with pytest.raises(UsageError) as caught:
        drug("esketamin")
    assert "esketamine" in caught.value.allowed
    with pytest.raises(UsageError) as caught:
        drug("naltrexone").route("iv")
    assert "oral" in caught.value.allowed and "naltrexone oral" in caught.value.fix
    with pytest.raises(UsageError, match="unknown route"):
        route_name("rectal")


@pytest.mark.parametrize("amount", [-1.0, float("nan"), 50.0, 500.0])
def test_negative_and_absurd_doses_are_refused(amount):
    with pytest.raises(UsageError) as caught:
        drug("ketamine").judge("iv", amount, "mg/kg")
    assert caught.value.allowed and caught.value.fix


def test_doses_beyond_any_study_run_with_a_warning():
    ketamine, spray = drug("ketamine"), drug("esketamine")
    assert ketamine.judge("iv", 0.5, "mg/kg") == ()
    assert ketamine.judge("iv", 35.0, "mg", weight=70.0) == ()
    assert "beyond the studied range" in ketamine.judge("iv", 2.0, "mg/kg")[0]
    assert "below the studied range" in ketamine.judge("iv", 0.01, "mg/kg")[0]
    assert "beyond" in spray.judge("nasal", 140.0)[0]
    assert spray.judge("nasal", 84.0) == ()
    assert "assumed" in ketamine.judge("sc", 0.5, "mg/kg")[0]
    # The hydrochloride weighs more: 1.1 mg/kg HCl is 0.95 mg/kg of base, inside the range.
    assert ketamine.judge("iv", 1.1, "mg/kg", salt=True) == ()


def test_every_route_has_a_limit_above_its_studied_range():
    for entry in drugs().values():
        for way in entry.routes.values():
            if entry.role == "placebo":
                continue
            assert way.studied and way.limit and way.limit_reason and way.studied_in, (entry.name, way.name)
            assert way.approval, (entry.name, way.name)
            for unit in set(way.studied) & set(way.limit):
                assert way.limit[unit] > way.studied[unit][1]


def test_sources_and_records_exist():
    known = sources()
    cited = {d.source for d in drugs().values()}
    cited |= {a.source for d in drugs().values() for w in d.routes.values() for a in w.approval if a.source}
    assert cited <= set(known)


def test_evidence_records_exist():
    roles = read_toml(knowledge_path() / "studies" / "roles.toml")
    ids = {r for kind in ("studies", "mechanism", "reference") for t in roles[kind].values() for r in t["records"]}
    for entry in drugs().values():
        for way in entry.routes.values():
            for record in (*way.records, *way.monitoring_records, *(r for a in way.approval for r in a.records)):
                assert record in ids or record.startswith("POP-"), (entry.name, way.name, record)


def test_catalogue_parts_are_listed_once():
    parts = list(catalogue_parts())
    assert len(parts) == len(set(parts))
    assert {"s_ketamine", "r_ketamine", "hnk_drug", "naltrexone"} <= set(parts)


def test_a_compound_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(compound_example(), encoding="utf-8")
    mine = read_drug(path)
    assert mine.parts == {"compound": 1.0}
    assert mine.values["compound_clearance"].value == 60
    assert mine.values["compound_clearance"].between.sd == pytest.approx(0.2936, abs=1e-4)
    assert mine.values["compound_gut_availability"].value == pytest.approx(0.2)
    assert mine.part_amounts(40.0) == pytest.approx({"compound": 40_000 / 237.7})
    assert mine.values["compound_nmda_ki"].source == "own measurement"


def test_a_half_life_becomes_a_clearance(tmp_path):
    text = re.sub(r"(clearance = .*cv.*|peripheral.*|exchange.*)\n", "", compound_example())
    text = text.replace("[pk]\n", '[pk]\nhalf_life = { value = 180, unit = "min" }\n')
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    # CL = ln 2 * 130 L / 3 h
    assert read_drug(path).values["compound_clearance"].value == pytest.approx(30.036, abs=1e-3)


BROKEN = """
name = "x"
molar_mass = "a"
[pk]
clearence = { value = 1, unit = "L/h" }
volume = { value = 1, unit = "gallon" }
[pk.oral]
availability = { value = 120, unit = "%" }
[affinity]
mu = { value = -1, unit = "uM" }
"""


def test_every_problem_of_a_compound_file_is_named_at_once(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(BROKEN, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_drug(path)
    message = str(caught.value)
    for piece in (
        "source is missing",
        "molar_mass is g/mol",
        "did you mean clearance?",
        "gallon",
        "allowed: L, mL",
        "exactly one of clearance and half_life",
        "pk.oral.absorption_rate is missing",
        "120 % is outside",
        "no route",
        "affinity.mu = -1 uM",
        str(path),
    ):
        assert piece in message


def test_unreadable_and_clashing_compound_files(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        read_drug(tmp_path / "absent.toml")
    path = tmp_path / "clash.toml"
    path.write_text("name = ", encoding="utf-8")
    with pytest.raises(UsageError, match="not valid TOML"):
        read_drug(path)
    path.write_text(compound_example().replace("my compound", "Spravato"), encoding="utf-8")
    with pytest.raises(UsageError, match="already a drug"):
        read_drug(path)
