"""Every command, file and Python block of README and docs: the command line takes it, the file can be read; run to its end by a slow test.

Blocks marked `console` and `pycon` are run and compared in `test_documentation.py`. A command that is not run says why (`NOT_RUN`).
"""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer.main
from test_release import script

from ketasim.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").rglob("*.md") if "decisions" not in p.parts)]
KINDS = {"", "text", "console", "pycon", "python", "toml", "csv", "json", "{toctree}"}
NOT_RUN = (
    (r"serve\b", "a server; tests/faces/web starts it"),
    (r"(check|claims|lint|weigh|next-study)\b", "the same call stands in tests of its own; minutes"),
    (r".*--(replay|outcomes)", "minutes; tests/faces/test_replay_command.py"),
    (r".*weigh_fit", "minutes; tests/unit/exchange/test_own_parts.py, slow"),
    (r"reproduce\b", "minutes; tests/unit/exchange/test_reproduce.py, slow"),
    (r"trial design.toml", "240 trials; the table of the page is computed in tests/faces/test_trial_tutorial.py"),
)
stranger = script("stranger")


def relative(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def reason(text: str) -> str:
    """Why a command is not run, or nothing."""
    words = re.sub(r"^(\w+=\S+ )?(ketasim|python -m) ", "", text)
    return next((why for pattern, why in NOT_RUN if re.match(pattern, words)), "")


def commands(page: Path) -> list[str]:
    """Those of plain blocks too in which words stand that are to be filled in."""
    return [step.text for step in stranger.steps(page, ROOT) if step.kind == "command"]


def test_every_block_is_of_a_kind_that_is_looked_at() -> None:
    kinds = {
        kind for page in PAGES for kind in re.findall(r"^```([^\n`]*)$", page.read_text(encoding="utf-8"), flags=re.M)
    }
    assert kinds <= KINDS


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p)], ids=relative)
def test_the_command_line_takes_every_command(page: Path) -> None:
    """Commands, options and kinds of values are those of today; nothing is run."""
    group = typer.main.get_command(app)
    for text in commands(page):
        if not re.match(r"(\w+=\S+ )?ketasim ", text) or "[" in text:
            continue
        words = shlex.split(re.sub(r"^(\w+=\S+ )?ketasim ", "", text).partition(" > ")[0], comments=True)
        number = {"N": "80", "PROBABILITY": "0.5"}
        command = group.commands[words[0]]  # a command that is not there is a KeyError with its name
        command.make_context(words[0], [number.get(word, word) for word in words[1:]])


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_file_of_a_page_can_be_read(page: Path) -> None:
    for step in stranger.steps(page, ROOT):
        if step.kind == "file":
            if step.name.endswith(".toml"):
                assert tomllib.loads(step.text), step.name
            else:
                head, *rows = csv.reader(step.text.splitlines())
                assert rows and all(len(row) == len(head) for row in rows), step.name
        elif step.kind == "python":
            compile(step.text, relative(page), "exec")


def test_reasons_not_to_run_are_used_and_name_what_is_there() -> None:
    every = [text for page in PAGES for text in commands(page)]
    for pattern, why in NOT_RUN:
        assert any(reason(text) == why for text in every), pattern
        for name in re.findall(r"tests/\S*?(?=[,;]|$)", why):
            assert (ROOT / name).exists(), name


def test_the_twelve_lines_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they stand, with fewer people."""
    (step,) = (s for s in stranger.steps(ROOT / "README.md", ROOT) if s.kind == "python")
    assert len(step.text.splitlines()) <= 12 and "people=100" in step.text
    monkeypatch.chdir(tmp_path)
    exec(compile(step.text.replace("people=100", "people=4"), "README.md", "exec"), {})
    assert (tmp_path / "course.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", [p for p in PAGES if stranger.steps(p, ROOT)], ids=relative)
def test_every_command_and_python_block_runs_to_its_end(page: Path, tmp_path: Path) -> None:
    """In the order of the page, in one folder, as `release/stranger.py` does it in a fresh clone."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, call in (("ketasim", "-m ketasim"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {call} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    surroundings = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    place = tmp_path / "work"
    place.mkdir()
    stopped = []
    for step in stranger.steps(page, ROOT):
        if step.kind == "file":
            stranger.saved(place / step.name, step.text)
            continue
        if step.kind == "command" and (reason(step.text) or stranger.TO_FILL_IN.search(step.text)):
            continue
        if step.kind == "command" and page.name == "README.md" and stranger.runnable(step, True, place):
            continue  # a table of contents: person.toml and levels.csv stand in the how-to pages
        call = ["python", "-c", step.text] if step.kind == "python" else ["bash", "-c", step.text]
        done = subprocess.run(call, cwd=place, env=surroundings, capture_output=True, text=True, check=False)
        if done.returncode and not step.shows:
            stopped.append((step.text[-200:], (done.stdout + done.stderr)[-600:]))
    assert stopped == []
