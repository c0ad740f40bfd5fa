"""The ratio to a peer of this version and of another checkout, in the same rounds: `python benchmarks/peers_beside.py OLD`.

Each version solves its own default chain (a chain that grows takes longer in any engine, so the peer solves both chains too). All four take their
turn, round after round, by CPU time. Twice, and the last line of each is the ratio of the ratios: 1 where Ketasim is as many times faster than the
peer as it was.

At the loosest tolerance with the error of `peers.py`: as there, and as there a matter of luck. The largest error of 64 people jumps up and down as the
tolerance is turned (that of a multistep method by a factor of 2 to 3 within a sixteenth of a decade), and the first jump over the bound decides.

At the error itself: tolerances an eighth of a decade apart around that one, and a straight line through the logarithms of error and time
of those with an error within half a decade of the bound; the time is that of the line at the bound. Jumps go into its scatter.
"""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import peers
from beside import EXPORT
from comparison import Row
from engines import ENGINES, Engine, Worker
from problems import PROBLEMS, Array, Problem

from ketasim.engine import Schedule
from ketasim.engine.types import Jump

HERE = Path(__file__).resolve().parent.parent
STEPS = 8  # eighths of a decade of the tolerance to either side
LOOKS = (
    3  # of a round at the loosest tolerance; the first after a pause is up to a half slower, and other work only adds
)
NEAR = 0.5  # decades of the error to either side of the bound


