"""From schedules and people to job records: one record per register of people, as the generated loop reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError, unknown_name
from ketasim.core.arrays import AnyArray, Array, IntArray

from .. import arguments
from ..code.record import JOB, LANES
from ..symbolic.time_switch import TimeSwitch
from ..types import Jump, Schedule

SAME_MOMENT = 1e-12  # boundaries nearer than this share of the time are one


def job_type(width: int) -> np.dtype[Any]:
    """Layout of one job record; see `record.JOB`."""
    plain = [(name, "f8" if kind == "double" else "i8") for name, kind in JOB]
    return np.dtype(plain + [(name, "i8", (width,)) for name in LANES])


def address(array: AnyArray) -> int:
    return int(array.ctypes.data)


@dataclass(frozen=True)
class Plan:
    """Segments, inputs and jumps shared by `people`; its arrays are kept alive while jobs point into them.

    `inputs` (S, n_in) or, one block per person, (P_k, S, n_in); `jump_scale`, `jump_add` (jumps, P_k).
    """

    people: IntArray
    boundaries: Array
    inputs: Array
    jump_segment: IntArray
    jump_state: IntArray
    jump_scale: Array
    jump_add: Array

    @property
    def per_person(self) -> bool:
        return self.inputs.ndim == 3

    def take(self, ranks: IntArray) -> Plan:
        """The plan of some of its people, by rank."""
        inputs = np.ascontiguousarray(self.inputs[ranks]) if self.per_person else self.inputs
        return Plan(
            self.people[ranks],
            self.boundaries,
            inputs,
            self.jump_segment,
            self.jump_state,
            np.ascontiguousarray(self.jump_scale[:, ranks]),
            np.ascontiguousarray(self.jump_add[:, ranks]),
        )

    def inputs_of(self, rank: int) -> Array:
        return self.inputs[rank] if self.per_person else self.inputs

    def refine(self, moments: Array) -> Plan:
        """The same plan with further boundaries."""
        boundaries = _joined(self.boundaries, moments)
        if len(boundaries) == len(self.boundaries):
            return self
        old = np.clip(np.searchsorted(self.boundaries, boundaries[:-1], side="right") - 1, 0, len(self.boundaries) - 2)
        segment = np.searchsorted(boundaries, self.boundaries)[self.jump_segment]
        inputs = np.ascontiguousarray(self.inputs[..., old, :])
        return Plan(self.people, boundaries, inputs, segment, self.jump_state, self.jump_scale, self.jump_add)


def _joined(boundaries: Array, moments: Array) -> Array:
    """`boundaries` with those `moments` inside them that are not (nearly) there already."""
    inside = np.unique(moments[(moments > boundaries[0]) & (moments < boundaries[-1])])
    if len(inside):
        near = SAME_MOMENT * max(abs(boundaries[0]), abs(boundaries[-1]))
        inside = inside[np.concatenate([[True], np.diff(inside) > near])]
        after = np.searchsorted(boundaries, inside)
        inside = inside[(boundaries[after] - inside > near) & (inside - boundaries[after - 1] > near)]
    return np.sort(np.concatenate([boundaries, inside]))


def mix(parts: Sequence[Plan]) -> Plan:
    """One plan for people of different schedules: the union of all boundaries, inputs and jumps per person.

    Someone whose own schedule ends earlier goes on with his last inputs; nothing is recorded there.
    """
    longest = max(parts, key=lambda part: part.boundaries[-1]).boundaries
    boundaries = _joined(longest, np.concatenate([part.boundaries for part in parts]))
    count = sum(len(part.people) for part in parts)
    inputs = np.zeros((count, len(boundaries) - 1, parts[0].inputs.shape[-1]))
    columns, first = [], 0
    middle = 0.5 * (boundaries[1:] + boundaries[:-1])
    for part in parts:
        people = slice(first, first + len(part.people))
        old = np.clip(np.searchsorted(part.boundaries, middle, side="right") - 1, 0, len(part.boundaries) - 2)
        inputs[people] = part.inputs[..., old, :]
        at = np.abs(boundaries[:, None] - part.boundaries[None, :-1]).argmin(axis=0)
        for row, segment in enumerate(part.jump_segment):
            scale, add = np.ones(count), np.zeros(count)
            scale[people], add[people] = part.jump_scale[row], part.jump_add[row]
            columns.append((int(at[segment]), int(part.jump_state[row]), scale, add))
        first += len(part.people)
    columns.sort(key=lambda column: column[0])
    return Plan(
        np.concatenate([part.people for part in parts]),
        boundaries,
        inputs,
        np.array([c[0] for c in columns], dtype=np.int64),
        np.array([c[1] for c in columns], dtype=np.int64),
        np.array([c[2] for c in columns]).reshape(len(columns), count),
        np.array([c[3] for c in columns]).reshape(len(columns), count),
    )


def fill_registers(plans: Sequence[Plan], width: int) -> list[Plan]:
    """Moves the people left over after filling whole registers of each plan together into mixed registers."""
    whole, rest = [], []
    for plan in plans:
        full = len(plan.people) // width * width
        if full:
            whole.append(plan if full == len(plan.people) else plan.take(np.arange(full)))
        if full < len(plan.people):
            rest.append(plan.take(np.arange(full, len(plan.people))))
    by_start: dict[float, list[Plan]] = {}
    for plan in rest:
        by_start.setdefault(float(plan.boundaries[0]), []).append(plan)
    for group in by_start.values():
        if -(-sum(len(plan.people) for plan in group) // width) == len(group):
            whole.extend(group)  # mixing would save nothing
            continue
        pending: list[Plan] = []
        free = width
        for plan in group:
            part = plan
            while len(part.people) >= free:
                pending.append(part.take(np.arange(free)))
                whole.append(mix(pending) if len(pending) > 1 else pending[0])
                part, pending, free = part.take(np.arange(free, len(part.people))), [], width
            if len(part.people):
                pending.append(part)
                free -= len(part.people)
        if pending:
            whole.append(mix(pending) if len(pending) > 1 else pending[0])
    return whole


def cuts(plan: Plan, people: int, table: Array, switches: Sequence[TimeSwitch], personal: bool | None = None) -> Array:
    """Moments at which a switch in time changes for any of the first `people` of the plan; see `switches.moments`."""
    from ..symbolic.switches import moments  # with the search for them; most models have no switch

    start, spans = float(plan.boundaries[0]), len(plan.boundaries) - 1
    rows = np.repeat(table[plan.people[:people]], spans, axis=0)
    inputs = np.concatenate([plan.inputs_of(rank) for rank in range(people)])
    begin, end = (np.tile(side, people) for side in (plan.boundaries[:-1], plan.boundaries[1:]))
    return moments(switches, begin, end, start, rows, inputs, personal)


def make_plan(
    index: int,
    schedule: Schedule,
    people: IntArray,
    inputs: Sequence[str],
    times: Array,
    jump_place: Callable[[str], int | None],
    sizes: Sequence[str] = (),
) -> Plan:
    """Checks one schedule and packs it. `jump_place` gives the place of a state, None if the model dropped it."""
    where = f"schedule {index}"
    boundaries = arguments.table(schedule.boundaries, "boundaries", where)
    if (
        boundaries.ndim != 1
        or len(boundaries) < 2
        or not (np.diff(boundaries) > 0).all()
        or not np.isfinite(boundaries).all()
    ):
        raise UsageError("the boundaries of a schedule must ascend, be finite, and be at least two", where=where)
    segments, count = len(boundaries) - 1, len(people)
    values = arguments.table(schedule.inputs, "inputs", where)
    size = (segments, len(inputs))
    if not inputs and values.size == 0:
        values = np.zeros(size)
    if values.shape not in (size, (count, *size)):
        raise UsageError(
            f"inputs has shape {values.shape}",
            where=where,
            allowed=f"{size} (segments, inputs) or {(count, *size)} (people, segments, inputs)",
        )
    if not np.isfinite(values).all():
        raise UsageError("an input is not a finite number", where=where)
    for i, name in enumerate(inputs):
        if name in sizes and values[..., i].min() <= 0:
            raise UsageError(
                f"input {name} is the size of a compartment and is {values[..., i].min():g}",
                where=where,
                allowed="more than 0",
            )
    if len(times) and (times[0] < boundaries[0] or times[-1] > boundaries[-1]):
        raise UsageError(
            f"output times run from {times[0]:g} to {times[-1]:g}",
            where=where,
            allowed=f"{boundaries[0]:g} to {boundaries[-1]:g}, the range of its boundaries",
        )
    for jump in schedule.jumps:
        if not isinstance(jump, Jump) or not isinstance(jump.state, str):
            raise UsageError(
                f"jumps holds {jump!r}",
                where=where,
                allowed="Jump(at, state, add, scale)",
                fix='jumps=(Jump(1, "A", add=100.0),)',
            )
        if not 0 <= arguments.indices(jump.at, f"the boundary of a jump of {jump.state}", where).item() < segments:
            raise UsageError(
                f"a jump of {jump.state} is at boundary {jump.at}", where=where, allowed=f"0 to {segments - 1}"
            )
    jumps = sorted(schedule.jumps, key=lambda jump: jump.at)
    placed = [(jump, jump_place(jump.state)) for jump in jumps]
    used = [(jump, place) for jump, place in placed if place is not None]
    scale, add = np.empty((len(used), count)), np.empty((len(used), count))
    for row, (jump, _) in enumerate(used):
        scale[row] = _jump_part(jump, "scale", count, where)
        add[row] = _jump_part(jump, "add", count, where)
    return Plan(
        people,
        boundaries,
        values,
        np.array([jump.at for jump, _ in used], dtype=np.int64),
        np.array([place for _, place in used], dtype=np.int64),
        scale,
        add,
    )


def _jump_part(jump: Jump, part: str, count: int, where: str) -> Array:
    number = arguments.table(getattr(jump, part), f"`{part}` of the jump of {jump.state}", where)
    if number.shape not in ((), (count,)):
        raise UsageError(
            f"`{part}` of the jump of {jump.state} has shape {number.shape}",
            where=where,
            allowed=f"one number, or one per person: ({count},)",
        )
    if not np.isfinite(number).all():
        raise UsageError(f"`{part}` of the jump of {jump.state} is not a finite number", where=where)
    return number


def make_jobs(plans: Sequence[Plan], width: int, common: Mapping[str, int | float]) -> AnyArray:
    """Job records for all people of `plans`.

    People of one plan fill registers in the order of their index; the last register is filled up by repeating its
    last person, whose copies are computed and not recorded.
    """
    records = []
    for plan in plans:
        count = len(plan.people)
        if not count:
            continue
        groups = -(-count // width)
        places = np.arange(groups * width)
        ranks = np.minimum(places, count - 1).reshape(groups, width)
        jobs = np.zeros(groups, dtype=job_type(width))
        for name, value in common.items():
            jobs[name] = value
        jobs["lanes"] = width
        jobs["lanes"][-1] = count - (groups - 1) * width
        jobs["person"], jobs["jump_place"] = plan.people[ranks], ranks
        jobs["input_place"] = ranks * plan.inputs[0].size if plan.per_person else 0
        jobs["segments"], jobs["boundaries"] = len(plan.boundaries) - 1, address(plan.boundaries)
        jobs["inputs"], jobs["jumps"] = address(plan.inputs), len(plan.jump_segment)
        for name in ("jump_segment", "jump_state", "jump_scale", "jump_add"):
            jobs[name] = address(getattr(plan, name))
        jobs["jump_stride"] = count
        records.append(jobs)
    return np.concatenate(records) if records else np.zeros(0, dtype=job_type(width))


def initial_states(
    initial: Mapping[str, ArrayLike] | None,
    count: int,
    states: Sequence[str],
    all_states: Sequence[str],
    as_amount: frozenset[str],
) -> Array | None:
    """(P, n) start values that replace the model's own; NaN where the model's own holds, inf where one is unusable."""
    if not initial:
        return None
    if not isinstance(initial, Mapping):
        raise UsageError(
            f"initial is {type(initial).__name__}",
            where="simulate",
            allowed="a mapping from states to numbers",
            fix='initial={"A": 1.0}',
        )
    result = np.full((count, len(states)), np.nan)
    for name, value in initial.items():
        if name not in all_states:
            raise unknown_name("state", name, all_states, where="initial")
        if name in as_amount:
            raise UsageError(
                f"'{name}' is a concentration in a compartment that changes; its start cannot be replaced",
                where="initial",
                fix="declare it with substance units",
            )
        number = arguments.table(value, f"the start of '{name}'", "initial")
        if number.shape not in ((), (count,)):
            raise UsageError(
                f"the start of '{name}' has shape {number.shape}",
                where="initial",
                allowed=f"one number, or one per person: ({count},)",
            )
        if name in states:
            result[:, states.index(name)] = np.where(np.isfinite(number), number, np.inf)
    return result
