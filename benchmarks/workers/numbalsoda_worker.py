"""numbalsoda: LSODA (or DOP853) in machine code, right-hand side compiled by numba; the loop over people compiled too."""

from importlib.metadata import version

import numba as nb
import numbalsoda
import numpy as np
from base import serve


def load(problem):
    fast = {"fastmath": True, "error_model": "numpy"}
    power = nb.njit(**fast)(lambda a, b: a**b if a > 0.0 else 0.0)
    model = problem.model({"power": power})
    prepare = nb.njit(**fast)(model["prepare"])
    rhs = nb.cfunc(numbalsoda.lsoda_sig, **fast)(model["rhs"])
    address = rhs.address
    n, q_size = problem.states_count, model["Q"]
    spans = np.array([(begin, end) for begin, end, _, _ in problem.segments()])
    index = np.array([(first, last) for _, _, first, last in problem.segments()])
    inputs = np.ascontiguousarray(problem.inputs)
    table, times, start = problem.table, problem.times, problem.start
    jumps = [problem.jumps_before(s) for s in range(len(spans))]
    jump_first = np.cumsum([0, *map(len, jumps)])
    order = np.concatenate(jumps).astype(np.int64)
    jump_state, jump_scale, jump_add = problem.jump_state[order], problem.jump_scale[order], problem.jump_add[order]

    def build(integrate):
        @nb.njit
        def population(table, start, inputs, people, rtol, atol):
            out = np.empty((people, len(times), n))
            good = True
            q = np.zeros(q_size)
            for person in range(people):
                y = start[person].copy()
                for s in range(len(spans)):
                    for j in range(jump_first[s], jump_first[s + 1]):
                        y[jump_state[j]] = jump_scale[j, person] * y[jump_state[j]] + jump_add[j, person]
                    prepare(table[person], inputs[person, s], spans[0, 0], q)
                    first, last = index[s]
                    grid = np.empty(last - first + 2)
                    grid[0], grid[1:-1], grid[-1] = spans[s, 0], times[first:last], spans[s, 1]
                    found, ok = integrate(address, y, grid, q, rtol, atol)
                    good &= ok
                    out[person, first:last] = found[1 : 1 + last - first]
                    y = found[-1].copy()
            return out, good

        population(table, start, inputs, 1, 1e-3, 1e-5)  # compile
        return population

    methods = {"lsoda": build(numbalsoda.lsoda), "dop853": build(numbalsoda.dop853)}

    def solve(people, rtol, atol, method):
        values, good = methods[method](table, start, inputs, people, rtol, float(atol))
        if not good:
            raise RuntimeError("the solver gave up")
        return values, None

    solve.keep = rhs  # the machine code must outlive this function
    return solve, version("numbalsoda")


serve(load)
