"""Many clients at once: `python benchmarks/web_load.py [--clients 50] [--seconds 60]`.

Each client is a page of its own: it asks for the curves of a slider, now and then for a comparison, the effects beside a course, a number, a bad question.
Wanted: only answers (200), refusals that teach (422) and "busy, ask again" (429) told within a second; no 5xx, no broken connection; everybody is served;
memory bounded; the server answers at the end. Exit 1 where one of these does not hold.

A wait is counted where it is one: until the first word of an answer that says "ask again", and, of a served question, what was spent beyond the
work itself, which the median of the served ones stands for. On a busy machine only the refusals' own times mean something; the load is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

from web_run import HERE, Server, family

TOLD_S = 1.0
MOST_MB = 2500.0


class Client:
    """One page that keeps asking."""

    def __init__(self, address: str, number: int, until: float) -> None:
        self.address, self.number, self.until = address, number, until
        self.random = random.Random(number)
        self.codes: Counter[int] = Counter()
        self.told: list[float] = []
        self.served: list[float] = []
        self.broken: list[str] = []

    def question(self) -> tuple[str, dict[str, object] | None]:
        dose = f"ketamine iv {self.random.uniform(0.1, 1.0):.3f} mg/kg over 40 min"
        kind = self.random.random()
        if kind < 0.75:
            return "api/curves", {"scenario": dose, "people": 60, "days": 28, "outputs": ["madrs", "cadss"]}
        if kind < 0.82:
            return "api/compare", {"scenarios": [dose, "esketamine nasal 84 mg"], "people": 20, "days": 7}
        if kind < 0.9:
            return "api/show/central_volume", None
        if kind < 0.95:
            return "api/care", {"scenario": dose, "people": 20, "days": 7}
        return "api/run", {"scenario": "ketamin iv 0.5 mg/kg", "people": 5}

    def run(self) -> None:
        while time.monotonic() < self.until:
            path, body = self.question()
            data = None if body is None else json.dumps(body).encode()
            headers = {"content-type": "application/json", "x-ketasim-page": f"client{self.number}"}
            begun = time.monotonic()
            try:
                with urllib.request.urlopen(
                    urllib.request.Request(self.address + path, data, headers), timeout=120
                ) as answer:
                    answer.read()
                    code = answer.status
            except urllib.error.HTTPError as error:
                error.read()
                code = error.code
            except OSError as error:
                self.broken.append(str(error))
                continue
            took = time.monotonic() - begun
            self.codes[code] += 1
            (self.served if code == 200 else self.told).append(took)
            time.sleep(self.random.uniform(0.2, 0.6) if code == 429 else self.random.uniform(0.05, 0.3))


def memory_mb(pid: int) -> float:
    """Resident memory of a process and of those behind it (Linux)."""
    total = 0.0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/status").read_text(encoding="utf-8").splitlines()
        except OSError:
            continue  # it ended meanwhile
        total += sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))
    return total


def main() -> None:
    """Run and print."""
    reader = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    reader.add_argument("--clients", type=int, default=50)
    reader.add_argument("--seconds", type=float, default=60.0)
    given = reader.parse_args()
    server = Server(HERE)
    server.ask(0.5)
    at_rest = memory_mb(server.process.pid)
    until = time.monotonic() + given.seconds
    clients = [Client(server.address, number, until) for number in range(given.clients)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    most = at_rest
    while any(thread.is_alive() for thread in threads):
        most = max(most, memory_mb(server.process.pid))
        time.sleep(0.5)
    alive = server.process.poll() is None
    begun = time.monotonic()
    server.ask(0.5)
    after = time.monotonic() - begun
    server.close()
    codes: Counter[int] = sum((client.codes for client in clients), Counter())
    told = sorted(t for client in clients for t in client.told)
    served = [t for client in clients for t in client.served]
    least = min(client.codes[200] for client in clients)
    broken = [text for client in clients for text in client.broken]
    print(
        f"{given.clients} clients, {given.seconds:g} s: answers {dict(sorted(codes.items()))}; broken {len(broken)} {broken[:3]}"
    )
    if told:
        print(
            f"told to ask again or what is wrong: median {statistics.median(told):.2f} s, 99 % {told[int(0.99 * len(told))]:.2f} s, longest {told[-1]:.2f} s"
        )
    if served:
        print(
            f"served: median {statistics.median(served):.2f} s, longest {max(served):.2f} s; served least: {least} answers"
        )
    print(f"memory {at_rest:.0f} MB at rest, {most:.0f} MB at most; asked afterwards: {after:.2f} s; alive {alive}")
    print(f"load {', '.join(f'{x:.1f}' for x in os.getloadavg())} on {os.cpu_count()} processors")
    wrong = [code for code in codes if code not in (200, 422, 429)]
    late = sum(t > TOLD_S for t in told)
    if late:
        print(f"{late} were told after more than {TOLD_S:g} s")
    if wrong or broken or late or not alive or most > MOST_MB or not least:
        sys.exit(1)


if __name__ == "__main__":
    main()
