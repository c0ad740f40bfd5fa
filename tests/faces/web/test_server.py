"""The server without a browser: the CLI's numbers, refusals that teach, limits, nothing foreign, many askers at once."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.xdist_group("web")

WORDS = "ketamine iv 0.5 mg/kg over 40 min"
COURSE = {"scenario": WORDS, "repeat": "twice weekly x 8", "people": 100, "days": 28}
OUTPUTS = ["plasma.s_ketamine", "nmda.occupancy", "glutamate", "spines", "madrs", "madrs.effect", "cadss", "sbp"]


def ask(
    address: str, path: str, body: Any = None, headers: dict[str, str] | None = None, raw: bytes | None = None
) -> tuple[int, bytes, Any]:
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, {"content-type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def unpack(packed: bytes) -> tuple[dict[str, Any], np.ndarray, dict[str, dict[str, np.ndarray]]]:
    size = struct.unpack("<I", packed[:4])[0]
    head = json.loads(packed[4 : 4 + size])
    numbers = np.frombuffer(packed, dtype="<f4", offset=4 + size).reshape(-1, head["times"])
    rows = iter(numbers[1:])
    return head, numbers[0], {o["name"]: {kind: next(rows) for kind in head["curves"]} for o in head["outputs"]}


def test_a_run_is_the_object_of_the_command_line(address: str, ketasim: Any) -> None:
    question = {
        "scenario": WORDS,
        "repeat": "twice weekly x 3",
        "with": ["naltrexone oral 50 mg at -45 min"],
        "setting": "midazolam",
        "people": 12,
        "days": 14,
        "seed": 7,
        "at": "40 min,24 h,7 d",
    }
    status, answer, _ = ask(address, "api/run", question)
    words = [
        part for key, item in question.items() if key not in ("scenario", "with") for part in (f"--{key}", str(item))
    ]
    said = ketasim("run", WORDS, "--with", "naltrexone oral 50 mg at -45 min", *words, "--json")
    assert status == 200 and said.code == 0
    assert json.loads(answer) == json.loads(said.out)


def test_the_sliders_curves_are_those_of_the_run(address: str) -> None:
    at = [0, 2 / 3, 24, 168]
    whole = json.loads(ask(address, "api/run", COURSE | {"at": at})[1])
    head, times, curves = unpack(ask(address, "api/curves", COURSE | {"at": at, "outputs": OUTPUTS})[1])
    assert head["summary"] == whole["summary"] and head["ledger"] == whole["ledger"]
    for name in OUTPUTS:
        for k, hour in enumerate(whole["outputs"][name]["time_h"]):
            here = int(np.argmin(abs(times - hour)))
            for kind in ("typical", "low", "high"):
                assert curves[name][kind][here] == pytest.approx(whole["outputs"][name][kind][k], rel=2e-6, abs=1e-6)


def test_the_typical_persons_curves_come_without_a_band(address: str) -> None:
    head, _, curves = unpack(
        ask(address, "api/curves", COURSE | {"people": 0, "uncertainty": False, "outputs": ["madrs"]})[1]
    )
    assert head["curves"] == ["typical"] and set(curves["madrs"]) == {"typical"}


def test_the_band_of_the_model_is_that_of_the_run(address: str) -> None:
    at = [2 / 3, 24]
    whole = json.loads(ask(address, "api/run", COURSE | {"people": 0, "at": at})[1])["outputs"]["madrs"]
    head, times, curves = unpack(ask(address, "api/curves", COURSE | {"people": 0, "at": at, "outputs": ["madrs"]})[1])
    if whole["model_low"] is None:
        assert "model_low" not in head["curves"]
        return
    for k, hour in enumerate(whole["time_h"]):
        here = int(np.argmin(abs(times - hour)))
        for kind in ("model_low", "model_high"):
            assert curves["madrs"][kind][here] == pytest.approx(whole[kind][k], rel=2e-6)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"scenario": ""}, "dose"),
        ({"scenario": "ketamin iv 0.5 mg/kg"}, "ketamine"),
        ({"scenario": WORDS, "people": 1001}, "1000"),
        ({"scenario": WORDS, "people": -1}, "0"),
        ({"scenario": WORDS, "people": 2.5}, "people is no whole number"),
        ({"scenario": WORDS, "days": 121}, "120"),
        ({"scenario": WORDS, "days": 0}, "0"),
        ({"scenario": WORDS, "repeat": "weekly x 300"}, "120"),
        ({"scenario": WORDS, "setting": "moon"}, "saline"),
        ({"scenario": WORDS, "at": "soon"}, "hours"),
        ({"scenario": WORDS, "at": "300 d"}, "120"),
        ({"scenario": WORDS, "with": ["tea"]}, "tea"),
        ({"scenario": "ketamine oral 1 mg", "repeat": "every 1 min x 5000"}, "600"),
        ({"scenario": WORDS, "dose": 1}, "dose"),
        ({}, "scenario"),
        ([], "an object"),
        ({"scenario": WORDS, "people": "many"}, "people is no whole number"),
        ({"scenario": WORDS, "masked": "perhaps"}, "true or false"),
        ({"scenario": WORDS, "with": "tea"}, "with is no list"),
        ({"scenario": WORDS, "mechanisms": [""]}, "at least 1 letter"),
        ({"scenario": WORDS, "seed": -1}, "0"),
        ({"scenario": "x" * 500}, "400"),
        ({"scenario": "ketamine\x00iv"}, "printable"),
    ],
)
def test_a_bad_question_is_answered_with_what_is_allowed(address: str, body: Any, word: str) -> None:
    status, answer, _ = ask(address, "api/run", body)
    problem = json.loads(answer)
    assert status == 422
    assert set(problem) == {"what", "where", "allowed", "try"}
    assert word in " ".join(problem.values())
    assert problem["allowed"] and "should" not in problem["what"] and "Value error" not in problem["what"]


def test_unknown_outputs_names_and_experiments_are_refused(address: str) -> None:
    assert ask(address, "api/curves", {"scenario": WORDS, "outputs": ["madness"]})[0] == 422
    assert ask(address, "api/show/nothing-of-the-kind")[0] == 422
    assert ask(address, "api/experiment", {"name": "nothing"})[0] == 422
    assert ask(address, "api/experiment/courses", {"name": "naltrexone", "output": "nothing"})[0] == 422
    assert ask(address, "api/compare", {"scenarios": [WORDS] * 7})[0] == 422
    assert ask(address, "nothing/here")[0] == 404
    assert ask(address, "api/run", raw=b"{not json")[0] == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_foreign_hosts_and_origins_are_refused(address: str, headers: dict[str, str]) -> None:
    assert ask(address, "api/drugs", headers=headers)[0] in (400, 403)
    assert ask(address, "api/run", {"scenario": WORDS, "people": 0, "days": 1}, headers)[0] in (400, 403)


def test_its_own_origin_and_the_local_name_are_let_in(address: str) -> None:
    port = address.rstrip("/").rpartition(":")[2]
    assert ask(address, "api/outputs", headers={"Origin": address.rstrip("/")})[0] == 200
    assert (
        ask(address, "api/outputs", headers={"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"})[0]
        == 200
    )


def test_too_large_a_request_is_refused(address: str) -> None:
    assert ask(address, "api/run", raw=b'{"scenario": "' + b"k" * 70_000 + b'"}')[0] == 413
    assert ask(address, "api/show/" + "k" * 9_000)[0] == 414


def test_every_answer_forbids_what_is_foreign(address: str) -> None:
    for path in ("", "api/drugs", "nothing", "openapi.json"):
        policy = ask(address, path)[2]["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "script-src 'self'" in policy
    page = ask(address, "")[1].decode()
    assert "<script>" not in page and " onload=" not in page and "https://" not in page


def test_a_number_is_shown_with_its_source(address: str) -> None:
    shown = json.loads(ask(address, "api/show/central_volume")[1])
    assert shown["value"]["source"] and shown["value"]["place"] and shown["value"]["grade"] in "ABCD"
    assert "source:" in shown["text"]
    listed = json.loads(ask(address, "api/values")[1])
    first_traced = next(k for k, v in enumerate(listed) if v["basis"] in ("measured", "derived"))
    assert all(v["basis"] in ("measured", "derived") for v in listed[first_traced:]), "untraced numbers come first"


def test_compare_and_experiment_are_those_of_the_package(address: str) -> None:
    import ketasim

    arms = [WORDS, "esketamine nasal 84 mg"]
    found = json.loads(ask(address, "api/compare", {"scenarios": arms, "people": 8})[1])
    assert found == json.loads(ketasim.compare(*arms, people=8).to_json())
    played = json.loads(ask(address, "api/experiment", {"name": "naltrexone"})[1])
    assert played == json.loads(ketasim.experiment("naltrexone").to_json())


def test_thirty_doses_are_thirty_answers(address: str) -> None:
    """Every dose is integrated anew (how long it takes: `benchmarks/web_run.py`), and one asked again is the same to the last byte."""
    answers = []
    for dose in np.linspace(0.21, 0.95, 30):
        status, answer, _ = ask(address, "api/run", COURSE | {"scenario": f"ketamine iv {dose:.4f} mg/kg over 40 min"})
        assert status == 200
        answers.append(answer)
    assert len(set(answers)) == 30
    again = ask(address, "api/run", COURSE | {"scenario": "ketamine iv 0.2100 mg/kg over 40 min"})[1]
    assert again == answers[0]


def test_twenty_sliders_at_once_are_served_or_told(address: str) -> None:
    """Nobody waits in the queue without being told: an answer, or 429 with a message. Everybody is served in the end."""

    def client(number: int) -> list[int]:
        found: list[int] = []
        for move in range(2):
            dose = 0.2 + 0.01 * number + 0.3 * move
            for _ in range(2000):
                body = COURSE | {"scenario": f"ketamine iv {dose:.3f} mg/kg over 40 min", "outputs": OUTPUTS}
                status, answer, _ = ask(address, "api/curves", body)
                found.append(status)
                if status != 429:
                    break
                assert json.loads(answer)["what"].startswith("the machine is busy")
                time.sleep(0.3)
        return found

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        results = [status for some in pool.map(client, range(20)) for status in some]
    assert set(results) <= {200, 429}
    assert results.count(200) == 40
    assert ask(address, "api/run", COURSE | {"people": 2})[0] == 200


FOUR_AT_ONCE = """
import threading, ketasim
words = ["ketamine iv 0.5 mg/kg over 40 min", "esketamine nasal 84 mg", "ssri oral 10 mg daily", "hnk iv 1 mg/kg over 40 min"]
failed = []
def one(w):
    try: ketasim.run(w, people=0, days=1)
    except BaseException as error: failed.append(error)
