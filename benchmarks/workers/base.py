"""What all Python workers share: they read orders on standard input, solve, and report CPU time.

A worker is a process of its own, in whatever interpreter has its engine; it needs numpy and that engine only. The
folder given as argument holds `problem.npz`, `problem.json` and the generated `model.py`.

Order (one JSON line): {"people": n, "repeat": r, "rtol": x, "atol": [...] or x, "method": m, "save": path or null}
Answer: {"cpu": s, "wall": s, "steps": number or null} with times for all repeats, or {"error": text}.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np


class Problem:
    """Arrays of the problem: see `peers.export`."""

    def __init__(self, folder):
        self.folder = Path(folder)
        data = np.load(self.folder / "problem.npz")
        for name in data.files:
            setattr(self, name, data[name])
        self.info = json.loads((self.folder / "problem.json").read_text(encoding="utf-8"))
        self.states, self.inputs_names = self.info["states"], self.info["inputs"]
        self.parameters = self.info["parameters"]
        self.states_count = len(self.states)

    def model(self, extra=None):
        """The generated functions, as a dictionary."""
        import math

        names = {name: getattr(math, name) for name in dir(math) if not name.startswith("_")}
        names |= {"power": lambda a, b: a**b if a > 0.0 else 0.0} | (extra or {})
        exec(compile((self.folder / "model.py").read_text(encoding="utf-8"), "model.py", "exec"), names)
        return names

    def segments(self):
        """(begin, end, first output, last output + 1, inputs index) of each segment; no output lies on a boundary."""
        bounds = np.searchsorted(self.times, self.boundaries)
        return [
            (self.boundaries[s], self.boundaries[s + 1], int(bounds[s]), int(bounds[s + 1]))
            for s in range(len(self.boundaries) - 1)
        ]

    def jumps_before(self, segment):
        """Rows of the jump table that act just before a segment."""
        return np.flatnonzero(self.jump_segment == segment)


def serve(load):
    """`load(problem)` gives `solve(people, rtol, atol, method) -> (values (P, T, n), steps or None)` and a version."""
    problem = Problem(sys.argv[1])
    answer = sys.stdout
    sys.stdout = sys.stderr  # whatever the engine prints must not mix with the answers
    begin = time.perf_counter()
    try:
        solve, version = load(problem)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answer, flush=True)
        return
    print(json.dumps({"version": version, "load": time.perf_counter() - begin}), file=answer, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        atol = np.array(order["atol"], dtype=float) if isinstance(order["atol"], list) else order["atol"]
        try:
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(order["repeat"]):
                values, steps = solve(order["people"], order["rtol"], atol, order["method"])
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            if order["save"]:
                np.save(order["save"], values)
            reply = {"cpu": cpu, "wall": wall, "steps": None if steps is None else float(steps)}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(reply), file=answer, flush=True)
