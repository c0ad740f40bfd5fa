"""Our engine beside the others, on the same problem at the same error: `python benchmarks/peers.py [--json]`.

Each engine solves the same people, doses and output times and returns all states. Its tolerance is the loosest on a scan
in half decades, refined to a sixteenth of a decade, with an error of at most 1e-4 of each state's peak, for the best of its methods and absolute tolerances.
Then all are timed in turn, round after round, by the CPU time of their own process on one core. The table goes to
docs/benchmarks.md. See docs/benchmarks-method.md for the details.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from comparison import Comparison, Row, Setting
from engines import ENGINES, Engine, Worker, why_absent
from generate import equations, jax_source, mrgsolve_source, python_source, rxode2_source
from numpy.typing import NDArray
from page import as_json, table_text, write_page
from problems import PROBLEMS, Problem

from ketasim.engine import compile_model
from ketasim.engine.read.reader import read_model

Array = NDArray[np.float64]
ALLOWED = 1e-4  # error as a share of each state's peak in each person
SCAN = tuple(10.0 ** (-k / 2) for k in range(4, 19))  # 1e-2 ... 1e-9
HALVINGS = 3  # of a step of the scan: to a sixteenth of a decade
FACTORS = (
    1.0,
    1e-1,
    1e-2,
    1e-3,
    1e-4,
)  # absolute tolerance as a share of the relative one (times a state's peak where it may)
REFERENCE_TOLERANCE = 1e-11
CONFIRMED_PEOPLE = 2
PROBED_PEOPLE, TOO_SLOW = 4, 3.0  # people tried first; settings slower than this times the best are dropped
FINALISTS, FINAL_LOOKS = (
    5,
    4,
)  # the fastest settings of an engine, timed again in turn; other work on the machine only adds, so the least look counts
LEAST_CPU = 0.3  # s of CPU time per measurement
PATIENCE = 600.0  # s
SMALLEST_PEAK = 1e-12  # a state that stays below in everybody is compared absolutely
LEAST_SHARE = 1e-3  # a person's peak counts as at least this share of the largest among all people


# ---- the problem and the truth -----------------------------------------------------------------------------------------
def export(problem: Problem, folder: Path) -> tuple[tuple[str, ...], Array]:
    """Writes everything the workers need; gives the states and the start of everybody (P, n)."""
    import antimony

    source = read_model(problem.text)
    found = equations(problem.text, problem.parameters, problem.inputs)
    (folder / "model.py").write_text(python_source(found), encoding="utf-8")
    (folder / "model_jax.py").write_text(jax_source(found), encoding="utf-8")
    (folder / "model.cpp").write_text(mrgsolve_source(found), encoding="utf-8")
    (folder / "model.rx").write_text(rxode2_source(found), encoding="utf-8")
    functions = plain_functions(folder)
    people, schedule = len(problem.table), problem.schedule
    start = np.zeros((people, len(found.states)))
    for row, y in zip(problem.table, start, strict=True):
        functions["start"](row, float(schedule.boundaries[0]), y)
    segments = len(schedule.boundaries) - 1
    inputs = np.ascontiguousarray(np.broadcast_to(schedule.inputs, (people, segments, len(problem.inputs))))
    jumps = schedule.jumps
    arrays: dict[str, Any] = {
        "table": problem.table,
        "boundaries": schedule.boundaries,
        "inputs": inputs,
        "times": problem.times,
        "start": start,
        "jump_segment": np.array([j.at for j in jumps], dtype=np.int64),
        "jump_state": np.array([found.states.index(j.state) for j in jumps], dtype=np.int64),
        "jump_scale": np.array([np.broadcast_to(j.scale, (people,)) for j in jumps]).reshape(len(jumps), people),
        "jump_add": np.array([np.broadcast_to(j.add, (people,)) for j in jumps]).reshape(len(jumps), people),
    }
    np.savez(folder / "problem.npz", **arrays)
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(problem.text) < 0:
        raise SystemExit(antimony.getLastError())
    sbml = antimony.getSBMLString(antimony.getMainModuleName())
    amounts = [s for s in found.states if s in source.species and source.species[s].substance_only]
    (folder / "problem.json").write_text(
        json.dumps(
            {
                "states": found.states,
                "inputs": problem.inputs,
                "parameters": problem.parameters,
                "text": problem.text,
                "sbml": sbml,
                "amounts": amounts,
            }
        ),
        encoding="utf-8",
    )
    export_tables(problem, arrays, found.states, folder)
    return found.states, start


def export_tables(problem: Problem, arrays: dict[str, Any], states: tuple[str, ...], folder: Path) -> None:
    """The same for R, as text: people, events (inputs change, amounts are added), output times."""
    people = len(problem.table)
    head = ["ID", *problem.parameters, *(f"start_{s}" for s in states)]
    rows = [[i + 1, *problem.table[i].tolist(), *arrays["start"][i].tolist()] for i in range(people)]
    _csv(folder / "people.csv", head, rows)
    events = []
    for i in range(people):
        for s, begin in enumerate(problem.schedule.boundaries[:-1].tolist()):
            now = arrays["inputs"][i, s].tolist()
            events.append([i + 1, begin, 2, 0.0, 1, *now])
            for j in np.flatnonzero(arrays["jump_segment"] == s).tolist():
                events.append(
                    [i + 1, begin, 1, float(arrays["jump_add"][j, i]), int(arrays["jump_state"][j]) + 1, *now]
                )
    _csv(folder / "events.csv", ["ID", "time", "evid", "amt", "cmt", *problem.inputs], events)
    (folder / "times.csv").write_text("\n".join(map(repr, problem.times.tolist())), encoding="utf-8")
    (folder / "states.txt").write_text("\n".join(states) + "\n", encoding="utf-8")


def _csv(path: Path, head: list[str], rows: list[list[Any]]) -> None:
    path.write_text("\n".join([",".join(head), *(",".join(map(repr, r)) for r in rows)]) + "\n", encoding="utf-8")


def plain_functions(folder: Path) -> dict[str, Any]:
    """The generated functions in plain Python."""
    import math

    names: dict[str, Any] = {n: getattr(math, n) for n in dir(math) if not n.startswith("_")}
    names["power"] = lambda a, b: a**b if a > 0.0 else 0.0
    exec(compile((folder / "model.py").read_text(encoding="utf-8"), "model.py", "exec"), names)
    return names


def truth(problem: Problem, states: tuple[str, ...]) -> Array:
    """(P, T, n) by our engine at 1e-11 with an absolute tolerance far below every peak; confirmed by `confirm`."""
    model = compile_model(problem.text, problem.parameters, states, problem.inputs)
    which = np.zeros(len(problem.table), dtype=np.int64)
    peaks = np.full(len(states), 1.0)
    for tolerance in (1e-8, REFERENCE_TOLERANCE):
        floor = np.maximum(peaks * tolerance * 1e-2, 1e-300)
        found = model.simulate(
            problem.table,
            [problem.schedule],
            which,
            problem.times,
            rtol=tolerance,
            atol=dict(zip(states, floor.tolist(), strict=True)),
            max_steps=10_000_000,
        )
        if (found.status != 0).any():
            raise SystemExit(f"no reference: {next(r for r in found.reasons if r)}")
        peaks = np.abs(found.values).max(axis=1).min(axis=0)
        peaks = np.where(peaks > SMALLEST_PEAK, peaks, 1.0)
    return found.values


def confirm(problem: Problem, reference: Array, folder: Path) -> float:
    """Largest difference, as a share of the peak, between the reference and scipy's LSODA at 1e-11 on some people."""
    from scipy.integrate import solve_ivp

    f, data = plain_functions(folder), np.load(folder / "problem.npz")
    n, bounds = reference.shape[2], problem.schedule.boundaries
    worst = 0.0
    for person in range(CONFIRMED_PEOPLE):
        y, out = data["start"][person].copy(), np.empty(reference.shape[1:])
        for s in range(len(bounds) - 1):
            for j in np.flatnonzero(data["jump_segment"] == s):
                k = data["jump_state"][j]
                y[k] = data["jump_scale"][j, person] * y[k] + data["jump_add"][j, person]
            q: list[float] = [0.0] * f["Q"]
            f["prepare"](problem.table[person].tolist(), data["inputs"][person, s].tolist(), float(bounds[0]), q)

            def rates(t: float, y: Array, q: list[float] = q) -> list[float]:
                dy = [0.0] * n
                f["rhs"](t, y.tolist(), dy, q)
                return dy

            def slopes(t: float, y: Array, q: list[float] = q) -> Array:
                cells = np.zeros((n, n))
                f["jac"](t, y.tolist(), cells, q)
                return cells

            inside = (problem.times > bounds[s]) & (problem.times <= bounds[s + 1])
            grid = np.append(problem.times[inside], bounds[s + 1])
            found = solve_ivp(
                rates,
                (bounds[s], bounds[s + 1]),
                y,
                "LSODA",
                grid,
                rtol=REFERENCE_TOLERANCE,
                atol=np.maximum(np.abs(reference[person]).max(axis=0), SMALLEST_PEAK) * 1e-12,
                jac=slopes,
            )
            out[inside], y = found.y.T[:-1], found.y[:, -1]
        worst = max(worst, error_of(out[None], reference[person : person + 1]))
    return worst


