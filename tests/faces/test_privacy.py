"""A person's file stays where it is: no write outside the cache, nothing of it in the cache, no socket, no word of it in errors; without a network."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
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
OF_MODELS = (".code", ".readout", ".beliefs", ".knowledge")


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


def test_a_forecast_with_what_is_kept_loads_no_scipy_and_no_evidence(home: Path) -> None:
    """What makes it quick: a quarter of a second of a forecast was the import of scipy's special functions."""
    if not list((home / "ketasim_cache").glob("*.beliefs")):
        watched(home, "person.toml", PERSON, "FILE", "--option", "stop")
    loaded = watched(home, "person.toml", PERSON, "FILE", "--option", "stop", "--json").stderr.partition("LOADED ")[2]
    assert "'ketasim.person'" in loaded
    for heavy in (
        "scipy",
        "libsbml",
        "antimony",
        "matplotlib",
        "xarray",
        "pyarrow",
        "pint",
        "fastapi",
        "ketasim.evidence",
    ):
        assert f"'{heavy}'" not in loaded, heavy


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


# the server -------------------------------------------------------------------------------------------------------

SERVER = """
import logging, sys
seen = []
def hook(event, args):
    if event == "open":
        path, mode, flags = args
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & 0o1103):
            seen.append(f"{event} {path} {mode}")
    elif event == "subprocess.Popen":
        seen.append(f"{event} {args[:2]}")
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.system", "os.exec", "os.posix_spawn"):
        seen.append(f"{event} {args}")
sys.addaudithook(hook)
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)  # louder than `ketasim serve`, which keeps no access log
import socket, threading, uvicorn
from ketasim.web import persons
from ketasim.web.app import create_app
shown = persons.screen
def screen(person, **words):
    if person.facts.get("age") == 77:
        raise ValueError(f"a defect that quotes what it was given: {person}")
    return shown(person, **words)
persons.screen = screen
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen(8)
server = uvicorn.Server(uvicorn.Config(create_app(), log_level="trace", access_log=True))
thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
thread.start()
print("PORT", listening.getsockname()[1], flush=True)
sys.stdin.readline()
server.should_exit = True
thread.join(20)
print("SEEN", seen, file=sys.stderr)
"""


def post(address: str, path: str, body: object, method: str = "POST") -> tuple[int, str]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, {"content-type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            assert path not in ("api/screen", "api/forecast") or answer.headers["cache-control"] == "no-store"
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def got(address: str, path: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(address + path, timeout=300) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_a_server_keeps_and_logs_nothing_of_a_person(home: Path) -> None:
    """Screening, forecast, faulty files, a broken question and a defect that quotes the file: logs at their loudest, every file it writes, the cache."""
    places = ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TMPDIR", "MPLCONFIGDIR", "KETASIM_CACHE")
    for key in places:
        (home / key.lower()).mkdir(exist_ok=True)
    environment = os.environ | {key: str(home / key.lower()) for key in places}
    log = home / "own" / "server.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("w") as told:
        command = [sys.executable, "-B", "-c", SERVER]
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told, text=True, env=environment, cwd=home
        )
        try:
            assert server.stdout is not None
            address = f"http://127.0.0.1:{server.stdout.readline().split()[1]}/"
            assert post(address, "api/screen", {"person": PERSON})[0] == 200
            faulty = PERSON.replace("total = 23", "total = 75")
            assert post(address, "api/screen", {"person": faulty})[0] == 422
            assert post(address, "api/screen", {"person": PERSON + "= ="})[0] == 422
            assert post(address, "api/screen", {"person": [PERSON]})[0] == 422
            assert post(address, "api/screen", f'{{"person": "{NAME}'.encode())[0] == 400
            status, answer = post(address, "api/screen", {"person": "age = 77\n" + PERSON})
            assert status == 500 and "ValueError" in answer and NAME not in answer
            assert post(address, "api/forecast", {"person": PERSON, "options": [f"ketamine {NAME}"]})[0] == 422
            status, answer = post(address, "api/forecast", {"person": PERSON, "options": ["stop"]})
            assert status == 200
            place = f"api/forecast/{json.loads(answer)['number']}"
            deadline = time.monotonic() + 300
            state, task = "waiting", {}
            while state in ("waiting", "running") and time.monotonic() < deadline:
                time.sleep(0.05)
                task = got(address, place)[1]
                state = str(task["state"])
            assert state == "done", task.get("problem")
            assert got(address, place)[0] == 422  # handed out once, then forgotten
        finally:
            accessed, _ = server.communicate("stop\n", timeout=60)
    text = log.read_text("utf-8")
    errors, _, seen = text.partition("SEEN ")
    logged = errors + accessed
    log.unlink()
    assert '"POST /api/screen HTTP/1.1" 500' in accessed and '"POST /api/forecast' in accessed  # both logs are there
    assert "Application shutdown" in errors
    for secret in SECRETS:
        assert secret not in logged, secret
    cache = str(home / "ketasim_cache")
    for event in ast.literal_eval(seen.partition("\n")[0]):
        if event.startswith("subprocess.Popen"):
            assert not any(secret in event for secret in SECRETS), event
            continue
        reopened = re.fullmatch(r"open \d+ \w+", event)
        assert cache in event or event.startswith("open /dev/null") or reopened, event
    for folder in home.iterdir():
        for path in folder.rglob("*"):
            if path.is_file() and folder.name != "own":
                assert folder.name == "ketasim_cache" and path.suffix in OF_MODELS, path
                assert not any(secret.encode() in path.read_bytes() for secret in SECRETS), path
