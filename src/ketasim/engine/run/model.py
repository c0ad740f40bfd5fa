"""A compiled model and its simulation."""

from __future__ import annotations

import ctypes
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError, nearest
from ketasim.core.arrays import AnyArray, Array, BoolArray, IntArray
from ketasim.core.together import processors, together

from .. import arguments
from ..code.description import Description
from ..code.machine import Code
from ..code.record import DRIFTED, NOT_FINITE, ODD_OUTPUT, STEP_TOO_SMALL, TOO_MANY_STEPS
from ..symbolic.sizes import bad_parameter, blame
from ..types import Failure, Options, Schedule, Tolerances, Trajectories
from .buffers import MOST_STEPS, Control, Run
from .jobs import Plan, address, cuts, fill_registers, initial_states, make_jobs, make_plan

BAD_PARAMETER, BAD_START = 5, 6
DEFAULT_RELATIVE = 1e-5
SHARE = 1e-4  # absolute tolerance, unless given: this share of rtol of the largest that a state has been
SMALLEST = {"float64": 1e-290, "float32": 1e-30}  # beside that, so that nothing is divided by 0
RETRY_FACTOR = 0.1  # tolerance of the second try of a failed person
GROUPS_PER_TASK = 4  # registers of people handed to a thread at once

REASONS = {
    NOT_FINITE: "the state is no longer a finite number",
    STEP_TOO_SMALL: "the step became too small for the tolerance",
    TOO_MANY_STEPS: "too many steps: more than {steps:,} in a register; a larger max_steps, a looser rtol or a shorter run "
    "would do",
    DRIFTED: "the errors of the steps added up to the size of a state; rtol is too loose for so many steps",
}


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
        atol: float | Mapping[str, float] | ArrayLike | None = None,
        threads: int | None = None,
        initial: Mapping[str, ArrayLike] | None = None,
        relative_to: Literal["value", "peak"] = "value",
        max_steps: int = MOST_STEPS,
        max_step: float = np.inf,
        keep_nonfinite: bool = False,
    ) -> Trajectories:
        """Integrates every person through his schedule.

        `parameters` (P, n_par); `schedule_of` (P,) index into `schedules`; `times` (T,) ascending, within the
        boundaries of each schedule in use; `rtol`, `atol` bound the local error of each state y by
        rtol |y| + atol, where |y| is the size at this moment or, with relative_to="peak", the largest so far, which takes fewer
        steps; `atol` is one number, one per active state, or a mapping from states to numbers; where none is given, it is
        SHARE rtol (1e-4 rtol) of the largest that this state has been in this person, whatever the units of the model, and
        the result's `tolerances` say so; `threads` None = all
        processors; `initial` state -> number or (P,) numbers that replace the model's own start; `max_steps` per
        register of people. Results do not depend on `threads`, bit for bit; on the other people of the call they
        depend within the tolerance, because a register shares its steps. A person whose integration fails is
        tried again alone with a tighter tolerance, then reported by status, reason and `failures`; the others are
        not touched. An output that is not a finite number is a failure too, unless `keep_nonfinite`.
        """
        if relative_to not in ("value", "peak"):
            raise UsageError(f"relative_to is {relative_to!r}", where="simulate", allowed="'value' or 'peak'")
        control = Control(
            relative_to,
            arguments.whole(max_steps, "max_steps", "simulate", 1, 2**62),
            arguments.number(max_step, "max_step", "simulate", 0.0, np.inf, open_start=True),
        )
        return self._simulate(
            parameters, schedules, schedule_of, times, rtol, atol, threads, initial, control, keep_nonfinite
        )[0]

    def last_states(
        self,
        parameters: ArrayLike,
        schedule: Schedule,
        rtol: float = DEFAULT_RELATIVE,
        atol: float | Mapping[str, float] | ArrayLike | None = None,
        initial: Mapping[str, ArrayLike] | None = None,
        threads: int | None = None,
    ) -> tuple[Trajectories, Array]:
        """The active states (P, n) at the end of one schedule, and the run's status."""
        table = arguments.table(parameters, "parameters", "last_states")
        count = len(table) if table.ndim else 0
        result, run = self._simulate(
            table,
            [schedule],
            np.zeros(count, dtype=np.int64),
            np.zeros(0),
            rtol,
            atol,
            threads,
            initial,
            Control(),
            keep_last=True,
        )
        assert run.last_state is not None
        return result, run.last_state

    @property
    def unsettable(self) -> tuple[str, ...]:
        """States whose start cannot be replaced: concentrations in a compartment that changes."""
        return self._d.as_amount

    def _simulate(
        self,
        parameters: ArrayLike,
        schedules: Sequence[Schedule],
        schedule_of: ArrayLike,
        times: ArrayLike,
        rtol: float,
        atol: float | Mapping[str, float] | ArrayLike | None,
        threads: int | None,
        initial: Mapping[str, ArrayLike] | None,
        control: Control,
        keep_nonfinite: bool = False,
        keep_last: bool = False,
    ) -> tuple[Trajectories, Run]:
        schedules = arguments.schedules(schedules, "simulate")
        if threads is not None:
            threads = arguments.whole(threads, "threads", "simulate", 1, 4096)
        table, which, moments = arguments.people(parameters, schedule_of, times, len(schedules), self.parameters)
        arguments.number(rtol, "rtol", "simulate", self._least_relative(), 1.0, open_end=True)
        given = arguments.tolerances(atol, self._d.states, self._d.all_states)
        shares = np.where(np.isnan(given), SHARE * rtol, 0.0)
        tolerance = np.where(np.isnan(given), SMALLEST[self.options.dtype], given)
        run = self._prepare(table, moments, initial, keep_last)
        healthy = run.status == 0
        plans = self._plans(schedules, which, moments, table, healthy)
        self._run(make_jobs(plans, self.width, run.common(rtol, tolerance, shares, control)), threads)
        again = np.flatnonzero(np.isin(run.status, list(REASONS)))
        states = np.zeros((0, len(self._d.states)))
        if len(again):
            run.status[again] = 0
            states = (
                run.last_state if run.last_state is not None else np.full((len(which), len(self._d.states)), np.nan)
            )
            alone = [
                plan.take(ranks)
                for plan in plans
                for ranks in np.flatnonzero(np.isin(plan.people, again)).reshape(-1, 1)
            ]
            tighter, smaller = tolerance * RETRY_FACTOR, shares * RETRY_FACTOR
            relative = max(rtol * RETRY_FACTOR, self._least_relative())
            common = run.common(relative, tighter, smaller, control) | {"last_state": address(states)}
            self._run(make_jobs(alone, self.width, common), threads)
        used = Tolerances(
            rtol,
            {n: a for n, a in zip(self._d.states, given.tolist(), strict=True) if a == a},
            float(shares.max(initial=0.0)),
        )
        return replace(self._result(run, states, keep_nonfinite, control.most_steps), tolerances=used), run

    # ---- preparation -----------------------------------------------------------------------------------
    def _prepare(
        self, table: Array, moments: Array, initial: Mapping[str, ArrayLike] | None, keep_last: bool = False
    ) -> Run:
        count, states = len(table), self._d.states
        starts = initial_states(initial, count, states, self._d.all_states, frozenset(self._d.as_amount))
        status = np.zeros(count, dtype=np.int64)
        bad = ~np.isfinite(table).all(axis=1)
        for name in self._d.sizes:
            if name in self.inputs:
                continue
            bad |= table[:, self.parameters.index(name)] <= 0
        status[bad] = BAD_PARAMETER
        if starts is not None:
            status[np.isinf(starts).any(axis=1) & ~bad] = BAD_START
        return Run(
            table,
            moments,
            starts,
            np.empty((count, len(moments), len(self.outputs))),
            status,
            np.zeros((count, 2), dtype=np.int64),
            np.full(count, np.nan),
            np.full((count, len(states)), np.nan) if keep_last else None,
        )

    def _least_relative(self) -> float:
        return 1e-14 if self.options.dtype == "float64" else 1e-7

    def _plans(
        self,
        schedules: Sequence[Schedule],
        which: IntArray,
        moments: Array,
        table: Array,
        healthy: BoolArray,
    ) -> list[Plan]:
        """Plans whose people fill registers: segments cut at switches, leftovers of schedules mixed."""
        places = {name: i for i, name in enumerate(self._d.states)}

        def place(state: str) -> int | None:
            if state in self._d.as_amount:
                raise UsageError(
                    f"'{state}' is a concentration in a compartment that changes; it cannot jump",
                    where="jump",
                    fix="declare it with substance units",
                )
            if state not in self._d.all_states:
                raise UsageError(
                    f"a jump names '{state}', which is not a state",
                    where="jump",
                    allowed=", ".join(nearest(state, self._d.all_states)),
                )
            return places.get(state)

        plans = [
            make_plan(k, schedules[k], np.flatnonzero(which == k), self.inputs, moments, place, self._d.sizes)
            for k in np.unique(which).tolist()
        ]
        if not healthy.all():
            plans = [plan.take(np.flatnonzero(healthy[plan.people])) for plan in plans]
        plans = [plan for plan in plans if len(plan.people)]
        switches = self._d.switches
        if not all(s.personal for s in switches):
            plans = [plan.refine(cuts(plan, 1, table, switches, False)) for plan in plans]
        plans = fill_registers(plans, self.width)
        if any(s.personal for s in switches):
            pieces = [
                plan.take(np.arange(first, min(first + self.width, len(plan.people))))
                for plan in plans
                for first in range(0, len(plan.people), self.width)
            ]
            plans = [piece.refine(cuts(piece, len(piece.people), table, switches, True)) for piece in pieces]
        return plans

    # ---- running ---------------------------------------------------------------------------------------
    def _work(self) -> int:
        """Address of this thread's working memory, aligned to the register."""
        if not hasattr(self._local, "memory"):
            self._local.memory = np.zeros((self._d.work_vectors + 1) * self._d.vector_bytes + 64, dtype=np.uint8)
        start = address(self._local.memory)
        return start + (-start) % 64

    def _run(self, jobs: AnyArray, threads: int | None) -> None:
        if not len(jobs):
            return
        base, size = address(jobs), jobs.dtype.itemsize
        workers = min(threads or processors(), len(jobs))
        left = deque(portions(len(jobs), workers))

        def some() -> None:
            """Portions as long as there are any: whoever is done takes the next."""
            memory = self._work()
            try:
                while left:
                    try:
                        first, count = left.popleft()
                    except IndexError:  # another thread was quicker
                        return
                    self._solve(base + first * size, count, memory)
            except BaseException:  # on Ctrl-C, what has not begun is dropped
                left.clear()
                raise

        together(*[some] * min(workers, len(left)))

    def _result(self, run: Run, failed_state: Array, keep_nonfinite: bool, most_steps: int) -> Trajectories:
        status, values, moments = run.status, run.values, run.moments
        reasons: list[str | None] = [None] * len(status)
        odd = np.flatnonzero(status == ODD_OUTPUT)
        if keep_nonfinite:  # but a compartment without a size is no result of any kind
            sizes = [i for i, n in enumerate(self.outputs) if n in {s.compartment for s in self._d.varying_sizes}]
            kept = np.isfinite(values[odd][:, :, sizes]).all(axis=(1, 2))
            status[odd[kept]] = 0
            odd = odd[~kept]
        for person in odd.tolist():
            when, which = np.argwhere(~np.isfinite(values[person]))[0]
            run.failed_time[person] = moments[when]
            reasons[person] = f"{self.outputs[which]} is not a finite number at time {moments[when]:g}"
        failures = []
        for person in np.flatnonzero(status).tolist():
            code = int(status[person])
            state: dict[str, float] = {}
            if code == BAD_PARAMETER:
                reasons[person] = bad_parameter(run.table[person].tolist(), self.parameters, self._d.sizes)
            elif code == BAD_START:
                reasons[person] = "the given start of a state is not a finite number"
            elif code in REASONS:
                state = dict(zip(self._d.states, failed_state[person].tolist(), strict=True))
                when = float(run.failed_time[person])
                empty = blame(self._d.varying_sizes, failed_state[person].tolist(), run.table[person].tolist(), when)
                reasons[person] = f"{REASONS[code].format(steps=most_steps)}, at time {when:g}{empty}"
            values[person] = np.nan
            failures.append(Failure(person, code, float(run.failed_time[person]), state))
        return Trajectories(moments, values, status, self.outputs, reasons, tuple(failures), run.steps)


def portions(count: int, workers: int) -> list[tuple[int, int]]:
    """Registers of people as they are handed out, (first, how many): at most GROUPS_PER_TASK at once, fewer towards the end, so that the
    workers end together."""
    found, first = [], 0
    while first < count:
        share = (count - first) // (2 * workers) if workers > 1 else GROUPS_PER_TASK
        size = min(max(share, 1), GROUPS_PER_TASK, count - first)
        found.append((first, size))
        first += size
    return found
