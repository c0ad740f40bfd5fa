"""How long it takes to start: `python benchmarks/start.py [--rounds N]`: the package, the command's help, a plain run (compiled before)."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

WHAT = {
    "bare Python": "pass",
    "import ketasim": "import ketasim",
    "plain run, 5 people": "import ketasim; ketasim.run('ketamine iv 0.5 mg/kg over 40 min', people=5)",
}


def main() -> None:
    """Interleaved, so that a busy moment hits all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    taken: dict[str, list[float]] = {name: [] for name in WHAT}
    for turn in range(rounds + 1):
        for name, code in WHAT.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            if turn:  # the first one fills caches
                taken[name].append(time.perf_counter() - begin)
    for name, times in taken.items():
        print(f"{name:24} median {1e3 * statistics.median(times):6.0f} ms, lowest {1e3 * min(times):6.0f} ms")


if __name__ == "__main__":
    main()
