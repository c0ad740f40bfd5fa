"""kill -9 of the whole command in the middle of writing Parquet, and the same command again: the same bits, and no partial file is ever read.

The command runs in a process of its own in which one step of one write (by number) tells the test that it has been reached and then waits for ever, so
that the kill falls exactly there: with half of the file written, or with all of it written under its temporary name.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ketasim.core import files
from ketasim.core.files import PART
from ketasim.scenario import stream
from ketasim.scenario.plan import scenario
from ketasim.scenario.stream import stream_people
from ketasim.trial.simulate import trial

DESIGN = """
title = "Killed"
setting = "saline"
visits = ["24 h"]
n = 20
hypotheses = ["disinhibition"]
[arms.saline]
words = "placebo iv"
[arms.ketamine]
words = "ketamine iv 0.5 mg/kg over 40 min"
"""
RUN = ("run", "ketamine iv 0.5 mg/kg over 40 min", "--people", "12", "--days", "1", "--at", "24", "--seed", "4")
TRIAL = ("trial", "DESIGN", "--sims", "12", "--seed", "3", "--json")

# the child: blocks of 4 people, and the step `when` of the write number `which` waits
CHILD = """
import os, sys, time
when, which = sys.argv[1], int(sys.argv[2])
import pyarrow.parquet as pq
from ketasim.scenario import stream
stream.BLOCK = 4
seen = 0

def wait():
    print("reached", flush=True)
    time.sleep(3600)

def counted(path):
    global seen
    seen += str(path).endswith(".parquet") or ".parquet." in str(path)
    return seen == which

if when == "half":
    whole = pq.write_table
    def write_table(table, where, **options):
        whole(table, where, **options)
        if counted(where):
            with open(where, "rb+") as file:
                file.truncate(os.path.getsize(where) // 2)
            wait()
    pq.write_table = write_table
elif when == "unnamed":
    replace = os.replace
    def late(part, path):
        if counted(path):
            wait()
        replace(part, path)
    os.replace = late
sys.argv = ["ketasim", *sys.argv[3:]]
from ketasim._start import main
main()
"""


def command(arguments: tuple[str, ...], folder: Path, when: str = "never", which: int = 0) -> subprocess.Popen[str]:
    design = folder.parent / "design.toml"
    design.write_text(DESIGN, encoding="utf-8")
    words = [str(design) if word == "DESIGN" else word for word in arguments]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, when, str(which), *words, "--parquet", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed(arguments: tuple[str, ...], folder: Path, when: str, which: int) -> None:
    """The command, killed with SIGKILL at that step of that write."""
    with command(arguments, folder, when, which) as process:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        process.kill()
        assert line.strip() == "reached", process.stderr.read()
        assert process.wait() == -signal.SIGKILL


def finished(arguments: tuple[str, ...], folder: Path) -> str:
    with command(arguments, folder) as process:
        out, error = process.communicate()
    assert process.returncode == 0, error
    return out


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.parquet"))}


def parts(folder: Path) -> list[Path]:
    return [p for p in folder.iterdir() if p.name.endswith(PART)]


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BLOCK", 4)
    stream_people(scenario(RUN[1], people=12, days=1, at="24 h", seed=4), tmp_path / "whole")
    whole = hashes(tmp_path / "whole")
    assert len(whole) == 3 and not parts(tmp_path / "whole")

    folder = tmp_path / "killed"
    killed(RUN, folder, "half", 2)
    assert (
        len(hashes(folder)) == 1 and len(parts(folder)) == 1
    )  # one whole file, and half of another under no name that is read
    killed(RUN, folder, "unnamed", 1)
    assert len(hashes(folder)) == 1 and len(parts(folder)) == 1  # the half of the first kill is gone
    finished(RUN, folder)
    assert hashes(folder) == whole and not parts(folder)


def test_a_killed_trial_goes_on_to_the_same_bits_and_the_same_answer(tmp_path: Path) -> None:
    design = tmp_path / "design.toml"
    design.write_text(DESIGN, encoding="utf-8")
    told = trial(design, sims=12, seed=3, parquet=tmp_path / "whole").to_json()
    whole = hashes(tmp_path / "whole")
    assert len(whole) == 3

    killed(TRIAL, tmp_path / "killed", "half", 2)
    assert len(hashes(tmp_path / "killed")) == 1
    again = finished(TRIAL, tmp_path / "killed")
    assert hashes(tmp_path / "killed") == whole and not parts(tmp_path / "killed")
    assert json.loads(again) == json.loads(told)


def test_what_has_the_name_of_a_block_without_being_one_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file cut short by somebody else, and the whole file of other people: neither is taken for the block."""
    monkeypatch.setattr(stream, "BLOCK", 4)
    asked = scenario(RUN[1], people=8, days=1, at="24 h", seed=4)
    stream_people(asked, tmp_path / "whole")
    whole = hashes(tmp_path / "whole")
    stream_people(asked.but(seed=5), tmp_path / "others")
    mine = tmp_path / "mine"
    stream_people(asked, mine)
    first, second = sorted(mine.glob("*.parquet"))
    first.write_bytes(first.read_bytes()[:-100])
    second.write_bytes((tmp_path / "others" / second.name).read_bytes())
    done = stream_people(asked, mine)
    assert done.reused == 0 and hashes(mine) == whole


def test_parts_of_the_living_stay_and_those_of_the_dead_go(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    own = tmp_path / f".a.parquet{files.mark_of(os.getpid())}"
    lost = tmp_path / f".a.parquet{files.mark_of(dead.pid)}"
    for part in (own, lost):
        part.write_bytes(b"half")
    assert files.sweep(tmp_path) == 1
    assert own.exists() and not lost.exists()


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    place = tmp_path / "a.parquet"
    place.write_bytes(b"old")

    def fail(part: Path) -> None:
        part.write_bytes(b"half")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        files.write_durably(place, fail)
    assert place.read_bytes() == b"old" and not parts(tmp_path)
