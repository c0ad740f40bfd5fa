"""What is known of a compiled model besides its machine code; plain data, stored beside it."""

from __future__ import annotations

from dataclasses import dataclass

from ..symbolic.sizes import Size
from ..symbolic.time_switch import TimeSwitch


@dataclass(frozen=True)
class Description:
    """All that is known of a compiled model besides its machine code."""

    states: tuple[str, ...]
    all_states: tuple[str, ...]
    as_amount: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: tuple[str, ...]
    inputs: tuple[str, ...]
    sizes: tuple[str, ...]  # parameters and inputs that are compartment sizes
    nominal: dict[str, float]
    width: int
    work_vectors: int
    vector_bytes: int
    switches: tuple[TimeSwitch, ...]
    varying_sizes: tuple[Size, ...]
