"""diffrax on the CPU: all people in one vmap, segments in a scan, 64 bits."""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
from importlib.metadata import version

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from base import serve

jax.config.update("jax_enable_x64", True)


def load(problem):
    names = {"jnp": jnp, "power": lambda a, b: jnp.where(a > 0, jnp.where(a > 0, a, 1.0) ** b, 0.0)}
    exec((problem.folder / "model_jax.py").read_text(encoding="utf-8"), names)
    segments = problem.segments()
    most = max(last - first for _, _, first, last in segments) + 1
    n = problem.states_count
    grids = np.array(
        [[*problem.times[first:last], *([end] * (most - last + first))] for _, end, first, last in segments]
    )
    spans = np.array([(begin, end) for begin, end, _, _ in segments])
    scale = np.ones((len(segments), n, len(problem.table)))
    add = np.zeros_like(scale)
    for s in range(len(segments)):
        for j in problem.jumps_before(s):
            scale[s, problem.jump_state[j]] *= problem.jump_scale[j]
            add[s, problem.jump_state[j]] = add[s, problem.jump_state[j]] * problem.jump_scale[j] + problem.jump_add[j]
    term = diffrax.ODETerm(lambda t, y, q: names["rhs"](t, y, q))
    solvers = {"tsit5": diffrax.Tsit5(), "dopri8": diffrax.Dopri8(), "kvaerno5": diffrax.Kvaerno5()}

    def course(solver):
        def person(p, u, y, scale, add, rtol, atol):
            def segment(y, given):
                u, span, grid, scale, add = given
                found = diffrax.diffeqsolve(
                    term,
                    solver,
                    span[0],
                    span[1],
                    None,
                    scale * y + add,
                    names["prepare"](p, u, spans[0, 0]),
                    saveat=diffrax.SaveAt(ts=grid),
                    stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
                    max_steps=1_000_000,
                    throw=False,
                )
                return found.ys[-1], (found.ys, found.stats["num_steps"], found.result == diffrax.RESULTS.successful)

            _, (ys, steps, good) = jax.lax.scan(segment, y, (u, jnp.asarray(spans), jnp.asarray(grids), scale, add))
            return ys, steps.sum(), good.all()

        return jax.jit(jax.vmap(person, in_axes=(0, 0, 0, 2, 2, None, None)))

    compiled = {name: course(solver) for name, solver in solvers.items()}

    def solve(people, rtol, atol, method):
        given = (
            problem.table[:people],
            problem.inputs[:people],
            problem.start[:people],
            scale[..., :people],
            add[..., :people],
        )
        ys, steps, good = jax.block_until_ready(compiled[method](*given, rtol, float(atol)))
        if not bool(np.all(good)):
            raise RuntimeError("the solver gave up")
        ys = np.asarray(ys)
        values = np.concatenate([ys[:, s, : last - first] for s, (_, _, first, last) in enumerate(segments)], axis=1)
        return values, float(np.mean(steps))

    return solve, version("diffrax")


serve(load)
