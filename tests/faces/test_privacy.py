"""A person's file stays where it is: no write outside the cache, nothing of it in the cache, no socket, no word of it in errors; without a network."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from watched import WATCHED

pytestmark = pytest.mark.xdist_group("forecast")

NAME, WEIGHT, AMOUNT = "zebrafinch-4711", "83.217", "41.31"
PERSON = f"""
name = "{NAME}"
note = "told in confidence, {NAME}"
weight_kg = {WEIGHT}
[[score]]
scale = "MADRS"
day = 0
total = 37
[[score]]
scale = "MADRS item 10"
day = 0
total = 3
[[dose]]
day = 0
words = "ketamine iv {AMOUNT} mg over 41 min"
[[score]]
scale = "MADRS"
day = 1.377
total = 23
"""
TABLE = f"""person,day,treatment,scale,score,role
{NAME},0,ketamine iv {AMOUNT} mg over 41 min,MADRS,37,observed
{NAME},1.377,,MADRS,23,observed
{NAME},7,,MADRS,,target
"""
SECRETS = (NAME, WEIGHT, AMOUNT, "1.377", "in confidence")
OF_MODELS = (".code", ".readout", ".beliefs")


def without_network() -> tuple[str, ...]:
    """A prefix that takes the network away, where the machine can; sockets are watched anyhow."""
    unshare = shutil.which("unshare")
    if unshare and not subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False).returncode:
        return (unshare, "-rn")
    return ()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("privacy")


def watched(home: Path, file: str, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    """`ketasim forecast` in a process of its own on a file in a folder of its own, with an empty home and cache; the folder must stay as it was."""
    own = home / "own"
    own.mkdir(exist_ok=True)
    (own / file).write_text(text, encoding="utf-8")
    before = {path.name: path.read_bytes() for path in own.iterdir()}
    places = ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TMPDIR", "MPLCONFIGDIR", "KETASIM_CACHE")
    for key in places:
        (home / key.lower()).mkdir(exist_ok=True)
    environment = os.environ | {key: str(home / key.lower()) for key in places}
    words = tuple(str(own / file) if word == "FILE" else word for word in words)
    command = [*without_network(), sys.executable, "-B", "-c", WATCHED, "forecast", *words]
    answer = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=home, timeout=600, check=False
    )
    assert {path.name: path.read_bytes() for path in own.iterdir()} == before
    return answer


def written(answer: subprocess.CompletedProcess[str]) -> list[str]:
    found = re.search(r"^SEEN (\[.*\])$", answer.stderr, re.MULTILINE)
    assert found, answer.stderr
    return [str(one) for one in eval(found[1])]


def check(home: Path, answer: subprocess.CompletedProcess[str]) -> None:
    """Nothing written but files of models in the cache, nothing of the person in them, no socket, no process but the reader of model texts."""
    cache = str(home / "ketasim_cache")
    for event in written(answer):
        if event.startswith("subprocess.Popen"):  # the reader of model texts, which gets the equations through a pipe
            assert "ketasim" in event and not any(secret in event for secret in SECRETS), event
            continue
        reopened = re.fullmatch(
            r"open \d+ \w+", event
        )  # a file that was opened by its name before, which is watched too
        assert cache in event or event.startswith("open /dev/null") or reopened, event
    for folder in home.iterdir():
        if folder.name in ("own", "ketasim_cache"):
            continue
        assert [path for path in folder.rglob("*") if path.is_file()] == [], folder
    for path in (home / "ketasim_cache").rglob("*"):
        if path.is_file():
            assert path.suffix in OF_MODELS, path
            data = path.read_bytes()
            assert not any(secret.encode() in data for secret in SECRETS), path


def test_a_forecast_leaves_nothing_of_the_person(home: Path) -> None:
    answer = watched(home, "person.toml", PERSON, "FILE", "--option", "stop", "--json")
    assert "CODE 0" in answer.stderr, answer.stderr[-2000:]
    found = json.loads(answer.stdout)
    assert found["status"]["ok"] and "ideation" in found["options"][0]["outputs"]
    assert any("ketasim_cache" in event for event in written(answer))  # the watcher sees what is written
    check(home, answer)
    assert NAME not in answer.stdout + answer.stderr.partition("SEEN")[0]


def test_a_table_of_people_leaves_nothing_either(home: Path) -> None:
    answer = watched(home, "people.csv", TABLE, "--table", "FILE")
    assert "CODE 0" in answer.stderr, answer.stderr[-2000:]
    check(home, answer)
    assert NAME not in answer.stderr.partition("SEEN")[0]


def test_an_error_tells_the_line_and_not_the_person(home: Path) -> None:
    faulty = PERSON.replace("total = 23", "total = 75")
    answer = watched(home, "person.toml", faulty, "FILE", "--option", "stop")
    assert "CODE 2" in answer.stderr
    told = answer.stdout + answer.stderr.partition("SEEN")[0]
    assert "75 is outside" in told
    assert NAME not in told and "in confidence" not in told
    check(home, answer)
