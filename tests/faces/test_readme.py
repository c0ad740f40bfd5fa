"""The README's two commands are the ones the CI script runs."""

import hashlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_two_commands_are_what_ci_runs() -> None:
    blocks = re.findall(r"```\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    commands = [block.strip() for block in blocks if block.startswith("python3")]
    assert len(commands) == 2 and all("\n" not in command for command in commands)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    version = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    for command in commands:
        for step in command.split(" && "):
            words = step.replace(".venv/bin/", "").replace(f"python{version} -m venv .venv", "-m venv")
            found = (
                words
                if words in script
                else re.sub(r"^(pip|python|ketasim) ", "", words).replace("install ", "install --quiet ")
            )
            assert found in script, step


def test_the_script_can_be_run() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_the_figure_is_the_one_of_its_record() -> None:
    """Command, version and checksum stand beside it; after a new fit: python docs/generate.py --readme."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    record = json.loads((ROOT / "docs" / "readme-figure.json").read_text(encoding="utf-8"))
    (shown,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", readme)
    content = (ROOT / shown).read_bytes()
    assert hashlib.sha256(content).hexdigest() == record["sha256"]
    assert record["command"] in readme and len(content) < 250_000
    assert b"placebo" in content and b"CADSS" in content  # a benefit beside its placebo and its harm
