"""No record of the evidence is lost: each has a study with rows or a reason, or is listed as no study (a rule, an instrument, own work) with a reason."""

from pathlib import Path

from ketasim.core import knowledge_path, read_toml
from ketasim.evidence.published.studies import studies

IDS = Path(__file__).parent / "evidence_record_ids.txt"
KINDS = ("studies", "mechanism", "reference")


def evidence_ids() -> list[str]:
    lines = IDS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def entries() -> dict[str, dict[str, object]]:
    table = read_toml(knowledge_path() / "studies" / "roles.toml")
    return {name: entry for kind in KINDS for name, entry in table[kind].items() if kind != "reference"} | {
        f"reference {name}": entry for name, entry in table["reference"].items()
    }


def test_every_record_of_the_evidence_stands_in_the_roles_once() -> None:
    listed = evidence_ids()
    assert len(listed) == len(set(listed)) == 1602
    found = [record for entry in entries().values() for record in entry["records"]]  # type: ignore[attr-defined]
    assert sorted(set(listed) - set(found)) == []
    assert sorted(set(found) - set(listed)) == []


def test_every_entry_without_rows_says_why() -> None:
    """A folder's records are rows or named in its note (test_studies); all other entries have a sentence of their own."""
    left_out = read_toml(knowledge_path() / "studies" / "left_out.toml")["left_out"]
    why = {name: part["why"] for part in left_out for name in part["studies"]}
    for name, entry in entries().items():
        if name.startswith("reference "):
            assert entry["reason"], name
        else:
            assert name in studies() or len(why[name].split()) >= 3, name
