"""How the engine scales, and what the package costs to start: `python benchmarks/scaling.py [--json]`.

people    one call of `simulate` with 1 to 30 000 people, one thread
states    chains of linear compartments with 10 to 1 000 states: time to compile, time per step
threads   one and two threads, bit for bit the same
memory    100 000 people through 42 days streamed to Parquet in a process of its own: wall time and peak memory
start     `import ketasim`; `ketasim run` with 200 people, with an empty and with a filled cache of machine code
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from page import machine, write_section
from problems import Problem, chain

from ketasim.engine import Options, Schedule, compile_model

RTOL, ATOL = 1e-5, 1e-8
STREAMED = 100_000
RUN = (
    "run",
    "ketamine iv 0.5 mg/kg over 40 min",
    "--repeat",
    "twice weekly x 8",
    "--people",
    "200",
    "--days",
    "42",
    "--json",
)
LOOKS = 5  # of each start, best and median
OUTPUTS = (
    "mood_drive",
    "ideation_drive",
    "cadss",
    "spines",
    "nmda_occupancy",
    "glutamate",
)  # of the streamed population
STREAM = """
import resource, sys, time
sys.path.insert(0, {here!r})
from scaling import repeated
from problems import chain
from ketasim.engine import compile_model, stream
import numpy as np
people = {people}
problem = chain()
model = compile_model(problem.text, problem.parameters, {outputs!r}, problem.inputs)
table, schedule = repeated(problem, people)
begin = time.perf_counter()
done = stream(model, {folder!r}, table, [schedule], np.zeros(people, dtype=int), problem.times, rtol=1e-5, atol=1e-8,
                    relative_to="peak", single_precision=True, threads={threads})
