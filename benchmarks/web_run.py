"""How long `POST /api/run` takes: 100 people, 28 days, 8 doses, thirty distinct doses; and where the time goes.

    python benchmarks/web_run.py                      this version: wall time, processor time of the server, stages
    python benchmarks/web_run.py --beside OTHER/src   the same of another checkout, dose by dose in turn with this one

Every request is another dose, so that no answer can come from a cache. Each server is a process of its own; its processor time is
read beside the wall time, because a busy machine stretches the one and not the other. Processor time counts all threads.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent / "src"
QUESTION = {"repeat": "twice weekly x 8", "people": 100, "days": 28}
FIRST, LAST = 0.21, 0.95  # mg/kg
WARM = 3
PATIENCE_S = 120
# `ketasim serve` of whatever version: the command line of 0.1.0 was one module, later a package
SERVE = """
import sys
sys.argv[0] = "ketasim"
try:
    from ketasim._start import main
except ImportError:
    from ketasim.cli import main
main()
"""


def family(pid: int) -> list[int]:
    """A process and every process below it (Linux; elsewhere the one)."""
    found = [pid]
    for one in found:  # grows while it is read
        try:
            for thread in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (thread / "children").read_text(encoding="utf-8").split())
        except OSError:
            continue
    return found


def processor_s(pid: int) -> float:
    """Processor seconds of one process so far."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    """`ketasim serve` from a source folder; a server that does not start is ended, so that nobody waits for it."""

    def __init__(self, source: Path) -> None:
        self.source = source
        command = [sys.executable, "-c", SERVE, "serve", "--no-browser", "--port", "0"]
        surroundings = os.environ | {"PYTHONPATH": str(source), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=surroundings)
        assert self.process.stdout is not None
        lines: list[str] = []
        reader = threading.Thread(target=lambda out: lines.append(out.readline()), args=(self.process.stdout,))
        reader.daemon = True
        reader.start()
        reader.join(PATIENCE_S)
        found = re.search(r"http://\S+/", "".join(lines))
        if not found:
            self.close()
            raise SystemExit(f"the server of {source} did not start within {PATIENCE_S} s: {''.join(lines)!r}")
        self.address = found.group(0)

    def ask(self, dose: float) -> tuple[float, float, int]:
        """Wall time and processor time of one question in ms, and the size of the answer."""
        body = json.dumps(QUESTION | {"scenario": f"ketamine iv {dose:.4f} mg/kg over 40 min"}).encode()
        request = urllib.request.Request(self.address + "api/run", body, {"content-type": "application/json"})
        used, begin = self.used(), time.perf_counter()
        with urllib.request.urlopen(request, timeout=120) as answer:
            size = len(answer.read())
        return 1e3 * (time.perf_counter() - begin), 1e3 * (self.used() - used), size

    def used(self) -> float:
        """Processor seconds of the server and of the processes behind it so far (Linux; elsewhere none)."""
        return sum(map(processor_s, family(self.process.pid)))

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def doses(count: int) -> list[float]:
    return [FIRST + (LAST - FIRST) * k / max(count - 1, 1) for k in range(count)]


def figures(times: list[float]) -> dict[str, float]:
    at = sorted(times)
    return {
        "median": statistics.median(at),
        "lowest": at[0],
        "tenth": at[len(at) // 10],
        "ninetieth": at[(9 * len(at)) // 10],
        "highest": at[-1],
    }


def served(sources: list[Path], count: int) -> dict[str, Any]:
    """The servers in turn, dose by dose."""
    servers: list[Server] = []
    try:
        for source in sources:
            servers.append(Server(source))
        for server in servers:
            for k in range(WARM):
                server.ask(1.2 + 0.01 * k)
        taken: list[list[tuple[float, float, int]]] = [[] for _ in servers]
        for k, dose in enumerate(doses(count)):
            order = list(enumerate(servers))
            for i, server in order if k % 2 else reversed(order):
                taken[i].append(server.ask(dose))
    finally:
        for server in servers:
            server.close()
    return {
        str(server.source): {
            "wall_ms": figures([w for w, _, _ in rows]),
            "processor_ms": sum(c for _, c, _ in rows) / len(rows),
            "bytes": rows[-1][2],
        }
        for server, rows in zip(servers, taken, strict=True)
    }


def stages(count: int) -> dict[str, float]:
    """Median ms of each part of a run in this process: the integration, scores, outputs, summary, JSON, the rest."""
    sys.path.insert(0, str(HERE))
    from ketasim.scenario import run as module
    from ketasim.scenario.result import Result

    clocks: dict[str, float] = {}

    def timed(name: str, work: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            begin = time.perf_counter()
            try:
                return work(*given, **named)
            finally:
                clocks[name] = clocks.get(name, 0.0) + 1e3 * (time.perf_counter() - begin)

        return call

    work_of = module.ScenarioRun if hasattr(module, "ScenarioRun") else module._Run  # of an older checkout
    for owner, name in (
        (work_of, "__init__"),
        (work_of, "_integrate" if hasattr(work_of, "_integrate") else "_simulate"),
        (module, "mood"),
        (work_of, "_levels" if hasattr(work_of, "_levels") else "_outputs"),
        (module, "summarise"),
        (Result, "to_json"),
    ):
        setattr(owner, name, timed(name, getattr(owner, name)))
    kept: list[dict[str, float]] = []
    for k, dose in enumerate([1.2 + 0.01 * j for j in range(WARM)] + doses(count)):
        clocks.clear()
        begin = time.perf_counter()
        module.run(f"ketamine iv {dose:.4f} mg/kg over 40 min", **QUESTION).to_json(indent=None)
        whole = 1e3 * (time.perf_counter() - begin)
        if k >= WARM:
            kept.append(dict(clocks) | {"rest": whole - sum(clocks.values()), "whole": whole})
    return {name: statistics.median(row[name] for row in kept) for name in kept[0]}


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    reader.add_argument("--beside", type=Path, help="source folder of another checkout")
    reader.add_argument("--count", type=int, default=30)
    reader.add_argument("--json", action="store_true")
    given = reader.parse_args()
    begin = os.getloadavg() if hasattr(os, "getloadavg") else ()
    found = {
        "servers": served([HERE, *([given.beside.resolve()] if given.beside else [])], given.count),
        "stages": stages(given.count),
    }
    found |= {"load": [*begin, *(os.getloadavg() if hasattr(os, "getloadavg") else ())], "processors": os.cpu_count()}
    if given.json:
        print(json.dumps(found, indent=2))
        return
    for source, row in found["servers"].items():
        w = row["wall_ms"]
        print(
            f"{source}\n  POST /api/run, {given.count} doses: median {w['median']:.1f} ms (10 % {w['tenth']:.1f}, 90 % {w['ninetieth']:.1f}, lowest {w['lowest']:.1f}, "
            f"highest {w['highest']:.1f}); processor {row['processor_ms']:.1f} ms a request; {row['bytes']} bytes"
        )
    print("  stages, ms: " + ", ".join(f"{name.strip('_')} {ms:.1f}" for name, ms in found["stages"].items()))
    print(f"  load {', '.join(f'{x:.2f}' for x in found['load'])} on {found['processors']} processors")


if __name__ == "__main__":
    main()