def chain_of(checkout: Path) -> Problem:
    """The default chain, people, doses and times of a checkout."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.pickle"
        place = os.pathsep.join(str(checkout / part) for part in ("src", "benchmarks"))
        command = [sys.executable, "-c", EXPORT, str(path)]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": place})
        text, parameters, inputs, table, times, bounds, levels, jumps = pickle.loads(path.read_bytes())
    schedule = Schedule(bounds, levels, tuple(Jump(at, state, add, scale) for at, state, add, scale in jumps))
    return Problem("chain", f"chain of {checkout.name}", text, parameters, inputs, table, schedule, times)


@dataclass
class Point:
    """One tolerance of one engine: its largest error, and its CPU time per person in every round."""

    rtol: float
    error: float
    times: list[float] = field(default_factory=list)


@dataclass
class Runner:
    """An engine on the chain of one version."""

    worker: Worker
    row: Row
    reference: Array
    path: Path
    points: list[Point] = field(default_factory=list)

    @property
    def people(self) -> int:
        return min(self.row.engine.people, len(self.reference))

    def time(self, rtol: float) -> float:
        """CPU seconds per person at this tolerance; the absolute one keeps its share of it."""
        s = self.row.setting
        repeat = peers._repeat(s, self.row.engine, self.people)
        reply = self.worker.solve(self.people, rtol, s.atol * (rtol / s.rtol), s.method, repeat)
        return float(reply["cpu"]) * peers.per_person(self.row.engine, self.people) / repeat

    def look_around(self) -> None:
        """The errors of the tolerances around the one chosen."""
        s, truth = self.row.setting, self.reference[: self.people]
        for step in range(-STEPS, STEPS + 1):
            rtol = s.rtol * 10.0 ** (step / 8)
            reply = self.worker.solve(self.people, rtol, s.atol * (rtol / s.rtol), s.method, save=self.path)
            if "error" not in reply:
                error = peers.error_of(peers.read_values(self.path, truth.shape), truth)
                if abs(np.log10(error / peers.ALLOWED)) <= NEAR:
                    self.points.append(Point(rtol, error))

    def at_the_error(self, number: int) -> float:
        """Time of round `number` at the allowed error, by a straight line through the logarithms."""
        x = np.log([p.error / peers.ALLOWED for p in self.points])
        y = np.log([p.times[number] for p in self.points])
        return float(np.exp(np.polyfit(x, y, 1)[1]))


def main() -> None:
    reader = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    reader.add_argument("other", type=Path, help="folder of another checkout, with its benchmarks/ and src/")
    reader.add_argument("--peer", default="libroadrunner", choices=[e.name for e in ENGINES if e.worker != "ours.py"])
    reader.add_argument("--rounds", type=int, default=9)
    reader.add_argument("--methods", help="comma-separated: only these methods of the peer (all)")
    reader.add_argument(
        "--own", help="comma-separated: only these methods of ours, such as 'float64 value rodas4 1' (all)"
    )
    given = reader.parse_args()
    known = {engine.name: engine for engine in ENGINES}
    chosen = [known["ketasim"], known[given.peer]]
    for which, words in enumerate((given.own, given.methods)):
        if words:
            chosen[which] = replace(chosen[which], methods=tuple(words.split(",")))
    running: dict[str, Runner] = {}
    with tempfile.TemporaryDirectory() as place:
        try:
            for version, problem, source in (
                ("this", PROBLEMS["chain"](), HERE / "src"),
                ("other", chain_of(given.other.resolve()), given.other.resolve() / "src"),
            ):
                folder = Path(place) / version
                folder.mkdir()
                states, _ = peers.export(problem, folder)
                reference = peers.truth(problem, states)
                print(f"{version}: {problem.title}, {len(states)} states", flush=True)
                for engine in chosen:
                    runner = started(engine, folder, source, reference)
                    running[f"{version} {engine.name}"] = runner
                    s, points = runner.row.setting, runner.points
                    print(
                        f"  {engine.name} {s.method}, rtol {s.rtol:.1e}, atol {s.shown_atol}: error {s.error:.2e}"
                        + (f", {s.steps:.0f} steps" if s.steps else "")
                        + f"; around it {', '.join(f'{p.error:.1e}' for p in points)}",
                        flush=True,
                    )
            for number in range(given.rounds):
                for name in running if number % 2 else reversed(running):
                    runner = running[name]
                    looks = [runner.time(runner.row.setting.rtol) for _ in range(LOOKS)]
                    runner.row.times.append(min(looks))
                    for point in runner.points:
                        point.times.append(runner.time(point.rtol))
        finally:
            for runner in running.values():
                runner.worker.stop()
    rounds = range(given.rounds)
    tell("at the loosest tolerance", {name: np.array(r.row.times) for name, r in running.items()}, given.peer)
    lines = {name: np.array([r.at_the_error(n) for n in rounds]) for name, r in running.items()}
    tell("at the error itself", lines, given.peer)
    print(f"{given.rounds} rounds; load {os.getloadavg() if hasattr(os, 'getloadavg') else 'unknown'}")


def started(engine: Engine, folder: Path, source: Path, reference: Array) -> Runner:
    """A worker with its setting found."""
    worker = Worker(engine, folder, sys.executable, peers.PATIENCE, source)
    setting = (
        worker.hello["error"] if "error" in worker.hello else peers.tune(worker, reference, folder, lambda _: None)
    )
    if isinstance(setting, str):
        worker.stop()
        raise SystemExit(f"{engine.name}: {setting}")
    runner = Runner(worker, Row(engine, worker.version, setting), reference, folder / f"{engine.name}.npy")
    runner.look_around()
    return runner


def tell(how: str, times: dict[str, Array], peer: str) -> None:
    """Times, how many times faster, and the ratio of the two."""
    faster = {version: times[f"{version} {peer}"] / times[f"{version} ketasim"] for version in ("this", "other")}
    print(f"{how}, ms a person: " + ", ".join(f"{name} {1e3 * np.median(t):.4f}" for name, t in times.items()))
    both = faster["this"] / faster["other"]
    print(
        f"  times faster than {peer}, medians: this {np.median(faster['this']):.1f}, other {np.median(faster['other']):.1f}; "
        f"this : other {np.median(both):.3f} (rounds {both.min():.3f} to {both.max():.3f})"
    )


if __name__ == "__main__":
    main()
