"""From loading the page to its first true curve, on a cold server: `python benchmarks/first_second.py [--rounds 5]` (needs playwright and Chromium).

Every round starts a server of its own in a new process and opens the page as soon as the address is told. The clock is the page's: from the start
of the navigation to the first chart with numbers. The aim is a second on a machine that has nothing else to do; the load of the machine is printed
beside the figure, for on a busy one it says nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import time
from typing import Any

from web_run import HERE, Server

READY = "main .windows canvas"
AIM_MS = 1000
FIRST = """() => { const drawn = performance.getEntriesByName('ketasim-drawn')[0];
  const net = performance.getEntriesByType('resource').map(r => [r.name.split('/').pop(), Math.round(r.startTime), Math.round(r.responseEnd)]);
  return [drawn ? drawn.startTime : null, net]; }"""


def once(browser: Any, view: str) -> tuple[float, list[Any], float]:
    """Milliseconds to the first chart, what was asked for when, and seconds from the start of the process to its address."""
    begun = time.perf_counter()
    server = Server(HERE)
    told = time.perf_counter() - begun
    try:
        page = browser.new_page()
        page.goto(f"{server.address}#/{view}")
        page.wait_for_selector(READY, timeout=120_000)
        drawn, net = page.evaluate(FIRST)
        page.close()
    finally:
        server.process.terminate()
        server.process.wait(20)
    return float(drawn), net, told


def main() -> None:
    """Measure and print."""
    from playwright.sync_api import sync_playwright

    reader = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    reader.add_argument("--rounds", type=int, default=5)
    reader.add_argument("--json", action="store_true")
    given = reader.parse_args()
    before = os.getloadavg()
    found = []
    path = os.environ.get("KETASIM_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(given.rounds):
            found.append(once(browser, "follow"))
        browser.close()
    times = [t for t, _, _ in found]
    load = [*before, *os.getloadavg()]
    if given.json:
        print(json.dumps({"ms": times, "start_s": [s for _, _, s in found], "load": load, "asked": found[-1][1]}))
        return
    print(
        f"load to first curve, cold server: median {statistics.median(times):.0f} ms of {len(times)} "
        f"(lowest {min(times):.0f}, highest {max(times):.0f}; aim {AIM_MS} on a quiet machine); "
        f"process to address {statistics.median(s for _, _, s in found):.1f} s; "
        f"load {', '.join(f'{x:.1f}' for x in load)} on {os.cpu_count()} processors"
    )


if __name__ == "__main__":
    main()
