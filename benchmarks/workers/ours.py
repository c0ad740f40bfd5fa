"""Ketasim's own engine: all states, people repeated to fill many registers.

Method: precision, then "value" or "peak" (what the relative tolerance refers to), then the integrator, then the number of threads.
"""

import numpy as np
from base import serve

from ketasim._version import __version__
from ketasim.engine import Options, Schedule, compile_model
from ketasim.engine.types import Jump

COPIES = 16  # of the people, so that a call is as long as a user's; the results of the first copy are compared


def load(problem):
    models = {
        (kind, integrator): compile_model(
            problem.info["text"],
            tuple(problem.parameters),
            tuple(problem.states),
            tuple(problem.inputs_names),
            Options(dtype=kind, method=integrator),
        )
        for kind in ("float64", "float32")
        for integrator in ("rodas4", "dop853")
    }

    def schedule(people, copies):
        def tile(numbers):
            return np.tile(numbers[:people], copies)

        jumps = tuple(
            Jump(int(s), problem.states[int(k)], add=tile(problem.jump_add[j]), scale=tile(problem.jump_scale[j]))
            for j, (s, k) in enumerate(zip(problem.jump_segment, problem.jump_state, strict=True))
        )
        return Schedule(problem.boundaries, np.tile(problem.inputs[:people], (copies, 1, 1)), jumps)

    plans = {}

    def solve(people, rtol, atol, method):
        kind, relative_to, integrator, threads = method.split()
        copies = COPIES
        if people not in plans:
            plans[people] = schedule(people, copies)
        table = np.tile(problem.table[:people], (copies, 1))
        found = models[kind, integrator].simulate(
            table,
            [plans[people]],
            np.zeros(len(table), dtype=int),
            problem.times,
            rtol=rtol,
            atol=atol,
            threads=int(threads),
            relative_to=relative_to,
        )
        if (found.status != 0).any():
            raise RuntimeError(next(r for r in found.reasons if r))
        steps = found.steps[found.steps.sum(axis=1) > 0].sum(axis=1).mean()
        return found.values[:people], steps

    return solve, __version__


serve(load)