def error_of(values: Array, reference: Array) -> float:
    """Largest |difference| over people, times and states, as a share of the peak of that state in that person."""
    worst = (np.abs(values - reference).max(axis=1) / peaks_of(reference)).max()
    return float(worst) if np.isfinite(worst) else float("inf")


def peaks_of(reference: Array) -> Array:
    """(P, n) peak of each state in each person; see LEAST_SHARE and SMALLEST_PEAK."""
    peak = np.abs(reference).max(axis=1)
    peak = np.maximum(peak, LEAST_SHARE * peak.max(axis=0))
    return np.where(peak > SMALLEST_PEAK, peak, 1.0)


# ---- measuring -----------------------------------------------------------------------------------------------------------
def tune(worker: Worker, reference: Array, folder: Path, say: Any) -> Setting | str:
    """The fastest setting with an error of at most ALLOWED, or why there is none."""
    engine, good = worker.engine, list[Setting]()
    people = min(engine.people, len(reference))
    truth = reference[:people]
    peaks = np.median(peaks_of(reference), axis=0)
    modes = [("x peak", peaks), ("", 1.0)] if engine.vector else [("", 1.0)]
    factors = (1e-2,) if engine.slow else FACTORS
    said = "no tolerance reaches the error"
    for method in engine.methods:
        for label, scale in modes:
            for factor in factors:
                bound = TOO_SLOW * min((s.cpu for s in good), default=np.inf)
                found = _loosest(worker, truth, folder, method, factor, scale, bound)
                if isinstance(found, str):
                    said = found
                    continue
                found.shown_atol = f"{factor * found.rtol:.0e} {label}".strip()
                say(
                    f"  {engine.name} {method} rtol {found.rtol:.1e} atol {found.shown_atol}: error {found.error:.1e}, "
                    f"{found.cpu * 1e3:.3f} ms"
                )
                good.append(found)
    if not good:
        return said
    final = sorted(good, key=lambda s: s.cpu)[: 1 if engine.slow else FINALISTS]
    for _ in range(FINAL_LOOKS if len(final) > 1 else 0):  # in turn, because the machine drifts
        for s in final:
            repeat = _repeat(s, engine, people)
            s.looks.append(worker.solve(people, s.rtol, s.atol, s.method, repeat)["cpu"] / repeat)
    return min(final, key=lambda s: min(s.looks or [s.cpu]))