threads = [threading.Thread(target=one, args=(w,)) for w in words]
[t.start() for t in threads]; [t.join() for t in threads]
assert not failed, failed
"""


def test_models_compiled_by_several_threads_at_once() -> None:
    """A page asks for its scenario, placebo and an SSRI together; on a fresh machine each is compiled first."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", FOUR_AT_ONCE],
        env=os.environ | {"KETASIM_CACHE": "off"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_the_process_that_does_the_work_is_another_and_dies_with_the_first() -> None:
    """`ketasim serve`: answers are those of the package; the process behind may be killed and comes back; when the first is killed it ends too."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))
    from web_run import HERE, Server, family

    import ketasim
    from ketasim.scenario.result import lean

    server = Server(HERE)
    try:
        question = {"scenario": WORDS, "people": 3, "days": 3}
        mine = lean(json.loads(ketasim.run(WORDS, people=3, days=3).to_json()))
        assert json.loads(_until(server.address, question)) == mine
        first, second = family(server.process.pid)
        os.kill(second, signal.SIGKILL)
        assert json.loads(_until(server.address, question)) == mine
        assert ask(server.address, "api/trial/none")[0] == 422 and ask(server.address, "")[0] == 200
        (third,) = family(server.process.pid)[1:]
        assert third != second
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while os.path.exists(f"/proc/{third}") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not os.path.exists(f"/proc/{third}")
    finally:
        server.close()


def _until(address: str, question: Any) -> bytes:
    """The answer of a run, asked again while it is busy."""
    for _ in range(600):
        status, answer, _ = ask(address, "api/run", question)
        if status == 200:
            return answer
        assert status == 429, answer
        time.sleep(0.2)
    raise AssertionError("no answer")


@pytest.mark.slow
def test_a_minute_of_schemathesis_finds_no_crash(address: str) -> None:
    """Generated questions against the OpenAPI description: no 500, only described answers of the described form."""
    pytest.importorskip("schemathesis", reason="schemathesis is not installed (pip install schemathesis)")
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "run",
        f"{address}openapi.json",
        "--max-time",
        "60",
        "--workers",
        "2",
        "--request-timeout",
        "60",
        "--checks",
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
