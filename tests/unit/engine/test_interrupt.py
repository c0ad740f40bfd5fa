"""Ctrl-C at any moment of the start ends a command quietly with exit code 130.

The moments are the imports of modules, so that no clock decides: the signal comes from inside, while the module is loaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
WAIT = """
import sys, signal
def interrupt(event, arguments, wanted=sys.argv.pop(1)):
    if event == "import" and arguments[0] == wanted:
        signal.raise_signal(signal.SIGINT)
import ketasim._start as s
sys.addaudithook(interrupt)
"""
ENGINE = WAIT + "import runpy; runpy.run_module('ketasim.engine', run_name='__main__', alter_sys=True)"
KETASIM = WAIT + "s.main()"


@pytest.mark.parametrize(
    ("command", "module"),
    [
        (ENGINE, "ketasim.engine.door"),
        (ENGINE, "numpy"),
        (ENGINE, "ketasim.engine.run.model"),
        (ENGINE, "ketasim.engine.code.compile"),
        (ENGINE, "llvmlite"),
        (KETASIM, "typer"),
        (KETASIM, "numpy"),
        (KETASIM, "ketasim.engine.run.model"),
    ],
)
def test_quiet(command: str, module: str, tmp_path: Path) -> None:
    path = tmp_path / "m.ant"
    path.write_text("x = 1; x' = -x;")
    words = [str(path), "--until", "1"] if command is ENGINE else ["run", "ketamine iv 0.5 mg/kg over 40 min"]
    done = subprocess.run(
        [sys.executable, "-c", command, module, *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"KETASIM_CACHE": "off"},
    )
    assert done.returncode == 130, (done.returncode, done.stderr[-300:])
    assert "Traceback" not in done.stderr and done.stdout == ""
