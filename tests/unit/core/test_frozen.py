"""A mapping nobody can change, and values that hold one: pickled, copied, hashed, sent to another process."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import FrozenInstanceError
from multiprocessing import get_context

import pytest

import ketasim.core as core
from ketasim.core import FrozenMapping, drugs
from ketasim.dose import parse
from ketasim.scenario.plan import scenario

COPIES = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "pickle 0": lambda value: pickle.loads(pickle.dumps(value, protocol=0)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}
REGIMENS = (
    "ketamine iv 0.5 mg/kg over 40 min",
    "esketamine nasal 56, 56, 84 mg twice weekly x 8, then weekly x 4 with naltrexone oral 50 mg at -45 min",
    "placebo iv over 40 min twice weekly x 2",
    "ssri oral daily",
)


def test_it_is_a_mapping_with_a_dicts_order_and_equality() -> None:
    one = FrozenMapping({"b": 2, "a": 1})
    assert isinstance(one, Mapping)
    assert list(one) == ["b", "a"] and list(one.items()) == [("b", 2), ("a", 1)]
    assert one == {"a": 1, "b": 2} and one == FrozenMapping([("a", 1), ("b", 2)]) and one != {"a": 1}
    assert one["a"] == 1 and one.get("c") is None and "a" in one and len(one) == 2
    assert json.dumps(dict(one)) == '{"b": 2, "a": 1}'


def test_what_it_was_made_from_cannot_change_it() -> None:
    source = {"a": 1}
    one = FrozenMapping(source)
    source["a"] = 2
    assert one == {"a": 1}


@pytest.mark.parametrize(
    "change", ["one['a'] = 2", "del one['a']", "one._entries = {}", "one.extra = 1", "del one._entries"]
)
def test_nothing_changes_it(change: str) -> None:
    one = FrozenMapping({"a": 1})
    with pytest.raises((TypeError, AttributeError)):
        exec(change, {"one": one})
    assert one == {"a": 1}


def test_a_union_is_a_new_one_and_the_right_side_wins() -> None:
    one = FrozenMapping({"a": 1, "b": 2})
    assert one | {"b": 3} == {"a": 1, "b": 3} and isinstance(one | {"b": 3}, FrozenMapping)
    assert {"b": 3} | one == {"a": 1, "b": 2}
    assert one == {"a": 1, "b": 2}
    with pytest.raises(TypeError):
        one | 3  # type: ignore[operator]


def test_equal_ones_have_equal_hashes_and_a_list_inside_has_none() -> None:
    assert hash(FrozenMapping({"a": 1, "b": 2})) == hash(FrozenMapping({"b": 2, "a": 1}))
    assert len({FrozenMapping({"a": 1}), FrozenMapping({"a": 1}), FrozenMapping({"a": 2})}) == 2
    with pytest.raises(TypeError):
        hash(FrozenMapping({"a": [1]}))


@pytest.mark.parametrize("how", COPIES)
def test_it_can_be_copied(how: str) -> None:
    one = FrozenMapping({"a": (1, 2), "b": FrozenMapping({"c": 3})})
    assert COPIES[how](one) == one and isinstance(COPIES[how](one), FrozenMapping)


def test_a_deep_copy_shares_no_list_with_the_original() -> None:
    one = FrozenMapping({"a": [1]})
    copied = copy.deepcopy(one)
    copied["a"].append(2)
    assert one == {"a": [1]}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("words", REGIMENS)
def test_a_regimen_and_a_scenario_can_be_copied(words: str, how: str) -> None:
    regimen = parse(words)
    assert COPIES[how](regimen) == regimen and str(COPIES[how](regimen)) == str(regimen)
    asked = scenario(words, values={"clearance": 50.0}, variants={"circuit": "rest_block"}, days=3)
    copied = COPIES[how](asked)
    assert copied == asked and hash(copied) == hash(asked) and copied.settings() == asked.settings()


def test_every_drug_and_its_hash_survive_a_pickle() -> None:
    for entry in drugs().values():
        copied = pickle.loads(pickle.dumps(entry))
        assert copied == entry and hash(copied) == hash(entry)


def test_a_scenario_goes_to_another_process_and_comes_back() -> None:
    asked = scenario(REGIMENS[1], values={"clearance": 50.0}, days=30)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(_title, asked).result(timeout=60) == asked.title


def _title(asked: object) -> str:
    return str(asked.title)  # type: ignore[attr-defined]


def test_frozen_values_refuse_changes() -> None:
    with pytest.raises(FrozenInstanceError):
        parse(REGIMENS[0]).main = None  # type: ignore[misc, assignment]
    assert "FrozenMapping" in core.__all__
