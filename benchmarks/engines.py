"""The engines of the comparison: how each worker is started, what it may choose from, and talking to it."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

WORKERS = Path(__file__).parent / "workers"
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}


@dataclass(frozen=True)
class Engine:
    """`methods` are tried in turn; `people` are compared (slow engines fewer); `vector` if it takes one absolute tolerance per
    state; `module` is what must be importable in the worker's interpreter."""

    name: str
    worker: str
    module: str
    methods: tuple[str, ...]
    people: int = 64
    vector: bool = False
    tightest: float = 1e-9
    slow: bool = False
    language: Literal["python", "R"] = "python"
    notes: str = ""


ENGINES = (
    Engine(
        "ketasim",
        "ours.py",
        "ketasim",
        ("float64 peak rodas4 1", "float64 value rodas4 1", "float64 value dop853 1"),
        vector=True,
        notes="RODAS4 or DOP853, one register of people, generated sparse LU",
    ),
    Engine(
        "ketasim float32",
        "ours.py",
        "ketasim",
        ("float32 peak rodas4 1", "float32 value rodas4 1", "float32 value dop853 1"),
        vector=True,
        tightest=1e-6,
        notes="the same in single precision",
    ),
    Engine("numbalsoda", "numbalsoda_worker.py", "numbalsoda", ("lsoda", "dop853"), notes="takes no Jacobian"),
    Engine(
        "libroadrunner",
        "roadrunner_worker.py",
        "roadrunner",
        ("bdf", "adams"),
        people=32,
        vector=True,
        notes="CVODE; takes no Jacobian",
    ),
    Engine(
        "mrgsolve",
        "mrgsolve_worker.R",
        "mrgsolve",
        ("lsoda",),
        vector=True,
        language="R",
        notes="LSODA; takes no Jacobian",
    ),
    Engine("rxode2", "rxode2_worker.R", "rxode2", ("liblsoda", "dop853"), language="R", notes="takes no Jacobian here"),
    Engine("scipy", "scipy_worker.py", "scipy", ("LSODA", "BDF"), people=4, slow=True, notes="analytic Jacobian"),
    Engine(
        "diffrax",
        "diffrax_worker.py",
        "diffrax",
        ("tsit5", "kvaerno5"),
        people=16,
        slow=True,
        notes="64 bits, people in one vmap; Jacobian by automatic differentiation",
    ),
)


class Worker:
    """A running worker process."""

    def __init__(self, engine: Engine, folder: Path, python: str, patience: float, source: Path | None = None) -> None:
        """source : folder of the Ketasim to import, where it is not the one installed."""
        self.engine, self.patience = engine, patience
        self.log = (folder / f"{engine.name.replace(' ', '_')}.log").open("w+", encoding="utf-8")
        program = [python] if engine.language == "python" else ["Rscript", "--vanilla"]
        environment = os.environ | ONE_THREAD | {"JAX_PLATFORMS": "cpu", "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= {"PYTHONPATH": str(source)} if source else {}
        self.process = subprocess.Popen(
            [*program, str(WORKERS / engine.worker), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            bufsize=1,
            env=environment,
        )
        self.hello = self._answer()

    @property
    def version(self) -> str:
        return str(self.hello.get("version", ""))

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self.process.stdout], [], [], 1.0)
            if ready:
                line = self.process.stdout.readline()
                if not line:
                    break
                if line.startswith("{"):
                    return dict(json.loads(line))
        else:
            return {"error": f"no answer within {self.patience:g} s"}
        self.log.seek(0)
        return {"error": (self.log.read().strip().splitlines() or ["the worker ended"])[-1][:300]}

    def solve(
        self, people: int, rtol: float, atol: Any, method: str, repeat: int = 1, save: Path | None = None
    ) -> dict[str, Any]:
        """One order; see `workers/base.py`. `atol` a number or one per state."""
        assert self.process.stdin is not None
        if self.engine.language == "R":
            listed = ",".join(map(repr, np.atleast_1d(np.asarray(atol, dtype=float)).tolist()))
            line = f"{people} {repeat} {rtol!r} {listed} {method} {save or '-'}"
        else:
            atol = atol.tolist() if isinstance(atol, np.ndarray) else atol
            line = json.dumps(
                {
                    "people": people,
                    "repeat": repeat,
                    "rtol": rtol,
                    "atol": atol,
                    "method": method,
                    "save": str(save) if save else None,
                }
            )
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return {"error": "the worker ended"}
        return self._answer()

    def stop(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


@dataclass
class Absent:
    """Engines that cannot run here, and why."""

    reasons: dict[str, str] = field(default_factory=dict)


def why_absent(engine: Engine, python: str) -> str | None:
    """None if the engine's package is there, otherwise what is missing."""
    if engine.language == "R":
        if shutil.which("Rscript") is None:
            return "R is not installed"
        found = subprocess.run(
            ["Rscript", "--vanilla", "-e", f"if (!requireNamespace('{engine.module}', quietly=TRUE)) quit(status=1)"],
            capture_output=True,
            timeout=120,
            check=False,
        )
        return None if found.returncode == 0 else f"R has no package {engine.module}"
    probe = f"import importlib.util, sys; sys.exit(importlib.util.find_spec('{engine.module}') is None)"
    found = subprocess.run([python, "-c", probe], capture_output=True, timeout=120, check=False)
    return None if found.returncode == 0 else f"not installed in {Path(python).name} (pip install '.[benchmarks]')"


def interpreter(given: str | None) -> str:
    return given or sys.executable
