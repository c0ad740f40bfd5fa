"""What one comparison of engines found: settings tried, times, errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from engines import Engine
from problems import Problem


@dataclass
class Setting:
    """What an engine was run with, and what that gave."""

    method: str
    rtol: float
    atol: Any
    shown_atol: str
    error: float
    cpu: float  # s per person, first look
    steps: float | None
    checksum: float
    looks: list[float] = field(default_factory=list)


@dataclass
class Row:
    """One line of the table; `times` CPU seconds per person, one per round."""

    engine: Engine
    version: str
    setting: Setting
    times: list[float] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        return float(np.median(self.times))


@dataclass
class Comparison:
    problem: Problem
    states: int
    operations: int
    rows: list[Row]
    absent: dict[str, str]
    threads: list[float]  # wall time of one thread over that of two, one per round
    confirmed: float

    def ratio(self, name: str, ours: str = "ketasim") -> float:
        """How many times faster ours is: median over rounds of the ratios within a round."""
        mine, other = (next(r for r in self.rows if r.engine.name == n) for n in (ours, name))
        return float(np.median(np.array(other.times) / np.array(mine.times)))
