"""How a run is controlled, and the arrays that the generated code reads and fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim.core.arrays import Array, IntArray

from ..code.record import PEAKS, SHARES, VALUES
from .jobs import address

MOST_STEPS = 100_000


@dataclass(frozen=True)
class Control:
    """How steps are chosen, beside the tolerances."""

    relative_to: str = "value"
    most_steps: int = MOST_STEPS
    largest_step: float = np.inf


@dataclass(frozen=True)
class Run:
    """Arrays that the generated code reads and fills."""

    table: Array
    moments: Array
    starts: Array | None
    values: Array
    status: IntArray
    steps: IntArray
    failed_time: Array
    last_state: Array | None

    def common(self, relative: float, tolerance: Array, shares: Array, control: Control) -> dict[str, Any]:
        """Fields that all job records share."""
        return {
            "parameters": address(self.table),
            "initial": address(self.starts) if self.starts is not None else 0,
            "count": len(self.moments),
            "times": address(self.moments),
            "out": address(self.values),
            "tolerance": address(tolerance),
            "shares": address(shares),
            "relative": relative,
            "first_step": np.inf,
            "largest_step": control.largest_step,
            "most_steps": control.most_steps,
            "sizes": PEAKS if control.relative_to == "peak" else SHARES if shares.any() else VALUES,
            "status": address(self.status),
            "failed_time": address(self.failed_time),
            "steps": address(self.steps),
            "last_state": address(self.last_state) if self.last_state is not None else 0,
        }
