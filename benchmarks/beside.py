"""This engine beside that of another checkout on the other's model: `python benchmarks/beside.py OLD` (the checkout's folder).

A default chain that grows takes longer in any engine. Here both engines solve the chain of the older version, the same people,
doses, times and tolerances (those of its table in docs/benchmarks.md), in turn, on one thread, by processor time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
RTOL = 10.0**-4.5
EXPORT = """
import pickle, sys
from problems import PROBLEMS
p = PROBLEMS["chain"]()
s = p.schedule
jumps = [(j.at, j.state, j.add, j.scale) for j in s.jumps]
found = (p.text, p.parameters, p.inputs, p.table, p.times, s.boundaries, s.inputs, jumps)
pickle.dump(found, open(sys.argv[1], "wb"))
"""
WORK = """
import pickle, sys, time
import numpy as np
from ketasim.engine import compile_model
try:
    from ketasim.engine import Jump, Schedule
except ImportError:
    from ketasim.engine.types import Jump, Schedule
COPIES = 16
text, parameters, inputs, table, times, bounds, levels, jumps = pickle.load(open(sys.argv[1], "rb"))
rtol = float(sys.argv[2])
states = compile_model(text, parameters, (), inputs).states
model = compile_model(text, parameters, states, inputs)
levels = np.tile(levels, (COPIES, 1, 1)) if levels.ndim == 3 else levels
jumps = tuple(Jump(a, s, np.tile(add, COPIES) if np.ndim(add) else add, scale) for a, s, add, scale in jumps)
schedule, table = Schedule(bounds, levels, jumps), np.tile(table, (COPIES, 1))
which = np.zeros(len(table), dtype=np.int64)
first = model.simulate(table, [schedule], which, times, rtol=1e-6, atol=1e-9)
peaks = np.maximum(np.median(np.abs(first.values).max(axis=1), axis=0), 1e-9)
atol = dict(zip(states, (rtol * peaks).tolist()))
for line in sys.stdin:
    begin = time.process_time()
    found = model.simulate(table, [schedule], which, times, rtol=rtol, atol=atol, threads=1)
    taken = 1e3 * (time.process_time() - begin) / len(table)
    steps = found.steps[found.steps.sum(axis=1) > 0].sum(axis=1).mean()
    print(taken, steps, found.values.sum(), flush=True)
"""


def main() -> None:
    reader = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    reader.add_argument("other", type=Path, help="folder of another checkout, with its benchmarks/ and src/")
    reader.add_argument("--rounds", type=int, default=25)
    given = reader.parse_args()
    other = given.other.resolve()

    def path(*folders: Path) -> dict[str, str]:
        return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))}

    with tempfile.TemporaryDirectory() as folder:
        problem = str(Path(folder) / "problem.pickle")
        subprocess.run(
            [sys.executable, "-c", EXPORT, problem], check=True, env=path(other / "src", other / "benchmarks")
        )
        workers = {
            name: subprocess.Popen(
                [sys.executable, "-c", WORK, problem, repr(RTOL)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=path(root / "src"),
            )
            for name, root in (("this", HERE), ("other", other))
        }
        taken: dict[str, list[list[float]]] = {name: [] for name in workers}
        for number in range(given.rounds):
            for name in workers if number % 2 else reversed(workers):
                worker = workers[name]
                assert worker.stdin is not None and worker.stdout is not None
                worker.stdin.write("again\n")
                worker.stdin.flush()
                taken[name].append([float(word) for word in worker.stdout.readline().split()])
        for worker in workers.values():
            assert worker.stdin is not None
            worker.stdin.close()
            worker.wait()
    for name, rows in taken.items():
        times = [row[0] for row in rows]
        print(
            f"{name}: median {statistics.median(times):.4f}, least {min(times):.4f} ms a person; {rows[0][1]:.0f} steps, sum {rows[0][2]:.15g}"
        )
    ratios = [a[0] / b[0] for a, b in zip(taken["this"], taken["other"], strict=True)]
    print(f"this : other, median of {len(ratios)} rounds: {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
