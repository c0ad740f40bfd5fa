"""What users may lean on stays, or goes with a warning first: names, arguments, commands, options, outputs."""

from __future__ import annotations

import copy
import importlib.util
import json
import re
import warnings
from pathlib import Path

import pytest

import ketasim
from ketasim.core.deprecated import DeprecatedName, renamed_argument

ROOT = Path(__file__).resolve().parents[2]


def script():
    spec = importlib.util.spec_from_file_location("release_public", ROOT / "release" / "public.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


public = script()
LISTED = json.loads((ROOT / "release" / "public.json").read_text(encoding="utf-8"))


def test_nothing_that_users_lean_on_has_gone() -> None:
    """What is new may be added at any time with `python release/public.py --write`; what goes needs a warning for a minor version first (core/deprecated.py)."""
    assert public.broken(LISTED, public.surface()) == []


def test_every_public_name_and_command_is_listed() -> None:
    """A new output is one table of knowledge/names.toml and nothing else until a release lists it (`release/check.py`)."""
    now = public.surface()
    for kind in ("python", "commands"):
        assert set(now[kind]) == set(LISTED[kind]), "python release/public.py --write"
    more = copy.deepcopy(now)
    more["outputs"]["x.y"] = "h"
    assert public.unlisted(LISTED, more)[-1] == "public.json does not list x.y"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda now: now["python"].pop("run"), "ketasim.run is gone"),
        (lambda now: now["python"]["scenario"]["arguments"].pop("repeat"), "ketasim.scenario takes no repeat any more"),
        (lambda now: now["python"]["scenario"]["arguments"]["seed"].__setitem__(1, 5), "ketasim.scenario: seed was"),
        (
            lambda now: now["python"]["value"]["arguments"].update(x=["KEYWORD_ONLY", "required"]),
            "ketasim.value cannot be called without x any more",
        ),
        (lambda now: now["python"]["Result"]["members"].remove("cite"), "ketasim.Result has no cite any more"),
        (lambda now: now["commands"].pop("weigh"), "the command weigh is gone"),
        (lambda now: now["commands"]["run"].remove("--plot"), "ketasim run has no --plot any more"),
        (lambda now: now["outputs"].update(madrs="kg"), "the output madrs was in"),
        (lambda now: now["outputs"].pop("madrs"), "the output madrs was in"),
    ],
)
def test_what_goes_is_named(change, told: str) -> None:
    now = copy.deepcopy(LISTED)
    change(now)
    (found,) = public.broken(LISTED, now)
    assert found.startswith(told)


def test_what_is_new_breaks_nothing_and_order_counts() -> None:
    now = copy.deepcopy(LISTED)
    now["python"]["new"] = {"arguments": {}}
    now["python"]["run"]["arguments"]["more"] = ["KEYWORD_ONLY", None]
    now["commands"]["run"].append("--more")
    assert public.broken(LISTED, now) == []
    two = {"a": ["POSITIONAL_OR_KEYWORD", "required"], "b": ["POSITIONAL_OR_KEYWORD", "required"]}
    turned = {name: two[name] for name in ("b", "a")}
    assert public._lost("f", two, turned) == ["ketasim.f: the order of a, b has changed"]


def test_an_old_name_works_and_warns_with_the_version_in_which_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ketasim._GOING, "simulate", ("run", "9.0"))
    with pytest.warns(
        DeprecatedName, match=r"ketasim\.simulate goes with Ketasim 9\.0; use ketasim\.run instead"
    ) as seen:
        assert ketasim.simulate is ketasim.run
    assert seen[0].filename == __file__  # the user's line, not ours
    with warnings.catch_warnings(), pytest.raises(DeprecatedName):
        warnings.simplefilter("error")
        ketasim.simulate  # noqa: B018
    assert "simulate" not in ketasim.__all__


def test_an_old_argument_works_warns_and_is_refused_beside_the_new_one() -> None:
    @renamed_argument("end", "days", gone_in="9.0")
    def asked(words: str, *, days: float = 1.0) -> tuple[str, float]:
        return words, days

    with pytest.warns(DeprecatedName, match=r"the argument end of asked goes with Ketasim 9\.0; use days") as seen:
        assert asked("x", end=3.0) == ("x", 3.0)
    assert seen[0].filename == __file__
    assert asked("x", days=2.0) == ("x", 2.0)
    with pytest.raises(ketasim.UsageError, match="end and days"):
        asked("x", end=1.0, days=2.0)


def test_what_goes_goes_in_a_later_version_and_stands_in_the_changes() -> None:
    """A name whose time has come fails here: take it out."""
    texts = {p: p.read_text(encoding="utf-8") for p in (ROOT / "src" / "ketasim").rglob("*.py")}
    uses = [
        (t, v)
        for text in texts.values()
        for t, v in re.findall(r'renamed_argument\("(\w+)"[^)]*gone_in="([\d.]+)"', text)
    ]
    uses += [(name, gone_in) for name, (instead, gone_in) in ketasim._GOING.items() if instead in ketasim.__all__]
    assert len(uses) >= len(ketasim._GOING)
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    numbers = tuple(int(part) for part in re.findall(r"\d+", ketasim.__version__)[:2])
    for name, gone_in in uses:
        assert tuple(int(part) for part in gone_in.split(".")[:2]) > numbers and name in changes, name
