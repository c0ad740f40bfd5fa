"""No naked number: a value without unit, source, place, basis or grade cannot exist."""

import pytest

from ketasim.core import (
    KetasimError,
    Spread,
    UsageError,
    Value,
    all_values,
    knowledge_path,
    nearest,
    output_register,
    read_toml,
    sources,
    value,
)
from ketasim.core.values import _value

GOOD = dict(value=1.0, unit="L", source="X2020", place="Table 1", basis="measured", grade="A")


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_a_value_cannot_exist_without(missing: str) -> None:
    with pytest.raises(KetasimError, match=missing):
        _value("plasma", "volume", {k: v for k, v in GOOD.items() if k != missing})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"basis": "guessed"}, "unknown basis"),
        ({"grade": "E"}, "unknown grade"),
        ({"value": float("nan")}, "finite"),
        ({"bounds": [2, 3]}, "outside its bounds"),
        ({"sorce": "X"}, "source"),
        ({"between": {"kind": "lognormal", "sd": -1}}, "sd of a spread"),
        ({"between": {"kind": "lognorm", "sd": 1}}, "lognormal"),
        ({"between": 0.3}, "a spread is a table"),
    ],
)
def test_bad_values_teach(change: dict, message: str) -> None:
    with pytest.raises(KetasimError) as caught:
        _value("plasma", "volume", {**GOOD, **change})
    assert message in str(caught.value)


def test_values_are_frozen() -> None:
    volume = Value(key="v", stage="plasma", **GOOD)
    with pytest.raises(AttributeError):
        volume.value = 2.0  # type: ignore[misc]


def test_loguniform_needs_limits() -> None:
    with pytest.raises(KetasimError, match="0 < low < high"):
        Spread("loguniform")


def test_every_shipped_value_has_a_known_source_and_a_unique_key() -> None:
    everything = list(all_values())
    known = sources()
    unknown = {v.name: v.source for v in everything if v.source not in known}
    assert not unknown
    keys = [v.key for v in everything]
    doubles = {k for k in keys if keys.count(k) > 1}
    assert not doubles


def test_no_placeholder_ships() -> None:
    assert [v.name for v in all_values() if v.basis == "placeholder"] == []


def test_unknown_value_names_the_nearest() -> None:
    real = next(iter(all_values())).key
    with pytest.raises(UsageError) as caught:
        value(real + "x")
    assert real in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("madrs", ["age", "years", "ards", "weight_kg", "yrs"]),  # "years" holds three of its five letters
        ("foo", ["of", "for_thought", "nmda.occupancy"]),
        ("aspirin", ["ssri", "esketamine", "scopolamine"]),
        ("a", ["saline", "placebo"]),
        ("", ["age", "weight"]),
    ],
)
def test_no_remedy_is_offered_that_is_not_close(asked: str, known: list[str]) -> None:
    assert nearest(asked, known) == []


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("agee", "age"),
        ("central_volum", "central_volume"),
        ("volume_central", "central_volume"),
        ("plasma.ketamin", "plasma.ketamine"),
        ("occupancy", "nmda.occupancy"),
        ("lateral-habenul", "lateral-habenula"),
        ("madrs.total", "madrs"),
    ],
)
def test_a_close_name_is_offered(asked: str, meant: str) -> None:
    assert nearest(asked, ["sbp", "saline", meant])[0] == meant


def test_nearest_ignores_case_and_finds_parts() -> None:
    assert nearest("KETAMIN", ["ketamine", "naltrexone"]) == ["ketamine"]
    assert nearest("madrs", ["madrs.change", "cadss"])[0] == "madrs.change"


def test_register_has_units_and_unique_aliases() -> None:
    for name, entry in output_register().items():
        assert entry.unit, name


def test_no_value_rests_on_a_study_kept_for_validation() -> None:
    studies = read_toml(knowledge_path() / "studies" / "roles.toml")["studies"]
    kept = {record for entry in studies.values() if entry["role"] == "validate" for record in entry["records"]}
    assert {v.name: kept.intersection(v.records) for v in all_values() if kept.intersection(v.records)} == {}
