"""What goes into the engine and what comes out of it: frozen values shared by every implementation.

Time is in the unit of the model (hours in the chain). Shapes: P people, T output times, S segments, n_in inputs, n_out outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ketasim.core.arrays import Array, IntArray


@dataclass(frozen=True)
class Options:
    """How a model is compiled.

    `dtype` is the arithmetic of the generated code (oracles use float64); `width` the number of people per
    register, None for one machine register (2, 4 or 8 float64, twice as many float32); `method` the integrator:
    "rodas4" (Rosenbrock, order 4, any model) or "dop853" (explicit Runge-Kutta, order 8), which is several times faster on models
    that are not stiff, and takes too many steps, or very many, on those that are.
    """

    dtype: Literal["float64", "float32"] = "float64"
    width: Literal[1, 2, 4, 8, 16] | None = None
    method: Literal["rodas4", "dop853"] = "rodas4"


@dataclass(frozen=True)
class Jump:
    """A sudden change of one state just before segment `at` starts: ``y <- scale * y + add``.

    `at` is the index of the boundary (0 .. S-1). `add` and `scale` are one number for everybody on the
    schedule, or one number per person of the schedule, in the order of those people in `schedule_of`.
    """

    at: int
    state: str
    add: float | Array = 0.0
    scale: float | Array = 1.0


@dataclass(frozen=True)
class Schedule:
    """The dose segments of a group of people.

    `boundaries` (S+1,), strictly ascending. `inputs` (S, n_in), the same for everybody on the schedule,
    or (P_k, S, n_in) with one block per person of the schedule; columns in the order of the model's `inputs`.
    """

    boundaries: Array
    inputs: Array
    jumps: tuple[Jump, ...] = ()


@dataclass(frozen=True)
class Failure:
    """Where a person's integration ended: status code, time, and the states just before."""

    person: int
    status: int
    time: float
    state: dict[str, float]


@dataclass(frozen=True)
class Tolerances:
    """What bounded the local error of each step: `relative` |y| + absolute; absolute is the number given for a state, or the
    `share` of the largest that the state has been in this person."""

    relative: float
    absolute: dict[str, float] = field(default_factory=dict)
    share: float = 0.0

    def __str__(self) -> str:
        given = ", ".join(f"{value:g} of {name}" for name, value in self.absolute.items())
        if len(set(self.absolute.values())) == 1 and len(self.absolute) > 1:
            given = f"{next(iter(self.absolute.values())):g}"
        largest = f"{self.share:g} of the largest that each state has been"
        rest = f", else {largest}" if given and self.share else largest if not given else ""
        return f"relative {self.relative:g}, absolute {given}{rest}"


@dataclass(frozen=True)
class Trajectories:
    """Result of a simulation.

    `values` (P, T, n_out); `status` (P,), 0 = ok; `reasons` one entry per person, None = ok; `times` (T,);
    `outputs` the names of the last axis. At a boundary the value is the left limit: before the jump and
    with the inputs of the segment that ends there; at the first boundary it is the initial state with all inputs
    zero. The values of a failed person are NaN. `failures` says where each failed person stopped; `steps` (P, 2)
    counts accepted and rejected steps of the register the person was in (first person of a register only). `tolerances` are
    those of the first try.
    """

    times: Array
    values: Array
    status: IntArray
    outputs: tuple[str, ...] = ()
    reasons: list[str | None] = field(default_factory=list)
    failures: tuple[Failure, ...] = ()
    steps: IntArray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    tolerances: Tolerances | None = None
