"""What is released: one version, a licence for every dependency, files that must be there. `release/check.py` builds and installs (slow)."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def script(name: str):
    sys.path.insert(0, str(ROOT / "release"))
    spec = importlib.util.spec_from_file_location(f"release_{name}", ROOT / "release" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_version_is_the_same_everywhere() -> None:
    assert script("check").version_problems() == []


def test_what_must_not_be_in_a_release_is_seen() -> None:
    check = script("check")
    wanted = check.MUST_BE_IN_THE_WHEEL
    assert check.wrong_in(list(wanted), wanted, "w") == []
    assert check.wrong_in([*wanted[1:], "a/node_modules/x"], wanted, "w") == [
        f"w: no {wanted[0]}",
        "w: a/node_modules/x must not be there",
    ]


def test_what_is_wrong_with_an_installed_package_is_seen() -> None:
    """A right one is silent; each fault alone is named."""
    check = script("check")
    listed = "| numpy | BSD |\n"
    right = {
        "loaded": ["ketasim"],
        "licence": ["LICENSE"],
        "page": ["index.html"],
        "version": check.version(),
        "packages": ["ketasim", "numpy", "pip"],
    }
    assert check.installed_problems(right, "MADRS", listed, "w") == []
    for changed, ran, told in (
        ({"loaded": [f"m{i}" for i in range(99)]}, "MADRS", "99 modules"),
        ({"loaded": ["numpy.linalg"]}, "MADRS", "loads numpy"),
        ({"licence": []}, "MADRS", "no licence"),
        ({"page": []}, "MADRS", "page is not installed"),
        ({"version": "9"}, "MADRS", "installed as 9"),
        ({"packages": ["numpy", "torch"]}, "MADRS", "torch"),
        ({}, "", "no MADRS"),
    ):
        (problem,) = check.installed_problems(right | changed, ran, listed, "w")
        assert told in problem


def test_an_interpreter_that_does_not_answer_is_none() -> None:
    found = script("check").pythons(["/nowhere/python3.13"])
    assert "/nowhere/python3.13" not in found.values() and set(found) <= set(script("check").PYTHONS)


def test_the_page_is_built_with_the_notices_of_what_it_holds() -> None:
    """The bundler writes licences.txt from the packages that it bundled; a page that was built since has it."""
    assert "notices()" in (ROOT / "frontend" / "vite.config.ts").read_text(encoding="utf-8")
    page = ROOT / "src" / "ketasim" / "web" / "static"
    if (page / "licences.txt").exists():
        text = (page / "licences.txt").read_text(encoding="utf-8")
        assert all(f"\n{name} " in text for name in ("svelte", "uplot")) and "Permission is hereby granted" in text


def test_a_stranger_does_what_the_pages_say(tmp_path: Path) -> None:
    """Commands, Python with what stood before, lines that a page shows; what has to be filled in is not run. `release/stranger.py` does it in a clone."""
    stranger = script("stranger")
    page = tmp_path / "page.md"
    page.write_text(
        '```\nketasim run "a b"      in words\nketasim harm WORDS\nketasim import levels.csv\n$ ketasim shown\nA=b python -m ketasim.x y > z.toml   # so\n```\n'
        "```console\n$ ketasim show x\nx: y\n```\n```pycon\n>>> a = 1\n>>> for i in ():\n...     a\n1\n```\n```python\nb = a\n```\n",
        encoding="utf-8",
    )
    found = stranger.steps(page, tmp_path)
    assert [(s.kind, s.text) for s in found] == [
        ("command", 'ketasim run "a b"'),
        ("command", "ketasim harm WORDS"),
        ("command", "ketasim import levels.csv"),
        ("command", "A=b python -m ketasim.x y > z.toml"),
        ("command", "ketasim show x"),
        ("python", "a = 1\nfor i in ():\n    a\n"),
        ("python", "a = 1\nfor i in ():\n    a\nb = a\n"),
    ]
    assert found[4].shows == "x: y"
    why = [stranger.runnable(s, False, tmp_path) for s in found]
    assert why == ["", "to be filled in", "needs a file of one's own", "", "", "", ""]
    assert stranger._run([sys.executable, "-c", "print('x: y')"], tmp_path, {}, "", "x: y") == 0
    assert stranger._run([sys.executable, "-c", "print('x: z')"], tmp_path, {}, "", "x: y") == 1
    assert stranger.first_command((ROOT / "README.md").read_text(encoding="utf-8")).endswith('40 min"')


def test_a_stranger_saves_the_files_of_a_page(tmp_path: Path) -> None:
    """Under the name before the block, else that of the page's commands; a part of a file takes the place of its tables."""
    stranger = script("stranger")
    page = tmp_path / "page.md"
    page.write_text(
        "`a.toml` and `own/b.toml`:\n\n```toml\n[x]\ny = 2\n```\nThe levels:\n\n```csv\nID,TIME\n```\n```\nketasim import levels.csv\n```\n",
        encoding="utf-8",
    )
    first, second, third = stranger.steps(page, tmp_path)
    assert stranger._before_use([third, second]) == [second, third]
    assert (first.name, second.name) == ("own/b.toml", "levels.csv")
    place = tmp_path / first.name
    place.parent.mkdir()
    place.write_text("top = 1\n[x]\ny = 1\n\n[z]\nw = 1\n", encoding="utf-8")
    stranger.saved(place, first.text)
    assert place.read_text(encoding="utf-8") == "top = 1\n[x]\ny = 2\n[z]\nw = 1\n"
    stranger.saved(tmp_path / second.name, second.text)
    assert stranger.runnable(stranger.Step("", "command", "ketasim import levels.csv"), False, tmp_path) == ""


def test_every_dependency_has_a_licence_in_the_list() -> None:
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    licences = script("licences")
    for name in licences.closure(licences.dependencies()):
        row = re.search(rf"^\| {re.escape(name)} \| (.+) \|$", page, flags=re.MULTILINE)
        assert row and row[1] != "not said in its metadata", name
        assert not re.search(r"\b(A?GPL|SSPL)", row[1].replace("LGPL", "")), (name, row[1])


def test_the_ci_file_says_what_it_has_not_been_run_on() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "NOT been run" in text and all(system in text for system in ("ubuntu", "macos", "windows"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_wheel_and_sources_build_install_and_run() -> None:
    pytest.importorskip("build")
    pytest.importorskip("twine")
    done = subprocess.run(
        [sys.executable, str(ROOT / "release" / "check.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
