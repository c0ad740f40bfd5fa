"""How long one person takes: `python benchmarks/person.py [--rounds N]`: `ketasim screen`, and `ketasim forecast` with four options, as commands, by kind of person.

Asked for (2 cores, quiet): `screen` under 0.5 s, `forecast` under 1 s at the median and 5 s always. CPU is that of the command and its children, so it means something on a busy machine too.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

IV = "ketamine iv 0.5 mg/kg over 40 min"
OPTIONS = ("stop", f"{IV} twice weekly x 4", "esketamine nasal 56 mg weekly x 4", f"{IV} weekly x 4 with psychotherapy")
BASE = 'age = 44\nweight_kg = 82\n[[score]]\nscale = "MADRS"\nday = 0\ntotal = 34\n'
LEVEL = '[[level]]\nanalyte = "ketamine"\nday = 0\nminutes = {}\nvalue = {}\nunit = "ng/mL"\n'


def doses(*days: float) -> str:
    return "".join(f'[[dose]]\nday = {day}\nwords = "{IV}"\n' for day in days)


def scores(**totals: int) -> str:
    return "".join(f'[[score]]\nscale = "MADRS"\nday = {day[1:]}\ntotal = {total}\n' for day, total in totals.items())


PEOPLE = {
    "nothing observed": BASE,
    "one score": BASE + doses(0) + scores(d1=20),
    "two scores": BASE + doses(0, 3) + scores(d1=20, d4=18),
    "four scores, no response": BASE + doses(0, 3, 7, 10) + scores(d1=34, d4=35, d8=33, d15=36),
    "two levels": BASE + doses(0) + LEVEL.format(40, 170) + LEVEL.format(120, 55) + scores(d1=20),
    "levels three times the median": BASE + doses(0) + LEVEL.format(40, 510) + LEVEL.format(120, 160) + scores(d1=18),
    "a sudden fall": BASE + doses(0, 3) + scores(d1=33, d4=3),
}


def timed(command: list[str]) -> tuple[float, float]:
    """(wall, CPU) in s of a command; exit 1 is a refusal and counts."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    code = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if code not in (0, 1):
        raise SystemExit(f"exit {code}: {' '.join(command)}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """A line a command and kind of person; the first round fills the cache and is left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    asked = [part for option in OPTIONS for part in ("--option", option)]
    with tempfile.TemporaryDirectory() as folder:
        work: dict[str, list[str]] = {}
        for i, (name, text) in enumerate(PEOPLE.items()):
            place = Path(folder) / f"{i}.toml"
            place.write_text(text, encoding="utf-8")
            if not work:
                work["screen"] = [sys.executable, "-m", "ketasim", "screen", str(place)]
            work[f"forecast: {name}"] = [sys.executable, "-m", "ketasim", "forecast", str(place), *asked, "--json"]
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
        for turn in range(rounds + 1):
            for name, command in work.items():
                found = timed(command)
                if turn:
                    taken[name].append(found)
    for name, times in taken.items():
        walls, cpus = zip(*times, strict=True)
        print(
            f"{name:44} wall median {statistics.median(walls):5.2f} s, longest {max(walls):5.2f} s; CPU median {statistics.median(cpus):5.2f} s"
        )


if __name__ == "__main__":
    main()
