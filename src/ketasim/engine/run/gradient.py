"""Derivatives of outputs with respect to per-person parameters.

Central differences, with the two displaced copies of a person in neighbouring lanes of one register. Both copies take
exactly the same steps, chosen by the mean of their errors, which is the undisplaced person's up to the square of the
displacement. So the noise of step selection cancels: what is differentiated is the integration method on one fixed
grid, a smooth function. The difference quotient then has the error of its own formula, h^2 f'''/6 plus
rounding, and the derivative inherits the discretisation error, which falls with the tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError, unknown_name
from ketasim.core.arrays import Array, IntArray

from .. import arguments
from ..types import Jump, Schedule
from .model import Model

STEP = 1e-4  # relative displacement
SMALLEST = 1e-8  # displacement of a parameter that is 0


@dataclass(frozen=True)
class Gradients:
    """`values` (P, T, n_out); `gradient` (P, T, n_out, D), d output / d parameter; `names` the D parameters.

    A person for whom any displaced copy fails has NaN, a status and a reason.
    """

    times: Array
    values: Array
    gradient: Array
    names: tuple[str, ...]
    outputs: tuple[str, ...]
    status: IntArray
    reasons: list[str | None]


def gradient(
    model: Model,
    parameters: ArrayLike,
    schedules: Sequence[Schedule],
    schedule_of: ArrayLike,
    times: ArrayLike,
    with_respect_to: Sequence[str] | None = None,
    *,
    rtol: float = 1e-6,
    atol: float | Mapping[str, float] | ArrayLike | None = None,
    step: float = STEP,
    threads: int | None = None,
    initial: Mapping[str, ArrayLike] | None = None,
) -> Gradients:
    """Values and derivatives of all outputs with respect to `with_respect_to` (default: all per-person parameters).

    `step` is the displacement relative to the parameter's size. The other arguments are those of `simulate`. The
    values are the means of the displaced pair, exact to second order in `step`.
    """
    if model.width < 2:
        raise UsageError(
            "a gradient needs two people per register",
            where="gradient",
            fix="compile_model(..., options=Options(width=2))",
        )
    names = (
        arguments.names(with_respect_to, "with_respect_to", "gradient")
        if with_respect_to is not None
        else model.parameters
    )
    arguments.number(step, "step", "gradient", 1e-12, 0.1)
    for name in names:
        if name not in model.parameters:
            raise unknown_name("parameter", name, model.parameters, where="gradient")
    table = arguments.table(parameters, "parameters", "gradient")
    which = arguments.indices(schedule_of, "schedule_of", "gradient")
    count, directions = len(which), len(names)
    if not directions:
        raise UsageError("no parameter to differentiate by", where="gradient", fix="compile_model(text, ('k',), ...)")
    if table.shape != (count, len(model.parameters)):
        raise UsageError(
            f"parameters has shape {table.shape}", where="gradient", allowed=f"{(count, len(model.parameters))}"
        )
    columns = [model.parameters.index(name) for name in names]
    size = np.abs(table[:, columns])
    wanted = np.where(size > 0, step * size, SMALLEST)
    copies = np.repeat(table, 2 * directions, axis=0).reshape(count, directions, 2, -1)
    for d, column in enumerate(columns):
        copies[:, d, 0, column] += wanted[:, d]
        copies[:, d, 1, column] -= wanted[:, d]
    # the displacement that really happened, after rounding
    width = np.stack([copies[:, d, 0, c] - copies[:, d, 1, c] for d, c in enumerate(columns)], axis=1)
    many = 2 * directions
    result = model.simulate_pairs(
        copies.reshape(count * many, -1),
        [_repeated(s, many) for s in schedules],
        np.repeat(which, many),
        times,
        rtol=rtol,
        atol=atol,
        threads=threads,
        initial={n: np.repeat(np.broadcast_to(v, (count,)), many) for n, v in (initial or {}).items()},
    )
    shape = (count, directions, 2, len(result.times), len(result.outputs))
    pairs = result.values.reshape(shape)
    slopes = (pairs[:, :, 0] - pairs[:, :, 1]) / width[:, :, None, None]
    status, reasons = _first_failures(result.status.reshape(count, many), result.reasons, many)
    values = pairs.mean(axis=2).mean(axis=1)
    values[status != 0], slopes[status != 0] = np.nan, np.nan
    return Gradients(result.times, values, np.moveaxis(slopes, 1, 3), names, result.outputs, status, reasons)


def _repeated(schedule: Schedule, times: int) -> Schedule:
    """The schedule for `times` copies of each of its people."""

    def each(part: float | Array) -> float | Array:
        return part if np.ndim(part) == 0 else np.repeat(np.asarray(part), times)

    inputs = np.asarray(schedule.inputs, dtype=np.float64)
    if inputs.ndim == 3:
        inputs = np.repeat(inputs, times, axis=0)
    jumps: tuple[Jump, ...] = tuple(replace(j, add=each(j.add), scale=each(j.scale)) for j in schedule.jumps)
    return Schedule(schedule.boundaries, inputs, jumps)


def _first_failures(status: IntArray, reasons: list[str | None], many: int) -> tuple[IntArray, list[str | None]]:
    first = np.argmax(status != 0, axis=1)
    people = np.arange(len(status))
    return status[people, first], [reasons[p * many + int(first[p])] for p in people]
