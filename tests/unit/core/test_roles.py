"""The roles of the studies were fixed before any number was tuned: nobody changes them."""

import hashlib
import tomllib

from ketasim.core import knowledge_path

FROZEN = "34c7d71d8f8c3f042afed17c3b2b329948623c505999df95e159e405c8d8f6c2"


def test_roles_are_untouched() -> None:
    text = (knowledge_path() / "studies" / "roles.toml").read_bytes()
    assert hashlib.sha256(text).hexdigest() == FROZEN


def test_roles_follow_the_rule() -> None:
    roles = tomllib.loads((knowledge_path() / "studies" / "roles.toml").read_text(encoding="utf-8"))
    studies = roles["studies"]
    for name, entry in studies.items():
        assert entry["role"] in ("fit", "validate")
        digit = int(hashlib.sha256(name.encode()).hexdigest()[0], 16)
        if entry["reason"].startswith("rule"):
            assert entry["role"] == ("validate" if digit < roles["threshold"] else "fit"), name
        else:
            assert entry["role"] == "fit", name
    validate = [name for name, entry in studies.items() if entry["role"] == "validate"]
    assert 3 * len(validate) >= len(studies)


def test_no_record_has_two_studies() -> None:
    roles = tomllib.loads((knowledge_path() / "studies" / "roles.toml").read_text(encoding="utf-8"))
    records = [r for group in ("studies", "mechanism", "reference") for e in roles[group].values() for r in e["records"]]
    assert len(records) == len(set(records))
