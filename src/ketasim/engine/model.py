"""A compiled model and its simulation."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ketasim.core import UsageError, nearest

from .jobs import Plan, address, initial_states, make_jobs, make_plan
from .loop import NOT_FINITE, STEP_TOO_SMALL, TOO_MANY_STEPS
from .machine import Code
from .types import Failure, FloatArray, IntArray, Options, Schedule, Trajectories

BAD_PARAMETER, BAD_OUTPUT = 5, 6
DEFAULT_RELATIVE = 1e-5
DEFAULT_ABSOLUTE = 1e-8
MOST_STEPS = 100_000
RETRY_FACTOR = 0.1  # tolerance of the second try of a failed person
GROUPS_PER_TASK = 4  # registers of people handed to a thread at once

REASONS = {
    NOT_FINITE: "the state is no longer a finite number",
    STEP_TOO_SMALL: "the step became too small for the tolerance",
    TOO_MANY_STEPS: f"more than {MOST_STEPS:,} steps",
}


@dataclass(frozen=True)
class Description:
    """All that is known of a compiled model besides its machine code."""

    states: tuple[str, ...]
    all_states: tuple[str, ...]
    as_amount: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: tuple[str, ...]
    inputs: tuple[str, ...]
    nominal: dict[str, float]
    width: int
    work_vectors: int
    vector_bytes: int


class Model:
    """A compiled model; made by `compile_model`. Safe to use from several threads."""

    def __init__(self, description: Description, code: Code, options: Options) -> None:
        self._d, self._code, self.options = description, code, options
        self._solve = code.function("solve_many", ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
        self._local = threading.local()

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the per-person parameters, in the order of the columns of `simulate`."""
        return self._d.parameters

    @property
    def outputs(self) -> tuple[str, ...]:
        return self._d.outputs

    @property
    def inputs(self) -> tuple[str, ...]:
        return self._d.inputs

    @property
    def states(self) -> tuple[str, ...]:
        """Names of all states of the model, also of those that no output needs."""
        return self._d.all_states

    @property
    def active_states(self) -> tuple[str, ...]:
        """The states that are integrated: those that an output depends on."""
        return self._d.states

    @property
    def width(self) -> int:
        """People per register."""
        return self._d.width

    def nominal(self) -> dict[str, float]:
        """Values of the per-person parameters in the model text, where it gives numbers."""
        return dict(self._d.nominal)

    def simulate(
        self,
        parameters: ArrayLike,
        schedules: Sequence[Schedule],
        schedule_of: ArrayLike,
        times: ArrayLike,
        rtol: float = DEFAULT_RELATIVE,
        atol: float | Mapping[str, float] | ArrayLike = DEFAULT_ABSOLUTE,
        threads: int | None = None,
        initial: Mapping[str, ArrayLike] | None = None,
        max_steps: int = MOST_STEPS,
    ) -> Trajectories:
        """Integrates every person through his schedule.

        `parameters` (P, n_par); `schedule_of` (P,) index into `schedules`; `times` (T,) in h, ascending, within the
        boundaries of each schedule in use; `rtol`, `atol` bound the local error of each state y by
        rtol |y| + atol (`atol` one number, or a mapping from states to numbers); `threads` None = all
        processors; `initial` state -> number or (P,) numbers that replace the model's own start. Results do not
        depend on `threads`, bit for bit. A person whose integration fails is tried again alone with a tighter
        tolerance, then reported by status, reason and `failures`; the others are not touched.
        """
        table, which, moments = self._shape(parameters, schedule_of, times, len(schedules))
        count = len(which)
        tolerance = self._tolerances(rtol, atol)
        values = np.full((count, len(moments), len(self.outputs)), np.nan)
        status = np.zeros(count, dtype=np.int64)
        steps = np.zeros((count, 2), dtype=np.int64)
        failed_time, failed_state = np.full(count, np.nan), np.full((0, len(self._d.states)), np.nan)
        bad = ~np.isfinite(table).all(axis=1)
        status[bad] = BAD_PARAMETER
        starts = initial_states(initial, count, self._d.states, self._d.all_states, frozenset(self._d.as_amount))
        plans = self._plans(schedules, which, moments)
        healthy = [_without(plan, bad) for plan in plans] if bad.any() else plans
        common: dict[str, int | float] = {
            "parameters": address(table), "initial": address(starts) if starts is not None else 0,
            "count": len(moments), "times": address(moments), "out": address(values),
            "tolerance": address(tolerance), "relative": rtol, "first_step": np.inf, "largest_step": np.inf,
            "most_steps": max_steps, "status": address(status), "failed_time": address(failed_time),
            "failed_state": 0, "steps": address(steps),
        }
        self._run(make_jobs(healthy, self.width, common), threads)
        again = np.flatnonzero((status != 0) & (status != BAD_PARAMETER))
        if len(again):
            status[again] = 0
            failed_state = np.full((count, len(self._d.states)), np.nan)
            tighter = tolerance * RETRY_FACTOR
            common |= {"relative": rtol * RETRY_FACTOR, "tolerance": address(tighter),
                       "failed_state": address(failed_state)}
            self._run(make_jobs(healthy, self.width, common, again), threads)
        return self._result(moments, values, status, table, failed_time, failed_state, steps)

    # ---- preparation -----------------------------------------------------------------------------------
    def _shape(
        self, parameters: ArrayLike, schedule_of: ArrayLike, times: ArrayLike, schedules: int
    ) -> tuple[FloatArray, IntArray, FloatArray]:
        which = np.ascontiguousarray(schedule_of, dtype=np.int64).reshape(-1)
        table = np.ascontiguousarray(parameters, dtype=np.float64)
        if not self.parameters and table.size == 0:
            table = np.zeros((len(which), 0))
        if table.shape != (len(which), len(self.parameters)):
            raise UsageError(
                f"parameters has shape {table.shape}", where="simulate",
                allowed=f"{(len(which), len(self.parameters))}: people, ({', '.join(self.parameters)})")
        if len(which) and (which.min() < 0 or which.max() >= schedules):
            raise UsageError(f"schedule_of points outside the {schedules} schedules", where="simulate")
        moments = np.ascontiguousarray(times, dtype=np.float64).reshape(-1)
        if not np.isfinite(moments).all() or (np.diff(moments) < 0).any():
            raise UsageError("output times must be finite and ascend", where="simulate",
                             fix="times = numpy.sort(times)")
        return table, which, moments

    def _tolerances(self, rtol: float, atol: float | Mapping[str, float] | ArrayLike) -> FloatArray:
        least = 1e-14 if self.options.dtype == "float64" else 1e-7
        if not least <= rtol < 1:
            raise UsageError(f"rtol is {rtol:g}", where="simulate", allowed=f"{least:g} to 1")
        names = self._d.states
        if isinstance(atol, Mapping):
            unknown = [n for n in atol if n not in self._d.all_states]
            if unknown:
                raise UsageError(f"atol names '{unknown[0]}', which is not a state", where="simulate",
                                 allowed=", ".join(nearest(unknown[0], self._d.all_states)))
            result = np.array([float(atol.get(n, DEFAULT_ABSOLUTE)) for n in names])
        else:
            result = np.broadcast_to(np.asarray(atol, dtype=np.float64), (len(names),)).copy()
        if not (result > 0).all() or not np.isfinite(result).all():
            raise UsageError("atol must be positive", where="simulate")
        return result

    def _plans(self, schedules: Sequence[Schedule], which: IntArray, moments: FloatArray) -> list[Plan]:
        places = {name: i for i, name in enumerate(self._d.states)}

        def place(state: str) -> int | None:
            if state in self._d.as_amount:
                raise UsageError(f"'{state}' is a concentration in a compartment that changes; it cannot jump",
                                 where="jump", fix="declare it with substance units")
            if state not in self._d.all_states:
                raise UsageError(f"a jump names '{state}', which is not a state", where="jump",
                                 allowed=", ".join(nearest(state, self._d.all_states)))
            return places.get(state)

        return [
            make_plan(k, schedules[k], np.flatnonzero(which == k), self.inputs, moments, place)
            for k in np.unique(which).tolist()
        ]

    # ---- running ---------------------------------------------------------------------------------------
    def _work(self) -> int:
        """Address of this thread's working memory, aligned to the register."""
        if not hasattr(self._local, "memory"):
            self._local.memory = np.zeros((self._d.work_vectors + 1) * self._d.vector_bytes + 64, dtype=np.uint8)
        start = address(self._local.memory)
        return start + (-start) % 64

    def _run(self, jobs: NDArray[Any], threads: int | None) -> None:
        if not len(jobs):
            return
        base, size = address(jobs), jobs.dtype.itemsize

        def some(first: int) -> None:
            self._solve(base + first * size, min(GROUPS_PER_TASK, len(jobs) - first), self._work())

        starts = range(0, len(jobs), GROUPS_PER_TASK)
        workers = min(threads or processors(), len(starts))
        if workers <= 1:
            for first in starts:
                some(first)
            return
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(some, starts):
                pass

    def _result(
        self, moments: FloatArray, values: FloatArray, status: IntArray, table: FloatArray,
        failed_time: FloatArray, failed_state: FloatArray, steps: IntArray,
    ) -> Trajectories:
        reasons: list[str | None] = [None] * len(status)
        finite = np.isfinite(values.sum(axis=(1, 2)))
        for person in np.flatnonzero((status == 0) & ~finite).tolist():
            where = np.argwhere(~np.isfinite(values[person]))
            if len(where):
                status[person] = BAD_OUTPUT
                failed_time[person] = moments[where[0][0]]
                reasons[person] = (f"{self.outputs[where[0][1]]} is not a finite number "
                                   f"at {moments[where[0][0]]:g} h")
        failures = []
        for person in np.flatnonzero(status).tolist():
            code = int(status[person])
            state: dict[str, float] = {}
            if code == BAD_PARAMETER:
                culprit = self.parameters[int(np.argmin(np.isfinite(table[person])))]
                reasons[person] = f"parameter {culprit} is not a finite number"
            elif code != BAD_OUTPUT:
                state = dict(zip(self._d.states, failed_state[person].tolist(), strict=True))
                reasons[person] = f"{REASONS[code]}, at {failed_time[person]:g} h"
            values[person] = np.nan
            failures.append(Failure(person, code, float(failed_time[person]), state))
        return Trajectories(moments, values, status, self.outputs, reasons, tuple(failures), steps)


def _without(plan: Plan, bad: NDArray[np.bool_]) -> Plan:
    """The plan without the people in `bad`."""
    keep = ~bad[plan.people]
    inputs = np.ascontiguousarray(plan.inputs[keep]) if plan.per_person else plan.inputs
    return Plan(plan.boundaries, inputs, plan.per_person, plan.jump_segment, plan.jump_state,
                np.ascontiguousarray(plan.jump_scale[:, keep]), np.ascontiguousarray(plan.jump_add[:, keep]),
                plan.people[keep])


def processors() -> int:
    """Processors this process may use."""
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
