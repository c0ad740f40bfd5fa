"""Fit every free value to the evidence, draw the posterior, ship it: `python -m ketasim.evidence.fit --ship`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ketasim.core import KetasimError

from ..compare.predict import all_evidence
from . import refits, starts
from .calibrate import State, default_state_file, fit, problem
from .draws import draw
from .leave_out import ship_sensitivities, shipped_mode
from .parameters import settings
from .ship import report, ship

MINUTES = 50.0  # no walk begins later


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.evidence.fit", description=__doc__)
    parser.add_argument("--resume", action="store_true", help="go on where the last fit stopped")
    parser.add_argument("--ship", action="store_true", help="write knowledge/posterior")
    parser.add_argument("--minutes", type=float, default=None)
    parser.add_argument("--iterations", type=int, default=None)
    parser.add_argument("--draws", type=int, default=None)
    parser.add_argument("--state", type=Path, default=None)
    parser.add_argument(
        "--starts",
        type=int,
        default=0,
        help="walk from so many points of the prior and report the basins; resumes by itself",
    )
    parser.add_argument(
        "--refits",
        type=int,
        default=0,
        help="fit anew without each of so many clusters of studies, those that move the fit most; resumes by itself",
    )
    asked = parser.parse_args(arguments)
    task = problem()
    keys = [p.key for p in task.parameters]
    path = asked.state or default_state_file()
    state = State.load(path, keys) if asked.resume and path.exists() else None
    begun = time.monotonic()

    def tell(line: str) -> None:
        print(
            f"\r{time.monotonic() - begun:6.0f} s  {line.rstrip():<70}",
            end="\n" if line.startswith("step") or line.endswith("\n") else "",
            file=sys.stderr,
            flush=True,
        )

    print(
        f"{sum(len(b.rows) for b in task.evidence.blocks)} values of {len(task.evidence.blocks)} studies, {len(keys)} free values",
        file=sys.stderr,
    )
    if asked.starts or asked.refits:
        mode = State.load(path, keys) if path.exists() else shipped_mode(task, tell)
        if mode.hessian is None:
            raise KetasimError("the saved fit has made no step", where=str(path), fix="--resume, or remove the file")
        way, count = (starts.run, asked.starts) if asked.starts else (refits.run, asked.refits)
        print(way(task, mode, count, asked.minutes or MINUTES, tell))
        return 0
    state = fit(task, state, asked.iterations, asked.minutes, tell, lambda s: s.save(path, keys))
    print(report(task, state))
    if asked.ship:
        count = asked.draws or int(settings()["run"]["draws"])
        print(ship(task, state, draw(task, state, count, all_evidence(), tell), all_evidence()))
        ship_sensitivities(all_evidence(), tell)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
