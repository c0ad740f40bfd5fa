"""Ctrl-C at any moment of the start ends a command quietly with exit code 130."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
READY = "import ketasim._start as s; print('ready', flush=True); "
ENGINE = READY + "import runpy; runpy.run_module('ketasim.engine', run_name='__main__', alter_sys=True)"
KETASIM = READY + "s.main()"


@pytest.mark.parametrize("after", [0.05, 0.15, 0.4])
@pytest.mark.parametrize("command", [ENGINE, KETASIM], ids=["engine", "ketasim"])
def test_quiet(command: str, after: float, tmp_path: Path) -> None:
    path = tmp_path / "m.ant"
    path.write_text(
        "x = 1; y = 0; x' = 1e6*y; y' = -1e6*x;" + " ".join(f"z{i} = 1; z{i}' = -z{i};" for i in range(200))
    )
    words = (
        [str(path), "--until", "1e6"]
        if command is ENGINE
        else ["run", "ketamine iv 0.5 mg/kg over 40 min", "--people", "20000"]
    )
    child = subprocess.Popen(
        [sys.executable, "-c", command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    time.sleep(after)
    child.send_signal(signal.SIGINT)
    out, said = child.communicate(timeout=60)
    assert child.returncode == 130, (child.returncode, said[-300:])
    assert "Traceback" not in said and out == ""
