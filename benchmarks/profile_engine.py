"""Where the time of a step goes, and how far the bound of the processor is: `python benchmarks/profile_engine.py`.

The generated functions are timed one by one, in loops added to the model's own machine code. Floating-point operations
are counted in the LLVM text (a multiply-add counts two, a division one) and set beside the peak of the processor, measured with
independent multiply-adds in one register each.
"""

from __future__ import annotations

import argparse
import ctypes
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from page import machine, write_section
from problems import PROBLEMS, Problem

from ketasim.engine import Options, compile_model
from ketasim.engine.code.compile import generate
from ketasim.engine.code.machine import build_object, load_object, register_bytes
from ketasim.engine.code.tableau import METHODS

RTOL, ATOL_SHARE = 10.0**-4.5, 1e-4  # the setting at which the comparison runs: error of 1e-4 of the peak
COPIES, SECONDS = 16, 0.4
FLOPS = {"fadd": 1, "fsub": 1, "fmul": 1, "fdiv": 1, "fneg": 0, "llvm.fmuladd": 2, "llvm.sqrt": 1}
CHAINS = 12  # independent multiply-adds, enough to hide their latency


@dataclass(frozen=True)
class Part:
    name: str
    calls: float  # per step
    seconds: float  # per call and register
    flops: float  # per call and lane


def functions(text: str) -> dict[str, tuple[str, str]]:
    """Name -> (arguments, body) of the functions of a module."""
    found = re.findall(r"^define void @(\w+)\((.*?)\)[^{]*\{(.*?)^\}", text, re.DOTALL | re.MULTILINE)
    return {name: (arguments, body) for name, arguments, body in found}


def flops_of(text: str, name: str) -> float:
    """Vector operations of one call of a straight-line function, per lane; functions that it calls included."""
    known = functions(text)

    def count(body: str) -> float:
        total = 0.0
        for line in body.splitlines():
            if "<" not in line or line.lstrip().startswith(("store", ";")):
                continue
            words = re.search(r"= (?:tail )?(\w+)", line)
            called = re.search(r"call .*?@([\w.]+)\(", line)
            if called:
                base = ".".join(called.group(1).split(".")[:2])
                total += FLOPS.get(base, 0) if called.group(1).startswith("llvm.") else count(known[called.group(1)][1])
            elif words:
                total += FLOPS.get(words.group(1), 0)
        return total

    return count(known[name][1])


def with_timers(text: str, names: list[str]) -> str:
    """Adds `time_NAME(count, ...)`, which calls NAME so often."""
    parts = [text]
    for name in names:
        given = functions(text)[name][0]
        kinds = [a.split()[0] for a in given.split(",")]
        values = ", ".join(f"{k} %a{i}" for i, k in enumerate(kinds))
        parts.append(
            f"define void @time_{name}(i64 %count, {values}) {{\nentry:\n  br label %again\nagain:\n"
            f"  %i = phi i64 [ 0, %entry ], [ %j, %again ]\n  call void @{name}({values})\n"
            "  %j = add i64 %i, 1\n  %more = icmp slt i64 %j, %count\n  br i1 %more, label %again, label %end\nend:\n  ret void\n}\n"
        )
    return "\n".join(parts)


def peak(real: str, width: int) -> float:
    """Operations per second of one core: CHAINS independent multiply-adds in a loop."""
    kind = f"<{width} x {real}>"
    splat = "<" + ", ".join([f"{real} 0.5"] * width) + ">"
    suffix = f"v{width}f{'64' if real == 'double' else '32'}"
    phis = "\n".join(f"  %x{k} = phi {kind} [ {splat}, %entry ], [ %y{k}, %again ]" for k in range(CHAINS))
    steps = "\n".join(
        f"  %y{k} = call {kind} @llvm.fma.{suffix}({kind} %x{k}, {kind} {splat}, {kind} {splat})" for k in range(CHAINS)
    )
    sums, last = [], "%y0"
    for k in range(1, CHAINS):
        sums.append(f"  %s{k} = fadd {kind} {last}, %y{k}")
        last = f"%s{k}"
    text = (
        f"declare {kind} @llvm.fma.{suffix}({kind}, {kind}, {kind})\ndefine void @burn(i64 %n, ptr %out) {{\nentry:\n  br label %again\n"
        f"again:\n  %i = phi i64 [ 0, %entry ], [ %j, %again ]\n{phis}\n{steps}\n  %j = add i64 %i, 1\n  %more = icmp slt i64 %j, %n\n"
        f"  br i1 %more, label %again, label %end\nend:\n"
        + "\n".join(sums)
        + f"\n  store {kind} {last}, ptr %out, align 64\n  ret void\n}}\n"
    )
    code = load_object(build_object(text), ("burn",))
    burn = code.function("burn", ctypes.c_int64, ctypes.c_void_p)
    memory = np.zeros(256, dtype=np.uint8)
    place = memory.ctypes.data + (-memory.ctypes.data) % 64
    best, count = 0.0, 2_000_000
    for _ in range(5):
        begin = time.process_time()
        burn(count, place)
        best = max(best, 2.0 * CHAINS * width * count / (time.process_time() - begin))
    return best