spent = time.perf_counter() - begin
print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, done.people, done.failed)
"""


def repeated(problem: Problem, people: int) -> tuple[np.ndarray, Schedule]:
    """The problem's people again and again until there are `people` of them, each copy with parameters 1 % away from the last."""
    copies = -(-people // len(problem.table))
    rng = np.random.default_rng(0)
    table = np.tile(problem.table, (copies, 1))[:people]
    table = table * np.exp(0.01 * rng.standard_normal(table.shape))
    old = problem.schedule
    jumps = tuple(replace(j, add=np.tile(j.add, copies)[:people] if np.ndim(j.add) else j.add) for j in old.jumps)
    inputs = np.tile(old.inputs, (copies, 1, 1))[:people] if old.inputs.ndim == 3 else old.inputs
    return table, Schedule(old.boundaries, inputs, jumps)


def people_part() -> list[dict[str, float]]:
    """CPU time per person against their number; 50 output times keep the result small."""
    problem, found = chain(), []
    times = problem.times[::4]
    model = compile_model(problem.text, problem.parameters, OUTPUTS, problem.inputs)
    for people in (1, 8, 64, 1000, 10_000, 30_000):
        table, schedule = repeated(problem, people)
        best = np.inf
        for _ in range(3 if people < 30_000 else 1):
            begin = time.process_time()
            result = model.simulate(
                table,
                [schedule],
                np.zeros(people, dtype=int),
                times,
                rtol=RTOL,
                atol=ATOL,
                threads=1,
                relative_to="peak",
            )
            best = min(best, time.process_time() - begin)
        assert (result.status == 0).all()
        found.append({"people": people, "cpu_ms": best * 1e3, "cpu_ms_per_person": best * 1e3 / people})
    return found


def states_part() -> list[dict[str, float]]:
    """A chain of n compartments, each person with a rate of his own."""
    found = []
    for n in (10, 30, 100, 300, 1000):
        text = "k = 1; x0 = 1; x0' = -k*x0;" + "".join(f" x{i} = 0; x{i}' = k*(x{i - 1} - x{i});" for i in range(1, n))
        os.environ["KETASIM_CACHE"] = "off"
        begin = time.process_time()
        model = compile_model(text, ("k",), (f"x{n - 1}", "x0"))
        compiled = time.process_time() - begin
        table = np.linspace(0.8, 1.2, 64)[:, None]
        schedule = Schedule(np.array([0.0, 2.0 * n]), np.zeros((1, 0)))
        best = np.inf
        for _ in range(3):
            begin = time.process_time()
            result = model.simulate(
                table, [schedule], np.zeros(64, dtype=int), np.linspace(0, 2.0 * n, 50), rtol=RTOL, atol=ATOL, threads=1
            )
            best = min(best, time.process_time() - begin)
        assert (result.status == 0).all()
        steps = result.steps.sum()
        found.append(
            {
                "states": n,
                "compile_s": compiled,
                "us_per_step_of_a_register": best * 1e6 / steps,
                "ns_per_step_and_state": best * 1e9 / steps / n,
            }
        )
    os.environ.pop("KETASIM_CACHE", None)
    return found


def threads_part() -> dict[str, Any]:
    """Wall time with one and two threads in turn, best of each; the same bits."""
    problem = chain()
    found: dict[str, Any] = {}
    for dtype in ("float64", "float32"):
        model = compile_model(problem.text, problem.parameters, (), problem.inputs, Options(dtype=dtype))  # type: ignore[arg-type]
        table, schedule = repeated(problem, 4096)
        walls: dict[int, list[float]] = {1: [], 2: []}
        values = {}
        for _ in range(LOOKS):
            for threads in walls:
                begin = time.perf_counter()
                values[threads] = model.simulate(
                    table,
                    [schedule],
                    np.zeros(4096, dtype=int),
                    problem.times[::4],
                    rtol=RTOL,
                    atol=ATOL,
                    threads=threads,
                    relative_to="peak",
                ).values
                walls[threads].append(time.perf_counter() - begin)
        assert np.array_equal(values[1], values[2])
        found[dtype] = {"one_s": min(walls[1]), "two_s": min(walls[2]), "gain": min(walls[1]) / min(walls[2])}
    found["load_average"] = os.getloadavg()[0]
    return found


def memory_part(people: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        code = STREAM.format(
            here=str(Path(__file__).parent),
            people=people,
            outputs=OUTPUTS,
            folder=str(Path(folder) / "out"),
            threads=os.cpu_count(),
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-500:])
        wall, peak, finished, failed = map(float, done.stdout.split())
        size = sum(f.stat().st_size for f in (Path(folder) / "out").iterdir()) / 2**20
    return {
        "people": finished,
        "failed": failed,
        "outputs": len(OUTPUTS),
        "times": 200,
        "wall_s": wall,
        "peak_mb": peak,
        "files_mb": size,
    }


def start_part() -> dict[str, Any]:
    """Wall and CPU seconds from process start to exit."""

    def look(words: list[str], cache: str | None) -> tuple[float, float]:
        environment = os.environ | ({"KETASIM_CACHE": cache} if cache else {})
        before, begin = os.times(), time.perf_counter()
        subprocess.run(words, capture_output=True, check=True, env=environment)
        wall, after = time.perf_counter() - begin, os.times()
        return wall, after.children_user + after.children_system - before.children_user - before.children_system

    program = (
        [sys.executable, "-m", "ketasim.cli.main"]
        if not Path(sys.executable).with_name("ketasim").exists()
        else [str(Path(sys.executable).with_name("ketasim"))]
    )
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        cases = {
            "bare Python": ([sys.executable, "-c", "pass"], None),
            "import ketasim": ([sys.executable, "-c", "import ketasim"], None),
            "ketasim run, warm": ([*program, *RUN], folder),
        }
        look(cases["ketasim run, warm"][0], folder)
        for name, (words, cache) in cases.items():
            looks = [look(words, cache) for _ in range(LOOKS)]
            found[name] = _summary(looks)
        cold = []
        for _ in range(3):
            with tempfile.TemporaryDirectory() as empty:
                cold.append(look([*program, *RUN], empty))
        found["ketasim run, cold"] = _summary(cold)
    found["load_average"] = os.getloadavg()[0]
    return found


def _summary(looks: list[tuple[float, float]]) -> dict[str, float]:
    walls, cpus = zip(*looks, strict=True)
    return {"wall_best_s": min(walls), "wall_median_s": float(np.median(walls)), "cpu_best_s": min(cpus)}


def markdown(found: dict[str, Any]) -> str:
    lines = ["## Scaling, memory, start", ""]
    if "people" in found:
        lines += [
            "Default chain, 8 infusions, 42 days, 50 output times, 6 outputs, one thread:",
            "",
            "| people | CPU ms | CPU ms per person |",
            "|---|---|---|",
        ]
        lines += [f"| {r['people']:,} | {r['cpu_ms']:.1f} | {r['cpu_ms_per_person']:.3f} |" for r in found["people"]]
    if "states" in found:
        lines += [
            "",
            "Chain of linear compartments (two outputs; compiled without the cache):",
            "",
            "| states | compile, CPU s | CPU us per step of a register | ns per step and state |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {r['states']:,} | {r['compile_s']:.2f} | {r['us_per_step_of_a_register']:.2f} | {r['ns_per_step_and_state']:.1f} |"
            for r in found["states"]
        ]
    if "threads" in found:
        t = found["threads"]
        lines += [
            "",
            "Two threads against one, 4 096 people, wall time, best of "
            + f"{LOOKS}: float64 {t['float64']['gain']:.2f}x, float32 "
            f"{t['float32']['gain']:.2f}x; the results are the same bit for bit. Load of the machine {t['load_average']:.1f} on {os.cpu_count()} cores.",
        ]
    if "memory" in found:
        m = found["memory"]
        lines += [
            "",
            f"{m['people']:,.0f} people, 42 days, {m['times']} times, {m['outputs']} outputs streamed to Parquet: {m['wall_s']:.1f} s wall, "
            f"peak memory {m['peak_mb']:.0f} MB, {m['files_mb']:.0f} MB of files, {m['failed']:.0f} failed.",
        ]
    if "start" in found:
        s = found["start"]
        lines += ["", "| start to exit | wall s, best | wall s, median | CPU s |", "|---|---|---|---|"]
        lines += [
            f"| {k} | {v['wall_best_s']:.2f} | {v['wall_median_s']:.2f} | {v['cpu_best_s']:.2f} |"
            for k, v in s.items()
            if k != "load_average"
        ]
        lines += ["", f"`ketasim run`: 8 infusions, 200 people, 42 days. Load of the machine {s['load_average']:.1f}."]
    return "\n".join([*lines, "", f"Machine: {machine()}."])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--part", choices=["people", "states", "threads", "memory", "start", "all"], default="all")
    parser.add_argument("--people", type=int, default=STREAMED, help="people of the memory part (100 000)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--no-page", action="store_true")
    asked = parser.parse_args()
    parts = {
        "people": people_part,
        "states": states_part,
        "threads": threads_part,
        "memory": lambda: memory_part(asked.people),
        "start": start_part,
    }
    found = {name: part() for name, part in parts.items() if asked.part in (name, "all")}
    text = markdown(found)
    print(json.dumps(found, indent=1) if asked.json else text)
    if asked.part == "all" and not asked.no_page:
        write_section("scaling", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
