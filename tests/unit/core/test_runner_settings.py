"""The test command always ends: a test that kills its worker is one failure, not a run that waits for ever."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
KILLER = """
import os, pytest

@pytest.mark.parametrize("i", range(12))
def test_one(i):
    if i == 7:
        os._exit(3)
"""


def test_a_worker_that_dies_is_one_failed_test(tmp_path: Path) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    own = settings["addopts"].replace("-n auto", "-n 2")
    (tmp_path / "test_killer.py").write_text(KILLER, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow: x\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "xdist.plugin",
        "-p",
        "no:cacheprovider",
        *shlex.split(own),
        str(tmp_path),
    ]
    bare = os.environ | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"
    }  # the plugins of other tests take most of the time of three starts
    limit = settings["timeout"] / 2
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=limit, env=bare)
    assert found.returncode == 1 and "crashed while running" in found.stdout
    assert found.stdout.count("FAILED") == 1