def timed(text: str, name: str, code: object, words: int) -> float:
    """Seconds per call of a generated function on arrays of halves."""
    given = functions(text)[name][0]
    kinds = [a.split()[0] for a in given.split(",")]
    types = [ctypes.c_void_p if k == "ptr" else ctypes.c_double for k in kinds]
    call = code.function(f"time_{name}", ctypes.c_int64, *types)  # type: ignore[attr-defined]
    arrays = [np.full(words + 64, 0.5) for k in kinds if k == "ptr"]
    pointers = iter([a.ctypes.data + (-a.ctypes.data) % 64 for a in arrays])
    values = [next(pointers) if k == "ptr" else 1.0 for k in kinds]
    best, count = np.inf, 1000
    for _ in range(20):
        begin = time.process_time()
        call(count, *values)
        spent = time.process_time() - begin
        best = min(best, spent / count)
        count = int(min(max(count, 0.02 / max(best, 1e-9)), 1e7))
    return float(best)


def profile(problem: Problem, dtype: str) -> str:
    width = register_bytes() // (8 if dtype == "float64" else 4)
    real = "double" if dtype == "float64" else "float"
    options = Options(dtype=dtype)  # type: ignore[arg-type]
    model = compile_model(problem.text, problem.parameters, (), problem.inputs, options)
    description, text = generate(problem.text, problem.parameters, (), problem.inputs, options, width)
    names = ["first_stage", "stage", "observe"]
    code = load_object(build_object(with_timers(text, names)), tuple(f"time_{n}" for n in names))
    stages, n = METHODS["rodas4"].stages, len(model.active_states)
    table = np.tile(problem.table, (COPIES, 1))
    schedule = problem.schedule
    people = len(table)
    if schedule.inputs.ndim == 3:
        from dataclasses import replace

        jumps = tuple(replace(j, add=np.tile(j.add, COPIES) if np.ndim(j.add) else j.add) for j in schedule.jumps)
        schedule = type(schedule)(schedule.boundaries, np.tile(schedule.inputs, (COPIES, 1, 1)), jumps)
    which = np.zeros(people, dtype=np.int64)
    first = model.simulate(table[:64], [problem.schedule], which[:64], problem.times, rtol=1e-6, atol=1e-9)
    peaks = np.maximum(np.median(np.abs(first.values).max(axis=1), axis=0), 1e-9)
    best = np.inf
    for _ in range(5):
        begin = time.process_time()
        found = model.simulate(
            table,
            [schedule],
            which,
            problem.times,
            rtol=RTOL,
            atol=ATOL_SHARE * RTOL * peaks,
            threads=1,
            relative_to="peak",
        )
        best = min(best, time.process_time() - begin)
    registers = found.steps.sum(axis=1) > 0
    steps = float(found.steps[registers].sum(axis=1).mean())
    total = best / registers.sum()  # s per register
    words = max(description.work_vectors, 4096) * width
    outputs = len(problem.times) / steps
    parts = [
        Part(m, c, timed(text, m, code, words), flops_of(text, m))
        for m, c in zip(names, (1.0, stages - 1.0, outputs), strict=True)
    ]
    a, c = METHODS["rodas4"].a, METHODS["rodas4"].c
    sums = sum(2.0 * (np.count_nonzero(a[s]) + np.count_nonzero(c[s])) for s in range(1, stages)) * n
    rest = total / steps - sum(p.calls * p.seconds for p in parts)
    norm, dense = 8.0 * n, outputs * n * 2.0 * (len(METHODS["rodas4"].dense[0]) * len(METHODS["rodas4"].dense) + 2)
    parts.append(Part("stage sums, error norm, dense output, loop", 1.0, rest, sums + norm + dense))
    top = peak(real, width)
    lines = [
        f"**{problem.name}, {dtype}**: {n} states, {width} people per register, {steps:.0f} steps per register, "
        f"{1e3 * total / width:.4f} ms per person.",
        "",
        "| part | calls per step | ns per call | share of the time | flop per call and person | share of the peak |",
        "|---|---|---|---|---|---|",
    ]
    for p in parts:
        rate = p.flops * width / p.seconds / top
        lines.append(
            f"| {p.name} | {p.calls:.2f} | {p.seconds * 1e9:.0f} | {p.calls * p.seconds * steps / total:.0%} | {p.flops:.0f} | {rate:.0%} |"
        )
    work = sum(p.calls * p.flops for p in parts)
    lines += [
        "",
        f"{work:.0f} flop per step and person; {work * steps * width / total / 1e9:.1f} Gflop/s of {top / 1e9:.1f} "
        f"({work * steps * width / total / top:.0%} of the peak of multiply-adds). The bound is {work * steps / top * 1e3:.4f} ms per person.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", choices=[*PROBLEMS, "all"], default="chain")
    parser.add_argument("--no-page", action="store_true")
    asked = parser.parse_args()
    names = list(PROBLEMS) if asked.model == "all" else [asked.model]
    parts = [profile(PROBLEMS[name](), dtype) for name in names for dtype in ("float64", "float32")]
    text = "\n".join(["## Where the time of a step goes", "", *parts, f"Machine: {machine()}."])
    print(text)
    if not asked.no_page:
        write_section("profile", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
