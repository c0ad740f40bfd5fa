"""From schedules and people to job records: one record per register of people, as the generated loop reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ketasim.core import UsageError, unknown_name

from .loop import JOB, LANES
from .types import FloatArray, IntArray, Jump, Schedule


def job_type(width: int) -> np.dtype[Any]:
    """Layout of one job record; must agree with `loop.JOB`."""
    plain = [(name, "f8" if kind == "double" else "i8") for name, kind in JOB]
    return np.dtype(plain + [(name, "i8", (width,)) for name in LANES])


def address(array: NDArray[Any]) -> int:
    return int(array.ctypes.data)


@dataclass
class Plan:
    """The arrays of one schedule, kept alive while jobs point into them."""

    boundaries: FloatArray
    inputs: FloatArray  # (S, n_in) or (P_k, S, n_in), contiguous
    per_person: bool
    jump_segment: IntArray
    jump_state: IntArray
    jump_scale: FloatArray  # (jumps, P_k)
    jump_add: FloatArray
    people: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def make_plan(
    index: int, schedule: Schedule, people: IntArray, inputs: Sequence[str], times: FloatArray,
    jump_place: Callable[[str], int | None],
) -> Plan:
    """Checks one schedule and packs it. `jump_place` gives the place of a state, None if the model dropped it."""
    where = f"schedule {index}"
    boundaries = np.ascontiguousarray(schedule.boundaries, dtype=np.float64)
    if boundaries.ndim != 1 or len(boundaries) < 2 or not (np.diff(boundaries) > 0).all() \
            or not np.isfinite(boundaries).all():
        raise UsageError("the boundaries of a schedule must ascend, be finite, and be at least two", where=where)
    segments, count = len(boundaries) - 1, len(people)
    values = np.ascontiguousarray(schedule.inputs, dtype=np.float64)
    size = (segments, len(inputs))
    if values.shape not in (size, (count, *size)) and not (len(inputs) == 0 and values.size == 0):
        raise UsageError(
            f"inputs has shape {values.shape}", where=where,
            allowed=f"{size} (segments, inputs) or {(count, *size)} (people, segments, inputs)",
        )
    if not np.isfinite(values).all():
        raise UsageError("an input is not a finite number", where=where)
    if len(times) and (times[0] < boundaries[0] or times[-1] > boundaries[-1]):
        raise UsageError(
            f"output times run from {times[0]:g} to {times[-1]:g} h", where=where,
            allowed=f"{boundaries[0]:g} to {boundaries[-1]:g} h, the range of its boundaries",
        )
    jumps = sorted(schedule.jumps, key=lambda jump: jump.at)
    placed = [(jump, jump_place(jump.state)) for jump in jumps]
    for jump in jumps:
        if not 0 <= jump.at < segments:
            raise UsageError(f"a jump of {jump.state} is at boundary {jump.at}", where=where,
                             allowed=f"0 to {segments - 1}")
    used = [(jump, place) for jump, place in placed if place is not None]
    scale, add = np.empty((len(used), count)), np.empty((len(used), count))
    for row, (jump, _) in enumerate(used):
        scale[row] = _jump_part(jump, "scale", count, where)
        add[row] = _jump_part(jump, "add", count, where)
    return Plan(
        boundaries, values, values.ndim == 3,
        np.array([jump.at for jump, _ in used], dtype=np.int64),
        np.array([place for _, place in used], dtype=np.int64), scale, add, people,
    )


def _jump_part(jump: Jump, part: str, count: int, where: str) -> FloatArray:
    number = np.asarray(getattr(jump, part), dtype=np.float64)
    if number.shape not in ((), (count,)):
        raise UsageError(f"`{part}` of the jump of {jump.state} has shape {number.shape}", where=where,
                         allowed=f"one number, or one per person: ({count},)")
    if not np.isfinite(number).all():
        raise UsageError(f"`{part}` of the jump of {jump.state} is not a finite number", where=where)
    return number


def make_jobs(plans: Sequence[Plan], width: int, common: Mapping[str, int | float],
              chosen: IntArray | None = None) -> NDArray[Any]:
    """Job records for all people of `plans`, or for those in `chosen`, each of these alone in a register.

    People of one schedule fill registers in the order of their index; the last register is filled up by repeating its
    last person, whose copies are computed and not recorded.
    """
    records = []
    for plan in plans:
        keep = np.arange(len(plan.people)) if chosen is None else np.flatnonzero(np.isin(plan.people, chosen))
        if not len(keep):
            continue
        if chosen is None:
            groups = -(-len(keep) // width)
            ranks = np.minimum(np.arange(groups * width), len(keep) - 1).reshape(groups, width)
            lanes = np.full(groups, width)
            lanes[-1] = len(keep) - (groups - 1) * width
        else:
            ranks = np.repeat(keep[:, None], width, axis=1)
            lanes = np.ones(len(keep), dtype=np.int64)
        jobs = np.zeros(len(ranks), dtype=job_type(width))
        for name, value in common.items():
            jobs[name] = value
        jobs["lanes"] = lanes
        jobs["person"] = plan.people[ranks]
        jobs["input_place"] = ranks * plan.inputs[0].size if plan.per_person and plan.inputs.size else 0
        jobs["jump_place"] = ranks
        jobs["segments"], jobs["boundaries"] = len(plan.boundaries) - 1, address(plan.boundaries)
        jobs["inputs"], jobs["jumps"] = address(plan.inputs), len(plan.jump_segment)
        for name in ("jump_segment", "jump_state", "jump_scale", "jump_add"):
            jobs[name] = address(getattr(plan, name))
        jobs["jump_stride"] = len(plan.people)
        records.append(jobs)
    return np.concatenate(records) if records else np.zeros(0, dtype=job_type(width))


def initial_states(initial: Mapping[str, ArrayLike] | None, count: int, states: Sequence[str],
                   all_states: Sequence[str], as_amount: frozenset[str]) -> FloatArray | None:
    """(P, n) start values that replace the model's own; NaN where the model's own holds."""
    if not initial:
        return None
    result = np.full((count, len(states)), np.nan)
    for name, value in initial.items():
        if name not in all_states:
            raise unknown_name("state", name, all_states, where="initial")
        if name in as_amount:
            raise UsageError(f"'{name}' is a concentration in a compartment that changes; its start cannot be replaced",
                             where="initial", fix="declare it with substance units")
        number = np.asarray(value, dtype=np.float64)
        if number.shape not in ((), (count,)):
            raise UsageError(f"the start of '{name}' has shape {number.shape}", where="initial",
                             allowed=f"one number, or one per person: ({count},)")
        if not np.isfinite(number).all():
            raise UsageError(f"the start of '{name}' is not a finite number", where="initial")
        if name in states:
            result[:, states.index(name)] = number
    return result
