"""scipy: LSODA and BDF with the analytic Jacobian; the functions compiled by numba if it is there."""

import numpy as np
import scipy
from base import serve
from scipy.integrate import solve_ivp


def load(problem):
    try:
        import numba as nb

        compiled = nb.njit(fastmath=True, error_model="numpy")
        names = problem.model({"power": compiled(lambda a, b: a**b if a > 0.0 else 0.0)})
        version = f"{scipy.__version__}, numba {nb.__version__}"
    except ImportError:
        compiled, names, version = (lambda f: f), problem.model(), f"{scipy.__version__}, functions in plain Python"
    prepare, rates, jacobian = (compiled(names[n]) for n in ("prepare", "rhs", "jac"))
    n = problem.states_count
    segments = problem.segments()

    def solve(people, rtol, atol, method):
        out = np.empty((people, len(problem.times), n))
        steps = 0
        for person in range(people):
            y = problem.start[person].copy()
            for s, (begin, end, first, last) in enumerate(segments):
                for j in problem.jumps_before(s):
                    k = problem.jump_state[j]
                    y[k] = problem.jump_scale[j, person] * y[k] + problem.jump_add[j, person]
                q = np.zeros(names["Q"])
                prepare(problem.table[person], problem.inputs[person, s], problem.boundaries[0], q)

                def f(t, y, q=q):
                    dy = np.empty(n)
                    rates(t, y, dy, q)
                    return dy

                def jac(t, y, q=q):
                    cells = np.zeros((n, n))
                    jacobian(t, y, cells, q)
                    return cells

                grid = np.append(problem.times[first:last], end)
                found = solve_ivp(f, (begin, end), y, method=method, t_eval=grid, rtol=rtol, atol=atol, jac=jac)
                if not found.success:
                    raise RuntimeError(found.message)
                out[person, first:last] = found.y.T[: last - first]
                y = found.y[:, -1]
                steps += found.nfev
        return out, steps / people

    return solve, version


serve(load)
