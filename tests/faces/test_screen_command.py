"""`ketasim screen`: words, JSON, exit codes, what comes first, what it loads, and that nothing of the file leaves."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from watched import WATCHED

import ketasim as api
from ketasim.report.screen_page import PAGE, redrawn

ROOT = Path(__file__).resolve().parents[2]
SECRET = "zebrafinch-4711"
PERSON = f"""
name = "{SECRET}"
age = 44
sex = "female"
weight_kg = 70
aneurysm = true
stroke_or_tia = false
medication = ["sertraline"]
[[dose]]
day = 0
words = "esketamine nasal 56 mg"
[[score]]
scale = "MADRS"
day = 0
total = 31
"""


@pytest.fixture
def person(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    path = folder / "person.toml"
    path.write_text(PERSON, "utf-8")
    return path


def watched(person: Path, *words: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with an empty home."""
    home = person.parent.parent / "home"
    home.mkdir(exist_ok=True)
    environment = os.environ | {
        key: str(home) for key in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TMPDIR", "MPLCONFIGDIR", "KETASIM_CACHE")
    }
    command = [*prefix, sys.executable, "-B", "-c", WATCHED, "screen", str(person), *words]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=person.parent.parent, check=False
    )


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(folder.rglob("*"))}


def test_the_words(ketasim, person: Path) -> None:
    answer = ketasim("screen", str(person), "--route", "nasal", "--jurisdiction", "US")
    assert answer.code == 0
    assert answer.out.startswith("not cleared: 1 absolute fires")
    assert "ABSOLUTE: Aneurysmal vascular disease" in answer.out
    assert "section 4.3" in answer.out
    assert "second hand" in answer.out
    assert "intracerebral_haemorrhage" in answer.out
    assert "What is watched, route nasal" in answer.out
    assert "a licensed prescriber decides" in answer.out
    assert "In a crisis:" in answer.out


def test_an_emergency_comes_before_all_else(ketasim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    path = tmp_path / "person.toml"
    path.write_text("active_suicidal_intent = true\naneurysm = true\n", "utf-8")
    words = ketasim("screen", str(path)).out
    assert words.startswith("EMERGENCY")
    assert words.index("116 123") < words.index("not cleared")
    found = json.loads(ketasim("screen", str(path), "--json").out)
    assert next(iter(found)) == "crisis"
    assert found["emergency"] is True
    assert found["verdict"] == "not cleared"


def test_the_json(ketasim, person: Path) -> None:
    answer = ketasim("screen", str(person), "--json")
    found = json.loads(answer.out)
    assert found["verdict"] == "not cleared"
    assert {"verdict", "rules", "monitoring", "missing"} <= set(found)
    for rule in found["rules"]:
        assert {"id", "state", "grade", "jurisdiction", "source"} <= set(rule)
        assert rule["state"] in ("fires", "silent", "unknown")
    assert found["verdict"] == api.screen(str(person)).to_dict()["verdict"]
    assert SECRET not in answer.out


def test_bad_input_is_listed_with_exit_code_2(ketasim, tmp_path: Path) -> None:
    path = tmp_path / "person.toml"
    path.write_text('agee = 44\n[[score]]\nscale = "MADRS"\nday = 1\ntotal = 75\n', "utf-8")
    answer = ketasim("screen", str(path))
    assert answer.code == 2
    assert "2 problems" in answer.err
    assert "line 1: unknown key 'agee'" in answer.err
    assert "line 5: MADRS 75" in answer.err
    assert answer.err.count("try:") == 2
    assert not answer.out


def test_wrong_words(ketasim, person: Path, tmp_path: Path) -> None:
    assert ketasim("screen", str(tmp_path / "nobody.toml")).code == 2
    assert ketasim("screen", str(person), "--route", "nasel").code == 2
    assert ketasim("screen", str(person), "--jurisdiction", "XX").code == 2


@pytest.mark.parametrize("words", [(), ("--json",), ("--route", "iv")])
def test_nothing_is_written_and_no_socket_is_opened(person: Path, words: tuple[str, ...]) -> None:
    before = snapshot(person.parent.parent)
    answer = watched(person, *words)
    assert "CODE 0" in answer.stderr, answer.stderr
    assert "SEEN []" in answer.stderr
    after = snapshot(person.parent.parent)
    after.pop(str(person.parent.parent / "home"), None)
    before.pop(str(person.parent.parent / "home"), None)
    assert after == before
    assert SECRET not in answer.stdout + answer.stderr


def test_a_faulty_file_leaves_nothing_either(person: Path) -> None:
    person.write_text(PERSON + "agee = 3\n", "utf-8")
    answer = watched(person)
    assert "CODE 2" in answer.stderr
    assert "SEEN []" in answer.stderr


def test_it_works_without_a_network(person: Path) -> None:
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace here")
    answer = watched(person, "--json", prefix=(unshare, "-rn"))
    assert "CODE 0" in answer.stderr
    assert json.loads(answer.stdout)["verdict"] == "not cleared"


def test_it_loads_no_engine(person: Path) -> None:
    """What makes it quick: no chain, no engine, no plots, no tables."""
    loaded = watched(person).stderr.partition("LOADED ")[2]
    for heavy in ("scipy", "llvmlite", "libsbml", "antimony", "matplotlib", "xarray", "pyarrow", "pint", "fastapi"):
        assert f"'{heavy}'" not in loaded, heavy
    for room in ("engine", "chain", "stages", "forward", "scenario", "evidence"):
        assert f"'ketasim.{room}'" not in loaded, room


def test_the_page_shows_the_rules_as_they_are() -> None:
    page = (ROOT / PAGE).read_text("utf-8")
    assert redrawn(page) == page
    assert page.count("| R-") == len(api.screen({}).findings)


def test_the_example_of_the_page_reads(tmp_path: Path) -> None:
    page = (ROOT / PAGE).read_text("utf-8")
    path = tmp_path / "person.toml"
    path.write_text(page.partition("```toml\n")[2].partition("```")[0], "utf-8")
    found = api.screen(path)
    assert found.person.facts["age"] == 44
    assert not found.person.suspected


def test_the_watcher_sees_what_it_must(tmp_path: Path) -> None:
    """A test that cannot fail is none: a write, a socket and a new folder are seen."""
    deed = "\n".join(
        [
            WATCHED.partition("sys.argv =")[0],
            "import os, socket",
            f"open({str(tmp_path / 'a')!r}, 'w').close()",
            f"os.close(os.open({str(tmp_path / 'b')!r}, os.O_RDWR | os.O_CREAT))",
            f"os.mkdir({str(tmp_path / 'c')!r})",
            "socket.socket().close()",
            "print(len(seen))",
        ]
    )
    told = subprocess.run([sys.executable, "-B", "-c", deed], capture_output=True, text=True, check=True)
    assert int(told.stdout) >= 4