def _repeat(setting: Setting, engine: Engine, people: int) -> int:
    """Calls per measurement, for LEAST_CPU seconds."""
    return int(min(max(1, np.ceil(LEAST_CPU / max(setting.cpu / per_person(engine, people), 1e-6))), 1000))


def _loosest(
    worker: Worker, truth: Array, folder: Path, method: str, factor: float, scale: Any, bound: float
) -> Setting | str:
    """The loosest tolerance that is accurate enough, timed once more: the first of the scan, and then between it and the one before by halving
    (on the logarithm), because a step of the scan is a third more steps of ours and it is chance on which side of it an engine falls."""
    before: float | None = None
    for rtol in SCAN:
        if rtol < worker.engine.tightest:
            break
        found = _tried(worker, truth, folder, method, rtol, factor, scale, bound)
        if found is None:
            before = rtol
        elif isinstance(found, str):
            return found
        else:
            break
    else:
        found = None
    if not isinstance(found, Setting):
        return f"no tolerance down to {worker.engine.tightest:.0e} reaches the error"
    for _ in range(HALVINGS if before else 0):
        assert before is not None
        middle = float(np.sqrt(before * found.rtol))
        closer = _tried(worker, truth, folder, method, middle, factor, scale, np.inf)
        if isinstance(closer, Setting):
            found = closer
        else:
            before = middle
    return found


def _tried(
    worker: Worker, truth: Array, folder: Path, method: str, rtol: float, factor: float, scale: Any, bound: float
) -> Setting | str | None:
    """One tolerance: the setting if it is accurate enough, None if not (or if the engine gives up), or why it is not worth trying further.

    A few people go first: what fails in them or takes longer than `bound` seconds each is not tried on all."""
    path, atol = folder / f"{worker.engine.name.replace(' ', '_')}.npy", factor * rtol * scale
    for people in (min(PROBED_PEOPLE, len(truth)), len(truth)):
        reply = worker.solve(people, rtol, atol, method, save=path)
        if "error" in reply:
            return None
        values = read_values(path, truth[:people].shape)
        error = error_of(values, truth[:people])
        if error > ALLOWED:
            return None
        cpu = reply["cpu"] * per_person(worker.engine, people)
        if cpu > bound:
            return f"{method} takes {cpu * 1e3:.1f} ms at rtol {rtol:.0e}"
    again = worker.solve(people, rtol, atol, method)
    cpu = min(cpu, again.get("cpu", np.inf) * per_person(worker.engine, people))
    return Setting(method, rtol, atol, "", error, cpu, again.get("steps"), checksum(values, truth))


