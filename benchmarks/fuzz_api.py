"""Generated questions to the running server: `python benchmarks/fuzz_api.py [--seconds 60] [--seed 1]` (needs schemathesis).

Schemathesis reads /openapi.json and asks every address with questions made from it, right ones and wrong ones, for so many seconds. Wanted: no 5xx, no
broken connection, only described status codes and content types, every answer of the described form, and a server that answers at the end. The status
codes are counted; what broke a rule is printed with the line that repeats it. Exit 1 where one of these does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from web_run import HERE, Server

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
QUIET = 40  # lines of the report that are printed where something broke


def command(address: str, seconds: float, seed: int, traffic: Path) -> list[str]:
    """Schemathesis with every check that needs no knowledge of what is asked."""
    return [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}openapi.json"),
        *("--max-time", f"{seconds:g}", "--seed", str(seed), "--workers", "2", "--request-timeout", "60"),
        *("--checks", CHECKS, "--continue-on-failure", "--no-color"),
        *("--report", "har", "--report-har-path", str(traffic)),
    ]


def codes_of(traffic: Path) -> dict[str, Counter[int]]:
    """Status codes by address, without what stands in its places."""
    found: dict[str, Counter[int]] = {}
    for entry in json.loads(traffic.read_text(encoding="utf-8"))["log"]["entries"]:
        parts = entry["request"]["url"].partition("//")[2].partition("?")[0].split("/")[1:]
        found.setdefault("/".join(parts[:2]), Counter())[entry["response"]["status"]] += 1
    return found


def main() -> None:
    """Run and print."""
    reader = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    reader.add_argument("--seconds", type=float, default=60.0)
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--whole", action="store_true", help="print the whole report")
    given = reader.parse_args()
    server = Server(HERE)
    with tempfile.TemporaryDirectory() as folder:
        traffic = Path(folder) / "traffic.har"
        done = subprocess.run(
            command(server.address, given.seconds, given.seed, traffic),
            capture_output=True,
            text=True,
            check=False,
            timeout=given.seconds + 600,
        )
        alive = server.process.poll() is None
        server.ask(0.5)
        server.close()
        found = codes_of(traffic) if traffic.exists() else {}
    every: Counter[int] = sum(found.values(), Counter())
    for address, codes in sorted(found.items()):
        print(f"  {address:<28} {', '.join(f'{code}: {n}' for code, n in sorted(codes.items()))}")
    print(
        f"{given.seconds:g} s, seed {given.seed}: {sum(every.values())} answers {dict(sorted(every.items()))}; alive {alive}"
    )
    print(f"load {', '.join(f'{x:.1f}' for x in os.getloadavg())} on {os.cpu_count()} processors")
    if done.returncode or given.whole:
        print(done.stdout if given.whole else "\n".join(done.stdout.splitlines()[-QUIET * 4 :]), done.stderr[-2000:])
    if done.returncode or not alive or not every or any(code >= 500 for code in every):
        sys.exit(1)


if __name__ == "__main__":
    main()
