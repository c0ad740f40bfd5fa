"""libroadrunner: CVODE on code that LLVM makes of the SBML; people one after another, integration restarted at doses."""

import numpy as np
import roadrunner
from base import serve


def load(problem):
    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_ERROR)
    runner = roadrunner.RoadRunner(problem.info["sbml"])
    species = set(runner.model.getFloatingSpeciesIds())
    amounts = set(problem.info["amounts"])
    pick = [f"[{s}]" if s in species and s not in amounts else s for s in problem.states]
    runner.setIntegrator("cvode")
    varying = np.flatnonzero(np.ptp(problem.start, axis=0) > 0)

    def one(person, out):
        runner.reset()
        for name, value in zip(problem.parameters, problem.table[person].tolist(), strict=True):
            runner[name] = value
        for k in varying:
            runner[pick[k]] = float(problem.start[person, k])
        previous = None
        for s, (begin, end, first, last) in enumerate(segments):
            for name, value in zip(problem.inputs_names, problem.inputs[person, s].tolist(), strict=True):
                if previous is None or previous[name] != value:
                    runner[name] = value
            previous = dict(zip(problem.inputs_names, problem.inputs[person, s].tolist(), strict=True))
            for j in jumps[s]:
                state = pick[problem.jump_state[j]]
                runner[state] = problem.jump_scale[j, person] * runner[state] + problem.jump_add[j, person]
            course = runner.simulate(times=[begin, *problem.times[first:last].tolist(), end], selections=pick)
            out[first:last] = course[1 : 1 + last - first]

    segments = problem.segments()
    jumps = [problem.jumps_before(s) for s in range(len(segments))]

    def solve(people, rtol, atol, method):
        integrator = runner.getIntegrator()
        integrator.setValue("stiff", method == "bdf")
        integrator.setValue("relative_tolerance", rtol)
        if np.ndim(atol):
            for name, tolerance in zip(problem.states, atol.tolist(), strict=True):
                integrator.setIndividualTolerance(name, tolerance)
        else:
            integrator.setValue("absolute_tolerance", float(atol))
        integrator.setValue("maximum_num_steps", 1_000_000)
        out = np.empty((people, len(problem.times), problem.states_count))
        for person in range(people):
            one(person, out[person])
        return out, None

    return solve, roadrunner.__version__


serve(load)
