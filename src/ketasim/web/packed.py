"""The slider's answer: a short header in JSON and the curves as 32-bit numbers, so that nothing is printed and read back."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.core import output, unknown_name
from ketasim.core.arrays import Array, BoolArray
from ketasim.scenario.result import HIGH, LOW, Result, percentiles, plain

CURVES = ("typical", "low", "high")
MODEL_CURVES = ("model_low", "model_high")


def pack(result: Result, names: list[str]) -> bytes:
    """Length of the header (4 bytes, little-endian), header (JSON, padded to 4), times, then per output its curves.

    Times are those of the internal grid, which holds the times asked for exactly. Curves: typical, and 5th and 95th
    percentile between people where people were drawn; the same of the typical person over the posterior, where one ships. NaN
    where a run failed.
    """
    chosen = [output(name).name for name in names] or list(result.grid_values)
    for name in chosen:
        if name not in result.grid_values:
            raise unknown_name("output of this run", name, result.grid_values, where="outputs")
    good = np.logical_and.reduce([_whole(result.grid_values[name][1:]) for name in chosen])
    drawn = (
        np.logical_and.reduce([_whole(result.model_grid_values[name]) for name in chosen])
        if result.model_grid_values
        else np.zeros(0, dtype=bool)
    )
    names_of = [*CURVES[: 3 if good.any() else 1], *(MODEL_CURVES if drawn.any() else ())]
    curves = []
    for name in chosen:  # one by one: what is sorted stays in the processor's cache
        rows = result.grid_values[name]
        curves.append(rows[0])
        if good.any():
            curves += _ends(rows[1:], good)
        if drawn.any():
            curves += _ends(result.model_grid_values[name], drawn)
    blocks = [result.grid_h, np.array(curves)]
    header: dict[str, Any] = {
        **result.heading(),
        "curves": names_of,
        "times": len(result.grid_h),
        "doses_h": list(result.doses_h),
        "outputs": [{"name": name, "unit": output(name).unit, "label": output(name).label} for name in chosen],
    }
    text = json.dumps(plain(header), allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    return b"".join(
        [struct.pack("<I", len(text)), text, *(np.ascontiguousarray(b, dtype="<f4").tobytes() for b in blocks)]
    )


def _whole(rows: Array) -> BoolArray:
    """Which rows hold numbers alone."""
    return np.asarray(np.isfinite(rows).all(axis=1))


def _ends(rows: Array, which: BoolArray) -> list[NDArray[np.float32]]:
    """5th and 95th percentile over those rows, on 32-bit numbers, which sort in half the time."""
    return percentiles((rows if which.all() else rows[which]).astype(np.float32), (LOW, HIGH))
