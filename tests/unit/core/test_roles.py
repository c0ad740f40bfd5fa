"""The roles of the listed studies were fixed before any number of their round was tuned: nobody changes them; new ids are welcome."""

import hashlib
import tomllib
from typing import Any

from ketasim.core import knowledge_path

FROZEN = "905b98d50fd8d7e21e3c2996f5f4af54831df9e9c3c4635aac179df848dd0869"
LISTED = 269  # studies when round 2 began; ids that came later stand behind `added`


def _table() -> dict[str, Any]:
    return tomllib.loads((knowledge_path() / "studies" / "roles.toml").read_text(encoding="utf-8"))


def test_roles_of_the_listed_studies_are_untouched() -> None:
    table = _table()
    listed = sorted(
        (part, name, entry["role"], entry.get("round1", ""))
        for part in ("studies", "mechanism")
        for name, entry in table[part].items()
        if "added" not in entry
    )
    assert len(listed) == LISTED
    assert hashlib.sha256(repr(listed).encode()).hexdigest() == FROZEN


def test_everything_in_the_evidence_is_fit_in_round_2() -> None:
    assert {entry["role"] for part in ("studies", "mechanism") for entry in _table()[part].values()} == {"fit"}


def test_round_1_followed_its_rule() -> None:
    roles = _table()
    old = {name: entry for name, entry in roles["studies"].items() if "added" not in entry}
    for name, entry in old.items():
        digit = int(hashlib.sha256(name.encode()).hexdigest()[0], 16)
        round1 = entry.get("round1", "fit")
        if entry["reason"].startswith("rule"):
            assert round1 == ("validate" if digit < roles["threshold"] else "fit"), name
        else:
            assert round1 == "fit", name
    assert 3 * sum(entry.get("round1") == "validate" for entry in old.values()) >= len(old)


def test_no_record_has_two_studies() -> None:
    roles = _table()
    records = [
        r for group in ("studies", "mechanism", "reference") for e in roles[group].values() for r in e["records"]
    ]
    assert len(records) == len(set(records))