def read_values(path: Path, shape: tuple[int, ...]) -> Array:
    if path.read_bytes()[:6] == b"\x93NUMPY":
        return np.load(path)
    return np.fromfile(path).reshape(shape)


def checksum(values: Array, truth: Array, people: int = 4) -> float:
    """Mean of y / peak over the first people, all times and states: the same for everybody, to the error allowed."""
    return float((values / peaks_of(truth)[:, None, :])[:people].mean())


def per_person(engine: Engine, people: int) -> float:
    """One over the number of people that one call of a worker simulates; ours fills registers with copies."""
    copies = 16 if engine.worker == "ours.py" else 1
    return 1.0 / (people * copies)


def compare(problem: Problem, engines: list[Engine], rounds: int, python: str, folder: Path, say: Any) -> Comparison:
    states, _ = export(problem, folder)
    from generate import dynamic_operations

    operations = dynamic_operations(equations(problem.text, problem.parameters, problem.inputs))
    say(
        f"{problem.title}: {len(states)} states, {len(problem.table)} people, {len(problem.times)} times, "
        f"{len(problem.schedule.boundaries) - 1} segments, {operations} operations per right-hand side"
    )
    reference = truth(problem, states)
    confirmed = confirm(problem, reference, folder)
    say(
        f"reference: ours at rtol {REFERENCE_TOLERANCE:g}; scipy LSODA at {REFERENCE_TOLERANCE:g} differs by {confirmed:.1e} of the peak"
    )
    absent: dict[str, str] = {}
    running: list[tuple[Worker, Row]] = []
    try:
        for engine in engines:
            own = sys.executable if engine.worker == "ours.py" else python
            missing = why_absent(engine, own)
            if missing:
                absent[engine.name] = missing
                say(f"  {engine.name}: {missing}")
                continue
            worker = Worker(engine, folder, own, PATIENCE)
            setting = worker.hello["error"] if "error" in worker.hello else tune(worker, reference, folder, say)
            if isinstance(setting, str):
                absent[engine.name] = setting
                say(f"  {engine.name}: {setting}")
                worker.stop()
                continue
            running.append((worker, Row(engine, worker.version, setting)))
        threads = rounds_of(running, len(reference), rounds, say)
    finally:
        for worker, _ in running:
            worker.stop()
    return Comparison(problem, len(states), operations, [row for _, row in running], absent, threads, confirmed)


def rounds_of(running: list[tuple[Worker, Row]], everybody: int, rounds: int, say: Any) -> list[float]:
    """Times everybody in turn, `rounds` times; gives the gain of a second thread in each round."""
    threads = []
    for number in range(rounds):
        for worker, row in running:
            people = min(row.engine.people, everybody)
            s, share = row.setting, per_person(row.engine, people)
            repeat = _repeat(s, row.engine, people)
            reply = worker.solve(people, s.rtol, s.atol, s.method, repeat)
            if "error" in reply:
                raise SystemExit(f"{row.engine.name}: {reply['error']}")
            row.times.append(reply["cpu"] * share / repeat)
            if row.engine.name == "ketasim":
                walls = [
                    worker.solve(people, s.rtol, s.atol, m, repeat)["wall"] for m in (s.method, s.method[:-1] + "2") * 2
                ]
                threads.append(min(walls[0::2]) / min(walls[1::2]))
        say(f"  round {number + 1}: " + ", ".join(f"{r.engine.name} {r.times[-1] * 1e3:.3f} ms" for _, r in running))
    return threads


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", choices=[*PROBLEMS, "all"], default="chain", help="the problem (chain)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--engines", help="comma-separated names; ketasim is always there (all that are installed)")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the Python peers (this one)")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--no-page", action="store_true", help="do not write docs/benchmarks.md")
    asked = parser.parse_args(words)
    names = asked.engines.split(",") if asked.engines else [e.name for e in ENGINES]
    unknown = [n for n in names if n not in {e.name for e in ENGINES}]
    if unknown or asked.rounds < 1:
        parser.error(
            f"unknown engine {unknown[0]}; there are {', '.join(e.name for e in ENGINES)}"
            if unknown
            else "--rounds must be 1 or more"
        )
    chosen = [e for e in ENGINES if e.name in names or e.name.startswith("ketasim")]
    say = (lambda text: None) if asked.json else (lambda text: print(text, flush=True))
    problems = list(PROBLEMS) if asked.model == "all" else [asked.model]
    found = []
    for name in problems:
        with tempfile.TemporaryDirectory() as folder:
            found.append(compare(PROBLEMS[name](), chosen, asked.rounds, asked.python, Path(folder), say))
        say("\n" + table_text(found[-1]) + "\n")
    if not asked.no_page:
        for comparison in found:
            write_page(comparison)
    if asked.json:
        print(json.dumps(as_json(found), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
