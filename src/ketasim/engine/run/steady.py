"""The state that a model settles into when nothing is dosed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError
from ketasim.core.arrays import Array, IntArray

from .. import arguments
from ..types import Schedule
from .model import Model

FIRST_SPAN = 10.0
GROWTH = 4.0


@dataclass(frozen=True)
class SteadyState:
    """`states` name -> (P,), ready for `simulate(initial=...)`; `status` (P,) 0 = settled; `time` (P,) when.

    A person who does not settle has NaN states and a reason.
    """

    states: dict[str, Array]
    status: IntArray
    reasons: list[str | None]
    time: Array


def steady_state(
    model: Model,
    parameters: ArrayLike,
    *,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    longest: float = 1e7,
    initial: Mapping[str, ArrayLike] | None = None,
    threads: int | None = None,
) -> SteadyState:
    """Runs every person with all inputs zero over spans that grow fourfold until the states stop moving.

    Settled means: over the last span, three quarters of the time elapsed so far, no state moved by more than
    100 (rtol |y| + atol). A model that keeps oscillating, drifting or accumulating up to `longest` h is reported.
    Time itself runs on from 0, so models that depend on time rarely settle.
    """
    table = arguments.table(parameters, "parameters", "steady_state")
    arguments.number(rtol, "rtol", "steady_state", 0.0, 1.0, open_start=True, open_end=True)
    arguments.number(atol, "atol", "steady_state", 0.0, np.inf, open_start=True)
    arguments.number(longest, "longest", "steady_state", FIRST_SPAN, np.inf, open_end=True)
    if table.ndim != 2:
        raise UsageError(f"parameters has shape {table.shape}", where="steady_state", allowed="(people, parameters)")
    count = len(table)
    names = model.active_states
    current = np.full((count, len(names)), np.nan)
    status = np.zeros(count, dtype=np.int64)
    reasons: list[str | None] = [None] * count
    time = np.full(count, np.nan)
    open_people = np.arange(count)
    begin, end = 0.0, FIRST_SPAN
    starts: dict[str, ArrayLike] = dict(initial or {})
    while len(open_people):
        schedule = Schedule(np.array([begin, end]), np.zeros((1, len(model.inputs))))
        if begin > 0:
            starts = {n: current[open_people, i] for i, n in enumerate(names) if n not in model.unsettable}
        result, last = model.last_states(table[open_people], schedule, rtol, atol, starts, threads)
        failed = result.status != 0
        for rank in np.flatnonzero(failed).tolist():
            status[open_people[rank]] = result.status[rank]
            reasons[open_people[rank]] = result.reasons[rank]
        moved = np.abs(last - current[open_people])
        settled = (moved <= 100 * (rtol * np.abs(last) + atol)).all(axis=1) & ~failed
        current[open_people] = last
        time[open_people[settled]] = end
        open_people = open_people[~(settled | failed)]
        begin, end = end, end * GROWTH
        if end > longest:
            for person in open_people.tolist():
                status[person], reasons[person] = -1, f"not settled after time {begin:g}"
            open_people = open_people[:0]
    current[status != 0] = np.nan
    return SteadyState({n: current[:, i].copy() for i, n in enumerate(names)}, status, reasons, time)
